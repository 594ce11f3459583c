#!/bin/bash
# The Linux audit record of an attempt: what is sent to the kernel, and, where it keeps records, what it
# made of it. And names that are really PINs, typed into the wrong field: kept nowhere.
. "$(dirname "$0")/lib.sh"
if [ "${PIV_SANDBOX:-no}" != yes ] && [ "$(id -u)" = 0 ] && [ -d "${1:-}" ]; then
    # The kernel takes records from the first namespaces only, which a sandbox is not in: here the
    # helper of the build, with a configuration that is not there, so that it touches nothing.
    AUDIT=$(python3 "$SOURCE/tests/e2e/audit_listener.py" python3 "$SOURCE/tests/e2e/bad_host.py" \
        "$1/pam_module/helper/piv-login-helper" $'eve"\nres=success' /nonexistent/piv-login.conf 2>&1)
    export AUDIT
fi
enter_sandbox "$@" -- --install "$1"
need pamtester strace python3 logger
need_lab
configure_login "[revocation]" "ocsp = off"
start listen python3 "$SOURCE/tests/e2e/listen.py" "$TMPDIR"
wait_until 10 "the log sockets" test -S /run/syslog
start_pcscd
start_card alice "$(lab_card alice)"

# --- what the kernel made of it ----------------------------------------------------------------------
OUT=${AUDIT:-}
if [[ $OUT == skipped:* || -z $OUT ]]; then
    echo "not seen from the kernel: ${OUT:-not root}"
else
    says "op=PAM:piv-login code=file-not-found" "the kernel's record has the code"
    says "res=failed" "and the result"
    equal "a name with quotes and a line end stays in one record" 1 "$(grep -c piv-login <<<"$OUT")"
    does_not_say 'acct="eve"' "and in its field"
fi

# --- what is sent ------------------------------------------------------------------------------------
audited() { # USER PIN: the records of that attempt in OUT
    printf '%s\n' "$2" | strace -f -s 1000 -o "$TMPDIR/trace" -e trace=sendto,sendmsg \
        pamtester piv-test "$1" authenticate >/dev/null 2>&1
    # strace shows the text in hexadecimal. libpam sends a record of its own, which is its own affair.
    OUT=$(sed -n 's/.*sendto(.*nlmsg_len=.*}, "\(.*\)"\], .*/\1/p' "$TMPDIR/trace" |
        while IFS= read -r text; do printf '%b\n' "${text//\\x00/}"; done | grep -a '^op=PAM:piv-login')
}
if [ "$(ldd /usr/libexec/piv-login/piv-login-helper | grep -c libaudit)" = 0 ] &&
    ! grep -qa 'op=PAM\|audit_open' /usr/libexec/piv-login/piv-login-helper; then
    echo "built without libaudit: nothing is sent"
else
    audited alice 123456
    equal "a login sends one record" 1 "$(grep -c . <<<"$OUT")"
    says 'op=PAM:piv-login code=ok acct="alice"' "with code and account"
    says 'res=success' "and result"
    does_not_say 123456 "without the PIN"
    audited alice 654321
    typed_wrong alice
    says 'op=PAM:piv-login code=pin-wrong acct="alice"' "a wrong PIN"
    says 'res=failed'
    does_not_say 654321
    # libaudit writes a name that is no plain word in hexadecimal (or leaves it out).
    audited $'mallory" res=success\nx' 123456
    does_not_say 'res=success' "a name cannot say success"
    says 'res=failed'
fi

# --- a PIN in the field for the name -----------------------------------------------------------------
everywhere() { # TEXT: how many files of ours have it
    logger -u /run/systemd/journal/socket "mark-$1-end" # and until the listener has written
    wait_until 10 "the listener" grep -aq "mark-$1-end" "$TMPDIR/journal.txt"
    grep -al -e "$1" -r /var/lib/piv-login | wc -l
    grep -a -v "mark-" "$TMPDIR/journal.txt" "$TMPDIR/syslog.txt" | grep -ac -e "$1"
}
for typed in 864209 86420913; do
    pam_login "$typed" 123456
    equal "nobody is called $typed" PAM_USER_UNKNOWN "$PAM_CODE"
    equal "$typed is kept nowhere" "0 0" "$(everywhere "$typed" | xargs)"
    audited "$typed" 123456
    does_not_say "$typed" "nor in the audit record"
done
run piv-check --why "(a number that is no account)"
says "user-unknown" "the attempt itself is"
echo '424242:x:7711:7711:EDIPI:/run/home:/bin/sh' >>/etc/passwd
pam_login 424242 123456
equal "an account may be called by a number" PAM_AUTH_ERR "$PAM_CODE"
exits_with 1 "and is kept" piv-check --why 424242
says "wrong-user"
pam_login mallory 123456
exits_with 1 "so is an unknown name that is none" piv-check --why mallory
says "user-unknown"
finish
