#!/bin/sh
# llmgw chat in pipes, files and loops: what reaches standard output, what is sent, how it ends.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3 script

start_sim one
scenario one <<END
set text=echo
END
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[provider "openai"]
    base-url = http://llm.invalid/v1
    key-env = ONE_KEY
[price "one/*"]
    input = 1
    output = 2
[price "one/big"]
    input = 1
    output = 10
[model "one/big"]
    max-output = 1000000
[budget "spent"]
    limit = 0.000001/day
    hard = yes
    project = spent
[budget "daily"]
    limit = 5/day
[alias]
    fast = one/sim
    lorem = one/sim:text=lorem
END
ONE_KEY=secret-of-one
export ONE_KEY

# chat ARG…: sets $out, $err, $rc; standard input is the caller's
chat() {
    rc=0
    llmgw chat "$@" >"$tmp/chat.out" 2>"$tmp/chat.err" || rc=$?
    out=$(cat "$tmp/chat.out")
    err=$(cat "$tmp/chat.err")
}

# sent: the last message of the last request, as the provider got it
sent() {
    last_request one body.messages.$((${1:-1} - 1)).content
}

# ---- a broker is started by the first who asks, and by all of them only once ----
chat --no-autostart -m fast hi </dev/null
is "$rc" 10 'without a broker, and without leave to start one: 10'
many=
for i in 1 2 3 4 5; do
    llmgw chat -m fast "ask $i" >"$tmp/many.$i" 2>&1 </dev/null &
    many="$many $!"
done
for p in $many; do wait "$p"; done
is "$(cat "$tmp"/many.*)" "$(for i in 1 2 3 4 5; do echo "ask $i"; done)" 'five ask at once and are answered'
is "$(grep -c ' ready$' "$XDG_STATE_HOME/llmgw/broker.log")" 1 '… by one broker'
chat -m fast --no-autostart hi </dev/null
is "$rc $out" '0 hi' 'which stays'

# ---- output ----
chat -m fast 'two  words' 'and a
line' </dev/null
is "$out" 'two  words and a
line' 'words are joined by one blank'
is "$(tail -c 2 "$tmp/chat.out" | od -An -c | tr -d ' ')" 'e\n' 'one newline ends the answer'
esc=$(printf 'a\033[31mb')
chat -m fast "$esc" </dev/null
is "$out" "$esc" 'a pipe gets the bytes as they are'
chat -m fast -j "$esc" </dev/null
is "$("$tool" json text <"$tmp/chat.out")" "$esc" 'JSON too'
is "$("$tool" json schema <"$tmp/chat.out")" llmgw.chat/1 '… and says what it is'
is "$("$tool" json target <"$tmp/chat.out")" one/sim '… and who answered'
is "$(wc -l <"$tmp/chat.out")" 1 '… in one line'
chat -m lorem -F jsonl hi </dev/null
is "$(sed 's/.*"type":"\([a-z]*\)".*/\1/' "$tmp/chat.out" | uniq | tr '\n' ' ')" 'start text end ' \
    'JSON lines: start, text, end'
chat -m fast -u hi </dev/null
like "$err" '^one/sim · [0-9]+ in \+ [0-9]+ out · \$0\.[0-9]+ · ' 'usage in one line on stderr'
is "${err##* · }" "$(llmgw cost --oneline)" '… and what the day has cost, this request included'
like "$err" ' of \$5\.00$' '… of its budget'
chat -o "$tmp/nowhere/o" hi </dev/null
is "$rc $err" "1 llmgw: chat: -o $tmp/nowhere/o: No such file or directory" 'a file that cannot be written is told before anything is asked'
mkfifo "$tmp/pipe"
timeout 10 cat "$tmp/pipe" >"$tmp/piped" &
reading=$!
chat -m fast -o "$tmp/pipe" hi </dev/null
wait "$reading"
is "$rc $(cat "$tmp/piped")" '0 hi' 'to a pipe'
ok '… which stays one' test -p "$tmp/pipe"
chat -m fast --usage-file "$tmp/usage" --tee "$tmp/tee" -o "$tmp/o" hi </dev/null
is "$out/$(cat "$tmp/tee")/$(cat "$tmp/o")" "/hi/hi" "to a file, and to another"
is "$("$tool" json usage.completion_tokens <"$tmp/usage")" 1 '… and usage to a third'
chat -m one/sim:reasoning=3 hi </dev/null
is "$out" hi 'a pipe does not get what the model thought'
chat -m one/sim:reasoning=3 -j hi </dev/null
isnt "$("$tool" json reasoning <"$tmp/chat.out")" '' '… JSON does'
chat -m one/sim:reasoning=3 -j -R hi </dev/null
is "$("$tool" json reasoning <"$tmp/chat.out" 2>/dev/null)" '' '… unless told not to'
rc=0
llmgw chat -m fast hi </dev/null >/dev/full 2>"$tmp/chat.err" || rc=$?
is "$rc" 1 'a full disk is an error'
before=$(requests one)
rc=0
llmgw chat -m fast hi </dev/null >&- 2>"$tmp/chat.err" || rc=$?
is "$rc $(requests one)" "1 $before" 'nothing is paid for that cannot be shown'

# ---- the prompt ----
echo from-pipe | { chat -m fast word; is "$out" 'from-pipe

word' 'a pipe stands before the words'; }
n_tests=$((n_tests + 1))
printf 'from-file' >"$tmp/in"
chat -m fast <"$tmp/in"
is "$out" from-file 'no words: standard input is the prompt'
chat -m fast word <"$tmp/in"
is "$out" 'from-file

word' 'a file on standard input counts as a pipe'
chat -m fast --no-stdin word <"$tmp/in"
is "$out" word '… unless told not to'
LLMGW_STDIN=never chat -m fast word <"$tmp/in"
is "$out" word '… or the environment says never'
chat -m fast word </dev/null
is "$out" word '/dev/null is nothing'
chat -m fast word <&-
is "$out" word 'closed is nothing'
chat -m fast </dev/null
is "$rc" 2 'nothing to say is a usage error'
printf 'a\nb\n' | while read -r w; do llmgw chat -m fast --no-stdin "$w"; done >"$tmp/loop"
is "$(tr '\n' ' ' <"$tmp/loop")" 'a b ' 'a loop reads its own input'
mkdir "$tmp/bare"
: >"$tmp/bare/.hidden"
chat -m fast -f "$tmp/bare" </dev/null
is "$rc" 2 'a folder without a file that is shown'
like "$err" "$tmp/bare: no file in it; hidden and ignored ones are left out" '… is named'
mkdir "$tmp/dir"
printf 'B\n' >"$tmp/dir/b"
printf 'A\n' >"$tmp/dir/a"
chat -m fast -s @"$tmp/in" -f "$tmp/dir" word </dev/null
is "$(sent 1)" from-file 'the system prompt comes first, from a file'
is "$(sent 2)" "<file path=\"$tmp/dir/a\">
A
</file>

<file path=\"$tmp/dir/b\">
B
</file>

word" '… then the files of a directory, then the words'
printf '\211PNG\r\n\032\n' >"$tmp/x.png"
chat -m one/gpt-4o -a "$tmp/x.png" 'what is it?' </dev/null
is "$(last_request one body.messages.0.content.0.image_url.url)" 'data:image/png;base64,iVBORw0KGgo=' \
    'an image is attached'
for url in https://a.example/x.png http://127.0.0.1:1/x.png; do
    chat -m one/gpt-4o -a "$url" 'what is it?' </dev/null
    is "$rc" 2 "an address is none: $url"
    like "$err" "it takes files" '… which is told'
    like "$err" "curl -sL '$url' " '… with another way'
done
is "$(last_request one body.messages.0.content.1.text)" 'what is it?' '… before the words'
chat -m fast --temperature 0.70 --seed 3 --max-tokens 9 -O 'stop=["x"]' -O user=me hi </dev/null
is "$(last_request one body.temperature) $(last_request one body.seed) $(last_request one body.user)" \
    '0.70 3 me' 'parameters go along as they were written'
is "$(grep -cE 'x-llmgw-(events|record|stream|conversation)' "$one_journal")" 0 'none of our headers reaches a provider'

# ---- conversations ----
chat -m fast --name trip 'where to?' </dev/null
chat --cid trip 'and then?' </dev/null
is "$(sent 1)/$(sent 2)/$(sent 3)" 'where to?/where to?/and then?' 'a conversation goes on by its name'
is "$(sql_wait "SELECT length(id), name, n_requests FROM conversation WHERE name = 'trip'" '26|trip|2')" \
    '26|trip|2' '… which is a name and no id'
is "$(llmgw log --cid trip -F csv --fields id | wc -l)" 3 '… and finds its requests'
is "$(llmgw cost --by conversation -F csv | cut -d, -f1 | grep -c '^trip$')" 1 '… and its cost'
chat -c 'once more' </dev/null
is "$(sent 3)/$(sent 5)" 'and then?/once more' 'the latest one goes on'
is "$(last_request one body.model)" sim '… with the same model'
chat -m nonesuch 'where was I?' </dev/null
sql_wait "SELECT count(*) FROM request WHERE outcome = 'not_found'" 1 >/dev/null
chat -c 'go on' </dev/null
is "$rc $(sent 5)/$(sent 7)" '0 once more/go on' '… not one that was sent to nobody'
chat --name trip again </dev/null
is "$rc" 2 'a name is taken once'
http -H 'x-llmgw-conversation: other' -H 'x-llmgw-conversation-name: trip' \
    -d '{"model":"fast","messages":[{"role":"user","content":"hi"}]}' /v1/chat/completions >/dev/null
is "$(sql_wait "SELECT ifnull(name, '-'), n_requests FROM conversation WHERE id = 'other'" '-|1')" '-|1' \
    '… also by those who ask the broker themselves'
chat --cid nonesuch hi </dev/null
is "$rc" 4 'an unknown conversation: 4'
chat -m fast --tag ticket=7 -P demo -j hi </dev/null
id=$("$tool" json id <"$tmp/chat.out")
is "$(sql_wait "SELECT project, record FROM request WHERE id = '$id'" 'demo|full')" 'demo|full' \
    'project and texts are recorded'
is "$(sql "SELECT key, value FROM tag JOIN request USING (rid) WHERE id = '$id'")" 'ticket|7' '… and the tag'
LLMGW_PROJECT=atlas LLMGW_TAGS=ticket=8 chat -m fast -j hi </dev/null
id=$("$tool" json id <"$tmp/chat.out")
is "$(sql_wait "SELECT project FROM request WHERE id = '$id'" atlas) $(sql "SELECT value FROM tag JOIN request USING (rid) WHERE id = '$id'")" \
    'atlas 8' '… also from the environment'
chat -m fast --no-log -j 'a secret-word' </dev/null
id=$("$tool" json id <"$tmp/chat.out")
is "$(sql_wait "SELECT record FROM request WHERE id = '$id'" off)" off 'or nothing is'
is "$(sql "SELECT count(*) FROM body JOIN request USING (rid) WHERE id = '$id'")" 0 '… but the money'

# ---- how it can end ----
while read -r words status class; do
    chat -m "one/sim:$words" -F jsonl hi </dev/null
    is "$rc" "$status" "$words: $status"
    [ "$class" = - ] ||
        is "$(tail -n 1 "$tmp/chat.out" | "$tool" json class)" "$class" '… as the last line tells'
done <<END
tokens=5 0 -
text=lorem,cut=5 3 stream_interrupted
text=lorem,no-finish,cut=3 3 stream_interrupted
error=context 7 context_length
finish=filter 11 unusable_answer
END
chat -m one/sim:error=context hi </dev/null
like "$err" '^hint: llmgw tokens --max N' 'what is too long is told how to cut it'
chat -m one/sim:400,times=1 --fallback one/sim:500 -j hi </dev/null
is "$rc $(printf '%s' "$err" | "$tool" json error.attempts.0.target)" '7 one/sim:400,times=1' \
    'a failure in JSON lists what was tried'
is "$("$tool" json error.attempts.0.target <"$tmp/chat.out")" 'one/sim:400,times=1' '… as the answer does'
isnt "$("$tool" json id <"$tmp/chat.out")" '' '… which has the id all the same'
chat -m one/sim:text=lorem,cut=5 hi </dev/null
is "$rc $(wc -w <"$tmp/chat.out")" '3 5' 'what came of a cut answer is kept'
chat -m one/sim:cut=2,times=1 --no-stream 'a b c d' </dev/null
is "$rc $out" '0 a b c d' 'held back, a cut can be mended'
chat -m one/sim:finish=length --strict hi </dev/null
is "$rc" 11 '--strict: an answer cut by its cap is unusable'
chat -m nonesuch hi </dev/null
is "$rc" 4 'no such model: 4'
chat -m fast --max-cost 0.0000001 hi </dev/null
is "$rc" 5 'too dear: refused before sending'
LLMGW_MAX_COST=0.0000001 chat -m fast hi </dev/null
is "$rc" 5 '… by the environment, too'
LLMGW_MAX_COST=0.0000001 chat -m fast --max-cost 1 hi </dev/null
is "$rc" 0 '… which an option overrules'
chat -m one/big --max-cost 0.02 -v hi </dev/null
is "$rc $out" '0 hi' 'without an output cap the broker sets the affordable one'
is "$(last_request one body.max_completion_tokens)" 1999 '… which the provider gets'
like "$err" 'at most 1999 tokens of output' '… and -v tells'
chat -m one/big --max-cost 0.02 -j hi </dev/null
is "$("$tool" json max_output_tokens <"$tmp/chat.out")" 1999 '… JSON, too'
chat -m one/sim:text=lorem,tokens=100 --max-cost 0.00005 hi </dev/null
like "$err" 'cut at 2[0-9] tokens of output' 'an answer that ends there says why'
chat -m one/big -P spent hi </dev/null
is "$rc" 5 'a budget that is used up refuses as well'
like "$err" 'budget spent' '… by name'
chat -m one/sim:first=5s --timeout 300ms hi </dev/null
is "$rc" 9 'the time allowed is over: 9'
chat -m one/sim:500 --fallback one/other -v hi </dev/null
is "$rc $out" '0 hi' 'a fallback answers'
like "$err" 'one/sim:500: 500; asking one/other' '… and -v tells of it'
chat -m fast --option hi </dev/null
is "$rc" 2 'not K=V: usage'
before=$(requests one)
chat -m fast --dry-run hi </dev/null
like "$out" 'one/sim  *chosen .*' 'a dry run tells who would be asked'
chat -m fast --dry-run --max-cost 0.0000001 hi </dev/null
is "$rc" 5 '… and whether policy forbids it'
is "$(requests one)" "$before" '… and sends nothing'
chat -m openai/gpt-6-luna --offline hi </dev/null
is "$rc" 5 'offline: a target elsewhere is refused'
like "$err" 'not on this machine' '… and the reason is told'
LLMGW_OFFLINE=yes chat -m openai/gpt-6-luna --fallback fast hi </dev/null
is "$rc $out" '0 hi' '… but one on this machine answers'
chat -m fast --offline --dry-run hi </dev/null
is "$rc" 0 '… and a dry run says so'
chat -m fast --explain hi </dev/null
like "$err" 'one/sim  *chosen' 'an answer can be explained'

# ---- signals ----
# a shell's background jobs ignore SIGINT
spawn int env --default-signal=INT llmgw chat -m one/sim:text=lorem,tokens=500,gap=20ms hi </dev/null
ok 'an answer comes' wait_for "$tmp/int.out" '[a-z]'
reap "$pid" INT
is "$rc" 130 'an interrupt ends chat by that signal'
ok '… and the provider is let go' wait_for "$one_journal" '"client_gone":true' 5
like "$(cat "$tmp/int.out")" '^[a-z]' '… and what came stays'
like "$(cat "$tmp/int.err")" '^one/sim:.* · [0-9]+ in \+ [0-9]+ out · \$0\.[0-9]+ · .*today' \
    '… and what it cost is told'
is "$(llmgw log show last -F json | "$tool" json status)" cancelled '… and the log has it'
ok '… with the text that came' sh -c "llmgw log show last | grep -qF \"\$(head -c 20 '$tmp/int.out')\""
chat -c -m fast 'go on' </dev/null
# a word more may have been on its way when we left
like "$(sent 2)/$(sent 3)" "^$(cat "$tmp/int.out").*/go on\$" '… and the conversation can go on from there'
spawn term llmgw chat -m one/sim:text=lorem,tokens=500,gap=20ms hi </dev/null
ok 'an answer comes again' wait_for "$tmp/term.out" '[a-z]'
reap "$pid" TERM
is "$rc $(llmgw log show last -F json | "$tool" json status)" '143 cancelled' 'SIGTERM ends it likewise'
spawn int env --default-signal=INT llmgw chat -m one/sim:text=lorem,tokens=500,gap=20ms -F jsonl hi </dev/null
ok 'JSON lines are stopped' wait_for "$tmp/int.out" '"type":"text"'
reap "$pid" INT
is "$rc $(tail -n 1 "$tmp/int.out" | "$tool" json class)" '130 cancelled' '… and say so'
is "$("$tool" json error.code <"$tmp/int.err")" 130 '… on stderr, too'
cmp_num "$(tail -n 1 "$tmp/int.out" | "$tool" json usage.completion_tokens)" -ge 1 '… and what was used'
mkfifo "$tmp/reader"
spawn pipe sh -c 'llmgw chat -m one/sim:text=lorem,tokens=500,gap=20ms bye </dev/null >"$0"' "$tmp/reader"
head -c 3 <"$tmp/reader" >/dev/null
wait "$pid"
is $? 141 'a reader that goes away ends it by SIGPIPE'
ok '… and the spending' sh -c "[ \"\$(grep -c '\"client_gone\":true' '$one_journal')\" -ge 1 ]"

# ---- a conversation that has only failed ----
chat -m one/sim:400 --name doomed hi </dev/null
chat --cid doomed -m fast again </dev/null
is "$rc $out" '0 again' 'it can be gone on with'
chat --effort silly hi </dev/null
is "$rc" 2 'no such effort'

# ---- a terminal ----
tty() {
    TERM=xterm SHELL=/bin/sh script -qec "$*" /dev/null </dev/null 2>&1 | tr -d '\r'
}
printf 'a\033]0;title\007\033[31mb' >"$tmp/evil"
title=$(printf '\033\\]0;title')
shown=$(tty llmgw chat -m fast --no-stdin -f "$tmp/evil")
unlike "$shown" "$title" 'a terminal is not given control sequences'
like "$shown" 'ab' '… but the text'
shown=$(tty llmgw chat -m fast --raw --no-stdin -f "$tmp/evil")
like "$shown" "$title" '… unless asked to'

shown=$(tty llmgw)
like "$shown" 'broker running, today \$0\.[0-9]+ of \$5\.00' 'the bare name tells what the day has cost'

# these two bench their key, so they come last
chat -m one/sim:error=quota -F jsonl hi </dev/null
is "$rc $(tail -n 1 "$tmp/chat.out" | "$tool" json class)" '7 quota_exhausted' 'no money left: 7'
llmgw broker stop >/dev/null
ONE_KEY=another-secret-of-one
chat -m one/sim:error=auth -F jsonl hi </dev/null
is "$rc $(tail -n 1 "$tmp/chat.out" | "$tool" json class)" '8 upstream_authentication' 'a bad key: 8'
chat -m fast hi </dev/null
is "$rc" 8 '… which is not tried again at once'

is "$(llmgw broker restart)" restarted 'a broker that runs is started anew'
llmgw broker stop >/dev/null
is $? 0 'the broker that was started ends when told'
is "$(llmgw broker restart)" started '… and one that does not run is started'
llmgw broker stop >/dev/null
done_testing
