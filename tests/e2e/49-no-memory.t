#!/bin/sh
# Allocations that fail. Of a command each one in turn: it prints all, or the beginning and what is
# wrong; never something else, and it never crashes. Of a broker every so-manieth under load: it
# lives on, and is right again when there is memory.
#
#     FAULT_STRIDE and SEED in the environment; make campaign lets every allocation fail.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

stride=${FAULT_STRIDE:-9}
is_sanitized && stride=${FAULT_STRIDE:-31}
seed=${SEED:-$(date +%s)}
diag "stride $stride, seed $seed"
echo 'set tokens=24' >"$tmp/one.scenario"
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
faulty=$top_builddir/tests/e2e/faulty-llmgw

# ---- commands ----
start_broker
for i in 1 2 3; do ask -m one/sim hello; done
sql_wait 'SELECT count(*) FROM request' 3 >"$tmp/out"

# verdict STATUS: nothing when the run is as it may be
verdict() {
    if grep -q 'Sanitizer' "$tmp/got.err"; then
        echo "a sanitizer complains"
    elif [ "$1" = 0 ]; then
        cmp -s "$tmp/want" "$tmp/got" || echo 'status 0, and another output'
    elif [ "$1" -ge 126 ]; then
        echo "status $1"
    elif ! grep -qi 'memory' "$tmp/got.err"; then
        echo "status $1, and no word of memory: $(head -n 1 "$tmp/got.err")"
    elif [ -s "$tmp/got" ] && ! head -c "$(stat -c %s "$tmp/got")" "$tmp/want" | cmp -s - "$tmp/got"; then
        echo "status $1, and another output"
    fi
}
each() { # WORDS OF THE COMMAND
    # shellcheck disable=SC2086
    FAULT_COUNT=$tmp/count "$faulty" "$@" </dev/null >"$tmp/want" 2>"$tmp/want.err"
    is "$?" 0 "llmgw $*"
    read -r count <"$tmp/count"
    n=$((seed % stride)) n_runs=0
    : >"$tmp/bad"
    while [ "$n" -lt "$count" ]; do
        FAULT_AT=$n timeout 20 "$faulty" "$@" </dev/null >"$tmp/got" 2>"$tmp/got.err"
        why=$(verdict $?)
        [ -n "$why" ] && echo "allocation $n: $why" >>"$tmp/bad"
        n=$((n + stride)) n_runs=$((n_runs + 1))
    done
    is "$(head -n 5 "$tmp/bad")" '' "… $n_runs of its $count allocations fail, one at a time"
}
each chat -m one/sim hello
each cost today
each cost month -F json
each log -n 2
each log show last -F json
each config list
each route explain -m one/sim hello
each models -g haiku
stop_broker
is "$rc" 0 'the broker ends well'

# ---- a broker ----
llmgwd=$top_builddir/tests/e2e/faulty-llmgwd
FAULT_WHILE=$tmp/short
export FAULT_WHILE FAULT_EVERY
for FAULT_EVERY in 7 61 997; do
    rm -f "$tmp/report" "$tmp/short"
    start_broker
    : >"$tmp/short"
    "$tool" swarm -u "$sock" -m one/sim -s "$((seed + FAULT_EVERY))" -o "$tmp/report" -j 20 -n 300 -l 100 \
        >"$tmp/swarm.out" 2>&1
    rm "$tmp/short"
    n_ok=$(grep -c '^ok ' "$tmp/report")
    ok "every ${FAULT_EVERY}th allocation fails: $n_ok of 300 answers come, and the broker lives" \
        kill -0 "$broker_pid"
    is "$(grep -c '^timeout' "$tmp/report")" 0 '… no client waits for ever'
    ask -m one/sim hello
    is "$(got outcome) $(got message)" 'ok ' '… with memory again, all is well'
    is "$(http /llmgw/v1/status | "$tool" json in_flight)" 0 '… and nothing is left in flight'
    stop_broker
    is "$rc" 0 '… it ends well'
done
unlike "$(cat "$broker_log")" 'Sanitizer' 'nothing was lost'
done_testing
