# streams.sh: many streams at once: slow ones, readers that stall, and what an event costs when
# one stream is open and when 2,000 are. Each case has new servers, so that peaks are its own.

piece_len=260 # bytes of a content event, about

# for_each CASE LOAD-OPTIONS…: direct, nginx, broker
for_each() {
    name=$1
    shift
    set -- -s -b 2000 -d 60s "$@"
    start_nginx
    start_broker
    measure "$name" direct "$sim_pid" -p "$sim_port" "$@"
    measure "$name" nginx "$nginx_pid" -p "$nginx_port" "$@"
    measure "$name" broker "$broker_pid" -p "$broker_port" -H "x-api-key: $key" "$@"
    stop "$broker_pid"
    stop "$nginx_pid"
}

start_sim "set tokens=32 gap=250ms
on model=*often: tokens=4000 gap=1ms
on model=*seldom: tokens=8 gap=500ms
on model=*much: batch=0 tokens=$((stall_kb * 1000 / piece_len))"
write_config

for_each slow1000 -c 1000 -n 1000 --ramp 1ms -m sim/sim
for_each stalled -c 2000 -n 2000 --ramp 1ms -m sim/sim --stalled 20 --stalled-model sim/much
start_broker
set -- broker "$broker_pid" -p "$broker_port" -H "x-api-key: $key" -s -b 2000 -d 60s
measure events1 "$@" -c 1 -n 1 -m sim/often
measure events2000 "$@" -c 2000 -n 2000 --ramp 1ms -m sim/seldom
