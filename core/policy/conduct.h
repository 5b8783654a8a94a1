#ifndef POLICY_CONDUCT_H
#define POLICY_CONDUCT_H

/* What a client does after a failed attempt: retry, go to another model, or give the call up.
 *
 *   attempt failed --> innermost retry layer --retry--> wait --> same model
 *                          | used up or not its cause
 *                          v
 *                      next layer out (it begins a new round of the inner one)
 *                          | used up or not its cause
 *                          v
 *                      end, with the attempt's outcome
 *
 *   Before any retry: a fallback rule whose `on` has the cause and whose `after` attempts on the
 *   first model are spent sends the call to `to` at once. It spends a try of the innermost layer
 *   that has one left, as a retry would, so the layers bound the call over all models; when no try
 *   is left the call ends.
 *
 * Layers are how real programs multiply attempts: an SDK that tries three times inside a loop that
 * tries three times makes nine (RET-09). A careful client has one layer.
 *
 * A call makes at most CONDUCT_ATTEMPTS_MAX attempts, whatever the layers say. OUTCOME_TIMEOUT_CALL
 * always ends it.
 *
 * Deadline: with `keeps_deadline`, a wait that would end at or after the call's limit is not
 * waited: a fallback rule with that cause (whatever its `after`) is taken, else the call ends now
 * (RET-05).
 *
 * Retry budget: a layer whose budget has nothing left for a retry gives the failure up, as if its
 * tries were used up; a fallback rule with that cause (whatever its `after`) is taken first.
 *
 * Pure: decides, changes only `state` and the budgets that it points to; time and draws are passed
 * in. Allocates nothing, cannot fail. */

#include <stdbool.h>
#include <stdint.h>

#include "base/nanos.h"
#include "base/outcome.h"
#include "policy/backoff.h"
#include "policy/cause.h"
#include "policy/retry_budget.h"

enum { CONDUCT_LAYERS_MAX = 2, CONDUCT_FALLBACKS_MAX = 8, CONDUCT_ATTEMPTS_MAX = 32 };

/* What to do with retry advice. */
enum advice_manner {
    ADVICE_OBEY,      /* wait that long */
    ADVICE_IGNORE,    /* own backoff */
    ADVICE_WHOLE_INT, /* as Python's int(header): whole seconds are obeyed, 0 too; anything else
                         raises: the call ends as client_crash */
};

struct retry_layer {
    uint32_t attempts;   /* of this layer, the first included; at least 1 (1 = never retries) */
    struct cause_set on; /* causes it retries */
    struct backoff backoff;
    enum advice_manner advice;
    struct cause_set advice_on;   /* causes on which advice is read at all; empty: all of `on` */
    nanos advice_max;             /* longer advice counts as none; NANOS_NEVER: no limit */
    bool obeys_should_retry;      /* x-should-retry overrides `on`, both ways */
    bool sleeps_before_giving_up; /* waits once more after its last failure, as naive loops do */
    struct retry_budget_rules budget; /* of all calls of one instance */
};

struct fallback_rule {
    struct cause_set on;
    uint32_t after; /* attempts on the first model that must have been made; at least 1 */
    char to[64];    /* model name */
};

struct timeouts {
    nanos connect;        /* handed to sent */
    nanos first_token;    /* sent to first token, streams only */
    nanos between_tokens; /* streams: since the latest token; else: since sent, between bytes */
    nanos attempt;        /* handed to the end of one attempt */
    nanos call;           /* due to the end of the call */
};

/* How often a client tells people (monitor/monitor.h). A zeroed one tells once: per breached budget
 * window, and per cool-down. */
struct alert_manner {
    bool repeats_budget; /* again at every call after the breach, as the guide's code does */
    bool repeats_anomalies;
};

/* A whole client, as data. NANOS_NEVER switches a timeout off. */
struct client_policy {
    char preset[32];                               /* what it was built from; "none" if nothing */
    struct retry_layer layers[CONDUCT_LAYERS_MAX]; /* innermost first */
    uint32_t layers_count;                         /* at least 1 */
    struct fallback_rule fallbacks[CONDUCT_FALLBACKS_MAX];
    uint32_t fallbacks_count;
    struct timeouts timeouts;
    bool keeps_deadline;
    struct alert_manner alerts;
};

/* How an attempt failed. */
struct attempt_end {
    enum outcome outcome;                   /* not OUTCOME_OK */
    uint16_t status;                        /* 0: no answer */
    bool has_advice_header;                 /* retry-after was there, usable or not */
    bool advice_is_whole;                   /* ... and was a whole number of seconds, 0 too */
    nanos advice_wait;                      /* 0: no usable advice */
    bool should_retry_yes, should_retry_no; /* x-should-retry */
    nanos at;
};

/* Of one call. Zeroed but for its budgets is the state before its first attempt. */
struct conduct_state {
    struct retry_budget *budgets; /* its instance's, by layer; NULL: none */
    uint32_t attempts;            /* made so far, over all models */
    uint32_t attempts_on_first_model;
    uint32_t fallbacks_taken;           /* index into fallbacks of the one in use, plus 1 */
    uint32_t tries[CONDUCT_LAYERS_MAX]; /* of the layer's present round: attempts for the innermost,
                                           rounds of the inner one further out */
};

enum conduct_kind { CONDUCT_RETRY, CONDUCT_FALLBACK, CONDUCT_END };

struct conduct {
    enum conduct_kind kind;
    nanos wait;           /* before the next attempt, or before the end is felt; at least 0 */
    uint32_t fallback;    /* CONDUCT_FALLBACK: which rule */
    uint32_t layer;       /* CONDUCT_RETRY: which layer retries */
    enum outcome outcome; /* CONDUCT_END: the call's; usually the attempt's, or CLIENT_CRASH */
};

/* Called once when an attempt is made (also the first), before its outcome is known. */
void conduct_attempt_made(struct conduct_state *state);

/* Called once per failed attempt. `call_ends_at` is the instant at which timeouts.call strikes
 * (NANOS_NEVER without one); `u` a draw in [0, 1) for jitter. A model is never revisited: a rule
 * whose fallback is already in use, or before it in the list, is not taken again. */
struct conduct conduct_decide(const struct client_policy *policy, struct conduct_state *state,
                              const struct attempt_end *end, nanos call_ends_at, double u);

/* The most attempts one call can make under this policy: the product of its layers, before the cap
 * of CONDUCT_ATTEMPTS_MAX. */
uint32_t conduct_attempts_max(const struct client_policy *policy);

/* --- presets ----------------------------------------------------------------------------------
 *
 * none             one attempt, no timeouts
 * careful          ours: 4 attempts, 0.5 s x 2 up to 8 s with full jitter, obeys advice within its
 *                  deadline, retries 408, 409, 429, 5xx, network failures and broken answers, never
 *                  a permanent refusal
 * guide            the article's code on the Python SDK 0.121: an outer loop of 3 without jitter,
 *                  int(retry-after), sleeping before giving up, around an SDK of 3 that obeys
 *                  advice only for 0 < x <= 60 s (wire-facts.md §5.1, §5.3; design §13): 9
 * attempts; it alerts again at every call after a breach, and at every anomaly guide-inner-off  the
 * same loop on an SDK that does not retry: 3 attempts
 *
 * False when there is none of that name; `policy` is then as it was. */
bool policy_preset(struct slice name, struct client_policy *policy);

/* Name and one line about it; NULL past the last. */
const char *policy_preset_name(uint32_t index, const char **about);

#endif
