#!/bin/sh
# JSON is what `llmgw schema` says it is: every command's, of success, of nothing, and of failure.
. "$top_srcdir/tests/e2e/lib.sh"

start_sim one
ONE_KEY=sk-one
export ONE_KEY
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[route "default"]
    target = one/gpt-6-luna
[client "ci"]
    key-hash = sha256:$(printf x | sha256sum | cut -d ' ' -f 1)
[limit "target:one/gpt-6-luna"]
    requests = 1000/h
    concurrency = 50
[budget "daily"]
    limit = 5/day
END

# fits SCHEMA DESCRIPTION [lines]: the text of $tmp/out
fits() {
    echo "$1" >>"$tmp/tried"
    llmgw schema $1 >"$tmp/schema" || bail "no schema $1"
    if [ -s "$tmp/out" ] && why=$("$tool" fits "$tmp/schema" ${3:-} <"$tmp/out" 2>&1); then pass "$2"; else
        fail "$2"
        diag "${why:-nothing came}"
        diag "$(head -c 2000 "$tmp/out")"
    fi
}
say() { # the command's JSON into $tmp/out, its exit status into $rc
    rc=0
    llmgw "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
}

# ---- the schemas themselves ----
say schema -j
fits schema 'the list of schemas'
sed 's/},/},\n/g' "$tmp/out" | sed -n 's/.*"schema":"\(llmgw\.[a-z.]*\/1\)","command":"\([a-z ]*\)".*/\1 \2/p' |
    sort >"$tmp/known"
cmp_num "$(grep -c . "$tmp/known")" -gt 20 'there are many'
grep -oh '"llmgw\.[a-z.]*/[0-9]"' "$top_srcdir"/cmd/*.c | tr -d '"' | sort -u >"$tmp/used"
is "$(cut -d ' ' -f 1 "$tmp/known" | sort -u | comm -13 - "$tmp/used")" '' 'every name in the source has one'
is "$(llmgw schema llmgw.cost/1)" "$(llmgw schema cost)" 'by name or command'
is "$(llmgw schema models)" "$(llmgw schema models list)" '… or by the first of its commands'
say schema nonsense
is "$rc" 4 'no schema for what is none'

# ---- nothing yet ----
say cost -j
fits cost 'no ledger: cost'
say cost --by day,route -j
fits cost '… by two'
say broker ps -j --no-autostart
is "$rc $(wc -c <"$tmp/out")" '10 0' 'no broker: no JSON but the error'
cp "$tmp/err" "$tmp/out"
fits error '… which has a schema'

# ---- a little of everything ----
start_broker
say broker status -j
fits 'broker status' 'broker status'
say broker start -j
fits 'broker start' 'broker start'
like "$(cat "$tmp/out")" '"started":false' '… which runs already'
say broker reload -j
fits 'broker start' 'broker reload'
say broker path -j
fits 'broker path' 'broker path'
say log -j
fits log 'no requests: log'
say route explain --no-stdin -j hello
fits 'route explain' 'route explain'
say chat --no-stdin --dry-run -v --max-tokens 5 -j hello
fits 'route explain' 'chat --dry-run -v'
say route explain --no-stdin -j --max-cost 0 hello
fits 'route explain' '… refused'
say chat --no-stdin -j -m default --project web --tag a=b hello
fits chat 'chat'
say chat --no-stdin -j -x -m default hello
fits chat 'chat -x'
say chat --no-stdin -j -m one/sim:status=400 hello
isnt "$rc" 0 'a failure'
fits chat '… is JSON, too'
say chat --no-stdin -j -m one/sim:cut=3 hello
fits chat 'an answer that was cut'
say chat --no-stdin -j -m nobody hello
fits chat 'no such model'
say chat --no-stdin -F jsonl -m default --usage-file "$tmp/usage" hello
fits 'chat events' 'chat -F jsonl' lines
cp "$tmp/usage" "$tmp/out"
fits 'chat usage' 'chat --usage-file'
say chat --no-stdin -F jsonl -m one/sim:status=503 --fallback one/gpt-6-luna hello
fits 'chat events' 'with a fallback' lines
like "$(cat "$tmp/out")" '"type":"fallback"' '… that is told'
say chat --no-stdin -F jsonl -m one/sim:status=400 hello
fits 'chat events' 'with an error' lines
say chat --no-stdin -F jsonl -m one/sim:cut=3 hello
fits 'chat events' 'cut' lines
sql_wait 'SELECT count(*) FROM request' 9 >/dev/null
say cost -j
fits cost 'cost'
say cost --by model,kind -j
fits cost 'cost by two'
say cost show last -j
fits 'cost show' 'cost show'
say log -j
fits log 'log'
for id in $(llmgw log -n 20 -F tsv --fields id | sed 1d); do
    say log show "$id" -j
    fits 'log show' "log show $id"
    say cost show "$id" -j
    fits 'cost show' "cost show $id"
done
say keys -j
fits 'keys list' 'keys list'
say keys test one -j
fits 'keys test' 'keys test'
say doctor -j
fits doctor 'doctor'
say log conversations -j
fits 'log conversations' 'log conversations'
say log stats -j
fits 'log stats' 'log stats'
say log export -F jsonl
fits 'log export' 'log export' lines
say log -g hello -j
fits log 'log -g'
say client list -j
fits 'client list' 'client list'
say client add web -j
fits 'client add' 'client add'
say client add other -F csv
is "$rc $(cat "$tmp/out")" '2 ' '… is no table'
say config list -j
fits 'config list' 'config list'
say config get route.default.target -j
fits 'config get' 'config get'
say help -j
fits help 'help'
say models -a -j
fits 'models list' 'models list'
say models show gpt-6-luna -j
fits 'models show' 'models show'
say prices -j
fits 'prices list' 'prices list'
say prices show openai/gpt-6-luna -j
fits 'prices show' 'prices show'
say prices cost "$top_srcdir/tests/data/price_examples.jsonl" -j
fits 'prices cost' 'prices cost'
say replay --last 1h --against one/gpt-6-luna -j
fits replay 'replay'
say replay --last 1h --against one/gpt-6-luna --dry-run -j
fits replay 'replay --dry-run'
say replay export last -j
fits 'replay export' 'replay export'
say replay list -j
fits 'replay list' 'replay list'
say route list -j
fits 'route list' 'route list'
say route health -j
fits 'route health' 'route health'
llmgw route history -j >"$tmp/out"
fits 'route history' 'route history'
llmgw route test -j >"$tmp/out" 2>/dev/null
fits 'route test' 'route test'
say broker ps -j
fits 'broker ps' 'broker ps'
spawn slow llmgw chat --no-stdin -F jsonl -m one/sim:gap=60s hello
wait_for "$tmp/slow.out" '"text"'
say broker ps -j
fits 'broker ps' '… of a request under way'
id=$("$tool" json rows.0.request_id <"$tmp/out")
like "$(cat "$tmp/out")" "\"target\":\"one/sim:gap=60s\"" '… that is in it'
say broker cancel "$id" -j
fits 'broker start' 'broker cancel'
wait "$pid"
cp "$tmp/slow.out" "$tmp/out"
fits 'chat events' 'an answer that somebody cancelled' lines
llmgw chat --no-stdin --save hm 'say it' >/dev/null 2>&1
printf 'some words' >"$tmp/words"
say tokens -j "$tmp/words" "$tmp/words"
fits tokens 'tokens'
say models alias -j
fits 'models alias' 'models alias'
llmgw models refresh -j >"$tmp/out" 2>/dev/null
fits 'models refresh' 'models refresh'
say template list -j
fits 'template list' 'template list'
say log show nobody -j
cp "$tmp/err" "$tmp/out"
fits error 'a failure on standard error'
say cost --by nonsense -j
cp "$tmp/err" "$tmp/out"
fits error '… with a hint'

is "$(cut -d ' ' -f 2- "$tmp/known" | sort -u | grep -vxFf "$tmp/tried" | grep -vx 'schema list')" '' \
    'every schema was tried'

# ---- the judge can say no ----
llmgw schema 'config get' >"$tmp/schema"
for bad in '{"schema":"llmgw.config.get/1","key":"a"}' '{"schema":"llmgw.config.get/1","key":1,"values":[]}' \
    '{"schema":"llmgw.config/1","key":"a","values":[]}' '{"schema":"llmgw.config.get/1","key":"a","values":[],"more":1}'; do
    printf '%s' "$bad" | "$tool" fits "$tmp/schema" >/dev/null 2>&1
    is "$?" 1 "not $bad"
done

done_testing
