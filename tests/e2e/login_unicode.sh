#!/bin/bash
# Names in any script: at the prompt, in the records, as UPN, and in the name service; and what is no
# name (bidi overrides, control characters, letters that combine without end) is shown escaped.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester openssl getent python3
need_lab
configure_login "[revocation]" "ocsp = off"
export LANG=C.UTF-8 LC_ALL=C.UTF-8
start_pcscd

issue() { # NAME SUBJECT UPN: a certificate of the issuing CA for alice's key
    printf '%s\n' "[c]" "keyUsage=critical,digitalSignature" \
        "extendedKeyUsage=clientAuth,1.3.6.1.4.1.311.20.2.2" "authorityKeyIdentifier=keyid" \
        "subjectAltName=@names" \
        "[names]" "otherName=1.3.6.1.4.1.311.20.2.3;FORMAT:UTF8,UTF8:$3" >"$TMPDIR/ext"
    openssl req -new -utf8 -key "$LAB/alice.key" -subj "$2" -nameopt utf8 -out "$TMPDIR/request"
    openssl x509 -req -in "$TMPDIR/request" -CA "$LAB/int.pem" -CAkey "$LAB/int.key" \
        -set_serial 0x$RANDOM -days 30 -sha256 -extfile "$TMPDIR/ext" -extensions c \
        -out "$LAB/$1.pem" 2>/dev/null || give_up "a certificate for $1"
}
raw_controls() { # in OUT: bidirectional controls, and controls but tab and line end
    LC_ALL=C grep -caP '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]' <<<"$OUT"
}
record() { tail -1 /var/lib/piv-login/attempts; }

issue japanese "/CN=山田太郎" alice@corp.example.com
start_card one "--slot=9a=$LAB/japanese.pem,$LAB/alice.key"
pam_login alice 123456
equal "a Japanese name logs in" PAM_SUCCESS "$PAM_CODE"
says "PIN for 山田太郎" "and is shown as it is"
OUT=$(record | python3 -c 'import json, sys; print(json.load(sys.stdin)["certificate"]["subject"])')
says "CN=山田太郎" "in the record, too"
run piv-check --card
says "山田太郎"
OUT=$(LC_ALL=C LANG=C pamtester piv-test alice authenticate <<<123456 2>&1)
says "successfully" "under a locale without these letters"
stop_card one

issue bidi $'/CN=Alice \u202egnp.exe\u202c \u2066x' alice@corp.example.com
start_card one "--slot=9a=$LAB/bidi.pem,$LAB/alice.key"
pam_login alice 123456
equal "a name with bidi controls logs in" PAM_SUCCESS "$PAM_CODE"
equal "none of them is shown raw at the prompt" 0 "$(raw_controls)"
OUT=$(record)
equal "nor in the record" 0 "$(raw_controls)"
run piv-check --card
equal "nor by piv-check" 0 "$(raw_controls)"
stop_card one

# --- UPN and accounts --------------------------------------------------------------------------------
echo 'jürgen:x:7801:7801:Jürgen Müller:/run/home:/bin/sh' >>/etc/passwd
echo 'jürgen:x:7801:' >>/etc/group
issue umlaut "/CN=Jürgen Müller" "jürgen@corp.example.com"
start_card one "--slot=9a=$LAB/umlaut.pem,$LAB/alice.key"
pam_login jürgen 123456
equal "a UPN names accounts in ASCII only: one that looks alike is no other person" PAM_AUTH_ERR "$PAM_CODE"
run piv-check --why jürgen
says "upn-malformed" "which is said"
says "'jürgen@corp.example.com'" "with the UPN, legible"
# Such an account is named by the certificate itself.
sha=$(openssl x509 -in "$LAB/umlaut.pem" -outform DER | sha256sum | cut -d' ' -f1)
printf '%s\n' "cert-sha256 $sha -> jürgen" >/etc/piv-login/accounts
chmod 644 /etc/piv-login/accounts
configure_login "map = file" "[revocation]" "ocsp = off"
pam_login jürgen 123456
equal "an account with umlauts, by the account map" PAM_SUCCESS "$PAM_CODE"
says "PIN for Jürgen Müller" "is asked by the name on the card"
pam_login $'ju\u0308rgen' 123456
equal "the same name, decomposed, is another one" PAM_USER_UNKNOWN "$PAM_CODE"
succeeds "why he could" piv-check --why jürgen
says "logged in"
stop_card one

# --- the name service --------------------------------------------------------------------------------
sed -i '/^\(passwd\|group\):/d' /etc/nsswitch.conf
printf 'passwd: files piv\ngroup: files piv\n' >>/etc/nsswitch.conf
rm /etc/piv-login/accounts
printf '%s\n' 'account zoé 7802 7802 "Zoé 山田" /run/home /bin/sh' >/etc/piv-login/accounts
succeeds "an account of letters beyond ASCII is compiled" piv-accounts compile
succeeds "it is found by its name" getent passwd zoé
says "zoé:x:7802:7802:Zoé 山田:" "whole"
succeeds "and by its alias" getent passwd 'zoé@corp.example.com'
succeeds "so is a local one" getent passwd 'jürgen@corp.example.com'
says "jürgen:x:7801:"
printf 'account zo\u200be 7803 7803 Z /run/home /bin/sh\n' >>/etc/piv-login/accounts
exits_with 78 "a name with a letter that nobody sees is refused" piv-accounts compile
equal "and not shown raw" 0 "$(raw_controls)"
finish
