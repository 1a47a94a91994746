#!/bin/sh
# The error contract on the wire: what a client is told, in both dialects, by the broker itself and
# after a provider's refusal, and what the next request is told.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

KEY=sk-one
export KEY
start_sim one
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = KEY
[provider "poor"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = KEY
[provider "barred"]
    kind = anthropic
    base-url = http://127.0.0.1:$one_port
    key-env = KEY
[provider "other"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = KEY
[provider "eu"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = KEY
    price-service = regional_processing
[provider "spare"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = KEY
[limit "target:one/few"]
    requests = 2/min
[limit "target:one/room"]
    requests = 9/min
    tokens = 5000/min
[model "one/luna"]
    max-output = 128000
[price "one/luna"]
    input = 1
    output = 6
[core]
    record = full
[provider "blind"]
    kind = anthropic
    base-url = http://127.0.0.1:$one_port
    key-env = KEY
[provider "gem"]
    kind = gemini
    base-url = http://127.0.0.1:$one_port/v1beta
    key-env = KEY
[provider "aws"]
    kind = bedrock
    base-url = http://127.0.0.1:$one_port
    region = eu-west-3
    key-env = KEY
[route "broad"]
    target = spare/wide
[route "slow"]
    target = one/few
[route "other dialects"]
    target = aws/titan
    target = gem/gem
[model "spare/wide"]
    context = 1000000
END
client_key=$(llmgw client add ci 2>/dev/null | grep -o 'llmgw-[A-Za-z0-9_-]*\|sk-[A-Za-z0-9_-]*' | head -n 1)
start_broker --conf broker.listen=127.0.0.1:0

# ---- the next request after a quota, and after a refused key ----
ask -m poor/sim:error=quota hello
is "$(got status) $(got class)" '429 quota_exhausted' 'a quota is used up'
for model in poor/sim:error=quota poor/sim; do
    ask -m "$model" hello
    is "$(got status) $(got class) $(got code)" '429 quota_exhausted insufficient_quota' \
        "… and the next request for $model hears of it"
    is "$(got h.x-should-retry) $(got h.retry-after)" 'false ' '… with nothing to wait for'
done
like "$(got message)" 'key poor#1 has used up its quota, retry in (10m|9m[0-9]+s)' '… and which key it is'
ask -d anthropic -m poor/sim hello
is "$(got status) $(got class) $(got type)" '402 quota_exhausted billing_error' \
    '… in its own dialect'
llmgw chat --no-stdin -m poor/sim hello >/dev/null 2>&1
is "$?" 7 '… and llmgw chat by its exit status'
ask -m barred/sim:error=auth hello
ask -m barred/sim hello
is "$(got status) $(got class)" '502 upstream_authentication' 'a refused key is told, too'
like "$(got message)" 'key barred#1 was not accepted, retry in (10m|9m[0-9]+s)' '… by its name'

# ---- a key that the client brings ----
ask -m other/sim:error=quota -H 'x-llmgw-provider-key: other=sk-mine' hello
is "$(got class)" quota_exhausted "the client's own quota is used up"
before=$(requests one)
ask -m other/sim:error=quota hello
is "$(requests one)" $((before + 1)) '… which stops nobody else'
ask -m poor/sim -H 'x-llmgw-provider-key: poor=sk-mine' hello
is "$(got outcome)" ok '… and our quota does not stop it'

# ---- what a dialect requires, and who asked ----
post() { # DIALECT'S PATH, BODY, CURL'S OPTIONS: the status, and the answer in $tmp/body
    where=$1 body=$2
    shift 2
    http -X POST -H 'content-type: application/json' -d "$body" -o "$tmp/body" -w '%{http_code}' "$@" "$where"
}
of_body() { "$tool" json "$1" <"$tmp/body"; }
hi='"messages":[{"role":"user","content":"hello"}]'
is "$(post /v1/messages "{\"model\":\"one/sim\",$hi}") $(of_body error.message)" \
    '400 max_tokens: is required' 'Messages must have an output cap'
before=$(requests one)
is "$(post /v1/messages "{\"model\":\"one/sim\",\"max_tokens\":0,$hi}") $(requests one)" \
    "400 $before" '… and one of 0 never becomes a paid answer elsewhere'
post /v1/chat/completions "{\"model\":\"one/sim\",\"user\":\"ann\",$hi}" >/dev/null
post /v1/chat/completions "{\"model\":\"one/sim\",\"safety_identifier\":\"bob\",$hi}" >/dev/null
post /v1/messages "{\"model\":\"one/sim\",\"max_tokens\":9,\"metadata\":{\"user_id\":\"cid\"},$hi}" \
    >/dev/null
is "$(sql_wait 'select group_concat(user) from (select user from requests where user is not null
    order by user)' ann,bob,cid)" ann,bob,cid 'the end user of each dialect is in the ledger'
like "$(llmgw cost --by user -F csv)" '^ann,' '… and in llmgw cost --by user'

# ---- what the broker itself refuses ----
tcp_port=$(sed -n 's/.*listen host=127.0.0.1 port=\([0-9]*\) .*/\1/p' "$broker_log")
refusal() { # PATH CURL-OPTION…: "STATUS TYPE CODE", where the dialect has a code
    path=$1
    shift
    code=$(curl -sS --noproxy '*' -D "$tmp/head" -o "$tmp/body" -w '%{http_code}' "$@" \
        "http://127.0.0.1:$tcp_port$path")
    printf '%s %s %s' "$code" "$(of_body error.type)" "$(of_body error.code)"
}
has_id() {
    grep -qi "^$1: 01[0-9A-Z]*" "$tmp/head" && grep -q '"request_id":"01' "$tmp/body"
}
is "$(refusal /v1/messages -d '{}')" '401 authentication_error ' 'a wrong key, for Anthropic clients'
is "$(of_body type) $(of_body error.param)" 'error ' '… in their shape'
ok '… with an id' has_id request-id
is "$(refusal /v1/chat/completions -d '{}')" '401 invalid_request_error invalid_api_key' \
    '… for OpenAI clients'
ok '… with an id' has_id x-request-id
head -c 70000000 /dev/zero >"$tmp/huge"
is "$(refusal /v1/messages -H "x-api-key: $client_key" -H 'Expect:' --data-binary "@$tmp/huge")" \
    '413 request_too_large ' 'a body that is too large'
is "$(refusal /v1/nothing -H "x-api-key: $client_key")" '404 invalid_request_error unknown_url' \
    'an unknown path is no unknown model'
ok '… with an id' has_id x-request-id
is "$(refusal /v1/messages/batches -H "x-api-key: $client_key")" '404 not_found_error ' '… in both shapes'
is "$(refusal /v1/models/one%2Fother -H "x-api-key: $client_key")" '404 invalid_request_error model_not_found' \
    'an unknown model is one'
is "$(http /v1/models/one%2Ffew | "$tool" json id)" one/few "a model's id may have its slash encoded"

# ---- the whole of the extension, in the body of each dialect and inside a stream ----
llmgw_of() { of_body "error.llmgw.$1"; }
for path in /v1/chat/completions /v1/responses /v1/messages; do
    case $path in
    */responses) said='"input":"hello"' ;;
    */messages) said="\"max_tokens\":99,$hi" ;;
    *) said=$hi ;;
    esac
    name=m${path##*/}-sim
    is "$(post $path "{\"model\":\"one/$name:error=rate-limit\",$said}")" 429 \
        "$path: a refusal of the provider"
    is "$(llmgw_of class) $(llmgw_of origin) $(llmgw_of retryable) $(llmgw_of provider)" \
        'rate_limit provider true one' '… says which class, whose, and by whom'
    like "$(llmgw_of provider_code) $(llmgw_of request_id)" '^rate_limit_exceeded 01[0-9A-Z]{24}$' "… in the provider's word"
    like "$(llmgw_of retry_after_ms)" '^[0-9]+$' '… when to come back'
    like "$(llmgw_of attempts.0.target) $(llmgw_of attempts.0.class) $(llmgw_of attempts.0.status) $(llmgw_of attempts.0.ms)" \
        "^one/$name:error=rate-limit rate_limit 429 [0-9]+\$" '… what was tried'
    is "$(llmgw_of fallback_models.0)" spare/wide '… and what would have served it'
    post $path "{\"model\":\"one/$name:in-band=3,error=overloaded\",\"stream\":true,$said}" >/dev/null
    sed -n 's/^data: \(.*"llmgw":.*\)/\1/p' "$tmp/body" >"$tmp/event" && mv "$tmp/event" "$tmp/body"
    is "$(llmgw_of class) $(llmgw_of origin) $(llmgw_of attempts.0.class) $(llmgw_of fallback_models.0)" \
        'overloaded provider overloaded spare/wide' '… inside a stream, too'
done
post /v1/chat/completions "{\"model\":\"one/sim:error=context\",$hi}" >/dev/null
is "$(llmgw_of class) $(llmgw_of fallback_models.0)" 'context_length spare/wide' 'a larger window would have served it'
post /v1/chat/completions "{\"model\":\"one/sim:error=invalid\",$hi}" >/dev/null
is "$(llmgw_of class) $(llmgw_of fallback_models.0)" 'invalid_request ' 'what is wrong everywhere has no fallback'

# what one target's dialect cannot say, others' may: each is tried, of all dialects
tiff='"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/tiff;base64,AAAA"}}]}]'
post /v1/chat/completions "{\"model\":\"blind/sim\",$tiff}" >/dev/null
is "$(llmgw_of class) $(llmgw_of origin) $(of_body error.llmgw.fallback_models | tr -d '\\')" \
    'invalid_request gateway ["spare/wide","one/few","gem/gem"]' 'what has no translation would have been served elsewhere'
post /v1/chat/completions "{\"model\":\"gem/gem\",$tiff}" >/dev/null
is "$(of_body choices.0.finish_reason)" stop '… and is'

# ---- which field ----
post /v1/chat/completions "{\"model\":\"one/sim\",\"n\":\"two\",$hi}" >/dev/null
is "$(of_body error.param)" n 'the field that is wrong is named'
post /v1/chat/completions "{\"model\":\"one/sim:error=unsupported\",$hi}" >/dev/null
isnt "$(of_body error.param)" '' '… also when the provider names it'

# ---- headers of every answer ----
ask -m one/room hello
is "$(got h.x-llmgw-proto) $(got h.x-llmgw-legs)" '1 1' 'answers say which protocol, and in how many legs'
is "$(got h.x-ratelimit-limit-requests) $(got h.x-ratelimit-remaining-requests)" '9 8' \
    '… and what is left of our limits'
like "$(got h.x-ratelimit-reset-requests)" '^([1-6][0-9]{3}|[1-9][0-9]{0,2})ms$' '… until when'
is "$(got h.x-ratelimit-limit-tokens)" 5000 '… of tokens, too'
ask -d anthropic -s -m one/room hello
is "$(got h.anthropic-ratelimit-requests-remaining)" 7 '… in either dialect, streamed or not'
like "$(got h.anthropic-ratelimit-tokens-reset)" '^20[0-9-]*T[0-9:]*Z$' '… as its SDK reads it'

# ---- money ----
ask -m one/luna -H 'x-llmgw-max-cost: 0.02' hello
is "$(got outcome)" ok 'a price cap below the model'"'"'s longest answer becomes an output cap'
cmp_num "$(got h.x-llmgw-max-output-tokens)" -lt 128000 '… which is told'
is "$(last_request one body.max_completion_tokens)" "$(got h.x-llmgw-max-output-tokens)" '… and sent'

# what the account's contract adds is part of what a request could cost
long="\"max_completion_tokens\":100000,$hi"
for name in one:200 eu:403; do
    is "$(post /v1/chat/completions "{\"model\":\"${name%:*}/gpt-6.1-sol\",$long}" -H 'x-llmgw-max-cost: 1.05')" \
        "${name#*:}" "a price cap between the list's price and the contract's: $name"
done
like "$(of_body error.message)" 'could cost' '… and says why'
cost_of() { llmgw route explain --no-stdin -m "$1" --max-tokens 100000 -j hello | "$tool" json cost_usd.max; }
is "$(cost_of eu/gpt-6.1-sol)" "$(awk "BEGIN { printf \"%.9g\", $(cost_of one/gpt-6.1-sol) * 1.1 }")" '… as does route explain'

# ---- an output cap that the provider says is too high ----
scenario one <<'END'
on model=capped has="_tokens\":90000": status=400 type=invalid_request_error message="max_tokens is too large: 90000. This model supports at most 16384 completion tokens, whereas you provided 90000."
on model=poor has="_tokens\":90000": status=402 type=none message="This request requires more credits, or fewer max_tokens. You requested up to 90000 tokens, but can only afford 5000."
on model=claude has="max_tokens\":90000": status=400 type=invalid_request_error message="max_tokens: 90000 > 64000, which is the maximum allowed number of output tokens for claude"
END
capped() { # ITS NAME, CAP: how it went, how often it was asked, at last with which, and what is told
    ask -d "${3-openai}" -n "$2" -m "$1" hello
    echo "$(got outcome) $(got h.x-llmgw-attempts) $(last_request one body."${4-max_completion_tokens}") $(got h.x-llmgw-max-output-tokens)"
}
is "$(capped one/capped 90000)" 'ok 2 16384 16384' 'a cap is lowered to what the provider says, and sent again'
is "$(capped one/capped 90000)" 'ok 1 16384 16384' '… at once from then on'
is "$(capped one/capped 100)" 'ok 1 100 ' '… a lower one is left alone'
is "$(capped one/poor 90000)" 'ok 2 5000 5000' 'a purse that is not empty pays for a shorter answer'
is "$(capped one/poor 90000)" 'ok 2 5000 5000' '… which is no news of the model'
is "$(capped blind/claude 90000 anthropic max_tokens)" 'ok 2 64000 64000' "Anthropic's, by its own client"
is "$(capped blind/claude 90000 openai max_tokens)" 'ok 1 64000 64000' '… and what was learned, by another'

# ---- our own headers ----
for header in detach idempotency-key cache-ttl; do
    ask -m one/sim -H "x-llmgw-$header: 1" hello
    is "$(got status) $(got class)" '400 invalid_request' "x-llmgw-$header is not passed over"
done
like "$(got message)" '^header x-llmgw-cache-ttl: is not supported' '… and is named'
ask -m one/sim -H 'x-llmgw-from-the-future: 1' hello
is "$(got outcome)" ok 'an unknown one is'
ok '… and the log says so' wait_for "$broker_log" 'header=x-llmgw-from-the-future an unknown header'
ask -m one/sim -H 'x-llmgw-provider-key: nothing' hello
is "$(got message)" 'header x-llmgw-provider-key: must be NAME=VALUE' 'a key is never quoted'

# ---- the record of a stream ----
ask -s -m one/sim -H 'x-llmgw-record: full' hello
id=$(got h.x-llmgw-request-id)
sql_wait "SELECT count(*) FROM body WHERE rid = (SELECT rid FROM request WHERE id = '$id')" 1 >/dev/null
record=$(llmgw log show "$id" --response)
like "$record" '"finish_reason":"stop"' 'the record of a stream has its finish'
like "$record" '^data: \[DONE\]$' '… and its end'
is "$(printf '%s\n' "$record" | grep -c 'finish_reason":"stop')" 1 '… once'

# ---- a template without a name is known by its system prompt ----
system='"content":"Be brief."'
post /v1/chat/completions "{\"model\":\"one/auto\",\"messages\":[{\"role\":\"system\",$system},
    {\"role\":\"user\",\"content\":\"hello\"}]}" >/dev/null
post /v1/messages "{\"model\":\"one/auto\",\"max_tokens\":9,\"system\":\"Be brief.\",$hi}" >/dev/null
is "$(sql_wait 'SELECT count(*), count(DISTINCT template) FROM requests WHERE asked_model = '"'one/auto'" '2|1')" '2|1' \
    'the same system prompt is the same template in both dialects'
like "$(sql "SELECT template FROM requests WHERE asked_model = 'one/auto'" | tail -n 1)" '^auto:[0-9a-f]{16}$' '… by its hash'

# ---- what is explained is what happens ----
ask -m one/few hello
like "$(llmgw route explain -m one/few hello)" 'would send: yes$' 'there is room for one more'
ask -m one/few hello
out=$(llmgw route explain -m one/few hello)
is "$?" 0 'what would wait is no refusal'
like "$out" 'would wait (2[0-9]|30)[.0-9]*s, then send$' '… and says how long'
like "$(llmgw chat --no-stdin --dry-run -m one/few hello 2>&1)" 'would wait (2[0-9]|30)[.0-9]*s, then send' \
    '… to chat --dry-run, too'
done_testing
