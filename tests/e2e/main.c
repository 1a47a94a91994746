/*
 * main.c: tests/e2e/tool: what shell tests need and a machine may lack: a client that checks
 * the answers it gets, a look into JSON, and waiting for a line in a file without polling.
 *
 *     tool ask [options] PROMPT        KEY=VALUE lines about the answer
 *     tool asks -j N -o DIR <LINES     … about many, asked by N clients
 *     tool json PATH <FILE             the value at a.b.0.c, or status 1
 *     tool fits SCHEMA [lines] <FILE   is it what the schema says, and nothing else?
 *     tool flat <JOURNAL               every value with its path, for awk
 *     tool wait FILE REGEX SECONDS     until the file matches, or status 1
 *     tool raw [options] BYTES         … to the broker's doors, as they stand
 *     tool mute PORT                   takes datagrams and never answers
 *     tool cut-serve DIR               a provider of recorded answers that it cuts
 *     tool cut-ask [options]           … and clients that judge what becomes of them
 *     tool swarm [options]             many clients that write down what they got
 *     tool stdin-socket TEXT COMMAND…  runs it with a socket for standard input
 */
#include <fcntl.h>
#include <libgen.h>
#include <netinet/in.h>
#include <poll.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/jschema.h"
#include "core/jsonx.h"
#include "core/num.h"
#include "core/opt.h"

#include "tests/e2e/asks.h"
#include "tests/e2e/cuts.h"
#include "tests/e2e/pty.h"
#include "tests/e2e/raw.h"
#include "tests/e2e/swarm.h"

enum { FILE_MAX = 512 * 1024 * 1024, READ_LEN = 64 * 1024 };

static enum errc read_fd(int fd, struct buf *out)
{
    ssize_t n;
    do {
        char *at = buf_room(out, READ_LEN);
        n = at ? read(fd, at, READ_LEN) : -1;
        if (n > 0)
            buf_grown(out, (size_t)n);
    } while (n > 0);
    return n == 0 ? buf_err(out) : ERR_IO;
}

/* ---- json ---- */

static struct json_object *step(struct json_object *o, struct str key)
{
    char name[128];
    uint64_t at;
    struct json_object *found = NULL;
    snprintf(name, sizeof name, "%.*s", STR_ARG(key));
    if (json_object_is_type(o, json_type_object))
        json_object_object_get_ex(o, name, &found);
    else if (json_object_is_type(o, json_type_array) &&
             num_u64(key, json_object_array_length(o), &at) == ERR_OK)
        found = json_object_array_get_idx(o, at);
    return found;
}

static enum errc run_json(int argc, char *argv[], struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(FILE_MAX);
    AUTO(jx_put) struct json_object *root = NULL;
    if (argc != 2)
        return err_set(e, ERR_USAGE, "usage: tool json PATH <FILE");
    enum errc rc = read_fd(STDIN_FILENO, &text);
    if (rc == ERR_OK)
        rc = jx_parse(str_trim(buf_str(&text)), &root, e);
    if (rc != ERR_OK)
        return rc;
    struct json_object *o = root;
    struct str rest = str_of(argv[1]), key;
    while (o != NULL && str_split(&rest, '.', &key))
        if (key.len > 0)
            o = step(o, key);
    if (o == NULL)
        return err_set(e, ERR_IO, "no %s", argv[1]);
    printf("%s\n", json_object_is_type(o, json_type_string)
                       ? json_object_get_string(o)
                       : json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
    return ERR_OK;
}

/* ---- flat ---- */

/* "LINE<TAB>PATH<TAB>VALUE" of every leaf; of an empty array or object, too. */
static void print_leaves(struct json_object *o, int line, const struct buf *path)
{
    AUTO(buf_release) struct buf at = BUF_INIT(FILE_MAX);
    size_t n = json_object_is_type(o, json_type_array) ? json_object_array_length(o)
               : json_object_is_type(o, json_type_object)
                   ? (size_t)json_object_object_length(o)
                   : 0;
    if (n == 0) {
        const char *s = json_object_is_type(o, json_type_string)
                            ? json_object_get_string(o)
                            : json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
        printf("%d\t%.*s\t", line, STR_ARG(buf_str(path)));
        for (; *s != '\0'; s++)
            if (*s == '\n' || *s == '\t')
                printf("\\%c", *s == '\n' ? 'n' : 't');
            else
                putchar(*s);
        putchar('\n');
        return;
    }
    const char *dot = path->len > 0 ? "." : "";
    for (size_t i = 0; json_object_is_type(o, json_type_array) && i < n; i++) {
        buf_reset(&at);
        buf_printf(&at, "%.*s%s%zu", STR_ARG(buf_str(path)), dot, i);
        print_leaves(json_object_array_get_idx(o, i), line, &at);
    }
    if (json_object_is_type(o, json_type_object)) {
        json_object_object_foreach(o, key, value)
        {
            buf_reset(&at);
            buf_printf(&at, "%.*s%s%s", STR_ARG(buf_str(path)), dot, key);
            print_leaves(value, line, &at);
        }
    }
}

/* Every line of standard input is JSON: what awk can compare. */
static enum errc run_flat(int argc, char *argv[], struct err *e)
{
    AUTO(buf_release) struct buf text = BUF_INIT(FILE_MAX), top = BUF_INIT(0);
    (void)argv;
    if (argc != 1)
        return err_set(e, ERR_USAGE, "usage: tool flat <FILE");
    enum errc rc = read_fd(STDIN_FILENO, &text);
    if (rc != ERR_OK)
        return err_set(e, rc, "standard input cannot be read");
    struct str rest = str_trim(buf_str(&text)), one;
    for (int line = 1; rc == ERR_OK && str_split(&rest, '\n', &one); line++) {
        AUTO(jx_put) struct json_object *o = NULL;
        rc = jx_parse(str_trim(one), &o, e);
        if (rc == ERR_OK)
            print_leaves(o, line, &top);
    }
    return rc;
}

/* ---- fits ---- */

/* Members that a schema does not name become wrong: how tests see that it is complete. */
static void close_objects(struct json_object *schema)
{
    if (json_object_is_type(schema, json_type_object)) {
        struct json_object *ignored;
        if (json_object_object_get_ex(schema, "properties", &ignored))
            json_object_object_add(schema, "additionalProperties",
                                   json_object_new_boolean(false));
        json_object_object_foreach(schema, key, value)
        {
            (void)key;
            close_objects(value);
        }
    }
    for (size_t i = 0; json_object_is_type(schema, json_type_array) &&
                       i < json_object_array_length(schema);
         i++)
        close_objects(json_object_array_get_idx(schema, i));
}

/* Every line of standard input, or the whole, against the schema of a file. */
static enum errc run_fits(int argc, char *argv[], struct err *e)
{
    AUTO(buf_release) struct buf schema_text = BUF_INIT(FILE_MAX);
    AUTO(buf_release) struct buf text = BUF_INIT(FILE_MAX);
    AUTO(jx_put) struct json_object *schema = NULL;
    bool by_line = argc > 2 && strcmp(argv[2], "lines") == 0;
    int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return err_set(e, ERR_USAGE, "usage: tool fits SCHEMA [lines] <FILE");
    enum errc rc = read_fd(fd, &schema_text);
    close(fd);
    if (rc == ERR_OK)
        rc = read_fd(STDIN_FILENO, &text);
    if (rc == ERR_OK)
        rc = jx_parse(str_trim(buf_str(&schema_text)), &schema, e);
    if (rc != ERR_OK)
        return rc;
    close_objects(schema);
    struct str rest = str_trim(buf_str(&text)), one = rest;
    while (rc == ERR_OK && (by_line ? str_split(&rest, '\n', &one) : one.len > 0)) {
        AUTO(jx_put) struct json_object *value = NULL;
        rc = jx_parse(str_trim(one), &value, e);
        if (rc == ERR_OK)
            rc = jschema_check(schema, value, e);
        one = STR_NONE;
    }
    return rc;
}

/* ---- wait ---- */

static bool file_matches(const char *file, const regex_t *re)
{
    AUTO(buf_release) struct buf text = BUF_INIT(FILE_MAX);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    enum errc rc = read_fd(fd, &text);
    close(fd);
    return rc == ERR_OK && text.len > 0 && regexec(re, text.data, 0, NULL, 0) == 0;
}

static enum errc wait_for(const char *file, const regex_t *re, int64_t us, struct err *e)
{
    char folder[4096], events[4096];
    int64_t until_us = clock_mono_us(&clock_system) + us;
    snprintf(folder, sizeof folder, "%s", file);
    struct pollfd p = {.fd = inotify_init1(IN_CLOEXEC), .events = POLLIN};
    if (p.fd < 0 ||
        inotify_add_watch(p.fd, dirname(folder), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
        return err_errno(e, ERR_IO, "inotify %s", folder);
    enum errc rc = ERR_OK;
    while (rc == ERR_OK && !file_matches(file, re)) {
        int64_t left_us = until_us - clock_mono_us(&clock_system);
        if (left_us <= 0 || poll(&p, 1, (int)(left_us / US_PER_MS) + 1) == 0)
            rc = err_set(e, ERR_TIMEOUT, "%s: nothing came", file);
        else if (read(p.fd, events, sizeof events) < 0)
            rc = err_errno(e, ERR_IO, "inotify");
    }
    close(p.fd);
    return rc;
}

static enum errc run_wait(int argc, char *argv[], struct err *e)
{
    int64_t us;
    regex_t re;
    if (argc != 4 || num_duration_us(str_of(argv[3]), US_PER_S, &us) != ERR_OK)
        return err_set(e, ERR_USAGE, "usage: tool wait FILE REGEX SECONDS");
    if (regcomp(&re, argv[2], REG_EXTENDED | REG_NOSUB | REG_NEWLINE) != 0)
        return err_set(e, ERR_USAGE, "bad pattern %s", argv[2]);
    enum errc rc = wait_for(argv[1], &re, us, e);
    regfree(&re);
    return rc;
}

/* ---- raw ---- */

#define O(field) offsetof(struct raw_options, field)
static const struct option_row raw_rows[] = {
    {'u', "socket", OPT_STRING, O(socket), "PATH", .help = "Unix socket"},
    {'p', "port", OPT_INT, O(port), "N", .values = "1..65535", .help = "loopback port"},
    {'k', "key", OPT_STRING, O(key), "KEY", .help = "client key"},
    {'t', "timeout", OPT_DURATION, O(timeout_us), "DUR", .help = "give up after"},
    {'d', "drip", OPT_DURATION, O(drip_us), "DUR", .help = "a byte at a time"},
    {'l', "leave", OPT_FLAG, O(leave), .help = "go away when all is sent"},
    {'r', "reset", OPT_FLAG, O(reset), .help = "go away with a reset"},
    {'h', "half", OPT_FLAG, O(half), .help = "close our side when all is sent"},
    {.name = NULL},
};
#undef O

static enum errc run_raw(int argc, char *argv[], struct err *e)
{
    struct raw_options o = {.timeout_us = 5 * US_PER_S};
    struct opt_args args = {.n = 0};
    const struct option_row *const tables[OPT_TABLES] = {raw_rows, NULL};
    void *const into[OPT_TABLES] = {&o, NULL};
    enum errc rc = opt_parse(argc, argv, tables, into, false, &args, NULL, e);
    if (rc == ERR_OK && args.n != 1)
        rc = err_set(e, ERR_USAGE, "usage: tool raw [options] BYTES");
    return rc == ERR_OK ? raw_run(&o, args.items[0], e) : rc;
}

/* ---- mute ---- */

static enum errc run_mute(int argc, char *argv[], struct err *e)
{
    uint64_t port;
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (argc != 2 || num_u64(str_of(argv[1]), UINT16_MAX, &port) != ERR_OK)
        return err_set(e, ERR_USAGE, "usage: tool mute PORT");
    a.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0)
        return err_errno(e, ERR_IO, "bind");
    printf("ready\n");
    fflush(stdout);
    for (;;)
        pause();
}

/* ---- cuts ---- */

static enum errc run_cut_serve(int argc, char *argv[], struct err *e)
{
    if (argc != 2)
        return err_set(e, ERR_USAGE, "usage: tool cut-serve DIR");
    return cut_serve(argv[1], e);
}

#define O(field) offsetof(struct cut_options, field)
static const struct option_row cut_rows[] = {
    {'u', "socket", OPT_STRING, O(socket), "PATH", .help = "the broker's Unix socket"},
    {'D', "data", OPT_STRING, O(dir), "DIR", .help = "where the records are"},
    {'p', "port", OPT_INT, O(port), "N", .values = "1..65535", .help = "of cut-serve"},
    {'s', "stride", OPT_INT, O(stride), "N", .values = "1..", .help = "between offsets"},
    {'S', "seed", OPT_INT, O(seed), "N", .values = "0..", .help = "the first offset"},
    {'j', "jobs", OPT_INT, O(jobs), "N", .values = "1..1024", .help = "at a time"},
    {.name = NULL},
};
#undef O

static enum errc run_cut_ask(int argc, char *argv[], struct err *e)
{
    struct cut_options o = {.stride = 1, .jobs = 128};
    struct opt_args args = {.n = 0};
    const struct option_row *const tables[OPT_TABLES] = {cut_rows, NULL};
    void *const into[OPT_TABLES] = {&o, NULL};
    enum errc rc = opt_parse(argc, argv, tables, into, false, &args, NULL, e);
    return rc == ERR_OK ? cut_ask(&o, e) : rc;
}

/* ---- swarm ---- */

#define O(field) offsetof(struct swarm_options, field)
static const struct option_row swarm_rows[] = {
    {'u', "socket", OPT_STRING, O(socket), "PATH", .help = "the broker's Unix socket"},
    {'m', "model", OPT_STRING, O(model), "NAME", .help = "model"},
    {'o', "report", OPT_STRING, O(report), "FILE", .help = "a line for each request"},
    {'j', "clients", OPT_INT, O(clients), "N", .values = "1..4096", .help = "at a time"},
    {'n', "requests", OPT_INT, O(requests), "N", .values = "1..", .help = "in all"},
    {'s', "seed", OPT_INT, O(seed), "N", .values = "0..", .help = "of all chance"},
    {'l', "leave", OPT_INT, O(leave), "N", .values = "0..1000",
     .help = "so many of a thousand leave in the middle"},
    {'r', "until-refused", OPT_FLAG, O(until_refused),
     .help = "until nobody listens any more"},
    {'i', "invent", OPT_FLAG, O(invent), .help = "a number behind each one's model"},
    {'c', "cap", OPT_INT, O(cap_tok), "N", .values = "1..",
     .help = "tokens of an answer"},
    {.name = NULL},
};
#undef O

static enum errc run_swarm(int argc, char *argv[], struct err *e)
{
    struct swarm_options o = {
        .clients = 10, .model = "sim", .report = "report", .cap_tok = 256};
    struct opt_args args = {.n = 0};
    const struct option_row *const tables[OPT_TABLES] = {swarm_rows, NULL};
    void *const into[OPT_TABLES] = {&o, NULL};
    enum errc rc = opt_parse(argc, argv, tables, into, false, &args, NULL, e);
    return rc == ERR_OK ? swarm_run(&o, e) : rc;
}

static enum errc run_pty(int argc, char *argv[], struct err *e)
{
    if (argc < 2)
        return err_set(e, ERR_USAGE, "usage: tool pty COMMAND… <SCRIPT");
    return pty_run(argv + 1, e);
}

/* ---- a socket for standard input ---- */

static enum errc run_stdin_socket(int argc, char *argv[], struct err *e)
{
    int ends[2];
    if (argc < 3)
        return err_set(e, ERR_USAGE, "usage: tool stdin-socket TEXT COMMAND…");
    ssize_t len = (ssize_t)strlen(argv[1]); /* which a socket's buffer holds */
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 ||
        write(ends[0], argv[1], (size_t)len) != len || close(ends[0]) != 0 ||
        dup2(ends[1], STDIN_FILENO) < 0 || close(ends[1]) != 0)
        return err_errno(e, ERR_IO, "socketpair");
    execvp(argv[2], argv + 2);
    return err_errno(e, ERR_IO, "%s", argv[2]);
}

int main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        enum errc (*run)(int argc, char *argv[], struct err *e);
    } rows[] = {{"ask", ask_main},
                {"asks", asks_main},
                {"json", run_json},
                {"flat", run_flat},
                {"fits", run_fits},
                {"wait", run_wait},
                {"raw", run_raw},
                {"mute", run_mute},
                {"cut-serve", run_cut_serve},
                {"cut-ask", run_cut_ask},
                {"swarm", run_swarm},
                {"pty", run_pty},
                {"stdin-socket", run_stdin_socket}};
    struct err e = ERR_INIT;
    enum errc rc = err_set(
        &e, ERR_USAGE,
        "usage: tool "
        "ask|asks|json|flat|wait|raw|mute|cut-serve|cut-ask|swarm|pty|stdin-socket …");
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(rows); i++)
        if (strcmp(argv[1], rows[i].name) == 0)
            rc = rows[i].run(argc - 1, argv + 1, &e);
    if (rc != ERR_OK)
        fprintf(stderr, "tool: %s\n", e.text);
    return rc == ERR_OK ? 0 : 1;
}
