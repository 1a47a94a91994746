#!/bin/sh
# A conversation that begins with one provider and goes on with another, for clients of each
# dialect, who give back what they were told as it stands: thoughts, calls and their ids. Each
# provider must take it, though it knows nothing of the others' signatures, items and spellings.
. "$top_srcdir/tests/e2e/lib.sh"
need curl

SIM_KEY=k
export SIM_KEY
echo 'on has=Tide: reasoning=3 tools=2' >"$tmp/sim.scenario"
start_sim sim
for p in openrouter minimax mistral openai openai-compatible openai-responses anthropic gemini bedrock cohere; do
    case $p in gemini | bedrock) path= ;; cohere) path=/v2 ;; *) path=/v1 ;; esac
    printf '[provider "%s"]\n\tkind = %s\n\tbase-url = http://127.0.0.1:%d%s\n\tkey-env = SIM_KEY\n' \
        "$p" "$p" "$sim_port" "$path"
done | config
start_broker

targets='openai/gpt-5.1 openai-compatible/qwen3-32b openai-responses/gpt-5.5 anthropic/claude-opus-5
    gemini/gemini-3.8-flash bedrock/us.anthropic.claude-opus-5 cohere/command-a-reasoning-08-2025'
of_body() { "$tool" json "$1" <"$tmp/body" 2>/dev/null; }

# say CLIENT MODEL [TURNS [STREAM]]: the status of $asked and those turns, with the answer in $tmp/body
say() {
    case $1 in
    openai)
        path=/v1/chat/completions
        more='"reasoning_effort":"low","messages":[{"role":"user","content":"'$asked'"}'${3:-}'],
            "tools":[{"type":"function","function":{"name":"tide_at","parameters":{"type":"object"}}},
            {"type":"function","function":{"name":"sun_at","parameters":{"type":"object"}}}]'
        ;;
    anthropic)
        path=/v1/messages
        more='"max_tokens":9000,"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"low"},
            "messages":[{"role":"user","content":"'$asked'"}'${3:-}'],
            "tools":[{"name":"tide_at","input_schema":{"type":"object"}},{"name":"sun_at","input_schema":{"type":"object"}}]'
        ;;
    responses)
        path=/v1/responses
        more='"reasoning":{"effort":"low","summary":"auto"},"include":["reasoning.encrypted_content"],"store":false,
            "input":[{"role":"user","content":"'$asked'"}'${3:-}'],
            "tools":[{"type":"function","name":"tide_at","strict":false,"parameters":{"type":"object"}},
            {"type":"function","name":"sun_at","strict":false,"parameters":{"type":"object"}}]'
        ;;
    esac
    printf '{"model":"%s","stream":%s,%s}' "$2" "${4:-false}" "$(printf %s "$more" | tr -d '\n')" >"$tmp/ask"
    http -o "$tmp/body" -w '%{http_code}' -H 'content-type: application/json' --data-binary "@$tmp/ask" "$path"
}
# whole CLIENT: an answer that was streamed, as if it were not
whole() {
    case $1 in
    responses) sed -n 's/^data: .*"type":"response.completed",.*"response":\({.*}\)}$/\1/p' "$tmp/body" >"$tmp/whole" ;;
    anthropic)
        sed -n 's/^data: .*"type":"content_block_start",.*"content_block":\({"type":"tool_use".*}\)}$/\1/p' "$tmp/body" |
            paste -s -d , - | sed 's/.*/{"content":[&]}/' >"$tmp/whole"
        ;;
    esac
    mv "$tmp/whole" "$tmp/body"
}
# turns CLIENT: what was told, as it stands, with results for its calls
turns() {
    case $1 in
    openai)
        printf ',%s' "$(of_body choices.0.message)"
        for i in 0 1; do
            printf ',{"role":"tool","tool_call_id":"%s","content":"7"}' "$(of_body choices.0.message.tool_calls.$i.id)"
        done
        ;;
    anthropic)
        printf ',{"role":"assistant","content":%s},{"role":"user","content":[' "$(of_body content)"
        ids=$(grep -o '"type":"tool_use","id":"[^"]*"' "$tmp/body" | sed 's/.*"id":"\([^"]*\)"/\1/')
        comma=
        for id in $ids; do
            printf '%s{"type":"tool_result","tool_use_id":"%s","content":"7"}' "$comma" "$id"
            comma=,
        done
        printf ']}'
        ;;
    responses)
        i=0
        while item=$(of_body output.$i) && [ "$item" ]; do
            printf ',%s' "$item"
            i=$((i + 1))
        done
        for id in $(grep -o '"call_id":"[^"]*"' "$tmp/body" | cut -d '"' -f 4); do
            printf ',{"type":"function_call_output","call_id":"%s","output":"7"}' "$id"
        done
        ;;
    esac
}
for client in openai responses anthropic; do
    for from in $targets; do
        asked='Tide and sun?'
        status=$(say $client "$from")
        said=$(turns $client)
        n=$(printf '%s\n' "$said" | grep -o '"[^"]*":"7"' | grep -c .)
        is "$status $n" '200 2' "$client client: ${from%%/*} thinks, and calls twice"
        asked='Now what?'
        taken=
        for to in $targets; do
            status=$(say $client "$to" "$said")
            [ "$status" = 200 ] || {
                diag "$to: $status $(cat "$tmp/body")"
                diag "$(cat "$tmp/ask")"
            }
            taken="$taken$status "
        done
        is "$taken" '200 200 200 200 200 200 200 ' '… and every provider goes on with it'
        is "$(say $client mistral/magistral-next "$said")" 200 "… Mistral, too"
        id=$(last_request sim body.messages.1.tool_calls.0.id)
        like "$id" '^[A-Za-z0-9]{9}$' '… and Mistral is told ids that it takes'
        is "$(last_request sim body.messages.2.tool_call_id)" "$id" '… the same wherever one stands'
    done
done
# What a thought is signed with comes back with its calls, though the client has no place for it.
scenario sim <<'END'
on has=Tide: reasoning=3 tools=2 details lax
on has=Sun: reasoning=3 tools=2 details lax
END
for client in responses anthropic; do
    for to in openrouter/kimi-k3 minimax/MiniMax-M3; do
        for stream in true false; do
            asked='Tide and sun?'
            status=$(say $client "$to" '' $stream)
            [ $stream = false ] || whole $client
            said=$(turns $client)
            asked='Sun?'
            is "$status $(say $client "$to" "$said")" '200 200' \
                "$client client: ${to%%/*} is given its reasoning_details back (stream: $stream)"
            is "$(last_request sim body.messages.1.reasoning_details.0.signature)" sim-signature '… signed'
            unlike "$said" 'sim-signature' '… which the client does not see'
        done
    done
done
is "$(say anthropic openrouter/other "$said")" 400 '… but not those of another model'
done_testing
