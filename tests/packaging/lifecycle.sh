#!/bin/bash
# The life of the RPM in a throw-away root, by real rpm: installed, switched on, upgraded, downgraded,
# upgrades and removals that are killed in the middle, refused removals, removed. At every step a login
# by password works, no PAM file names a module that is not there, and edited configuration is kept.
# usage: lifecycle.sh BUILD_DIR, after rpm.sh, which builds the packages
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/image.sh"
. "$(dirname "$0")/repackage.sh"
need rpm rpmbuild pamtester strace objcopy
if [ "${PIV_SANDBOX:-no}" != yes ] && [ ! -d "$1/rpm" ]; then "$(dirname "$0")/build.sh" "$1" rpm >/dev/null || exit 1; fi
enter_sandbox "$@"

mapfile -t OLD < <(find "$BUILD/rpm" -name '*.rpm' -not -name '*.src.rpm' | sort)
repackage 2 "$TMPDIR/release-2" "${OLD[@]}" || give_up "repackage"
mapfile -t NEW < <(find "$TMPDIR/release-2" -name '*.rpm' | sort)
equal "as many packages of release 2" "${#OLD[@]}" "${#NEW[@]}"
mapfile -t NAMES < <(rpm -qp --qf '%{NAME}\n' "${OLD[@]}")
MODULE=$(rpm -qlp "${OLD[@]}" | grep '/pam_piv\.so$')
CONFIG=/etc/piv-login/piv-login.conf

ROOT=$TMPDIR/image
make_image "$ROOT"
cp -a "$ROOT/etc" "$TMPDIR/etc-before"
need_lab
start_ocsp int
start_ocsp root
start_pcscd
start_card alice "$(lab_card alice)" --pin 123456
# Debian's rpm says of itself that it is not for Debian, and its database knows no package of Debian.
in_root() { rpm --root "$ROOT" "$@" 2> >(grep -v '^rpm: ' >&2); }

# Whatever else is the case: nobody is locked out.
nobody_is_locked_out() { # WHAT
    if [ ! -e "$ROOT$MODULE" ]; then
        equal "$1: no PAM file names a missing module" "" "$(grep -ls '^[^#]*pam_piv\.so' "$ROOT"/etc/pam.d/*)"
    fi
    card alice remove >/dev/null
    wait_no_card alice
    succeeds "$1: a login by password" login secret-word
    insert_card alice
}
release_is() { # RELEASE WHAT: what the database says, and what is on the disk
    local want=$1 release
    equal "$2: the database has release $1 of each package, once" "$(printf "%s $1\n" "${NAMES[@]}" | sort)" \
        "$(in_root -q --qf '%{NAME} %{RELEASE}\n' "${NAMES[@]}" | sort)"
    release=$(readelf -p .note.piv-release "$ROOT$MODULE" 2>/dev/null | sed -n 's/.*release \([0-9]*\).*/\1/p')
    equal "$2: the module on the disk is of release $1" "$want" "${release:-1}"
    equal "$2: rpm -V finds nothing but the edited configuration" "" \
        "$(in_root -V --nodeps "${NAMES[@]}" | grep -v " c $CONFIG\$")"
}
edit_is_kept() { equal "$1: the edited configuration is kept" "# edited here" "$(tail -n 1 "$ROOT$CONFIG")"; }

# --- install ---------------------------------------------------------------------------------------------
succeeds "rpm -i" in_root -i --nodeps "${OLD[@]}"
release_is 1 installed
nobody_is_locked_out installed
exits_with 1 "installed: not a PAM file names the module" grep -rqs pam_piv "$ROOT/etc/pam.d"
cp "$LAB/root.cer" "$LAB/int.cer" "$ROOT/tmp/"
sed -i "s/^#timeout_ms = .*/timeout_ms = 6000/" "$ROOT$CONFIG"
echo "# edited here" >>"$ROOT$CONFIG"
switch_on() {
    chroot "$ROOT" enable-smartcard --ca-cert /tmp/root.cer /tmp/int.cer --domain corp.example.com=CORP
}
succeeds "enable-smartcard" switch_on
succeeds "switched on: a login with the card" login 123456
nobody_is_locked_out "switched on"

# --- upgrade and downgrade -----------------------------------------------------------------------------
succeeds "rpm -U" in_root -U --nodeps "${NEW[@]}"
release_is 2 upgraded
edit_is_kept upgraded
equal "upgraded: the packaged configuration is beside it" "# Release 2" "$(tail -n 1 "$ROOT$CONFIG.rpmnew")"
succeeds "upgraded: a login with the card" login 123456
nobody_is_locked_out upgraded
succeeds "rpm -U --oldpackage" in_root -U --nodeps --oldpackage "${OLD[@]}"
release_is 1 downgraded
edit_is_kept downgraded
succeeds "downgraded: a login with the card" login 123456
nobody_is_locked_out downgraded

# --- upgrades that are killed --------------------------------------------------------------------------
# strace kills rpm as it enters the Nth call of a kind: the moments are the same on every machine.
killed_at() { # CALLS N COMMAND...: true where rpm was killed
    strace -qq -o /dev/null -e "trace=$1" -e "inject=$1:signal=KILL:when=$2" "${@:3}" >"$TMPDIR/killed.log" 2>&1
    [ $? = 137 ]
}
calls_of() { # CALLS COMMAND...: how many of these a run makes
    strace -qq -o "$TMPDIR/calls" -e "trace=$1" "${@:2}" >/dev/null 2>&1
    grep -c '^[a-z0-9]*(' "$TMPDIR/calls"
}
# rpm names its new files by the second in which it began, and does not write over them.
next_second() {
    local now=$EPOCHSECONDS
    while [ "$EPOCHSECONDS" = "$now" ]; do sleep 0.05; done
}
back_to_release_1() {
    next_second
    in_root -U --nodeps --oldpackage --replacepkgs "${OLD[@]}"
}
upgrade=(rpm --root "$ROOT" --nodeps -U --replacepkgs --replacefiles)
RENAME=rename,renameat,renameat2 UNLINK=unlink,unlinkat SYNC=fsync,fdatasync
declare -A CALLS
for kind in $RENAME $UNLINK $SYNC; do
    CALLS[$kind]=$(calls_of "$kind" "${upgrade[@]}" "${NEW[@]}")
    [ "${CALLS[$kind]}" -ge 1 ] || give_up "an upgrade makes only ${CALLS[$kind]} $kind"
    succeeds "back to release 1" back_to_release_1
done
for moment in "$RENAME 1" "$RENAME $((CALLS[$RENAME] / 3))" "$RENAME $((2 * CALLS[$RENAME] / 3))" \
    "$RENAME ${CALLS[$RENAME]}" "$UNLINK $(((CALLS[$UNLINK] + 1) / 2))" "$UNLINK ${CALLS[$UNLINK]}" \
    "$SYNC 1" "$SYNC $(((CALLS[$SYNC] + 1) / 2))"; do
    what="killed at call ${moment#* } of ${moment% *}"
    # shellcheck disable=SC2086 # two words
    succeeds "an upgrade is $what" killed_at $moment "${upgrade[@]}" "${NEW[@]}"
    succeeds "$what: a login with the card" login 123456
    nobody_is_locked_out "$what"
    next_second
    succeeds "$what: rpm -U again" in_root -U --nodeps --replacepkgs --replacefiles "${NEW[@]}"
    release_is 2 "$what, and healed"
    edit_is_kept "$what, and healed"
    succeeds "$what: and back to release 1" back_to_release_1
done
release_is 1 "after all that"
equal "what a killed rpm leaves is named so that nothing reads it" "" \
    "$(find "$ROOT$(dirname "$MODULE")" "$ROOT"/usr/{bin,sbin,lib/{systemd,sysusers.d,tmpfiles.d},share/polkit-1} "$ROOT/etc" \
        -name '*piv*;*' | grep -v ';[0-9a-f]\{8\}$')"

# --- removals that are refused, and removals that are killed ---------------------------------------------
exits_with 1 "piv-login-nss is not removed from under piv-login" in_root -e piv-login-nss
says "is needed by (installed) piv-login"
cp -a "$ROOT/etc/pam.d/sudo" "$TMPDIR/sudo"
sed -i '1a auth sufficient pam_piv.so' "$ROOT/etc/pam.d/sudo"
exits_with 1 "rpm -e, while a PAM file names the module by hand" in_root -e --nodeps piv-login
says "/etc/pam.d/sudo still names pam_piv.so"
exits_with 2 "rpm -e of the name service too, while a PAM file names the module" in_root -e --nodeps piv-login piv-login-nss
says "which needs this package"
release_is 1 "refused removal"
nobody_is_locked_out "refused removal"
cp -a "$TMPDIR/sudo" "$ROOT/etc/pam.d/sudo"
succeeds "after a refused removal: switched on again" switch_on
echo "# edited by hand" >>"$ROOT/etc/pam.d/common-auth"
exits_with 1 "rpm -e, while a file that was staged is edited" in_root -e --nodeps piv-login
says "changed by somebody since it was staged: /etc/pam.d/common-auth; --force replaces what was changed"
says "enable-smartcard --undo, or --undo --force"
exits_with 2 "rpm -e of the name service, while it is switched on" in_root -e --nodeps piv-login piv-login-nss
says "/etc/nsswitch.conf still names piv"
release_is 1 "refused removal of an edited file"
nobody_is_locked_out "refused removal of an edited file"
succeeds "enable-smartcard --undo --force" chroot "$ROOT" enable-smartcard --undo --force
succeeds "after enable-smartcard --undo --force: switched on again" switch_on
for n in 1 20 50; do
    succeeds "a removal is killed at call $n of $UNLINK" killed_at $UNLINK "$n" rpm --root "$ROOT" --nodeps -e piv-login
    nobody_is_locked_out "removal killed at call $n"
    succeeds "removal killed at call $n: rpm -U again" in_root -U --nodeps --replacepkgs --replacefiles "${OLD[@]}"
    release_is 1 "removal killed at call $n, and healed"
    succeeds "removal killed at call $n, and healed: switched on again" switch_on
    succeeds "removal killed at call $n, and healed: a login with the card" login 123456
done

# --- removal ---------------------------------------------------------------------------------------------
succeeds "rpm -e" in_root -e --nodeps "${NAMES[@]}"
nobody_is_locked_out removed
exits_with 1 "removed: no login with a PIN" login 123456
exits_with 1 "removed: not a PAM file names the module" grep -rqs pam_piv "$ROOT/etc/pam.d"
equal "removed: the edited configuration is kept as .rpmsave" "# edited here" "$(tail -n 1 "$ROOT$CONFIG.rpmsave")"
rm -rf "$ROOT/etc/piv-login"
succeeds "/etc is as it was before" same_etc "$TMPDIR/etc-before" "$ROOT/etc"
finish
