# ledger.sh: what recording costs by itself, each time in a new database.

for i in 1 2 3; do
    "$build/tests/bench/ledger" -n 200000 "$dir/rows$i.db" | result ledger llmgwd
    "$build/tests/bench/ledger" -n 50000 --full "$dir/bodies$i.db" | result ledger-bodies llmgwd
    rm -f "$dir"/rows* "$dir"/bodies*
done
