#!/bin/bash
# The program for an old systemd asks libsystemd for nothing newer, and for no bus.
# check_systemd.sh VERSION FILE
set -u
command -v objdump >/dev/null || { echo "skipped: objdump is not installed (scripts/install-deps)"; exit 77; }
symbols=$(objdump -T "$2" | sed -n 's/.*(\?LIBSYSTEMD_\([0-9]*\))\? *\([a-z_]*\)$/\1 \2/p')
[ -n "$symbols" ] || { echo "$2: asks libsystemd for nothing at all"; exit 1; }
new=$(awk -v most="$1" '$1 > most || $2 ~ /^sd_bus/' <<<"$symbols")
[ -z "$new" ] || { printf '%s: asks for what systemd %s has not:\n%s\n' "$2" "$1" "$new"; exit 1; }
