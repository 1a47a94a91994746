#!/bin/sh
# Lists with nothing in them: a person at a terminal is told so, and what to do; a pipe gets
# nothing.
. "$top_srcdir/tests/e2e/lib.sh"

printf '[core]\n    record = full\n' >"$config_file"

# empty REGEX COMMAND…
empty() {
    want=$1
    shift
    like "$(printf 'end\n' | "$tool" pty llmgw --no-autostart "$@" 2>&1 | tr -d '\r')" "$want" "llmgw $* says so"
    is "$(llmgw --no-autostart "$@" 2>&1)" '' '… but not in a pipe'
    is "$(printf 'end\n' | "$tool" pty llmgw --no-autostart -q "$@" 2>&1 | tr -d '\r')" 'exit=0' '… nor with -q'
}

empty '^llmgw: template: no template yet$' template
empty '^hint: llmgw client add NAME$' client
empty '^llmgw: log: nothing is recorded yet$' log
empty '^llmgw: log: no conversation yet$' log conversations
empty '^hint: llmgw models alias set NAME MODEL$' models alias
empty '^hint: llmgw keys set openai, or set OPENAI_API_KEY$' keys
empty '^llmgw: replay: no run yet$' replay list
start_sim one
cat >>"$config_file" <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/*"]
    input = 1
    output = 2
END
ONE_KEY=sk-one
export ONE_KEY
start_broker
empty '^llmgw: broker: no request is under way' broker ps
empty '^llmgw: route: no route' route
llmgw chat --no-stdin -m one/sim hi >/dev/null
sql_wait 'SELECT count(*) FROM request' 1 >/dev/null
llmgw replay --last 1h --against one/other-sim >/dev/null
empty '^llmgw: replay: no answer differs' replay diff last
empty '^llmgw: log: no request is like that$' log export -m nobody
like "$(printf 'end\n' | "$tool" pty llmgw prices -g no-such-model 2>&1)" 'no model is like that' 'a list of prices says so, too'
like "$(llmgw models -g gpt-6-luna -F markdown; llmgw models --usable -g sim)" '[02-9] models;' 'how many, in words'
like "$(printf 'end\n' | "$tool" pty llmgw -F csv template 2>&1)" '^name,' 'machines get their head as ever'
unlike "$(printf 'end\n' | "$tool" pty llmgw -F csv template 2>&1)" 'no template' '… and no more'
done_testing
