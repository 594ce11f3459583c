#!/bin/bash
# The installed templates, each run in an image as its tool would: the commands of the EC2 Image Builder
# component and of the Packer file, the Ansible role by Ansible itself, the script of mkosi.
# usage: templates.sh BUILD_DIR, after rpm.sh, which builds the packages
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/image.sh"
need rpm pamtester ansible-playbook python3
python3 -c 'import yaml' 2>/dev/null || skip "python3-yaml is not installed (scripts/install-deps)"
if [ "${PIV_SANDBOX:-no}" != yes ] && [ ! -d "$1/rpm" ]; then "$(dirname "$0")/build.sh" "$1" rpm >/dev/null || exit 1; fi
enter_sandbox "$@"

mapfile -t PACKAGES < <(find "$BUILD/rpm" -name '*.rpm' -not -name '*.src.rpm')
ROOT=$TMPDIR/image
TEMPLATES=$ROOT/usr/share/piv-login/templates
make_image "$ROOT"
rpm --root "$ROOT" --initdb
rpm --root "$ROOT" --nodeps -i "${PACKAGES[@]}" 2>/dev/null || give_up "rpm -i"
need_lab
start_ocsp int
start_ocsp root
start_pcscd
start_card alice "$(lab_card alice)" --pin 123456
commands() { python3 "$SOURCE/tests/packaging/template_commands.py" "$@"; }
in_image() { chroot "$ROOT" bash -eu -c "$1"; }
certificates_to() { mkdir -p "$ROOT$1"; cp "$LAB/root.cer" "$LAB/int.cer" "$ROOT$1/"; }
undo() { succeeds "$1: taken back" chroot "$ROOT" enable-smartcard --undo; }

# --- EC2 Image Builder ---------------------------------------------------------------------------------
component=$TEMPLATES/image-builder/smartcard.yml
certificates_to /var/tmp/piv-login/ca
succeeds "Image Builder: build phase" in_image "$(commands image-builder "$component" build)"
exits_with 1 "Image Builder: nothing of its download is left" test -e "$ROOT/var/tmp/piv-login"
succeeds "Image Builder: validate phase" in_image "$(commands image-builder "$component" validate)"
succeeds "Image Builder: test phase" in_image "$(commands image-builder "$component" test)"
succeeds "Image Builder: a login with the card" login 123456
mkdir -p "$ROOT/var/tmp/piv-login/ca" && cp "$LAB/int.cer" "$ROOT/var/tmp/piv-login/ca/"
undo "Image Builder"
exits_with 65 "Image Builder: a chain without its root ends the build" in_image "$(commands image-builder "$component" build)"
exits_with 1 "and changes no PAM file" grep -rqs pam_piv "$ROOT/etc/pam.d"

# --- Packer --------------------------------------------------------------------------------------------
if command -v packer >/dev/null; then
    mkdir -p "$TMPDIR/packer/packages" "$TMPDIR/packer/ca"
    sed 's/source\.amazon-ebs\.image/source.null.image/' "$TEMPLATES/packer/smartcard.pkr.hcl" >"$TMPDIR/packer/smartcard.pkr.hcl"
    printf 'source "null" "image" {\n  ssh_host     = "127.0.0.1"\n  ssh_username = "root"\n  ssh_password = "none"\n}\n' >"$TMPDIR/packer/source.pkr.hcl"
    # shellcheck disable=SC2016 # the inner shell's
    succeeds "Packer: its own validation" env CHECKPOINT_DISABLE=1 HOME="$TMPDIR" sh -c 'cd "$1" && packer validate .' sh "$TMPDIR/packer"
    succeeds "Packer: its own format" env CHECKPOINT_DISABLE=1 HOME="$TMPDIR" packer fmt -check "$TEMPLATES/packer/smartcard.pkr.hcl"
fi
certificates_to /tmp/piv-login/ca
succeeds "Packer: the commands" in_image "$(commands packer "$TEMPLATES/packer/smartcard.pkr.hcl")"
succeeds "Packer: a login with the card" login 123456
undo Packer

# --- Ansible -------------------------------------------------------------------------------------------
cp -a "$TEMPLATES/ansible" "$ROOT/tmp/ansible"
cp "$LAB/root.cer" "$LAB/int.cer" "$ROOT/tmp/ansible/"
if command -v ansible-lint >/dev/null; then
    # shellcheck disable=SC2016 # the inner shell's
    succeeds "Ansible: ansible-lint" env HOME="$TMPDIR" sh -c 'cd "$1" && ansible-lint --offline --nocolor -q site.yml' sh "$ROOT/tmp/ansible"
fi
play() {
    chroot "$ROOT" env HOME=/tmp/ansible ANSIBLE_NOCOLOR=1 ANSIBLE_STDOUT_CALLBACK=default \
        ansible-playbook -i localhost, -c local --skip-tags piv_login_packages "$@" /tmp/ansible/site.yml
}
succeeds "Ansible: the playbook parses" play --syntax-check
succeeds "Ansible: the role" play
says "failed=0"
succeeds "Ansible: a login with the card" login 123456
succeeds "Ansible: the role once more" play
says "changed=0" "Ansible: the second run changes nothing"
succeeds "Ansible: state absent" play -e piv_login_state=absent
says "changed=1"
exits_with 1 "Ansible: state absent: not a PAM file names the module" grep -rqs pam_piv "$ROOT/etc/pam.d"
succeeds "Ansible: state absent, once more" play -e piv_login_state=absent
says "changed=0"

# --- mkosi ---------------------------------------------------------------------------------------------
if command -v mkosi >/dev/null; then
    succeeds "mkosi reads the configuration" mkosi --directory "$TEMPLATES/mkosi" summary
    says "piv-login-image" "mkosi: the packages are named"
fi
certificates_to /usr/share/pki/piv-login
cp "$TEMPLATES/mkosi/mkosi.postinst.chroot" "$ROOT/tmp/postinst"
succeeds "mkosi: the script for the image" chroot "$ROOT" /tmp/postinst final
succeeds "mkosi: a login with the card" login 123456
undo mkosi
finish
