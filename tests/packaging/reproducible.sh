#!/bin/bash
# The same tree gives the same source RPM, the same packages, and the smallest module with debug information:
# in other folders, at another time, with another umask, locale, time zone and environment, on a host of another
# name without network. The packages of rpm.sh are built again from the source RPM; of eight sources one is
# compiled anew, with each commit another one, and the other objects may come from the compiler cache. With the
# word "packages" everything is compiled anew, as anybody would do it: that takes ten minutes of a processor.
# usage: reproducible.sh BUILD_DIR [packages], after rpm.sh
set -u
build=$(cd "$1" && pwd) || exit 1
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
for need in rpmbuild rpm cmake readelf; do
    command -v "$need" >/dev/null || { echo "skipped: $need is not installed (scripts/install-deps test package)"; exit 77; }
done
[ -d "$build/rpm" ] || "$here/build.sh" "$build" rpm >/dev/null || exit 1
work=$(mktemp -d "$build/reproducible-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
pass() { printf 'ok: %s\n' "$1"; }
fail() { printf 'FAILED: %s\n' "$1"; failed=1; }

differ() { # FIRST SECOND: why two packages are not the same
    local side
    for side in first second; do
        rpm -qp --qf '[%{FILEMODES:octal} %{FILEUSERNAME} %{FILEMTIMES} %{FILEDIGESTS} %{FILENAMES}\n]%{BUILDTIME} %{BUILDHOST} %{SOURCERPM} %{OPTFLAGS}\n[%{REQUIRENEVRS}\n][%{PROVIDENEVRS}\n]' \
            "$1" 2>/dev/null >"$work/$side.header"
        shift
    done
    diff "$work/first.header" "$work/second.header"
}
same() { # WHAT FIRST SECOND
    if [ -s "$2" ] && cmp -s "$2" "$3"; then
        pass "$1: $(sha256sum <"$2" | cut -c1-16)"
    else
        fail "$1: $2 and $3 differ"
        differ "$2" "$3"
    fi
}

srpm=$(find "$build/rpm" -name '*.src.rpm')
epoch=$(rpm -qp --qf '%{BUILDTIME}' "$srpm" 2>/dev/null)

# --- the source RPM, from a copy of the tree ------------------------------------------------------------
copy=$work/a/copy/of/the/tree
mkdir -p "$copy" "$work/out-source"
(umask 077
 cd "$source" || exit 1
 { git ls-files -z --cached --others --exclude-standard 2>/dev/null || find . -type f -not -path './build*' -not -path './out/*' -printf '%P\0'; } |
     while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
     xargs -0 cp --parents --no-preserve=all -t "$copy"
 chmod -R u+x "$copy"/scripts)
(cd "$source" && find . -path ./.git -prune -o -type f -perm -u+x -not -path './build*' -print0) |
    while IFS= read -r -d '' file; do [ ! -e "$copy/$file" ] || chmod u+x "$copy/$file"; done
touch -d 2001-02-03 "$copy/README.md"
mkdir "$work/a/tmp"
if ! (umask 077 && TMPDIR=$work/a/tmp TZ=Asia/Tokyo LANG=de_DE.UTF-8 SOURCE_DATE_EPOCH=$epoch \
    "$copy/scripts/build-rpm" --source-only -o "$work/out-source") >"$work/log" 2>&1; then
    fail "build-rpm --source-only in a copy of the tree"
    cat "$work/log"
fi
same "source RPM from a copy of the tree, umask 077" "$srpm" "$work/out-source/${srpm##*/}"

# --- the packages, from the source RPM ------------------------------------------------------------------
anew=$((epoch % 8))
if [ "${2:-}" = packages ]; then
    anew=no
elif ! command -v ccache >/dev/null || ! command -v ninja >/dev/null; then
    echo "skipped: without ccache and ninja all is compiled anew: reproducible.sh $build packages"
    exit 77
fi
again=$work/another/folder
mkdir -p "$again"
export PIV_ANEW=$work/anew
(umask 077
 unset SOURCE_DATE_EPOCH
 export TMPDIR=$again TZ=America/Caracas CXXFLAGS=-O0 CFLAGS=-O0 LDFLAGS=-Wl,-O0
 # The cache tells languages apart.
 [ "$anew" != no ] || export LANG=de_DE.UTF-8
 unshare --net --uts sh -c 'hostname elsewhere && exec "$@"' - env PIV_RPM_CACHE="$anew" \
     "$here/build.sh" "$build" "${work##*/}/second" --rebuild "$srpm") \
    >"$work/log" 2>&1 || { fail "build-rpm --rebuild, elsewhere"; cat "$work/log"; }
packages=0
while IFS= read -r package; do
    packages=$((packages + 1))
    same "${package##*/}, rebuilt from the source RPM" "$package" "$work/second/${package##*/}"
done < <(find "$build/rpm" -name '*.rpm' -not -name '*.src.rpm' | sort)
[ "$packages" -ge 3 ] || fail "only $packages packages"
same "bill of materials" "$build"/rpm/*.cdx.json "$work"/second/*.cdx.json
if [ "$anew" != no ]; then
    count=$(sort -u "$PIV_ANEW" 2>/dev/null | wc -l)
    if [ "$count" -ge 5 ]; then pass "$count sources compiled anew, those of number $anew"; else fail "only $count sources compiled anew"; fi
fi

# --- debug information ----------------------------------------------------------------------------------
# The smallest module, with it, in two folders.
for folder in one another/one; do
    mkdir -p "$work/debug/$folder"
    cp -r "$copy" "$work/debug/$folder/tree"
    (cd "$work/debug/$folder/tree" &&
        cmake -S . -B build-rpm -DBUILD_TESTING=OFF "-DCMAKE_CXX_FLAGS=-ffile-prefix-map=$PWD=/usr/src/piv-login" &&
        cmake --build build-rpm --target nss_piv -- -j2) >"$work/log" 2>&1 || { fail "build of nss_piv in $folder"; tail "$work/log"; }
done
module=$(cd "$work/debug/one/tree" && find build-rpm -name 'libnss_piv.so.2')
same "libnss_piv.so.2 with debug information, built in two folders" "$work/debug/one/tree/$module" "$work/debug/another/one/tree/$module"
readelf -S "$work/debug/one/tree/$module" | grep -q '\.debug_info' || fail "libnss_piv.so.2: no debug information in it"
exit $failed
