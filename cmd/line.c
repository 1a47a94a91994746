/*
 * line.c: see line.h. readline keeps the line and its hooks in globals of its own, and its
 * callbacks carry no context: what they need is at file scope here.
 */
#include "cmd/line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "core/mem.h"

#include "cmd/cmd.h"
#include "cmd/out.h"
#include "cmd/sig.h"

enum { HISTORY_MAX = 10000, LINE_AHEAD = 512 };

static struct {
    const char *history_path;
    struct line_user user;
    char *preset; /* owned: of the next line */
    /* of the line at hand */
    struct buf *out;
    bool is_done, is_closed;
    /* candidates of the word at hand */
    struct word {
        char *text, *about; /* owned; about: NULL if there is nothing to say */
    } * words;              /* owned */
    size_t n_words, next_word;
    /* typed while nobody read it */
    unsigned char ahead[LINE_AHEAD];
    size_t n_ahead, next_ahead;
    volatile sig_atomic_t is_resized, is_suspended;
} line;

/* ---- completion ---- */

static void forget_words(void)
{
    for (size_t i = 0; i < line.n_words; i++) {
        mem_free(line.words[i].text);
        mem_free(line.words[i].about);
    }
    mem_free(line.words);
    line.words = NULL;
    line.n_words = line.next_word = 0;
}

static void add_word(void *arg, const char *candidate, const char *about)
{
    const char *typed = arg;
    if (strncmp(candidate, typed, strlen(typed)) != 0)
        return;
    struct word *more = mem_resize(line.words, line.n_words + 1, sizeof *more);
    if (more == NULL)
        return;
    line.words = more;
    more[line.n_words] = (struct word){
        .text = mem_strdup(candidate),
        .about = about != NULL ? mem_strdup(about) : NULL,
    };
    line.n_words += more[line.n_words].text != NULL;
}

/* readline frees what it is given. */
static char *next_word(const char *text, int state)
{
    (void)text, (void)state;
    return line.next_word < line.n_words ? mem_strdup(line.words[line.next_word++].text)
                                         : NULL;
}

static const char *about_of(const char *candidate)
{
    for (size_t i = 0; i < line.n_words; i++)
        if (strcmp(line.words[i].text, candidate) == 0)
            return line.words[i].about;
    return NULL;
}

/* One a line, with what is known of it; as many as the screen has room for. */
static void show_words(char **matches, int n, int longest)
{
    int rows, columns;
    rl_get_screen_size(&rows, &columns);
    int most = n > rows - 2 ? rows - 3 : n;
    fputc('\n', rl_outstream);
    for (int i = 1; i <= most; i++) {
        const char *about = about_of(matches[i]);
        AUTO(buf_release) struct buf row = BUF_INIT(LIMIT_HEAD_LEN);
        AUTO(buf_release) struct buf shown = BUF_INIT(LIMIT_HEAD_LEN);
        buf_printf(&row, "%-*s  %s", longest, matches[i], about != NULL ? about : "");
        out_fit(&shown, str_trim(buf_str(&row)), (size_t)MAX(columns - 1, 10));
        fprintf(rl_outstream, "%.*s\n", STR_ARG(buf_str(&shown)));
    }
    if (most < n)
        fprintf(rl_outstream, "… and %d more\n", n - most);
    rl_forced_update_display();
}

/* Names of files, with "@" before each; a folder's goes on. */
static char **complete_path(const char *text)
{
    char **found = rl_completion_matches(text + 1, rl_filename_completion_function);
    bool is_one = found != NULL && found[1] == NULL;
    struct stat st;
    rl_attempted_completion_over = 1;
    rl_filename_completion_desired = 0;
    for (size_t i = 0; found != NULL && found[i] != NULL; i++) {
        bool is_folder = is_one && stat(found[i], &st) == 0 && S_ISDIR(st.st_mode);
        size_t len = strlen(found[i]);
        char *more = mem_resize(found[i], len + 3, 1);
        if (more == NULL)
            break;
        memmove(more + 1, more, len + 1);
        more[0] = '@';
        if (is_folder) {
            more[len + 1] = '/';
            more[len + 2] = '\0';
            rl_completion_append_character = '\0';
        }
        found[i] = more;
    }
    return found;
}

static char **complete(const char *text, int start, int end)
{
    struct str all = {rl_line_buffer, (size_t)end};
    union {
        const char *in;
        void *out;
    } typed = {.in = text};
    bool has_about = false;
    forget_words();
    rl_completion_append_character = ' ';
    rl_completion_display_matches_hook = NULL;
    rl_sort_completion_matches = 1;
    if (text[0] == '@')
        return complete_path(text);
    if (!line.user.complete(line.user.arg, all, (size_t)start, add_word, typed.out))
        return NULL; /* readline's own: file names */
    for (size_t i = 0; i < line.n_words; i++)
        has_about |= line.words[i].about != NULL;
    rl_completion_display_matches_hook = has_about ? show_words : NULL;
    rl_sort_completion_matches = !has_about; /* else they come in an order of their own */
    rl_attempted_completion_over = 1;
    return rl_completion_matches(text, next_word);
}

/* ---- the terminal ---- */

static void set_echo(bool is_on)
{
    struct termios t;
    if (tcgetattr(STDIN_FILENO, &t) != 0)
        return;
    t.c_lflag = is_on ? t.c_lflag | ECHO : t.c_lflag & ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

/* Where the terminal does not echo, readline shows nothing: between lines it does not (keys.h). */
static void prepare(int meta)
{
    set_echo(true);
    rl_prep_terminal(meta);
}

static void put_back(void)
{
#if RL_READLINE_VERSION >= 0x0802
    rl_eof_found =
        0; /* else it ends the line, where it knows bracketed paste, and so do we */
#endif
    rl_deprep_terminal();
    set_echo(false);
}

/* ---- keys ---- */

static int insert_newline(int count, int key)
{
    (void)count, (void)key;
    return rl_insert_text("\n") == 1 ? 0 : 1;
}

static int next_key(FILE *in)
{
    return line.next_ahead < line.n_ahead ? line.ahead[line.next_ahead++] : rl_getc(in);
}

static int has_key(void)
{
    struct pollfd fd = {STDIN_FILENO, POLLIN, 0};
    return line.next_ahead < line.n_ahead || poll(&fd, 1, 0) > 0;
}

/* What was typed ahead has not been on the screen yet. */
static int accept_line(int count, int key)
{
    rl_redisplay();
    return rl_newline(count, key);
}

static int insert_preset(void)
{
    if (line.preset != NULL)
        rl_insert_text(line.preset);
    mem_free(line.preset);
    line.preset = NULL;
    return 0;
}

/* Ctrl-X Ctrl-E: the line goes through the user's editor. */
static int edit_line(int count, int key)
{
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    (void)count, (void)key;
    buf_addz(&text, rl_line_buffer);
    put_back();
    line.user.edit(line.user.arg, &text);
    prepare(1);
    rl_replace_line(text.len > 0 ? text.data : "", 0);
    rl_point = rl_end;
    rl_forced_update_display();
    return 0;
}

/* Shells inside editors send LF for Enter, and their terminal is dumb. */
static void bind_keys(void)
{
    const char *term = cmd_getenv("TERM");
    rl_bind_key('\r', accept_line);
    rl_bind_keyseq("\\C-x\\C-e", edit_line);
    if (term == NULL || strcmp(term, "dumb") == 0)
        return;
    rl_bind_key('\n', insert_newline);
    rl_bind_keyseq("\\e\\C-m", insert_newline);
    rl_bind_keyseq("\\e\\C-j", insert_newline);
}

/* ---- signals of the terminal ---- */

static void on_terminal_signal(int signo)
{
    if (signo == SIGWINCH)
        line.is_resized = 1;
    else
        line.is_suspended = 1;
}

/* While it is on, they come in ppoll() only, with *outside as its mask: none is missed. */
static void watch_terminal(bool is_on, sigset_t *outside)
{
    struct sigaction action = {.sa_handler = is_on ? on_terminal_signal : SIG_DFL};
    sigset_t both;
    sigemptyset(&action.sa_mask);
    sigemptyset(&both);
    sigaddset(&both, SIGWINCH);
    sigaddset(&both, SIGTSTP);
    if (is_on)
        sigprocmask(SIG_BLOCK, &both, outside);
    sigaction(SIGWINCH, &action, NULL);
    sigaction(SIGTSTP, &action, NULL);
    if (!is_on)
        sigprocmask(SIG_SETMASK, outside, NULL);
}

/* The shell gets its terminal as it was, and we get ours back. */
static void suspend(void)
{
    put_back();
    line.user.lend(line.user.arg, true);
    raise(SIGSTOP);
    line.user.lend(line.user.arg, false);
    prepare(1);
    rl_forced_update_display();
}

static void heed_terminal(void)
{
    if (line.is_suspended) {
        line.is_suspended = 0;
        suspend();
    }
    if (line.is_resized) {
        line.is_resized = 0;
        rl_resize_terminal();
    }
}

/* ---- opening and closing ---- */

static enum errc read_history_file(const char *path, struct err *e)
{
    if (path == NULL)
        return err_set(e, ERR_MEMORY, "out of memory");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, ERR_IO, "%s", path);
    close(fd);
    line.history_path = path;
    (void)read_history(path);
    return ERR_OK;
}

enum errc line_open(const char *history_path, const struct line_user *user, struct err *e)
{
    line.user = *user;
    rl_readline_name = "llmgw";
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_change_environment =
        0; /* no COLUMNS: the window may change while an answer comes */
    rl_outstream = isatty(STDOUT_FILENO) ? stdout : stderr;
    rl_attempted_completion_function = complete;
    rl_completer_word_break_characters = (char *)(uintptr_t) " \t\n";
    rl_startup_hook = insert_preset;
    rl_getc_function = next_key;
    rl_input_available_hook = has_key;
    rl_prep_term_function = prepare;
    rl_deprep_term_function = put_back;
    (void)rl_initialize();
    bind_keys();
    using_history();
    stifle_history(HISTORY_MAX);
    history_comment_char = '#';
    history_write_timestamps = 1; /* so that entries of several lines stay whole */
    return read_history_file(history_path, e);
}

void line_close(void)
{
    if (line.history_path != NULL)
        (void)history_truncate_file(line.history_path, HISTORY_MAX);
    clear_history();
    forget_words();
    mem_free(line.preset);
    line.preset = NULL;
}

static void remember(const char *text)
{
    if (text[0] == '\0' || text[0] == ' ')
        return;
    add_history(text);
    if (line.history_path != NULL)
        (void)append_history(1, line.history_path);
}

/* ---- reading ---- */

static void on_line(char *text)
{
    line.is_done = true;
    line.is_closed = text == NULL;
    if (text != NULL) {
        buf_addz(line.out, text);
        remember(text);
    }
    mem_free(text); /* readline takes it from malloc, as mem.c does */
    rl_callback_handler_remove();
}

/* Ctrl-C: the line is given up, the program is not. True when there was nothing to give up. */
static bool give_up_line(const char *prompt)
{
    bool was_empty = rl_end == 0;
    fputs("^C\n", rl_outstream);
    rl_callback_handler_remove();
    if (!was_empty)
        rl_callback_handler_install(prompt, on_line);
    return was_empty;
}

static enum line_end heed_signal(int signo, const char *prompt)
{
    if (signo == SIGTSTP) /* it came when an answer had just ended */
        suspend();
    else if (signo != 0 && give_up_line(prompt))
        return LINE_STOPPED;
    return LINE_ENTERED;
}

enum line_end line_read(const char *prompt, int sig_fd, struct buf *out)
{
    buf_reset(out);
    line.out = out;
    line.is_done = line.is_closed = false;
    sigset_t outside;
    watch_terminal(true, &outside);
    rl_callback_handler_install(prompt, on_line);
    enum line_end end = LINE_ENTERED;
    while (!line.is_done && end == LINE_ENTERED) {
        struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {sig_fd, POLLIN, 0}};
        if (line.next_ahead < line.n_ahead) {
            rl_callback_read_char();
            continue;
        }
        int n = ppoll(fds, ARRAY_LEN(fds), NULL, &outside);
        bool is_broken = n < 0 && errno != EINTR;
        heed_terminal();
        if (is_broken)
            line.is_done = line.is_closed = true;
        else if (n > 0 && fds[1].revents != 0)
            end = heed_signal(sig_take(), prompt);
        else if (n > 0 && fds[0].revents != 0)
            rl_callback_read_char();
    }
    watch_terminal(false, &outside);
    return line.is_closed ? LINE_CLOSED : end;
}

void line_preset(const char *text)
{
    mem_free(line.preset);
    line.preset = mem_strdup(text);
}

void line_stuff(int byte)
{
    if (line.next_ahead == line.n_ahead)
        line.next_ahead = line.n_ahead = 0;
    if (line.n_ahead < sizeof line.ahead)
        line.ahead[line.n_ahead++] = (unsigned char)byte;
}
