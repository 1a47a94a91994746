#!/bin/sh
# The demo runs, shows what it says it shows, and the README's transcript is its output.
set -u
top_srcdir=${top_srcdir:-.}
top_builddir=${top_builddir:-build}
n=0 failed=0

check() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        failed=1
    fi
}

has() {
    printf '%s\n' "$out" | grep -qE -- "$1"
    check $? "$2"
}

# What differs from run to run: ids, clock times, durations, ports.
steady() {
    sed -E -e 's/[0-9A-HJKMNP-TV-Z]{26}/ID/g' \
        -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+(Z|[+-][0-9:]{5})?)?/TIME/g' \
        -e 's/[0-9]{1,2} (January|February|March|April|May|June|July|August|September|October|November|December) [0-9]{4}/TIME/g' \
        -e 's/[0-9]+(\.[0-9]+)?(ms|s)\b/DUR/g' -e 's/127\.0\.0\.1:[0-9]+/HOST/g' \
        -e 's/req_[0-9a-f]+/REQ/g' -e 's/lgwd\.[A-Za-z0-9]+/DIR/g' -e 's/\b[0-9]{1,2}:[0-9]{2}\b/CLOCK/g' \
        -e 's/ +/ /g' -e 's/ $//'
}

TMPDIR=$(mktemp -d /tmp/lgw.XXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
out=$(sh "$top_srcdir/tests/demo.sh" "$top_builddir" 2>&1)
check $? 'the demo ends well'
has '\(exit status 3\)' 'a cut live stream ends with exit status 3'
has 'steady/gpt-6-luna' 'the healthy provider serves what is held'
has 'busy/gpt-6-luna +later +no room' 'the 429 taught the limiter'
has 'stream_interrupted|cut' 'the cut is in the record'
has '\$0\.0' 'there is a cost'
has 'The same prompt on steady/' 'the replay says what it found'
[ -z "$(ls "$TMPDIR")" ]
check $? 'nothing is left behind'

want=$(sed -n '/^<!-- demo/,/^<!-- \/demo/p' "$top_srcdir/README.md" | sed '1,2d' | sed '$d' | sed '$d')
out=$(printf '%s\n' "$out" | sed '1{/^$/d}')
[ "$(printf '%s' "$want" | steady)" = "$(printf '%s' "$out" | steady)" ]
check $? "the README's transcript is the demo's output"
if [ "$failed" != 0 ]; then
    printf '%s' "$want" | steady >"$TMPDIR/want"
    printf '%s' "$out" | steady | diff "$TMPDIR/want" - | head -n 60 | sed 's/^/# /'
    rm -f "$TMPDIR/want"
fi
echo "1..$n"
exit $failed
