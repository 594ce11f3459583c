#!/bin/bash
# An intermediate CA that is not installed: fetched from the caIssuers URL of the certificate, if
# configured, by a real login too; and never more than a helper of the path.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester openssl nginx
need_lab

configure() { # yes|no
    printf '[trust]\nfetch_issuers = %s\n[mapping]\ndomain = corp.example.com=CORP\n' "$1" \
        >/etc/piv-login/piv-login.conf
    chmod 644 /etc/piv-login/piv-login.conf
}
install -d /etc/piv-login/trust/anchors /etc/piv-login/trust/intermediates
install -m 644 "$LAB/root.pem" /etc/piv-login/trust/anchors/
start_ocsp int
start_ocsp root
start_web

configure no
exits_with 1 "not configured: the issuer is missing" piv-check --cert "$LAB/alice.cer"
says "issuer-missing"
does_not_say "fetching" "and nothing was asked"
configure yes
succeeds "configured: it is fetched" piv-check --cert "$LAB/alice.cer" --user alice
exits_with 1 "revocation is asked of its answerer all the same" piv-check --cert "$LAB/rita.cer"
says "revoked"

echo 'auth required pam_piv.so' >/etc/pam.d/piv-test
start_pcscd
start_card alice "$(lab_card alice)"
login() { echo 123456 | pamtester piv-test alice authenticate; }
succeeds "a login with the card" login
configure no
exits_with 1 "and none without the fetching" login
configure yes

# What comes back helps to build a path and is never trusted.
mv "$LAB/int.cer" "$TMPDIR/int.cer"
exits_with 1 "not there" piv-check --cert "$LAB/alice.cer"
says "HTTP status 404" "the reason is named"
cp "$LAB/other-root.cer" "$LAB/int.cer"
exits_with 1 "a root of somebody else" piv-check --cert "$LAB/alice.cer"
cp "$LAB/alice.cer" "$LAB/int.cer"
exits_with 1 "no CA" piv-check --cert "$LAB/alice.cer"
head -c 200000 /dev/zero >"$LAB/int.cer"
exits_with 1 "more than 64 KiB" piv-check --cert "$LAB/alice.cer"
says "ocsp-too-large" "the cap is named"
openssl crl2pkcs7 -nocrl -certfile "$LAB/int.pem" -outform DER -out "$LAB/int.cer"
succeeds "PKCS#7 is read as well" piv-check --cert "$LAB/alice.cer"
stop_web
exits_with 1 "no web server" piv-check --cert "$LAB/alice.cer"
says "ocsp-connect" "the reason is named"
finish
