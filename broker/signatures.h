/*
 * signatures.h: what a model signed its tool calls with, kept for the turns that must bring it
 * back, because no client's dialect has a place for it.
 *
 * Gemini refuses a conversation whose calls have lost their signatures; one that is not known any
 * more (an old one, or from before a restart) is not a failure: the encoder then says that there
 * is none. Sources: ai.google.dev/gemini-api/docs/thought-signatures (2026-08).
 */
#ifndef BROKER_SIGNATURES_H
#define BROKER_SIGNATURES_H

#include "core/arena.h"
#include "core/msg.h"

struct signatures;

enum errc signatures_new(struct signatures **ret, struct err *e) MUST_USE;
void signatures_free(struct signatures **s);
/*
 * Keeps one for a call by its id and its function; of equal ones the last. Without memory, or
 * when it is too large, it is not kept. `s` may be NULL, here and below: nothing is kept.
 */
void signatures_put(struct signatures *s, struct str id, struct str name,
                    struct str signature, int64_t mono_us);
/* Those of a whole answer. */
void signatures_put_reply(struct signatures *s, const struct msg_reply *r,
                          int64_t mono_us);
/* Gives each call of the conversation its own, in the arena, where it is known. */
void signatures_attach(struct signatures *s, struct msg_request *m, struct arena *a,
                       int64_t mono_us);

#endif
