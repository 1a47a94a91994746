/*
 * conf_mutate.c: libFuzzer's mutations, but of a configuration as lines: one of a section or a key
 * that there is, with a value that may do, is put somewhere, replaces another, is moved, doubled or
 * left out. Every fourth time bytes are changed as they stand.
 */
#include <stdio.h>
#include <string.h>

#include "core/conf.h"
#include "core/num.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                               unsigned seed);

enum { LINE_LEN = 512 };

static const char *const subs[] = {
    "one",        "two",           "openai",     "anthropic",      "one/sim",
    "all",        "project:a",     "tag:k=v",    "provider:one",   "target:one/sim",
    "default",    "client:ci",     "route:fast", "openai/gpt-5.4", "ollama",
    "budget:day", "b \\\" c \\\\", "",
};

static const char *const values[] = {
    "yes",
    "no",
    "0",
    "1",
    "17",
    "-3",
    "1.5",
    "64M",
    "9223372036854775808",
    "8s",
    "1.5s",
    "10m",
    "250ms",
    "100/min",
    "5k/min burst=9",
    "2/day",
    "20/month",
    "$3.25",
    "one",
    "one/sim",
    "two/sim weight=3",
    "fast",
    "small",
    "one/sim when tokens > 50000 and not stream",
    "claude-haiku-4-5",
    "gpt-5.4-mini weight=0",
    "openai",
    "anthropic",
    "gemini",
    "ollama",
    "http://127.0.0.1:8080/v1",
    "https://u:p@[::1]:1/x",
    "ONE_KEY",
    "~/key",
    "sh -c 'cat key'",
    "X-A: b",
    "tools,vision",
    "k=v",
    "openai/gpt-5.4",
    "Europe/Berlin",
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "\"a \\\"quoted\\\" ; value\" # and a comment",
    "a\\\n b",
    "",
};

static const char *const variables[] = {
    "OPENAI_API_KEY=k",  "ANTHROPIC_API_KEY=k",   "GEMINI_API_KEY=k",
    "LLMGW_MODEL=small", "LLMGW_TAGS=a=b,c",      "LLMGW_MAX_COST=0.5",
    "LLMGW_STDIN=auto",  "LLMGW_ROUTE=fast",      "LLMGW_LOG=meta",
    "LLMGW_SOCKET=/x",   "XDG_CONFIG_DIRS=/a:/b", "OLLAMA_HOST=h:1",
};

/* One of a row's own words, if it has such, or of all. */
static struct str choose_value(const struct conf_key *row, uint64_t *seed)
{
    struct str rest = str_of(row->values), word, chosen = STR_NONE;
    if (row->values != NULL && num_draw(seed) % 4 > 0)
        for (uint64_t n = 1; str_split(&rest, '|', &word);)
            if (num_draw(seed) % n++ == 0)
                chosen = word;
    if (chosen.len > 0)
        return chosen;
    if (row->preset != NULL && num_draw(seed) % 4 == 0)
        return str_of(row->preset);
    return str_of(values[num_draw(seed) % ARRAY_LEN(values)]);
}

static const char *choose_sub(uint64_t *seed)
{
    return subs[num_draw(seed) % ARRAY_LEN(subs)];
}

/* A line, or a few that belong together. */
static size_t make_lines(char *out, uint64_t *seed)
{
    size_t n_rows, n_sections;
    const struct conf_key *rows = conf_schema(&n_rows);
    const struct conf_section *sections = conf_sections(&n_sections);
    const struct conf_key *row = &rows[num_draw(seed) % n_rows];
    const char *key = row->key != NULL ? row->key : choose_sub(seed);
    struct str value = choose_value(row, seed);
    bool has_sub = false;
    for (size_t i = 0; i < n_sections; i++)
        has_sub |= strcmp(sections[i].name, row->section) == 0 && sections[i].sub != NULL;
    int n = 0;
    switch (num_draw(seed) % 8) {
    case 0:
        n = snprintf(out, LINE_LEN, "%%%%\n");
        break;
    case 1:
        n = snprintf(out, LINE_LEN, "%s\n",
                     variables[num_draw(seed) % ARRAY_LEN(variables)]);
        break;
    case 2:
        n = has_sub ? snprintf(out, LINE_LEN, "%s.%s.%s=%.*s\n", row->section,
                               choose_sub(seed), key, STR_ARG(value))
                    : snprintf(out, LINE_LEN, "%s.%s=%.*s\n", row->section, key,
                               STR_ARG(value));
        break;
    case 3:
        n = snprintf(out, LINE_LEN, "\t%s = %.*s\n", key, STR_ARG(value));
        break;
    default:
        n = has_sub ? snprintf(out, LINE_LEN, "[%s \"%s\"]\n\t%s = %.*s\n", row->section,
                               choose_sub(seed), key, STR_ARG(value))
                    : snprintf(out, LINE_LEN, "[%s]\n\t%s = %.*s\n", row->section, key,
                               STR_ARG(value));
        break;
    }
    return MIN((size_t)MAX(n, 0), LINE_LEN - 1);
}

/* From the start of a line to its end, chosen among all; where the text ends: nothing. */
static struct str choose_line(struct str text, uint64_t *seed)
{
    struct str chosen = str_sub(text, text.len, 0);
    size_t at = 0;
    for (uint64_t n = 1; at < text.len; n++) {
        size_t len = str_find(str_sub(text, at, text.len), '\n');
        len = MIN(len + 1, text.len - at);
        if (num_draw(seed) % n == 0)
            chosen = (struct str){text.ptr + at, len};
        at += len;
    }
    return chosen;
}

static size_t replace(uint8_t *data, size_t size, size_t max_size, struct str old,
                      const char *with, size_t with_len)
{
    size_t from = (size_t)(old.ptr - (const char *)data), end = from + old.len;
    if (size - old.len + with_len > max_size)
        return size;
    memmove(data + from + with_len, data + end, size - end);
    memcpy(data + from, with, with_len);
    return size - old.len + with_len;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    char lines[LINE_LEN];
    uint64_t draw = seed;
    struct str text = {(const char *)data, size};
    if (num_draw(&draw) % 4 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    struct str at = choose_line(text, &draw), other = choose_line(text, &draw);
    size_t len = make_lines(lines, &draw);
    switch (num_draw(&draw) % 8) {
    case 0:
        return replace(data, size, max_size, at, "", 0);
    case 1:
    case 2:
        return replace(data, size, max_size, at, lines, len);
    case 3:
        if (other.len > sizeof lines)
            return size;
        memcpy(lines, other.ptr, other.len);
        return replace(data, size, max_size, str_sub(at, 0, 0), lines, other.len);
    default:
        return replace(data, size, max_size, str_sub(at, 0, 0), lines, len);
    }
}
