# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# What every test script that counts by itself sources: it counts the cases, says of each how it ended, and why it failed.
# The script ends with plan_done.
#
# shellcheck shell=bash
tap_count=0 tap_failed=0

# ok RESULT WHAT [SEEN]: one case; 0 is good.  SEEN, a text, is shown where it is not.
ok() {
    tap_count=$((tap_count + 1))
    if [ "$1" = 0 ]; then
        echo "ok $tap_count - $2"
        return
    fi
    echo "not ok $tap_count - $2"
    [ -z "${3-}" ] || sed 's/^/# /' <<< "$3"
    tap_failed=1
}

# What t does before each case, outside of its subshell: for a script or a library to define anew.
before_each() { :; }

# t WHAT COMMAND [ARGUMENT...]: one case, in a subshell; it fails where one of COMMAND's commands does.  The file
# $tap_output, where a script or a library names one, has what was written until now.  TAP_ONLY is a pattern: those cases alone.
t() {
    local what=$1 output rc
    shift
    # shellcheck disable=SC2053 # a pattern it is
    [[ $what == ${TAP_ONLY:-*} ]] || return 0
    before_each
    # No $(...): that would wait for whatever COMMAND leaves in the background.
    output=${tap_output:-$(mktemp)} || exit 1
    (set -e; "$@") > "$output" 2>&1
    rc=$?
    ok $rc "$what" "$(cat "$output")"
    rm -f "$output"
}

# exits STATUS PATTERN COMMAND [ARGUMENT...], for t: so COMMAND ends, and the whole of what it writes matches PATTERN.
exits() {
    local status=$1 pattern=$2 out rc=0
    shift 2
    out=$("$@" 2>&1) || rc=$?
    # shellcheck disable=SC2053 # a pattern it is
    [ "$rc" = "$status" ] && [[ $out == $pattern ]] && return
    printf 'exit status %s, wanted %s and "%s" in:\n%s\n' "$rc" "$status" "$pattern" "$out"
    return 1
}

# skip WHAT WHY: one case that cannot be tried here.
skip() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1 # SKIP $2"
}

# skip_all WHY: before the first case; none can be tried here.
skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

# The end of the script: 1 where a case has failed.
plan_done() {
    echo "1..$tap_count"
    exit $tap_failed
}
