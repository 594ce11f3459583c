#!/bin/bash
# piv-check on image roots: the doctor, its reports, and the STIG rules that an image meets.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need jq python3 openssl enable-smartcard
need_lab
TREE=$TMPDIR/tree

tree_of() { # PROFILE: a new image root at TREE
    rm -rf "$TREE"
    (cd "$SOURCE/tests/image" && PYTHONDONTWRITEBYTECODE=1 python3 -c \
        'import sys, image_tree; image_tree.MAKERS[sys.argv[1]](sys.argv[2])' "$1" "$TREE") ||
        give_up "an image root of $1"
}
stage() { # OPTION...
    enable-smartcard --root "$TREE" --ca-cert "$LAB/root.cer" "$LAB/int.cer" \
        --domain corp.example.com=CORP "$@" >"$TMPDIR/stage.log" 2>&1 || give_up "enable-smartcard"
}
install_in_tree() { # what the package would bring
    mkdir -p "$TREE/usr/lib64/security" "$TREE/usr/libexec/piv-login" "$TREE/usr/sbin" \
        "$TREE/usr/lib64/pcsc/drivers/ifd-ccid.bundle" \
        "$TREE/etc/systemd/system/sockets.target.wants"
    touch "$TREE/usr/lib64/security/pam_piv.so" "$TREE/usr/libexec/piv-login/piv-login-helper" \
        "$TREE/usr/sbin/pcscd"
    ln -sf /usr/lib/systemd/system/pcscd.socket "$TREE/etc/systemd/system/sockets.target.wants/"
}
stig() { # STATUS WHAT [OPTION...]: JSON in OUT
    local want=$1 what=$2
    shift 2
    STATUS=0
    OUT=$(piv-check --stig "$@" --json --root "$TREE" 2>"$TMPDIR/stderr") || STATUS=$?
    equal "$what" "$want" "$STATUS"
}
result() { # WANT RULE
    equal "$2: $1" "$1" "$(jq -r --arg r "$2" '.rules[] | select(.rule | contains($r)) | .result' <<<"$OUT")"
}
where() { # RULE
    jq -r --arg r "$1" '.rules[] | select(.rule | contains($r)) | .where' <<<"$OUT"
}
at_its_line() { # RULE TEXT: the file and line that are named have TEXT
    local place file line
    place=$(where "$1")
    file=${place%:*} line=${place##*:}
    [ ! -L "$TREE$file" ] || file=$(readlink "$TREE$file") # to a place in the tree
    if sed -n "${line}p" "$TREE$file" | grep -q -e "$2"; then
        pass "$1: $place has $2"
    else
        fail "$1: $place does not have $2"
    fi
}

# --- STIG: an image before, after, and made worse ----------------------------------------------------
tree_of el9
stig 1 "an image without piv-login meets less than all"
equal "the guide is that of the image" "RHEL 9 STIG V2R9" "$(jq -r .guide <<<"$OUT")"
for rule in RHEL-09-631010 RHEL-09-611165 RHEL-09-611160 RHEL-09-611180; do result not-met $rule; done
stage
install_in_tree
stig 0 "staged, it meets all"
equal "and says so" true "$(jq .compliant <<<"$OUT")"
for rule in RHEL-09-631010 RHEL-09-611170 RHEL-09-611160 RHEL-09-611165 RHEL-09-631015 RHEL-09-611180 \
    V-258124; do
    result met $rule
done
result by-hand RHEL-09-611190
result not-applicable RHEL-09-271045
at_its_line RHEL-09-611165 pam_piv.so
at_its_line RHEL-09-631015 'domain = corp.example.com'
succeeds "the anchor that is named is there" test -s "$TREE$(where RHEL-09-631010)"
run piv-check --stig --root "$TREE"
says "met             RHEL-09-611165 V-258122: smart card login is on" "in words"
says "/etc/pam.d/"
mkdir -p "$TREE/etc/piv-login/piv-login.conf.d"
printf '[service kiosk]\nrevocation.ocsp = soft\n' >"$TREE/etc/piv-login/piv-login.conf.d/kiosk.conf"
stig 1 "one service without revocation"
result not-met RHEL-09-611170
equal "is found, with its line" /etc/piv-login/piv-login.conf.d/kiosk.conf:2 "$(where RHEL-09-611170)"
rm "$TREE/etc/piv-login/piv-login.conf.d/kiosk.conf"
mkdir -p "$TREE/usr/bin" "$TREE/etc/dconf/db/local.d" "$TREE/etc/sssd"
touch "$TREE/usr/bin/gnome-shell"
printf '[domain/x]\ncache_credentials = true\n' >"$TREE/etc/sssd/sssd.conf"
stig 1 "a desktop that does not lock, and SSSD that caches"
result not-met RHEL-09-271045
result not-met RHEL-09-631020
printf '[org/gnome/settings-daemon/peripherals/smartcard]\nremoval-action='"'lock-screen'"'\n' \
    >"$TREE/etc/dconf/db/local.d/00-card"
printf '[pam]\noffline_credentials_expiration = 1\n[domain/x]\ncache_credentials = true\n' >"$TREE/etc/sssd/sssd.conf"
stig 0 "both put right"
at_its_line RHEL-09-271045 removal-action
at_its_line RHEL-09-631020 'expiration = 1'
printf '[session]\non_card_removal = lock\n' >"$TREE/etc/piv-login/piv-login.conf.d/removal.conf"
rm "$TREE/etc/dconf/db/local.d/00-card"
stig 1 "our own setting without a session line"
result not-met RHEL-09-271045
echo 'session optional pam_piv.so' >"$TREE/etc/pam.d/desktop"
stig 0 "and with one"
at_its_line RHEL-09-271045 pam_piv.so
printf '[service desktop]\nsession.on_card_removal = ignore\n' >"$TREE/etc/piv-login/piv-login.conf.d/take-back.conf"
stig 1 "one service that takes it back"
result not-met RHEL-09-271045
rm "$TREE/etc/pam.d/desktop" "$TREE"/etc/piv-login/piv-login.conf.d/{removal,take-back}.conf
rm -r "$TREE/usr/bin/gnome-shell" "$TREE/etc/sssd"
echo 'nonsense' >>"$TREE/etc/piv-login/piv-login.conf"
stig 78 "a configuration that is refused"
tree_of al2
stig 1 "Amazon Linux 2 by Oracle Linux 7's guide"
result not-met OL07-00-041003
tree_of al2023
stage
install_in_tree
stig 0 "Amazon Linux 2023"
result met AZLX-23-001300
stig 0 "another guide by name" el9
result met RHEL-09-611170
tree_of debian
stig 2 "there is none for Debian"
run piv-check --stig --root "$TREE"
says "no STIG with rules on smart cards is known"
says "try: "
exits_with 64 "--stig and --doctor are two questions" piv-check --stig --doctor

# --- the doctor on an image root ---------------------------------------------------------------------
tree_of el9
exits_with 1 "an image without piv-login is ill" piv-check --doctor --root "$TREE"
says "names pam_piv.so" "its PAM stacks"
says "no-trust-anchors" "its trust"
does_not_say "pcscd" "the card reader of this machine is not the image's"
equal "worst first" FAIL "$(head -c 4 <<<"$OUT")"
equal "each failure has a remedy" "$(grep -c '^FAIL' <<<"$OUT")" \
    "$(grep -A1 '^FAIL' <<<"$OUT" | grep -c 'try: ')"
stage
run piv-check --doctor --root "$TREE"
says "root CN=Lab Root CA" "the image's chain is shown"
says "/etc/pam.d/" "and its PAM lines"

# --- the removal of the card: setting, line, and where it stands ---------------------------------------
rm -f "$TREE"/etc/pam.d/*
removal() { # ACTION-OR-NOTHING LINE...: the session stack of login, and the setting
    rm -f "$TREE/etc/piv-login/piv-login.conf.d/removal.conf"
    mkdir -p "$TREE/etc/piv-login/piv-login.conf.d"
    [ -z "$1" ] || printf '[session]\non_card_removal = %s\n' "$1" >"$TREE/etc/piv-login/piv-login.conf.d/removal.conf"
    shift
    printf '%s\n' "auth required pam_piv.so" "auth required pam_permit.so" "session include stack" >"$TREE/etc/pam.d/login"
    printf '%s\n' "session required pam_limits.so" "$@" >"$TREE/etc/pam.d/stack"
    run piv-check --doctor --root "$TREE"
    SESSION=$(grep -E '^(ok|warn|FAIL) +session ' <<<"$OUT")
}
is_said() { # RANK TEXT WHAT
    if grep -qE "^$1 +session .*$2" <<<"$SESSION"; then pass "$3"; else fail "$3" "$SESSION"; fi
}
systemd='-session optional pam_systemd.so' ours='session optional pam_piv.so'
removal "" "$systemd"
equal "neither setting nor line: nothing is said" "" "$SESSION"
removal lock "$systemd" "$ours"
is_said ok "is noticed: login" "setting and line: noticed"
is_said FAIL "piv-login-watch: No such file" "the program that is not there"
mkdir -p "$TREE/usr/libexec/piv-login" "$TREE/usr/lib64/security"
install -m 755 /bin/true "$TREE/usr/libexec/piv-login/piv-login-watch"
removal lock "$systemd" "$ours"
is_said ok "/piv-login-watch$" "and that is"
is_said FAIL "pam_systemd.so is not installed" "pam_systemd that is not installed"
: >"$TREE/usr/lib64/security/pam_systemd.so"
removal lock "$systemd" "$ours"
equal "all in place: nothing to put right" "" "$(grep -E '^(FAIL|warn)' <<<"$SESSION")"
removal lock "$systemd"
is_said FAIL "no session line in /etc/pam.d names pam_piv.so" "a setting without the line"
removal lock "$ours"
is_said FAIL "none of pam_systemd.so: login" "a line without pam_systemd"
removal lock "$ours" "$systemd"
is_said FAIL "stands before pam_systemd.so.*: login" "a line before pam_systemd"
removal "" "$systemd" "$ours"
is_said warn "ignore: nothing is watched: login" "a line without the setting"
printf '[service login]\nsession.on_card_removal = logout\n' >"$TREE/etc/piv-login/piv-login.conf.d/one.conf"
removal "" "$systemd" "$ours"
is_said ok "is noticed: login" "the setting for one service"
rm "$TREE/etc/piv-login/piv-login.conf.d/one.conf"
removal lock "$systemd" "$ours"
printf '%s\n' "auth include login" "$systemd" >"$TREE/etc/pam.d/desktop"
sed -i 's/^services = .*/services = login, desktop/' "$TREE/etc/piv-login/piv-login.conf"
run piv-check --doctor --root "$TREE"
SESSION=$(grep -E '^(ok|warn|FAIL) +session ' <<<"$OUT")
is_said warn "no session line of pam_piv.so: desktop" "one service without the line"

# --- reports -----------------------------------------------------------------------------------------
install -d /etc/piv-login/trust/anchors /etc/piv-login/trust/intermediates
install -m 644 "$LAB/root.pem" /etc/piv-login/trust/anchors/
install -m 644 "$LAB/int.pem" /etc/piv-login/trust/intermediates/
printf '[mapping]\ndomain = corp.example.com=CORP\n[revocation]\nocsp = off\n' >/etc/piv-login/piv-login.conf
chmod 644 /etc/piv-login/piv-login.conf
echo 'auth required pam_piv.so' >/etc/pam.d/piv-test
start_pcscd
start_card alice "$(lab_card alice)"
names=(alice sandbox corp.example.com CORP 'Lab Root' Example 'Virtual PCD' "$TREE" kdc
    "$(openssl x509 -in "$LAB/alice.pem" -noout -serial | sed 's/.*=//')"
    "$(openssl x509 -in "$LAB/alice.pem" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g')"
    "$(openssl x509 -in "$LAB/kdc.pem" -noout -serial | sed 's/.*=//')")
names_nobody() { # WHAT
    local name found=""
    succeeds "$1: a report is written" test -s "$TMPDIR/report"
    succeeds "$1: it is JSON with findings" jq -e '.findings | length > 5' "$TMPDIR/report"
    for name in "${names[@]}"; do
        ! jq -c 'del(.findings[].area)' "$TMPDIR/report" | grep -qiF -e "$name" || found+=" $name"
    done
    equal "$1: it names nobody" "" "$found"
}
run piv-check --doctor --kdc "$LAB/kdc.pem" --report "$TMPDIR/report"
says "alice" "on the terminal there are names"
names_nobody "healthy"
run piv-check --doctor --report "$TMPDIR/full" --report-names
succeeds "names where they are asked for" grep -q "account alice" "$TMPDIR/full"
equal "a report is its owner's alone" 600 "$(stat -c %a "$TMPDIR/full")"
printf 'domian = alice.corp.example.com\n' >>/etc/piv-login/piv-login.conf
echo 'auth required pam_piv.so user=alice' >/etc/pam.d/piv-test
rm "$TMPDIR/report"
run piv-check --doctor --verify-kdc "$LAB/alice.pem" --report "$TMPDIR/report"
equal "ill" 1 "$STATUS"
says "domian"
names_nobody "mistakes in files"
printf '[mapping]\ndomain = corp.example.com=CORP\n[revocation]\nocsp = off\n' >/etc/piv-login/piv-login.conf
rm "$TMPDIR/report"
run piv-check --doctor --root "$TREE" --report "$TMPDIR/report"
names_nobody "an image root"

run piv-check --verify-kdc "$LAB/kdc.pem"
kdc=$OUT
run piv-check --doctor --kdc "$LAB/kdc.pem"
equal "--verify-kdc is --doctor --kdc" "$(grep -v '^ok.*clock' <<<"$OUT")" "$(grep -v '^ok.*clock' <<<"$kdc")"
exits_with 64 "--report without --doctor" piv-check --report "$TMPDIR/x" --cert "$LAB/alice.pem"
exits_with 64 "--report-names without --report" piv-check --doctor --report-names
finish
