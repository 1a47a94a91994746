#!/bin/sh
# Every example of the manual pages runs. Examples are the lines of literal displays that begin
# with "$ " (indented lines go on), and the lines of crontabs; a command line in a display that is
# marked by neither fails the test. Each runs in a shell of its own, in one world where what the
# pages speak of is there: providers, a route, a budget, a conversation, the files that are named.
. "$top_srcdir/tests/e2e/lib.sh"
need curl git sqlite3

# ---- what the pages say ----

mkdir "$tmp/examples" "$tmp/work"
awk -v dir="$tmp/examples" '
function finish() {
    if (command == "")
        return
    file = sprintf("%s/%03d", dir, ++n)
    print FILENAME >(file ".page")
    print command >file
    close(file)
    command = ""
}
FNR == 1 || /^\.Ed/ { finish(); inside = 0 }
/^\.Bd -literal/ { inside = 1; next }
!inside { next }
{
    gsub(/\\e/, "\\")
    gsub(/\\\(dq/, "\"")
    gsub(/\\[-&]/, "")
}
/^\$ / { finish(); command = substr($0, 3); next }
/^[0-9*\/]+ +[0-9*\/]+ +[0-9*\/]+ +[0-9*\/]+ +[0-9*\/]+ +/ {
    finish()
    sub(/^[^ ]+ +[^ ]+ +[^ ]+ +[^ ]+ +[^ ]+ +/, "")
    command = $0
    next
}
command != "" && /^ / { command = command "\n" $0; next }
{ finish() }
/(^|[;|&(`] *)llmgw(d|-sim)? [a-z-]/ { print FILENAME ": " $0 >(dir "/unmarked") }
END { finish() }' "$top_srcdir"/man/*.[1-8]
is "$(cat "$tmp/examples/unmarked" 2>/dev/null)" '' 'every command line of a display is an example'
cmp_num "$(ls "$tmp/examples" | grep -c '^[0-9]*$')" -ge 45 'the pages are full of examples'
llmgw --help | sed -n 's/^  \(.*[^ ]\)  *# .*/\1/p' | while read -r line; do
    grep -rqF -- "$line" "$tmp/examples" || printf '%s\n' "$line"
done >"$tmp/missing"
is "$(cat "$tmp/missing")" '' "so are those of llmgw's own help"

# Needs what a test machine has not; one a line: the command, TAB, why.
cat >"$tmp/not-run" <<END
llmgw keys set anthropic --key-cmd 'pass show llm/anthropic'	needs a password manager
llmgw broker install	would change the units of the user who tests
systemctl --user enable --now llmgw.socket	would change the units of the user who tests
END

# ---- the world they run in ----

start_sim free # two that only hold a port until somebody needs it
start_sim spare
start_sim one
scenario one <<'END'
on has="a shell function": text="So:\n```sh\njoin() { paste -sd ' '; }\n```\n"
END
config <<END
[core]
    default-route = fast
    record = full
[broker]
    listen = 127.0.0.1:$free_port
[provider "anthropic"]
    base-url = http://127.0.0.1:$one_port/v1
    key-env = SIM_KEY
[provider "openai"]
    base-url = http://127.0.0.1:$one_port/v1
    key-env = SIM_KEY
[alias]
    haiku = anthropic/claude-haiku-5-5
[route "spread"]
    strategy = weighted
    target = openai/gpt-6-luna
    target = anthropic/claude-haiku-5-5
[route "fast"]
    target = haiku
    target = openai/gpt-6-luna
[budget "daily"]
    limit = 50/day
END
SIM_KEY=sk-sim
LLMGW_CLIENT_KEY=what-client-add-has-shown
export SIM_KEY LLMGW_CLIENT_KEY
cd "$tmp/work" || bail 'no folder'
git init -q . && mkdir src && echo 'int main(void) { return 0; }' >src/main.c && git add src
printf 'src/main.c\n' >list
echo sk-sim >key.txt
cat >requests.jsonl <<END
{"id":"a","provider":"anthropic","model_requested":"claude-haiku-5-5","at":"2026-11-20T12:00:00Z","wire":"anthropic","usage":{"input_tokens":9,"output_tokens":4}}
END
reap "$free_pid"
llmgw chat --no-stdin --tag task=triage red >/dev/null || bail 'chat does not work'
llmgw chat --no-stdin -m claude-sonnet-5 blue >/dev/null || bail 'chat does not work'
sql_wait 'SELECT count(*) FROM request' 2 >/dev/null

# ---- run ----

# run_example FILE: its output to run.out and run.err; what ends in "&" stays until the test ends
run_example() {
    sed -i "s/127\.0\.0\.1:4999/127.0.0.1:$spare_port/" "$1"
    ! grep -q "^llmgw-sim .*:$spare_port " "$1" || reap "$spare_pid"
    if grep -q '&$' "$1"; then
        sed -i 's/^/exec /; s/ *&$//' "$1"
        spawn run sh "$1"
        wait_for "$tmp/run.out" ready
    else
        sh "$1" >"$tmp/run.out" 2>"$tmp/run.err" </dev/null
    fi
}

for file in "$tmp"/examples/*[0-9]; do
    page=$(basename "$(cat "$file.page")")
    line=$(sed 's/    # .*//' "$file")
    why=$(awk -F '\t' -v line="$line" '$1 == line { print $2 }' "$tmp/not-run")
    if [ -n "$why" ]; then
        skip "$page: $line" "$why"
        continue
    fi
    rc=0
    run_example "$file" || rc=$?
    is "$rc:$(grep -iE 'usage|unknown|hint:|"error"' "$tmp/run.err")" 0: \
        "$page: $(printf '%s' "$line" | head -n 1)"
done
llmgw broker stop >/dev/null 2>&1
done_testing
