#!/bin/sh
# What outlives a restart, also one by a kill: budgets and limits go on where they stood, with and
# without tags; pins, weights, drained targets, open breakers and benched keys are as they were.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

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

# An hour's limits: nothing of them comes back while the test runs.
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[limit "tag:ticket=7"]
    requests = 3/h
[limit "target:one/sim"]
    tokens = 1000/day
[limit "project:other"]
    requests = 3/h
END
left() { http /llmgw/v1/targets | "$tool" json "limits.$1.left"; }
start_broker
ask -m one/sim -n 40 -H 'x-llmgw-tag: ticket=7' hello
ask -m one/sim:500 -H 'x-llmgw-tag: ticket=7' hello
tokens=$(left 1)
is "$(left 0) $(left 2)" '0 3' 'an answer and a failure with its retry use up a limit'
cmp_num "$tokens" -lt 1000 '… and tokens'
for signal in TERM KILL; do
    stop_broker $signal
    start_broker
    is "$(left 0) $(left 2)" '0 3' "… after SIG$signal, too"
    is "$(left 1)" "$tokens" '… tokens as well'
    ask -m one/sim -H 'x-llmgw-tag: ticket=7' hello
    is "$(got status) $(got class)" '429 rate_limit' '… and nobody gets more'
done
stop_broker

# A request that ends with the broker counts, by its estimate.
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[limit "all"]
    requests = 9/day
[limit "target:one/sim:silent"]
    requests = 3/h
END
start_broker
spawn client "$tool" ask --socket "$sock" -m one/sim:silent hello
wait_for "$one_journal" 'sim:silent'
stop_broker KILL
start_broker
is "$(left 1)" 2 'a request that died with the broker counts against its limit'
stop_broker

config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[provider "spent"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[route "fast"]
    target = one/sim
    target = spent/sim:402
    target = one/other
[route "drawn"]
    strategy = weighted
    target = one/other
END
start_broker
ask -m spent/sim:402 hello
is "$(got class)" quota_exhausted 'a target is out of money'
llmgw route pin --route fast one/other
llmgw route drain one/sim --for 1h
llmgw route weight one/other 9
kept='SELECT count(*) FROM state'
is "$(sql_wait "$kept" 5)" 5 'a pin, a weight, a drained target, an open breaker and its key are kept'
stop_broker KILL
start_broker
targets=$(http /llmgw/v1/targets)
is "$(printf %s "$targets" | "$tool" json pins.0.target)" one/other 'a pin outlives a kill'
like "$targets" '"target":"one/sim",[^}]*"drained":true' '… a drained target'
like "$targets" '"target":"one/other",[^}]*"weight":9,"weight_for_ms":null' '… a weight'
like "$targets" '"target":"spent/sim:402",[^}]*"circuit":"open",[^}]*quota' '… an open breaker'
ask -m fast hello
is "$(got h.x-llmgw-target)" one/other '… and they are obeyed'
llmgw route unpin --route fast
llmgw route undrain one/sim
llmgw route unweight one/other
is "$(sql_wait "$kept" 2)" 2 'what is lifted is forgotten'
stop_broker
start_broker
ask -m fast hello
is "$(got h.x-llmgw-target)" one/sim '… for good'
stop_broker

# What headers and refusals have told of limits, while their reset lies ahead.
scenario one <<'END'
on model=groq: header="x-ratelimit-limit-requests: 14400" header="x-ratelimit-remaining-requests: 14370" header="x-ratelimit-reset-requests: 1h0m0s" header="x-ratelimit-limit-tokens: 6000" header="x-ratelimit-remaining-tokens: 5000" header="x-ratelimit-reset-tokens: 7.66ms"
on model=kimi: header="X-RateLimit-Limit: 60" header="X-RateLimit-Remaining: 0" header="X-RateLimit-Reset: 3600"
END
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
END
start_broker
ask -m one/kimi hello
stop_broker KILL
start_broker
before=$(requests one)
ask -H 'x-llmgw-timeout-ms: 1000' -m one/kimi hello
is "$(got status) $(got class) $(requests one)" "429 rate_limit $before" \
    'a limit that is used up, as the provider told, outlives a kill'
ask -m one/groq hello
kept="SELECT count(*) FROM state WHERE key LIKE 'limits:one/%'"
is "$(sql_wait "$kept" 2)" 2 'what is left is kept within a second'
stop_broker KILL
start_broker
health=$(llmgw route health)
like "$health" 'one/groq requests: 14,370 of 14,400 left, says the provider; resets in' \
    '… outlives a kill'
unlike "$health" 'groq tokens' '… but not what is reset already'
stop_broker
sqlite3 "$db" "UPDATE state SET value = replace(value, '\"until_us\":', '\"until_us\":1,\"was\":') WHERE key LIKE 'limits:%'"
start_broker
ask -m one/kimi hello
is "$(got outcome)" ok 'past its reset nothing holds'
stop_broker
is "$(sql "$kept AND value LIKE '%\"was\"%'")" 0 '… and what was kept is forgotten'

# What refusals have taught of a model.
scenario one <<'END'
on model=capped has="_tokens\":90000": status=400 type=invalid_request_error message="max_tokens is too large: 90000. This model supports at most 16384 completion tokens, whereas you provided 90000."
END
start_broker
ask -n 90000 -m one/capped hello
is "$(got outcome) $(got h.x-llmgw-attempts)" 'ok 2' 'a cap is refused, and lowered'
stop_broker KILL
start_broker
ask -n 90000 -m one/capped hello
is "$(got outcome) $(got h.x-llmgw-attempts)" 'ok 1' '… at once after a kill'
stop_broker
sqlite3 "$db" "UPDATE state SET value = replace(value, '\"until_us\":', '\"until_us\":1,\"was\":') WHERE key LIKE 'facts:%'"
start_broker
ask -n 90000 -m one/capped hello
is "$(got outcome) $(got h.x-llmgw-attempts)" 'ok 2' '… but asked anew when that was long ago'
stop_broker

TWO_KEY=sk-two
export TWO_KEY
printf 'sk-new\n' >"$tmp/key"
chmod 600 "$tmp/key"
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = TWO_KEY
END
start_broker
ask -m one/sim:401 hello
is "$(got class)" upstream_authentication 'a key is refused'
is "$(sql_wait "SELECT count(*) FROM state WHERE key LIKE 'key:one:%'" 1)" 1 '… and kept as benched'
unlike "$(sql 'SELECT key, value FROM state')" 'sk-' '… without any part of it'
stop_broker KILL
start_broker
before=$(requests one)
ask -m one/sim hello
is "$(got class)" upstream_authentication 'a benched key outlives a kill'
like "$(got h.x-should-retry)$(got message)" 'not accepted' '… and is named'
is "$(requests one)" "$before" '… and the provider is not asked'
sed -i "s|key-env = .*|key-file = $tmp/key|" "$config_file"
is "$(http -X POST /llmgw/v1/reload)" '{"reloaded":true}' 'another key in its place'
ask -m one/sim hello
is "$(got outcome)" ok '… is used at once'
done_testing
