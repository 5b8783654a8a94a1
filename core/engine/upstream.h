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

/* Run time 0 is known now, and with it the wall clock there. Not once it has passed. */
void upstream_set_wall(struct upstream *upstream, int64_t wall_unix_ns);

/* Listeners beside those of the scenario's providers: for alerts, and one that speaks every format
 * by path, serves every model, and answers `x-model-fallback: a,b,c` by the first model that is not
 * failing (the one of the body first), named in the answer. */
#define UPSTREAM_HOOKS UINT32_MAX
#define UPSTREAM_GATEWAY (UINT32_MAX - 1)

struct upstream_request {
    uint32_t provider;   /* whose listener it came in at; UPSTREAM_HOOKS, UPSTREAM_GATEWAY */
    uint32_t connection; /* number, from 1 */
    nanos accepted_at;
    nanos head_in_at;
    nanos body_in_at;
    struct slice isolation;          /* NAME of /t/NAME, which `http->path` is without */
    bool has_canary;                 /* a key that must not leave was found in it */
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

/* The client left: the connection was closed, or reset (`by_reset`), by the other side. */
void upstream_gone(struct upstream *upstream, uint32_t exchange, uint64_t bytes_out, bool by_reset,
                   nanos now);

/* For the journal alone: a request that the shell refused (no HTTP, too large, too many at a time),
 * or a connection that a rule did something to (`status` 0 and the rule's index). One JOURNAL
 * effect with no exchange (UPSTREAM_NO_EXCHANGE) comes of it; false, and none, when too many
 * effects wait. */
#define UPSTREAM_NO_EXCHANGE UINT32_MAX
struct upstream_note {
    uint32_t provider, connection;
    nanos accepted_at;
    uint16_t status;
    int16_t rule;     /* or PLAN_NO_RULE */
    const char *what; /* "refused: the head exceeds 64 KB"; becomes the record's plan */
};
bool upstream_note(struct upstream *upstream, const struct upstream_note *note, nanos now);

/* --- while it runs ---------------------------------------------------------------------------- */

/* The engine plays its own copy of the scenario's chaos, which may be changed; answers under way
 * are not. */
const struct chaos *upstream_chaos(const struct upstream *upstream);
const struct chaos_memory *upstream_chaos_memory(const struct upstream *upstream);

/* By its name: replaced, or added. `phases` as scenario_read_rule left them. RC_LIMIT: no room. */
MUST_USE enum rc upstream_put_rule(struct upstream *upstream, const struct phases *phases,
                                   const struct chaos_rule *rule);
/* A rule of the scenario is disabled; one that was added goes (chaos_drop). False: no such rule. */
bool upstream_drop_rule(struct upstream *upstream, struct slice name);
bool upstream_enable_rule(struct upstream *upstream, struct slice name, bool is_enabled);
bool upstream_mark(struct upstream *upstream, struct slice name, nanos now);
bool upstream_set_state(struct upstream *upstream, struct slice name, struct slice value);

/* Forgets what it remembers of one isolation path (calls); with an empty one of everything: counts,
 * states, caches, buckets, and the rules are the scenario's again. Answers under way go on. */
void upstream_reset(struct upstream *upstream, struct slice isolation);

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
    int64_t content_length;              /* HEAD: or HTTP1_CHUNKED, HTTP1_UNTIL_CLOSE */
    nanos head_gap;                      /* HEAD: one byte at a time, so far apart; 0: at once */
    bool one_byte_writes;                /* HEAD: of the whole answer */
    struct slice body;                   /* BODY */
    bool flushes;                        /* BODY: what is behind it goes in a write of its own */
    const struct told_answer *told;      /* TOLD; also END, when the end was told with it */
    enum upstream_end end;               /* END */
    const struct journal_record *record; /* JOURNAL */
};

bool upstream_next(struct upstream *upstream, struct upstream_effect *effect);

/* Exchanges in progress. */
uint32_t upstream_open(const struct upstream *upstream);

/* Those of them whose isolation is like this glob (empty: none). Linear. */
uint32_t upstream_open_like(const struct upstream *upstream, struct slice isolation);

#endif
