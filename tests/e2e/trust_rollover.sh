#!/bin/bash
# A whole rollover of an issuing CA and of its OCSP signer in simulated time, by real logins: a card of
# the old and a card of the new CA at every step, and clocks that are wrong by years.
#
# Programs that run under at_day see another time: libfaketime by ld.so.preload, in a mount namespace
# of theirs inside the sandbox, since the helper gets no environment. Readers and cards keep the
# real time, which they do not look at.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester openssl python3 faketime
LAB=$TMPDIR/lab
library=$(find /usr/lib* -name libfaketime.so.1 | head -1)
[ -n "$library" ] || skip "libfaketime.so.1 is not installed (scripts/install-deps)"

DAY=0 # the simulated one, from the real today
echo "$library" >"$TMPDIR/preload"
: >/etc/ld.so.preload
: >/etc/faketimerc
# shellcheck disable=SC2016 # for the inner shell
AT_DAY=(unshare --mount --propagation private
    sh -c 'mount --bind "$1" /etc/ld.so.preload && shift && exec "$@"' sh "$TMPDIR/preload")
at_day() { "${AT_DAY[@]}" "$@"; } # COMMAND...: on $DAY

# --- the PKI: the old CA ends on day 1000 ----------------------------------------------------------
mkdir "$LAB"
old_url=http://ocsp.lab.test:8801 new_url=http://ocsp.lab.test:8802 root_url=http://ocsp.lab.test:8803
"$SOURCE/tests/trust/issue.py" "$LAB" <<LINES || give_up "certificates"
root root -10 6000 Root - none -
int1 ca -10 1000 Issuing root none $root_url
int2 ca 982 2500 Issuing root none $root_url
alice user -10 1000 alice int1 alice@corp.example.com $old_url
bob user 982 2500 bob int2 bob@corp.example.com $new_url
signer1 ocsp -10 986 signer-1 int1 none -
signer2 ocsp 980 1000 signer-2 int1 none -
signer3 ocsp 982 2500 signer-3 int2 none -
LINES
index() { # NAME...: nothing of these is revoked
    for name in "$@"; do printf 'V\t491231235959Z\t\t%s\tunknown\t/CN=%s\n' "$(<"$LAB/$name.serial")" "$name"; done
}
index alice bob int1 int2 >"$LAB/index.txt"
responder() { # NAME PORT CA SIGNER: at the simulated time
    start "$1" "${AT_DAY[@]}" env FAKETIME="$(</etc/faketimerc)" openssl ocsp -port "$2" -index "$LAB/index.txt" -CA "$LAB/$3.pem" \
        -rsigner "$LAB/$4.pem" -rkey "$LAB/$4.key" -nmin 60
    wait_until 10 "responder $1" listening "$2"
}
clock() { # DAY: of this machine
    DAY=$1
    echo "+${DAY}d" | sed 's/+-/-/' >/etc/faketimerc
}
go_to() { # DAY [SIGNER-OF-THE-OLD-CA]: a day, with its responders
    local name
    clock "$1"
    for name in ocsp-old ocsp-new ocsp-root; do stop $name; done
    responder ocsp-old 8801 int1 "${2:-signer1}"
    responder ocsp-new 8802 int2 signer3
    responder ocsp-root 8803 root root
}

# --- logins ----------------------------------------------------------------------------------------
log_in() { # USER
    rm -f /var/lib/piv-login/cache/*.ocsp # asked anew each time
    STATUS=0
    OUT=$(printf '123456\n' | at_day pamtester piv-test "$1" authenticate 2>&1) || STATUS=$?
}
granted() { # USER
    log_in "$1"
    equal "day $DAY: $1 logs in" 0 "$STATUS"
    [ "$STATUS" = 0 ] || printf '        | %s\n' "$OUT" "$(at_day piv-check --why "$1" | tail -12)"
}
refused() { # USER CODE [TEXT-OF-THE-REASON]: with that card alone in the reader
    local other=alice
    [ "$1" != alice ] || other=bob
    remove_card "$other"
    rm -f /var/lib/piv-login/attempts
    log_in "$1"
    insert_card "$other"
    if [ "$STATUS" = 0 ]; then fail "day $DAY: $1 was let in"; else pass "day $DAY: $1 is refused"; fi
    run at_day piv-check --why "$1"
    says "$2" "  because of $2"
    [ -z "${3:-}" ] || says "$3"
}
trust() { at_day piv-trust "$@"; }
id_of() { openssl x509 -in "$LAB/$1.pem" -outform DER | sha256sum | cut -c1-16; } # NAME
is() { # NAME STATE: of a CA
    run trust list
    says "$(id_of "$1")  intermediate $2 " "day $DAY: $1 is $2"
}

mkdir -p /etc/piv-login
printf '%s\n' "[mapping]" "domain = corp.example.com" >/etc/piv-login/piv-login.conf
printf '%s\n' "auth required pam_piv.so" >/etc/pam.d/piv-test
install -d -m 711 /var/lib/piv-login/cache
install -d -o piv-login -g piv-login -m 700 /var/lib/piv-login/cache/cards
start_pcscd 1
start_card alice 1 "$(lab_card alice)"
start_card bob 2 "$(lab_card bob)"

go_to 0
succeeds "the first chain" trust add "$LAB/root.pem" "$LAB/int1.pem"
granted alice
refused bob issuer-missing

go_to 981
exits_with 1 "generation: a successor is asked for" trust rollover
says "successor-needed"
granted alice
# The responder's next signer, beside the one that is in use.
go_to 983 signer1
succeeds "the successor is installed" trust add "$LAB/int2.pem"
is int2 next
granted alice
granted bob
go_to 983 signer2
granted alice

go_to 985 signer1
succeeds "overlap" trust rollover
is int2 next
granted alice
granted bob
go_to 987 signer1
refused alice ocsp-signer-expired "clock"
go_to 987 signer2
granted alice

go_to 989 signer2
succeeds "promotion" trust rollover
is int2 active
is int1 active
granted alice
granted bob
exits_with 1 "alice's card needs the old CA" trust remove "$(id_of int1)"
says "needed by 1 card of people with an account here, such as CN=alice"

go_to 999 signer2
granted alice
granted bob
go_to 1001 signer2
succeeds "the end of the old CA" trust rollover
is int1 retired
refused alice certificate-expired "clock"
granted bob
succeeds "removal" trust remove "$(id_of int1)"
granted bob
refused alice issuer-missing

# --- clocks that are wrong by years -----------------------------------------------------------------
before=$(sha256sum /etc/piv-login/trust/states /etc/piv-login/trust/*/*)
go_to -9000
refused bob certificate-not-yet-valid "clock"
exits_with 1 "years behind: the check says so" trust rollover
says "clock"
go_to 9000
refused bob certificate-expired "clock"
exits_with 1 "years ahead" trust rollover
equal "the chain is as it was" "$before" "$(sha256sum /etc/piv-login/trust/states /etc/piv-login/trust/*/*)"
# Wrong by years, and no certificate has ended: the answers of responders tell.
go_to 1400
granted bob
clock 2400
refused bob ocsp-stale "clock"
clock 1000
refused bob ocsp-not-yet-valid "clock"
clock 1400
granted bob
finish
