#!/bin/sh
# llmgwd as a process: started once however many ask, sockets dead and deleted, reload, drain,
# idle exit, socket activation, other users, and no key anywhere.
. "$top_srcdir/tests/e2e/lib.sh"
need curl

ONE_KEY=sk-marker-one
export ONE_KEY
start_sim one
good_config() {
    config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[route "default"]
    target = one/sim
$1
END
}
good_config ''
auto_log=$XDG_STATE_HOME/llmgw/broker.log
auto_pid() { cat "$sock.pid"; }
n_ready() { grep -c 'info broker .* ready$' "$auto_log"; }
status_of() { http /llmgw/v1/status | "$tool" json "$1"; }
# gone PID: waits until the process has ended
gone() {
    i=0
    while kill -0 "$1" 2>/dev/null && [ "$i" -lt 200 ]; do
        "$tool" wait "$tmp/never" '^never$' 50ms 2>/dev/null
        i=$((i + 1))
    done
    ! kill -0 "$1" 2>/dev/null
}
# listening: waits until somebody answers on the socket
listening() {
    i=0
    until http /healthz >/dev/null 2>&1 || [ "$i" -ge 100 ]; do
        "$tool" wait "$tmp/never" '^never$' 50ms 2>/dev/null
        i=$((i + 1))
    done
    http /healthz >/dev/null 2>&1
}

# ---- started by clients ----
clients=
i=0
while [ "$i" -lt 50 ]; do
    llmgw chat --no-stdin "hello $i" >"$tmp/cold.$i" 2>&1 &
    clients="$clients $!"
    i=$((i + 1))
done
failed=0
for p in $clients; do wait "$p" || failed=$((failed + 1)); done
pids="$pids $(auto_pid)"
is "$failed" 0 'fifty clients at once, from cold, all get answers'
is "$(n_ready)" 1 '… from one broker'
is "$(status_of auto)" true '… that knows it was started by a client'
is "$(stat -c %a "$sock" "$XDG_RUNTIME_DIR/llmgw" | tr '\n' ' ')" '600 700 ' \
    'its socket and directory are for us alone'
is "$(tr '\0' '\n' <"/proc/$(auto_pid)/environ" 2>/dev/null | grep -c 'sk-marker')" 0 \
    'its environment holds no key any more'
if [ "$(id -u)" = 0 ]; then
    cmp_num "$(tr '\0' '\n' <"/proc/$(auto_pid)/environ" | grep -c '^HOME=')" -gt 0 \
        '… though the rest of it can be read'
fi
is "$(readlink "/proc/$(auto_pid)/cwd")" / 'it keeps nobody'"'"'s directory busy'

first=$(auto_pid)
kill -KILL "$first"
gone "$first"
ok 'after kill -9 a client starts another' llmgw chat --no-stdin hello
isnt "$(auto_pid)" "$first" '… in place of the dead one'
is "$(n_ready)" 2 '… once'
pids="$pids $(auto_pid)"

ok 'llmgw broker stop' llmgw broker stop
is "$(ls "$XDG_RUNTIME_DIR/llmgw" | grep -c 'sock$')" 0 '… takes its socket with it'

llmgw --conf broker.idle-exit=300ms chat --no-stdin hello >/dev/null 2>&1
ok 'a broker that a client started ends when it is idle' gone "$(auto_pid)"

# ---- paths that are meant from where the client is ----
mkdir "$tmp/here"
cp "$LLMGW_CATALOG" "$tmp/here/models.tsv"
sed 's/key-env = ONE_KEY/key-file = one.key/' "$config_file" >"$tmp/here/conf"
echo sk-marker-one >"$tmp/here/one.key"
chmod 600 "$tmp/here/one.key" "$tmp/here/conf"
near() { # llmgw there, with names of files only
    (cd "$tmp/here" && PATH=$(cd "$OLDPWD" && cd "$top_builddir" && pwd):$PATH \
        LLMGW_CATALOG=models.tsv LLMGW_DB=my.db LLMGW_CONFIG=conf LLMGW_SOCKET=s llmgw "$@")
}
ok 'relative names in variables are found by a broker that a client starts' near chat --no-stdin hello
ok '… the ledger, too' test -s "$tmp/here/my.db"
is "$(readlink "/proc/$(cat "$tmp/here/s.pid")/cwd")" / '… which keeps nobody'"'"'s directory busy, still'
near broker stop >/dev/null
(cd "$tmp/here" && mkdir sub && mv my.db* one.key sub)
sed -i '/key-file/d' "$tmp/here/conf"
ok '… and in --conf' near --conf broker.db=sub/other.db --conf provider.one.key-file=sub/one.key \
    chat --no-stdin hello
ok '… there' test -s "$tmp/here/sub/other.db"
near broker stop >/dev/null
llmgw -S "$tmp/none/at/all/s" chat --no-stdin hello >"$tmp/o" 2>&1
is "$?" 10 'the folder of a socket that the user names must be there'
like "$(cat "$tmp/o")" "hint: mkdir -p -m 700 $tmp/none/at/all" '… and he is told how to make it'
ok '… nothing is made' test ! -e "$tmp/none"

# ---- started by hand ----
start_broker
is "$(status_of auto)" false 'a broker started by hand knows it'
llmgwd >"$tmp/second.out" 2>"$tmp/second.err"
is "$? $(cat "$tmp/second.err")" \
    "10 llmgwd: a broker is running already on $sock (pid $broker_pid)" \
    'a second one on the same socket is refused'

rm "$sock"
kill -USR1 "$broker_pid"
ok 'SIGUSR1 makes a deleted socket anew' listening
is "$(auto_pid)" "$broker_pid" '… of the same broker'

good_config '[route "two"]
    target = three/sim
    bogus = 1'
kill -HUP "$broker_pid"
ok 'a wrong configuration is refused on SIGHUP' wait_for "$broker_log" 'kept="the old'
like "$(status_of config_error)" "^$config_file:[0-9]+: " '… with file and line in status'
ask -m one/sim hello
is "$(got outcome)" ok '… and the old one stays in force'
good_config '[route "two"]
    target = one/sim'
kill -HUP "$broker_pid"
ok 'a right one is taken' wait_for "$broker_log" 'new configuration in force'
is "$(status_of config_error)" '' '… and the error is gone'
ask -m two hello
is "$(got outcome)" ok '… and its route is there'

ask -s -m one/sim:stall=3,stall-for=600ms hello &
asking=$!
pids="$pids $asking"
i=0
until [ "$(status_of in_flight)" = 1 ] || [ "$i" -ge 100 ]; do i=$((i + 1)); done
kill -TERM "$broker_pid"
wait_for "$broker_log" stopping
is "$(http /healthz 2>&1 | cut -c -9)" 'curl: (7)' 'a stopping broker lets nobody in'
wait "$asking"
is "$(got outcome) $(got pieces)" 'ok 16' '… but finishes what is in flight'
wait "$broker_pid"
is "$?" 0 '… and ends well'

good_config '[broker]
    drain = 600s'
: >"$broker_log"
start_broker
spawn idle "$tool" raw -u "$sock" -t 600s '@GET@\r\n'
i=0
until [ "$(status_of connections)" = 2 ] || [ "$i" -ge 100 ]; do i=$((i + 1)); done
kill -TERM "$broker_pid"
ok 'a client without a request does not keep it from ending' \
    wait_for "$broker_log" 'requests=0 stopped' 60
stop_broker KILL
reap "$pid"

good_config '[route "two"]
    bogus = 1'
llmgwd >"$tmp/wrong.out" 2>"$tmp/wrong.err"
is "$?" 2 'with a wrong configuration it does not start'
like "$(cat "$tmp/wrong.err")" "^llmgwd: $config_file:[0-9]+: " '… and says where it is wrong'
good_config ''

# ---- steering, and versions that do not meet ----
start_broker
code() { http -o /dev/null -w '%{http_code}' -H 'x-llmgw-proto: 9' "$@"; }
is "$(code /llmgw/v1/targets) $(code /v1/models)" '426 426' 'another protocol is refused'
is "$(code /llmgw/v1/status)" 200 '… but always told who is there'
llmgw route drain one >/dev/null
ask -m one/sim hello
is "$(got outcome)" error 'a drained provider gets no request'
llmgw route undrain one >/dev/null
ask -m one/sim hello
is "$(got outcome)" ok '… until it is put back'
is "$(code -X POST /llmgw/v1/stop)" 200 'a client of any version can stop the broker'
wait "$broker_pid"
is "$?" 0 '… which then ends well'

# ---- impatience ----
start_broker --conf broker.drain=100ms
ask -s -t 20s -m one/sim:stall=3 hello &
asking=$!
pids="$pids $asking"
i=0
until [ "$(status_of in_flight)" = 1 ] || [ "$i" -ge 100 ]; do i=$((i + 1)); done
stop_broker
is "$rc" 0 'out of patience with a stalled stream it ends all the same'
wait "$asking"
isnt "$(got outcome)" ok '… and the client is not told it was whole'

# ---- socket activation ----
if command -v systemd-socket-activate >/dev/null; then
    mkdir -p "$XDG_RUNTIME_DIR/llmgw"
    chmod 700 "$XDG_RUNTIME_DIR/llmgw"
    spawn activated systemd-socket-activate -l "$sock" -E ONE_KEY -E HOME -E PATH -E LLMGW_CATALOG \
        -E XDG_CONFIG_HOME -E XDG_DATA_HOME -E XDG_STATE_HOME -E XDG_RUNTIME_DIR \
        "$top_builddir/llmgwd"
    activated=$pid
    ok 'a socket that is handed over is served' wait_for "$tmp/activated.err" Listening
    ok '… from the first connection on' listening
    ask -m one/sim hello
    is "$(got outcome)" ok '… with answers'
    reap "$activated"
    is "$rc" 0 '… until it is stopped'
    rm -f "$sock"
else
    skip 'a socket that is handed over is served' 'no systemd-socket-activate'
fi

# ---- a service manager ----
if command -v systemd-socket-activate >/dev/null; then
    # the first datagram starts dd, which writes down what it and the next ones say
    spawn manager systemd-socket-activate -d -l "$tmp/notify" --inetd "$(command -v dd)" \
        "of=$tmp/notified" bs=4096 count=2 status=none
    manager=$pid
    wait_for "$tmp/manager.err" Listening
    NOTIFY_SOCKET=$tmp/notify
    export NOTIFY_SOCKET
    start_broker
    stop_broker
    unset NOTIFY_SOCKET
    wait_for "$tmp/notified" STOPPING
    reap "$manager"
    is "$(tr '\n' ' ' <"$tmp/notified")" 'READY=1STOPPING=1' 'a service manager is told: ready, stopping'
else
    skip 'a service manager is told' 'no systemd-socket-activate'
fi

# ---- other users ----
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    stranger() {
        setpriv --reuid=65534 --regid=65534 --clear-groups curl -sS -o /dev/null \
            -w '%{http_code}' --unix-socket "$sock" http://llmgw/healthz 2>&1
    }
    start_broker
    chmod 711 "$tmp" "$XDG_RUNTIME_DIR" "$XDG_RUNTIME_DIR/llmgw"
    like "$(stranger)" '\(7\)' 'another user does not reach the socket'
    chmod 666 "$sock"
    is "$(stranger)" 403 '… and is refused by its uid where the file would let it in'
    stop_broker
    start_broker --conf broker.allow-uid=65534
    is "$(stranger)" 200 '… unless allow-uid names it'
    stop_broker
    chmod 700 "$XDG_RUNTIME_DIR/llmgw"
else
    skip 'another user is refused' 'needs root and setpriv'
fi

# ---- TCP ----
client_key=$(llmgw client add ci 2>/dev/null | grep -o 'llmgw-[A-Za-z0-9_-]*\|sk-[A-Za-z0-9_-]*' | head -n 1)
if [ -n "$client_key" ]; then
    start_broker --conf broker.listen=127.0.0.1:0
    port=$(sed -n 's/.*listen host=127.0.0.1 port=\([0-9]*\) .*/\1/p' "$broker_log" | tail -n 1)
    tcp() { curl -sS -o "$tmp/tcp.out" -w '%{http_code}' --noproxy '*' "$@"; }
    is "$(tcp "http://127.0.0.1:$port/healthz")" 401 'over TCP nobody comes in without a key'
    is "$(tcp -H 'x-api-key: wrong' "http://127.0.0.1:$port/v1/models")" 401 '… or with a wrong one'
    is "$(tcp -H "Authorization: Bearer $client_key" "http://127.0.0.1:$port/v1/models")" 200 \
        '… but with its own'
    is "$(tcp -H "x-api-key: $client_key" "http://127.0.0.1:$port/llmgw/v1/status")" 404 \
        '… which steers nothing'
    second_key=$(llmgw client add second 2>/dev/null)
    is "$(tcp -H "x-api-key: $second_key" "http://127.0.0.1:$port/v1/models")" 200 \
        'a client that is added while the broker runs may come at once'
    llmgw client rm second
    is "$(tcp -H "x-api-key: $second_key" "http://127.0.0.1:$port/v1/models")" 401 \
        '… and no more when it is removed'
    llmgw config set client.ci.key-hash "sha256:$(printf %064d 0)"
    is "$(tcp -H "x-api-key: $client_key" "http://127.0.0.1:$port/v1/models")" 401 \
        'config set is in force at once'
    stop_broker
else
    skip 'TCP needs a client key' 'no llmgw client add'
fi

# ---- a stranger's first call: no PATH of ours, no configuration ----
bare() {
    env -i PATH=/usr/bin:/bin HOME="$tmp/bare" LLMGW_CATALOG="$LLMGW_CATALOG" \
        "$top_builddir/llmgw" "$@"
}
mkdir -m 700 "$tmp/bare"
bare broker start >"$tmp/bare.out" 2>&1
is "$?" 0 'llmgwd is found beside llmgw'
bare broker stop >/dev/null 2>&1
for i in 1 2 3 4; do
    echo "log $i" >"$tmp/bare/.local/state/llmgw/broker.log"
    truncate -s 11M "$tmp/bare/.local/state/llmgw/broker.log"
    bare broker start >/dev/null 2>&1
    bare broker stop >/dev/null 2>&1
done
is "$(cd "$tmp/bare/.local/state/llmgw" && head -qc 5 broker.log.* | tr '\n' '.'; ls "$tmp/bare/.local/state/llmgw" | grep -c broker.log)" \
    'log 4log 3log 24' 'a long log makes place; three are kept'
bare chat hi </dev/null >"$tmp/bare.out" 2>&1
is "$?" 8 '… and without any key the error is about keys'
like "$(cat "$tmp/bare.out")" 'OPENAI_API_KEY' '… and names them'
bare broker stop >/dev/null 2>&1

# ---- a key from a command ----
mkfifo "$tmp/key"
good_config "[provider \"slow\"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-cmd = head -n 1 $tmp/key"
start_broker
"$tool" ask --socket "$sock" -m slow/sim hello >"$tmp/slow" 2>"$tmp/slow.err" &
slow_pid=$!
ask -m one/sim hello
is "$(got outcome)" ok 'nobody else waits for a command that has a key to print'
echo sk-marker-slow >"$tmp/key"
wait "$slow_pid"
is "$(sed -n 's/^outcome=//p' "$tmp/slow")" ok '… and who needs it gets it'
stop_broker

# ---- nothing leaks ----
is "$(cat "$tmp"/*.err "$broker_log" "$auto_log" "$XDG_DATA_HOME"/llmgw/* 2>/dev/null |
    grep -ac 'sk-marker')" 0 'no log and no ledger has the key'
done_testing
