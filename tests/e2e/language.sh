#!/bin/bash
# Prompts speak the language that the program has set with setlocale(3), and nothing else decides.
. "$(dirname "$0")/lib.sh"
enter_sandbox "$@" -- --install "$1"
need pamtester su python3 localedef openssl
[ -e /usr/share/i18n/locales/de_DE ] || skip "the locale sources are not installed (scripts/install-deps)"
[ -e /usr/share/locale/de/LC_MESSAGES/piv-login.mo ] || skip "built without msgfmt (scripts/install-deps)"
need_lab
localedef -i de_DE -f UTF-8 de_DE.UTF-8 || give_up "localedef"
localedef -i de_DE -f ISO-8859-1 de_DE.ISO-8859-1 || give_up "localedef"
configure_login
printf '%s\n' "auth required pam_piv.so" "account required pam_permit.so" >/etc/pam.d/su

su_as_bob() { # NAME=VALUE... -- LINES: su sets its locale by the environment of the person, setuid
    local environment=()
    while [ "$1" != -- ]; do environment+=("$1"); shift; done
    OUT=$(printf '%b\n' "$2" | env "${environment[@]}" python3 "$SOURCE/tests/e2e/typist.py" --user bob su alice -c true)
}

start_pcscd
start_ocsp int
start_ocsp root
su_as_bob LC_ALL=de_DE.UTF-8 -- ""
says "Keine Smartcard gefunden." "no card, in German"
start_card alice "$(lab_card alice)"
su_as_bob LC_ALL=de_DE.UTF-8 -- "wait : \ntype 999999"
typed_wrong alice
says "PIN von Alice Example (noch 3 Versuche): " "the prompt in German"
says "Falsche PIN. Noch 2 Versuche." "a wrong PIN in German"
su_as_bob LC_ALL=de_DE.UTF-8 -- "wait : \ntype 999999"
typed_wrong alice
says "Falsche PIN. Noch 1 Versuch." "one try, in the singular"
su_as_bob LC_ALL=C.UTF-8 -- "wait : \ntype 123456"
says "PIN for Alice Example (1 try left): " "without a language, English"
su_as_bob LC_ALL=de_DE.ISO-8859-1 -- "wait : \ntype 123456"
says "PIN for Alice Example (3 tries left): " "where text is not UTF-8, English"

# A catalogue of somebody else, named in every way that glibc knows.
evil=$TMPDIR/evil
mkdir -p "$evil/de/LC_MESSAGES" "$evil/fr/LC_MESSAGES"
msgunfmt /usr/share/locale/de/LC_MESSAGES/piv-login.mo | sed 's/PIN von/EVIL/' >"$evil/evil.po"
msgfmt -o "$evil/de/LC_MESSAGES/piv-login.mo" "$evil/evil.po"
cp "$evil/de/LC_MESSAGES/piv-login.mo" "$evil/fr/LC_MESSAGES/"
chmod -R a+rX "$TMPDIR"
su_as_bob LC_ALL=de_DE.UTF-8 LANGUAGE=fr:evil TEXTDOMAINDIR="$evil" NLSPATH="$evil/%l/LC_MESSAGES/%N.mo" \
    LOCPATH="$evil" OUTPUT_CHARSET=ISO-8859-1 -- "wait : \ntype 123456"
says "PIN von Alice Example (noch 3 Versuche): " "LANGUAGE, NLSPATH and others of a setuid program change nothing"
for name in ../../run/tmp/evil/de "$evil/de" de_DE.UTF-8/../evil; do
    su_as_bob LC_ALL="$name" -- "wait : \ntype 123456"
    says "PIN for Alice Example (3 tries left): " "a locale that is a path is none: $name"
done
# pamtester sets no locale: what is in its environment is not asked for.
OUT=$(echo 123456 | LC_ALL=de_DE.UTF-8 LANG=de_DE.UTF-8 pamtester piv-test alice authenticate 2>&1)
says "PIN for Alice Example (3 tries left)" "a program that sets no locale is answered in English"
finish
