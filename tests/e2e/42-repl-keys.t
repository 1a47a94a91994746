#!/bin/sh
# The interactive chat against what terminals do: pastes, arrow keys, dumb ones, evil answers.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

start_sim one
scenario one <<END
on has="be evil": text="$(printf 'a\033[31mred\033]0;title\007 b\342\200\256c\302\233d')"
set text=echo
END
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/*"]
    input = 100
    output = 200
[alias]
    long = one/sim:text=lorem,tokens=60,gap=20ms
    slow = one/sim
[route "default"]
    target = one/sim
END
ONE_KEY=sk-one
TERM=xterm
export ONE_KEY TERM
unset NO_COLOR

repl() { at_terminal llmgw chat "$@"; }

# ---- a paste ----
paste=$(seq -f 'row %g' 1 300 | tr '\n' '@' | sed 's/@$//; s/@/\\r/g')
repl <<END
expect default
send \\e[200~$paste\\e[201~
expect row 300
send \\r
expect default \$0.
send \\cD
end
END
is "$rc $(requests one)" '0 1' 'three hundred pasted lines are one question'
is "$(last_request one body.messages.0.content | wc -l)" 300 '… with all its lines'
repl <<'END'
expect default
send \e[A\r
expect row 300
expect default $0.
send \cD
end
END
is "$rc $(requests one)" '0 2' 'the history has it as one, also in the next session'

# ---- keys while an answer comes ----
repl -m long <<'END'
expect long
send tell me\r
expect by
send \e[A
expect long $0.
expect tell me
send \cU/context\r
expect in 1 turn
send \cD
end
END
is "$rc" 0 'an arrow key is no Esc'
unlike "$screen" '\[stopped\]' '… and stops nothing'
repl -m long <<'END'
expect long
send tell me\r
expect by
send typed ahead
expect long $0.
expect typed ahead
send \cC
expect ^C
send \cD
end
END
is "$rc" 0 'what is typed meanwhile begins the next line'

# ---- an answer that is not to be trusted ----
repl <<'END'
expect default
send be evil\r
expect default $0.
send \cD
end
END
unlike "$(cat "$tmp/screen.raw")" "$(printf '\033\\[31m|\033\\]0;title')" 'no control sequence of an answer reaches the terminal'
unlike "$(cat "$tmp/screen.raw")" "$(printf '\342\200\256|\302\233')" '… and no mark that turns the text around'
like "$screen" 'ared' '… but its text does'

scenario one <<END
on model=wrong: 400 message="$(printf 'no\033]0;owned\007 \033[31mway')"
set text=echo
END
llmgw chat -m one/wrong hi >"$tmp/o" 2>&1 </dev/null
is "$? $(cat "$tmp/o")" '7 llmgw: chat: no way' '… nor one of what a provider says is wrong'
llmgw chat "$(printf 'bad \033]0;owned\007 \033[31mtitle')" >/dev/null </dev/null
sql_wait "SELECT count(*) FROM conversation WHERE title LIKE 'bad%'" 1 >/dev/null
repl <<'END'
expect default
send /list bad\r
expect about
expect default
send /resume 1\r
expect goes on with
expect default
send /resume \t\t\t
expect bad
send \cU\cD
end
END
is "$rc" 0 'a conversation whose title is not to be trusted'
unlike "$(cat "$tmp/screen.raw")" "$(printf '\033\\[31m|\033\\]0;owned')" '… is listed and gone on with, without'

# ---- a dumb terminal ----
TERM=dumb repl <<'END'
expect default
send **plain**\n
expect **plain**
expect **plain**
expect default $0.
send /exit\n
end
END
is "$rc" 0 'a dumb terminal sends LF for Enter'
unlike "$(cat "$tmp/screen.raw")" "$(printf '\033')" '… and gets no sequence at all'

# ---- narrow, and narrower ----
repl <<'END'
size 40 20
signal WINCH
expect default
send one two three four five six seven eight nine ten eleven twelve\r
expect default $0.
size 20 20
signal WINCH
send again\r
expect again
expect again
expect default $0.
send \cD
end
END
is "$rc" 0 'a window may become narrow'
like "$screen" 'one two three four five six seven eight$' 'words wrap at its edge'

# ---- waiting ----
# the provider goes on when the sign was seen
kill -STOP "$one_pid"
printf 'expect ⠋ slow \nexpect s\nsignal CONT %s\nend\n' "$one_pid" |
    "$tool" pty llmgw chat -m slow hi >"$tmp/screen.raw" 2>&1
is $? 0 'who waits is shown whom for, and how long'
kill -CONT "$one_pid"
like "$(tr -d '\r' <"$tmp/screen.raw" | tail -n 3)" 'hi$' '… until the answer comes'
llmgw chat -m one/sim:first=900ms hi >/dev/null 2>"$tmp/err" </dev/null
is "$(cat "$tmp/err")" '' '… and not but at a terminal'

llmgw broker stop >/dev/null 2>&1
done_testing
