#!/bin/bash
# What a login leaves behind: the PIN nowhere, and nothing of the caller's environment gets in.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
HUNT=$BUILD/tests/pam/pin_hunt
need openssl python3 "$HUNT"
need_lab
configure_login
echo 'auth required pam_piv.so no_forward_pass' >/etc/pam.d/piv-keeps
rm -rf /var/lib/piv-login/cache/* /var/lib/piv-login/attempts

# Everything that is logged, to files.
start listen python3 "$SOURCE/tests/e2e/listen.py" "$TMPDIR"
wait_until 10 "the log sockets" test -S /run/syslog
start_pcscd
start_ocsp int
start_ocsp root

coded() { tr 0123456789 9876543210 <<<"$1"; }
PINS=() OUTCOMES=0
hunt() { # WHAT CODE ASKED SERVICE USER PIN
    local want="code=$2 asked=$3 before=0 after=0"
    PINS+=("$6")
    run "$HUNT" "$4" "$5" "$(coded "$6")"
    OUTCOMES=$((OUTCOMES + 1))
    equal "$1" "$want" "$(tail -1 <<<"$OUT")"
}
run "$HUNT" piv-test alice "$(coded 24681357)" keep
says "before=1 after=1" "a PIN that is kept on purpose is found"
SUCCESS=0 AUTH_ERR=7 UNAVAIL=9 MAXTRIES=11 INSUFFICIENT=8

n=0
next_pin() { n=$((n + 1)); PIN=$((73915000 + n * 37)); }
for service in piv-test piv-keeps; do
    for holder in alice bob carol dave; do
        next_pin
        start_card "$holder" "$(lab_card "$holder")" --pin "$PIN"
        hunt "$service: $holder logs in" $SUCCESS 1 $service $holder "$PIN"
        next_pin
        hunt "$service: $holder's PIN wrong" $AUTH_ERR 1 $service $holder "$PIN"
        typed_wrong "$holder"
        stop_card "$holder"
    done
    next_pin
    start_card alice "$(lab_card alice)" --pin "$PIN" --fault ins=87:remove
    hunt "$service: pulled while it signs" $UNAVAIL 1 $service alice "$PIN"
    stop_card alice
    next_pin
    start_card alice "$(lab_card alice)" --pin "$PIN" --fault ins=20:sw=6F00
    hunt "$service: the card fails when the PIN comes" $UNAVAIL 1 $service alice "$PIN"
    stop_card alice
    next_pin
    start_card alice "$(lab_card alice)" --pin "$PIN" --fault ins=87:sw=6A80
    run "$HUNT" $service alice "$(coded "$PIN")"
    PINS+=("$PIN") OUTCOMES=$((OUTCOMES + 1))
    says "asked=1 before=0 after=0" "$service: the card refuses to sign"
    stop_card alice
    start_card alice "$(lab_card alice)" --tries-left 1
    next_pin
    hunt "$service: the last try" $MAXTRIES 1 $service alice "$PIN"
    typed_wrong alice
    next_pin
    hunt "$service: blocked" $MAXTRIES 0 $service alice "$PIN"
    stop_card alice
    next_pin
    start_card mix "--slot=9a=$LAB/alice.pem,$LAB/rita.key" --pin "$PIN"
    hunt "$service: another key" $AUTH_ERR 1 $service alice "$PIN"
    stop_card mix
    next_pin
    rm -rf /var/lib/piv-login/cache/* # a revocation that is known ends the attempt before the PIN
    start_card rita "$(lab_card rita)" --pin "$PIN"
    hunt "$service: revoked" $AUTH_ERR 1 $service rita "$PIN"
    stop_card rita
    start_card alice "$(lab_card alice)"
    for size in 5 9 24 400; do
        next_pin
        hunt "$service: $size digits" $AUTH_ERR 1 $service alice "$(printf '%*s' $((size - 5)) "" | tr ' ' 0)${PIN:3}"
    done
    stop_card alice
    start_card empty
    next_pin
    hunt "$service: nothing on the card" $INSUFFICIENT 0 $service alice "$PIN"
    stop_card empty
done
rm -rf /var/lib/piv-login/cache/*
stop_ocsp int
next_pin
start_card alice "$(lab_card alice)" --pin "$PIN"
hunt "dead responder" $UNAVAIL 1 piv-keeps alice "$PIN"
stop_card alice
start_ocsp int
if [ $OUTCOMES -ge 40 ]; then pass "$OUTCOMES outcomes"; else fail "$OUTCOMES outcomes"; fi

# --- in the helpers: at their last system call ------------------------------------------------------
if strace -f -e trace=exit_group true 2>/dev/null; then
    for wrong in no yes; do
        next_pin
        PINS+=("$PIN")
        start_card alice "$(lab_card alice)" --pin "$PIN"
        [ $wrong = no ] || { next_pin; typed_wrong alice; }
        PINS+=("$PIN")
        start scan "$HUNT" --helpers 4000 "$(coded "$PIN")"
        run strace -f -o /dev/null -e trace=exit_group -e inject=exit_group:delay_enter=400000 \
            "$HUNT" piv-keeps alice "$(coded "$PIN")"
        wait "${PIDS[scan]}"
        equal "helpers at their end, wrong PIN: $wrong" "scanned=2 copies=0" "$(cat "$TMPDIR/scan.log")"
        stop_card alice
    done
else
    echo "not looked at: memory of the helpers (strace does not work here)"
fi

# --- files and logs ---------------------------------------------------------------------------------
for pin in "${PINS[@]}"; do printf '%s\n' "$pin"; done | grep -E '^.{7,}$' >"$TMPDIR/../needles"
found=$(grep -rlaFf "$TMPDIR/../needles" /etc /var/lib /var/log /run/systemd "$TMPDIR"/*.txt "$TMPDIR"/*.apdu 2>/dev/null)
equal "no file and no log has a PIN" "" "$found"
if [ "$(grep -ac '^PIV_CODE=' "$TMPDIR/journal.txt")" -ge 40 ]; then pass "the journal was written"; else fail "no journal"; fi

# --- a setuid caller with a hostile environment -------------------------------------------------------
start_card alice "$(lab_card alice)" --pin 31415926
install -d -m 777 "$TMPDIR/canary"
printf 'not a configuration' >"$TMPDIR/canary/file"
chmod 644 "$TMPDIR/canary/file"
install -m 4755 "$HUNT" /usr/local/bin/setuid-hunt
rm -rf /var/lib/piv-login/cache/*
canary=$TMPDIR/canary
hostile=()
for name in OPENSC_CONF OPENSSL_CONF OPENSSL_MODULES OPENSSL_ENGINES SSL_CERT_FILE SSL_CERT_DIR \
    SSLKEYLOGFILE P11_KIT_CONFIG_FILE P11_KIT_STRICT PCSCLITE_CSOCK_NAME PCSCLITE_HP_DROPDIR \
    CURL_HOME CURL_CA_BUNDLE HOME XDG_CONFIG_HOME TMPDIR LANG LC_ALL LANGUAGE LOCPATH NLSPATH \
    LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT LD_DEBUG_OUTPUT GCONV_PATH HOSTALIASES RES_OPTIONS \
    LOCALDOMAIN NSS_DEFAULT_DB_TYPE NETRC MALLOC_TRACE RESOLV_HOST_CONF TZ TZDIR PATH \
    KRB5_CONFIG KRB5CCNAME GETCONF_DIR NIS_PATH PIV_CONFIG PIV_ROOT GLIBC_TUNABLES DBUS_SYSTEM_BUS_ADDRESS; do
    hostile+=("$name=$canary/file")
done
hostile+=(http_proxy=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9 all_proxy=http://127.0.0.1:9
    ALL_PROXY=http://127.0.0.1:9 no_proxy= P11_KIT_DEBUG=all OPENSC_DEBUG=9 PCSCLITE_DEBUG=0 LIBCURL_DEBUG=1
    MALLOC_CHECK_=3 MALLOC_PERTURB_=85)
chmod 711 "$TMPDIR"
run env -i "$(command -v setpriv)" --reuid alice --regid alice --clear-groups env "${hostile[@]}" \
    /usr/local/bin/setuid-hunt piv-keeps alice "$(coded 31415926)"
says "code=0 asked=1 before=0 after=0" "alice logs in although her environment says everything else"
if strace -f true 2>/dev/null; then
    rm -rf /var/lib/piv-login/cache/*
    trace_hostile=()
    for variable in "${hostile[@]}"; do trace_hostile+=(-E "$variable"); done
    run env -i "$(command -v strace)" -f -u alice -o "$TMPDIR/trace" -s 4096 -v -e trace=%file,connect,execve \
        "${trace_hostile[@]}" /usr/local/bin/setuid-hunt piv-keeps alice "$(coded 31415926)"
    says "code=0" "and under strace"
    after=$(tail -n +2 "$TMPDIR/trace")
    equal "no file that the environment names is looked at" "" "$(grep -F "$canary" <<<"$after" | head -3)"
    execs=$(grep 'execve(' <<<"$after" | grep -v resumed)
    equal "two programs are run: the helper and the fetcher" 2 "$(wc -l <<<"$execs")"
    equal "with an empty environment" 2 "$(grep -cE '\], \[\]|\], 0x[0-9a-f]+ /\* 0 vars \*/' <<<"$execs")"
    if grep -F 31415926 "$TMPDIR/trace"; then fail "a PIN in an argument"; else pass "no PIN in an argument"; fi
fi
run setpriv --reuid alice --regid alice --clear-groups env - /usr/local/bin/setuid-hunt piv-keeps alice "$(coded 11111111)"
typed_wrong alice
says "code=7 asked=1" "and a wrong PIN stays one"
finish
