#!/bin/sh
# Seeing where requests would go: `route explain` and `chat --dry-run` are one thing and tell all
# that is known before sending; health as it is and as it changes.
. "$top_srcdir/tests/e2e/lib.sh"
start_sim one
ONE_KEY=sk-one-secret
export ONE_KEY
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[provider "two"]
    kind = anthropic
    base-url = http://127.0.0.1:$one_port
    key-env = ONE_KEY
[route "default"]
    target = one/gpt-6-luna
    target = one/other
[route "fast"]
    target = one/gpt-6-luna
[budget "daily"]
    limit = 5.00/day
    tz = UTC
[budget "alpha"]
    limit = 0.0001/month
    project = alpha
    hard = true
    tz = UTC
END
start_broker

explain() { # route explain "$@"; sets $rc, $out, $err
    out=$(llmgw route explain "$@" 2>"$tmp/err")
    rc=$?
    err=$(cat "$tmp/err")
}
json() { printf '%s' "$out" | "$tool" json "$1"; }
ascending() { # three numbers, each more than the one before
    awk -v a="$1" -v b="$2" -v c="$3" 'BEGIN { print (a != "" && a + 0 < b + 0 && b + 0 < c + 0 ? "yes" : "no") }'
}

# ---- one thing ----
printf 'line one\nline two\n' >"$tmp/notes.txt"
for options in '-r fast hello' '-m one/other --fallback fast hello' \
    "-s brief -f $tmp/notes.txt --temperature 0.2 --max-tokens 50 -O top_p=0.5 hello" \
    '-m fast --max-cost 0.00000001 hello' '-P alpha --max-tokens 100000 hello' \
    '--timeout 2s --tag a=b --no-stream --effort low hello' '-m nobody hello' \
    '-v --seed 7 hello'; do
    # shellcheck disable=SC2086
    explain --no-stdin $options
    # shellcheck disable=SC2086
    dry=$(llmgw chat --dry-run --no-stdin $options 2>"$tmp/dry.err")
    is "$? $(printf '%s' "$dry" && sed 's/: chat: /: route: /' "$tmp/dry.err")" \
        "$rc $(printf '%s' "$out" && printf '%s' "$err")" "as chat --dry-run: $options"
done
llmgw help chat -j | tr '{' '\n' |
    sed -n 's/^"name":"\([a-z-]*\)","letter":[^,]*,"argument":null.*/\1/p' >"$tmp/flags"
cmp_num "$(grep -c . "$tmp/flags")" -gt 8 'chat has flags'
while read -r name; do
    case $name in stdin | interactive | editor | continue) continue ;; esac
    llmgw route explain --no-stdin "--$name" hello >/dev/null 2>"$tmp/err" || true
    grep -q 'unknown option' "$tmp/err" && echo "$name"
done <"$tmp/flags" >"$tmp/unknown"
is "$(cat "$tmp/unknown")" '' 'every flag of chat is known'
is "$(grep -c . "$one_journal" || true)" 0 'nothing is sent'

# ---- what it tells ----
explain -r fast -s 'be brief' -f "$tmp/notes.txt" --max-tokens 100 hello </dev/null
is "$rc" 0 'an explanation'
like "$out" "^route fast \($config_file:[0-9]+\), strategy order" 'the route and where it is set'
like "$out" '^ +8 bytes  system$' 'the size of each part: system'
like "$out" "^ +[0-9]+ bytes  $tmp/notes.txt\$" '… a file'
like "$out" '^ +5 bytes  words$' '… the words'
like "$out" '^input: ~[0-9]+ tokens \([0-9]+–[0-9]+\), from [0-9]+ bytes read as (code|latin), 4\.[0-9]+ a token as shipped$' \
    'the estimate, its range and its method'
like "$out" '^cost: input \$0\.0000[0-9]+, \$0\.00000[0-9]+ cached; likely \$[0-9.]+; at most \$[0-9.]+, with 100 tokens out$' \
    'what it costs: fresh, cached, likely, at most'
like "$out" '^budget daily: \$0\.00 of \$5\.00 a day \(soft\)$' 'the room in the budget'
unlike "$out" 'budget alpha' '… and in none that does not count it'
like "$out" '^would send: yes$' 'what would come of it'
unlike "$out" '"messages"' 'not the request itself'
explain -P alpha --no-stdin hello
like "$out" '^budget alpha: \$0\.00 of \$0\.00010 a month \(hard\)$' 'a budget of the project'
out=$(printf 'piped text' | llmgw route explain -j hello)
is "$(json parts.0.name) $(json parts.0.bytes) $(json parts.1.name)" 'standard input 10 words' \
    'a pipe is a part'

# ---- the same as JSON ----
explain --no-stdin -r fast --max-tokens 100 -j hello
is "$(json schema)" llmgw.explain/1 'JSON names its schema'
is "$(json estimate.tok)" "$(json input_tok)" '… the estimate'
is "$(ascending "$(json estimate.low_tok)" "$(json estimate.tok)" "$(json estimate.high_tok)")" yes \
    '… its range'
is "$(json estimate.method) $(json estimate.learned_from)" 'shipped 0' '… its method'
is "$(ascending "$(json cost_usd.cached)" "$(json cost_usd.uncached)" "$(json cost_usd.likely)")" \
    yes '… the cost: cached, not cached, likely'
is "$(json cost_output_tok)" 100 '… at how much output'
is "$(json cost_usd.max)" "$(json candidates.0.max_usd)" '… that of the first candidate'
is "$(json budgets.0.budget) $(json budgets.1.budget)" 'daily ' '… the budgets that count it'
is "$(json parts.0.name) $(json parts.1.name)" 'words ' '… and the parts'
is "$(json body)" '' '… not the request'
explain --no-stdin -m one/other hello
like "$out" '^cost: not known, there is no price$' 'no price is no zero'
explain --no-stdin -m one/other -j hello
like "$out" '"max":null' '… and null in JSON'

# ---- the request, with -v ----
OPENAI_API_KEY=sk-do-not-show
export OPENAI_API_KEY
explain --no-stdin -m fast -v hello
like "$out" '^\{"model":"fast","messages":\[\{"role":"user","content":"hello"\}' '-v shows the request'
unlike "$out$err" 'sk-do-not-show' '… without a key'
explain --no-stdin -m fast -v -j hello
is "$(json body.messages.0.content)" hello '… as JSON, too'
like "$out" '"name":"x-llmgw-provider-key","value":"openai","redacted":true' '… whose key goes with it'
unlike "$out$err" 'sk-do-not-show' '… never which'
unset OPENAI_API_KEY

# ---- refusals ----
explain --no-stdin -r fast --max-cost 0.00000001 hello
is "$rc" 5 'a price cap refuses: 5'
like "$out" '^would send: no$' '… and it is said'
like "$err" 'could cost' '… with the reason'
explain --no-stdin -P alpha --max-tokens 100000 hello
is "$rc" 5 'a hard budget refuses: 5'
like "$err" 'budget alpha' '… by name'
explain -F csv hello </dev/null
is "$rc" 2 'no table: usage'
explain </dev/null
is "$rc" 2 'nothing to say: usage'

# ---- what was learned is told ----
long=$(printf 'word %.0s' $(seq 200))
llmgw chat -m fast --no-stdin "$long" >/dev/null
like "$(llmgw route explain --no-stdin -m fast "$long")" 'a token learned from 1 answer$' \
    'an answer teaches the estimate'

# ---- health ----
config <<END
$(cat "$config_file")
[limit "target:one/gpt-6-luna"]
    requests = 100/h
END
http -X POST /llmgw/v1/reload >/dev/null
llmgw chat -m fast --no-stdin hello >/dev/null
out=$(llmgw route health)
like "$out" '^one/gpt-6-luna +healthy +ok +[0-9]+ +0' 'health of a target'
like "$out" '^limit target:one/gpt-6-luna requests: 9[0-9] of 100 left in 1h' \
    '… the room of a limit'
like "$out" '^budget daily: \$0\.0[0-9]+ of \$5\.00 a day \(soft\)$' '… and of a budget'
spawn watch env --default-signal=INT llmgw route health --watch
watch=$pid
ok 'a watch begins' wait_for "$tmp/watch.out" 'one/gpt-6-luna +healthy'
llmgw route drain one/gpt-6-luna
ok '… and tells of a change' wait_for "$tmp/watch.out" 'one/gpt-6-luna +drained'
is "$(grep -c '^target ' "$tmp/watch.out")" 2 '… only then'
reap "$watch" INT
is "$rc" 130 '… until Ctrl-C'
llmgw route undrain one/gpt-6-luna
out=$(timeout 5 llmgw route health --watch -j 2>&1)
is "$?" 2 'a watch has no JSON, which would never end'
out=$(printf 'expect one/gpt-6-luna\nexpect Ctrl-C ends\nexpect Ctrl-C ends\nsignal INT\nend\n' |
    "$tool" pty llmgw route health --watch 2>&1)
like "$out" 'exit=130' 'on a terminal it is drawn again each second'
unlike "$out" "$(printf '\033')\\[2J" '… in place, without a blank screen'


# ---- asking targets ----
config <<END
$(cat "$config_file")
[price "one/*"]
    input = 1
    output = 2
[price "two/*"]
    input = 1
    output = 2
[route "pair"]
    target = one/gpt-6-luna
    target = two/sim-sim:status=529
[model "one/vectors"]
    can = embedding
[provider "three"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
END
http -X POST /llmgw/v1/reload >/dev/null
try() { # route test "$@"; $rc, $out, $err
    out=$(llmgw route test "$@" 2>"$tmp/err")
    rc=$?
    err=$(cat "$tmp/err")
}
try fast
is "$rc $err" '0 ' 'test: a route whose target answers'
like "$out" '^one/gpt-6-luna +ok +[0-9.]+m?s +\$0\.0' '… with time and cost'
like "$out" '^this test cost \$0\.0' '… of all'
try fast default pair
is "$rc" 6 'one that does not: 6'
is "$err" 'llmgw: route: 1 of 3 targets failed' '… and how many'
like "$out" '^two/sim-sim:status=529 +overloaded +' '… with what it said'
is "$(printf '%s\n' "$out" | grep -c '^one/gpt-6-luna')" 1 'a target of several routes is asked once'
before=$(requests one)
try two/sim-sim:status=529
is "$rc $(($(requests one) > before))" '6 1' 'a target alone, which is asked though it is known to be in trouble'
for model in one/vectors three/text-embedding-3-small; do
    try $model
    is "$rc $(last_request one target)" '0 /v1/embeddings' "$model is asked for an embedding"
    like "$out" "^$model +ok " '… and gives it'
done
try nobody
is "$rc" 4 'nobody is called so'
: >"$tmp/none"
try --config "$tmp/none"
is "$rc" 6 'no target at all is not well'
like "$err" '^llmgw: route: no route has a target' '… and said'
try -j fast
is "$(printf '%s' "$out" | "$tool" json rows.0.result)" ok '… for programs'

# ---- what was decided ----
llmgw route drain one/gpt-6-luna
# twice: the first may come late enough to be the one that tries again
for n in 1 2; do llmgw chat -r pair --no-stdin hi >/dev/null 2>&1; done
llmgw chat -r default --no-stdin hi >/dev/null 2>&1
llmgw route undrain one/gpt-6-luna
stop_broker # which has written all of it then
out=$(llmgw --no-autostart route history -n 2)
is "$(printf '%s\n' "$out" | wc -l)" 3 'history: so many, without a broker'
like "$out" '^.* default +one/other +ok +— +one/gpt-6-luna: drained$' '… who served, and why others did not'
like "$(llmgw --no-autostart route history -r pair -n 1 -j)" '"route":"pair",.*circuit open: ([5-9]×529|probe failed: 529).*; one/gpt-6-luna: drained"' \
    '… of one route, with all reasons'
done_testing
