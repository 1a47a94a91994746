#!/bin/sh
# llmgw replay: what is chosen, at what pace, with whose leave; runs that are listed, shown, taken
# up again; requests from a file.
. "$top_srcdir/tests/e2e/lib.sh"
need sqlite3

ONE_KEY=sk-one
export ONE_KEY
start_sim one
config <<END
[core]
    record = full
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/a"]
    input = 1
    output = 1
[price "one/b"]
    input = 2
    output = 2
[price "one/dear"]
    input = 1000000
    output = 1000000
[route "default"]
    target = one/a
END
start_broker
i=0
for word in red green blue white; do
    i=$((i + 1))
    ask -m one/a --header "x-llmgw-tag: n=$i" "$word"
    eval "id$i=\$(got h.x-llmgw-request-id)"
done
ask -m one/a --header 'x-llmgw-record: meta' 'not kept'
meta=$(got h.x-llmgw-request-id)
is "$(sql_wait "SELECT count(*) FROM request" 5)" 5 'five requests, one of them without its text'

# replay ARG…: sets $out, $err, $rc
replay() {
    rc=0
    llmgw replay "$@" >"$tmp/replay.out" 2>"$tmp/replay.err" </dev/null || rc=$?
    out=$(cat "$tmp/replay.out")
    err=$(cat "$tmp/replay.err")
}
row() { printf '%s' "$out" | "$tool" json "rows.$1.$2"; }
runs() { sql 'SELECT count(*) FROM replay_run'; }

# ---- before anything begins ----

n=$(requests one)
replay --against one/b --against nope
is "$rc" 4 'a target that is not there is not found'
like "$err" '"?nope' '… by its name'
replay --against one/dear
is "$rc" 5 'what costs more than replay.confirm-above is refused without a terminal'
like "$err" 'hint: --max-cost' '… with the option that would allow it'
printf 'expect go on? [y/N]\nsend n\\r\nend\n' |
    "$tool" pty llmgw replay --against one/dear >"$tmp/screen" 2>&1
like "$(cat "$tmp/screen")" 'nothing was sent' 'at a terminal one is asked, and may say no'
like "$(cat "$tmp/screen")" 'exit=5' '… which refuses it'
replay --against one/b --rate fast
is "$rc" 2 'a rate is a number in a time'
replay --only failed --against one/b
is "$rc" 2 '--only needs a run'
replay --resume 01KB00000000000000000000 --against one/b
is "$rc" 2 'a run knows its targets'
replay "$meta" --against one/b
is "$rc" 4 'what was not recorded in full cannot be sent again'
replay --resume nonsense
is "$rc" 4 'a run that is not there is not found'
is "$(requests one):$(runs)" "$n:0" 'of all these nobody was asked, and no run is recorded'

replay --against one/dear --max-cost 1000 -n 1 -j
is "$rc:$(row 1 requests)" 0:1 'with leave, it is sent'
printf 'expect go on? [y/N]\nsend y\\r\nend\n' |
    "$tool" pty llmgw replay -n 1 --against one/dear >"$tmp/screen" 2>&1
like "$(cat "$tmp/screen")" 'exit=0' '… and at a terminal, after a yes'

# ---- selection ----

for choice in "$id2 green" "--tag=n=3 blue" "$(printf %s "$id4" | tr A-Z a-z) white"; do
    replay ${choice% *} --against one/b -j
    is "$(last_request one body.messages.0.content)" "${choice#* }" "chosen by ${choice% *}"
done
replay "$id1" "$id2" --against one/b -j
is "$(row 1 requests)" 2 'several ids'
replay -g blue --against one/b -j
is "$(row 1 requests):$(last_request one body.messages.0.content)" 1:blue 'what a search finds'
replay --until 2020-01-01 --against one/b --dry-run -j
is "$(row 0 requests)" 0 'nothing is that old'
replay --against one/b --dry-run -j
is "$(row 0 requests)" 4 'all that can be sent'
like "$(printf '%s' "$out" | "$tool" json warnings.0)" '^1 more request was not recorded in full' \
    '… and how many cannot'

# ---- repeat, rate ----

replay "$id1" "$id2" --repeat 3 --against one/b -j
is "$(row 1 requests):$(row 0 requests)" 6:2 '--repeat sends each so often'
is "$(sql "SELECT group_concat(repeat) FROM replay_item WHERE run = (SELECT max(id) FROM replay_run)
    AND source = '$id1'")" 0,1,2 '… and each is a row'
is "$(row 1 cost_change)" 1 '… while the change of cost is that of as many recorded ones'
before=$(date +%s%N)
replay "$id1" "$id2" "$id3" --rate 600/min --against one/b
cmp_num $((($(date +%s%N) - before) / 1000000)) -ge 200 '--rate spaces three beginnings by 100 ms'

# ---- a run that fails, is shown, and taken up ----

printf 'on model=b has=green: 500\non model=b has=blue: text=other\n' | scenario one
replay "$id1" "$id2" "$id3" --against one/b -j
is "$rc" 3 'one of three fails'
run=$(sql 'SELECT max(id) FROM replay_run')
like "$err" "replay --resume $run" '… and it says how to go on'
before=$out
replay show "$run" -j
is "$rc" 0 'a run can be shown'
for field in requests errors agree exact cost_pusd; do
    is "$(row 1 $field)" "$(printf '%s' "$before" | "$tool" json "rows.1.$field")" "… with the same $field"
done
replay show last -j
is "$(printf '%s' "$out" | "$tool" json run)" "$run" '… the last one without its name'
n=$(requests one)
replay --resume last --dry-run -j
is "$(row 1 requests):$(requests one)" "1:$n" 'a dry run prices what is left'
printf 'on model=b has=blue: text=other\n' | scenario one
replay --resume "$run" -j
is "$rc:$(row 1 requests):$(row 1 errors)" 0:3:0 'taken up, the failed one is sent again'
is "$(requests one)" $((n + 1)) '… and no other'
is "$(sql "SELECT state, (SELECT count(*) FROM replay_item WHERE run = id) FROM replay_run WHERE id = '$run'")" \
    'done|3' '… in the same run'
replay --resume "$run" --only failed
like "$err" 'nothing is left' 'then nothing is left'
printf '\n' | scenario one
replay --resume "$run" --only disagree -j
is "$rc:$(row 1 agree):$(requests one)" "0:1:$((n + 2))" 'what disagreed can be asked again, alone'
replay list -F csv --fields run,state,answered,agree
is "$(printf '%s\n' "$out" | sed -n 2p)" "$run,done,3,1" 'runs are listed, the newest first'
replay list -n 2 -F jsonl
is "$(printf '%s\n' "$out" | wc -l)" 2 '… so many of them'

# ---- killed in the middle ----

printf 'on has=red: first=30s\n' | scenario one
spawn killed llmgw replay "$id4" "$id1" -J 1 --against one/b
running="SELECT group_concat(state) FROM (SELECT i.state FROM replay_item i JOIN replay_run r
    ON r.id = i.run WHERE r.state = 'running' ORDER BY i.source)"
sql_wait "$running" waiting,done >"$tmp/running"
reap "$pid" KILL
is "$(cat "$tmp/running")" waiting,done 'during a run, and so after a kill, the ledger knows what has been answered'
run=$(sql "SELECT id FROM replay_run WHERE state = 'running'")
printf '\n' | scenario one
n=$(requests one)
replay --resume "$run" -j
is "$rc:$(row 1 requests):$(requests one)" "0:2:$((n + 1))" '… and the rest can be sent'

# ---- a file ----

cat >"$tmp/file.jsonl" <<END
{"custom_id":"first","method":"POST","url":"/v1/chat/completions","body":{"model":"x","messages":[{"role":"user","content":"cat"}]}}

{"model":"x","messages":[{"role":"user","content":"dog"}]}
{"request":{"model":"x","max_tokens":9,"system":"s","messages":[{"role":"user","content":"cow"}]},"answer":"moo"}
{"id":"$id1"}
END
printf 'set text=moo\n' | scenario one
replay -f "$tmp/file.jsonl" --against one/b -j
is "$rc:$(row 0 requests):$(row 1 requests)" 0:1:4 'a file: requests of three forms, and an id'
is "$(row 1 compared):$(row 1 agree)" 2:0.5 '… compared where an answer is known'
is "$(sql "SELECT group_concat(source) FROM (SELECT source FROM replay_item
    WHERE run = (SELECT max(id) FROM replay_run) ORDER BY source)")" "$id1,3,4,first" '… each by its name or line'
printf '{"custom_id":"x"}\n' | llmgw replay -f - --against one/b >/dev/null 2>"$tmp/err"
is "$?:$(cat "$tmp/err")" "1:llmgw: replay: stdin:1: neither a request nor the id of one: messages, body, request or id is needed" \
    'a line that is none is named'
replay -f "$tmp/nothing" --against one/b
is "$rc" 4 'so is a file that is not there'
stop_broker
for words in list 'show last' 'export last -F csv'; do
    env -i PATH=/usr/bin:/bin HOME="$HOME" XDG_DATA_HOME="$XDG_DATA_HOME" LLMGW_CATALOG="$LLMGW_CATALOG" \
        XDG_CONFIG_HOME="$XDG_CONFIG_HOME" "$(command -v llmgw)" replay $words </dev/null >"$tmp/cron.out" 2>"$tmp/cron.err"
    is "$?:$(cat "$tmp/cron.err")" 0: "from cron: replay $words"
done
replay list -F csv
is "$rc:$(printf '%s\n' "$out" | wc -l | tr -d ' ')" "0:$(($(runs) + 1))" 'the list needs no broker'
done_testing
