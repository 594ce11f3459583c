#!/bin/bash
# Builds the RPMs for the packaging tests into BUILD_DIR/NAME, with this system's folders for modules,
# so that they can be used here as they are installed. usage: build.sh BUILD_DIR NAME [OPTION of build-rpm...]
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
out=$build/$2
shift 2
libraries=$(sed -nE 's,^PIV_NSSDIR:[A-Z]+=,,p' "$build/CMakeCache.txt")
modules=$(sed -nE 's,^PIV_PAMDIR:[A-Z]+=,,p' "$build/CMakeCache.txt")
# Linked without debug information, which no test reads: packages are then the same with and without it.
options=(--define "_pam_moduledir $modules" --define "piv_nssdir $libraries")
for kind in EXE SHARED MODULE; do options+=(--cmake-option "-DCMAKE_${kind}_LINKER_FLAGS=-s"); done
# Flags as in the build that is being tested: the compiler cache then knows the objects. PIV_RPM_CACHE=no
# builds as anybody would: nothing from the cache, by make, with the headers in the source RPM, but with names
# of sources as the cache has them. PIV_RPM_CACHE=NUMBER: see some_anew.sh.
type=$(sed -nE 's,^CMAKE_BUILD_TYPE:[A-Z]+=,,p' "$build/CMakeCache.txt")
flags=$(sed -nE "s,^CMAKE_CXX_FLAGS_${type^^}:[A-Z]+=,,p" "$build/CMakeCache.txt")
cache=${PIV_RPM_CACHE:-yes}
[ "$cache" = yes ] || flags=${flags/-g /}
options+=(--cmake-option "'-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=$flags'")
if [ "$cache" = no ]; then
    # shellcheck disable=SC2016 # the build expands it
    options+=(--define 'piv_prefix_map -ffile-prefix-map=$PWD=..')
else
    options+=(--define 'piv_prefix_map %{nil}')
    if command -v ccache >/dev/null; then
        # The cache tells languages apart, and rpmbuild sets another one than that of the build.
        launcher='env'
        for name in LANG LC_ALL LC_CTYPE LC_MESSAGES; do
            if [ -n "${!name+set}" ]; then launcher+=";$name=${!name}"; else launcher="${launcher/env/env;-u;$name}"; fi
        done
        if [ "$cache" = yes ]; then launcher+=';ccache'; else launcher+=";$source/tests/packaging/some_anew.sh;$cache"; fi
        options+=(--cmake-option "'-DCMAKE_CXX_COMPILER_LAUNCHER=$launcher'")
    fi
    if command -v ninja >/dev/null; then options+=(--cmake-option -GNinja); fi
    for headers in PIV_CLI11_INCLUDE PIV_JSON_INCLUDE PIV_CATCH2_INCLUDE; do
        folder=$(sed -n "s,^$headers:PATH=,,p" "$build/CMakeCache.txt")
        [ -z "$folder" ] || options+=(--cmake-option "-D$headers=$folder")
    done
fi
if grep -q '^PIV_WERROR:BOOL=ON' "$build/CMakeCache.txt"; then options+=(--cmake-option -DPIV_WERROR=ON); fi
rm -rf "$out"
exec "$source/scripts/build-rpm" -o "$out" "${options[@]}" "$@"
