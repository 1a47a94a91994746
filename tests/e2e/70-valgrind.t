#!/bin/sh
# The commands and the broker under valgrind's memcheck: no invalid access, nothing used before
# it was set, nothing lost.
. "$top_srcdir/tests/e2e/lib.sh"
need curl valgrind
if is_sanitized; then
    echo '1..0 # SKIP the sanitizers look for the same'
    exit 0
fi

start_sim one
ONE_KEY=sk-one
export ONE_KEY
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/sim"]
    input = 3
    output = 15
[route "default"]
    target = one/sim
END
memcheck="valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect
    --errors-for-leak-kinds=definite,indirect"
mkdir "$tmp/bin"
for p in llmgw llmgwd; do
    # shellcheck disable=SC2086
    printf '#!/bin/sh\nexec %s --log-file=%s/%s.%%p.vg %s/%s "$@"\n' \
        "$(echo $memcheck)" "$tmp" "$p" "$(cd "$top_builddir" && pwd)" "$p" >"$tmp/bin/$p"
    chmod +x "$tmp/bin/$p"
done
PATH=$tmp/bin:$PATH

start_broker
ask -m one/sim hello
is "$(got outcome)" ok 'an answer of a broker under valgrind'
ask -m one/sim -s -d anthropic hello
is "$(got outcome)" ok 'a translated stream too'
ask -m one/sim -s -l 2 hello
is "$(got outcome)" left 'and one whose client leaves'

while read -r words; do
    # shellcheck disable=SC2086
    llmgw $words </dev/null >"$tmp/out" 2>"$tmp/out.err"
    rc=$?
    if [ "$rc" = 0 ]; then pass "llmgw $words"; else
        fail "llmgw $words: status $rc"
        diag "$(cat "$tmp/out.err")"
    fi
done <<END
--version
help cost
chat hello
cost
cost daily --last 14d -b
cost month --by project -F csv
cost show last
log
log show last
log -n 5 -F jsonl
route
route explain -r default hello
models -g gpt
models show claude-haiku-4-5
prices -g gemini
config list --show-origin
config check
env
broker
END
stop_broker
is "$rc" 0 'the broker ends well'
is "$(cat "$tmp"/*.vg | head -n 40)" '' 'valgrind has nothing to say'
done_testing
