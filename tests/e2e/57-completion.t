#!/bin/sh
# Completion: what `llmgw __complete` offers where, and bash with its script. Reads files only.
. "$top_srcdir/tests/e2e/lib.sh"
need sqlite3

ONE_KEY=sk-one
export ONE_KEY
start_sim one
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[provider "two"]
    kind = anthropic
    key-env = NOT_SET
[alias]
    haiku = two/claude-haiku-5-5
[route "default"]
    target = one/gpt-6-luna
[route "fast"]
    target = one/gpt-6-luna
END
start_broker
llmgw chat --no-stdin -m fast --name 'trip to Rome' --tag ticket=A-1 -P web hello >/dev/null
sql_wait 'SELECT count(*) FROM request' 1 >/dev/null
id=$(sql 'SELECT id FROM request')
llmgw chat --no-stdin --save commit 'write it' >/dev/null 2>&1
stop_broker

words() { # candidates for these words, apart by blanks
    llmgw __complete -- "$@" 2>"$tmp/err" | cut -f 1 | tr '\n' ' '
}

# ---- commands and their words ----
is "$(words cha)" 'chat ' 'a command'
like "$(words '')" 'chat .*config .*route ' 'all of them'
unlike "$(words '')" '__' '… but those for programs'
is "$(words -v cha)" 'chat ' 'behind a global option'
is "$(words --config x.conf cha)" 'chat ' '… and one with a value'
like "$(words route '')" '^list show explain test health history pin ' 'words behind a command'
like "$(words route test '')" 'fast .*one/gpt-6-luna' '… and what they take'
is "$(words route -v dr)" 'drain ' '… and behind an option'
is "$(words -- cha)" 'chat ' 'operands after --'
is "$(words chat '')$(words cost opt)" '' 'but not "[options]", which is no word'
for c in $(llmgw help -j | tr '{' '\n' | sed -n 's/^"name":"\([a-z]*\)","alias".*/\1/p'); do
    # what the command itself calls its words
    said=$(llmgw --no-autostart "$c" no-such-word 2>&1 </dev/null | sed -n 's/.*unknown subcommand.*/yes/p')
    [ -z "$said" ] || like "$(words "$c" '')" '^[a-z]' "words of $c"
done

# ---- options ----
is "$(words chat --no-st)" '--no-stdin --no-stream ' 'options of the command'
is "$(words route explain --templ)" '--template ' '… and those it shares'
is "$(words cost --no-sp)" '--no-spark ' '… and their negation'
is "$(words chat --json)" '--json ' '… and global ones'
while read -r c name; do
    case " $(words "$c" "--$name")" in *" --$name "*) ;; *) echo "$c --$name" ;; esac
done <<END >"$tmp/missing"
$(llmgw help -j | tr '{' '\n' | sed 's/\],"examples".*//' | awk -F '"' '
    /^"name":"[a-z]*","alias"/ { c = $4; next }
    /^"name":"[a-z-]*","letter"/ && c { print c, $4 }')
END
is "$(cat "$tmp/missing")" '' 'every option of every command is offered'
like "$(llmgw __complete -- chat --seed)" '^--seed	for answers' 'with what it does'

# ---- values ----
is "$(words chat -F js)" 'json jsonl ' 'one of a list'
is "$(words cost --sort=c)" '--sort=cost ' '… in one word'
is "$(words cost --by pro)" 'provider project ' '… of a list that may be repeated'
is "$(words chat -m fa)" 'fast ' 'a model: routes'
is "$(words chat -m hai)" 'haiku ' '… aliases'
like "$(words chat -m one/gpt-6-l)" '^one/gpt-6-luna ' '… models that can be asked'
is "$(words chat -m gpt-6-lu)" 'gpt-6-luna ' '… by their own name, once it is begun'
is "$(words chat -m two/)" '' '… no others'
is "$(words chat -vm fa)" 'fast ' '… behind letters'
is "$(words chat -r d)" 'default ' 'a route'
is "$(words route pin one/)" 'one/gpt-6-luna ' 'a target'
is "$(words cost '')" 'today yesterday week month last-month year all hourly daily weekly monthly sessions show ' \
    'a period'
is "$(words chat --cid tr)" 'trip to Rome ' 'a conversation'
is "$(words chat --tag ti)" 'ticket=A-1 ' 'a tag'
is "$(words chat -P w)" 'web ' 'a project'
is "$(words chat -t c)" 'commit ' 'a template'
is "$(words log show "${id%????}")" "$id " 'a request'
is "$(words cost show l)" 'last ' '… or the last'
like "$(words config get route.fast)" 'route.fast.target' 'a key that is set'
like "$(words config set core.def)" 'core.default-route core.default-model ' '… or could be'
is "$(words chat -f '')" ':files ' 'a file'
is "$(words chat -o '')" ':files ' '… of a global option'
is "$(words chat 'what is')" '' 'nothing for a prompt'
config <<END
[nonsense]
    broken
END
is "$(words cost ye)" 'yesterday year ' 'a broken configuration is no reason to be silent'
is "$(find "$XDG_RUNTIME_DIR" -type s)" '' 'no broker was started'
isnt "$(llmgw __complete 2>&1)" '' 'no words: usage'

# ---- bash ----
config <<END
[alias]
    haiku = two/claude-haiku-5-5
[provider "two"]
    kind = anthropic
    key-env = ONE_KEY
END
need bash
bash_words() { # what bash puts in place of the last word of the line
    bash --norc -c '
        source <(llmgw completion bash)
        COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
        _llmgw llmgw
        [ ${#COMPREPLY[@]} = 0 ] || printf "%s " "${COMPREPLY[@]}"' bash "$1"
}
touch "$tmp/a file.txt"
is "$(bash_words 'llmgw cost ye')" 'yesterday year ' 'bash: a word'
like "$(bash_words 'llmgw ')" 'chat ' 'bash: no word yet'
is "$(bash_words 'llmgw cost --sort=c')" 'cost ' 'bash: behind ='
is "$(bash_words 'llmgw config get alias.h')" 'alias.haiku ' 'bash: with a dot'
is "$(bash_words 'llmgw cost --by tag')" 'tag: ' 'bash: up to a colon'
is "$(bash_words 'llmgw cost --by tag:')" '' 'bash: behind a colon'
is "$(bash_words "llmgw chat -f $tmp/a")" "$tmp/a file.txt " 'bash: files'
is "$(bash_words 'llmgw chat "be brief" -m hai')" 'haiku ' 'bash: behind quoted words'
if command -v fish >/dev/null; then
    is "$(fish --no-config -c 'llmgw completion fish | source; complete -C "llmgw cost ye"' | sort |
        tr '\n' ' ')" 'year yesterday ' 'fish: a word'
    like "$(fish --no-config -c 'llmgw completion fish | source; complete -C "llmgw chat --see"')" \
        '^--seed	for answers' '… with what it does'
else
    skip 'fish: a word' 'no fish'
fi
for shell in zsh fish; do
    if command -v $shell >/dev/null; then
        llmgw completion $shell >"$tmp/script.$shell"
        ok "$shell reads its script" $shell -n "$tmp/script.$shell"
    else
        skip "$shell reads its script" "no $shell"
    fi
done
llmgw completion tcsh >"$tmp/out" 2>&1
is "$?" 2 'another shell: usage'

done_testing
