#!/bin/bash
# getent.sh SOURCE_DIR PIV_ACCOUNTS MODULE_DIR: the module as glibc loads it, by getent and id.
set -uo pipefail
here=$(readlink -f "$0")
source_dir=$1 accounts=$2 module_dir=$3
if [ "${4:-}" != inside ]; then
    exec "$source_dir/tests/sandbox/run" -- "$here" "$source_dir" "$accounts" "$module_dir" inside
fi

failures=0
expect() { # WHAT EXPECTED COMMAND...
    local what=$1 expected=$2 got status=0
    shift 2
    got=$("$@" 2>&1) || status=$?
    got="$status:$got"
    if [ "$got" = "$expected" ]; then
        echo "ok: $what"
    else
        printf 'FAILED: %s\n  expected %s\n  got      %s\n' "$what" "$expected" "$got"
        failures=$((failures + 1))
    fi
}

cp "$module_dir/libnss_piv.so.2" "$(dirname "$(ldconfig -p | sed -n 's/.*libc\.so\.6.*=> //p' | head -1)")/"
mkdir -p /etc/piv-login /var/lib/piv-login
sed -i '/^\(passwd\|group\|shadow\|initgroups\):/d' /etc/nsswitch.conf
printf 'passwd: files piv\ngroup: files piv\nshadow: files piv\n' >>/etc/nsswitch.conf
echo 'testuser:x:1777:1777:Test User:/home/testuser:/bin/bash' >>/etc/passwd
echo 'testuser:x:1777:' >>/etc/group
echo 'testuser:*:19000::::::' >>/etc/shadow
printf '[mapping]\ndomain = corp.example.com=CORP\n' >/etc/piv-login/piv-login.conf
printf '%s\n' 'account zoe 2777 2777 "Zoe Card" /home/zoe /bin/sh' \
    'upn z.card@corp.example.com -> zoe' >/etc/piv-login/accounts

expect "without an index there are no accounts" "2:" getent passwd zoe
expect "the map is compiled" "0:/var/lib/piv-login/accounts.db: 1 accounts, 1 aliases" "$accounts" compile
expect "compiled again: unchanged" "0:/var/lib/piv-login/accounts.db: 1 accounts, 1 aliases, unchanged" "$accounts" compile
zoe='0:zoe:x:2777:2777:Zoe Card:/home/zoe:/bin/sh'
test='0:testuser:x:1777:1777:Test User:/home/testuser:/bin/bash'
expect "an account by name" "$zoe" getent passwd zoe
expect "an account by uid" "$zoe" getent passwd 2777
expect "an account by its UPN" "$zoe" getent passwd z.card@corp.example.com
expect "an account by DOMAIN\\name" "$zoe" getent passwd 'CORP\zoe'
expect "a local account by name@domain" "$test" getent passwd 'testuser@corp.example.com'
expect "a local account by DOMAIN\\name" "$test" getent passwd 'CORP\testuser'
expect "the same uid" "0:1777" id -u 'testuser@corp.example.com'
expect "root has no alias" "2:" getent passwd 'root@corp.example.com'
expect "another domain is unknown" "2:" getent passwd 'testuser@example.com'
expect "a private group" "0:zoe:x:2777:" getent group zoe
expect "a private group by gid" "0:zoe:x:2777:" getent group 2777
expect "the groups of an account" "0:uid=2777(zoe) gid=2777(zoe) groups=2777(zoe)" id zoe
expect "a locked shadow entry" "0:zoe:!*:::::::" getent shadow zoe
expect "the shadow entry of a local account" "0:testuser:*:19000::::::" getent shadow 'CORP\testuser'
expect "enumeration has it once" "0:1" sh -c 'getent passwd | grep -c ^zoe:'
expect "enumeration of groups has it once" "0:1" sh -c 'getent group | grep -c ^zoe:'
expect "a process of that uid has a name" "0:zoe" setpriv --reuid 2777 --clear-groups id -un

echo 'account testuser 2778 2778 T /home/t /bin/sh' >>/etc/piv-login/accounts
expect "a local name is refused, and nothing is changed" "78:piv-accounts: /etc/piv-login/accounts:3: the name 'testuser' is in /etc/passwd already (account-collision)
  try: this machine has the name or id already: give the card-only account another one" "$accounts" compile
expect "the old index still answers" "$zoe" getent passwd zoe
strace=$(command -v strace) && {
    "$strace" -f -o /run/tmp/trace -e trace=network,process,flock,mmap,brk,openat getent passwd 'CORP\testuser' >/dev/null
    after=$(sed -n '/accounts\.db/,$p' /run/tmp/trace | sed -n '/accounts\.db/,/etc\/passwd/p')
    expect "between the index and the file no allocation, process or connection" "0:" \
        sh -c "printf '%s' '$after' | grep -E 'mmap|brk|clone|fork|socket|connect|flock' || true"
}
[ "$failures" = 0 ] && echo "all as expected"
exit "$((failures > 0))"
