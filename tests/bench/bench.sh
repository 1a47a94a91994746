#!/bin/sh
# bench.sh: the broker beside nginx and the bare provider, in one run on this machine.
#
#   bench.sh BUILD [ROUNDS] [SECONDS]      prints RESULTS.md's tables; JSON lines in BUILD/bench.jsonl
#
# One core serves (broker or nginx, pinned to CPU 0), the other one holds the simulator and the
# load generator. Rounds are interleaved: direct, nginx, broker, direct, … so that a machine that
# changes speed changes it for all. Figures are medians with minimum and maximum over the rounds.
set -eu

build=$(cd "$1" && pwd)
rounds=${2:-5}
seconds=${3:-2}
results=$build/bench.jsonl
dir=$(mktemp -d /tmp/lgwb.XXXXXX)
pids=
trap 'kill $pids 2>/dev/null || :; wait 2>/dev/null || :; rm -rf "$dir"' EXIT INT TERM
: >"$results"

say() { printf '%s\n' "bench: $*" >&2; }
# both are only called in subshells, so that $! is the program's own pid
on_serving() { if [ "$cpus" -gt 1 ]; then exec taskset -c 0 "$@"; else exec "$@"; fi; }
on_driving() { if [ "$cpus" -gt 1 ]; then exec taskset -c 1 "$@"; else exec "$@"; fi; }
cpus=$(getconf _NPROCESSORS_ONLN)
ticks=$(getconf CLK_TCK)

# wait_line FILE PATTERN: until a line of it matches; prints the line
wait_line() {
    i=0
    until grep -m 1 -E "$2" "$1" 2>/dev/null; do
        i=$((i + 1))
        [ $i -lt 400 ] || { say "no '$2' in $1"; cat "$1" >&2; exit 1; }
        sleep 0.05
    done
}
LLMGW_CATALOG=$(cd "$(dirname "$0")/../.." && pwd)/core/catalog.tsv
export LLMGW_CATALOG HOME=$dir XDG_RUNTIME_DIR=$dir/run XDG_CONFIG_HOME=$dir/config XDG_DATA_HOME=$dir/data \
    XDG_STATE_HOME=$dir/state BENCH_KEY=sk-bench
mkdir -p -m 700 "$XDG_RUNTIME_DIR" "$XDG_CONFIG_HOME/llmgw" "$XDG_DATA_HOME" "$XDG_STATE_HOME"

on_driving "$build/llmgw-sim" --listen 127.0.0.1:0 >"$dir/sim.out" 2>"$dir/sim.err" &
pids="$pids $!"
sim_port=$(wait_line "$dir/sim.out" '^ready ' | sed 's/.*[ :]//')

nginx_port=$((20000 + $$ % 10000))
cat >"$dir/nginx.conf" <<EOF
worker_processes 1; daemon off; pid $dir/nginx.pid; error_log $dir/nginx.err;
events { worker_connections 8192; }
http {
  access_log off; client_body_temp_path $dir/b; proxy_temp_path $dir/p;
  fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
  client_body_buffer_size 2m; client_max_body_size 64m;
  upstream sim { server 127.0.0.1:$sim_port; keepalive 512; }
  server {
    listen 127.0.0.1:$nginx_port; listen unix:$dir/nginx.sock; keepalive_requests 100000000;
    location / { proxy_pass http://sim; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_read_timeout 600s; }
  }
}
EOF
nginx=$(command -v nginx || echo /usr/sbin/nginx)
on_serving "$nginx" -p "$dir" -c "$dir/nginx.conf" >"$dir/nginx.out" 2>&1 &
nginx_pid=$!
pids="$pids $nginx_pid"

broker_port=$((nginx_port + 10001))
cat >"$XDG_CONFIG_HOME/llmgw/config" <<EOF
[broker]
    listen = 127.0.0.1:$broker_port
    log-level = warn
[provider "sim"]
    kind = openai-compatible
    base-url = http://127.0.0.1:$sim_port/v1
    key-env = BENCH_KEY
[route "bench"]
    target = sim/sim
[price "sim/sim"]
    input = 1
    output = 2
EOF
key=$("$build/llmgw" client add bench | grep -oE '[A-Za-z0-9_-]{20,}' | tail -n 1)
on_serving "$build/llmgwd" --socket "$dir/run/b.sock" >"$dir/broker.out" 2>"$dir/broker.err" &
broker_pid=$!
pids="$pids $broker_pid"
i=0
until curl -s -o /dev/null --unix-socket "$dir/run/b.sock" http://llmgw/healthz &&
    curl -s -o /dev/null "http://127.0.0.1:$nginx_port/v1/models"; do
    i=$((i + 1))
    [ $i -lt 200 ] || { say "broker or nginx does not answer"; cat "$dir"/*.err >&2; exit 1; }
    sleep 0.05
done

# cpu PID: clock ticks of a process and its children (nginx's worker)
cpu() {
    for p in "$1" $(cat /proc/"$1"/task/*/children 2>/dev/null); do
        sed 's/.*) //' /proc/"$p"/stat
    done | awk '{ n += $12 + $13 } END { print n + 0 }'
}
rss() {
    for p in "$1" $(cat /proc/"$1"/task/*/children 2>/dev/null); do
        sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' /proc/"$p"/status
    done | awk '{ n += $1 } END { print n + 0 }'
}

# measure CASE SERVER PID LOAD-OPTIONS…: one JSON line with the CPU time per answer
measure() {
    name=$1 server=$2 pid=$3
    shift 3
    before=$(cpu "$pid")
    line=$(on_driving "$build/tests/bench/load" "$@" 2>>"$dir/load.err" || :)
    after=$(cpu "$pid")
    printf '%s' "$line" | jq -c --arg case "$name" --arg server "$server" \
        --argjson cpu "$(((after - before) * 1000000 / ticks))" --argjson rss "$(rss "$pid")" \
        '. + {case: $case, server: $server, rss_kb: $rss,
              cpu_us: (if .requests > 0 then $cpu / .requests else null end)}' >>"$results"
}

# round CASE LOAD-OPTIONS…: the three servers in turn
round() {
    name=$1
    shift
    measure "$name" direct $$ -p "$sim_port" "$@"
    measure "$name" nginx "$nginx_pid" -p "$nginx_port" "$@"
    measure "$name" broker "$broker_pid" -p "$broker_port" -H "x-api-key: $key" "$@"
}
unix_round() {
    name=$1
    shift
    measure "$name" nginx "$nginx_pid" -u "$dir/nginx.sock" "$@"
    measure "$name" broker "$broker_pid" -u "$dir/run/b.sock" "$@"
}

say "idle memory: broker $(rss "$broker_pid") kB, nginx $(rss "$nginx_pid") kB"
printf '{"case":"idle","server":"broker","rss_kb":%s}\n{"case":"idle","server":"nginx","rss_kb":%s}\n' \
    "$(rss "$broker_pid")" "$(rss "$nginx_pid")" >>"$results"
r=0
while [ $r -lt "$rounds" ]; do
    r=$((r + 1))
    say "round $r of $rounds"
    round one -c 1 -d "${seconds}s" -b 2000 -m sim/sim
    unix_round one-unix -c 1 -d "${seconds}s" -b 2000 -m sim/sim
    round c32 -c 32 -d "${seconds}s" -b 2000 -m sim/sim
    round c256 -c 256 -d "${seconds}s" -b 2000 -m sim/sim
    round body100k -c 1 -d "${seconds}s" -b 100000 -m sim/sim
    round stream -c 1 -d "${seconds}s" -b 2000 -s -m sim/sim
    round stream32 -c 32 -d "${seconds}s" -b 2000 -s -m sim/sim
done
sh "$(dirname "$0")/table.sh" "$results"
