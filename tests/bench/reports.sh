# reports.sh: a ledger of BENCH_ROWS requests in 90 days: reports and completions from start to end,
# and whether a request costs the broker more than with an empty ledger.

# time_report WORDS: the case is what one types
time_report() {
    "$build/tests/bench/timer" -n 9 -- "$build/llmgw" $1 | result "$1" llmgw
}

# time_completion WORDS: of the word that would follow
time_completion() {
    "$build/tests/bench/timer" -n 20 -- "$build/llmgw" __complete -- $1 "" |
        result "completion: $1" llmgw
}

# growth_round CASE FOLDER: the broker over the ledger that is there
growth_round() {
    XDG_DATA_HOME=$2
    start_broker
    measure "$1" broker "$broker_pid" -p "$broker_port" -H "x-api-key: $key" -c 32 -b 2000 \
        -d "${seconds}s" -m sim/sim
    stop "$broker_pid"
}

full=$dir/full
mkdir -p "$full/llmgw" "$dir/empty"
"$build/tests/tools/mkledger" "$full/llmgw/llmgw.db" "$rows" -90d "$(date +%F)"
start_sim
write_config
XDG_DATA_HOME=$full
for words in "cost --oneline" "cost month" "cost daily" "cost year" "cost year --by route" \
    "cost year --by template" "cost year --by project" "log list" \
    "log list --status cancelled" "log list --last 30d"; do
    time_report "$words"
done
for words in "chat" "chat --model" "chat --conversation" "log show" "cost --tag" "config get"; do
    time_completion "$words"
done
for i in 1 2 3; do
    growth_round ledger-empty "$dir/empty"
    growth_round ledger-full "$full"
done
