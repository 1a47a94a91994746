#!/bin/sh
# llmgw replay: recorded requests on another model: cost, agreement, and what the ledger says.
. "$top_srcdir/tests/e2e/lib.sh"
need sqlite3

ONE_KEY=sk-one
export ONE_KEY
start_sim one
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[provider "two"]
    kind = anthropic
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[provider "own"]
    kind = openai-compatible
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "own/special"]
    input = 3
    output = 7
[route "default"]
    target = one/gpt-6-luna
END
start_broker
for word in red green blue; do
    llmgw chat --no-stdin --tag "set=a" "$word" >/dev/null || bail 'chat does not work'
done
is "$(sql_wait "SELECT count(*) FROM request WHERE kind = 'chat'" 3)" 3 'three requests are recorded'

out=$(llmgw replay --last 1h --against one/gpt-6.1-terra -j)
is $? 0 'a replay that was answered ends with 0'
row() { printf '%s' "$out" | "$tool" json "rows.$1.$2"; }
is "$(row 0 against)" recorded 'the record stands first'
is "$(row 1 requests)" 3 '… and the other model answered all three'
is "$(row 1 exact)" 1 'the simulator says the same: exact'
is "$(row 1 agree)" 1 '… and so normalised'
is "$(row 1 errors)" 0 '… without an error'
is "$(sql_wait "SELECT count(*) FROM request WHERE kind = 'replay'" 3)" 3 'the replay is recorded as such'
is "$(sql "SELECT count(*) FROM request a JOIN request b ON a.parent = b.id WHERE a.kind = 'replay'")" 3 \
    '… each with its parent'
is "$(sql_wait "SELECT state, n_items, cost_pico, end_us >= start_us, args->>'$.against[0]'
    FROM replay_run" "done|3|$(row 1 cost_pusd)|1|one/gpt-6.1-terra")" \
    "done|3|$(row 1 cost_pusd)|1|one/gpt-6.1-terra" '… under one run, with what it cost'
is "$(sql "SELECT count(*) FROM replay_item i JOIN request a ON a.id = i.request JOIN request b
    ON b.id = i.source WHERE i.agree = 1 AND i.state = 'done' AND a.kind = 'replay'")" 3 \
    '… and what came of each'
is "$(sql "SELECT sum(cost_pico) FROM request WHERE kind = 'replay'")" "$(row 1 cost_pusd)" \
    'its cost is the sum of its rows to the pico-dollar'
is "$(sql "SELECT sum(cost_pico) FROM request WHERE kind = 'chat'")" "$(row 0 cost_pusd)" \
    '… and so is what was recorded'

n=$(requests one)
out=$(llmgw replay --last 1h --against two/claude-haiku-5-5 --dry-run -j)
is $? 0 'a dry run ends with 0'
is "$(requests one)" "$n" '… and asks nobody'
is "$(row 1 requests)" 3 '… but prices all three, not the replays'
isnt "$(row 1 cost_pusd)" null '… with a cost'

out=$(llmgw replay --last 1h --against own/special --dry-run -j)
is "$(row 1 cost_pusd)" "$(sql "SELECT sum(3000000 * input + 7000000 * output) FROM request
    WHERE kind = 'chat'")" "a provider's own prices count, to the pico-dollar"
is "$(llmgw -z Pacific/Niue replay --last 1h --against own/special --dry-run -j | "$tool" json tz)" \
    Pacific/Niue 'the zone asked for'
llmgw replay --since 2020-01-01 --last 1h --against own/special --dry-run >/dev/null 2>&1
is $? 2 'two beginnings are a usage error'

out=$(llmgw replay --tag set=a -n 1 --against two/claude-haiku-5-5 -j)
is "$(row 1 requests)" 1 'a selection by tag and count, crossed to the other dialect'
llmgw chat --no-stdin --name trip green >/dev/null
sql_wait "SELECT count(*) FROM conversation WHERE name = 'trip'" 1 >/dev/null
out=$(llmgw replay --cid trip --dry-run --against two/claude-haiku-5-5 -j)
is "$(row 1 requests)" 1 '… by the name of a conversation'
llmgw chat --no-stdin --cid trip again >/dev/null
out=$(llmgw replay --last 1h --sample 2:7 --dry-run --against one/gpt-6.1-terra -j)
is "$(row 1 requests)" 2 'a sample is as large as asked for'

llmgw replay 01ARZ3NDEKTSV4RRFFQ69G5FAV --against one/gpt-6.1-terra >/dev/null 2>&1
is $? 4 'an unknown id is not found'
llmgw replay --last 1h >"$tmp/out" 2>"$tmp/err"
is $? 2 'nothing to replay against is a usage error'
like "$(cat "$tmp/err")" 'against what' '… that says so'
printf 'on model=gpt-6.1-terra: 500\n' | scenario one
llmgw replay --last 1h --tag set=a --against one/gpt-6.1-terra >"$tmp/out" 2>"$tmp/err"
is $? 3 'a replay without answers is partial'
like "$(cat "$tmp/err")" '3 of 3 requests brought no answer' '… and says how many failed'

# ---- ^C: what is under way ends, the table tells of it, nothing more is sent ----
printf 'set first=300ms\n' | scenario one
n=$(requests one)
spawn stop env --default-signal=INT llmgw replay --last 1h -J 1 -v --against own/special
wait_for "$one_journal" "\"n\":$((n + 1))[^0-9].*request|request.*\"n\":$((n + 1))[^0-9]" ||
    bail 'nothing was sent'
reap "$pid" INT
is "$rc" 130 'an interrupt ends a replay by that signal'
is "$(requests one)" $((n + 1)) '… no other request is sent'
like "$(cat "$tmp/stop.out")" 'own/special  *1 ' '… and the one under way is in the table'
like "$(cat "$tmp/stop.err")" 'stopping; 1 under way' '… as it says'
like "$(cat "$tmp/stop.err")" 'stopped: [0-9]+ of [0-9]+ requests were not sent' '… and what it left undone'
is "$(sql_wait "SELECT r.state, sum(i.state = 'done'), sum(i.state = 'waiting') FROM replay_run r
    JOIN replay_item i ON i.run = r.id WHERE r.state = 'stopped' GROUP BY r.id" 'stopped|1|4')" \
    'stopped|1|4' '… which the ledger has, too'
is "$(sql "SELECT count(*) FROM replay_item WHERE state = 'failed' AND note != '' AND agree IS NULL")" 3 \
    '… as it has failures, and why'
done_testing
