#!/bin/sh
# Lines that people type, as they type them: chat in pipes, loops and folders, and cost for scripts.
. "$top_srcdir/tests/e2e/lib.sh"
need curl git sqlite3

start_sim one
scenario one <<'END'
on has="commit message": text="Sure:\n```\ndocs: name the tide\n```\n"
on has="json_schema": text="{\"name\":\"Ann\",\"age\":7,\"city\":\"Emden\"}"
on model="claude-haiku-5-5": 529
set text=echo
END
config <<END
[core]
    default-route = fast
[provider "anthropic"]
    base-url = http://127.0.0.1:$one_port/v1
    key-env = SIM_KEY
[provider "openai"]
    base-url = http://127.0.0.1:$one_port/v1
    key-env = SIM_KEY
[alias]
    haiku = anthropic/claude-haiku-5-5
[route "fast"]
    target = openai/gpt-6-luna
[budget "daily"]
    limit = 5/day
END
SIM_KEY=sk-sim
TERM=xterm
export SIM_KEY TERM
unset NO_COLOR VISUAL EDITOR
mkdir "$tmp/work" && cd "$tmp/work" || bail 'no folder'

# ---- a repository ----
git init -q .
git config user.email a@example.org && git config user.name a
mkdir src ignored
echo 'int main(void);' >src/main.c
echo 'retry();' >src/new.c
printf 'a\0b' >src/blob
echo 'secret' >src/skip.log
echo '*.log' >.gitignore
git add .gitignore src/main.c src/blob
git commit -qm first
echo '# Tides' >README.md
git add README.md
llmgw chat --save commit --conf chat.stdin=never -s 'You write commit messages.' \
    'Write a commit message: $input' 2>/dev/null
out=$(git diff --staged | llmgw chat -t commit -x)
is "$? $out" '0 docs: name the tide' 'a commit message: standard input, template, the code alone'
llmgw chat -f src/ -f README.md 'where is the retry logic?' >"$tmp/o" 2>"$tmp/e" </dev/null
is "$? $(grep '<file' "$tmp/o" | tr '\n' ' ')" \
    '0 <file path="src/main.c"> <file path="src/new.c"> <file path="README.md"> ' \
    'a folder is what git knows of it, and what it would add'
like "$(cat "$tmp/e")" 'src/blob is binary: skipped' '… without what is no text'
unlike "$(cat "$tmp/o")" secret '… and without what it ignores'
(cd src && llmgw chat -f . hi </dev/null) >"$tmp/o" 2>/dev/null
is "$(grep -c '<file' "$tmp/o")" 2 '… from within it, too'

# ---- before paying ----
seq 1 20000 | llmgw chat -m openai/gpt-6-sol --max-cost 0.0002 'anything unusual?' >"$tmp/o" 2>"$tmp/e"
is "$? $(cat "$tmp/o")" '5 ' 'too dear: refused before sending, status 5'
cost=$(llmgw chat --dry-run -f src 'classify' -j --max-tokens 100 </dev/null | "$tool" json cost_usd.max)
cmp_num "$(printf '%s' "$cost" | tr -dc 1-9 | wc -c)" -ge 1 'a price before sending'

# ---- who answers ----
out=$(llmgw chat -m haiku --fallback openai/gpt-6-luna --timeout 20s 'hi there' </dev/null 2>/dev/null)
is "$? $out" '0 hi there' 'an explicit chain'

# ---- loops ----
llmgw chat --save tldr --conf chat.stdin=never 'tl;dr: $input' 2>/dev/null
printf 'src/main.c\nREADME.md\n' >files
while read -r u; do llmgw chat --no-stdin -f "$u" -t tldr; done <files >"$tmp/o"
is "$(grep -c 'tl;dr' "$tmp/o")" 2 'a loop reads its own input'

# ---- machines ----
printf 'Ann, seven, of Emden\n' >cv.txt
is "$(llmgw chat --schema 'name, age int, city' -F json <cv.txt | "$tool" json name)" Ann \
    'a concise schema, checked, and its object'
llmgw chat -F jsonl 'a b c' </dev/null | grep '"type":"text"' | while read -r line; do
    printf '%s\n' "$line" | "$tool" json text
done >"$tmp/o"
is "$(tr -d '\n ' <"$tmp/o")" abc 'a stream of events, flushed by the line'

# ---- people ----
echo 'segfault at 0' >err.log
"$tool" pty sh -c 'cat err.log | llmgw chat -i explain' >"$tmp/screen" 2>&1 <<'END'
expect Ctrl-D exits
expect segfault at 0
expect fast $0.
send and now?\r
expect and now?
expect and now?
expect fast $0.
send \cD
end
END
is $? 0 'a conversation after a first question by a pipe'

# ---- attachments are what their first bytes say ----
printf '%%PDF-1.7\n' >paper.txt
printf '\211PNG\r\n\032\n' >picture.pdf
llmgw chat -a paper.txt -a picture.pdf 'what are they?' >/dev/null </dev/null
is "$(last_request one body.messages.0.content.0.file.file_data)" 'data:application/pdf;base64,JVBERi0xLjcK' \
    'a PDF file, whatever it is called'
is "$(last_request one body.messages.0.content.1.image_url.url)" 'data:image/png;base64,iVBORw0KGgo=' \
    '… and an image'
llmgw chat -a src/blob hi >/dev/null 2>"$tmp/e" </dev/null
is "$?" 2 'what models cannot take is refused'

# ---- money ----
llmgw broker stop >/dev/null # all is in the ledger then; the next question starts another one
like "$(llmgw cost --oneline)" '^today \$0\.[0-9]+ of \$5\.00$' 'a status line'
llmgw cost --check --warn-at 0.8 >"$tmp/o" 2>&1
is "$? $(cat "$tmp/o")" '0 ' 'a gate for cron is silent while all is well'
llmgw cost --check --warn-at 80% >"$tmp/o" 2>&1
is "$? $(cat "$tmp/o")" '0 ' '… also told in per cent'
llmgw cost month --by project -F csv -o nov.csv
is "$? $(head -n 1 nov.csv | cut -d, -f1)" '0 project' 'a file for the accountant'
is "$(awk -F, '{ n += $11 } END { printf "%d", n }' nov.csv)" "$(sql 'SELECT sum(cost_pico) FROM request')" \
    '… exact to the last digit'
pace='today \$0\.[0-9]+ · avg .*/day · forecast'
[ "$(date +%-d)" != 1 ] || pace=' \(1–1, UTC\) +\$0\.' # the first day of a month has neither
like "$(LLMGW_COLUMNS=100 llmgw cost)" "$pace" \
    'the month in one screen: bars, average, forecast'
llmgw chat --tag ticket=T-7 -P web 'how do I restart pgbouncer?' >/dev/null </dev/null
llmgw chat --tag task=triage 'is it urgent?' >/dev/null </dev/null
sql_wait "SELECT count(*) FROM tag" 2 >/dev/null
llmgw cost --by tag:ticket --top 10 -F markdown >"$tmp/o" 2>"$tmp/e"
is "$? $(grep -c '^| T-7 | 1 |' "$tmp/o") $(cat "$tmp/e")" '0 1 ' 'spend per ticket, for a comment'
like "$(PS1='$(llmgw cost --oneline) \$ ' sh -c 'eval "echo \"$PS1\""')" '^today \$0\.[0-9]+ of \$5\.00 \$ $' \
    "a shell's prompt"

# ---- steering ----
seq 1 50000 >huge.txt
llmgw route explain -r fast -f huge.txt 'summarise' >"$tmp/o" 2>"$tmp/e" </dev/null
is "$? $(grep -cE 'huge.txt$|^route fast|openai/gpt-6-luna +chosen|^cost: input' "$tmp/o")" '0 4' \
    'why this model, and what it would cost'
sent=$(requests one)
llmgw route drain anthropic --for 30m >"$tmp/o" 2>&1 && {
    spawn watch llmgw route health --watch
    wait_for "$tmp/watch.out" 'anthropic.*drain'
    pass 'steering in an outage: drained, and watched'
    reap "$pid"
} || fail "route drain anthropic: $(cat "$tmp/o")"
is "$(requests one)" "$sent" '… which asks nobody'
llmgw route undrain anthropic >/dev/null 2>&1

# ---- finding and forgetting ----
is "$(llmgw log -g 'pgbouncer' --since -30d --short | head | wc -l)" 2 'that answer again'
llmgw replay --last 7d -m openai/gpt-6-luna --dry-run --against openai/gpt-6-sol >"$tmp/o" 2>"$tmp/e" </dev/null
is "$? $(requests one)" "0 $sent" 'what a replay would cost, without one'
like "$(cat "$tmp/o")" '^openai/gpt-6-sol .*\$[0-9]' '… by model'
llmgw chat --no-stdin 'my password is hunter2' >/dev/null
is "$(llmgw log -g hunter2 -F tsv | wc -l)" 2 'a password was pasted'
llmgw log rm --last 10m --yes >"$tmp/o" 2>&1
is "$? $(llmgw log -g hunter2 -F tsv | wc -l)" '0 1' '… and is gone with all of ten minutes'

llmgw broker stop >/dev/null 2>&1
done_testing
