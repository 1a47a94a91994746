#!/bin/sh
# The options of llmgw chat: code out of an answer, the editor, forks, who is asked, where it goes.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

start_sim one
scenario one <<'END'
on has="two blocks": text="First:\n```sh\nls -l\n  | wc\n```\nthen\n~~~c\nint a;\n~~~\ndone\n"
on has="open block": text="So:\n```\nnobody closes\nit"
on has="mark it up": text="It is **bold** and `code`."
set text=echo
END
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/*"]
    input = 1
    output = 2
[route "default"]
    target = one/sim
[route "pair"]
    target = one/sim:500
    target = one/other
END
ONE_KEY=secret-of-one
TERM=xterm
export ONE_KEY TERM
unset VISUAL EDITOR NO_COLOR

# chat ARG…: sets $out, $err, $rc
chat() {
    rc=0
    llmgw chat "$@" >"$tmp/chat.out" 2>"$tmp/chat.err" </dev/null || rc=$?
    out=$(cat "$tmp/chat.out")
    err=$(cat "$tmp/chat.err")
}

# sent PATH: of the last request that the provider got
sent() {
    last_request one "body.$1"
}

# tty COMMAND: what a terminal shows
tty() {
    printf 'end\n' | "$tool" pty "$@" 2>&1 | tr -d '\r'
}

# ---- code ----
chat -x 'two blocks'
is "$rc $out" '0 ls -l
  | wc' '-x: the first block of code, and nothing else'
is "$(tail -c 3 "$tmp/chat.out" | od -An -c | tr -d ' ')" 'wc\n' '… with one newline behind it'
chat --xl 'two blocks'
is "$rc $out" '0 int a;' '--xl: the last one'
chat --extract-last --no-stream 'two blocks'
is "$rc $out" '0 int a;' '… also under its long name, from an answer that comes whole'
chat -x 'open block'
is "$rc $out" '0 nobody closes
it' 'a block that nobody closed goes to the end'
chat -x 'no code here'
is "$rc $out" '11 ' 'no code: nothing on standard output, status 11'
like "$err" 'no block of code' '… and the reason'
chat -x -j 'two blocks'
is "$("$tool" json extracted <"$tmp/chat.out")" 'ls -l
  | wc' 'JSON has the code apart'
like "$("$tool" json text <"$tmp/chat.out")" '^First:' '… from the text'
chat --xl -F jsonl 'no code here'
is "$rc $(tail -n 1 "$tmp/chat.out" | "$tool" json class)" '11 unusable_answer' 'JSON lines tell of its lack'
like "$(tail -n 1 "$tmp/chat.out")" '"extracted":null' '… as null'
chat -x --tee "$tmp/tee" 'two blocks'
is "$(sed -n 1p "$tmp/tee")/$out" 'First:/ls -l
  | wc' '--tee gets the whole answer'
spawn code llmgw chat -x -m one/sim:gap=100ms 'two blocks, slowly'
ok 'code streams line by line' sh -c "'$tool' wait '$tmp/code.out' '^ls -l$' 10 && kill -0 $pid"
wait "$pid"
chat -x --xl hi
is "$rc" 2 'the first or the last, not both'

"$tool" pty llmgw chat -x -i --no-stdin 'two blocks' >"$tmp/screen" 2>&1 <<'END'
expect ls -l
expect $0.
send two blocks again\r
expect ls -l
expect $0.
send \cD
end
END
is "$? $(grep -c 'First' "$tmp/screen")" '0 0' 'each answer of a conversation has a first block'

# ---- Markdown ----
bold=$(printf '\033\\[0;1mbold')
chat -F markdown 'mark it up'
is "$rc $out" "0 It is **bold** and \`code\`." '-F markdown in a pipe: as it came'
like "$(tty llmgw chat --no-stdin 'mark it up')" "$bold" 'a terminal is shown what it means'
like "$(tty llmgw chat --no-stdin -F text 'mark it up')" '\*\*bold\*\*' '… with -F text as it came'
like "$(tty llmgw chat --no-stdin --conf chat.markdown=off 'mark it up')" '\*\*bold\*\*' '… or by configuration'
like "$(tty llmgw chat --no-stdin --conf chat.markdown=off -F markdown 'mark it up')" "$bold" \
    '… which -F markdown overrules'
like "$(tty llmgw chat --no-stdin --raw 'mark it up')" '\*\*bold\*\*' '--raw changes nothing at all'
shown=$(tty llmgw chat --no-stdin -m one/sim:reasoning=3 hi)
unlike "$(tty llmgw chat --no-stdin -R -m one/sim:reasoning=3 hi)" "$(printf '\033\\[2m')" \
    '-R: no reasoning on a terminal'
like "$shown" "$(printf '\033\\[2m')" '… which else shows it, dimmed'

# ---- the editor ----
cat >"$tmp/editor" <<'END'
#!/bin/sh
cp "$1" "$0.got"
ls -l "$1" | cut -c 1-10 >"$0.mode"
printf 'edited %s\n\n' "$(cat "$1")" >"$1"
END
chmod +x "$tmp/editor"
EDITOR=$tmp/editor
export EDITOR
chat -e draft
is "$rc $out" '0 edited draft' '-e: what was saved is asked'
is "$(cat "$tmp/editor.got") $(cat "$tmp/editor.mode")" 'draft -rw-------' '… the words being its draft, for us alone'
is "$(ls "$TMPDIR")" '' '… which is gone afterwards'
echo piped | llmgw chat -e words >"$tmp/o" 2>&1
is "$(cat "$tmp/o")" 'piped

edited words' '… behind what comes from a pipe'
EDITOR='sed -i s/.*//' chat -e draft
is "$rc $out" '1 ' 'an empty text is not sent'
like "$err" 'nothing was written' '… and that is told'
EDITOR=false chat -e draft
is "$rc" 1 'an editor that fails'
like "$err" '"false", ended with status 1' '… is named'
VISUAL='sh -c "echo visual >\"\$1\"" x' chat -e
is "$rc $out" '0 visual' 'VISUAL goes before EDITOR'
TERM=dumb VISUAL=false chat -e draft
is "$rc" 0 '… but not on a dumb terminal'
chat -e --no-input draft
is "$rc" 2 'nobody is asked who must not be'

# ---- conversations ----
chat --name trip 'where to?'
chat --fork trip --name detour 'or there?'
is "$(sent messages.0.content)/$(sent messages.2.content)" 'where to?/or there?' '--fork takes the turns along'
chat --cid trip 'and then?'
is "$(sent messages.2.content)" 'and then?' '… and leaves where they came from as it was'
is "$(sql_wait "SELECT group_concat(name || ':' || n_requests, ' ') FROM (SELECT * FROM conversation ORDER BY id)" \
    'trip:2 detour:1')" 'trip:2 detour:1' '… two conversations from then on'
is "$(sql "SELECT group_concat(title || '/' || iif(forked_from = (SELECT min(id) FROM request WHERE conversation =
    (SELECT id FROM conversation WHERE name = 'trip')), 'forked', ifnull(forked_from, 'no')), ' ')
    FROM (SELECT * FROM conversation WHERE name IS NOT NULL ORDER BY id)")" 'where to?/no or there?/forked' \
    '… each with its first words, and the fork with where it comes from'
is "$(llmgw log conversations -j | "$tool" json rows.1.title)" 'or there?' '… as log tells it'
chat --fork trip --name detour hi
is "$rc" 2 'a fork cannot have a name that is taken'
chat --fork nonesuch hi
is "$rc" 4 '… nor come from nowhere'

# ---- who is asked ----
chat --tier flex hi
is "$(sent service_tier)" flex '--tier is the service tier'
chat --tier fast hi
is "$(sent service_tier)" priority '… fast, by the name that providers have for it'
chat --tier fast -O service_tier=scale hi
is "$(sent service_tier)" scale '… unless -O names another'
chat --tier slow hi
is "$rc" 2 '… and no other word is one'
chat -r pair hi
is "$rc" 0 'a route falls back'
before=$(requests one '"model":"other"')
chat -r pair --no-fallback hi
is "$rc $(requests one '"model":"other"')" "7 $before" '--no-fallback: it does not'
chat -r pair --no-fallback --dry-run hi
like "$out" 'one/other +skipped +no fallback is wanted' '… as a dry run tells'
chat -r pair --no-fallback --fallback one/x hi
is "$rc" 2 'both is too much'

# ---- where it goes ----
chat --tee "$tmp/tee" hi
is "$(od -An -c "$tmp/tee" | tr -d ' ')" 'hi\n' '--tee: a text file'
before=$(requests one)
chat --tee "$tmp/no/such/folder" hi
is "$rc" 1 '… that cannot be written is an error'
chat --usage-file "$tmp/no/such/folder" hi
is "$rc" 1 '… and so is --usage-file'
chat --usage-file '&8' hi 8>&-
is "$rc" 2 '… or a descriptor that is not there'
is "$(requests one)" "$before" '… before anything is paid'
llmgw chat --usage-file '&8' hi 8>"$tmp/usage" >/dev/null </dev/null
is "$("$tool" json schema <"$tmp/usage")" llmgw.usage/1 'a descriptor gets the usage'
chat --usage-file "$tmp/usage" -m one/sim:400 hi
is "$rc $("$tool" json attempts <"$tmp/usage")" '7 1' '… a file that of a failure, too'
chat -m one/sim:finish=length hi
is "$rc" 0 'an answer may reach its cap'
chat --strict -m one/sim:finish=length hi
is "$rc $out" '11 hi' '… unless --strict'

# ---- going on at the terminal ----
"$tool" pty sh -c 'echo from the pipe | llmgw chat -i explain' >"$tmp/screen" 2>&1 <<'END'
expect Ctrl-D exits
expect from the pipe
expect explain
expect $0.
send and now?\r
expect and now?
expect and now?
expect $0.
send /context\r
expect in 2 turns
send \cD
end
END
is $? 0 '-i: a piped question, then the terminal'
is "$(sent messages.0.content)/$(sent messages.2.content)" 'from the pipe

explain/and now?' '… in one conversation'
llmgw chat -i -j hi >/dev/null 2>&1 </dev/null
is $? 2 '-i is for people'
llmgw chat -i --no-input hi >/dev/null 2>&1 </dev/null
is $? 2 '… who may be asked'
setsid -w llmgw chat -i hi >"$tmp/o" 2>&1 </dev/null
is $? 2 '… and have a terminal'

llmgw broker stop >/dev/null 2>&1
done_testing
