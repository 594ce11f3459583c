#!/bin/bash
# What a built program or module is linked to, exports, and is hardened with.
# check_binary.sh program FILE
# check_binary.sh pam|nss FILE      the modules: exports, needed libraries, no TLS segment
# environment: CC, the compiler that it was built with
set -euo pipefail

kind=$1
file=$2
problems=0
problem() { echo "$file: $1"; problems=$((problems + 1)); }

headers=$(readelf -W --file-header --program-headers "$file")
dynamic=$(readelf -W --dynamic "$file")
symbols=$(readelf -W --dyn-syms "$file")

grep -q 'Type: *DYN' <<<"$headers" || problem "not position independent"
grep -q 'GNU_RELRO' <<<"$headers" || problem "no RELRO segment"
grep -qE '\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*NOW|\(BIND_NOW\)' <<<"$dynamic" || problem "symbols are bound lazily"
grep -E 'GNU_STACK' <<<"$headers" | grep -q 'RWE' && problem "executable stack"
grep -qE 'LOAD .* RWE ' <<<"$headers" && problem "a segment that is writable and executable"
grep -qE '\((RPATH|RUNPATH)\)' <<<"$dynamic" && problem "has an RPATH: $(grep -oE '\[.*\]' <<<"$(grep -E 'RPATH|RUNPATH' <<<"$dynamic")")"
grep -q '(TEXTREL)' <<<"$dynamic" && problem "text relocations"
if [ "$kind" = program ]; then
    grep -q '__stack_chk_fail' <<<"$symbols" || problem "no stack protector"
    grep -qE '__[a-z]+_chk' <<<"$(grep -v stack_chk <<<"$symbols")" || problem "not fortified"
fi
# Control flow protection is a property of the whole link; a distribution's start files may lack it.
if [ "$(uname -m)" = x86_64 ] && readelf -W --notes "$("${CC:-gcc}" -print-file-name=crt1.o)" 2>/dev/null | grep -q IBT; then
    readelf -W --notes "$file" | grep -q 'IBT' || problem "no CET (IBT) property"
fi

needed=$(sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p' <<<"$dynamic")
exports=$(awk '$4 != "" && $5 ~ /GLOBAL|WEAK|UNIQUE/ && $7 != "UND" && $8 != "" { sub(/@.*/, "", $8); print $8 }' <<<"$symbols")
check_module() { # check_module PATTERN-OF-EXPORTS PATTERN-OF-LIBRARIES
    local name
    while IFS= read -r name; do
        [[ $name =~ $1 ]] || problem "exports $name"
    done <<<"$exports"
    while IFS= read -r name; do
        [ -z "$name" ] || [[ $name =~ $2 ]] || problem "needs $name"
    done <<<"$needed"
    grep -qE '^ *TLS ' <<<"$headers" && problem "has a TLS segment"
    grep -qE ' UND (pthread_create|sigaction|signal|atexit|pthread_atfork|fork)(@|$)' <<<"$symbols" &&
        problem "uses $(grep -oE ' UND (pthread_create|sigaction|signal|atexit|pthread_atfork|fork)' <<<"$symbols" | sort -u | tr '\n' ' ')"
    return 0
}
case $kind in
    program) ;;
    pam)
        check_module '^pam_sm_(authenticate|setcred|acct_mgmt|open_session|close_session|chauthtok)$' \
            '^(libpam\.so\.0|libc\.so\.6|ld-linux.*\.so\.[0-9])$'
        for entry in authenticate setcred acct_mgmt open_session close_session chauthtok; do
            grep -qx "pam_sm_$entry" <<<"$exports" || problem "does not export pam_sm_$entry"
        done ;;
    nss)
        check_module '^_nss_piv_[a-z]+' '^(libc\.so\.6|ld-linux.*\.so\.[0-9])$'
        grep -q '(SONAME).*\[libnss_piv.so.2\]' <<<"$dynamic" || problem "SONAME is not libnss_piv.so.2"
        for entry in getpwnam_r getpwuid_r; do
            grep -qx "_nss_piv_$entry" <<<"$exports" || problem "does not export _nss_piv_$entry"
        done ;;
esac
if [ "$kind" != program ]; then
    ldd "$file" | grep -qE 'libstdc|libcrypto|libcurl|not found' && problem "loads: $(ldd "$file" | tr '\n' ' ')"
fi

[ "$problems" = 0 ] || exit 1
echo "$file: needs ${needed//$'\n'/ }; exports $(wc -w <<<"$exports")"
