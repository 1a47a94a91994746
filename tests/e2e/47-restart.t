#!/bin/sh
# What outlives a restart: budgets go on where they stood, with and without tags.
. "$top_srcdir/tests/e2e/lib.sh"
need curl

start_sim one
ONE_KEY=sk-one
export ONE_KEY
for tag in '' 'tag = ticket=7'; do
    config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/sim"]
    input = 10000
    output = 10000
[budget "daily"]
    limit = 1/day
    hard = yes
[budget "other"]
    limit = 1/day
    hard = yes
    project = other
    $tag
END
    spent() { http /llmgw/v1/targets | "$tool" json "limits.$1.spent_usd"; }
    start_broker
    before=$(spent 0)
    ask -m one/sim -n 40 -H 'x-llmgw-tag: ticket=7' hello
    is "$(got outcome)" ok "an answer for money${tag:+, tagged}"
    now=$(spent 0)
    isnt "$now" "$before" '… counts against its budget'
    stop_broker
    start_broker
    is "$(spent 0)" "$now" '… after a restart too'
    is "$(spent 1)" 0 '… and against no other'
    stop_broker KILL
    start_broker
    is "$(spent 0)" "$now" '… after a kill'
    cat >>"$config_file" <<END
[budget "late"]
    limit = 0.001/day
    hard = yes
    provider = one
END
    is "$(http -X POST /llmgw/v1/reload)" '{"reloaded":true}' 'a budget is added'
    is "$(spent 2)" "$now" '… and knows what was spent before it'
    is "$(spent 0)" "$now" '… which no other counts twice'
    ask -m one/sim hello
    is "$(got status) $(got class)" '403 refused' '… and refuses'
    stop_broker
done
done_testing
