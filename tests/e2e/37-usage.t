#!/bin/sh
# Usage that contradicts itself, in each dialect: the answer is good, and somebody hears of it.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

SIM_KEY=k
export SIM_KEY
start_sim sim
at=http://127.0.0.1:$sim_port
{
    while read -r kind path; do
        printf '[provider "%s"]\n    base-url = %s%s\n    key-env = SIM_KEY\n' "$kind" "$at" "$path"
    done <<END
openai /v1
openai-responses /v1
anthropic /v1
gemini /v1beta
cohere /v2
bedrock
END
} | config
start_broker

odd() { http /metrics | sed -n 's/^llmgw_usage_mismatch_total //p'; }
n=0
for model in openai/gpt-4.1 openai-responses/gpt-4.1 anthropic/claude-opus-5 gemini/gemini-3.8-flash \
    cohere/command-a-plus-05-2026 bedrock/amazon.nova-pro-v1:0 bedrock/openai.gpt-oss-120b-1:0; do
    for how in '-s -U' ''; do
        # shellcheck disable=SC2086
        ask $how -m "$model-sim:usage=full,prompt=500" 'When is high water?'
        is "$(got outcome) $(got input_tok) $(odd)" "ok 500 $n" "$model ${how:-whole}: usage that holds is no news"
        # shellcheck disable=SC2086
        ask $how -m "$model-sim:usage=odd,prompt=500" 'When is high water?'
        n=$((n + 1))
        is "$(got outcome) $(got input_tok) $(odd)" "ok 500 $n" '… one that does not is counted, and used all the same'
        like "$(grep contradicts "$broker_log" | tail -n 1)" \
            "warn request .*target=$model-sim:usage=odd,prompt=500 in_tok=500 out_tok=16 sum=516 told_sum=(523|none)" \
            '… and logged with both sums'
    done
done
is "$(sql_wait 'select count(*) from requests where mismatch' $n)" $n 'each is marked in the ledger'

done_testing
