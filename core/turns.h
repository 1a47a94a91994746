/*
 * turns.h: who said what in a recorded request: for search, titles and exports.
 *
 * Knows the shapes of Chat Completions, Messages and Responses. What is no text (images, tool
 * definitions, arguments of calls) is left out.
 */
#ifndef CORE_TURNS_H
#define CORE_TURNS_H

#include "core/jscan.h"

/* One message; `role` is "system", "user", "assistant", "tool" and the like. */
typedef void turns_fn(void *arg, struct str role, struct jspan content);

/*
 * Calls fn for each message in turn, a system prompt apart first. Nothing for what is no request.
 */
void turns_each(struct str request, turns_fn *fn, void *arg);
/* Appends the text of a message's content, parts of it with an empty line between. */
void turns_text(struct str request, struct jspan content, struct buf *out);
/*
 * Appends what is new in a request: what stands behind the last answer in it, without system
 * prompts.
 */
void turns_new(struct str request, struct buf *out);
/* Appends the first line of that which says something, at most TURNS_TITLE_LEN bytes of it. */
enum { TURNS_TITLE_LEN = 200 };
void turns_title(struct str request, struct buf *out);

#endif
