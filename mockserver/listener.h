#ifndef MOCKSERVER_LISTENER_H
#define MOCKSERVER_LISTENER_H

/* A listening socket on one numeric address: 127.0.0.1, unless the program was told otherwise.
 *
 * Happy path: open, read the port, accepted sockets (non-blocking, without Nagle's delay) arrive at
 * connections_take. While it is shut nobody listens there: connecting is refused, and who waited in
 * the backlog is reset. Failure modes: the port is in use or not ours to take (RC_SYSTEM, the
 * sentence names it); when that happens on opening again, it is tried again every 10 ms. Out of
 * descriptors while running: silent connections are shed and accepting pauses for 10 ms, clients
 * wait in the backlog meanwhile. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "connection.h"

enum { LISTENER_PLACE_MAX = 80 };

struct listener;

struct listener_options {
    const char *name;    /* for messages; borrowed for life */
    const char *address; /* "127.0.0.1", "::1"; likewise */
    uint16_t port;       /* 0: any free one */
    struct event_base *base;
    struct connections *connections;      /* borrowed for life */
    const struct connection_owner *owner; /* of what is accepted; likewise */
};

MUST_USE enum rc listener_open(struct listener **listener, const struct listener_options *options,
                               struct error *err);
void listener_close(struct listener *listener); /* NULL is fine */

/* "127.0.0.1:8100", "[::1]:8100"; loopback in place of "any address", since no client connects to
 * that. */
void listener_write_place(const struct listener *listener, char place[LISTENER_PLACE_MAX]);

/* On the same port as before. */
void listener_shut(struct listener *listener, bool is_shut);

/* Is it a numeric address? And one that only this machine reaches? */
bool listener_is_address(const char *address);
bool listener_is_loopback(const char *address);

#endif
