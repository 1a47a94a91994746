# ledger.sh: what recording costs, by itself in new databases, and in the broker with texts kept
# (full) or not.

for i in 1 2 3; do
    "$build/tests/bench/ledger" -n 200000 "$dir/rows$i.db" | result ledger llmgwd
    "$build/tests/bench/ledger" -n 50000 --full "$dir/bodies$i.db" | result ledger-bodies llmgwd
    rm -f "$dir"/rows* "$dir"/bodies*
done

start_sim
write_config
start_broker
for i in 1 2 3; do
    for record in off meta full; do
        measure "record-$record" broker "$broker_pid" -p "$broker_port" -H "x-api-key: $key" \
            -H "x-llmgw-record: $record" -c 32 -b 2000 -d "${seconds}s" -m sim/sim
    done
done
