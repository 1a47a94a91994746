# serve.sh: answers and streams, one at a time and many: direct, nginx and broker in turn.
#
# Rounds are interleaved, so that a machine that changes speed changes it for all.

# in_turn CASE LOAD-OPTIONS…
in_turn() {
    name=$1
    shift
    measure "$name" direct "$sim_pid" -p "$sim_port" "$@"
    measure "$name" nginx "$nginx_pid" -p "$nginx_port" "$@"
    measure "$name" broker "$broker_pid" -p "$broker_port" -H "x-api-key: $key" "$@"
}

on_unix_sockets() {
    name=$1
    shift
    measure "$name" nginx "$nginx_pid" -u "$dir/nginx.sock" "$@"
    measure "$name" broker "$broker_pid" -u "$dir/run/b.sock" "$@"
}

start_sim
start_nginx
write_config
start_broker
printf '{"rss_kb":%s}' "$(memory "$broker_pid" VmRSS)" | result idle broker
printf '{"rss_kb":%s}' "$(memory "$nginx_pid" VmRSS)" | result idle nginx
r=0
while [ $r -lt "$rounds" ]; do
    r=$((r + 1))
    say "serve: round $r of $rounds"
    set -- -d "${seconds}s" -m sim/sim
    in_turn one -c 1 -b 2000 "$@"
    on_unix_sockets one-unix -c 1 -b 2000 "$@"
    in_turn c32 -c 32 -b 2000 "$@"
    in_turn c256 -c 256 -b 2000 "$@"
    in_turn body100k -c 1 -b 100000 "$@"
    in_turn stream -c 1 -b 2000 -s "$@"
    in_turn stream32 -c 32 -b 2000 -s "$@"
done
