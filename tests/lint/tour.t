#!/bin/sh
# The README names files that exist; every man page is clean and every option is documented.
. "${top_srcdir:-.}/tests/lint/lib.sh"

verdict 'every file the README names exists' "$(
    grep -oE '`[a-z]+(/[A-Za-z0-9_.-]+)+`' README.md | tr -d '`' | sort -u | while read -r f; do
        [ -e "$f" ] || [ -e "${top_builddir:-build}/$f" ] || echo "$f"
    done
)"
if command -v mandoc >/dev/null; then
    verdict 'mandoc finds nothing to say' "$(for p in man/*.[1-8]; do
        mandoc -T lint -W warning "$p" 2>&1 | grep -vE 'referenced manual not found'
    done)"
fi
# A unit test may be longer: its cases are a table, and the table is data.
verdict 'functions fit a screen' "$(sources | grep -v '^tests/unit/' | xargs awk '
    FNR == 1 { open = 0 }
    /^[a-z].*[^;]$/ && !/^(struct|enum|union|static const|const|extern|#)/ { start = FNR; name = $0 }
    /^\{/ { open = FNR }
    /^\}/ && open { if (FNR - open > 61) print FILENAME ":" open ": " FNR - open - 1 " lines: " name; open = 0 }')"
plan
