#!/bin/sh
# llmgw log rm and redact: what is deleted is in no file any more, by the broker and without one;
# sums of money stay.
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

# traces WORD: the files of the ledger that hold it, in any case of letters
traces() {
    (cd "$XDG_DATA_HOME/llmgw" && grep -lira -- "$1" . | sort | tr '\n' ' ')
}

# say WORD [OPTION…]: a conversation's turn with the word in prompt, answer, tag, user and template
say() {
    word=$1
    shift
    printf 'set text=echo\n' | scenario one
    ask -m one/sim --header "x-llmgw-tag: note=tag$word" --header "x-llmgw-template: tpl$word" \
        --header "x-llmgw-project: web" "$@" "prompt$word of mine"
    id=$(got h.x-llmgw-request-id)
    sql_wait "SELECT count(*) FROM request WHERE id = '$id'" 1 >/dev/null
}

# ---- by the broker ----

start_broker
say Keepsake
kept=$id
say Zanzibar
isnt "$(traces promptzanzibar)" '' 'a recorded prompt is in the files'
isnt "$(traces tagzanzibar)" '' '… and a tag'
log -g promptzanzibar --fields id -F csv
is "$(printf '%s\n' "$out" | sed 1d)" "$id" '… and can be found'
log rm "$id"
is "$rc:$out$err" 0: 'deleting is silent'
is "$(traces zanzibar)" "$(traces tplzanzibar)" 'of its words only the template is left'
is "$(sql "SELECT sum(n_requests), sum(cost_pico) FROM rollup_hour_dim WHERE template = 'tplZanzibar'")" \
    "1|$(sql "SELECT cost_pico FROM rollup_hour_dim WHERE template = 'tplZanzibar'")" '… with the money it cost'
is "$(sql "SELECT count(*) FROM request")" 1 '… and the other request is there'
log -g promptkeepsake --fields id -F csv
is "$(printf '%s\n' "$out" | sed 1d)" "$kept" '… and can still be found'
log rm "$id"
is "$rc" 4 'what is gone is not found'

say Ypsilon
log redact "$id"
is "$rc:$out$err" 0: 'redacting is silent'
is "$(traces promptypsilon)" '' '… and leaves none of what was said'
is "$(sql "SELECT outcome, record, cost_pico > 0 FROM request WHERE id = '$id'")" 'ok|meta|1' '… but the facts'
is "$(sql "SELECT value FROM tag JOIN request USING (rid) WHERE id = '$id'")" tagYpsilon '… and its tags'
log show "$id" --response
is "$rc" 4 '… so that there is no answer to show'

say Xylophone --header 'x-llmgw-conversation: talk-x'
say Xylophone --header 'x-llmgw-conversation: talk-x'
log rm --cid talk-x
is "$rc:$(traces promptxylophone):$(sql 'SELECT count(*) FROM conversation')" 0::0 'a conversation goes as a whole'

say Watermelon
say Walnut
log rm -g 'promptwater*'
is "$rc:$(traces promptwatermelon)" 0: 'so does what a search finds'
isnt "$(traces promptwalnut)" '' '… and nothing else'

# a reader in the middle of a transaction keeps what it sees: deleting waits for it
say Violet
mkfifo "$tmp/reader.in"
sqlite3 -readonly "$db" <"$tmp/reader.in" >"$tmp/reader.out" &
reader=$!
exec 4>"$tmp/reader.in"
printf 'BEGIN; SELECT count(*) FROM body;\n' >&4
wait_for "$tmp/reader.out" '[0-9]'
llmgw log rm "$id" &
pid=$!
sql_wait "SELECT count(*) FROM request WHERE id = '$id'" 0 >/dev/null
isnt "$(traces promptviolet)" '' 'while a reader sees an old state, its pages are in the log'
ok 'the broker answers meanwhile' ask -m one/sim hello
printf 'COMMIT;\n.quit\n' >&4
exec 4>&-
wait "$reader"
wait "$pid"
is "$?:$(traces promptviolet)" 0: '… and when it has ended, nothing is left'

log rm
is "$rc" 2 'rm must be told what'
log rm "$kept" --cid talk
is "$rc" 2 '… in one way'
log rm --older-than 1d --until -2d
is "$rc" 2 '… that is clear'

# ---- without a broker ----

say Umbrella
log rm --older-than 1h
is "$rc:$(sql 'SELECT count(*) FROM request WHERE id = '"'$id'")" 0:1 'what is not so old stays'
stop_broker
isnt "$(traces promptumbrella)" '' 'a prompt in the files of no broker'
isnt "$(traces tagumbrella)" '' '… and a tag, also in the spool'
log rm "$id" --no-autostart
is "$rc:$out$err" 0: 'deleting needs no broker'
is "$(traces promptumbrella)$(traces tagumbrella)" '' '… and leaves no trace either'
start_broker
is "$(sql_wait "SELECT count(*) FROM request WHERE id = '$kept'" 1)" 1 'a broker goes on with that ledger'
say Tulip
stop_broker KILL
say2=$(sql "SELECT count(*) FROM request")
log rm "$id"
is "$rc:$(traces prompttulip)" 0: 'what a killed broker has left is sorted out by a new one'
is "$(sql "SELECT count(*) FROM request")" $((say2 - 1)) '… which deletes'
llmgw broker stop >/dev/null 2>&1

start_broker
say Salmon
printf 'expect for good? [y/N]\nsend n\\r\nend\n' |
    "$tool" pty llmgw log rm --last 1h >"$tmp/screen" 2>&1
like "$(cat "$tmp/screen")" 'exit=5' 'at a terminal one is asked, and may say no'
isnt "$(traces promptsalmon)" '' '… then nothing is deleted'
printf 'end\n' | "$tool" pty llmgw log rm --last 1h --yes >"$tmp/screen" 2>&1
like "$(cat "$tmp/screen")" 'exit=0' '--yes asks nothing'
is "$(sql 'SELECT count(*) FROM request')" 0 '… and all of the last hour is gone'
is "$(traces promptsalmon)$(traces promptkeepsake)" '' '… from every file'
stop_broker

# ---- as cron runs it ----

start_broker
say Radish
stop_broker
rm -rf "$XDG_RUNTIME_DIR/llmgw"
env -i PATH="$PATH" HOME="$HOME" XDG_DATA_HOME="$XDG_DATA_HOME" XDG_CONFIG_HOME="$XDG_CONFIG_HOME" \
    XDG_STATE_HOME="$XDG_STATE_HOME" LLMGW_CATALOG="$LLMGW_CATALOG" \
    llmgw log rm --older-than 1ms -q </dev/null >"$tmp/cron" 2>&1
is "$?:$(cat "$tmp/cron")" 0: 'from cron, too, it is silent'
is "$(traces promptradish)" '' '… and thorough'
done_testing
