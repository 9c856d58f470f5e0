# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# What the tests of xlmig recover share; after lib.bash.
#
# shellcheck shell=bash disable=SC2034,SC2154
export LC_ALL=C
refused=3 needs_hand=6 leftover=7 waits=9
preload=$XLMIG_BUILDDIR/tests/command/.libs/die-at.so
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0

# Journals of HOST, without what outlives them.
journals() { find "$dir/$1/state/journal" -name '*-send' -o -name '*-receive' 2> /dev/null; }
no_journal() { [ -z "$(journals "$1")" ]; }
# journal_says HOST STATE
journal_says() { [ -n "$(journals "$1")" ] && grep -q "\"state\":\"$2\"" "$(journals "$1")"; }

# recovers HOST STATUS [ARGUMENT...]: all of them, unless it says otherwise.
recovers() {
    [ $# != 2 ] || set -- "$@" --all
    looks "$@"
}

# looks HOST STATUS [ARGUMENT...]
looks() {
    local host=$1 want=$2
    shift 2
    status_of timeout 60 "$xlmig" --toolstack "sim:$dir/$host" recover --timeout 5s "$@" > "$dir/told" 2>&1 < /dev/null
    cat "$dir/told"
    [ "$want" = any ] && [ "$status" != 124 ] && [ "$status" != 1 ] || [ "$status" = "$want" ]
}

tells() { grep -q -- "$1" "$dir/told"; }

# Send vm, stand still at WISH (of die-at.c) in one of both commands; what the functions after it do happens then.
stopped_at() {
    local wish=$1
    shift
    env DIE_AT="$wish" DIE_STOPS=1 DIE_MARK="$dir/died" LD_PRELOAD="$preload" timeout 60 \
        "$xlmig" --toolstack "sim:$dir/a" send -q --transport "exec:${via:-$(receiver b)}" "$@" vm b > "$dir/said" 2>&1 &
    sender=$!
    until_true 30 grep -qsx "$wish" "$dir/died"
}

# Let both go on, and wait for the end of send, in $status.
go_on() {
    pkill -CONT -f "sim:$dir/[ab]"
    status_of wait "$sender"
    cat "$dir/said"
    [ "$status" != 124 ]
}

says() { grep -q -- "$1" "$dir/said"; }

nothing_is_left() {
    until_true 30 no_receiver
    copies
    for host in a b; do
        has_no "$host" vm--incoming
        has_no "$host" vm--migratedaway
        no_journal "$host"
    done
}

# dies WISH...: send vm; each wish is one of die-at.c, and must come true.
dies() {
    local wish
    status_of env DIE_AT="$*" DIE_MARK="$dir/died" LD_PRELOAD="$preload" timeout 60 \
        "$xlmig" --toolstack "sim:$dir/a" send --transport "exec:$(receiver b)" --go-timeout 3s vm b
    [ "$status" != 124 ]
    for wish in $*; do
        grep -qx "$wish" "$dir/died"
    done
    until_true 30 no_receiver
}

# The VM's lock of host b is held by who receives it.
no_receiver() {
    local lock
    for lock in "$dir"/b/state/journal/*.lock; do
        [ ! -e "$lock" ] || flock -n "$lock" true || return 1
    done
}

copies() {
    "$simhost" list "$dir/a"
    "$simhost" list "$dir/b"
}

# Exactly one copy, which runs unharmed under its own name, and nothing else.
runs_once() {
    local host=$1 other=a
    [ "$host" = b ] || other=b
    copies
    runs_well "$host" vm
    has_no "$other" vm
    for host in a b; do
        has_no "$host" vm--incoming
        has_no "$host" vm--migratedaway
        no_journal "$host"
    done
}
