#ifndef ENGINE_SIMULATOR_STATE_H
#define ENGINE_SIMULATOR_STATE_H

/* The inside of the simulator (engine/simulator.h), shared by the files that make it up and by
 * nobody else:
 *
 *   simulator.c           the loop, birth and death
 *   simulator_requests.c  from the client to the upstream: connections, requests, cancels
 *   simulator_answers.c   from the upstream to the client
 *   simulator_alerts.c    between the monitor and the hooks
 *
 * Each side's effects become messages on the link, each message that arrives becomes an event of
 * the other side. */

#include "base/buffer.h"
#include "base/timers.h"
#include "engine/client.h"
#include "engine/link.h"
#include "engine/simulator.h"
#include "engine/upstream.h"
#include "engine/wires.h"
#include "wire/answer_head.h"

enum { NO_EXCHANGE = UINT32_MAX };

/* What travels on the link. */
enum message_kind {
    TO_CLIENT_CONNECTED, /* a new connection is there: the request may leave (carried along) */
    TO_UPSTREAM_REQUEST, /* first: path and headers, second: body; exchange: the provider; number:
                            is_new */
    TO_UPSTREAM_CANCEL,  /* the client left */
    TO_CLOSED_DOOR,      /* a request on a connection that the server has closed */
    TO_CLIENT_HEAD,      /* first: headers; number: status */
    TO_CLIENT_BODY,
    TO_CLIENT_TOLD,    /* first: a struct told_answer */
    TO_CLIENT_END,     /* number: enum upstream_end */
    TO_UPSTREAM_ALERT, /* first: headers, second: body; exchange: the hook; attempt: the post */
    TO_MONITOR_HEAD,   /* first: headers; number: status; exchange: the hook; attempt: the post */
    TO_MONITOR_END,    /* number: enum upstream_end; likewise */
};

/* The line of one client slot: who is at its other end. */
struct line {
    uint32_t attempt;  /* the attempt that is on it */
    uint32_t exchange; /* at the upstream, once the request arrived */
    uint32_t provider;
    struct wire wire;
    bool is_wired; /* the server has accepted it */
    struct call_id call;
    bool is_open; /* the client still waits for this attempt */
};

/* And the other way round, by exchange. */
struct far_end {
    uint32_t slot, attempt;
    uint32_t connection;
    bool is_over; /* journalled: the exchange may be someone else's by now */
    bool is_hook; /* then `slot` is the hook, `attempt` the post */
};

/* The monitor's line to one hook: a connection that stays open. */
struct hook_line {
    uint32_t connection; /* number; 0 before the first post */
    uint32_t posts;      /* made so far; the latest is the one under way */
    uint32_t exchange;   /* at the upstream, once it arrived */
    bool is_open;        /* the monitor still waits for it */
    uint16_t status;     /* of its answer, once the head is there, */
    nanos advice_wait;   /* and its advice */
};

/* A request that came in before its connection was accepted (CONNECTION_SLOW). */
struct held {
    struct link_message message;
    struct buffer bytes;
};

struct world {
    const struct simulation *simulation;
    const struct scenario *scenario;
    struct client *client;
    struct upstream *upstream;
    struct link link;
    nanos now;
    struct line *lines;  /* by client slot */
    struct far_end *far; /* by exchange */
    uint32_t exchanges_max;
    uint32_t slots;
    struct wires wires[SCENARIO_PROVIDERS_MAX];
    uint32_t connections;      /* numbered so far */
    bool has_connection_rules; /* else nobody looks at these two: */
    struct timers slow;        /* by client slot: when what it holds is accepted */
    struct held *held;         /* likewise */
    struct hook_line hooks[HOOK_KINDS_COUNT];
    struct http_header headers[HTTP1_HEADERS_MAX];
    bool speaks_values;    /* requests travel as values, not as bytes */
    struct buffer request; /* path and headers of one that leaves, a line for the path */
    enum rc rc;            /* RC_OK, or why the world ends */
};

/* A value as the stretch of bytes that the link carries. */
#define BYTES_OF(value) ((struct slice){(const char *)(value), sizeof(*(value))})

/* --- simulator.c ------------------------------------------------------------------------------ */

void sim_tell(struct world *w, const struct call_id *call, uint32_t attempt, const char *what);
void sim_post(struct world *w, enum link_lane lane, const struct link_message *message);

/* --- simulator_requests.c --------------------------------------------------------------------- */

void sim_step_client(struct world *w, enum client_event_kind kind, uint32_t slot, uint32_t attempt);
void sim_apply_client(struct world *w);

/* As the upstream takes it; borrows the message and the world's headers. */
struct http_request sim_request_of(struct world *w, const struct link_message *message);

/* Does the client still wait for what this message is about? */
bool sim_is_current(const struct world *w, const struct link_message *message);

/* The attempt on this slot's line fails, and its connection is gone. */
void sim_end_attempt(struct world *w, uint32_t slot, enum client_end end);

/* The server closes the connection of this message; the client learns of it. */
void sim_close_on(struct world *w, const struct link_message *message, enum upstream_end how);

/* The connection of the request that this slot holds is accepted at last. */
void sim_release(struct world *w, uint32_t slot);

void sim_deliver_connected(struct world *w, const struct link_message *message);
void sim_deliver_request(struct world *w, const struct link_message *message);
void sim_deliver_cancel(struct world *w, const struct link_message *message);

/* --- simulator_answers.c ---------------------------------------------------------------------- */

void sim_apply_upstream(struct world *w);

/* Status and headers of a message. */
void sim_read_head(struct answer_head *head, const struct link_message *message);

void sim_deliver_head(struct world *w, const struct link_message *message);
void sim_deliver_body(struct world *w, const struct link_message *message);
void sim_deliver_told(struct world *w, const struct link_message *message);
void sim_deliver_end(struct world *w, const struct link_message *message);

/* --- simulator_alerts.c ----------------------------------------------------------------------- */

void sim_note_call(struct world *w, const struct call_record *call);
void sim_apply_monitor(struct world *w);
nanos sim_monitor_at(const struct world *w);

void sim_deliver_alert(struct world *w, const struct link_message *message);
void sim_deliver_hook_head(struct world *w, const struct link_message *message);
void sim_deliver_hook_end(struct world *w, const struct link_message *message);

#endif
