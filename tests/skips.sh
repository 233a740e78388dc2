#!/bin/sh
# Prints what tests skipped, as collected in the named file (lines of reason, tab, test), and why that is allowed; fails where
# tests/allowed-skips does not list the reason.
set -eu
list=$(dirname "$0")/allowed-skips
[ -s "$1" ] || { echo "no test was skipped"; exit 0; }
sort -u "$1" | awk -F '\t' -v list="$list" '
    BEGIN { while ((getline line < list) > 0) if (line !~ /^#/ && (at = index(line, ": "))) why[substr(line, 1, at - 1)] = substr(line, at + 2) }
    $1 in why { print "SKIPPED " $2 ": " $1 ": " why[$1]; next }
    { print "SKIPPED " $2 ", not listed: " $1 > "/dev/stderr"; bad = 1 }
    END { exit bad }'
