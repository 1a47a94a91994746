#!/bin/sh
# update.sh LLMGW PAGE: prints the page with its generated parts made anew by `LLMGW __mdoc`, and
# with lines of text that mandoc(1) finds too long, of more than 80 bytes, broken between words.
# `make update-man` writes them back; tests/lint/man.t compares.
LC_ALL=C exec awk -v llmgw="$1" '
# a line must not begin with a control character of roff
function fold(line,    at) {
    while (length(line) > 80) {
        for (at = 81; at > 1; at--)
            if (substr(line, at, 1) == " " && substr(line, at + 1, 1) !~ /[. \047]/)
                break
        if (at <= 1)
            break
        print substr(line, 1, at - 1)
        line = substr(line, at + 1)
    }
    print line
}
function show(line) {
    if (line ~ /^\.Bd/)
        is_literal = 1
    else if (line ~ /^\.Ed/)
        is_literal = 0
    if (is_literal || line ~ /^[.\047]/)
        print line
    else
        fold(line)
}
/^\.\\" generated: / {
    print
    command = llmgw " __mdoc " substr($0, 15)
    while ((command | getline line) > 0)
        show(line)
    if (close(command) != 0)
        exit 1
    skip = 1
    next
}
/^\.\\" end generated/ { skip = 0 }
!skip { show($0) }
' "$2"
