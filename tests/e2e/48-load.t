#!/bin/sh
# A load of all kinds at once: streams and whole answers in both dialects, of two providers, some
# translated, with clients that leave, providers that fail, bodies recorded; and while it runs the
# configuration is read anew, targets are drained and pinned, reports read the ledger. Then a
# SIGTERM and a kill in the middle of it. Nothing is wrong or lost, and the thread sanitizer, where
# it is built in, has nothing to say.
#
#     REQUESTS and SEED in the environment.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

requests=${REQUESTS:-2000}
seed=${SEED:-1}
echo 'set tokens=24 first=2ms gap=1ms' >"$tmp/one.scenario"
cp "$tmp/one.scenario" "$tmp/two.scenario"
start_sim one --dialect openai
start_sim two --dialect anthropic
ONE_KEY=sk-one
export ONE_KEY
cat >"$tmp/providers" <<END
[core]
    record = full
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[provider "two"]
    kind = anthropic
    base-url = http://127.0.0.1:$two_port
    key-env = ONE_KEY
[price "one/sim"]
    input = 3
    output = 15
[price "two/sim"]
    input = 1
    output = 5
[route "both"]
    strategy = weighted
    target = one/sim weight=2
    target = two/sim
[limit "all"]
    requests = 100000/s
    concurrency = 500
[budget "daily"]
    limit = 1000000/day
    hard = yes
END
report=$tmp/report
: >"$report"
turn=0
# new_config: another one each time, so that a reload has something to change
new_config() {
    turn=$((turn + 1))
    { cat "$tmp/providers"; printf '[alias]\n    turn%d = one/sim\n' "$turn"; } | config
}
swarm() {
    seed=$((seed + 1))
    "$tool" swarm -u "$sock" -m both -s "$seed" -o "$report" "$@" 2>>"$tmp/swarm.err"
}
pause() { "$tool" wait "$tmp/never" '^never$' "$1" 2>/dev/null; }

# meddle: what an operator may do at any time
meddle() {
    new_config
    kill -HUP "$broker_pid"
    llmgw route drain one/sim
    http /llmgw/v1/status
    http /metrics
    llmgw cost today -F json
    llmgw route undrain one/sim
    llmgw route pin --route both two/sim --for 20ms
    llmgw log -n 5 -F jsonl
    http /llmgw/v1/inflight
    llmgw route health
}

new_config
start_broker
swarm -j 30 -n "$requests" -l 150 &
swarm_pid=$!
n_meddled=0
while kill -0 "$swarm_pid" 2>/dev/null; do
    meddle >>"$tmp/meddled" 2>&1
    n_meddled=$((n_meddled + 1))
done
wait "$swarm_pid"
n=$(wc -l <"$report")
is "$n" "$requests" "$requests requests, and $n_meddled times an operator meddles"
is "$(grep -cE '^(broken|cut|timeout|error|no-answer)' "$report")" 0 '… none goes wrong'
is "$(sql_wait 'SELECT count(*) FROM request' "$n" 400)" "$n" '… each is in the ledger'
is "$(sql 'SELECT count(DISTINCT provider) FROM attempt')" 2 '… both targets have served'
cmp_num "$(grep -c 'new configuration in force' "$broker_log")" -ge "$n_meddled" \
    '… every configuration came into force'
is "$(http /llmgw/v1/status | "$tool" json in_flight)" 0 '… nothing is left in flight'
is "$(sqlite3 -readonly "$db" <"$top_srcdir/tests/data/rollups.sql")" 0 '… the sums are those of the rows'

# ---- ends in the middle of it ----
for signal in TERM KILL TERM; do
    : >"$report"
    swarm -j 30 --until-refused &
    swarm_pid=$!
    pause 300ms
    kill -HUP "$broker_pid"
    stop_broker "$signal"
    wait "$swarm_pid"
    [ "$signal" = KILL ] && rc=0
    is "$rc" 0 "SIG$signal in the middle: it ends well"
    bad='^(broken|cut|timeout|error)'
    [ "$signal" = KILL ] && bad='^(broken|timeout|error)'
    is "$(grep -cE "$bad" "$report")" 0 '… no answer is wrong'
    start_broker
    grep '^ok ' "$report" | cut -d ' ' -f 2 | sort >"$tmp/seen"
    sql_wait 'SELECT count(*) FROM admitted' 0 >"$tmp/out"
    sql "SELECT id FROM requests WHERE outcome = 'ok'" | sort >"$tmp/kept"
    is "$(comm -23 "$tmp/seen" "$tmp/kept" | wc -l)" 0 '… what was seen whole is in the ledger'
done
stop_broker
is "$rc" 0 'the broker ends well'
is "$(head -n 5 "$tmp/swarm.err")" '' 'the clients had no trouble'
is "$(grep -c 'Sanitizer' "$broker_log")" 0 'no sanitizer has anything to say'
done_testing
