#!/bin/sh
# What monitors and operators ask: alive, ready, counted, under way; pins, cancelling, deleting;
# and what a wrong question is told.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

start_sim one
ONE_KEY=sk-one
export ONE_KEY
with() { # the configuration, with more of it from standard input
    { cat && cat; } <<END >"$config_file"
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[route "default"]
    target = one/sim
    target = one/other
[route "fast"]
    target = one/sim
    target = one/other
[route "drawn"]
    strategy = weighted
    target = one/sim
    target = one/third weight=3
[core]
    record = full
END
}
with </dev/null
start_broker

code() { http -o "$tmp/body" -w '%{http_code}' "$@"; }
post() { code -X POST -d "$2" "/llmgw/v1/$1"; }
said() { "$tool" json "$1" <"$tmp/body"; }
sample() { http /metrics | sed -n "s|^llmgw_$1 ||p"; }
reload() { http -X POST /llmgw/v1/reload >/dev/null; }

# ---- the program ----
like "$(llmgwd --version)" '^llmgwd [0-9.]+$' 'llmgwd tells its version'
like "$(llmgwd --help)" '--ready-fd' '… and its options'
out=$(llmgwd surplus 2>&1)
is "$? $out" '2 llmgwd: unexpected argument "surplus"' '… and refuses what it does not know'
out=$(llmgwd --frobnicate 2>&1)
is "$?" 2 '… an option too'
out=$(llmgwd --auto --conf broker.nonsense=1 2>&1)
is "$?" 2 '… and a key of the configuration'

# ---- alive and ready ----
is "$(code /healthz) $(said status)" '200 ok' 'a broker is alive'
is "$(code /readyz) $(said status)" '200 ready' '… and ready'
llmgw route drain one >/dev/null
is "$(code /readyz) $(said status)" '503 no target of the default route is usable' \
    '… but not without a target'
is "$(code /healthz)" 200 '… though alive'
llmgw route undrain one/other >/dev/null
is "$(code /readyz)" 200 'one target is enough'
llmgw route undrain one >/dev/null

# ---- counted ----
ask -m one/sim:tokens=3 hello
ask -m one/sim:tokens=3 --stream hello
ask -m one/sim:status=400 hello
ask -m fast -H 'x-llmgw-max-cost: 0' hello
http /metrics >"$tmp/metrics"
is "$(grep -vcE '^(# (HELP|TYPE) llmgw_[a-z_]+ .+|llmgw_[a-z_]+(\{[a-z]+="[^"]*"\})? [0-9.]+)$' \
    "$tmp/metrics")" 0 'metrics are Prometheus text'
is "$(sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$tmp/metrics" | sort | uniq -d)" '' \
    '… each family once'
is "$(awk '/^# TYPE/ { type[$3] = 1 }
    !/^#/ { sub(/[{ ].*/, ""); if (!($0 in type)) print }' "$tmp/metrics")" '' \
    '… and each sample with a family'
is "$(sample requests_total) $(sample attempts_total) $(sample streams_total)" '4 3 1' \
    'requests, attempts and streams are counted'
is "$(sample requests_failed_total) $(sample 'errors_total{class="invalid_request"}')" '2 1' \
    '… and failures, by class'
is "$(sample 'target_attempts_total{target="one/sim:tokens=3"}')" 2 '… and by target'
is "$(sample output_tokens_total)" "$(sql_wait 'SELECT sum(output) FROM request' 6)" \
    'tokens are those of the ledger'
is "$(sample requests_in_flight) $(sample ledger_writable) $(sample dropped_rows_total)" '0 1 0' \
    'gauges tell what is now'
printf '{"model":"one/a\\"b\\\\c\\nd","messages":[{"role":"user","content":"x"}]}' >"$tmp/odd"
http -d @"$tmp/odd" /v1/chat/completions >/dev/null
is "$(http /metrics | grep -c '^llmgw_target_ok_total{target="one/a\\"b\\\\c\\nd"} 1$')" 1 \
    'labels are escaped'

# ---- under way ----
curl -sS --max-time 20 --unix-socket "$sock" -o "$tmp/late" -w '%{http_code}' \
    -H 'x-llmgw-project: slow' -d '{"model":"one/sim:wait=19s","messages":[{"role":"user","content":"x"}]}' \
    http://llmgw/v1/chat/completions >"$tmp/late.code" 2>&1 &
slow=$!
pids="$pids $slow"
wait_for "$one_journal" '"model":"sim:wait=19s"'
is "$(code /llmgw/v1/inflight) $(said requests.0.state)" '200 SENDING' 'a request is seen under way'
is "$(said requests.0.project) $(said requests.0.target) $(said requests.0.attempts)" \
    'slow one/sim:wait=19s 1' '… with what it is'
is "$(sample requests_in_flight)" 1 '… and counted'
id=$(said requests.0.request_id)
is "$(llmgw broker ps --fields request_id,state,target,project,attempts -F json |
    "$tool" json rows.0 | tr -d ' ')" \
    "{\"request_id\":\"$id\",\"state\":\"SENDING\",\"target\":\"one\\/sim:wait=19s\",\"project\":\"slow\",\"attempts\":1}" \
    'broker ps shows it'
like "$(llmgw broker ps | sed -n 2p)" "^$id +SENDING .*one/sim:wait=19s .* [0-9.]+m?s$" \
    '… as a table, too'
is "$(llmgw broker cancel "$id")" cancelled 'it can be cancelled'
wait "$slow"
is "$(cat "$tmp/late.code") $("$tool" json error.llmgw.class <"$tmp/late")" '499 cancelled' \
    '… and is told so'
is "$(sql_wait "SELECT outcome FROM request WHERE id = '$id'" cancelled)" cancelled \
    '… and recorded so'
is "$(post cancel "{\"id\":\"$id\"}") $(said error.llmgw.class)" '404 not_found' \
    'it cannot be cancelled twice'
out=$(llmgw broker cancel "$id" 2>&1)
is "$? $out" '4 llmgw: broker: no request with that id is under way
hint: llmgw broker ps' '… with its exit status'
is "$(post cancel '') $(said error.llmgw.class)" '404 not_found' 'no id is nobody'"'"'s'
is "$(code /llmgw/v1/inflight) $(cat "$tmp/body")" '200 {"requests":[]}' 'nothing is under way'

is "$(llmgw broker ps -F json | "$tool" json rows)" '[]' '… says broker ps, too'

# ---- where its things are ----
is "$(llmgw broker path)" "$sock" 'broker path tells the socket'
is "$(llmgw broker path -j | "$tool" json log) $(llmgw broker path -j | "$tool" json db)" \
    "$XDG_STATE_HOME/llmgw/broker.log $db" '… and where log and ledger are'
out=$(llmgw broker logs 2>&1)
is "$?" 4 'broker logs: none yet'
like "$out" 'broker.log: No such file.*' '… and says where it looked'
mkdir -p "$XDG_STATE_HOME/llmgw"
seq 100 >"$XDG_STATE_HOME/llmgw/broker.log"
is "$(llmgw broker logs | sed -n '1p;$p' | tr '\n' ' ')" '51 100 ' 'its last lines'
is "$(llmgw broker logs -n 2 | tr '\n' ' ')" '99 100 ' '… as many as asked for'
llmgw broker logs -n 0 -f >"$tmp/followed" 2>/dev/null &
follower=$!
pids="$pids $follower"
until [ -s "$tmp/followed" ]; do
    echo more >>"$XDG_STATE_HOME/llmgw/broker.log"
    nap
done
is "$(head -n 1 "$tmp/followed")" more 'and follows them'
kill "$follower"

# ---- steering ----
target_of() {
    ask -m "$1" hello
    got h.x-llmgw-target
}
llmgw route pin one/other >/dev/null
is "$(target_of default) $(target_of fast)" 'one/other one/other' 'a pin without a route is for all'
llmgw route pin --route fast one/sim >/dev/null
is "$(target_of default) $(target_of fast)" 'one/other one/sim' '… but that of a route is nearer'
is "$(http /llmgw/v1/targets | "$tool" json pins.1.target)" one/sim 'pins are listed'
like "$(http /llmgw/v1/targets)" '"pins":\[\{[^}]*"for_ms":null\}' '… those without an end too'
is "$(post pin '{"route":"fast","target":"one/other","for_ms":60000}')" 200 'a pin has a time'
is "$(target_of fast)" one/other '… and takes the place of the last'
cmp_num "$(http /llmgw/v1/targets | "$tool" json pins.1.for_ms)" -le 60000 '… which is told'
is "$(post pin '{"route":"fast","target":"one/other","for_ms":1}')" 200 'a short one'
"$tool" wait "$tmp/never" '^never$' 50ms 2>/dev/null
is "$(http /llmgw/v1/targets | "$tool" json pins.1.target)" '' '… ends by itself'
is "$(post unpin '{"route":"fast"}') $(said unpinned)" '200 0' '… and is not there to be lifted'
is "$(post unpin '') $(said unpinned)" '200 1' 'the pin for all is lifted'
is "$(target_of default)" one/sim '… and the order is the route'"'"'s'

# one of 1 in a million is drawn first once in 50,000 runs of this
draws() { for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do target_of drawn; done | sort -u; }
llmgw route weight one/sim 1000000
is "$(draws)" one/sim 'a weight is obeyed by a weighted draw'
like "$(llmgw route list -F tsv --fields route,target,health,weight | tr '\t' ' ')" \
    'drawn one/sim healthy, weight 1000000 1000000' '… and listed'
is "$(target_of fast)" one/sim '… an ordered route has no use for it'
llmgw route unweight one/sim
llmgw route weight one/third 1000000 --for 1h
is "$(draws)" one/third '… another'
cmp_num "$(http /llmgw/v1/targets | "$tool" json targets.2.weight_for_ms)" -le 3600000 '… for a while'
is "$(post weight '{"target":"one/third","weight":7,"for_ms":1}')" 200 '… a short one'
"$tool" wait "$tmp/never" '^never$' 50ms 2>/dev/null
like "$(llmgw route list -F tsv --fields target,health,weight | tr '\t' ' ')" \
    'one/third healthy 3' '… ends by itself: the configured one again'
for n in 0 -1 1.5 1000001 many ''; do
    out=$(llmgw route weight one/sim -- "$n" 2>&1)
    is "$?" 2 "no weight: \"$n\""
done
out=$(llmgw route weight one/other 3 2>&1)
like "$? $out" '^2 .*no route with strategy = weighted' 'a weight that nobody would use is refused'

out=$(llmgw route pin fast 2>&1)
like "$? $out" '^2 .*is a route' 'a pin to a route is a wrong argument'

# ---- wrong questions ----
refused() { # PATH BODY WANT DESCRIPTION
    is "$(post "$1" "$2") $(said error.llmgw.class) $(said error.llmgw.origin)" "$3 client" "$4"
}
refused pin '[1]' '400 invalid_request' 'an array is no question'
refused pin '{"target":' '400 invalid_request' 'nor half an object'
refused pin '{"target":"fast"}' '400 invalid_request' 'a route is no target of a pin'
like "$(said error.message)" '"fast" is a route' '… which is said'
refused pin '{"target":"nobody/x"}' '404 not_found' 'an unknown provider'
refused pin '{"route":"none","target":"one/sim"}' '404 not_found' 'an unknown route'
refused drain '{"target":"fast"}' '400 invalid_request' 'a route cannot be drained'
refused drain '7' '400 invalid_request' 'nor a number'
refused weight '{"target":"one/sim"}' '400 invalid_request' 'no weight'
refused weight '{"target":"one/sim","weight":0}' '400 invalid_request' '… none at all'
refused weight '{"target":"fast","weight":2}' '400 invalid_request' 'a route has no weight'
refused unweight '{"target":"nobody/x"}' '404 not_found' '… nor has nobody'
refused unpin '"x"' '400 invalid_request' 'a text unpins nothing'
refused cancel '[]' '400 invalid_request' '… an array cancels nothing'
refused log/rm '[]' '400 invalid_request' '… and deletes nothing'
refused log/rm '{}' '400 invalid_request' 'to delete, say what'
refused log/rm "{\"id\":\"$id\",\"older_than_us\":1}" '400 invalid_request' '… in one way'
refused replay '{"id":"short"}' '400 invalid_request' 'half a run is no run'
is "$(code /llmgw/v1/nothing) $(said error.llmgw.class)" '404 not_found' 'an unknown path'
is "$(code /llmgw/v1/pin)" 405 'a path asked with the wrong method'
is "$(post explain '{"model":5}')" 400 'explain refuses what a request would be refused'

# ---- deleting ----
is "$(post log/rm "{\"id\":\"$id\"}") $(said removed)" '200 true' 'a request can be deleted'
is "$(sql_wait "SELECT count(*) FROM request WHERE id = '$id'" 0)" 0 '… and is gone'
cmp_num "$(sql 'SELECT count(*) FROM request')" -gt 5 '… alone'
is "$(post log/rm '{"older_than_us":4000000000000000}')" 200 'all that is older can be deleted'
is "$(sql_wait 'SELECT count(*) FROM request' 0)" 0 '… and is gone'
is "$(sql 'SELECT count(*) FROM body')" 0 '… with its bodies'
cmp_num "$(sql 'SELECT sum(n_requests) FROM rollup_hour')" -gt 5 'the sums stay'

stop_broker
is "$rc" 0 'the broker ends well'
done_testing
