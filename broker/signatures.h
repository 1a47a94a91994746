/*
 * signatures.h: what a model wants back with its tool calls, kept for the turns that must bring it,
 * because the client's dialect has no place for it.
 *
 * Gemini signs its calls and texts; Anthropic wants its thinking blocks back in a tool loop,
 * OpenAI Responses its reasoning items, OpenRouter and MiniMax their reasoning_details: signed or
 * encrypted all, and worth nothing to another model. What is not known any more (an old one, or
 * from before a restart) is not a failure: the encoders then do without. Kept by the call's id
 * and function, or by the text of the turn, and by its origin: who can read it.
 * Sources: ai.google.dev/gemini-api/docs/thought-signatures (2026-08); Anthropic
 * build-with-claude/extended-thinking (2026-08); OpenAI guides/reasoning (2026-10).
 */
#ifndef BROKER_SIGNATURES_H
#define BROKER_SIGNATURES_H

#include "core/arena.h"
#include "core/msg.h"

struct signatures;

enum errc signatures_new(struct signatures **ret, struct err *e) MUST_USE;
void signatures_free(struct signatures **s);
/*
 * Keeps the signature of each call of an answer, and the signed thoughts before it, of the last
 * call those behind it, too; and the signature of its last text. Of equal ids the last is kept;
 * without memory, or when it is too large, nothing is. `s` may be NULL, here and below.
 */
void signatures_put_reply(struct signatures *s, struct str origin,
                          const struct msg_reply *r, int64_t mono_us);
/*
 * Gives each call of the conversation its own signature, each turn the one of its text, and each
 * turn with calls the thoughts before them unless the client brought some, where they are known.
 * Turns that change are new ones in the arena: those that *m had are left as they were.
 */
void signatures_attach(struct signatures *s, struct str origin, struct msg_request *m,
                       struct arena *a, int64_t mono_us);

#endif
