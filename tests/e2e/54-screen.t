#!/bin/sh
# What is shown where: Markdown tables of every command that has them, widths in a pipe, colour.
. "$top_srcdir/tests/e2e/lib.sh"

start_sim one
scenario one <<END
set text=**bold**
END
ONE_KEY=sk-one
export ONE_KEY
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[route "default"]
    target = one/gpt-6-luna
[route "a|b"]
    target = one/gpt-6-luna
[route "潮の満ち引き-🌊🌊🌊"]
    target = one/gpt-6-luna
    target = one/gpt-6-sol
[alias]
    smart = one/gpt-6-luna
[client "ci"]
    key-hash = sha256:$(printf x | sha256sum | cut -d ' ' -f 1)
END
start_broker
llmgw chat --no-stdin --save hm 'say it' >/dev/null 2>&1
llmgw chat --no-stdin --tag 'team=a|b' --project 'x|y' "say it" >/dev/null
llmgw chat --no-stdin --tag 'team=港の仲間🌊' --project '博多港の計画🌊' --name '潮の満ち引きについて🌊🌊' \
    -r '潮の満ち引き-🌊🌊🌊' "博多の潮はいつ満ちますか。🌊 $(seq -s ' ' 1 99)" >/dev/null
sql_wait 'SELECT count(*) FROM request' 2 >/dev/null
id=$(sql "SELECT id FROM request WHERE project = '博多港の計画🌊'")

printf 'some words' >"$tmp/notes"

# ---- Markdown ----
# markdown FILE: says what is wrong with a GitHub table. Source: GitHub Flavored Markdown, 4.10
markdown() {
    awk '
    function cells(line) { gsub(/\\\|/, "", line); return gsub(/\|/, "", line) }
    /^\|/ && !n { n = cells($0); head = NR; tables++; next }
    /^\|/ && NR == head + 1 && $0 !~ /^(\| (---|---:) )+\|$/ { print "no rule: " $0 }
    /^\|/ && cells($0) != n { print "not " n " cells: " $0 }
    /^\|/ && $0 !~ /\|$/ { print "open: " $0 }
    /\033/ { print "control: " $0 }
    !/^\|/ { n = 0 }
    END { if (tables != 1) print tables + 0 " tables" }' "$1"
}
# one line per command and way to run it; a command that is missing here fails below
cat >"$tmp/ways" <<END
client list
config list
doctor
keys list
models alias
schema
template list
tokens $tmp/notes
config list --show-origin
cost today
cost today --by tag:team,project
cost all --by route -b
log
models -g luna
models show openai/gpt-6-luna
prices -g luna
prices show openai/gpt-6-luna
replay list
route list
route health
route history
route test
END
llmgw replay --last 1h --against one/gpt-6-luna >/dev/null 2>&1
while read -r way; do
    # shellcheck disable=SC2086
    LLMGW_COLUMNS=40 llmgw $way -F markdown >"$tmp/table" 2>"$tmp/table.err" </dev/null
    is "$? $(markdown "$tmp/table")$(cat "$tmp/table.err")" '0 ' "-F markdown: $way"
done <"$tmp/ways"
llmgw help -j | tr '{' '\n' | sed -n 's/^"name":"\([a-z]*\)","alias".*"markdown".*/\1/p' >"$tmp/has"
cmp_num "$(grep -c . "$tmp/has")" -ge 8 'commands have Markdown'
is "$(cut -d ' ' -f 1 "$tmp/ways" | sort -u | comm -13 - "$tmp/has" | grep -v '^chat$')" '' \
    '… and each is tried, but chat, whose Markdown is the answer'
like "$(llmgw cost today --by tag:team -F markdown)" '\| a\\\|b \|' 'a bar in a name does not end its cell'
like "$(llmgw route list -F markdown)" '\| a\\\|b \|' '… here, too'
is "$(llmgw cost yesterday -F markdown --if-any)" '' 'a mail without anything to say is none'

# ---- HTML ----
# html FILE: says what is wrong with a page; attributes hold no ">"
html() {
    awk '
    { page = page $0 "\n" }
    END {
        if (page !~ /^<!doctype html>\n<html lang="en">\n/ || page !~ /<\/html>\n$/) print "no page"
        if (page ~ /<script|[^ -~\n\t]*[\001-\010\013-\037\177]/) print "a script or a control"
        while (match(page, /<[^>]*>/)) {
            tag = substr(page, RSTART + 1, RLENGTH - 2)
            page = substr(page, RSTART + RLENGTH)
            sub(/ .*/, "", tag)
            if (tag == "!doctype" || tag == "meta") continue
            if (tag !~ /^\//) { open[++depth] = tag; if (tag == "tr") cells = 0; if (tag ~ /^t[dh]$/) cells++; continue }
            if (depth < 1 || open[depth--] != substr(tag, 2)) { print "<" tag "> closes nothing"; exit }
            if (tag == "/tr") { if (width && cells != width) print "a row of " cells " cells"; width = cells }
        }
        if (depth) print "open: " open[depth]
    }' "$1"
}
llmgw chat --no-stdin --tag 'team=<b>"x"&' --project '<script>alert(1)</script>' "say it" >/dev/null
printf 'a\001b\177c\302\205d <i>\n</pre><script>' | llmgw chat -P evil "say & it" >/dev/null 2>&1
sql_wait "SELECT count(*) FROM request WHERE project IN ('evil', '<script>alert(1)</script>')" 2 >/dev/null
for way in 'cost today --by project,tag:team' 'cost hourly --since today' 'cost today -P nobody' \
    'replay list' 'replay show last' 'log export -P evil'; do
    # shellcheck disable=SC2086
    llmgw $way -F html >"$tmp/page" 2>"$tmp/page.err"
    is "$? $(html "$tmp/page")$(cat "$tmp/page.err")" '0 ' "-F html: $way"
done
like "$(cat "$tmp/page")" 'a.b.c.d &lt;i&gt;$' 'a page holds no control'
like "$(llmgw cost today --by project,tag:team -F html)" \
    '<td>&lt;script&gt;alert\(1\)&lt;/script&gt;</td><td>&lt;b&gt;&quot;x&quot;&amp;</td><td class="n">1</td>' \
    'names are text'

# ---- width ----
# every table, and what is told in lines, is as wide as the screen or narrower
{
    cat "$tmp/ways"
    cat <<END
broker ps
broker status
cost show $id
help exit-codes
keys test
log conversations
log -g 博多の潮はいつ満ちますか
log show $id --usage
log stats
prices cost
replay diff last
replay show last
route explain -r 潮の満ち引き-🌊🌊🌊 博多の潮はいつ満ちますか。 hello
route show 潮の満ち引き-🌊🌊🌊
END
} >"$tmp/screens"
echo '{"id":"潮","provider":"openai","model_requested":"gpt-6-luna","at":"2026-11-20T12:00:00Z","wire":"openai_chat","usage":{"prompt_tokens":9,"completion_tokens":4}}' \
    >"$tmp/usage.jsonl"
for width in 40 80 200; do
    while read -r way; do
        # shellcheck disable=SC2086
        LLMGW_COLUMNS=$width llmgw $way >"$tmp/table" 2>"$tmp/table.err" <"$tmp/usage.jsonl"
        [ -s "$tmp/table" ] || [ "$way" = "broker ps" ] || [ "$way" = "replay diff last" ] || echo "nothing: $way"
        at=$(grep -vF "$config_file" "$tmp/table" | wc -L) # a path stays in one piece
        [ "$at" -le $width ] || echo "$at: $way"
    done <"$tmp/screens" >"$tmp/wide"
    is "$(cat "$tmp/wide")" '' "no line is wider than $width columns"
done
# what is typed at a terminal to see what there is: at 60 columns, too
for way in '' help 'help -v' 'chat -h' 'chat -m nobody/knows-anything-of-this hi' 'route test' \
    'replay --last 1h --against one/gpt-6-sol'; do
    printf 'end\n' | LLMGW_PAGER=cat LLMGW_COLUMNS=60 "$tool" pty llmgw $way 2>&1 | tr -d '\r' >"$tmp/table"
    at=$(wc -L <"$tmp/table")
    is "$((at <= 60)) $(grep -c '^ \{0,15\}[a-z]\{1,2\}$' "$tmp/table")" '1 0' "llmgw $way, at 60 columns"
done
# names and texts that would steer a terminal: none does, in whatever form it is told
steer=$(printf 's\302\23331mt\302\205e\342\200\256er')
printf '%s \033[31m' "$steer" | llmgw chat -P "$steer" --tag "team=$steer" --name "$steer" "say it" >/dev/null 2>&1
sql_wait "SELECT count(*) FROM request WHERE project = '$steer'" 1 >/dev/null
steering=$(printf '\302[\200-\237]\\|\342\200\256\\|\033[^[]\\|\033[[][^0-9;m]')
{
    cat "$tmp/screens"
    printf '%s\n' 'log export --last 1h -F markdown' 'log show last' 'log -j' 'log export --last 1h -F jsonl' \
        'cost today --by project -F csv' '__complete -- chat --cid s' '__complete -- chat -P s'
} | while read -r way; do
    # shellcheck disable=SC2086
    printf 'end\n' | LLMGW_PAGER=cat "$tool" pty llmgw $way 2>&1 | LC_ALL=C grep -n "$steering" | sed "s/^/$way: /"
done >"$tmp/steered"
is "$(cat -v "$tmp/steered")" '' 'no name and no text steers a terminal'
is "$(LLMGW_COLUMNS=60 llmgw prices show gpt-6-luna | awk 'NR > 1 && /^[a-z]/ { print $1 }' |
    grep -v / | sort -u | tr '\n' ' ')" 'azure openai ' 'prices of two providers are told apart'
printf 'end\n' | "$tool" pty sh -c 'stty cols 60; llmgw route explain -m nobody/knows-anything-of-this-model-at-all hi | cat' 2>&1 |
    tr -d '\r' >"$tmp/table"
cmp_num "$(wc -L <"$tmp/table")" -le 60 'errors are as wide as the terminal, wherever the output goes'
long=$(COLUMNS=30 llmgw models -g luna | head -n 1)
is "$(COLUMNS=200 llmgw models -g luna | head -n 1)" "$long" 'COLUMNS changes nothing in a pipe'
cmp_num "${#long}" -gt 60 '… which is as wide as the table'
cmp_num "$(LLMGW_COLUMNS=40 llmgw models -g luna | head -n 1 | wc -m)" -le 41 \
    'LLMGW_COLUMNS does, for who wants it'
cmp_num "$(LLMGW_COLUMNS=200 llmgw tokens "$tmp/notes" | wc -L)" -gt 60 'a line below a table may be long'
cmp_num "$(LLMGW_COLUMNS=60 llmgw tokens "$tmp/notes" | wc -L)" -le 60 '… and is broken where it is too long'
is "$(LLMGW_COLUMNS=60 llmgw tokens "$tmp/notes" | tail -n 2 | tr -s '\n ' ' ')" \
    "$(LLMGW_COLUMNS=200 llmgw tokens "$tmp/notes" | tail -n 1) " '… with all its words'
out=$(printf 'size 60 20\nexpect models;\nend\n' | LLMGW_PAGER=cat "$tool" pty sh -c \
    'read -r _ </dev/null; unset COLUMNS; stty cols 60; llmgw models -g gpt-6-luna' 2>&1)
is "$(printf '%s\n' "$out" | tr -d '\r' | awk 'length($0) > 60')" '' 'a terminal has its own width'
out=$(printf 'expect models;\nend\n' | LLMGW_PAGER=cat COLUMNS=55 "$tool" pty llmgw models -g gpt-6-luna 2>&1)
is "$(printf '%s\n' "$out" | tr -d '\r' | awk 'length($0) > 55')" '' '… or what COLUMNS says'

# ---- a locale without UTF-8 ----
# names and answers are what they are; all else is ASCII
while read -r way; do
    # shellcheck disable=SC2086
    LC_ALL=C llmgw $way 2>&1 <"$tmp/usage.jsonl" |
        sed 's/博多港の計画//g; s/潮の満ち引きについて//g; s/潮の満ち引き//g; s/港の仲間//g; s/🌊//g
            s/博多の潮はいつ満ちますか。*//g; s/潮//g; s/[0-9]…//g' | LC_ALL=C grep '[^ -~]' | sed "s|^|$way: |"
done <"$tmp/screens" >"$tmp/foreign"
is "$(cat "$tmp/foreign")" '' 'LC_ALL=C: what is not data is ASCII'

# ---- colour ----
escape=$(printf '\033')
bold() { # [VARIABLE=VALUE…] -- [OPTION…]: does an answer on a terminal have any?
    vars=
    while [ "$1" != -- ]; do
        vars="$vars $1"
        shift
    done
    shift
    # shellcheck disable=SC2086
    out=$(printf 'expect bold\nend\n' | env -u NO_COLOR TERM=xterm $vars "$tool" pty \
        llmgw chat --no-stdin -m default "$@" x 2>&1)
    case $out in *"$escape[0;1m"*) echo yes ;; *) echo no ;; esac
}
is "$(bold --)" yes 'an answer on a terminal is styled'
is "$(bold NO_COLOR=1 --)" no 'NO_COLOR'
is "$(bold NO_COLOR= --)" yes '… which must hold something'
is "$(bold TERM=dumb --)" no 'TERM=dumb'
is "$(bold -- --color never)" no '--color never'
is "$(bold NO_COLOR=1 -- --color always)" yes '--color always is over NO_COLOR'
is "$(bold -- --conf core.color=never)" no 'core.color'
is "$(bold CLICOLOR_FORCE=1 -- --conf core.color=never)" no '… is over CLICOLOR_FORCE'
is "$(env CLICOLOR_FORCE=1 FORCE_COLOR=1 llmgw chat --no-stdin -m default x)" '**bold**' \
    'an answer in a pipe is what the model said, whatever is forced'

# ---- an answer, and what the model thinks before it ----
scenario one <<'END'
set reasoning=60 split=5 text="潮の満ち引きは、月と太陽の引力によって起こる海面の周期的な昇降現象です。「満潮」と「干潮」が一日にそれぞれ約二回ずつ訪れ、その差は場所によって大きく異なります。有明海では最大で六メートルにもなることが知られています。ゆっくりと、しかし確実に。\n\n- 詳しくは https://tides.example/a/very/long/path/without/any/blank/that/goes/on/and/on/and/on/to/its/end.html を見てください。\n- 二つ目\n"
END
shown() { # WIDTH: without styles
    printf 'size %s 24\nend\n' "$1" | TERM=xterm "$tool" pty sh -c \
        "stty cols $1; exec llmgw chat --no-stdin -m default '博多'" 2>&1 | tr -d '\r' |
        sed "s/$(printf '\033')\\[[0-9;]*[mK]//g; /^exit=0\$/d"
}
for width in 40 80 200; do
    shown $width >"$tmp/table"
    at=$(wc -L <"$tmp/table")
    is "$((at <= width && at > width - 10))" 1 "an answer without blanks fills rows of $width columns"
    is "$(grep -E '^ *[、。」]' "$tmp/table")" '' '… none of which begins with what closes'
    is "$(sed '/^$/q' "$tmp/table" | grep -c '潮')" 0 '… thoughts come first, in rows of their own'
    like "$(tail -n +2 "$tmp/table" | tr -d '\n ')" '昇降現象です。.*場所によって大きく異なり.*its/end.htmlを見て.*•二つ目$' \
        '… and nothing is lost'
done

done_testing
