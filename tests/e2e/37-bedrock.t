#!/bin/sh
# Bedrock as a provider, for a client of each dialect: how it is asked and who signs, what the
# client is given, what it costs, and what becomes of its failures.
. "$top_srcdir/tests/e2e/lib.sh"
. "$top_srcdir/tests/e2e/crossed.sh"
need curl sqlite3

SIM_KEY=k SIGN_KEY=AKIDSIM:sim-secret SESSION_KEY=AKIDSIM:sim-secret:a+session/token==
BAD_KEY=AKIDSIM:another-secret
export SIM_KEY SIGN_KEY SESSION_KEY BAD_KEY
# as Amazon's own tools have them, and for another account with a name of its own before
AWS_ACCESS_KEY_ID=AKIDSIM AWS_SECRET_ACCESS_KEY=sim-secret AWS_SESSION_TOKEN=another/token==
AWS_REGION=ap-south-1 WORK_AWS_ACCESS_KEY_ID=AKIDSIM WORK_AWS_SECRET_ACCESS_KEY=sim-secret
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION
export WORK_AWS_ACCESS_KEY_ID WORK_AWS_SECRET_ACCESS_KEY
start_sim sim
{
    sim_provider bedrock ''
    # what benches a key has one of its own
    sim_provider spent '' 'kind = bedrock'
    sim_provider oc /v1 'kind = openai'
    cat <<END
[provider "signed"]
    kind = bedrock
    base-url = http://127.0.0.1:$sim_port
    region = eu-west-3
    key-env = SIGN_KEY
[provider "session"]
    kind = bedrock
    base-url = http://127.0.0.1:$sim_port
    region = us-east-1
    key-env = SESSION_KEY
[provider "bad"]
    kind = bedrock
    base-url = http://127.0.0.1:$sim_port
    region = us-east-1
    key-env = BAD_KEY
[provider "amazon"]
    kind = bedrock
    base-url = http://127.0.0.1:$sim_port
[provider "work"]
    kind = bedrock
    base-url = http://127.0.0.1:$sim_port
    key-env = WORK_AWS_ACCESS_KEY_ID
[price "bedrock/amazon.nova-pro-v1:0-sim:reasoning=5,prompt=1000,cached=600,written=100"]
    input = 1
    output = 2
    cache-read = 0.5
    cache-write-5m = 3
[route "both"]
    target = bedrock/amazon.nova-pro-v1:0
    target = oc/gpt-4.1
END
} | config
start_broker

nova=bedrock/amazon.nova-pro-v1:0
claude=bedrock/global.anthropic.claude-opus-5

# ---- plain: streamed and whole, the same text, one of each ----
asked_by() { # HOW
    is "$(target)" "/model/amazon.nova-pro-v1%3A0/converse$([ "$1" ] && echo -stream)" \
        '… by the method that the URL names'
}
plain_answers $nova 'its usage' asked_by
ask -d openai -s -U -m $nova 'When is high water?'
like "$(got note)" '"cost_source":"computed"' 'it has a price'
is "$(sql_wait "select count(*) > 0 from attempt where upstream_id like '%-0000-4000-8000-%'" 1)" 1 \
    "the provider's id of the request is kept"

# ---- who asks: a bearer token, or a signature, also of what is encoded in the path ----
arn=arn:aws:bedrock:eu-west-3:123456789012:inference-profile/eu.amazon.nova-pro-v1:0
for how in '-s' ''; do
    # shellcheck disable=SC2086
    ask -d openai $how -m "signed/$arn" 'When?'
    is "$(got outcome)" ok "${how:-whole}: a signed request for an ARN"
    is "$(target)" "/model/arn%3Aaws%3Abedrock%3Aeu-west-3%3A123456789012%3Ainference-profile%2Feu.amazon.nova-pro-v1%3A0/converse$([ "$how" ] && echo -stream)" \
        '… whose path is encoded once'
    # shellcheck disable=SC2086
    ask -d anthropic $how -m session/amazon.nova-pro-v1:0 'When?'
    is "$(got outcome)" ok '… with the token of a session'
    isnt "$(last_request sim headers.x-amz-security-token)" '' '… which is sent, and signed'
done
ask -d openai -m amazon/amazon.nova-pro-v1:0 'When?'
is "$(got outcome)" ok "Amazon's variables sign, too"
isnt "$(last_request sim headers.x-amz-security-token)" '' '… with the token of the session'
ask -d openai -m work/amazon.nova-pro-v1:0 'When?'
is "$(got outcome) $(last_request sim headers.x-amz-security-token)" 'ok ' '… or those of another account, which has none'
is "$(tr '\0' '\n' <"/proc/$(cat "$sock.pid")/environ" | grep -o '^HOME=\|sim-secret$\|another/token')" 'HOME=' \
    '… and are wiped once they are read'
llmgw broker reload >"$tmp/reload" 2>&1
ask -d openai -m amazon/amazon.nova-pro-v1:0 'When?'
is "$(got outcome)" ok '… and known after a reload'
like "$(llmgw keys)" 'amazon +env AWS_ACCESS_KEY_ID +there' '… and listed'
awk 'BEGIN { printf "{\"model\":\"signed/amazon.another-v1:0\",\"messages\":[{\"role\":\"user\",\"content\":\"";
    for (i = 0; i < 200000; i++) printf "long text "; print "\"}]}" }' >"$tmp/long"
http -D "$tmp/head" -H 'content-type: application/json' --data-binary "@$tmp/long" /v1/chat/completions >"$tmp/body"
is "$("$tool" json object <"$tmp/body")" chat.completion 'a long body is signed, too'
ask -d openai -m bad/amazon.nova-pro-v1:0 'When?'
is "$(got status) $(got class)" '502 upstream_authentication' 'another secret is found out, and no fault of the client'
unlike() { # TEXT PATTERN NAME
    if printf '%s' "$1" | grep -Eq -e "$2"; then is yes no "$3"; else is no no "$3"; fi
}
unlike "$(got raw)$(cat "$tmp"/*.log 2>/dev/null)" 'another-secret|sim-secret' '… and told to nobody'

# ---- calls, one and two; results, and a conversation whose tools are gone ----
call_answers $nova
post /v1/chat/completions '{"model":"'$nova'","messages":[
    {"role":"system","content":"Be brief."},{"role":"user","content":"When?"},
    {"role":"assistant","content":null,"tool_calls":[
        {"id":"c:1","type":"function","function":{"name":"tide","arguments":"{\"port\":\"Brest\"}"}},
        {"id":"c2","type":"function","function":{"name":"now","arguments":""}}]},
    {"role":"tool","tool_call_id":"c2","content":""},
    {"role":"tool","tool_call_id":"c:1","content":"17:42"}]}' >"$tmp/body"
is "$("$tool" json object <"$tmp/body")" chat.completion 'results of tools are answered, though none is offered any more'
is "$(asked toolConfig.tools.1.toolSpec.name) $(asked system.0.text)" 'now Be brief.' '… those that were called are'
post /v1/messages '{"model":"'$claude'","max_tokens":99,"messages":[{"role":"user","content":"When?"},
    {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"tide","input":{"port":"Brest"}}]},
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":"no"},
        {"type":"text","text":"And?","cache_control":{"type":"ephemeral"}}]}],
    "tools":[{"name":"tide","input_schema":{"type":"object"}}]}' >"$tmp/body"
is "$("$tool" json type <"$tmp/body") $(asked messages.2.content.0.toolResult.status)" 'message error' 'for an Anthropic client, too'
is "$(asked messages.2.content.2.cachePoint.type)" default '… a mark of the cache stands behind what it marks'

# thoughts are signed, and come back with the call that they led to
for stream in false true; do
    turn() { # [MORE]
        post /v1/chat/completions '{"model":"'$claude-sim:tools=1,reasoning=3'","stream":'$stream',"reasoning_effort":"high",
            "messages":[{"role":"user","content":"When?"}'"${1:-}"'],
            "tools":[{"type":"function","function":{"name":"tide","parameters":{"type":"object"}}}]}'
    }
    id=$(turn | sed -n 's/.*"id":"\(tooluse_[0-9a-f]*\)".*/\1/p' | head -n 1)
    like "$id" '^tooluse_' "stream $stream: a call has its provider's id"
    turn ',{"role":"assistant","content":null,"tool_calls":[{"id":"'"$id"'","type":"function",
        "function":{"name":"tide","arguments":"{}"}}]},{"role":"tool","tool_call_id":"'"$id"'","content":"17:42"}' >"$tmp/body"
    like "$(asked messages.1.content.0.reasoningContent.reasoningText.signature)" '^Sig[0-9a-f]' '… and the thought before it comes back, signed'
done

# ---- images, structured output, reasoning ----
png=iVBORw0KGgoAAAANSUhEUg==
post /v1/chat/completions '{"model":"'$nova'","messages":[{"role":"user","content":[{"type":"text","text":"What?"},
    {"type":"image_url","image_url":{"url":"data:image/jpeg;base64,'$png'"}}]}]}' >"$tmp/body"
is "$(asked messages.0.content.1.image.format)" png 'an image is what its bytes say'
schema='{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"required":["a"],"$defs":{"A":{"type":"boolean"}}}'
ask -d openai -m bedrock/mistral.mistral-large-3-675b-instruct -x '"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":'"$schema"'}}' hi
like "$(got text)" '^\{"a": (true|false)\}$' 'structured output fits its schema'
like "$(asked outputConfig.textFormat.structure.jsonSchema.schema)" '^{"type":"object"' '… which goes as a text'
for how in '-s' ''; do
    # shellcheck disable=SC2086
    ask -d openai $how -m $claude-sim:reasoning=4 -x '"reasoning_effort":"high"' 'When?'
    is "$(asked outputConfig.effort) $(asked additionalModelRequestFields.thinking.type) $(got outcome)" 'high adaptive ok' \
        "${how:-whole}: effort is said to Claude"
    isnt "$(got reasoning)" '' '… and thoughts are reasoning_content'
    # shellcheck disable=SC2086
    ask -d anthropic $how -m bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-sim:reasoning=4 -n 4000 \
        -x '"thinking":{"type":"enabled","budget_tokens":2048}' 'When?'
    is "$(asked additionalModelRequestFields.thinking.budget_tokens) $(got outcome)" '2048 ok' '… a budget stays one'
    isnt "$(got reasoning)" '' '… and thoughts are thinking blocks'
done

# ---- what only Claude knows, in its own words ----
for client in openai anthropic; do
    one='"parallel_tool_calls":false'
    [ $client = openai ] || one='"tool_choice":{"type":"auto","disable_parallel_tool_use":true}'
    ask -d $client -T -m "$claude-sim:tools=2" -x "$one" 'When?'
    is "$(got outcome) $(got tools) $(asked additionalModelRequestFields.tool_choice.type)" 'ok 1 auto' \
        "$client client: one call at a time, where two would come"
    ask -d $client -m $claude -x '"temperature":0.5' 'When?'
    is "$(got outcome) $(asked inferenceConfig.temperature)" 'ok ' '… a temperature is not for one that has its own'
done
for how in '"stream":true,' ''; do
    post /v1/messages '{"model":"'$claude-sim:finish=stop_sequence'","max_tokens":99,'"$how"'"stop_sequences":["##"],
        "messages":[{"role":"user","content":"When?"}]}' >"$tmp/body"
    is "$(grep -c '"stop_reason":"stop_sequence","stop_sequence":"##"' "$tmp/body")" 1 "${how:-whole: }at which sequence it stopped"
done
post /v1/chat/completions '{"model":"both","messages":[{"role":"user","content":['"$(
    awk -v png=$png 'BEGIN { for (i = 0; i < 21; i++) printf "%s{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,%s\"}}", i ? "," : "", png }'
)"']}]}' >"$tmp/body"
is "$(head_of x-llmgw-target)" oc/gpt-4.1 'more images than it takes go elsewhere'

# ---- money: the cache is outside the input ----
for how in '-s -U' ''; do
    # shellcheck disable=SC2086
    ask -d openai $how -m $nova-sim:reasoning=5,prompt=1000,cached=600,written=100 'When?'
    is "$(got input_tok) $(got cached_tok) $(got output_tok)" '1000 600 21' "${how:-whole}: usage in the client's own classes"
done
# 300 at a dollar, 600 at half of one, 100 at three, 21 at two dollars a million
is "$(sql_wait "select count(*), min(cost_pico), max(cost_pico), max(estimated) from requests
    where asked_model like '%written=100'" '2|942000000|942000000|0')" '2|942000000|942000000|0' '… and exactly what they cost'

# OpenAI's models count what they write to the cache as input, too, while they stream
ask -d openai -s -U -m bedrock/openai.gpt-5.6-sim:prompt=1000,written=100 'When?'
is "$(got outcome) $(got input_tok)" 'ok 1000' '… and what was written to the cache is counted once'
ask -d openai -m bedrock/openai.gpt-5.6-sim:prompt=1000,written=100 'When?'
is "$(got outcome) $(got input_tok)" 'ok 1000' '… in a whole answer as well'

# ---- finishes and refusals ----
for client in openai anthropic; do
    ask -d $client -s -m $nova-sim:tokens=40 -n 10 'When?'
    is "$(got outcome) $(got finish | sed 's/max_tokens/length/')" 'ok length' "$client client: cut short by its cap"
    ask -d $client -s -m $nova-sim:finish=guardrail_intervened 'When?'
    is "$(got outcome) $(got finish | sed 's/refusal/content_filter/')" 'ok content_filter' '… by a guardrail'
    # ---- errors before and during, cuts ----
    ask -d $client -s -m $nova-sim:error=overloaded 'When?'
    is "$(got class)" overloaded 'an error before'
    ask -d $client -s -m $nova-sim:in-band=5,error=rate-limit 'When?'
    is "$(got status) $(got class) $(got n_finish)" '200 rate_limit 0' 'an exception inside the stream is no short answer'
    ask -d $client -s -m $nova-sim:cut=5 'When?'
    is "$(got status) $(got class) $(got n_finish)" '200 stream_interrupted 0' 'a cut is told'
    ask -d $client -s -m $nova-sim:cut=5,by=end 'When?'
    is "$(got status) $(got class) $(got n_finish)" '200 stream_interrupted 0' '… and an end without a finish is one'
    ask -d $client -s -m $nova-sim:finish=malformed_tool_use 'When?'
    is "$(got class) $(got n_finish)" 'server_error 0' 'a broken call is a failure'
    ask -d $client -s -m $nova-sim:usage=none 'When?'
    is "$(got outcome)" ok 'an answer whose usage never came is whole'
done
ask -d openai -m spent/amazon.nova-pro-v1:0-sim:error=quota 'When?'
is "$(got status) $(got class)" '429 quota_exhausted' 'what is spent for the day is gone'

# ---- what it cannot be asked goes elsewhere ----
post /v1/chat/completions '{"model":"both","messages":[{"role":"user","content":[
    {"type":"image_url","image_url":{"url":"https://example.org/a.png"}}]}]}' >"$tmp/body"
is "$(head_of x-llmgw-target)" oc/gpt-4.1 'an image on the web goes to a target that fetches it'

# ---- a region is needed, and makes the address ----
cat >"$tmp/one.conf" <<END
[provider "bedrock"]
    key-env = SIM_KEY
END
unset AWS_REGION
like "$("$top_builddir/llmgw" --config "$tmp/one.conf" config check 2>&1)" 'region is missing' 'without address and region it is nowhere'

done_testing
