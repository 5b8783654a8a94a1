#ifndef MOCKSERVER_CHANNEL_H
#define MOCKSERVER_CHANNEL_H

/* A connected, non-blocking socket as a two-way flow of bytes, plain or under TLS: the one place
 * where connections touch the kernel.
 *
 * Happy path: open; read and write as the socket becomes ready; finish (our FIN: what was written
 * arrives, then the end) or reset; close. Under TLS the handshake happens inside the first reads
 * and writes, and `finish` says close_notify before its FIN.
 *
 * What the other side does is a value: RC_OK with `*size` above 0; RC_AGAIN, not now; RC_END, it
 * ended in order; RC_SYSTEM, it reset (or what came is no TLS). A read that returned RC_AGAIN with
 * `wants_write` set waits for the socket to become writable. One thread owns it. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/slice.h"

struct tls;
struct tls_session;

struct channel {
    int fd;                      /* -1: closed */
    struct tls_session *session; /* NULL: plain */
    bool wants_write;
};

/* Takes the socket. `tls`: NULL for plain; borrowed for the channel's life. RC_NOMEM: the socket is
 * closed. */
MUST_USE enum rc channel_open(struct channel *channel, int fd, struct tls *tls);

MUST_USE enum rc channel_read(struct channel *channel, char *bytes, size_t capacity, size_t *size);
MUST_USE enum rc channel_write(struct channel *channel, struct slice bytes, size_t *size);

/* TLS, and its handshake is not over. */
bool channel_is_shaking(const struct channel *channel);

/* What comes is of no interest, not even to TLS: taken from the socket and forgotten. */
MUST_USE enum rc channel_swallow(struct channel *channel, char *bytes, size_t capacity);

void channel_finish(struct channel *channel); /* no more is written; then only channel_swallow */
void channel_reset(struct channel *channel);  /* closes it with RST */
void channel_close(struct channel *channel);  /* the kernel resets when something was left unread */

#endif
