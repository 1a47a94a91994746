#!/bin/sh
# llmgw keys: set from a pipe or unseen at a terminal, listed by their ends, tested, removed.
. "$top_srcdir/tests/e2e/lib.sh"

start_sim one
key=sk-secret-of-one-a1b2c3d4
config <<END
# kept
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = NOT_SET
[provider "bad"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = BAD_KEY
[provider "busy"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = BAD_KEY
[route "full"]
    target = busy/sim:429,retry-after=60
[route "default"]
    target = one/sim
[route "refused"]
    target = bad/sim:status=401
END
BAD_KEY=sk-not-accepted-9999
export BAD_KEY
keys() { # llmgw keys "$@"; $rc, $out, $err
    rc=0
    llmgw keys "$@" >"$tmp/keys.out" 2>"$tmp/keys.err" || rc=$?
    out=$(cat "$tmp/keys.out")
    err=$(cat "$tmp/keys.err")
}
folder=$XDG_CONFIG_HOME/llmgw/keys

# ---- list ----
keys
like "$out" '^bad +env BAD_KEY +there +…9999$' 'a key of the environment'
like "$out" '^one +env NOT_SET +missing +—$' '… that is not there'
keys -j
is "$(printf '%s' "$out" | "$tool" json rows.0.origin)" "$config_file" 'where it is configured'
keys path
is "$out" "$folder" 'where files are'

# ---- set ----
start_broker
is "$(llmgw chat --no-stdin -m one/sim x >/dev/null 2>&1; echo $?)" 8 'without a key there is no answer'
printf '%s\n' "$key" | llmgw keys set one
is "$?" 0 'a key from a pipe'
is "$(stat -c '%a' "$folder/one") $(stat -c '%a' "$folder") $(cat "$folder/one")" "600 700 $key" \
    '… is in a file of ours'
is "$(grep -c "$key" "$config_file")" 0 '… not in the configuration'
like "$(cat "$config_file")" "key-file = \"?$folder/one" '… which names it'
is "$(grep -c 'NOT_SET' "$config_file") $(head -n 1 "$config_file")" '0 # kept' \
    '… instead of what was there; the rest stays'
is "$(llmgw chat --no-stdin -m one/sim x >/dev/null 2>&1; echo $?)" 0 'a broker that runs takes it'
keys
like "$out" "^one +file $folder/one +there +…c3d4\$" 'it is listed by its end'
unlike "$out$err" "$key" '… only'
printf 'sk-second-key-of-one-zzzz\n' | llmgw keys set one --add
is "$(cat "$folder/one.2")" sk-second-key-of-one-zzzz 'another one'
keys
is "$(printf '%s\n' "$out" | grep -c '^one ')" 2 '… beside it'
for bad in '' 'two words' "$(printf 'a\001b')"; do
    printf '%s\n' "$bad" | llmgw keys set one >/dev/null 2>&1
    is "$?" 2 'no key: usage'
done
is "$(cat "$folder/one")" "$key" '… and the old one stays'
printf 'x-x-x\n' | llmgw keys set ../one >/dev/null 2>&1
is "$?" 2 'a name that is none: usage'
printf 'sk-of-nobody-111111\n' | llmgw keys set nobody >/dev/null 2>"$tmp/err"
is "$?" 2 'a provider of no kind'
like "$(cat "$tmp/err")" 'a kind is missing' '… is told'
is "$(ls "$folder" | tr '\n' ' ')" 'one one.2 ' '… and leaves no file'
keys set one --key-env A --key-cmd b
is "$rc" 2 'two sources at a time: usage'
keys set one --key-cmd "echo $key"
is "$rc" 0 'a command'
keys
like "$out" '^one +command echo .* +by command +—$' '… is not run to be listed'
keys set openai --key-env OTHER_OPENAI_KEY
is "$rc $(grep -c '^\[provider "openai"\]' "$config_file")" '0 1' 'a provider that only its kind knows'

# ---- at a terminal ----
out=$(printf 'expect key of one:\nsend %s\\r\nend\n' "$key" | "$tool" pty llmgw keys set one 2>&1)
like "$out" 'exit=0' 'a key that is typed'
unlike "$out" "$key" '… is not seen'
is "$(cat "$folder/one")" "$key" '… and kept'
out=$(printf 'expect key of one:\nsend half\nsignal INT\nend\n' | "$tool" pty llmgw keys set one 2>&1)
like "$out" 'exit=130' 'Ctrl-C'
is "$(cat "$folder/one")" "$key" '… changes nothing'
out=$(printf 'end\n' | "$tool" pty llmgw --no-input keys set one 2>&1)
like "$out" 'exit=2' '--no-input asks nobody'

# ---- test ----
keys test one
is "$rc" 0 'a key that is accepted'
like "$out" '^one +sim +ok ' '… is said so'
keys test bad
is "$rc" 8 'a key that is not: 8'
like "$out" '^bad +sim:status=401 +refused +' '… is said so'
unlike "$out$err" 'not-accepted' '… without it'
keys test busy
is "$rc" 0 'a provider that has no room for long is not waited for: its key is good'
like "$out" '^busy +sim.* +ok +Rate limit' '… and what it said stands beside'
llmgw chat -m bad/sim hi >"$tmp/o" 2>&1 </dev/null
like "$(cat "$tmp/o")" 'not accepted, retry in .*' 'who is not let through by it'
like "$(cat "$tmp/o")" '^hint: llmgw keys test' '… is told how to try it again'
n_before=$(requests one)
keys test bad
is "$rc $(($(requests one) - n_before))" '8 1' '… by its provider each time, not by what it has said before'
keys test
is "$rc" 8 'all of them'
like "$out" '^one +sim +ok' '… each'
keys test busy
is "$rc" 7 'whom we know to have no room is not asked'
like "$out" '^busy +sim.* +failed +' '… so that nothing is known of the key'
keys test nobody
is "$rc" 4 'no such provider'

# ---- rm ----
keys rm one
is "$rc $(grep -c key-file "$config_file") $(ls "$folder" | tr '\n' ' ')" '0 0 one.2 ' \
    'a key goes with its file'
keys rm one
is "$rc" 4 'a missing one cannot go'
OPENAI_API_KEY=sk-x keys rm nobody
is "$rc" 4 '… nor one of nobody'
printf '%s\n' "$key" >"$tmp/mine"
keys set one --key-file "$tmp/mine"
keys rm one
is "$rc $(cat "$tmp/mine")" "0 $key" 'a file of the user stays'
: >"$tmp/none"
keys test --config "$tmp/none"
is "$rc" 8 'no provider to test is no success'
stop_broker
unlike "$(cat "$broker_log")" "$key" 'no key is in the log'

done_testing
