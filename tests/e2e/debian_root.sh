#!/bin/bash
# A Debian that is not this machine: installed by debootstrap, our files installed into it, smart card
# login staged into it with --root, and then logins by its own programs and its own /etc/pam.d/login,
# with its own pcscd. The plain system is kept in the build folder for the next run.
. "$(dirname "$0")/lib.sh"
PACKAGES=pcscd,pamtester,vsmartcard-vpcd,libcurl4,libarchive13,libseccomp2,libsystemd0,libaudit1,libp11-kit0,zlib1g,libssl3

# Outside the sandbox, which has no network.
prepare_system() { # FOLDER
    local release archive
    [ ! -e "$1/ready" ] || return 0
    command -v debootstrap >/dev/null || skip "debootstrap is not installed (scripts/install-deps matrix)"
    [ "$(id -u)" = 0 ] || skip "not root"
    # shellcheck source=/dev/null
    release=$(. /etc/os-release && echo "${ID:-}-${VERSION_CODENAME:-}")
    [[ $release == debian-* ]] || skip "this machine does not run Debian, whose libraries the build is linked to"
    # shellcheck disable=SC2016 # apt expands these
    archive=$(apt-get indextargets --format '$(RELEASE) $(SITE)' 'Created-By: Packages' 2>/dev/null |
        awk -v release="${release#debian-}" '$1 == release { print $2; exit }')
    [ -n "$archive" ] || skip "apt on this machine names no archive for ${release#debian-}"
    rm -rf "$1"
    mkdir -p "$1"
    if ! debootstrap --variant=minbase --include="$PACKAGES" "${release#debian-}" "$1/root" "$archive" \
        >"$1/log" 2>&1; then
        tail -n 5 "$1/log"
        skip "debootstrap cannot install ${release#debian-} here"
    fi
    touch "$1/ready"
}

[ "${PIV_SANDBOX:-no}" = yes ] || prepare_system "$(cd "${1:?usage: debian_root.sh BUILD_DIR}" && pwd)/debian-root"
enter_sandbox "$@"
need openssl
need_lab

ROOT=$TMPDIR/image
mkdir -p "$ROOT" "$TMPDIR/upper"
mount -t tmpfs -o mode=755 upper "$TMPDIR/upper"
mkdir "$TMPDIR/upper/files" "$TMPDIR/upper/work"
mount -t overlay -o "lowerdir=$BUILD/debian-root/root,upperdir=$TMPDIR/upper/files,workdir=$TMPDIR/upper/work" \
    overlay "$ROOT" || give_up "the system cannot be mounted"
in_root() { chroot "$ROOT" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "$@"; }

# --- the image: installed, staged, proven ----------------------------------------------------------
succeeds "our files are installed into the root" env DESTDIR="$ROOT" cmake --install "$BUILD"
succeeds "and their system user" in_root useradd -r -d / -s /usr/sbin/nologin piv-login
for user in alice rita carol; do in_root useradd -m "$user"; done
echo 'carol:secret-word' | in_root chpasswd
cp -a "$ROOT/etc/pam.d" "$TMPDIR/pam.d.before"
succeeds "smart card login is staged into the root" "$BUILD/image_builder/enable-smartcard" --root "$ROOT" \
    --ca-cert "$LAB/root.cer" "$LAB/int.cer" --domain corp.example.com=CORP --verify-with "$LAB/alice.cer"
says debian "for the profile that its os-release names"
succeeds "nothing differs from what was staged" "$BUILD/image_builder/piv-image" verify --root "$ROOT"
succeeds "the stack of console logins is proven" "$BUILD/image_builder/piv-image" prove --root "$ROOT" login
succeeds "the real pam-auth-update leaves it as it is" in_root env DEBIAN_FRONTEND=noninteractive pam-auth-update --package
succeeds "verified again" "$BUILD/image_builder/piv-image" verify --root "$ROOT"

# --- the system runs -------------------------------------------------------------------------------
mount -t proc proc "$ROOT/proc"
mount --bind /dev "$ROOT/dev"
mount --bind /run "$ROOT/run"
grep lab.test /etc/hosts >>"$ROOT/etc/hosts"
mkdir -p /run/pcscd "$ROOT/etc/reader.conf.d"
port=0x$(printf %X "$FIRST_PORT")
printf '%s\n' 'FRIENDLYNAME "Virtual PCD 1"' "DEVICENAME /dev/null:$port" \
    'LIBPATH /usr/lib/pcsc/drivers/serial/libifdvpcd.so' "CHANNELID $port" >"$ROOT/etc/reader.conf.d/vpcd"
options=(--foreground --error)
! in_root pcscd --help | grep -q -e --disable-polkit || options+=(--disable-polkit)
start pcscd chroot "$ROOT" /usr/sbin/pcscd "${options[@]}"
"$WAIT" --readers 2 || give_up "pcscd of the image has no readers"
start_ocsp int
start_ocsp root
start_card alice "$(lab_card alice)"

login() { # WHAT USER SECRET PAM-MESSAGE: by the image's /etc/pam.d/login
    # shellcheck disable=SC2016 # the inner shell expands these
    run in_root sh -c 'printf "%s\n" "$2" | pamtester login "$1" authenticate acct_mgmt' sh "$2" "$3"
    if [[ $OUT == *"$4"* ]]; then pass "$1"; else fail "$1: not: $4" "$OUT"; fi
    settled
}
login "a card and its PIN log in" alice 123456 "successfully authenticated"
says "account management done" "and the account may be used"
login "a wrong PIN does not" alice 999999 "Authentication failure"
typed_wrong alice
equal "one try was spent" 2 "$(stat_of alice tries_left)"
login "the right one does again" alice 123456 "successfully authenticated"
equal "and gives the tries back" 3 "$(stat_of alice tries_left)"
login "another user's card does not" rita 123456 "Authentication failure"
equal "nor costs it a try" 3 "$(stat_of alice tries_left)"
image_with() { "$BUILD/image_builder/enable-smartcard" --root "$ROOT" --dry-run --domain corp.example.com=CORP --ca-cert "$@"; }
succeeds "--verify-with CARD accepts the card in the reader" image_with "$LAB/root.cer" "$LAB/int.cer" --verify-with CARD
exits_with 65 "and refuses it where its issuer is missing" image_with "$LAB/root.cer" --verify-with CARD
says "--verify-with CARD: would be refused" "by name"
equal "without a try of its PIN" 3 "$(stat_of alice tries_left)"
stop_card alice
exits_with 2 "no card, no verdict" image_with "$LAB/root.cer" "$LAB/int.cer" --verify-with CARD
start_card rita "$(lab_card rita)"
login "a revoked card does not log in" rita 123456 "Authentication failure"
says revoked "and says why"
equal "nor is its PIN asked for" 3 "$(stat_of rita tries_left)"
stop_card rita
login "without a card the password does" carol secret-word "successfully authenticated"

# --- and back --------------------------------------------------------------------------------------
umount "$ROOT/run" "$ROOT/dev" 2>/dev/null || :
succeeds "undone" "$BUILD/image_builder/piv-image" undo --root "$ROOT"
succeeds "the PAM files are as they were, byte for byte" diff -r "$TMPDIR/pam.d.before" "$ROOT/etc/pam.d"
finish
