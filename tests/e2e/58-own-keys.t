#!/bin/sh
# Keys that a shell has and the broker that runs has not: they go with a request, are used once,
# and are kept nowhere.
. "$top_srcdir/tests/e2e/lib.sh"

need curl
start_sim one
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[provider "two"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = TWO_KEY
[route "default"]
    target = one/sim
END
TWO_KEY=sk-two-of-the-broker
export TWO_KEY
start_broker
llm() { # llmgw "$@"; $rc, $out, $err
    rc=0
    llmgw "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
    out=$(cat "$tmp/out")
    err=$(cat "$tmp/err")
}
# the key of the last request, as the journal of llmgw-sim has it; and what it makes of one
key_sent() { last_request one headers.authorization; }
digest() {
    curl -sS --noproxy '*' -o "$tmp/direct" -H "authorization: Bearer $1" -H 'content-type: application/json' \
        -d '{"model":"sim","messages":[{"role":"user","content":"x"}]}' "http://127.0.0.1:$one_port/v1/chat/completions"
    key_sent
}

# ---- without ----
llm chat hi
is "$rc" 8 'no key anywhere: 8'
like "$err" '^hint: .*llmgw doctor' '… with a hint at what looks for it'
llm chat --dry-run hi
is "$rc" 8 'a dry run says so by the same status'
like "$err" 'one/sim: no key' '… and why'
like "$err" '^hint: .*llmgw doctor' '… with the hint'
llm route explain hi
is "$rc" 8 '… route explain, too'
llm chat --dry-run --max-cost 0.00000001 -m two/sim hi
is "$rc" 5 'what policy refuses is still 5'
is "$(requests one)" 0 'nobody was asked'

# ---- exported behind the broker's start ----
ONE_KEY=sk-mark-one
export ONE_KEY
one=$(digest "$ONE_KEY")
llm chat hi
is "$rc $(key_sent)" "0 $one" 'chat brings it along'
llm chat --dry-run hi
is "$rc" 0 '… for a dry run, too'
llm keys test one
is "$rc" 0 'so does keys test'
llm route test one/sim
is "$rc" 0 '… route test'
llm tokens "$0"
is "$rc" 0 '… tokens'
n_before=$(requests one)
llm replay -n 1 --against one/sim
is "$rc $(($(requests one) - n_before)) $(key_sent)" "0 1 $one" '… and replay'
rc=0
"$tool" pty llmgw chat >"$tmp/repl" 2>"$tmp/repl.err" <<'END' || rc=$?
expect Ctrl-D exits
expect default
send how\r
expect default
send \cD
end
END
is "$rc $(key_sent)" "0 $one" '… the prompt'
llm chat -m one/sim:401 hi
is "$rc" 8 'one that is refused: 8'
like "$err" '^hint: .*llmgw doctor' '… with the hint, too'
ONE_KEY=
llm chat hi
is "$rc" 8 'the broker has kept none'

# ---- the broker's own goes first ----
two=$(digest "$TWO_KEY")
TWO_KEY=sk-mark-two
llm chat -m two/sim hi
is "$rc $(key_sent)" "0 $two" 'a provider that has a key is asked with it'

# ---- providers that the broker does not have at all ----
stop_broker
mv "$config_file" "$tmp/old"
unset TWO_KEY ONE_KEY
start_broker
llm chat hi
is "$rc" 8 'no file, no key: 8'
llm chat --dry-run hi
is "$rc" 8 '… also of a dry run'
like "$err" '^hint: .*llmgw doctor' '… with the hint'
OPENAI_API_KEY=sk-mark-openai
ANTHROPIC_API_KEY=sk-mark-anthropic
export OPENAI_API_KEY ANTHROPIC_API_KEY
llm chat --dry-run hi
is "$rc" 0 'two keys make the default route'
like "$out" '^ +1 openai/[^ ]+ +chosen' '… of their providers'
like "$out" '^ +2 anthropic/[^ ]+ +standby' '… in the order of the kinds'
llm chat --dry-run -r default hi
is "$rc" 0 '… which is found by its name, too'
unset OPENAI_API_KEY
llm chat --dry-run hi
like "$out" '^ +1 anthropic/[^ ]+ +chosen' 'each request has its own'
stop_broker
is "$(cat "$broker_log" "$XDG_DATA_HOME"/llmgw/* | grep -ac 'sk-mark')" 0 'neither log nor ledger has a key'
done_testing
