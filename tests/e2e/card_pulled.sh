#!/bin/bash
# The card pulled, reset, silenced at every command of a login: refused in time, no try spent, nothing
# left behind, and the next login works. Two cards: one with extended length that is known from
# before, and one with short commands that is always new.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester openssl piv-check
DEADLINE_MS=5000
GRACE_MS=3000  # a silent helper may take two more seconds; the rest is for a busy machine
CACHE=/var/lib/piv-login/cache/cards
WORKERS=4
need_lab
SERVICE=piv-test-${WORKER:-0}

set_up() {
    local i
    configure_login "[policy]" "deadline_ms = $DEADLINE_MS"
    for ((i = 1; i <= WORKERS; i++)); do
        printf '%s\n' "[service piv-test-$i]" "card.reader = $(reader_of $((2 * i - 1)))" \
            >>/etc/piv-login/piv-login.conf
        cp /etc/pam.d/piv-test "/etc/pam.d/piv-test-$i"
    done
    start_ocsp int
    start_ocsp root
    start_pcscd $WORKERS
}

milliseconds() { local t=${EPOCHREALTIME/./}; echo $((t / 1000)); }
# pcscd gives a card up that it could not reset, and looks at it again only after it was out: where
# the card went and came within one look of pcscd's, the person takes it out once more.
insert_again() { # CARD FAULT
    case $2 in
    remove | remove-after | empty) remove_card "$1" ;;
    remove=*) "$WAIT" --timeout-ms 2000 --present "$(card_reader "$1")" 2>/dev/null || remove_card "$1" ;;
    esac
    insert_card "$1"
}
log_in() { # USER
    [ "$KNOWN" = yes ] || find $CACHE -type f -delete
    pam_login "$1" 123456 "$SERVICE"
}
one_fault() { # LABEL USER FAULT CODES
    local began took card=$2-$WORKER
    card "$card" clear >/dev/null
    card "$card" fault "$3" >/dev/null
    began=$(milliseconds)
    log_in "$2"
    took=$(($(milliseconds) - began))
    card "$card" clear-faults >/dev/null
    if [[ ,$4, == *",$PAM_CODE,"* ]] && [ $took -lt $((DEADLINE_MS + GRACE_MS)) ] &&
        [ "$(stat_of "$card" verify_wrong)" = 0 ] && [ "$(stat_of "$card" tries_left)" = 3 ]; then
        pass "$1: $PAM_CODE in $took ms, no try spent"
    else
        fail "$1: $PAM_CODE in $took ms (wanted ${4//,/ or }), tries left $(stat_of "$card" tries_left)" \
            "$(tail -3 <<<"$OUT")"
    fi
    nothing_left "$1"
    insert_again "$card" "${3#*:}"
    log_in "$2"
    [ "$PAM_CODE" = PAM_SUCCESS ] || fail "$1: the next login: $PAM_CODE" "$(tail -3 <<<"$OUT")"
    nothing_left "$1: the next login"
}

# What happens, and what may come of it. At the last command a signature may have been sent already.
NO=PAM_AUTHINFO_UNAVAIL
FAULTS=("pulled at:remove:$NO"
    "pulled after:remove-after:$NO"
    "back at once, pulled at:remove=1:$NO,PAM_SUCCESS,PAM_CRED_INSUFFICIENT"
    "power lost before:forget:$NO,PAM_SUCCESS,PAM_CRED_INSUFFICIENT"
    "silent at:empty:$NO"
    "6F00 at:sw=6f00:$NO,PAM_CRED_INSUFFICIENT,PAM_SUCCESS")

every_command() { # USER FAULT [OPTION of piv-virtual-card...]
    local user=$1 fault=$2 card=$1-$WORKER label count n words what codes wanted
    shift 2
    start_card "$card" $((2 * WORKER - 1)) "$(lab_card "$user")" "$@"
    label="$user${*:+ $*}"
    log_in "$user"
    equal "$label: the login works" PAM_SUCCESS "$PAM_CODE"
    [ "$PAM_CODE" = PAM_SUCCESS ] || give_up "$label" "$OUT"
    # The third: the first may leave the card in a cache, the second what its kind does after a reset.
    settled
    log_in "$user"
    settled
    card "$card" clear >/dev/null
    log_in "$user"
    count=$(stat_of "$card" apdus)
    IFS=: read -r words what codes <<<"$fault"
    for ((n = 1; n <= count; n++)); do
        wanted=$codes
        [ "$what" != remove-after ] || [ $n -lt "$count" ] || wanted+=,PAM_SUCCESS
        one_fault "$label: $words $n of $count" "$user" "apdu=$n:$what" "$wanted"
    done
    stop_card "$card"
}

if [ -n "${WORKER:-}" ]; then
    PIDS[pcscd]=shared
    # Its own cache: the workers are not to know each other's cards.
    mount -t tmpfs none $CACHE
    chown piv-login: $CACHE
    chmod 700 $CACHE
    for ((job = WORKER - 1; job < ${#FAULTS[@]}; job += WORKERS)); do
        KNOWN=yes
        every_command alice "${FAULTS[job]}"
        # Of the same kind, but with PIV selected after a reset: what is remembered of the others goes.
        find $CACHE -mindepth 1 -delete
        every_command alice "${FAULTS[job]}" --default-selected
        find $CACHE -mindepth 1 -delete
    done
    for ((job = WORKERS - WORKER; job < ${#FAULTS[@]}; job += WORKERS)); do
        KNOWN=no
        every_command bob "${FAULTS[job]}" --short
    done
    finish
fi
set_up
locks=$(ls /run/lock)
descriptors=$(fds_of pcscd)
run_workers $WORKERS
equal "no lock is left" "$locks" "$(ls /run/lock)"
fewer() { [ "$(fds_of pcscd)" -le "$descriptors" ]; }
wait_until 5 "pcscd back at $descriptors descriptors" fewer
pass "pcscd has no more descriptors than before"
finish
