#!/bin/bash
# A person at a terminal: login, su and sudo on a pty with the PAM files that are staged for Debian.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/image_lib.sh"
enter_sandbox "$@" -- --install "$1"
need sudo su login python3 pcscd openssl
TYPIST=$SOURCE/tests/e2e/typist.py

at_terminal() { # WHAT STATUS LINES [--user NAME] COMMAND...: OUT is what the terminal showed
    local what=$1 want=$2 lines=$3
    shift 3
    STATUS=0
    OUT=$(printf '%b\n' "$lines" | python3 "$TYPIST" "$@") || STATUS=$?
    if [ "$STATUS" = "$want" ]; then pass "$what"; else
        fail "$what: exit status $STATUS, want $want" "$OUT"; fi
}
tries_left() { equal "$1: tries left" "$2" "$(stat_of alice tries_left)"; }

printf '%s\n' 'Defaults passwd_tries=2, !lecture, timestamp_timeout=0' \
    'alice ALL=(root) ALL' 'carol ALL=(root) ALL' >/etc/sudoers
chmod 440 /etc/sudoers
start_syslog
start_staged_image
start_pcscd
start_ocsp int
start_ocsp root
start_card alice "$(lab_card alice)"
prompt='wait PIN for Alice Example (3 tries left): \n'

# --- sudo ------------------------------------------------------------------------------------------
# sudo asks modules to be silent (PAM_SILENT): the tries left are in the prompt, reasons in the log.
at_terminal "sudo with a card" 0 "${prompt}type 123456" --user alice sudo id -u
says $'\n0' "sudo runs the command as root"
does_not_say 123456 "the PIN is not shown"
at_terminal "sudo: a wrong PIN, then the right one" 0 \
    "${prompt}type 999999\nwait Sorry, try again.\nwait PIN for Alice Example (2 tries left): \ntype 123456" \
    --user alice sudo id -u
typed_wrong alice
tries_left sudo 3
at_terminal "sudo: two wrong PINs" 1 \
    "${prompt}type 999999\nwait (2 tries left): \ntype 888888\nwait 2 incorrect" --user alice sudo id -u
typed_wrong alice 2
does_not_say $'\n0' "and the command does not run"
at_terminal "sudo: the PIN that is right" 0 "wait (1 try left): \ntype 123456" --user alice sudo id -u
tries_left sudo 3
at_terminal "sudo: another user's card" 1 "wait 2 incorrect" --user carol sudo id -u
succeeds "and the log says why" grep -q "service sudo: no login for carol: wrong-user" "$TMPDIR/syslog"

# --- su --------------------------------------------------------------------------------------------
at_terminal "su to alice with her card" 0 "${prompt}type 123456" --user bob su alice -c 'id -un'
says $'\nalice' "su runs the command as alice"
at_terminal "su: a wrong PIN" 1 "${prompt}type 999999\nwait Wrong PIN. 2 tries left." --user bob su alice -c 'id -un'
typed_wrong alice
at_terminal "su: the card is not bob's" 1 "wait The smart card belongs to another account." --user alice su bob -c 'id -un'
at_terminal "su: the right PIN" 0 "wait (2 tries left): \ntype 123456" --user bob su alice -c 'id -un'

# --- login -----------------------------------------------------------------------------------------
at_terminal "login with a card" 0 "${prompt}type 123456\nwait \$\ntype id -un; exit" login alice
says $'alice\nlogout' "login runs alice's shell"
at_terminal "login asks for a name" 0 "wait login: \ntype alice\n${prompt}type 123456\nwait \$\ntype id -un; exit" login
at_terminal "login: a wrong PIN, then the right one" 0 \
    "${prompt}type 999999\nwait Wrong PIN. 2 tries left.\nwait Login incorrect\nwait login: \ntype alice\nwait (2 tries left): \ntype 123456\nwait \$\ntype exit" \
    login alice
typed_wrong alice
tries_left login 3

# --- without a card, the password is asked for -----------------------------------------------------
stop_card alice
usermod -p "$(openssl passwd -6 'correct horse')" alice
at_terminal "sudo: no card, the password" 0 "wait assword\ntype correct horse" --user alice sudo id -u
at_terminal "su: no card, a wrong password" 1 "wait No smart card was found.\nwait assword: \ntype battery staple" --user bob su alice -c id
at_terminal "login: no card, the password" 0 \
    "wait No smart card was found.\nwait assword: \ntype correct horse\nwait \$\ntype exit" login alice
start_card rita "$(lab_card rita)"
at_terminal "login: a revoked card is no reason to ask for a password" 129 \
    "wait PIN for Rita Example\ntype 123456\nwait The certificate on the card has been revoked.\nwait login: \ntype rita\nwait revoked.\nwait login: \nhangup" login rita
does_not_say assword "nobody is asked for one"
succeeds "the PIN is in no log" test -z "$(grep -lE '123456|999999|888888' "$TMPDIR/syslog" "$TMPDIR"/*.log)"
finish
