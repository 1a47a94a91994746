#!/bin/sh
# Every word that the interactive chat knows behind a slash, said well and badly, and what Tab
# makes of their beginnings.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

start_sim one
scenario one <<'END'
on model=code: text="Look:\n```c\nint x;\n```\nand\n```sh\nls -l\n```"
set text=echo
END
ONE_KEY=sk-one
export ONE_KEY
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/*"]
    input = 100
    output = 200
[alias]
    quickest = one/sim
    other = one/other
[route "default"]
    target = one/sim
[route "sideways"]
    target = one/side
END
TERM=xterm
PAGER=cat
export TERM PAGER
unset NO_COLOR
mkdir -p "$tmp/work" "$XDG_CONFIG_HOME/llmgw/templates"
cd "$tmp/work" || bail 'no folder'
printf 'the notes' >notes.txt
printf 'low water' >"$HOME/tide.txt"

# repl WHAT: a session, which must come to its end
repl() {
    at_terminal llmgw chat
    is "$rc $(cat "$tmp/screen.err")" '0 ' "$1"
}
case $tool in /*) ;; *) tool=$OLDPWD/$tool ;; esac

repl 'before there is an answer each word says what it lacks' <<'END'
expect default
send /why\r
expect there is no answer yet
send /copy\r
expect there is no answer yet
send /view\r
expect there is no answer yet
send /save x\r
expect there is no answer yet
send /edit\r
expect there is no question yet
send /save\r
expect to which file?
send /file\r
expect which file?
send /attach /no/such/file\r
expect /no/such/file cannot be read
send /drop 7\r
expect which one? /context numbers them
send /undo many\r
expect how many turns?
send /compare\r
expect which models?
send /template\r
expect which template?
send /template no-such\r
expect no-such
send /resume\r
expect which conversation?
send /set nonsense\r
expect nonsense
send /modle\r
expect did you mean /model?
send /xyzzyx\r
expect /help lists them
send /quit\r
end
END

repl 'what is asked is shown and set' <<'END'
expect default
send /model default\r
send /model nope/nope\r
expect no model or route "nope/nope"
send /model quickset\r
expect did you mean "quickest"
send /route sidewyas\r
expect no route "sidewyas" (did you mean "sideways"?)
send /model\r
expect model: route default → one/sim
send /help model\r
expect show or set who is asked
send /help /model\r
expect show or set who is asked
send /help modle\r
expect did you mean /model?
send /help\r
expect !!CMD
send /model\r
expect model:
send /route\r
expect route:
send /system\r
expect system: not set
send /system Be brief.\r
send /system\r
expect system: Be brief.
send /set\r
expect set: nothing; /set temperature
send /set temperature=0.5\r
send /set\r
expect temperature=0.5
send /set temperature=hot\r
expect temperature: must be a number
send /set seed=7\r
send /set seed=\r
send /set\r
expect temperature=0.5
send /usage off\r
expect usage is not told
send /usage on\r
expect usage is told
send /private\r
expect recording is off
send /private off\r
expect recording is on
send /raw\r
expect Markdown is shown as it is
send /raw off\r
expect Markdown is rendered
send /file notes.txt\r
send /attach notes.txt\r
send /context\r
expect 2  attach  notes.txt
send /drop 2\r
send /drop 1\r
send /context\r
expect system prompt
send /route sideways\r
send what is it?\r
expect what is it?
expect $0.00
send /why\r
expect one/side
send /exit\r
end
END
like "$(last_request one body.messages)" 'Be brief\.' 'the system prompt is sent'
is "$(last_request one body.temperature) $(last_request one body.model)$(last_request one body.seed 2>/dev/null)" '0.5 side' '… and the setting, by the route'

repl 'of answers and conversations' <<'END'
expect default
send /model one/code\r
send show me code\r
expect ls -l
expect $0.00
send /copy code\r
expect 6 bytes copied
send /copy 1\r
expect 7 bytes copied
send /copy 9\r
expect the answer has 2 blocks of code
send /copy 0\r
expect code, or the number
send /copy what\r
expect code, or the number
send /copy\r
expect bytes copied
send /retry one/sim:400\r
expect the answer before it stays
send /copy code\r
expect 6 bytes copied
send /compare one/sim:400\r
expect the answer before it stays
send /save answer.txt\r
expect bytes written
send /view\r
expect int x;
expect one/code $
send /compare other one/third\r
expect ── other
expect $0.00
expect ── one/third
expect $0.00
expect answer
expect one/code
expect one/other
expect one/third
expect goes on from the last one
send /retry quickest\r
expect show me code
expect $0.00
send /edit\r
expect show me code
send  again\r
expect again
expect ls -l
expect one/code $
send /fork side-talk\r
expect a conversation of its own: 0
send in the fork\r
expect ls -l
expect one/code $
send /log\r
expect   ok  
expect one/code $
send /list\r
expect show me code
expect one/code $
send /cost session\r
expect one/code $
send /resume side-talk\r
expect side-talk
send !exit 3\r
expect [exit 3]
expect one/code $
send !!echo from the shell\r
expect from the shell
expect one/code $
send /rm\r
expect deleted; a new conversation begins
send /exit\r
end
END
like "$(cat answer.txt)" 'int x;' '/save has written the answer'
like "$screen" "$(printf '\033')\]52;c;" '/copy speaks to the terminal'
is "$(sql 'SELECT count(DISTINCT conversation) FROM request')" 2 '/rm has deleted the fork'

repl 'a path is no command' <<'END'
expect default
send /usr/bin/env is what?\r
expect /usr/bin/env is what?
expect /usr/bin/env is what?
expect default $0.00
send /usr/bi\tx\r
expect /usr/bin/x
expect /usr/bin/x
expect default $0.00
send /exit\r
end
END
TERM=linux repl 'a console without a clipboard' <<'END'
expect default
send what\r
expect default $0.00
send /copy code\r
expect the answer has no code; /copy takes all of it
send /copy\r
expect this terminal has no clipboard
send /exit\r
end
END
unlike "$screen" "$(printf '\033')\]52;c;" '… is not spoken to of one'

llmgw chat --name aside 'on the side' >/dev/null </dev/null
repl 'Tab completes words, models, routes and files' <<'END'
expect default
send /usag\t\r
expect usage is
send /model quick\t\r
send /model\r
expect model: quickest
send /model one/text-embedding-3-s\tx\r
send /model\r
expect model: one/text-embedding-3-sx
send /model quickest\r
send /route side\t\r
send /route\r
expect route: sideways
send /route side\tside\t\r
expect no route "sideways side"
send /usage of\t\r
expect usage is not told
send /help mode\t\r
expect no command /mode
send /help /mode\t\r
expect show or set who is asked
send /resume asi\t\r
expect goes on with "aside"
send /file ~/tid\t\r
send /context\r
expect tide.txt
send /drop 1\r
send /save ~/saved\r
expect bytes written
send /file no\t\r
send /context\r
expect file    notes.txt
send /exit\r
end
END
is "$(cat "$HOME/saved")" 'on the side' '~/ is the home folder'
done_testing
