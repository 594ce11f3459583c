#!/bin/bash
# The card population once more, with the helper, which decides and is the card role, built with
# AddressSanitizer and UndefinedBehaviorSanitizer: the same verdicts, and no report.
# usage: card_population_sanitized.sh BUILD_DIR; builds in BUILD_DIR/sanitized.
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
skip() {
    echo "skipped: $1"
    exit 77
}
for command in cmake c++ unshare; do
    command -v $command >/dev/null || skip "$command is not installed (scripts/install-deps)"
done
probe=$(mktemp)
trap 'rm -f "$probe"' EXIT
sanitizers=(-fsanitize='address,undefined' -static-libasan -static-libubsan)
echo 'int main() { return 0; }' | c++ -x c++ "${sanitizers[@]}" - -o "$probe" 2>/dev/null ||
    skip "the compiler has no sanitizers here"

options=(-DCMAKE_BUILD_TYPE=Release '-DCMAKE_CXX_FLAGS_RELEASE=-O0 -g1' -DPIV_SANITIZE='address,undefined'
    -DPIV_SANITIZE_REPORTS=/run/piv-login-reports)
if command -v ninja >/dev/null; then options+=(-G Ninja); fi
if command -v ccache >/dev/null; then options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
mkdir -p "$build/sanitized"
if ! { cmake -S "$source" -B "$build/sanitized" "${options[@]}" &&
    cmake --build "$build/sanitized" --parallel 2 --target piv-login-helper sanitizer-probe; } \
    >"$build/sanitized/build.log" 2>&1; then
    tail -20 "$build/sanitized/build.log"
    echo "FAILED  the build with sanitizers: $build/sanitized/build.log"
    exit 1
fi
SANITIZED=$build/sanitized "$source/tests/e2e/card_population.sh" "$build"
