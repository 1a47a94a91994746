#!/bin/sh
# No mutable file-scope variables: .data and .bss of every object are empty. Exceptions:
# line.c, because readline's callbacks carry no context, and sig.c's self-pipe.
. "${top_srcdir:-.}/tests/lint/lib.sh"

build=${top_builddir:-build}
if grep -qE '^SAN_FLAGS = .+' "$build/Makefile" || ! command -v size >/dev/null; then
    echo '1..1'
    echo 'ok 1 - globals # SKIP instrumented objects have data of their own'
    exit 0
fi
verdict '.data and .bss are empty' "$(size "$build"/core/*.o "$build"/broker/*.o "$build"/cmd/*.o 2>/dev/null |
    awk 'NR > 1 && ($2 > 0 || $3 > 0) { print $6 }' | while read -r o; do
    case $o in */cmd/*-line.o | */cmd/*-sig.o) continue ;; esac
    # relocated const tables land in .data.rel.ro, which size counts as data
    nm "$o" | awk -v o="$o" '$2 ~ /^[dDbBC]$/ && $3 !~ /^\./ { print o ": " $3 }'
done | while IFS=': ' read -r o symbol; do
    objdump -t "$o" | awk -v s="$symbol" -v o="$o" \
        '$NF == s && $0 !~ /\.data\.rel\.ro/ { print o ": " s }'
done)"
plan
