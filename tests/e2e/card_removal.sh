#!/bin/bash
# The card leaves the reader: real sessions of a real systemd-logind, in a container that is booted with a
# copy of this system, with real pcscd and virtual cards. The script runs itself in there.
. "$(dirname "$0")/lib.sh"

# --- outside ---------------------------------------------------------------------------------------------
if [ "${1:-}" != --in-container ]; then
    . "$(dirname "$0")/../packaging/image.sh"
    need systemd-nspawn /lib/systemd/systemd /lib/systemd/systemd-logind dbus-daemon dbus-monitor pcscd
    [ -e "$1/pam_module/watch/piv-login-watch" ] || skip "built without libsystemd: there is no piv-login-watch"
    find_driver | grep -q . || skip "the reader driver vpcd is not installed (scripts/install-deps)"
    enter_sandbox "$@" -- --install "$1"
    need_lab
    ROOT=$TMPDIR/image
    configure_login "[revocation]" "ocsp = off" "[session]" "on_card_removal = lock" "removal_debounce_ms = 2000" \
        "[service slow]" "session.removal_debounce_ms = 60000" \
        "[service logout]" "session.on_card_removal = logout" "[service nothing]" "session.on_card_removal = ignore"
    for service in piv slow logout nothing; do
        printf '%s\n' "auth required pam_piv.so" "account required pam_permit.so" \
            "session required pam_systemd.so type=x11 class=user" "session required pam_piv.so" >"/etc/pam.d/$service"
    done
    printf '%s\n' "auth required pam_piv.so" "account required pam_permit.so" "session required pam_piv.so" \
        "session required pam_permit.so" >/etc/pam.d/unregistered
    make_image "$ROOT"
    umount -l "$ROOT/proc" "$ROOT/dev" "$ROOT/run"
    mkdir -p "$ROOT"/{sys,root,mnt,var/log,var/tmp,var/lib/piv-login/cache,run/home,test/lab}
    for program in tests/card/piv-virtual-card tests/card/pcsc-wait tests/e2e/session-holder; do
        cp "$BUILD/$program" "$ROOT/test/"
    done
    cp "$LAB"/{alice,bob,carol}.{pem,key} "$ROOT/test/lab/"
    cp "$0" "$SOURCE/tests/e2e/lib.sh" "$ROOT/test/"
    cp -L "$(find_driver)" "$ROOT/test/vpcd.so"
    mkdir -p "$ROOT/etc/reader.conf.d" "$ROOT/etc/systemd/system/pcscd.service.d"
    for number in 0 1; do
        port=0x$(printf %X $((FIRST_PORT + 2 * number)))
        cp "$ROOT/test/vpcd.so" "$ROOT/test/vpcd-$number.so"
        printf '%s\n' "FRIENDLYNAME \"Virtual PCD $((number + 1))\"" "DEVICENAME /dev/null:$port" \
            "LIBPATH /test/vpcd-$number.so" "CHANNELID $port"
    done >"$ROOT/etc/reader.conf.d/vpcd"
    polkit=--disable-polkit
    pcscd --help | grep -q -e --disable-polkit || polkit=
    printf '%s\n' '[Service]' ExecStart= "ExecStart=/usr/sbin/pcscd --foreground $polkit" Sandboxing=no \
        >"$ROOT/etc/systemd/system/pcscd.service.d/test.conf"
    cat >"$ROOT/etc/systemd/system/piv-test.service" <<'END'
[Unit]
Wants=dbus.service systemd-logind.service pcscd.socket systemd-journald.service
After=dbus.service systemd-logind.service pcscd.socket systemd-journald.service
[Service]
Type=oneshot
ExecStart=/test/card_removal.sh --in-container
ExecStopPost=/bin/systemctl --force --force poweroff
StandardOutput=append:/test/out
StandardError=append:/test/out
TimeoutStartSec=700
END
    in_container() {
        timeout 750 systemd-nspawn -q --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off \
            --directory="$ROOT" --console=pipe "$@" </dev/null
    }
    run in_container /bin/true
    [ "$STATUS" = 0 ] || skip "this machine permits no containers: $(tail -n 1 <<<"$OUT")"
    run in_container /lib/systemd/systemd systemd.unit=piv-test.service
    [ -s "$ROOT/test/out" ] || give_up "the container did not boot" "$(tail -n 20 <<<"$OUT")"
    sed -i '/^Powering off/d' "$ROOT/test/out"
    sed '$d' "$ROOT/test/out"
    [[ $(tail -n 1 "$ROOT/test/out") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]] || give_up "no result from the container" \
        "$(tail -n 20 <<<"$OUT")" "$(tail -n 3 "$ROOT/test/out")"
    PASSED=${BASH_REMATCH[1]} FAILED=${BASH_REMATCH[2]}
    finish
fi

# --- in the container ------------------------------------------------------------------------------------
TMPDIR=/run/test LAB=/test/lab CARD=/test/piv-virtual-card WAIT=/test/pcsc-wait
mkdir -p "$TMPDIR"
cd /test || exit 1
declare -A SESSION=()

hold() { # NAME SERVICE USER: a login that keeps its session open until `release NAME`
    mkfifo "$TMPDIR/hold-$1"
    /test/session-holder "$2" "$3" 123456 <"$TMPDIR/hold-$1" >"$TMPDIR/$1.log" 2>&1 &
    PIDS[$1]=$!
    exec {fd}>"$TMPDIR/hold-$1"
    HOLD[$1]=$fd
    wait_until 60 "session $1" grep -qE '^open |: [0-9]+$' "$TMPDIR/$1.log"
    SESSION[$1]=$(sed -n 's/^open //p' "$TMPDIR/$1.log")
}
declare -A HOLD=()
release() { # NAME
    local fd=${HOLD[$1]}
    exec {fd}>&-
    rm -f "$TMPDIR/hold-$1"
    wait "${PIDS[$1]}" 2>/dev/null
}
locks() { # NAME: how often its session was told to lock
    grep -c "path=/org/freedesktop/login1/session/_*3*${SESSION[$1]}; .*member=Lock$" "$TMPDIR/signals.log"
}
locked() { [ "$(locks "$1")" -ge "$2" ]; } # NAME TIMES
gone() { ! loginctl show-session "${SESSION[$1]}" >/dev/null 2>&1; }
watchers() { pgrep -cf piv-login-watch; } # both halves
watchers_are() { [ "$(watchers)" = "$1" ]; }
journal() { journalctl -q -b -t piv-login -o cat | grep -F "$1"; }
said() { journal "session ${SESSION[$1]} of $2: $3" >/dev/null; }

start signals dbus-monitor --system "type='signal',interface='org.freedesktop.login1.Session'"
"$WAIT" --readers 4 || give_up "pcscd"
PIDS[pcscd]=systemd # its, not ours: cards are waited for
start_card alice 1 "$(lab_card alice)"
start_card bob 3 "$(lab_card bob)"

# --- who watches ------------------------------------------------------------------------------------------
hold nothing nothing alice
equal "on_card_removal = ignore: nothing is started" 0 "$(watchers)"
release nothing
hold alice piv alice
hold bob piv bob
[ "${SESSION[alice]:+${SESSION[bob]}}" ] ||
    give_up "two sessions" "$(cat "$TMPDIR"/alice.log "$TMPDIR"/bob.log)" "$(journal '')"
equal "a watcher of two halves for each session" 4 "$(watchers)"
equal "one half is root's, the other has no rights" "piv-login root" \
    "$(pgrep -f piv-login-watch | xargs ps -o user= -p | sort | uniq -c | awk '$1 == 2 { print $2 }' | xargs)"
for pid in $(pgrep -f -u piv-login piv-login-watch); do
    equal "the half that reads cards is behind a filter and gains nothing" "NoNewPrivs: 1 Seccomp: 2" \
        "$(grep -E '^(NoNewPrivs|Seccomp):' "/proc/$pid/status" | xargs)"
    equal "and holds few descriptors" yes "$([ "$(find "/proc/$pid/fd" -mindepth 1 | wc -l)" -le 10 ] && echo yes)"
done
for pid in $(pgrep -f piv-login-watch); do
    equal "nothing is on the command line, nothing in the environment" "piv-login-watch 0" \
        "$(tr '\0' ' ' <"/proc/$pid/cmdline" | xargs) $(wc -c <"/proc/$pid/environ")"
done
wait_until 20 "the watch of alice's card" said alice alice "is locked when its card leaves reader $(card_reader alice)"
sleep 1

# --- removal ----------------------------------------------------------------------------------------------
remove_card alice
card alice insert >/dev/null
wait_card alice
sleep 3
equal "removed and back within the debounce: nothing" 0 "$(locks alice)"
remove_card alice
wait_until 15 "the lock of alice's session" locked alice 1
pass "removed: the session is locked"
sleep 3
equal "once" 1 "$(locks alice)"
equal "another user's session is left alone" 0 "$(locks bob)"
insert_card alice
wait_until 10 "its return" said alice alice "its card is back"
remove_card alice
wait_until 15 "the second lock" locked alice 2
pass "removed again: locked again"
insert_card alice
sleep 2

# --- what is no removal -------------------------------------------------------------------------------------
systemctl restart pcscd.service
wait_card alice
wait_card bob
sleep 5
equal "pcscd restarted: alice's session is not locked" 2 "$(locks alice)"
equal "pcscd restarted: bob's session is not locked" 0 "$(locks bob)"
succeeds "and it was noticed" said alice alice "pcscd does not answer"
half=$(pgrep -P "$(pgrep -f -u root piv-login-watch | head -n 1)")
kill -KILL "$half"
wait_until 10 "a new half" watchers_are 4
sleep 3
equal "the half that reads cards was killed: another one, and no lock" "2 0" "$(locks alice) $(locks bob)"
remove_card alice
remove_card bob
wait_until 20 "the lock after that" locked alice 3
wait_until 20 "the lock after that" locked bob 1
pass "and removal still locks"
insert_card alice
insert_card bob

# --- the end of the session -----------------------------------------------------------------------------------
release bob
wait_until 10 "the end of bob's watcher" watchers_are 2
wait_until 10 "the end of bob's session" gone bob
pass "the session ends, and its watcher with it"
kill -KILL "$(pgrep -f -u root piv-login-watch)"
wait_until 5 "the end of both halves" watchers_are 0
pass "without its root half the other ends too"
release alice
wait_until 10 "the end of alice's session" gone alice

# --- another card, and logout ------------------------------------------------------------------------------
hold slow slow alice
wait_until 20 "the watch" said slow alice "is locked when"
sleep 1
stop_card alice
start_card carol 1 "$(lab_card carol)"
wait_until 20 "the lock" locked slow 1
pass "another card in the reader: locked before the debounce of a minute is over"
succeeds "and the journal says why" said slow alice "another card is where its card was"
stop_card carol
release slow
start_card alice 1 "$(lab_card alice)"
hold out logout alice
hold other piv bob
wait_until 20 "the watch" said out alice "ends when its card"
sleep 1
remove_card alice
wait_until 20 "the end of the session" gone out
pass "on_card_removal = logout: the session has ended"
wait "${PIDS[out]}" 2>/dev/null
wait_until 10 "the end of its watcher" watchers_are 2
equal "bob's session goes on" active "$(loginctl show-session -P State "${SESSION[other]}" | sed s/online/active/)"
release other
wait_until 10 "the end of every watcher" watchers_are 0
pass "no watcher is left"

# --- sessions that cannot be watched ----------------------------------------------------------------------
insert_card alice
hold unregistered unregistered alice
succeeds "a session that logind does not know: refused where the line says required" \
    grep -q '^open_session: 14$' "$TMPDIR/unregistered.log"
succeeds "and the journal says why" journal "systemd-logind has no session for it"
release unregistered
mv /usr/libexec/piv-login/piv-login-watch /usr/libexec/piv-login/away
hold missing piv alice
succeeds "without the program: refused" grep -q '^open_session: 14$' "$TMPDIR/missing.log"
succeeds "and the journal says so" journal "piv-login-watch cannot be started"
release missing
equal "no watcher is left" 0 "$(watchers)"
finish
