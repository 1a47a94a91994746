/*
 * map.h: from byte strings to pointers; open addressing, SipHash with a key of its own per
 * map, so that clients cannot choose colliding keys. Keys are copied, values borrowed.
 */
#ifndef CORE_MAP_H
#define CORE_MAP_H

#include "core/err.h"
#include "core/str.h"

struct map_slot {
    char *key; /* owned, NUL-terminated; NULL: free or deleted slot */
    size_t len;
    void *value;
    bool deleted;
};

struct map {
    struct map_slot *slots; /* owned */
    size_t cap;             /* power of two, or 0 */
    size_t n;               /* live entries */
    size_t n_used;          /* live and deleted slots */
    uint64_t seed[2];
};

void map_init(struct map *m);
/* Frees keys and slots; values are the caller's. */
void map_release(struct map *m);
/* NULL when absent. */
void *map_get(const struct map *m, struct str key);
/* Sets or replaces; ERR_MEMORY leaves the map as it was. */
enum errc map_set(struct map *m, struct str key, void *value) MUST_USE;
/* Removes and returns the value, NULL when absent. */
void *map_del(struct map *m, struct str key);

/* Every live slot, in no order: map_for_each(s, m) { … s->key, s->value … } */
#define map_for_each(slot, map)                                                          \
    for (struct map_slot *slot = (map)->slots;                                           \
         slot != NULL && slot < (map)->slots + (map)->cap; slot++)                       \
        if (slot->key != NULL)

/* SipHash-2-4 of s. Source: Aumasson and Bernstein, "SipHash", 2012. */
uint64_t map_hash(const uint64_t seed[2], struct str s);

#endif
