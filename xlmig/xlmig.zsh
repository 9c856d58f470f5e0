#compdef xlmig
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# zsh completion for xlmig(8).  What a word may become, the program itself says (xlmig complete).
_xlmig()
{
    local line
    local -a lines plain shown open
    lines=("${(@f)$(xlmig complete -- "${(@Q)words[2,CURRENT]}" 2> /dev/null)}")
    for line in $lines; do
        case $line in
        :files) [[ $PREFIX == --*=* ]] && compset -P '*='; _files ;;
        :hosts) _hosts ;;
        *[=:]$'\t'*) open+=("${line%%$'\t'*}") ;;
        *)
            plain+=("${line%%$'\t'*}")
            shown+=("${line%%$'\t'*}  ${line#*$'\t'}") ;;
        esac
    done
    (( $#plain )) && compadd -l -d shown -- $plain
    (( $#open )) && compadd -S '' -- $open
    return 0
}
_xlmig "$@"
