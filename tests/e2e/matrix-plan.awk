# matrix-plan.awk: from rows of matrix.tsv to requests, one a line, and the configuration that
# serves them. Every request has a provider, a model and a route of its own, so that no breaker,
# benched key or retry budget of one is seen by another.
#
#     awk -v port=N -v config=FILE -f matrix-plan.awk matrix.tsv >cells

BEGIN {
    FS = "\t"
    n_clients = split("openai anthropic responses embeddings", clients, " ")
    n_upstreams = split("openai anthropic gemini cohere bedrock responses", upstreams, " ")
    split("live hold whole live+ hold+ whole+", modes, " ")
    prefix["cohere"] = "/v2"
    for (i = 1; i <= n_upstreams; i++)
        provider("good-" upstreams[i], kind_of(upstreams[i], "openai"))
    provider("good-chat", "openai-compatible")
}

# A kind that speaks the dialect; OpenAI itself would answer a Responses client in that dialect.
function kind_of(upstream, client) {
    if (upstream == "responses")
        return "openai-responses"
    return upstream == "openai" && client == "responses" ? "openai-compatible" : upstream
}

function provider(name, kind) {
    printf "[provider \"%s\"]\n\tkind = %s\n\tbase-url = http://127.0.0.1:%d%s\n\tkey-env = SIM_KEY\n", \
        name, kind, port, kind ~ /^openai/ ? "/v1" : prefix[kind] >config
}

# A dollar a million tokens read, two written: costs can be checked by head.
function price(target) {
    printf "[price \"%s\"]\n\tinput = 1\n\toutput = 2\n\tcache-read = 0.5\n", target >config
}

function cell(id, client, upstream, mode, words, ask, want,    faulty, good) {
    faulty = "p" id "/c" id "-sim:" words
    good = "good-" (kind_of(upstream, client) ~ /compatible/ ? "chat" : upstream) "/g" id "-sim:" \
        (client == "embeddings" ? "prompt=9" : "tokens=16")
    provider("p" id, kind_of(upstream, client))
    price(faulty)
    if (mode ~ /\+/)
        price(good)
    if (client == "embeddings")
        printf "[model \"%s\"]\n\tcan = embedding\n[model \"%s\"]\n\tcan = embedding\n", faulty, good >config
    printf "[route \"c%d\"]\n\ttarget = %s\n", id, faulty >config
    if (mode ~ /\+/)
        printf "\ttarget = %s\n", good >config
    # Google's three pauses are up to seven seconds (1, 2 and 4), and what comes late must come in
    # half of the time; of those that never come, the time for all is waited for
    print "\ttimeout = " ($1 ~ /(silent|stall)$/ ? "6s" : "12s") \
        "\n\tttft-timeout = 2s\n\tgap-timeout = 2s" >config
    print id, $1, client, upstream, mode, ask, want
}

# Of a row that names its providers, or of those that tell something new of a Responses client.
function is_pair(client, upstream) {
    if ((client == "embeddings") != ($1 ~ /^embed-/))
        return 0
    if (!all_pairs && client == "responses" && upstream ~ /gemini|cohere|bedrock/)
        return 0
    return $4 == "all" || index($4, upstream)
}

/^#/ || NF < 10 { next }

{
    for (c = 1; c <= n_clients; c++)
        for (u = 1; u <= n_upstreams; u++)
            for (m = 1; m <= 6; m++)
                if ($(4 + m) != "-" && is_pair(clients[c], upstreams[u]))
                    cell(++n, clients[c], upstreams[u], modes[m], $2, $3, $(4 + m))
}
