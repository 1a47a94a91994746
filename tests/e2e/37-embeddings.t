#!/bin/sh
# Embeddings, from OpenAI's kind of provider, Gemini, Vertex and Cohere: what each is asked, that the
# client gets the same from all, what it costs, who is asked instead, and what is refused.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

SIM_KEY=k
export SIM_KEY
echo 'on model=nomic-embed-text: lax' >"$tmp/sim.scenario"
start_sim sim
alike='mistral alibaba together openrouter nvidia sambanova deepinfra'
# shellcheck disable=SC2046
for provider in openai:v1 other:v1:openai fireworks:v1 gemini:v1beta vertex:v1 cohere:v2 groq:v1 \
    busy:v1:openai broken:v1:openai azure:openai/v1 $(printf '%s:v1 ' $alike); do
    kind=${provider##*:}
    name=${provider%%:*}
    base=${provider#*:}
    [ "$kind" = "${base%%:*}" ] && kind=$name
    printf '[provider "%s"]\n\tkind = %s\n\tbase-url = http://127.0.0.1:%s/%s\n\tkey-env = SIM_KEY\n' \
        "$name" "$kind" "$sim_port" "${base%%:*}"
done >"$tmp/providers"
{
    cat "$tmp/providers"
    cat <<END
[provider "ollama"]
    base-url = http://127.0.0.1:$sim_port/v1
[provider "classic"]
    kind = azure
    base-url = http://127.0.0.1:$sim_port
    api-version = 2024-10-21
    key-env = SIM_KEY
[model "openai/mine"]
    can = embedding
[route "all"]
    target = gemini/gemini-embedding-001
    target = openai/text-embedding-3-small
[route "failing"]
    target = busy/text-embedding-3-small
    target = cohere/embed-v4.0
[route "mixed"]
    target = openai/gpt-6-luna
    target = openai/text-embedding-3-small
[route "quick"]
    target = broken/text-embedding-3-small-sim:stall=0
    target = cohere/embed-v4.0
    timeout = 8s
[limit "provider:other"]
    input-tokens = 100/min
END
} | config
start_broker

asked() { last_request sim "body.$1"; }
# post BODY: head to $tmp/head, body to $tmp/body; ' stands for "
post() {
    printf '%s' "$1" | tr "'" '"' >"$tmp/sent"
    shift
    http -D "$tmp/head" -H 'content-type: application/json' "$@" --data-binary @"$tmp/sent" \
        /v1/embeddings >"$tmp/body"
}
said() { "$tool" json "$1" <"$tmp/body"; }
status() { sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$tmp/head"; }
head_of() { tr -d '\r' <"$tmp/head" | sed -n "s/^$1: //p"; }

# ---- OpenAI's own: bytes in, bytes out ----
post "{ 'model':'openai/text-embedding-3-small', 'input':['h\\u0061rbour', 'keel'],  'dimensions' : 8 }"
is "$(status) $(said object) $(said data.1.object) $(said data.1.index)" '200 list embedding 1' 'OpenAI: an answer'
is "$(asked model) $(asked dimensions) $(last_request sim target)" 'text-embedding-3-small 8 /v1/embeddings' '… as it was asked'
sed 's|openai/||' "$tmp/sent" | curl -sS --noproxy '*' -H 'authorization: Bearer k' -H 'content-type: application/json' \
    --data-binary @- "http://127.0.0.1:$sim_port/v1/embeddings" | cmp -s - "$tmp/body"
is $? 0 '… the answer is the provider'\''s, byte for byte'
is "$(head_of x-llmgw-target) $(head_of x-llmgw-cost-source)" 'openai/text-embedding-3-small computed' '… told as any other answer is'
post "{'model':'openai/text-embedding-3-small','input':'a','x':1}"
is "$(status) $(said error.llmgw.origin)" '400 client' 'an unknown field is the provider'\''s to judge'

# ---- all that have such a path ----
for kind in $alike; do
    post "{'model':'$kind/model-1','input':'keel'}"
    is "$(status) $(last_request sim target) $(last_request sim headers.authorization | cut -c1-6)" \
        '200 /v1/embeddings Bearer' "$kind: an answer"
done
post "{'model':'azure/deployed','input':'keel'}"
is "$(status) $(last_request sim target)" '200 /openai/v1/embeddings' 'Azure: an answer'
post "{'model':'classic/deployed','input':'keel'}"
is "$(status) $(last_request sim target)" '200 /openai/deployments/deployed/embeddings?api-version=2024-10-21' \
    '… at its older addresses, too'

# ---- the same text, the same vectors, whoever makes them ----
want=$(printf '{"model":"text-embedding-3-small","input":["harbour","keel"]}' |
    curl -sS --noproxy '*' -H 'authorization: Bearer k' --data-binary @- "http://127.0.0.1:$sim_port/v1/embeddings" |
    grep -o '\[-*[0-9][^]]*\]' | cksum)
want64=$(printf '{"model":"text-embedding-3-small","input":["harbour","keel"],"encoding_format":"base64"}' |
    curl -sS --noproxy '*' -H 'authorization: Bearer k' --data-binary @- "http://127.0.0.1:$sim_port/v1/embeddings" |
    grep -o '"embedding":"[^"]*"' | cksum)
for model in openai/text-embedding-3-small gemini/gemini-embedding-001 vertex/text-embedding-005 cohere/embed-v4.0 \
    fireworks/nomic-ai/nomic-embed-text-v1.5 ollama/nomic-embed-text; do
    post "{'model':'$model','input':['harbour','keel']}"
    is "$(status) $(grep -o '\[-*[0-9][^]]*\]' "$tmp/body" | cksum)" "200 $want" "$model: as numbers"
    is "$(said model | sed 's|.*/||') $(said usage.prompt_tokens)" \
        "${model##*/} $(said usage.total_tokens)" '… with model and usage'
    post "{'model':'$model','input':['harbour','keel'],'encoding_format':'base64'}"
    is "$(status) $(grep -o '"embedding":"[^"]*"' "$tmp/body" | cksum)" "200 $want64" '… and as base64'
done
post "{'model':'openai/text-embedding-3-small-sim:numbers','input':['harbour','keel'],'encoding_format':'base64'}"
is "$(grep -o '"embedding":"[^"]*"' "$tmp/body" | cksum)" "$want64" \
    'base64 is what the client gets, even of a server that does not know it'
is "$(said usage.prompt_tokens)" 3 '… with the usage it told'

# ---- in each provider's words ----
post "{'model':'gemini/gemini-embedding-001','input':'keel','dimensions':4,'input_type':'search_query','user':'u','x':1}"
is "$(status) $(last_request sim target)" '200 /v1beta/models/gemini-embedding-001:batchEmbedContents' 'Gemini: a batch'
is "$(asked requests.0.model) $(asked requests.0.taskType) $(asked requests.0.outputDimensionality)" \
    'models/gemini-embedding-001 RETRIEVAL_QUERY 4' '… of one, with its use and size'
is "$(head_of x-llmgw-dropped)" 'user, x' '… what has no place is named'
is "$(said data.0.embedding.3 | wc -c) $(said data.0.embedding.4)" "$(said data.0.embedding.3 | wc -c) " '… and the size is the one asked for'
post "{'model':'vertex/gemini-embedding-001','input':'keel'}"
is "$(status) $(last_request sim target) $(asked parameters.autoTruncate)" \
    '200 /v1/models/gemini-embedding-001:predict false' 'Vertex: predict, which must not cut'
post "{'model':'vertex/gemini-embedding-2','input':'keel','dimensions':4}"
is "$(status) $(last_request sim target) $(asked embedContentConfig.outputDimensionality)" \
    '200 /v1/models/gemini-embedding-2:embedContent 4' '… its newer models have a method of their own'
post "{'model':'cohere/embed-v4.0','input':'keel','dimensions':4,'input_type':'query'}"
is "$(status) $(asked input_type) $(asked output_dimension) $(asked truncate) $(asked embedding_types.0)" \
    '200 search_query 4 NONE float' 'Cohere: what it wants to know'
post "{'model':'cohere/embed-v4.0','input':'keel'}"
is "$(asked input_type)" search_document '… and must know, if it was not said'

# ---- money: every worked example, from the answer to the ledger ----
grep '"wire":"embedding"' "$top_srcdir/tests/data/price_examples.jsonl" >"$tmp/examples"
cmp_num "$(grep -c . "$tmp/examples")" -ge 3 'there are examples'
while read -r line; do
    of() { printf '%s' "$line" | "$tool" json "$1"; }
    model=$(of model_requested) provider=$(of provider)
    [ "$provider" = google ] && provider=gemini
    tok=$(of usage.prompt_tokens)
    [ -n "$tok" ] || tok=$(of usage.total_tokens)
    printf 'on model=%s: prompt=%s\n' "$model" "$tok" | scenario sim
    post "{'model':'$provider/$model','input':'keel'}" -H "x-llmgw-project: $(of id)"
    is "$(status) $(said usage.prompt_tokens)" "200 $tok" "$(of id): $model, $tok tokens"
    is "$(sql_wait "select cost_pico, cost_source, estimated, input from requests where project = '$(of id)'" \
        "$(of total_pusd)|computed|0|$tok")" "$(of total_pusd)|computed|0|$tok" '… cost what the example says'
done <"$tmp/examples"
printf 'on model=embed-v4.0: prompt=1000\non model=text-embedding-005: prompt=9\n' | scenario sim
post "{'model':'cohere/embed-v4.0','input':'keel'}" -H 'x-llmgw-project: co'
is "$(sql_wait "select cost_pico from requests where project = 'co'" 120000000)" 120000000 'Cohere: what is billed'
post "{'model':'vertex/text-embedding-005','input':['keel','mast']}"
is "$(said usage.prompt_tokens)" 18 'Vertex counts each text for itself'
: | scenario sim
post "{'model':'gemini/gemini-embedding-001','input':'keel and mast'}" -H 'x-llmgw-project: est'
cmp_num "$(said usage.prompt_tokens)" -gt 0 'Gemini tells no count: the client is given an estimate'
is "$(head_of x-llmgw-cost-source) $(sql_wait "select estimated, cost_pico > 0 from requests where project = 'est'" '1|1')" \
    'estimated 1|1' '… and the ledger says that it is one'

# ---- the ledger ----
is "$(sql_wait "select kind, dialect, outcome, output, finish from requests where project = 'est'" 'embed|openai|ok||')" \
    'embed|openai|ok||' 'a row of its kind'
is "$(llmgw log -n 1 --kind embed -F jsonl | "$tool" json kind)" embed 'log shows it'
is "$(llmgw log --kind chat -F jsonl | grep -c '"kind":"embed"')" 0 '… and none of another kind'
like "$(llmgw cost today --kind embed --by model)" 'gemini-embedding-001' 'cost knows what it cost'
like "$(llmgw log show "$(llmgw log -n 1 --kind embed -F tsv --fields id | tail -n 1)")" 'kind +embed' 'log show tells the kind'

out=$(llmgw replay "$(llmgw log -n 1 --kind embed -F tsv --fields id | tail -n 1)" --against openai/gpt-6-luna 2>&1)
is $? 2 'replay repeats no embeddings'
like "$out" 'made embeddings: replay repeats chats' '… and says so'

# ---- a long request is written piece by piece, a long answer read at once ----
long=$(awk 'BEGIN { for (i = 0; i < 9000; i++) printf "w%d ", i % 7 }')
longs=$(awk -v text="$long" 'BEGIN { for (i = 0; i < 30; i++) printf "%s\"%d %s\"", i ? "," : "", i, text }')
post "{'model':'cohere/embed-v4.0','input':[$longs],'dimensions':1536,'encoding_format':'base64'}"
is "$(status) $(said data.29.index) $(said data.0.embedding | wc -c)" '200 29 8193' 'half a megabyte of text is embedded'

# ---- who cannot is not asked ----
before=$(requests sim)
post "{'model':'openai/gpt-6-luna','input':'keel'}"
is "$(status) $(said error.type) $(said error.param)" '400 invalid_request_error model' 'a model for chats is not asked'
like "$(said error.message)" 'openai/gpt-6-luna: cannot do embeddings; these could: .*openai/text-embedding-3-small' '… who could is named'
is "$(said error.llmgw.fallback_models.0) $(said error.llmgw.attempts.0.target)" 'gemini/gemini-embedding-001 ' \
    "… to be asked as it stands: what routes have, in whatever provider's words"
post "{'model':'groq/anything','input':'keel'}"
like "$(status) $(said error.message)" '^400 groq/anything: cannot do embeddings' 'nor is a provider without embeddings'
post "{'model':'anthropic/claude-haiku-5-5','input':'keel'}"
is "$(status)" 400 "nor is Anthropic"
ask -d openai -m openai/text-embedding-3-small hi
is "$(got status)" 400 'a model for embeddings is not asked for a chat'
like "$(got message)" 'makes embeddings only; these could: openai/' '… who could is named'
post "{'model':'openai/gpt-6-luna','input':'keel'}" -H 'x-llmgw-no-fallback: 1'
is "$(status) $(said error.llmgw.fallback_models.0)" '400 ' '… unless no fallback is wanted'
ask -d openai -m openai/mine hi
is "$(got status)" 400 '… one that the user says is one, either'
is "$(requests sim)" "$before" '… before anything was sent'
post "{'model':'openai/mine','input':'keel'}"
is "$(status)" 200 '… but for embeddings'
post "{'model':'mixed','input':'keel'}"
is "$(status) $(head_of x-llmgw-target)" '200 openai/text-embedding-3-small' 'a route leads to the target that can'
ask -d openai -s -m mixed hi
is "$(got outcome) $(got h.x-llmgw-target)" 'ok openai/gpt-6-luna' '… either way'
for body in "{'input':'a'}" "{'model':'openai/text-embedding-3-small'}" "{'model':'openai/text-embedding-3-small','input':['a','']}" \
    "{'model':'openai/text-embedding-3-small','input':'a','encoding_format':'int8'}" "{'model':"; do
    post "$body"
    is "$(status) $(said error.type) $(said error.llmgw.origin)" '400 invalid_request_error client' "refused: $body"
done
is "$(http -o /dev/null -w '%{http_code}' /v1/embeddings)" 405 'GET is no question'

# ---- tokens and many inputs: another target, or a reason ----
post "{'model':'all','input':[[1,2,3],[4]]}"
is "$(status) $(head_of x-llmgw-target) $(said usage.prompt_tokens)" '200 openai/text-embedding-3-small 4' \
    'tokens go to a target that reads them'
post "{'model':'gemini/gemini-embedding-001','input':[1,2,3]}"
like "$(status) $(said error.message)" '400 input: tokens are another' '… with none they are refused'
many=$(awk 'BEGIN { for (i = 0; i < 150; i++) printf "%s\"t%d\"", i ? "," : "", i }')
vectors() { grep -o '\[-*[0-9][^]]*\]\|"embedding":"[^"]*"' "$tmp/body" | cksum; }
for format in float base64; do
    post "{'model':'openai/text-embedding-3-small','input':[$many],'encoding_format':'$format'}"
    want=$(vectors)
    for model in gemini/gemini-embedding-001 cohere/embed-v4.0; do
        before=$(requests sim)
        post "{'model':'$model','input':[$many],'encoding_format':'$format'}"
        is "$(status) $(said data.149.index) $(vectors)" "200 149 $want" "$model: more than it takes at once, $format"
        is "$(($(requests sim) - before))" 2 '… are asked for in two calls'
    done
done
printf 'on model=embed-v4.0: prompt=1000\n' | scenario sim
post "{'model':'cohere/embed-v4.0','input':[$many]}" -H 'x-llmgw-project: many'
is "$(said usage.prompt_tokens) $(head_of x-llmgw-attempts)" '2000 1' '… of one attempt, whose usage is the sum'
is "$(sql_wait "select cost_pico, estimated from requests where project = 'many'" '240000000|0')" '240000000|0' '… and what it costs'
printf 'on model=embed-v4.0 nth=2: error=overloaded\non model=embed-v4.0: prompt=1000\n' | scenario sim
post "{'model':'cohere/embed-v4.0','input':[$many]}" -H 'x-llmgw-project: half' -H 'x-llmgw-fallback: openai/text-embedding-3-small'
is "$(status) $(said data.149.index)" '200 149' 'a call that fails among others fails the attempt'
id=$(head_of x-llmgw-request-id)
is "$(sql_wait "select usage ->> 'input' || ' ' || attempt.cost_pico || ' ' || estimated from attempt
    join request using (rid) where id = '$id' and idx = 0" '1000 120000000 0')" '1000 120000000 0' \
    '… what was answered before is billed, as it was told'
# untold WHICH N: sets sum to the input tokens when that of the two calls, or both, tell none,
# without the N that the other tells
untold() {
    printf 'on model=embed-v4.0 %s: usage=none\non model=embed-v4.0: prompt=1000\n' "$1" | scenario sim
    post "{'model':'cohere/embed-v4.0','input':[$many]}" -H "x-llmgw-project: untold ${1:-both}"
    is "$(sql_wait "select estimated from requests where project = 'untold ${1:-both}'" 1)" 1 "no usage of two calls, ${1:-both}: estimated"
    sum=$(($(said usage.prompt_tokens) - $2))
}
untold nth=1 1000
first=$sum
untold nth=2 1000
second=$sum
untold '' 0
cmp_num "$second" -gt 20 '… what it does not tell is added to what the other told'
cmp_num $((sum - first - second)) -le 1 '… as much as it would be'
cmp_num $((first + second - sum)) -le 1 '… by the texts that were in it'
cmp_num "$first" -gt "$second" '… of which the first had more'
: | scenario sim
most=$(awk 'BEGIN { for (i = 0; i < 33; i++) printf "%s\"t%d\"", i ? "," : "", i }')
post "{'model':'vertex/gemini-embedding-001','input':[$most]}"
like "$(status) $(said error.message)" '400 input: the target takes 1 at most, 32 times over, these are 33' \
    'more calls than 32 are refused'
long=$(awk 'BEGIN { for (i = 0; i < 30000; i++) printf "word%d ", i }')
post "{'model':'openai/text-embedding-3-small','input':['a','$long']}"
is "$(status) $(said error.code)" '400 context_length_exceeded' 'an input that is longer than the window is refused'
half=$(awk 'BEGIN { for (i = 0; i < 900; i++) printf "word%d ", i }')
post "{'model':'openai/text-embedding-3-small','input':['$half','$half','$half','$half']}"
is "$(status)" 200 '… inputs that fit one by one need not fit together'

# ---- limits: what goes in is counted ----
post "{'model':'other/text-embedding-3-small','input':[[$(seq -s, 1 90)]]}"
is "$(status)" 200 'within the limit'
post "{'model':'other/text-embedding-3-small','input':[[$(seq -s, 1 90)]]}" -H 'x-llmgw-timeout-ms: 500'
is "$(status) $(said error.code)" '429 rate_limit_exceeded' 'above it'
post "{'model':'other/text-embedding-3-small','input':[[$(seq -s, 1 101)]]}"
like "$(status) $(said error.message)" '403 .*never fits' 'what never fits is not waited for'
post "{'model':'cohere/embed-v4.0','input':'$half'}" -H 'x-llmgw-max-cost: 0.000001'
is "$(status) $(said error.code)" '403 refused' 'a cost cap is one here, too'

# ---- faults ----
for fault in 429,retry-after=20 error=overloaded error=server close reset cut=0 cut-byte=30 garble html empty vectors=missing \
    'in-band=0,error=server'; do
    post "{'model':'busy/text-embedding-3-small-sim:$fault','input':['a','b']}" -H 'x-llmgw-fallback: cohere/embed-v4.0'
    is "$(status) $(head_of x-llmgw-target) $(said data.1.index)" '200 cohere/embed-v4.0 1' "$fault: the next one answers"
    stop_broker
    rm -f "$db" "$db-wal" "$db-shm"
    start_broker
done
for how in missing same-index uneven; do
    post "{'model':'busy/text-embedding-3-small-sim:vectors=$how,prompt=7','input':['a','b']}" \
        -H 'x-llmgw-fallback: cohere/embed-v4.0'
    id=$(head_of x-llmgw-request-id)
    want='7 0,7 0,2 0'
    is "$(sql_wait "select group_concat(usage ->> 'input' || ' ' || estimated) from attempt
        join request using (rid) where id = '$id'" "$want")" "$want" "$how: what was billed for no use is counted, too"
    stop_broker
    rm -f "$db" "$db-wal" "$db-shm"
    start_broker
done
post "{'model':'quick','input':['a','b']}"
is "$(status) $(head_of x-llmgw-target)" '200 cohere/embed-v4.0' 'one that stalls is left in time'
for provider in broken:openai_ gemini:gemini-embedding-001 cohere:embed-v4.0; do
    model=${provider#*:}
    [ "$model" = openai_ ] && model=text-embedding-3-small
    post "{'model':'${provider%%:*}/$model-sim:vectors=missing','input':['a','b']}"
    is "$(status) $(said error.code)" '502 upstream_error' "${provider%%:*}: too few embeddings are no answer"
    like "$(said error.message)" 'gave 1 embeddings for 2 inputs' '… and it says so'
    post "{'model':'${provider%%:*}/$model-sim:error=context','input':['a','b']}"
    is "$(status) $(said error.code)" '400 context_length_exceeded' '… its errors have their class'
done

# ---- models ----
like "$(http /v1/models | tr ',' '\n')" '"id":"openai/text-embedding-3-small"' 'models for embeddings are listed'
done_testing
