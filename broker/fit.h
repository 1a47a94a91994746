/*
 * fit.h: does a structured answer fit its schema, where the target was told only a part of it?
 *
 * A target that does not know all keywords gets the schema without them, or in words. What it
 * answers is then checked here against the schema as the client wrote it, once it is whole.
 */
#ifndef BROKER_FIT_H
#define BROKER_FIT_H

#include <json-c/json.h>

#include "broker/dialect.h"

/* One per attempt. */
struct fit {
    struct json_object *schema;   /* owned; NULL: nothing is to be checked */
    struct buf said[MSG_CHOICES]; /* the visible text of each choice so far */
    unsigned begun;               /* a bit for each choice that has come … */
    unsigned free;                /* … and that is no whole structured answer */
};

void fit_init(struct fit *f);
void fit_release(struct fit *f);
/*
 * Before the request is sent, with what its encoder dropped. A schema that is no valid one is not
 * checked: what it means is between client and provider. ERR_MEMORY.
 */
enum errc fit_start(struct fit *f, const struct msg_request *m, const struct dropped *d,
                    struct err *e) MUST_USE;
/* The answer as it comes, or whole. */
void fit_hear(struct fit *f, const struct msg_delta *d);
void fit_hear_reply(struct fit *f, const struct msg_reply *r);
/*
 * At the end. ERR_UNUSABLE, the provider's fault, with the place and the keyword: an answer that
 * is cut short, refused or a call is told as what it is and not judged. Of several choices the
 * first that does not fit fails them all. *ret_said is what it said, as long as `f` is unchanged.
 */
enum errc fit_check(const struct fit *f, struct str *ret_said, struct err *e) MUST_USE;

#endif
