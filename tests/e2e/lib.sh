# Shell library of the end-to-end tests. A test is called with the build folder and begins with
#     . "$(dirname "$0")/lib.sh"; enter_sandbox "$@" [-- options of tests/sandbox/run]
# From there on it is root in a sandbox of its own (tests/sandbox/run --help), with
#   $SOURCE $BUILD   source and build folder            $TMPDIR  a folder of its own
#   $LAB             a copy of the lab PKI (make-lab), after need_lab
# and ends with `finish`. Everything that it started ends with it.
# shellcheck shell=bash disable=SC2034

set -uo pipefail
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
FAILED=0 PASSED=0
declare -A PIDS=() CARD_PORT=() WRONG_PINS=()
OUT="" STATUS=0 # of the last command that run, succeeds or exits_with ran

# --- frame -----------------------------------------------------------------------------------------
enter_sandbox() { # BUILD [-- OPTION of sandbox/run...]
    [ $# -ge 1 ] || { echo "usage: $0 BUILD_DIR" >&2; exit 64; }
    BUILD=$(cd "$1" && pwd) || exit 64
    shift
    [ "${1:-}" != -- ] || shift
    if [ "${PIV_SANDBOX:-no}" != yes ]; then
        # As a child, not exec: bash keeps reading this script by its path.
        exec "$SOURCE/tests/sandbox/run" "$@" -- "$(readlink -f "$0")" "$BUILD"
    fi
    CARD=$BUILD/tests/card/piv-virtual-card
    WAIT=$BUILD/tests/card/pcsc-wait
}

skip() { # REASON
    echo "skipped: $1"
    exit 77
}
need() { # COMMAND...: skips where one is missing
    local c
    for c in "$@"; do
        command -v "$c" >/dev/null || [ -e "$c" ] || skip "$c is not installed (scripts/install-deps)"
    done
}
pass() { PASSED=$((PASSED + 1)); printf 'ok      %s\n' "$1"; }
fail() { # WHAT [LINE...]: counts a failure and goes on
    FAILED=$((FAILED + 1))
    printf 'FAILED  %s\n' "$1"
    shift
    [ $# -eq 0 ] || printf '        | %s\n' "$@"
}
give_up() { # WHAT: the test cannot go on
    fail "$@"
    local log
    for log in "$TMPDIR"/*.log; do
        [ -s "$log" ] && { echo "        --- ${log##*/}"; tail -15 "$log" | sed 's/^/        | /'; }
    done
    exit 1
}
finish() {
    local name
    for name in "${!CARD_PORT[@]}"; do
        ! alive "card-$name" || check_spent "$name"
    done
    printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
    [ "$FAILED" = 0 ] && [ "$PASSED" -gt 0 ]
    exit
}

# --- commands and what is expected of them ---------------------------------------------------------
run() { # COMMAND...: OUT is its stdout and stderr, STATUS its exit status
    STATUS=0
    OUT=$("$@" 2>&1) || STATUS=$?
}
exits_with() { # STATUS WHAT COMMAND...
    local want=$1 what=$2
    shift 2
    run "$@"
    if [ "$STATUS" = "$want" ]; then
        pass "$what"
    else
        fail "$what: exit status $STATUS instead of $want" "$(tail -8 <<<"$OUT")"
        return 1
    fi
}
succeeds() { exits_with 0 "$@"; } # WHAT COMMAND...
says() { # TEXT [WHAT]: the last command's output contains TEXT
    if [[ $OUT == *"$1"* ]]; then
        pass "${2:-says: $1}"
    else
        fail "${2:-says: $1}" "got: $(tail -8 <<<"$OUT")"
    fi
}
does_not_say() { # TEXT [WHAT]
    if [[ $OUT != *"$1"* ]]; then pass "${2:-does not say: $1}"; else fail "${2:-does not say: $1}"; fi
}
equal() { # WHAT WANT GOT
    if [ "$2" = "$3" ]; then pass "$1"; else fail "$1: want '$2', got '$3'"; fi
}
wait_until() { # SECONDS WHAT COMMAND...: until COMMAND succeeds
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { give_up "$what did not happen in time"; }
        read -rt 0.02 <> <(:) || :
    done
}

# --- processes -------------------------------------------------------------------------------------
start() { # NAME COMMAND...: in the background, output to $TMPDIR/NAME.log
    local name=$1
    shift
    "$@" >"$TMPDIR/$name.log" 2>&1 &
    PIDS[$name]=$!
}
alive() { [ -n "${PIDS[$1]:-}" ] && kill -0 "${PIDS[$1]}" 2>/dev/null; }
stop() { # NAME
    local pid=${PIDS[$1]:-}
    [ -n "$pid" ] || return 0
    kill "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    unset "PIDS[$1]"
}
settled() { # the role that puts the card back may take a moment longer than the login
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        pgrep -f 'piv-login-helper|piv-ocsp' >/dev/null || return 0
        read -rt 0.02 <> <(:) || :
    done
    return 1
}
nothing_left() { # LABEL
    settled || fail "$1: a process is left" "$(pgrep -af 'piv-login-helper|piv-ocsp')"
}
fds_of() { find "/proc/${PIDS[$1]}/fd" -mindepth 1 | wc -l; } # NAME
memory_of() { awk '/VmRSS/ { print $2 }' "/proc/${PIDS[$1]}/status"; } # NAME: kB
listening() { # PORT: without a connection to it
    local hex
    hex=$(printf ':%04X' "$1")
    awk -v p="$hex" '$4 == "0A" && substr($2, length($2) - 4) == p { found = 1 }
        END { exit !found }' /proc/net/tcp /proc/net/tcp6
}

# --- several at once -------------------------------------------------------------------------------
# The script runs itself N times as a worker, with WORKER=1 to N. Workers share everything but
# processes: each sees only its own. What they count is added up.
run_workers() { # N
    local i line pids=()
    for ((i = 1; i <= $1; i++)); do
        WORKER=$i unshare --pid --fork --kill-child --mount-proc "$0" "$BUILD" \
            >"$TMPDIR/worker-$i.out" 2>&1 &
        pids+=($!)
    done
    for ((i = 1; i <= $1; i++)); do
        wait "${pids[i - 1]}"
        sed '$d' "$TMPDIR/worker-$i.out"
        line=$(tail -1 "$TMPDIR/worker-$i.out")
        if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
            PASSED=$((PASSED + BASH_REMATCH[1])) FAILED=$((FAILED + BASH_REMATCH[2]))
        else
            fail "worker $i did not come to its end" "$line"
        fi
    done
}

# --- the lab PKI -----------------------------------------------------------------------------------
need_lab() { # a copy of the build's lab, or a new one: free to revoke and issue in
    LAB=$TMPDIR/lab
    if [ -d "$LAB" ]; then
        : # made before
    elif [ -e "$BUILD/lab/lab.env" ] && [ -n "$(find "$BUILD/lab/int.crl" -mtime -5)" ]; then
        cp -a "$BUILD/lab" "$LAB"
    else
        "$SOURCE/scripts/make-lab" "$LAB" || give_up "make-lab"
    fi
    # shellcheck disable=SC1091
    . "$LAB/lab.env"
}

# --- responders ------------------------------------------------------------------------------------
port_of() { local p=${1##*:}; echo "${p%%/*}"; } # URL
start_ocsp() { # [int|root]: `openssl ocsp` for that CA at its URL in the certificates
    local ca=${1:-int} port index=index.txt signer=ocsp
    port=$(port_of "$ocsp_url")
    [ "$ca" = int ] || { index=root-index.txt signer=root-ocsp; port=$(port_of "$root_ocsp_url"); }
    start "ocsp-$ca" openssl ocsp -port "$port" -index "$LAB/$index" -CA "$LAB/$ca.pem" \
        -rsigner "$LAB/$signer.pem" -rkey "$LAB/$signer.key" -nmin 60
    wait_until 10 "responder for $ca" listening "$port"
}
stop_ocsp() { stop "ocsp-${1:-int}"; }
start_web() { # CRLs and CA certificates at their URLs in the certificates
    local port
    need nginx
    port=$(port_of "$web_url")
    cat >"$TMPDIR/nginx.conf" <<END
daemon off; worker_processes 1; pid $TMPDIR/nginx.pid; error_log stderr; user root;
events {}
http { access_log off; server { listen 127.0.0.1:$port; root $LAB; location ~ \.key$ { return 403; } } }
END
    start web nginx -c "$TMPDIR/nginx.conf"
    wait_until 10 "web server" listening "$port"
}
stop_web() { stop web; }

# --- pcscd and cards -------------------------------------------------------------------------------
# The driver listens on two ports for each reader: one for each of the reader's two slots.
FIRST_PORT=35963
PIN_PAD=no                 # yes before start_pcscd: the readers have a PIN pad
PIN_KEYS=${TMPDIR:-}/pin-keys  # and these are its keys: a line for each entry, CANCEL or TIMEOUT
reader_config() { # NUMBER, from 0; DRIVER
    local port
    port=0x$(printf %X $((FIRST_PORT + 2 * $1)))
    printf '%s\n' "FRIENDLYNAME \"Virtual PCD $(($1 + 1))\"" "DEVICENAME /dev/null:$port" \
        "LIBPATH $2" "CHANNELID $port" >>/etc/reader.conf.d/vpcd
}
find_driver() {
    local driver
    for driver in /usr/lib/pcsc/drivers/serial/libifdvpcd.so /usr/lib64/pcsc/drivers/serial/libifdvpcd.so; do
        [ ! -e "$driver" ] || { echo "$driver"; return; }
    done
}
start_pcscd() { # [READERS]: real pcscd with so many virtual readers of two slots each
    local i readers=${1:-1} driver
    need pcscd
    driver=$(find_driver)
    [ -n "$driver" ] || skip "the reader driver vpcd is not installed (scripts/install-deps)"
    mkdir -p /run/pcscd
    rm -f /etc/reader.conf.d/*
    for ((i = 0; i < readers; i++)); do
        # A copy each: the driver keeps one set of slots in static memory.
        cp -L "$driver" "$TMPDIR/vpcd-$i.so"
        if [ "$PIN_PAD" = yes ]; then
            cp "$BUILD/tests/card/libifd-pin-pad.so" "$TMPDIR/pin-pad-$i.so"
            reader_config "$i" "$TMPDIR/pin-pad-$i.so"
        else
            reader_config "$i" "$TMPDIR/vpcd-$i.so"
        fi
    done
    : >"$PIN_KEYS"
    local options=(--foreground --error)
    ! pcscd --help | grep -q -e --disable-polkit || options+=(--disable-polkit)
    start pcscd env READER_DRIVER="$TMPDIR/vpcd-0.so" PINPAD_KEYS="$PIN_KEYS" \
        PINPAD_LOG="$TMPDIR/pin-pad.log" pcscd "${options[@]}"
    "$WAIT" --readers $((2 * readers)) || give_up "pcscd with $readers readers"
}
stop_pcscd() { stop pcscd; rm -f /run/pcscd/pcscd.comm /run/pcscd/pcscd.pid; }

# Reader and slot of card number N, from 1: 1 and 2 are in the first reader, 3 and 4 in the second.
reader_of() { printf 'Virtual PCD %d 00 %02d' $((($1 + 1) / 2)) $((($1 - 1) % 2)); }
start_card() { # NAME [NUMBER] OPTION of piv-virtual-card...
    local name=$1 number=1
    shift
    if [[ ${1:-} =~ ^[0-9]+$ ]]; then number=$1; shift; fi
    CARD_PORT[$name]=$((FIRST_PORT + number - 1))
    start "card-$name" "$CARD" --port "${CARD_PORT[$name]}" --control "$TMPDIR/$name.sock" \
        --log "$TMPDIR/$name.apdu" "$@"
    wait_until 5 "start of card $name" test -S "$TMPDIR/$name.sock" -o ! -d "/proc/${PIDS[card-$name]}"
    alive "card-$name" || give_up "card $name ended at once"
    [[ " $* " == *" --absent "* ]] || [ -z "${PIDS[pcscd]:-}" ] || wait_card "$name"
}
card() { "$CARD" --tell "$TMPDIR/$1.sock" "${@:2}"; } # NAME ORDER...
card_reader() { reader_of $((CARD_PORT[$1] - FIRST_PORT + 1)); }
# pcscd may leave a card unpowered that came while it was busy with the slot: then once more.
wait_card() { # NAME
    "$WAIT" --present "$(card_reader "$1")" 2>/dev/null && return
    card "$1" remove >/dev/null
    sleep 2
    card "$1" insert >/dev/null
    "$WAIT" --timeout-ms 30000 --present "$(card_reader "$1")" || give_up "card $1 does not appear"
}
wait_no_card() { "$WAIT" --absent "$(card_reader "$1")" || give_up "card $1 stays"; }
remove_card() { settled || :; card "$1" remove >/dev/null; wait_no_card "$1"; }
insert_card() { card "$1" insert >/dev/null; wait_card "$1"; }
stat_of() { card "$1" stats | sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p"; } # NAME COUNTER
# A try is spent by a wrong PIN that somebody typed, and by nothing else: tests say what was typed, and
# every card is asked when it goes, and at the end.
typed_wrong() { WRONG_PINS[$1]=$((${WRONG_PINS[$1]:-0} + ${2:-1})); } # NAME [TIMES]
check_spent() { # NAME
    local spent typed=${WRONG_PINS[$1]:-0}
    spent=$(stat_of "$1" wrong_ever)
    [ "$spent" = "$typed" ] || fail "card $1: PIN tries spent: '$spent', wrong PINs typed: $typed"
    unset "WRONG_PINS[$1]"
}
# A card that goes while it is reset stays unpowered in pcscd when the next one comes at once.
stop_card() { # NAME
    settled || :
    ! alive "card-$1" || check_spent "$1"
    stop "card-$1"
    [ -z "${PIDS[pcscd]:-}" ] || wait_no_card "$1"
}
# The options for a user of the lab: certificate and key in 9A.
lab_card() { printf '%s' "--slot=9a=$LAB/$1.pem,$LAB/$1.key"; }

# --- the product in the sandbox (enter_sandbox "$@" -- --install "$1") -----------------------------
# Installs the lab's chain as trust and writes a configuration; LINE... are added to it.
configure_login() {
    local certificate
    mkdir -p /etc/piv-login/trust/anchors /etc/piv-login/trust/intermediates
    cp "$LAB/root.pem" /etc/piv-login/trust/anchors/
    for certificate in int "${EXTRA_INTERMEDIATES[@]:-}"; do
        [ -z "$certificate" ] || cp "$LAB/$certificate.pem" /etc/piv-login/trust/intermediates/
    done
    # As tmpfiles.d makes it: the cards' part belongs to the card role.
    install -d -m 711 /var/lib/piv-login/cache
    install -d -o piv-login -g piv-login -m 700 /var/lib/piv-login/cache/cards
    printf '%s\n' "[mapping]" "domain = corp.example.com" "$@" >/etc/piv-login/piv-login.conf
    chmod -R go-w /etc/piv-login
    printf '%s\n' "auth required pam_piv.so" "account required pam_permit.so" >/etc/pam.d/piv-test
}
# The PAM code of a login: PIN on standard input of pamtester, as at a terminal.
pam_login() { # USER PIN [SERVICE]: OUT and PAM_CODE
    STATUS=0
    OUT=$(printf '%b\n' "$2" | pamtester "${3:-piv-test}" "$1" authenticate 2>&1) || STATUS=$?
    case $OUT in
    *"successfully authenticated"*) PAM_CODE=PAM_SUCCESS ;;
    *"Authentication failure"*) PAM_CODE=PAM_AUTH_ERR ;;
    *"cannot retrieve authentication info"*) PAM_CODE=PAM_AUTHINFO_UNAVAIL ;;
    *"Insufficient credentials"*) PAM_CODE=PAM_CRED_INSUFFICIENT ;;
    *"exhausted maximum number of retries"*) PAM_CODE=PAM_MAXTRIES ;;
    *"User not known"*) PAM_CODE=PAM_USER_UNKNOWN ;;
    *"Error in service module"*) PAM_CODE=PAM_SERVICE_ERR ;;
    *"Conversation error"*) PAM_CODE=PAM_CONV_ERR ;;
    *"System error"*) PAM_CODE=PAM_SYSTEM_ERR ;;
    *"Permission denied"*) PAM_CODE=PAM_PERM_DENIED ;; # what libpam makes of PAM_IGNORE alone
    *) PAM_CODE="unknown: $(tail -1 <<<"$OUT")" ;;
    esac
}
