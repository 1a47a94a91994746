# start.sh: programs from start to end: the version, a question to a running broker, and one to a
# broker that has to be started for it. The database exists.

# time_llmgw CASE TIMER-OPTIONS… -- ARGUMENTS…
time_llmgw() {
    name=$1
    shift
    "$build/tests/bench/timer" "$@" | result "$name" llmgw
}

start_sim
write_config
PATH=$build:$PATH # the command finds the broker there
export PATH
llmgw chat -m sim/sim hi >"$dir/first"
time_llmgw --version -n 50 -- llmgw --version
time_llmgw chat -n 50 -- llmgw chat -m sim/sim hi
time_llmgw "chat, cold" -n 20 --before "llmgw broker stop" -- llmgw chat -m sim/sim hi
llmgw broker stop
