# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# What the tests of the ways of the data share; after lib.bash.
#
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
refused=3
export XLMIG_RUNTIME_DIR=$dir/run

# In the place of ssh: everything after the host is a command for host b.
ssh_to_b() {
    {
        echo '#!/bin/sh'
        echo 'while [ "$1" != -- ]; do shift; done'
        echo 'shift 2'
        echo "export SSH_CONNECTION='127.0.0.1 1 127.0.0.1 22'"
        echo "xlmig() { exec $xlmig --toolstack sim:$dir/b \"\$@\"; }"
        echo 'eval "$*"'
    } > "$dir/ssh"
    chmod +x "$dir/ssh"
}

# sends OPTION...: vm, from a to b.
sends() {
    ssh_to_b
    "$xlmig" --toolstack "sim:$dir/a" send --ssh-command "$dir/ssh" "$@" vm b
}

leaves_nothing() {
    [ -z "$(ls "$dir/run" 2> /dev/null)" ] && ! pgrep -f "sim:$dir" > /dev/null
}

arrives() {
    sends "$@"
    has_no a vm
    proves a b vm
    runs_well b vm
    until_true 30 leaves_nothing
}

over() {
    create vm type=hvm memory=64M rate=64M
    arrives "$@"
}

# The save helper of a test: says a line into each channel, or hears it, before the engine gets it.
helper_with() {
    cat > "$dir/helper" <<EOF2
#!/bin/bash
IFS=, read -ra fds <<< "\$XLMIG_CHANNEL_FDS"
n=0
for fd in "\${fds[@]}"; do
    n=\$((n + 1))
    case \$1 in
    --save-domain) echo "channel \$n \$XLMIG_CHANNEL_TOKEN" >&\$fd ;;
    --restore-domain) IFS= read -r -t 10 -u \$fd line; echo "\$line" >> $dir/heard ;;
    esac
done
${1-}
exec $LIBXL_SAVE_HELPER "\$@"
EOF2
    chmod +x "$dir/helper"
}
