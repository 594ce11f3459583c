#!/bin/sh
# The SELinux policy module compiles against the distribution's policy, knows its types, and labels
# what is installed. selinux.sh SOURCE
set -eu
headers=/usr/share/selinux/devel/Makefile
for need in "$headers" /usr/bin/checkmodule /usr/bin/semodule_package /usr/bin/semodule_unpackage; do
    [ -e "$need" ] || { echo "skipped: $need: not installed (scripts/install-deps package)"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$1"/packaging/selinux/piv_login.* "$work"
cd "$work"
make -s -f "$headers" piv_login.pp >log 2>&1 || { cat log; exit 1; }
! grep -qi 'warning\|error' log || { cat log; exit 1; }
semodule_unpackage piv_login.pp module contexts
status=0
for want in '/etc/piv-login(/.*)? piv_login_conf_t' '/var/lib/piv-login/cache(/.*)? piv_login_cache_t' \
    '/usr/libexec/piv-login/piv-login-helper piv_login_exec_t' \
    '/usr/libexec/piv-login/piv-login-watch piv_login_watch_exec_t'; do
    grep -F -- "${want% *}" contexts | grep -q ":${want##* }:" || { echo "does not label: $want"; status=1; }
done
# A rule that is not there is not there by a slip: the helper writes no configuration and no account map.
sed -n '/^allow piv_login_t piv_login_\(conf\|var_lib\)_t:file/p' tmp/piv_login.tmp | grep -wE 'write|append|create' && {
    echo "the helper may write configuration or the account map"; status=1; }
grep -q '^[[:space:]]*allow local_login_t piv_login_t:process.*transition' tmp/piv_login.tmp || {
    echo "login does not enter the domain of the helper"; status=1; }
exit "$status"
