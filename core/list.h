/*
 * list.h: an intrusive doubly linked list; the head is a node that stands for the ends.
 */
#ifndef CORE_LIST_H
#define CORE_LIST_H

#include "core/base.h"

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}

/* Before `at`: with the list's head, at the end. */
static inline void list_add(struct list *at, struct list *node)
{
    node->next = at;
    node->prev = at->prev;
    at->prev->next = node;
    at->prev = node;
}

/* Unlinks; harmless on a node that is in no list but was initialised. */
static inline void list_del(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#define list_for_each(node, head)                                                        \
    for (struct list *node = (head)->next; node != (head); node = node->next)
/* The current node may be unlinked in the body. */
#define list_for_each_safe(node, head)                                                   \
    for (struct list *node = (head)->next, *node##_next = node->next; node != (head);    \
         node = node##_next, node##_next = node->next)

#endif
