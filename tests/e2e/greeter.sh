#!/bin/bash
# A person at a real greeter: lightdm with the GTK greeter on Xvfb, the PAM files that are staged for
# Debian, a card behind the real pcscd, and a PIN that is typed on the keyboard.
# GREETER_PICTURES=DIR keeps the pictures of the screen.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/image_lib.sh"
enter_sandbox "$@" -- --install "$1"
need lightdm lightdm-gtk-greeter Xvfb xdotool import convert tesseract dbus-daemon pcscd openssl
export DISPLAY=:7 XAUTHORITY=/run/lightdm/root/:7
PICTURES=${GREETER_PICTURES:-$TMPDIR/pictures}
mkdir -p "$PICTURES"

# --- the machine -----------------------------------------------------------------------------------
configure_lightdm() {
    # The greeter's X server is a frame buffer in memory; of lightdm's arguments it knows these.
    cat >"$TMPDIR/xserver" <<'END'
#!/bin/bash
arguments=()
while [ $# -gt 0 ]; do
    case $1 in
    :*) arguments+=("$1") ;;
    -auth) arguments+=("$1" "$2"); shift ;;
    esac
    shift
done
exec Xvfb "${arguments[@]}" -screen 0 640x480x24 -nolisten tcp -noreset
END
    chmod 755 "$TMPDIR/xserver" "$TMPDIR"
    cat >/etc/lightdm/lightdm.conf <<END
[LightDM]
logind-check-graphical=false
minimum-display-number=7
[Seat:*]
xserver-command=$TMPDIR/xserver
greeter-session=lightdm-gtk-greeter
user-session=proof
greeter-hide-users=false
END
    printf '[UserList]\nminimum-uid=6101\nhidden-shells=/usr/sbin/nologin\n' >/etc/lightdm/users.conf
    cat >/etc/lightdm/lightdm-gtk-greeter.conf <<END
[greeter]
background=#2c4a5a
theme-name=Adwaita
font-name=DejaVu Sans 11
indicators=~host;~spacer;~clock
END
    mkdir -p /etc/gtk-3.0
    printf '[Settings]\ngtk-cursor-blink=0\ngtk-enable-animations=0\n' >/etc/gtk-3.0/settings.ini
    mkdir -p /usr/share/xsessions /var/lib/lightdm/data /var/log/lightdm
    chown -R lightdm:lightdm /var/lib/lightdm
    # The session says who it is and stays.
    cat >/usr/share/xsessions/proof.desktop <<END
[Desktop Entry]
Name=Proof
Exec=$TMPDIR/session
Type=Application
END
    # shellcheck disable=SC2016 # for the session's shell
    printf '%s\n' '#!/bin/sh' 'id -un >"$HOME/session"' 'exec sleep 1000' >"$TMPDIR/session"
    chmod 755 "$TMPDIR/session"
}
start_lightdm() {
    start lightdm env -u DISPLAY -u XAUTHORITY lightdm # with a display it would start Xephyr
    wait_until 20 "the greeter's X server" xdotool getdisplaygeometry
    wait_until 20 "the greeter's window" xdotool search --onlyvisible --class lightdm-gtk-greeter
    settled
}
stop_lightdm() {
    [ -n "${PIDS[lightdm]:-}" ] || return 0
    stop lightdm
    wait_until 10 "the end of the X server" test ! -e /tmp/.X11-unix/X7
}

# --- the person ------------------------------------------------------------------------------------
# The screen has not changed for half a second.
settled() {
    local last="" now same=0
    for _ in {1..40}; do
        now=$(import -window root rgb:- | sha256sum)
        if [ "$now" = "$last" ]; then same=$((same + 1)); else same=0; fi
        [ $same -lt 5 ] || return 0
        last=$now
        sleep 0.1
    done
}
picture() { # NAME: keeps the middle of the screen as a small PNG
    settled
    import -window root -gravity center -crop 560x260+0+0 +repage -colors 64 -depth 8 -strip \
        "PNG8:$PICTURES/$1.png"
}
type_in() { xdotool type --delay 20 "$1"; xdotool key Return; }
# A new greeter, with USER chosen in its list.
greeter_for() { # USER
    stop_lightdm
    install -d -o lightdm -g lightdm /var/lib/lightdm/.cache/lightdm-gtk-greeter
    printf '[greeter]\nlast-user=%s\n' "$1" >/var/lib/lightdm/.cache/lightdm-gtk-greeter/state
    start_lightdm
}
# What a person reads: the picture through text recognition.
reads() { # PICTURE WHAT TEXT
    local got
    picture "$1"
    got=$(convert "$PICTURES/$1.png" -resize 300% -colorspace gray png:- | tesseract - - 2>/dev/null | tr -s ' \n' ' ')
    if [[ $got == *"$3"* ]]; then pass "$2"; else fail "$2: no '$3' on the screen" "$got"; fi
}
session_of() { [ "$(cat "/run/home/$1/session" 2>/dev/null)" = "$1" ]; }
logged() { # CODE USER
    if grep -q "no login for $2: $1" "$TMPDIR/syslog"; then pass "the log says: $1"; else
        fail "the log does not say '$1' of $2" "$(grep 'piv-login' "$TMPDIR/syslog" | tail -3)"; fi
}

private_tmp
start_syslog
mkdir -p /run/dbus
start dbus dbus-daemon --system --nofork
configure_lightdm
start_staged_image
start_pcscd
start_ocsp int
start_ocsp root

# --- a PIN, wrong and right ------------------------------------------------------------------------
start_card alice "$(lab_card alice)"
greeter_for alice
reads greeter-prompt "the greeter says whose PIN it wants" "PIN for Alice Example (3 tries left)"
type_in 999999
typed_wrong alice
sleep 1
reads greeter-wrong-pin "a wrong PIN, and the tries that are left" "Wrong PIN. 2 tries left."
logged pin-wrong alice
succeeds "no session has begun" test ! -e /run/home/alice/session

# --- cards that do not log in ----------------------------------------------------------------------
stop_card alice
start_card rita "$(lab_card rita)"
greeter_for bob
reads greeter-other-user "another user's card" "belongs to another account"
greeter_for rita
type_in 123456
sleep 1
reads greeter-revoked "a revoked card" "revoked"
logged revoked rita
equal "no try of the revoked card is spent" 3 "$(stat_of rita tries_left)"
stop_card rita
greeter_for oscar
reads greeter-no-card "no card" "No smart card was found"
start_card oscar "$(lab_card oscar)"
greeter_for oscar
reads greeter-other-ca "a card of another CA" "not installed here"
stop_card oscar

# --- and in ----------------------------------------------------------------------------------------
start_card alice "$(lab_card alice)"
greeter_for alice
type_in 123456
wait_until 10 "alice's session" session_of alice
pass "a session of alice has begun"
equal "nobody else's has" /run/home/alice/session "$(echo /run/home/*/session)"
for pid in $(pgrep -u alice); do
    ! tr '\0' '\n' <"/proc/$pid/environ" | grep -q 123456 || fail "the PIN is in the environment of the session"
done
succeeds "the PIN is in no log" test -z "$(grep -rlE '123456|999999' /var/log/lightdm "$TMPDIR/syslog" "$TMPDIR"/*.log)"
stop_lightdm
finish
