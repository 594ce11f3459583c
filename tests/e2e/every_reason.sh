#!/bin/bash
# Every code of the error list (docs/reasons.md) is produced by a real program, or is excepted below
# with the reason why no test can produce it. What counts is what a program wrote: the code in its
# JSON or its message, or in the record of an attempt.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need jq pamtester openssl python3 strace
need_lab

OPENSC=$(find /usr/lib /usr/lib64 -name opensc-pkcs11.so 2>/dev/null | head -1)
EXCEPTED="
internal-error: a fault of the program itself; there is no input that is known to lead to it
pcscd-denied: pcscd asks polkit, which needs a system bus; tests/unit/card maps the status
"
SEEN=$TMPDIR/seen
ATTEMPTS=/var/lib/piv-login/attempts
CACHE=/var/lib/piv-login/cache
: >"$SEEN"

# --- what was seen ---------------------------------------------------------------------------------
seen() { # CODE WHAT: the last command's output names the code as its verdict
    if grep -qE "\"code\": ?\"$1\"|\($1\)|: $1(:|,|\$)" <<<"$OUT"; then
        echo "$1" >>"$SEEN"
        pass "$1: $2"
    else
        fail "$1: $2" "got: $(tail -6 <<<"$OUT" | cut -c -400)"
    fi
}
check() { # CODE OPTION...: piv-check's verdict
    local code=$1
    shift
    STATUS=0
    OUT=$(piv-check --json "$@" 2>"$TMPDIR/stderr" </dev/null) || STATUS=$?
    OUT=$(jq -c '{code}' <<<"$OUT" 2>/dev/null) # the whole's, not a step's
    seen "$code" "piv-check ${*##*/}"
}
tool() { # CODE COMMAND...: any program with --json or its message
    local code=$1
    shift
    run "$@"
    seen "$code" "${*##*/}"
}
RECORDS=0
recorded() { # CODE WHAT: in the newest record, which was not there before
    local records
    records=$(cat "$ATTEMPTS.1" "$ATTEMPTS" 2>/dev/null | wc -l)
    [ "$records" -gt "$RECORDS" ] || fail "$1: $2: no record"
    RECORDS=$records
    OUT=$(tail -1 "$ATTEMPTS" | jq -c '{code}')
    seen "$@"
}
login() { # CODE USER PIN [SERVICE]
    pam_login "$2" "$3" "${4:-piv-test}"
    recorded "$1" "login of $2, $PAM_CODE"
}

# --- certificates ----------------------------------------------------------------------------------
issue() { # NAME ISSUER FILE SECTION: $LAB/NAME.pem, its extensions from a section of FILE
    openssl req -new -newkey rsa:2048 -nodes -keyout "$LAB/$1.key" -subj "/CN=$1" -out "$TMPDIR/request" \
        2>"$TMPDIR/issue.log"
    openssl x509 -req -in "$TMPDIR/request" -CA "$LAB/$2.pem" -CAkey "$LAB/$2.key" -days 30 \
        -set_serial 0x$RANDOM -sha256 -extfile "$3" -extensions "$4" -out "$LAB/$1.pem" \
        2>>"$TMPDIR/issue.log" || give_up "certificate $1"
}
more_certificates() {
    local usual="keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth"
    printf '%s\n' '[odd-name]' "$usual" 'subjectAltName = DNS:not_a_host_name' \
        '[no-url]' "$usual" '[bad-url]' "$usual" 'authorityInfoAccess = OCSP;URI:ftp://ocsp.lab.test/' \
        >"$TMPDIR/odd.cnf"
    issue odd-name int "$TMPDIR/odd.cnf" odd-name
    issue no-url int "$TMPDIR/odd.cnf" no-url
    issue bad-url int "$TMPDIR/odd.cnf" bad-url
    # 1,100 names below 1,100 constraints: more comparisons than a path is allowed.
    {
        printf '%s\n' '[sub]' basicConstraints=critical,CA:TRUE keyUsage=keyCertSign nameConstraints=@c \
            '[user]' "$usual" subjectAltName=@n
        awk 'BEGIN { print "[c]"; for (i = 1; i <= 1100; i++) printf "permitted;DNS.%d = n%d.test\n", i, i
            print "[n]"; for (i = 1; i <= 1100; i++) printf "DNS.%d = h.n%d.test\n", i, i }'
    } >"$TMPDIR/crowded.cnf"
    issue crowded-ca root "$TMPDIR/crowded.cnf" sub
    issue crowded crowded-ca "$TMPDIR/crowded.cnf" user
    printf '%s\n' '-----BEGIN CERTIFICATE-----' MIIBAAAA '-----END CERTIFICATE-----' >"$TMPDIR/broken.pem"
}
certificates() {
    local code file off="--ocsp off"
    while read -r code file; do
        # shellcheck disable=SC2086
        check "$code" $off --cert "$file"
    done <<END
certificate-expired $LAB/eddie.pem
certificate-not-yet-valid $MADE/not-yet.pem
certificate-signature-bad $MADE/forged.cer
issuer-missing $LAB/oscar.pem
anchor-not-trusted $MADE/self-signed.pem
path-too-long $MADE/below-pathlen.pem
name-constraint $MADE/constrained.pem
unknown-critical-extension $MADE/critical.pem
key-usage $MADE/ku-encipher.pem
extended-key-usage $MADE/eku-server.pem
weak-key $MADE/weak-key.pem
weak-signature $MADE/sha1.pem
not-mapped $MADE/upn-foreign.pem
upn-malformed $MADE/two-upns.pem
account-barred $MADE/upn-root.pem
user-unknown $MADE/upn-ghost.pem
no-certificate-in-file /etc/hostname
private-key-in-file $LAB/alice.key
certificate-malformed $TMPDIR/broken.pem
file-not-found $TMPDIR/none.pem
file-unreadable $TMPDIR
END
    check issuer-not-a-ca --ocsp off --untrusted "$LAB/bob.pem" --cert "$MADE/by-a-user.pem"
    check wrong-user --ocsp off --cert "$LAB/alice.pem" --user bob
    check path-refused --ocsp off --conformance profile --cert "$LAB/odd-name.pem"
    printf '%s\n' '[mapping]' 'domain = corp.example.com' '[revocation]' 'ocsp = off' '[policy]' 'services = sudo' >"$TMPDIR/scope.conf"
    check policy-not-allowed --ocsp off --cert "$LAB/alice.pem" --policy 1.2.3.4 --require-explicit-policy
    check crl-unusable --cert "$LAB/alice.pem" --crl "$LAB/int.crl"
    check bad-usage --nonsense
    head -c 40000000 /dev/zero >"$TMPDIR/large.pem"
    check file-too-large --ocsp off --cert "$TMPDIR/large.pem"
    check path-budget --ocsp off --untrusted "$LAB/crowded-ca.pem" --cert "$LAB/crowded.pem"
    check out-of-scope --service other --config "$TMPDIR/scope.conf" --cert "$LAB/alice.pem"
}

# --- revocation ------------------------------------------------------------------------------------
revocation() {
    local code
    # One wrong behaviour of the misbehaving responder for each code, judged by piv-ocsp.
    run python3 "$SOURCE/tests/ocsp/behaviours_test.py" "$BUILD/ocsp_client/piv-ocsp" \
        --one-for-each-code
    while read -r code; do
        echo "$code" >>"$SEEN"
        pass "$code: piv-ocsp"
    done < <(sed -n 's/^seen //p' <<<"$OUT")
    says " 0 failed" "and each behaviour leads to its code"
    check revoked --cert "$LAB/rita.pem" --crl "$LAB/int.crl" --crl "$LAB/root.crl"
    tool ocsp-no-url piv-ocsp --json --no-cache --issuer "$LAB/int.pem" "$LAB/no-url.pem"
    tool ocsp-bad-url piv-ocsp --json --no-cache --issuer "$LAB/int.pem" "$LAB/bad-url.pem"
    tool ocsp-host-not-found piv-ocsp --json --no-cache --url http://none.lab.test/ \
        --issuer "$LAB/int.pem" "$LAB/alice.pem"
    tool ocsp-issuer-mismatch piv-ocsp --json --no-cache --issuer "$LAB/other-root.pem" "$LAB/alice.pem"
    alive pcscd || start_pcscd
    rm -rf "${CACHE:?}"/*
    configure_login "[revocation]" "ocsp = soft" "soft_max_age = 60" "timeout_ms = 1000"
    start_card soft "$(lab_card alice)"
    login soft-fail-expired alice 123456
    # The fetch role cannot be started.
    configure_login "[revocation]" "timeout_ms = 1000"
    mv /usr/bin/piv-ocsp "$TMPDIR/"
    login ocsp-unavailable alice 123456
    mv "$TMPDIR/piv-ocsp" /usr/bin/
    stop_card soft
    configure_login "[revocation]" "ocsp = off"
}

# --- cards -----------------------------------------------------------------------------------------
on_card() { # CODE PIN OPTION of piv-virtual-card...: a login with that card
    local code=$1 pin=$2
    shift 2
    start_card one "$@"
    login "$code" alice "$pin"
    [ "$code" != pin-wrong ] || typed_wrong one
    stop_card one
}
alone_with_card() { # COMMAND...: while another program has the card for itself
    python3 "$SOURCE/tests/e2e/hold_card.py" "$(reader_of 1)" >"$TMPDIR/hold.log" 2>&1 &
    local pid=$!
    wait_until 10 "holding the card" grep -q held "$TMPDIR/hold.log"
    "$@"
    kill "$pid"
    wait "$pid" 2>/dev/null
}
cards() {
    local alice slot=$LAB/alice.pem
    alice=$(lab_card alice)
    login pcscd-down alice 123456
    configure_login "[revocation]" "ocsp = off" "[card]" "reader = Other*"
    start_pcscd
    login no-reader alice 123456
    configure_login "[revocation]" "ocsp = off" "[policy]" "deadline_ms = 4000"
    login no-card alice 123456
    on_card card-removed 123456 "$alice" --fault ins=20:remove=2000
    on_card card-failure 123456 "$alice" --fault ins=87:sw=6f00
    on_card card-not-usable 123456
    on_card card-malformed 123456 "$alice" --fault object=5fc105:truncate=100
    on_card card-not-piv 123456 --fault ins=a4:sw=6a82
    on_card pin-wrong 654321 "$alice"
    on_card pin-blocked 123456 "$alice" --tries-left 0
    on_card pin-format 12345 "$alice"
    on_card key-mismatch 123456 --slot "9a=$slot,$LAB/rita.key"
    on_card deadline-over 123456 "$alice" --fault ins=87:delay=9000
    # The card role's process cannot be had.
    OUT=$(strace -f -o /dev/null -e inject=clone,clone3,fork,vfork:error=ENOMEM piv-check --json --card 2>/dev/null |
        jq -c '{code}')
    seen out-of-memory "piv-check without memory for a process"
    start_card held "$alice"
    alone_with_card login card-busy alice 123456
    stop_card held
    configure_login "[revocation]" "ocsp = off" "[card]" "tries_floor = 3"
    on_card pin-tries-floor 123456 "$alice"
    configure_login "[revocation]" "ocsp = off" "[card]" "backend = pkcs11" "module = /tmp/any.so"
    login pkcs11-module-refused alice 123456
    if [ -n "$OPENSC" ]; then
        install -m 755 "$BUILD/tests/e2e/libpin-expired.so" /usr/lib/
        ln -s "$OPENSC" /usr/lib/libpin-expired-real.so
        configure_login "[revocation]" "ocsp = off" "[card]" "backend = pkcs11" \
            "module = /usr/lib/libpin-expired.so"
        on_card pin-change-due 123456 "$alice"
    fi
    configure_login "[revocation]" "ocsp = off"
}

# --- PINs and PUKs, changed ------------------------------------------------------------------------
change_pin() { # CODE ANSWER...: each when its prompt has come
    local code=$1 answer
    shift
    for answer in "$@"; do printf 'wait : \ntype %s\n' "$answer"; done |
        python3 "$SOURCE/tests/e2e/typist.py" pamtester piv-test alice chauthtok >/dev/null
    recorded "$code" "change of the PIN"
}
pin_changes() {
    alive pcscd || start_pcscd
    printf '%s\n' "auth required pam_piv.so" "password required pam_piv.so" >/etc/pam.d/piv-test
    start_card change "$(lab_card alice)" --fault "ins=24:sw=6a80"
    change_pin pins-differ 123456 135791 135792
    change_pin pin-new-refused 123456 135791 135791
    card change tries 0 >/dev/null
    card change clear-faults >/dev/null
    change_pin puk-wrong 87654321 135791 135791
    change_pin puk-wrong 87654321 135791 135791
    change_pin puk-blocked 87654321 135791 135791
    stop_card change
}

# --- the login -------------------------------------------------------------------------------------
logins() {
    alive pcscd || start_pcscd
    start_card alice "$(lab_card alice)"
    run pamtester piv-test alice authenticate </dev/null
    recorded conversation-failed "nobody answers"
    printf 'auth required pam_piv.so use_first_pass\n' >/etc/pam.d/first-pass
    login no-first-pass alice 123456 first-pass
    run python3 "$SOURCE/tests/e2e/bad_host.py" /usr/libexec/piv-login/piv-login-helper alice
    recorded helper-failed "a host that answers the question for the PIN with something else"
    configure_login "[revocation]" "ocsp = off" "[policy]" "user_from_card = no"
    run sh -c "echo 123456 | pamtester piv-test '' authenticate"
    recorded no-user-name "user_from_card = no"
    configure_login "[revocation]" "ocps = off"
    login bad-config alice 123456
    configure_login "[revocation]" "ocsp = off"
    chmod 666 /etc/piv-login/piv-login.conf
    login insecure-config alice 123456
    configure_login "[revocation]" "ocsp = off"
    rm /etc/piv-login/trust/anchors/*
    login no-trust-anchors alice 123456
    configure_login "[revocation]" "ocsp = off"
    stop_card alice
    echo 'account alice 7701 7701 "Alice" /home/alice /bin/sh' >/etc/piv-login/accounts
    tool account-collision piv-accounts compile
    rm /etc/piv-login/accounts
}

# --- the CA chain and images -----------------------------------------------------------------------
metadata() { # of AD FS, unsigned
    printf '%s' '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="http://fs.lab.test/">' \
        '<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">' \
        '<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>' \
        "<X509Certificate>$(base64 -w0 "$LAB/root.cer")</X509Certificate>" \
        '</X509Data></KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>'
}
chain_and_images() {
    local tree=$TMPDIR/tree
    tool trust-id-unknown piv-trust retire 0123456789abcdef
    tool trust-refused piv-trust add "$LAB/alice.pem"
    tool trust-still-needed piv-trust remove "$(openssl x509 -in "$LAB/int.pem" -outform DER | sha256sum | cut -c -16)"
    exec 9</etc/piv-login
    flock 9
    tool trust-busy piv-trust retire 0123456789abcdef
    exec 9<&-
    echo '<xml/>' >"$TMPDIR/metadata.xml"
    tool metadata-malformed piv-trust federation "$TMPDIR/metadata.xml"
    metadata >"$TMPDIR/metadata.xml"
    tool metadata-untrusted piv-trust federation --trusted "$LAB/root.pem" "$TMPDIR/metadata.xml"
    tool bundle-refused piv-trust bundle apply --signer "$LAB/alice.pem" "$LAB/chain.p7b"
    mkdir -p "$tree"
    tool image-tree enable-smartcard --json --root "$tree" --ca-cert "$LAB/chain.p7b"
    tool image-drift piv-image verify --json --root "$tree"
    tool image-input enable-smartcard --json --root / --ca-cert "$LAB/int.pem"
    mkdir -p "$TMPDIR/full"
    mount -t tmpfs -o size=4k full "$TMPDIR/full"
    head -c 4096 /dev/zero >"$TMPDIR/full/zero"
    tool write-failed piv-image convert --json -o "$TMPDIR/full" "$LAB/alice.cer"
}

# --- the sum ---------------------------------------------------------------------------------------
compare() {
    local code why
    while read -r code; do
        why=$(sed -n "s/^$code: //p" <<<"$EXCEPTED")
        if grep -qx "$code" "$SEEN"; then
            [ -z "$why" ] || fail "$code is excepted and was seen all the same"
        elif [ -n "$why" ]; then
            echo "not seen: $code: $why"
        else
            fail "$code is in the list of reasons and no program gave it"
        fi
    done < <(awk -F'`' '/^\| `/ { print $2 }' "$SOURCE/docs/reasons.md")
    printf '%d codes seen, %d excepted\n' "$(sort -u "$SEEN" | wc -l)" "$(grep -c : <<<"$EXCEPTED")"
}

MADE=$TMPDIR/made
"$SOURCE/scripts/make-lab" "$LAB" --issue nina --key ec:P-256 >/dev/null || give_up "make-lab --issue"
"$SOURCE/tests/card/population/make" "$LAB" "$MADE" || give_up "population/make"
more_certificates
EXTRA_INTERMEDIATES=(sub narrow)
configure_login "[revocation]" "ocsp = off"
for part in ${ONLY:-certificates cards pin_changes logins revocation chain_and_images}; do $part; done
[ -n "${ONLY:-}" ] || compare
finish
