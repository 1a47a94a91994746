#!/bin/sh
# The same dialect on both sides: bytes pass. Of a request nothing changes but the model's name, of
# an answer nothing at all: fields that nobody knows, odd spellings of numbers, the order of keys,
# blanks and escapes are what they were; so are cache marks, thoughts and their signatures.
. "$top_srcdir/tests/e2e/lib.sh"
need curl

SIM_KEY=k
export SIM_KEY
start_sim sim
mkdir "$tmp/records"
spawn records "$tool" cut-serve "$tmp/records"
wait_for "$tmp/records.out" '^ready' || bail 'no provider'
port=$(sed -n 's/^ready //p' "$tmp/records.out")
for d in openai responses anthropic; do
    kind=$d
    [ $d = responses ] && kind=openai-responses
    printf '[provider "%s"]\n\tkind = %s\n\tbase-url = http://127.0.0.1:%d/v1\n\tkey-env = SIM_KEY\n' \
        $d $kind "$sim_port" "told-$d" $kind "$port"
done | config
start_broker

path_of() {
    case $1 in openai) echo /v1/chat/completions ;; responses) echo /v1/responses ;; *) echo /v1/messages ;; esac
}
odd='"x_new":{"b":[1.50e0,-0,1E+2,12345678901234567890.5e-3,0.10],"a":"\u0068\u00e9\/\ud83c\udf0a é 🌊","":null} ,"x_flag" : true'

# ---- requests: first, last or in the middle, streamed or not ----
asks() { # DIALECT MODEL STREAM: bodies with the model in three places, a line each
    case $1 in
    openai) said='"messages":[ {"content":"h\u0069 \"\u00e9\"","role":"user","x_part":{"z":1,"a":2}} ],"temperature":1.50e0,"max_completion_tokens":64' ;;
    responses) said='"input":[{"content":[{"text":"h\u0069","x_part":[],"type":"input_text"}],"role":"user"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAAAA-rs_1"}],"temperature":1.50e0,"max_output_tokens":64' ;;
    anthropic) said='"system":[{"text":"Be \u0062rief.","type":"text","cache_control":{"ttl":"1h","type":"ephemeral"}}],"max_tokens":2000,"thinking":{"budget_tokens":1024,"type":"enabled"},"messages":[{"role":"user","content":"h\u0069"},{"role":"assistant","content":[{"type":"thinking","thinking":"h\u006dm","signature":"Sig+/=="},{"type":"redacted_thinking","data":"RR=="},{"type":"text","text":"a","x_part":0.10}]},{"role":"user","content":"b"}],"stop_sequences":["\u0023"]' ;;
    esac
    rest="\"stream\":$3,$said, $odd"
    [ "$1-$3" = openai-true ] && rest="$rest,\"stream_options\":{\"x_new\":1e0,\"include_usage\":true}"
    printf '%s\n' "{ \"model\" :\"$2\",$rest}" "{$rest, \"model\":\"$2\" }" "{\"metadata\":{\"user_id\":\"u\"},\"model\":\"$2\",$rest}"
}
for d in openai responses anthropic; do
    for stream in true false; do
        asks $d "$d/m-sim:lax" $stream >"$tmp/asks"
        asks $d m-sim:lax $stream >"$tmp/want"
        : >"$tmp/came"
        while IFS= read -r body; do
            http -o "$tmp/answer" -w '%{http_code}\n' -H 'content-type: application/json' --data-binary "$body" "$(path_of $d)" >>"$tmp/status"
            grep '"what":"request"' "$sim_journal" | tail -n 1 | sed 's/.*,"body":\(.*\)}$/\1/' >>"$tmp/came"
        done <"$tmp/asks"
        ok "$d, stream $stream: of a request nothing changes but the model" diff "$tmp/want" "$tmp/came"
    done
done
is "$(sort -u "$tmp/status")" 200 'all were answered'

# ---- headers: Anthropic's own go with the body that needs them, and nowhere else ----
own() { # MODEL: asked as a client of 2026-10-21 does
    asks anthropic "$1" false | head -n 1 >"$tmp/ask"
    http -o "$tmp/answer" -H 'content-type: application/json' -H 'anthropic-version: 2026-10-21' \
        -H 'anthropic-beta: a-1,b-2' -H 'anthropic-beta: c-3' -H 'anthropic-x-new: z' -H 'cookie: c' \
        --data-binary "@$tmp/ask" /v1/messages
}
own anthropic/m-sim:lax
is "$(last_request sim headers.anthropic-version) $(last_request sim headers.anthropic-x-new)" '2026-10-21 z' \
    "the client's version and its other headers pass"
like "$(grep '"what":"request"' "$sim_journal" | tail -n 1)" 'a-1,b-2.*c-3' '… and every beta'
is "$(grep '"what":"request"' "$sim_journal" | tail -n 1 | grep -c '"cookie"')" 0 '… but no cookies'
own openai/gpt-4.1-sim:lax
is "$(grep '"what":"request"' "$sim_journal" | tail -n 1 | grep -c anthropic-)" 0 'another dialect hears of none'

# ---- answers: whole ones, and each event; but for pings before any content, which the broker gives ----
usage_openai='"usage":{"total_tokens":12,"x_new":1.0e0,"prompt_tokens":10,"completion_tokens":2}'
usage_responses='"usage":{"total_tokens":12,"output_tokens":2,"input_tokens":10,"output_tokens_details":{"reasoning_tokens":0},"input_tokens_details":{"cached_tokens":0}}'
usage_anthropic='"usage":{"output_tokens":2,"x_new":1.0e0,"input_tokens":10}'
cat >"$tmp/records/cut-openai.json" <<END
{ "choices":[{"finish_reason":"stop","index":0,"message":{"content":"h\u0069 \u00e9\/","role":"assistant","x_part":1E+2}}],$odd,"model":"tide",$usage_openai,"id":"chatcmpl-1","object":"chat.completion","created":1780000000 }
END
cat >"$tmp/records/cut-openai.sse" <<END
data: {"model":"tide","id":"chatcmpl-1","object":"chat.completion.chunk","created":1780000000,"choices":[{"delta":{"role":"assistant","content":"h\u0069 "},"index":0,"finish_reason":null}],$odd}

data:{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1780000000,"model":"tide","choices":[{"index":0,"delta":{"x_new":0.10,"content":"\u00e9\/"},"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1780000000,"model":"tide","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1780000000,"model":"tide","choices":[],$usage_openai}

data: [DONE]

END
cat >"$tmp/records/cut-responses.json" <<END
{"object":"response","status":"completed","output":[{"role":"assistant","content":[{"text":"h\u0069 \u00e9\/","annotations":[],"type":"output_text"}],"id":"msg_1","status":"completed","type":"message"}],$odd,"id":"resp_1","model":"tide","created_at":1780000000,$usage_responses}
END
cat >"$tmp/records/cut-responses.sse" <<END
event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","model":"tide","status":"in_progress","output":[],$odd}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}}

event: response.content_part.added
data: {"type":"response.content_part.added","sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"x_new":1.50e0,"delta":"h\u0069 \u00e9\/"}

event: response.x_new
data: {"type":"response.x_new","sequence_number":4,"x_new":[1E+2]}

event: response.output_text.done
data: {"type":"response.output_text.done","sequence_number":5,"item_id":"msg_1","output_index":0,"content_index":0,"text":"h\u0069 \u00e9\/"}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":6,"output_index":0,"item":{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"h\u0069 \u00e9\/","annotations":[]}]}}

event: response.completed
data: {"type":"response.completed","sequence_number":7,"response":{"status":"completed","id":"resp_1","object":"response","model":"tide","output":[{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"h\u0069 \u00e9\/","annotations":[]}]}],$usage_responses}}

END
cat >"$tmp/records/cut-anthropic.json" <<END
{"type":"message","content":[{"signature":"Sig+/==","thinking":"h\u006dm","type":"thinking"},{"x_part":0.10,"text":"h\u0069 \u00e9\/","type":"text"}],$odd,"role":"assistant","model":"tide","id":"msg_1","stop_sequence":null,"stop_reason":"end_turn",$usage_anthropic}
END
cat >"$tmp/records/cut-anthropic.sse" <<END
event: message_start
data: {"message":{"model":"tide","id":"msg_1","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,$usage_anthropic},"type":"message_start",$odd}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","x_part":1E+2}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"text":"h\u0069 \u00e9\/","type":"text_delta"}}

event: ping
data: {"type": "ping"}

event: x_new
data: {"type":"x_new","x_new":[1.50e0]}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_sequence":null,"stop_reason":"end_turn","x_new":-0},"usage":{"output_tokens":2}}

event: message_stop
data: {"type":"message_stop","x_new":1.0e0}

END
for d in openai responses anthropic; do
    for stream in true false; do
        ending=json
        [ $stream = true ] && ending=sse
        asks $d "told-$d/length.fin" $stream | head -n 1 >"$tmp/ask"
        # what the broker adds are comments, at the end
        http -H 'content-type: application/json' --data-binary "@$tmp/ask" "$(path_of $d)" >"$tmp/whole"
        sed '/^: llmgw /,+1d' "$tmp/whole" >"$tmp/came"
        ok "$d, stream $stream: of an answer nothing changes" cmp "$tmp/records/cut-$d.$ending" "$tmp/came"
    done
done
is "$(sql_wait "select count(*) from requests where provider like 'told-%' and input = 10 and output = 2 and crossed = 0" 6)" 6 \
    '… and what it used is read all the same'
done_testing
