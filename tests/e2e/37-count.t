#!/bin/sh
# How many tokens a prompt has: /v1/messages/count_tokens for Anthropic's clients, counted by the
# provider where it can, and estimated where it cannot.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

SIM_KEY=k
export SIM_KEY
start_sim sim
{
    sim_provider anthropic /v1
    sim_provider gemini /v1beta
    sim_provider vertex /v1/projects/p/locations/global/publishers/google
    sim_provider bedrock '' 'region = eu-west-3'
    sim_provider openai /v1
    sim_provider cohere /v2
    sim_provider local /v1 'kind = openai-compatible'
    cat <<END
[route "both"]
    target = gemini/gemini-3.8-flash-sim:error=overloaded
    target = anthropic/claude-opus-5
[limit "target:anthropic/claude-opus-5"]
    requests = 1/day
END
} | config
start_broker

status() { tr -d '\r' <"$tmp/head" | sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p'; }
# count MODEL [MORE]: prints the count; the head is in $tmp/head
count() {
    printf '{"model":"%s","system":"Be brief.","messages":[{"role":"user","content":"When is high water at Brest?"}],
        "tools":[{"name":"tide","input_schema":{"type":"object"}}]%s}' "$1" "${2:-}" >"$tmp/asked"
    http -D "$tmp/head" -H 'content-type: application/json' -H 'anthropic-version: 2023-06-01' \
        -H 'anthropic-beta: a,b' --data-binary "@$tmp/asked" /v1/messages/count_tokens >"$tmp/told"
    "$tool" json input_tokens <"$tmp/told"
}

# ---- by the provider ----
is "$(count anthropic/claude-opus-5-sim:prompt=2188) $(head_of x-llmgw-count-source)" '2188 provider' 'Anthropic counts'
is "$(target) $(last_request sim headers.anthropic-beta)" '/v1/messages/count_tokens a,b' '… at its own place, with the headers of the client'
is "$(cat "$tmp/told")" '{"input_tokens":2188}' '… and the answer passes as it came'
is "$(count gemini/gemini-3.8-flash-sim:prompt=57) $(head_of x-llmgw-count-source)" '57 provider' 'Gemini counts'
is "$(target) $(asked generateContentRequest.model)" \
    '/v1beta/models/gemini-3.8-flash-sim%3Aprompt%3D57:countTokens models/gemini-3.8-flash-sim:prompt=57' '… in its own words'
is "$(asked generateContentRequest.systemInstruction.parts.0.text) $(asked generateContentRequest.tools.0.functionDeclarations.0.name)" \
    'Be brief. tide' '… the system prompt and the tools, too'
is "$(count vertex/gemini-3.8-flash-sim:prompt=58) $(asked tools.0.functionDeclarations.0.name)" '58 tide' '… and so does Vertex, in others'
is "$(count bedrock/eu.anthropic.claude-opus-5-sim:prompt=7) $(target)" \
    '7 /model/anthropic.claude-opus-5-sim%3Aprompt%3D7/count-tokens' 'Bedrock counts for the model of a profile'

is "$(count openai/gpt-5.5-sim:prompt=123) $(head_of x-llmgw-count-source)" '123 provider' 'OpenAI counts'
is "$(target) $(asked instructions) $(asked tools.0.name)" '/v1/responses/input_tokens Be brief. tide' '… as Responses has it'
is "$(count openai/gpt-5.5-sim:prompt=5 ',"max_tokens":99,"temperature":1') $(asked max_output_tokens)" '5 ' '… and nothing of the answer'

# ---- by ourselves ----
for model in local/gpt-4.1 cohere/command-a-plus-05-2026 bedrock/amazon.nova-pro-v1:0; do
    before=$(target)
    like "$(count $model)" '^[1-9][0-9]*$' "$model: nobody counts there, so it is an estimate"
    is "$(head_of x-llmgw-count-source) $(target)" "estimated $before" '… which says so, and asks nobody'
done
for how in error=overloaded error=not-found error=auth close; do
    like "$(count gemini/gemini-2.5-pro-sim:$how)" '^[1-9][0-9]*$' "sim:$how: a failure is no reason to say nothing"
    is "$(head_of x-llmgw-count-source)" estimated '… but to say that it is an estimate'
done
count anthropic/claude-opus-5-sim:error=invalid >"$tmp/none"
is "$(status) $("$tool" json error.type <"$tmp/told")" '400 invalid_request_error' "what Anthropic says of its own client's request is passed on"
count gemini/gemini-3.8-flash ',"messages":[]' >"$tmp/none"
is "$(status)" 400 'a request that is none is refused'
is "$(count nowhere/x; status)" 404 'and so is a model that nobody has' 

# ---- what it does not touch ----
for i in 1 2 3; do
    is "$(count both) $(head_of x-llmgw-target)" "$(count anthropic/claude-opus-5) anthropic/claude-opus-5" "the next target counts when one cannot ($i)"
done
is "$(sql_wait 'select count(*) from request' 0)" 0 'none of it is an answer, for limits or the ledger'
ask -d anthropic -m anthropic/claude-opus-5 hi
is "$(got outcome)" ok '… and the one request of the day is still there'

done_testing
