#!/bin/sh
# llmgw replay: when answers agree, by which measure; gates for scripts; what differs, word by
# word; runs as rows; runs that are forgotten.
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
END
start_broker

# record TEXT PROMPT: sets $id
record() {
    printf '%s\n' "set text=\"$1\"" | scenario one
    ask -m one/a "$2"
    id=$(got h.x-llmgw-request-id)
    sql_wait "SELECT count(*) FROM request WHERE id = '$id'" 1 >/dev/null
}
# replay ARG…: sets $out, $err, $rc
replay() {
    rc=0
    llmgw replay "$@" >"$tmp/replay.out" 2>"$tmp/replay.err" </dev/null || rc=$?
    out=$(cat "$tmp/replay.out")
    err=$(cat "$tmp/replay.err")
}
row() { printf '%s' "$out" | "$tool" json "rows.$1.$2"; }

record 'The quick brown fox jumps over the lazy dog' fox
fox=$id
record '{\"b\": [1, 2], \"a\": \"x\"}' json
json=$id

# ---- measures: recorded text, new text, what agrees ----

printf 'on model=b has=fox: text="the QUICK brown fox  jumps over a lazy dog"\n' | scenario one
replay "$fox" --against one/b --metric rouge,contains -j
is "$(row 1 agree):$(row 1 rouge):$(row 1 contains):$(row 1 exact)" 1:1:0:0 'eight of nine words are enough for ROUGE-L'
printf 'on model=b has=fox: text="a lazy dog is over the quick fox, which jumps"\n' | scenario one
replay "$fox" --against one/b --metric rouge -j
is "$(row 1 agree)" 0 '… their order counts'
printf 'on model=b has=fox: text="I say: the quick brown fox jumps over the lazy dog!"\n' | scenario one
replay "$fox" --against one/b --metric contains -j
is "$(row 1 agree):$(row 1 norm)" 1:0 'contained is not the same'
printf '%s\n' 'on model=b has=json: text="```json\n{\"a\":\"x\",\"b\":[1,2]}\n```"' | scenario one
replay "$json" --against one/b --metric json,exact -j
is "$(row 1 agree):$(row 1 exact):$(row 1 json_ok)" 1:0: 'JSON agrees however it is spelled'
printf '%s\n' 'on model=b has=json: text="{\"a\":\"x\",\"b\":[2,1]}"' | scenario one
replay "$json" --against one/b --metric json -j
is "$(row 1 agree)" 0 '… but not in another order of a list'
printf '%s\n' 'set text="not json"' | scenario one
http -H 'content-type: application/json' -d '{"model":"one/a","messages":[{"role":"user",
    "content":"form"}],"response_format":{"type":"json_object"}}' -H 'x-llmgw-tag: what=form' /v1/chat/completions >/dev/null
sql_wait "SELECT count(*) FROM tag WHERE value = 'form'" 1 >/dev/null
form=$(sql "SELECT id FROM request JOIN tag USING (rid) WHERE value = 'form'")
replay "$form" --against one/b -j
is "$(sql "SELECT metric FROM replay_item ORDER BY run DESC LIMIT 1"):$(row 1 json_ok)" json:0 \
    'a request for JSON is judged as JSON'
replay "$form" "$fox" --against one/b -j
is "$(row 0 json_ok):$(row 1 json_ok)" 0:0 '… and only such are counted'
printf '%s\n' 'on has=form: text="[1]"' 'set text="not json"' | scenario one
replay "$form" "$fox" --against one/b -j
is "$(row 0 json_ok):$(row 1 json_ok)" 0:1 '… as what they are'
replay "$fox" --against one/b --metric judge
is "$rc" 2 'a measure that is not there is refused'
replay "$fox" --against one/b --metric cmd
is "$rc" 2 '… and a program that was not given'

# ---- a program as judge ----

printf 'on model=b has=fox: text=short\n' | scenario one
printf '#!/bin/sh\ncat "$1" "$2" >"%s"\necho noise\n[ "$(wc -c <"$2")" -lt "$(wc -c <"$1")" ]\n' "$tmp/seen" >"$tmp/judge"
chmod +x "$tmp/judge"
replay "$fox" --against one/b --cmd "$tmp/judge" -j
is "$(row 1 agree):$(row 1 cmd)" 1:1 'a program judges by its exit status'
is "$(cat "$tmp/seen")" 'The quick brown fox jumps over the lazy dogshort' '… seeing both answers'
replay "$fox" --against one/b --cmd "! $tmp/judge" -j
is "$(row 1 agree)" 0 '… and may say no'
is "$(ls "$TMPDIR")" '' '… its files are gone'
replay "$fox" --against one/b --cmd /nowhere/judge
is "$rc" 3 'one that cannot be run brings no verdict'
like "$err" 'could not be run' '… and that is said'

# ---- gates ----

printf '%s\n' 'on model=b has=fox: text=other' 'on model=b has=json: text="{\"b\": [1, 2], \"a\": \"x\"}"' |
    scenario one
for row in 'agree<0.95:6' 'agree<.95:6' 'agree<95%:6' 'agree<0.3:0' 'agree >= 0.5:6' 'cost>recorded:6' \
    'cost<=recorded:0' 'errors>0:0' 'p95>20s:0' 'rouge<1:6' 'exact==0.5:6'; do
    replay "$fox" "$json" --against one/b --fail-if "${row%:*}"
    is "$rc" "${row##*:}" "--fail-if '${row%:*}'"
done
printf '%s\n' 'on model=b has=fox: text="the quick brown FOX jumps over the lazy dog"' \
    'on model=b has=json: text="{\"b\": [1, 2], \"a\": \"x\"}"' | scenario one
replay "$fox" "$json" --against one/b --fail-if 'agree<1'
is "$rc" 0 'a gate that all pass'
replay "$fox" --against one/b --fail-if 'speed<1'
is "$rc" 2 'a gate on what is not there is refused'
replay "$fox" --against one/b --fail-if 'agree'
is "$rc" 2 '… and one without a condition'
replay "$fox" --against one/b --fail-if 'agree<1' --dry-run
is "$rc" 2 '… and one on a dry run'
printf 'on model=b: 500\n' | scenario one
replay "$fox" --against one/b --fail-if 'agree<0.1'
is "$rc" 6 'what cannot be told does not pass'

# ---- diff, export, rm ----

printf 'on model=b has=fox: text="The quick red fox jumps over the lazy \\u001b[31mdog"\n' | scenario one
replay "$fox" "$json" --against one/b
like "$out" '1 disagreement|2 disagreements' 'the report tells of disagreements'
run=$(sql 'SELECT max(id) FROM replay_run')
replay diff "$run" "$fox"
is "$rc" 0 'two answers, word by word'
like "$out" 'The quick \[-brown-\]\{\+red\+\} fox jumps over the lazy' '… with what is gone and new'
is "$(printf '%s' "$out" | tr -d -c '\033' | wc -c)" 0 '… and no control characters of the model'
replay diff last
like "$out" "^$fox → one/b .* disagrees" 'without an id, those that disagree'
replay diff last --show all
is "$(printf '%s\n' "$out" | grep -c ' → one/b ')" 2 '… or all'
replay diff last 01KB
is "$rc" 4 'a request that is not in the run is not found'
replay export last -F jsonl
is "$(printf '%s\n' "$out" | wc -l)" 2 'a run as rows'
is "$(printf '%s\n' "$out" | head -n 1 | "$tool" json source):$(printf '%s\n' "$out" | head -n 1 | "$tool" json recorded_answer)" \
    "$fox:The quick brown fox jumps over the lazy dog" '… with both answers'
replay export last -F csv --fields source,agree
is "$(printf '%s\n' "$out" | sed -n 2p)" "$fox,false" '… as a table'
replay show last --fail-if 'agree<1'
is "$rc" 6 'a run can be judged again'
replay show last --metric rouge -j
is "$(row 1 rouge)" 0.5 '… by another measure'
like "$(llmgw replay show last)" 'this run cost \$0\.0' '… and tells what it cost'
n=$(sql 'SELECT count(*) FROM request')
replay rm "$run"
is "$rc:$out$err" 0: 'a run can be forgotten'
is "$(sql_wait "SELECT count(*) FROM replay_run WHERE id = '$run'" 0):$(sql "SELECT count(*) FROM replay_item WHERE run = '$run'")" \
    0:0 '… with its items'
is "$(sql 'SELECT count(*) FROM request')" "$n" '… but its requests are in the log'
replay show "$run"
is "$rc" 4 '… and it is gone'
isnt "$(sql 'SELECT count(*) FROM replay_run')" 0 '… alone'
done_testing
