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
# Flags as in the build that is being tested: the compiler cache then knows the objects.
options=(--define "_pam_moduledir $modules" --define "piv_nssdir $libraries")
if command -v ccache >/dev/null; then options+=(--cmake-option -DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
if command -v ninja >/dev/null; then options+=(--cmake-option -GNinja); fi
for headers in PIV_CLI11_INCLUDE PIV_JSON_INCLUDE; do
    options+=(--cmake-option "-D$headers=$(sed -n "s,^$headers:PATH=,,p" "$build/CMakeCache.txt")")
done
if grep -q '^PIV_WERROR:BOOL=ON' "$build/CMakeCache.txt"; then options+=(--cmake-option -DPIV_WERROR=ON); fi
rm -rf "$out"
exec "$source/scripts/build-rpm" -o "$out" "${options[@]}" "$@"
