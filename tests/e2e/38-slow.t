#!/bin/sh
# Clients that send slowly, or not at all: a head has ten seconds, a body thirty and what it takes
# at a minimum rate, and who is late gets a 408 and the door. All of them at once hold nobody up.
# The limits: core/limits.h, LIMIT_HEAD_S, LIMIT_BODY_S and LIMIT_BODY_RATE.
. "$top_srcdir/tests/e2e/lib.sh"
need curl

start_sim one
ONE_KEY=sk-one
export ONE_KEY
key=slow-key
config <<END
[provider "one"]
	kind = openai
	base-url = http://127.0.0.1:$one_port/v1
	key-env = ONE_KEY
[broker]
	listen = 127.0.0.1:0
[client "ci"]
	key-hash = sha256:$(printf '%s' "$key" | sha256sum | cut -d ' ' -f 1)
END
start_broker
tcp_port=$(sed -n 's/.*listen host=127.0.0.1 port=\([0-9]*\) .*/\1/p' "$broker_log" | tail -n 1)
fact() { sed -n "s/^$2=//p" "$tmp/$1.out" | sed 's/ *$//'; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# slow NAME BYTES [OPTION…]: in the background, through both doors
slow() {
    name=$1 bytes=$2
    shift 2
    for door in unix tcp; do
        to="-u $sock"
        [ "$door" = tcp ] && to="-p $tcp_port -k $key"
        # shellcheck disable=SC2086
        { "$tool" raw $to -t 60s "$@" "$bytes"; echo "ended=$(now_ms)"; } \
            >"$tmp/$name-$door.out" 2>&1 </dev/null &
        eval "${name}_$door=$!"
        pids="$pids $!"
    done
}
# late NAME FROM TO WHAT: it got a 408 and the door, between these seconds
late() {
    for door in unix tcp; do
        eval "wait \$${1}_$door"
        is "$(fact "$1-$door" answers) $(fact "$1-$door" end)" '408 closed' "$4, $door: 408 and the door"
        like "$(fact "$1-$door" body)" '"message":"the request came too slowly' '… says why'
        took_ms=$(($(fact "$1-$door" ended) - began_ms))
        cmp_num "$took_ms" -ge "$2" '… not before its time was over'
        cmp_num "$took_ms" -lt "$3" "… but then: $took_ms ms"
    done
}

began_ms=$(now_ms)
slow head 'POST /v1/chat/completions HT'
slow head_drip '@POST@@9000*X-A: 1\r\n@' -d 100ms
slow second '@GET@\r\nGET /heal'
if is_sanitized; then
    with_bodies= # half a minute: once is enough
else
    with_bodies=yes
    slow body '@POST@Content-Length: 66\r\n\r\n{"model":'
    slow body_drip '@POST@Content-Length: 66000\r\n\r\n@1000*@BODY@@' -d 50ms
    slow chunk '@POST@Transfer-Encoding: chunked\r\n\r\n42\r\n{"mod'
    slow between '@POST@Transfer-Encoding: chunked\r\n\r\n42\r\n@BODY@\r\n'
fi
"$tool" raw -p "$tcp_port" -t 60s '' >"$tmp/mute.out" 2>&1 </dev/null &
mute=$!
pids="$pids $mute"

# ---- meanwhile ----
most=0
for i in 1 2 3 4 5 6 7 8 9 10; do
    ask -m one/sim hello
    [ "$(got outcome)" = ok ] || most=99999
    [ "$(got took_ms)" -gt "$most" ] && most=$(got took_ms)
done
cmp_num "$most" -lt 2000 "others are served meanwhile: $most ms at most"

# ---- heads ----
late head 9500 16000 'a head that stops'
late head_drip 9500 16000 'a head in drops'
for door in unix tcp; do
    eval "wait \$second_$door"
    is "$(fact "second-$door" answers) $(fact "second-$door" end)" '200 408 closed' \
        "a second head that stops, $door"
done
wait "$mute"
is "$(sed -n 's/^answers=//p; s/^end=//p' "$tmp/mute.out" | tr '\n' ' ')" ' closed ' \
    'over TCP, who says nothing is let go without a word'

# ---- bodies ----
if [ -n "$with_bodies" ]; then
    late body 29500 38000 'a body that stops'
    late body_drip 34000 48000 'a body in drops'
    late chunk 29500 38000 'a chunk that stops'
    late between 29500 38000 'chunks without the last'
fi
is "$(requests one slow)$(requests one vector)" 00 'none of them came to the provider'
ask -m one/sim hello
is "$(got outcome)" ok 'and the next is served as ever'
stop_broker
is "$rc" 0 'the broker ends well'
done_testing
