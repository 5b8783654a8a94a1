#ifndef MOCKSERVER_LISTENER_H
#define MOCKSERVER_LISTENER_H

/* A listening socket on 127.0.0.1, and on nothing else: a mock must never be reachable from
 * outside.
 *
 * Happy path: open, read the port, accepted sockets (non-blocking, without Nagle's delay) arrive at
 * connections_take. Failure modes: the port is in use or not ours to take (RC_SYSTEM, the sentence
 * names the port). Out of descriptors while running: accepting pauses for 10 ms, clients wait in
 * the backlog meanwhile. */

#include <stdint.h>

#include "base/error.h"
#include "connection.h"

struct listener;

struct listener_options {
    const char *name; /* for messages; borrowed for life */
    uint16_t port;    /* 0: any free one */
    struct event_base *base;
    struct connections *connections;      /* borrowed for life */
    const struct connection_owner *owner; /* of what is accepted; likewise */
};

MUST_USE enum rc listener_open(struct listener **listener, const struct listener_options *options,
                               struct error *err);
void listener_close(struct listener *listener); /* NULL is fine */

uint16_t listener_port(const struct listener *listener);

#endif
