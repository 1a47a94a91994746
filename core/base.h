/*
 * base.h: the few macros and types that everything uses.
 *
 * The only home of clever macros. Include order in every .c file: own header, system
 * headers, core/, own folder; config.h arrives by -include.
 */
#ifndef CORE_BASE_H
#define CORE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef __int128 i128;

#define MUST_USE           __attribute__((warn_unused_result))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
/* AUTO(request_free) struct request *r = …; the destructor takes the address. */
#define AUTO(fn)     __attribute__((cleanup(fn)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))

/* The struct of type `type` whose member `member` is at `ptr`. */
#define container_of(ptr, type, member)                                                  \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/*
 * What passes through `void *` starts with `uint32_t magic`, set to NAME_MAGIC by its
 * constructor and wiped by its destructor; callbacks begin
 *     struct conn *c = OBJ(conn, arg);
 * and a stale pointer fails at the door. `enum { conn_MAGIC = 0x… };` stands by the struct.
 */
#define OBJ(type, arg) ((struct type *)obj_check((arg), (uint32_t)type##_MAGIC))

/* Returns arg; aborts when arg is NULL or its first word is not `magic`. */
void *obj_check(void *arg, uint32_t magic);

#endif
