#!/bin/sh
# bench.sh BUILD: measures the broker beside nginx and the bare provider, on this machine, in one
# run. JSON lines go to BUILD/bench.jsonl, RESULTS.md to standard output, what it does to standard
# error. From the environment:
#
#   BENCH_ONLY      which parts, of those below
#   BENCH_ROUNDS    interleaved rounds of the serving cases; figures are their medians
#   BENCH_SECONDS   length of one case of a round
#   BENCH_ROWS      requests in the ledger that is reported on
#   BENCH_STALL_KB  what each stalled reader leaves unread
set -eu

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
results=$build/bench.jsonl
parts=${BENCH_ONLY:-serve streams count start ledger reports}
rounds=${BENCH_ROUNDS:-5}
seconds=${BENCH_SECONDS:-2}
stall_kb=${BENCH_STALL_KB:-10000}
rows=${BENCH_ROWS:-1000000}
LLMGW_CATALOG=$here/../../core/catalog.tsv
export LLMGW_CATALOG
. "$here/lib.sh"
ulimit -n "$(ulimit -Hn)"
: >"$results"

machine() {
    printf '{"date":"%s","cpus":%d,"arch":"%s","load":"%s","nginx":"%s","cc":"%s"}' \
        "$(date +%F)" "$cpus" "$(uname -m)" "$(cut -d ' ' -f 1 /proc/loadavg)" \
        "$(nginx -v 2>&1 | sed 's,.*/,,')" "$(sed -n 's/^CC = //p; s/^CFLAGS = / /p' \
        "$build/Makefile" | tr -d '\n')" |
        jq --argjson rounds "$rounds" --argjson seconds "$seconds" --argjson rows "$rows" \
            '. + {$rounds, $seconds, $rows}' |
        result machine -
}

machine
for part in $parts; do
    say "$part"
    (
        begin_part
        . "$here/$part.sh"
    ) >&2
done
jq -rs -f "$here/table.jq" "$results"
