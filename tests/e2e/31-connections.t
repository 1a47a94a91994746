#!/bin/sh
# Faults that one request cannot show: kept connections that die, providers that come and go.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

start_sim flaky
start_sim steady
SIM_KEY=test-key
export SIM_KEY
config <<END
[provider "flaky"]
	kind = openai
	base-url = http://127.0.0.1:$flaky_port/v1
	key-env = SIM_KEY
[provider "steady"]
	kind = openai
	base-url = http://127.0.0.1:$steady_port/v1
	key-env = SIM_KEY
[route "pair"]
	target = flaky/m
	target = steady/m
	ttft-timeout = 5s
END
start_broker

# asks N MODEL [OPTION…]: how many of N asked in turn came whole
asks() {
    n=$1 model=$2 whole=0
    shift 2
    while [ "$n" -gt 0 ]; do
        ask -m "$model" "$@" hello
        [ "$(got outcome)" = ok ] && whole=$((whole + 1))
        n=$((n - 1))
    done
    echo "$whole"
}

# ---- a provider that promises keep-alive and closes ----
scenario flaky <<END
on: idle-close=0
END
is "$(asks 10 flaky/m)" 10 'closed when idle: every answer comes'
is "$(requests flaky)" 10 '… and nothing is paid twice'
is "$(asks 10 flaky/m -s)" 10 '… in streams too'
is "$(requests flaky)" 20 '… and nothing is paid twice'

# ---- one that resets a kept connection under the next request ----
scenario flaky <<END
on conn=2..: reset
END
: >"$flaky_journal"
is "$(asks 6 flaky/m)" 6 'reset on a kept connection: every answer comes'
all=$(requests flaky)
rows=$(sql_wait "select sum(n_attempts) from request where rid > 20" "$all")
is "$rows" "$all" '… and every try is an attempt in the ledger'

# ---- one that comes and goes ----
scenario flaky <<END
on during=200ms/400ms: 500
END
is "$(asks 30 pair -s)" 30 'flapping: the other target serves'

# ---- several at once, one of them stuck ----
scenario flaky <<END
on model=stuck: silent
on: gap=5ms
END
spawn stuck "$tool" ask -u "$sock" -s -t 60s -m flaky/stuck hello
wait_for "$flaky_journal" '"model":"stuck"'
is "$(asks 5 flaky/m -s)" 5 'a stuck request holds nobody up'
ok '… which is stuck all the while' kill -0 "$pid"
reap "$pid"
ok 'a client that left takes its request along' wait_for "$flaky_journal" '"end":"silent","client_gone":true'
ask -s -t 1s -m flaky/stuck hello
is "$(got outcome)" timeout '… as does one that ends by its own deadline'

# ---- answers beyond every cap ----
wait=60s # tens of megabytes take sanitizers, and a coverage build, long
while read -r words class text; do
    ask -s -t $wait -m "flaky/sim:$words" -n 90000000 hello
    is "$(got outcome) $(got status) $(got class)" "error 502 $class" "$words is the provider's fault"
    like "$(got message)" "$text" '… and told as that'
done <<END
oversize=17m server_error event of more than
big-head=90k network head of the answer
big-head=900k network head of the answer
END
ask -t $wait -m flaky/sim:oversize=70m -n 90000000 hello
is "$(got outcome) $(got class)" 'error server_error' 'so is an answer that is not streamed'
ask -s -t $wait -m flaky/sim:oversize=17m -n 90000000 -H 'x-llmgw-fallback: steady/m' hello
is "$(got outcome)" ok 'another target serves'
ask -s -t $wait -m flaky/after hello
is "$(got outcome)" ok 'the next request is served as ever'

stop_broker
is "$rc" 0 'the broker ends well'
done_testing
