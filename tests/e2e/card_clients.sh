#!/bin/bash
# The virtual card is a PIV card: OpenSC and yubico-piv-tool, which know nothing of us, work with it.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@"
need opensc-tool pkcs11-tool pkcs15-tool yubico-piv-tool openssl
need_lab
module=$(find /usr/lib /usr/lib64 -name opensc-pkcs11.so 2>/dev/null | head -1)
[ -n "$module" ] || skip "OpenSC's PKCS#11 module is not installed (scripts/install-deps)"
p11() { pkcs11-tool --module "$module" "$@"; }
ykpiv() { yubico-piv-tool --reader "" "$@"; }
echo "challenge of the test" >"$TMPDIR/data"
openssl dgst -sha256 -binary "$TMPDIR/data" >"$TMPDIR/digest"
sha384() { openssl dgst -sha384 -binary "$TMPDIR/data"; }

public_key() { openssl x509 -in "$LAB/$1.pem" -noout -pubkey >"$TMPDIR/$1.pub"; }
verifies() { # USER DIGEST SIGNATURE
    public_key "$1"
    openssl dgst "-$2" -verify "$TMPDIR/$1.pub" -signature "$3" "$TMPDIR/data"
}

# One user: what is read is the certificate that was put there, and signatures are the key's.
opensc_client() { # USER MECHANISM DIGEST INPUT
    local user=$1
    succeeds "$user: opensc-tool names a PIV card" opensc-tool -n
    says "Personal Identity Verification Card"
    succeeds "$user: pkcs15-tool reads the certificate" pkcs15-tool --read-certificate 01
    equal "$user: it is the right one" "$(openssl x509 -in "$LAB/$user.pem" -noout -fingerprint)" \
        "$(openssl x509 -noout -fingerprint <<<"$OUT")"
    succeeds "$user: pkcs11-tool lists objects" p11 --list-objects
    says "Certificate for PIV Authentication"
    succeeds "$user: pkcs11-tool signs after the PIN" p11 --login --pin 123456 --sign --id 01 \
        --mechanism "$2" --signature-format openssl --input-file "$4" --output-file "$TMPDIR/sig"
    succeeds "$user: the signature is the card's" verifies "$user" "$3" "$TMPDIR/sig"
}
pins() { # USER
    local before
    before=$(stat_of "$1" tries_left)
    exits_with 1 "$1: OpenSC is refused with a wrong PIN" p11 --login --pin 654321 --sign --id 01 \
        --mechanism RSA-PKCS --input-file "$TMPDIR/digest" --output-file "$TMPDIR/none"
    says "CKR_PIN_INCORRECT"
    typed_wrong "$1" 2 # the second one follows
    equal "$1: one try is spent" $((before - 1)) "$(stat_of "$1" tries_left)"
    exits_with 1 "$1: yubico-piv-tool is refused too" ykpiv -a verify-pin -P 654321
    says "1 tries left before pin is blocked"
    succeeds "$1: the right PIN is taken" ykpiv -a verify-pin -P 123456
    equal "$1: and gives the tries back" 3 "$(stat_of "$1" tries_left)"
    succeeds "$1: the PIN is changed" ykpiv -a change-pin -P 123456 -N 112233
    succeeds "$1: and back by the PUK" ykpiv -a unblock-pin -P 12345678 -N 123456
}
yubico_client() { # USER ALGORITHM
    succeeds "$1: yubico-piv-tool shows the card" ykpiv -a status
    says "Algorithm:	$2"
    says "CN=${1^} Example"
    says "PIN tries left:	3"
    succeeds "$1: yubico-piv-tool reads the certificate" ykpiv -a read-certificate -s 9a
    equal "$1: it is the right one" "$(openssl x509 -in "$LAB/$1.pem" -noout -fingerprint)" \
        "$(openssl x509 -noout -fingerprint <<<"$OUT")"
    ykpiv -a read-certificate -s 9a -o "$TMPDIR/cert" >/dev/null
    succeeds "$1: yubico-piv-tool's test signature" ykpiv -a verify-pin -P 123456 -a test-signature \
        -s 9a -i "$TMPDIR/cert"
    says "Successful"
}

start_pcscd
start_card alice "$(lab_card alice)"
yubico_client alice RSA2048
opensc_client alice SHA256-RSA-PKCS sha256 "$TMPDIR/data"
pins alice
stop_card alice
start_card bob "$(lab_card bob)" --short
yubico_client bob ECCP256
opensc_client bob ECDSA sha256 "$TMPDIR/digest"
stop_card bob
sha384 >"$TMPDIR/digest384"
start_card carol "$(lab_card carol)",gzip
opensc_client carol ECDSA sha384 "$TMPDIR/digest384"
stop_card carol
start_card alice "$(lab_card alice)" --short --slot "9c=$LAB/bob.pem,$LAB/bob.key" \
    --slot "9e=$LAB/rita.pem,$LAB/rita.key" --slot "82=$LAB/eddie.pem,$LAB/eddie.key"
succeeds "several slots: all are listed" p11 --list-objects --type cert
for name in "PIV Authentication" "Digital Signature" "Card Authentication" "Retired"; do
    says "$name"
done
stop_card alice
finish
