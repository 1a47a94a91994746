# states.awk: the output of `make graph` as lines to read: a state, what it means, what may follow.
/tooltip=/ {
    state[++n] = $1
    split($0, part, "\"")
    what[$1] = part[2]
}
/->/ { next_of[$1] = next_of[$1] " " substr($3, 1, length($3) - 1) }
END {
    for (i = 1; i <= n; i++) {
        s = state[i]
        printf "%-10s %s\n", s, what[s]
        if (next_of[s] != "")
            printf "%-10s   →%s\n", "", next_of[s]
    }
}
