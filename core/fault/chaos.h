#ifndef FAULT_CHAOS_H
#define FAULT_CHAOS_H

/* Rules to plans: **where a fault is decided**. (It is executed by engine/upstream through the
 * mock's socket transport or the simulator's link; its effect is judged in judge/.)
 *
 * A rule belongs to a phase (window), matches attempts (provider, model glob, input tokens,
 * stream), and hits a share of them, or a per-call sequence. All of this is *keyed*: (seed, phase
 * name, call id, attempt ordinal) alone decide, so any number of threads, and both worlds, inject
 * the same. The draws of this room, each rng_unit(seed, rng_stream(NAME), slice_hash(call id),
 * attempt ordinal):
 *
 *     NAME             decides
 *     the phase's name which rule of that phase fires
 *     "first_token"    the model's first-token time
 *
 * (Arrivals draw by their part's name and arrival index: policy/arrival.h.)
 *
 * The rules of one phase share one draw u per attempt: walking the rules that match in their order,
 * their shares are laid end to end on [0, 1), and the rule under u fires. So four rules of 15 % in
 * one phase hit 60 % of attempts, 15 % each; what goes past 1 never fires. Of several phases the
 * first that fires wins.
 *
 * A `context_window` fault matches only inputs longer than the window. A sequence matches only
 * attempts it has an entry for; an entry FAULT_NONE fires too, and keeps other rules from firing.
 * Every fault begins `delay` later than it would have; refusals and resets are immediate otherwise.
 * A fault that would shape an answer does nothing (and is not named in the plan) where the model's
 * own window refuses the input. */

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "fault/model.h"
#include "fault/phase.h"
#include "fault/plan.h"

enum { CHAOS_RULES_MAX = 64, CHAOS_SEQUENCE_MAX = 8 };

enum fault_kind {
    FAULT_NONE,           /* in a sequence: this attempt is answered well */
    FAULT_STATUS,         /* an error status with the provider's own body */
    FAULT_SLOW_TOKENS,    /* gaps between tokens times `factor` */
    FAULT_LATE_FIRST,     /* the first token later by `delay` */
    FAULT_CONTEXT_WINDOW, /* the window shrinks to `tokens` */
    FAULT_CUT,            /* the answer ends after `tokens` tokens, by `close`; a shorter one after
                             all of them, but before the protocol's own end */
    FAULT_STALL,          /* silence after `tokens` tokens, likewise */
    FAULT_RESET,          /* no answer at all: `close` FIN or RST */
};

struct fault {
    enum fault_kind kind;
    uint16_t status;      /* FAULT_STATUS */
    enum outcome failure; /* FAULT_STATUS: by the status, or as named ("quota") */
    enum plan_advice advice;
    nanos advice_wait;
    char advice_raw[48];
    double factor;
    nanos delay;
    uint64_t tokens;
    enum plan_close close;
};

struct chaos_match {
    char provider[32]; /* empty: any */
    char model[64];    /* glob; empty: any */
    bool has_stream, stream;
    uint64_t input_tokens_min; /* 0: any */
    uint64_t input_tokens_max; /* UINT64_MAX: any */
};

struct chaos_rule {
    char name[48];
    uint32_t phase; /* index into phases */
    struct chaos_match match;
    double share;                              /* 0 to 1; 0 never fires, 1 always */
    struct fault sequence[CHAOS_SEQUENCE_MAX]; /* attempt n of a call gets entry n-1; one entry:
                                                  every attempt */
    uint32_t sequence_count;                   /* at least 1 */
};

struct chaos {
    struct phases phases;
    struct chaos_rule rules[CHAOS_RULES_MAX];
    uint32_t rules_count;
};

/* What is known of an attempt when its plan is decided. */
struct attempt_facts {
    struct slice provider;
    const struct model *model;
    struct slice call; /* the printed call id: "trace:217" */
    uint32_t attempt;  /* ordinal, from 1 */
    uint64_t input_tokens;
    uint64_t output_tokens;     /* wanted */
    uint64_t output_tokens_max; /* max_tokens; UINT64_MAX: none */
    bool stream;
};

/* Does the rule's match hold (window and share aside)? */
bool chaos_rule_matches(const struct chaos_rule *rule, const struct attempt_facts *facts);

/* How likely does this rule fire for these facts, its window being open and no other phase in the
 * way (for "faults consumed")? */
double chaos_rule_chance(const struct chaos *chaos, uint32_t rule,
                         const struct attempt_facts *facts);

/* The plan for an attempt that arrived at `at` (run time). Never fails: no rule means an answer by
 * the model's own behaviour, or its context-length refusal when the input exceeds its window. */
void chaos_decide(const struct chaos *chaos, uint64_t seed, const struct attempt_facts *facts,
                  nanos at, struct plan *plan);

#endif
