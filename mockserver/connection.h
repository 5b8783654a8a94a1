#ifndef MOCKSERVER_CONNECTION_H
#define MOCKSERVER_CONNECTION_H

/* Client connections: bytes on sockets become HTTP requests, answers become bytes again. **Where a
 * planned ending is executed on the wire** (whole, FIN, RST), and what happens to connections
 * themselves; what to answer, and what is to happen, is their owner's affair.
 *
 *     READING --whole request--> ANSWERING --whole answer left, keep-alive--> READING
 *        |                           |
 *        |                           +--FIN, or "connection: close"--> LINGERING --> closed
 *        |                           +--RST, or the client left------------------> closed
 *        +--a fault: FIN --> LINGERING, RST --> closed, or SILENT until the client leaves
 *     OPENING --a slow accept is over--> READING
 *
 * Happy path: the owner is told of a request, now or later it writes a head, pieces of body and one
 * end, and is told when the last byte has been handed to the kernel. One exchange at a time: what a
 * client pipelines waits in the reader. While an answer is held back the socket stays watched, so a
 * client that leaves is noticed at once. Writes are gathered; connections_settle sends them.
 *
 * Failure modes, all the client's and none an error of ours: a request that is no HTTP is answered
 * with the status the reader names and the connection closed; a client that leaves during an
 * answer, or lets more than CONNECTION_UNSENT_MAX bytes of it pile up, is `gone`. LINGERING
 * swallows what the client still sends (closing on unread bytes would turn our FIN into a reset)
 * until it closes too, has been silent for two seconds, or `patience` is over.
 *
 * Bounds: a head must be whole `patience` after its first byte, and a body must not stop for so
 * long (408 and closed); a TLS handshake must be over `patience` after its first byte (closed); a
 * connection on which nothing happens for ten minutes is closed. All together hold
 * CONNECTIONS_BYTES_MAX of bytes: who brings more is answered 503. What was closed is kept for the
 * next client, so that nothing is allocated per request, up to CONNECTIONS_KEPT_MAX of them with
 * small buffers; the rest is given back.
 *
 * Instants are of the monotonic clock. One thread owns all. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/nanos.h"
#include "base/slice.h"
#include "engine/upstream.h"
#include "fault/chaos.h"
#include "wire/http1.h"

struct event_base;
struct connection;
struct connections;
struct tls;

#define CONNECTION_UNSENT_MAX ((size_t)32 << 20)
#define CONNECTION_REQUEST_BODY_MAX ((size_t)32 << 20)
#define CONNECTIONS_BYTES_MAX ((size_t)1 << 30)

#define CONNECTION_UNREADABLE \
    "the request is not HTTP/1.1, exceeds a limit, or does not come to its end"

enum { CONNECTIONS_KEPT_MAX = 1024 };

struct connection_request {
    const struct http_request *http; /* borrowed for the call */
    nanos head_in_at;
    nanos body_in_at;
};

/* Whoever answers the requests of one listener; all but `request` may be NULL. `bytes_out` counts
 * the answer, framing included, as far as the kernel took it. After `flushed` (of a whole answer)
 * the connection may bring its next request; after `gone`, or an ending that closes, the owner must
 * forget it. */
struct connection_owner {
    /* A connection came in: what is to happen to it? CONNECTION_LIMIT is the owner's to count and
     * is not understood here. */
    struct connection_plan (*accepted)(void *context, struct connection *c);
    /* That happens now. */
    void (*faulted)(void *context, struct connection *c, const struct connection_plan *plan);
    void (*request)(void *context, struct connection *c, const struct connection_request *request);
    void (*flushed)(void *context, struct connection *c, uint64_t bytes_out);
    void (*gone)(void *context, struct connection *c, uint64_t bytes_out, bool by_reset);
    /* What came was no HTTP, too much, or too slow: answered with `status` and closed already. */
    void (*unreadable)(void *context, struct connection *c, uint16_t status);
    /* The body of that answer; borrowed until the next one. NULL: the mock's own words. */
    struct slice (*refusal)(void *context, uint16_t status);
    void (*closed)(void *context, struct connection *c); /* whatever came before; the last word */
    void *context;
};

struct connections_options {
    struct event_base *base; /* borrowed for life, like the next two */
    const struct memory *memory;
    struct tls *tls; /* NULL: plain */
    nanos patience;  /* above 0 */
};

MUST_USE enum rc connections_new(struct connections **pool,
                                 const struct connections_options *options, struct error *err);
void connections_free(struct connections *pool); /* closes all without telling; NULL is fine */

/* Takes a connected non-blocking socket; `owner` is borrowed for its life. Without memory the
 * socket is closed. */
void connections_take(struct connections *pool, int fd, const struct connection_owner *owner);

/* Sends what was written since the last time, and goes on with requests that waited for it. To be
 * called after answers were written outside `request`. */
void connections_settle(struct connections *pool);

/* Descriptors are scarce: closes connections that have brought nothing for five seconds. */
void connections_shed(struct connections *pool);

/* --- one connection --------------------------------------------------------------------------- */

uint32_t connection_number(const struct connection *c); /* from 1, over all listeners */
nanos connection_accepted_at(const struct connection *c);

/* A number of the owner's, kept for it during one exchange. */
void connection_mark(struct connection *c, uint32_t mark);
uint32_t connection_marked(const struct connection *c);

/* How the bytes of this answer leave: the head one by one, `head_gap` apart (0: at once); all of it
 * one byte a write. Before connection_head. */
void connection_pace(struct connection *c, nanos head_gap, bool one_byte_writes);

/* What was written so far leaves in a write of its own. */
void connection_flush(struct connection *c);

/* The answer to the open request, in this order, each at its time: head once, body any number of
 * times, end once. */
void connection_head(struct connection *c, uint16_t status, struct slice headers,
                     int64_t content_length);
void connection_body(struct connection *c, struct slice bytes);
void connection_end(struct connection *c, enum upstream_end end);

/* A whole JSON answer at once; `closes` ends the connection behind it. */
void connection_answer(struct connection *c, uint16_t status, struct slice json, bool closes);

#endif
