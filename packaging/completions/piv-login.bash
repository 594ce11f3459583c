# Completion for the programs of piv-login. What there is to complete comes from their own --help.
# shellcheck shell=bash

# Adds what one --help names: options and their kinds to _piv_login_kinds (OPTION=KIND, a flag without
# KIND), commands to _piv_login_commands.
_piv_login_read() { # HELP
    local line name commands=no
    # One space parts an option from what it takes, two from its explanation.
    local option='^  (-[^ ]+)( ([^ ]+))?' command='^  ([a-z][a-z-]*) '
    _piv_login_commands=()
    while IFS= read -r line; do
        if [ "$line" = Subcommands: ]; then commands=yes; fi
        if [ $commands = yes ] && [[ $line =~ $command ]]; then
            _piv_login_commands+=("${BASH_REMATCH[1]}")
        elif [[ $line =~ $option ]]; then
            for name in ${BASH_REMATCH[1]//,/ }; do _piv_login_kinds+=("$name=${BASH_REMATCH[3]}"); done
        fi
    done <<<"$1"
}

_piv_login_words() { # OPTION: the words that it takes, where --help does not list them
    case $1 in
        --map) echo file upn edipi email sid issuer-serial ski spki-sha256 cert-sha256 subject ;;
        --key) echo upn edipi email sid issuer-serial ski spki-sha256 cert-sha256 subject ;;
        --profile) echo auto al2 al2023 el8 el9 ubuntu debian ;;
        --stig) echo el7 el8 el9 el10 ubuntu2204 al2023 ;;
        --compat) echo sssd pam_pkcs11 ;;
        --image-lives) echo 90 180 365 540 730 ;;
        --service) (cd /etc/pam.d 2>/dev/null && echo *) ;;
        --user | --why) compgen -u ;;
        --exempt) compgen -g ;;
    esac
}

_piv_login() {
    local program=$1 current=$2 previous=$3 command=() word kind='' words='' action=f
    local _piv_login_kinds=() _piv_login_commands=()
    _piv_login_read "$("$program" --help 2>/dev/null)"
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ " ${_piv_login_commands[*]} " == *" $word "* ]]; then
            command+=("$word")
            _piv_login_read "$("$program" "${command[@]}" --help 2>/dev/null)"
        fi
    done
    for word in "${_piv_login_kinds[@]}"; do
        if [ "${word%%=*}" = "$previous" ]; then kind=${word#*=}; fi
    done
    COMPREPLY=()
    if [ -n "$kind" ]; then
        if [[ $kind =~ :\{([^}]*)\} ]]; then
            words=${BASH_REMATCH[1]//,/ }
        else
            words=$(_piv_login_words "$previous")
        fi
        case $previous:$kind in
            --domain:* | --pkinit:* | --succeeds:* | --entity:* | --comment:* | --until:* | --at:* | --policy:* | \
                --saml-provider-arn:* | --card:* | *:URL | *INT* | *:N* | *:DAYS*)
                [ -n "$words" ] || return # nothing that could be known
                ;;
            --root:* | *:DIR*) action=d ;;
        esac
    elif [[ $current == -* ]]; then
        words=${_piv_login_kinds[*]%%=*}
    else
        words=${_piv_login_commands[*]}
    fi
    if [ -n "$words" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen "-$action" -- "$current")
    fi
}

complete -o filenames -F _piv_login \
    piv-ocsp piv-check piv-image piv-trust piv-accounts enable-smartcard enable_smartcard
