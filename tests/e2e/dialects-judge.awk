# dialects-judge.awk: what each cell of the dialect matrix got, against dialects.txt: by what the
# provider's journal holds, by the client's own eyes, and by the ledger. A TAP line for a row and
# a client; the table goes to another file.
#
#     awk -v dir=FOLDER -v table=FILE -f dialects-lib.awk -f dialects-judge.awk dialects.txt
#
# FOLDER holds cells (of dialects-plan.awk), answers/N (facts of tool ask), journal (of tool flat)
# and ledger (route|outcome|input|cache_read|output|reasoning|cost_pico|estimated|crossed|cache writes).

function complain(text) {
    why = why (why == "" ? "" : "; ") text
}

function read_journal(    f, n, id, line_id) {
    while ((getline line < (dir "/journal")) > 0) {
        split(line, f, "\t")
        if (f[1] != n) {
            n = f[1]
            split("", held_path)
            line_id = ""
            n_held = 0
        }
        held_path[++n_held] = f[2] "\t" f[3]
        # the model stands in the body, or in the URL of Gemini and Bedrock
        if (f[2] == "body.model" || (f[2] == "target" && f[3] ~ /\/models?\//)) {
            line_id = f[3]
            sub(/(:[A-Za-z?=]*|\/converse.*)$/, "", line_id)
            sub(/.*-/, "", line_id)
            n_sent[line_id]++
        }
        for (; line_id != "" && n_held > 0; n_held--)
            if (n_sent[line_id] == 1 && sub(/^body\./, "", held_path[n_held])) {
                split(held_path[n_held], f, "\t")
                sent[line_id, f[1]] = f[2]
            }
    }
}

function read_facts(file,    line, eq, key) {
    split("", got)
    while ((getline line < file) > 0) {
        eq = index(line, "=")
        key = substr(line, 1, eq - 1)
        if (!(key in got))
            got[key] = substr(line, eq + 1)
    }
    close(file)
}

function fits(value, want) {
    if (want == "-")
        return value == ""
    if (want ~ /^~/)
        return value ~ substr(want, 2)
    return value "" == want ""
}

# The value at the first of A|B that is there.
function at_place(id, places,    p, n, i) {
    n = split(places, p, "|")
    for (i = 1; i <= n; i++)
        if ((id, p[i]) in sent)
            return sent[id, p[i]]
    return ""
}

# "PATH VALUE" lines into by[PATH] = VALUE: the last counts.
function by_key(n, lines, by,    i, key) {
    split("", by)
    for (i = 1; i <= n; i++) {
        key = lines[i]
        sub(/ .*/, "", key)
        by[key] = substr(lines[i], length(key) + 2)
    }
}

function check_sent(id, row, client, upstream, mode,    n, lines, by, key) {
    n = pick(row, "sent", client, upstream, mode, lines)
    by_key(n, lines, by)
    for (key in by)
        if (!fits(at_place(id, key), by[key]))
            complain("sent " key " is \"" at_place(id, key) "\", not " by[key])
    n = pick(row, "same", client, upstream, mode, lines)
    by_key(n, lines, by)
    for (key in by)
        if (at_place(id, key) == "" || at_place(id, key) != at_place(id, by[key]))
            complain("sent " key " is \"" at_place(id, key) "\", and " by[key] " \"" at_place(id, by[key]) "\"")
}

function check_told(row, client, upstream, mode,    n, lines, key, value) {
    n = pick(row, "told", client, upstream, mode, lines)
    by_key(n, lines, told)
    for (key in told) {
        value = got[key]
        if (key ~ /^tool[0-9]+$/)
            gsub(/[ ]/, "", value) # JSON may have blanks between its tokens
        if (key ~ /^tool[0-9]+$/)
            sub(/[{]/, " {", value)
        if (told["outcome"] == "error" && (key == "finish" || (key == "text" && got["status"] != 200)))
            continue
        if (!fits(value, told[key]))
            complain("told " key " is \"" value "\", not " told[key])
    }
    if (got["problems"] != "")
        complain("the answer breaks its dialect: " got["problems"])
}

# "a, b" whatever the order.
function same_set(a, b,    x, n, i) {
    n = split(a, x, /, */)
    for (i = 1; i <= n; i++)
        if (!in_list_text(b, x[i]))
            return 0
    return split(b, x, /, */) == n
}

function in_list_text(list, name,    x, n, i) {
    n = split(list, x, /, */)
    for (i = 1; i <= n; i++)
        if (x[i] == name)
            return 1
    return 0
}

# A provider of OpenAI's has its embeddings, whatever it speaks in chats.
function is_crossed(row, client, upstream,    is_openais) {
    is_openais = last(row, "speak", client, upstream) == "embeddings" && upstream == "responses"
    return client != (upstream == "compatible" || is_openais ? "openai" : upstream)
}

# What came of input, cache reads, output, reasoning and cache writes: in the client's classes, and in money.
function check_usage(id, row, client, upstream, mode,    u, f, wants_none) {
    split(last(row, "used", client, upstream, mode), u, " ")
    split(ledger[id], f, "|")
    wants_none = client == "openai" && mode == "stream" && \
        last(row, "ask", client, upstream, mode) !~ /include_usage/
    if (f[3] + 0 != u[1] || f[4] + 0 != u[2] || f[5] + 0 != u[3] || f[6] + 0 != u[4] ||
        f[10] != u[5])
        complain("the ledger has " f[3] " " f[4] " " f[5] " " f[6] " " f[10] ", not " u[1] " " u[2] " " u[3] " " u[4] " " u[5])
    if (f[7] != u[1] * 1000000 + u[2] * 500000 + (u[3] + u[4]) * 2000000 + u[5] * 1250000 || f[8] != 0)
        complain("cost is " f[7] " estimated=" f[8])
    if (wants_none) {
        if (got["output_tok"] != "")
            complain("usage that was not asked for")
        return
    }
    if (got["input_tok"] != (client == "anthropic" ? u[1] : u[1] + u[2] + u[5]) || got["cached_tok"] + 0 != u[2] ||
        got["output_tok"] != u[3] + u[4] || got["written_tok"] + 0 != u[5])
        complain("told usage is " got["input_tok"] " " got["cached_tok"] " " got["output_tok"] " " got["written_tok"])
    if (client != "anthropic" && got["reasoning_tok"] + 0 != u[4])
        complain("told reasoning tokens are " got["reasoning_tok"])
}

# Every error says whose it is, and what was tried.
function check_error(id) {
    if (got["provider"] != "p" id)
        complain("the error is of provider \"" got["provider"] "\"")
    if (got["attempts"] != n_sent[id])
        complain("the error tells " got["attempts"] " attempts of " n_sent[id])
    if (got["request_id"] == "" || got["request_id"] != got["h.x-llmgw-request-id"])
        complain("the error is of request \"" got["request_id"] "\"")
}

function check_refused(id, reason) {
    if (got["outcome"] != "error" || got["status"] != 400 || got["class"] != "invalid_request" ||
        got["origin"] != "gateway")
        complain("not refused, but " got["outcome"] " " got["status"] " " got["class"] " by " got["origin"])
    if (got["message"] !~ reason)
        complain("the message is \"" got["message"] "\"")
    if (n_sent[id] > 0)
        complain("sent all the same")
}

# One request. What stands in the table is returned.
function judge(id, row, client, upstream, mode,    reason, drops, f) {
    read_facts(dir "/answers/" id)
    split(ledger[id], f, "|")
    reason = last(row, "refuse", client, upstream, mode)
    drops = last(row, "drop", client, upstream, mode)
    if (reason != "") {
        check_refused(id, reason)
        return "refused"
    }
    if (n_sent[id] == 0)
        complain("nothing was sent")
    check_sent(id, row, client, upstream, mode)
    check_told(row, client, upstream, mode)
    if (!same_set(got["h.x-llmgw-dropped"], drops))
        complain("dropped are \"" got["h.x-llmgw-dropped"] "\", not \"" drops "\"")
    if (f[2] != (told["outcome"] == "ok" ? "ok" : got["class"]))
        complain("the ledger says \"" f[2] "\"")
    if (f[9] != is_crossed(row, client, upstream))
        complain("crossed=" f[9])
    if (told["outcome"] == "ok")
        check_usage(id, row, client, upstream, mode)
    else
        check_error(id)
    return told["outcome"] == "ok" ? (drops == "" ? "ok" : "ok, without " drops) : "`" got["class"] "`"
}

function write_table(client,    r, u, n, names) {
    n = split(UPSTREAMS, names, " ")
    printf "\n## %s client\n\n| |", TITLE[client] >table
    for (u = 1; u <= n; u++)
        printf " %s |", names[u] >table
    printf "\n| --- |" >table
    for (u = 1; u <= n; u++)
        printf " --- |" >table
    printf "\n" >table
    for (r = 1; r <= n_rows; r++) {
        printf "| %s |", rows[r] >table
        for (u = 1; u <= n; u++)
            printf " %s |", (rows[r], client, names[u]) in verdict ? verdict[rows[r], client, names[u]] : "–" >table
        printf "\n" >table
    }
}

END {
    split("openai responses anthropic", CLIENTS, " ")
    TITLE["openai"] = "OpenAI Chat Completions"
    TITLE["responses"] = "OpenAI Responses"
    TITLE["anthropic"] = "Anthropic Messages"
    read_journal()
    while ((getline line < (dir "/ledger")) > 0) {
        split(line, f, "|")
        ledger[substr(f[1], 2)] = line
    }
    while ((getline line < (dir "/cells")) > 0) {
        split(line, c, "\t")
        why = ""
        key = c[2] SUBSEP c[3] SUBSEP c[4]
        said = judge(c[1], c[2], c[3], wire(c[3], c[4]), c[5])
        n_cells[c[2], c[3]]++
        if (why != "") {
            said = "**wrong**"
            bad[c[2], c[3]] = bad[c[2], c[3]] sprintf("#   %d to %s, %s: %s\n", c[1], c[4], c[5], why)
        }
        # streamed and whole alike, or both are told
        if (!(key in verdict) || verdict[key] == said)
            verdict[key] = said
        else
            verdict[key] = verdict[key] " / " said
    }
    for (k = 1; k <= 3; k++) {
        for (r = 1; r <= n_rows; r++) {
            key = rows[r] SUBSEP CLIENTS[k]
            if (n_cells[key] == 0)
                continue
            printf "%sok %d - %s, %s client: %d requests\n%s", bad[key] == "" ? "" : "not ", ++n_tap, \
                rows[r], CLIENTS[k], n_cells[key], bad[key]
            n_bad += bad[key] != ""
        }
        write_table(CLIENTS[k])
    }
    exit n_bad > 0
}
