/*
 * request.h: one client request from arrival to its recorded end: the heart of the broker.
 */
#ifndef BROKER_REQUEST_H
#define BROKER_REQUEST_H

#include "broker/conn.h"
#include "broker/dialect.h"

struct request;

/* Entry from the path table: a POST in this dialect. Answers, now or later, on every way. */
void request_begin(struct broker *b, struct conn *c, const struct conn_request *cr,
                   const struct dialect_ops *client);
/* The decision without sending: for POST /llmgw/v1/explain. Appends JSON. */
enum errc request_explain(struct broker *b, const struct conn_request *cr,
                          const struct dialect_ops *client, struct buf *out,
                          struct err *e) MUST_USE;
/* Cancels by id; false when there is none. For admin and drain. */
bool request_cancel(struct broker *b, struct str id);
void request_cancel_all(struct broker *b, const char *why);
/* Everything up to this record is committed: who waits for it is told. */
void request_on_committed(struct broker *b, uint64_t seq);
/* A JSON array of what is in flight. */
void request_write_inflight(struct broker *b, struct buf *out);
/* The state graph in dot format, for `make graph`. */
void request_write_graph(struct buf *out);

#endif
