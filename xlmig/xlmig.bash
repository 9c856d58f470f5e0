# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# bash completion for xlmig(8).  Verbs and options are what the program's own help lists.
_xlmig_listed() # xlmig's help, option lines or verb lines
{
    case $1 in
    options) sed -n 's/^ \{1,\}\(-[a-zA-Z], \)\{0,1\}\(--[a-z-]*\).*/\2/p' ;;
    verbs) sed -n '/^Verbs:/,/^$/s/^  \([a-z]\{1,\}\) .*/\1/p' ;;
    esac
}

_xlmig()
{
    local word=${COMP_WORDS[COMP_CWORD]} verb= i

    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --toolstack) i=$((i + 1)) ;;
        -*) ;;
        *) verb=${COMP_WORDS[i]}; break ;;
        esac
    done
    if [ -z "$verb" ]; then
        COMPREPLY=($(compgen -W "$(xlmig --help 2>/dev/null | _xlmig_listed verbs) \
            $(xlmig --help 2>/dev/null | _xlmig_listed options)" -- "$word"))
    elif [[ $word == -* && $verb != xl ]]; then
        COMPREPLY=($(compgen -W "$(xlmig "$verb" --help 2>/dev/null | _xlmig_listed options)" -- "$word"))
    else
        case $verb in
        set | finish | cancel)
            COMPREPLY=($(compgen -W "$(xlmig top --once 2>/dev/null | awk 'NR > 1 { print $1, $2 }')" -- "$word")) ;;
        recover)
            COMPREPLY=($(compgen -W "$(xlmig recover --dry-run 2>/dev/null |
                sed -n 's/^\([^ ]*\) (\([0-9a-f]*\)) .*/\1 \2/p')" -- "$word")) ;;
        help) COMPREPLY=($(compgen -W "$(xlmig --help 2>/dev/null | _xlmig_listed verbs)" -- "$word")) ;;
        send | check | save | resume)
            COMPREPLY=($(compgen -W "$(xl list 2>/dev/null | awk 'NR > 2 { print $1 }')" -- "$word")) ;;
        esac
        case $verb in
        save | restore | inspect | verify | convert | report) COMPREPLY+=($(compgen -f -- "$word")) ;;
        esac
    fi
}
complete -F _xlmig xlmig
