#!/bin/bash
# The rollover's systemd units: well-formed by systemd's own judgement, and what they start works with
# the privileges, the file systems and the system calls that they leave it.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need systemd-analyze setpriv strace openssl
service=$(find /usr/lib/systemd /lib/systemd -name piv-login-rollover.service 2>/dev/null | head -1)
[ -n "$service" ] || skip "no systemd units were installed (configured without systemd)"
timer=${service%.service}.timer
need_lab

succeeds "systemd takes the units" systemd-analyze verify --man=no "$service" "$timer"
equal "and has nothing to say about them" "" "$(grep piv-login <<<"$OUT")"
value() { sed -n "s/^$1=//p" "$2"; } # KEY FILE
succeeds "the timer's calendar" systemd-analyze calendar "$(value OnCalendar "$timer")"
command=$(value ExecStart "$service")
succeeds "what it starts is installed" test -x "${command%% *}"

# --- as the unit runs it -----------------------------------------------------------------------------
capabilities=$(value CapabilityBoundingSet "$service" | tr 'A-Z ' 'a-z\n' | sed 's/^cap_/+/' | paste -sd,)
as_unit() { # COMMAND...: ProtectSystem=full, ReadWritePaths, ProtectHome, PrivateTmp, capabilities
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount --net --propagation private bash -ec '
        for dir in /usr /etc; do mount --bind $dir $dir && mount -o remount,bind,ro $dir; done
        for path in $1; do
            optional=${path#-}
            [ -e "$optional" ] || [ "$optional" != "$path" ] || exit 226
            [ ! -e "$optional" ] || { mount --bind "$optional" "$optional"; mount -o remount,bind,rw "$optional"; }
        done
        mount -t tmpfs none /root
        shift
        exec setpriv --no-new-privs --bounding-set "-all,$1" --inh-caps "-all" "${@:2}"' \
        bash "$(value ReadWritePaths "$service")" "$capabilities" "$@"
}
run_timer() { # shellcheck disable=SC2086
    as_unit $command
}
mkdir -p /etc/piv-login/trust/anchors /etc/piv-login/trust/intermediates
cp "$LAB/root.pem" /etc/piv-login/trust/anchors/
rm -rf /var/lib/piv-login
exits_with 1 "the confinement holds" as_unit touch /etc/elsewhere
says "Read-only file system"
succeeds "the first run, before there is a state folder" run_timer
succeeds "the metrics are where the state is" test -s /var/lib/piv-login/metrics.prom
succeeds "and when it was" test -s /var/lib/piv-login/rollover-checked

# A promotion writes the trust folder; cards are read although another user owns them.
succeeds "a next CA" piv-trust add "$LAB/int.pem" --at "$(date -u -d '-6 days' +%FT%TZ)" --state next
install -d -o piv-login -g piv-login -m 700 /var/lib/piv-login/cache/cards
openssl x509 -in "$LAB/alice.pem" -outform DER -out /var/lib/piv-login/cache/cards/alice
chown piv-login: /var/lib/piv-login/cache/cards/alice
chmod 600 /var/lib/piv-login/cache/cards/alice
rm /var/lib/piv-login/rollover-checked
succeeds "promotion by the timer" run_timer
says "is active now"
rm /var/lib/piv-login/rollover-checked
# shellcheck disable=SC2086
run as_unit $command --json
says "such as CN=Alice" "the cards were seen"
rm /var/lib/piv-login/rollover-checked

# Its system calls are among those that the filter allows.
run_traced() { # shellcheck disable=SC2086
    strace -f -qq -o "$TMPDIR/calls" $command
}
succeeds "traced" run_traced
allowed() { # SET...: with the sets in them
    local set
    for set in "$@"; do
        # shellcheck disable=SC2046
        systemd-analyze syscall-filter "$set" 2>/dev/null | sed 's/#.*//' | awk 'NR > 1 && NF { print $1 }' | while read -r name; do
            case $name in @*) allowed "$name" ;; *) echo "$name" ;; esac
        done
    done
}
allowed "$(value SystemCallFilter "$service")" @default | sort -u >"$TMPDIR/allowed"
succeeds "the list of allowed calls is whole" test "$(wc -l <"$TMPDIR/allowed")" -gt 200
equal "no system call is outside of the filter" "" "$(sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' "$TMPDIR/calls" |
    sort -u | comm -23 - "$TMPDIR/allowed" | paste -sd' ')"

# --- who watches ------------------------------------------------------------------------------------
if command -v promtool >/dev/null; then
    run sh -c 'promtool check metrics </var/lib/piv-login/metrics.prom'
    equal "promtool has but the unit to say about the metrics: days are what people count in" "" \
        "$(grep -v 'use base unit "seconds" instead of "days"' <<<"$OUT")"
fi
finish
