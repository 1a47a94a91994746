#!/bin/sh
# As cron runs it: no runtime directory, no terminal, no variable but HOME and PATH. What is printed
# becomes mail, so all is silent that has nothing to say, and exit statuses tell the truth.
. "$top_srcdir/tests/e2e/lib.sh"
need sqlite3

start_sim one
HOME=$tmp/cron
mkdir -m 700 "$HOME" "$HOME/.config" "$HOME/.config/llmgw"
catalog=$LLMGW_CATALOG
[ "${catalog#/}" != "$catalog" ] || catalog=$PWD/$catalog
# llmgw is installed somewhere; cron's own PATH does not hold it
ln -s "$(cd "$top_builddir" && pwd)/llmgw" "$tmp/llmgw"
{
    cat <<END
[core]
    default-route = fast
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-file = $HOME/key
[route "fast"]
    target = one/gpt-6-luna
[budget "daily"]
    limit = 0.0001/day
    hard = false
END
} >"$HOME/.config/llmgw/config"
echo sk-one >"$HOME/key"
chmod 600 "$HOME/key" "$HOME/.config/llmgw/config"

# It is about noon here, so that no day ends while this runs; cron knows the zone from a file.
TZ=TEST$(($(date -u +%-H) - 12))
# cron LINE [VARIABLE=VALUE…]: a line of a crontab; what would be mailed stays in $tmp/mail
cron() {
    line=$1
    shift
    (cd "$HOME" && setsid env -i HOME="$HOME" PATH="$tmp:/usr/bin:/bin" SHELL=/bin/sh \
        TZ="$TZ" LLMGW_CATALOG="$catalog" "$@" sh -c "$line") </dev/null >"$tmp/mail" 2>&1
    rc=$?
}

mailed() { # STATUS REGEX|'' DESCRIPTION
    if [ -n "$2" ]; then
        is "$rc" "$1" "$3: status $1"
        like "$(cat "$tmp/mail")" "$2" '… and mail'
    else
        is "$rc $(cat "$tmp/mail")" "$1 " "$3: status $1, no mail"
    fi
}

# ---- before there is anything ----
cron 'llmgw cost yesterday -F markdown --if-any'
mailed 0 '' 'nothing was ever spent'
cron 'llmgw cost --check --warn-at 0.8'
mailed 0 '' 'budgets of a ledger that is not there'
cron 'llmgw log rm --older-than 180d -q'
mailed 0 '' 'nothing to delete'
is "$(find "$HOME" -name '*.sock' | wc -l)" 0 'none of these needs a broker'

# ---- a question from cron ----
cron 'llmgw chat --no-stream "good morning"'
mailed 0 . 'a question, without a runtime directory'
is "$(find "$HOME/.local/state/llmgw/run" -name broker.sock | wc -l)" 1 'its broker listens below the home'
cron 'llmgw chat -q -o answer "good morning"'
mailed 0 '' 'an answer into a file'
is "$([ -s "$HOME/answer" ] && echo there)" there '… which is there'
cron 'llmgw broker stop -q'
mailed 0 '' 'that broker stops'

# ---- reports ----
cron 'llmgw cost today -F markdown --if-any'
mailed 0 '^\| one/gpt-6-luna \| +2 ' 'what was spent'
cp "$tmp/mail" "$tmp/mail.first"
cron 'llmgw cost today -F markdown --if-any' COLUMNS=30 TERM=dumb LANG=C LC_ALL=C
is "$(cat "$tmp/mail")" "$(cat "$tmp/mail.first")" 'the screen of who wrote the crontab changes nothing'
cron 'llmgw cost yesterday -F markdown --if-any'
mailed 0 '' 'yesterday: nothing'
cron 'llmgw cost --since-last --mark mail --total-only --if-any'
mailed 0 '^\$0\.' 'since the last mail'
cron 'llmgw cost --since-last --mark mail --total-only --if-any'
mailed 0 '' 'nothing since then'

# ---- gates ----
cron 'llmgw cost --check --limit 5'
mailed 0 '' 'below a limit'
cron 'llmgw cost --check --limit 0.00000001'
mailed 6 '^limit: ' 'above it'
cron 'llmgw cost --check --warn-at 0.000001'
mailed 6 'daily: ' 'a warning'
cron 'llmgw cost --check --warn-at 0.000001'
mailed 0 '' '… comes once'
for i in 1 2 3; do
    cron 'llmgw cost --check --warn-at 0.8 & llmgw cost --check --warn-at 0.8 & wait'
    mailed 0 '' "two at once, round $i"
done
cron 'llmgw doctor >/dev/null'
mailed 0 '' 'all is in its place'

# ---- deleting ----
cron 'llmgw log rm --older-than 180d -q'
mailed 0 '' 'nothing is that old'
cron 'llmgw log -F tsv --fields id'
is "$rc $(grep -c '^01' "$tmp/mail")" '0 2' '… so all is there'
cron 'llmgw log rm --older-than 1ms -q'
mailed 0 '' 'deleting is silent'
cron 'llmgw log -F tsv --fields id'
is "$rc $(grep -c '^01' "$tmp/mail")" '0 0' '… and done'

# ---- what went wrong is told ----
cron 'llmgw chat -m gpt-6-lunatic "good morning"'
mailed 4 '^llmgw: chat: ' 'no such model'
cron 'llmgw no-such-thing'
mailed 2 'unknown command' 'a wrong line'

cron 'llmgw broker stop -q'
done_testing
