#!/bin/sh
# Every provider of OpenAI's shape, asked once as it stands in the table: where, with which key and
# which name of the cap; Azure's addresses; local servers, which need no key.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

SIM_KEY=k ENTRA_KEY=eyJhbGciOiJub25lIn0.e30.x
export SIM_KEY ENTRA_KEY
start_sim sim
# kind, name of the cap, and whether usage is asked for
cat >"$tmp/kinds" <<'END'
openai max_completion_tokens yes
mistral max_tokens no
deepseek max_tokens no
alibaba max_tokens yes
xai max_completion_tokens yes
groq max_completion_tokens no
together max_tokens no
fireworks max_tokens no
cerebras max_completion_tokens no
openrouter max_completion_tokens no
moonshotai max_completion_tokens no
zai max_tokens no
minimax max_tokens yes
nvidia max_tokens yes
sambanova max_tokens yes
deepinfra max_tokens yes
huggingface max_tokens yes
END
{
    while read -r kind rest; do
        printf '[provider "%s"]\n\tbase-url = http://127.0.0.1:%s/v1\n\tkey-env = SIM_KEY\n' "$kind" "$sim_port"
    done <"$tmp/kinds"
    for kind in ollama llamacpp vllm lmstudio; do
        printf '[provider "%s"]\n\tbase-url = http://127.0.0.1:%s/v1\n' "$kind" "$sim_port"
    done
    cat <<END
[provider "azure"]
    base-url = http://127.0.0.1:$sim_port/openai/v1
    key-env = SIM_KEY
[provider "classic"]
    kind = azure
    base-url = http://127.0.0.1:$sim_port
    api-version = 2024-10-21
    key-env = SIM_KEY
[provider "entra"]
    kind = azure
    base-url = http://127.0.0.1:$sim_port/openai/v1
    key-env = ENTRA_KEY
END
} | config
start_broker

while read -r kind cap usage; do
    ask -d openai -s -U -n 99 -m "$kind/model-1-sim:lax" hi
    is "$(got outcome) $(got problems)" 'ok ' "$kind: an answer"
    is "$(asked $cap) $(last_request sim headers.authorization | cut -c1-6)" '99 Bearer' "… its cap is $cap, its key a bearer token"
    ask -d anthropic -s -n 99 -m "$kind/model-1-sim:lax" hi
    is "$(got outcome) $(asked $cap) $(asked stream_options.include_usage)" \
        "ok 99 $([ $usage = yes ] && echo true)" "… for an Anthropic client, too; usage asked for: $usage"
done <"$tmp/kinds"

# ---- local servers ----
for kind in ollama llamacpp vllm lmstudio; do
    ask -d openai -m "$kind/model-1-sim:lax" hi
    is "$(got outcome) $(last_request sim headers.authorization)" 'ok ' "$kind: asked without a key"
done
is "$(sql_wait "select count(*) from requests where cost_pico = 0 and asked_model like 'ollama/%'" 1)" 1 '… for nothing'

# ---- a beginning of the answer ----
begun() { # TARGET: asks it to go on
    http -H 'content-type: application/json' -d '{"model":"'"$1"'-sim:lax","max_tokens":9,"messages":[
        {"role":"user","content":"List."},{"role":"assistant","content":"1. Brest"}]}' /v1/messages >"$tmp/body"
}
begun mistral/m
is "$(asked messages.1.prefix)" true 'Mistral goes on with what is marked as a prefix'
begun deepseek/m
is "$(asked messages.1.prefix) $(last_request sim target)" 'true /beta/chat/completions' 'DeepSeek does so at an address of its own'
ask -d openai -m deepseek/m-sim:lax hi
is "$(last_request sim target)" /v1/chat/completions '… which nothing else goes to'
for prefix in true false; do
    http -H 'content-type: application/json' -d '{"model":"deepseek/m-sim:lax","messages":[{"role":"user","content":"List."},
        {"role":"assistant","content":"1. Brest","prefix":'$prefix'}]}' /v1/chat/completions >"$tmp/body"
    is "$(last_request sim target)" "$([ $prefix = true ] && echo /beta || echo /v1)/chat/completions" \
        "… but what its own client marks so: $prefix"
done
begun moonshotai/m
is "$(asked messages.1.partial)" true 'Kimi with what is marked as partial'
http -D "$tmp/head" -H 'content-type: application/json' -d '{"model":"moonshotai/m-sim:lax","text":{"format":{"type":"json_object"}},"input":[
    {"role":"user","content":"List, as JSON."},{"role":"assistant","content":"{"}]}' /v1/responses >"$tmp/body"
is "$(asked response_format.type) $(asked messages.2.partial) $(asked messages.0.role)" ' true system' \
    '… and then in words that JSON is wanted'
like "$(tr -d '\r' <"$tmp/head")" 'x-llmgw-dropped: .*response_format' '… which is told'
begun alibaba/m
is "$(asked messages.1.partial) $(asked enable_thinking)" 'true false' 'Qwen, too, and it must not think before'
begun vllm/m
is "$(asked continue_final_message) $(asked add_generation_prompt)" 'true false' 'vLLM when it is told to'

# ---- … which some say again ----
scenario sim <<'END'
set lax text="1. Brest 2. Lorient"
END
for stream in false true; do
    http -H 'content-type: application/json' -d '{"model":"mistral/m","max_tokens":99,"stream":'$stream',"messages":[
        {"role":"user","content":"List."},{"role":"assistant","content":"1. Brest"}]}' /v1/messages >"$tmp/body"
    said=$(tr ',' '\n' <"$tmp/body" | sed -n 's/.*"text":"\([^"]*\)".*/\1/p' | tr -d '\n')
    is "$said" ' 2. Lorient' "stream $stream: the client's own beginning is not told to it"
done
scenario sim </dev/null

ask -d anthropic -T -x '"tool_choice":{"type":"any"}' -m mistral/m-sim:lax hi
is "$(asked tool_choice)" any 'Mistral has a word of its own for a tool that must be called'
id=$(got h.x-llmgw-request-id)
is "$(sql_wait "select upstream_id from attempt where rid = (select rid from request where id = '$id')" x 1 | cut -c1-4)" req_ "a provider's own id is in the ledger"

# ---- Azure ----
ask -d openai -s -m azure/my-gpt hi
is "$(got outcome) $(last_request sim target)" 'ok /openai/v1/chat/completions' 'Azure: the newer address'
isnt "$(last_request sim headers.api-key)" '' '… with its own header for the key'
ask -d openai -s -m classic/my-gpt hi
is "$(got outcome) $(last_request sim target)" \
    'ok /openai/deployments/my-gpt/chat/completions?api-version=2024-10-21' '… the classic address names the deployment'
ask -d openai -s -m entra/my-gpt hi
is "$(got outcome) $(last_request sim headers.authorization | cut -c1-6)$(last_request sim headers.api-key)" 'ok Bearer' \
    '… a token of Entra is a bearer token'

# ---- a cap that does not fit ----
ask -d anthropic -n 99 -m fireworks/m-sim:lax hi
is "$(asked context_length_exceeded_behavior)" error 'Fireworks is told not to lower a cap in silence'
ask -d openai -n 99 -m fireworks/m-sim:lax hi
is "$(asked context_length_exceeded_behavior)" '' '… where the request is ours to write'

# ---- thoughts in the text, where the row says so ----
scenario sim <<'END'
on model=tagged: lax text="<think>\nWeigh <b>it</b>.</think>\n\nYes, <think> is a tag."
END
for kind in together sambanova minimax; do
    for stream in '' -s; do
        ask -d anthropic $stream -n 99 -m $kind/tagged hi
        is "$(got outcome) $(got problems)|$(got reasoning)|$(got text)" 'ok |Weigh <b>it</b>.|Yes, <think> is a tag.' \
            "$kind: a tagged thought is one${stream:+, streamed}"
    done
done
ask -d anthropic -s -n 99 -m groq/tagged hi
like "$(got text)" '^<think>' '… elsewhere it is text'
ask -d openai -s -n 99 -m together/tagged hi
like "$(got text)" '^<think>' '… and so it is where bytes pass'

# ---- what headers say of limits ----
scenario sim <<'END'
on model=groq-model: header="x-ratelimit-limit-requests: 14400" header="x-ratelimit-remaining-requests: 14370" header="x-ratelimit-reset-requests: 2m59.56s"
on model=kimi: header="X-RateLimit-Limit: 60" header="X-RateLimit-Remaining: 0" header="X-RateLimit-Reset: 600"
on model=mistral-model: header="x-ratelimit-limit-tokens-month: 1000000" header="x-ratelimit-remaining-tokens-month: 5000"
END
ask -d openai -m groq/groq-model hi
ask -d openai -m moonshotai/kimi hi
is "$(got outcome)" ok 'an answer that tells of limits'
ask -d openai -m mistral/mistral-model hi
health=$(llmgw route health)
like "$health" 'groq/groq-model requests: 14,370 of 14,400 left, says the provider; resets in (3m|2m5[0-9]s)' 'route health shows what Groq said'
like "$health" 'moonshotai/kimi requests: 0 of 60 left, says the provider; resets in' '… and Kimi, whose headers name nothing else'
like "$health" 'mistral/mistral-model tokens-month: 5,000 of 1,000,000 left, says the provider' '… and Mistral, without a reset'
before=$(requests sim)
ask -d openai -H 'x-llmgw-timeout-ms: 1000' -m moonshotai/kimi hi
is "$(got status) $(got class) $(requests sim)" "429 rate_limit $before" 'what is used up is not asked'

done_testing
