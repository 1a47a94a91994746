#!/bin/sh
# By what a route ranks those who can serve: the least cost, the least time, the fewest under way,
# who served the like before, who was found to be good.
# What is not known is never the best, and whoever asks is told why.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

for n in one two; do start_sim $n; done
A_KEY=sk-a
export A_KEY
cat >"$tmp/providers" <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = A_KEY
[provider "two"]
    kind = openai
    base-url = http://127.0.0.1:$two_port/v1
    key-env = A_KEY
[price "one/sim"]
    input = 3
    output = 10
    cache-read = 0.1
[price "two/sim"]
    input = 2
    output = 9
END
with() { # STRATEGY [LINE]: route "r" by it
    { cat "$tmp/providers" && cat <<END; } >"$config_file"
[route "r"]
    strategy = $1
    ${2:-}
    target = one/none
    target = one/sim
    target = two/sim
END
}
reload() { http -X POST /llmgw/v1/reload; }
target_of() { # [OPTION…]: where a request goes
    ask -m r "$@" hello
    got h.x-llmgw-target
}
explain() { llmgw route explain --no-stdin -r r "$@"; }

# ---- the configuration ----
with dearest
out=$(llmgw config check 2>&1)
is "$?" 2 'an unknown strategy is refused'
like "$out" 'config:17: .*"dearest" is none of order\|weighted\|cheapest\|fastest\|least-busy\|sticky\|best' '… with those there are'
for n in 101% lots -1; do
    with fastest "explore = $n"
    llmgw config check >/dev/null 2>&1
    is "$?" 2 "no share: $n"
done
with fastest 'explore = 100%'
ok 'a share is one' llmgw config check
like "$(llmgw route show r)" '^route r, strategy fastest ' 'show tells the strategy'

# ---- cheapest ----
with cheapest
start_broker
is "$(target_of)" two/sim 'cheapest: the one with the least cost'
out=$(explain --max-tokens 100 hello)
like "$out" '^route r \(.*\), strategy cheapest$' '… explain tells the strategy'
like "$out" '^  1 two/sim +chosen +expected \$0\.000[0-9]+, healthy, key ok, ~[0-9]+ in \+ ≤100 out' '… who is first, and why'
like "$out" '^  2 one/sim +standby +expected \$0\.00' '… who would be next'
like "$out" '^  3 one/none +standby +price unknown, ranks last, healthy' '… and who is not known to be cheap'
like "$(explain -j hello)" '"target":"two/sim","verdict":"chosen","rank":"expected \$0\.00[0-9]+"' '… for programs'
llmgw route drain two/sim
is "$(target_of)" one/sim '… without it the next'
like "$(llmgw chat --dry-run --no-stdin -r r hello)" '^  3 two/sim +skipped +drained' '… said by a dry run, too'
llmgw route pin one/none
is "$(target_of)" one/none '… a pin is stronger'
llmgw route unpin
llmgw route undrain two/sim

# ---- cheapest: what a prompt cache holds ----
long=$(printf 'word %.0s' $(seq 2000))
echo 'set tokens=8 prompt=2000 cached=1900' | scenario one
echo 'set tokens=8 prompt=2000' | scenario two
talk() {
    ask -H 'x-llmgw-conversation: c1' -m r "$long"
    got h.x-llmgw-target
}
is "$(talk)" two/sim 'a long prompt is cheaper without a cache at two'
llmgw route drain two/sim
is "$(talk)" one/sim '… but goes to one for a while'
llmgw route undrain two/sim
is "$(talk)" one/sim '… and stays where its prompt is in the cache'
ask -m r "$long"
is "$(got h.x-llmgw-target)" two/sim '… another conversation does not'
echo 'set tokens=8' | scenario one
echo 'set tokens=8' | scenario two

# ---- cheapest: how long answers are ----
likely() { # TEMPLATE: what a request by it should cost at two
    http -H "x-llmgw-template: $1" -X POST -d '{"model":"r","messages":[{"role":"user","content":"hello"}]}' \
        /llmgw/v1/explain | "$tool" json candidates.0.rank
}
like "$(likely new)" '^expected \$0\.0046' 'nothing is known of a template: 512 tokens out'
ask -H 'x-llmgw-template: new' -m r hello
like "$(likely new)" '^expected \$0\.0000[0-9]+$' '… until it has been answered, with 8'
like "$(likely other)" '^expected \$0\.0046' '… and no other'

# ---- what was decided ----
llmgw chat --no-stdin -r r hi >/dev/null 2>&1
stop_broker # which has written all of it then
out=$(llmgw --no-autostart route history -n 2 -j)
like "$out" '"target":"two/sim","status":"ok","rank":"expected \$0\.00[0-9]+","passed_over":"one/sim: expected \$0\.00[0-9]+; one/none: price unknown, ranks last"' \
    'history: by what the one that served was ranked, and the others'
trace=$(sql 'SELECT trace FROM request ORDER BY rid DESC LIMIT 1 OFFSET 1')
like "$trace" '^\[\{"target":"two/sim","verdict":"chosen","rank":"expected' 'the ledger keeps it'

# ---- fastest ----
with fastest 'explore = 0'
start_broker
echo 'set tokens=8 first=2s' | scenario one
is "$(target_of)" one/none 'fastest: nothing is known: in order'
like "$(explain hello)" '^  3 two/sim +standby +speed unknown, ranks last' '… which is said'
llmgw route drain one/none
llmgw route drain one/sim
is "$(target_of)" two/sim '… the others are drained'
llmgw route undrain one/none
llmgw route undrain one/sim
is "$(target_of) $(target_of)" 'two/sim two/sim' '… and the quick one is known to be so'
out=$(explain hello)
like "$out" '^  1 two/sim +chosen +~[0-9.]+m?s, healthy' '… which is said'
like "$out" '^  2 one/none +standby +~[0-9.]+m?s, healthy' '… the slow one is next'
like "$out" '^  3 one/sim +standby +speed unknown, ranks last' '… what is not known is last'
with fastest 'explore = 100%'
is "$(reload)" '{"reloaded":true}' 'all may explore'
like "$(explain hello)" '^  1 one/sim +chosen +speed unknown, asked to learn it' '… what is not known is asked first'
is "$(target_of)" one/sim '… and learned'
is "$(target_of)" two/sim '… once'

# ---- least-busy ----
with least-busy
is "$(reload)" '{"reloaded":true}' 'another strategy'
echo 'set silent' | scenario one
: >"$one_journal"
is "$(http /llmgw/v1/targets | "$tool" json targets.0.in_flight)" 0 'least-busy: nothing is under way'
spawn busy1 "$tool" ask --socket "$sock" -m r hello
busy1=$pid
wait_for "$one_journal" '"model":"none"'
spawn busy2 "$tool" ask --socket "$sock" -m r hello
busy2=$pid
wait_for "$one_journal" '"model":"sim"'
is "$(target_of)" two/sim 'the third goes to the third'
like "$(explain hello)" '^  1 two/sim +chosen +0 in flight, healthy' '… which has nothing to do'
like "$(explain hello)" '^  2 one/none +standby +1 in flight, healthy' '… unlike the first'
is "$(http /llmgw/v1/targets | "$tool" json targets.0.in_flight)" 1 '… seen by operators, too'
reap "$busy1"
reap "$busy2"
ok 'who has left is not counted' sh -c "
    for _ in \$(seq 100); do
        llmgw route explain --no-stdin -r r hello | grep -q '^  1 one/none .* 0 in flight' && exit 0
        '$tool' wait '$tmp/never' '^never\$' 50ms 2>/dev/null
    done
    exit 1"
# ---- sticky ----
with sticky
sed -i '/one\/none/d; /^ *input\|^ *output\|^ *cache-read/d; /^\[price/d' "$config_file"
is "$(reload)" '{"reloaded":true}' 'sticky'
echo 'set tokens=8' | scenario one
of() { # CONVERSATION: where it goes
    ask -H "x-llmgw-conversation: $1" -m r hello
    got h.x-llmgw-target
}
where() { for c in a b c d e f g h i j k l; do of $c; done; }
first=$(where)
is "$(printf '%s\n' "$first" | sort -u | tr '\n' ' ')" 'one/sim two/sim ' 'conversations share the targets'
is "$(where)" "$first" '… and each stays where it is'
stop_broker
start_broker
is "$(where)" "$first" '… over a restart, too'
for c in a b c d e f g h i j k l; do [ "$(of $c)" = one/sim ] && ours=$c; done
say() { # [OPTION…]: how a request would be decided
    http "$@" -X POST -d '{"model":"r","messages":[{"role":"user","content":"hello"}]}' /llmgw/v1/explain
}
is "$(say | "$tool" json candidates.0.rank)" 'by hash of the prompt' 'a request without one goes by its prompt'
is "$(say -H 'x-llmgw-conversation: new' | "$tool" json candidates.0.rank)" 'by hash of the conversation' '… others by theirs'
llmgw route drain one/sim
is "$(of "$ours")" two/sim 'a target that is out is left'
llmgw route undrain one/sim
is "$(of "$ours")" two/sim '… and not come back to while the cache of the other lives'
like "$(say -H "x-llmgw-conversation: $ours" | "$tool" json candidates.0.rank)" \
    '^served it last, its cache lives [0-9]+m[0-9]+s$' '… which is said'
http -H 'x-llmgw-conversation: ever' -X POST -o /dev/null \
    -d '{"model":"r","messages":[{"role":"user","content":"hello"}],"prompt_cache_options":{"ttl":"99999d"}}' /v1/chat/completions
like "$(say -H 'x-llmgw-conversation: ever' | "$tool" json candidates.0.rank)" \
    '^served it last, its cache lives (23h|24h|1d)' 'no cache lives longer than any provider keeps one'

# ---- best ----
with best 'explore = 0'
stop_broker
start_broker
is "$(target_of)" one/none 'best: no scores: in order'
like "$(explain hello)" '^  2 one/sim +standby +no quality scores, in order, healthy' '… which is said'
answers() { # TARGET N: so many, recorded
    llmgw route pin "$1"
    i=0
    while [ $i -lt "$2" ]; do
        target_of >/dev/null
        i=$((i + 1))
    done
    llmgw route unpin
}
answers one/sim 6
answers two/sim 6
judge() { # TARGET VALUE: all answers of it
    sqlite3 -cmd '.timeout 5000' "$db" "INSERT INTO score (rid, at_us, name, value, source)
        SELECT rid, 1, 'quality', $2, 'human' FROM request
        WHERE provider || '/' || model = '$1' AND route = 'r' AND rid NOT IN (SELECT rid FROM score);"
}
stop_broker
sql_wait "SELECT count(*) > 11 FROM request WHERE route = 'r'" 1 >/dev/null
judge one/sim 0.9
sqlite3 "$db" "INSERT INTO score (rid, at_us, name, value, source)
    SELECT rid, 1, name, value, 'judge' FROM request,
        (SELECT 'quality' AS name, 7 AS value UNION SELECT 'agree', 0 UNION SELECT 'quality', -1)
    WHERE provider || '/' || model = 'one/sim'"
start_broker
is "$(target_of)" one/sim 'the one that is known to be good'
out=$(explain hello)
like "$out" '^  1 one/sim +chosen +quality 0\.90 of [0-9]+ scores, expected \$0\.00[0-9]+, healthy' \
    '… by its scores that are called so, from 0 to 1'
like "$out" '^  2 one/none +standby +no quality scores, in order' '… before what is not known'
judge two/sim 0.95
http -X POST /llmgw/v1/stop >/dev/null
wait "$broker_pid"
start_broker
is "$(target_of)" two/sim 'of two good ones the cheaper'
sqlite3 -cmd '.timeout 5000' "$db" "UPDATE score SET value = 0.2 WHERE rid IN
    (SELECT rid FROM request WHERE provider = 'two') AND name = 'quality' AND value = 0.95"
stop_broker
with order 'explore = 0'
start_broker
is "$(target_of)" one/none 'another strategy'
llmgw route prefer quality
ok 'preferring quality reads the scores' sh -c "
    for _ in \$(seq 100); do
        llmgw route explain --no-stdin -r r hello | grep -q '^  3 two/sim .* quality 0.20 of [0-9]* scores, below 0.80' && exit 0
        '$tool' wait '$tmp/never' '^never\$' 100ms 2>/dev/null
    done
    exit 1"
is "$(target_of)" one/sim '… and goes by them'
stop_broker KILL
start_broker
is "$(target_of)" one/sim '… after a restart at once'
like "$(explain hello)" 'strategy best \(prefer quality\)$' '… which is said'
done_testing
