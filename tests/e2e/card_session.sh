#!/bin/bash
# open_cards() on real PC/SC: virtual PIV cards behind pcscd, by a small program that uses nothing
# else (tests/card_session). What a login does with all this is tested in login_*.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@"
need_lab
PROBE=$BUILD/tests/card_session/card-session-probe
CACHE=$TMPDIR/cache
mkdir -p "$CACHE"
probe() { timeout -k 1 30 "$PROBE" "$@"; }
apdus() { sed -n 's/^traffic: \([0-9]*\) apdus.*/\1/p' <<<"$OUT"; }
at_most() { # WHAT LIMIT VALUE
    if [ -n "$3" ] && [ "$3" -le "$2" ]; then pass "$1: $3"; else fail "$1: $3 is more than $2"; fi
}
tries() { stat_of "$1" tries_left; }
fingerprint() { openssl x509 -in "$LAB/$1.pem" -outform DER | sha256sum | cut -d' ' -f1; }
good() { # WHAT OPTION...: signs, with 123456 unless the options name another PIN
    local what=$1
    shift
    [[ " $* " == *" --pin "* ]] || set -- --pin 123456 "$@"
    succeeds "$what" probe "$@"
    says "signature: good" "$what: the signature verifies"
}
refused() { # WHAT CODE OPTION...
    local what=$1 code=$2
    shift 2
    run probe "$@"
    if [[ $STATUS != 0 && $OUT == *": $code "* && $OUT != *"signature: good"* ]]; then
        pass "$what: $code"
    else
        fail "$what: wants $code" "$OUT"
    fi
}

every_kind_of_key() {
    local user form mode limit
    for user in alice bob carol dave; do
        for mode in --extended --short; do
            start_card "$user" "$(lab_card "$user")" "$mode"
            good "$user $mode"
            says "certificate: 9A $(fingerprint "$user")" "$user $mode: the certificate is the card's"
            limit=7
            [ "$mode" = --extended ] || limit=14
            at_most "$user $mode: commands" "$limit" "$(apdus)"
            equal "$user $mode: no try is spent" 3 "$(tries "$user")"
            stop_card "$user"
        done
    done
    for form in plain gzip no-edc info-first mscuid long-length gzip-unsaid; do
        start_card alice "$(lab_card alice),$form"
        good "certificate container $form"
        says "certificate: 9A $(fingerprint alice)" "$form: the certificate is the card's"
        stop_card alice
    done
}

cached() {
    local user
    for user in alice bob; do
        start_card "$user" "$(lab_card "$user")"
        good "$user, for the first time" --cache "$CACHE"
        [ "$user" != alice ] || good "alice, known, and her kind of card asked without SELECT" --cache "$CACHE"
        good "$user, known" --cache "$CACHE"
        says "certificate: 9A $(fingerprint "$user")"
        at_most "$user, known: commands" 6 "$(apdus)"
        stop_card "$user"
    done
    # A new certificate on the same card is not the old one.
    start_card alice "--slot=9a=$LAB/rita.pem,$LAB/rita.key"
    good "another certificate is read" --cache "$CACHE"
    says "certificate: 9A $(fingerprint rita)"
    stop_card alice
    # Where PIV is selected after a reset, the first SELECT is left out.
    for user in alice bob; do
        rm -f "$CACHE"/*
        start_card "$user" "$(lab_card "$user")" --default-selected
        good "$user, PIV selected by itself, for the first time" --cache "$CACHE"
        at_most "$user, for the first time: commands" 7 "$(apdus)"
        good "$user, PIV selected by itself, known" --cache "$CACHE"
        says "certificate: 9A $(fingerprint "$user")"
        at_most "$user, PIV selected by itself, known: commands" 5 "$(apdus)"
        stop_card "$user"
    done
}

pins() {
    local asked
    start_card alice "$(lab_card alice)"
    refused "no PIN" pin-format --pin 12345
    equal "nothing was sent" 3 "$(tries alice)"
    refused "a wrong PIN" pin-wrong --pin 654321
    typed_wrong alice 6 # with those below
    says "tries: 2" "and what is left is told"
    equal "one try is spent" 2 "$(tries alice)"
    refused "at the floor" pin-tries-floor --pin 123456 --floor 2
    equal "none is spent" 2 "$(tries alice)"
    good "above the floor" --floor 1
    equal "the right PIN gives the tries back" 3 "$(tries alice)"
    refused "wrong, three times in a session" pin-blocked --pin 654321 --attempts 3
    asked=$(stat_of alice verify)
    refused "a blocked card" pin-blocked --pin 123456
    equal "is not asked at all" "$asked" "$(stat_of alice verify)"
    succeeds "unblocked by the PUK" probe --puk 12345678 --new-pin 24682468
    good "the new PIN works" --pin 24682468
    refused "the old one does not" pin-wrong --pin 123456
    succeeds "PIN change" probe --pin 24682468 --new-pin 123456
    refused "PIN change with a wrong one" pin-wrong --pin 24682468 --new-pin 135791
    refused "PUK, wrong" puk-wrong --puk 87654321 --new-pin 135791
    good "and the PIN is as it was"
    stop_card alice
    start_card alice "$(lab_card alice)" --global-pin 987654 --global-preferred
    good "the global PIN where it is the primary one" --pin 987654
    stop_card alice
    start_card alice "$(lab_card alice)" --global-pin 987654
    good "the application PIN where it is not"
    stop_card alice
    start_card alice "$(lab_card alice)" --no-discovery --short
    good "no discovery object"
    stop_card alice
    start_card alice "$(lab_card alice)" --fault apdu=4:lie=9000
    good "a card that somebody left unlocked is reset first"
    equal "the PIN went to it once" 1 "$(stat_of alice verify)"
    stop_card alice
}

# What happens between the tries and the PIN: WHAT COMMAND..., run while the probe waits.
while_typing() {
    local what=$1 in out
    shift
    coproc TYPING { "$PROBE" --pin 123456 --pause 2>&1; }
    local pid=$TYPING_PID # bash forgets it when the probe has ended
    exec {in}>&"${TYPING[1]}" {out}<&"${TYPING[0]}"
    local line
    OUT=""
    while read -r line <&"$out"; do
        OUT+=$line$'\n'
        [ "$line" != pause ] || break
    done
    "$@" >/dev/null 2>&1
    echo >&"$in"
    OUT+=$(cat <&"$out")
    exec {in}>&- {out}<&-
    STATUS=0
    wait "$pid" || STATUS=$?
}
other_application() { opensc-tool -s 00:A4:04:00:07:A0:00:00:00:62:00:01; }
reset_by_other() { opensc-tool --reset; }
pull_and_put_back() { remove_card alice; insert_card alice; }

between() {
    local mode
    for mode in --extended --short; do
        start_card alice "$(lab_card alice)" "$mode"
        while_typing "nothing" true
        says "signature: good" "$mode: the person types"
        if command -v opensc-tool >/dev/null; then
            while_typing "other application" other_application
            says "signature: good" "$mode: another program selects another application meanwhile"
            while_typing "reset" reset_by_other
            says "signature: good" "$mode: another program resets the card meanwhile"
        fi
        while_typing "removal" remove_card alice
        says "signature: card-removed" "$mode: the card is pulled meanwhile"
        insert_card alice
        while_typing "removal" pull_and_put_back
        says "signature: card-removed" "$mode: pulled and put back meanwhile: not the same card"
        equal "$mode: no try is spent" 3 "$(tries alice)"
        stop_card alice
    done
}

pulled_everywhere() {
    local mode n commands
    for mode in --extended --short; do
        commands=7
        [ "$mode" = --extended ] || commands=12
        for ((n = 1; n <= commands; n++)); do
            start_card alice "$(lab_card alice)" "$mode" --fault "apdu=$n:remove=400"
            refused "$mode: pulled at command $n" card-removed --pin 123456
            wait_card alice
            card alice clear-faults >/dev/null
            good "$mode: and the next login works"
            equal "$mode: no try is spent" 3 "$(tries alice)"
            stop_card alice
        done
    done
}

# A card that never answers is not here: then SCardTransmit does not come back, and it is the caller
# of the card role who ends it.
faulty_cards() {
    local fault code
    while read -r fault code; do
        [ -n "$fault" ] || continue
        start_card alice "$(lab_card alice)" --fault "$fault"
        refused "fault $fault" "$code" --pin 123456 --deadline-ms 5000
        stop_card alice
    done <<'END'
object=5FC105:truncate=100 card-malformed
object=5FC105:garbage=300 card-malformed
object=5FC105:endless card-malformed
object=5FC105:sw=6982 card-not-usable
object=5FC105:sw=6A82 card-not-usable
ins=A4:sw=6A82 card-not-piv
ins=A4:sw=6999 card-not-piv
ins=87:sw=6A80 card-not-usable
ins=87:sw=6F00 card-failure
ins=87:garbage=264 card-malformed
ins=87:truncate=20 card-malformed
END
    start_card alice "$(lab_card alice)" --fault object=7E:garbage=20
    good "a damaged discovery object is as none"
    stop_card alice
    start_card alice "$(lab_card alice)" --fault ins=87:flip=100
    run probe --pin 123456
    says "signature: does not verify" "a wrong signature is no signature"
    stop_card alice
    start_card alice "--slot=9a=$LAB/alice.pem,$LAB/rita.key"
    run probe --pin 123456
    says "signature: does not verify" "another key's signature is none"
    stop_card alice
}

slots() {
    start_card alice "--slot=9e=$LAB/alice.pem,$LAB/alice.key" "--slot=9c=$LAB/bob.pem,$LAB/bob.key"
    refused "9C and 9E are not for login" card-not-usable --pin 123456
    good "9E where it is configured" --slots 9A,9E
    says "certificate: 9E $(fingerprint alice)"
    good "9C where it is configured" --slots 9C
    stop_card alice
}

readers_and_waiting() {
    local pid
    refused "no card" no-card --pin 123456
    start_card alice "$(lab_card alice)" --absent
    "$PROBE" --pin 123456 --wait 10 >"$TMPDIR/wait.out" 2>&1 &
    pid=$!
    read -rt 0.5 <> <(:)
    insert_card alice
    wait "$pid"
    OUT=$(cat "$TMPDIR/wait.out")
    says "signature: good" "a card that comes while it is waited for"
    stop_card alice
    run probe --wait 1
    says "open: no-card" "waiting ends"
    start_card alice "$(lab_card alice)"
    start_card bob 2 "$(lab_card bob)"
    good "two cards"
    equal "two cards: both are used" 2 "$(grep -c '^signature: good' <<<"$OUT")"
    good "one by its reader's name" --reader "*00 01"
    equal "one card: one is used" "certificate: 9A $(fingerprint bob)" "$(grep ^certificate <<<"$OUT")"
    refused "no such reader" no-reader --reader "Other*"
    stop_card alice
    stop_card bob
    stop_pcscd
    refused "no pcscd" pcscd-down --pin 123456
}

start_pcscd
every_kind_of_key
cached
pins
between
faulty_cards
slots
pulled_everywhere
readers_and_waiting
finish
