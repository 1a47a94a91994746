#!/bin/sh
# llmgw log: lists, one request with its texts, going on from an id, and the path of the ledger.
. "$top_srcdir/tests/e2e/lib.sh"
need sqlite3 curl

# log ARG…: sets $out, $err, $rc
log() {
    rc=0
    llmgw log "$@" >"$tmp/log.out" 2>"$tmp/log.err" || rc=$?
    out=$(cat "$tmp/log.out")
    err=$(cat "$tmp/log.err")
}

log path
is "$out" "$db" 'path is that of the ledger'
is "$(LLMGW_DB=/elsewhere/x.db llmgw log path)" /elsewhere/x.db '… by LLMGW_DB too'
log -j
is "$rc" 0 'without a ledger the list is empty'
like "$out" '"rows":\[' '… and an envelope all the same'
log show 01KB
is "$rc" 4 'there is nothing to show'

start_sim one
scenario one <<END
set text=echo
END
config <<END
[core]
    record = full
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/sim"]
    input = 1
    output = 2
[route "fast"]
    target = one/sim
END
ONE_KEY=secret-of-one
export ONE_KEY
start_broker
for i in 1 2 3; do
    ask -m one/sim --header 'x-llmgw-project: web' --header "x-llmgw-tag: n=$i" "question $i"
    eval "id$i=\$(got h.x-llmgw-request-id)"
done
ask -m fast 'by route'
sql_wait 'SELECT count(*) FROM request' 4 >/dev/null

log --fields id -F csv
is "$(printf '%s\n' "$out" | sed -n '3,5p')" "$id3
$id2
$id1" 'newest first'
log -n 1 --fields id -F csv
is "$(printf '%s\n' "$out" | wc -l)" 2 '-n counts'
log --id-gt "$id1" --fields id -F csv -n 2
is "$(printf '%s\n' "$out" | sed 1d)" "$id2
$id3" '--id-gt goes on from there, oldest first'
log --tag n=2 --fields id,status,cost -F csv
is "$(printf '%s\n' "$out" | sed -n 's/^\([^,]*\),\([^,]*\),.*/\1 \2/p' | sed 1d)" "$id2 ok" 'a tag filters'
log -r fast --fields route -F tsv
is "$(printf '%s\n' "$out" | sed 1d)" fast 'a route filters'
log -P nothing -F jsonl
is "$rc:$out" '0:' 'nothing found is no error'
log --status rate_limit -F jsonl
is "$rc:$out" '0:' '… nor is a status that nobody had'
log --status rate_limti
is "$rc:$out" '2:' 'a status that there is none of is refused'
like "$err" 'did you mean "rate_limit"' '… with the nearest'
like "$err" '^hint: they are ok, .*rate_limit.*cancelled' '… and all of them'
log --since 2020-01-01 --until 2020-01-02 -F jsonl
is "$out" '' 'time filters'
log -m one/sim --last 1h --short -F csv
is "$(printf '%s\n' "$out" | head -n 1)" start,id,model,status '--short has few columns'
log --tag n
is "$rc" 2 'a tag is KEY=VALUE'
log nonsense
is "$rc" 2 'an unknown word is a mistake'

log show "$id2"
is "$rc" 0 'one request is shown'
like "$out" "^request +$id2" '… by its id'
like "$out" '^project +web' '… with its facts'
like "$out" '^  1  one/sim  ok  200' '… its attempts'
like "$out" '^> question 2$' '… what was asked'
like "$out" '^question 2$' '… and its answer'
log show "$(printf '%s' "$id2" | cut -c1-6)"
is "$rc" 4 'the beginning of several ids is none'
log show "$(printf '%s' "$id2" | tr A-Z a-z)"
is "$rc" 0 'small letters are the same'
log show "$id2" --request
like "$out" '"question 2"' 'the request as sent'
log show "$id2" -j
is "$(printf '%s' "$out" | "$tool" json answer)" 'question 2' 'as JSON too'
is "$(printf '%s' "$out" | "$tool" json cost_pusd)" "$(sql "SELECT cost_pico FROM request WHERE id = '$id2'")" \
    '… exact'
llmgw chat --no-stream -m one/sim "read this" <"$top_srcdir/COPYING" >/dev/null
stop_broker
log show "$id2"
is "$rc" 0 'no broker is needed'
log show last
is "$(printf '%s\n' "$out" | grep -c '^>')" 11 'of a long question its beginning is shown'
like "$out" '^> … [0-9]+ bytes more, in --request$' '… and how much is not'
llmgw -o "$tmp/shown" log show last
is "$? $(grep -c . "$tmp/shown")" "0 $(llmgw log show last | grep -c .)" '-o takes what is shown'
mkfifo "$tmp/pipe"
timeout 10 cat "$tmp/pipe" >"$tmp/piped" &
reading=$!
llmgw -o "$tmp/pipe" log show last
wait "$reading"
ok '… writes into a pipe, as into a device' cmp "$tmp/shown" "$tmp/piped"
ok '… and does not replace it' test -p "$tmp/pipe"
ln -s shown "$tmp/link"
llmgw -o "$tmp/link" log list
ok '… nor a link' test -L "$tmp/link"
is "$(head -n 1 "$tmp/shown")" "$(llmgw log list | head -n 1)" '… which it follows'
llmgw -F csv log show last >/dev/null 2>"$tmp/csv.err"
is "$?" 2 'a format that is not there is refused'
llmgw log list --kind foo >/dev/null 2>&1
is "$?" 2 '… and so is a kind'
done_testing
