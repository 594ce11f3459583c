#!/bin/bash
# The virtual reader with a PIN pad: OpenSC, which knows such readers, uses it as one.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@"
need pkcs15-tool pkcs11-tool opensc-tool openssl
need_lab
module=$(find /usr/lib /usr/lib64 -name opensc-pkcs11.so 2>/dev/null | head -1)
[ -n "$module" ] || skip "OpenSC's PKCS#11 module is not installed (scripts/install-deps)"
PIN_PAD=yes
start_pcscd
start_card alice "$(lab_card alice)"
run opensc-tool -l
says "PIN pad" "the reader has a PIN pad"
mkdir -p /etc/opensc
printf '%s\n' 'app default { reader_driver pcsc { enable_pinpad = true; } }' >/etc/opensc/opensc.conf
run pkcs11-tool --module "$module" --list-token-slots
says "PIN pad present" "and OpenSC says so"
openssl dgst -sha256 -binary /etc/hosts >"$TMPDIR/digest"
sign() {
    printf '%s\n' "$@" >"$PIN_KEYS"
    run pkcs11-tool --module "$module" --login --sign --id 01 --mechanism SHA256-RSA-PKCS \
        --input-file /etc/hosts --output-file "$TMPDIR/sig" </dev/null
}
sign 123456
equal "the PIN from the pad is taken" 0 "$STATUS"
openssl x509 -in "$LAB/alice.pem" -noout -pubkey >"$TMPDIR/pub"
succeeds "and the signature is good" openssl dgst -sha256 -verify "$TMPDIR/pub" \
    -signature "$TMPDIR/sig" /etc/hosts
sign 654321
typed_wrong alice
says "CKR_PIN_INCORRECT" "a wrong one is not"
equal "and spends a try" 2 "$(stat_of alice tries_left)"
sign CANCEL
equal "cancelled on the reader" 1 "$STATUS"
equal "spends none" 2 "$(stat_of alice tries_left)"
equal "no PIN is in the reader's log" "" "$(grep -oE '31323334|36353433' "$TMPDIR/pin-pad.log")"
finish
