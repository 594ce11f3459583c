#!/bin/bash
# No built file asks for a newer C library than the oldest supported one has: Amazon Linux 2, 2.26.
# Only a build against glibc before 2.33 tells: later ones moved old functions to new versions.
# check_glibc.sh NEWEST FILE...
set -euo pipefail
newest=$1
shift
own=$(ldd --version | sed -nE '1s/.* ([0-9]+\.[0-9]+)$/\1/p')
if [ "$(printf '%s\n' 2.33 "$own" | sort -V | head -n 1)" = 2.33 ]; then
    echo "skipped: built against glibc $own; scripts/matrix runs this in Debian 11"
    exit 77
fi
problems=0
for file in "$@"; do
    while read -r symbol; do
        version=${symbol##*@GLIBC_}
        if [ "$(printf '%s\n' "$newest" "$version" | sort -V | tail -n 1)" != "$newest" ]; then
            echo "$file: $symbol is newer than glibc $newest"
            problems=$((problems + 1))
        fi
    done < <(readelf -W --dyn-syms "$file" | grep -oE '[A-Za-z0-9_]+@GLIBC_[0-9.]+' | sort -u)
done
[ "$problems" = 0 ] || exit 1
echo "$# files ask for glibc $newest at most; built against $own"
