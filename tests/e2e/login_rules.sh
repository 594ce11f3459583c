#!/bin/bash
# Who may log in where: services, remote logins, groups, names, several accounts, waiting for a card.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester openssl
need_lab

rules() { # LINE...: the configuration beside the domain; revocation is not the matter here
    configure_login "$@" '[revocation]' 'ocsp = off'
}
outcome() { # WHAT CODE USER PIN [SERVICE]
    pam_login "$3" "$4" "${5:-piv-test}"
    equal "$1" "$2" "$PAM_CODE"
}
with() { # RHOST USER PIN [SERVICE]: a login that comes from RHOST
    STATUS=0
    OUT=$(printf '%s\n' "$3" | pamtester -I rhost="$1" "${4:-piv-test}" "$2" authenticate 2>&1) || STATUS=$?
}
map() { # LINE...
    printf '%s\n' "$@" >/etc/piv-login/accounts
    chmod 644 /etc/piv-login/accounts
}

rules
start_pcscd
start_card alice "$(lab_card alice)"
outcome "alice logs in" PAM_SUCCESS alice 123456

# --- services and remote logins ---------------------------------------------------------------------
for service in sshd sudo kiosk; do echo 'auth required pam_piv.so' >/etc/pam.d/$service; done
with 192.0.2.7 alice 123456 sshd
says "Permission denied" "a remote login is out of scope"
does_not_say "PIN" "and nobody is asked for a PIN"
with localhost alice 123456 sshd
says "successfully" "a login from this machine is not remote"
rules '[policy]' 'services = sshd'
with 192.0.2.7 alice 123456 sshd
says "successfully" "a service that is named is in scope for remote logins too"
outcome "one that is not named is not" PAM_PERM_DENIED alice 123456 sudo
does_not_say "PIN"
rules '[policy]' 'services = all'
with 192.0.2.7 alice 123456 sudo
says "successfully" "all: every service, from everywhere"
rules '[policy]' 'services = sudo' '[service kiosk]' 'policy.services = kiosk' 'card.tries_floor = 3'
outcome "a service's own section counts for that service" PAM_MAXTRIES alice 123456 kiosk
outcome "and for no other one" PAM_SUCCESS alice 123456 sudo
rules '[service kiosk]' 'revocation.ocsp = require'
rm -rf /var/lib/piv-login/cache/*
outcome "revocation may be required for one service" PAM_AUTHINFO_UNAVAIL alice 123456 kiosk
outcome "and not for another" PAM_SUCCESS alice 123456 sudo
rules '[service kiosk]' 'policy.service = kiosk'
outcome "a mistyped key of any service refuses in every service" PAM_SERVICE_ERR alice 123456 sudo
rules '[service kiosk]' 'tries_floor = 3'
outcome "so does one without its section" PAM_SERVICE_ERR alice 123456 sudo

# --- the exempt group -------------------------------------------------------------------------------
printf 'breakglass:x:7700:dave\n' >>/etc/group
rules 'exempt_group = breakglass'
outcome "a member of the exempt group is out of scope" PAM_PERM_DENIED dave 123456
does_not_say "PIN"
outcome "everybody else is not" PAM_SUCCESS alice 123456
outcome "an unknown user is not exempt" PAM_USER_UNKNOWN mallory 123456
rules 'exempt_group = alice'
outcome "the primary group counts" PAM_PERM_DENIED alice 123456
rules 'exempt_group = nosuchgroup'
outcome "a group that is not there is bad configuration" PAM_SERVICE_ERR alice 123456
printf 'auth [success=ok ignore=1 default=bad] pam_piv.so\nauth [default=1] pam_permit.so\nauth required pam_permit.so\n' >/etc/pam.d/beside
rules 'exempt_group = breakglass'
outcome "beside required: the exempt one goes on to the next module" PAM_SUCCESS dave x beside
outcome "and the others do not" PAM_AUTH_ERR bob 123456 beside

# --- names ------------------------------------------------------------------------------------------
rules
printf 'auth required pam_piv.so\naccount required pam_succeed_if.so user = alice\n' >/etc/pam.d/by-card
printf 'auth required pam_piv.so card_only\naccount required pam_succeed_if.so user = alice\n' >/etc/pam.d/card-only
by_card() { run sh -c "echo 123456 | pamtester $1 '' authenticate acct_mgmt"; }
by_card by-card
says "account management done" "without a name the card's account is set"
rules '[policy]' 'user_from_card = no'
by_card by-card
says "Error in service module" "unless user_from_card = no"
does_not_say "PIN"
by_card card-only
says "account management done" "card_only asks the card whatever is configured"
rules
outcome "an unknown name" PAM_USER_UNKNOWN mallory 123456
outcome "somebody else's name" PAM_AUTH_ERR bob 123456
outcome "a name of another case is another name" PAM_USER_UNKNOWN Alice 123456
outcome "a name with a line end" PAM_USER_UNKNOWN $'alice\nroot' 123456
outcome "a very long name" PAM_USER_UNKNOWN "$(printf 'a%.0s' {1..3000})" 123456
equal "none of them spent a PIN try" 3 "$(stat_of alice tries_left)"

# --- the name service's aliases ---------------------------------------------------------------------
printf 'passwd: files piv\ngroup: files piv\nshadow: files piv\n' >/etc/nsswitch.conf
printf '%s\n' '[mapping]' 'domain = corp.example.com=CORP' '[revocation]' 'ocsp = off' >/etc/piv-login/piv-login.conf
map 'account zoe 7701 7701 "Zoe Card" /home/zoe /bin/sh'
succeeds "the map is compiled" piv-accounts compile
outcome "alice@corp.example.com is alice" PAM_SUCCESS alice@corp.example.com 123456
outcome "CORP\\alice is alice" PAM_SUCCESS 'CORP\alice' 123456
outcome "bob@corp.example.com is not" PAM_AUTH_ERR bob@corp.example.com 123456
outcome "alice of another domain is nobody" PAM_USER_UNKNOWN alice@example.com 123456
"$SOURCE/scripts/make-lab" "$LAB" --issue zoe >/dev/null
start_card zoe 2 "$(lab_card zoe)"
outcome "a card-only account" PAM_SUCCESS zoe 123456
outcome "and by its alias" PAM_SUCCESS zoe@corp.example.com 123456
outcome "with two cards in, each gets the account that was typed" PAM_SUCCESS alice 123456
stop_card zoe

# --- several accounts, system accounts, weak and ended lines ----------------------------------------
map 'upn alice@corp.example.com -> bob' 'upn alice@corp.example.com -> root' \
    'upn alice@corp.example.com -> carol until 2020-01-31'
outcome "one card, the account that was typed: alice" PAM_SUCCESS alice 123456
outcome "bob" PAM_SUCCESS bob 123456
outcome "root, because a line names it" PAM_SUCCESS root 123456
outcome "not carol: the line has ended" PAM_AUTH_ERR carol 123456
outcome "not dave: no line" PAM_AUTH_ERR dave 123456
echo 'toor:x:0:0::/root:/bin/sh' >>/etc/passwd
outcome "not another name of uid 0" PAM_AUTH_ERR toor 123456
map
outcome "root without a line" PAM_AUTH_ERR root 123456
"$SOURCE/scripts/make-lab" "$LAB" --issue daemon >/dev/null
remove_card alice
start_card daemon 2 "$(lab_card daemon)"
outcome "a system account by its UPN is barred" PAM_AUTH_ERR daemon 123456
says "cannot log in with a card"
stop_card daemon
insert_card alice
subject=$(openssl x509 -in "$LAB/alice.pem" -noout -subject -nameopt RFC2253 | sed 's/^subject=//')
map "subject $subject -> bob"
outcome "a weak line does not count" PAM_AUTH_ERR bob 123456
rules 'allow_weak = yes'
outcome "unless allow_weak" PAM_SUCCESS bob 123456
rules 'map = file'
outcome "map = file: no account by UPN" PAM_AUTH_ERR alice 123456
map 'upn alice@corp.example.com -> bob' 'nonsense'
outcome "one bad line refuses the whole map" PAM_SERVICE_ERR bob 123456
map "cert-sha256 $(openssl x509 -in "$LAB/alice.pem" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f) -> bob"
rules 'map = cert-sha256'
outcome "by the certificate's hash" PAM_SUCCESS bob 123456
chmod 666 /etc/piv-login/accounts
outcome "a map that others can write is refused" PAM_SERVICE_ERR bob 123456
map
stop_card alice

# --- waiting for a card, conversations that end ------------------------------------------------------
rules '[policy]' 'deadline_ms = 4000'
echo 'auth required pam_piv.so wait_for_card=20' >/etc/pam.d/piv-waits
echo 'auth required pam_piv.so wait_for_card=1' >/etc/pam.d/piv-waits-little
begun=$(date +%s%N)
outcome "nobody inserts a card" PAM_AUTHINFO_UNAVAIL alice 123456 piv-waits-little
says "Insert your smart card."
took=$((($(date +%s%N) - begun) / 1000000))
if [ $took -ge 950 ] && [ $took -lt 6000 ]; then pass "after about a second"; else fail "after $took ms"; fi
start_card late "$(lab_card alice)" --absent
(sleep 5; card late insert) >/dev/null &
outcome "a card that comes after 5 s, beyond the deadline of 4 s, is waited for" PAM_SUCCESS alice 123456 piv-waits
says "Insert your smart card."
run pamtester piv-test alice authenticate </dev/null
says "Conversation error" "a conversation that ends"
equal "spends no try" 3 "$(stat_of late tries_left)"
finish
