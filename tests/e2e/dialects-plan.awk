# dialects-plan.awk: from dialects.txt to the requests of every cell: their bodies, the
# configuration that serves them, and what llmgw-sim answers. Each has a provider and a route of
# its own, so that no breaker or benched key of one is seen by another.
#
#     awk -v dir=FOLDER -v port=N -v config=FILE -v scenario=FILE -f dialects-lib.awk \
#         -f dialects-plan.awk dialects.txt >cells
#
# A cell is a line: number, row, client, upstream, mode, the dialect that tool ask speaks, separated
# by tabs.

END {
    n_clients = split("openai responses anthropic", clients, " ")
    n_upstreams = split(UPSTREAMS, upstreams, " ")
    for (r = 1; r <= n_rows; r++) {
        for (u = 1; u <= n_upstreams; u++)
            answer(rows[r], upstreams[u])
        for (c = 1; c <= n_clients; c++)
            for (u = 1; u <= n_upstreams; u++) {
                cell(rows[r], clients[c], upstreams[u], "stream")
                cell(rows[r], clients[c], upstreams[u], "whole")
            }
    }
}

# The words of all lines add up; a later one replaces an earlier one of its name.
function answer(row, upstream,    i, words) {
    split("", picked)
    n = pick(row, "sim", "", upstream, "", picked)
    words = ""
    for (i = 1; i <= n; i++)
        words = words " " picked[i]
    printf "on model=*-%s-%s-*: %s\n", slug(row), upstream, words >scenario
}

function cell(row, client, upstream, mode,    model, file, speaks) {
    if (last(row, "nothing", client, upstream, mode) != "")
        return
    id++
    model = last(row, "model", client, wire(client, upstream), mode) "-" slug(row) "-" upstream "-" id
    printf "[provider \"p%d\"]\n\tkind = %s\n\tbase-url = http://127.0.0.1:%d%s\n\tkey-env = SIM_KEY\n", \
        id, KIND[upstream], port, BASE[upstream] >config
    printf "[price \"p%d/%s\"]\n\tinput = 1\n\toutput = 2\n\tcache-read = 0.5\n" \
        "\tcache-write-5m = 1.25\n\tcache-write-30m = 1.25\n", id, model >config
    speaks = last(row, "speak", client, upstream, mode)
    if (speaks == "embeddings")
        printf "[model \"p%d/%s\"]\n\tcan = embedding\n", id, model >config
    printf "[route \"c%d\"]\n\ttarget = p%d/%s\n\ttimeout = 10s\n", id, id, model >config
    file = dir "/bodies/" id
    printf "{\"model\":\"c%d\",%s%s}", id, last(row, "ask", client, upstream, mode), \
        speaks == "embeddings" ? "" : mode == "stream" ? ",\"stream\":true" : ",\"stream\":false" >file
    close(file)
    printf "%d\t%s\t%s\t%s\t%s\t%s\n", id, row, client, upstream, mode, speaks == "" ? client : speaks
}
