#!/bin/bash
# Logins through the installed module: real libpam, helper, pcscd, virtual card and responder.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester openssl
need_lab

configure() { # LINE...: piv-login.conf
    printf '%s\n' '[mapping]' 'domain = corp.example.com=CORP' "$@" >/etc/piv-login/piv-login.conf
    chmod 644 /etc/piv-login/piv-login.conf
}
trust() { # ANCHOR INTERMEDIATE: names in the lab
    rm -rf /etc/piv-login/trust
    install -d /etc/piv-login/trust/anchors /etc/piv-login/trust/intermediates
    install -m 644 "$LAB/$1.pem" /etc/piv-login/trust/anchors/
    install -m 644 "$LAB/$2.pem" /etc/piv-login/trust/intermediates/
}
login() { # USER PIN: OUT and STATUS; CODE is the PAM code's text
    run sh -c "printf '%s\n' \"\$1\" | pamtester -v piv-test \"\$0\" authenticate" "$1" "$2"
}
denied() { # WHAT USER PIN TEXT-OF-CODE [TEXT-SHOWN]
    login "$2" "$3"
    if [ "$STATUS" != 0 ] && [[ $OUT == *"$4"* ]]; then
        pass "$1: $4"
    else
        fail "$1: status $STATUS, want '$4'" "$OUT"
    fi
    [ -z "${5:-}" ] || says "$5" "$1: says '$5'"
}
granted() { # WHAT USER PIN
    login "$2" "$3"
    if [ "$STATUS" = 0 ]; then pass "$1"; else fail "$1: status $STATUS" "$OUT"; fi
}
tries() { equal "$1: $2 tries left on the card" "$2" "$(stat_of "$3" tries_left)"; }

install -d /etc/piv-login
rm -rf /var/lib/piv-login/cache
install -d /var/lib/piv-login/cache
configure
trust root int
echo 'auth required pam_piv.so' >/etc/pam.d/piv-test
echo 'account required pam_piv.so' >>/etc/pam.d/piv-test

no_pcscd="Authentication service cannot retrieve authentication info"
denied "no pcscd" alice 123456 "$no_pcscd" "smart card service is not running"
start_pcscd
start_ocsp int
start_ocsp root
denied "no card" alice 123456 "$no_pcscd" "No smart card was found"

start_card alice "$(lab_card alice)"
granted "alice logs in" alice 123456
says "PIN for Alice Example (3 tries left)" "the prompt names the holder and the tries left"
tries "after a login" 3 alice
denied "another user's name" bob 123456 "Authentication failure" "belongs to another account"
denied "wrong PIN" alice 654321 "Authentication failure" "Wrong PIN. 2 tries left."
typed_wrong alice
tries "wrong PIN" 2 alice
denied "empty PIN" alice "" "Authentication failure"
denied "short PIN" alice 123 "Authentication failure"
denied "long PIN" alice 1234567890123 "Authentication failure"
tries "PINs of a wrong length" 2 alice
granted "alice logs in again" alice 123456
tries "the right PIN gives the tries back" 3 alice

card alice stats >/dev/null
before=$(stat_of alice apdus)
granted "a counted login" alice 123456
after=$(stat_of alice apdus)
if [ $((after - before)) -le 12 ]; then pass "$((after - before)) APDUs"; else fail "$((after - before)) APDUs"; fi
stop_card alice

start_card rita "$(lab_card rita)"
denied "revoked" rita 123456 "Authentication failure" "revoked"
tries "revoked" 3 rita
stop_card rita
start_card eddie "$(lab_card eddie)"
denied "expired" eddie 123456 "Authentication failure" "expired"
tries "expired" 3 eddie
stop_card eddie
start_card oscar "$(lab_card oscar)"
denied "another CA" oscar 123456 "Authentication failure" "not installed here"
tries "another CA" 3 oscar
stop_card oscar
start_card mix "--slot=9a=$LAB/alice.pem,$LAB/rita.key"
denied "the key is not on the card" alice 123456 "Authentication failure"
stop_card mix
start_card empty
denied "an empty card" alice 123456 "Insufficient credentials" "no certificate for login"
stop_card empty
start_card bob "$(lab_card bob)"
granted "bob (P-256) logs in" bob 123456
stop_card bob
start_card carol "$(lab_card carol)"
granted "carol (P-384) logs in" carol 123456
stop_card carol

rm -rf /var/lib/piv-login/cache/*
stop_ocsp int
start_card alice "$(lab_card alice)"
denied "dead responder" alice 123456 "$no_pcscd" "cannot be checked"
tries "dead responder" 3 alice
configure '[revocation]' 'ocsp = soft'
granted "dead responder under soft" alice 123456
configure '[revocation]' 'ocsp = off'
granted "revocation off" alice 123456
configure '[card]' 'tries_floor = 3'
denied "tries at the floor" alice 123456 "maximum number of retries" "Too few PIN tries"
configure '[policy]' 'services = login'
denied "service out of scope" alice 123456 "Permission denied"
printf 'nonsense = 1\n' >/etc/piv-login/piv-login.conf
denied "bad configuration" alice 123456 "Error in service module" "not set up correctly"
configure
chmod 666 /etc/piv-login/piv-login.conf
denied "configuration that others can write" alice 123456 "Error in service module"
configure '[revocation]' 'ocsp = off'
rm /etc/piv-login/trust/intermediates/*
denied "intermediate missing" alice 123456 "Authentication failure" "not installed here"
rm /etc/piv-login/trust/anchors/*
denied "no trust anchors" alice 123456 "Error in service module"
trust root int
for i in 2 1; do denied "wrong PIN, $i left" alice 999999 "Authentication failure"; done
denied "the last wrong PIN" alice 999999 "maximum number of retries" "blocked"
typed_wrong alice 3
denied "blocked" alice 123456 "maximum number of retries" "blocked"
stop_card alice
mv /usr/libexec/piv-login/piv-login-helper /usr/libexec/piv-login/gone
denied "no helper" alice 123456 "System error"
finish
