#ifndef FAULT_CHAOS_H
#define FAULT_CHAOS_H

/* Rules to plans: **where a fault is decided**. (It is executed by engine/upstream through the
 * mock's socket transport or the simulator's link; its effect is judged in judge/.)
 *
 * A rule belongs to a phase (window), matches attempts (fault/match.h), and hits a share of them,
 * or a per-call sequence. All of this is *keyed*: (seed, phase name, call id, attempt ordinal)
 * alone decide, so any number of threads, and both worlds, inject the same. The draws of this room,
 * each rng_unit(seed, rng_stream(NAME), slice_hash(call id), attempt ordinal):
 *
 *     NAME              decides
 *     the phase's name  which rule of that phase fires
 *     "first_token"     the model's first-token time
 *     "token_gap"       its gap between tokens, where it has a distribution of these
 *     "thinking"        how many tokens it thinks, likewise
 *
 * (Arrivals draw by their part's name and arrival index: policy/arrival.h. For connections the
 * provider stands for the call id, and the connection's number at that provider, from 1, for the
 * ordinal.)
 *
 * The rules of one phase share one draw u per attempt: walking the rules that match in their order,
 * their shares are laid end to end on [0, 1), and the rule under u fires. So four rules of 15 % in
 * one phase hit 60 % of attempts, 15 % each; what goes past 1 never fires. Of several phases one
 * fires: that of the highest priority, then the first. What makes a rule *ordered* (`chaos_order`)
 * is part of its match: where it does not hold, the rule lays nothing down.
 *
 * A rule does not match what its fault cannot do anything to, so a firing always shows:
 *   - a `context_window` matches only inputs longer than the window, a runaway only answers that
 *     would be shorter;
 *   - faults of events match streams only (TOKENS_PER_EVENT, error event, [DONE], `event:` lines,
 *     duplicate and reordered events, split writes, silence behind pings or comments); all others
 *     work on whole bodies too;
 *   - a fault with a quirk that the API has no place for (`quirks_impossible`) matches nothing;
 *   - faults of connections and of capacity match no attempt: they have functions of their own.
 * A sequence matches only attempts it has an entry for; an entry FAULT_NONE fires too, and keeps
 * other rules from firing. Posts to hooks are matched only by rules that name that provider.
 *
 * Every fault begins `delay` later than it would have (but where `delay` is a parameter of its own:
 * FREEZE, slow headers); refusals and resets are immediate otherwise. A fault that would shape an
 * answer does nothing (and is not named in the plan) where the model's own window refuses the
 * input; what it does to a head it does to that refusal. */

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "fault/match.h"
#include "fault/model.h"
#include "fault/phase.h"
#include "fault/plan.h"
#include "fault/script.h"

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
    FAULT_FREEZE,         /* silence of `delay` after `tokens` tokens, then all that was due */
    FAULT_TOKENS_PER_EVENT, /* `tokens` tokens in each event */
    FAULT_QUIRKS,           /* the answer's bytes, by `quirks` alone */
    FAULT_CONNECTION,       /* `connection`: decided per connection, not per attempt */
    FAULT_CAPACITY,         /* while the window is open, `factor` of the model's places work */
};

/* What happens to a connection of a provider. */
enum connection_fault {
    CONNECTION_FINE,
    CONNECTION_REFUSED,     /* nobody listens. With a share below 1: accepted and reset at once */
    CONNECTION_CLOSED,      /* accepted, then closed by `close` FIN or RST */
    CONNECTION_SILENT,      /* accepted, and never a byte */
    CONNECTION_IDLE_CLOSED, /* closed after `delay` without a request: `close` FIN, RST, or END for
                               silently: the socket stays, nobody answers */
    CONNECTION_SLOW,        /* accepted after `delay` */
    CONNECTION_LIMIT,       /* at most `tokens` at a time; more are refused as CLOSED by RST */
};

struct fault_header {
    struct slice name;
    struct slice value;
    bool is_removed; /* all lines of that name go, also the provider's own; else one is added */
};

/* Which words of a scenario fill it how: scenario/fault_words.h. */
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
    uint32_t quirks; /* enum quirk: also beside another kind, as far as they go together */
    const struct fault_header *headers;
    uint32_t headers_count;
    struct slice body;         /* QUIRK_BODY; may be empty */
    struct slice content_type; /* QUIRK_CONTENT_TYPE; empty: none is said */
    enum connection_fault connection;
};

/* Ordered selectors of a rule, and how it ends. */
struct chaos_order {
    uint64_t nth;           /* only the n-th matching request, from 1; 0: any */
    uint64_t every;         /* each n-th; 0: any */
    uint64_t times;         /* fires so often at the most; 0: without end */
    char state[32];         /* of this name: one value at a time, "start" at first; empty: none */
    char state_is[32];      /* fires only then; empty: always */
    char state_becomes[32]; /* once it has fired; empty: as it was */
};

struct chaos_rule {
    char name[48];
    uint32_t phase; /* index into phases */
    struct match match;
    double share;     /* 0 to 1; 0 never fires, 1 always */
    int32_t priority; /* of rules of several phases that would fire, the highest; then the first */
    struct chaos_order order;
    bool is_disabled;
    uint32_t revision;            /* counts changes while the mock runs */
    const struct fault *sequence; /* attempt n of a call gets entry n-1; one entry: every attempt.
                                     Never changed: a changed rule brings another */
    uint32_t sequence_count;      /* at least 1, at most CHAOS_SEQUENCE_MAX */
};

struct chaos {
    struct phases phases;
    struct chaos_rule rules[CHAOS_RULES_MAX];
    uint32_t rules_count;
};

/* Does the rule depend on order (chaos_order), or is it keyed alone? */
bool chaos_rule_is_ordered(const struct chaos_rule *rule);

/* Is its firing an event that can be counted? The places of a model work or not, nothing fires. */
bool chaos_rule_is_counted(const struct chaos_rule *rule);

enum { CHAOS_STATES_MAX = 16 };

/* What ordered rules remember. Zeroed is a fresh one. */
struct chaos_memory {
    uint64_t matched[CHAOS_RULES_MAX]; /* requests that a rule's window, match and state held for */
    uint64_t fired[CHAOS_RULES_MAX];
    struct chaos_state {
        char name[32];
        char value[32];
    } states[CHAOS_STATES_MAX];
    uint32_t states_count;
};

/* "start" for one that was never set. */
const char *chaos_state_of(const struct chaos_memory *memory, struct slice name);

/* False: CHAOS_STATES_MAX others are there, or it does not fit. */
bool chaos_state_set(struct chaos_memory *memory, struct slice name, struct slice value);

/* What is known of an attempt when its plan is decided. */
struct attempt_facts {
    struct slice provider;
    const struct model *model;
    struct slice model_asked; /* the name that rules see, where `model` plays one; empty: its own */
    struct slice call;        /* the printed call id: "trace:217" */
    uint32_t attempt;         /* ordinal, from 1 */
    uint64_t input_tokens;
    uint64_t output_tokens;     /* wanted */
    uint64_t output_tokens_max; /* max_tokens; UINT64_MAX: none */
    bool stream;
    bool wants_thinking;        /* the request switched it on */
    uint32_t thinking_usual;    /* tokens, when neither script nor model says how much; of a small
                                   max_tokens half at the most, so that text remains. 0: none */
    struct slice isolation;     /* NAME of /t/NAME; empty: none */
    uint64_t conditions_failed; /* bit r: a condition of rule r does not hold */
    uint32_t quirks_impossible; /* enum quirk: the API of this request has no place for them, as
                                   [DONE] where there is none to be missing */
    const struct script *script;
    struct chaos_memory *memory; /* of ordered rules; NULL: they never fire */
};

/* Does the rule's match hold (window, order, share, and conditions on bytes aside)? Never where it
 * is disabled. */
bool chaos_rule_matches(const struct chaos_rule *rule, const struct attempt_facts *facts);

/* How likely does this rule fire for these facts, its window being open and no other phase in the
 * way (for "faults consumed")? 0 for an ordered rule: nobody can tell before it has happened. */
double chaos_rule_chance(const struct chaos *chaos, uint32_t rule,
                         const struct attempt_facts *facts);

/* Of an attempt that the rules of `matched` (bit r: rule r) match: adds to `chances[r]` how likely
 * each is the one that fires. Phases draw apart, so the chance is its place on its phase's line
 * times that no other phase has one that comes before it. */
void chaos_add_chances(const struct chaos *chaos, uint64_t matched,
                       double chances[CHAOS_RULES_MAX]);

/* The plan for an attempt that arrived at `at` (run time). Never fails: no rule means an answer by
 * the model's own behaviour, or its context-length refusal when the input exceeds its window.
 * Counts in `facts->memory`. */
void chaos_decide(const struct chaos *chaos, uint64_t seed, const struct attempt_facts *facts,
                  nanos at, struct plan *plan);

/* What happens to a connection that comes in at `at`, keyed by (seed, phase, provider, number).
 * `rule` is PLAN_NO_RULE when it is fine. IDLE_CLOSED is decided when the connection comes. Rules
 * whose first fault is one of connections and whose match names this provider, or none; ordered
 * ones never. */
struct connection_plan {
    enum connection_fault fault;
    nanos delay;
    enum plan_close close;
    uint64_t limit;
    int16_t rule;
};

struct connection_plan chaos_connection(const struct chaos *chaos, uint64_t seed,
                                        struct slice provider, uint32_t connection, nanos at);

/* Does a rule of share 1 refuse this provider's connections now? And when, at the latest, may that
 * change (NANOS_NEVER: never, unless rules or marks do)? */
bool chaos_refuses_connections(const struct chaos *chaos, struct slice provider, nanos at,
                               nanos *until);

/* The share of this model's places that work now (FAULT_CAPACITY), 1 without such a fault, the
 * smallest of several; `until` as above. The rule's own share must be 1 (0: never). */
double chaos_capacity(const struct chaos *chaos, struct slice provider, struct slice model,
                      nanos at, nanos *until);

/* What a mock that runs may be told (the caller holds its own copy of `chaos`): a rule of a known
 * name is replaced, its index, counts and place kept, its revision one higher; a new one is added.
 * RC_LIMIT: no room. */
MUST_USE enum rc chaos_put(struct chaos *chaos, const struct chaos_rule *rule);

/* The opposite: the rule goes, and what stands behind it moves up, its counts too. Rules below
 * `rules_kept` and phases below `phases_kept` (the scenario's own, whose indices others know) stay:
 * such a rule is disabled instead. A phase that no rule is left for goes with it. */
void chaos_drop(struct chaos *chaos, struct chaos_memory *memory, uint32_t rule,
                uint32_t rules_kept, uint32_t phases_kept);

/* The mark NAME was set at `at`: windows that count from it open accordingly. False: none does. */
bool chaos_mark(struct chaos *chaos, struct slice name, nanos at);

#endif
