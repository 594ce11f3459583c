#!/bin/bash
# piv-check on cards and certificates, what it says about past attempts, and the doctor.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester openssl python3
need_lab

field() { python3 -c 'import json,sys; d=json.load(sys.stdin); print(eval(sys.argv[1]))' "$1" <<<"$JSON"; }
check() { # STATUS DECISION CODE WHAT OPTION...
    local status=$1 decision=$2 code=$3 what=$4
    shift 4
    STATUS=0
    JSON=$(piv-check --json "$@" 2>"$TMPDIR/stderr" </dev/null) || STATUS=$?
    equal "$what" "$status $decision $code" "$STATUS $(field 'd["decision"]+" "+d["code"]')"
}
step() { equal "step $1: $2" "$2" "$(field "[s['result'] for s in d['steps'] if s['step']=='$1'][0]")"; }

install -d /etc/piv-login/trust/anchors /etc/piv-login/trust/intermediates
install -m 644 "$LAB/root.pem" /etc/piv-login/trust/anchors/
install -m 644 "$LAB/int.pem" /etc/piv-login/trust/intermediates/
printf '[mapping]\ndomain = corp.example.com=CORP\n' >/etc/piv-login/piv-login.conf
chmod 644 /etc/piv-login/piv-login.conf
echo 'auth required pam_piv.so' >/etc/pam.d/piv-test
start_ocsp int
start_ocsp root

check 0 accept ok "alice's certificate" --cert "$LAB/alice.cer"
equal "as alice" alice "$(field 'd["user"]')"
equal "by UPN" alice@corp.example.com "$(field 'd["certificate"]["upn"]')"
equal "three certificates in the path" 3 "$(field 'len(d["path"])')"
for name in certificate path revocation mapping; do step $name pass; done
for name in reader card possession; do step $name skip; done
check 0 accept ok "for alice" --cert "$LAB/alice.cer" --user alice
check 1 reject wrong-user "for bob" --cert "$LAB/alice.cer" --user bob
check 1 reject revoked "rita" --cert "$LAB/rita.cer"
check 1 reject certificate-expired "eddie" --cert "$LAB/eddie.cer"
check 1 reject issuer-missing "oscar" --cert "$LAB/oscar.cer"
check 0 accept ok "oscar with his CA, without revocation" --cert "$LAB/oscar.cer" --ca "$LAB/other-root.cer" --ocsp off
check 0 accept ok "alice by CRLs" --cert "$LAB/alice.cer" --crl "$LAB/int.crl" --crl "$LAB/root.crl"
check 1 reject revoked "rita by CRLs" --cert "$LAB/rita.cer" --crl "$LAB/int.crl" --crl "$LAB/root.crl"
check 2 unavailable crl-unusable "a CRL is missing" --cert "$LAB/alice.cer" --crl "$LAB/int.crl"
check 64 unavailable bad-usage "an unknown option" --nonsense
echo "This is a text." >"$TMPDIR/no.cer"
check 65 unavailable no-certificate-in-file "no certificate" --cert "$TMPDIR/no.cer"

check 2 unavailable pcscd-down "no pcscd" --card
start_pcscd
check 2 unavailable no-card "no card" --card
start_card alice "$(lab_card alice)"
check 0 accept ok "alice's card" --card
equal "as alice" alice "$(field 'd["user"]')"
step possession skip
equal "no PIN try is used" 3 "$(stat_of alice tries_left)"
STATUS=0
JSON=$(echo 123456 | piv-check --json --card --pin-from-stdin --user alice) || STATUS=$?
equal "with the PIN" "0 accept" "$STATUS $(field 'd["decision"]')"
step possession pass
STATUS=0
JSON=$(echo 654321 | piv-check --json --card --pin-from-stdin 2>/dev/null) || STATUS=$?
typed_wrong alice
equal "with a wrong PIN" "1 reject pin-wrong" "$STATUS $(field 'd["decision"]+" "+d["code"]')"
equal "one try is spent" 2 "$(stat_of alice tries_left)"

succeeds "the doctor finds nothing that keeps alice out" piv-check --doctor </dev/null
says "passwd in nsswitch.conf does not name piv"
says "account alice by upn"
succeeds "a report" piv-check --doctor --report "$TMPDIR/report" </dev/null
if grep -q -i alice "$TMPDIR/report"; then fail "the report names nobody"; else pass "the report names nobody"; fi

rm /etc/pam.d/piv-test
exits_with 1 "the doctor misses the PAM stack" piv-check --doctor </dev/null
says "names pam_piv.so"
echo 'auth required pam_piv.so nullok' >/etc/pam.d/piv-test
exits_with 1 "the doctor finds an unknown argument" piv-check --doctor </dev/null
says "unknown argument nullok"
echo 'auth required pam_piv.so' >/etc/pam.d/piv-test

# The doctor reads the configuration as a login would.
cp -p /etc/piv-login/piv-login.conf "$TMPDIR/good.conf"
printf '[service kiosk]\ncard.tries_flor = 1\n' >>/etc/piv-login/piv-login.conf
exits_with 1 "the doctor finds a mistyped key" piv-check --doctor </dev/null
says "/etc/piv-login/piv-login.conf:4: unknown key 'tries_flor' in [card]: did you mean 'tries_floor'?"
cp -p "$TMPDIR/good.conf" /etc/piv-login/piv-login.conf
chmod 666 /etc/piv-login/piv-login.conf
exits_with 1 "and a configuration that others can write" piv-check --doctor </dev/null
says "insecure-config"
chmod 644 /etc/piv-login/piv-login.conf

exits_with 2 "nothing recorded yet" piv-check --why alice
echo 111111 | pamtester piv-test alice authenticate >/dev/null 2>&1
typed_wrong alice
exits_with 1 "why alice could not log in" piv-check --why alice
says "pin-wrong"
echo 123456 | pamtester piv-test alice authenticate >/dev/null 2>&1
exits_with 0 "and then could" piv-check --why alice
says "logged in"
if grep -rqE '123456|111111|654321' /var/lib/piv-login; then fail "a PIN in a file"; else pass "no PIN in any file"; fi
stop_ocsp int
rm -rf /var/lib/piv-login/cache/*
check 2 unavailable ocsp-connect-failed "dead responder" --cert "$LAB/alice.cer"
finish
