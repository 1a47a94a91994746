#!/bin/sh
# The state machine of a request: what `make graph` prints is what the README shows.
. "${top_srcdir:-.}/tests/lint/lib.sh"

new=$("${top_builddir:-build}/tests/tools/graph" | awk -f tests/tools/states.awk)
copy=$(sed -n '/^<!-- graph/,/^<!-- \/graph/p' README.md | grep -v '^<!--\|^```')
verdict 'the states in the README are those of the source (make graph)' "$(
    [ "$new" = "$copy" ] || printf 'it should be:\n%s\n' "$new"
)"
command -v dot >/dev/null && verdict 'dot understands the graph' "$(
    "${top_builddir:-build}/tests/tools/graph" | dot -Tcanon 2>&1 >/dev/null
)"
plan
