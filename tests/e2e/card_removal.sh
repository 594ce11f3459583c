#!/bin/bash
# The card leaves the reader: real sessions of a real systemd-logind, in a container that is booted with a
# copy of this system, with real pcscd and virtual cards. The script runs itself in there.
. "$(dirname "$0")/lib.sh"

# --- outside ---------------------------------------------------------------------------------------------
if [ "${1:-}" != --in-container ]; then
    . "$(dirname "$0")/../packaging/image.sh"
    need systemd-nspawn /lib/systemd/systemd /lib/systemd/systemd-logind dbus-daemon dbus-monitor pcscd \
        pkcs11-tool softhsm2-util setpriv
    [ -e "$1/pam_module/watch/piv-login-watch" ] || skip "built without libsystemd: there is no piv-login-watch"
    find_driver | grep -q . || skip "the reader driver vpcd is not installed (scripts/install-deps)"
    enter_sandbox "$@" -- --install "$1"
    need_lab
    ROOT=$TMPDIR/image
    module_named() { find /usr/lib /usr/lib64 -name "$1" 2>/dev/null | head -1; }
    configure_login "[revocation]" "ocsp = off" "[session]" "on_card_removal = lock" "removal_debounce_ms = 2000" \
        "[service slow]" "session.removal_debounce_ms = 60000" \
        "[service token]" "card.backend = pkcs11" "card.module = $(module_named opensc-pkcs11.so)" \
        "[service soft]" "card.backend = pkcs11" "card.module = $(module_named libsofthsm2.so)" \
        "[service logout]" "session.on_card_removal = logout" "[service nothing]" "session.on_card_removal = ignore"
    for service in piv slow logout nothing token soft; do
        printf '%s\n' "auth required pam_piv.so" "account required pam_permit.so" \
            "session required pam_systemd.so type=x11 class=user" "session required pam_piv.so" >"/etc/pam.d/$service"
    done
    printf '%s\n' "auth required pam_piv.so" "account required pam_permit.so" "session required pam_piv.so" \
        "session required pam_permit.so" >/etc/pam.d/unregistered
    make_image "$ROOT"
    umount -l "$ROOT/proc" "$ROOT/dev" "$ROOT/run"
    mkdir -p "$ROOT"/{sys,root,mnt,var/log,var/tmp,var/lib/piv-login/cache,run/home,test/lab}
    for program in tests/card/piv-virtual-card tests/card/pcsc-wait tests/e2e/session-holder \
        tests/card/libifd-unplugged.so pam_module/watch/piv-login-watch-loginctl; do
        cp "$BUILD/$program" "$ROOT/test/"
    done
    cp "$LAB"/{alice,bob,carol}.{pem,key} "$ROOT/test/lab/"
    cp "$0" "$SOURCE/tests/e2e/lib.sh" "$ROOT/test/"
    cp -L "$(find_driver)" "$ROOT/test/vpcd.so"
    mkdir -p "$ROOT/etc/reader.conf.d" "$ROOT/etc/systemd/system/pcscd.service.d"
    # The first reader can be unplugged.
    for number in 0 1; do
        port=0x$(printf %X $((FIRST_PORT + 2 * number)))
        cp "$ROOT/test/vpcd.so" "$ROOT/test/vpcd-$number.so"
        driver=/test/vpcd-$number.so
        [ $number = 1 ] || driver=/test/libifd-unplugged.so
        printf '%s\n' "FRIENDLYNAME \"Virtual PCD $((number + 1))\"" "DEVICENAME /dev/null:$port" \
            "LIBPATH $driver" "CHANNELID $port"
    done >"$ROOT/etc/reader.conf.d/vpcd"
    polkit=--disable-polkit
    pcscd --help | grep -q -e --disable-polkit || polkit=
    printf '%s\n' '[Service]' ExecStart= "ExecStart=/usr/sbin/pcscd --foreground $polkit" Sandboxing=no \
        "Environment=READER_DRIVER=/test/vpcd-0.so READER_UNPLUGGED=/run/test/unplugged" \
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
TimeoutStartSec=840
END
    in_container() {
        timeout 870 systemd-nspawn -q --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off \
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
returned() { journal "session ${SESSION[$1]} of $2: " | tail -n 1 | grep -qF "its card is back"; } # NAME USER
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
for pid in $(pgrep -f -u root piv-login-watch); do
    # CAP_KILL, CAP_SETGID and CAP_SETUID: bits 5, 6 and 7.
    equal "of root the other half keeps three capabilities" \
        "CapInh: 0000000000000000 CapPrm: 00000000000000e0 CapEff: 00000000000000e0 CapBnd: 00000000000000e0 CapAmb: 0000000000000000" \
        "$(grep '^Cap' "/proc/$pid/status" | xargs)"
done
for pid in $(pgrep -f -u piv-login piv-login-watch); do
    equal "and the half that reads cards none" "CapPrm: 0000000000000000 CapEff: 0000000000000000" \
        "$(grep -E '^Cap(Prm|Eff)' "/proc/$pid/status" | xargs)"
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

# --- gaps, as of a machine that sleeps ----------------------------------------------------------------------
pcscd_pid() { systemctl show -P MainPID pcscd.service; }
freeze() { kill -STOP "$@"; }
thaw() { kill -CONT "$@"; }
count_locks() { ALICE_LOCKS=$(locks alice) BOB_LOCKS=$(locks bob); }
new_locks() { echo "$(($(locks alice) - ALICE_LOCKS)) $(($(locks bob) - BOB_LOCKS))"; } # of alice's and bob's
sleep 3
count_locks
freeze "$(pcscd_pid)"
sleep 6
thaw "$(pcscd_pid)"
sleep 4
equal "pcscd stood still for six seconds: nothing" "0 0" "$(new_locks)"
mapfile -t halves < <(pgrep -f piv-login-watch)
freeze "${halves[@]}"
sleep 6
thaw "${halves[@]}"
sleep 4
equal "both halves of every watcher stood still: nothing" "0 0" "$(new_locks)"
freeze "$(pcscd_pid)"
card alice remove >/dev/null
sleep 5
equal "removed while pcscd stands still: not yet seen" "0 0" "$(new_locks)"
thaw "$(pcscd_pid)"
wait_until 15 "the lock of alice's session" locked alice $((ALICE_LOCKS + 1))
insert_card alice
wait_until 20 "its return" returned alice alice
freeze "${halves[@]}"
card alice remove >/dev/null
sleep 5
thaw "${halves[@]}"
wait_until 15 "the lock of alice's session" locked alice $((ALICE_LOCKS + 2))
sleep 1
equal "removed in a gap: locked when it is over, and bob's is not" "2 0" "$(new_locks)"
insert_card alice
wait_until 20 "its return" returned alice alice
count_locks
loginctl lock-session "${SESSION[alice]}"
wait_until 10 "the lock by hand" locked alice $((ALICE_LOCKS + 1))
remove_card alice
wait_until 15 "the second lock" locked alice $((ALICE_LOCKS + 2))
sleep 3
equal "a session that is locked already is told once more, and once" "2 0" "$(new_locks)"
insert_card alice
wait_until 20 "its return" returned alice alice

# --- the reader's device is gone, pcscd goes on -------------------------------------------------------------
count_locks
touch /run/test/unplugged
wait_until 20 "the lock of alice's session" locked alice $((ALICE_LOCKS + 1))
sleep 2
equal "the driver says that the device is gone: locked, and bob's is not" "1 0" "$(new_locks)"
rm /run/test/unplugged
wait_until 30 "its return" returned alice alice
pass "there again: the card is known again"
remove_card alice
wait_until 15 "the lock" locked alice $((ALICE_LOCKS + 2))
pass "and its removal locks again"
insert_card alice
wait_until 20 "its return" returned alice alice
# Off the list of readers: pcscd starts without it.
count_locks
cp /etc/reader.conf.d/vpcd "$TMPDIR/readers"
sed -i '1,4d' /etc/reader.conf.d/vpcd
systemctl restart pcscd.service
wait_until 30 "the lock of alice's session" locked alice $((ALICE_LOCKS + 1))
sleep 3
equal "the reader is on no list any more: locked, and bob's is not" "1 0" "$(new_locks)"
cp "$TMPDIR/readers" /etc/reader.conf.d/vpcd
systemctl restart pcscd.service
wait_card alice
wait_card bob
wait_until 30 "its return" returned alice alice
wait_until 30 "bob's return" returned bob bob
equal "and back: nothing more" "1 0" "$(new_locks)"

# --- pcscd hangs ------------------------------------------------------------------------------------------------
count_locks
freeze "$(pcscd_pid)"
wait_until 75 "the lock of alice's session" locked alice $((ALICE_LOCKS + 1))
wait_until 15 "the lock of bob's session" locked bob $((BOB_LOCKS + 1))
pass "pcscd hangs: sessions are locked, since nobody sees the cards"
succeeds "and the journal says why" said alice alice "the process that watches the card says nothing"
thaw "$(pcscd_pid)"
wait_until 90 "the return of alice's card" returned alice alice
wait_until 90 "the return of bob's card" returned bob bob
sleep 2
equal "and goes on: each was locked once" "1 1" "$(new_locks)"
remove_card bob
wait_until 15 "the lock of bob's session" locked bob $((BOB_LOCKS + 2))
pass "and removal locks again"
insert_card bob
wait_until 20 "its return" returned bob bob

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

# --- a token behind a PKCS#11 module -----------------------------------------------------------------------
insert_card alice
hold token token alice
wait_until 20 "the watch" said token alice "is locked when its card"
sleep 2
remove_card bob
sleep 4
equal "PKCS#11: another's card removed: nothing" 0 "$(locks token)"
insert_card bob
remove_card alice
wait_until 20 "the lock" locked token 1
pass "PKCS#11: the token's card removed: locked"
insert_card alice
wait_until 30 "its return" returned token alice
remove_card alice
wait_until 20 "the lock" locked token 2
pass "PKCS#11: back, and removed again: locked again"
insert_card alice
release token
# SoftHSM's token is in no reader: nobody could see it go.
remove_card alice
remove_card bob
install -d -m 755 /etc/softhsm
printf '%s\n' "directories.tokendir = /var/lib/softhsm/piv-test" "objectstore.backend = file" |
    tee /etc/softhsm/softhsm2.conf >/etc/softhsm2.conf
chmod 644 /etc/softhsm/softhsm2.conf /etc/softhsm2.conf
mkdir -p /var/lib/softhsm
chmod 755 /var/lib/softhsm
install -d -o piv-login -g piv-login -m 700 /var/lib/softhsm/piv-test "$TMPDIR/objects"
openssl x509 -in $LAB/alice.pem -outform DER -out "$TMPDIR/objects/certificate"
openssl pkcs8 -topk8 -nocrypt -in $LAB/alice.key -outform DER -out "$TMPDIR/objects/key"
chown -R piv-login: "$TMPDIR/objects"
chmod 755 "$TMPDIR"
as_role() { setpriv --reuid piv-login --regid piv-login --clear-groups "$@"; }
softhsm=$(find /usr/lib /usr/lib64 -name libsofthsm2.so 2>/dev/null | head -n 1)
tool=(as_role pkcs11-tool --module "$softhsm" --login --pin 123456 --id 01)
{
    as_role softhsm2-util --init-token --free --label token --pin 123456 --so-pin 12345678 &&
        "${tool[@]}" --write-object "$TMPDIR/objects/certificate" --type cert &&
        "${tool[@]}" --write-object "$TMPDIR/objects/key" --type privkey --usage-sign
} >"$TMPDIR/token.log" 2>&1 || give_up "a SoftHSM token"
hold soft soft alice
succeeds "a token that is in no reader: the session is refused where the line says required" \
    grep -q '^open_session: 14$' "$TMPDIR/soft.log"
succeeds "and the journal says why" journal "the token is in no PC/SC reader: its removal cannot be seen"
release soft
insert_card alice
insert_card bob

# --- before systemd 221: loginctl in place of sd-bus --------------------------------------------------------
cp -a /usr/libexec/piv-login/piv-login-watch /test/watch-of-the-build
install -m 755 /test/piv-login-watch-loginctl /usr/libexec/piv-login/piv-login-watch
hold old piv alice
hold oldout logout bob
wait_until 20 "the watch" said old alice "is locked when its card"
wait_until 20 "the watch" said oldout bob "ends when its card"
sleep 1
remove_card alice
wait_until 20 "the lock" locked old 1
pass "loginctl: removed: the session is locked"
insert_card alice
wait_until 20 "its return" returned old alice
mv /usr/bin/loginctl /usr/bin/loginctl-away
remove_card alice
wait_until 20 "what it says" said old alice "it cannot be locked: loginctl: No such file or directory; trying on"
mv /usr/bin/loginctl-away /usr/bin/loginctl
wait_until 20 "the lock" locked old 2
pass "without loginctl it says so and tries on"
insert_card alice
wait_until 20 "its return" returned old alice
remove_card bob
wait_until 20 "the end of the session" gone oldout
pass "loginctl: on_card_removal = logout: the session has ended"
equal "loginctl: and alice's was told to lock no more" 2 "$(locks old)"
wait "${PIDS[oldout]}" 2>/dev/null
release old
wait_until 10 "the end of every watcher" watchers_are 0
insert_card bob
install -m 755 /test/watch-of-the-build /usr/libexec/piv-login/piv-login-watch

# --- sessions that cannot be watched ----------------------------------------------------------------------
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
