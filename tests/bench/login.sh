#!/bin/bash
# What one login with a card costs: pam_piv.so against pam_pkcs11, pam_p11 and SSSD's p11_child, all
# on the same virtual card behind the same pcscd, same PIN, revocation asked by none of them. The row
# "host" is the program that runs the modules, pamtester, with pam_permit.
# usage: login.sh BUILD_DIR; environment: RUNS (default 15), COLD. One JSON object a row on stdout.
# shellcheck disable=SC2016
. "$(dirname "$0")/../e2e/lib.sh"
enter_sandbox "$@" -- --install "$1"
RUNS=${RUNS:-15}
HERE=$SOURCE/tests/bench
PIN=123456
# COLD=yes: no card is known from before.
FORGET=""
[ "${COLD:-no}" != yes ] || FORGET="rm -f /var/lib/piv-login/cache/cards/*; "
need jq pamtester python3

find_file() { # CANDIDATE...: the first that is there
    local f
    for f in "$@"; do
        if [ -e "$f" ]; then
            echo "$f"
            return
        fi
    done
    return 1
}

# --- the modules' configurations ------------------------------------------------------------------
opensc=$(find_file /usr/lib/*/opensc-pkcs11.so /usr/lib64/opensc-pkcs11.so) || skip "OpenSC is not installed"

set_up_ours() {
    mkdir -p /etc/piv-login/trust/anchors /etc/piv-login/trust/intermediates
    cp "$LAB/root.pem" /etc/piv-login/trust/anchors/
    cp "$LAB/int.pem" /etc/piv-login/trust/intermediates/
    install -d -m 711 /var/lib/piv-login/cache
    install -d -o piv-login -g piv-login -m 700 /var/lib/piv-login/cache/cards
    printf '[revocation]\nocsp = off\n[mapping]\ndomain = corp.example.com\n' >/etc/piv-login/piv-login.conf
    printf 'auth required pam_piv.so\naccount required pam_permit.so\n' >/etc/pam.d/bench-piv
    # As enable-smartcard leaves it: whoever is known by a UPN is found before other services are asked.
    sed -i 's/^passwd:[[:space:]]*files/& piv/' /etc/nsswitch.conf
    piv-accounts compile >/dev/null || give_up "compiling the account map"
}
set_up_pam_pkcs11() {
    find_file /lib/*/security/pam_pkcs11.so >/dev/null || return 1
    mkdir -p /etc/pam_pkcs11/cacerts /etc/pam_pkcs11/crls
    cp "$LAB/root.pem" "$LAB/int.pem" /etc/pam_pkcs11/cacerts/
    openssl rehash /etc/pam_pkcs11/cacerts
    cat >/etc/pam_pkcs11/pam_pkcs11.conf <<END
pam_pkcs11 {
  nullok = false; debug = false; card_only = true;
  use_pkcs11_module = opensc;
  pkcs11_module opensc {
    module = $opensc; description = "OpenSC"; slot_num = 0; support_threads = false;
    ca_dir = /etc/pam_pkcs11/cacerts; crl_dir = /etc/pam_pkcs11/crls; cert_policy = ca,signature;
  }
  use_mappers = ms;
  mapper ms { debug = false; module = internal; ignorecase = false; ignoredomain = false;
              domainname = "corp.example.com"; }
}
END
    printf 'auth required pam_pkcs11.so nodebug\naccount required pam_permit.so\n' >/etc/pam.d/bench-pam_pkcs11
}
set_up_pam_p11() { # USER
    find_file /lib/*/security/pam_p11.so >/dev/null || return 1
    local home
    home=$(getent passwd "$1" | cut -d: -f6)
    mkdir -p "$home/.eid"
    cp "$LAB/$1.pem" "$home/.eid/authorized_certificates"
    chown -R "$1" "$home/.eid"
    printf 'auth required pam_p11.so %s\naccount required pam_permit.so\n' "$opensc" >/etc/pam.d/bench-pam_p11
}
set_up_p11_child() {
    P11_CHILD=$(find_file /usr/libexec/sssd/p11_child /usr/lib/*/sssd/p11_child) || return 1
    cat "$LAB/root.pem" "$LAB/int.pem" >"$TMPDIR/sssd-ca.pem"
}

# --- measuring ---------------------------------------------------------------------------------------
# One run of one of them; its figures go into $TMPDIR/runs/NAME. Each finds the card as after its insertion:
# some leave it with the PIN verified, and who comes next would have to take that away.
measure() { # NAME STDIN COMMAND...
    local name=$1 text=$2
    shift 2
    "$HERE/measure.py" --stdin "$text" --before "$FORGET'$CARD' --tell '$TMPDIR/c.sock' reset; '$CARD' --tell '$TMPDIR/c.sock' clear" \
        --after "'$CARD' --tell '$TMPDIR/c.sock' stats" 1 "$@" >>"$TMPDIR/runs/$name" || give_up "measuring $name"
}
# The medians of the runs.
row() { # NAME USER CASE
    jq -cs --arg name "$1" --arg user "$2" --arg case "$3" '
        def median: sort | .[length / 2 | floor];
        { bench: "login", case: $case, user: $user, name: $name, runs: length,
          failed: map(select(.status != 0)) | length,
          wall_ms: map(.wall_ms) | median, cpu_ms: map(.cpu_ms) | median,
          peak_kib: map(.peak_kib) | median, apdus: map(.after.apdus) | median,
          bytes: map(.after.bytes_out // .after.bytes) | median }' "$TMPDIR/runs/$1"
}
# All of them in turn, RUNS times: what else the machine does meanwhile falls on each alike.
rows() { # USER CASE CARD-OPTION...
    local user=$1 case=$2 name names=() found options run
    shift 2
    # What was learnt from the cards of other rows, which have the same ATR and behave otherwise.
    rm -rf /var/lib/piv-login/cache/cards/* "$TMPDIR/runs"
    mkdir "$TMPDIR/runs"
    start_card c "$(lab_card "$user")" --pin "$PIN" "$@"
    for name in host piv pam_pkcs11 pam_p11; do
        [ ! -e "/etc/pam.d/bench-$name" ] || names+=("$name")
    done
    # A known card has logged in before, and once more: what it takes is tried then (docs/cards.md).
    if [ "${COLD:-no}" != yes ]; then
        for run in 1 2; do
            pamtester bench-piv "$user" authenticate <<<"$PIN" >/dev/null 2>&1 || give_up "the first login"
        done
    fi
    # A login by SSSD runs p11_child twice: once to find the certificate, once to use it. What pam_sss
    # and SSSD's own processes cost beside it is not counted.
    if [ -n "${P11_CHILD:-}" ]; then
        options=(--verify no_ocsp --ca_db "$TMPDIR/sssd-ca.pem" --logger=stderr)
        mapfile -t found < <("$P11_CHILD" --pre "${options[@]}")
        export TOKEN=${found[0]:-} MODULE=${found[1]:-} KEY=${found[2]:-}
    fi
    for ((run = 0; run < RUNS; run++)); do
        for name in "${names[@]}"; do
            measure "$name" "$PIN"$'\n' pamtester "bench-$name" "$user" authenticate
        done
        [ -z "${P11_CHILD:-}" ] || measure p11_child "$PIN" sh -c '"$0" --pre "$@" </dev/null && exec "$0" --auth --pin \
            --token_name "$TOKEN" --module_name "$MODULE" --key_id "$KEY" "$@"' "$P11_CHILD" "${options[@]}"
    done
    [ -z "${P11_CHILD:-}" ] || names+=(p11_child)
    for name in "${names[@]}"; do row "$name" "$user" "$case"; done
    stop_card c
}

need_lab
# The host alone: what is the same for every module.
printf 'auth required pam_permit.so\naccount required pam_permit.so\n' >/etc/pam.d/bench-host
set_up_ours
set_up_pam_pkcs11 || echo "bench: pam_pkcs11 is not installed" >&2
set_up_p11_child || echo "bench: SSSD's p11_child is not installed" >&2
set_up_pam_p11 alice && set_up_pam_p11 bob || echo "bench: pam_p11 is not installed" >&2
start_pcscd
for user in alice bob; do
    rows "$user" "no card latency"
    rows "$user" "15 ms an APDU, 30 us a byte" --latency-apdu-ms 15 --latency-byte-us 30
    [ "${COLD:-no}" = yes ] || rows "$user" "no SELECT needed to read" --default-selected
done
