#!/bin/bash
# The card pulled, reset, silenced at every command of a login: refused in time, no try spent, nothing
# left behind, and the next login works.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester openssl piv-check
DEADLINE_S=15
need_lab
configure_login "[policy]" "deadline_ms = $((DEADLINE_S * 1000))"
start_ocsp int
start_ocsp root
start_pcscd

milliseconds() { local t=${EPOCHREALTIME/./}; echo $((t / 1000)); }
nothing_left() { # LABEL
    if pgrep -f 'piv-login-helper|piv-ocsp' >/dev/null; then
        fail "$1: a process is left" "$(pgrep -af 'piv-login-helper|piv-ocsp')"
    fi
    [ "$(ls /run/lock)" = "$LOCKS" ] || fail "$1: a lock is left" "$(ls /run/lock)"
}
PCSCD_FDS=""
one_fault() { # LABEL USER FAULT CODES
    local began took
    card "$2" clear >/dev/null
    card "$2" fault "$3" >/dev/null
    began=$(milliseconds)
    pam_login "$2" 123456
    took=$(($(milliseconds) - began))
    card "$2" clear-faults >/dev/null
    if [[ ,$4, == *",$PAM_CODE,"* ]] && [ $took -lt $(((DEADLINE_S + 2) * 1000)) ] &&
        [ "$(stat_of "$2" verify_wrong)" = 0 ] && [ "$(stat_of "$2" tries_left)" = 3 ]; then
        pass "$1: $PAM_CODE in $took ms, no try spent"
    else
        fail "$1: $PAM_CODE in $took ms (wanted ${4//,/ or }), tries left $(stat_of "$2" tries_left)" \
            "$(tail -3 <<<"$OUT")"
    fi
    nothing_left "$1"
    insert_card "$2"
    pam_login "$2" 123456
    [ "$PAM_CODE" = PAM_SUCCESS ] || fail "$1: the next login: $PAM_CODE" "$(tail -3 <<<"$OUT")"
}
LOCKS=$(ls /run/lock)
every_command() { # USER [OPTION of piv-virtual-card...]
    local user=$1 label count n
    shift
    start_card "$user" "$(lab_card "$user")" "$@"
    label="$user ${*:-}"
    pam_login "$user" 123456
    equal "$label: the login works" PAM_SUCCESS "$PAM_CODE"
    [ "$PAM_CODE" = PAM_SUCCESS ] || give_up "$label" "$OUT"
    # The second one, since the first may leave something in a cache.
    card "$user" clear >/dev/null
    pam_login "$user" 123456
    count=$(stat_of "$user" apdus)
    PCSCD_FDS=$(fds_of pcscd)
    local refused=PAM_AUTHINFO_UNAVAIL
    for ((n = 1; n <= count; n++)); do
        one_fault "$label: pulled at $n of $count" "$user" "apdu=$n:remove" $refused
        one_fault "$label: pulled after $n" "$user" "apdu=$n:remove-after" \
            "$refused$([ $n -lt "$count" ] || echo ,PAM_SUCCESS)"
        one_fault "$label: back at once, pulled at $n" "$user" "apdu=$n:remove=1" \
            "$refused,PAM_SUCCESS"
        one_fault "$label: power lost before $n" "$user" "apdu=$n:forget" \
            "$refused,PAM_SUCCESS,PAM_CRED_INSUFFICIENT"
        one_fault "$label: silent at $n" "$user" "apdu=$n:empty" \
            "$refused,PAM_CRED_INSUFFICIENT,PAM_SUCCESS"
        one_fault "$label: 6F00 at $n" "$user" "apdu=$n:sw=6f00" \
            "$refused,PAM_CRED_INSUFFICIENT,PAM_SUCCESS"
    done
    succeeds "$label: pcscd has no more descriptors than before" \
        test "$(fds_of pcscd)" -le "$PCSCD_FDS"
    stop_card "$user"
}
every_command alice
every_command bob --short
finish
