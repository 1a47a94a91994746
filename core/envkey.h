/*
 * envkey.h: a key in the environment: what one variable holds, or Amazon's three together.
 *
 * Amazon's tools keep a key in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for a session,
 * AWS_SESSION_TOKEN. The first names them all; a prefix of its own, as in WORK_AWS_ACCESS_KEY_ID,
 * is that of the others, too. Source: docs.aws.amazon.com/cli, environment variables (2026).
 */
#ifndef CORE_ENVKEY_H
#define CORE_ENVKEY_H

#include "core/buf.h"

enum { ENVKEY_PARTS = 3, ENVKEY_NAME_LEN = 256 };

/* What `llmgw client add` makes: this and random bytes in hexadecimal digits. */
#define ENVKEY_CLIENT_PREFIX "llmgw-"
enum { ENVKEY_CLIENT_RANDOM_LEN = 32 };

/* Is it a key of one of the broker's own clients, which no provider is to see? */
bool envkey_is_clients(struct str key);

/* The names of the variables; how many. A name that is too long is none of Amazon's. */
size_t envkey_names(const char *variable, char names[ENVKEY_PARTS][ENVKEY_NAME_LEN]);
/*
 * Appends the key: the value, or ID:SECRET, or ID:SECRET:TOKEN. False, and nothing, when it is
 * empty or a needed part is. The buffer is the caller's to wipe.
 */
bool envkey_read(const char *variable, const char *(*getenv)(const char *),
                 struct buf *out);

#endif
