# lib.sh: what the parts of the benchmark share: folders, servers, clocks, results.
#
# One core serves (broker or nginx, pinned to CPU 0); the other one holds the simulator and the
# load generator. Each part runs in a subshell with folders and servers of its own, and ends them.

cpus=$(getconf _NPROCESSORS_ONLN)
PATH=$PATH:/usr/sbin # nginx on Debian

say() { printf '%s\n' "bench: $*" >&2; }

# both are only called in subshells, so that $! is the program's own pid
on_serving() { if [ "$cpus" -gt 1 ]; then exec taskset -c 0 "$@"; else exec "$@"; fi; }
on_driving() { if [ "$cpus" -gt 1 ]; then exec taskset -c 1 "$@"; else exec "$@"; fi; }

# result CASE SERVER: the JSON object on standard input, as a line of the results
result() {
    jq -c --arg case "$1" --arg server "$2" '{case: $case, server: $server} + .' >>"$results"
}

# ---- folders and servers ----

begin_part() {
    dir=$(mktemp -d /tmp/lgwb.XXXXXX)
    pids=
    trap end_part EXIT
    trap 'exit 130' INT TERM
    HOME=$dir XDG_RUNTIME_DIR=$dir/run XDG_CONFIG_HOME=$dir/config XDG_DATA_HOME=$dir/data \
        XDG_STATE_HOME=$dir/state BENCH_KEY=sk-bench
    export HOME XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME BENCH_KEY
    mkdir -m 700 "$XDG_RUNTIME_DIR"
    mkdir -p "$XDG_CONFIG_HOME/llmgw" "$XDG_DATA_HOME" "$XDG_STATE_HOME"
}

end_part() {
    for p in $pids; do
        kill "$p" 2>/dev/null || :
    done
    wait 2>/dev/null || :
    rm -rf "$dir"
}

stop() { # PID
    kill "$1"
    wait "$1" 2>/dev/null || :
}

# wait_line FILE PATTERN: until a line of it matches; prints the line
wait_line() {
    i=0
    until grep -m 1 -E "$2" "$1" 2>/dev/null; do
        i=$((i + 1))
        [ $i -lt 400 ] || {
            say "no '$2' in $1"
            cat "$1" >&2
            exit 1
        }
        sleep 0.05
    done
}

# wait_http CURL-OPTIONS…: until a server answers, whatever it says
wait_http() {
    i=0
    until curl -s -o "$dir/up" "$@"; do
        i=$((i + 1))
        [ $i -lt 200 ] || {
            say "no answer: $*"
            cat "$dir"/*.err >&2
            exit 1
        }
        sleep 0.05
    done
}

# start_sim [SCENARIO-LINES]: sets sim_port and sim_pid
start_sim() {
    printf '%s\n' "${1:-}" >"$dir/scenario"
    on_driving "$build/llmgw-sim" --scenario "$dir/scenario" --listen 127.0.0.1:0 \
        >"$dir/sim.out" 2>"$dir/sim.err" &
    sim_pid=$!
    pids="$pids $sim_pid"
    sim_port=$(wait_line "$dir/sim.out" '^ready ' | sed 's/.*[ :]//')
}

# start_nginx: sets nginx_port and nginx_pid; also on $dir/nginx.sock
start_nginx() {
    nginx_port=$((20000 + $$ % 10000))
    cat >"$dir/nginx.conf" <<END
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
END
    on_serving nginx -p "$dir" -c "$dir/nginx.conf" >"$dir/nginx.out" 2>&1 &
    nginx_pid=$!
    pids="$pids $nginx_pid"
    wait_http "http://127.0.0.1:$nginx_port/v1/models"
}

# write_config [SECTIONS]: the broker's, with one provider: the simulator; sets broker_port, key
write_config() {
    broker_port=$((30001 + $$ % 10000))
    cat >"$XDG_CONFIG_HOME/llmgw/config" <<END
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
${1:-}
END
    key=$("$build/llmgw" client add bench 2>"$dir/client.err" |
        grep -oE '[A-Za-z0-9_-]{20,}' | tail -n 1)
}

# start_broker [WRAPPER…]: sets broker_pid; its socket is $dir/run/b.sock
start_broker() {
    on_serving "$@" "$build/llmgwd" --socket "$dir/run/b.sock" \
        >"$dir/broker.out" 2>"$dir/broker.err" &
    broker_pid=$!
    pids="$pids $broker_pid"
    wait_http --unix-socket "$dir/run/b.sock" http://llmgw/healthz
}

# ---- clocks ----

family() { printf '%s ' "$1" && cat /proc/"$1"/task/*/children 2>/dev/null; }

# cpu PID: microseconds of a process and its children (nginx's worker)
cpu() {
    for p in $(family "$1"); do
        cat /proc/"$p"/task/*/schedstat
    done | awk '{ ns += $1 } END { printf "%d", ns / 1000 }'
}

# loop_cpu PID: microseconds of its first thread
loop_cpu() { awk '{ printf "%d", $1 / 1000 }' /proc/"$1"/task/"$1"/schedstat; }

# memory PID VmRSS|VmHWM: kB now, or at most so far; children included
memory() {
    for p in $(family "$1"); do
        sed -n "s/^$2:[[:space:]]*\([0-9]*\) kB/\1/p" /proc/"$p"/status
    done | awk '{ n += $1 } END { print n + 0 }'
}

# measure CASE SERVER PID LOAD-OPTIONS…: one result with the CPU time per answer
measure() {
    name=$1 server=$2 pid=$3
    shift 3
    cpu_0=$(cpu "$pid") loop_0=$(loop_cpu "$pid")
    line=$(on_driving "$build/tests/bench/load" "$@" 2>>"$dir/load.err" || :)
    cpu_1=$(cpu "$pid") loop_1=$(loop_cpu "$pid")
    printf '%s' "$line" | jq --argjson cpu $((cpu_1 - cpu_0)) \
        --argjson loop $((loop_1 - loop_0)) --argjson peak "$(memory "$pid" VmHWM)" '
        def each($n): if $n > 0 then $cpu / $n else null end;
        . + {peak_kb: $peak, cpu_us: each(.requests), event_us: each(.events),
            loop_us: (if .requests > 0 then $loop / .requests else null end)}' |
        result "$name" "$server"
}
