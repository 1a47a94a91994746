# count.sh: instructions of the broker per request, by callgrind: the same on a noisy machine.
#
# Two runs that differ only in the number of requests; start and end cancel out.

# count_run REQUESTS LOAD-OPTIONS…: sets loop_n and writer_n, the instructions of the two threads
count_run() {
    n=$1
    shift
    start_broker valgrind -q --tool=callgrind --separate-threads=yes \
        --callgrind-out-file="$dir/calls"
    "$build/tests/bench/load" -u "$dir/run/b.sock" -c 8 -n "$n" -d 60s -b 2000 -m sim/sim "$@" \
        >"$dir/load.out"
    stop "$broker_pid"
    loop_n=$(sed -n 's/^totals: //p' "$dir/calls-01")
    writer_n=$(sed -n 's/^totals: //p' "$dir/calls-02")
}

# count CASE LOAD-OPTIONS…
count() {
    name=$1
    shift
    count_run 300 "$@"
    loop_0=$loop_n writer_0=$writer_n
    count_run 1300 "$@"
    printf '{"loop_instructions":%d,"writer_instructions":%d}' \
        $(((loop_n - loop_0) / 1000)) $(((writer_n - writer_0) / 1000)) | result "$name" callgrind
}

if command -v valgrind >"$dir/valgrind"; then
    start_sim
    write_config
    count 'a request'
    count 'a request of 100 KB' -b 100000
    count 'a stream' -s
else
    say "no valgrind here: instructions are not counted"
fi
