/* test_secret.c: keys from every source, in rotation, benched, wiped and never in the log. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"

#include "broker/auth.h"
#include "broker/secret.h"

#include <cmocka.h>

#define MARK "sk-marker-"

struct site {
    char dir[32], file[64], log_path[64];
    struct log log;
    struct loop *loop;
    struct conf conf;
    struct conf_provider provider;
    struct map states;
};

static int set_up(void **state)
{
    struct site *s = MEM_NEW(struct site);
    snprintf(s->dir, sizeof s->dir, "/tmp/lgw-secret.XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->file, sizeof s->file, "%s/key", s->dir);
    snprintf(s->log_path, sizeof s->log_path, "%s/log", s->dir);
    int fd = open(s->log_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    log_init(&s->log, fd, LOG_DEBUG, &clock_system);
    struct err e = ERR_INIT;
    assert_int_equal(loop_new(NULL, &s->loop, &e), ERR_OK);
    s->provider.name = "p";
    s->conf.providers = &s->provider;
    s->conf.n_providers = 1;
    map_init(&s->states);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct site *s = *state;
    /* whatever a test did, its keys are not in the log */
    char text[16384];
    ssize_t n = pread(s->log.fd, text, sizeof text - 1, 0);
    text[MAX(n, 0)] = '\0';
    assert_null(strstr(text, MARK));
    secret_states_release(&s->states);
    loop_free(&s->loop);
    close(s->log.fd);
    unlink(s->file);
    unlink(s->log_path);
    rmdir(s->dir);
    mem_free(s);
    return 0;
}

static void add(struct site *s, unsigned source, const char *value)
{
    size_t i = s->provider.n_keys++;
    s->provider.keys[i].source = source;
    s->provider.keys[i].value = value;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static struct secrets *load(struct site *s, const struct secrets *old)
{
    struct secrets *k = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(secrets_new(&s->conf, old, &s->states, s->loop, &s->log, &k, &e),
                     ERR_OK);
    return k;
}

/* What a request does that needs a key: it waits while one is coming. */
static struct secret_key *pick(struct site *s, struct secrets *k, int64_t now_us)
{
    struct err e = ERR_INIT;
    while (secrets_await(k, STR("p"), now_us))
        assert_int_equal(loop_turn(s->loop, US_PER_S, &e), ERR_OK);
    return secrets_pick(k, STR("p"), now_us);
}

/* Its attempt fails so; a quota is renewed after so long. */
static bool refuse(struct secrets *k, struct secret_key *key, enum errc why,
                   int64_t reset_us, int64_t now_us)
{
    struct err e = ERR_INIT;
    err_set(&e, why, "refused");
    e.retry_after_us = reset_us;
    secret_started(key, now_us);
    return secrets_heard(k, key, &e, now_us) != NULL;
}

static void expect_key(struct site *s, struct secrets *k, const char *want)
{
    struct secret_key *key = pick(s, k, 0);
    if (want == NULL) {
        assert_null(key);
        return;
    }
    assert_non_null(key);
    assert_string_equal(key->value, want);
    assert_int_equal(key->len, strlen(want));
}

static void keys_come_from_every_source_in_turn(void **state)
{
    struct site *s = *state;
    setenv("LGW_TEST_KEY", MARK "env", 1);
    write_file(s->file, MARK "file \r\nsecond line\n", 0600);
    add(s, CONF_KEY_ENV, "LGW_TEST_KEY");
    add(s, CONF_KEY_FILE, s->file);
    add(s, CONF_KEY_CMD, "printf '" MARK "cmd\\nmore\\n'");
    struct secrets *k = load(s, NULL);
    assert_true(secrets_has(k, STR("p")));
    assert_false(secrets_has(k, STR("q")));
    /* nobody waits for the third as long as the others will do */
    for (int i = 0; i < 2; i++)
        refuse(k, pick(s, k, 0), ERR_QUOTA, 10, 0);
    assert_string_equal(pick(s, k, 0)->value, MARK "cmd");
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 3; i++) {
            static const char *const want[] = {MARK "env", MARK "file", MARK "cmd"};
            assert_string_equal(pick(s, k, 10)->value, want[i]);
        }
    assert_string_equal(secrets_pick(k, STR("p"), 10)->id, "p#1");
    secrets_free(&k);
    unsetenv("LGW_TEST_KEY");
}

static void a_key_that_is_not_there_is_no_key(void **state)
{
    struct site *s = *state;
    write_file(s->file, "\n" MARK "second\n", 0600);
    add(s, CONF_KEY_ENV, "LGW_TEST_NOT_SET");
    add(s, CONF_KEY_FILE, s->file);
    add(s, CONF_KEY_FILE, "/nonexistent/key");
    struct secrets *k = load(s, NULL);
    assert_false(secrets_has(k, STR("p")));
    assert_int_equal(secrets_benched_us(k, STR("p"), 0), -1);
    expect_key(s, k, NULL);
    secrets_free(&k);
}

static void a_key_with_a_blank_in_it_is_refused(void **state)
{
    struct site *s = *state;
    write_file(s->file, MARK "a\r" MARK "b\n", 0600);
    add(s, CONF_KEY_FILE, s->file);
    struct secrets *k = load(s, NULL);
    expect_key(s, k, NULL);
    secrets_free(&k);
}

static void a_command_runs_with_the_configured_path(void **state)
{
    struct site *s = *state;
    char tool[64];
    snprintf(tool, sizeof tool, "%s/show", s->dir);
    write_file(tool, "#!/bin/sh\necho " MARK "$1\n", 0700);
    s->conf.core.path = s->dir;
    add(s, CONF_KEY_CMD, "show tool; exec >&-; while :; do :; done");
    struct secrets *k = load(s, NULL);
    expect_key(s, k, MARK "tool"); /* and the command does not outlive it */
    secrets_free(&k);
    unlink(tool);
}

static void a_command_that_fails_is_left_alone_for_a_while(void **state)
{
    struct site *s = *state;
    char command[128];
    snprintf(command, sizeof command, "cat %s", s->file);
    add(s, CONF_KEY_CMD, command);
    struct secrets *k = load(s, NULL);
    int64_t now_us = loop_mono_us(s->loop);
    assert_true(secrets_await(k, STR("p"), now_us));
    assert_true(secrets_await(k, STR("p"), now_us)); /* it is not started twice */
    assert_null(pick(s, k, now_us));
    write_file(s->file, MARK "late", 0600);
    assert_false(secrets_await(k, STR("p"), now_us));
    int64_t wait_us = secrets_benched_us(k, STR("p"), now_us);
    assert_true(wait_us > 0);
    assert_non_null(pick(s, k, now_us + wait_us));
    secrets_free(&k);
}

static void a_token_that_has_run_out_is_fetched_anew(void **state)
{
    struct site *s = *state;
    char command[128];
    snprintf(command, sizeof command, "cat %s", s->file);
    add(s, CONF_KEY_CMD, command);
    write_file(s->file, MARK "old", 0600);
    struct secrets *k = load(s, NULL);
    int64_t now_us = loop_mono_us(s->loop);
    struct secret_key *key = pick(s, k, now_us);
    assert_string_equal(key->value, MARK "old");
    key->read_mono_us -= 3600 * (int64_t)US_PER_S; /* an hour later */
    write_file(s->file, MARK "new", 0600);
    refuse(k, key, ERR_UPSTREAM_AUTH, -1, now_us);
    assert_int_equal(secrets_benched_us(k, STR("p"), now_us), 0);
    assert_string_equal(pick(s, k, now_us)->value, MARK "new");
    /* the new one is refused, too: then it is no matter of age */
    refuse(k, key, ERR_UPSTREAM_AUTH, -1, now_us);
    assert_int_equal(secrets_benched_us(k, STR("p"), now_us), 600 * US_PER_S);
    assert_null(pick(s, k, now_us));
    secrets_free(&k);
}

static void a_command_under_way_ends_with_the_store(void **state)
{
    struct site *s = *state;
    char command[128];
    snprintf(command, sizeof command, "echo $$ >%s; exec sleep 1000", s->file);
    add(s, CONF_KEY_CMD, command);
    struct secrets *k = load(s, NULL);
    assert_true(secrets_await(k, STR("p"), 0));
    secrets_free(&k);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

static void a_benched_key_is_passed_over(void **state)
{
    struct site *s = *state;
    setenv("LGW_TEST_1", MARK "1", 1);
    setenv("LGW_TEST_2", MARK "2", 1);
    add(s, CONF_KEY_ENV, "LGW_TEST_1");
    add(s, CONF_KEY_ENV, "LGW_TEST_2");
    struct secrets *k = load(s, NULL);
    struct secret_key *first = secrets_pick(k, STR("p"), 0);
    assert_true(refuse(k, first, ERR_QUOTA, 1000, 0));
    for (int i = 0; i < 3; i++)
        assert_string_equal(secrets_pick(k, STR("p"), 999)->value, MARK "2");
    assert_int_equal(secrets_benched_us(k, STR("p"), 999), 0);
    refuse(k, secrets_pick(k, STR("p"), 999), ERR_QUOTA, 501, 999);
    assert_null(secrets_pick(k, STR("p"), 999));
    assert_int_equal(secrets_benched_us(k, STR("p"), 999), 1);
    assert_string_equal(secrets_pick(k, STR("p"), 1000)->value, MARK "1");
    secrets_free(&k);
}

static void one_probe_shows_whether_a_key_is_good_again(void **state)
{
    struct site *s = *state;
    const struct err ok = ERR_INIT, mute = {.code = ERR_NETWORK};
    setenv("LGW_TEST_1", MARK "1", 1);
    add(s, CONF_KEY_ENV, "LGW_TEST_1");
    struct secrets *k = load(s, NULL);
    struct secret_key *key = secrets_pick(k, STR("p"), 0);
    refuse(k, key, ERR_UPSTREAM_AUTH, -1, 0);
    assert_int_equal(secret_class(key), ERR_UPSTREAM_AUTH);
    int64_t now_us = secrets_benched_us(k, STR("p"), 0);
    assert_ptr_equal(secrets_pick(k, STR("p"), now_us), key);
    secret_started(key, now_us);
    assert_null(secrets_pick(k, STR("p"), now_us)); /* the others wait for its end */
    assert_null(secrets_heard(k, key, &mute, now_us));
    assert_ptr_equal(secrets_pick(k, STR("p"), now_us), key); /* it told nothing */
    assert_true(refuse(k, key, ERR_UPSTREAM_AUTH, -1, now_us));
    assert_null(secrets_pick(k, STR("p"), now_us));
    now_us += secrets_benched_us(k, STR("p"), now_us);
    secret_started(key, now_us);
    assert_non_null(secrets_heard(k, key, &ok, now_us));
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(secrets_pick(k, STR("p"), now_us), key);
    secrets_free(&k);
}

static void a_benched_key_stays_so_over_a_reload(void **state)
{
    struct site *s = *state;
    setenv("LGW_TEST_1", MARK "1", 1);
    setenv("LGW_TEST_2", MARK "2", 1);
    add(s, CONF_KEY_ENV, "LGW_TEST_1");
    struct secrets *old = load(s, NULL);
    struct secret_key *first = secrets_pick(old, STR("p"), 0);
    refuse(old, first, ERR_QUOTA, 1000, 0);
    assert_null(strstr(first->state->name, MARK));
    s->provider.keys[0].value = "LGW_TEST_2"; /* the same line has another key now */
    add(s, CONF_KEY_ENV, "LGW_TEST_1");
    struct secrets *k = load(s, old);
    secrets_free(&old);
    for (int i = 0; i < 3; i++)
        assert_string_equal(secrets_pick(k, STR("p"), 999)->value, MARK "2");
    secrets_free(&k);
}

static void a_probe_whose_key_went_away_holds_nobody_up(void **state)
{
    struct site *s = *state;
    setenv("LGW_TEST_1", MARK "1", 1);
    add(s, CONF_KEY_ENV, "LGW_TEST_1");
    struct secrets *k = load(s, NULL);
    refuse(k, secrets_pick(k, STR("p"), 0), ERR_QUOTA, 1000, 0);
    secret_started(secrets_pick(k, STR("p"), 1000), 1000);
    secrets_free(&k);
    k = load(s, NULL);
    assert_non_null(secrets_pick(k, STR("p"), 1000));
    secrets_free(&k);
}

static void keys_that_nobody_holds_are_forgotten_when_they_are_many(void **state)
{
    struct site *s = *state;
    char name[32];
    struct secret_state *held = secret_state(&s->states, STR("p:held"), 0);
    held->n_users = 1;
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "p:%d", i);
        assert_non_null(secret_state(&s->states, str_of(name), 0));
    }
    assert_true(s->states.n <= 256);
    assert_ptr_equal(secret_state(&s->states, STR("p:held"), 0), held);
}

static void a_scrubbed_environment_is_remembered(void **state)
{
    struct site *s = *state;
    char value[] = "LGW_TEST_KEY=" MARK "env";
    putenv(value);
    setenv("ANTHROPIC_API_KEY", MARK "other", 1);
    add(s, CONF_KEY_ENV, "LGW_TEST_KEY");
    struct secrets *old = load(s, NULL);
    secrets_scrub_env(&s->conf);
    assert_string_equal(getenv("LGW_TEST_KEY"), "(read by llmgwd)");
    assert_string_equal(getenv("ANTHROPIC_API_KEY"), "(read by llmgwd)");
    assert_null(memchr(value, 'k', sizeof value)); /* the memory itself is wiped */
    struct secrets *k = load(s, old);
    secrets_free(&old);
    expect_key(s, k, MARK "env");
    s->provider.name = "q"; /* another one that names the variable */
    old = k;
    k = load(s, old);
    secrets_free(&old);
    assert_true(secrets_has(k, STR("q")));
    secrets_free(&k);
    k = load(s, NULL);
    assert_false(secrets_has(k, STR("q"))); /* the placeholder is no key */
    secrets_free(&k);
}

static void hashes_belong_to_their_key_only(void **state)
{
    (void)state;
    char hash[SECRET_HASH_LEN + 1];
    secret_hash(STR("abc"), hash);
    assert_string_equal(
        hash, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    char other[SECRET_HASH_LEN + 1];
    secret_hash(STR("abd"), other);
    assert_false(secret_equal(str_of(hash), str_of(other)));
    assert_true(secret_equal(STR("a"), STR("a")));
    assert_false(secret_equal(STR("a"), STR("b")));
    assert_false(secret_equal(STR("a"), STR("aa")));
}

/* ---- a comparison takes as long for any key: it has to read to the end ---- */

enum { TOUCHED = 77 };

static void on_touch(int sig)
{
    (void)sig;
    _exit(TOUCHED);
}

/* A page that may be read, then one that may not; the last `n` bytes of `text` are in that. */
static const char *with_forbidden_end(struct str text, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *at =
        mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(at, MAP_FAILED);
    char *start = at + page + n - text.len;
    memcpy(start, text.ptr, text.len);
    assert_int_equal(mprotect(at + page, page, PROT_NONE), 0);
    return start;
}

/* How a child ends that runs `fn`: TOUCHED when it reads what it may not. */
static int run_child(void (*fn)(const char *text), const char *text)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGSEGV, on_touch);
        fn(text);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void compare_first_differs(const char *text)
{
    (void)secret_equal(STR("Xbcdefgh"), (struct str){text, 8});
}

static void compare_length_differs(const char *text)
{
    (void)secret_equal(STR("a"), (struct str){text, 8});
}

/* The first client is the one; the hash of the second may not be read. */
static void find_client(const char *text)
{
    static const char wire[] = "GET / HTTP/1.1\r\nHost: x\r\nX-Api-Key: abc\r\n\r\n";
    char hash[SECRET_HASH_LEN + 1], other[SECRET_HASH_LEN + 1];
    struct conf_client clients[2] = {{.name = "a", .key_hash = hash},
                                     {.name = "b", .key_hash = other}};
    struct conf c = {.clients = clients, .n_clients = 2};
    struct http1_head head;
    size_t scan = 0, len;
    struct err e = ERR_INIT;
    const struct conf_client *found = NULL;
    secret_hash(STR("abc"), hash);
    secret_hash(STR("abd"), other);
    if (text != NULL)
        clients[1].key_hash = text;
    if (http1_parse_request(str_of(wire), &scan, &head, &len, &e) != ERR_OK ||
        auth_client(&c, &head, &found, &e) != ERR_OK || found != &clients[0])
        _exit(1);
}

static void comparing_reads_to_the_end(void **state)
{
    (void)state;
    const char *text = with_forbidden_end(STR("abcdefgh"), 1);
    assert_int_equal(run_child(compare_first_differs, text), TOUCHED);
    assert_int_equal(run_child(compare_length_differs, text), 0);
    assert_int_equal(run_child(find_client, NULL), 0);
    assert_int_equal(run_child(find_client, with_forbidden_end(STR("sha256:ab"), 1)),
                     TOUCHED);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(keys_come_from_every_source_in_turn),
        CASE(a_key_that_is_not_there_is_no_key),
        CASE(a_key_with_a_blank_in_it_is_refused),
        CASE(a_command_runs_with_the_configured_path),
        CASE(a_command_that_fails_is_left_alone_for_a_while),
        CASE(a_token_that_has_run_out_is_fetched_anew),
        CASE(a_command_under_way_ends_with_the_store),
        CASE(a_benched_key_is_passed_over),
        CASE(one_probe_shows_whether_a_key_is_good_again),
        CASE(a_benched_key_stays_so_over_a_reload),
        CASE(a_probe_whose_key_went_away_holds_nobody_up),
        CASE(keys_that_nobody_holds_are_forgotten_when_they_are_many),
        CASE(a_scrubbed_environment_is_remembered),
        CASE(hashes_belong_to_their_key_only),
        CASE(comparing_reads_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
