#!/bin/bash
# A card login that ends with a Kerberos ticket: a real MIT KDC with PKINIT, the same card, and the PIN
# asked for once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/image_lib.sh"
enter_sandbox "$@" -- --install "$1"
need jq krb5kdc kdb5_util logger kadmin.local kinit klist pamtester pcscd openssl setpriv
plugin=$(find /usr/lib /usr/lib64 -path '*krb5/plugins/preauth/pkinit.so' 2>/dev/null | head -n 1)
[ -n "$plugin" ] || skip "the PKINIT plugin is not installed (scripts/install-deps)"
module=$(find /usr/lib /usr/lib64 -name opensc-pkcs11.so 2>/dev/null | head -n 1)
[ -n "$module" ] || skip "opensc-pkcs11.so is not installed (scripts/install-deps)"
need_lab
REALM=CORP.EXAMPLE.COM

# --- the domain controller -------------------------------------------------------------------------
start_kdc() { # the certificate with this name in the lab
    mkdir -p /etc/krb5kdc /var/lib/krb5kdc /run/krb5kdc
    cat >/run/krb5kdc/kdc.conf <<END
[kdcdefaults]
 kdc_listen = 127.0.0.1:88
 kdc_tcp_listen = 127.0.0.1:88
[realms]
 $REALM = {
  database_name = /run/krb5kdc/principal
  key_stash_file = /run/krb5kdc/stash
  pkinit_identity = FILE:$LAB/$1.pem,$LAB/$1.key
  pkinit_anchors = FILE:$LAB/root.pem
  pkinit_pool = FILE:$LAB/int.pem
  pkinit_eku_checking = scLogin
 }
END
    export KRB5_KDC_PROFILE=/run/krb5kdc/kdc.conf
    if [ ! -e /run/krb5kdc/principal ]; then
        kdb5_util -r $REALM -P "$(openssl rand -hex 16)" create -s >/dev/null || give_up "kdb5_util"
        # MIT compares a UPN with the case of the realm; a domain controller does not. Hence by subject.
        kadmin.local -r $REALM >/dev/null 2>&1 <<END || give_up "kadmin.local"
addprinc -randkey +requires_preauth alice
set_string alice pkinit_cert_match <SUBJECT>.*CN=Alice.*
END
    fi
    start kdc krb5kdc -n -r $REALM
    wait_until 10 "the KDC" listening 88
}
# What a client of the realm has; anchors and intermediates are those of smart card login.
configure_client() {
    cat >/etc/krb5.conf <<END
[libdefaults]
 default_realm = $REALM
 dns_lookup_kdc = false
 udp_preference_limit = 1
 dns_lookup_realm = false
 default_ccache_name = FILE:/run/tmp/krb5cc_%{uid}
[realms]
 $REALM = {
  kdc = dc1.corp.example.com:88
  pkinit_anchors = DIR:/etc/piv-login/trust/anchors
  pkinit_pool = DIR:/etc/piv-login/trust/intermediates
  pkinit_identities = PKCS11:module_name=$module
  pkinit_kdc_hostname = dc1.corp.example.com
  pkinit_eku_checking = kpServerAuth
 }
END
    sed -i 's/^127.0.0.1 /&dc1.corp.example.com /' /etc/hosts
}
ticket_of() { # USER
    run setpriv --reuid "$1" --regid "$1" --clear-groups klist -c "FILE:/run/tmp/krb5cc_$(id -u "$1")"
}
log_in() { # USER LINES: one line for each time that a PIN is asked for
    rm -f /run/tmp/krb5cc_*
    # A second question would find the end of the input.
    OUT=$(printf '%b\n' "$2" | pamtester piv-krb5 "$1" authenticate 2>&1)
    STATUS=$?
}

asked() { equal "$1: the PIN is asked for once" 1 "$(grep -o 'PIN for' <<<"$OUT" | wc -l)"; }
no_ticket() { # WHAT USER
    ticket_of "$2"
    if [ "$STATUS" = 0 ]; then fail "$1: there is a ticket" "$OUT"; else pass "$1: no ticket"; fi
}
logged() { # TEXT: by piv-login-kinit
    if grep -q "piv-login-kinit.*$1" "$TMPDIR/syslog"; then pass "the log says: $1"; else
        fail "the log does not say: $1" "$(grep kinit "$TMPDIR/syslog" | tail -2)"; fi
    : >"$TMPDIR/syslog"
}

start_syslog
configure_login
printf '%s\n' "auth requisite pam_piv.so" \
    "auth optional pam_exec.so quiet expose_authtok /usr/libexec/piv-login/piv-login-kinit" \
    "account required pam_permit.so" >/etc/pam.d/piv-krb5
configure_client
start_kdc kdc
start_pcscd
start_ocsp int
start_ocsp root
start_card alice "$(lab_card alice)"

log_in alice 123456
equal "alice logs in" 0 "$STATUS"
asked "a login with a ticket"
ticket_of alice
says "Default principal: alice@$REALM" "alice has a ticket"
says "krbtgt/$REALM@$REALM" "and it is one to get others with"
equal "the ticket belongs to alice" "alice 600" "$(stat -c '%U %a' "/run/tmp/krb5cc_$(id -u alice)")"
run setpriv --reuid alice --regid alice --clear-groups klist -c "FILE:/run/tmp/krb5cc_$(id -u alice)" -C
says "pa_type(krbtgt/$REALM@$REALM) = 16" "it was by PKINIT" # PA-PK-AS-REQ, RFC 4556 section 3.1.3

log_in alice 999999
typed_wrong alice
succeeds "a wrong PIN is refused" test "$STATUS" != 0
no_ticket "a wrong PIN" alice
equal "a wrong PIN spends one try, not two" 2 "$(stat_of alice tries_left)"
log_in alice 123456
ticket_of alice
says "Default principal: alice@$REALM" "and the right one has a ticket again"

# --- the doctor looks at the domain controller's certificate ---------------------------------------
doctor() { # CERTIFICATE: OUT is the findings about it
    OUT=$(piv-check --doctor --kdc "$1" --json | jq -r '.findings[] | select(.area == "kdc") | .result + " " + .what + " " + .fix')
}
doctor "$LAB/kdc.pem"
says "ok CN=dc1.corp.example.com" "the doctor knows the domain controller"
says "ok good, from" "and has asked whether it is revoked"
does_not_say FAIL "and finds nothing wrong"
doctor "$LAB/alice.pem"
says "FAIL extended-key-usage" "a person's certificate is not one of a KDC"
says "Kerberos Authentication" "and the doctor says what to do"
doctor "$LAB/other-root.pem"
says "FAIL " "neither is one of another CA"
exits_with 64 "--kdc without --doctor" piv-check --kdc "$LAB/kdc.pem"

# --- a password is never tried as a PIN ------------------------------------------------------------
usermod -p "$(openssl passwd -6 87654321)" alice
sed 's/^auth requisite pam_piv.so/auth requisite pam_unix.so/' /etc/pam.d/piv-krb5 >/etc/pam.d/password-krb5
rm -f /run/tmp/krb5cc_*
succeeds "a login by password" sh -c 'echo 87654321 | pamtester password-krb5 alice authenticate'
no_ticket "a login by password" alice
equal "it costs no PIN try" 3 "$(stat_of alice tries_left)"

# --- what goes wrong with Kerberos is no reason to refuse a login ----------------------------------
: >"$TMPDIR/syslog"
stop kdc
log_in alice 123456
equal "no KDC: alice logs in" 0 "$STATUS"
no_ticket "no KDC" alice
logged "no Kerberos ticket for alice: .*KDC"
start_kdc ocsp # a certificate of the same CA, but none of a domain controller
log_in alice 123456
equal "a false KDC: alice logs in" 0 "$STATUS"
no_ticket "a false KDC" alice
logged "no Kerberos ticket for alice"
stop kdc
start_kdc kdc
stop_card alice
start_card dave "$(lab_card dave)"
log_in dave 123456
equal "no principal: dave logs in" 0 "$STATUS"
no_ticket "no principal" dave
logged "no Kerberos ticket for dave: .*not found"
succeeds "the PIN is in no log" test -z "$(grep -lE '123456|999999' "$TMPDIR/syslog" "$TMPDIR"/*.log)"
finish
