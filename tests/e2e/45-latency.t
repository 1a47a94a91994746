#!/bin/sh
# No answer is 40 ms late: that is what Nagle's algorithm and delayed acknowledgements cost when
# an answer leaves in two small packets, or when TCP_NODELAY is missing on one of the two legs.
# Twenty requests on one kept connection each way; where it happens, it happens to most.
. "$top_srcdir/tests/e2e/lib.sh"
need curl
if is_sanitized; then
    echo '1..0 # SKIP a sanitizer is slower than what is measured here'
    exit 0
fi

start_sim one
key=sk-latency-test
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[route "default"]
    target = one/sim
[broker]
    listen = 127.0.0.1:0
[client "ci"]
    key-hash = sha256:$(printf %s "$key" | sha256sum | cut -d ' ' -f 1)
END
ONE_KEY=sk-one
export ONE_KEY
start_broker
tcp_port=$(sed -n 's/.*listen host=127.0.0.1 port=\([0-9]*\) .*/\1/p' "$broker_log")

# body NAME WORDS STREAM PROMPT_LEN
body() {
    printf '{"model":"one/sim:%s","stream":%s,"messages":[{"role":"user","content":"%s"}]}' \
        "$2" "$3" "$(printf "%$4s" '' | tr ' ' 'q')" >"$tmp/body.$1"
}

# median_ms BODY URL [CURL OPTION…]: of the total times, after the first. A busy machine is late now
# and then, in one round or the other; those 40 ms would be in every one.
median_ms() {
    body=$1
    url=$2
    shift 2
    for round in 1 2 3 4 5; do
        curl -sS --noproxy '*' --max-time 50 -o /dev/null -w '%{http_code} %{time_total}\n' \
            -H 'Content-Type: application/json' --data-binary "@$tmp/body.$body" "$@" \
            "$url/v1/chat/completions?[1-21]" >"$tmp/times"
        ms=$(sed 1d "$tmp/times" | awk '$1 != 200 { print 999999 } $1 == 200 { print int($2 * 1000) }' |
            sort -n | sed -n 10p)
        [ "$ms" -ge 30 ] || break
    done
    echo "$ms"
}

body whole tokens=4 false 20
body large tokens=4 false 100000
body stream tokens=6 true 20
body long tokens=400 true 3000
for b in whole large stream long; do
    unix=$(median_ms $b http://llmgw --unix-socket "$sock")
    tcp=$(median_ms $b "http://127.0.0.1:$tcp_port" -H "Authorization: Bearer $key")
    cmp_num "$unix" -lt 30 "$b: over the Unix socket"
    cmp_num "$tcp" -lt 30 "$b: over TCP"
    diag "median over the Unix socket $unix ms, over TCP $tcp ms"
done
is "$(curl -sS --noproxy '*' -o /dev/null -w '%{num_connects}\n' -H "x-api-key: $key" \
    "http://127.0.0.1:$tcp_port/v1/models?[1-3]" | tr '\n' ' ')" '1 0 0 ' 'connections are kept'
done_testing
