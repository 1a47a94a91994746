/*
 * json_mutate.c: libFuzzer's mutations, but of JSON as JSON: a value is changed, replaced by
 * another or by a constant, doubled, or loses its name, and the text stays whole. In a stream of
 * events one event is changed. Every fourth time bytes are changed as they stand.
 */
#include <stdint.h>
#include <string.h>

#include "core/jscan.h"
#include "core/num.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                               unsigned seed);

enum { N_VALUES = 512, TEXT_LEN = 64 * 1024 };

struct values {
    struct jspan at[N_VALUES];
    size_t key_len[N_VALUES]; /* of the name before it; 0: an element, or the root */
    size_t n;
};

static const char *const constants[] = {
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1",
    "2.5",
    "9223372036854775807",
    "1e999",
    "\"\"",
    "\"\\ud83d\\ude00\"",
    "[]",
    "{}",
    "[{}]",
    "\"data:image/png;base64,AA==\"",
};

static void collect(struct str text, struct jspan s, size_t key_len, struct values *v)
{
    if (v->n == N_VALUES)
        return;
    v->key_len[v->n] = key_len;
    v->at[v->n++] = s;
    size_t it = 0;
    struct jspan inner;
    struct str key;
    if (s.kind == J_ARRAY)
        while (jscan_next(text, s, &it, &inner))
            collect(text, inner, 0, v);
    if (s.kind == J_OBJECT)
        while (jscan_member(text, s, &it, &key, &inner))
            collect(text, inner, inner.pos - (size_t)(key.ptr - text.ptr), v);
}

/* The JSON in it: all of it, or the data of one event. */
static struct str choose_text(struct str input, uint64_t *seed)
{
    struct err e = ERR_INIT;
    struct str rest = input, line, chosen = STR_NONE;
    if (jscan_check(input, &e) == ERR_OK)
        return input;
    for (uint64_t n = 1; str_split(&rest, '\n', &line);) {
        struct str data = str_sub(line, 6, line.len);
        if (str_starts(line, STR("data: ")) && jscan_check(data, &e) == ERR_OK &&
            num_draw(seed) % n++ == 0)
            chosen = data;
    }
    return chosen;
}

static size_t replace(uint8_t *data, size_t size, size_t max_size, struct jspan old,
                      struct str with)
{
    size_t end = old.pos + old.len;
    if (size - old.len + with.len > max_size)
        return size;
    memmove(data + old.pos + with.len, data + end, size - end);
    memcpy(data + old.pos, with.ptr, with.len);
    return size - old.len + with.len;
}

static size_t mutate_value(uint8_t *data, size_t size, size_t max_size,
                           const struct values *v, uint64_t *seed)
{
    char text[TEXT_LEN];
    size_t i = num_draw(seed) % v->n;
    struct jspan s = v->at[i], other = v->at[num_draw(seed) % v->n];
    switch (num_draw(seed) % 8) {
    case 0:
        return replace(data, size, max_size, s,
                       str_of(constants[num_draw(seed) % ARRAY_LEN(constants)]));
    case 1:
        if (v->key_len[i] > 0) {
            data[s.pos - v->key_len[i]] = (uint8_t)'a' + num_draw(seed) % 26;
            return size;
        }
        if (i > 0 && 2 * s.len + 1 < sizeof text) { /* an element: once more */
            memcpy(text, data + s.pos, s.len);
            text[s.len] = ',';
            memcpy(text + s.len + 1, data + s.pos, s.len);
            return replace(data, size, max_size, s, (struct str){text, 2 * s.len + 1});
        }
        break;
    case 2:
    case 3:
        if (other.len < sizeof text) {
            memcpy(text, data + other.pos, other.len);
            return replace(data, size, max_size, s, (struct str){text, other.len});
        }
        break;
    default:
        break;
    }
    /* the inside of a string, or a short value as a whole */
    bool is_string = s.kind == J_STRING;
    if ((!is_string && s.len > 32) || s.len > sizeof text / 2)
        return size;
    size_t len = s.len - 2 * is_string;
    memcpy(text, data + s.pos + is_string, len);
    len = LLVMFuzzerMutate((uint8_t *)text, len, sizeof text / 2);
    return replace(data, size, max_size,
                   (struct jspan){.kind = s.kind,
                                  .pos = s.pos + is_string,
                                  .len = s.len - 2 * is_string},
                   (struct str){text, len});
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    uint64_t draw = seed;
    struct values v = {.n = 0};
    struct str input = {(const char *)data, size};
    struct str text = num_draw(&draw) % 4 == 0 ? STR_NONE : choose_text(input, &draw);
    if (text.len == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    collect(text, jscan_root(text), 0, &v);
    size_t before = (size_t)(text.ptr - input.ptr);
    for (size_t i = 0; i < v.n; i++)
        v.at[i].pos += before;
    return mutate_value(data, size, max_size, &v, &draw);
}
