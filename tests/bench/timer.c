/*
 * timer.c: timer [-n RUNS] [--before COMMAND] -- PROGRAM ARG…: runs a program again and again,
 * from start to end, and prints one JSON line: wall time and the CPU time of the program itself.
 *
 * What stands in `before` runs by the shell ahead of each and is not timed. A run that ends with
 * another status than 0 is an error and counts for no time.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/opt.h"

extern char **environ;

struct options {
    int64_t runs;
    const char *before;
};

#define AT(field) offsetof(struct options, field)
static const struct option_row timer_options[] = {
    {.letter = 'n',
     .name = "runs",
     .type = OPT_INT,
     .offset = AT(runs),
     .arg = "N",
     .help = "how often"},
    {.name = "before",
     .type = OPT_STRING,
     .offset = AT(before),
     .arg = "COMMAND",
     .help = "for the shell, ahead of each run, not timed"},
    {.name = NULL},
};
#undef AT

struct run {
    int64_t wall_us, cpu_us;
    bool is_ok;
};

static int64_t tv_us(struct timeval t)
{
    return (int64_t)t.tv_sec * US_PER_S + t.tv_usec;
}

/* Standard input and output are /dev/null; errors are to be seen. */
static struct run run_once(char *const *argv)
{
    posix_spawn_file_actions_t files;
    struct run r = {.is_ok = false};
    pid_t pid;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    int64_t start_us = clock_mono_us(&clock_system);
    if (posix_spawnp(&pid, argv[0], &files, NULL, argv, environ) == 0) {
        struct rusage used;
        int status;
        r.is_ok = wait4(pid, &status, 0, &used) == pid && status == 0;
        r.wall_us = clock_mono_us(&clock_system) - start_us;
        r.cpu_us = tv_us(used.ru_utime) + tv_us(used.ru_stime);
    }
    posix_spawn_file_actions_destroy(&files);
    return r;
}

static int by_wall(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    return x->wall_us < y->wall_us ? -1 : x->wall_us > y->wall_us;
}

static int by_cpu(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    return x->cpu_us < y->cpu_us ? -1 : x->cpu_us > y->cpu_us;
}

/* The runs that went well, to `runs`; returns how many. */
static size_t run_all(const struct options *o, char *const *argv, struct run *runs)
{
    char shell[] = "sh", minus_c[] = "-c",
         *command = o->before != NULL ? mem_strdup(o->before) : NULL;
    char *const before[] = {shell, minus_c, command, NULL};
    size_t n = 0;
    for (int64_t i = 0; i < o->runs; i++) {
        if (command != NULL)
            (void)run_once(before);
        runs[n] = run_once(argv);
        n += runs[n].is_ok;
    }
    mem_free(command);
    return n;
}

static void print(struct run *runs, size_t n, size_t n_errors)
{
    printf("{\"runs\":%zu,\"errors\":%zu", n, n_errors);
    if (n > 0) {
        qsort(runs, n, sizeof *runs, by_cpu);
        int64_t cpu_us = runs[(n - 1) / 2].cpu_us;
        qsort(runs, n, sizeof *runs, by_wall);
        printf(",\"p50_us\":%" PRId64 ",\"min_us\":%" PRId64 ",\"max_us\":%" PRId64
               ",\"cpu_us\":%" PRId64,
               runs[(n - 1) / 2].wall_us, runs[0].wall_us, runs[n - 1].wall_us, cpu_us);
    }
    puts("}");
}

int main(int argc, char **argv)
{
    struct options o = {.runs = 10};
    struct opt_args args = {.n = 0};
    struct err e = ERR_INIT;
    int used;
    const struct option_row *const tables[OPT_TABLES] = {timer_options, NULL};
    void *const into[OPT_TABLES] = {&o, NULL};
    if (opt_parse(argc, argv, tables, into, true, &args, &used, &e) != ERR_OK ||
        used >= argc || o.runs < 1) {
        fprintf(stderr, "timer: %s\n", e.text[0] != '\0' ? e.text : "run what?");
        return 2;
    }
    size_t n_all = (size_t)o.runs;
    struct run *runs = mem_alloc(n_all, sizeof *runs);
    if (runs == NULL)
        return 1;
    size_t n = run_all(&o, argv + used, runs);
    print(runs, n, n_all - n);
    mem_free(runs);
    return n < n_all;
}
