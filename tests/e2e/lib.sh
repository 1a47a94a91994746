# lib.sh: end-to-end tests in POSIX sh, TAP on standard output.
#
#     . "$top_srcdir/tests/e2e/lib.sh"
#     start_sim one                       # fake provider; $one_port, $one_journal
#     config <<END … END                  # the broker's configuration
#     start_broker                        # $sock, $db
#     ask -m one/sim "hello"; is "$(got outcome)" ok 'an answer comes'
#     done_testing
#
# Each test has a folder of its own under /tmp (socket paths are short), its own HOME, TMPDIR and
# XDG folders, no key and no proxy from outside. Nothing sleeps: processes tell that they are ready,
# files are waited for with inotify. Whatever is waited for comes at once, or never: limits are for
# the latter, and so long that a busy machine does not come near them. What a test starts is ended
# by its pid when it leaves. The folder stays when a check failed, and its logs go to standard error.

set -u
LC_ALL=C.UTF-8
TZ=UTC
export LC_ALL TZ
top_srcdir=${top_srcdir:-.}
top_builddir=${top_builddir:-build}
tool=$top_builddir/tests/e2e/tool
PATH=$top_builddir:$PATH

# No day ends while a test runs: budgets of a day and reports of today would begin anew.
left_s=$((86400 - $(date +%s) % 86400))
[ "$left_s" -gt 120 ] || sleep "$left_s"

tmp=$(mktemp -d /tmp/lgw.XXXX) || exit 99
HOME=$tmp/home
XDG_CONFIG_HOME=$tmp/config
XDG_DATA_HOME=$tmp/data
XDG_STATE_HOME=$tmp/state
XDG_CACHE_HOME=$tmp/cache
XDG_RUNTIME_DIR=$tmp/run
TMPDIR=$tmp/tmp
export HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR TMPDIR
mkdir -m 700 "$HOME" "$XDG_RUNTIME_DIR" "$TMPDIR"
mkdir -p "$XDG_CONFIG_HOME/llmgw"
for v in $(env | sed -n 's/^\([A-Za-z0-9_]*_API_KEY\|LLMGW_[A-Z_]*\|AWS_[A-Z_]*\|[A-Za-z]*_proxy\|[A-Z]*_PROXY\)=.*/\1/p'); do
    unset "$v"
done
LLMGW_CATALOG=$top_srcdir/core/catalog.tsv
export LLMGW_CATALOG
config_file=$XDG_CONFIG_HOME/llmgw/config
sock=$XDG_RUNTIME_DIR/llmgw/broker.sock
db=$XDG_DATA_HOME/llmgw/llmgw.db
broker_log=$tmp/broker.log

n_tests=0
n_failed=0
pids=

# ---- TAP ----

pass() {
    n_tests=$((n_tests + 1))
    printf 'ok %d - %s\n' "$n_tests" "$*"
}

fail() {
    n_tests=$((n_tests + 1))
    n_failed=$((n_failed + 1))
    printf 'not ok %d - %s\n' "$n_tests" "$*"
}

skip() { # what, why
    n_tests=$((n_tests + 1))
    printf 'ok %d - %s # SKIP %s\n' "$n_tests" "$1" "$2"
}

diag() {
    printf '%s\n' "$*" | sed 's/^/# /'
}

# ok DESCRIPTION COMMAND…: the command succeeds
ok() {
    what=$1
    shift
    if out=$("$@" 2>&1); then pass "$what"; else
        fail "$what"
        diag "failed: $*"
        diag "$out"
    fi
}

# is GOT WANT DESCRIPTION
is() {
    if [ "$1" = "$2" ]; then pass "$3"; else
        fail "$3"
        diag "got:  $1"
        diag "want: $2"
    fi
}

isnt() {
    if [ "$1" != "$2" ]; then pass "$3"; else
        fail "$3"
        diag "got it all the same: $1"
    fi
}

# like TEXT REGEX DESCRIPTION, an extended one
like() {
    if printf '%s\n' "$1" | grep -qE -- "$2"; then pass "$3"; else
        fail "$3"
        diag "no match for: $2"
        diag "in: $1"
    fi
}

unlike() {
    if printf '%s\n' "$1" | grep -qE -- "$2"; then
        fail "$3"
        diag "unwanted: $2"
        diag "in: $1"
    else pass "$3"; fi
}

# cmp_num A OP B DESCRIPTION, with test's -lt, -ge, …
cmp_num() {
    if [ "$1" "$2" "$3" ]; then pass "$4"; else
        fail "$4"
        diag "not so: $1 $2 $3"
    fi
}

# score KEY=N…: what became of requests, for the scorecard of make campaign. The keys: whole,
# rescued, error (a typed one), left (by the client), wrong, hung and lost.
score() {
    printf '# score %s\n' "$*"
}

# score_of REPORT LOST: the same of what tool swarm has written down
score_of() {
    awk -v lost="$2" '{ n[$1]++ }
        END {
            printf "# score whole=%d error=%d left=%d wrong=%d hung=%d lost=%d\n", n["ok"], \
                n["error"] + n["no-answer"], n["left"], n["broken"] + n["cut"], n["timeout"], lost
        }' "$1"
}

done_testing() {
    printf '1..%d\n' "$n_tests"
    exit $((n_failed > 0))
}

bail() {
    printf 'Bail out! %s\n' "$*"
    exit 99
}

# is_sanitized [NAME]: built with a sanitizer, or with the one that is named
is_sanitized() {
    grep -q "^SAN_FLAGS = .*sanitize=.*${1:-}" "$top_builddir/Makefile"
}

# slice N: of lines, under a sanitizer, one in N: another part with each and on each day, or by
# SEED. Without one, and where somebody has chosen what to run, all pass.
slice() {
    if is_sanitized && [ -z "${ROWS:-}" ]; then
        seed=${SEED:-$(date +%-j)}
        is_sanitized thread && seed=$((seed + 1))
        awk -v n="$1" -v seed="$seed" '(NR + seed) % n == 0'
    else
        cat
    fi
}

need() { # programs that a machine may lack
    for p in "$@"; do
        command -v "$p" >/dev/null || {
            echo "1..0 # SKIP no $p"
            exit 0
        }
    done
}

# ---- processes ----

# spawn NAME COMMAND…: standard output to $tmp/NAME.out, error to $tmp/NAME.err; sets $pid
spawn() {
    name=$1
    shift
    "$@" >"$tmp/$name.out" 2>"$tmp/$name.err" &
    pid=$!
    pids="$pids $pid"
}

# reap PID [SIGNAL]: ends it and waits for its end; sets $rc
reap() {
    kill "-${2:-TERM}" "$1" 2>/dev/null
    wait "$1" 2>/dev/null
    rc=$?
    pids=$(printf '%s' "$pids" | sed "s/ $1\$//; s/ $1 / /")
}

# nap: a moment, between two looks at what tells nobody that it changes
nap() {
    "$tool" wait "$tmp" '^never$' 50ms 2>/dev/null
}

# wait_for FILE REGEX [SECONDS]
wait_for() {
    "$tool" wait "$1" "$2" "${3:-60}"
}

# until_is WANT COMMAND…: asks again until it says so, for half a minute; prints what it said last
until_is() {
    want=$1 i=0
    shift
    while said=$("$@"); [ "$said" != "$want" ] && [ "$i" -lt 600 ]; do
        nap
        i=$((i + 1))
    done
    printf '%s\n' "$said"
}

cleanup() {
    status=$?
    trap - EXIT INT TERM HUP
    for p in $pids; do kill "$p" 2>/dev/null; done
    for p in $pids; do wait "$p" 2>/dev/null; done
    # brokers that clients have started
    for p in $(find "$tmp" -name '*.sock.pid' -exec cat {} + 2>/dev/null); do
        grep -qF "$tmp" "/proc/$p/cmdline" 2>/dev/null && kill "$p"
    done
    if [ "$status" = 0 ] && [ "$n_failed" = 0 ] && [ -z "${KEEP:-}" ]; then
        rm -rf "$tmp"
    else
        for f in "$tmp"/*.err "$broker_log"; do
            [ -s "$f" ] && { printf '# %s:\n' "$f"; tail -n 40 "$f" | sed 's/^/#   /'; } >&2
        done
        echo "# kept: $tmp" >&2
    fi
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- the fake provider ----

# start_sim NAME [OPTION…]: sets NAME_port, NAME_pid, NAME_journal. Its scenario is
# $tmp/NAME.scenario when that exists.
start_sim() {
    sim=$1
    shift
    [ -e "$tmp/$sim.scenario" ] && set -- --scenario "$tmp/$sim.scenario" "$@"
    mkfifo "$tmp/$sim.ready"
    llmgw-sim --listen 127.0.0.1:0 --journal "$tmp/$sim.journal" "$@" \
        >"$tmp/$sim.ready" 2>"$tmp/$sim.err" &
    pid=$!
    pids="$pids $pid"
    read -r word port <"$tmp/$sim.ready" || bail "llmgw-sim did not start: $(cat "$tmp/$sim.err")"
    [ "$word" = ready ] || bail "llmgw-sim said $word"
    rm "$tmp/$sim.ready"
    : >>"$tmp/$sim.journal"
    eval "${sim}_port=\$port ${sim}_pid=\$pid ${sim}_journal=\$tmp/$sim.journal"
}

# scenario NAME: a new one from standard input, in force when this returns
scenario() {
    eval "port=\${$1_port}"
    out=$(curl -sS --noproxy '*' -X PUT --data-binary @- "http://127.0.0.1:$port/sim/scenario")
    [ "$out" = ok ] || bail "scenario: $out"
}

# requests NAME [REGEX]: how many of its journalled requests match
requests() {
    grep '"what":"request"' "$tmp/$1.journal" | grep -cE -- "${2:-.}"
}

# last_request NAME PATH: a value of the last journalled request, as in body.model
last_request() {
    grep '"what":"request"' "$tmp/$1.journal" | tail -n 1 | "$tool" json "$2"
}

# asked PATH: the same of sim, inside the body; target: what it was asked for
asked() { last_request sim "body.$1"; }
target() { last_request sim target; }

last_answer() {
    grep '"what":"answer"' "$tmp/$1.journal" | tail -n 1 | "$tool" json "$2"
}

# ---- the broker ----

# sim_provider NAME PATH [LINE…]: a section of the configuration, for sim and with the key of
# $SIM_KEY; a LINE is one of its settings
sim_provider() {
    printf '[provider "%s"]\n\tbase-url = http://127.0.0.1:%s%s\n\tkey-env = SIM_KEY\n' "$1" "$sim_port" "$2"
    shift 2
    [ $# = 0 ] || printf '\t%s\n' "$@"
}

# config: the configuration from standard input
config() {
    cat >"$config_file"
}

# start_broker [OPTION…]: ready to answer when this returns; sets $broker_pid. $llmgwd is the
# program, where it is another one.
start_broker() {
    mkfifo "$tmp/broker.ready"
    "${llmgwd:-llmgwd}" --foreground --ready-fd 3 "$@" 3>"$tmp/broker.ready" >>"$broker_log" 2>&1 &
    broker_pid=$!
    pids="$pids $broker_pid"
    read -r word <"$tmp/broker.ready" || bail "llmgwd did not start: $(tail -n 5 "$broker_log")"
    rm "$tmp/broker.ready"
}

# stop_broker [SIGNAL]: waits for its end; sets $rc
stop_broker() {
    reap "$broker_pid" "${1:-TERM}"
}

# ---- clients ----

# at_terminal COMMAND…: there, by a script for tool pty on standard input; $rc, $screen, and as it
# came $tmp/screen.raw
at_terminal() {
    "$tool" pty "$@" >"$tmp/screen.raw" 2>"$tmp/screen.err"
    rc=$?
    [ "$rc" = 0 ] || diag "$(cat "$tmp/screen.err")"
    screen=$(tr -d '\r' <"$tmp/screen.raw")
}

# ask [OPTION…] PROMPT: through the broker's socket; the facts are read with got
ask() {
    "$tool" ask --socket "$sock" "$@" >"$tmp/answer" 2>"$tmp/answer.err"
}

# ask_sim NAME [OPTION…] PROMPT: the provider without a broker
ask_sim() {
    eval "port=\${$1_port}"
    shift
    "$tool" ask --port "$port" "$@" >"$tmp/answer" 2>"$tmp/answer.err"
}

# got KEY: outcome, status, text, finish, class, tools, h.HEADER, problems, …
got() {
    sed -n "s/^$1=//p" "$tmp/answer" | head -n 1
}

# http [CURL OPTION…] PATH: to the broker's socket
http() {
    for path; do :; done
    n=$#
    while [ "$n" -gt 1 ]; do
        set -- "$@" "$1"
        shift
        n=$((n - 1))
    done
    shift
    curl -sS --max-time 20 --unix-socket "$sock" "$@" "http://llmgw$path"
}

# post PATH BODY: JSON to the broker; the head goes to $tmp/head, the body to standard output
post() {
    http -D "$tmp/head" -H 'content-type: application/json' -d "$2" "$1"
}

# head_of HEADER: of the last post
head_of() { tr -d '\r' <"$tmp/head" | sed -n "s/^$1: //p"; }

# sql QUERY: rows as a|b|c
sql() {
    sqlite3 -readonly -cmd '.timeout 5000' "$db" "$1"
}

# sql_wait QUERY WANT [TRIES]: the ledger's writer is a moment behind the answer; as until_is
sql_wait() {
    i=0
    while [ "$i" -lt "${3:-600}" ]; do
        row=$(sql "$1" 2>/dev/null)
        [ "$row" = "$2" ] && break
        nap
        i=$((i + 1))
    done
    printf '%s\n' "$row"
}
