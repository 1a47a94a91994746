#!/bin/sh
# The formatter settles the format.
. "${top_srcdir:-.}/tests/lint/lib.sh"

format=$(command -v clang-format-14 || command -v clang-format)
case $("${format:-false}" --version 2>/dev/null) in
*version\ 14.*)
    verdict 'clang-format 14 has nothing to change' "$(sources | while read -r f; do
        "$format" "$f" | cmp -s "$f" - || echo "$f"
    done)"
    ;;
*)
    echo 'ok 1 - clang-format 14 # SKIP not installed'
    n=1
    ;;
esac
verdict 'no tab, no trailing blank' "$(sources | xargs grep -nE "$(printf '\t')|[ ]+\$")"
# The formatter leaves comments as they are; addresses and tables have no place to be broken.
verdict 'comments end by column 100' "$(sources | grep -v '^tests/' |
    LC_ALL=C.UTF-8 xargs grep -nE '^.{101,}' | grep -E '^[^:]+:[0-9]+: *(/\*|\*) ' |
    grep -vE 'https://|x-ratelimit-')"
plan
