#!/bin/sh
# campaign.sh: every fault that is known, at full length, and the score: what became of each
# request. Rescued: a fault, and a whole answer all the same. Error: a typed one, or a connection
# that a kill cut. Wrong: another text, a doubled one, a finish that the provider never sent.
# Status 1 when any is wrong, hung or lost, or a check failed.
#
#     make campaign [PARTS="matrix cuts"] [SEEDS="1 2 3"] [SCALE=10]
#
# SCALE is in percent of the length; logs of all parts are in campaign/.
set -u
here=${top_srcdir:-.}/tests/e2e
build=${top_builddir:-build}
logs=$build/campaign
scale=${SCALE:-100}
mkdir -p "$logs"
began=$(date +%s)
of() { echo $((($1 * scale + 99) / 100)); }
# a stride grows where a length shrinks
stride() { echo $(((100 + scale - 1) / scale)); }

# part NAME WHAT COMMAND…: runs it; its checks and its score become a line of the table
part() {
    name=$1 what=$2
    shift 2
    [ -n "${PARTS:-}" ] && case " $PARTS " in *" $name "*) ;; *) return ;; esac
    echo "campaign: $name" >&2
    start=$(date +%s)
    "$@" >"$logs/$name.tap" 2>"$logs/$name.err" </dev/null
    rc=$?
    grep -A 3 '^not ok' "$logs/$name.tap" >&2
    awk -v name="$name" -v what="$what" -v rc="$rc" -v took="$(($(date +%s) - start))" '
        /^ok / && !/# SKIP/ { n_ok++ }
        /^not ok / { n_bad++ }
        /^# score / {
            for (i = 3; i <= NF; i++) {
                split($i, w, "=")
                n[w[1]] += w[2]
            }
        }
        END {
            if (n_bad == 0 && (rc != 0 || n_ok == 0))
                n_bad = 1 # it ended before its time
            printf "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", name, what, n["whole"],
                n["rescued"], n["error"], n["left"], n["wrong"], n["hung"], n["lost"], n_ok,
                n_bad, took
        }' "$logs/$name.tap" >>"$logs/table"
}
all_seeds() {
    for seed in ${SEEDS:-1 2 3}; do ALL_PAIRS=1 SEED=$seed sh "$here/30-matrix.t"; done
}
units() {
    for t in ledger_fault request request_asked request_failure conn listen upstream cross_fault memory conf_memory; do
        FAULT_STRIDE=$(stride) CMOCKA_MESSAGE_OUTPUT=TAP "$build/tests/unit/test_$t"
    done
}
e2e() { sh "$here/$1.t"; }

: >"$logs/table"
part matrix 'the fault matrix, several seeds' all_seeds
part dialects "each client's dialect by each provider's, judged by content" e2e 39-dialects
part cuts 'a recorded answer of each dialect, cut at every byte' env STRIDE="$(stride)" sh "$here/32-cuts.t"
part kills "a kill in each write, $(of 200) at random moments, then SIGTERM" env KILLS="$(of 200)" sh "$here/48-kill.t"
part memory "$(of 100000) requests, as many left, 2000 streams at once" \
    env REQUESTS="$(of 100000)" STREAMS=2000 sh "$here/49-memory.t"
part allocations 'each allocation fails: commands; a broker under load' \
    env FAULT_STRIDE="$(stride)" sh "$here/49-no-memory.t"
part units 'each allocation, read, write and record boundary fails' units
part disk 'full, read-only, damaged, newer' e2e 49-disk
part spool 'the database locked for ten seconds' e2e 52-spool
part connections 'kept connections that die; answers beyond every cap' e2e 31-connections
part network 'names, proxies, slow readers' e2e 37-network
part tls 'bad certificates, a private CA' e2e 46-tls
part vanish 'clients that leave in every state: let go within 100 ms' \
    env LATE_MS=100 sh "$here/34-vanish.t"
part slow 'heads and bodies that come slowly' e2e 38-slow
part smuggling 'requests that are none' e2e 33-smuggling
part json 'bodies that are no request' e2e 36-json
part secrets 'keys and prompts where they may not be' e2e 70-secrets
part valgrind 'commands and broker under memcheck' e2e 70-valgrind

commit=$(git -C "$here" log -1 --format=%h 2>/dev/null || echo 'a release')
cat <<END
# Fault campaign

\`make campaign\` on $(date -u +%F), $commit, $(getconf _NPROCESSORS_ONLN) cores ($(uname -m)).
Each request has one place: whole (nothing had to be done, or the client had no fault before it),
rescued (a fault, and the whole answer all the same), error (a typed one, before or in the stream,
or a connection that a kill cut), left (the client went away). Wrong (another text, a doubled one,
a finish that the provider never sent), hung and lost (not in the ledger) must be zero. Where there
is no count the checks are the verdict. This page is made by \`make update-campaign\`.

END
awk -F '\t' -v took="$(($(date +%s) - began))" '
    BEGIN {
        print "| part | what | whole | rescued | error | left | wrong | hung | lost | checks | failed | s |"
        print "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |"
    }
    {
        printf "| %s | %s |", $1, $2
        for (i = 3; i <= 12; i++) {
            printf " %s |", i <= 9 && $3 + $4 + $5 + $6 + $7 + $8 + $9 == 0 ? "" : $i
            sum[i] += $i
        }
        print ""
    }
    END {
        printf "| all | |"
        for (i = 3; i <= 11; i++)
            printf " %d |", sum[i]
        printf " %d |\n", took
        exit NR == 0 || sum[7] + sum[8] + sum[9] + sum[11] > 0
    }' "$logs/table"
