#!/bin/sh
# llmgw log: full-text search, following, tags and parts of one request, conversations, exports,
# numbers about the ledger, a copy of it.
. "$top_srcdir/tests/e2e/lib.sh"
need sqlite3

ONE_KEY=sk-one
export ONE_KEY
start_sim one
printf 'set text=echo\n' | scenario one
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
[route "default"]
    target = one/sim
END

# log ARG…: sets $out, $err, $rc
log() {
    rc=0
    llmgw log "$@" >"$tmp/log.out" 2>"$tmp/log.err" </dev/null || rc=$?
    out=$(cat "$tmp/log.out")
    err=$(cat "$tmp/log.err")
}
say() { # WORDS [OPTION…]: sets $id
    words=$1
    shift
    ask -m one/sim "$@" "$words"
    id=$(got h.x-llmgw-request-id)
    sql_wait "SELECT count(*) FROM request WHERE id = '$id'" 1 >/dev/null
}
found() { printf '%s\n' "$out" | sed 1d | tr '\n' ' '; }

log stats -j
is "$rc:$out" "0:$(printf '%s' "$out" | grep '"rows":\[\]')" 'without a ledger there are no numbers'
log conversations -F csv
is "$rc:$(found)" 0: '… and no conversations'
log backup "$tmp/copy.db"
is "$rc" 4 '… and nothing to copy'
log export
is "$rc:$out" 0: '… or to export'

start_broker
spawn follow env --default-signal=INT llmgw log -f
say 'the old silent pond' --header 'x-llmgw-tag: form=haiku' --header 'x-llmgw-tag: a=b'
pond=$id
say 'a frog jumps into the pond: Splash! naïve' --header 'x-llmgw-conversation: talk-1'
frog=$id
say 'silence <script>alert(1)</script> & "again"' --header 'x-llmgw-conversation: talk-1'
again=$id

# ---- search ----

for row in "pond:$frog $pond " "POND frog:$frog " "\"silent pond\":$pond " "\"pond silent\":" \
    "fro*:$frog " "naive:$frog " "splash!:$frog " "pond -frog:$frog " "zebra:" ; do
    log -g "${row%%:*}" --fields id -F csv
    is "$rc:$(found | sed 's/^ $//')" "0:${row#*:}" "search for ${row%%:*}"
done
say '古池や蛙飛び込む水の音'
haiku=$id
log -g 飛び込む --fields id,match -F csv
is "$(found)" "$haiku,古池や蛙飛び込む水の音 " 'a word within a sentence that has no blanks'
log rm "$haiku"
log -g frog
like "$out" 'a frog jumps into' 'a search shows where it found something'
log -g pond --tag form=haiku --fields id -F csv
is "$(found)" "$pond " '… and goes with other choices'
log -g ' '
is "$rc" 2 'a search is for something'
log -g '"' -j
is "$rc" 2 '… and a mark is nothing'
log -c --fields id -F csv
is "$(found)" "$again $frog " '-c is the newest conversation'
log --cid talk-1 -n 1 --fields id -F csv
is "$(found)" "$again " '--cid is one by its id'
log --cid nonsense
is "$rc" 4 '… which must be there'
log -c --cid talk-1
is "$rc" 2 '… and not both'

# ---- one request ----

log show "$pond"
like "$out" '^tags +a=b' 'tags are shown'
like "$out" '^ +form=haiku' '… all of them'
log show "$pond" -j
is "$(printf '%s' "$out" | "$tool" json tags.form)" haiku '… also as JSON'
log show "$pond" -u
like "$out" '^one/sim · [0-9]+ in \+ [0-9]+ out · \$0\.[0-9]+ · ' '-u is one line'
is "$(printf '%s\n' "$out" | wc -l)" 1 '… and no more'
log show "$pond" --headers
like "$out" "^x-llmgw-request-id: $pond" '--headers are what told the client'
is "$(printf '%s\n' "$out" | sed -n 's/^x-llmgw-cost-usd: //p')" \
    "$(llmgw log show "$pond" -j | "$tool" json cost_usd)" '… the cost too, exact'
log show "$pond" --headers --request
is "$rc" 2 'one part at a time'

log show "$pond" -x
is "$rc:$out" 11: 'an answer without code has none to show'
printf '%s\n' 'set text="so:\n```c\nint x;\n```\nthat"' | scenario one
say 'code please'
code=$id
log show "$code" -x
is "$rc:$out" '0:int x;' '-x is the code alone'
log rm "$code"
printf 'set text=echo\n' | scenario one

# ---- conversations ----

log conversations -j
row() { printf '%s' "$out" | "$tool" json "rows.0.$1"; }
is "$(row id):$(row requests)" talk-1:2 'a conversation has its requests'
is "$(row title)" 'a frog jumps into the pond: Splash! naïve' '… the first words as a title'
is "$(row cost_pusd)" "$(sql "SELECT sum(cost_pico) FROM request WHERE conversation = 'talk-1'")" '… its cost'

# ---- export ----

log export -F jsonl
is "$(printf '%s\n' "$out" | head -n 1 | "$tool" json id)" "$pond" 'an export begins with the oldest'
is "$(printf '%s\n' "$out" | wc -l)" 3 '… and has all'
printf '%s\n' "$out" | llmgw replay -f - --against one/sim -j >"$tmp/replayed"
is "$("$tool" json rows.1.requests <"$tmp/replayed"):$("$tool" json rows.1.agree <"$tmp/replayed")" 3:1 \
    '… which replay understands'
log export "$again" -F markdown
like "$out" '^\*\*prompt\*\*' 'Markdown to read'
like "$out" '^silence <script>' '… as it was said'
log export -c -F html -o "$tmp/talk.html"
is "$rc:$out" 0: 'one HTML page'
is "$(grep -c '<script' "$tmp/talk.html")" 0 '… without scripts'
like "$(cat "$tmp/talk.html")" 'silence &lt;script&gt;alert\(1\)&lt;/script&gt; &amp; &quot;again&quot;' '… escaped'
is "$(grep -cE '(src|href)=|@import|url\(' "$tmp/talk.html")" 0 '… with nothing from elsewhere'
is "$(grep -c '<section' "$tmp/talk.html")" 2 '… of the conversation alone'
log export -F csv
is "$rc" 2 'a table is no export'

# ---- following ----

say 'and one more'
wait_for "$tmp/follow.out" "$id" || bail 'nothing follows'
is "$(grep -v -e "$code" -e "$haiku" "$tmp/follow.out" | sed -E 's/^[-0-9]+ [:0-9]+ ([^ ]*) .*/\1/' | tr '\n' ' ')" \
    "$(sql 'SELECT id FROM request ORDER BY rid' | tr '\n' ' ')" 'who follows sees each once, in the order of their ends'
like "$(sed -n 1p "$tmp/follow.out")" ' ok +one/sim · ' '… in a line'
reap "$pid" INT
is "$rc" 130 '… until an interrupt'
spawn last env --default-signal=INT llmgw log -f -n 1 -F jsonl --cid talk-1
wait_for "$tmp/last.out" "$again" || bail 'the last one is not shown'
say 'in it' --header 'x-llmgw-conversation: talk-1'
wait_for "$tmp/last.out" "$id"
is "$(head -n 1 "$tmp/last.out" | "$tool" json id):$(wc -l <"$tmp/last.out")" "$again:2" \
    'the last ones first, as JSON lines'
reap "$pid" INT
log -f -F csv
is "$rc" 2 'what follows has no table'

# ---- the ledger ----

log stats -j
row() { printf '%s' "$out" | "$tool" json "rows.0.$1"; }
n=$(sql 'SELECT count(*) FROM request')
is "$(row requests):$(row bodies)" "$n:$n" 'numbers about the ledger'
is "$(row cost_pusd)" "$(sql 'SELECT sum(cost_pico) FROM rollup_hour')" '… what all cost, deleted ones included'
asks=
for i in 1 2 3 4 5 6 7 8; do
    ask -m one/sim "while $i" &
    asks="$asks $!"
done
log backup "$tmp/copy.db"
is "$rc:$out$err" 0: 'a copy while requests go on'
wait $asks
is "$(sqlite3 "$tmp/copy.db" 'PRAGMA integrity_check; PRAGMA user_version; PRAGMA journal_mode')" \
    "ok
3
delete" '… is whole, and one file'
cmp_num "$(sqlite3 "$tmp/copy.db" 'SELECT count(*) FROM request')" -ge "$n" '… with all that there was'
is "$(sqlite3 "$tmp/copy.db" 'SELECT count(*) FROM request JOIN body USING (rid)')" \
    "$(sqlite3 "$tmp/copy.db" 'SELECT count(*) FROM request')" '… consistent'
is "$(LLMGW_DB=$tmp/copy.db llmgw log -g splash --kind chat --fields id -F csv | sed 1d)" "$frog" '… that can be searched'
is "$(stat -c %a "$tmp/copy.db")" 600 '… for nobody else to read'
log backup "$tmp/copy.db"
is "$rc:$(sqlite3 "$tmp/copy.db" 'PRAGMA integrity_check')" 0:ok 'a newer copy takes its place'
mkfifo "$tmp/pipe"
log backup "$tmp/pipe"
is "$rc" 2 '… not to a pipe'
ok '… which stays one' test -p "$tmp/pipe"
log backup /nowhere/copy.db
is "$rc" 1 'where it cannot be written, it says so'
stop_broker

# ---- as cron runs it: no runtime directory, no terminal, no broker ----

rm -rf "$XDG_RUNTIME_DIR/llmgw"
for words in 'list -F csv' 'show last' 'conversations' 'export -F markdown' 'stats' "backup $tmp/cron.db" path; do
    env -i PATH=/usr/bin:/bin HOME="$HOME" XDG_DATA_HOME="$XDG_DATA_HOME" LLMGW_CATALOG="$LLMGW_CATALOG" \
        XDG_CONFIG_HOME="$XDG_CONFIG_HOME" "$(command -v llmgw)" log $words </dev/null >"$tmp/cron.out" 2>"$tmp/cron.err"
    is "$?:$(cat "$tmp/cron.err")" 0: "from cron: log ${words%% *}"
done
is "$(cat "$tmp/cron.out")" "$db" '… and what it prints is what was asked for'
is "$(ls "$XDG_RUNTIME_DIR")" '' '… and no broker was started'
done_testing
