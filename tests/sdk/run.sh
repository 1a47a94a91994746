#!/bin/sh
# run.sh: the official SDKs of OpenAI, Anthropic, Google and Vercel, unchanged, against llmgwd
# and llmgw-sim.
#
#   run.sh BUILD     needs node and npm; skipped with a message where they are missing
set -eu

top_srcdir=$(cd "$(dirname "$0")/../.." && pwd)
top_builddir=$(cd "$1" && pwd)
export top_srcdir top_builddir
if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    echo 'check-sdk: skipped: node and npm are not installed'
    exit 0
fi
modules=$top_builddir/sdk
mkdir -p "$modules"
cp "$top_srcdir/tests/sdk/package.json" "$top_srcdir"/tests/sdk/*.test.mjs "$modules/"
[ -d "$modules/node_modules/ai" ] || (cd "$modules" && npm install --no-audit --no-fund --silent)

. "$top_srcdir/tests/e2e/lib.sh"
start_sim oai --dialect openai
start_sim ant --dialect anthropic
start_sim gem --dialect gemini
start_sim coh --dialect cohere
start_sim rsp --dialect responses
port=$((20000 + $$ % 20000))
config <<EOF
[broker]
    listen = 127.0.0.1:$port
[provider "oai"]
    kind = openai-compatible
    base-url = http://127.0.0.1:$oai_port/v1
    key-env = SIM_KEY
[provider "ant"]
    kind = anthropic
    base-url = http://127.0.0.1:$ant_port/v1
    key-env = SIM_KEY
[provider "gem"]
    kind = gemini
    base-url = http://127.0.0.1:$gem_port/v1beta
    key-env = SIM_KEY
[provider "coh"]
    kind = cohere
    base-url = http://127.0.0.1:$coh_port/v2
    key-env = SIM_KEY
[provider "rsp"]
    kind = openai-responses
    base-url = http://127.0.0.1:$rsp_port/v1
    key-env = SIM_KEY
[route "both"]
    target = oai/sim
    target = ant/sim
EOF
LLMGW_KEY=$("$top_builddir/llmgw" client add sdk | tail -n 1)
SIM_KEY=sk-sim
export SIM_KEY
start_broker
export LLMGW_KEY OPENAI_BASE_URL="http://127.0.0.1:$port/v1" \
    ANTHROPIC_BASE_URL="http://127.0.0.1:$port" GEMINI_BASE_URL="http://127.0.0.1:$gem_port"
cd "$modules" && node --test --test-reporter=tap sdk.test.mjs vercel.test.mjs responses.test.mjs
