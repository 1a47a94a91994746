#!/bin/sh
# Keys and prompts stay where they belong. Every kind of key and, with recording off, every prompt
# has a mark; after traffic that goes well and badly, with providers that echo what they were sent,
# the marks are looked for in logs, answers, metrics, the ledger and its spool, the process table,
# environments of children, and the memory of a broker that has let a key go.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

start_sim one --dialect openai
start_sim two --dialect anthropic
ENV_KEY=sk-mark-env-4d1f
export ENV_KEY
printf 'sk-mark-file-77ab\n' >"$tmp/key"
chmod 600 "$tmp/key"
client_key=sk-mark-client-0c3e
cat >"$tmp/key.sh" <<END
env >"$tmp/child.env"
ps -ef >"$tmp/child.ps"
printf 'sk-mark-cmd-91ee\n'
END
write_config() {
    config <<END
[broker]
	listen = 127.0.0.1:0
	log-level = debug
$1
[client "ci"]
	key-hash = sha256:$(printf '%s' "$client_key" | sha256sum | cut -d ' ' -f 1)
END
}
providers="[core]
	record = off
[provider \"env\"]
	kind = openai
	base-url = http://127.0.0.1:$one_port/v1
	key-env = ENV_KEY
	header = x-tenant-key: sk-mark-header-5a5a
[provider \"file\"]
	kind = anthropic
	base-url = http://127.0.0.1:$two_port
	key-file = $tmp/key
[provider \"cmd\"]
	kind = openai
	base-url = http://127.0.0.1:$one_port/v1
	key-cmd = sh $tmp/key.sh
[provider \"proxied\"]
	kind = openai
	base-url = http://127.0.0.1:$one_port/v1
	key-env = ENV_KEY
	proxy = http://user:sk-mark-proxy-1b1b@127.0.0.1:1
[provider \"bare\"]
	kind = openai
	base-url = http://127.0.0.1:$one_port/v1
	key-env = NO_SUCH_KEY"
write_config "$providers"
# what providers say when a key is wrong, and when they quote what they were asked
scenario one <<END
on model=echo-key: error=auth message="Incorrect API key provided: sk-mark-env-4d1f. Find yours at …"
on model=echo-cmd: error=auth message="Incorrect API key provided: sk-mark-cmd-91ee"
on model=echo-header: 400 message="bad tenant sk-mark-header-5a5a"
on model=echo-used: error=auth message="Incorrect API key provided: sk-mark-once-3f3f"
on model=echo-stream: in-band=3 error=overloaded message="overloaded for sk-mark-env-4d1f"
on model=echo-400: 400 message="this model is not for sk-mark-env-4d1f"
on model=echo-html: error=bad-gateway
on model=echo-prompt: error=invalid message="cannot read: PROMPT-MARK"
on model=broken: cut=3
on model=dead: reset
on: text=ANSWER-MARK
END
scenario two <<END
on model=echo-key: error=auth message="invalid x-api-key: sk-mark-file-77ab"
on: text=ANSWER-MARK
END
start_broker
tcp_port=$(sed -n 's/.*listen host=127.0.0.1 port=\([0-9]*\) .*/\1/p' "$broker_log" | tail -n 1)

# ---- traffic; whatever comes back is kept in $tmp/seen ----
: >"$tmp/seen"
try() {
    ask -t 5s -y SYSTEM-MARK "$@" 'PROMPT-MARK, and how are you?'
    cat "$tmp/answer" "$tmp/answer.err" >>"$tmp/seen"
}
for way in '' -s; do
    for m in env/sim file/sim cmd/sim env/broken env/dead env/echo-html; do
        # shellcheck disable=SC2086
        try $way -m "$m"
    done
    # shellcheck disable=SC2086
    try $way -d anthropic -m env/sim
done
is "$(got outcome)" ok 'answers come'
try -m bare/sim -H 'x-llmgw-provider-key: bare=sk-mark-once-3f3f'
is "$(got outcome)" ok '… with a key of the caller, too'
"$tool" ask -p "$tcp_port" -k "$client_key" -m env/sim PROMPT-MARK >"$tmp/answer"
is "$(got outcome)" ok '… and over TCP'
"$tool" ask -p "$tcp_port" -k sk-mark-wrong-8d8d -m env/sim PROMPT-MARK >"$tmp/answer"
is "$(got status)" 401 'a wrong client key is refused'
cat "$tmp/answer" >>"$tmp/seen"
"$tool" ask -u "$sock" -m env/echo-prompt PROMPT-MARK >"$tmp/answer"
is "$(got outcome) $(got message)" 'error cannot read: PROMPT-MARK' \
    'a provider may quote the prompt to its sender'
for m in env/echo-header env/echo-stream env/echo-400 cmd/echo-cmd file/echo-key env/echo-key proxied/sim; do
    try -m "$m"
    isnt "$(got outcome)" ok "$m fails"
    try -s -m "$m"
done
try -m bare/echo-used -H 'x-llmgw-provider-key: bare=sk-mark-once-3f3f'
isnt "$(got outcome)" ok 'a key that is used once fails too'
try -m env/sim -H 'x-llmgw-provider-key: sk-mark-once-3f3f'
is "$(got status)" 400 'one without a name is refused'
"$tool" raw -u "$sock" 'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n{"model":"env/sim","a":"sk-mark-json-2222' >>"$tmp/seen"
"$tool" raw -u "$sock" 'POST /sk-mark-path-2222 HTTP/1.1\r\nHost: x\r\nX-Bad: sk-mark-line-2222\nx\r\n\r\n' >"$tmp/raw"
unlike "$(cat "$tmp/raw")" 'sk-mark-line' 'a bad header is not quoted'

http /metrics >>"$tmp/seen"
for path in status targets inflight; do http "/llmgw/v1/$path" >>"$tmp/seen"; done
ps -ef >"$tmp/ps"
tr '\0' '\n' <"/proc/$broker_pid/cmdline" >"$tmp/cmdline"
tr '\0' '\n' <"/proc/$broker_pid/environ" >"$tmp/environ" 2>/dev/null
llmgw log --limit 99 -F json >>"$tmp/seen" 2>&1
llmgw cost >>"$tmp/seen" 2>&1

# ---- where no mark may be ----
clean() { # WHAT FILE…
    what=$1
    shift
    is "$(cat "$@" 2>/dev/null | grep -aoE 'sk-mark-[a-z]+-[0-9a-f]{4}' | sort | uniq -c | tr '\n' ';')" '' "$what: no key"
}
no_prompt() {
    what=$1
    shift
    is "$(cat "$@" 2>/dev/null | grep -aoE '(PROMPT|SYSTEM|ANSWER)-MARK' | sort | uniq -c | tr '\n' ';')" '' "$what: no prompt, no answer"
}
data=$XDG_DATA_HOME/llmgw
isnt "$(ls "$data"/*)" '' 'there is a ledger'
for when in 'while it runs' 'when it has ended'; do
    [ "$when" = 'while it runs' ] || {
        [ -s "/proc/$broker_pid/limits" ] && is "$(awk '/core file/ { print $5, $6 }' "/proc/$broker_pid/limits")" '0 0' \
            'a core is never written'
        stop_broker
        is "$rc" 0 'the broker ends well'
    }
    clean "$when, log" "$broker_log"
    no_prompt "$when, log" "$broker_log"
    clean "$when, ledger and spool" "$data"/* "$XDG_STATE_HOME"/llmgw/*
    no_prompt "$when, ledger and spool" "$data"/* "$XDG_STATE_HOME"/llmgw/*
done
clean 'answers, metrics and reports' "$tmp/seen"
like "$(cat "$tmp/seen")" 'this model is not for' '… though the rest of what a provider said is told'
clean 'the process table' "$tmp/ps" "$tmp/cmdline" "$tmp/environ"
clean 'what a key command sees' "$tmp/child.env" "$tmp/child.ps"

# ---- memory: what we were told and need no more is gone, libcurl's copies too ----
# A sanitizer's shadow memory would fill the disk.
if [ "$(id -u)" = 0 ] && command -v gcore >/dev/null &&
    ! is_sanitized; then
    printf 'sk-mark-file-88bc\n' >"$tmp/key" # the one before was refused, and that is not forgotten
    start_broker
    tcp_port=$(sed -n 's/.*listen host=127.0.0.1 port=\([0-9]*\) .*/\1/p' "$broker_log" | tail -n 1)
    for m in file/sim cmd/sim; do try -m "$m"; done
    "$tool" ask -p "$tcp_port" -k "$client_key" -m file/sim hello >"$tmp/answer"
    is "$(got outcome)" ok 'a broker that has used its keys'
    spawn idle "$tool" raw -p "$tcp_port" -k "$client_key" -t 60s '@GET@\r\n' # it was answered, and stays
    n=0
    until [ "$(http /metrics | sed -n 's/^llmgw_connections //p')" = 2 ] || [ $n = 600 ]; do
        n=$((n + 1))
        nap
    done
    isnt $n 600 '… and whose client stays connected'
    write_config "[provider \"bare\"]
	kind = openai
	base-url = http://127.0.0.1:$one_port/v1
	key-env = NO_SUCH_KEY"
    kill -HUP "$broker_pid"
    wait_for "$broker_log" 'new configuration in force' || bail 'no reload'
    http /healthz >/dev/null
    if gcore -o "$tmp/core" "$broker_pid" >"$tmp/gcore.out" 2>&1; then
        grep -aoE 'sk-mark-[a-z]+-....' "$tmp/core.$broker_pid" >"$tmp/core.left"
        clean 'memory after its keys were let go' "$tmp/core.left"
        rm -f "$tmp/core.$broker_pid"
    else
        skip 'memory after its keys were let go' 'gcore fails'
    fi
    stop_broker
else
    skip 'memory after its keys were let go' 'needs root and gcore'
fi
done_testing
