#!/bin/bash
# The Debian package in a Debian that has nothing but what every Debian has: made by cpack from the build,
# installed by dpkg, its dependencies by apt; switched on, logins by card and by password with the system's
# own pcscd and PAM files, an upgrade, a refused removal, removed, purged. At no step does a PAM file name a
# module that is not there. usage: deb.sh BUILD_DIR
. "$(dirname "$0")/../e2e/lib.sh"

# --- outside of the sandbox, which has no network: a minimal system, and the package in it -------------
# Its plain form is kept in the build folder for the next run.
prepare() { # FOLDER
    local folder=$1 release archive
    need cpack dpkg dpkg-deb dpkg-shlibdeps debootstrap
    [ "$(id -u)" = 0 ] || skip "not root"
    # shellcheck source=/dev/null
    release=$(. /etc/os-release && echo "${ID:-}-${VERSION_CODENAME:-}")
    [[ $release == debian-* ]] || skip "this machine does not run Debian, whose libraries the build is linked to"
    # shellcheck disable=SC2016 # apt expands these
    apt-get indextargets --format 'deb $(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
        sort -u >"$folder/sources.list"
    archive=$(awk -v release="${release#debian-}" '$3 == release { print $2; exit }' "$folder/sources.list")
    [ -n "$archive" ] || skip "apt on this machine names no archive for ${release#debian-}"
    unshare --mount --pid --fork true 2>/dev/null || skip "this machine permits no mount namespaces"
    if [ ! -e "$folder/plain.ready" ]; then
        rm -rf "$folder/plain"
        if ! debootstrap --variant=minbase "${release#debian-}" "$folder/plain" "$archive" >"$folder/log" 2>&1; then
            tail -n 5 "$folder/log"
            skip "debootstrap cannot install ${release#debian-} here"
        fi
        touch "$folder/plain.ready"
    fi
    rm -rf "$folder/image" "$folder/cpack"
    cp -a "$folder/plain" "$folder/image"
    (cd "$folder" && cpack -G DEB --config "$BUILD/CPackConfig.cmake" -B "$folder/cpack") >"$folder/log" 2>&1 ||
        { tail -n 5 "$folder/log"; echo "FAILED  cpack"; exit 1; }
    cp "$folder"/cpack/piv-login_*.deb "$folder/image/piv-login.deb"
    cp "$folder/sources.list" "$folder/image/etc/apt/"
    cp /etc/resolv.conf "$folder/image/etc/"
    apt-config dump Acquire::http::Proxy >"$folder/image/etc/apt/apt.conf.d/01proxy"
    printf '#!/bin/sh\nexit 101\n' >"$folder/image/usr/sbin/policy-rc.d"
    chmod 0755 "$folder/image/usr/sbin/policy-rc.d"
    # What is wanted of each step is looked at below.
    # shellcheck disable=SC2016 # the inner shell expands these
    unshare --mount --pid --fork --kill-child bash -euc '
        mount -t proc proc "$1/proc"
        mount --rbind /dev "$1/dev"
        chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive sh -euc "
            apt=\"apt-get -q -y -o Acquire::Retries=3 --no-install-recommends\"
            \$apt update
            \$apt install pamtester systemd
            cp -a /etc /before
            status=0
            dpkg -i /piv-login.deb >/dpkg.log 2>&1 || status=\$?
            echo \$status >/dpkg.status
            dpkg-query -W -f \"\\\${db:Status-Status}\" piv-login >/dpkg.state
            cp -a /etc/pam.d /pam.d.unpacked
            \$apt -f install
            \$apt install vsmartcard-vpcd
            apt-get clean"' bash "$folder/image" >>"$folder/log" 2>&1 ||
        { tail -n 20 "$folder/log"; echo "FAILED  the package or its dependencies cannot be installed"; exit 1; }
}

if [ "${PIV_SANDBOX:-no}" != yes ]; then
    BUILD=$(cd "${1:?usage: deb.sh BUILD_DIR}" && pwd) || exit 64
    mkdir -p "$BUILD/deb"
    prepare "$BUILD/deb"
fi
enter_sandbox "$@"
need_lab
ROOT=$TMPDIR/image
mkdir -p "$ROOT" "$TMPDIR/upper"
mount -t tmpfs -o mode=755 upper "$TMPDIR/upper"
mkdir "$TMPDIR/upper/files" "$TMPDIR/upper/work"
mount -t overlay -o "lowerdir=$BUILD/deb/image,upperdir=$TMPDIR/upper/files,workdir=$TMPDIR/upper/work" \
    overlay "$ROOT" || give_up "the system cannot be mounted"
in_image() { chroot "$ROOT" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "$@"; }
# shellcheck disable=SC2016 # dpkg-query expands it
state() { in_image dpkg-query -W -f '${db:Status-Status}' piv-login; }
# but for what apt, dpkg and the system user change.
same_etc() { # BEFORE AFTER
    diff -r --no-dereference -x 'passwd*' -x 'group*' -x 'shadow*' -x 'gshadow*' -x ld.so.cache \
        -x 'subuid*' -x 'subgid*' -x timers.target.wants "$1" "$2"
}
no_missing_module() { # WHAT
    [ -e "$ROOT$MODULE" ] ||
        equal "$1: no PAM file names a missing module" "" "$(grep -rls '^[^#]*pam_piv\.so' "$ROOT"/etc/pam.d)"
}
login() { # WHAT SECRET MESSAGE: by the image's stack for console logins
    # shellcheck disable=SC2016 # the inner shell expands these
    run in_image sh -c 'printf "%s\n" "$1" | pamtester login alice authenticate acct_mgmt' sh "$2"
    if [[ $OUT == *"$3"* ]]; then pass "$1"; else fail "$1: not: $3" "$OUT"; fi
    settled
}
YES="successfully authenticated" NO="Authentication failure"

# --- package -------------------------------------------------------------------------------------------
DEB=$ROOT/piv-login.deb
contents=$(dpkg-deb -c "$DEB")
depends=$(dpkg-deb -f "$DEB" Depends)
for name in libssl3 libc6 pcscd; do
    if [[ $depends == *"$name"* ]]; then pass "depends on $name"; else fail "does not depend on $name: $depends"; fi
done
for path in security/pam_piv.so libnss_piv.so.2 usr/libexec/piv-login/piv-login-helper usr/sbin/enable_smartcard \
    usr/share/piv-login/templates/README usr/share/doc/piv-login/copyright usr/share/man/man5/piv-login-accounts.5; do
    if [[ $contents == *"$path"* ]]; then pass "contains $path"; else fail "lacks $path"; fi
done
equal "nothing set-uid, nothing writable by others, everything root's" "" \
    "$(awk '$1 ~ /^-..s|^[-d].......w/ || $2 != "root/root"' <<<"$contents")"
equal "nothing in /usr/local" "" "$(grep ' \./usr/local' <<<"$contents")"
MODULE=/$(awk '{ print $6 }' <<<"$contents" | sed -n 's:^\./\(.*/pam_piv\.so\)$:\1:p')

# --- installed -----------------------------------------------------------------------------------------
equal "dpkg -i alone says what is missing" 1 "$(cat "$ROOT/dpkg.status")"
if grep -q 'depends on pcscd' "$ROOT/dpkg.log"; then pass "pcscd, by name"; else fail "pcscd is not named" "$(cat "$ROOT/dpkg.log")"; fi
equal "and leaves the package unconfigured" unpacked "$(cat "$ROOT/dpkg.state")"
succeeds "unpacked: the PAM files are as they were" diff -r "$ROOT/before/pam.d" "$ROOT/pam.d.unpacked"
equal "apt gets the dependencies and configures it" installed "$(state)"
succeeds "dpkg -V" in_image dpkg -V piv-login
succeeds "installing switches nothing on in PAM" diff -r --no-dereference "$ROOT/before/pam.d" "$ROOT/etc/pam.d"
equal "nor in nsswitch.conf" "$(cat "$ROOT/before/nsswitch.conf")" "$(cat "$ROOT/etc/nsswitch.conf")"
equal "every library is there" "" "$(awk '$1 ~ /^-/ && $6 ~ /\/(bin|sbin|libexec|security)\/|\.so/ { print substr($6, 2) }' <<<"$contents" |
    while IFS= read -r file; do in_image ldd "$file" 2>/dev/null | grep 'not found'; done)"
for program in enable-smartcard piv-image piv-check piv-ocsp piv-trust piv-accounts; do
    succeeds "$program runs" in_image "$program" --version
done
TIMER=$ROOT/etc/systemd/system/timers.target.wants/piv-login-rollover.timer
succeeds "the timer is on, in an image in which no systemd runs" test -L "$TIMER"
exits_with 1 "the one that asks the network is not" test -L "${TIMER/rollover/ocsp-prefetch}"

# --- switched on ---------------------------------------------------------------------------------------
mount -t proc proc "$ROOT/proc"
mount --bind /dev "$ROOT/dev"
mount --bind /run "$ROOT/run"
grep lab.test /etc/hosts >>"$ROOT/etc/hosts"
mkdir -p /run/pcscd "$ROOT/etc/reader.conf.d"
port=0x$(printf %X "$FIRST_PORT")
printf '%s\n' 'FRIENDLYNAME "Virtual PCD 1"' "DEVICENAME /dev/null:$port" \
    'LIBPATH /usr/lib/pcsc/drivers/serial/libifdvpcd.so' "CHANNELID $port" >"$ROOT/etc/reader.conf.d/vpcd"
in_image useradd -m alice
echo 'alice:secret-word' | in_image chpasswd
cp -a "$ROOT/etc" "$TMPDIR/etc-before"
rm -r "$TMPDIR/etc-before/piv-login"
cp "$LAB/root.cer" "$LAB/int.cer" "$ROOT/"
options=(--foreground --error)
! in_image pcscd --help | grep -q -e --disable-polkit || options+=(--disable-polkit)
start pcscd chroot "$ROOT" /usr/sbin/pcscd "${options[@]}"
"$WAIT" --readers 2 || give_up "pcscd of the image has no readers"
start_ocsp int
start_ocsp root

login "installed: a login by password" secret-word "$YES"
succeeds "enable-smartcard" in_image enable-smartcard --ca-cert /root.cer /int.cer --domain corp.example.com=CORP
start_card alice "$(lab_card alice)"
login "a login by card" 123456 "$YES"
login "a wrong PIN is refused" 999999 "$NO"
typed_wrong alice
equal "and cost one try" 2 "$(stat_of alice tries_left)"
remove_card alice
login "without a card, a login by password" secret-word "$YES"
login "and none by a wrong one" wrong-word "$NO"
insert_card alice

# --- upgrade -------------------------------------------------------------------------------------------
rm "$TIMER"
echo '# edited here' >>"$ROOT/etc/piv-login/accounts"
dpkg-deb -R "$DEB" "$TMPDIR/unpacked"
sed -i 's/^Version: .*/&.1/' "$TMPDIR/unpacked/DEBIAN/control"
dpkg-deb --root-owner-group -b "$TMPDIR/unpacked" "$ROOT/piv-login-next.deb" >/dev/null || give_up "dpkg-deb -b"
succeeds "an upgrade" in_image dpkg --force-confold -i /piv-login-next.deb
equal "is installed" installed "$(state)"
login "upgraded: a login by card" 123456 "$YES"
exits_with 1 "a timer that was switched off stays off" test -L "$TIMER"
succeeds "edited configuration is kept" grep -q '^# edited here' "$ROOT/etc/piv-login/accounts"
succeeds "and the staged files are as they were staged" in_image enable-smartcard --status

# --- removal -------------------------------------------------------------------------------------------
cp -a "$ROOT/etc/pam.d/su" "$TMPDIR/su"
sed -i '1a auth sufficient pam_piv.so' "$ROOT/etc/pam.d/su"
exits_with 1 "no removal while a PAM file names the module by hand" in_image dpkg -r piv-login
says "/etc/pam.d/su still names pam_piv.so"
succeeds "after a refused removal: the module is there" test -e "$ROOT$MODULE"
login "after a refused removal: a login by password" secret-word "$YES"
cp -a "$TMPDIR/su" "$ROOT/etc/pam.d/su"
succeeds "dpkg -r" in_image dpkg -r piv-login
exits_with 1 "removed: the module is gone" test -e "$ROOT$MODULE"
no_missing_module removed
login "removed: a login by password" secret-word "$YES"
login "removed: none by a PIN" 123456 "$NO"
succeeds "removed: edited configuration is there" grep -q '^# edited here' "$ROOT/etc/piv-login/accounts"
succeeds "installed again" in_image dpkg --force-confold -i /piv-login-next.deb
succeeds "and switched on again" in_image enable-smartcard --ca-cert /root.cer /int.cer --domain corp.example.com=CORP
login "a login by card" 123456 "$YES"
succeeds "dpkg -P" in_image dpkg -P piv-login
no_missing_module purged
login "purged: a login by password" secret-word "$YES"
rm "$ROOT"/piv-login*.deb "$ROOT"/*.cer
equal "purged: nothing is left" "" "$(find "$ROOT" -xdev \( -path "$ROOT/before" -o -path "$ROOT/dpkg.*" \) -prune -o \
    -name '*piv*' ! -name 'pivot*' -print)"
succeeds "/etc is as it was before" same_etc "$TMPDIR/etc-before" "$ROOT/etc"
equal "and its user is gone" "" "$(grep -s piv "$ROOT/etc/passwd" "$ROOT/etc/group" "$ROOT/etc/shadow")"
finish
