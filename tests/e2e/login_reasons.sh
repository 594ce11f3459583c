#!/bin/bash
# What is written down about an attempt: journal, syslog, the file of attempts, piv-check --why.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester openssl python3 logger
need_lab
configure_login
rm -rf /var/lib/piv-login/cache /var/lib/piv-login/attempts*
start listen python3 "$SOURCE/tests/e2e/listen.py" "$TMPDIR"
wait_until 10 "the log sockets" test -S /run/syslog
start_pcscd
start_ocsp int
start_ocsp root

# Until the listener has written everything that was sent before.
synced() {
    local mark=sync-$RANDOM$RANDOM
    logger -u /run/systemd/journal/socket "$mark"
    wait_until 10 "the listener" grep -aq "$mark" "$TMPDIR/journal.txt"
}
login() { pam_login "$@"; synced; }
field() { sed -n "s/^$1=//p" "$TMPDIR/journal.txt" | tail -1; } # of the last journal entry
entries() { grep -c '^MESSAGE=' "$TMPDIR/journal.txt"; }
attempts() { wc -l </var/lib/piv-login/attempts; }

# --- a login ---------------------------------------------------------------------------------------
start_card alice "$(lab_card alice)"
login alice 123456
equal "alice logs in" PAM_SUCCESS "$PAM_CODE"
equal "one journal entry" 1 "$(entries)"
equal "service" piv-test "$(field PIV_SERVICE)"
equal "user" alice "$(field PIV_USER)"
equal "code" ok "$(field PIV_CODE)"
equal "rule" upn "$(field PIV_RULE)"
equal "reader" "$(reader_of 1)" "$(field PIV_READER)"
equal "priority: information" 6 "$(field PRIORITY)"
equal "facility: authpriv" 10 "$(field SYSLOG_FACILITY)"
sha=$(openssl x509 -in "$LAB/alice.pem" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)
equal "certificate" "$sha" "$(field PIV_CERTIFICATE_SHA256)"
OUT=$(tail -40 "$TMPDIR/journal.txt")
says "PIV_ANCHOR=" "anchor"
says "PIV_REVOCATION=good from network" "revocation, its source and age"
says " s old"
for stage in CARD PATH MAPPING PERSON REVOCATION POSSESSION; do says "PIV_MS_$stage=" "milliseconds of $stage"; done
equal "nothing in syslog beside the journal" "" "$(grep -a piv-login "$TMPDIR/syslog.txt")"
login alice 123456
OUT=$(tail -40 "$TMPDIR/journal.txt")
says "PIV_REVOCATION=good from cache" "the second time the answer is from the cache"
equal "the cache can be entered" "711 root" "$(stat -c '%a %U' /var/lib/piv-login/cache)"
equal "the cards' folder is the card role's alone" "700 piv-login" "$(stat -c '%a %U' /var/lib/piv-login/cache/cards)"
if compgen -G '/var/lib/piv-login/cache/cards/*.card' >/dev/null; then pass "alice's card is known"; else fail "no card is kept"; fi
equal "the file of attempts is root's alone" "600 root" "$(stat -c '%a %U' /var/lib/piv-login/attempts)"
run setpriv --reuid alice --regid alice --clear-groups piv-check --why alice
equal "nobody else may read it" 2 "$STATUS"

# --- refusals --------------------------------------------------------------------------------------
login alice 654321
typed_wrong alice
equal "code of a wrong PIN" pin-wrong "$(field PIV_CODE)"
equal "priority: notice" 5 "$(field PRIORITY)"
login bob 123456
equal "code of another user's card" wrong-user "$(field PIV_CODE)"
exits_with 1 "why alice could not log in" piv-check --why alice
says "pin-wrong"
says "try: one try of the card's counter is spent" "with the hint"
says "logged in" "and that she could before"
exits_with 1 "an attempt is found by the card's account, too" piv-check --why bob
says "wrong-user"
run sh -c "echo 111111 | pamtester piv-test '' authenticate"
typed_wrong alice
exits_with 1 "an attempt without a name is found under the card's account" piv-check --why alice --json
equal "it is the newest" pin-wrong "$(python3 -c 'import json,sys; print(json.load(sys.stdin)["attempts"][0]["code"])' <<<"$OUT")"
login $'mallory\n2030-01-01 root: login of root' 123456
equal "a name with a line end stays in its line" "" "$(grep -a '^2030' "$TMPDIR/journal.txt" /var/lib/piv-login/attempts)"
stop_card alice
login alice 123456
equal "code without a card" no-card "$(field PIV_CODE)"
echo 'nonsense = 1' >>/etc/piv-login/piv-login.conf
login alice 123456
equal "code of a bad configuration" bad-config "$(field PIV_CODE)"
equal "priority: error" 3 "$(field PRIORITY)"
OUT=$(field PIV_DETAIL)
says "/etc/piv-login/piv-login.conf:" "with file"
says "unknown key 'nonsense'" "and what is wrong"
configure_login
rm -rf /etc/piv-login/trust/anchors/*
login alice 123456
equal "code without anchors" no-trust-anchors "$(field PIV_CODE)"
configure_login

# --- no flood --------------------------------------------------------------------------------------
before=$(entries)
kept=$(attempts)
for _ in $(seq 30); do login carol 123456; done
after=$(($(entries) - before))
if [ $after -ge 10 ] && [ $after -le 20 ]; then pass "30 attempts alike: $after entries"; else fail "30 attempts alike: $after entries"; fi
equal "and as many in the file of attempts" $after $(($(attempts) - kept))
OUT=$(tail -40 "$TMPDIR/journal.txt")
says "left out for a minute" "which is said"
login dave 123456
equal "somebody else's is written" dave "$(field PIV_USER)"

# --- syslog where there is no journal ---------------------------------------------------------------
rm /run/systemd/journal/socket
start_card bob "$(lab_card bob)"
pam_login bob 123456
wait_until 5 "syslog's entry" grep -aq "service piv-test: login of bob" "$TMPDIR/syslog.txt"
OUT=$(grep -a "login of bob" "$TMPDIR/syslog.txt")
says "piv-login[" "without a journal it goes to syslog"
says "; by upn" "with the same sentence"

# --- disks that are full, links that lead elsewhere --------------------------------------------------
rm -f /var/lib/piv-login/attempts*
echo untouched >"$TMPDIR/elsewhere"
ln -s "$TMPDIR/elsewhere" /var/lib/piv-login/attempts
pam_login bob 123456
equal "a login whose record cannot be kept is a login" PAM_SUCCESS "$PAM_CODE"
equal "a link is not followed" untouched "$(cat "$TMPDIR/elsewhere")"
rm /var/lib/piv-login/attempts
(head -c 300000 /dev/zero | tr "\0" x; echo) >/var/lib/piv-login/attempts
pam_login bob 123456
equal "a file that is full is put aside" "300000" "$(head -c 300000 /var/lib/piv-login/attempts.1 | wc -c)"
pam_login bob 654321
typed_wrong bob
exits_with 1 "and the reasons are read from both" piv-check --why bob
says "pin-wrong"
says "logged in"
finish
