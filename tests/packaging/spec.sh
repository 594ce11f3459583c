#!/bin/bash
# The spec file, as the systems that it is written for read it: what it asks for, the same names in
# scripts/install-deps, and the conditionals. Nothing is built. usage: spec.sh SOURCE
set -u
cd "$1" || exit 1
command -v rpmspec >/dev/null || { echo "skipped: rpmspec is not installed (scripts/install-deps package)"; exit 77; }
spec=packaging/rpm/piv-login.spec
failed=0
fail() { printf 'FAILED: %s\n' "$1"; failed=1; }
equal() { [ "$2" = "$3" ] || { fail "$1"; diff <(printf '%s\n' "$2") <(printf '%s\n' "$3"); }; } # WHAT WANT GOT
parsed() { rpmspec -P --define 'piv_cli11 9.8.7' --define 'piv_json 6.5.4' "$@" "$spec" 2>/dev/null; }
asked_for() { sed -nE 's/^BuildRequires:\s+(\S+).*/\1/p' <<<"$1" | sort; }
has() { grep -qF -- "$3" <<<"$2" || fail "$1: lacks: $3"; }
lacks() { ! grep -qF -- "$3" <<<"$2" || fail "$1: has: $3"; }

common='audit-libs-devel bzip2 gettext libarchive-devel libcurl-devel libseccomp-devel make p11-kit-devel
    pam-devel pcsc-lite-devel pkgconfig selinux-policy-devel systemd-devel zlib-devel'
federation='libxml2-devel pugixml-devel xmlsec1-devel xmlsec1-openssl-devel'
usual='cmake gcc-c++ openssl-devel'
declare -A WANT=(
    [amzn-2]="$common cmake3 gcc10 gcc10-c++ openssl11-devel"
    [amzn-2023]="$common $usual"
    [rhel-8]="$common $usual $federation"
    [rhel-9]="$common $usual $federation"
)
for system in amzn-2 amzn-2023 rhel-8 rhel-9; do
    define="${system/-/ }"
    text=$(parsed --define "$define") || fail "$system: the spec does not parse"
    # shellcheck disable=SC2086 # lists of names
    equal "$system: BuildRequires" "$(printf '%s\n' ${WANT[$system]} | sort)" "$(asked_for "$text")"
    # What install-deps installs beyond that: for builds from the tree, and to make packages at all.
    headers=''
    case $system in
        rhel-8) headers='catch-devel cli11-devel json-devel' ;;
        rhel-9) headers='catch2-devel cli11-devel json-devel' ;;
    esac
    # shellcheck disable=SC2086
    equal "$system: the names in scripts/install-deps" \
        "$(printf '%s\n' ${WANT[$system]} git ninja-build python3 rpm-build rpmlint $headers | sort)" \
        "$(scripts/install-deps --list --system "$system" build package | sort)"
    equal "$system: bundled libraries, with their versions" "$(printf '%s\n' 'bundled(cli11) = 9.8.7' 'bundled(json) = 6.5.4')" \
        "$(sed -nE 's/^Provides:\s+(bundled.*)/\1/p' <<<"$text" | sort -u)"
    has "$system" "$text" "-ffile-prefix-map=\$PWD=/usr/src/piv-login"
    has "$system" "$text" "CXXFLAGS=\"$(rpm -E '%{optflags}')\""
    equal "$system: names in it are those of rpm alone" "" "$(grep -n '%{[?!]*[a-z]' <<<"$text")"
    without=$(parsed --define "$define" --without selinux)
    equal "$system: --without selinux" "$(asked_for "$text" | grep -vE '^(bzip2|selinux-policy-devel)$')" "$(asked_for "$without")"
    lacks "$system --without selinux" "$without" "%package selinux"
done

old=$(parsed --define 'amzn 2')
for line in 'export CC=gcc10-gcc CXX=gcc10-g++' 'cmake=cmake3' 'ctest=ctest3'; do has amzn-2 "$old" "$line"; done
# Its rpm 4.11 knows no weak dependencies.
lacks amzn-2 "$old" Recommends:
has amzn-2023 "$(parsed --define 'amzn 2023')" Recommends:
lacks rhel-8 "$(parsed --define 'rhel 8')" gcc10
lacks rhel-9 "$(parsed --define 'rhel 9' --without check)" '%check'
has rhel-9 "$(parsed --define 'rhel 9')" '%check'
# The oldest CMake that the spec permits is the one that CMakeLists.txt permits.
equal "CMake's lowest version" "$(sed -nE 's/^cmake_minimum_required\(VERSION ([0-9]+\.[0-9]+)(\.\.\.[0-9.]+)?\)/\1/p' CMakeLists.txt)" \
    "$(sed -nE 's/^BuildRequires: +cmake >= //p' <<<"$(parsed --define 'rhel 9')")"
[ $failed = 0 ] && echo "ok: the spec on four systems"
exit $failed
