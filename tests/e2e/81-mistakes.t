#!/bin/sh
# Mistakes that people make, of each command: what is wrong, where, and what to do; the exit status.
. "$top_srcdir/tests/e2e/lib.sh"

start_sim one
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[provider "dead"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = NO_KEY
[price "one/*"]
    input = 1
    output = 2
[alias]
    haiku = one/sim
[route "default"]
    target = one/sim
[route "dead"]
    target = dead/sim
[route "fast"]
    target = one/sim
    target = one/other-sim
END
ONE_KEY=sk-one
export ONE_KEY
start_broker
llmgw chat --no-stdin hi >/dev/null
sql_wait 'SELECT count(*) FROM request' 1 >/dev/null

# STATUS|COMMAND|all that it says, as a pattern; the lines of it stand behind each other
while IFS='|' read -r status words want; do
    case $status in '' | '#'*) continue ;; esac
    (eval "llmgw $words") >"$tmp/out" 2>"$tmp/errors" </dev/null
    got=$?
    said=$(tr '\n' ' ' <"$tmp/errors" | sed 's/ $//')
    case "$got $said" in
    "$status "$want) pass "llmgw $words" ;;
    *)
        fail "llmgw $words"
        diag "got:  $got $said"
        diag "want: $status $want"
        ;;
    esac
done <<'END'
2|chta|llmgw: unknown command "chta" (did you mean "chat"?)
2|frobnicate|llmgw: unknown command "frobnicate" hint: llmgw help lists the commands
2|"why is it so?"|llmgw: unknown command "why is it so?" hint: llmgw chat "..." asks a model
2||llmgw: no command hint: llmgw chat asks a model; llmgw help lists the commands
2|--verison|llmgw: unknown option --verison (did you mean --version?)
2|version please|llmgw: version: it takes no words, not "please" hint: llmgw help version
2|doctor please|llmgw: doctor: it takes no words, not "please" hint: llmgw help doctor
2|chat --modle x hi|llmgw: chat: unknown option --modle (did you mean --model?)
2|chat -m|llmgw: chat: --model needs a value (NAME)
2|chat|llmgw: chat: nothing to say: no words, no files, no standard input
4|chat -m haikuu hi|llmgw: chat: no model or route "haikuu" (did you mean "haiku"?)
4|chat -m nope/gpt hi|llmgw: chat: no model or route "nope/gpt" hint: llmgw models; llmgw route list
4|chat -r fats hi|llmgw: chat: no route "fats" (did you mean "fast"?)
4|chat -r nowhere hi|llmgw: chat: no route "nowhere" hint: llmgw route list
4|chat --cid none hi|llmgw: chat: no conversation "none" hint: llmgw log conversations
4|chat -t none hi|llmgw: chat: no template "none" hint: llmgw template lists them
2|chat -O foo hi|llmgw: chat: -O foo: not KEY=VALUE
2|chat --timeout 3x hi|llmgw: chat: --timeout: "3x" is not a duration such as 1.5s, 10m or 2h
2|chat --max-cost a hi|llmgw: chat: --max-cost: "a" is not an amount in dollars such as 0.02
5|chat --max-cost 0.000001 hi|llmgw: chat: one/sim: could cost $*, cap is $0.0000010
8|chat -m dead/sim hi|llmgw: chat: dead/sim: no key hint: llmgw *
7|chat --no-fallback -m one/x-sim:error=overloaded hi|llmgw: chat: one/x-sim:error=overloaded: *
2|cost --since 2026-13-01|llmgw: cost: not a time: "2026-13-01" (2026-11-25, *, -7d, @EPOCH)
4|chat -m sonnet hi|llmgw: chat: no model or route "sonnet" (did you mean "claude-sonnet-*"?)
2|cost yesteryear|llmgw: cost: no period "yesteryear" (today, *, all) (did you mean "yesterday"?)
2|cost 2026-11|llmgw: cost: no period "2026-11" (today, *, all) hint: another one: --last 7d, or --since DATE
2|cost --by modle|llmgw: cost: --by: no "modle" (did you mean "model"?)
2|cost --fields modle|llmgw: cost: --fields: no field "modle" here (did you mean "model"?)
2|cost --fields weather|llmgw: cost: --fields: no field "weather" here hint: there are model, requests, *
2|cost --last 5|llmgw: cost: --last: "5" is not a duration such as 1.5s, 10m or 2h
2|cost -z Europe/Berln|llmgw: cost: no time zone "Europe/Berln" (IANA name, as Europe/Berlin)
4|cost show 01X|llmgw: cost: no request 01X in the ledger hint: llmgw log
2|log -n 0|llmgw: log: --number: 0 is less than 1
2|log -n x|llmgw: log: --number: "x" is not a whole number
4|log show nope|llmgw: log: no request nope in the ledger hint: llmgw log
2|log rm|llmgw: log: which requests? hint: an ID, *
4|route show nope|llmgw: route: no route "nope" hint: llmgw route list
4|route explain -m nope hi|llmgw: route: no model or route "nope" hint: llmgw models; llmgw route list
2|route lst|llmgw: route: unknown subcommand "lst" (did you mean "list"?) hint: llmgw help route
2|route fast|llmgw: route: unknown subcommand "fast" hint: llmgw route show fast, or llmgw help route
2|models gpt-6-luna|llmgw: models: unknown subcommand "gpt-6-luna" hint: llmgw models show gpt-6-luna, or *
2|config chat.model|llmgw: config: unknown subcommand "chat.model" hint: llmgw config get chat.model, or *
2|broker it up|llmgw: broker: unknown subcommand "it" hint: llmgw help broker
2|route drain|llmgw: route: usage: llmgw route drain TARGET
4|models show nope/x|llmgw: models: no model "nope/x" in the catalog hint: llmgw models
4|keys test nope|llmgw: keys: no provider "nope" hint: llmgw keys
2|config set route.fast.targt x|llmgw: config: unknown key "route.fast.targt" (did you mean "route.fast.target"?)
2|config set nope.x 1|llmgw: config: unknown key "nope.x"*
2|config set budget.daily.limit lots|llmgw: config: */config:*: budget "daily": limit: "lots" is not a budget *
2|log show --status x|llmgw: log: --status goes with list, export, rm and redact, not with show
2|log --yes|llmgw: log: --yes goes with rm and redact, not with list
2|log export last -m x|llmgw: log: ids, or options that choose: not both
2|route --system x|llmgw: route: --system goes with explain, not with list
2|cost show last --by day|llmgw: cost: --by does not go with show
2|cost show|llmgw: cost: usage: llmgw cost show ID
2|cost --warn-at 0.8|llmgw: cost: --warn-at belongs to --check or --limit
2|cost --mark x|llmgw: cost: --mark belongs to --since-last
2|cost --check --by day|llmgw: cost: --by is for reports, not for checks
2|cost --limit 5 --oneline|llmgw: cost: --oneline is for reports, not for checks
2|replay --show all|llmgw: replay: --show goes with diff only
2|replay diff|llmgw: replay: usage: llmgw replay diff RUN *
2|replay --resume last -m x|llmgw: replay: a run knows its requests and targets: --resume takes neither
2|replay -f x --last 1d --against one/sim|llmgw: replay: all requests of --file are sent: nothing else chooses
2|replay|llmgw: replay: against what? hint: llmgw replay --last 7d --against MODEL
4|replay --last 7d --against nope|llmgw: replay: --against: no model or route "nope" hint: llmgw models; llmgw route list
4|replay show nope|llmgw: replay: no run nope hint: llmgw replay list
4|tokens /none|llmgw: tokens: no file "/none" hint: *
2|completion tcsh|llmgw: completion: no completion for "tcsh", but for bash, zsh and fish
2|log show ""|llmgw: log: usage: llmgw log show ID
2|log rm "" --yes|llmgw: log: usage: llmgw log rm *
2|log backup ""|llmgw: log: usage: llmgw log backup FILE
2|log rm --cid "" --yes|llmgw: log: --cid needs a value (ID?NAME)
2|log rm --cid= --yes|llmgw: log: --cid needs a value (ID?NAME)
2|log export --id-gt ""|llmgw: log: --id-gt needs a value (ID)
0|log -m ""|
0|log rm --last 1us --yes -v|llmgw: log: no request is like that
2|cost show ""|llmgw: cost: usage: llmgw cost show ID
2|chat --cid "" hi|llmgw: chat: --cid needs a value (ID?NAME)
2|chat --conversation "" hi|llmgw: chat: --conversation needs a value (ID?NAME)
2|chat -r "" hi|llmgw: chat: --route needs a value (NAME)
2|chat -m "" hi|llmgw: chat: --model needs a value (NAME)
2|chat -f "" hi|llmgw: chat: --file needs a value (FILE?DIR?-)
2|chat -o "" hi|llmgw: chat: --output needs a value (FILE)
0|chat -s "" hi|
2|--config "" log|llmgw: --config needs a value (FILE)
2|config unset ""|llmgw: config: usage: llmgw config unset KEY
2|keys test ""|llmgw: keys: usage: llmgw keys test *
2|client add ""|llmgw: client: usage: llmgw client add NAME
2|template show ""|llmgw: template: usage: llmgw template show NAME
4|template show none|llmgw: template: no template "none" hint: llmgw template lists them
4|broker cancel none|llmgw: broker: no request with that id is under way hint: llmgw broker ps
4|tokens ""|llmgw: tokens: no file "" hint: words are counted in a pipe: echo "" ? llmgw tokens
2|route explain ""|llmgw: route: nothing to say: no words, no files, no standard input
2|replay --sample 0 --against one/sim|llmgw: replay: --sample takes N or N:SEED, not "0"
0|replay -m nobody --against one/sim|llmgw: replay: no request is like that
4|schema nope|llmgw: schema: no schema for "nope" hint: llmgw schema lists them
END

# ---- options that mean nothing to the word behind the command ----
# COMMAND OPTION VALUE WORDS, "-" for what is not there; the word "" is the command without one
llmgw help -j | tr '{' '\n' | awk '
    function field(name) {
        if (!match($0, "\"" name "\":\"[^\"]*\"")) return "-"
        return substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 5)
    }
    /^"name":"[a-z]*","alias"/ { c = field("name"); next }
    /^"name":"[a-z-]*","letter"/ && c {
        value = field("argument")
        if (match($0, /"values":"[a-z|]+"/)) { value = field("values"); sub(/\|.*/, "", value) }
        else if (value == "DUR") value = "1h"
        else if (value == "PART") value = "0.5"
        else if (value == "USD" || value == "N" || value == "K") value = 1
        else if (value != "-") value = "x"
        with = "-"
        if (match($0, /"with":\[[^]]*\]/)) { with = substr($0, RSTART + 8, RLENGTH - 9); gsub(/"/, "", with) }
        print c, field("name"), value, with
    }' >"$tmp/options"
subcommands() { # the words behind a command, as completion has them
    case $1 in
    cost) echo show ;; # periods are no words
    *) llmgw __complete -- "$1" '' | grep -E '^[a-z]+$' ;;
    esac
}
commands_with_words='log route models keys config broker client prices template replay cost'
is "$(for c in $(cut -d ' ' -f 1 "$tmp/options" | sort -u); do
    case " $commands_with_words chat env doctor tokens " in *" $c "*) ;; *) echo "$c" ;; esac
done)" '' 'every command with options is known here'
for c in $commands_with_words; do
    n=0
    : >"$tmp/wrong"
    for word in $(subcommands "$c"); do
        while read -r of option value with; do
            [ "$of" = "$c" ] && [ "$with" != - ] || continue
            case ",$with," in *",$word,"*) continue ;; esac
            n=$((n + 1))
            [ "$value" = - ] && set -- "--$option" || set -- "--$option=$value"
            llmgw --no-autostart "$c" "$word" "$@" >"$tmp/out" 2>&1 </dev/null
            got=$?
            case "$got $(cat "$tmp/out")" in
            "2 llmgw: $c: --$option goes with "*", not with $word" | "2 llmgw: $c: --$option does not go with $word") ;;
            *) echo "$c $word $*: $got $(cat "$tmp/out")" ;;
            esac
        done <"$tmp/options" >>"$tmp/wrong"
        # completion offers what goes with the word, and nothing else
        llmgw __complete -- "$c" "$word" -- | cut -f 1 | sed -n 's/^--//p' | sort -u >"$tmp/offered"
        while read -r of option value with; do
            [ "$of" = "$c" ] || continue
            case ",$with," in *",$word,"* | *,-,*) want=1 ;; *) want=0 ;; esac
            [ "$(grep -cxF -e "$option" "$tmp/offered")" = "$want" ] || echo "$c $word: --$option is offered wrongly"
        done <"$tmp/options" >>"$tmp/wrong"
    done
    is "$(cat "$tmp/wrong")" '' "llmgw $c: an option that a subcommand has no use for is refused ($n)"
    [ "$c" = template ] || cmp_num "$n" -gt 0 '… and there are such'
done

# ---- who failed, and who before it ----
scenario one <<'END'
on model=other-sim: error=server
on model=*: error=overloaded retry-after=7
END
llmgw chat --no-stdin -m fast hi >"$tmp/out" 2>"$tmp/errors"
is "$?" 7 'every target fails'
like "$(head -n 1 "$tmp/errors")" '^llmgw: chat: one/other-sim: ' '… the last one is named'
like "$(sed -n 2p "$tmp/errors")" '^hint: before it, one/sim: overloaded$' '… and the one before it'
llmgw chat --no-stdin -m fast -F json hi >"$tmp/out" 2>"$tmp/errors"
unlike "$("$tool" json error.message <"$tmp/out")" 'one/other-sim: |hint' 'programs read that from the list of attempts'
printf 'on model=other-sim: error=server message="First %s"\n' "$(seq -s ' ' 400)" | scenario one
llmgw chat --no-stdin -m one/other-sim hi >"$tmp/out" 2>"$tmp/errors"
like "$(head -n 1 "$tmp/errors")" '^llmgw: chat: one/other-sim: .*First 1 2 3 ' 'a long message is cut, not lost'
like "$(llmgw keys test dead 2>/dev/null)" '^dead +sim +refused +no key$' 'a cell has neither name nor hint'
like "$(llmgw route test dead 2>/dev/null)" '^dead/sim +upstream_authentication .* no key$' '… here, too'

# ---- a name of the file that the broker has not read ----
cp "$config_file" "$tmp/before"
printf '[route "new"]\n    target = one/sim\n[alias]\n    fresh = one/sim\n' >>"$config_file"
touch -d '1 minute' "$config_file" # surely after the broker has read it
said() { # what llmgw says, on one line
    llmgw "$@" 2>&1 >/dev/null </dev/null | tr '\n' ' ' | sed 's/ $//'
}
changed="hint: $config_file was changed after the broker read it: llmgw broker reload"
is "$(said chat -r new hi)" "llmgw: chat: no route \"new\" $changed" 'a route that the broker has not read'
is "$(said chat -m fresh hi)" "llmgw: chat: no model or route \"fresh\" $changed" '… an alias'
is "$(said route explain -r new hi)" "llmgw: route: no route \"new\" $changed" '… and before anything is sent'
is "$(said chat -m fre hi)" "$(LLMGW_CONFIG=$tmp/before said chat -m fre hi)" \
    'a name that is not in the file, either: no such hint'
is "$(said chat -r new --fallback nope hi)" "llmgw: chat: no route \"new\" $changed" '… with another that nobody knows'
llmgw broker reload >/dev/null
is "$(said chat -r new hi)" '' 'once it is read, it is known'
printf '[nonsense]\n    a = b\n[alias]\n    fresher = one/sim\n' >>"$config_file"
llmgw broker reload >/dev/null 2>&1
like "$(said chat -m fresher hi)" "hint: $config_file has errors, and the broker keeps what it had: llmgw config check\$" \
    'a file that it could not read'
mv "$tmp/before" "$config_file"
llmgw broker reload >/dev/null
sed 's/haiku/poem/' "$config_file" >"$tmp/other"
is "$(said --config "$tmp/other" chat -m poem hi)" \
    "llmgw: chat: no model or route \"poem\" hint: the broker reads $config_file, not $tmp/other" 'a file that it does not read'

done_testing
