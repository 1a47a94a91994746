#!/bin/sh
# demo.sh BUILD: three providers with their faults, a broker in front of them, and every command
# on what just happened. Leaves nothing behind.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/lgwd.XXXX")
PATH=$build:$PATH
HOME=$dir XDG_CONFIG_HOME=$dir/config XDG_DATA_HOME=$dir/data XDG_STATE_HOME=$dir/state
XDG_CACHE_HOME=$dir/cache XDG_RUNTIME_DIR=$dir/run LC_ALL=C.UTF-8 TZ=UTC
export PATH HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR \
    LC_ALL TZ
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY $(env | sed -n \
    's/^\([A-Za-z0-9_]*_API_KEY\|LLMGW_[A-Z_]*\)=.*/\1/p')
LLMGW_CATALOG=$top/core/catalog.tsv # a build folder may be anywhere
LLMGW_COLUMNS=96
export LLMGW_CATALOG LLMGW_COLUMNS
mkdir -m 700 "$dir/run"
mkdir -p "$XDG_CONFIG_HOME/llmgw"
cd "$dir"

finish() {
    status=$?
    llmgw broker stop >/dev/null 2>&1 || :
    kill "$sim" 2>/dev/null || :
    wait 2>/dev/null || :
    rm -rf "$dir"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# show COMMAND: as a user would type it, then what it says and how it ends
show() {
    printf '\n$ %s\n' "$1"
    status=0
    sh -c "$1" 2>&1 || status=$?
    [ $status = 0 ] || printf '(exit status %d)\n' $status
}

say() {
    printf '\n# %s\n' "$*"
}

cat >scenario <<EOF
on listener=busy: 429 retry-after=20
on listener=flaky: cut=9 tokens=40
on listener=steady: tokens=40
EOF
mkfifo ready
llmgw-sim --scenario scenario --listen busy=127.0.0.1:0 --listen flaky=127.0.0.1:0 \
    --listen steady=127.0.0.1:0 >ready 2>sim.err &
sim=$!
{
    read -r _ busy _
    read -r _ flaky _
    read -r _ steady _
} <ready
cat >"$XDG_CONFIG_HOME/llmgw/config" <<EOF
[provider "busy"]
    kind = openai
    base-url = http://127.0.0.1:$busy/v1
    key-env = DEMO_KEY
[provider "flaky"]
    kind = anthropic
    base-url = http://127.0.0.1:$flaky/v1
    key-env = DEMO_KEY
[provider "steady"]
    kind = openai
    base-url = http://127.0.0.1:$steady/v1
    key-env = DEMO_KEY
[route "default"]
    target = busy/gpt-6-luna         ; answers 429
    target = flaky/claude-haiku-5-5  ; cuts its streams
    target = steady/gpt-6-luna       ; healthy
EOF
DEMO_KEY=sk-demo
export DEMO_KEY
cat >notes.txt <<EOF
The quick brown fox crossed the field at dawn.
The lazy dog did not move.
EOF

say 'Three providers stand behind one route; two of them are in trouble.'
show 'llmgw route list'
say 'Live in a pipe: the 429 is invisible; the cut is told, with what had come, and exit status 3.'
show 'llmgw chat "Summarise in one line" <notes.txt'
say 'Held until it is whole: both faults are survived.'
show 'llmgw chat --no-stream -u "Summarise in one line" <notes.txt'
say 'Why this target?'
show 'llmgw route explain "hello"'
say 'What did it cost? Cut and retried attempts are in it.'
show 'llmgw cost today --by model'
show 'llmgw cost show "$(llmgw log -n 1 -F tsv --fields id | tail -n 1)"'
say 'What happened, attempt by attempt?'
show 'llmgw log show "$(llmgw log -n 1 -F tsv --fields id | tail -n 1)"'
say 'What would another model have said, and cost?'
show 'llmgw replay --last 1h --against steady/gpt-6.1-terra'
