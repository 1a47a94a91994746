#!/bin/sh
# llmgw prices and models: every worked example to the pico-dollar, through the command.
. "$top_srcdir/tests/e2e/lib.sh"

examples=$top_srcdir/tests/data/price_examples.jsonl

run() {
    "$@" >"$tmp/out" 2>"$tmp/errors"
    status=$?
    out=$(cat "$tmp/out")
    errors=$(cat "$tmp/errors")
}

# ID TOTAL of each line
totals() {
    sed -n 's/^{"id":"\([^"]*\)",.*"total_pusd":\([0-9a-z]*\),.*/\1 \2/p' "$1"
}

# ---- the examples ----
run llmgw prices cost -F jsonl "$examples"
is "$status" 0 'prices cost reads the examples'
totals "$examples" >"$tmp/want"
totals "$tmp/out" >"$tmp/got"
is "$(wc -l <"$tmp/want" | tr -d ' ')" 81 'there are 81 of them'
while read -r id total; do
    is "$(sed -n "s/^$id //p" "$tmp/got")" "$total" "$id"
done <"$tmp/want"
is "$(llmgw prices cost -F jsonl <"$examples" 2>/dev/null | cksum)" "$(cksum <"$tmp/out")" \
    'standard input is the same'
run llmgw prices cost -j "$examples"
like "$out" '"totals":\{"id":"total",.*"total_pusd":19630342119833,' 'JSON sums them'
like "$out" '"warnings":\["2 of 81 requests without a price"\]' '… and says what it left out'

# ---- one request, item by item ----
cat >"$tmp/one" <<'END'
{"provider":"anthropic","model_requested":"claude-sonnet-5-5","at":"2026-11-20T12:00:00Z","wire":"anthropic","usage":{"input_tokens":12000,"output_tokens":900,"server_tool_use":{"web_search_requests":3}}}
END
run llmgw prices cost "$tmp/one"
is "$out" 'anthropic/claude-sonnet-5-5  2026-11-20T12:00:00Z
  price anthropic/claude-sonnet-5-5@2026-10-07
           12,000  input                  $2 / 1M             $0.024
              900  output                 $10 / 1M            $0.009
                3  web_search             $0.01               $0.03
  total                                                       $0.063

1 request, 0 without a price: $0.063' 'a bill shows the arithmetic'
run llmgw prices cost -F jsonl "$tmp/one"
like "$out" '"fees":\[\{"fee":"web_search","quantity":3,"unit_price_pusd":10000000000,"amount_pusd":30000000000\}\]' \
    'fees stand apart'

# ---- mistakes ----
printf '\n{"provider":"openai","modle_requested":"gpt-4o"}\n' >"$tmp/bad"
run llmgw prices cost "$tmp/bad"
is "$status $out $errors" \
    "1  llmgw: prices: $tmp/bad:2: request: unknown key \"modle_requested\" (did you mean \"model_requested\"?)" \
    'a mistake is told with its line and nothing is printed'
run llmgw prices cost "$tmp/none"
is "$status" 4 'a missing file'
run llmgw prices show gpt-6.1-soll
is "$status $errors" \
    '4 llmgw: prices: no model "gpt-6.1-soll" in the catalog (did you mean "gpt-6.1-sol", "gpt-6.2-sol" or "gpt-5.6-sol"?)' \
    'an unknown model names the nearest'

# ---- prices of one's own ----
llmgw config set 'price.anthropic/claude-sonnet-5-5.input' 1
run llmgw prices cost -F jsonl "$tmp/one"
like "$out" '"total_usd":0.051,' 'the configuration overrides a price'
llmgw config unset 'price.anthropic/claude-sonnet-5-5.input'
mkdir -p "$XDG_DATA_HOME/llmgw"
{
    printf 'source\tus\tcontract\t2026\tdrawer\n'
    printf 'model\tanthropic\tclaude-sonnet-5-5\t-\tchat\tactive\t-\t-\t-\t-\tpriced\t-\tus\t-\t-\t-\t-\n'
    printf 'price\tanthropic\tclaude-sonnet-5-5\t-\t-\teffective\tinput=1 output=1\tus\t-\n'
    printf 'fee\tanthropic\tclaude-sonnet-5-5\tweb_search\t0\n'
} >"$XDG_DATA_HOME/llmgw/prices.tsv"
run llmgw prices cost -F jsonl "$tmp/one"
like "$out" '"total_usd":0.0129,' 'so does a file of rows'
printf 'price\tx\n' >"$XDG_DATA_HOME/llmgw/prices.tsv"
run llmgw prices cost "$tmp/one"
is "$status $errors" \
    "1 llmgw: prices: catalog: $XDG_DATA_HOME/llmgw/prices.tsv:1: price: model: the column is missing
hint: mend it, or move it away" \
    'a bad row is told with its line and column'
rm "$XDG_DATA_HOME/llmgw/prices.tsv"

# ---- looking ----
run llmgw prices show deepseek/deepseek-v4-pro -F csv
like "$out" 'deepseek,deepseek-v4-pro,2026-08-23,,peak,input,1.32,1000000,1320000,effective,deepseek-pricing,' \
    'prices show has peak prices'
run llmgw models -F tsv -g claude --sort price --capability prompt_caching
is "$(printf '%s\n' "$out" | sed -n 2p | cut -f 1-4)" \
    'amazon-bedrock	global.anthropic.claude-haiku-5-5	0.1	0.5' 'models sorts by price'
run llmgw models -F tsv --max-price 0.5 -g gpt-6
is "$(printf '%s\n' "$out" | sed 1d | cut -f 1,2)" 'azure	gpt-6-luna
openai	gpt-6-luna' 'models filters by price'
run env OPENAI_API_KEY=x llmgw models --usable -F tsv -g gpt-6-luna
is "$(printf '%s\n' "$out" | sed 1d | cut -f 1,2)" 'openai	gpt-6-luna' \
    'models knows whose key is there'
run llmgw models show openai/gpt-5.6 -j
like "$out" '"model":"gpt-5.6-sol","aliases":"gpt-5.6",' 'models show finds by alias'
run llmgw models --capability flight
is "$status $errors" '2 llmgw: models: --capability: no capability "flight"' \
    'an unknown capability'

done_testing
