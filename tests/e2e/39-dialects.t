#!/bin/sh
# The dialect matrix: every feature of dialects.txt as every client, by every provider's dialect,
# streamed and whole: what the provider was asked, what the client was told, what the ledger has.
# In the environment, TABLE=FILE gets the table, which must be what MATRIX.md has.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3 awk xargs

here=$top_srcdir/tests/e2e
mkdir "$tmp/answers" "$tmp/bodies"
: >"$tmp/sim.scenario"
start_sim sim
of() { # PROGRAM VARIABLE…
    program=$1
    shift
    awk -v dir="$tmp" "$@" -f "$here/dialects-lib.awk" -f "$here/dialects-$program.awk" "$here/dialects.txt"
}
of plan -v port="$sim_port" -v config="$config_file" -v scenario="$tmp/scenario" >"$tmp/cells"
[ -s "$tmp/cells" ] || bail "no requests to make of dialects.txt"
scenario sim <"$tmp/scenario"
SIM_KEY=test-key
export SIM_KEY
start_broker

awk -F '\t' '{ print $1, $6, $5 }' "$tmp/cells" | SOCK=$sock TMP=$tmp TOOL=$tool xargs -P "${JOBS:-16}" -L 1 sh -c '
    id=$1 client=$2
    [ "$3" = stream ] && stream=-s || stream=
    exec "$TOOL" ask -u "$SOCK" -d "$client" -t 20s $stream -b "$(cat "$TMP/bodies/$id")" hello >"$TMP/answers/$id" 2>&1
' sh
n=$(awk 'END { print NR }' "$tmp/cells")
sql_wait 'select count(*) from request' "$n" 200 >/dev/null
stop_broker

grep '"what":"request"' "$sim_journal" | "$tool" flat >"$tmp/journal"
sql 'select route, outcome, input, cache_read, output, reasoning, cost_pico, estimated, crossed,
    coalesce(cache_write_5m, 0) + coalesce(cache_write_30m, 0) + coalesce(cache_write_1h, 0) from requests' >"$tmp/ledger"
of judge -v table="$tmp/table" >"$tmp/verdict"
cat "$tmp/verdict"
n_tests=$(grep -c '^\(not \)\{0,1\}ok ' "$tmp/verdict")
n_failed=$(grep -c '^not ok ' "$tmp/verdict")
is "$rc" 0 'the broker ends well'
sed -i 1d "$tmp/table"
[ -z "${TABLE:-}" ] || cp "$tmp/table" "$TABLE"
sed -n '/^## /,$p' "$here/MATRIX.md" >"$tmp/committed"
ok 'MATRIX.md is what was seen; if it should be: make update-matrix' diff -u "$tmp/committed" "$tmp/table"
done_testing
