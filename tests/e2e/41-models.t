#!/bin/sh
# GET /v1/models in both shapes, also with a provider that no catalog knows.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

ONE_KEY=sk-one
export ONE_KEY
config <<END
[provider "own"]
    kind = openai-compatible
    base-url = http://127.0.0.1:1/v1
    key-env = ONE_KEY
[provider "openai"]
    kind = openai
    key-env = ONE_KEY
[route "both"]
    target = own/model-a
    target = openai/gpt-6-luna
END
start_broker
out=$(http /v1/models)
is "$(printf '%s' "$out" | "$tool" json object)" list 'a list in the shape of OpenAI'
like "$out" '"id":"both"' '… with routes'
like "$out" '"id":"own/model-a"' '… with targets the catalog does not know'
like "$out" '"id":"openai/gpt-6.1-terra"' '… with what the catalog has where there is a key'
out=$(http -H 'anthropic-version: 2023-06-01' /v1/models)
is "$(printf '%s' "$out" | "$tool" json data.0.type)" model 'the shape of Anthropic by its header'
is "$(http /v1/models/own/model-a | "$tool" json id)" own/model-a 'one model by its id'
is "$(http -o /dev/null -w '%{http_code}' /v1/models/nobody)" 404 'an unknown one is not found'
stop_broker
is "$rc" 0 'the broker ends well'

# ---- what is called usable can be asked ----
WORK_KEY=sk-work
export WORK_KEY
config <<END
[provider "work"]
    kind = openai
    key-env = WORK_KEY
[provider "later"]
    kind = anthropic
    key-env = NOT_SET
[provider "nowhere"]
    kind = openrouter
    key-file = $tmp/no-key
END
start_broker
usable() { llmgw models --fields provider,model,usable -F tsv -a | awk -F '\t' -v want="$1" '$3 == want { print $1 "/" $2 }'; }
usable true >"$tmp/yes"
usable false >"$tmp/no"
cmp_num "$(grep -c ^work/ "$tmp/yes")" -gt 5 'models are listed by the name of their provider'
is "$(grep -vc ^work/ "$tmp/yes")" 0 '… and are not usable without a key'
is "$(grep -c ^openai/ "$tmp/no")" 0 '… those of a kind under another name not twice'
while read -r model; do
    llmgw route explain --no-stdin -m "$model" hello >/dev/null 2>&1 </dev/null || echo "$model"
done <"$tmp/yes" >"$tmp/refused"
is "$(cat "$tmp/refused")" '' 'chat takes each that is usable'
grep -v embed "$tmp/no" | awk -F / '!seen[$1]++' >"$tmp/some"
cmp_num "$(grep -c . "$tmp/some")" -gt 5 'others are not'
while read -r model; do
    llmgw route explain --no-stdin -m "$model" hello >/dev/null 2>&1 </dev/null && echo "$model"
done <"$tmp/some" >"$tmp/taken"
is "$(cat "$tmp/taken")" '' '… nor taken by chat'
is "$(llmgw models show work/gpt-6-luna -j | "$tool" json rows.0.provider)" work \
    'show knows a provider by its name'
is "$(llmgw models show work/gpt-6-luna -j | "$tool" json rows.0.usable)" true '… usable'
is "$(llmgw models show later/claude-haiku-5-5 -j | "$tool" json rows.0.usable)" false '… or not'
is "$(llmgw prices show work/gpt-6-luna -F csv | sed -n 2p | cut -d , -f 1)" openai \
    'its prices are those of its kind'
stop_broker

# ---- the fastest of late ----
sqlite3 "$db" "INSERT INTO attempt (rid, idx, leg, provider, model, start_us, first_token_us, end_us, outcome, bytes_in,
    bytes_out, cost_source, estimated) SELECT 1000 + value, 0, 0, 'work', 'gpt-6-luna', 0, value * 1000, 9000000, 'ok', 0, 0, 'unknown', 0
    FROM json_each('[900, 100, 5000]') UNION ALL SELECT 1, 0, 0, 'work', 'gpt-6.1-terra', 0, 300000, 9000000, 'ok', 0, 0, 'unknown', 0
    UNION ALL SELECT 2, 0, 0, 'work', 'gpt-6.1-sol', 0, 1000, 9000000, 'timeout', 0, 0, 'unknown', 0"
is "$(llmgw models --sort latency --fields model,ttft -F csv | sed -n 2,4p | tr '\n' ' ' | sed 's/ [^ ]*, $//')" \
    'gpt-6.1-terra,300 gpt-6-luna,900' '--sort latency: by the median of what was answered'
like "$(llmgw models --sort latency | head -n 1)" ' ttft$' '… which the table shows then'
unlike "$(llmgw models | head -n 1)" 'ttft' '… and not else'
mv "$db" "$tmp/whole.db"
echo 'this is no ledger' >"$db"
is "$(llmgw models 2>&1 | head -n 1) $(llmgw models -F csv 2>/dev/null | wc -l)" \
    "$(LLMGW_DB=$tmp/none llmgw models | head -n 1) $(LLMGW_DB=$tmp/none llmgw models -F csv | wc -l)" \
    'a ledger that cannot be read is in the way of no other list'
llmgw models --sort latency >"$tmp/none" 2>&1
is "$?" 1 '… but of this one'
is "$(rm "$db"*; llmgw models --sort latency >/dev/null 2>&1; echo $?)" 0 '… also when nothing was asked yet'

# ---- what providers say that they serve ----
start_sim one
start_sim co --dialect cohere
config <<END
[provider "a"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = WORK_KEY
[provider "b"]
    kind = anthropic
    base-url = http://127.0.0.1:$one_port/v1
    key-env = WORK_KEY
[provider "g"]
    kind = gemini
    base-url = http://127.0.0.1:$one_port/v1beta
    key-env = WORK_KEY
[provider "co"]
    kind = cohere
    base-url = http://127.0.0.1:$co_port/v2
    key-env = WORK_KEY
[provider "aws"]
    kind = bedrock
    region = eu-west-1
    key-env = WORK_KEY
[provider "cmd"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-cmd = cat $tmp/key
END
mkfifo "$tmp/key"
echo sk-by-command >"$tmp/key" &
start_broker
refresh() { # $rc, $out, $err
    out=$(llmgw models refresh "$@" 2>"$tmp/err")
    rc=$?
    err=$(cat "$tmp/err")
}
refresh -j
is "$rc" 0 'providers are asked for their models'
for p in a b g co cmd; do
    cmp_num "$(printf '%s\n' "$out" | grep -c "\"provider\":\"$p\"")" -gt 0 "… $p tells some"
done
refresh
like "$out" '^a +sim$' 'what the catalog does not know is told'
like "$out" '^a: [0-9]+ models?, [1-9][0-9]* that the catalog does not know$' '… and how many there are'
like "$out" '^co +command-sim$' '… in the words of each dialect'
is "$(last_request co target)" '/v1/models?page_size=1000' '… at its own address'
like "$out" '^aws: not asked: its models cannot be listed: ' '… and who was not asked, and why'
like "$(llmgw __complete -- chat -m a/si)" '^a/sim' 'completion offers them'
is "$(grep -c '^a/sim' "$XDG_CACHE_HOME/llmgw/models")" 1 '… but none whose name has control characters'
rm "$XDG_CACHE_HOME/llmgw/models"
refresh a
is "$(cut -d / -f 1 "$XDG_CACHE_HOME/llmgw/models" | sort -u)" a 'one provider alone'
refresh nobody
is "$rc" 4 '… that must be one'
printf '[provider "late"]\n    kind = openai\n    base-url = http://127.0.0.1:1/v1\n    key-env = WORK_KEY\n' |
    cat "$config_file" - >"$tmp/later"
refresh --config "$tmp/later" late
is "$rc" 4 '… and one that the broker knows'
like "$err" 'the broker that runs has no provider "late"' '… which is told'
refresh --offline
is "$rc" 5 'offline nobody is asked'
config <<END
$(cat "$config_file")
[provider "gone"]
    kind = openai
    base-url = http://127.0.0.1:1/v1
    key-env = WORK_KEY
END
echo sk-by-command >"$tmp/key" & # it is asked for again, and waited for
http -X POST /llmgw/v1/reload >/dev/null
refresh
is "$rc" 3 'one that does not answer: 3'
like "$err" '^llmgw: models: gone: ' '… and why'
like "$out" '^a +sim$' '… the others are told all the same'
is "$(sort -u "$XDG_CACHE_HOME/llmgw/models" | grep -c '^gone/')" 0 '… and it has no names'
echo gone/old-name >>"$XDG_CACHE_HOME/llmgw/models"
echo unknown/old-name >>"$XDG_CACHE_HOME/llmgw/models"
refresh
is "$(grep -c '^gone/old-name$' "$XDG_CACHE_HOME/llmgw/models")" 1 'who does not answer keeps the names that it told before'
is "$(grep -c '^unknown/' "$XDG_CACHE_HOME/llmgw/models")" 0 '… as long as it is in use'
is "$(grep -c '^a/sim$' "$XDG_CACHE_HOME/llmgw/models")" 1 '… and who does has each once'

# ---- more than are asked at a time, and keys of this shell ----
stop_broker
for i in $(seq 70); do
    printf '[provider "many%d"]\n    kind = openai\n    base-url = http://127.0.0.1:%d/v1\n    key-env = LATE_KEY\n' \
        "$i" "$one_port"
done | config
start_broker
refresh
is "$rc" 0 'providers without a key are passed over'
LATE_KEY=sk-late
export LATE_KEY
refresh -j
is "$(printf '%s\n' "$out" | grep -o '"provider":"many[0-9]*","model":"sim"' | sort -u | wc -l)" 16 \
    'a request brings 16 keys of this shell'
stop_broker
start_broker
refresh -j
is "$(printf '%s\n' "$out" | grep -o '"provider":"many[0-9]*","model":"sim"' | sort -u | wc -l)" 70 'none of many is left out'
done_testing
