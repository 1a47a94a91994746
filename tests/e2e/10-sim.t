#!/bin/sh
# llmgw-sim itself: answers its dialects as their vendors describe them, spoils them as a
# scenario says, and tells in its journal what happened.
. "$top_srcdir/tests/e2e/lib.sh"
need curl

start_sim sim

# facts KEY…: the values of the last answer in a line
facts() {
    for k in "$@"; do printf '%s ' "$(got "$k")"; done | sed 's/ $//'
}

# ---- plain answers ----
ask_sim sim hello
whole=$(got text)
is "$(facts outcome finish output_tok)" 'ok stop 16' 'OpenAI, not streamed'
for d in openai anthropic; do
    ask_sim sim -s -U -d $d hello
    is "$(facts outcome n_start n_finish n_end pieces)" 'ok 1 1 1 16' "$d streams"
    is "$(got text)" "$whole" "$d says the same for the same prompt"
    is "$(got output_tok)" 16 "$d counts what it says"
done
ask_sim sim -s -m sim:text=echo "tell me this"
is "$(got text)" 'tell me this' 'echo repeats the prompt'
ask_sim sim -s -m sim:tokens=100 -n 10 hello
is "$(facts finish pieces)" 'length 10' 'an output cap cuts'
ask_sim sim -s -d anthropic -m sim:tokens=100 -n 10 hello
is "$(facts finish pieces)" 'max_tokens 10' 'so in the other dialect'
ask_sim sim -s -m sim:reasoning=5 hello
is "$(facts outcome pieces)" 'ok 21' 'OpenAI reasons'
isnt "$(got reasoning)" '' '… and shows it'
ask_sim sim -s -d anthropic -m sim:reasoning=5 -x '"thinking":{"type":"adaptive"}' hello
is "$(facts outcome pieces)" 'ok 21' 'Anthropic thinks when asked to'
for d in openai anthropic; do
    for s in '' -s; do
        ask_sim sim $s -d $d -T -m sim:tools=2 hello
        is "$(facts outcome tools)" 'ok 2' "$d ${s:-whole}: two tool calls"
        like "$(got tool0)" '^tide_at \{ *"port": *"[^"]*", *"hour": *[0-9]+ *\}$' \
            '… with arguments that fit the schema'
    done
done
ask_sim sim -s -U -m sim:cached=100,prompt=120,usage=full hello
is "$(facts input_tok cached_tok)" '120 100' 'OpenAI counts cached tokens inside'
ask_sim sim -s -d anthropic -m sim:cached=100,prompt=120 hello
is "$(facts input_tok cached_tok)" '20 100' 'Anthropic counts them outside'
ask_sim sim -s -U -m sim:usage=none hello
is "$(facts outcome n_usage)" 'ok 0' 'usage can be missing'
ask_sim sim -x '"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"]}}}' hello
like "$(got text)" '^\{"a": (true|false)\}$' 'structured output fits its schema'

# ---- Gemini, which the other clients here do not speak ----
gemini() { # METHOD BODY
    curl -sS --noproxy '*' -H 'x-goog-api-key: k' -d "$2" "http://127.0.0.1:$sim_port/v1beta/models/$1"
}
hello='"contents":[{"role":"user","parts":[{"text":"hello"}]}]'
body=$(gemini gemini-3.8-flash:generateContent "{$hello}")
is "$(printf '%s' "$body" | "$tool" json candidates.0.content.parts.0.text)" "$whole" 'Gemini says the same, too'
is "$(printf '%s' "$body" | "$tool" json usageMetadata.candidatesTokenCount)" 16 '… and counts it'
is "$(gemini 'gemini-3.8-flash:streamGenerateContent?alt=sse' "{$hello}" | grep -c '^data: ')" 17 \
    '… an event a piece, and one for the finish'
refused() { gemini "$1" "{$2}" | "$tool" json error.message; }
like "$(refused gemini-3.8-flash:generateContent "$hello,\"nonsense\":1")" 'Unknown name' 'it refuses unknown names'
like "$(refused gemini-3.8-flash:generateContent '"contents":[{"role":"user","parts":[{"text":"a"}]},
    {"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]},
    {"role":"user","parts":[{"functionResponse":{"name":"f","response":{}}}]}]')" 'missing a thought_signature' \
    '… calls without a signature'
like "$(refused gemini-2.5-pro:generateContent '"contents":[{"role":"user","parts":[{"text":"a"}]},
    {"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]},
    {"role":"user","parts":[{"text":"b"}]}]')" 'number of function response parts' '… calls without results'
like "$(refused gemini-4-argon:generateContent "$hello,\"generationConfig\":{\"presencePenalty\":1}")" 'Penalty' \
    '… and penalties, where the model does'

# ---- what a provider refuses ----
ask_sim sim -x '"nonsense":1' hello
is "$(facts status code)" '400 unknown_parameter' 'an unknown parameter is refused'
ask_sim sim -m sim:lax -x '"nonsense":1' hello
is "$(got status)" 200 '… unless it is lax'
ask_sim sim -x '"stream_options":{"include_usage":true}' hello
is "$(got status)" 400 'stream_options need a stream'
ask_sim sim -d anthropic -b '{"model":"sim","messages":[{"role":"user","content":"x"}]}' x
like "$(got message)" 'max_tokens' 'Anthropic needs max_tokens'
ask_sim sim -d anthropic -b '{"model":"sim","max_tokens":5,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},{"role":"user","content":"y"}]}' x
like "$(got message)" 'tool_use' 'a tool call without its result is refused'
ask_sim sim -b '{"model":' x
is "$(got status)" 400 'broken JSON is refused'
ask_sim sim -m sim:nosuchword hello
like "$(got message)" 'unknown word' 'a bad word in a model name is told'

# ---- errors ----
while read -r words status code type; do
    [ "$code" = - ] && code=
    ask_sim sim -s -m "sim:$words" hello
    is "$(facts outcome status code)" "error $status $code" "OpenAI: $words"
    ask_sim sim -s -d anthropic -m "sim:$words" hello
    is "$(facts outcome type)" "error $type" "Anthropic: $words"
done <<END
429 429 rate_limit_exceeded rate_limit_error
500 500 - api_error
error=overloaded 503 server_is_overloaded overloaded_error
error=quota 429 insufficient_quota rate_limit_error
error=auth 401 invalid_api_key authentication_error
error=context 400 context_length_exceeded invalid_request_error
error=filter 400 content_policy_violation invalid_request_error
END
ask_sim sim -m sim:429,retry-after=7,retry-after-ms=7000 hello
is "$(facts h.retry-after h.retry-after-ms)" '7 7000' 'Retry-After in both forms'
ask_sim sim -m sim:502,html hello
is "$(facts status h.content-type problems)" '502 text/html bad-json' 'a proxy answers in HTML'

# ---- spoiled answers ----
while read -r words outcome end problems pieces; do
    [ "$problems" = - ] && problems=
    for d in openai anthropic; do
        ask_sim sim -t 300ms -s -d $d -m "sim:$words" hello
        is "$(facts outcome end problems pieces)" \
            "$(printf '%s %s %s %s' "$outcome" "$end" "$problems" "$pieces")" "$d: $words"
    done
done <<END
reset no-answer reset - 0
close no-answer eof - 0
silent timeout timeout - 0
stall=3 timeout timeout - 3
stall=3,stall-for=50ms ok keep - 16
cut=0 broken eof cut-http 0
cut=5 broken eof cut-http 5
cut=5,rst broken reset cut-http 5
cut=5,by=end broken keep - 5
no-finish broken keep - 16
no-end broken keep - 16
garble=3 broken keep bad-json 16
drip=0 ok keep - 16
split=7 ok keep - 16
batch=0 ok keep - 16
framing=eof ok close - 16
comments=3 ok keep - 16
in-band=0,error=overloaded error keep - 0
in-band=3,error=overloaded error keep - 3
stall=0 timeout timeout - 0
cut=0,comments=2 broken eof cut-http 0
END
ask_sim sim -s -m sim:cut-byte=600 hello
is "$(facts outcome problems)" 'broken cut-http,partial-event' 'cut in the middle of an event'
ask_sim sim -s -m sim:no-finish hello
is "$(facts n_finish n_end)" '0 1' 'no finish, but an end mark'
ask_sim sim -m sim:cut=1 hello
is "$(got end)" eof 'a body that is no stream is cut too'
ask_sim sim -s -m sim:finish=filter hello
is "$(got finish)" content_filter 'content filter as a finish'
ask_sim sim -s -d anthropic -m sim:finish=filter hello
is "$(got finish)" refusal '… which the other calls refusal'
ask_sim sim -m sim:oversize=1m hello
is "$(got text | wc -c)" 1048577 'an oversized body'

# ---- scenarios and the journal ----
scenario sim <<END
set tokens=4
on model=flaky nth=1..2: 503 retry-after=1
on key=*-two: error=auth
on over=3/10s model=busy: 429
END
out=
for i in 1 2 3; do
    ask_sim sim -m flaky hello
    out="$out $(got status)"
done
is "$out" ' 503 503 200' 'the first two fail'
ask_sim sim -k key-two hello
is "$(got status)" 401 'one key is bad'
out=
for i in 1 2 3 4; do
    ask_sim sim -m busy hello
    out="$out $(got status)"
done
is "$out" ' 200 200 200 429' 'a limit counts'
ask_sim sim -k key-three -m last -s hello
is "$(last_request sim body.model)" last 'the journal keeps the body'
like "$(last_request sim headers.authorization)" '^Bearer #[0-9a-f]{8}$' '… and hides the key'
is "$(grep -c 'key-three' "$sim_journal")" 0 '… everywhere'
is "$(last_answer sim end)" whole '… and how it ended'
ask_sim sim -s -m sim:tokens=50,gap=5ms -l 3 hello
is "$(got outcome)" left 'a client goes away'
ok '… and the journal tells' wait_for "$sim_journal" '"client_gone":true' 5
out=$(printf 'on x: 429\n' | curl -sS -X PUT --data-binary @- "http://127.0.0.1:$sim_port/sim/scenario")
is "$out" 'line 1: unknown word "x"' 'a bad scenario is refused'
ask_sim sim -m plain -s hello
is "$(got pieces)" 4 '… and the old one stays'

# a kept connection that dies while idle
scenario sim <<END
on: idle-close=0
END
out=$(curl -sS -o /dev/null -o /dev/null -w '%{num_connects} ' -H 'authorization: Bearer x' \
    -d '{"model":"m","messages":[{"role":"user","content":"x"}]}' \
    "http://127.0.0.1:$sim_port/v1/chat/completions" \
    "http://127.0.0.1:$sim_port/v1/chat/completions")
is "$out" '1 1 ' 'keep-alive was promised and not kept'

# ---- the manual ----
man=$top_srcdir/man/llmgw-sim.1
sed -n '/^set tokens/,/^\.Ed/p' "$man" | grep -v '^\.' >"$tmp/example"
ok 'the manual opens with a scenario that is one' llmgw-sim --check --scenario "$tmp/example"
missing=
for word in $(sed -n 's/^    {"\([a-z0-9-]*\)", W_.*/\1/p' "$top_srcdir/tests/sim/scenario.c") \
    $(sed -n 's/^    {"\([a-z0-9-]*\)",.*/\1/p' "$top_srcdir/tests/sim/fault.c"); do
    grep -qE "(Cm|,) ?$word( |\$)|^\.Cm.* $word" "$man" || missing="$missing $word"
done
is "$missing" '' '… and knows every word'

kill -HUP "$sim_pid"
reap "$sim_pid"
is "$rc" 0 'SIGTERM ends it well'
done_testing
