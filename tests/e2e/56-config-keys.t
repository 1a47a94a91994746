#!/bin/sh
# Keys of the configuration that nothing else is about: each does what its manual says.
. "$top_srcdir/tests/e2e/lib.sh"
need sqlite3 curl

start_sim one
start_sim two
ONE_KEY=sk-one
export ONE_KEY
base() { # the configuration, with more of it from standard input
    cat >"$config_file"
    cat <<END >>"$config_file"
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[provider "two"]
    kind = anthropic
    base-url = http://127.0.0.1:$two_port
    key-env = ONE_KEY
[core]
    record = full
END
}

reload() { http -X POST /llmgw/v1/reload >/dev/null; }

# ---- broker.db ----
base <<END
[broker]
    db = $tmp/else where/my.db
END
start_broker
ask -m one/sim:tokens=3 hello
is "$(got outcome)" ok 'a broker with a ledger of another name'
db="$tmp/else where/my.db"
is "$(sql_wait 'SELECT count(*) FROM request' 1)" 1 'broker.db: the ledger is there'
is "$(find "$XDG_DATA_HOME" -name 'llmgw.db*' 2>/dev/null)" '' '… and not at its usual place'
is "$(llmgw cost today -j | "$tool" json totals.requests)" 1 '… and reports read it'
is "$(llmgw log path)" "$db" '… and say where it is'
stop_broker
db=$XDG_DATA_HOME/llmgw/llmgw.db

# ---- broker.socket-group ----
group=$(id -gn)
[ "$(id -u)" != 0 ] || group=daemon
base <<END
[broker]
    socket-group = $group
END
start_broker
like "$(cat "$broker_log")" "dir=$XDG_RUNTIME_DIR mode=700 nobody else can reach the socket" \
    'broker.socket-group: a closed directory makes it useless, and the log says so'
stop_broker
usual=$sock
sock=$tmp/open/broker.sock
chmod 711 "$tmp"
base <<END
[broker]
    socket-group = $group
    socket = $sock
END
start_broker
is "$(stat -c '%a %G' "$sock") $(stat -c %a "$tmp/open")" "660 $group 711" \
    '… in an open one, members of the group may'
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    as() { # a user of that group
        setpriv --reuid 4242 --regid "$1" --clear-groups \
            curl -sS -o /dev/null -w '%{http_code}' --unix-socket "$sock" http://llmgw/healthz 2>/dev/null
    }
    is "$(as "$group")" 200 '… and are answered'
    is "$(as games)" 000 '… others are not'
else
    skip '… and are answered' 'needs root and setpriv'
fi
stop_broker
base <<END
[broker]
    socket-group = no-such-group
END
out=$(llmgwd 2>&1)
isnt "$?" 0 'a group that is none ends the start'
like "$out" 'no group "no-such-group"' '… by name'
chmod 700 "$tmp"
sock=$usual

# ---- telemetry.body-size ----
base </dev/null
start_broker
for i in 1 2 3 4; do
    # text that does not shrink
    ask -m one/sim:tokens=3 "$i $(head -c 30000 /dev/urandom | base64 -w 0)"
done
sql_wait 'SELECT count(*) FROM body' 4 >/dev/null
is "$(sql 'SELECT count(*) FROM body')" 4 'four texts are kept'
base <<END
[telemetry]
    body-size = 70k
END
reload
is "$(sql_wait 'SELECT group_concat(rid) FROM body' 3,4)" '3,4' \
    'telemetry.body-size: the oldest go until the rest fits'
is "$(sql 'SELECT count(*) FROM request')" 4 '… the requests stay'
stop_broker

# ---- telemetry.row-days ----
rm -f "$db" "$db"-*
"$top_builddir/tests/tools/mkledger" "$db" 300 2025-01-01 2025-02-01 7 || bail 'no ledger'
before=$(llmgw cost --since 2025-01-01 --until 2025-03-01 -j | "$tool" json totals.cost_pusd)
base <<END
[telemetry]
    row-days = 36500
END
start_broker
ask -m one/sim:tokens=3 hello
sql_wait 'SELECT count(*) FROM request WHERE start_us > 1750000000000000' 1 >/dev/null
is "$(sql 'SELECT count(*) FROM request')" 301 'requests of a hundred years are kept'
base <<END
[telemetry]
    row-days = 30
END
reload
is "$(sql_wait 'SELECT count(*) FROM request' 1)" 1 'telemetry.row-days: older ones go'
is "$(sql 'SELECT count(*) FROM attempt')" 1 '… with their attempts'
is "$(llmgw cost --since 2025-01-01 --until 2025-03-01 -j | "$tool" json totals.cost_pusd)" "$before" \
    '… their sums stay'
stop_broker

# ---- model.max-output ----
base <<END
[model "one/sim"]
    max-output = 77
[model "two/sim"]
    max-output = 88
[price "one/sim"]
    input = 1
    output = 10
END
start_broker
like "$(llmgw route explain --no-stdin -m one/sim hello)" '≤77 out' 'model.max-output bounds what is priced'
is "$(llmgw route explain --no-stdin -m one/sim --max-tokens 500 -j hello | "$tool" json cost_output_tok)" 77 \
    '… also when more is asked for'
ask -m two/sim hello
like "$(cat "$two_journal")" 'max_tokens\\?":88[,}]' '… and is the cap of a dialect that needs one'

# ---- limit.input-tokens, limit.output-tokens ----
base <<END
[limit "target:one/in"]
    input-tokens = 40/h
[limit "target:one/out"]
    output-tokens = 40/h
[limit "target:one/both"]
    tokens = 40/h
END
reload
long=$(printf 'word %.0s' $(seq 100))
verdict() { llmgw route explain --no-stdin -m "$1" --max-tokens "$2" "$3" 2>&1; }
like "$(verdict one/in 500 hello)" 'would send: yes' 'limit.input-tokens: output does not count'
like "$(verdict one/in 5 "$long")" 'never fits: target:one/in input tokens' '… input does'
like "$(verdict one/out 5 "$long")" 'would send: yes' 'limit.output-tokens: input does not count'
like "$(verdict one/out 500 hello)" 'never fits: target:one/out output tokens' '… output does'
like "$(verdict one/both 20 hello)" 'would send: yes' 'limit.tokens: both'
like "$(verdict one/both 5 "$long")" 'never fits: target:one/both tokens' '… count'
ask -m one/out --max-tokens 30 hello
is "$(got outcome)" ok 'what fits is answered'
like "$(verdict one/out 39 hello)" 'no room: target:one/out output tokens, fits in' \
    '… and what it used is gone for a while'
stop_broker

done_testing
