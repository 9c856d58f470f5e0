# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# bash completion for xlmig(8).  What a word may become, the program itself says (xlmig complete).

# The words of the command line, up to the one at hand, in the array named: bash takes them apart at = and :, too.
_xlmig_words()
{
    local -n into=$1
    local i word joins=
    into=()
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == [=:]* && ${#into[@]} -gt 0 ]]; then
            into[-1]+=$word
            joins=1
        elif [ -n "$joins" ]; then
            into[-1]+=$word
            joins=
        else
            into+=("$word")
        fi
    done
}

_xlmig()
{
    local words lines line word part
    _xlmig_words words
    word=${words[-1]-}
    part=${COMP_WORDS[COMP_CWORD]}
    [[ $part == [=:]* ]] && part=
    mapfile -t lines < <(xlmig complete -- "${words[@]}" 2> /dev/null)
    COMPREPLY=()
    for line in "${lines[@]}"; do
        case $line in
        :files) compopt -o filenames 2> /dev/null; mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$part") ;;
        :hosts) mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -A hostname -- "$part") ;;
        *)
            line=${line%%$'\t'*}
            # What bash has cut off of the word stands there already.
            line=${line#"${word%"$part"}"}
            printf -v line %q "$line"
            [[ $line == *[=:] ]] && compopt -o nospace 2> /dev/null
            COMPREPLY+=("$line") ;;
        esac
    done
}
complete -F _xlmig xlmig
