# Completion for the programs of piv-login. What there is to complete comes from their own --help.
# shellcheck shell=bash

_piv_login_words() { # PROGRAM [COMMAND]: its options
    "$@" --help 2>/dev/null | grep -oE -e '--[a-z][a-z0-9-]*' | sort -u
}

_piv_login() {
    local program=$1 current=$2 previous=$3 command='' commands='' words word
    case ${program##*/} in
        piv-image) commands='convert inspect stage verify undo prove export import-config' ;;
        piv-trust) commands='list check add promote retire remove rollover federation bundle' ;;
        piv-accounts) commands='compile list lookup add remove' ;;
    esac
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ " $commands " == *" $word "* ]]; then
            command=$word
            break
        fi
    done
    COMPREPLY=()
    case $previous in
        --ocsp) words='require soft off' ;;
        --mode) words='optional required' ;;
        --compat) words='sssd pam_pkcs11' ;;
        --map) words='upn file edipi email sid issuer-serial ski spki-sha256 cert-sha256 subject' ;;
        --image-lives) words='90 180 365 540 730' ;;
        --min-ca-days | --timeout | --skew | --max-age | --domain | --pkinit | --service | --exempt)
            return # nothing that could be known
            ;;
        --nonce) words='auto require off' ;;
        --method) words='auto get post' ;;
        --cert-id-hash) words='sha1 sha256 auto' ;;
        --purpose) words='smartcard-logon any' ;;
        --stig) words='el7 el8 el9 el10 ubuntu2204 al2023' ;;
        --state) words='next active' ;;
        --profile) words='auto al2 al2023 el8 el9 ubuntu debian' ;;
        --format) words='overlay-tar ad-connector image-builder-component packer ansible' ;;
        --user | --why) mapfile -t COMPREPLY < <(compgen -u -- "$current"); return ;;
        --root | --cache)
            mapfile -t COMPREPLY < <(compgen -d -- "$current")
            return
            ;;
        *)
            if [[ $current == -* ]]; then
                words=$(_piv_login_words "$program" ${command:+"$command"})
            elif [ -n "$commands" ] && [ -z "$command" ]; then
                words=$commands
            else
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
                return
            fi
            ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -o filenames -F _piv_login \
    piv-ocsp piv-check piv-image piv-trust piv-accounts enable-smartcard enable_smartcard
