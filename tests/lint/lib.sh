# lib.sh: TAP for the lint scripts. Each runs from the top of the source tree.
cd "${top_srcdir:-.}" || exit 1
n=0

# verdict NAME OFFENDERS: passes when the list of offending lines is empty.
verdict() {
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        printf '%s\n' "$2" | head -n 40 | sed 's/^/# /'
    fi
}

plan() {
    echo "1..$n"
}

sources() {
    find core broker cmd tests -name '*.[ch]' | sort
}
