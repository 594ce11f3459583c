#!/bin/bash
# PKCS#11 modules that crash, hang, leave, lie and interfere, each at each place of a login: refused
# with its reason within the deadline, no PIN try spent, no process left, and the next login works.
# What a module does to its own process alone, and then signs, is no reason to refuse.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester openssl jq piv-check
OPENSC=$(find /usr/lib /usr/lib64 -name opensc-pkcs11.so 2>/dev/null | head -1)
[ -n "$OPENSC" ] || skip "OpenSC's PKCS#11 module is not installed (scripts/install-deps)"
DEADLINE_MS=3000
GRACE_MS=3000
LEFT_S=8 # the card role has five seconds more than the deadline to put the card back
ONLY=${DEEDS:-.}
need_lab
install -m 755 "$BUILD/tests/e2e/libhostile-module.so" /usr/lib/
ln -s "$OPENSC" /usr/lib/libhostile-real.so
configure_login "[revocation]" "ocsp = off" "[policy]" "deadline_ms = $DEADLINE_MS" \
    "[service piv-test]" "card.backend = pkcs11" "card.module = /usr/lib/libhostile-module.so"
cp /etc/pam.d/piv-test /etc/pam.d/piv-next
start_pcscd
start_card alice "$(lab_card alice)"
ATTEMPTS=/var/lib/piv-login/attempts

milliseconds() { local t=${EPOCHREALTIME/./}; echo $((t / 1000)); }
no_role() { ! pgrep -f 'piv-login-helper|piv-check|piv-ocsp' >/dev/null; }
one_deed() { # PLACE DEED PAM-CODES CODES
    local began took code label="$2 at $1"
    [[ $label =~ $ONLY ]] || return
    printf '%s %s\n' "$1" "$2" >/usr/lib/hostile-module.orders
    card alice clear >/dev/null
    rm -f "$ATTEMPTS" # so that none is left out as one of too many alike
    began=$(milliseconds)
    pam_login alice 123456
    took=$(($(milliseconds) - began))
    code=$(tail -1 $ATTEMPTS | jq -r .code)
    if [[ ,$3, == *",$PAM_CODE,"* && ,$4, == *",$code,"* ]] && [ $took -lt $((DEADLINE_MS + GRACE_MS)) ]; then
        pass "$label: $PAM_CODE, $code, in $took ms"
    else
        fail "$label: $PAM_CODE, $code, in $took ms (wanted $3, $4)" "$(tail -3 <<<"$OUT")"
    fi
    equal "$label: tries spent" 0 "$(stat_of alice verify_wrong)"
    wait_until $LEFT_S "$label: the end of its process" no_role
    : >/usr/lib/hostile-module.orders
    pam_login alice 123456
    [ "$PAM_CODE" = PAM_SUCCESS ] || fail "$label: the next login: $PAM_CODE" "$(tail -3 <<<"$OUT")"
    nothing_left "$label: the next login"
}

pam_login alice 123456
equal "the module does as it should: a login" PAM_SUCCESS "$PAM_CODE"
[ "$PAM_CODE" = PAM_SUCCESS ] || give_up "the first login" "$OUT"

DOWN=PAM_AUTHINFO_UNAVAIL
for place in constructor load initialize slots attributes login sign; do
    for deed in crash leave; do one_deed $place $deed $DOWN card-failure; done
done
for deed in abort exit throw overflow close; do
    one_deed find $deed $DOWN card-failure
    one_deed sign $deed $DOWN card-failure
done
for place in constructor login sign; do
    for deed in hang deaf-hang; do one_deed $place $deed $DOWN deadline-over; done
    one_deed $place cut-hang $DOWN card-failure
done
one_deed sign spin $DOWN deadline-over
# Frames of its own between those of the role that it runs in.
for place in initialize find sign; do one_deed $place junk $DOWN,PAM_SYSTEM_ERR card-failure,internal-error; done
one_deed find frame PAM_SYSTEM_ERR internal-error
one_deed sign frame PAM_AUTH_ERR,PAM_CRED_INSUFFICIENT key-mismatch
# Lengths that are none.
one_deed slots length PAM_CRED_INSUFFICIENT card-malformed
one_deed find length PAM_CRED_INSUFFICIENT card-not-usable
one_deed attributes length PAM_CRED_INSUFFICIENT card-not-usable,card-malformed
one_deed token length PAM_AUTH_ERR pin-format
one_deed sign length PAM_CRED_INSUFFICIENT card-malformed
one_deed sign other PAM_AUTH_ERR key-mismatch
# All memory taken: what the process has already may be enough for the rest of an honest login.
one_deed find memory "$DOWN,PAM_BUF_ERR,PAM_CRED_INSUFFICIENT,PAM_SYSTEM_ERR,PAM_SUCCESS" \
    card-failure,out-of-memory,card-not-usable,internal-error,ok
# Its own process, and then it signs.
for deed in signals thread folder late processes; do
    one_deed initialize $deed PAM_SUCCESS ok
    one_deed sign $deed PAM_SUCCESS ok
done
# After the signature nobody waits for it any more, and it ends all the same.
for place in close finalize; do
    for deed in crash hang deaf-hang cut-hang spin; do one_deed $place $deed PAM_SUCCESS ok; done
done

# The same module below piv-check.
check_deed() { # PLACE DEED CODE
    [[ "$2 at $1" =~ $ONLY ]] || return
    printf '%s %s\n' "$1" "$2" >/usr/lib/hostile-module.orders
    OUT=$(printf '123456\n' | piv-check --card --service piv-test --user alice --pin-from-stdin --json 2>/dev/null)
    equal "piv-check: $2 at $1" "$3" "$(jq -r .code <<<"$OUT")"
    wait_until $LEFT_S "piv-check: $2 at $1: the end of its process" no_role
    : >/usr/lib/hostile-module.orders
}
check_deed sign crash card-failure
check_deed login deaf-hang deadline-over
check_deed attributes cut-hang card-failure
check_deed finalize deaf-hang ok
equal "the card has all its tries" 3 "$(stat_of alice tries_left)"
finish
