#!/bin/sh
# The fault matrix: every row of matrix.tsv as every client, by every provider, in every way of
# streaming; judged by what the client saw, what the provider's journal counted and what the
# ledger says. In the environment, ROWS="cut-fin stall" runs only those, SEED=7 other texts.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3 awk

here=$top_srcdir/tests/e2e
mkdir "$tmp/refs" "$tmp/answers"
start_sim sim --seed "${SEED:-0}"

# ---- the rows, and what each says when nothing goes wrong ----
tab=$(printf '\t')
awk -F "$tab" -v rows=" ${ROWS:-} " '/^#/ || NF < 10 { next }
    rows == "  " || index(rows, " " $1 " ")' "$here/matrix.tsv" | slice 2 >"$tmp/rows"
if is_sanitized thread; then
    # 300 KB in one event take this sanitizer longer than the timers of these rows allow
    sed -i "/^big-event$tab/d" "$tmp/rows"
    JOBS=${JOBS:-16}
fi
reference() { # NAME WORDS ASK
    set -f
    ask=$3
    [ "$ask" = - ] && ask=
    case $1 in embed-*) dialects=embeddings ;; *) dialects='openai anthropic responses' ;; esac
    # shellcheck disable=SC2086
    for d in $dialects; do
        ask_sim sim -d $d $ask -m "ref-sim:$2" hello
        cp "$tmp/answer" "$tmp/refs/$1-$d"
    done
    set +f
}
reference plain tokens=16 -
reference embed-plain prompt=9 -
reference tools-plain tokens=16 -T
while IFS=$tab read -r name words ask rest; do
    kept=tokens=16
    for w in $(printf '%s' "$words" | tr ',' ' '); do
        case $w in tokens=* | tools=* | reasoning=* | oversize=* | finish=* | prompt=* | cached=*)
            kept=$kept,$w ;;
        esac
    done
    reference "$name" "$kept" "$ask"
done <"$tmp/rows"

# ---- all requests, some at a time ----
awk -v port="$sim_port" -v config="$config_file" -v all_pairs="${ALL_PAIRS:-0}" \
    -f "$here/matrix-plan.awk" "$tmp/rows" >"$tmp/cells"
[ -s "$tmp/cells" ] || bail "no requests to make of matrix.tsv"
SIM_KEY=test-key
export SIM_KEY
: >"$sim_journal"
start_broker
# by the steps of a prime: those of a row that waits are asked among others, which work meanwhile
awk -v sock="$sock" '
    {
        line = $1 "\t-u\t" sock "\t-d\t" $3 "\t-t\t30s\t-m\tc" $1
        if ($5 !~ /whole/)
            line = line "\t-s\t-U"
        if ($5 ~ /hold/)
            line = line "\t-H\tx-llmgw-stream: hold"
        for (i = 6; i < NF; i++)
            if ($i != "-")
                line = line "\t" $i
        lines[NR - 1] = line "\thello"
    }
    END {
        for (i = 0; i < NR; i++)
            print lines[i * 104729 % NR]
    }' "$tmp/cells" >"$tmp/questions"
ok 'everything is asked' "$tool" asks -j "${JOBS:-64}" -o "$tmp/answers" <"$tmp/questions"

# ---- the verdict ----
# the model stands in the body, or in the URL of Gemini and Bedrock
grep '"what":"request"' "$sim_journal" |
    sed 's/.*"model":"\([cg][0-9]*\)-.*/\1/; s/.*\/models*\/\([cg][0-9]*\)-.*/\1/' >"$tmp/journal"
n=$(awk 'END { print NR }' "$tmp/cells")
sql_wait 'select count(*) from request' "$n" 60 >/dev/null
stop_broker
sql 'select route, outcome, n_attempts, (select count(*) from attempt a where a.rid = r.rid),
    cost_pico, estimated, partial, streamed, held, crossed from requests r' >"$tmp/ledger"
awk -v dir="$tmp" -v ended="$rc" -v n_tap="$n_tests" -v n_bad="$n_failed" -f "$here/matrix-judge.awk" "$tmp/cells"
n_failed=$?
exit "$n_failed"
