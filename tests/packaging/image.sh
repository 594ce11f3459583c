# Shell library of the packaging tests: an image of this system to install into. After enter_sandbox.
# shellcheck shell=bash disable=SC2153,SC2154

# make_image DIR: this system's configuration as a copy and, through mounts, its programs and libraries.
make_image() {
    local root=$1 link
    mkdir -p "$root"/{etc,usr,var/lib/rpm,run,proc,dev,tmp}
    cp -a /etc/. "$root/etc/"
    for link in bin sbin lib lib64 lib32 libx32; do [ ! -L "/$link" ] || cp -a "/$link" "$root/"; done
    mkdir "$root.upper" "$root.work"
    mount -t overlay -o "lowerdir=/usr,upperdir=$root.upper,workdir=$root.work" overlay "$root/usr"
    [ ! -d /var/lib/pam ] || cp -a /var/lib/pam "$root/var/lib/"
    mount --rbind /proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --rbind /run "$root/run"
    echo 'alice:secret-word' | chroot "$root" chpasswd 2>/dev/null
}

# login PIN-OR-PASSWORD: by the image's own stack for console logins.
login() { printf '%s\n' "$1" | chroot "$ROOT" pamtester login alice authenticate; }

# same_etc BEFORE AFTER: but for what rpm and the system user change.
same_etc() {
    diff -r --no-dereference -x 'passwd*' -x 'group*' -x 'shadow*' -x 'gshadow*' -x ld.so.cache \
        -x 'subuid*' -x 'subgid*' "$1" "$2"
}
