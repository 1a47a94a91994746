# matrix-judge.awk: what each request of the matrix got, against what the row expects: by the
# client's own eyes, by the provider's journal, and by the ledger. A TAP line a row.
#
#     awk -v dir=FOLDER -v ended=STATUS -v n_tap=N -v n_bad=N -f matrix-judge.awk cells
#
# STATUS is the broker's, when it was told to end; so many lines stand before, so many of them bad.
# FOLDER holds answers/N (facts of tool ask), refs/ROW-DIALECT (the same without faults),
# ledger (route|outcome|n_attempts|attempt rows|cost|estimated|partial|streamed|held|crossed)
# and journal (one model name a request).

BEGIN {
    FS = " "
    # HTTP status of each class for OpenAI clients; Anthropic's differ in two
    n = split("upstream_authentication 502 permission 403 not_found 404 invalid_request 400 " \
        "request_too_large 413 context_length 400 content_filter 400 rate_limit 429 " \
        "quota_exhausted 429 overloaded 503 timeout 504 server_error 502 network 502 " \
        "stream_interrupted 502", w, " ")
    for (i = 1; i < n; i += 2) {
        status["openai", w[i]] = w[i + 1]
        status["anthropic", w[i]] = w[i + 1]
        status["responses", w[i]] = w[i + 1]
        status["embeddings", w[i]] = w[i + 1]
    }
    # no client speaks the others to say what they would have said: the words and counts are
    # OpenAI's
    told_by["openai"] = told_by["gemini"] = told_by["cohere"] = told_by["bedrock"] = "openai"
    told_by["anthropic"] = "anthropic"
    told_by["responses"] = "responses"
    status["anthropic", "overloaded"] = 529
    status["anthropic", "quota_exhausted"] = 402
    while ((getline line < (dir "/ledger")) > 0) {
        split(line, f, "|")
        n_rows[f[1]]++
        ledger[f[1]] = line
    }
    while ((getline line < (dir "/journal")) > 0)
        asked[line ~ /^g/ ? "+" substr(line, 2) + 0 : substr(line, 2) + 0]++
}

function read_facts(file, facts,    line, eq, key) {
    split("", facts)
    while ((getline line < file) > 0) {
        eq = index(line, "=")
        key = substr(line, 1, eq - 1)
        if (!(key in facts))
            facts[key] = substr(line, eq + 1)
    }
    close(file)
}

function load_ref(name,    k, facts) {
    if (name in known)
        return
    known[name] = 1
    read_facts(dir "/refs/" name, facts)
    for (k in facts)
        ref[name, k] = facts[k]
}

# A call and its arguments, whatever the blanks between tokens of JSON.
function call(text) {
    gsub(/[ ]/, "", text)
    return text
}

function complain(text) {
    why = why (why == "" ? "" : "; ") text
}

function same_answer(up, own) {
    if (got["text"] != ref[up, "text"])
        complain("text is \"" substr(got["text"], 1, 60) "\"")
    if (got["reasoning"] != ref[up, "reasoning"])
        complain("reasoning is \"" substr(got["reasoning"], 1, 60) "\"")
    if (got["tools"] != ref[up, "tools"] || call(got["tool0"]) != call(ref[up, "tool0"]) ||
        call(got["tool1"]) != call(ref[up, "tool1"]))
        complain("tools are " got["tools"] " " got["tool0"] " " got["tool1"])
    if (got["finish"] != ref[own, "finish"])
        complain("finish is " got["finish"])
}

# Is what came a beginning of what should have come?
function part_of_answer(up,    whole) {
    whole = ref[up, "text"]
    if (got["text"] != "" && index(whole, got["text"]) != 1)
        complain("invented \"" substr(got["text"], 1, 60) "\"")
    if (got["text"] == whole && whole != "" && row !~ /^(cut-last|no-finish|neither)$/)
        complain("the whole text, and yet an error")
    if (index(call(ref[up, "tool0"]), call(got["tool0"])) != 1)
        complain("invented " got["tool0"])
}

function what_came(up, own,    class) {
    class = got["class"] != "" ? got["class"] : "?" got["code"] got["type"]
    if (got["outcome"] == "ok") {
        same_answer(up, own)
        return "ok"
    }
    if (got["outcome"] == "error" && got["status"] == 200) {
        part_of_answer(up)
        if (got["pieces"] == 0)
            complain("an error in the stream before any content")
        return "cut:" class
    }
    if (got["outcome"] == "error") {
        if (got["pieces"] > 0)
            complain("content and an error status")
        if (got["status"] != status[client, class] &&
            !(class == "invalid_request" && got["status"] == 422))
            complain("status is " got["status"])
        return class
    }
    if (got["outcome"] == "timeout")
        return "hung"
    return "broken(" got["outcome"] " " got["status"] " " got["end"] " " got["problems"] ")"
}

# A healthy second target answers plainly, whatever the first would have said.
function told_of(good) {
    if (good == 0)
        return row
    return row ~ /^embed-/ ? "embed-plain" : row ~ /tools/ ? "tools-plain" : "plain"
}

# Is it what the row says? Of "A|B" the second is for translated answers: see matrix.tsv.
function expected(what, faulty, good,    n, alts, is_translated, p, a) {
    is_translated = mode ~ /whole/ ? client != "anthropic" && upstream == "anthropic" : client != upstream
    n = split(want, alts, "|")
    split(alts[n > 1 && is_translated ? 2 : 1], p, "/")
    split(p[2], a, "+")
    return what == p[1] && faulty == a[1] && good == a[2] + 0
}

# Input tokens at a dollar a million, cached ones at half, output at two. Cohere has one price.
function exact_cost(up) {
    cached = upstream == "cohere" ? 0 : ref[up, "cached_tok"] + 0
    input = ref[up, "input_tok"] - (upstream == "anthropic" ? 0 : cached)
    return input * 1000000 + cached * 500000 + ref[up, "output_tok"] * 2000000
}

function check_ledger(what, faulty, good, up,    f, class, own) {
    if (n_rows["c" id] != 1) {
        complain(n_rows["c" id] + 0 " rows in the ledger")
        return
    }
    split(ledger["c" id], f, "|")
    class = what
    sub(/^cut:/, "", class)
    if (f[2] != class)
        complain("ledger says " f[2])
    if (f[3] != faulty + good || f[4] != f[3])
        complain("ledger counts " f[3] " attempts, has " f[4])
    own = client == "embeddings" ? "openai" : client
    if (f[8] != (mode !~ /whole/) || f[9] != (mode ~ /hold/) || f[10] != (own != upstream))
        complain("flags streamed=" f[8] " held=" f[9] " crossed=" f[10])
    if (what ~ /^cut:/ && (f[5] == "" || f[5] == 0 || f[6] != 1 || f[7] != 1))
        complain("a cut stream: cost " f[5] " estimated=" f[6] " partial=" f[7])
    if (what != "ok")
        return
    if (f[7] != 0)
        complain("partial=1 of a whole answer")
    if (row ~ /^(embed-)?usage-(none|null|never)$/) {
        if (f[5] == "" || f[5] == 0 || f[6] != 1)
            complain("no usage came: cost " f[5] " estimated=" f[6])
    } else if (row ~ /^(cut|eof|stall$|tools-cut|in-band$|no-finish|neither|late|silent|in-band-quota|empty|html|garble|embed-(silent|stall|missing|extra|uneven|same))/ &&
        faulty + good > 1) {
        if (f[5] < exact_cost(up))
            complain("cost " f[5] " of all legs is below " exact_cost(up))
    } else if (f[5] != exact_cost(up) || f[6] != 0)
        complain("cost " f[5] " is not " exact_cost(up) " estimated=" f[6])
}

function report_row() {
    if (row_name == "")
        return
    n_tap++
    if (row_bad == 0) {
        printf "ok %d - %s: %d requests\n", n_tap, row_name, row_n
        return
    }
    n_bad++
    printf "not ok %d - %s: %d of %d requests\n", n_tap, row_name, row_bad, row_n
    printf "%s", row_why
}

{
    id = $1; row = $2; client = $3; upstream = $4; mode = $5; want = $NF
    if (row != row_name) {
        report_row()
        row_name = row
        row_n = row_bad = 0
        row_why = ""
    }
    why = ""
    read_facts(dir "/answers/" id, got)
    faulty = asked[id] + 0
    good = asked["+" id] + 0
    up = told_of(good) "-" (client == "embeddings" ? client : told_by[upstream])
    own = told_of(good) "-" client
    load_ref(up)
    load_ref(own)
    what = what_came(up, own)
    if (!expected(what, faulty, good))
        complain("got " what "/" faulty (mode ~ /\+/ ? "+" good : "") ", not " want)
    check_ledger(what, faulty, good, up)
    row_n++
    if (n_rows["c" id] == 0)
        score["lost"]++
    else if (what == "hung")
        score["hung"]++
    else if (why != "")
        score["wrong"]++
    else if (what == "ok")
        score[faulty + good > 1 ? "rescued" : "whole"]++
    else
        score["error"]++
    if (why != "") {
        row_bad++
        row_why = row_why sprintf("#   %d %s client, %s provider, %s: %s\n", id, client, upstream,
            mode, why)
    }
}

END {
    report_row()
    n_tap++
    printf "%sok %d - the broker ends well\n", ended == 0 ? "" : "not ", n_tap
    n_bad += ended != 0
    printf "# score whole=%d rescued=%d error=%d wrong=%d hung=%d lost=%d\n", score["whole"], \
        score["rescued"], score["error"], score["wrong"], score["hung"], score["lost"]
    printf "1..%d\n", n_tap
    exit n_bad > 0
}
