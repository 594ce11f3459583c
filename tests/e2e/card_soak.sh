#!/bin/bash
# Many logins in a row with mixed outcomes: nothing grows. LOGINS=10000 for the long run.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need openssl piv-check
LOGINS=${LOGINS:-1000}
need_lab
configure_login
start_ocsp int
start_ocsp root
start_pcscd
start_card alice "$(lab_card alice)"

pam_login alice 123456
equal "the first login works" PAM_SUCCESS "$PAM_CODE"
[ "$PAM_CODE" = PAM_SUCCESS ] || give_up "the first login" "$OUT"
# pcscd ends its side of a connection a moment after the login.
sleep 1
before=$(fds_of pcscd)
began=$SECONDS
succeeds "$LOGINS logins (LOGINS=10000 for more)" "$BUILD/tests/card/pam-soak" \
    --count "$LOGINS" --control "$TMPDIR/alice.sock"
printf '%s\n' "$OUT" "in $((SECONDS - began)) s"
typed_wrong alice "$(sed -n 's/^wrong PIN *\([0-9]*\) as wanted.*/\1/p' <<<"$OUT")"
no_more() { [ "$(fds_of pcscd)" -le "$before" ]; }
wait_until 5 "pcscd back at $before descriptors" no_more
pass "pcscd has no more descriptors than before"
equal "no process of ours is left" "" "$(pgrep -f 'piv-login-helper|piv-ocsp')"
pam_login alice 123456
equal "the last login works" PAM_SUCCESS "$PAM_CODE"
equal "all tries are there" 3 "$(stat_of alice tries_left)"
finish
