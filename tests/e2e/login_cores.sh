#!/bin/bash
# Processes that have the PIN and crash leave no core: not at the prompt, not with the PIN on its way to
# the card, not while the card signs; and the login fails.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester strace openssl
need_lab
configure_login "[revocation]" "ocsp = off" "[policy]" "deadline_ms = 60000"
start_pcscd
CORES=$TMPDIR/cores
install -d -m 1777 "$CORES"
cd "$CORES" || exit 1
ulimit -c unlimited

# Does a process that may be dumped leave a core here? (kernel.core_pattern is the machine's.)
(strace -o "$TMPDIR/control" sh -c 'kill -SEGV $$') >/dev/null 2>&1
dumps=no
! grep -q 'killed by SIGSEGV (core dumped)' "$TMPDIR/control" || dumps=yes
find "$CORES" -type f -delete
[ $dumps = yes ] || echo "no program leaves a core here: only the files are looked for"

helpers() { pgrep -f piv-login-helper; }
asked() { grep -q "PIN" "$TMPDIR/screen"; }

# The newest helper is the card's role, the oldest one decides.
crash() { # WHAT MOMENT WHICH PIN: MOMENT asked or typed
    local what=$1 moment=$2 which=$3 pin=$4 pid
    : >"$TMPDIR/screen"
    : >"$TMPDIR/answers"
    mkfifo "$TMPDIR/keys"
    strace -f -e trace=none -o "$TMPDIR/trace" pamtester piv-test alice authenticate \
        <"$TMPDIR/keys" >"$TMPDIR/screen" 2>&1 &
    local login=$!
    exec 8>"$TMPDIR/keys"
    wait_until 20 "$what: the prompt" asked
    if [ "$moment" != asked ]; then
        printf '%s\n' "$pin" >&8
        sleep 1.5 # the card takes 5 s for its answer
    fi
    pid=$(helpers | if [ "$which" = role ]; then tail -1; else head -1; fi)
    equal "$what: /proc/PID belongs to root, as of what may not be dumped" root "$(stat -c %U "/proc/$pid/environ")"
    kill -SEGV "$pid"
    [ "$moment" != asked ] || printf '%s\n' "$pin" >&8
    exec 8>&-
    wait $login 2>/dev/null
    rm "$TMPDIR/keys"
    OUT=$(cat "$TMPDIR/screen")
    does_not_say "successfully" "$what: no login"
    equal "$what: it crashed" 1 "$(grep -c 'killed by SIGSEGV' "$TMPDIR/trace")"
    equal "$what: without a core" 0 "$(grep -c 'core dumped' "$TMPDIR/trace")"
    nothing_left "$what"
}

for which in decider role; do
    pin=73914$((RANDOM % 10))
    start_card crash "$(lab_card alice)" --pin $pin
    crash "$which, at the prompt" asked $which $pin
    stop_card crash
    start_card crash "$(lab_card alice)" --pin $pin --fault ins=20:delay=5000
    crash "$which, with the PIN on its way" typed $which $pin
    stop_card crash
    start_card crash "$(lab_card alice)" --pin $pin --fault ins=87:delay=5000
    crash "$which, while the card signs" typed $which $pin
    stop_card crash
done
equal "no file is left" "" "$(find "$CORES" -type f)"
equal "and no PIN in any of ours" "" "$(grep -rlaE '73914[0-9]' "$CORES" /var/lib/piv-login /run/home 2>/dev/null)"
finish
