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
[limit "target:one/few"]
    requests = 2/min
END
start_broker

# ---- the next request after a quota, and after a refused key ----
ask -m poor/sim:error=quota hello
is "$(got status) $(got class)" '429 quota_exhausted' 'a quota is used up'
for model in poor/sim:error=quota poor/sim; do
    ask -m "$model" hello
    is "$(got status) $(got class) $(got code)" '429 quota_exhausted insufficient_quota' \
        "… and the next request for $model hears of it"
    is "$(got h.x-should-retry) $(got h.retry-after)" 'false ' '… with nothing to wait for'
done
like "$(got message)" 'key poor#1 has used up its quota, retry in (10m|9m59)' '… and which key it is'
ask -d anthropic -m poor/sim hello
is "$(got status) $(got class) $(got type)" '402 quota_exhausted billing_error' \
    '… in its own dialect'
llmgw chat --no-stdin -m poor/sim hello >/dev/null 2>&1
is "$?" 7 '… and llmgw chat by its exit status'
ask -m barred/sim:error=auth hello
ask -m barred/sim hello
is "$(got status) $(got class)" '502 upstream_authentication' 'a refused key is told, too'
like "$(got message)" 'key barred#1 was not accepted, retry in (10m|9m59)' '… by its name'

# ---- a key that the client brings ----
ask -m other/sim:error=quota -H 'x-llmgw-provider-key: other=sk-mine' hello
is "$(got class)" quota_exhausted "the client's own quota is used up"
before=$(requests one)
ask -m other/sim:error=quota hello
is "$(requests one)" $((before + 1)) '… which stops nobody else'
ask -m poor/sim -H 'x-llmgw-provider-key: poor=sk-mine' hello
is "$(got outcome)" ok '… and our quota does not stop it'

# ---- what a dialect requires, and who asked ----
post() { # DIALECT'S PATH, BODY: the status, and the answer in $tmp/body
    http -X POST -H 'content-type: application/json' -d "$2" -o "$tmp/body" -w '%{http_code}' "$1"
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

# ---- what is explained is what happens ----
ask -m one/few hello
like "$(llmgw route explain -m one/few hello)" 'would send: yes$' 'there is room for one more'
ask -m one/few hello
out=$(llmgw route explain -m one/few hello)
is "$?" 0 'what would wait is no refusal'
like "$out" 'would wait (29|30)[.0-9]*s, then send$' '… and says how long'
like "$(llmgw chat --no-stdin --dry-run -m one/few hello 2>&1)" 'would wait (29|30)[.0-9]*s, then send' \
    '… to chat --dry-run, too'
done_testing
