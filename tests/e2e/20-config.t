#!/bin/sh
# The command line itself: exit statuses, errors, help; config, client and env.
. "$top_srcdir/tests/e2e/lib.sh"

# status COMMAND…: runs it with its output in $out and $errors; prints the exit status
run() {
    "$@" >"$tmp/out" 2>"$tmp/errors"
    status=$?
    out=$(cat "$tmp/out")
    errors=$(cat "$tmp/errors")
}

# ---- help, version, mistakes ----
run llmgw --version
is "$status $out" "0 llmgw $(sed -n 's/^#define PACKAGE_VERSION "\(.*\)"/\1/p' \
    "$top_builddir/config.h")" 'the version line comes first'
run llmgw
is "$status-$out" 2- 'without a command and a terminal: a usage error, nothing on stdout'
if command -v script >/dev/null; then
    is "$(script -qec llmgw /dev/null </dev/null | tr -d '\r' | sed -n '1p;$p')" \
        'usage: llmgw [global options] COMMAND [options] [args]
broker not running; it starts when needed' 'on a terminal: short help and how things stand'
fi
run llmgw hepl
is "$status $errors" '2 llmgw: unknown command "hepl" (did you mean "help"?)' \
    'an unknown command names the nearest'
run llmgw help frobnicate
is "$status $errors" '2 llmgw: help: unknown command "frobnicate"
hint: llmgw help lists the commands' '… or where they are listed'
run llmgw help exit-codes
is "$status $(wc -l <"$tmp/out" | tr -d ' ')" '0 13' 'help exit-codes lists them'
run llmgw config --lits
is "$status $errors" '2 llmgw: config: unknown option --lits' 'an unknown option is told'
run llmgw config get --json core.zzzzzzzzz
is "$status $errors" '2 {"error":{"code":2,"name":"usage","class":"usage","message":"unknown key \"core.zzzzzzzzz\""}}' \
    'an error is JSON when JSON is asked for'
for c in $(llmgw help -j | tr '{' '\n' | sed -n 's/^"name":"\([a-z]*\)","alias".*/\1/p'); do
    run llmgw "$c" -h
    is "$status ${out%%:*}$errors" '0 usage' "llmgw $c -h"
done
mkdir "$tmp/bin"
printf '#!/bin/sh\necho "foo got $*"\n' >"$tmp/bin/llmgw-foo"
chmod +x "$tmp/bin/llmgw-foo"
run env PATH="$tmp/bin:$PATH" llmgw foo a -b
is "$status $out" '0 foo got a -b' 'llmgw foo runs llmgw-foo from PATH'
run sh -c 'llmgw version >/dev/full'
is "$status" 1 'a full disk is an error'
run sh -c 'llmgw version >&-'
is "$status" 1 'a closed standard output is an error'

# ---- config ----
run llmgw config path
is "$out" "$config_file" 'config path'
run llmgw config check
is "$status-$out$errors" 0- 'no file is no error'
cat >"$config_file" <<'END'
# a comment that stays
[core]
	color = never ; and one behind a value
[route "fast"]
    target = openai/a
    target = openai/b    # two
END
run llmgw config set core.color auto
is "$status$errors" 0 'config set changes a value'
is "$(cat "$config_file")" '# a comment that stays
[core]
	color = auto ; and one behind a value
[route "fast"]
    target = openai/a
    target = openai/b    # two' 'and one line only'
run llmgw config set route.fast.ttft-timeout 6s
is "$status $(tail -n 1 "$config_file")" '0     ttft-timeout = 6s' 'a new key joins its section'
run llmgw config set route.fast.ttft-timeout 6
is "$status $errors" '2 llmgw: config: '"$config_file"':7: route "fast": ttft-timeout: "6" is not a duration such as 8s, 1.5s or 10m' \
    'a bad value is refused'
is "$(tail -n 1 "$config_file")" '    ttft-timeout = 6s' 'and the file left alone'
run llmgw config get route.fast.target
is "$out" 'openai/a
openai/b' 'config get prints every value'
run llmgw config get route.fast.patience
is "$status $out" '0 3s' 'config get knows the default'
run llmgw config get core.path
is "$status" 4 'a key without value and default: exit 4'
run llmgw --conf core.color=always config get core.color
is "$out" always '--conf beats the file'
run env LLMGW_LOG=meta llmgw config list --show-origin -F csv
is "$out" "key,value,origin,line
core.color,auto,$config_file,3
route.fast.target,openai/a,$config_file,5
route.fast.target,openai/b,$config_file,6
route.fast.ttft-timeout,6s,$config_file,7
core.record,meta,LLMGW_LOG," 'config list tells where each value comes from'
like "$(LLMGW_COLUMNS=60 HOME=$tmp llmgw config list --show-origin)" \
    '^core.color +auto +~/config/llmgw/config +3$' '… people see it from where they stand'
if command -v git >/dev/null; then
    is "$(git config -f "$config_file" --get-all route.fast.target)" 'openai/a
openai/b' 'git config reads the same file'
fi
run llmgw config unset route.fast.target
is "$status $errors" "2 llmgw: config: $config_file:5: route \"fast\": no target" \
    'a route cannot lose its last target'
printf '[cor]\n\ta = 1\n[route "x"]\n\ttarget = nobody/x\n' >>"$config_file"
run llmgw config check
is "$status $errors" "2 llmgw: config: $config_file:9: unknown section \"cor\" (did you mean \"core\"?)
llmgw: config: $config_file:11: route \"x\": unknown target \"nobody/x\"" \
    'config check tells every error'
run llmgw config get core.color
is "$status $out" '0 auto' 'a command that only reads goes on'
printf '[provider "openai"]\n\theader = x-token: hidden\n' >"$config_file"
chmod 644 "$config_file"
run llmgw config check
is "$status $errors" "0 llmgw: config: $config_file:2: holds a secret, and others can read it (mode 644)" \
    'a secret that others can read is warned of'
chmod 620 "$config_file"
run llmgw config check
is "$status $errors" "0 llmgw: config: $config_file: others can write it (mode 620)" \
    'so is a file that others can write'
chmod 600 "$config_file"
run llmgw config check
is "$status $errors" '0 ' 'and neither when it is private'
printf '[core]\n\tcolor = auto\n' >"$config_file"
chmod 644 "$config_file"
run llmgw config check
is "$status $errors" '0 ' 'or has no secret'
rm "$config_file"

# ---- a project's file ----
mkdir -p "$tmp/home/repo/.llmgw" "$tmp/home/repo/deep"
printf '[provider "openai"]\n\tbase-url = http://127.0.0.1:9\n' >"$tmp/home/repo/.llmgw/config"
cd "$tmp/home/repo/deep" || exit 99
top_builddir=$(cd - >/dev/null && cd "$top_builddir" && pwd)
PATH=$top_builddir:$PATH
run llmgw config check
is "$status $errors" '2 llmgw: config: ~/repo/.llmgw/config:2: provider "openai": base-url: not allowed in a project'"'"'s file' \
    'a project cannot redirect keys'
run llmgw config trust
run llmgw config check
is "$status$errors" 0 'until its file is trusted'
printf '\tproxy = http://127.0.0.1:8\n' >>"$tmp/home/repo/.llmgw/config"
run llmgw config check
is "$status" 2 'as it was then'
cd "$tmp" || exit 99

# ---- client, env ----
run llmgw -q client add ci --project web
key=$out
is "$status $errors ${#key}" '0  70' 'client add prints a key, once'
run llmgw client add 'a b'
is "$status $errors" '2 llmgw: client: "a b" has a blank in it, and a client'"'"'s name has none' \
    '… for a name that is one word'
hash=$(printf %s "$key" | sha256sum | cut -d ' ' -f 1)
is "$(llmgw config get client.ci.key-hash)" "sha256:$hash" 'and stores its hash'
is "$(grep -c "$key" "$config_file")" 0 'and not the key'
is "$(stat -c %a "$config_file")" 600 'in a file for its owner'
run llmgw client add ci
is "$status" 2 'a client is added once'
run llmgw client list -F csv
is "$out" "client,project,route,key_hash
ci,web,,sha256:$hash" 'client list'
run llmgw client rm ci
is "$status $(cat "$config_file")" '0 ' 'client rm takes the section out'
run llmgw client rm ci
is "$status" 4 'and only what is there'
names='ca cb cc cd ce cf cg ch ci cj ck cl'
for name in $names; do
    llmgw -q client add $name >/dev/null &
done
wait
is "$(llmgw client list -F csv | sed 1d | cut -d , -f 1 | sort | tr '\n' ' ')" "$names " \
    'of many that change the file at once none is lost'
for name in $names; do
    llmgw client rm $name
done
run llmgw env
is "$status $(printf '%s\n' "$out" | head -n 1)" "0 export LLMGW_SOCKET='$sock'" 'env names the socket'
run llmgw env --tcp
is "$status" 2 'env --tcp needs a broker that listens'
llmgw config set broker.listen 127.0.0.1:4100
is "$(LLMGW_CLIENT_KEY=k sh -c 'eval "$(llmgw env --tcp)"
    echo $OPENAI_BASE_URL $OPENAI_API_KEY $ANTHROPIC_BASE_URL $ANTHROPIC_API_KEY')" \
    'http://127.0.0.1:4100/v1 k http://127.0.0.1:4100 k' 'env --tcp sets what SDKs read'
run sh -c 'eval "$(llmgw env --tcp)"'
isnt "$status" 0 'and fails without a key'
llmgw config set broker.listen 127.0.0.1:0
run llmgw env --tcp
is "$status" 2 'env --tcp names no port that changes'

# ---- edit and init ----
rm -f "$config_file"
run llmgw config init
is "$status" 0 'config init'
run llmgw config check
is "$status-$out$errors" 0- '… writes what is right'
run llmgw config list
is "$(grep -c . "$tmp/out")" 0 '… and sets nothing without a key'
like "$(cat "$config_file")" '^#     limit = 5.00/day' '… but shows how'
run llmgw config init
is "$status" 2 '… and never over a file'
rm "$config_file"
run env OPENAI_API_KEY=x ANTHROPIC_API_KEY=y llmgw config init
like "$(cat "$config_file")" '^    target = openai/' 'with keys there is a route'
like "$(cat "$config_file")" '^    target = anthropic/' '… over all of them'
run env OPENAI_API_KEY=x ANTHROPIC_API_KEY=y llmgw config check
is "$status-$errors" 0- '… that holds'
is "$(stat -c %a "$config_file")" 600 '… for its owner only'

editor() { # what the editor does to its file
    printf '#!/bin/sh\n%s\n' "$1" >"$tmp/bin/editor"
    chmod +x "$tmp/bin/editor"
}
VISUAL=$tmp/bin/editor
TERM=xterm
export VISUAL TERM
printf '# mine\n[core]\n    color = never\n' >"$config_file"
# shellcheck disable=SC2016
editor 'sed -i s/never/always/ "$1"'
run llmgw config edit
is "$status $(cat "$config_file")" "0 # mine
[core]
    color = always" 'config edit'
# shellcheck disable=SC2016
editor 'echo "[nonsense]" >>"$1"; echo "    a = b" >>"$1"'
run llmgw config edit
is "$status $(grep -c nonsense "$config_file")" '2 0' 'what is wrong is not saved'
like "$errors" 'unknown section "nonsense"' '… the problem is told'
like "$errors" "hint: what you wrote is in $config_file.refused" '… and where it is'
# shellcheck disable=SC2016
editor 'sed -i "/nonsense/,\$d" "$1"; echo "    record = meta" >>"$1"'
run llmgw config edit
is "$status $(grep -c 'record = meta' "$config_file")" '0 1' 'one goes on with it'
is "$(ls "$config_file".* 2>/dev/null)" '' '… until it is right'
editor true
run llmgw config edit
is "$status" 0 'nothing changed: nothing done'
editor false
run llmgw config edit
isnt "$status" 0 'an editor that fails'
unset EDITOR VISUAL
run llmgw config edit
is "$status $errors" '2 llmgw: config: no terminal for vi, and EDITOR names no other editor' 'vi needs a terminal'
run llmgw --no-input config edit
is "$status" 2 '--no-input edits nothing'

# ---- names of models ----
config <<END
[core]
    default-route = fast
[provider "one"]
    kind = openai
    key-env = ONE_KEY
[route "fast"]
    target = one/gpt-6-luna
END
run llmgw models alias set smart one/gpt-6.1-sol
is "$status" 0 'an alias'
run llmgw models alias
like "$out" '^smart +one/gpt-6.1-sol$' '… is listed'
is "$(llmgw config get alias.smart)" one/gpt-6.1-sol '… is a line of the configuration'
run llmgw models show smart -F csv
is "$status $(grep -c gpt-6.1-sol "$tmp/out")" '0 1' '… and models show follows it'
run llmgw prices show smart
is "$status" 0 '… as prices show does'
run llmgw models alias set smart nobody
is "$status" 4 '… of nothing is refused'
run llmgw models alias set fast one/gpt-6-luna
is "$status" 2 '… nor may it hide a route'
run llmgw models default
is "$out" fast 'the default'
run llmgw models default smart
is "$status $(llmgw models default) $(grep -c default-route "$config_file")" '0 smart 0' '… becomes a model'
run llmgw models default fast
is "$status $(llmgw models default) $(grep -c default-model "$config_file")" '0 fast 0' '… or a route'
run llmgw models default nobody
is "$status $(llmgw models default)" '4 fast' '… that there is'
run llmgw models alias rm smart
is "$status $(grep -c smart "$config_file")" '0 0' 'an alias goes'
run llmgw models alias rm smart
is "$status" 4 '… once'
run llmgw models alias frobnicate
is "$status" 2 'no such word: usage'

done_testing
