#!/bin/sh
# llmgw doctor: what is wrong is found and told with what to do; a report gives nothing away.
. "$top_srcdir/tests/e2e/lib.sh"
need sqlite3

start_sim one
ONE_KEY=sk-of-one
export ONE_KEY
mkdir "$tmp/bin"
printf '#!/bin/sh\nexit 1\n' >"$tmp/bin/crontab"
chmod 755 "$tmp/bin/crontab"
PATH=$tmp/bin:$PATH
doctor() { # $rc, $out, $err
    rc=0
    llmgw doctor "$@" >"$tmp/out" 2>"$tmp/err" || rc=$?
    out=$(cat "$tmp/out")
    err=$(cat "$tmp/err")
}
good() {
    config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[route "default"]
    target = one/sim
END
}

doctor
is "$rc" 6 'nothing is set up: 6'
like "$out" '^keys +problem +no provider is in use +llmgw keys set' '… and what to do'
good
doctor
is "$rc:$err" '0:' 'all is well'
unlike "$out" 'problem|warning' '… in every check'
for check in configuration keys socket broker ledger prices locale; do
    like "$out" "^$check +ok " "… $check"
done
is "$(find "$XDG_RUNTIME_DIR" -type s)$(wc -l <"$one_journal")" 0 'no broker was started, nobody asked'
doctor -j
llmgw schema doctor >"$tmp/schema"
ok 'JSON is as its schema says' sh -c "'$tool' fits '$tmp/schema' <'$tmp/out'"

# problem ROW WHAT: a row of it, and exit status 6
problem() {
    doctor
    is "$rc" 6 "$2: a problem"
    like "$out" "^$1" '… that is told'
}
chmod 666 "$config_file"
problem 'configuration +problem .*changed by others.*chmod go-w' 'a configuration for all to write'
chmod 600 "$config_file"
printf '[nonsense]\n    a = b\n' >>"$config_file"
problem 'configuration +problem .*unknown section "nonsense"' 'a broken configuration'
good
printf 'sk-file\n' >"$tmp/key"
chmod 644 "$tmp/key"
printf '[provider "two"]\n    kind = anthropic\n    key-file = %s\n' "$tmp/key" >>"$config_file"
problem 'keys +problem .*can be read by others +chmod 600' 'a key for all to read'
rm "$tmp/key"
doctor
is "$rc" 0 'a provider without its key'
like "$out" '^keys +warning +two has none: .*/key +llmgw keys set two' '… is only a warning'
good
printf '#!/bin/sh\necho "0 8 * * * llmgw cost --check --warn-at 80%%"\n' >"$tmp/bin/crontab"
problem 'cron +problem +line 1 .*0\.8' 'a % in a crontab'
printf '#!/bin/sh\necho "# llmgw 80%%"; echo "0 8 * * * llmgw cost --warn-at 80\\\\%%"\n' >"$tmp/bin/crontab"
doctor
is "$rc" 0 'one with a backslash is fine'
LC_ALL=C doctor
like "$out" '^locale +warning ' 'a locale without UTF-8: a warning'
mkdir -p "${db%/*}"
printf 'this is no database, but long enough to be taken for a file of one....................' >"$db"
problem 'ledger +problem ' 'a broken ledger'
rm "$db"

config </dev/null
start_broker
doctor
unlike "$out" 'broker +warning' 'a configuration that the broker has read'
sleep 0.05 # coarse times of files
good
doctor
like "$out" "^broker +warning +$config_file was changed after .* llmgw broker reload" \
    'one that was changed since then'
llmgw broker reload >/dev/null
doctor
is "$rc" 0 '… until it is read again'
unlike "$out" 'broker +warning' '… and no longer'
printf '[nonsense]\n    a = b\n' >>"$config_file"
llmgw broker reload >/dev/null 2>&1
problem 'broker +problem .*keeps an older configuration' 'a broker that could not reload'
like "$out" '^broker +ok .* runs' '… runs all the same'
stop_broker

# ---- keys are the broker's ----
good
unset ONE_KEY
OPENAI_API_KEY=sk-openai
export OPENAI_API_KEY
start_broker
unset OPENAI_API_KEY
ONE_KEY=sk-of-one
export ONE_KEY
doctor
like "$out" '^keys +ok +one, llmgw sends the key of this shell along' 'a key that came after the broker'
printf 'sk-of-one\n' >"$tmp/key"
chmod 600 "$tmp/key"
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-file = $tmp/key
END
doctor
like "$out" '^keys +warning +one: this shell has a key, the broker that runs has none +llmgw broker restart' \
    '… and one in a file, which nobody sends'
good
cat >>"$config_file" <<END
[client "ci"]
    key-hash = sha256:$(printf x | sha256sum | cut -d ' ' -f 1)
END
doctor
like "$out" '^keys +warning +one: this shell has a key, the broker that runs has none +llmgw broker restart' \
    '… and one that others have to be asked with, too'
good
like "$out" '^keys +ok +openai, the broker has it' '… and one that only the broker knows of'
LLMGW_CLIENT_KEY=$(llmgw client add sdk 2>/dev/null)
OPENAI_API_KEY=$LLMGW_CLIENT_KEY doctor
like "$out" "^keys +warning +OPENAI_API_KEY is a key of the broker's own clients.*llmgw keys set" \
    'one of our own clients, as llmgw env sets it'
unlike "$(OPENAI_API_KEY=$LLMGW_CLIENT_KEY llmgw keys)" '^openai' '… is no key of the provider'
good
stop_broker
start_broker
unset ONE_KEY
doctor
like "$out" '^keys +ok +one, the broker has it' 'a key that the broker has and this shell has not'
llmgw chat -m one/sim:401 hi >/dev/null 2>&1 </dev/null
doctor
like "$out" '^keys +warning +one: its key was not accepted' 'a key that was refused'
stop_broker
ONE_KEY=sk-of-one
export ONE_KEY

# ---- the report ----
config <<END
[core]
    record = full
[provider "private-name"]
    kind = openai
    base-url = http://user:sk-in-url@127.0.0.1:$one_port/v1
    key-cmd = echo sk-in-command
    header = x-secret: sk-in-header
    proxy = http://user:sk-in-proxy@proxy:1
[alias]
    private-alias = private-name/sim
[budget "private-budget"]
    limit = 5/day
    warn = 80%
END
doctor --report
like "$out" '^llmgw [0-9.]+$' 'a report has the version'
like "$out" '^core.record = full$' '… plain settings'
like "$out" '^budget.\*.warn = 80%$' '… also of sections'
like "$out" '^provider.\*.header = \(set\)$' '… others without their value'
unlike "$out" 'sk-in|private-alias|private-budget|user:' '… nothing private'
unlike "$out" "$HOME" '… not the home folder'
is "$(HOME=$tmp llmgw doctor --report 2>/dev/null | awk '/^check / { p = index($0, "hint") }
    p && NF == 0 { exit } p && !/…/ && substr($0, p - 2, 2) != "  "')" '' '… and its columns stand below each other'
doctor --report -j
is "$rc" 2 'a report is text'
doctor surplus
is "$rc" 2 'no operands'

done_testing
