#!/bin/sh
# Standard input and output, whatever stands behind them: every command that prints, into files,
# pipes, a full disk, nothing, and a reader that leaves; chat from every kind of input.
. "$top_srcdir/tests/e2e/lib.sh"
need sqlite3 script

start_sim one
scenario one <<END
set text=echo
END
config <<END
[core]
    default-route = default
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/*"]
    input = 1
    output = 2
[route "default"]
    target = one/sim
[client "ci"]
    key-hash = sha256:0000000000000000000000000000000000000000000000000000000000000000
[budget "daily"]
    limit = 5/day
END
ONE_KEY=secret
export ONE_KEY
start_broker
llmgw chat -j hello </dev/null >"$tmp/first" || bail 'no answer'
id=$("$tool" json id <"$tmp/first")
sql_wait "SELECT count(*) FROM request" 1 >/dev/null

# ---- output ----

cat >"$tmp/commands" <<END
help
help exit-codes
--help
version
env
config list
config path
client list
models
prices show claude-haiku-4-5
broker status
broker path
broker ps -j
route list
route show default
route health
route explain hello
cost
cost today -j
cost show $id
log
log show $id
log path
chat --dry-run hello
chat hello
END
# clock: what changes from run to run
steady() {
    sed 's/[0-9.]* *m\?s$//; s/"generated_at":"[^"]*"//; s/uptime.*//' "$1"
}
while read -r command; do
    # words of our own list
    # shellcheck disable=SC2086
    llmgw $command </dev/null >"$tmp/file" 2>"$tmp/errors"
    is "$?" 0 "llmgw $command: into a file"
    cmp_num "$(wc -c <"$tmp/file")" -gt 0 '… which is not empty'
    llmgw $command </dev/null 2>&1 | cat >"$tmp/pipe"
    is "$(steady "$tmp/pipe" | wc -l)" "$(steady "$tmp/file" | wc -l)" '… a pipe gets as many lines'
    is "$(grep -c "$(printf '\033')" "$tmp/pipe")" 0 '… and no colours'
    llmgw $command </dev/null >/dev/full 2>"$tmp/errors"
    is "$?" 1 '… a full disk is an error'
    like "$(cat "$tmp/errors")" 'No space left on device' '… which is told'
    llmgw $command </dev/null >&- 2>"$tmp/errors"
    is "$?" 1 '… so is no output at all'
    isnt "$(cat "$tmp/errors")" '' '… which is told, too'
    { llmgw $command </dev/null 2>"$tmp/errors"; echo "$?" >"$tmp/status"; } | true
    like "$(cat "$tmp/status") $(cat "$tmp/errors")" '^(0|141) $' '… a reader that leaves is no error'
done <"$tmp/commands"

# ---- input ----

# says DESCRIPTION WANT: the answer, an echo of what was sent, in $tmp/out
says() {
    is "$(cat "$tmp/out" "$tmp/errors")" "$2" "$1"
}
chat() {
    llmgw chat "$@" >"$tmp/out" 2>"$tmp/errors"
}
: >"$tmp/empty"
chat word <"$tmp/empty"
says 'an empty file adds nothing' word
chat <"$tmp/empty"
is "$? $(cat "$tmp/out")" '2 ' 'an empty file alone is nothing to say'
{ sleep 0.3; echo late; } | chat word
says 'what comes late is waited for' 'late

word'
# 3 s: Source: llmgw-chat(1)
{ sleep 3.4; echo late; } | chat word
says '… for long, in silence' 'late

word'
mkfifo "$tmp/late"
sh -c 'kill -STOP $$; echo late' >"$tmp/late" &
pids="$pids $!"
printf 'expect waiting for standard input (use --no-stdin\nsignal CONT %s\nexpect late\nend\n' $! |
    "$tool" pty sh -c "llmgw chat word <'$tmp/late'" >"$tmp/screen" 2>&1
is "$?" 0 '… at a terminal that is told'
mkfifo "$tmp/never"
exec 5<>"$tmp/never"
chat --no-stdin word <&5
says 'a pipe that never ends is not read when told so' word
LLMGW_STDIN=never chat word <&5
says '… by the environment, too' word
exec 5>&-
"$tool" stdin-socket 'from a socket' llmgw chat word >"$tmp/out" 2>"$tmp/errors"
says 'a socket is read as a pipe is' 'from a socket

word'
printf 'a\nb\n' >"$tmp/list"
while read -r line; do
    chat --no-stdin "$line"
    cat "$tmp/out"
done <"$tmp/list" >"$tmp/all"
is "$(tr '\n' ' ' <"$tmp/all")" 'a b ' 'a loop keeps its own input'
script -qec "llmgw chat word" "$tmp/typescript" </dev/null >"$tmp/out" 2>"$tmp/errors"
like "$(tr -d '\r' <"$tmp/out")" '^word' 'a terminal is not read'
env -i PATH="$PATH" HOME="$HOME" XDG_CONFIG_HOME="$XDG_CONFIG_HOME" LLMGW_SOCKET="$sock" \
    LLMGW_CATALOG="$LLMGW_CATALOG" llmgw chat word </dev/null >"$tmp/out" 2>"$tmp/errors"
says 'a bare environment is enough' word

done_testing
