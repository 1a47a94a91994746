/* keys.c: see keys.h. */
#include "cmd/keys.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "cmd/line.h"
#include "cmd/sig.h"

enum {
    KEY_END = 4, /* Ctrl-D */
    KEY_ESC = 27,
    /* an arrow key begins with Esc, too: its rest comes at once */
    ESC_WAIT_MS = 50,
};

void keys_open(struct keys *k)
{
    k->is_open = tcgetattr(STDIN_FILENO, &k->before) == 0;
    k->ours = k->before;
    k->ours.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    k->ours.c_iflag &= ~(tcflag_t)ICRNL; /* or Enter would be Ctrl-J when it is read */
    k->ours.c_cc[VMIN] = 1;
    k->ours.c_cc[VTIME] = 0;
    keys_take_back(k);
}

void keys_close(struct keys *k)
{
    keys_lend(k);
    k->is_open = false;
}

void keys_lend(const struct keys *k)
{
    if (k->is_open)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &k->before);
}

void keys_take_back(const struct keys *k)
{
    if (k->is_open)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &k->ours);
}

static bool is_more_there(void)
{
    struct pollfd fd = {STDIN_FILENO, POLLIN, 0};
    return poll(&fd, 1, ESC_WAIT_MS) > 0;
}

bool keys_typed(void *keys)
{
    struct keys *k = keys;
    unsigned char bytes[64];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n <= 0 || bytes[0] == KEY_END) {
        k->has_left = true;
        return true;
    }
    if (n == 1 && bytes[0] == KEY_ESC && !is_more_there())
        return true;
    for (ssize_t i = 0; i < n && k->n_ahead < sizeof k->ahead; i++)
        k->ahead[k->n_ahead++] = bytes[i];
    return false;
}

bool keys_signalled(void *keys)
{
    if (sig_take() != SIGTSTP)
        return true;
    keys_lend(keys);
    raise(SIGSTOP);
    keys_take_back(keys);
    return false;
}

void keys_settle(struct keys *k, bool was_stopped)
{
    for (size_t i = 0; i < k->n_ahead && !was_stopped; i++)
        line_stuff(k->ahead[i]);
    k->n_ahead = 0;
}
