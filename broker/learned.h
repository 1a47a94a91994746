/*
 * learned.h: what providers' headers have told of a target's limits, until they reset.
 *
 * Part of the limiter: it only tightens what is configured.
 */
#ifndef BROKER_LEARNED_H
#define BROKER_LEARNED_H

#include "core/jsonx.h"
#include "core/limits.h"
#include "core/map.h"

#include "broker/ratelimit.h"

struct limit_scope;

struct learned {
    struct map by_target; /* "PROVIDER/MODEL" → struct learned_target, owned */
};

enum { LEARNED_NAME_LEN = 2 * LIMIT_NAME_LEN + 2 };

void learned_init(struct learned *k);
void learned_release(struct learned *k);
bool learned_is_empty(const struct learned *k);
/*
 * What needs more than is left waits until there is as much again: all of it at the reset, of a
 * bucket whose size is told some of it before. What is told without a reset is shown and holds
 * nobody up.
 */
void learned_add(struct learned *k, const struct limit_scope *s,
                 const struct ratelimit_row *row, int64_t now_us);
/*
 * How long until all that is needed is there, by the limit that holds longest: its target and name,
 * which is borrowed until the next learned_add. 0: it is there, or nothing is known of it.
 */
int64_t learned_wait_us(const struct learned *k, const struct limit_scope *s,
                        const int64_t needs[RATELIMIT_OTHER], int64_t now_us,
                        char ret_target[LEARNED_NAME_LEN], const char **ret_name);
/* What was admitted is taken off. */
void learned_take(struct learned *k, const struct limit_scope *s,
                  const int64_t needs[RATELIMIT_OTHER]);
/*
 * What is known of a target, for the time after a restart: an array of what resets in a second or
 * later, with wall times; false: it is empty. And back again: false when nothing of it is to come.
 */
bool learned_keep(const struct learned *k, const struct limit_scope *s,
                  int64_t now_mono_us, int64_t now_wall_us, struct jw *w);
bool learned_recall(struct learned *k, const struct limit_scope *s,
                    struct json_object *rows, int64_t now_mono_us, int64_t now_wall_us);
/* Objects for people, into an array that is open. */
void learned_write(const struct learned *k, int64_t now_us, struct jw *w);

#endif
