#!/bin/sh
# Memory stays where it is: many requests, then many streams at once whose clients leave at
# random, and the broker is no larger at the end than after the first of them.
#
#     REQUESTS, STREAMS and SEED in the environment; make campaign asks 100,000 times.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3
if is_sanitized; then
    echo '1..0 # SKIP a sanitizer keeps what is freed'
    exit 0
fi

requests=${REQUESTS:-3000}
streams=${STREAMS:-100}
seed=${SEED:-1}
echo 'set tokens=24 first=2ms gap=1ms' >"$tmp/one.scenario"
start_sim one
ONE_KEY=sk-one
export ONE_KEY
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/sim"]
    input = 3
    output = 15
END
start_broker

rss_kb() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$broker_pid/status"; }
swarm() {
    seed=$((seed + 1))
    "$tool" swarm -u "$sock" -m one/sim -s "$seed" -o "$tmp/report" "$@" 2>>"$tmp/swarm.err"
}
status_of() { http /llmgw/v1/status | "$tool" json "$1"; }
at_rest() { sql_wait 'SELECT count(*) FROM request' "$(wc -l <"$tmp/report")" 400; }

# grows LABEL CLIENTS REQUESTS LEAVE: twice the same; the second time must need no more. How
# many are really there at the same moment is chance: hence a little for each client.
grows() {
    swarm -j "$2" -n "$3" -l "$4"
    at_rest >"$tmp/out"
    first=$(rss_kb)
    swarm -j "$2" -n "$3" -l "$4"
    at_rest >"$tmp/out"
    last=$(rss_kb)
    is "$(cat "$tmp/out")" "$(wc -l <"$tmp/report")" "$1: all are in the ledger"
    cmp_num "$last" -le "$((first + first / 20 + 1024 + 16 * $2))" "… $first KB before, $last KB after"
    is "$(status_of in_flight)" 0 '… and nothing is in flight'
}

grows "2 × $((requests / 2)) requests" 20 "$((requests / 2))" 0
grows "2 × $((requests / 2)) streams that are left" 50 "$((requests / 2))" 1000
# ---- a crowd: each stream lasts long enough that all are there at the same time ----
begin=500ms gap=20ms
[ "$streams" -gt 500 ] && begin=3s gap=50ms # so many need longer to come
echo "set tokens=24 first=$begin gap=$gap" | scenario one
crowd() { # sets $most, the largest crowd that was seen, and $rss
    swarm -j "$streams" -n "$((streams * 2))" -l 500 &
    swarm_pid=$!
    while kill -0 "$swarm_pid" 2>/dev/null; do
        n=$(status_of in_flight)
        [ "$n" -gt "$most" ] && most=$n
        "$tool" wait "$tmp/never" '^never$' 100ms 2>/dev/null
    done
    wait "$swarm_pid"
    seed=$((seed + 1))
    at_rest >"$tmp/out"
    rss=$(rss_kb)
}
most=0
crowd
crowd
first=$rss
crowd
crowd
is "$(cat "$tmp/out")" "$(wc -l <"$tmp/report")" "4 × $((streams * 2)) streams, half of them left: all are in the ledger"
cmp_num "$most" -ge "$((streams * 9 / 10))" "… $most of $streams were there at once"
cmp_num "$rss" -le "$((first + first / 20 + 1024 + streams))" "… $first KB after half of them, $rss KB after all"
is "$(status_of in_flight)" 0 '… and nothing is in flight'
is "$(grep -cE '^(broken|cut|timeout|no-answer)' "$tmp/report")" 0 'no answer was bad'
is "$(head -n 5 "$tmp/swarm.err")" '' 'the clients had no trouble'

score_of "$tmp/report" 0

# Clients may invent names. The first thousand take their room; whatever comes after takes theirs.
echo 'on model=no-*: 404' | scenario one
invents() { swarm -j 20 -n "$2" -i -m "one/$1-"; at_rest >"$tmp/out"; }
invents no-a 2000
first=$(rss_kb)
invents no-b "${INVENTED:-10000}"
last=$(rss_kb)
cmp_num "$last" -le "$((first + first / 20 + 1024))" "invented models: $first KB before, $last KB after"
targets() { http /metrics | grep -c "^llmgw_target_$1{"; }
is "$(targets attempts_total) $(targets open)" '2 1' '… have one row together'
is "$(http /metrics | sed -n 's/^llmgw_target_failed_total{target="other"} //p')" \
    "$((2000 + ${INVENTED:-10000}))" '… that counts them all'
ask -m one/anything-else hello
is "$(got outcome)" ok 'a name that nobody knew works'
like "$(http /metrics)" 'target_ok_total.target="one/anything-else". 1' '… and has a row of its own then'
stop_broker
is "$rc" 0 'the broker ends well'
done_testing
