#!/bin/bash
# A person at a locked screen: i3lock on Xvfb, running as the person and not as root, with the PAM
# files that are staged for Debian.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/image_lib.sh"
enter_sandbox "$@" -- --install "$1"
need i3lock Xvfb xdotool pcscd openssl
export DISPLAY=:7

lock() { # the screen, as alice
    start i3lock setpriv --reuid alice --regid alice --init-groups env -i DISPLAY=:7 HOME=/run/home/alice \
        PATH="$PATH" i3lock --nofork --color 2c4a5a
    wait_until 10 "the lock" xdotool search --onlyvisible --class i3lock
    sleep 0.5
}
type_in() { xdotool type --delay 20 "$1"; xdotool key Return; }
unlocked() { ! alive i3lock; }
stays_locked() { # WHAT CODE
    wait_until 15 "the log entry of: $1" grep -q "service i3lock: no login for alice: $2" "$TMPDIR/syslog"
    sleep 0.5
    if alive i3lock; then pass "$1: the screen stays locked"; else fail "$1: the screen is not locked"; fi
    : >"$TMPDIR/syslog"
}

private_tmp
start_syslog
start_staged_image
start_pcscd
start_ocsp int
start_ocsp root
start xvfb Xvfb :7 -screen 0 320x240x24 -nolisten tcp -noreset
wait_until 10 "the X server" xdotool getdisplaygeometry

start_card alice "$(lab_card alice)"
lock
type_in 999999
typed_wrong alice
stays_locked "a wrong PIN" pin-wrong
equal "one try is spent" 2 "$(stat_of alice tries_left)"
type_in 123456
wait_until 15 "the end of the lock" unlocked
pass "the right PIN unlocks the screen"
equal "the tries are back" 3 "$(stat_of alice tries_left)"

stop_card alice
lock
type_in 123456
stays_locked "no card" no-card
start_card bob "$(lab_card bob)"
type_in 123456
stays_locked "another user's card" wrong-user
equal "no try of that card is spent" 3 "$(stat_of bob tries_left)"
finish
