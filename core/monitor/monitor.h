#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

/* The monitor: what an application should know of its AI calls while they happen. It is told of
 * every finished call, keeps rolling percentiles per model, adds up spending per budget window,
 * notices anomalies, raises alerts, and sees them delivered.
 *
 *   finished call --> monitor_note --> rolling percentiles
 *                          |---------> budgets: one alert per breached window
 *                          |---------> slow, many tokens, error: one alert per kind and cool-down
 *                          v
 *                       alerts --> queue per hook --> MONITOR_POST --> answered, failed --> settled
 *                                                        ^  retry with backoff, advice obeyed |
 *                                                        +------------------------------------+
 *
 * Budget windows are fixed: window k of a budget is [k * per, (k + 1) * per) of run time.
 * `manner` can make it as bad as the guide's code: an alert at every call after the breach, and at
 * every anomaly.
 *
 * Happy path: monitor_new; monitor_note per finished call; while monitor_next hands out effects,
 * apply them: POST is answered by a MONITOR_ANSWERED or MONITOR_FAILED event for that hook,
 * MONITOR_SETTLED is a line of evidence. One post per hook is under way at a time; a post that is
 * not answered within `patience` fails by the monitor's own alarm (the shell gets MONITOR_CANCEL).
 * A hook is given up on 401, 403, 404 and 410 (permanent: wire-facts.md §11); an alert after
 * DELIVERY_TRIES_MAX tries, and at once on an answer that no further try would change (any other
 * 3xx or 4xx than 408 and 429). monitor_is_idle says that nothing is owed any more. Each alert ends
 * in exactly one SETTLED per hook; without hooks alerts are counted, and nobody is told.
 *
 * The load never waits for any of this. Failure modes: monitor_new (memory). A queue that is full
 * (MONITOR_QUEUE_MAX) gives its newest alert up at once (settled, 0 tries). If the shell has not
 * even taken many of these settlements yet (monitor_next), nothing more is raised for the moment:
 * it is held back and counted as suppressed, and a budget's breach is told at the next call of its
 * window. Pure: time is passed in and never decreases; one thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/money.h"
#include "base/nanos.h"
#include "base/outcome.h"
#include "base/slice.h"
#include "monitor/alert.h"
#include "monitor/rolling.h"
#include "policy/conduct.h"

enum {
    MONITOR_BUDGETS_MAX = 4,
    MONITOR_MODELS_MAX = 16,
    MONITOR_QUEUE_MAX = 4096, /* alerts per hook */
    DELIVERY_TRIES_MAX = 4,
};

struct budget_rules {
    char name[32]; /* "hourly" */
    money limit;   /* above 0 */
    nanos per;     /* at least 1 s */
};

/* As the scenario's "monitor" wants it. A zeroed one watches nothing. */
struct monitor_rules {
    bool is_on;
    struct budget_rules budgets[MONITOR_BUDGETS_MAX];
    uint32_t budgets_count;
    nanos slow;           /* response time above it; NANOS_NEVER: not watched */
    uint64_t tokens_high; /* output tokens above it; UINT64_MAX: not watched */
    bool errors;          /* calls that did not end ok */
    nanos cool_down;      /* of slow, tokens and errors, each */
    enum hook_kind hooks[HOOK_KINDS_COUNT];
    uint32_t hooks_count;
    nanos patience; /* for one post */
};

struct monitor;

struct monitor_options {
    const struct monitor_rules *rules; /* borrowed for life, like all below */
    const struct alert_manner *manner; /* policy/conduct.h */
    const struct memory *memory;
};

MUST_USE enum rc monitor_new(struct monitor **monitor, const struct monitor_options *options,
                             struct error *err);
void monitor_free(struct monitor *monitor); /* NULL is fine */

/* A finished call, as the application's log has it. */
struct observation {
    struct slice call; /* its id, borrowed for the call */
    struct slice model;
    uint32_t model_index; /* below MONITOR_MODELS_MAX: whose percentiles it belongs to */
    enum outcome outcome;
    nanos latency;   /* response time; NANOS_NEVER: it never ended */
    bool has_answer; /* only then its latency counts for the percentiles: failures apart */
    money cost;      /* of all its attempts, as far as known */
    uint64_t output_tokens;
};

void monitor_note(struct monitor *m, const struct observation *o, nanos now);

enum monitor_event_kind {
    MONITOR_WAKE,
    MONITOR_ANSWERED, /* a post was answered: status, advice */
    MONITOR_FAILED,   /* no connection, or it broke */
};

struct monitor_event {
    enum monitor_event_kind kind;
    nanos at;
    enum hook_kind hook;
    uint16_t status;
    nanos advice_wait; /* 0: none */
};

void monitor_step(struct monitor *m, const struct monitor_event *event);
nanos monitor_wakes_at(const struct monitor *m);

enum monitor_effect_kind { MONITOR_POST, MONITOR_CANCEL, MONITOR_SETTLED };

struct monitor_effect {
    enum monitor_effect_kind kind;
    enum hook_kind hook;
    /* POST: borrowed until the post is answered, failed or cancelled. */
    struct slice
        headers; /* "content-type: ...", "x-brownout-alert: KEY", "x-brownout-attempt: N" */
    struct slice body;
    const struct alert_record *record; /* SETTLED: borrowed until the next monitor call */
};

/* The next effect, in order; false when there is none. */
bool monitor_next(struct monitor *m, struct monitor_effect *effect);

/* Nothing queued, nothing under way. */
bool monitor_is_idle(const struct monitor *m);

/* The run is over and nobody waits longer: everything open is settled as not delivered, at
 * NANOS_NEVER. Take the effects once more after it. */
void monitor_give_up(struct monitor *m, nanos now);

struct rolling_figures monitor_figures(const struct monitor *m, uint32_t model_index);
money monitor_spent(const struct monitor *m);                           /* in all */
uint64_t monitor_alerts(const struct monitor *m, enum alert_kind kind); /* raised */

#endif
