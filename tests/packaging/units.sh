#!/bin/bash
# The units of the RPM under a real systemd: an image of this system is booted in a container, its services
# run as the units say (sandboxing included), and what the sandboxing forbids is tried.
# usage: units.sh BUILD_DIR, after rpm.sh, which builds the packages
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/image.sh"
need rpm pamtester systemd-analyze systemd-nspawn /lib/systemd/systemd
if [ "${PIV_SANDBOX:-no}" != yes ] && [ ! -d "$1/rpm" ]; then "$(dirname "$0")/build.sh" "$1" rpm >/dev/null || exit 1; fi
enter_sandbox "$@"

mapfile -t PACKAGES < <(find "$BUILD/rpm" -name '*.rpm' -not -name '*.src.rpm')
ROOT=$TMPDIR/image
UNITS=$ROOT/usr/lib/systemd/system
make_image "$ROOT"
rpm --root "$ROOT" --initdb
rpm --root "$ROOT" --nodeps -i "${PACKAGES[@]}" 2>/dev/null || give_up "rpm -i"
need_lab
start_ocsp int
start_ocsp root
start_pcscd
start_card alice "$(lab_card alice)" --pin 123456
cp "$LAB/root.cer" "$LAB/int.cer" "$ROOT/tmp/"
succeeds "enable-smartcard" chroot "$ROOT" enable-smartcard --ca-cert /tmp/root.cer /tmp/int.cer --domain corp.example.com=CORP
succeeds "a login with the card, which fills the cache" login 123456
umount -l "$ROOT/proc" "$ROOT/dev" "$ROOT/run"
mkdir -p "$ROOT"/{sys,root,mnt,var/log,var/tmp}

# --- as files ------------------------------------------------------------------------------------------
mapfile -t NAMES < <(cd "$UNITS" && printf '%s\n' piv-login-*)
equal "services and timers" "4" "${#NAMES[@]}"
succeeds "systemd-analyze verify" systemd-analyze verify --man=no --root="$ROOT" "${NAMES[@]}"
equal "systemd-analyze verify says nothing" "" "$OUT"
for service in piv-login-rollover piv-login-ocsp-prefetch; do
    # Of 10; what is left are the network of one, and file capabilities of the other.
    succeeds "$service: exposure below 3" systemd-analyze security --offline=true --threshold=30 --root="$ROOT" "$service.service"
done

# --- booted ----------------------------------------------------------------------------------------------
# forbidden SERVICE WHAT COMMAND: a unit with the sandboxing of SERVICE and another command.
forbidden() {
    sed "s|^ExecStart=.*|ExecStart=/bin/sh -c '$3'|; /^SuccessExitStatus/d; /^Condition/d" "$UNITS/$1.service" \
        >"$ROOT/etc/systemd/system/forbidden-$2.service"
}
forbidden piv-login-rollover usr "touch /usr/bin/forbidden"
forbidden piv-login-rollover home "ls /home/alice"
forbidden piv-login-rollover network "exec 3<>/dev/tcp/127.0.0.1/$(port_of "$ocsp_url")"
forbidden piv-login-rollover device "head -c 1 /dev/kmsg"
forbidden piv-login-ocsp-prefetch trust "touch /etc/piv-login/trust/anchors/forbidden"
forbidden piv-login-ocsp-prefetch namespace "unshare --user true"
forbidden piv-login-ocsp-prefetch mount "mount -t tmpfs none /mnt"
# The same with nothing forbidden: that they fail is for the sandboxing alone.
printf '[Service]\nType=oneshot\nExecStart=/bin/sh -c "%s"\n' \
    "touch /usr/bin/permitted /etc/piv-login/trust/anchors/permitted && ls /home/alice && rm /etc/piv-login/trust/anchors/permitted && mount -t tmpfs none /mnt" \
    >"$ROOT/etc/systemd/system/permitted.service"
sed -i "s|/bin/sh -c 'exec|/bin/bash -c 'exec|" "$ROOT/etc/systemd/system/forbidden-network.service"
cat >"$ROOT/root/in-the-container" <<'END'
#!/bin/bash
cd /root
systemd-tmpfiles --create piv-login.conf
stat -c '%n %a %U' /var/lib/piv-login/cache/cards >tmpfiles
for timer in rollover ocsp-prefetch; do systemctl is-enabled piv-login-$timer.timer; done >enabled 2>&1
systemctl start piv-login-rollover.timer piv-login-ocsp-prefetch.timer
systemctl list-timers --all --no-legend >timers
for service in rollover ocsp-prefetch; do
    systemctl start piv-login-$service.service
    systemctl show -p Result -p ExecMainStatus -p ConditionResult --value piv-login-$service.service | xargs >$service
    journalctl -q -b -o cat -u piv-login-$service.service >$service.journal
done
systemctl start permitted.service && echo success >permitted
for unit in /etc/systemd/system/forbidden-*.service; do
    unit=${unit##*/}
    systemctl start "$unit" >/dev/null 2>&1
    systemctl show -p Result --value "$unit" >"${unit%.service}"
done
END
chmod 0755 "$ROOT/root/in-the-container"
cat >"$ROOT/etc/systemd/system/piv-test.service" <<'END'
[Unit]
DefaultDependencies=no
After=systemd-journald.service dbus.socket
Wants=systemd-journald.service
[Service]
Type=oneshot
ExecStart=/root/in-the-container
ExecStopPost=/bin/systemctl --force --force poweroff
StandardOutput=journal+console
StandardError=journal+console
TimeoutStartSec=200
END
mkdir -p "$ROOT/home/alice"
in_container() {
    timeout 240 systemd-nspawn -q --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off \
        --directory="$ROOT" --console=pipe "$@" </dev/null
}
run in_container /bin/true
[ "$STATUS" = 0 ] || [ "$FAILED" != 0 ] || skip "this machine permits no containers: $(tail -n 1 <<<"$OUT")"
booted() { in_container /lib/systemd/systemd systemd.unit=piv-test.service; }
succeeds "an image boots under systemd, in a container" booted

# --- what it did -----------------------------------------------------------------------------------------
result() { cat "$ROOT/root/$1" 2>/dev/null; }
equal "tmpfiles.d: the cards' part of the cache is the card role's" "/var/lib/piv-login/cache/cards 700 piv-login" "$(result tmpfiles)"
equal "presets: the check of the chain is on, fetching from the network is not" "enabled disabled" "$(result enabled | xargs)"
for timer in rollover ocsp-prefetch; do
    if result timers | grep -q "left .*piv-login-$timer.timer"; then pass "the timer of $timer waits"; else fail "no timer of $timer" "$(result timers)"; fi
done
equal "rollover: condition met, run, success" "success 0 yes" "$(result rollover)"
equal "prefetch: condition met, run, success" "success 0 yes" "$(result ocsp-prefetch)"
if result ocsp-prefetch.journal | grep -qx '[1-9][0-9]* cached answers, [1-9][0-9]* renewed, 0 failed, 0 revoked'; then
    pass "prefetch: renewed the answers that the login left"
else
    fail "prefetch: renewed nothing" "$(result ocsp-prefetch.journal)"
fi
equal "without sandboxing the commands work" success "$(result permitted)"
for what in usr home network device trust namespace mount; do
    equal "the sandboxing forbids: $what" exit-code "$(result "forbidden-$what")"
done
exits_with 1 "and nothing of it was written" test -e "$ROOT/usr/bin/forbidden" -o -e "$ROOT/etc/piv-login/trust/anchors/forbidden"
finish
