# Shell library of end-to-end tests that run on a staged image: what enable-smartcard writes is what
# the system of the sandbox has. To be read after lib.sh, in a sandbox with `--install`.
# shellcheck shell=bash disable=SC2034

# Makes $IMAGE of this machine's configuration, stages smart card login into it with the lab's chain
# and OPTION..., and makes its /etc and state the system's. Changes to /etc come before.
start_staged_image() { # [OPTION of enable-smartcard...]
    local modules pcscd
    IMAGE=$TMPDIR/image
    need_lab
    modules=$(dirname "$(find /usr/lib /lib /lib64 -name pam_unix.so 2>/dev/null | head -n 1)")
    pcscd=/lib/systemd/system
    mkdir -p "$IMAGE"/usr/{lib,share} "$IMAGE/var/lib" "$IMAGE$modules" "$IMAGE$pcscd"
    cp -a /etc "$IMAGE/"
    cp -a /usr/lib/os-release "$IMAGE/usr/lib/"
    cp -a /usr/share/pam-configs "$IMAGE/usr/share/"
    cp -a /var/lib/pam "$IMAGE/var/lib/" 2>/dev/null || :
    cp -a "$modules/pam_piv.so" "$modules/pam_unix.so" "$IMAGE$modules/"
    cp -a $pcscd/pcscd.* "$IMAGE$pcscd/"
    succeeds "smart card login is staged for Debian" enable-smartcard --root "$IMAGE" --profile debian \
        --ca-cert "$LAB/root.cer" "$LAB/int.cer" --domain corp.example.com=CORP \
        --verify-with "$LAB/alice.cer" "$@" || give_up "staging" "$OUT"
    mount --bind "$IMAGE/etc" /etc
    mkdir -p /var/lib/piv-login "$IMAGE/var/lib/piv-login"
    mount --bind "$IMAGE/var/lib/piv-login" /var/lib/piv-login
}

# Reads /dev/log into $TMPDIR/syslog: the reasons that the module logs.
start_syslog() {
    start syslog python3 -c '
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/syslog")
while True:
    line = s.recv(65536).decode("utf-8", "replace").rstrip("\n\0")
    with open(os.environ["TMPDIR"] + "/syslog", "a") as log:
        print(line, file=log)'
    wait_until 5 "the log" test -S /run/syslog
    chmod 666 /run/syslog
}

# X servers have their locks and sockets in /tmp, which is the machine's: here it is a new one, in
# which only the source and the build folder are, should they be there.
private_tmp() {
    local dir
    mkdir -p /run/machine-tmp
    mount --bind /tmp /run/machine-tmp
    mount -t tmpfs -o mode=1777 tmp /tmp
    for dir in "$SOURCE" "$BUILD"; do
        if [[ $dir == /tmp/* && ! -e $dir ]]; then
            mkdir -p "$dir"
            mount --bind "/run/machine-tmp${dir#/tmp}" "$dir"
        fi
    done
    mkdir -m 1777 /tmp/.X11-unix
}
