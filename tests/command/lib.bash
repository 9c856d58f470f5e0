# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# Shared by the tests of the real command between simulated hosts.  Each test is a
# function, run by tests/tap.bash's `t`; it fails where one of its commands does.
# $dir/a and $dir/b are fresh hosts.
#
# shellcheck shell=bash disable=SC2034
. "$XLMIG_SRCDIR/tests/tap.bash"
set -u
xlmig=$XLMIG_BUILDDIR/xlmig/xlmig
simhost=$XLMIG_BUILDDIR/xlmig/xlmig-simhost
export LIBXL_SAVE_HELPER=$XLMIG_BUILDDIR/xlmig/xlmig-save-helper
export XLMIG_SIMHOST=$simhost
export XLMIG_CONF=/dev/null # and not this machine's

dir=$(mktemp -d)
tap_output=$dir/output
export XLMIG_RUNTIME_DIR=$dir/run
trap 'hosts_down; rm -rf "$dir"' EXIT

hosts_down() {
    local h
    for h in a b; do
        [ -S "$dir/$h/host.sock" ] && "$simhost" stop "$dir/$h"
    done
}

before_each() {
    hosts_down
    rm -rf "${dir:?}"/*
    "$simhost" start "$dir/a" memory="${room_a:-1G}" && "$simhost" start "$dir/b" memory="${room_b:-1G}"
}

create() { "$simhost" create "$dir/a" "$@" > /dev/null; }

# info HOST VM FIELD
info() { "$simhost" info "$dir/$1" "$2" | sed -n "s/^$3=//p"; }

# until_true SECONDS COMMAND...: the bound is for what hangs; this machine may be busy with something else.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.02
    done
}

is() { [ "$(info "$1" "$2" "$3")" = "$4" ]; }

# receiver HOST: the command behind --transport=exec:
receiver() { echo "exec env XLMIG_RUNTIME_DIR=$dir/run-$1 $xlmig --toolstack sim:$dir/$1 receive --negotiate"; }

# send VM [OPTION...]: from a to b.
send() {
    local vm=$1
    shift
    "$xlmig" --toolstack "sim:$dir/a" send --transport "exec:${via:-$(receiver b)}" "$@" "$vm" b
}

# As send, in the background; $! is xlmig itself.
send_in_background() {
    local vm=$1
    shift
    exec_send() { exec "$xlmig" --toolstack "sim:$dir/a" send --transport "exec:${via:-$(receiver b)}" "$@" "$vm" b; }
    exec_send "$@" &
}

# An option of send: long enough for whatever comes in the middle of the copy.
slowly=--max-bandwidth=10M

# The exit status of a command, in $status.
status_of() {
    local rc=0
    "$@" || rc=$?
    echo "status $rc"
    status=$rc
}

# `set -e' does not mind a `!' that fails; it minds this.
not() { ! "$@"; }

has_no() { ! "$simhost" info "$dir/$1" "$2" > /dev/null 2>&1; }

ticked_past() { [ "$(info "$1" "$2" ticks)" -gt "$3" ]; }

ticks_go_on() { until_true 30 ticked_past "$1" "$2" "$(info "$1" "$2" ticks)"; }

# The VM runs on HOST, and no page of it was ever wrong.
runs_well() {
    is "$1" "$2" state running
    ticks_go_on "$1" "$2"
    is "$1" "$2" errors 0
    "$simhost" check "$dir/$1" "$2"
}

# The VM goes on at TO from the very state in which FROM suspended it.
proves() {
    local from=$1 to=$2 vm=$3 uuid there here
    uuid=$(info "$to" "$vm" uuid)
    there=$("$simhost" proof "$dir/$from" "$uuid" suspended)
    here=$("$simhost" proof "$dir/$to" "$vm" restored)
    echo "$there = $here"
    [ -n "$there" ] && [ "$there" = "$here" ]
    [ "$(info "$to" "$vm" ticks)" -ge "${here##*ticks=}" ]
}

# It was not moved, and nothing of the attempt is left.
untouched() {
    local name=$1
    runs_well a "$name"
    is a "$name" logdirty 0
    is a "$name" emulator_logdirty 0
    is a "$name" suspend_asked 0
    until_true 30 has_no b "$name--incoming"
}
