#!/bin/bash
# One table of cases, three ways to a key: PIV over PC/SC, the same card through OpenSC's PKCS#11
# module, and SoftHSM. The verdicts are the same.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester openssl pkcs11-tool softhsm2-util setpriv
module_named() { find /usr/lib /usr/lib64 -name "$1" 2>/dev/null | head -1; }
OPENSC=$(module_named opensc-pkcs11.so) SOFTHSM=$(module_named libsofthsm2.so)
[ -n "$OPENSC" ] || skip "OpenSC's PKCS#11 module is not installed (scripts/install-deps)"
[ -n "$SOFTHSM" ] || skip "SoftHSM is not installed (scripts/install-deps)"
need_lab
TOKENS=/var/lib/softhsm/piv-test

# The role's user has the tokens, as it would with a vendor's middleware.
install -d -m 755 /etc/softhsm /var/lib/softhsm
printf '%s\n' "directories.tokendir = $TOKENS" "objectstore.backend = file" "log.level = ERROR" |
    tee /etc/softhsm/softhsm2.conf >/etc/softhsm2.conf
chmod 644 /etc/softhsm/softhsm2.conf /etc/softhsm2.conf
configure_login "[service piv-test-piv]" "card.backend = piv" \
    "[service piv-test-opensc]" "card.backend = pkcs11" "card.module = $OPENSC" \
    "[service piv-test-softhsm]" "card.backend = pkcs11" "card.module = $SOFTHSM" \
    "[service piv-test-blocked]" "card.backend = pkcs11" "card.module = /usr/lib/libhostile-module.so"
for backend in piv opensc softhsm blocked; do cp /etc/pam.d/piv-test "/etc/pam.d/piv-test-$backend"; done
start_ocsp int
start_ocsp root
start_pcscd

as_role() { setpriv --reuid piv-login --regid piv-login --clear-groups "$@"; }
fill_token() { # CERTIFICATE KEY: names in the lab; KEY - for none
    local where=$TMPDIR/objects
    rm -rf "$TOKENS" "$where"
    install -d -o piv-login -g piv-login -m 700 "$TOKENS" "$where"
    openssl x509 -in "$LAB/$1.pem" -outform DER -out "$where/certificate"
    [ "$2" = - ] || openssl pkcs8 -topk8 -nocrypt -in "$LAB/$2.key" -outform DER -out "$where/key"
    chown -R piv-login: "$where"
    local tool=(as_role pkcs11-tool --module "$SOFTHSM" --login --pin 123456 --id 01)
    {
        as_role softhsm2-util --init-token --free --label token --pin 123456 --so-pin 12345678 &&
            "${tool[@]}" --write-object "$where/certificate" --type cert &&
            { [ "$2" = - ] || "${tool[@]}" --write-object "$where/key" --type privkey --usage-sign; }
    } >"$TMPDIR/token.log" 2>&1 || give_up "a SoftHSM token for $1"
}

declare -A VERDICT
one_backend() { # BACKEND LABEL USER PIN WANT
    pam_login "$3" "$4" "piv-test-$1"
    VERDICT[$1]=$PAM_CODE
    if [ "$PAM_CODE" = "$5" ]; then
        pass "$2: $1: $5"
    else
        fail "$2: $1: $PAM_CODE instead of $5" "$(tail -3 <<<"$OUT")"
    fi
}
only_typed() { # BACKEND LABEL: a try is spent by a wrong PIN that somebody typed, and by nothing else
    equal "$2: $1: tries spent" "$([ "$2" = "wrong PIN" ] && echo 1 || echo 0)" \
        "$(stat_of card verify_wrong)"
    [ "$2" != "wrong PIN" ] || typed_wrong card
    card card clear >/dev/null
    card card tries 3 >/dev/null
}
one_case() { # LABEL USER PIN WANT CERTIFICATE KEY
    local slot=9a=$LAB/$5.pem
    [ "$6" = - ] || slot+=,$LAB/$6.key
    start_card card --slot "$slot"
    one_backend piv "$1" "$2" "$3" "$4"
    only_typed piv "$1"
    one_backend opensc "$1" "$2" "$3" "$4"
    only_typed opensc "$1"
    stop_card card
    fill_token "$5" "$6"
    one_backend softhsm "$1" "$2" "$3" "$4"
    equal "$1: one verdict" 1 "$(printf '%s\n' "${VERDICT[@]}" | sort -u | wc -l)"
}

trim() { local t=${1#"${1%%[! ]*}"}; printf '%s' "${t%"${t##*[! ]}"}"; }
while IFS='|' read -r label user pin want certificate key <&9; do
    [ -n "$label" ] || continue
    one_case "$(trim "$label")" "$(trim "$user")" "$(trim "$pin")" "$(trim "$want")" \
        "$(trim "$certificate")" "$(trim "$key")"
done 9<<'END'
RSA 2048              | alice | 123456    | PAM_SUCCESS           | alice | alice
RSA 3072              | dave  | 123456    | PAM_SUCCESS           | dave  | dave
P-256                 | bob   | 123456    | PAM_SUCCESS           | bob   | bob
P-384                 | carol | 123456    | PAM_SUCCESS           | carol | carol
wrong PIN             | alice | 654321    | PAM_AUTH_ERR          | alice | alice
empty PIN             | alice |           | PAM_AUTH_ERR          | alice | alice
revoked               | rita  | 123456    | PAM_AUTH_ERR          | rita  | rita
expired               | eddie | 123456    | PAM_AUTH_ERR          | eddie | eddie
of another CA         | oscar | 123456    | PAM_AUTH_ERR          | oscar | oscar
another user's        | carol | 123456    | PAM_AUTH_ERR          | alice | alice
a copied certificate  | alice | 123456    | PAM_AUTH_ERR          | alice | rita
END
start_card card "$(lab_card alice)" --tries-left 0
one_backend piv "blocked PIN" alice 123456 PAM_MAXTRIES
one_backend opensc "blocked PIN" alice 123456 PAM_MAXTRIES
stop_card card
# SoftHSM counts no wrong PINs and never blocks one. Its token behind a module that says what one that
# does would say: by the flag of the token, and, where that says nothing, in answer to the PIN.
install -m 755 "$BUILD/tests/e2e/libhostile-module.so" /usr/lib/
ln -s "$SOFTHSM" /usr/lib/libhostile-real.so
: >/usr/lib/hostile-module.orders
fill_token alice alice
one_backend blocked "the token as it is" alice 123456 PAM_SUCCESS
echo "token locked" >/usr/lib/hostile-module.orders
one_backend blocked "blocked PIN, by the token's flag" alice 123456 PAM_MAXTRIES
echo "login locked" >/usr/lib/hostile-module.orders
one_backend blocked "blocked PIN, by C_Login" alice 123456 PAM_MAXTRIES
# Nothing to use at all.
start_card card --no-discovery
one_backend piv "no certificate" alice 123456 PAM_CRED_INSUFFICIENT
stop_card card
one_backend piv "no card" alice 123456 PAM_AUTHINFO_UNAVAIL
one_backend opensc "no card" alice 123456 PAM_AUTHINFO_UNAVAIL
rm -rf "$TOKENS"
install -d -o piv-login -g piv-login -m 700 "$TOKENS"
one_backend softhsm "an empty token" alice 123456 PAM_CRED_INSUFFICIENT
finish
