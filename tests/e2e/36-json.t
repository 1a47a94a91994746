#!/bin/sh
# Bodies that are no request: what is not strict JSON, what two readers could take differently, and
# fields of the wrong type; in both dialects, for a provider of the same and of the other one. Each
# gets one 400 in its dialect's shape that says where and why, and no provider hears of it.
. "$top_srcdir/tests/e2e/lib.sh"

start_sim one
ONE_KEY=sk-one
export ONE_KEY
config <<END
[provider "openai"]
	kind = openai
	base-url = http://127.0.0.1:$one_port/v1
	key-env = ONE_KEY
[provider "anthropic"]
	kind = anthropic
	base-url = http://127.0.0.1:$one_port
	key-env = ONE_KEY
END
start_broker
fact() { sed -n "s/^$1=//p" "$tmp/raw" | sed 's/ *$//'; }
tab=$(printf '\t')

# send DIALECT BODY: with the length that the body has once its escapes are read
send() {
    path=/v1/chat/completions
    [ "$1" = anthropic ] && path=/v1/messages
    "$tool" raw -u "$sock" "POST $path HTTP/1.1\\r\\n@H@Connection: close\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n@CHUNKED@$2" \
        >"$tmp/raw" 2>&1 </dev/null
}
refused() { # CLIENT PROVIDER WHAT WHERE BODY
    send "$1" "$5"
    is "$(fact answers) $(fact end)" '400 closed' "$1 to $2: $3"
    body=$(fact body)
    if [ "$1" = anthropic ]; then
        like "$body" '^\{"type":"error","error":\{"type":"invalid_request_error","message":"' \
            '… in its shape'
    else
        like "$body" '^\{"error":\{"message":".*,"type":"invalid_request_error","param":("|null)' \
            '… in its shape'
    fi
    like "$body" "\"message\":\"$4" '… says where and why'
}

for client in openai anthropic; do
    for provider in openai anthropic; do
        # one thread reads them: nothing new for its sanitizer
        is_sanitized thread && [ "$client" = "$provider" ] && continue
        while IFS=$tab read -r what where members; do
            case $what in '' | '#'*) continue ;; esac
            case $members in
            !*) json=${members#!} ;;
            *) json="{\"model\":\"$provider/sim\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]$members}" ;;
            esac
            refused "$client" "$provider" "$what" "$where" "$json"
        done <<'END'
# what	where and why	members behind the good ones, or ! and a body
nothing	the body is not valid JSON: JSON, byte 0: 	!
blanks	the body is not valid JSON: 	!\n\n
a string	the body is not valid JSON: JSON, byte 0: expected an object	!"x"
an array	the body is not valid JSON: JSON, byte 0: expected an object	![]
words behind the end	the body is not valid JSON: JSON, byte [0-9]+: 	}{
a comma too many	the body is not valid JSON: JSON, byte [0-9]+: 	,
a comment	the body is not valid JSON: JSON, byte [0-9]+: 	/* */
a byte order mark	the body is not valid JSON: JSON, byte 0: 	!\xef\xbb\xbf{}
quotes of another kind	the body is not valid JSON: JSON, byte [0-9]+: 	,'a':1
a key twice	the body is not valid JSON: JSON, byte [0-9]+: 	,"model":"openai/other"
a key twice, once escaped	the body is not valid JSON: JSON, byte [0-9]+: 	,"mod\\u0065l":"openai/other"
the stream flag twice	the body is not valid JSON: JSON, byte [0-9]+: 	,"stream":false,"stream":true
NaN	the body is not valid JSON: JSON, byte [0-9]+: 	,"temperature":NaN
a number with a zero before it	the body is not valid JSON: JSON, byte [0-9]+: 	,"temperature":01
a number with a plus	the body is not valid JSON: JSON, byte [0-9]+: 	,"temperature":+1
half a number	the body is not valid JSON: JSON, byte [0-9]+: 	,"temperature":1.
a control byte in a string	the body is not valid JSON: JSON, byte [0-9]+: 	,"a":"\x01"
a line's end in a string	the body is not valid JSON: JSON, byte [0-9]+: 	,"a":"\n"
a NUL	the body is not valid JSON: JSON, byte [0-9]+: 	,"a":"\0"
an escape that is none	the body is not valid JSON: JSON, byte [0-9]+: 	,"a":"\\x41"
half an escape	the body is not valid JSON: JSON, byte [0-9]+: 	,"a":"\\u00"
a lone high surrogate	the body is not valid JSON: JSON, byte [0-9]+: 	,"a":"\\ud800"
a lone low surrogate	the body is not valid JSON: JSON, byte [0-9]+: 	,"a":"\\udc00 x"
bytes that are not UTF-8	the body is not valid JSON: JSON, byte [0-9]+: 	,"a":"\xff\xfe"
UTF-8 that is cut	the body is not valid JSON: JSON, byte [0-9]+: 	,"a":"\xe2\x82"
UTF-8 longer than needed	the body is not valid JSON: JSON, byte [0-9]+: 	,"a":"\xc0\xaf"
a surrogate in UTF-8	the body is not valid JSON: JSON, byte [0-9]+: 	,"a":"\xed\xa0\x80"
bytes that are not UTF-8, in a key	the body is not valid JSON: JSON, byte [0-9]+: 	,"\xff":1
deep arrays	the body is not valid JSON: JSON, byte [0-9]+: 	,"a":@200*[@@200*]@
deep objects without end	the body is not valid JSON: JSON, byte [0-9]+: 	,"a":@20000*{"a":@
a body that stops	the body is not valid JSON: JSON, byte [0-9]+: 	!{"model":"openai/sim","messages":[
no model	model: is required	!{"messages":[{"role":"user","content":"hi"}]}
a model with a NUL	model: must not hold a NUL	!{"model":"openai/sim\\u0000x","messages":[]}
a model of no name	model: must have 1 to 200 bytes	!{"model":"","messages":[]}
a model that is a number	model: must be a string, not a number	!{"model":7,"messages":[]}
an endless model	model: must have 1 to 200 bytes	!{"model":"@300*a@","messages":[]}
no messages	messages: is required	!{"model":"openai/sim"}
messages that are one	messages: must be an array, not an object	!{"model":"openai/sim","messages":{}}
no message	messages: must not be empty	!{"model":"openai/sim","max_tokens":9,"messages":[]}
a flag that is a word	stream: must be a boolean, not a string	,"stream":"yes"
a number that is a word	temperature: must be a number, not a string	,"temperature":"1"
tools that are none	tools: must be an array, not a string	,"tools":"x"
END
        for cap in 1.5 -1 1e999 12345678901234567890 '"9"' true; do
            refused "$client" "$provider" "a cap of $cap" 'max_tokens: must be a' \
                "{\"model\":\"$provider/sim\",\"max_tokens\":$cap,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
        done
    done
done
# ---- headers of ours ----
for client in openai anthropic; do
    path=/v1/chat/completions
    [ "$client" = anthropic ] && path=/v1/messages
    while IFS=$tab read -r header why; do
        case $header in '' | '#'*) continue ;; esac
        body="{\"model\":\"$client/sim\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
        "$tool" raw -u "$sock" "POST $path HTTP/1.1\\r\\n@H@$header\\r\\nConnection: close\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n@CHUNKED@$body" \
            >"$tmp/raw" 2>&1 </dev/null
        like "$(fact answers) $(fact body)" "^40[04] .*\"message\":\"$why" "$client: $header"
    done <<'END'
x-llmgw-route: none	no route
x-llmgw-route:	header x-llmgw-route: must be a name
x-llmgw-route: @300*a@	header x-llmgw-route: must be a name
x-llmgw-project: \xff	header x-llmgw-project: must be a name
x-llmgw-tag: novalue	header x-llmgw-tag: must be NAME=VALUE
x-llmgw-tag: =x	header x-llmgw-tag: must be NAME=VALUE
@16*x-llmgw-tag: a=b\r\n@x-llmgw-tag: c=d	header x-llmgw-tag: must be given at most 16 times
x-llmgw-template: @	header x-llmgw-template: must be a name
x-llmgw-template: a@	header x-llmgw-template: must be a name
x-llmgw-max-cost: -1	header x-llmgw-max-cost: must be an amount
x-llmgw-max-cost: 1e9	header x-llmgw-max-cost: must be an amount
x-llmgw-max-cost: NaN	header x-llmgw-max-cost: must be an amount
x-llmgw-timeout-ms: 0	header x-llmgw-timeout-ms: must be milliseconds
x-llmgw-timeout-ms: 9999999999999999999	header x-llmgw-timeout-ms: must be milliseconds
x-llmgw-ttft-timeout-ms: 1.5	header x-llmgw-ttft-timeout-ms: must be milliseconds
x-llmgw-fallback: nobody/none	header x-llmgw-fallback: 
@9*x-llmgw-fallback: openai/sim\r\n@X-A: 1	header x-llmgw-fallback: must be given at most 8 times
x-llmgw-stream: maybe	header x-llmgw-stream: must be live, hold or restart
x-llmgw-stream: restart	x-llmgw-stream: restart needs
x-llmgw-record: some	header x-llmgw-record: must be full, meta or off
x-llmgw-events: yes	header x-llmgw-events: must be 0 or 1
x-llmgw-kind: other	header x-llmgw-kind: must be chat, batch
x-llmgw-provider-key: sk-nameless	header x-llmgw-provider-key: must be NAME=VALUE
END
done

send openai '{"model":"openai/sim","messages":[{"role":7}]}'
like "$(fact body)" '"param":"messages\[0\]\.role"' 'the field has its own place in the OpenAI shape'
is "$(requests one)" 0 'no provider has heard of any of it'
send openai '{"model":"openai/sim","messages":[{"role":"user","content":"\\ud83c\\udf0a \xf0\x9f\x8c\x8a"}]}'
is "$(fact answers)" 200 'what is right passes'
stop_broker
is "$rc" 0 'the broker ends well'
done_testing
