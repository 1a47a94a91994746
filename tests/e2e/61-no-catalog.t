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
    absent) unknown=5 LLMGW_CATALOG=$tmp/nowhere why="$tmp/nowhere: No such file" hint='install llmgw, or let LLMGW_CATALOG' ;;
    broken) unknown=5 LLMGW_CATALOG=$tmp/broken.tsv why="$tmp/broken.tsv:1:" hint='install llmgw, or let LLMGW_CATALOG' ;;
    own) unknown=4 LLMGW_CATALOG=$whole why="$own:1:" hint='mend it, or move it away' && cp "$tmp/broken.tsv" "$own" ;;
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
    cp "$config_file" "$tmp/before"
    llm config check
    like "$err" 'all is well but for the catalog|all else is well' "$how: … after all that needs none was checked"
    cat >>"$config_file" <<'END'
[alias]
    far = no-such-model
    farther = far/fetched
[route "fast"]
    target = never-heard-of
[core]
    default-route = fast
    default-model = unheard-of
END
    llm config check
    is "$rc:$(printf '%s\n' "$err" | grep -c 'is not checked: the catalog may know it')" "1:$unknown" \
        "$how: names that only a catalog knows are told"
    like "$err" "$config_file:[0-9]*: route \"fast\": \"never-heard-of\" is not checked" '… with their places'
    printf '[nonsense]\n    a = b\n[route "slow"]\n    timeout = soon\n' >>"$config_file"
    llm config check
    is "$rc" 2 '… a mistake that needs none is one'
    like "$err" 'unknown section "nonsense"' '… and told'
    like "$err" 'route "slow": timeout' '… all of them'
    unlike "$err" 'far/fetched|never-heard-of' '… and no other'
    like "$err" "catalog: $why" '… nor is it kept back that more may be wrong'
    cp "$tmp/before" "$config_file"
    llm config set core.offline no
    is "$rc" 0 "$how: the configuration can be changed"
    llm doctor
    is "$rc" 6 "$how: a problem for doctor"
    like "$out" "^prices +problem +catalog: $why.* +$hint" '… which tells the same'
    like "$out" '^keys +ok ' '… and looks at the rest'
    printf '[nonsense]\n    a = b\n' >>"$config_file"
    llm doctor
    like "$out" '^configuration +problem .*unknown section "nonsense"' '… at the configuration, too'
    cp "$tmp/before" "$config_file"
done
stop_broker

LLMGW_CATALOG=$tmp/nowhere
llm chat hi
is "$rc" 10 'without one no broker starts'
like "$err" "^llmgw: chat: llmgwd did not start: catalog: $tmp/nowhere: No such file" '… and it is said why'
like "$err" '^hint: llmgw doctor' '… with a hint'
done_testing
