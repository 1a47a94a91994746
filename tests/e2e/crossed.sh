# crossed.sh: what a client of each dialect gets from a provider that no client speaks to, for the
# tests of single providers, over lib.sh.

# plain_answers MODEL USAGE CHECK: streamed and whole the same text, one of each; USAGE says what is
# counted, CHECK HOW looks at what was asked: HOW is empty when the answer came whole
plain_answers() {
    texts=
    for client in openai anthropic; do
        for how in '-s -U' ''; do
            # shellcheck disable=SC2086
            ask -d $client $how -m "$1" 'When is high water?'
            is "$(got outcome) $(got finish | sed 's/end_turn/stop/') $(got problems)" 'ok stop ' \
                "$client client, ${how:-whole}: a whole answer"
            is "$(got input_tok) $(got output_tok)" '8 16' "… with $2"
            "$3" "$how"
            texts="$texts$(got text)|"
        done
    done
    is "$(printf '%s' "$texts" | tr '|' '\n' | sort -u | grep -c .)" 1 'all were given the same text'
}

# call_answers MODEL: calls, one and two
call_answers() {
    for client in openai anthropic; do
        for how in '-s' ''; do
            for n in 1 2; do
                # shellcheck disable=SC2086
                ask -d $client -T $how -m "$1-sim:tools=$n" 'When?'
                is "$(got outcome) $(got tools) $(got finish | sed 's/tool_use/tool_calls/') $(got problems)" \
                    "ok $n tool_calls " "$client client, ${how:-whole}: calls: $n"
            done
        done
    done
}

# schema_answers MODEL: an answer that fits a schema with a definition
schema_answers() {
    schema='{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"required":["a"],"$defs":{"A":{"type":"boolean"}}}'
    ask -d openai -m "$1" -x '"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":'"$schema"'}}' hi
    like "$(got text)" '^\{"a": (true|false)\}$' 'structured output fits its schema'
    ask -d anthropic -m "$1" -x '"output_config":{"format":{"type":"json_schema","schema":'"$schema"'}}' hi
    like "$(got text)" '^\{"a": (true|false)\}$' "… and an Anthropic client's"
}
