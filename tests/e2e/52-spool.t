#!/bin/sh
# Done means recorded, without waiting for the database: another process locks it for ten
# seconds, and no answer is late; the rows come afterwards. What waits is told by llmgw cost,
# also when the broker was killed before it could write.
. "$top_srcdir/tests/e2e/lib.sh"
need sqlite3 curl

start_sim one
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/sim"]
    input = 1
    output = 2
END
ONE_KEY=sk-one
export ONE_KEY

# lock, unlock: the database, by a shell that reads what is to be done from a pipe
lock() {
    mkfifo "$tmp/sql"
    exec 4<>"$tmp/sql" # both ways: neither end waits for the other
    sqlite3 -cmd '.timeout 9000' "$db" <"$tmp/sql" >"$tmp/sql.out" 2>"$tmp/sql.err" &
    sql_pid=$!
    pids="$pids $sql_pid"
    printf 'BEGIN EXCLUSIVE;\n.print locked\n' >&4
    wait_for "$tmp/sql.out" locked || bail 'the database could not be locked'
}

unlock() {
    printf 'ROLLBACK;\n.quit\n' >&4
    wait "$sql_pid"
    exec 4>&-
    rm "$tmp/sql"
}

rows() { sqlite3 "$db" 'SELECT count(*) FROM request'; }

# rows_come N: at last there are so many
rows_come() {
    i=0
    until [ "$(rows)" -ge "$1" ] || [ $i -ge 100 ]; do
        i=$((i + 1))
        wait_for "$tmp/never" . 0.1 2>/dev/null
    done
    rows
}

# asked N: so many requests, one after the other; sets $slowest_ms and $n_ok
asked() {
    curl -sS --noproxy '*' --unix-socket "$sock" -o /dev/null -w '%{http_code} %{time_total}\n' \
        -H 'Content-Type: application/json' \
        -d '{"model":"one/sim","messages":[{"role":"user","content":"hi"}]}' \
        "http://llmgw/v1/chat/completions?[1-$1]" >"$tmp/times"
    n_ok=$((n_ok + $(grep -c '^200' "$tmp/times")))
    slowest_ms=$(awk -v most="$slowest_ms" '{ ms = int($2 * 1000) } ms > most { most = ms }
        END { print most + 0 }' "$tmp/times")
}

# cost: sets $out and $err
cost() {
    llmgw cost today "$@" >"$tmp/cost.out" 2>"$tmp/cost.err"
    out=$(cat "$tmp/cost.out")
    err=$(cat "$tmp/cost.err")
}

# ---- ten seconds without a database ----
start_broker
n_ok=0 slowest_ms=0
asked 5
is "$(rows_come 5)" 5 'five requests are five rows'
cost -F json
is "$(printf '%s' "$out" | "$tool" json waiting_requests)" 0 'nothing waits'

lock
until_s=$(($(date +%s) + 10)) n_ok=0 n_asked=0
while [ "$(date +%s)" -lt "$until_s" ]; do
    asked 10
    n_asked=$((n_asked + 10))
done
is "$n_ok" "$n_asked" "all of $n_asked requests in ten seconds are answered"
cmp_num "$slowest_ms" -lt 4000 'no answer waits for the database'
is "$(rows)" 5 'no row was written meanwhile'
cost
like "$out" "$n_asked requests still in the spool" 'cost says how many wait'
cost -F csv
like "$err" "$n_asked requests still in the spool" '… to programs on standard error'
cost -F json
is "$(printf '%s' "$out" | "$tool" json waiting_requests)" "$n_asked" '… and as a member of JSON'
unlock
is "$(rows_come $((n_asked + 5)))" $((n_asked + 5)) 'then all rows come, each once'
cost
unlike "$out$err" 'in the spool' '… and nothing waits'

# ---- killed before it could write ----
lock
asked 3
stop_broker KILL
unlock
is "$(rows)" $((n_asked + 5)) 'the killed broker wrote no row'
cost
like "$out" '3 requests still in the spool' 'cost says so without a broker'
start_broker
is "$(rows_come $((n_asked + 8)))" $((n_asked + 8)) 'the next broker writes them'
cost
unlike "$out$err" 'in the spool' '… and nothing waits'
is "$(sqlite3 "$db" 'SELECT sum(n_requests) FROM rollup_hour')" $((n_asked + 8)) \
    'the sums have each once'
stop_broker
done_testing
