# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# fish completion for xlmig(8).  What a word may become, the program itself says (xlmig complete).
function __xlmig_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (xlmig complete -- $words[2..-1] 2> /dev/null)
        switch $line
            case ':files'
                set -l before (string match -r -- '^--[^=]*=' $words[-1])
                for file in (__fish_complete_path (string replace -r -- '^--[^=]*=' '' $words[-1]))
                    echo $before$file
                end
            case ':hosts'
                __fish_print_hostnames
            case '*'
                echo $line
        end
    end
end
complete -c xlmig -f -a '(__xlmig_complete)'
