#!/bin/sh
# coverage.sh SOURCE FOLDER: line coverage by file, worst first; what "make coverage" runs.
#
# Builds SOURCE with gcc for gcov in FOLDER, runs the unit and end-to-end tests and replays the
# fuzz corpora there; FOLDER/lines/ then has each file with how often each line ran. Fails when
# a file of core or broker is under the floor. Tests that fail are only told: here programs are
# slow, and "make check" is their judge.
set -u

floor=85
top=$(cd "$1" && pwd) dir=$2
LC_ALL=C
export LC_ALL

mkdir -p "$dir" && cd "$dir" || exit 1

if [ ! -f Makefile ]; then
    "$top/configure" CC="${COVERAGE_CC:-gcc}" CFLAGS='-g -O0' --enable-coverage \
        >configure.log 2>&1 || { tail -n 20 configure.log >&2 && exit 1; }
fi
jobs=$(getconf _NPROCESSORS_ONLN)
make -s -j"$jobs" all >build.log 2>&1 && make -s -j"$jobs" check TESTS= >>build.log 2>&1 ||
    { tail -n 20 build.log >&2 && exit 1; }

# Lint is about the sources and the objects of a plain build, but for man.t, which runs llmgw.
find . -name '*.gcda' -exec rm -f {} +
tests="$(make -s print-tests | tr ' ' '\n' | grep -v '/lint/' | tr '\n' ' ')tests/lint/man.t"
make -k -j"$jobs" check TESTS="$tests" >check.log 2>&1 || {
    grep -E '^(FAIL|ERROR|XPASS):' check.log
    echo "coverage: tests fail; see $PWD/check.log"
} >&2

rm -rf lines && mkdir lines && cd lines || exit 1
find ../core ../broker ../cmd -name '*.gcno' -exec gcov {} + 2>/dev/null >../gcov.log
cd .. || exit 1

# gcov tells of each file twice over: its name on one line, its lines on the next.
awk -v top="$top/" '
    /^File / {
        file = substr($0, 7, length($0) - 7)
        if (index(file, top) == 1)
            file = substr(file, length(top) + 1)
    }
    /^Lines executed:/ && file ~ /^(core|broker|cmd)\/.*\.c$/ {
        split($0, part, /[:%]| of /)
        printf "%6.2f %5d  %s\n", part[2], part[4], file
    }
    { if (!/^File /) file = "" }
' gcov.log | sort -n >table
awk -v floor="$floor" '
    BEGIN { print "covered  lines  file" }
    {
        low = $1 < floor && $3 !~ /^cmd\//
        n_low += low
        lines += $2
        covered += $1 * $2 / 100
        printf "%5.1f %% %6d  %s%s\n", $1, $2, $3, low ? "  under " floor " %" : ""
    }
    END {
        if (NR == 0)
            exit 1
        printf "%5.1f %% %6d  all\n", covered * 100 / lines, lines
        exit n_low > 0
    }
' table
