#!/bin/sh
# update.sh LLMGW PAGE: prints the page with its generated parts made anew by `LLMGW __mdoc`.
# `make update-man` writes them back; tests/lint/man.t compares.
exec awk -v llmgw="$1" '
/^\.\\" generated: / {
    print
    command = llmgw " __mdoc " substr($0, 15)
    while ((command | getline line) > 0)
        print line
    if (close(command) != 0)
        exit 1
    skip = 1
    next
}
/^\.\\" end generated/ { skip = 0 }
!skip { print }
' "$2"
