#ifndef ENGINE_UPSTREAM_H
#define ENGINE_UPSTREAM_H

/* The upstream engine: what a provider does with requests, as one step machine. **Where a plan is
 * executed**: it asks fault/chaos for the plan of each request and renders it, in the provider's
 * words, at the plan's instants. mockserver/ joins it to sockets, engine/simulator to the link
 * model.
 *
 * Happy path: upstream_begin per request; upstream_wake when upstream_wakes_at has come; take all
 * effects with upstream_next after each call; upstream_flushed when the last byte of an END was
 * really written (the simulator: at once); upstream_gone when a client leaves before that. Each
 * exchange yields exactly one JOURNAL effect, after which its number may be used again.
 *
 * A post to UPSTREAM_HOOKS is answered as hook receivers do (engine/hooks.h).
 *
 * Effects of one exchange come in the order HEAD (once), BODY (any), END (once), JOURNAL (once); a
 * planned reset has END alone. An undisturbed answer to a request that came as a value (engine/
 * told.h) has TOLD (any) in place of HEAD and BODY. Slices and records are borrowed until the next
 * upstream call.
 *
 * Failure modes: upstream_new (memory). An exchange beyond exchanges_max is refused by
 * upstream_begin (the shell answers 503 and closes). Answers are bounded by answer_bytes_max.
 * All instants are run time. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/nanos.h"
#include "base/slice.h"
#include "engine/told.h"
#include "judge/evidence.h"
#include "scenario/scenario.h"
#include "wire/http1.h"

struct upstream;

struct upstream_options {
    const struct scenario *scenario; /* borrowed for life */
    const struct memory *memory;     /* likewise */
    uint64_t run_tag;                /* names response ids */
    int64_t wall_unix_ns;            /* wall clock at run time 0, as far as it is known */
    uint32_t exchanges_max;
};

MUST_USE enum rc upstream_new(struct upstream **upstream, const struct upstream_options *options,
                              struct error *err);
void upstream_free(struct upstream *upstream); /* NULL is fine */

/* Run time 0 is known now, and with it the wall clock there. Before the first request only. */
void upstream_set_wall(struct upstream *upstream, int64_t wall_unix_ns);

/* The listener for alerts, beside those of the scenario's providers. */
#define UPSTREAM_HOOKS UINT32_MAX

struct upstream_request {
    uint32_t provider;   /* whose listener it came in at; UPSTREAM_HOOKS */
    uint32_t connection; /* number, from 1 */
    nanos accepted_at;
    nanos head_in_at;
    nanos body_in_at;
    const struct http_request *http; /* borrowed for the call, or NULL: */
    const struct told_ask *told;     /* likewise; of a client that is known to ask well */
};

/* Takes a whole request. False when all exchanges are in use. */
bool upstream_begin(struct upstream *upstream, const struct upstream_request *request, nanos now,
                    uint32_t *exchange);

void upstream_wake(struct upstream *upstream, nanos now);

/* When it wants upstream_wake at the latest; NANOS_NEVER when nothing is pending. */
nanos upstream_wakes_at(const struct upstream *upstream);

/* The last byte of this exchange's END has left (`bytes_out`: of the answer, framing included). */
void upstream_flushed(struct upstream *upstream, uint32_t exchange, uint64_t bytes_out, nanos now);

/* The client left: the connection was closed or reset by the other side. */
void upstream_gone(struct upstream *upstream, uint32_t exchange, uint64_t bytes_out, nanos now);

/* The mock is being stopped: every open exchange is journalled as CLOSED_RUN. */
void upstream_stop(struct upstream *upstream, nanos now);

enum upstream_effect_kind {
    UPSTREAM_HEAD,
    UPSTREAM_BODY,
    UPSTREAM_TOLD,
    UPSTREAM_END,
    UPSTREAM_JOURNAL
};

enum upstream_end {
    UPSTREAM_END_WHOLE, /* end the message properly; the connection may serve another request */
    UPSTREAM_END_FIN,   /* close without ending the message */
    UPSTREAM_END_RST,   /* reset (SO_LINGER 0) */
};

struct upstream_effect {
    enum upstream_effect_kind kind;
    uint32_t exchange;
    uint16_t status;                     /* HEAD */
    struct slice headers;                /* HEAD: whole "name: value\r\n" lines, without framing */
    int64_t content_length;              /* HEAD: or HTTP1_CHUNKED */
    struct slice body;                   /* BODY */
    const struct told_answer *told;      /* TOLD; also END, when the end was told with it */
    enum upstream_end end;               /* END */
    const struct journal_record *record; /* JOURNAL */
};

bool upstream_next(struct upstream *upstream, struct upstream_effect *effect);

/* Exchanges in progress. */
uint32_t upstream_open(const struct upstream *upstream);

#endif
