#!/bin/sh
# Calls that this code base does without, and where the exceptions live.
. "${top_srcdir:-.}/tests/lint/lib.sh"

code='core/*.[ch] broker/*.[ch] cmd/*.[ch] tests/sim/*.[ch]'

# uses WORDS: lines that call one of them, comments aside
uses() {
    grep -nE "(^|[^A-Za-z0-9_.>])($1) *\(" $code | grep -vE '^[^:]+:[0-9]+: *(\*|/\*)'
}

verdict 'no unbounded or locale-bound string calls' \
    "$(uses 'strcpy|strcat|strncpy|strncat|strtok|sprintf|vsprintf|sscanf|atoi|atol|atof|strtol|strtoul|strtoll|strtoull|strtod')"
verdict 'no shared-state time calls' "$(uses 'gmtime|localtime|ctime|asctime')"
verdict 'localtime_r and mktime only in core/zone.c' \
    "$(uses 'localtime_r|mktime|tzset' | grep -v '^core/zone.c:')"
verdict 'no system() and no sleep()' "$(uses 'system|sleep|usleep|alloca|gets')"
verdict 'memory comes from core/mem.c' \
    "$(uses 'malloc|calloc|realloc|free|strdup|strndup|asprintf' | grep -v '^core/mem.c:')"
verdict 'only main.c ends the process' \
    "$(uses 'exit|_exit' | grep -vE '^(broker|cmd|tests/sim)/main\.c:')"
verdict 'clocks are read in core/clock.c' \
    "$(uses 'clock_gettime|gettimeofday' | grep -v '^core/clock.c:')"
verdict 'keys are compared by secret_equal, whose time tells nothing' \
    "$(grep -nE '(memcmp|strcmp|strncmp|str_eqz?|str_starts) *\([^;]*(key_hash|\bkey->value|client_key|\bsecret)' $code
    grep -nE '\b(memcmp|strcmp|strncmp|str_eqz?|str_cmp) *\(' broker/auth.c)"
verdict 'no // comments' "$(sources | xargs grep -nE '(^|[;{}]|\s)//' | grep -vE '"[^"]*//|://' )"
verdict 'no struct typedefs' "$(grep -nE 'typedef (struct|union|enum)[^(]*$' $code)"
verdict 'no marks of unfinished work' \
    "$(sources | xargs grep -nE '\b(TODO|FIXME|XXX|HACK)\b|NEEDSWORK\b[^(]')"
verdict 'no machine paths, no workplace' \
    "$(git ls-files 2>/dev/null | grep -v '^tests/lint/' | xargs -r grep -nE '/work/(main|wt|shared)' 2>/dev/null)"
plan
