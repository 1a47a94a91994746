#!/bin/sh
# The interactive chat where something is odd: windows that change in mid-answer, jobs that stop, a
# history that cannot be kept, no HOME, no TERM, lines of thousands of characters.
. "$top_srcdir/tests/e2e/lib.sh"
need curl

start_sim one
scenario one <<END
on has="and on": text="and on"
on has=quoting: text="> $(seq -f 'q%04g' -s ' ' 1 4000)" gap=20ms
on has=counting: text="$(seq -f 'w%03g' -s ' ' 1 999)" gap=20ms
set text=echo
END
ONE_KEY=sk-one TERM=xterm
export ONE_KEY TERM
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/*"]
    input = 100
    output = 200
[route "default"]
    target = one/sim
END
unset NO_COLOR COLUMNS
escape=$(printf '\033')

# repl COMMAND…: $screen is without styles
repl() {
    at_terminal "$@"
    screen=$(printf '%s\n' "$screen" | sed "s/$escape\[[?0-9;]*[a-zA-Z]//g")
}

# ---- a window that changes while an answer comes ----
repl llmgw chat <<'END'
expect default
send go counting\r
expect w040
size 40 20
expect w160
size 60 20
expect w280
send \cC
expect [stopped]
send \cD
end
END
is "$rc" 0 'a window changes twice while an answer comes'
at() { printf '%s\n' "$screen" | sed -n "/w$1/,/w$2/p" | sed '1d;$d' | awk '{ if (length > n) n = length } END { print n }'; }
# some words are on their way while the window changes
is "$(at 001 039) $(at 120 160) $(at 240 280)" '79 39 59' '… and its rows do'
is "$(printf '%s\n' "$screen" | tail -n 2 | grep -c .)" 2 'who leaves gets a new line, and one only'

# ---- a job that stops while an answer comes ----
repl llmgw chat <<'END'
expect default
send go counting\r
expect w020
cooked no
signal TSTP
cooked yes
signal CONT
cooked no
expect w060
send \cC
expect [stopped]
send and on\r
expect and on
expect default $0.
signal TSTP
cooked yes
signal CONT
cooked no
send \cD
end
END
is "$rc" 0 'a job that stops gives the terminal back as it was, and goes on'
repl llmgw chat <<'END'
expect default
send quoting\r
expect q0020
signal TSTP
cooked yes
signal CONT
cooked no
expect q0100
send \cC
expect [stopped]
send \cD
end
END
# a shell would have written between; here the row that it goes on with stands behind the one before
joined=$(printf '%s\n' "$screen" | sed -n 's/^│ .*q[0-9]*│/|/p')
like "$joined" '^\| q[0-9]* q' '… where a row begins'
is "${#joined}" "$(printf '%s\n' "$screen" | sed -n 's/^│ q0001/| q0001/p' | awk '{ print length }')" '… which is as long as others'

# ---- a history that cannot be kept ----
mkdir -p "$tmp/state/llmgw" "$tmp/full/llmgw/history"
XDG_STATE_HOME=$tmp/full LLMGW_COLUMNS=200 repl llmgw chat <<'END'
expect history: Is a directory; what you type is not kept
expect default
send first words\r
expect first words
expect default $0.
send \e[A
expect first words
send \cC
expect ^C
send \cD
end
END
is "$rc" 0 'a history that cannot be kept is told, and lasts as long as the session'
XDG_STATE_HOME=$tmp/full repl llmgw chat -q <<'END'
expect default
send \cD
end
END
unlike "$screen" 'not kept' '… not with -q'

# ---- no HOME, no TERM ----
for without in HOME TERM 'TERM=nonesuch'; do
    case $without in *=*) set -- "$without" ;; *) set -- -u "$without" ;; esac
    repl env "$@" llmgw chat <<'END'
expect default
send one more\r
expect one more
expect default $0.
send \cD
end
END
    is "$rc" 0 "env $*"
done
is "$(printf 'end\n' | "$tool" pty sh -c 'llmgw chat <&-' 2>&1 | tr -d '\r')" \
    'llmgw: chat: nothing to say: no words, no files, no standard input
exit=2' 'a closed standard input is no conversation'

# ---- a line of 6,000 characters, typed ----
half=$(seq -f 'word%04g' -s ' ' 1 333)
repl llmgw chat <<END
expect default
send $half 
send $half\\r
expect default \$0.
send \\cD
end
END
is "$rc $(last_request one body.messages.0.content)" "0 $half $half" 'a line of six thousand characters'

done_testing
