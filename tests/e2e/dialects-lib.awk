# dialects-lib.awk: reads dialects.txt, and finds what its lines say of a cell.

BEGIN {
    UPSTREAMS = "openai compatible responses anthropic gemini bedrock cohere"
    n = split(UPSTREAMS, w, " ")
    for (i = 1; i <= n; i++) {
        KIND[w[i]] = w[i]
        BASE[w[i]] = "/v1"
    }
    KIND["compatible"] = "openai-compatible"
    KIND["responses"] = "openai-responses"
    BASE["gemini"] = BASE["bedrock"] = ""
    BASE["cohere"] = "/v2"
}

function slug(row) {
    gsub(/ /, "_", row)
    return row
}

# A line that is whole: its keyword, WHO and the rest.
function keep(line,    word, who) {
    if (line == "")
        return
    word = line
    sub(/ .*/, "", word)
    sub(/^[^ ]+ +/, "", line)
    if (word == "=") {
        row = line
        if (row !~ /^\*/)
            rows[++n_rows] = row
        return
    }
    who = line
    sub(/ .*/, "", who)
    if (line !~ / /)
        line = line " yes"
    sub(/^[^ ]+ +/, "", line)
    if (word == "ask")
        who = who ">"
    n_lines++
    line_row[n_lines] = row ~ /^\*/ ? "*" : row
    line_word[n_lines] = word
    line_who[n_lines] = who
    line_rest[n_lines] = line
}

END { keep(held) }

FILENAME ~ /dialects\.txt$/ && /^(#|$)/ { keep(held); held = ""; next }
FILENAME ~ /dialects\.txt$/ && /^ / { sub(/^ +/, ""); held = held $0; next }
FILENAME ~ /dialects\.txt$/ { keep(held); held = $0; next }

function in_list(list, name) {
    return list == "" || name == "" || index("," list ",", "," name ",") > 0
}

# CLIENT>PROVIDER/MODE; a list without ">" is of clients.
function is_meant(who, client, upstream, mode,    from, to, how, at) {
    if (who == "*")
        return 1
    at = index(who, "/")
    how = at ? substr(who, at + 1) : ""
    if (at)
        who = substr(who, 1, at - 1)
    at = index(who, ">")
    from = at ? substr(who, 1, at - 1) : who
    to = at ? substr(who, at + 1) : ""
    return in_list(from, client) && in_list(to, upstream) && in_list(how, mode)
}

# What all lines with this word say of the cell, in their order; the common ones come first.
function pick(row, word, client, upstream, mode, into,    i, n) {
    n = 0
    for (i = 1; i <= n_lines; i++)
        if (line_word[i] == word && (line_row[i] == "*" || line_row[i] == row) &&
            is_meant(line_who[i], client, upstream, mode))
            into[++n] = line_rest[i]
    return n
}

# The last of them, "" if none.
function last(row, word, client, upstream, mode,    n, all) {
    n = pick(row, word, client, upstream, mode, all)
    return n ? all[n] : ""
}

# OpenAI takes what a Responses client says as it stands.
function wire(client, upstream) {
    return client == "responses" && upstream == "openai" ? "responses" : upstream
}
