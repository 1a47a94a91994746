#!/bin/sh
# llmgw cost: totals to the pico-dollar in every zone and format, unknown prices, budgets for
# cron, and the arithmetic of a request that a broker made.
. "$top_srcdir/tests/e2e/lib.sh"
need sqlite3 curl
mkledger=$top_builddir/tests/tools/mkledger

# cost ARG…: sets $out, $err, $rc
cost() {
    rc=0
    llmgw cost "$@" >"$tmp/cost.out" 2>"$tmp/cost.err" || rc=$?
    out=$(cat "$tmp/cost.out")
    err=$(cat "$tmp/cost.err")
}

# column NAME: that column of the CSV in $out, without the heading
column() {
    printf '%s\n' "$out" | awk -F, -v name="$1" '
        NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next }
        { print $at }'
}

total() {
    column "$1" | awk '{ s += $1 } END { printf "%.0f\n", s }'
}

# ---- nothing yet ----
cost -j
is "$rc" 0 'without a ledger there is no error'
like "$out" '"rows":\[' '… and an envelope'
is "$(printf '%s' "$out" | "$tool" json totals.requests)" 0 '… with nothing in it'
cost --if-any
is "$rc:$out:$err" '0::' '--if-any says nothing at all'
cost show 01KB
is "$rc" 4 'there is nothing to show either'

# ---- exact in every zone ----
mkdir -p "${db%/*}"
"$mkledger" "$db" 4000 2026-10-20 2026-11-02 42 || bail 'no ledger'
all=$(sql 'SELECT sum(cost_pico) FROM request')
span='--since 2026-10-01 --until 2026-11-30'
cost $span -F csv
is "$(total cost_pusd)" "$all" 'groups add up to the sum of the rows'
is "$(total requests)" 4000 '… and every request is in one'
for zone in UTC Europe/Berlin Pacific/Kiritimati Pacific/Niue Asia/Kolkata; do
    case $zone in
    UTC) from=2026-10-25T00:00 to=2026-10-26T00:00 ;;
    Europe/Berlin) from=2026-10-24T22:00 to=2026-10-25T23:00 ;; # 25 hours
    Pacific/Kiritimati) from=2026-10-24T10:00 to=2026-10-25T10:00 ;;
    Pacific/Niue) from=2026-10-25T11:00 to=2026-10-26T11:00 ;;
    Asia/Kolkata) from=2026-10-24T18:30 to=2026-10-25T18:30 ;; # splits hours
    esac
    cost $span -z $zone --by day -F csv
    is "$(total cost_pusd)" "$all" "days of $zone add up to the same sum"
    is "$(printf '%s\n' "$out" | sed -n 's/^2026-10-25,\([0-9]*\),.*/\1/p')" \
        "$(sql "SELECT count(*) FROM request WHERE start_us >= unixepoch('$from') * 1000000
            AND start_us < unixepoch('$to') * 1000000")" '… and the 25th has its requests'
done
# people see hours without what they know, but for the one that comes twice
cost hourly --since 2026-10-25 --until 2026-10-25T04:00 -z Europe/Berlin
is "$(printf '%s\n' "$out" | grep -oE '^2026-10-25[ T][0-9:]+( [+][0-9:]+)?' | tr '\n' ',')" \
    '2026-10-25 00:00,2026-10-25 01:00,2026-10-25 02:00 +02:00,2026-10-25 02:00 +01:00,2026-10-25 03:00,' \
    'hours of the day when clocks are put back'
cost hourly --since 2026-10-25 --until 2026-10-25T04:00 -z Europe/Berlin -F csv
like "$out" '^2026-10-25T01:00:00\+02:00,' '… programs get all of it'
cost --since 2026-10-25T00:10Z --until 2026-10-25T00:40Z --by status,project -F csv
is "$(total cost_pusd)" "$(sql "SELECT ifnull(sum(cost_pico), 0) FROM request
    WHERE start_us >= unixepoch('2026-10-25T00:10') * 1000000
    AND start_us < unixepoch('2026-10-25T00:40') * 1000000")" 'half an hour is exact too'

# ---- groups and filters ----
cost $span --by tag:ticket -F csv
is "$(total requests)" 4000 'a tag that stands twice counts once'
cost $span --by user,kind -F csv
is "$(total cost_pusd)" "$all" 'groups that only rows know are exact'
cost $span --tag ticket=B-9 --by kind -F csv
is "$(total requests)" "$(sql "SELECT count(*) FROM tag WHERE key = 'ticket' AND value = 'B-9'")" \
    'a tag filters'
cost $span -P web -r fast --kind chat -m anthropic/claude-sonnet-5 -F csv
is "$(total cost_pusd)" "$(sql "SELECT sum(cost_pico) FROM request WHERE project = 'web'
    AND route = 'fast' AND kind = 'chat' AND model = 'claude-sonnet-5'")" 'filters meet'
cost $span --by project --top 2 -F csv
is "$(printf '%s\n' "$out" | wc -l)" 3 '--top keeps the first'
cost $span --by model --sort name --order desc -F csv
is "$(column model | head -n 1)" openai/gpt-5.6-sol 'names can be the order'

# ---- what is not known ----
cost $span -m qwen3 -j
like "$out" '"totals":.*"cost_usd":null' 'a sum of unknowns is unknown'
like "$out" '"cost_pusd":null' '… in every row'
is "$(printf '%s' "$out" | "$tool" json totals.unpriced_requests)" \
    "$(sql "SELECT count(*) FROM request WHERE cost_pico IS NULL")" '… and counted'
like "$err" 'no request has a known price' '… and said'
unpriced() { # OFFSET: the second in which that unpriced request began
    sql "SELECT start_us / 1000000 FROM request WHERE cost_pico IS NULL ORDER BY start_us LIMIT 1 OFFSET $1"
}
cost --since "@$(unpriced 5)" --until "@$(unpriced 6)"
like "$out$err" '(^|: )1 request has no known price and is not in the sum' '… also of a single one'
cost $span -m qwen3
like "$out" 'local/qwen3 .*—' 'a table has a dash'
cost $span --strict -m qwen3 -F csv
is "$rc" 6 '--strict fails on it'

# ---- the same bytes for programs ----
cost $span --by day,model -F csv
utf8=$out
LC_ALL=de_DE.UTF-8 cost $span --by day,model -F csv
is "$out" "$utf8" 'a locale changes nothing in CSV'
LC_ALL=C cost $span --by day,model -F csv
is "$out" "$utf8" '… nor does none'
# an installed llmgw finds its catalog without a variable; a build folder may be anywhere
out=$(env -i PATH="$PATH" HOME="$HOME" LLMGW_DB="$db" LLMGW_CATALOG="$LLMGW_CATALOG" TZ=UTC llmgw cost $span --by day,model -F csv)
is "$out" "$utf8" '… nor an empty environment'
LC_ALL=C cost $span
is "$(printf '%s' "$out" | sed 's/—//g' | LC_ALL=C tr -d '\000-\177')" '' 'bars are ASCII there'
cost $span --total-only
like "$out" '^\$[0-9.,]+$' '--total-only is one sum'
cost all --oneline
like "$out" '^all \$[0-9.]+$' '--oneline is one line'
cost $span -F csv -o "$tmp/file.csv"
is "$rc:$out:$(wc -l <"$tmp/file.csv")" '0::5' '-o writes a file'

# ---- mistakes ----
for wrong in 'fortnight' '--by weather' '--by day,hour' '--by day,model,kind' \
    'today --last 3d' '--since 2026-13-01' '--since 2026-02-02 --until 2026-02-01' '--tag x' \
    'show' 'today month' '-z Mars/Base'; do
    cost $wrong
    is "$rc" 2 "usage: $wrong"
done

# ---- budgets ----
cost --check
is "$rc" 2 'without a budget there is nothing to check'
cost $span --limit 100000
is "$rc:$out:$err" '0::' 'below a limit: silence'
cost $span --limit 1
is "$rc" 6 'above it: 6'
like "$out" '^limit: \$[0-9.]+ of \$1\.00 \([0-9]+ %\)' '… and a line'
is "$err" '' '… on standard output only'
cost $span --limit 1
is "$rc" 6 '… each time'

# ---- a request that a broker made ----
rm -f "$db" "$db"-*
start_sim one
scenario one <<END
set text=echo
END
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/sim"]
    input = 1.25
    output = 10
[budget "daily"]
    limit = 0.000001/day
    warn = 50%
[budget "other"]
    limit = 5/month
    project = other
END
ONE_KEY=secret-of-one
export ONE_KEY
start_broker
ask -m one/sim 'what does this cost'
id=$(got h.x-llmgw-request-id)
sql_wait "SELECT count(*) FROM request WHERE id = '$id'" 1 >/dev/null
cost today -j
is "$(printf '%s' "$out" | "$tool" json totals.requests)" 1 'it is in the report'
is "$(printf '%s' "$out" | "$tool" json totals.cost_pusd)" \
    "$(sql "SELECT input * 1250000 + output * 10000000 FROM request")" '… at its exact price'
cost show "$id"
is "$rc" 0 'its arithmetic can be shown'
like "$out" 'input +[0-9]+ x \$0\.00000125 = ' '… line by line'
like "$out" 'recorded .*, the same' '… and comes to what is recorded'
cost show "$id" -j
is "$(printf '%s' "$out" | "$tool" json cost_pusd)" "$(sql 'SELECT cost_pico FROM request')" \
    '… to the pico-dollar'
cost --check
is "$rc" 6 'a budget that is used up: 6'
like "$out" '^budget daily: ' '… is named'
unlike "$out" 'other' '… others are not'
cost today
like "$out" ' of \$0\.0000010 ' 'the report shows the budget'

# ---- since the previous report ----
marks=$XDG_STATE_HOME/llmgw/marks
cost --since-last -j
is "$(printf '%s' "$out" | "$tool" json totals.requests)" 1 'the first report has all so far'
like "$out" '"since":null' '… from the beginning'
cost --since-last -j
is "$(printf '%s' "$out" | "$tool" json totals.requests)" 0 'the second has what is new: nothing'
mark=$(printf '%s' "$out" | "$tool" json until)
cost --since-last --mark mail -j
is "$(printf '%s' "$out" | "$tool" json totals.requests)" 1 'another name has an end of its own'
ask -m one/sim 'and this'
sql_wait "SELECT count(*) FROM request" 2 >/dev/null
cost --since-last --fields nonsense
is "$rc" 2 'a report that fails'
cost --since-last -o "$tmp/nowhere/report"
is "$rc" 1 '… or cannot be written'
cost --since-last -j
is "$(printf '%s' "$out" | "$tool" json since)" "$mark" '… leaves the mark where it was'
is "$(printf '%s' "$out" | "$tool" json totals.requests)" 1 '… so that nothing is missing'
is "$(stat -c %a "$marks/default") $(ls "$marks" | tr '\n' ' ')" '600 default mail ' \
    'a mark is a file of its own, and ours'
for bad in '--mark ../x' '--mark .x' 'today' '--last 1d' '--check' '--limit 5'; do
    # shellcheck disable=SC2086
    cost --since-last $bad
    is "$rc" 2 "--since-last $bad: usage"
done
echo soon >"$marks/broken"
cost --since-last --mark broken
is "$rc" 2 'a mark that is none is no time'
like "$err" 'broken holds no time' '… and is named'

# what is under way belongs to the next report
curl -sS --max-time 20 --unix-socket "$sock" -o "$tmp/late" \
    -d '{"model":"one/sim:wait=19s","messages":[{"role":"user","content":"x"}]}' \
    http://llmgw/v1/chat/completions 2>"$tmp/late.err" &
pids="$pids $!"
wait_for "$one_journal" '"model":"sim:wait=19s"'
cost --since-last -j
is "$(printf '%s' "$out" | "$tool" json totals.requests)" 0 'a request under way is not in it'
http /llmgw/v1/inflight >"$tmp/flying"
http -d "{\"request_id\":\"$("$tool" json requests.0.request_id <"$tmp/flying")\"}" \
    /llmgw/v1/cancel >/dev/null
sql_wait "SELECT count(*) FROM request" 3 >/dev/null
cost --since-last -j
is "$(printf '%s' "$out" | "$tool" json totals.requests)" 1 '… but in the next one'
stop_broker
config <<END
[budget "daily"]
    limit = 0.01/day
    warn = 80%
END
cost --check
is "$rc:$out" '0:' 'far from its limit: silence'
cost --check --warn-at 0.0001
is "$rc" 6 'near a warning: 6'
like "$out" '^budget daily: ' '… and a line'
cost --check --warn-at 0.0001
is "$rc:$out" '0:' '… once a day'
done_testing
