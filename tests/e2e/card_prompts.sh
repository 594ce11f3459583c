#!/bin/bash
# What the person with the card meets: waiting for it, two readers, two certificates, the PIN change.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester openssl
need_lab
configure_login "[service piv-test-wait]" "card.wait = 8" \
    "[service piv-test-second]" "card.reader = $(reader_of 2)" \
    "[service piv-test-9e]" "card.slots = 9A, 9E" \
    "[service piv-test-floor]" "card.tries_floor = 2"
printf '%s\n' "password required pam_piv.so" >>/etc/pam.d/piv-test
for service in wait second 9e floor; do cp /etc/pam.d/piv-test "/etc/pam.d/piv-test-$service"; done
printf '%s\n' "auth required pam_piv.so wait_for_card=8" >/etc/pam.d/piv-test-argument
start_ocsp int
start_ocsp root
start_pcscd
login() { # WHAT USER PIN WANT [SERVICE]
    pam_login "$2" "$3" "${5:-piv-test}"
    if [ "$PAM_CODE" = "$4" ]; then pass "$1: $4"; else fail "$1: $PAM_CODE instead of $4" "$OUT"; fi
}

# --- waiting ---------------------------------------------------------------------------------------
start_card alice "$(lab_card alice)" --absent
began=$SECONDS
login "no card, no waiting" alice 123456 PAM_AUTHINFO_UNAVAIL
succeeds "and at once" test $((SECONDS - began)) -lt 5
for service in piv-test-wait piv-test-argument; do
    (
        sleep 1
        card alice insert >/dev/null
    ) &
    login "$service: a card that comes" alice 123456 PAM_SUCCESS $service
    says "Insert your smart card." "$service: says so first"
    remove_card alice
done
began=$SECONDS
login "waiting ends" alice 123456 PAM_AUTHINFO_UNAVAIL piv-test-wait
took=$((SECONDS - began))
succeeds "after its 8 seconds: $took" test $took -ge 7 -a $took -lt 14
insert_card alice

# --- several cards, several certificates -----------------------------------------------------------
start_card bob 2 "$(lab_card bob)"
login "two cards: the first one's owner" alice 123456 PAM_SUCCESS
login "two cards: the second one's owner" bob 123456 PAM_SUCCESS
says "PIN for Bob Example" "and the prompt names the holder"
login "two cards: a third person" carol 123456 PAM_AUTH_ERR
login "the configured reader" bob 123456 PAM_SUCCESS piv-test-second
login "and no other" alice 123456 PAM_AUTH_ERR piv-test-second
login "a wrong PIN goes to one card" bob 654321 PAM_AUTH_ERR
typed_wrong bob
equal "bob's card has a try less" 2 "$(stat_of bob tries_left)"
equal "alice's card has none less" 3 "$(stat_of alice tries_left)"
login "a floor of 2 keeps the last two" bob 123456 PAM_MAXTRIES piv-test-floor
equal "none is spent" 2 "$(stat_of bob tries_left)"
login "and without the floor it works" bob 123456 PAM_SUCCESS
stop_card bob
stop_card alice
start_card both "--slot=9a=$LAB/alice.pem,$LAB/alice.key" "--slot=9e=$LAB/bob.pem,$LAB/bob.key"
login "9E is not for login" bob 123456 PAM_AUTH_ERR
login "9E where it is configured" bob 123456 PAM_SUCCESS piv-test-9e
login "9A is too" alice 123456 PAM_SUCCESS piv-test-9e
stop_card both

# --- PIN change ------------------------------------------------------------------------------------
# Answers ANSWER... one after the other, each when its prompt has come.
change_pin() { # USER ANSWER...
    local user=$1 in out pid text answer
    shift
    coproc CHANGE { pamtester piv-test "$user" chauthtok 2>&1; }
    pid=$CHANGE_PID
    exec {in}>&"${CHANGE[1]}" {out}<&"${CHANGE[0]}"
    OUT=""
    for answer in "$@"; do
        read -t 20 -rd : -u "$out" text || break
        OUT+=$text:
        printf '%s\n' "$answer" >&"$in"
    done
    OUT+=$(timeout 20 cat <&"$out")
    exec {in}>&- {out}<&-
    STATUS=0
    wait "$pid" || STATUS=$?
}
start_card alice "$(lab_card alice)"
change_pin alice 123456 24682468 24682468
says "Current PIN (3 tries left):" "the tries are told"
says "is changed" "the PIN is changed"
equal "as passwd's" 0 "$STATUS"
login "the new PIN works" alice 24682468 PAM_SUCCESS
login "the old one does not" alice 123456 PAM_AUTH_ERR
typed_wrong alice
change_pin alice 24682468 135791 135792
equal "two different new ones" 1 "$STATUS"
change_pin alice 24682468 12
equal "a new one that is too short" 1 "$STATUS"
equal "nothing was sent for either" 2 "$(stat_of alice tries_left)"
login "the PIN is as it was" alice 24682468 PAM_SUCCESS
change_pin alice 111111 135791 135791
typed_wrong alice
equal "a wrong old one" 1 "$STATUS"
says "Wrong PIN" "is said to be wrong"
equal "and spends a try" 2 "$(stat_of alice tries_left)"

# --- a blocked PIN, and the PUK --------------------------------------------------------------------
card alice tries 0 >/dev/null
login "a blocked PIN" alice 24682468 PAM_MAXTRIES
change_pin alice 87654321 123456 123456
equal "a wrong PUK" 1 "$STATUS"
says "Wrong PUK" "is said to be wrong"
login "and the PIN stays blocked" alice 123456 PAM_MAXTRIES
change_pin alice 12345678 123456 123456
says "PUK:" "a blocked PIN asks for the PUK"
equal "the PUK unblocks it" 0 "$STATUS"
login "the new PIN works" alice 123456 PAM_SUCCESS
finish
