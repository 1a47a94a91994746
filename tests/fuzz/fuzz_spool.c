/*
 * fuzz_spool.c: a ring lives through appends, releases, restarts and damage.
 *
 * The input is a list of steps of three bytes: what, and two operands. Beside the ring stands a
 * model of it: the records that it took. Undamaged, the ring gives exactly those that were
 * not released; damaged, some of them, in order, and never anything else. A released one comes
 * back only with an older copy of the head: the database knows then what it has.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    RING_AT = 4096,
    HEADS_LEN = 1024, /* the two copies of the head */
    N_STEPS = 64,
    N_SLOW = 4,             /* steps that go through the whole ring */
    RECORD_LEN = 64 * 1024, /* 64 of the largest are a lap */
};

/* A record is its number and length over and over; so it is known from these. */
struct known {
    uint64_t number, end;
    size_t len;
};

struct model {
    char dir[64], path[80];
    struct spool *s;
    struct known taken[N_STEPS];
    size_t n, n_released, n_slow;
    uint64_t next_number, applied;
    bool is_damaged;
    char text[RECORD_LEN + 16];
};

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_spool: %s\n", what);
        abort();
    }
}

static struct str text_of(struct model *m, uint64_t number, size_t len)
{
    const uint64_t stamp[2] = {number, len};
    for (size_t at = 0; at < len; at += sizeof stamp)
        memcpy(m->text + at, stamp, sizeof stamp);
    return (struct str){m->text, len};
}

static bool is_record(struct model *m, const struct known *k, struct str got)
{
    return got.len == k->len && str_eq(got, text_of(m, k->number, k->len));
}

/* From the oldest record to the newest. */
static void read_all(struct model *m)
{
    struct spool_info info;
    struct err e = ERR_INIT;
    size_t n_found = 0, next = m->is_damaged ? 0 : m->n_released;
    spool_info(m->s, &info);
    require(info.tail <= info.head, "the tail is before the head");
    struct spool_cursor c = {.at = info.tail};
    for (bool found = true;;) {
        struct str record;
        uint64_t before = c.at;
        require(spool_next(m->s, &c, &record, &found, &e) == ERR_OK, "can be read");
        if (!found)
            break;
        require(c.at > before, "goes on");
        while (next < m->n && !is_record(m, &m->taken[next], record))
            next++;
        require(next < m->n, "gives only what it was given, in order, once");
        require(m->taken[next].end == c.at, "numbers a record the same");
        next++;
        n_found++;
    }
    spool_cursor_release(&c);
    require(m->is_damaged || n_found == m->n - m->n_released, "gives all that it took");
}

static void open_ring(struct model *m)
{
    struct err e = ERR_INIT;
    struct spool_info info;
    require(spool_open(m->path, SPOOL_SIZE_MIN, &m->s, &e) == ERR_OK, "opens");
    spool_info(m->s, &info);
    require(!info.was_set_aside || m->is_damaged, "a sound file is kept");
    if (info.was_set_aside)
        m->n = m->n_released = 0;
    read_all(m);
}

static void append(struct model *m, size_t len, bool staged)
{
    struct err e = ERR_INIT;
    struct known k = {.number = m->next_number, .len = len};
    struct str record = text_of(m, k.number, len);
    enum errc rc = staged ? spool_stage(m->s, record, &k.end, &e)
                          : spool_append(m->s, record, &k.end, &e);
    require(rc == ERR_OK || len == 0 || e.code == ERR_STORE, "is full or takes it");
    if (rc != ERR_OK)
        return;
    require(k.end > m->applied || m->is_damaged, "numbers grow");
    m->next_number++;
    m->taken[m->n++] = k;
}

static void flush(struct model *m)
{
    struct err e = ERR_INIT;
    require(spool_flush(m->s, &e) == ERR_OK && spool_n_staged(m->s) == 0, "flushes");
}

/* What was read may be released, and nothing was read that lies behind the head. */
static void release(struct model *m, size_t n)
{
    struct err e = ERR_INIT;
    struct spool_info info;
    spool_info(m->s, &info);
    n = MIN(n, m->n - m->n_released);
    while (n > 0 && m->taken[m->n_released + n - 1].end > info.head)
        n--;
    if (n == 0)
        return;
    m->n_released += n;
    m->applied = m->taken[m->n_released - 1].end;
    require(spool_release(m->s, m->applied, m->applied, &e) == ERR_OK, "releases");
}

/* Overwrites a few bytes of the heads, or of the ring near a record that is left. */
static void damage(struct model *m, unsigned where, uint8_t with)
{
    uint8_t bytes[3] = {with, (uint8_t)(with * 7), with};
    off_t at = (off_t)(where * 8 % HEADS_LEN);
    if (m->n > 0 && where % 4 != 0) {
        const struct known *k = &m->taken[where % m->n];
        at = (off_t)(RING_AT + (k->end - 1 - where / 4 % 64 * 8) % SPOOL_SIZE_MIN);
    }
    int fd = open(m->path, O_WRONLY);
    require(fd >= 0 && pwrite(fd, bytes, sizeof bytes, at) > 0, "can be damaged");
    close(fd);
    m->is_damaged = true;
}

static void reopen(struct model *m)
{
    flush(m);
    spool_close(&m->s);
    open_ring(m);
}

static void step(struct model *m, const uint8_t *p)
{
    unsigned what = p[0] % 8, operand = p[1] | (unsigned)p[2] << 8;
    struct err e = ERR_INIT;
    if (what >= 4 && what <= 6 && m->n_slow++ >= N_SLOW)
        return;
    switch (what) {
    case 0:
    case 1:
        append(m, operand, false);
        break;
    case 2:
        append(m, operand % 512, true);
        break;
    case 3:
        release(m, operand % 32);
        break;
    case 4:
        reopen(m);
        break;
    case 5:
        flush(m);
        read_all(m);
        break;
    case 6:
        flush(m);
        require(spool_scrub(m->s, &e) == ERR_OK, "scrubs");
        break;
    case 7:
        flush(m);
        damage(m, operand, p[2]);
        break;
    }
}

static void remove_files(const struct model *m)
{
    char aside[96];
    snprintf(aside, sizeof aside, "%s.damaged", m->path);
    unlink(m->path);
    unlink(aside);
    rmdir(m->dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *tmp = getenv("TMPDIR");
    struct model *m = calloc(1, sizeof *m);
    require(m != NULL, "has memory");
    snprintf(m->dir, sizeof m->dir, "%s/fuzz_spool.XXXXXX", tmp == NULL ? "/tmp" : tmp);
    require(mkdtemp(m->dir) != NULL, "has a directory");
    snprintf(m->path, sizeof m->path, "%s/spool", m->dir);
    open_ring(m);
    for (size_t i = 0; i + 3 <= size && i < N_STEPS * 3; i += 3)
        step(m, data + i);
    reopen(m);
    spool_close(&m->s);
    remove_files(m);
    free(m);
    return 0;
}
