#!/bin/bash
# Revocation in real logins: staged answers, the policy of each service, CRLs, failover, cache, prefetch.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester openssl python3
need_lab

JOURNAL=$TMPDIR/journal
CACHE=/var/lib/piv-login/cache
configure() { # LINE...: piv-login.conf
    configure_login "[revocation]" "timeout_ms = 2000" "$@"
}
logs_in() { # WHAT SERVICE [TEXT-IN-LOG]
    : >"$JOURNAL"
    pam_login alice 123456 "$2"
    equal "$1" PAM_SUCCESS "$PAM_CODE"
    [ -z "${3:-}" ] || logged "$3"
}
denied() { # WHAT SERVICE PAM_CODE [TEXT-IN-LOG]
    : >"$JOURNAL"
    pam_login alice 123456 "$2"
    equal "$1" "$3" "$PAM_CODE"
    [ -z "${4:-}" ] || logged "$4"
}
logged() { # TEXT
    wait_until 5 "the log entry '$1'" grep -qaF -e "$1" "$JOURNAL"
    pass "  logged: $1"
}
empty_cache() { rm -rf "${CACHE:?}"/*; }
openssl_responder() { # NAME PORT INDEX SIGNER: `openssl ocsp` for the issuing CA
    start "$1" openssl ocsp -port "$2" -index "$3" -CA "$LAB/int.pem" -rsigner "$LAB/$4.pem" -rkey "$LAB/$4.key" -nmin 60
    wait_until 10 "responder $1" listening "$2"
}

# What journald would get.
mkdir -p /run/systemd/journal
start journal python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/systemd/journal/socket")
while True:
    data = s.recv(65536)
    with open(sys.argv[1], "ab") as f:
        f.write(data)' "$JOURNAL"
wait_until 10 "the log's socket" test -S /run/systemd/journal/socket

configure
for service in piv-soft piv-bound piv-late piv-off piv-strict; do cp /etc/pam.d/piv-test "/etc/pam.d/$service"; done
services=("[service piv-soft]" "revocation.ocsp = soft"
    "[service piv-bound]" "revocation.ocsp = soft" "revocation.soft_max_age = 3600" "revocation.nonce = require"
    "[service piv-late]" "revocation.ocsp = soft" "revocation.soft_max_age = 1" "revocation.nonce = require"
    "[service piv-off]" "revocation.ocsp = off")
configure "${services[@]}"
start_pcscd
start_card alice "$(lab_card alice)"
empty_cache

# --- nothing answers ---------------------------------------------------------------------------------
denied "require" piv-test PAM_AUTHINFO_UNAVAIL ocsp-connect-failed
logs_in "soft" piv-soft "accepted: soft"
logged "unavailable (ocsp-connect-failed)"
run piv-check --why alice --json
says "accepted under revocation.ocsp = soft: ocsp-connect-failed: " "the record names the cause"
denied "soft with a bound, never heard of the certificate" piv-bound PAM_AUTHINFO_UNAVAIL soft
logs_in "off" piv-off

# --- answers staged into the image, first boot without a network ------------------------------------
start_ocsp int
start_ocsp root
succeeds "save the user's answer" piv-ocsp --no-cache --issuer "$LAB/int.pem" --save "$TMPDIR/alice.der" "$LAB/alice.pem"
succeeds "save the CA's answer" piv-ocsp --no-cache --issuer "$LAB/root.pem" --save "$TMPDIR/int.der" "$LAB/int.pem"
stop_ocsp int
stop_ocsp root
install -D -m 644 "$TMPDIR/alice.der" /var/lib/piv-login/ocsp/alice.der
install -D -m 644 "$TMPDIR/int.der" /var/lib/piv-login/ocsp/int.der
logs_in "staged answers under require" piv-test "from staged"
rm /var/lib/piv-login/ocsp/int.der
denied "the CA's staged answer is missing" piv-test PAM_AUTHINFO_UNAVAIL
rm -r /var/lib/piv-login/ocsp

# --- responders and the cache ------------------------------------------------------------------------
start_ocsp int
start_ocsp root
logs_in "asked" piv-test "good from network"
stop_ocsp int
stop_ocsp root
logs_in "within nextUpdate nobody is asked" piv-test "good from cache"
logs_in "another service shares the cache" piv-soft "good from cache"
logs_in "soft with a bound: the last good answer is recent" piv-bound "accepted: soft"
sleep 2
denied "soft with a bound: the last good answer is too old" piv-late PAM_AUTHINFO_UNAVAIL soft
chown 12345:12345 "$CACHE/ocsp"
denied "a cache that belongs to somebody else" piv-test PAM_AUTHINFO_UNAVAIL ocsp-connect-failed
chown 0:0 "$CACHE/ocsp"
chmod 777 "$CACHE/ocsp"
denied "a cache that all can write to" piv-test PAM_AUTHINFO_UNAVAIL ocsp-connect-failed
chmod 755 "$CACHE/ocsp"
logs_in "its own again" piv-test "good from cache"

# --- prefetch: what the timer runs ------------------------------------------------------------------
exits_with 2 "prefetch without responders" piv-ocsp --prefetch
logs_in "what could not be renewed is kept" piv-test "good from cache"
start_ocsp int
start_ocsp root
succeeds "prefetch" piv-ocsp --prefetch
says "2 cached answers, 2 renewed, 0 failed, 0 revoked"
stop_ocsp root
stop_ocsp int

# --- never soft on a bad answer ----------------------------------------------------------------------
port=$(port_of "$ocsp_url")
start_ocsp root
: >"$TMPDIR/nobody.txt"
for how in "nobody.txt ocsp revocation-unknown PAM_AUTH_ERR" \
    "index.txt bob ocsp-signer-unauthorized PAM_AUTHINFO_UNAVAIL"; do
    read -r index signer code verdict <<<"$how"
    [ "$index" = index.txt ] && index=$LAB/index.txt || index=$TMPDIR/$index
    openssl_responder bad "$port" "$index" "$signer"
    empty_cache
    denied "soft, $code" piv-soft "$verdict" "$code"
    stop bad
done

# --- several responders, an override --------------------------------------------------------------------
openssl_responder spare 8095 "$LAB/index.txt" ocsp
# The first accepts nobody, the second knows the users, the third the issuing CA.
configure "ocsp_url = http://127.0.0.1:1/, http://127.0.0.1:8095/, $root_ocsp_url" "${services[@]}"
empty_cache
logs_in "an override of three responders" piv-test "good from network"
stop_ocsp root
configure "${services[@]}"
stop spare

# --- CRLs where OCSP cannot be had -----------------------------------------------------------------------
mkdir -p /etc/piv-login/crl
cp "$LAB/int.crl" "$LAB/root.crl" /etc/piv-login/crl/
configure "[trust]" "crl = /etc/piv-login/crl" "${services[@]}"
empty_cache
logs_in "the CRLs say good" piv-test "good from crl"
logs_in "with OCSP off, too" piv-off "good from crl"
stop_card alice
start_card rita "$(lab_card rita)"
for service in piv-test piv-soft piv-off; do
    pam_login rita 123456 "$service"
    equal "revoked by CRL, $service" PAM_AUTH_ERR "$PAM_CODE"
done
stop_card rita
start_ocsp int
start_ocsp root
start_card rita "$(lab_card rita)"
configure "${services[@]}"
for service in piv-test piv-soft; do
    pam_login rita 123456 "$service"
    equal "revoked by OCSP, $service" PAM_AUTH_ERR "$PAM_CODE"
done
stop_ocsp int
pam_login rita 123456 piv-soft
equal "a revocation is remembered" PAM_AUTH_ERR "$PAM_CODE"
stop_card rita
finish
