/*
 * graph.c: `make graph`: the states of a request and what may follow each, for dot(1).
 */
#include <stdio.h>

#include "broker/request.h"

int main(void)
{
    AUTO(buf_release) struct buf graph = BUF_INIT(64 * 1024);
    request_write_graph(&graph);
    fwrite(graph.data, 1, graph.len, stdout);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
