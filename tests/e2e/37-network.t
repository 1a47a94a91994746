#!/bin/sh
# The way to a provider: names that nobody resolves, proxies, kept connections that die, and
# readers so slow that an answer of many megabytes must wait. Where the test may have a network of
# its own, its name server takes questions and never answers.
if [ "$(id -u)" = 0 ] && [ "${1:-}" != alone ] && unshare -mn true 2>/dev/null; then
    exec unshare -mn sh "$0" alone
fi
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

has_mute_dns=
if [ "${1:-}" = alone ] && ip link set lo up 2>/dev/null; then
    printf 'nameserver 127.0.0.1\noptions timeout:2 attempts:2\n' >"$tmp/resolv.conf"
    spawn mute "$tool" mute 53
    wait_for "$tmp/mute.out" ready && mount --bind "$tmp/resolv.conf" /etc/resolv.conf 2>/dev/null &&
        has_mute_dns=yes
fi

start_sim one
ONE_KEY=sk-one
export ONE_KEY
provider() { # NAME URL LINE…
    printf '[provider "%s"]\n kind = openai\n key-env = ONE_KEY\n base-url = %s/v1\n' "$1" "$2"
    shift 2
    printf ' %s\n' "$@"
}
config <<END
$(provider one http://127.0.0.1:$one_port)
$(provider slow http://slow.example)
$(provider through http://nowhere.example "proxy = http://127.0.0.1:$one_port")
$(provider with-password http://nowhere.example "proxy = http://user:pw-mark@127.0.0.1:$one_port")
$(provider tunnel https://nowhere.example "proxy = http://127.0.0.1:$one_port")
$(provider no-proxy http://nowhere.example 'proxy = http://127.0.0.1:1')
$(provider no-tls https://127.0.0.1:$one_port)
[route "slow"]
	target = slow/sim
	connect-timeout = 1s
	timeout = 4s
[route "rescued"]
	target = slow/sim
	target = one/sim
	connect-timeout = 500ms
END
start_broker
status_of() { http /llmgw/v1/status | "$tool" json "$1"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
in_flight() { status_of in_flight; }

# ---- names ----
if [ -n "$has_mute_dns" ]; then
    ask -t 9s -m slow hello
    is "$(got outcome) $(got class)" 'error timeout' 'a name that is not resolved in time is an error'
    cmp_num "$(got took_ms)" -lt 3900 '… when the time to connect is over'
    ask -t 9s -m rescued hello
    is "$(got outcome)" ok '… and another target serves'
    for i in 1 2 3 4 5 6 7 8; do
        "$tool" ask -u "$sock" -t 700ms -m slow hello >"$tmp/slow.$i" 2>&1 &
        pids="$pids $!"
        waiting="${waiting:-} $!"
    done
    worst=0
    for i in 1 2 3 4 5 6 7 8; do
        ask -m one/sim hello
        [ "$(got outcome)" = ok ] || worst=99999
        [ "$(got took_ms)" -gt "$worst" ] && worst=$(got took_ms)
    done
    # one that waits for a resolver's thread waits for four seconds
    cmp_num "$worst" -lt 2000 "while eight wait for a name, others are served: $worst ms"
    # shellcheck disable=SC2086
    wait $waiting
    is "$(until_is 0 in_flight)" 0 '… and nothing is left of those who gave up'
    cmp_num "$(ls "/proc/$broker_pid/task" | wc -l)" -lt 60 '… but some resolver threads'
else
    skip 'a name that is not resolved' 'needs root, unshare and ip'
fi
ask -t 9s -m slow/sim -H 'x-llmgw-timeout-ms: 600' hello
is "$(got outcome)" error 'the time for all ends it, too'

# ---- proxies ----
: >"$one_journal"
ask -m through/sim hello
is "$(got outcome)" ok 'a provider is asked through its proxy'
is "$(last_request one target)" http://nowhere.example/v1/chat/completions '… which resolves the name'
ask -m with-password/sim hello
is "$(got outcome)" ok '… and gets its password'
is "$(grep -c 'proxy-authorization' "$one_journal")" 1 '… in its header'
: >"$one_journal"
ask -m tunnel/sim hello
is "$(got outcome) $(got class)" 'error network' 'a proxy that makes no tunnel is an error of the network'
is "$(grep -c sk-one "$one_journal")$(grep -ci authorization "$one_journal")" 00 '… and never sees the key'
ask -m no-proxy/sim hello
is "$(got outcome) $(got class)" 'error network' 'so is one that is not there'
: >"$one_journal"
ask -m no-tls/sim hello
is "$(got outcome) $(got class) $(requests one)" 'error network 0' 'so is TLS to a port that has none'

# ---- kept connections that die ----
scenario one <<END
on: idle-close=30ms
END
: >"$one_journal"
n_ok=0
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    ask -m one/sim hello
    [ "$(got outcome)" = ok ] && n_ok=$((n_ok + 1))
    "$tool" wait "$tmp/never" '^never$' "2${i}ms" 2>/dev/null
done
is "$n_ok $(requests one)" '12 12' 'closed at about the time of the next request: each is asked once'
scenario one <<END
on conn=2..: close
END
: >"$one_journal"
before=$(sql 'select count(*) from attempt')
for i in 1 2 3 4 5 6; do ask -s -m one/sim hello; done
all=$(requests one)
is "$(sql_wait "select count(*) - $before from attempt" "$all")" "$all" \
    'closed under the next request: every POST is an attempt of its own'
scenario one </dev/null

# ---- a slow reader ----
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$broker_pid/status"; }
ask -s -m one/sim hello
before=$(rss)
for i in 1 2 3 4; do
    "$tool" ask -u "$sock" -s -w 500ms -t 4s -m one/sim:tokens=400000 -n 9000000 hello >"$tmp/slow.$i" 2>&1 &
    pids="$pids $!"
    waiting="$waiting $!"
done
is "$(until_is 4 in_flight)" 4 'four read a kilobyte a second of fifty megabytes'
most=0
until [ "$(in_flight)" = 0 ]; do
    ask -m one/sim hello
    [ "$(got outcome)" = ok ] || most=999999
    [ "$(rss)" -gt "$most" ] && most=$(rss)
    "$tool" wait "$tmp/never" '^never$' 100ms 2>/dev/null
done
# 256 KiB queued for each, what libcurl has in hand, and room for malloc; sanitizers free late
room=8192
is_sanitized && room=65536
cmp_num $((most - before)) -lt $room "… and the broker holds little of it: $((most - before)) KiB"
like "$(cat "$tmp/slow.1")" '^outcome=timeout' '… while others are served'

stop_broker
is "$rc" 0 'the broker ends well'
is "$(grep -c pw-mark "$broker_log")" 0 'no password in the log'
done_testing
