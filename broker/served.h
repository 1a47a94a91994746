/*
 * served.h: which models providers say that they serve: asked when somebody wants to know, never
 * by itself.
 */
#ifndef BROKER_SERVED_H
#define BROKER_SERVED_H

#include "core/http1.h"
#include "core/jsonx.h"

struct broker;
struct served;

enum errc served_new(struct broker *b, struct served **ret, struct err *e) MUST_USE;
void served_free(struct served **s);
/*
 * Asks each provider in use, unless that is under way, some at a time; where we have no key, with
 * the one that the client's request brings along, and also those that are in use by it alone.
 */
void served_refresh(struct served *s, const struct http1_head *head);
/*
 * What has come of the last round, as an array: {"provider", "state", "error", "models"}, where
 * the state is "asking", "ok", "failed" or "skipped", and models are ids as the provider says them.
 */
void served_write(const struct served *s, struct jw *w);

#endif
