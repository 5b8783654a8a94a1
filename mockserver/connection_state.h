#ifndef MOCKSERVER_CONNECTION_STATE_H
#define MOCKSERVER_CONNECTION_STATE_H

/* What connection.c (one connection: its states, its bytes) and connections.c (all of them: birth,
 * reuse, patience) share. Nobody else includes it; connection.h tells the story. */

#include <event2/event_struct.h>

#include "channel.h"
#include "connection.h"
#include "outflow.h"
#include "patience.h"

enum {
    CONNECTION_READ_BYTES_MAX = 65536,
    CONNECTION_KEPT_BYTES_MAX = 16384, /* buffers stay for what comes next up to this */
};

/* As connection.h draws them. */
enum state { CLOSED, OPENING, READING, ANSWERING, LINGERING, SILENT };

/* The answer being written; zeroed between two. */
struct answer_out {
    uint64_t bytes_before; /* of the connection, handed to the kernel before this answer */
    bool keeps_alive;
    bool is_http10;
    bool is_to_head; /* the method: such an answer has no body */
    bool is_chunked;
    bool is_ours; /* a refusal of the transport's own: no owner to tell */
    bool has_end;
    enum upstream_end end;
};

struct connection {
    struct patience_link waited_for; /* first: a link is a connection */
    struct connections *pool;
    const struct connection_owner *owner;
    struct connection *made_before, *made_behind; /* all there are */
    struct connection *next_free;                 /* while CLOSED */
    struct connection *next_dirty;                /* while is_dirty */
    enum state state;
    bool is_dirty;      /* has something for settle */
    bool has_head;      /* head_in_at is known */
    bool has_continued; /* "100 Continue" went out for this request */
    uint32_t number;
    uint32_t mark;
    struct channel channel;
    struct connection_plan plan;
    nanos accepted_at;
    nanos head_in_at;
    nanos lingers_since;
    struct event readable;
    struct event writable;
    struct event alarm; /* OPENING, idle: the plan's; ANSWERING: the next write */
    struct http1 reader;
    struct outflow out;
    size_t held;        /* bytes of buffers, as the pool counts them */
    uint64_t bytes_out; /* handed to the kernel since it was accepted */
    struct answer_out answer;
};

struct connections {
    struct connections_options options;
    struct connection *made;
    struct connection *free;
    uint32_t free_count;
    struct connection *dirty_first; /* a queue: who wrote first is sent first */
    struct connection *dirty_last;
    uint32_t accepted;
    size_t held;
    struct event *tick;
    struct patience idle;    /* between requests, or SILENT, or with an answer nobody reads */
    struct patience shaking; /* a TLS handshake that is not over */
    struct patience sending; /* a head or a body that is not whole */
    struct patience lingering;
    char bytes_in[CONNECTION_READ_BYTES_MAX];
};

/* --- connection.c ----------------------------------------------------------------------------- */

/* It was accepted, and its owner said what is to happen. */
void connection_begin(struct connection *c);

/* What it holds leaves, or what is left of it is put away. */
void connection_settle(struct connection *c);

/* The client left, or might as well have. */
void connection_lose(struct connection *c, bool by_reset);

/* What could not be read is answered with `status`; the connection cannot be trusted after it. */
void connection_refuse(struct connection *c, uint16_t status);

/* Before its socket is closed: the next one may get the same number. */
void connection_forget_events(struct connection *c);

void connection_on_readable(evutil_socket_t fd, short what, void *context);
void connection_on_writable(evutil_socket_t fd, short what, void *context);
void connection_on_alarm(evutil_socket_t fd, short what, void *context);

/* --- connections.c ---------------------------------------------------------------------------- */

void connections_touch(struct connection *c); /* connections_settle is to look at it */
void connections_weigh(struct connection *c); /* its buffers may have grown */

/* Back to the pool, or given up when enough are there. A dirty one goes when settle comes across
 * it. It is closed. */
void connections_retire(struct connection *c);

#endif
