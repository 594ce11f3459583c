#!/bin/bash
# Bash completion offers what the programs know, and nothing else: every command, every option of every
# command, every word that an option takes. completion.sh COMPLETION-FILE MAN-FOLDER PROGRAM...
set -uo pipefail
file=$1 pages=$(cd "$2" && pwd)
shift 2
# shellcheck source=/dev/null
. "$file"
problems=0 asked=0
problem() { echo "$1"; problems=$((problems + 1)); }
empty=$(mktemp -d)
trap 'rm -rf "$empty"' EXIT
cd "$empty" || exit 1
mkdir a-folder
touch a-file

# Each --help is asked for once: the programs are these functions, by their names without a folder.
declare -A PATHS HELP
help_of() { # PROGRAM [COMMAND...] --help
    [ -n "${HELP[$*]:-}" ] || HELP[$*]=$("${PATHS[$1]}" "${@:2}")
}
as_function() { # PATH
    PATHS[${1##*/}]=$1
    eval "${1##*/}() { [ \"\${!#}\" = --help ] || { \"$1\" \"\$@\"; return; }; echo \"\${HELP[${1##*/} \$*]}\"; }"
}

# What Tab offers behind WORD... where the last word is the one that is being typed: in OFFERED.
offer() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _piv_login "$1" "${!#}" "${@: -2:1}"
    OFFERED=$(printf '%s\n' "${COMPREPLY[@]}" | sort)
    asked=$((asked + 1))
}
# The documented options of one level: the lines of its --help that begin with one.
options_of_help() { "$@" --help | grep -oE '^  -[^ ]+' | tr -d ' ' | tr , '\n' | sort -u; }
commands_of_help() { "$@" --help | awk '/^Subcommands:/ { on = 1; next } on && /^  [a-z]/ { print $1 }'; }
missing() { comm -23 <(sort -u <<<"$1") <(sort -u <<<"$2"); }
in_a_line() { echo "${1//$'\n'/ }"; }

# What comes behind is refused in any case, once as a value and once as an option: nothing is run.
is_taken() { # PROGRAM [COMMAND] OPTION
    [[ $("$@" --no-such-option --no-such-option </dev/null 2>&1) != *"unknown option '${!#}'"* ]]
}
# One space parts an option from what it takes, two from its explanation.
type_of() { # OPTION HELP: in TYPE
    TYPE=
    if [[ $2 =~ $'\n  '(-.,)?$1\ ([^\ $'\n']+) ]]; then TYPE=${BASH_REMATCH[2]}; fi
}
check_option() { # OPTION PROGRAM [COMMAND...]
    local option=$1 want
    shift
    type_of "$option" "${HELP[$* --help]}"
    case $TYPE in
        *':{'*) want=$(sed 's/.*{//; s/}.*//; s/,/\n/g' <<<"$TYPE" | sort) ;;
        DIR) want=a-folder ;;
        FILE*) want=$'a-file\na-folder' ;;
        *) return ;;
    esac
    offer "$@" "$option" ''
    [ "$OFFERED" = "$want" ] || problem "$* $option: offers $(in_a_line "$OFFERED") for $TYPE"
}

check_level() { # PROGRAM [COMMAND...]
    local what="$*" want option command
    help_of "$@" --help
    want=$(options_of_help "$@")
    if [ $# -gt 1 ]; then
        for option in $(options_of_help "$1"); do
            want+=$'\n'$option
            # The same for all commands: asked of the first alone.
            [ "$2" != "$FIRST" ] || is_taken "$@" "$option" || problem "$*: $option is offered, and refused"
        done
    fi
    offer "$@" -
    [ "$(wc -w <<<"$want")" -ge 2 ] || problem "$what: --help names no option"
    for option in $(missing "$want" "$OFFERED"); do problem "$what: $option is not offered"; done
    for option in $(missing "$OFFERED" "$want"); do problem "$what: $option is offered, and not in --help"; done
    for option in $(options_of_help "$@"); do check_option "$option" "$@"; done
    want=$(commands_of_help "$@")
    [ $# -gt 1 ] || FIRST=${want%%$'\n'*}
    [ -n "$want" ] || return 0
    offer "$@" ''
    [ "$(sort <<<"$want")" = "$OFFERED" ] || problem "$what: offers $(in_a_line "$OFFERED"), its commands are $(in_a_line "$want")"
    for command in $want; do check_level "$@" "$command"; done
}

for path in "$@"; do
    program=${path##*/}
    as_function "$path"
    check_level "$program"
    complete -p "$program" >/dev/null || problem "$program: no completion is registered"
    page=$(sed 's/\\//g' "$pages/$program".[18])
    for option in --map --key --profile --stig --compat; do
        "$program" --help | grep -qE "^ .*$option " || continue
        offer "$program" "$option" ''
        for word in $OFFERED; do
            grep -qwF -e "$word" <<<"$page" || problem "$program $option: offers $word, of which the manual page knows nothing"
        done
    done
done
echo "$asked questions, $problems problems"
[ "$problems" = 0 ] && [ "$asked" -ge 60 ]
