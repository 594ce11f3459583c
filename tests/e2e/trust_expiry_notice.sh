#!/bin/bash
# A person whose certificate ends soon is told so after a login, and nobody else is.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester openssl
need_lab
configure_login
start_ocsp int
start_ocsp root
start_pcscd

reissue() { # USER DAYS: alice's key in a new certificate that ends after DAYS and an hour
    local end
    end=$(date -u -d "+$2 days +1 hour" +%Y%m%d%H%M%SZ)
    (
        cd "$LAB" || exit 1
        openssl req -new -key "$1.key" -subj "/DC=com/CN=$1" -out again.csr &&
            UPN=$1@corp.example.com openssl ca -batch -notext -config ca.cnf -name int_ca -in again.csr \
                -extfile "$TMPDIR/again.ext" -enddate "$end" -out "$1.pem"
    ) >"$TMPDIR/again.log" 2>&1 || give_up "a certificate of $2 days" "$(tail -5 "$TMPDIR/again.log")"
}
printf '%s\n' 'basicConstraints = critical,CA:FALSE' 'keyUsage = critical,digitalSignature' \
    'extendedKeyUsage = clientAuth,1.3.6.1.4.1.311.20.2.2' 'authorityKeyIdentifier = keyid' \
    "authorityInfoAccess = OCSP;URI:$ocsp_url" \
    'subjectAltName = otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@corp.example.com' >"$TMPDIR/again.ext"
log_in() { # WHAT
    start_card alice "$(lab_card alice)"
    pam_login alice 123456
    equal "$1" PAM_SUCCESS "$PAM_CODE"
    stop_card alice
}

log_in "a certificate of two years"
does_not_say "ends in" "nothing about its end"
for days in 14 13 1 0; do
    reissue alice $days
    stop_ocsp int # it reads the index when it starts
    start_ocsp int
    log_in "a certificate of $days days"
    case $days in
    14) does_not_say "certificate ends" "nothing with 14 days left" ;;
    13) says "ends in 13 days, on 20" ;;
    1) says "ends in 1 day, on" ;;
    0) says "ends today, on" ;;
    esac
done
configure_login '[rollover]' 'expiry_notice = 0'
log_in "expiry_notice = 0"
does_not_say "certificate ends" "0: never"
finish
