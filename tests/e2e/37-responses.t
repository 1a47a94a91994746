#!/bin/sh
# OpenAI Responses: as a provider that any client can be answered by, as the dialect of a client
# that any provider can answer, and where both are, as bytes that pass.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

SIM_KEY=k
export SIM_KEY
start_sim sim
config <<END
[provider "oc"]
    kind = openai
    base-url = http://127.0.0.1:$sim_port/v1
    key-env = SIM_KEY
[provider "rs"]
    kind = openai-responses
    base-url = http://127.0.0.1:$sim_port/v1
    key-env = SIM_KEY
[provider "an"]
    kind = anthropic
    base-url = http://127.0.0.1:$sim_port/v1
    key-env = SIM_KEY
[provider "ge"]
    kind = gemini
    base-url = http://127.0.0.1:$sim_port/v1beta
    key-env = SIM_KEY
[provider "perplexity"]
    base-url = http://127.0.0.1:$sim_port/v1
    key-env = SIM_KEY
[route "falls"]
    target = rs/gpt-5.5-sim:500
    target = an/claude-sonnet-5
[price "rs/gpt-5.5"]
    input = 1
    output = 2
END
start_broker

word() { got finish | sed 's/^end_turn$/stop/; s/^completed$/stop/'; }

# ---- every client by every provider says the same ----
texts=
for client in openai anthropic responses; do
    for target in oc/gpt-4.1 rs/gpt-5.5 an/claude-sonnet-5 ge/gemini-3.5-flash; do
        [ "$client ${target%%/*}" = 'openai oc' ] && continue
        for how in '-s -U' ''; do
            # shellcheck disable=SC2086
            ask -d $client $how -m "$target" 'When is high water?'
            is "$(got outcome) $(word) $(got problems)" 'ok stop ' "$client client, $target, ${how:-whole}: a whole answer"
            is "$(got output_tok)" 16 '… with its usage'
            texts="$texts$(got text)|"
        done
    done
done
is "$(printf '%s' "$texts" | tr '|' '\n' | sort -u | grep -c .)" 1 'all were given the same text'

# ---- calls and thoughts ----
for target in oc/gpt-4.1 rs/gpt-5.5 an/claude-opus-5 ge/gemini-3.5-flash; do
    for how in -s ''; do
        # shellcheck disable=SC2086
        ask -d responses $how -T -m "$target-sim:tools=2" 'When?'
        is "$(got outcome) $(got tools) $(got finish) $(got problems)" 'ok 2 completed ' "$target, ${how:-whole}: two calls"
        like "$(got tool1)" '^tide_at \{.*"port"' '… with their arguments'
        # shellcheck disable=SC2086
        ask -d responses $how -x '"reasoning":{"effort":"low","summary":"auto"}' -m "$target-sim:reasoning=4" 'When?'
        is "$(got outcome) $(got problems)" 'ok ' '… an answer that was thought about'
        isnt "$(got reasoning)" '' '… tells the thought'
    done
done
for client in openai anthropic; do
    for how in -s ''; do
        # shellcheck disable=SC2086
        ask -d $client $how -T -m rs/gpt-5.5-sim:tools=2 'When?'
        is "$(got outcome) $(got tools) $(got problems)" 'ok 2 ' "$client client, ${how:-whole}: two calls of Responses"
    done
done

# ---- what Chat Completions of newer models refuse goes to Responses ----
ask -d openai -T -x '"reasoning_effort":"high"' -m oc/gpt-5.5 'When?'
is "$(got outcome) $(last_request sim target)" 'ok /v1/responses' 'tools with effort are asked of Responses'
is "$(asked reasoning.effort) $(asked store) $(asked tools.0.name) $(asked tools.0.strict)" 'high false tide_at false' '… in its words'
ask -d anthropic -T -x '"thinking":{"type":"adaptive"},"output_config":{"effort":"medium"}' -m oc/gpt-5.6 'When?'
is "$(got outcome) $(last_request sim target) $(asked reasoning.effort)" 'ok /v1/responses medium' '… also for an Anthropic client'
ask -d openai -T -m oc/gpt-5.6 'When?'
is "$(last_request sim target)" /v1/responses '… and tools of a model that wants an effort said'
ask -d openai -T -x '"reasoning_effort":"none"' -m oc/gpt-5.6 'When?'
is "$(last_request sim target)" /v1/chat/completions 'where none is wanted they stay with Chat'
ask -d openai -x '"reasoning_effort":"high"' -m oc/gpt-5.6 'When?'
is "$(last_request sim target)" /v1/chat/completions 'so does an effort without tools'

# ---- custom tools, whose input is a text ----
custom='{"type":"custom","custom":{"name":"sh","description":"run","format":{"type":"grammar","grammar":{"syntax":"regex","definition":"a+"}}}}'
shell() { # PATH TARGET STREAM [MORE]
    case $1 in
    */responses) said='"input":"Run."' def='{"type":"custom","name":"sh"}' ;;
    *) said='"messages":[{"role":"user","content":"Run."}'"${4:-}"']' def=$custom ;;
    esac
    post "$1" '{"model":"'"$2"'-sim:tools=1","stream":'"$3"',"reasoning_effort":"high",'"$said"',"tools":['"$def"']}' >"$tmp/body"
}
shell /v1/chat/completions oc/gpt-5.5 false
is "$(last_request sim target) $(asked tools.0.type) $(asked tools.0.format.syntax)" '/v1/responses custom regex' 'Chat: a custom tool with effort is asked of Responses'
of() { "$tool" json "$1" <"$tmp/body"; }
call=choices.0.message.tool_calls.0
is "$(of $call.type) $(of $call.custom.name) $(of choices.0.finish_reason)" 'custom sh tool_calls' '… and its call is one'
input=$(of $call.custom.input)
like "$input" '^[^{]+$' '… with a text as its input'
id=$(of $call.id)
shell /v1/chat/completions oc/gpt-5.5 true
is "$(sed -n 's/^data: //p' "$tmp/body" | grep -c '"type":"custom"')" 1 '… also in a stream'
sed -n 's/^data: //p' "$tmp/body" | grep '"custom":{"input"' >"$tmp/one"
is "$("$tool" json choices.0.delta.tool_calls.0.custom.input <"$tmp/one")" "$input" '… with the same input'
shell /v1/chat/completions oc/gpt-5.5 false ',{"role":"assistant","content":null,"tool_calls":[{"id":"'"$id"'","type":"custom","custom":{"name":"sh","input":"a \"b\"\n"}}]},{"role":"tool","tool_call_id":"'"$id"'","content":"ok"}'
is "$(asked input.1.type)|$(asked input.1.input)|$(asked input.2.type)" 'custom_tool_call|a "b"|custom_tool_call_output' '… and goes back as what it was'
shell /v1/chat/completions an/claude-sonnet-5 false
is "$(of $call.type) $(of $call.custom.name)" 'custom sh' 'elsewhere it is a function, which the client does not see'
is "$(asked tools.0.input_schema.required.0)" input '… with one string'
for stream in false true; do
    shell /v1/responses an/claude-sonnet-5 $stream
    grep -o '"type":"custom_tool_call","status":"completed","call_id":"[^"]*","name":"sh","input":"[^"]*"' "$tmp/body" | tail -n 1 >"$tmp/one"
    like "$(cat "$tmp/one")" '"name":"sh","input":"[^"{]+"$' "Responses, stream $stream: so it is for its clients"
done
like "$(cat "$tmp/body")" 'event: response.custom_tool_call_input.done' '… with its own events'

# ---- a tool loop keeps its reasoning item ----
tide() { # STREAM [MORE]
    post /v1/chat/completions '{"model":"rs/gpt-5.5-sim:reasoning=3,tools=1","stream":'"$1"',"messages":[{"role":"user","content":"When?"}'"${2:-}"'],
        "tools":[{"type":"function","function":{"name":"tide","parameters":{"type":"object"}}}]}'
}
for stream in false true; do
    id=$(tide $stream | sed -n 's/.*"id":"\(call_[0-9a-f]*\)".*/\1/p' | head -n 1)
    isnt "$id" '' "stream $stream: a thinking model calls"
    tide $stream ',{"role":"assistant","content":null,"tool_calls":[{"id":"'"$id"'","type":"function","function":{"name":"tide","arguments":"{}"}}]},{"role":"tool","tool_call_id":"'"$id"'","content":"17:42"}' >"$tmp/body"
    is "$(asked input.1.type) $(asked input.2.type) $(asked input.3.type)" 'reasoning function_call function_call_output' '… its item comes back before the call'
    like "$(asked input.1.encrypted_content)" '^gAAAAA-rs_' '… with what only its maker can read'
    isnt "$(head_of x-llmgw-target)" '' '… and is taken'
done

# ---- a conversation of a Responses client, translated ----
post /v1/responses '{"model":"an/claude-sonnet-5","instructions":"Be brief.","input":[{"role":"user","content":"When?"},
    {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Hm."}],"encrypted_content":"x"},
    {"type":"message","role":"assistant","content":[{"type":"output_text","text":"Let me see."}]},
    {"type":"function_call","call_id":"c1","name":"tide","arguments":"{\"port\":\"Brest\"}"},
    {"type":"function_call_output","call_id":"c1","output":"17:42"},
    {"role":"user","content":[{"type":"input_text","text":"Sure?"},{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="}]}],
    "tools":[{"type":"function","name":"tide","parameters":{"type":"object"}}],"tool_choice":"auto","max_output_tokens":900,"metadata":{"a":"b"}}' >"$tmp/body"
is "$("$tool" json object <"$tmp/body") $("$tool" json status <"$tmp/body")" 'response completed' 'a conversation is answered'
is "$(asked system) $(asked max_tokens)" 'Be brief. 900' '… its instructions are the system prompt'
is "$(asked messages.1.content.0.text)|$(asked messages.1.content.1.type)|$(asked messages.1.content.1.input.port)" 'Let me see.|tool_use|Brest' '… what the assistant said and called is one turn'
is "$(asked messages.2.content.0.type) $(asked messages.2.content.1.text) $(asked messages.2.content.2.type)" 'tool_result Sure? image' '… the result stands before what the user says'
is "$(head_of x-llmgw-dropped)" metadata '… what has no place is named'
is "$("$tool" json instructions <"$tmp/body") $("$tool" json max_output_tokens <"$tmp/body") $("$tool" json metadata.a <"$tmp/body") $("$tool" json tools.0.name <"$tmp/body")" \
    'Be brief. 900 b tide' '… and the answer repeats what was asked for'
post /v1/responses '{"model":"an/claude-sonnet-5","stream":true,"input":"x","instructions":"Be brief.","reasoning":{"effort":"low"}}' |
    sed -n 's/^data: \(.*"response\.\(created\|completed\)".*\)/\1/p' >"$tmp/events"
for n in 1 2; do
    sed -n ${n}p "$tmp/events" >"$tmp/body"
    is "$("$tool" json response.instructions <"$tmp/body") $("$tool" json response.reasoning.effort <"$tmp/body")" 'Be brief. low' "… of a stream, too: event $n"
done
schema='{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"],"additionalProperties":false}'
for target in an/claude-sonnet-5 ge/gemini-3.5-flash oc/gpt-4.1 rs/gpt-5.5; do
    ask -d responses -x '"text":{"format":{"type":"json_schema","name":"a","strict":true,"schema":'"$schema"'}}' -m $target hi
    like "$(got text)" '^\{"a": (true|false)\}$' "$target: structured output fits its schema"
done
ask -d openai -x '"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":'"$schema"'}}' -m rs/gpt-5.5 hi
like "$(got text)" '^\{"a": (true|false)\}$' 'an OpenAI client gets it from Responses'
is "$(asked text.format.strict) $(asked text.format.name)" 'true a' '… which was asked flatly'

# ---- the same dialect: bytes pass ----
body='{"stream":false, "model" : "rs/gpt-5.5","input":"h\u0069 \u00e9","temperature":1.50e0,"metadata":{"b":"1"},"max_output_tokens":64}'
post /v1/responses "$body" >"$tmp/body"
is "$(grep '"what":"request"' "$sim_journal" | tail -n 1 | sed 's/.*"body":\(.*\)}$/\1/')" \
    "$(printf '%s' "$body" | sed 's|rs/gpt|gpt|')" 'nothing but the model changes'
ask -d responses -s -m rs/gpt-5.5 'When?'
like "$(got id)" '^resp_[0-9a-f]{16}$' "the answer's id is the provider's own"

# ---- what is not kept is refused ----
for field in '"previous_response_id":"resp_1"' '"conversation":"conv_1"' '"background":true'; do
    post /v1/responses '{"model":"rs/gpt-5.5","input":"x",'"$field"'}' >"$tmp/body"
    is "$(head -n 1 "$tmp/head" | cut -d ' ' -f 2) $("$tool" json error.param <"$tmp/body") $("$tool" json error.type <"$tmp/body")" \
        "400 $(printf %s "$field" | cut -d '"' -f 2) invalid_request_error" "$field is refused"
    like "$("$tool" json error.message <"$tmp/body")" 'not kept' '… with the reason'
done
post /v1/responses '{"model":"an/claude-sonnet-5","input":"x","tools":[{"type":"web_search"}]}' >"$tmp/body"
like "$("$tool" json error.message <"$tmp/body")" 'tools\[0\]\.type: "web_search" is not known here' 'a tool that OpenAI runs itself is refused elsewhere'

# ---- the ledger ----
ask -d responses -s -m rs/gpt-5.5-sim:tokens=10,prompt=100 'When?'
id=$(got h.x-llmgw-request-id)
is "$(sql_wait "select dialect, input, output, estimated, crossed from requests where id = '$id'" 'responses|100|10|0|0')" \
    'responses|100|10|0|0' 'usage is in the ledger'
post /v1/responses '{"model":"rs/gpt-5.5","input":"x"}' >"$tmp/body"
isnt "$(head_of x-llmgw-cost-usd)" '' 'a whole answer has its cost'
is "$(head_of x-llmgw-cost-usd)" "$("$tool" json usage.input_tokens <"$tmp/body" | awk '{ printf "%.6f", ($1 + 32) / 1000000 }')" 'the cost is exact'

# ---- Perplexity: Responses of fewer fields ----
for client in openai anthropic responses; do
    ask -d $client -s -m perplexity/sonar-pro hi
    is "$(last_request sim target) $(asked model) $(asked preset)" '/v1/responses perplexity/sonar fast' "$client client: what was sonar-pro is a preset now"
done
ask -d anthropic -m perplexity/perplexity/sonar hi
is "$(got outcome) $(asked model) $(asked preset)$(asked store)$(asked include)" 'ok perplexity/sonar ' '… other models are themselves, and fields it does not know are left out'

# ---- failures ----
ask -d responses -s -m falls 'When?'
is "$(got outcome) $(got h.x-llmgw-target)" 'ok an/claude-sonnet-5' 'a failure moves on to another dialect'
for target in oc/gpt-4.1 rs/gpt-5.5 an/claude-sonnet-5; do
    ask -d responses -s -m "$target-sim:cut=5" 'When?'
    is "$(got outcome) $(got class) $(got n_finish) $(got problems)" 'error stream_interrupted 0 ' "$target: a cut is a failed response"
    ask -d responses -s -m "$target-sim:in-band=5,error=overloaded" 'When?'
    is "$(got outcome) $(got class) $(got problems)" 'error overloaded ' '… so is an error inside the stream'
    ask -d responses -m "$target-sim:error=context" 'When?'
    is "$(got status) $(got class) $(got type)" '400 context_length invalid_request_error' '… before it there is a status'
    ask -d responses -s -m "$target-sim:tokens=40" -x '"max_output_tokens":20' 'When?'
    is "$(got outcome) $(got finish)" 'ok max_output_tokens' '… and what is cut at its cap is incomplete'
done
ask -d openai -s -m rs/gpt-5.5-sim:no-finish 'When?'
is "$(got outcome) $(got class)" 'error stream_interrupted' 'an end mark without an end is a cut'
ask -d openai -m rs/gpt-5.5-sim:in-band=0,error=quota 'When?'
is "$(got class)" quota_exhausted 'a quota told after 200 is one'
done_testing
