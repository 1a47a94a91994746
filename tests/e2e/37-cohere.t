#!/bin/sh
# Cohere as a provider, for a client of each dialect: what it is asked, what the client is given,
# what it costs, and what becomes of its failures.
. "$top_srcdir/tests/e2e/lib.sh"
. "$top_srcdir/tests/e2e/crossed.sh"
need curl sqlite3

SIM_KEY=k
export SIM_KEY
start_sim sim
{
    sim_provider cohere /v2
    # what benches a key has one of its own
    sim_provider spent /v2 'kind = cohere'
    sim_provider trial /v2 'kind = cohere'
    sim_provider locked /v2 'kind = cohere'
    sim_provider oc /v1 'kind = openai'
    cat <<END
[price "cohere/command-a-plus-05-2026-sim:reasoning=5,prompt=1000,cached=600"]
    input = 1
    output = 2
[route "both"]
    target = cohere/command-a-plus-05-2026
    target = oc/gpt-4.1
END
} | config
start_broker

command=cohere/command-a-plus-05-2026

# ---- plain: streamed and whole, the same text, one of each ----
asked_by() { # HOW
    is "$(target) $(asked stream)" "/v2/chat $([ "$1" ] && echo true)" '… as it was asked'
}
plain_answers $command 'what is billed, not what is processed' asked_by
is "$(last_request sim headers.authorization | cut -c1-6)" 'Bearer' 'the key is a bearer token'
ask -d openai -s -U -m $command 'When is high water?'
like "$(got note)" '"cost_source":"computed"' 'it has a price'

# ---- calls, one and two; names that do not fit come back as they were ----
call_answers $command
for client in openai anthropic; do
    for how in '-s' ''; do
        # shellcheck disable=SC2086
        ask -d $client -T $how -m "$command-sim:tools=1,reasoning=3" 'When?'
        isnt "$(got reasoning)" '' "$client client, ${how:-whole}: what was planned before calls is reasoning"
    done
done
post /v1/chat/completions '{"model":"'$command-sim:tools=1'","messages":[{"role":"user","content":"When?"}],
    "tools":[{"type":"function","function":{"name":"7-zip"}}],
    "tool_choice":{"type":"function","function":{"name":"7-zip"}}}' >"$tmp/body"
is "$("$tool" json choices.0.message.tool_calls.0.function.name <"$tmp/body") $(asked tools.0.function.name)" \
    '7-zip Z_7_dzip' 'a name of another alphabet is written otherwise, and read back'
is "$(asked tool_choice)" REQUIRED '… a tool that must be called is the only one'
post /v1/chat/completions '{"model":"'$command'","messages":[
    {"role":"system","content":"Be brief."},{"role":"user","content":"When?"},
    {"role":"assistant","content":null,"tool_calls":[
        {"id":"c:1","type":"function","function":{"name":"tide","arguments":"{\"port\":\"Brest\"}"}},
        {"id":"c2","type":"function","function":{"name":"7","arguments":""}}]},
    {"role":"tool","tool_call_id":"c2","content":""},
    {"role":"tool","tool_call_id":"c:1","content":"17:42"}],
    "tools":[{"type":"function","function":{"name":"tide","parameters":{"type":"object"}}},
        {"type":"function","function":{"name":"7"}}],"parallel_tool_calls":false}' >"$tmp/body"
is "$("$tool" json object <"$tmp/body")" chat.completion 'results of tools are answered'
is "$("$tool" json choices.0.message.annotations.0.url_citation.url <"$tmp/body")" tool:c:1:0 '… which result the answer stands on is told'
is "$(asked messages.0.role) $(asked messages.2.tool_calls.1.function.arguments) $(asked messages.3.tool_call_id)" \
    'system {} c2' '… each with its call'
is "$(head_of x-llmgw-dropped)" 'parallel_tool_calls' '… what could not be passed on is named'
post /v1/messages '{"model":"'$command'","max_tokens":99,"messages":[{"role":"user","content":"When?"},
    {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"tide","input":{"port":"Brest"}}]},
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":"no"},
        {"type":"text","text":"And?"}]}],"tools":[{"name":"tide","input_schema":{"type":"object"}}]}' >"$tmp/body"
is "$("$tool" json type <"$tmp/body") $(asked messages.2.content)" 'message Error: no' 'for an Anthropic client, too'

# ---- images, structured output, reasoning ----
png=iVBORw0KGgoAAAANSUhEUg==
post /v1/chat/completions '{"model":"'$command'","messages":[{"role":"user","content":[{"type":"text","text":"What?"},
    {"type":"image_url","image_url":{"url":"data:image/jpeg;base64,'$png'"}}]}]}' >"$tmp/body"
is "$(asked messages.0.content.1.image_url.url)" "data:image/png;base64,$png" 'an image is what its bytes say'
# "tide: 17:42"
text='{"type":"file","file":{"filename":"tides.txt","file_data":"data:text/plain;base64,dGlkZTogMTc6NDI="}}'
post /v1/chat/completions '{"model":"'$command'","messages":[{"role":"user","content":['"$text"']}]}' >"$tmp/body"
is "$("$tool" json choices.0.finish_reason <"$tmp/body")" stop 'a text file is taken'
is "$(asked documents.0.data.title) $(asked documents.0.data.text)" 'tides.txt tide: 17:42' '… as a document'
is "$("$tool" json choices.0.message.annotations.0.url_citation.title <"$tmp/body")" tides.txt '… and what the answer stands on is told'
post /v1/chat/completions '{"model":"'$command'","stream":true,"messages":[{"role":"user","content":['"$text"']}]}' >"$tmp/body"
is "$(grep -c '"annotations":\[{"type":"url_citation"' "$tmp/body")" 1 '… in a stream, too'
doc='{"type":"document","title":"tides.txt","source":{"type":"base64","media_type":"text/plain","data":"dGlkZTogMTc6NDI="}}'
post /v1/messages '{"model":"'$command'","max_tokens":99,"messages":[{"role":"user","content":['"$doc"']}]}' >"$tmp/body"
is "$("$tool" json content.0.citations.0.document_title <"$tmp/body") $("$tool" json content.0.citations.0.cited_text <"$tmp/body")" \
    'tides.txt tide: 17:42' '… to a client of Anthropic'
post /v1/messages '{"model":"'$command'","max_tokens":99,"stream":true,"messages":[{"role":"user","content":['"$doc"']}]}' >"$tmp/body"
is "$(grep -c '"type":"citations_delta","citation":{"type":"content_block_location"' "$tmp/body")" 1 '… in a stream, too'
text='{"type":"input_file","filename":"tides.txt","file_data":"data:text/plain;base64,dGlkZTogMTc6NDI="}'
post /v1/responses '{"model":"'$command'","input":[{"role":"user","content":['"$text"']}]}' >"$tmp/body"
is "$("$tool" json status <"$tmp/body") $(asked documents.0.data.text)" 'completed tide: 17:42' '… for a client of Responses, too'
is "$("$tool" json output.0.content.0.annotations.0.title <"$tmp/body")" tides.txt '… and what it stands on'
post /v1/responses '{"model":"'$command'","stream":true,"input":[{"role":"user","content":['"$text"']}]}' >"$tmp/body"
is "$(grep -c '^data: .*"type":"response.output_text.annotation.added".*"annotation_index":0,"annotation":{"type":"url_citation"' "$tmp/body")" 1 '… in a stream, too'
like "$(cat "$tmp/body")" '"response.completed".*"annotations":\[\{"type":"url_citation"' '… to its end'
post /v1/messages '{"model":"'$command'","max_tokens":99,"messages":[{"role":"user","content":[
    {"type":"image","source":{"type":"url","url":"https://example.org/a.png"}}]}]}' >"$tmp/body"
is "$(asked messages.0.content.0.image_url.url) $("$tool" json type <"$tmp/body")" \
    'https://example.org/a.png message' '… and an address stays one'
schema_answers $command
for how in '-s' ''; do
    # shellcheck disable=SC2086
    ask -d openai $how -m $command-sim:reasoning=4 -x '"reasoning_effort":"low"' 'When?'
    is "$(asked thinking.token_budget) $(got outcome)" '1024 ok' "${how:-whole}: effort becomes a budget"
    isnt "$(got reasoning)" '' '… and thoughts are reasoning_content'
    # shellcheck disable=SC2086
    ask -d anthropic $how -m $command-sim:reasoning=4 -n 4000 -x '"thinking":{"type":"enabled","budget_tokens":2048}' 'When?'
    is "$(asked thinking.token_budget) $(got outcome)" '2048 ok' '… a budget stays one'
    isnt "$(got reasoning)" '' '… and thoughts are thinking blocks'
    # shellcheck disable=SC2086
    ask -d openai $how -m $command-sim:reasoning=4 -x '"reasoning_effort":"none"' 'When?'
    is "$(asked thinking.type) $(got reasoning)" 'disabled ' '… or none at all'
done

# ---- money: what is billed; cached tokens are of the preamble, which is not ----
for how in '-s -U' ''; do
    # shellcheck disable=SC2086
    ask -d openai $how -m $command-sim:reasoning=5,prompt=1000,cached=600 'When?'
    is "$(got input_tok) $(got cached_tok) $(got output_tok)" '1000 0 21' "${how:-whole}: usage in the client's own classes"
done
is "$(sql_wait "select count(*), min(cost_pico), max(cost_pico), max(estimated) from requests
    where asked_model like '%cached=600'" '2|1042000000|1042000000|0')" '2|1042000000|1042000000|0' '… and exactly what they cost'

# ---- finishes and refusals ----
for client in openai anthropic; do
    ask -d $client -s -m $command-sim:tokens=40 -n 10 'When?'
    is "$(got outcome) $(got finish | sed 's/max_tokens/length/')" 'ok length' "$client client: cut short by its cap"
    ask -d $client -s -m $command-sim:finish=STOP_SEQUENCE 'When?'
    is "$(got outcome) $(got finish | sed 's/stop_sequence/stop/')" 'ok stop' '… by a word that was agreed on'
    for how in '-s' ''; do
        # shellcheck disable=SC2086
        ask -d $client $how -m $command-sim:error=filter 'When?'
        is "$(got status) $(got class)" '400 content_filter' "${how:-whole}: a word on a list is an error"
        # shellcheck disable=SC2086
        ask -d $client $how -m $command-sim:error=context 'When?'
        is "$(got status) $(got class)" '400 context_length' '… and so is a long prompt'
    done
    # ---- errors before and during, cuts ----
    ask -d $client -s -m $command-sim:error=overloaded 'When?'
    is "$(got class)" overloaded 'an error before'
    ask -d $client -s -m $command-sim:in-band=5,error=overloaded 'When?'
    is "$(got status) $(got class) $(got n_finish)" '200 overloaded 0' 'an error inside the stream is told as what it is'
    ask -d $client -s -m $command-sim:finish=ERROR 'When?'
    is "$(got class) $(got n_finish)" 'server_error 0' '… and one without a reason'
    ask -d $client -s -m $command-sim:finish=TIMEOUT 'When?'
    is "$(got class) $(got n_finish)" 'timeout 0' '… and that it took too long'
    ask -d $client -s -m $command-sim:cut=5 'When?'
    is "$(got status) $(got class) $(got n_finish)" '200 stream_interrupted 0' 'a cut is told'
    ask -d $client -s -m $command-sim:cut=5,by=end 'When?'
    is "$(got status) $(got class) $(got n_finish)" '200 stream_interrupted 0' '… and an end without a finish is one'
    ask -d $client -s -m $command-sim:no-end 'When?'
    is "$(got outcome)" ok 'a missing end mark behind the finish is none'
done
ask -d openai -m spent/command-a-plus-05-2026-sim:error=billing 'When?'
is "$(got status) $(got class)" '429 quota_exhausted' 'money that is spent is gone'
ask -d openai -m trial/command-a-plus-05-2026-sim:error=quota 'When?'
is "$(got status) $(got class)" '429 quota_exhausted' '… and so are the calls of a month'
ask -d openai -m locked/command-a-plus-05-2026-sim:error=auth 'When?'
is "$(got status) $(got class)" '502 upstream_authentication' 'a bad key is no fault of the client'

# ---- what it cannot be asked goes elsewhere ----
post /v1/chat/completions '{"model":"both","messages":[{"role":"user","content":[
    {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AAAA"}}]}]}' >"$tmp/body"
is "$(head_of x-llmgw-target)" oc/gpt-4.1 'a file goes to a target that reads it'

done_testing
