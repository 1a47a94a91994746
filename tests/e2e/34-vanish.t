#!/bin/sh
# Clients that go away in every state of a request, politely or with a reset: the provider is let
# go at once, nothing stays in flight, and the ledger says what became of it. And peers that close
# one side only, are slow, or send the next request before the answer.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

start_sim one
ONE_KEY=sk-one
export ONE_KEY
key=vanish-key
config <<END
[provider "one"]
	kind = openai
	base-url = http://127.0.0.1:$one_port/v1
	key-env = ONE_KEY
[limit "project:narrow"]
	concurrency = 1
[broker]
	listen = 127.0.0.1:0
	stream-memory = 1M
[client "ci"]
	key-hash = sha256:$(printf '%s' "$key" | sha256sum | cut -d ' ' -f 1)
END
start_broker
tcp_port=$(sed -n 's/.*listen host=127.0.0.1 port=\([0-9]*\) .*/\1/p' "$broker_log" | tail -n 1)
status_of() { http /llmgw/v1/status | "$tool" json "$1"; }
fact() { sed -n "s/^$1=//p" "$tmp/raw" | sed 's/ *$//'; }

in_flight() { status_of in_flight; }

# request MODEL [MEMBERS [HEADER]]: bytes for tool raw
request() {
    body="{\"model\":\"$1\"${2:-},\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
    printf '%s' "POST /v1/chat/completions HTTP/1.1\\r\\n@H@${3:+$3\\r\\n}Content-Length: ${#body}\\r\\n\\r\\n$body"
}

# ---- a client that leaves ----
stream=',"stream":true'
n_rows=0
most_ms=1000 # make campaign, which is alone on its machine, asks for 100
is_sanitized && most_ms=3000
most_ms=${LATE_MS:-$most_ms}
begin() { # BEGAN OPTION… REQUEST: until the provider has begun so many, and a moment more
    began=$1
    shift
    : >"$one_journal"
    spawn client "$tool" raw -t 60s "$@"
    [ "$began" = 0 ] || wait_for "$one_journal" '"what":"request"'
    "$tool" wait "$tmp/never" '^never$' 200ms 2>/dev/null
}
leave() { # HOW REQUEST BEGAN
    reset=
    [ "$1" = resets ] && reset=-r
    # shellcheck disable=SC2086
    begin "$3" -p "$tcp_port" -k "$key" $reset "$2"
    left_ms=$(date +%s%3N)
    reap "$pid" KILL
}
let_go() { # sets $late_ms, from the client's leave to the provider's
    n_rows=$((n_rows + 1))
    late_ms=none
    wait_for "$one_journal" '"client_gone":true' || return
    late_ms=$(($(date -d "$(last_answer one time)" +%s%3N) - left_ms))
}
vanish() { # WHAT REQUEST [BEGAN]: BEGAN is how many requests the provider has seen by then
    for how in closes resets; do
        leave "$how" "$2" "${3:-1}"
        is "$(until_is 0 in_flight)" 0 "$1, the client $how: nothing is left in flight"
        is "$(requests one)" "${3:-1}" '… and nothing more was asked'
        [ "${3:-1}" = 0 ] && continue
        let_go
        isnt "$late_ms" none '… and the provider was let go'
        for again in 1 2; do # a busy machine may be late
            [ "$late_ms" -lt "$most_ms" ] && break
            leave "$how" "$2" 1
            let_go
        done
        cmp_num "$late_ms" -lt "$most_ms" "… within $most_ms ms: $late_ms"
        is "$(sql_wait "select count(*) from requests where outcome = 'cancelled'" "$n_rows")" \
            "$n_rows" '… and the ledger has it'
    done
}
vanish 'waiting for the head' "$(request one/sim:silent)"
vanish 'waiting for the head of a stream' "$(request one/sim:silent "$stream")"
vanish 'waiting for the first token' "$(request one/sim:first=9s "$stream")"
vanish 'reading a stream' "$(request one/sim:gap=20ms,tokens=900 "$stream")"
vanish 'in a stream that stalls' "$(request one/sim:stall=3 "$stream")"
vanish 'waiting for a held stream' \
    "$(request one/sim:gap=20ms,tokens=900 "$stream" 'x-llmgw-stream: hold')"
vanish 'waiting for an answer that is not streamed' "$(request one/sim:wait=9s)"
vanish 'reading nothing of a large stream' \
    "$(request one/sim:oversize=9m,gap=9s,tokens=100000 "$stream,\"max_tokens\":9000000")"
for part in 'POST /v1/chat' '@POST@Content-Le' '@POST@Content-Length: 66\r\n\r\n{"model":' \
    '@POST@Transfer-Encoding: chunked\r\n\r\n42\r\n{"mod' ''; do
    vanish "having said ${#part} bytes" "$part" 0
done

# ---- while the request waits for a retry, and for a place ----
begin 1 -u "$sock" "$(request one/sim:429,retry-after-ms=2500)"
reap "$pid" KILL
is "$(until_is 0 in_flight)" 0 'waiting for a retry: nothing is left in flight'
is "$(requests one)" 1 '… and it is not made'
: >"$one_journal"
ask -t 60s -m one/sim:wait=3s -H 'x-llmgw-project: narrow' hello &
asking=$!
pids="$pids $asking"
wait_for "$one_journal" '"what":"request"'
spawn client "$tool" raw -t 60s -u "$sock" "$(request one/sim '' 'x-llmgw-project: narrow')"
is "$(until_is 2 in_flight)" 2 'waiting for a place, while another is served'
reap "$pid" KILL
wait "$asking"
is "$(got outcome)" ok '… who gets an answer'
is "$(until_is 0 in_flight) $(requests one)" '0 1' '… and nothing is asked for who has left'
ask -m one/sim -H 'x-llmgw-project: narrow' hello
is "$(got outcome)" ok '… and the place is free again'

# ---- a client that leaves before it has read the end ----
: >"$one_journal"
"$tool" raw -u "$sock" -l "$(request one/sim "$stream")" >"$tmp/raw"
is "$(until_is 0 in_flight)" 0 'gone as soon as all was sent: nothing is left in flight'

# ---- one side closed ----
"$tool" raw -u "$sock" -t 60s -h '@GET@\r\n' >"$tmp/raw"
is "$(fact answers) $(fact end)" '200 closed' 'a peer that closes its side gets what is ready'
: >"$one_journal"
"$tool" raw -u "$sock" -t 60s -h "$(request one/sim:wait=9s)" >"$tmp/raw"
is "$(fact answers) $(fact end)" ' closed' '… but counts as gone where it would have to wait'
is "$(until_is 0 in_flight)" 0 '… and nothing is left in flight'

# ---- pipelined ----
"$tool" raw -u "$sock" -t 60s "$(request one/sim:wait=50ms)$(request one/sim "$stream")@LAST@" >"$tmp/raw"
is "$(fact answers) $(fact end)" '200 200 200 closed' 'pipelined requests are answered in turn'
begin 1 -u "$sock" "$(request one/sim:wait=9s)$(request one/sim)$(request one/sim)"
reap "$pid" KILL
is "$(until_is 0 in_flight) $(requests one)" '0 1' '… and forgotten when the client leaves'
"$tool" raw -u "$sock" -t 60s "$(request one/sim:wait=200ms)@200000*x@" >"$tmp/raw"
is "$(fact answers) $(fact end)" '200 closed' 'too much behind a request ends the connection after it'

# ---- slow, but not too slow ----
"$tool" raw -u "$sock" -t 60s -d 3ms "$(request one/sim)@LAST@" >"$tmp/raw"
is "$(fact answers) $(fact end)" '200 200 closed' 'a request may come byte by byte'

is "$(status_of in_flight)" 0 'nothing is in flight'
stop_broker
is "$rc" 0 'the broker ends well'
done_testing
