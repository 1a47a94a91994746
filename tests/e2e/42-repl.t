#!/bin/sh
# The interactive chat, typed at a terminal: turns, commands, keys, history, broken brokers.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

start_sim one
scenario one <<END
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
    fast = one/sim
    long = one/sim:text=lorem,tokens=900,gap=20ms
[route "default"]
    target = one/sim
END
TERM=xterm
export TERM
unset NO_COLOR

repl() { at_terminal llmgw chat "$@"; }
escape=$(printf '\033')

# ---- turns ----
repl <<'END'
expect Ctrl-D exits
expect default
send first question\r
expect first question
expect first question
expect $0.00
send **second** `one`\r
expect $0.00
send /context\r
expect in 2 turns
send /undo\r
expect 1 turn is left
send third\r
expect third
expect third
expect $0.0
send /exit\r
end
END
is "$rc" 0 'questions are answered, turns taken back'
like "$screen" 'exit=0' 'and /exit leaves'
like "$screen" "${escape}\[0;1msecond${escape}\[0m" 'Markdown is rendered'
unlike "$(grep '"what":"request"' "$one_journal" | tail -n 1)" second 'what was taken back is not sent again'
like "$(grep '"what":"request"' "$one_journal" | tail -n 1)" 'first question' '… and the rest is'
is "$(sql_wait 'SELECT count(DISTINCT conversation) FROM request' 1)" 1 'it is one conversation'

# ---- keys ----
repl <<'END'
expect default
send /model long\r
expect long
send tell me\r
expect by
send \cC
expect [stopped]
expect long $0.
send /context\r
expect in 1 turn
send more\r
expect by
send \e
expect [stopped]
expect long $0.
send abc\cC
expect ^C
send \cC
expect Ctrl-D or /exit leaves
send /model fast\r
expect fast $0.
send two\nlines\r
expect lines
expect lines
expect fast $0.
send alt\e\renter\r
expect enter
expect enter
send /model long\r
send again\r
expect by
send \cD
expect [stopped]
end
END
is "$rc" 0 'Ctrl-C and Esc stop an answer, Ctrl-D leaves behind one'
like "$(grep '"what":"request"' "$one_journal" | grep 'lines')" 'two\\nlines' 'Ctrl-J begins a line'
like "$(grep '"what":"request"' "$one_journal" | grep 'alt')" 'alt\\nenter' '… and so does Alt-Enter'
ok 'a stopped answer ends upstream' sh -c "grep -q '\"client_gone\":true' '$one_journal'"

# ---- commands ----
LLMGW_PAGER='sed s/^/VIEWED:/'
export LLMGW_PAGER
printf 'tide table' >"$tmp/notes.txt"
repl <<END
expect default
send /fi\t$tmp/notes.txt\r
send /context\r
expect notes.txt
send what is it?\r
expect tide table
send /why\r
expect chosen
send /usage on\r
expect usage is told
send /retry fast\r
expect in +
send /compare fast\r
expect one/sim
send !!echo from the shell\r
expect from the shell
expect from the shell
expect default \$0.
send use it\r
expect from the shell
expect default \$0.
send /save $tmp/saved\r
send /view\r
expect VIEWED:
expect default \$0.
send /private on\r
expect recording is off
expect  private
send secret word\r
expect secret word
send /cost\r
expect this session: \$0.
send /hlep\r
expect did you mean /help?
send /help retry\r
expect ask the last question again
send \cD
end
END
is "$rc" 0 'commands do what they say'
like "$(cat "$tmp/saved")" 'use it' '/save keeps the last answer'
is "$(sql "SELECT count(*) FROM body WHERE answer IS NOT NULL AND rid = (SELECT max(rid) FROM request)")" 0 \
    'what is private is not recorded'

unset LLMGW_PAGER

# ---- history ----
is "$(stat -c %a "$XDG_STATE_HOME/llmgw/history")" 600 'the history is private'
like "$(cat "$XDG_STATE_HOME/llmgw/history")" 'what is it\?' '… and has the questions'
repl <<'END'
expect default
send \e[A\e[A\r
expect help
send  not kept\r
expect not kept
send \cD
end
END
is "$rc" 0 'the last session can be gone back to'
unlike "$(cat "$XDG_STATE_HOME/llmgw/history")" 'not kept' 'a leading blank keeps a line out'

# ---- the pager ----
page() {
    printf 'end\n' | env LLMGW_PAGER="$1" "$tool" pty llmgw $2 help chat 2>&1 | tr -d '\r'
}
like "$(page 'sed s/^/PAGED:/' '')" '^PAGED:' 'what is longer than the screen is paged'
unlike "$(page 'sed s/^/PAGED:/' --no-pager)" '^PAGED:' '… unless it must not be'
like "$(page no-such-pager '')" 'chat' '… or the pager is not there'

# ---- other conversations ----
llmgw chat --name trip -m fast 'where to?' >/dev/null </dev/null
sql_wait "SELECT count(*) FROM conversation WHERE name = 'trip'" 1 >/dev/null
repl <<'END'
expect default
send /list\r
expect 1
expect trip
expect first question
expect default
send /list FIRST\r
expect 1
expect first question
expect default
send /list thir\r
expect 1
expect first question
expect default
send /list nowhere said\r
expect no conversation is like that
expect default
send /list FIRST\r
expect 1
expect first question
expect default
send /resume 1\r
send and now?\r
expect and now?
expect and now?
expect $0.
send /resume trip\r
expect goes on with "trip", 1 turn so far
send on we go\r
expect on we go
expect on we go
expect $0.
send /resume 99\r
expect no conversation
send \cD
end
END
is "$rc" 0 'others are listed by name and question, and gone on with'
before=$(requests one)
repl --cid trip <<'END'
expect goes on with "trip", 2 turns so far
expect fast
send /title\r
expect title: trip
send /view\r
expect on we go
expect fast
send /retry\r
expect on we go
expect $0.
send /undo\r
expect 1 turn is left
send /edit\r
expect where to?
send \cC
expect ^C
send /context\r
expect in 1 turn
send /edit\r
expect where to?
send \cUand back?\r
expect and back?
expect $0.
send \cD
end
END
is "$rc" 0 'what another session has asked can be asked again, taken back and changed'
is "$(last_request one body.messages | "$tool" json 0.content)$(last_request one body.messages.1 2>/dev/null)" 'and back?' \
    '… and is not sent then'
is "$(sql_wait "SELECT group_concat(ifnull((SELECT count(*) FROM request p WHERE p.id = r.parent), 0), ' ') FROM
    (SELECT parent FROM request ORDER BY rid DESC LIMIT 2) r" '0 1')" '0 1' \
    '… each with the request that it continues'
like "$(grep '"what":"request"' "$one_journal" | grep 'and now')" 'first question' '… by their number'
like "$(grep '"what":"request"' "$one_journal" | grep 'on we go')" 'where to' '… or their name'

# ---- what breaks ----
cat >"$tmp/stop" <<END
#!/bin/sh
llmgw broker stop
echo no broker any more
END
chmod +x "$tmp/stop"
repl <<END
expect default
send before\r
expect before
expect before
send !$tmp/stop\r
expect no broker any more
expect default
send after\r
expect after
expect after
expect \$0.
size 40 20
signal WINCH
send /context\r
expect in 2 turns
expect default \$0.
signal TSTP
signal CONT
cooked no
send still here\r
expect still here
expect still here
send \cD
end
END
is "$rc" 0 'a broker may come and go, a window change, a job be stopped'
# the broker dies in the middle of an answer, and another comes for the next question
(wait_for "$one_journal" 'until it dies'
    i=0
    until http /llmgw/v1/inflight | grep -q '"state":"STREAMING"' || [ "$i" -ge 500 ]; do i=$((i + 1)); done
    kill -KILL "$(cat "$sock.pid")") &
repl -m long <<END
expect long
send tell me until it dies\r
expect cut the answer off
expect long \$0.00+
send /model fast\r
send yes\r
expect yes
expect yes
expect fast \$0.
send /cost\r
expect this session: \$0.
send \cD
end
END
is "$rc" 0 'a broker that dies takes no conversation along'
unlike "$(printf '%s\n' "$screen" | grep 'this session')" '\+$' '… and what the answer has cost is counted when it is known'
repl -m one/sim:400 <<'END'
expect one/sim:400
send no\r
expect llmgw: chat:
send /model fast\r
send yes\r
expect yes
expect yes
send \cD
end
END
is "$rc" 0 'a turn that fails ends nothing'
llmgw_start() { printf 'end\n' | "$tool" pty llmgw chat "$@" 2>&1 | tr -d '\r'; }
is "$(llmgw_start -m nobody/knows)" 'llmgw: chat: no model or route "nobody/knows"
hint: llmgw models; llmgw route list
exit=4' 'who is not known is told before anything is typed'
is "$(llmgw_start -r defualt)" 'llmgw: chat: no route "defualt" (did you mean "default"?)
exit=4' '… a route, too'
is "$(llmgw_start --config /dev/null -S "$tmp/bare.sock" | head -n 1)" \
    'llmgw: chat: no provider is configured, and the environment has no key' '… and that nobody can be asked'

# ---- what is known before it is asked ----
config <<END
[core]
    default-route = pair
[chat]
    prompt = "{name}|{cost}|{turns}|{project}|{title}|{private}|{other}> "
    project = demo
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[provider "openai"]
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/*"]
    input = 100
    output = 200
[alias]
    luna = openai/gpt-6-luna
[route "pair"]
    target = one/sim
    target = one/other
[route "default"]
    target = one/sim
[budget "daily"]
    limit = 5/day
[budget "other"]
    limit = 1/day
    project = elsewhere
END
llmgw broker restart >/dev/null
mkdir -p "$tmp/at/sub"
printf 'low water' >"$tmp/at/tide.txt"
printf '\211PNG\r\n\032\n' >"$tmp/at/x.png"
cat >"$tmp/editor" <<'END'
#!/bin/sh
printf 'edited: %s' "$(cat "$1")" >"$1"
END
chmod +x "$tmp/editor"
EDITOR=$tmp/editor
LLMGW_PAGER='sed s/^/VIEWED:/'
export EDITOR LLMGW_PAGER
repl <<END
expect llmgw chat · route pair → one/sim · /help
expect pair|\$0.00|0|demo||
send one question\r
expect one question
expect |1|demo||
send /title tide tables\r
expect is called "tide tables"
send /private on\r
expect pair|
expect |1|demo|tide tables|private|{other}> 
send /private off\r
expect |{other}> 
send /budget\r
expect budget daily: \$0.
expect a day (soft)
send /file $tmp/at/tide.txt\r
send /attach $tmp/at/x.png\r
send !!echo noise\r
expect noise
expect noise
expect {other}> 
send /context\r
expect earlier turns
expect output of commands
expect 1 
expect file    $tmp/at/tide.txt
expect 2 
expect attach  $tmp/at/x.png
expect in 1 turn
send /drop 2\r
send /drop 1\r
send look at @$tmp/at/tide.txt and @nobody\r
expect low water
expect |2|demo|
send what is @$tmp/at/x.png ?\r
expect |3|demo|
send @$tmp/at/ti\t
expect tide.txt


send \cC
expect ^C
send /model lu\t\r
expect luna
send /model \t\t
expect luna
expect a million
expect M tokens
expect route: one/sim, one/other
send \cC
expect ^C
send draft\cX\cE\r
expect edited: draft
expect edited: draft
expect |{other}> 
send /view\r
expect VIEWED:edited: draft
expect |{other}> 
send \cD
end
END
is "$rc" 0 'prompt, greeting, titles, budgets, context, paths and the editor'
unlike "$screen" 'budget other' 'a budget that does not count it is not shown'
like "$(grep '"what":"request"' "$one_journal" | grep 'look at')" '<file path=' '@path brings its file along'
like "$(grep '"what":"request"' "$one_journal" | grep 'look at')" '@nobody' '… and a name that is none stays a word'
like "$(grep '"what":"request"' "$one_journal" | grep 'what is @')" 'image_url' '… an image as what it is'
is "$(sql_wait "SELECT name FROM conversation ORDER BY last_us DESC LIMIT 1" 'tide tables')" 'tide tables' \
    '/title names the conversation'
llmgw chat --cid 'tide tables' -m one/sim 'again' >"$tmp/o" 2>&1 </dev/null
is "$?" 0 '… by which it can be gone on with'

llmgw broker stop >/dev/null 2>&1
done_testing
