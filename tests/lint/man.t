#!/bin/sh
# Manual pages: one for every command, generated parts as the tables have them, clean to mandoc.
top_builddir=$(cd "${top_builddir:-build}" && pwd)
. "${top_srcdir:-.}/tests/lint/lib.sh"
llmgw=$top_builddir/llmgw

verdict 'every command has a page' "$("$llmgw" help -j | tr '{' '\n' |
    sed -n 's/^"name":"\([a-z]*\)","alias".*/\1/p' | while read -r c; do
    [ -f "man/llmgw-$c.1" ] || { echo "man/llmgw-$c.1 is missing"; continue; }
    "$llmgw" __mdoc options "$c" | grep -q '^\.It' || continue
    grep -q "generated: options $c\$" "man/llmgw-$c.1" || echo "$c: no generated options"
done)"
verdict 'generated parts are up to date (make update-man)' "$(for p in man/*.[1-8]; do
    sh man/update.sh "$llmgw" "$p" 2>&1 | cmp -s - "$p" || echo "$p"
done)"
verdict 'no help is wider than 80 columns' "$("$llmgw" help -j | tr '{' '\n' |
    sed -n 's/^"name":"\([a-z]*\)","alias".*/\1/p' | while read -r c; do
    width=$("$llmgw" "$c" --help | LC_ALL=C.UTF-8 wc -L)
    [ "$width" -gt 0 ] && [ "$width" -le 80 ] || echo "$c: $width"
done)"
verdict 'no heading begins with a macro that would be obeyed' "$(
    grep -nE '^\.S[hs] (Ac|An|Ao|Ap|Ar|At|Bc|Bo|Bq|Cm|Do|Dq|Em|Er|Ev|Fl|Ic|In|Li|Nm|No|Ns|Op|Or|Pa|Ql|So|Sq|Sx|Sy|Ta|Up|Va|Xr)( |$)' man/*.[1-8])"
verdict 'every page is installed' "$(for p in man/*.[1-8]; do
    grep -q "%D%/${p#man/}\$" man/local.mk || echo "$p is not in man/local.mk"
done)"
verdict 'every path of the broker is in llmgw-protocol(7)' "$(
    sed -n 's|^ *{"[A-Z]*", "\(/[^"]*\)",.*|\1|p' broker/api.c | while read -r path; do
        grep -qF "$path" man/llmgw-protocol.7 || echo "$path"
    done)"
verdict 'every option of llmgwd is in llmgwd(8)' "$(
    sed -n 's/^ *{[^,]*, "\([a-z-]*\)", OPT_.*/\1/p' broker/main.c | while read -r option; do
        grep -q "Fl -$option" man/llmgwd.8 || echo "--$option"
    done)"
verdict 'every header the broker knows is in llmgw-protocol(7)' "$(
    {
        grep -ohE '"x-llmgw-[a-z-]+"' core/*.c broker/*.c cmd/*.c | tr -d '"'
        sed -n 's/^ *{"\([a-z-]*\)", read_[a-z_]*},$/x-llmgw-\1/p' broker/request_options.c
    } | sort -u |
        while read -r header; do
            grep -qF "$header" man/llmgw-protocol.7 || echo "$header"
        done)"
verdict 'every variable is in llmgw(1)' "$(
    grep -ohE '"LLMGW_[A-Z_]+"' core/*.c broker/*.c cmd/*.c | tr -d '"' | sort -u |
        while read -r variable; do
            grep -qF "$variable" man/*.[1-8] || echo "$variable"
        done)"
# A reader wants to see it done first: a display stands before any list, and in the pages of
# commands it is the one that is made from the table, so that -h shows the same.
verdict 'examples come first' "$(for p in man/llmgw*.1; do
    c=${p#man/llmgw-} && c=${c%.1}
    awk -v c="$c" -v p="$p" '
        /^\.\\" generated: examples / { n++ }
        /^\.Bd -literal/ && !list { display = 1 }
        /^\.Bl/ && !list { list = 1; if (!display) print p ": a list before any example" }
        END { if (!display) print p ": no example"
              if (!n && c != p && c != "sim" && p != "man/llmgw.1") print p ": not those of the table" }' "$p"
done)"
verdict 'every option of llmgw-sim is in its page' "$(
    "$top_builddir/llmgw-sim" --help | sed -n 's/^ .*--\([a-z-]*\).*/\1/p' | while read -r option; do
        grep -qE "Fl -$option( |$)" man/llmgw-sim.1 || echo "--$option"
    done)"
verdict 'every word of a scenario is in llmgw-sim(1)' "$(
    sed -n 's/^    {"\([a-z-]*\)", W_[A-Z]*, .*/\1/p' tests/sim/scenario.c | sort -u | while read -r word; do
        grep -qE "(^|[^a-z-])$word([^a-z-]|$)" man/llmgw-sim.1 || echo "$word"
    done)"
if command -v mandoc >/dev/null; then
    verdict 'mandoc finds nothing to say' "$(mandoc -T lint man/*.[1-8] 2>&1 |
        grep -vE 'referenced manual not found|outdated mandoc.db')"
fi
plan
