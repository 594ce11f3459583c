#!/bin/bash
# The lab itself: PKI, responders, readers and cards are what other tests take them for, and nothing
# of this machine is touched.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@"
need openssl curl
need_lab
cd "$TMPDIR" || exit 1

# --- sandbox ---------------------------------------------------------------------------------------
succeeds "there are users" id alice
succeeds "there is the system user" id piv-login
equal "only lo has an address" "lo" "$(ip -o addr | awk '{ print $2 }' | sort -u | tr '\n' ' ' | xargs)"
succeeds "it sees no process of the machine" test "$(ps -eo pid= | wc -l)" -lt 8
exits_with 7 "the exit status is the command's" "$SOURCE/tests/sandbox/run" -- sh -c 'exit 7'
run "$SOURCE/tests/sandbox/run" -- sh -c 'sleep 1000 & echo $$'
equal "no process is left" "" "$(pgrep -x sleep)"
exits_with 64 "no command: usage" "$SOURCE/tests/sandbox/run"
run "$SOURCE/tests/sandbox/run" -- sh -c 'touch /etc/deeper; ls /etc/deeper'
succeeds "a sandbox in a sandbox changes nothing of the outer one" test ! -e /etc/deeper

# --- PKI -------------------------------------------------------------------------------------------
verify() { openssl verify -CAfile "$LAB/root.pem" -untrusted "$LAB/int.pem" "$LAB/$1.pem"; }
for user in alice bob carol dave rita kdc ocsp; do succeeds "$user's chain is good" verify "$user"; done
exits_with 2 "eddie's certificate has expired" verify eddie
says "certificate has expired"
exits_with 2 "oscar's CA is another" verify oscar
says "unable to get local issuer certificate"
openssl x509 -in "$LAB/root.pem" -outform DER -out root.der
succeeds "root.cer is root.pem in DER" cmp root.der "$LAB/root.cer"
equal "chain.p7b holds both" 2 "$(openssl pkcs7 -inform DER -in "$LAB/chain.p7b" -print_certs | grep -c BEGIN)"
run openssl x509 -in "$LAB/alice.pem" -noout -text
says "1.3.6.1.4.1.311.25.2" "alice has a SID"
run openssl asn1parse -in "$LAB/alice.pem" -strparse "$(openssl asn1parse -in "$LAB/alice.pem" |
    grep -A1 'Subject Alternative' | tail -1 | cut -d: -f1)"
says "UTF8STRING        :alice@corp.example.com" "the UPN is a UTF8String"
exits_with 2 "a lab is not overwritten unasked" "$SOURCE/scripts/make-lab" "$LAB"
exits_with 2 "nor is something else by --force" "$SOURCE/scripts/make-lab" --force /etc
exits_with 64 "an unknown option is bad usage" "$SOURCE/scripts/make-lab" "$LAB" --rvoke alice
exits_with 2 "an unknown user cannot be revoked" "$SOURCE/scripts/make-lab" "$LAB" --revoke nobody

# --- responders ------------------------------------------------------------------------------------
start_ocsp int
start_ocsp root
start_web
ask() { # CA USER
    openssl ocsp -url "$(openssl x509 -in "$LAB/$2.pem" -noout -ocsp_uri)" -issuer "$LAB/$1.pem" \
        -CAfile "$LAB/root.pem" -verify_other "$LAB/int.pem" -cert "$LAB/$2.pem"
}
succeeds "the responder of the issuing CA answers" ask int alice
says "alice.pem: good"
says "Response verify OK"
succeeds "a revoked one is answered for" ask int rita
says "rita.pem: revoked"
succeeds "the root's answers for the issuing CA" ask root int
says "int.pem: good"
succeeds "one more user is issued" "$SOURCE/scripts/make-lab" "$LAB" --issue nina --key ec:P-256
succeeds "and revoked" "$SOURCE/scripts/make-lab" "$LAB" --revoke nina --reason superseded
stop_ocsp int
exits_with 1 "a stopped responder does not answer" ask int alice
start_ocsp int
succeeds "started again, it knows the new ones" ask int nina
says "nina.pem: revoked"
succeeds "the CRL is where certificates say" curl -sSo int.crl "$web_url/int.crl"
run openssl crl -inform DER -in int.crl -CAfile "$LAB/int.pem" -noout -text
says "verify OK"
equal "with both revoked ones" 2 "$(grep -c 'Serial Number' <<<"$OUT")"
exits_with 22 "keys are not served" curl -fsS "$web_url/int.key"

# --- readers and cards -----------------------------------------------------------------------------
start_pcscd 2
start_card alice 1 "$(lab_card alice)"
start_card bob 3 "$(lab_card bob)" --short
start_card carol 4 "$(lab_card carol)" --absent
run "$WAIT" --list
equal "two readers with two slots, two cards" "card empty card empty" "$(awk '{print $1}' <<<"$OUT" | xargs)"
says "card   $(reader_of 1)"
says "card   $(reader_of 3)"
insert_card carol
remove_card alice
run "$WAIT" --list
equal "one in, one out" "empty empty card card" "$(awk '{print $1}' <<<"$OUT" | xargs)"
insert_card alice
succeeds "a card is found again" opensc-tool -r 0 -n
card alice clear >/dev/null
card alice fault apdu=3:remove >/dev/null
run opensc-tool -r 0 -n
does_not_say "Personal Identity" "a card that is pulled in between is no PIV card"
wait_no_card alice
card alice clear-faults >/dev/null
insert_card alice
succeeds "and works again afterwards" opensc-tool -r 0 -n
stop_pcscd
exits_with 1 "no pcscd, no reader" opensc-tool -r 0 -n
start_pcscd 2
wait_card alice
succeeds "a new pcscd finds the cards" opensc-tool -r 0 -n
"$CARD" --tell "$TMPDIR/alice.sock" clear >/dev/null
run opensc-tool -r 0 -n
log=$(tail -3 "$TMPDIR/alice.apdu")
equal "what is logged of a command is its header and lengths" "" \
    "$(grep -vE '^([0-9]+ [0-9a-f]{8} in=[0-9]+ out=[0-9]+ sw=([0-9a-f]{4}|none)( removed)?|reset)$' <<<"$log")"
for bad in "--slot 9b=x" "--slot 9a=/none" "--fault x" "--no-such" "--guid 12"; do
    # shellcheck disable=SC2086
    run timeout 5 "$CARD" $bad
    succeeds "refused: $bad" test "$STATUS" = 64 -o "$STATUS" = 2
done
finish
