#!/bin/sh
# Steering a route for a while: what it is preferred for takes the place of its strategy, is shown
# wherever a decision is, outlives a restart and ends by itself.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

for n in one two; do start_sim $n; done
A_KEY=sk-a
export A_KEY
config <<END
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
[price "two/sim"]
    input = 2
    output = 9
[route "default"]
    target = one/sim
    target = two/sim
[route "lean"]
    strategy = least-busy
    target = one/sim
    target = two/sim
END
start_broker
target_of() {
    ask -m "$1" hello
    got h.x-llmgw-target
}
post() { http -o "$tmp/body" -w '%{http_code}' -X POST -d "$2" "/llmgw/v1/$1"; }
said() { "$tool" json "$1" <"$tmp/body"; }
listed() { llmgw route list -F tsv --fields route,strategy,prefer | sed '1d' | sort -u | tr '\t\n' ' ;'; }
kept='SELECT count(*) FROM state WHERE key LIKE '"'prefer:%'"

# ---- for all routes ----
is "$(target_of default) $(target_of lean)" 'one/sim one/sim' 'as configured'
is "$(listed)" 'default order ;lean least-busy ;' '… and listed so'
llmgw route prefer cost
is "$(target_of default) $(target_of lean)" 'two/sim two/sim' 'prefer cost moves all routes'
is "$(target_of one/sim)" one/sim '… and no model that was asked for by its name'
like "$(llmgw route explain --no-stdin -m one/sim hello)" '^model one/sim, strategy order$' '… which is told'
is "$(listed)" 'default cheapest cost;lean cheapest cost;' '… is listed'
like "$(llmgw route)" '^all routes: prefer cost$' '… below the table'
like "$(llmgw route health)" '^all routes: prefer cost$' '… with the health of targets'
out=$(llmgw route explain --no-stdin hello)
like "$out" '^route default \(.*\), strategy cheapest \(prefer cost\)$' '… explained'
like "$out" '^  1 two/sim +chosen +expected \$0\.00[0-9]+ \(prefer cost\), healthy' '… at the one that is first by it'
unlike "$out" 'one/sim.*prefer' '… and nowhere else'
is "$(llmgw route explain --no-stdin -j hello | "$tool" json prefer)" cost '… for programs'
llmgw chat --no-stdin hello >/dev/null 2>&1

# ---- for one ----
llmgw route prefer latency -r lean --for 1h
is "$(target_of default)" two/sim 'that of a route changes no other'
is "$(listed)" 'default cheapest cost;lean fastest latency;' '… and is nearer'
like "$(llmgw route)" '^route lean: prefer latency, 59m[0-9]+s left$' '… for a while'
like "$(llmgw route explain --no-stdin -r lean hello)" 'strategy fastest \(prefer latency, 59m[0-9]+s left\)$' '… which is told'
like "$(http /llmgw/v1/targets)" \
    '"prefers":\[\{"route":"","prefer":"cost","strategy":"cheapest","for_ms":null\},\{"route":"lean","prefer":"latency","strategy":"fastest","for_ms":[0-9]+\}\]' \
    '… to programs'
is "$(sql_wait "$kept" 2)" 2 'both are kept'

# ---- a restart ----
stop_broker KILL
start_broker
is "$(listed)" 'default cheapest cost;lean fastest latency;' 'they outlive a kill'
is "$(target_of default)" two/sim '… and are obeyed'
llmgw route prefer latency -r lean
like "$(llmgw route)" '^route lean: prefer latency$' 'a new one takes the place of the old'
llmgw route unprefer -r lean
is "$(listed)" 'default cheapest cost;lean cheapest cost;' 'what is lifted from a route shows what is for all'
is "$(post unprefer '{"route":"lean"}') $(said unpreferred)" '200 0' '… and is not there to be lifted'
is "$(post prefer '{"prefer":"latency","for_ms":1}')" 200 'a short one'
"$tool" wait "$tmp/never" '^never$' 50ms 2>/dev/null
is "$(target_of default) $(listed)" 'one/sim default order ;lean least-busy ;' '… ends by itself'
is "$(post unprefer '') $(said unpreferred)" '200 0' '… and is not there to be lifted'
is "$(sql_wait "$kept" 0)" 0 'what is over is forgotten'
stop_broker
start_broker
is "$(target_of default)" one/sim '… for good'

# ---- a pin is nearer ----
llmgw route pin one/sim -r default
llmgw route prefer cost -r default
is "$(target_of default)" one/sim 'a pinned target stays'
like "$(llmgw route explain --no-stdin hello)" '^  2 two/sim +skipped +another target is pinned' '… which is said'
llmgw route unpin -r default

# ---- what is wrong ----
for aim in '' dearest cheapest none; do
    out=$(llmgw route prefer -- "$aim" 2>&1)
    is "$?" 2 "nothing to prefer: \"$aim\""
done
like "$out" '"none" is nothing to prefer: cost, latency or quality' '… with what there is'
like "$out" 'llmgw route unprefer' '… and the way back'
out=$(llmgw route prefer cost -r nowhere 2>&1)
is "$?" 4 'no such route: 4'
like "$out" 'no route "nowhere"' '… by its name'
is "$(post prefer '{"prefer":"dearest"}') $(said error.llmgw.class)" '400 invalid_request' 'a wrong aim'
is "$(post prefer '{"route":"nowhere","prefer":"cost"}') $(said error.llmgw.class)" '404 not_found' '… a wrong route'
is "$(llmgw __complete -- route prefer '' | cut -f1 | tr '\n' ' ')" 'cost latency quality ' 'completion knows the aims'
like "$(llmgw __complete -- route pre)" '^prefer' '… and the word'

# ---- what was decided ----
stop_broker # which has written all of it then
like "$(llmgw --no-autostart route history -r default -n 100 -j)" \
    '"rank":"expected \$0\.00[0-9]+ \(prefer cost\)","passed_over":"one/sim: expected' 'history tells what was decided by it'
done_testing
