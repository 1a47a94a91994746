#!/bin/sh
# kill -9 in the middle of each write of a record, at random moments under load, then SIGTERM.
# Clients write down what they saw finished: each such answer is in the ledger once, with its cost; what was admitted and did not end is
# there as interrupted; the roll-ups are the sums of the rows; no reservation is left.
#
#     KILLS, SEED and CLIENTS in the environment; make campaign kills 200 times.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

kills=${KILLS:-10}
seed=${SEED:-1}
clients=${CLIENTS:-40}
echo 'set first=5ms gap=1ms tokens=24
on model=long: first=0 gap=0 tokens=8000' >"$tmp/one.scenario"
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
[price "one/long"]
    input = 3
    output = 15
[budget "daily"]
    limit = 1000000/day
    hard = yes
[broker]
    drain = 10s
END
report=$tmp/report
: >"$report"

# swarm: asks until nobody listens any more, or is told how many
swarm() {
    seed=$((seed + 1))
    "$tool" swarm -u "$sock" -m one/sim -j "$clients" -s "$seed" -o "$report" "$@"
}

# pause MS
pause() { "$tool" wait "$tmp/never" '^never$' "$1ms" 2>/dev/null; }

# comes_back REQUESTS: waits until there are more than these and one of each client: somebody was
# answered, and asks again
comes_back() {
    looks=0
    while [ "$(requests one)" -le $(($1 + clients)) ] && [ "$looks" -lt 600 ]; do
        nap
        looks=$((looks + 1))
    done
}

# pick N: the next random number below N
pick() {
    dice=$(((dice * 1103515245 + 12345) & 0x7fffffff))
    picked=$((dice / 65536 % $1))
}
dice=$seed

# judge: what the ledger says of each line of the report; nothing when all is well
judge() {
    sql "SELECT id, outcome, interrupted, ifnull(cost_pico, 'none') FROM requests" |
        awk -F '|' -v report="$report" '
            { n[$1]++; outcome[$1] = $2; interrupted[$1] = $3; cost[$1] = $4 }
            END {
                while ((getline line < report) > 0) {
                    split(line, f, " ")
                    id = f[2]
                    if (f[1] != "ok")
                        continue
                    if (n[id] != 1)
                        print line ": " n[id] + 0 " rows"
                    else if (outcome[id] != "ok" || interrupted[id])
                        print line ": " outcome[id]
                    else if (cost[id] == "none" || cost[id] <= 0)
                        print line ": no cost"
                    else if (f[3] != "-" && sprintf("%.9f", f[3]) != sprintf("%.9f", cost[id] / 1e12))
                        print line ": costs " cost[id] " pico"
                }
            }'
}

# ---- a kill in each write: one client, so that each write is a record of one request; long
# answers, since these leave at once, and not at the end of the loop's turn ----
llmgwd=$top_builddir/tests/e2e/faulty-llmgwd
FAULT_WHILE=$tmp/armed
export FAULT_WHILE FAULT_KILL
for FAULT_KILL in 0 1 2 3 4 5; do
    n=0
    for mix in 1 2 3; do # streams and whole answers, in another order
        rm -f "$tmp/armed"
        start_broker
        : >"$tmp/armed"
        "$tool" swarm -u "$sock" -m one/long -j 1 -c 8000 -s "$mix" -o "$report" --until-refused \
            2>>"$tmp/swarm.err"
        wait "$broker_pid" 2>/dev/null
        n=$((n + ($? == 137)))
    done
    is $n 3 "killed when half of record $FAULT_KILL was written"
done
unset llmgwd FAULT_WHILE FAULT_KILL
start_broker
sql_wait 'SELECT count(*) FROM admitted' 0 >/dev/null
cmp_num "$(grep -c "^ok " "$report")" -ge 4 "… after $(grep -c '^ok ' "$report") whole answers"
is "$(judge | head -n 5)" '' '… each is in the ledger once, with its cost'
stop_broker
: >"$report"

# ---- kills at random ----
i=0
while [ "$i" -lt "$kills" ]; do
    start_broker
    n_before=$(requests one)
    swarm --until-refused 2>>"$tmp/swarm.err" &
    swarm_pid=$!
    i=$((i + 1))
    [ "$i" -lt "$kills" ] || comes_back "$n_before" # once at least
    pick 400
    pause $((20 + picked))
    kill -KILL "$broker_pid"
    wait "$broker_pid" 2>/dev/null
    wait "$swarm_pid"
done
start_broker
n_finished=$(grep -c '^ok ' "$report")
cmp_num "$n_finished" -gt 0 "$n_finished answers were seen whole around $kills kills"
sql_wait 'SELECT count(*) FROM admitted' 0 >"$tmp/admitted"
is "$(cat "$tmp/admitted")" 0 'nothing is held as admitted'

judge >"$tmp/judged"
is "$(head -n 5 "$tmp/judged")" '' '… each is in the ledger once, with its cost'
# who was cut off by the kill has seen that, and no finish: an error
sed 's/^cut /error /' "$report" >"$tmp/scored"
score_of "$tmp/scored" "$(wc -l <"$tmp/judged")"
is "$(grep -cE '^(broken|error|timeout)' "$report")" 0 '… and no other answer came'
is "$(sql "SELECT count(*) FROM requests WHERE outcome = 'stream_interrupted' AND
    (NOT interrupted OR cost_source != 'estimated' OR end_us < start_us)")" 0 \
    'what did not end is marked as interrupted, with an estimate'
cmp_num "$(sql 'SELECT count(*) FROM requests WHERE interrupted')" -gt 0 '… and there is such'
is "$(sqlite3 -readonly "$db" <"$top_srcdir/tests/data/rollups.sql")" 0 'the roll-ups are the sums of the rows'
n_asked=$(requests one)
cmp_num "$(sql 'SELECT sum(max(n_attempts, interrupted)) FROM requests')" -ge "$n_asked" \
    "all of $n_asked requests that the provider saw are in the ledger"
is "$(sql 'SELECT count(*) FROM loss')" 0 'nothing was dropped'
is "$(http /llmgw/v1/status | "$tool" json in_flight)" 0 'nothing is in flight'

# spent: by the budget, in pico-dollars as the rows have them
spent=$(http /llmgw/v1/targets | "$tool" json limits.0.spent_usd)
total=$(sql 'SELECT sum(cost_pico) FROM request')
is "$(awk -v a="$spent" -v b="$total" 'BEGIN { printf "%.6f %.6f", a, a }')" \
    "$(awk -v a="$spent" -v b="$total" 'BEGIN { printf "%.6f %.6f", a, b / 1e12 }')" \
    'the budget has spent what the rows cost: no reservation is left'

# ---- SIGTERM ----
for round in 1 2 3; do
    : >"$report"
    : >"$one_journal"
    swarm --until-refused 2>>"$tmp/swarm.err" &
    swarm_pid=$!
    comes_back 0
    pick 200
    pause "$picked"
    stop_broker TERM
    is "$rc" 0 "round $round: SIGTERM under load, and it ends by itself"
    wait "$swarm_pid"
    n_ok=$(grep -c '^ok ' "$report")
    cmp_num "$n_ok" -gt 0 "… when $n_ok were answered"
    is "$(requests one)" "$n_ok" '… as many as the provider was asked'
    is "$(grep -cE '^(broken|cut|error|timeout)' "$report")" 0 '… and none badly'
    start_broker
    judge >"$tmp/judged"
    is "$(head -n 5 "$tmp/judged")" '' '… and all are in the ledger, with their cost'
    score_of "$report" "$(wc -l <"$tmp/judged")"
done
is "$(sqlite3 -readonly "$db" <"$top_srcdir/tests/data/rollups.sql")" 0 'the roll-ups are the sums of the rows'
stop_broker
is "$(cat "$tmp/swarm.err" | head -n 5)" '' 'the clients themselves had no trouble'
done_testing
