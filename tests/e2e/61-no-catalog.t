#!/bin/sh
# A catalog that is not there or cannot be read: what needs none goes on, the rest says what to do.
. "$top_srcdir/tests/e2e/lib.sh"

start_sim one
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[alias]
    bare = gpt-6-luna
[route "default"]
    target = one/sim
END
ONE_KEY=sk-of-one
export ONE_KEY
llm() { # llmgw "$@"; $rc, $out, $err
    rc=0
    llmgw "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
    out=$(cat "$tmp/out")
    err=$(cat "$tmp/err")
}
start_broker
whole=$LLMGW_CATALOG
printf 'price\tnobody\n' >"$tmp/broken.tsv"
own=$XDG_DATA_HOME/llmgw/prices.tsv

for how in absent broken own; do
    case $how in
    absent) LLMGW_CATALOG=$tmp/nowhere why="$tmp/nowhere: No such file" hint='install llmgw, or let LLMGW_CATALOG' ;;
    broken) LLMGW_CATALOG=$tmp/broken.tsv why="$tmp/broken.tsv:1:" hint='install llmgw, or let LLMGW_CATALOG' ;;
    own) LLMGW_CATALOG=$whole why="$own:1:" hint='mend it, or move it away' && cp "$tmp/broken.tsv" "$own" ;;
    esac
    while read -r line; do
        # shellcheck disable=SC2086
        llm $line
        is "$rc:$err" 0: "$how: $line goes on"
    done <<'END'
--version
version
help
chat hi
log
cost
keys
config list
config get core.autostart
config path
broker status
route health
template list
client list
tokens /dev/null
__complete -- chat -m
END
    while read -r line; do
        # shellcheck disable=SC2086
        llm $line
        is "$rc" 1 "$how: $line fails"
        like "$err" "^llmgw: ${line%% *}: catalog: $why" '… and says why'
        like "$err" "^hint: $hint" '… and what to do'
    done <<'END'
models
prices
keys test
route
config check
END
    llm config set core.offline no
    is "$rc" 0 "$how: the configuration can be changed"
    llm doctor
    is "$rc" 6 "$how: a problem for doctor"
    like "$out" "^prices +problem +catalog: $why.* +$hint" '… which tells the same'
    like "$out" '^keys +ok ' '… and looks at the rest'
done
stop_broker

LLMGW_CATALOG=$tmp/nowhere
llm chat hi
is "$rc" 10 'without one no broker starts'
like "$err" "^llmgw: chat: llmgwd did not start: catalog: $tmp/nowhere: No such file" '… and it is said why'
like "$err" '^hint: llmgw doctor' '… with a hint'
done_testing
