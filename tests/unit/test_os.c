/* test_os.c: what is asked of the system is done, and its refusals are errors. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/os.h"

#include <cmocka.h>

static void a_peer_has_a_user(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    int pair[2];
    int64_t uid = -1;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(os_peer_uid(pair[0], &uid, &e), ERR_OK);
    assert_int_equal(uid, geteuid());
    close(pair[0]);
    close(pair[1]);
    uid = -1;
    int fd = open("/dev/null", O_RDONLY);
    assert_int_equal(os_peer_uid(fd, &uid, &e), ERR_IO);
    assert_int_equal(uid, -1);
    close(fd);
}

static void an_accepted_connection_neither_blocks_nor_is_inherited(void **state)
{
    (void)state;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "/tmp/test_os.%ld", (long)getpid());
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    unlink(at.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(os_accept(fd), -1); /* nobody is there */
    assert_int_equal(connect(client, (struct sockaddr *)&at, sizeof at), 0);
    int c = os_accept(fd);
    assert_true(c >= 0);
    assert_true((fcntl(c, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(c, F_GETFD) & FD_CLOEXEC) != 0);
    unlink(at.sun_path);
    close(c);
    close(client);
    close(fd);
}

static void directories_are_made_above_a_file_only(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct stat st;
    char top[] = "/tmp/test_os.XXXXXX", path[64];
    assert_non_null(mkdtemp(top));
    snprintf(path, sizeof path, "%s/a/b/file", top);
    for (int i = 0; i < 2; i++) /* those that are there are no error */
        assert_int_equal(os_make_parents(path, 0700, &e), ERR_OK);
    assert_int_equal(stat(path, &st), -1);
    snprintf(path, sizeof path, "%s/a/b", top);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    rmdir(path);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    snprintf(path, sizeof path, "%s/a/b/c/file", top);
    assert_int_equal(os_make_parents(path, 0700, &e), ERR_IO);
    assert_non_null(strstr(e.text, "/a/b/c: Not a directory"));
    snprintf(path, sizeof path, "%s/a/b", top);
    unlink(path);
    snprintf(path, sizeof path, "%s/a", top);
    rmdir(path);
    rmdir(top);
}

static void the_limit_of_descriptors_is_raised(void **state)
{
    (void)state;
    struct rlimit saved, low, now;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
    low = saved;
    low.rlim_cur = MIN(saved.rlim_max, (rlim_t)64);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    int64_t n = os_raise_fd_limit();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_true(now.rlim_cur == saved.rlim_max);
    assert_true(n == (int64_t)MIN(now.rlim_cur, (rlim_t)INT64_MAX));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
}

static void the_folder_of_a_program_is_known(void **state)
{
    (void)state;
    char dir[4096] = "", small[4] = "abc";
    assert_true(os_program_dir(dir, sizeof dir));
    assert_int_equal(dir[0], '/');
    assert_int_not_equal(dir[strlen(dir) - 1], '/');
    assert_null(strstr(dir, "test_os"));
    assert_int_equal(access(dir, X_OK), 0);
    assert_false(os_program_dir(small, sizeof small));
}

/* The last: it holds for the whole process from now on. */
static void memory_is_dumped_nowhere(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct rlimit core;
    assert_int_equal(os_forbid_dumps(&e), ERR_OK);
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
    assert_int_equal(core.rlim_max, 0);
}

static void a_program_gets_its_descriptors_and_plain_signals(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    char text[64] = "";
    int out[2];
    pid_t pid;
    sigemptyset(&ignore.sa_mask);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(sigaction(SIGTERM, &ignore, &old), 0);
    const struct os_spawn how = {
        .program = "sh",
        .argv = OS_SHELL("cat; echo $$ >&3; kill $$; echo it was ignored"),
        .fds = {OS_FD_NULL, out[1], OS_FD_KEPT, out[1]}};
    assert_int_equal(os_spawn(&how, &pid, &e), ERR_OK);
    sigaction(SIGTERM, &old, NULL);
    close(out[1]);
    assert_int_equal(os_wait(pid), 128 + SIGTERM);
    ssize_t n = read(out[0], text, sizeof text - 1);
    close(out[0]);
    char want[64];
    snprintf(want, sizeof want, "%ld\n", (long)pid);
    assert_int_equal(n, strlen(want));
    assert_string_equal(text, want);
}

static void a_program_that_is_not_there_is_told(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    pid_t pid = -1;
    const struct os_spawn how = {
        .program = "/no/such/program", .argv = OS_SHELL("true"), .fds = OS_FDS_KEPT};
    assert_int_equal(os_spawn(&how, &pid, &e), ERR_IO);
    assert_int_equal(e.sys, ENOENT);
    assert_non_null(strstr(e.text, "/no/such/program"));
    const struct os_spawn seven = {
        .program = "sh", .argv = OS_SHELL("exit 7"), .fds = OS_FDS_KEPT};
    assert_int_equal(os_spawn(&seven, &pid, &e), ERR_OK);
    assert_int_equal(os_wait(pid), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_has_a_user),
        cmocka_unit_test(an_accepted_connection_neither_blocks_nor_is_inherited),
        cmocka_unit_test(directories_are_made_above_a_file_only),
        cmocka_unit_test(the_limit_of_descriptors_is_raised),
        cmocka_unit_test(the_folder_of_a_program_is_known),
        cmocka_unit_test(memory_is_dumped_nowhere),
        cmocka_unit_test(a_program_gets_its_descriptors_and_plain_signals),
        cmocka_unit_test(a_program_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
