#!/bin/sh
# No floating point in money, tokens, time or routing; cmd/stat.c may use it for statistics, and
# core/vector.c because embeddings are such numbers.
. "${top_srcdir:-.}/tests/lint/lib.sh"

verdict 'no float or double' \
    "$(grep -nE '\b(float|double)\b' core/*.[ch] broker/*.[ch] cmd/*.[ch] |
        grep -vE '^(cmd/stat|core/vector)\.[ch]:|^[^:]+:[0-9]+: *(\*|/\*)|/\*.*\b(float|double)\b.*\*/|"[^"]*\b(float|double)\b[^"]*"')"
verdict 'no total() or avg() in SQL' \
    "$(grep -nEi '[^_a-z](total|avg)\([a-z_.]+\)' core/report*.c core/db*.c cmd/*.c broker/ledger*.c |
        grep -vE '^[^:]+:[0-9]+: *(\*|/\*)')"
plan
