# functions.sh: small tools made of llmgw, for ~/.bashrc or any sh: . functions.sh

# A commit message for what is staged.
commit_message() {
    git diff --staged | llmgw chat --max-cost 0.05 \
        -s 'Write a git commit message for this diff: a summary of at most 70 characters, then why.'
}

# why COMMAND...: runs it; when it fails, asks what its errors mean. Keeps its exit status.
why() {
    why_errors=$(mktemp) || return
    why_status=0
    "$@" 2>"$why_errors" || why_status=$?
    cat "$why_errors" >&2
    [ "$why_status" = 0 ] || llmgw chat --max-cost 0.02 \
        "\"$*\" ended with status $why_status. What is wrong?" <"$why_errors"
    rm -f "$why_errors"
    return "$why_status"
}

# each PROMPT: for each line of standard input, which is not sent itself, the prompt and the line.
each() {
    while IFS= read -r each_line; do
        llmgw chat --no-stdin "$1 $each_line"
    done
}
