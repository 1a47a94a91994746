/*
 * listen.h: the doors: the Unix socket, TCP, and who may come in.
 */
#ifndef BROKER_LISTEN_H
#define BROKER_LISTEN_H

#include "broker/conn.h"

struct listen;

/*
 * Takes the lock of this socket path (one broker a socket: ERR_BROKER names the other's pid),
 * then the sockets that a service manager hands over (LISTEN_FDS), else makes the Unix socket;
 * TCP as configured. Connections wait until listen_start.
 */
enum errc listen_open(struct broker *b, const char *path, conn_handler *handler,
                      struct listen **ret, struct err *e) MUST_USE;
void listen_start(struct listen *l);
/* Closes the doors and removes our socket; connections stay, and the lock until listen_free. */
void listen_stop(struct listen *l);
void listen_free(struct listen **l);
/* Makes the Unix socket anew at its path: it may have been deleted. */
enum errc listen_recreate(struct listen *l, struct err *e) MUST_USE;
/* TCP as b->conf has it now. On failure the old doors stay. */
enum errc listen_reload(struct listen *l, struct err *e) MUST_USE;
/* Was the Unix socket handed over by a service manager? */
bool listen_is_activated(const struct listen *l);

#endif
