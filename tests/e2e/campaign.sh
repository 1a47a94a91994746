#!/bin/sh
# campaign.sh: the fault matrix with several seeds, and the score of all requests together.
# SEEDS, ROWS and JOBS in the environment choose what is run. Status 1 when an answer was wrong,
# a request hung, or one is missing in the ledger.
here=${top_srcdir:-.}/tests/e2e
seeds=${SEEDS:-1 2 3}
for seed in $seeds; do
    echo "# seed $seed" >&2
    SEED=$seed sh "$here/30-matrix.t"
done | awk '
    /^not ok/ || /^#   / { print }
    /^# [a-z ]+ [0-9]+$/ {
        n = $NF
        sub(/^# /, "")
        sub(/ *[0-9]+$/, "")
        if (!($0 in score))
            order[++n_names] = $0
        score[$0] += n
        total += n
    }
    END {
        for (i = 1; i <= n_names; i++)
            printf "%-18s %6d  %6.2f %%\n", order[i], score[order[i]],
                100 * score[order[i]] / (total ? total : 1)
        printf "%-18s %6d\n", "requests", total
        exit total == 0 || score["wrong"] + score["hung"] + score["lost"] > 0
    }'
