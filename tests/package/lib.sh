# lib.sh: what the tests of packages share. They set $log, a file for the output of each check.

passed=0 failed=0

# ok DESCRIPTION COMMAND…: the command succeeds
ok() {
    what=$1
    shift
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok - $what"
    else
        failed=$((failed + 1))
        echo "not ok - $what"
        tail -n 20 "$log" | sed 's/^/# /'
    fi
}

# The last command of a test.
tell() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}
