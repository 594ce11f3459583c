#!/bin/bash
# Every card of tests/card/population, through piv-check and through PAM.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need jq pamtester openssl piv-check
POPULATION=$SOURCE/tests/card/population
ONLY=${CARDS:-.}  # a regular expression over names
WORKERS=4
CACHE=/var/lib/piv-login/cache/cards
need_lab
SERVICE=piv-test-${WORKER:-0} READER=$(reader_of $((2 * ${WORKER:-1} - 1)))

# card_population_sanitized.sh: the helper of another build, and where its sanitizers report to.
REPORTS=/run/piv-login-reports
report_of() { find $REPORTS -type f -exec grep -lE "$1" {} + 2>/dev/null; } # REGULAR EXPRESSION
use_sanitized() {
    local kind
    install -m 755 "$SANITIZED/pam_module/helper/piv-login-helper" /usr/libexec/piv-login/
    install -d -m 1777 $REPORTS
    for kind in "address AddressSanitizer: heap-buffer-overflow" "undefined runtime error: shift"; do
        run "$SANITIZED/tests/sanitize/sanitizer-probe" "${kind%% *}"
        if [ "$STATUS" != 0 ] && [ "$STATUS" != 64 ] && [ -n "$(report_of "${kind#* }")" ]; then
            pass "a mistake in the card role is reported: $kind"
        else
            fail "a mistake in the card role is not reported: $kind" "exit $STATUS" "$OUT"
        fi
        find $REPORTS -type f -delete
    done
}
no_reports() {
    local file
    for file in "$REPORTS"/*; do
        [ ! -e "$file" ] || fail "a sanitizer reports: ${file##*/}" "$(head -30 "$file")"
    done
    [ -n "$(report_of .)" ] || pass "no sanitizer reports anything"
}

set_up() {
    local i
    "$SOURCE/scripts/make-lab" "$LAB" --issue nina --key ec:P-256 || give_up "make-lab --issue"
    "$POPULATION/make" "$LAB" "$TMPDIR/made" || give_up "population/make"
    [ -z "${SANITIZED:-}" ] || use_sanitized
    EXTRA_INTERMEDIATES=(sub narrow)
    configure_login "[policy]" "deadline_ms = 5000"
    for ((i = 1; i <= WORKERS; i++)); do
        printf '%s\n' "[service piv-test-$i]" "card.reader = $(reader_of $((2 * i - 1)))" \
            >>/etc/piv-login/piv-login.conf
        cp /etc/pam.d/piv-test "/etc/pam.d/piv-test-$i"
    done
    start_ocsp int
    start_ocsp root
    start_pcscd $WORKERS
}

# CONTRACT, table of PAM codes.
pam_code_for() { # CODE
    case $1 in
    accept) echo PAM_SUCCESS ;;
    pin-blocked | pin-tries-floor) echo PAM_MAXTRIES ;;
    card-not-usable | card-not-piv | card-malformed) echo PAM_CRED_INSUFFICIENT ;;
    card-failure | card-removed | no-card | no-reader | deadline-over) echo PAM_AUTHINFO_UNAVAIL ;;
    user-unknown) echo PAM_USER_UNKNOWN ;;
    *) echo PAM_AUTH_ERR ;;
    esac
}
decision_for() { # CODE
    case $(pam_code_for "$1") in
    PAM_SUCCESS) echo accept ;;
    PAM_AUTHINFO_UNAVAIL) echo unavailable ;;
    *) echo reject ;;
    esac
}
one_of() { [[ ,$2, == *",$1,"* ]]; } # CODE LIST

check_tries() { # LABEL NAME BEFORE SPENT
    local after expected=$(($3 - $4))
    after=$(stat_of "$2" tries_left)
    # The right PIN gives the tries back: then the counter is full, not what it was.
    if [ "$(stat_of "$2" verify_wrong)" = "$4" ] && [ "$(stat_of "$2" verify)" -le 1 ] &&
        { [ "$after" -ge "$expected" ]; }; then
        pass "$1: tries spent: $4"
    else
        fail "$1: tries: before $3, after $after, spent $(stat_of "$2" verify_wrong), wanted $4"
    fi
}
check_hygiene() { # LABEL
    local raw
    raw=$(LC_ALL=C grep -P '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80[\xaa-\xae]' <<<"$OUT" | cat -v)
    [ -z "$raw" ] || fail "$1: raw text of the card on the terminal" "$raw"
    nothing_left "$1"
}

by_piv_check() { # NAME USER PIN WANT SPENT BEFORE
    local code decision
    STATUS=0
    OUT=$(printf '%b\n' "$3" | piv-check --card "$READER" --service "$SERVICE" --user "$2" \
        --pin-from-stdin --json 2>"$TMPDIR/check-$SERVICE.err") || STATUS=$?
    decision=$(jq -r .decision <<<"$OUT" 2>/dev/null) code=$(jq -r .code <<<"$OUT" 2>/dev/null)
    [ "$decision" != accept ] || code=accept
    if one_of "$code" "$4" && [ "$decision" = "$(decision_for "$code")" ] && case $decision in
        accept) [ "$STATUS" = 0 ] ;; reject) [ "$STATUS" = 1 ] ;; *) [ "$STATUS" = 2 ] ;; esac; then
        pass "$1: piv-check: $decision $code"
    else
        fail "$1: piv-check: $decision $code, exit $STATUS; wanted $4" "$(tail -c 300 <<<"$OUT")" \
            "$(tail -2 "$TMPDIR/check-$SERVICE.err")"
    fi
    check_tries "$1: piv-check" "$1" "$6" "$5"
    check_hygiene "$1: piv-check"
}
by_pam() { # NAME USER PIN WANT SPENT BEFORE
    local code wanted=""
    for code in ${4//,/ }; do wanted+=,$(pam_code_for "$code"); done
    pam_login "$2" "$3" "$SERVICE"
    if one_of "$PAM_CODE" "$wanted"; then
        pass "$1: pam: $PAM_CODE"
    else
        fail "$1: pam: $PAM_CODE; wanted ${wanted#,}" "$(tail -3 <<<"$OUT")"
    fi
    check_tries "$1: pam" "$1" "$6" "$5"
    check_hygiene "$1: pam"
}
one_card() { # NAME USER PIN WANT SPENT OPTIONS
    find "$CACHE" -type f -delete
    local before line=${6//\{l\}/$LAB}
    line=${line//\{o\}/$TMPDIR/made}
    # shellcheck disable=SC2086 # options are words
    start_card "$1" $((2 * WORKER - 1)) $line
    before=$(stat_of "$1" tries_left)
    if [ -z "${SANITIZED:-}" ]; then
        by_piv_check "$1" "$2" "$3" "$4" "$5" "$before"
        typed_wrong "$1" "$5"
        card "$1" clear >/dev/null
        card "$1" tries "$before" >/dev/null
    fi
    by_pam "$1" "$2" "$3" "$4" "$5" "$before"
    typed_wrong "$1" "$5"
    stop_card "$1"
}

trim() { local t=${1#"${1%%[! ]*}"}; printf '%s' "${t%"${t##*[! ]}"}"; }
each_card() { # COMMAND: with the fields of a line
    local name user pin want spent options
    while IFS='|' read -r name user pin want spent options <&9; do
        [[ $name != '#'* && -n $(trim "$name") ]] || continue
        [[ $(trim "$name") =~ $ONLY ]] || continue
        "$1" "$(trim "$name")" "$(trim "$user")" "$(trim "$pin")" "$(trim "$want")" \
            "$(trim "$spent")" "$(trim "$options")"
    done 9<"$POPULATION/cards"
}
count=0
my_share() {
    count=$((count + 1))
    [ $((count % WORKERS + 1)) != "$WORKER" ] || one_card "$@"
}
if [ -n "${WORKER:-}" ]; then
    PIDS[pcscd]=shared
    # Its own cache: cards of the population share their certificates, but are no two the same.
    mount -t tmpfs none $CACHE
    chown piv-login: $CACHE
    chmod 700 $CACHE
    each_card my_share
    finish
fi
set_up
run_workers $WORKERS
count_card() { count=$((count + 1)); }
each_card count_card
[ -z "${SANITIZED:-}" ] || no_reports
[ "$ONLY" != . ] || succeeds "at least 60 cards: $count" test "$count" -ge 60
finish
