#!/bin/sh
# Templates: prompts that are kept, with parameters, and the settings that go with them.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

start_sim one
scenario one <<'END'
on has="some code": text="So:\n```c\nint a;\n```\n"
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
END
ONE_KEY=secret-of-one
TERM=xterm
export ONE_KEY TERM
unset VISUAL EDITOR NO_COLOR
folder=$XDG_CONFIG_HOME/llmgw/templates

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

# ---- making ----
is "$(llmgw template list -F csv)" 'name,target,params,about,path,version' 'at first there is none'
chat --save tldr -m one/brief -s 'Be $tone.' --temperature 0.5 -O top_p=1 'Sum up: $input'
is "$rc $out" '0 ' '--save asks nothing'
like "$err" "saved as $folder/tldr.md" '… and tells where it is'
is "$(requests one)" 0 '… and pays nothing'
is "$(stat -c %a "$folder" "$folder/tldr.md" | tr '\n' ' ')" '700 600 ' 'it is for us alone'
chat --save tldr 'again'
is "$rc" 2 'none is written over'
chat --save ../escape hi
is "$rc" 2 'nor outside its folder'
is "$(llmgw template show tldr)" "$(cat "$folder/tldr.md")" 'it can be shown'
like "$(llmgw template)" '^tldr +one/brief +tone +Sum up: \$input' '… and is listed'
is "$(llmgw template path)" "$folder" 'the folder'
is "$(llmgw template path tldr)" "$folder/tldr.md" '… the file'

# ---- using ----
printf 'long text\n' >"$tmp/text"
chat -t tldr -p tone=kind -f "$tmp/text" 'this one'
is "$out" "Sum up: <file path=\"$tmp/text\">
long text
</file>

this one" 'what is said goes to its place'
is "$(sent messages.0.content)/$(sent model)/$(sent temperature)/$(sent top_p)" 'Be kind./brief/0.5/1' \
    'settings and parameters count'
chat -t tldr -p tone=kind -m one/other -s 'Be long.' -O top_p=0.5 --temperature 1 hi
is "$(sent messages.0.content)/$(sent model)/$(sent temperature)/$(sent top_p)" 'Be long./other/1/0.5' \
    'options overrule them'
version=$(sha256sum <"$folder/tldr.md" | cut -c 1-12)
is "$(sql_wait "SELECT DISTINCT template || '@' || template_version FROM request WHERE template = 'tldr'" \
    "tldr@$version")" "tldr@$version" 'the ledger has its name and version'
is "$(llmgw log -t tldr -F csv --fields id | wc -l)" 3 '… and finds what was made of it'
chat -t tldr hi
is "$rc" 2 'a parameter that is missing'
like "$err" 'needs its parameter "tone"' '… is named'
chat -t tldr -p tnoe=x hi
like "$err" 'did you mean "tone"' '… and so is one that is misspelt'
chat -t tldr -p tone=kind
is "$rc" 2 'a template about nothing is a usage error'
chat -t tlrd -p tone=kind hi
is "$rc" 4 'no such template: 4'
chat -p tone=kind hi
is "$rc" 2 'a parameter of nothing'
chat -t tldr -p tone=kind --dry-run hi
like "$out" 'template tldr' 'a dry run names it among the parts'
chat -t tldr -p tone=@/etc/passwd hi
is "$(sent messages.0.content)" 'Be @/etc/passwd.' 'a value names no file'
chat -s x --save at -s '$who'
chat -t at -p who=@/etc/passwd hi
is "$(sent messages.0.content)" '@/etc/passwd' '… not even alone'

printf 'Tell a joke.' >"$tmp/joke.md"
chat -t "$tmp/joke.md"
is "$out" 'Tell a joke.' 'a file is a template, too; without a place it needs no input'
chat -t "$tmp/joke.md" 'about C'
is "$out" 'Tell a joke.

about C' '… and what is said comes behind it'
printf -- '---\nsystem = @sys.txt\nextract = first\n---\n' >"$tmp/code.md"
printf 'From a file.\n' >"$tmp/sys.txt"
chat -t "$tmp/code.md" 'some code'
is "$out/$(sent messages.0.content)" 'int a;/From a file.' 'a system prompt from a file beside it, and code'
printf -- '---\nmodle = x\n---\n' >"$tmp/bad.md"
chat -t "$tmp/bad.md" hi
is "$rc" 2 'an error in a template'
like "$err" "$tmp/bad.md:2: unknown key \"modle\" \(did you mean \"model\"\?\)" '… is told with its line'
printf -- '---\nextract = first\neffort = low\n---\nhi' >"$tmp/x.md"
chat -t "$tmp/x.md" --xl
is "$rc" 11 'an option overrules one of two that exclude each other'

# ---- changing ----
cat >"$tmp/editor" <<'END'
#!/bin/sh
cp "$1" "$0.got"
printf '%s\n' "$text" >"$1"
END
chmod +x "$tmp/editor"
EDITOR=$tmp/editor
export EDITOR text
text='New: $input'
llmgw template edit fresh </dev/null
is "$? $(cat "$folder/fresh.md")" '0 New: $input' 'edit makes one'
like "$(cat "$tmp/editor.got")" 'input' '… from a scaffold'
text='---
effort = silly
---'
llmgw template edit fresh </dev/null 2>"$tmp/err"
is "$?" 2 'what is wrong is told'
like "$(cat "$tmp/err")" 'fresh.md:2: effort = silly' '… with its line'
is "$(sed -n 2p "$folder/fresh.md")" 'effort = silly' '… and not lost'
like "$(llmgw template 2>/dev/null)" '^fresh' 'it is listed all the same'
text=''
llmgw template edit fresh </dev/null 2>/dev/null
is "$? $(sed -n 2p "$folder/fresh.md")" '1 effort = silly' 'an empty text changes nothing'
llmgw template rm fresh && llmgw template show fresh >"$tmp/o" 2>&1
is $? 4 'rm takes it away'
llmgw template show tldl >"$tmp/o" 2>&1
like "$(cat "$tmp/o")" 'did you mean "tldr"' 'a name that is misspelt'

# ---- at the terminal ----
"$tool" pty llmgw chat -t tldr -p tone=kind >"$tmp/screen" 2>&1 <<'END'
expect Ctrl-D exits
send first\r
expect Sum up: first
expect $0.
send second\r
expect second
expect second
expect $0.
send /template tl\ttone=mild\r
expect say what goes into it
send third\r
expect Sum up: third
expect $0.
send /template nonesuch\r
expect no template
send /template tldr\r
expect needs its parameter
send \cD
end
END
is $? 0 'a conversation begins with a template, and takes another'
is "$(sent messages.0.content)/$(sent messages.1.content)/$(sent messages.3.content)/$(sent messages.5.content)" \
    'Be mild./Sum up: first/second/Sum up: third' '… each for one question, its settings for good'
is "$(sql_wait "SELECT group_concat(ifnull(template, '-'), ' ') FROM (SELECT * FROM request ORDER BY id DESC LIMIT 3)" \
    'tldr auto:'"$(sql "SELECT substr(template, 6) FROM request WHERE template LIKE 'auto:%' ORDER BY id DESC LIMIT 1")"' tldr')" \
    'tldr auto:'"$(sql "SELECT substr(template, 6) FROM request WHERE template LIKE 'auto:%' ORDER BY id DESC LIMIT 1")"' tldr' \
    'the ledger knows which questions were made of it'

llmgw broker stop >/dev/null 2>&1
done_testing
