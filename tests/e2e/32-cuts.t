#!/bin/sh
# A recorded answer of each kind of provider, cut after every byte of head and body: in every way of
# streaming, to clients of all dialects, with and without another target. The client gets the
# whole answer or a typed error behind a beginning of it: no other text, no doubled one, and no
# finish that the provider has not sent. STRIDE=1 asks every offset, SEED chooses which otherwise.
. "$top_srcdir/tests/e2e/lib.sh"
need sqlite3

mkfifo "$tmp/cut.ready"
spawn cut "$tool" cut-serve "$top_srcdir/tests/data"
wait_for "$tmp/cut.out" '^ready' || bail 'no provider'
port=$(sed -n 's/^ready //p' "$tmp/cut.out")
CUT_KEY=test-key
export CUT_KEY
config <<END
[provider "cut-openai"]
	kind = openai
	base-url = http://127.0.0.1:$port/v1
	key-env = CUT_KEY
[provider "cut-anthropic"]
	kind = anthropic
	base-url = http://127.0.0.1:$port
	key-env = CUT_KEY
[provider "cut-chat"]
	kind = openai-compatible
	base-url = http://127.0.0.1:$port/v1
	key-env = CUT_KEY
[provider "cut-responses"]
	kind = openai-responses
	base-url = http://127.0.0.1:$port/v1
	key-env = CUT_KEY
[provider "cut-gemini"]
	kind = gemini
	base-url = http://127.0.0.1:$port/v1beta
	key-env = CUT_KEY
[provider "cut-bedrock"]
	kind = bedrock
	base-url = http://127.0.0.1:$port
	key-env = CUT_KEY
[provider "cut-cohere"]
	kind = cohere
	base-url = http://127.0.0.1:$port/v2
	key-env = CUT_KEY
END
start_broker

seed=${SEED:-$(date +%s)}
stride=${STRIDE:-17}
is_sanitized && stride=${STRIDE:-61}
diag "stride $stride, seed $seed"
ok 'everything is asked' sh -c "
    '$tool' cut-ask -u '$sock' -D '$top_srcdir/tests/data' -p $port -s $stride -S $seed -j ${JOBS:-128} >'$tmp/score'"
tab=$(printf '\t')
n=0 all_ok=0 all_error=0 all_wrong=0
while IFS=$tab read -r word way client server n_ok n_error n_wrong; do
    [ "$word" = way ] || continue
    n=$((n + n_ok + n_error + n_wrong))
    all_ok=$((all_ok + n_ok)) all_error=$((all_error + n_error)) all_wrong=$((all_wrong + n_wrong))
    is "$n_wrong" 0 "$way, $client from $server: $n_ok whole, $n_error errors, none wrong"
done <"$tmp/score"
grep -v "^way" "$tmp/score" | head -n 60 | sed 's/^/# /'
n_rows=$(sql_wait 'select count(*) from request' "$n" 200)
is "$n_rows" "$n" 'each is in the ledger once'
# each was cut, so what is whole was rescued; one that hangs fails tool cut-ask
score "rescued=$all_ok error=$all_error wrong=$all_wrong hung=0 lost=$((n - n_rows))"
is "$(sql "select count(*) from request where outcome is null or outcome = 'interrupted'")" 0 \
    '… with its end'
stop_broker
is "$rc" 0 'the broker ends well'
done_testing
