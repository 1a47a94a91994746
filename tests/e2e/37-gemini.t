#!/bin/sh
# Gemini as a provider, for a client of each dialect: what it is asked, what the client is given,
# what it costs, and what becomes of its failures.
. "$top_srcdir/tests/e2e/lib.sh"
. "$top_srcdir/tests/e2e/crossed.sh"
need curl sqlite3

SIM_KEY=k
export SIM_KEY
start_sim sim
{
    sim_provider gemini /v1beta
    sim_provider vertex /v1/projects/p/locations/global/publishers/google
    # what benches a key has one of its own
    sim_provider spent /v1beta 'kind = gemini'
    sim_provider locked /v1beta 'kind = gemini'
    sim_provider oc /v1 'kind = openai'
    cat <<END
# a token that a command prints, as gcloud auth print-access-token does
[provider "gcloud"]
    kind = vertex
    base-url = http://127.0.0.1:$sim_port/v1/projects/p/locations/global/publishers/google
    key-cmd = printf 'ya29.of-an-hour'
[price "gemini/gemini-3.8-flash-sim:reasoning=5,prompt=1000,cached=600"]
    input = 1
    output = 2
    cache-read = 0.5
[route "both"]
    target = gemini/gemini-3.8-flash
    target = oc/gpt-4.1
END
} | config
start_broker

flash=gemini/gemini-3.8-flash
# ---- plain: streamed and whole, the same text, one of each ----
asked_by() { # HOW
    like "$(target)" "^/v1beta/models/gemini-3\\.8-flash:$([ "$1" ] && echo streamGenerateContent.alt=sse || echo generateContent)\$" \
        '… by the method that the URL names'
}
plain_answers $flash 'its usage' asked_by
is "$(asked store)" false 'nothing is to be stored'
# 3.8-flash: the catalog's own price
ask -d openai -s -U -m $flash 'When is high water?'
like "$(got note)" '"cost_source":"computed"' 'it has a price'

# ---- calls, one and two; and results with the signature of their call ----
call_answers $flash
post /v1/chat/completions '{"model":"'$flash'","messages":[
    {"role":"system","content":"Be brief."},{"role":"user","content":"When?"},
    {"role":"assistant","content":null,"tool_calls":[
        {"id":"c:1","type":"function","function":{"name":"tide","arguments":"{\"port\":\"Brest\"}"}},
        {"id":"c2","type":"function","function":{"name":"7","arguments":""}}]},
    {"role":"tool","tool_call_id":"c2","content":"7"},
    {"role":"tool","tool_call_id":"c:1","content":"17:42"}],
    "tools":[{"type":"function","function":{"name":"tide","parameters":{"type":"object"}}},
        {"type":"function","function":{"name":"7"}}],"parallel_tool_calls":false}' >"$tmp/body"
is "$("$tool" json object <"$tmp/body")" chat.completion 'results of tools are answered'
is "$(asked contents.2.parts.0.functionResponse.name) $(asked contents.2.parts.1.functionResponse.id)" 'tide c2' \
    '… in the order of their calls, by name'
is "$(asked systemInstruction.parts.0.text)" 'Be brief.' '… the system prompt stands apart'
is "$(head_of x-llmgw-dropped)" 'parallel_tool_calls' '… what could not be passed on is named'
post /v1/messages '{"model":"'$flash'","max_tokens":99,"messages":[{"role":"user","content":"When?"},
    {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"tide","input":{"port":"Brest"}}]},
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":"no"},
        {"type":"text","text":"And?"}]}],"tools":[{"name":"tide","input_schema":{"type":"object"}}]}' >"$tmp/body"
is "$("$tool" json type <"$tmp/body")" message 'for an Anthropic client, too'
is "$(asked contents.2.parts.0.functionResponse.response.error) $(asked contents.2.parts.1.text)" 'no And?' \
    '… a failed call is told as one'

# the signature of a call comes back with it, though no client can carry it
turn() { # STREAM [MORE]: a conversation about the tide, and what was said so far
    post /v1/chat/completions '{"model":"'$flash-sim:tools=1'","stream":'"$1"',"messages":[
        {"role":"user","content":"When?"}'"${2:-}"'],
        "tools":[{"type":"function","function":{"name":"tide","parameters":{"type":"object"}}}]}'
}
for stream in false true; do
    id=$(turn $stream | sed -n 's/.*"id":"\(fc-[0-9a-f]*\)".*/\1/p' | head -n 1)
    like "$id" '^fc-' "stream $stream: a call has its provider's id"
    turn $stream ',{"role":"assistant","content":null,"tool_calls":[{"id":"'"$id"'","type":"function",
        "function":{"name":"tide","arguments":"{}"}}]},{"role":"tool","tool_call_id":"'"$id"'","content":"17:42"}' >"$tmp/body"
    like "$(asked contents.1.parts.0.thoughtSignature)" '^U2lt[0-9a-f]' '… and its signature when it comes back'
done

# the signature of a text, too, when the same text comes back
said() { # CLIENT TEXT: a conversation that said so before
    printf '[{"role":"user","content":"When?"},{"role":"assistant","content":"%s"},{"role":"user","content":"And?"}]' "$2" >"$tmp/messages"
    post "$([ "$1" = openai ] && echo /v1/chat/completions || echo /v1/messages)" \
        '{"model":"'"${3:-$flash}"'","max_tokens":99,"messages":'"$(cat "$tmp/messages")"'}' >"$tmp/body"
    asked contents.1.parts.0.thoughtSignature
}
for client in openai anthropic; do
    for how in '-s' ''; do
        # shellcheck disable=SC2086
        ask -d $client $how -m $flash-sim:text="high-water-$client${how:+-streamed}" 'When?'
        is "$(got problems) $(said $client "$(got text)")" ' RU5E' "$client client, ${how:-whole}: a text comes back with its signature"
    done
done
is "$(said openai 'low water')" '' '… another text has none'
is "$(said openai "$(got text)" gemini/gemini-2.5-flash)" '' '… nor has any for a model that does not sign'
is "$(said openai "$(got text)" gemini/gemini-4-argon)" RU5E '… but for any other that does'

# ---- images, structured output, reasoning ----
png=iVBORw0KGgoAAAANSUhEUg==
post /v1/chat/completions '{"model":"'$flash'","messages":[{"role":"user","content":[{"type":"text","text":"What?"},
    {"type":"image_url","image_url":{"url":"data:image/jpeg;base64,'$png'"}}]}]}' >"$tmp/body"
is "$(asked contents.0.parts.1.inlineData.mimeType)" image/png 'an image is what its bytes say'
post /v1/messages '{"model":"'$flash'","max_tokens":99,"messages":[{"role":"user","content":[
    {"type":"image","source":{"type":"base64","media_type":"image/png","data":"'$png'"}}]}]}' >"$tmp/body"
is "$(asked contents.0.parts.0.inlineData.data) $("$tool" json type <"$tmp/body")" "$png message" "an Anthropic client's too"
schema_answers $flash
for how in '-s' ''; do
    # shellcheck disable=SC2086
    ask -d openai $how -m $flash-sim:reasoning=4 -x '"reasoning_effort":"high"' 'When?'
    is "$(asked generationConfig.thinkingConfig.thinkingLevel) $(got outcome)" 'HIGH ok' "${how:-whole}: effort becomes a level"
    isnt "$(got reasoning)" '' '… and thoughts are reasoning_content'
    # shellcheck disable=SC2086
    ask -d anthropic $how -m gemini/gemini-2.5-pro-sim:reasoning=4 -n 4000 -x '"thinking":{"type":"enabled","budget_tokens":2048}' 'When?'
    is "$(asked generationConfig.thinkingConfig.thinkingBudget) $(got outcome)" '2048 ok' '… a budget stays one'
    isnt "$(got reasoning)" '' '… and thoughts are thinking blocks'
done

# ---- money: cached inside the prompt, thoughts outside the candidates ----
for how in '-s -U' ''; do
    # shellcheck disable=SC2086
    ask -d openai $how -m $flash-sim:reasoning=5,prompt=1000,cached=600 -x '"reasoning_effort":"low"' 'When?'
    is "$(got input_tok) $(got cached_tok) $(got output_tok) $(got reasoning_tok)" '1000 600 21 5' \
        "${how:-whole}: usage in the client's own classes"
done
# 400 at a dollar, 600 at half of one, 16 + 5 at two dollars a million
is "$(sql_wait "select count(*), min(cost_pico), max(cost_pico), max(estimated) from requests
    where asked_model like '%cached=600'" '2|742000000|742000000|0')" '2|742000000|742000000|0' '… and exactly what they cost'

# ---- finishes and refusals ----
for client in openai anthropic; do
    ask -d $client -s -m $flash-sim:tokens=40 -n 10 'When?'
    is "$(got outcome) $(got finish | sed 's/max_tokens/length/')" 'ok length' "$client client: cut short by its cap"
    ask -d $client -s -m $flash-sim:finish=pause 'When?'
    is "$(got outcome) $(got finish | sed 's/max_tokens/length/')" 'ok length' '… where another request would go on'
    ask -d $client -n 40000 -m $flash 'When?'
    is "$(got outcome) $(got stream)" 'ok no' '… a long answer that is not to be streamed'
    like "$(target)" ':streamGenerateContent' '… is streamed by the provider, which refuses it else'
    ask -d $client -s -m $flash-sim:finish=filter 'When?'
    is "$(got outcome) $(got finish | sed 's/refusal/content_filter/')" 'ok content_filter' '… by a filter'
    for how in '-s' ''; do
        # shellcheck disable=SC2086
        ask -d $client $how -m $flash-sim:error=filter 'When?'
        is "$(got status) $(got class)" '400 content_filter' "${how:-whole}: a blocked prompt is an error"
    done
    # ---- errors before and during, cuts ----
    ask -d $client -s -m $flash-sim:error=overloaded 'When?'
    is "$(got class)" overloaded 'an error before'
    ask -d $client -s -m $flash-sim:in-band=5,error=overloaded 'When?'
    is "$(got status) $(got class) $(got n_finish)" '200 overloaded 0' 'a bare error inside the stream is told as what it is'
    ask -d $client -s -m $flash-sim:cut=5 'When?'
    is "$(got status) $(got class) $(got n_finish)" '200 stream_interrupted 0' 'a cut is told'
    ask -d $client -s -m $flash-sim:cut=5,by=end 'When?'
    is "$(got status) $(got class) $(got n_finish)" '200 stream_interrupted 0' '… and an end without a finish is one'
    ask -d $client -s -m $flash-sim:finish=MALFORMED_FUNCTION_CALL 'When?'
    is "$(got class) $(got n_finish)" 'server_error 0' 'a broken call is a failure'
done
ask -d openai -m spent/gemini-3.8-flash-sim:error=quota 'When?'
is "$(got status) $(got class)" '429 quota_exhausted' 'an allowance per day is gone for the day'
ask -d openai -m locked/gemini-3.8-flash-sim:error=auth 'When?'
is "$(got status) $(got class)" '502 upstream_authentication' 'a bad key is no fault of the client, though it is a 400'

# ---- a long answer comes in pieces, by a request each, and is one for the client ----
argon=gemini/gemini-4-argon
n_asked() { grep -c '"what":"request"' "$sim_journal"; }
for client in openai anthropic; do
    for how in '-s -U' ''; do
        # shellcheck disable=SC2086
        ask -d $client $how -n 40000 -m $argon-sim:tokens=30,prompt=100 'When is high water?'
        all=$(got text)
        for where in '' ,hops-on-top; do
            before=$(n_asked)
            # shellcheck disable=SC2086
            ask -d $client $how -n 40000 -m "$argon-sim:tokens=30,prompt=100,hops=3$where" 'When is high water?'
            is "$(got outcome) $(got finish | sed 's/end_turn/stop/') $(got problems)" 'ok stop ' \
                "$client client, ${how:-whole}: an answer in three pieces${where:+, whose token stands on top}"
            is "$(got text)" "$all" '… is the one that it would have been in one'
            is "$(got input_tok) $(got output_tok)" '300 30' '… each billed for itself'
            if [ "$where" ]; then
                is "$(asked continuationToken) $(($(n_asked) - before))" 'hop+2/== 4' '… once it was found out where'
            else
                is "$(asked generationConfig.continuationToken) $(($(n_asked) - before))" 'hop+2/== 3' '… by the token of the last'
            fi
        done
    done
    ask -d $client -s -n 40000 -m $argon-sim:hops=3,cut=40 'When?'
    is "$(got outcome)" ok '… a cut behind the last of a piece is none'
    ask -d $client -s -n 40000 -m $argon-sim:hops=3,cut=2 'When?'
    is "$(got class) $(got n_finish)" 'stream_interrupted 0' '… a cut in a piece is one'
    ask -d $client -s -n 40000 -T -m $argon-sim:hops=2,reasoning=5 -x "$([ $client = openai ] && echo '"reasoning_effort":"high"' || echo '"thinking":{"type":"adaptive"}')" 'When?'
    is "$(got outcome) $(got n_finish)" 'ok 1' '… with thoughts, and tools on offer'
done
is "$(sql_wait "select max(estimated), count(*) from requests where asked_model like '%hops=3%' and asked_model not like '%cut%'" '0|8')" '0|8' \
    '… and each of those answers is one in the ledger'
printf 'on model=gemini-4-argon* nth=2: usage=none\n' | scenario sim
ask -d openai -s -U -n 40000 -m "$argon-sim:tokens=30,prompt=100,hops=3" 'When is high water?'
is "$(got outcome)" ok 'a piece whose usage is not told is estimated'
cmp_num "$(got output_tok)" -gt 20 '… what came of it'
cmp_num "$(got input_tok)" -gt 200 '… and added to what the others told'
is "$(sql_wait "select estimated, input > 200 from requests order by rid desc limit 1" '1|1')" '1|1' '… which the ledger says'
: | scenario sim
# ---- whether an assistant's last message is gone on with, is learned ----
begun() { # MODEL: the roles that it was sent
    post /v1/chat/completions '{"model":"'"$1"'","messages":[{"role":"user","content":"When?"},{"role":"assistant","content":"At"}]}' >"$tmp/body"
    printf '%s %s' "$("$tool" json object <"$tmp/body" 2>/dev/null)" "$(asked contents.2.parts.0.text)"
}
is "$(begun gemini/gemini-3.5-flash)" 'chat.completion ' 'a message that was begun is gone on with'
is "$(begun gemini/gemini-3.5-flash-sim:no-prefill)" 'chat.completion Continue.' '… a model that does not, is told to'
is "$(head_of x-llmgw-attempts)" 2 '… once it has said so'
is "$(begun gemini/gemini-3.5-flash-sim:no-prefill) $(head_of x-llmgw-attempts)" 'chat.completion Continue. 1' \
    '… and from then on at once'

# ---- what it cannot be asked goes elsewhere ----
post /v1/chat/completions '{"model":"both","messages":[{"role":"user","content":[
    {"type":"image_url","image_url":{"url":"https://example.org/a.png"}}]}]}' >"$tmp/body"
is "$(head_of x-llmgw-target)" oc/gpt-4.1 'an image on the web goes to a target that fetches it'

# ---- Vertex: another address, another credential ----
ask -d openai -s -m vertex/gemini-3.8-flash 'When?'
is "$(target)" '/v1/projects/p/locations/global/publishers/google/models/gemini-3.8-flash:streamGenerateContent?alt=sse' \
    'Vertex is asked at its own place'
is "$(got outcome) $(asked store)" 'ok ' '… without what it does not know'
isnt "$(last_request sim headers.authorization)" '' '… with a bearer token'

is "$(asked labels.user_id)" '' '… nor of a user whom nobody named'
post /v1/chat/completions '{"model":"vertex/gemini-3.8-flash","user":"u-7","messages":[{"role":"user","content":"hi"}]}' >"$tmp/body"
is "$("$tool" json object <"$tmp/body") $(asked labels.user_id)" 'chat.completion u-7' '… or with a label, if somebody did'
scenario sim <<END
on key=ya29.of-an-hour: text=welcome
on dialect=gemini: error=auth
END
ask -d openai -m gcloud/gemini-3.8-flash 'When?'
is "$(got outcome) $(got text)" 'ok welcome' '… and the token may be what a command prints'

done_testing
