#!/bin/bash
# The RPM from end to end: built from this tree, installed into a throw-away root, complete, switched
# on there by its own enable-smartcard, a login with the installed files, and taken out again.
# usage: rpm.sh BUILD_DIR
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/image.sh"
need rpm rpmbuild jq pamtester
if [ "${PIV_SANDBOX:-no}" != yes ]; then
    # With its own tests (%check); outside of the sandbox, into a folder of the build: the compiler cache is of use there.
    "$(dirname "$0")/build.sh" "$1" rpm --check || exit 1
fi
enter_sandbox "$@"

mapfile -t RPMS < <(find "$BUILD/rpm" -name '*.rpm' -not -name '*.src.rpm' | sort)
RPM=$(find "$BUILD/rpm" -name 'piv-login-[0-9]*.rpm' -not -name '*.src.rpm')
ROOT=$TMPDIR/image
module_dir=$(rpm -qlp "$RPM" | sed -n 's,/pam_piv\.so$,,p')

# --- contents ----------------------------------------------------------------------------------------
contents=$(rpm -qlp "${RPMS[@]}")
for path in "$module_dir/pam_piv.so" "$(dirname "$module_dir")/libnss_piv.so.2" /usr/libexec/piv-login/piv-login-helper \
    /usr/sbin/enable-smartcard /usr/sbin/enable_smartcard /usr/bin/piv-image /usr/bin/piv-ocsp \
    /usr/bin/piv-check /usr/sbin/piv-trust /usr/sbin/piv-accounts /etc/piv-login/piv-login.conf \
    /etc/piv-login/piv-login.conf.d /etc/piv-login/trust/anchors /etc/piv-login/trust/intermediates \
    /etc/piv-login/accounts /var/lib/piv-login /var/lib/piv-login/cache; do
    if grep -qxF "$path" <<<"$contents"; then pass "contains $path"; else fail "lacks $path"; fi
done
for page in piv-ocsp.1 piv-check.1 piv-image.1 piv-login.conf.5 pam_piv.8 enable-smartcard.8 piv-trust.8 piv-accounts.8; do
    if grep -qE "/man[158]/$page(\.gz)?\$" <<<"$contents"; then pass "contains $page"; else fail "lacks $page"; fi
done
equal "the configuration is marked as such" \
    "$(printf '%s\n' /etc/piv-login/accounts /etc/piv-login/piv-login.conf)" "$(rpm -qcp "${RPMS[@]}" | sort)"
equal "nothing set-uid, nothing writable by others, everything root's" "" \
    "$(rpm -qp --qf '[%{FILEMODES:octal} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]' "${RPMS[@]}" |
        grep -vE '^(100[0-7][0145][0145]|0?40[0-7][0145][0145]|120777) root:root ' || :)"
mkdir "$TMPDIR/unpacked"
for package in "${RPMS[@]}"; do
    (cd "$TMPDIR/unpacked" && rpm2archive - <"$package" | tar -xzf -) || fail "rpm2archive $package"
done
equal "no path of the machine that built it" "" \
    "$(grep -rlaF -e "$SOURCE" -e "$BUILD" "$TMPDIR/unpacked" || :)"

# --- into a root without a shell or a libc --------------------------------------------------------------
install_into() { # ROOT
    mkdir -p "$1"
    rpm --root "$1" --initdb
    rpm -i --nodeps --root "$1" "${RPMS[@]}"
}
succeeds "rpm -i into an empty root" install_into "$TMPDIR/empty"
equal "without a word, but for what Debian's rpm says of itself" "" "$(grep -v '^rpm: ' <<<"$OUT" || :)"
NAMES=$(rpm -qp --qf '%{NAME} ' "${RPMS[@]}")
# shellcheck disable=SC2086 # names of packages
succeeds "rpm -V" rpm -V --nodeps --root "$TMPDIR/empty" $NAMES
# shellcheck disable=SC2086
succeeds "rpm -e from an empty root" rpm -e --nodeps --root "$TMPDIR/empty" $NAMES
equal "nothing is left" "" "$(find "$TMPDIR/empty" -path '*/lib/rpm' -prune -o -path '*/sysimage' -prune -o -path '*/.rpmdb' -prune -o -type f -print)"

# --- into an image of this system -----------------------------------------------------------------------
make_image "$ROOT"
need_lab
cp "$LAB/root.cer" "$LAB/int.cer" "$ROOT/tmp/"
cp -a "$ROOT/etc" "$TMPDIR/etc-before"

succeeds "rpm -i into an image of this system" install_into "$ROOT"
grep -q '^piv-login:' "$ROOT/etc/passwd" || fail "no system user piv-login"

cp -a "$ROOT/etc" "$TMPDIR/etc-installed"
succeeds "enable-smartcard --root with the installed program" "$ROOT/usr/sbin/enable-smartcard" --root "$ROOT" \
    --ca-cert "$LAB/root.cer" "$LAB/int.cer" --domain corp.example.com=CORP
succeeds "piv-image verify finds it unchanged" "$ROOT/usr/bin/piv-image" verify --root "$ROOT"

start_ocsp int
start_ocsp root
start_pcscd
start_card alice "$(lab_card alice)" --pin 123456
succeeds "a login in the image with the right PIN" login 123456
exits_with 1 "no login with the wrong PIN" login 654321
typed_wrong alice

# --- out again ------------------------------------------------------------------------------------------
# shellcheck disable=SC2086
succeeds "rpm -e" rpm -e --nodeps --root "$ROOT" $NAMES
if grep -rqs pam_piv "$ROOT/etc/pam.d"; then fail "PAM files still name the module"; else pass "no PAM file names the module"; fi
rm -rf "$ROOT/etc/piv-login" # what rpm keeps of changed configuration
succeeds "/etc is as it was before" same_etc "$TMPDIR/etc-before" "$ROOT/etc"
succeeds "a login with a password works" login secret-word
exits_with 1 "and not with a wrong one" login wrong-word
finish
