#!/bin/sh
# Each dialect's client by each dialect's provider: what the provider is asked, what the client is
# given, and what is said of what could not be passed on.
. "$top_srcdir/tests/e2e/lib.sh"
need curl

SIM_KEY=k
export SIM_KEY
start_sim sim
config <<END
[provider "oc"]
    kind = openai
    base-url = http://127.0.0.1:$sim_port/v1
    key-env = SIM_KEY
[provider "an"]
    kind = anthropic
    base-url = http://127.0.0.1:$sim_port/v1
    key-env = SIM_KEY
[provider "poor"]
    kind = openai
    base-url = http://127.0.0.1:$sim_port/v1
    key-env = SIM_KEY
[route "both"]
    target = an/claude-sonnet-5
    target = oc/gpt-4.1
[route "tools"]
    target = an/claude-sonnet-5-sim:tools=2
[route "errs-once"]
    target = an/claude-sonnet-5-sim:times=1,text=7
[route "errs"]
    target = an/claude-sonnet-5-sim:text=7
[route "errs-then-not"]
    target = an/claude-sonnet-5-sim:text=7
    target = an/claude-sonnet-5
[route "pauses"]
    target = an/claude-sonnet-5-sim:finish=pause
[route "odd"]
    target = an/claude-sonnet-5-sim:finish=moonrise
[route "thinks"]
    target = an/claude-opus-5-sim:reasoning=4
END
start_broker


texts=
# ---- streams: every pair says the same text, with one start, finish, usage and end ----
for client in openai anthropic; do
    for target in oc/gpt-4.1 an/claude-sonnet-5; do
        for how in '-s -U' ''; do
            # shellcheck disable=SC2086
            ask -d $client $how -m "$target" 'When is high water?'
            is "$(got outcome) $(got finish | sed 's/end_turn/stop/') $(got problems)" 'ok stop ' \
                "$client client, $target, ${how:-whole}: a whole answer"
            is "$(got output_tok)" 16 '… with its usage'
            texts="$texts$(got text)|"
        done
    done
done
is "$(printf '%s' "$texts" | tr '|' '\n' | sort -u | grep -c .)" 1 'all pairs were given the same text'

# ---- ends that have no word ----
ask -d openai -s -m pauses 'When?'
is "$(got outcome) $(got finish)" 'ok stop' 'a paused turn is a stop to an OpenAI client'
chat_sse=$(post /v1/chat/completions '{"model":"pauses","stream":true,"messages":[{"role":"user","content":"x"}]}')
like "$chat_sse" '^: llmgw .*"warning":"the provider paused its turn' '… with a warning at the end of the stream'
post /v1/chat/completions '{"model":"pauses","messages":[{"role":"user","content":"x"}]}' >"$tmp/answer"
like "$(head_of x-llmgw-warning)" 'paused its turn' '… and in the head of a whole answer'
post /v1/chat/completions '{"model":"odd","messages":[{"role":"user","content":"x"}]}' >"$tmp/answer"
like "$(head_of x-llmgw-warning)" 'for a reason' 'so is a reason that nobody knows'
like "$(grep 'unknown reason' "$broker_log")" 'target=[a-z]*/.* finish="moonrise"' '… whose word is in the log'
post /v1/messages '{"model":"pauses","max_tokens":9,"messages":[{"role":"user","content":"x"}]}' >"$tmp/answer"
is "$(head_of x-llmgw-warning)" '' 'a client of the same dialect reads it itself'

# ---- answers against a schema of which the target knows only a part ----
schema='{"type":"object","properties":{"a":{"type":"boolean"},"n":{"type":"integer","minimum":-5}},"required":["a"],"additionalProperties":false}'
wish='"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":'"$schema"'}}'
n_before=$(grep -c '"what":"request"' "$sim_journal")
for how in '-s' '-s -H x-llmgw-stream:hold' ''; do
    # shellcheck disable=SC2086
    ask -d openai $how -x "$wish" -m an/claude-sonnet-5 hi
    is "$(got outcome) $(got finish)" 'ok stop' "${how:-whole}: an answer that fits passes"
    # shellcheck disable=SC2086
    ask -d openai $how -x "$wish" -m errs hi
    case $how in
    -s) want='200 unusable_answer 0' ;;
    *) want='502 unusable_answer 0' ;;
    esac
    is "$(got status) $(got class) $(got n_finish)" "$want" '… one that does not is told as unusable'
    # shellcheck disable=SC2086
    [ "$how" = -s ] || { ask -d openai $how -x "$wish" -m errs-then-not hi
        is "$(got outcome)" ok '… and another target is asked while nothing was shown'; }
done
is "$(post /v1/chat/completions '{"model":"errs","messages":[{"role":"user","content":"x"}],'"$wish"'}' |
    "$tool" json error.llmgw.answer)" 7 'the error tells what was refused'
n_before=$((n_before + 2))
ask -d openai -x "$wish" -m errs-once hi
is "$(got outcome)" ok 'the same target is asked once more'
is "$(($(grep -c '"what":"request"' "$sim_journal") - n_before))" 16 '… each was asked as often as it should'
ask -d openai -x "$(printf %s "$wish" | sed 's/,"minimum":-5//')" -m errs hi
is "$(got outcome)" ok 'where the target knows the whole schema it is trusted'

# ---- calls ----
for how in '-s' ''; do
    # shellcheck disable=SC2086
    ask -d openai -T $how -m tools 'When?'
    is "$(got outcome) $(got tools) $(got finish)" 'ok 2 tool_calls' "two calls for an OpenAI client ${how:-whole}"
done
ask -d anthropic -s -T -m oc/gpt-4.1-sim:tools=2 'When?'
is "$(got outcome) $(got tools) $(got finish) $(got problems)" 'ok 2 tool_use ' 'two calls for an Anthropic client'

# ---- thoughts ----
ask -d openai -s -m thinks -x '"reasoning_effort":"high"' 'When?'
is "$(asked thinking.type) $(asked output_config.effort)" 'adaptive high' 'effort becomes adaptive thinking'
isnt "$(got reasoning)" '' '… and thoughts are reasoning_content'
ask -d anthropic -s -m oc/gpt-5.1 -n 4000 -x '"thinking":{"type":"enabled","budget_tokens":2048}' 'When?'
is "$(asked reasoning_effort) $(asked max_completion_tokens)" 'medium 4000' 'a budget becomes effort'

# ---- a conversation with results of tools ----
post /v1/chat/completions '{"model":"an/claude-sonnet-5","temperature":0.4,"seed":7,"messages":[
    {"role":"system","content":"Be brief."},{"role":"user","content":"When?"},
    {"role":"assistant","content":null,"tool_calls":[{"id":"c:1","type":"function","function":{"name":"tide","arguments":"{\"port\":\"Brest\"}"}}]},
    {"role":"tool","tool_call_id":"c:1","content":"17:42"},{"role":"user","content":"Sure?"}],
    "tools":[{"type":"function","function":{"name":"tide","parameters":{"type":"object"}}}]}' >"$tmp/body"
is "$("$tool" json object <"$tmp/body")" chat.completion 'a conversation with tools is answered'
is "$(asked system)" 'Be brief.' '… the system prompt stands apart'
is "$(asked messages.1.content.0.input.port)" Brest '… arguments are an object'
is "$(asked messages.2.content.0.tool_use_id)" "$(asked messages.1.content.0.id)" '… the result names its call'
is "$(asked messages.2.content.1.text)" 'Sure?' '… and stands before the text'
is "$(head_of x-llmgw-dropped)" 'temperature, seed' '… what could not be passed on is named'

# ---- thoughts that the client cannot carry come back with their calls ----
tide() { # MODEL STREAM [MORE]
    post /v1/chat/completions '{"model":"'"$1"'","stream":'"$2"',"reasoning_effort":"low","messages":[{"role":"user","content":"When?"}'"${3:-}"'],
        "tools":[{"type":"function","function":{"name":"tide","parameters":{"type":"object"}}}]}'
}
told() { # ID: the turn with that call, and its result
    printf ',{"role":"assistant","content":null,"tool_calls":[{"id":"%s","type":"function","function":{"name":"tide","arguments":"{}"}}]},{"role":"tool","tool_call_id":"%s","content":"17:42"}' "$1" "$1"
}
thinker=an/claude-opus-5-sim:reasoning=4,tools=1
for stream in false true; do
    id=$(tide $thinker $stream | sed -n 's/.*"id":"\(toolu_[0-9a-zA-Z]*\)".*/\1/p' | head -n 1)
    isnt "$id" '' "stream $stream: a thinking model calls"
    tide $thinker $stream "$(told "$id")" >"$tmp/body"
    is "$(asked messages.1.content.0.type) $(asked messages.1.content.1.type)" 'thinking tool_use' '… and its thought comes back before the call'
    isnt "$(asked messages.1.content.0.signature)" '' '… signed'
    tide an/claude-sonnet-5 $stream "$(told "$id")" >"$tmp/body"
    is "$(asked messages.1.content.0.type)" tool_use '… but not to another model'
done

old=an/claude-sonnet-4-5-sim:reasoning=4,tools=1
id=$(tide $old false | sed -n 's/.*"id":"\(toolu_[0-9a-zA-Z]*\)".*/\1/p')
tide $old false "$(told "$id")" >"$tmp/body"
is "$(asked thinking.type) $(asked messages.1.content.0.type)" 'enabled thinking' 'with its thought there, a model that thinks by a budget goes on thinking'
tide $old false "$(told toolu_forgotten)" >"$tmp/body"
is "$(asked thinking.type)" '' '… and rests where the thought is not known any more'

# ---- what another provider has thought, told to the client, does not come to one that must sign it ----
chat='"messages":[{"role":"user","content":"When?"}'
for stream in false true; do
    ask -d anthropic $([ $stream = true ] && echo -s) -n 2000 -x '"thinking":{"type":"adaptive"}' -m oc/gpt-5.1-sim:reasoning=3 'When?'
    isnt "$(got reasoning)" '' "stream $stream: an Anthropic client reads what another provider thinks"
    post /v1/messages '{"model":"an/claude-opus-5","max_tokens":900,"stream":'$stream','"$chat"',{"role":"assistant","content":[
        {"type":"thinking","thinking":"Hm.","signature":""},{"type":"text","text":"At six."}]},{"role":"user","content":"Sure?"}]}' >"$tmp/body"
    is "$(head -n 1 "$tmp/head" | cut -d ' ' -f 2) $(asked messages.1.content.0.text)" '200 At six.' \
        '… and says it again to Anthropic: without the thought'
done
post /v1/responses '{"model":"an/claude-opus-5-sim:reasoning=3","reasoning":{"effort":"low"},"input":"When?"}' >"$tmp/body"
is "$("$tool" json output.0.type <"$tmp/body")" reasoning 'a Responses client gets an item of another provider'
items=$(printf '{"role":"user","content":"When?"},%s,%s' "$("$tool" json output.0 <"$tmp/body")" "$("$tool" json output.1 <"$tmp/body")")
post /v1/responses '{"model":"oc/gpt-5.5","input":['"$items"',{"role":"user","content":"Sure?"}]}' >"$tmp/body"
is "$(head -n 1 "$tmp/head" | cut -d ' ' -f 2) $(asked input.1.type) $(asked input.2.content)" '200 message Sure?' \
    '… and gives it back to OpenAI: without the thought'

# ---- errors in the client's own shape ----
post /v1/messages '{"model":"oc/gpt-4.1","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]}]}' >"$tmp/body"
is "$("$tool" json type <"$tmp/body") $("$tool" json error.type <"$tmp/body")" 'error invalid_request_error' \
    'what cannot be translated is refused'
like "$("$tool" json error.message <"$tmp/body")" 'messages\.0\.content\.0\.source\.file_id: ' '… by the name of the field'
ask -d openai -s -m 'an/claude-sonnet-5-sim:error=context' 'When?'
is "$(got status) $(got code)" '400 context_length_exceeded' "Anthropic's full context is OpenAI's"
ask -d anthropic -s -m 'oc/gpt-4.1-sim:error=context' 'When?'
is "$(got status) $(got type)" '400 invalid_request_error' "OpenAI's full context is Anthropic's"
like "$(got message)" '^prompt is too long' '… in words that its clients know'
ask -d anthropic -m 'poor/gpt-4.1-sim:error=quota' 'When?'
is "$(got status) $(got type)" '402 billing_error' 'no money left is a 402 there'

# ---- a target that cannot say it is passed over, not the end of the request ----
ask -d openai -m both -x '"n":2' 'When?'
is "$(got status) $(got h.x-llmgw-target)" '200 oc/gpt-4.1' 'two choices are asked of the target that gives them'
ask -d openai -m an/claude-sonnet-5 -x '"n":2' 'When?'
is "$(got status) $(got type)" '400 invalid_request_error' '… and refused when none does'

done_testing
