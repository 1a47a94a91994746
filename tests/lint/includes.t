#!/bin/sh
# Who may include whom: core → core; broker → broker, core; cmd → cmd, core. A few headers
# of libraries belong to one file each. Own header first. Headers stand alone.
. "${top_srcdir:-.}/tests/lint/lib.sh"

verdict 'core includes only core' \
    "$(grep -nE '#include "(broker|cmd|tests)/' core/*.[ch])"
verdict 'broker includes only broker and core' \
    "$(grep -nE '#include "(cmd|tests)/' broker/*.[ch])"
verdict 'cmd includes only cmd and core' \
    "$(grep -nE '#include "(broker|tests)/' cmd/*.[ch])"
verdict 'the simulator shares no dialect code' \
    "$(grep -nE '#include "(broker|cmd)/|core/(msg|usage|price)\.h' tests/sim/*.[ch])"
verdict 'includes are rooted' \
    "$(sources | xargs grep -nE '#include "[^/"]+"' | grep -v '"config.h"')"
verdict 'only upstream*.c know libcurl' \
    "$(grep -lE '#include <curl/' core/*.[ch] broker/*.[ch] cmd/*.[ch] | grep -vE '^broker/upstream(_priv|_sock|_xfer)?\.[ch]$')"
verdict 'only loop.c knows libevent' \
    "$(grep -lE '#include <event2?/' core/*.[ch] broker/*.[ch] cmd/*.[ch] | grep -v '^broker/loop.c$')"
verdict 'only line.c knows readline' \
    "$(grep -lE '#include <readline/' core/*.[ch] broker/*.[ch] cmd/*.[ch] | grep -v '^cmd/line.c$')"
verdict 'own header first' "$(for c in core/*.c broker/*.c cmd/*.c; do
    h=${c%.c}.h
    [ -f "$h" ] || continue
    first=$(sed -n 's/^#include ["<]\(.*\)[">]/\1/p' "$c" | head -n 1)
    [ "$first" = "$h" ] || echo "$c: includes $first first, not $h"
done)"
flags="-std=gnu17 -I. -include ${top_builddir:-build}/config.h -fsyntax-only -x c"
flags="$flags $(pkg-config --cflags json-c sqlite3 libcurl 2>/dev/null)"
verdict 'headers stand alone' "$(for h in core/*.h broker/*.h cmd/*.h tests/sim/*.h; do
    ${CC:-cc} $flags "$h" 2>&1 | grep -m 1 'error:'
done)"
plan
