/* fuzz_spool.c: a ring with any content is read to its end, and can be appended to. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RING_AT = 4096 };

/* The first byte chooses where the rest is written: over the records or over the head. */
static void damage(const char *path, const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY);
    off_t at = data[0] & 1 ? RING_AT + data[0] / 2 * 8 : data[0] / 2 * 8;
    if (pwrite(fd, data + 1, size - 1, at) < 0)
        abort();
    close(fd);
}

static struct spool *open_or_die(const char *path)
{
    struct spool *s = NULL;
    struct err e = ERR_INIT;
    if (spool_open(path, SPOOL_SIZE_MIN, &s, &e) != ERR_OK && e.code != ERR_STORE)
        abort();
    return s;
}

static void read_to_the_end(struct spool *s)
{
    struct spool_info info;
    spool_info(s, &info);
    struct spool_cursor c = {.at = info.tail};
    struct err e = ERR_INIT;
    bool found = true;
    while (found) {
        struct str record;
        uint64_t before = c.at;
        if (spool_next(s, &c, &record, &found, &e) != ERR_OK || (found && c.at <= before))
            abort();
    }
    spool_cursor_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char dir[] = "/tmp/fuzz_spool.XXXXXX", path[64], aside[80];
    struct err e = ERR_INIT;
    uint64_t end;
    if (size < 1 || size > 4096 || mkdtemp(dir) == NULL)
        return 0;
    snprintf(path, sizeof path, "%s/spool", dir);
    snprintf(aside, sizeof aside, "%s.damaged", path);
    struct spool *s = open_or_die(path);
    for (int i = 0; i < 4; i++)
        if (spool_append(s, STR("a record of some length"), &end, &e) != ERR_OK)
            abort();
    spool_close(&s);
    damage(path, data, size);
    s = open_or_die(path);
    if (s != NULL) {
        read_to_the_end(s);
        if (spool_append(s, STR("one more"), &end, &e) != ERR_OK && e.code != ERR_STORE)
            abort();
        read_to_the_end(s);
        spool_close(&s);
    }
    unlink(path);
    unlink(aside);
    rmdir(dir);
    return 0;
}
