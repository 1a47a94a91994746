#!/bin/sh
# Model servers on this machine are found without a key: by chat when nothing else is set up, by
# models and by doctor; and never on the way of a request.
. "$top_srcdir/tests/e2e/lib.sh"
need curl

echo 'set lax text="Aye."' >"$tmp/sim.scenario"
start_sim sim
config <<END
[provider "ollama"]
    base-url = http://127.0.0.1:$sim_port/v1
[provider "lmstudio"]
    base-url = http://127.0.0.1:1/v1
END
start_broker
is "$(llmgw chat --no-stdin 'When?' 2>"$tmp/err")" 'Aye.' 'chat asks what it finds'
is "$(cat "$tmp/err")" 'llmgw: chat: no key is set: asking ollama/sim on this machine' '… and says whom'
is "$(last_request sim headers.authorization)" '' '… without a key'
like "$(requests sim '"target":"/v1/models"')" '^1$' '… after one look'
before=$(requests sim '"target":"/v1/models"')
llmgw chat --no-stdin -m ollama/sim 'When?' >/dev/null
ask -d openai -m ollama/sim hi
is "$(got outcome) $(requests sim '"target":"/v1/models"')" "ok $before" 'who names a model is not looked for'
is "$(llmgw models --usable -F csv | grep -c '^ollama,sim,')" 1 'models --usable lists it'
is "$(llmgw models -F csv | grep -c '^ollama,sim,')" 0 '… models does not look'
llmgw chat --no-stdin -m ollama/other --name trip 'When?' >/dev/null
llmgw chat --no-stdin --cid trip 'And then?' >/dev/null 2>"$tmp/err"
is "$(last_request sim body.model)$(cat "$tmp/err")" other 'a conversation goes on with whom it was held'
out=$(llmgw doctor)
like "$out" "local server +ok +ollama at http://127.0.0.1:$sim_port/v1 has 1 model +llmgw chat -m ollama/sim" 'doctor tells of it'
unlike "$out" 'lmstudio at' '… and not of what does not answer'

# ---- one that listens and says nothing ----
kill -STOP "$sim_pid"
out=$(timeout 60 llmgw doctor)
is "$?" 0 'a server that does not answer holds nobody up'
unlike "$out" 'ollama at' '… and is not told of'
kill -CONT "$sim_pid"

# ---- what it costs ----
sim_url=http://127.0.0.1:$sim_port/v1
config <<END
[provider "ollama"]
    base-url = $sim_url
[provider "vllm"]
    base-url = $sim_url
[provider "box"]
    kind = openai-compatible
    base-url = $sim_url
    key-env = BOX_KEY
[price "vllm/sim"]
    input = 2
    output = 0
[price "vllm/absent"]
    input = 0
    output = 0
[price "box/own"]
    input = 0
    output = 0
END
BOX_KEY=sk-box llmgw models --usable -F csv --fields provider,model,input_usd_per_million,output_usd_per_million >"$tmp/out"
is "$(tail -n +2 "$tmp/out")" 'box,own,0,0
ollama,sim,0,0
vllm,sim,2,0' 'each has its own price, nothing without one, and what it says it has'
is "$(BOX_KEY=sk-box llmgw models --usable --max-price 1 -F csv --fields provider,model | tail -n +2)" 'box,own
ollama,sim' '… and is chosen by it'
is "$(llmgw models -g absent -F csv --fields provider,model | tail -n +2)" vllm,absent 'one server is not taken for another'
unlike "$(llmgw __complete -- chat -m ollama/; llmgw __complete -- chat -m vllm/)" '[*]|ollama/absent' '… nor is the family of all offered'

# ---- what listens there is no such server ----
stop_broker
start_broker --conf broker.listen=127.0.0.1:0
tcp_port=$(sed -n 's/.*listen host=127.0.0.1 port=\([0-9]*\) .*/\1/p' "$broker_log")
config <<END
[provider "vllm"]
    base-url = http://127.0.0.1:$tcp_port/v1
END
unlike "$(llmgw doctor)" 'local server' 'another program is none'
llmgw chat --no-stdin 'When?' >/dev/null 2>"$tmp/err"
isnt "$?" 0 '… and is not asked'
unlike "$(cat "$tmp/err")" 'no key is set' '… nor named'
done_testing
