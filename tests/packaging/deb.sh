#!/bin/bash
# The Debian package in an image of this system: made by cpack from the build, installed by dpkg, switched
# on, a login by card and by password, a refused removal, removed, purged. usage: deb.sh BUILD_DIR
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/image.sh"
need cpack dpkg dpkg-deb dpkg-shlibdeps pamtester
[ -d /var/lib/dpkg/info ] || skip "this system is not installed by dpkg"
enter_sandbox "$@"

# --- package -------------------------------------------------------------------------------------------
(cd "$TMPDIR" && cpack -G DEB --config "$BUILD/CPackConfig.cmake" -B "$TMPDIR/cpack") >"$TMPDIR/cpack.log" 2>&1 ||
    give_up "cpack"
DEB=$(find "$TMPDIR/cpack" -maxdepth 1 -name 'piv-login_*.deb')
contents=$(dpkg-deb -c "$DEB")
depends=$(dpkg-deb -f "$DEB" Depends)
for name in libssl3 libc6 pcscd; do
    if [[ $depends == *"$name"* ]]; then pass "depends on $name"; else fail "does not depend on $name: $depends"; fi
done
for path in security/pam_piv.so libnss_piv.so.2 usr/libexec/piv-login/piv-login-helper usr/sbin/enable_smartcard \
    usr/share/piv-login/templates/README; do
    if [[ $contents == *"$path"* ]]; then pass "contains $path"; else fail "lacks $path"; fi
done
equal "nothing set-uid, nothing writable by others, everything root's" "" \
    "$(awk '$1 ~ /^-..s|^[-d].......w/ || $2 != "root/root"' <<<"$contents")"

# --- image ---------------------------------------------------------------------------------------------
ROOT=$TMPDIR/image
make_image "$ROOT"
cp -a /var/lib/dpkg "$ROOT/var/lib/"
mkdir -p "$ROOT/var/log"
cp "$DEB" "$ROOT/piv-login.deb"
cp -a "$ROOT/etc" "$TMPDIR/etc-before"
need_lab
cp "$LAB/root.cer" "$LAB/int.cer" "$ROOT/"
start_ocsp int
start_ocsp root
start_pcscd
start_card alice "$(lab_card alice)" --pin 123456
in_image() { chroot "$ROOT" "$@"; }

succeeds "dpkg -i" in_image dpkg -i /piv-login.deb
cp -a "$ROOT/etc" "$TMPDIR/etc-installed"
rm -rf "$TMPDIR/etc-installed/piv-login"
succeeds "installing changes nothing else in /etc" same_etc "$TMPDIR/etc-before" "$TMPDIR/etc-installed"
succeeds "dpkg -V" in_image dpkg -V piv-login
succeeds "enable-smartcard" in_image enable-smartcard --ca-cert /root.cer /int.cer --domain corp.example.com=CORP
succeeds "a login with the card" login 123456
succeeds "dpkg -i again, as an upgrade" in_image dpkg -i /piv-login.deb
succeeds "upgraded: a login with the card" login 123456
remove_card alice
succeeds "a login with the password, without the card" login secret-word
exits_with 1 "no login with a wrong password" login wrong-word
insert_card alice

cp -a "$ROOT/etc/pam.d/sudo" "$TMPDIR/sudo"
sed -i '1a auth sufficient pam_piv.so' "$ROOT/etc/pam.d/sudo"
exits_with 1 "no removal while a PAM file names the module by hand" in_image dpkg -r piv-login
says "/etc/pam.d/sudo still names pam_piv.so"
succeeds "after a refused removal: the files are still there" in_image dpkg -V piv-login
cp -a "$TMPDIR/sudo" "$ROOT/etc/pam.d/sudo"
succeeds "dpkg -r" in_image dpkg -r piv-login
succeeds "dpkg -P" in_image dpkg -P piv-login
succeeds "/etc is as it was before" same_etc "$TMPDIR/etc-before" "$ROOT/etc"
exits_with 2 "nothing of it is left" in_image ls -d /etc/piv-login /var/lib/piv-login /usr/libexec/piv-login
succeeds "removed: a login with the password" login secret-word
exits_with 1 "removed: no login with a PIN" login 123456
finish
