#!/bin/sh
# Disks that are full, directories that may not be written, databases that are too new, spools
# that are damaged: answers go on, what cannot be recorded is counted and told, and the ledger
# catches up by itself. Where the test may mount, one part has a small disk of its own.
if [ "$(id -u)" = 0 ] && [ "${1:-}" != alone ] && unshare -m true 2>/dev/null; then
    exec unshare -m sh "$0" alone
fi
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3 prlimit

start_sim one
ONE_KEY=sk-one
export ONE_KEY
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/sim"]
    input = 3
    output = 15
END

ledger() { http /llmgw/v1/status | "$tool" json "ledger.$1"; }
metric() { http /metrics | sed -n "s/^$1 //p"; }

# asks N [OPTION…]: prints how many were answered well
asks() {
    n=$1
    shift
    n_good=0
    while [ "$n" -gt 0 ]; do
        ask -m one/sim -n 64 "$@" hello
        [ "$(got outcome)" = ok ] && n_good=$((n_good + 1))
        n=$((n - 1))
    done
    echo "$n_good"
}

# limit_files BYTES: no file of the broker's may grow beyond
limit_files() { prlimit --pid "$broker_pid" --fsize="$1:unlimited"; }

# ---- a disk that fills while the broker runs ----
start_broker
is "$(asks 1)" 1 'an answer, before the disk is full'
until_is true ledger writable >"$tmp/out"
limit_files 4096 # not even the spool
is "$(asks 5 -s)" 5 'answers go on when neither database nor spool can be written'
dropped=$(ledger dropped_rows)
is "$dropped" 5 '… what is dropped is counted'
is "$(metric llmgw_dropped_rows_total)" "$dropped" '… in the metrics too'
is "$(ledger writable)" false '… and the ledger is not writable'
like "$(cat "$broker_log")" 'File too large' '… the log says why'
like "$(http -H 'x-llmgw-events: 1' -d '{"model":"one/sim","stream":true,"max_tokens":64,
    "messages":[{"role":"user","content":"hello"}]}' /v1/chat/completions)" \
    '"recorded":"dropped"' '… and our own clients are told'
dropped=$(ledger dropped_rows)
# The spool has room, the log of the database has not; it is gone when the writer has closed it
# after the error, and a new one needs more than three pages.
room=$(stat -c %s "$db-wal" 2>/dev/null || echo 0)
[ "$room" -ge 12288 ] || room=12288
limit_files "$room"
is "$(asks 5)" 5 'answers go on when only the database cannot grow'
is "$(until_is false ledger writable)" false '… which is seen'
like "$(ledger trouble)" 'ledger: .*(I/O error|full)' '… and said'
limit_files unlimited
is "$(until_is true ledger writable)" true 'with room again the ledger recovers by itself'
is "$(sql_wait 'SELECT sum(n_rows) FROM loss' "$dropped")" "$dropped" '… notes what it lost'
is "$(sql_wait 'SELECT count(*) FROM request' 6)" 6 '… and has what it did not'
is "$(sqlite3 -readonly "$db" <"$top_srcdir/tests/data/rollups.sql")" 0 '… sums and all'
stop_broker
is "$rc" 0 'the broker ends well'

# ---- a disk that is full from the start ----
rm -f "$db" "$db".*
limited() {
    prlimit --fsize="$1" llmgwd --foreground --ready-fd 3 3>"$tmp/ready" 2>"$tmp/limited.err"
    rc=$?
}
limited 1000000
isnt "$rc" 0 'no broker without room for the smallest spool'
like "$(cat "$tmp/limited.err")" 'llmgw.db.spool.*cannot reserve [0-9]+ bytes: File too large' \
    '… which says what it needs and where'
(ulimit -f 12000 && exec llmgwd --foreground --ready-fd 3) 3>"$tmp/small.ready" 2>>"$broker_log" &
broker_pid=$!
pids="$pids $broker_pid"
wait_for "$tmp/small.ready" ready
is "$(asks 1)" 1 'a smaller spool is made where there is room for that only'
is "$(ledger spool_size_bytes)" 4194304 '… of four megabytes'
stop_broker

# ---- a disk that is really full ----
mkdir "$tmp/disk"
if [ "${1:-}" = alone ] && mount -t tmpfs -o size=7m tmpfs "$tmp/disk" 2>/dev/null; then
    data=$XDG_DATA_HOME old_db=$db
    XDG_DATA_HOME=$tmp/disk/data
    db=$XDG_DATA_HOME/llmgw/llmgw.db
    fill() { cat /dev/zero >"$tmp/disk/filler" 2>/dev/null; }
    start_broker
    is "$(asks 1) $(ledger spool_size_bytes)" '1 4194304' 'a small disk has a small spool'
    until_is true ledger writable >"$tmp/out"
    fill
    # the log of the database has room in its own pages for some rows
    n=0
    while [ "$(ledger writable)" = true ] && [ "$n" -lt 400 ]; do
        n=$((n + $(asks 10)))
    done
    is "$(ledger writable) $((n % 10))" 'false 0' "the disk is full, which is seen; all of $n are answered"
    like "$(ledger trouble)" 'full' '… and said'
    is "$(asks 20)" 20 '… answers go on'
    n=$((n + 20))
    is "$(ledger dropped_rows)" 0 '… the spool has its room reserved: nothing is dropped'
    cmp_num "$(llmgw cost today -F json 2>/dev/null | "$tool" json waiting_requests)" -gt 0 '… rows wait'
    stop_broker KILL
    start_broker
    is "$(asks 5)" 5 'a broker that starts on a full disk answers'
    rm "$tmp/disk/filler"
    is "$(until_is true ledger writable)" true 'with room again the ledger recovers by itself'
    is "$(sql_wait 'SELECT count(*) FROM request' $((n + 6)))" $((n + 6)) '… every row comes'
    is "$(sqlite3 -readonly "$db" <"$top_srcdir/tests/data/rollups.sql")" 0 '… sums and all'
    stop_broker
    is "$rc" 0 'the broker ends well'
    rm -rf "$XDG_DATA_HOME"
    fill
    limited unlimited
    isnt "$rc" 0 'no broker where there is no room at all'
    like "$(cat "$tmp/limited.err")" 'No space left on device|full' '… and it says why'
    like "$(llmgw doctor 2>/dev/null)" "^ledger +problem +$tmp/disk.*: no room for the 4 MiB" '… doctor, too'
    rm "$tmp/disk/filler"
    unlike "$(llmgw doctor 2>/dev/null)" 'no room' '… unless there is some'
    umount "$tmp/disk"
    XDG_DATA_HOME=$data db=$old_db
else
    skip 'a disk that is really full' 'may not mount'
fi

# ---- a database of a newer llmgw, then a damaged spool ----
rm -f "$db" "$db".*
start_broker
is "$(asks 1)" 1 'a new ledger'
stop_broker
sqlite3 "$db" 'PRAGMA user_version = 99'
rm "$db.spool" # a new one begins at its beginning
start_broker
is "$(asks 3)" 3 'answers go on with a database of a newer llmgw'
until_is false ledger writable >"$tmp/out"
like "$(ledger trouble)" "$db: .*newer than this llmgw" '… and the trouble is told'
stop_broker KILL
printf '\377' | dd of="$db.spool" bs=1 seek=$((4096 + 40)) conv=notrunc 2>/dev/null
sqlite3 "$db" 'PRAGMA user_version = 3'
start_broker
is "$(until_is true ledger writable)" true 'a spool with a damaged record'
is "$(ledger dropped_rows)" 1 '… the damage is counted'
is "$(sql 'SELECT sum(n_rows) FROM loss')" 1 '… and noted'
like "$(cat "$broker_log")" "error ledger .*spool=$db.spool.* unreadable" '… and told in the log'
is "$(sql 'SELECT count(*) FROM request')" 4 '… the other records are rows'
stop_broker

# ---- a spool that is cut short ----
truncate -s 700 "$db.spool"
start_broker
is "$(asks 1)" 1 'a spool that was cut short is used all the same'
is "$(sql_wait 'SELECT count(*) FROM request' 5)" 5 '… and records'
stop_broker
printf 'this is no spool, and it is longer than a head of one would be, which has 64 bytes' >"$db.spool"
start_broker
is "$(asks 1)" 1 'something else in its place is set aside'
like "$(cat "$broker_log")" "error ledger .*$db.spool.damaged" '… which the log says'
is "$(sql_wait 'SELECT count(*) FROM request' 6)" 6 '… and records'
stop_broker

# ---- a directory that may not be written ----
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && id nobody >/dev/null 2>&1; then
    chmod 755 "$tmp"
    mkdir "$tmp/theirs" "$tmp/theirs/run"
    chown -R nobody "$tmp/theirs"
    mkdir -p "$tmp/theirs/data/llmgw"
    chmod 755 "$XDG_CONFIG_HOME" "$XDG_CONFIG_HOME/llmgw"
    chmod 644 "$config_file"
    XDG_RUNTIME_DIR=$tmp/theirs/run XDG_DATA_HOME=$tmp/theirs/data HOME=$tmp/theirs \
        XDG_STATE_HOME=$tmp/theirs/state \
        setpriv --reuid nobody --clear-groups llmgwd --foreground 2>"$tmp/theirs.err"
    rc=$?
    isnt "$rc" 0 'no broker where the ledger may not be written'
    like "$(cat "$tmp/theirs.err")" "$tmp/theirs/data/llmgw.*Permission denied" '… and it says where'
else
    skip 'a directory that may not be written' 'not root, or no setpriv'
fi
done_testing
