#ifndef JUDGE_LAW_H
#define JUDGE_LAW_H

/* The laws and conditions: what they are called, their limits, and how a call is held against one.
 * docs/laws.md tells each in full.
 *
 * A law looks at one call at a time (struct call_case), is a pure function of it and its limits,
 * and says what happened in one sentence when the call broke it. What no single call can show (a
 * record that is missing, a schedule that slipped) is added by the judge (judge.c, conditions.c).
 *
 * Limits come from the table's defaults or from the scenario, never from the client's policy. */

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/nanos.h"
#include "judge/call_case.h"
#include "judge/judge.h"
#include "policy/cause.h"
#include "scenario/scenario.h"

enum law_flags {
    LAW_ALWAYS = 1,    /* in the set "essential" too */
    LAW_CONDITION = 2, /* of the run, not of the subject: broken, it makes no verdict possible */
    LAW_READS_JOURNAL = 4,   /* of a mock, where there is one */
    LAW_NEEDS_JOURNAL = 8,   /* does not apply without one */
    LAW_OF_RUN = 16,         /* no single call can break it (run_laws.h) */
    LAW_NEEDS_CALLER = 32,   /* what the application made of it: our driver, or its own log */
    LAW_NAMED_ONLY = 128,    /* in no set: judged where the scenario names it */
    LAW_NOT_OF_CLIENT = 256, /* in the sets only where a program is the subject */
    LAW_OF_SERVICE = 512,    /* in the sets only where a service is */
    LAW_SHOWN =
        1024, /* broken by what was sent: it stays so, whatever else the call may have sent */
};

/* id, name, flags, what it asks */
#define LAW_LIST(X)                                                                               \
    X(ONE_OUTCOME, "one-outcome", LAW_ALWAYS | LAW_NEEDS_CALLER,                                  \
      "every call ends in exactly one outcome")                                                   \
    X(NO_HANG, "no-hang", LAW_ALWAYS | LAW_SHOWN,                                                 \
      "no call is forgotten, or silent for longer than the limit")                                \
    X(COMPLETE_ANSWERS, "complete-answers", LAW_ALWAYS | LAW_NEEDS_JOURNAL | LAW_NEEDS_CALLER,    \
      "nothing without its protocol's own end is reported ok")                                    \
    X(ATTEMPTS_BOUNDED, "attempts-bounded", LAW_ALWAYS | LAW_READS_JOURNAL | LAW_SHOWN,           \
      "attempts per call, over all models and layers, stay within max")                           \
    X(PERMANENT_NOT_RETRIED, "permanent-not-retried", LAW_ALWAYS | LAW_NEEDS_JOURNAL | LAW_SHOWN, \
      "no further attempt at a model after its permanent refusal")                                \
    X(ADVICE_HEEDED, "advice-heeded", LAW_ALWAYS | LAW_NEEDS_JOURNAL | LAW_SHOWN,                 \
      "no attempt at a provider earlier than its latest answer advised")                          \
    X(DEADLINE_KEPT, "deadline-kept", LAW_NEEDS_CALLER, "a call ends by due + deadline + grace")  \
    X(FALLBACK_ELIGIBLE, "fallback-eligible", LAW_NEEDS_JOURNAL,                                  \
      "falls back when it should and not when it must not")                                       \
    X(FALLBACK_ORDERED, "fallback-ordered", LAW_NEEDS_JOURNAL,                                    \
      "models are tried in order, none skipped, none revisited")                                  \
    X(LOG_COMPLETE, "log-complete", LAW_NEEDS_CALLER,                                             \
      "one whole log line per call, on every path")                                               \
    X(TOKENS_AGREE, "tokens-agree", LAW_NEEDS_JOURNAL | LAW_NEEDS_CALLER,                         \
      "the caller's token counts are those that the mock told")                                   \
    X(COST_AGREE, "cost-agree", LAW_NEEDS_JOURNAL | LAW_NEEDS_CALLER,                             \
      "the caller's costs are exactly what the tokens told cost")                                 \
    X(PERCENTILES_AGREE, "percentiles-agree", LAW_READS_JOURNAL | LAW_OF_RUN | LAW_NEEDS_CALLER,  \
      "reported percentiles are those of the calls, and of the mock's own times")                 \
    X(ALERT_ONCE, "alert-once", LAW_NEEDS_JOURNAL | LAW_OF_RUN,                                   \
      "one alert per breached budget window, and per anomaly and cool-down")                      \
    X(ALERT_DELIVERED, "alert-delivered", LAW_NEEDS_JOURNAL | LAW_OF_RUN,                         \
      "each alert reached its hook, with a body valid for that service")                          \
    X(ALERT_TIMELY, "alert-timely", LAW_NEEDS_JOURNAL | LAW_OF_RUN | LAW_NAMED_ONLY,              \
      "a budget's breach is told in time")                                                        \
    X(ALERT_OUT_OF_BAND, "alert-out-of-band", LAW_NEEDS_JOURNAL | LAW_OF_RUN | LAW_NAMED_ONLY,    \
      "a dead hook changes no outcome and makes nothing slower")                                  \
    X(SECRETS_KEPT, "secrets-kept",                                                               \
      LAW_ALWAYS | LAW_NEEDS_JOURNAL | LAW_OF_RUN | LAW_NOT_OF_CLIENT,                            \
      "no key leaves but in a credential header")                                                 \
    X(NO_REPEATED_OUTPUT, "no-repeated-output",                                                   \
      LAW_ALWAYS | LAW_NEEDS_JOURNAL | LAW_NEEDS_CALLER | LAW_OF_SERVICE,                         \
      "a service says nothing twice, and no answer is mixed with another")                        \
    X(COMMAND_SUCCEEDED, "command-succeeded", LAW_NAMED_ONLY | LAW_OF_RUN,                        \
      "the command exited with 0")                                                                \
    X(REQUESTS_ARRIVED, "requests-arrived",                                                       \
      LAW_ALWAYS | LAW_CONDITION | LAW_NEEDS_JOURNAL | LAW_NOT_OF_CLIENT,                         \
      "the subject asked the mock for anything at all")                                           \
    X(PATHS_KNOWN, "paths-known",                                                                 \
      LAW_ALWAYS | LAW_CONDITION | LAW_NEEDS_JOURNAL | LAW_NOT_OF_CLIENT,                         \
      "every request had a path that the mock has")                                               \
    X(FAULTS_CONSUMED, "faults-consumed", LAW_ALWAYS | LAW_CONDITION | LAW_NEEDS_JOURNAL,         \
      "each rule fired where enough firings were to be expected")                                 \
    X(SCHEDULE_KEPT, "schedule-kept", LAW_ALWAYS | LAW_CONDITION,                                 \
      "the generator kept its own schedule: send lag p99 within the limit")

#define LAW_ENUM(id, name, flags, about) LAW_##id,
enum law { LAW_LIST(LAW_ENUM) LAWS_COUNT };
#undef LAW_ENUM

struct law_facts {
    const char *name;
    const char *about;
    unsigned flags;
};

const struct law_facts *law_facts(enum law law);

/* The limits of all laws; each uses its own. Filled with defaults by laws_read. */
struct law_limits {
    nanos silence;                       /* no-hang */
    uint32_t attempts_max;               /* attempts-bounded */
    nanos slack;                         /* advice-heeded */
    nanos deadline, grace;               /* deadline-kept */
    struct cause_set on;                 /* fallback-eligible */
    uint32_t to;                         /* a model; models_count: not given */
    uint32_t after;                      /* attempts on the first model */
    uint32_t order[SCENARIO_MODELS_MAX]; /* fallback-ordered */
    uint32_t order_count;
    uint64_t firings_least; /* faults-consumed */
    nanos apart;            /* percentiles-agree: how far from the mock's own times, */
    double apart_share;     /* or which share of them, whichever is larger */
    nanos alert_within;     /* alert-timely */
    double slower_share;    /* alert-out-of-band: of the control run's p95 */
    nanos send_lag;         /* schedule-kept */
};

enum { LAW_BECAUSE_MAX = 96 };

/* One law as the scenario wants it. */
struct law_rules {
    bool is_listed; /* in the chosen set, or named */
    bool is_on;
    bool is_warning;
    char because[LAW_BECAUSE_MAX];
    char until[LAW_DATE_SIZE]; /* the waiver's last day; empty: for ever */
    struct law_limits limits;
};

/* Defaults, then the scenario's "laws" on top. Temporary memory is taken from `memory`. */
MUST_USE enum rc laws_read(const struct scenario *scenario, const struct memory *memory,
                           struct law_rules rules[LAWS_COUNT], struct error *err);

/* What was asked, for the row: "max 5"; and why the law cannot be applied, or NULL. */
void law_limit_text(enum law law, const struct scenario *scenario, const struct law_limits *limits,
                    char *text, size_t capacity);
const char *law_inapplicable(enum law law, const struct scenario *scenario,
                             const struct law_limits *limits);

/* The time that is allowed for what it asks; NANOS_NEVER: it asks for nothing in time. */
nanos law_own_time(enum law law, const struct law_limits *limits);

enum law_result {
    LAW_HELD,
    LAW_BROKEN,
    LAW_SILENT,    /* the call is none of this law's business */
    LAW_UNDECIDED, /* the journal does not say what it would have to */
};

enum { LAW_TEXT_MAX = 160 };

struct law_finding {
    int64_t seen; /* the size of it, where the law has one: attempts, or a span; also when held */
    uint64_t agreed, unknown; /* attempts, of laws that lay both accounts side by side */
    money unknown_billed;     /* for the unknown ones, by the journal */
    char *text;               /* LAW_TEXT_MAX bytes of the caller's, apart because zeroing them for
                                 every law cost a third of all judging; what happened, when broken */
};

/* Can one call break it? Else it is a condition or a law of the run. */
bool law_is_of_calls(enum law law);

/* A law of calls alone. `finding` comes zeroed but for its text. */
enum law_result law_judge(enum law law, const struct law_limits *limits, const struct call_case *c,
                          struct law_finding *finding);

/* What happened, and which instant to look for in the evidence: "... (due 6.512 s)". Returns
 * LAW_BROKEN. */
enum law_result law_broken(const struct call_case *c, struct law_finding *finding,
                           const char *format, ...) PRINTF_LIKE(3, 4);

/* Is it forgotten at the cut, or was it silent for longer? (Also the measure calls.hung.) */
bool call_hangs(const struct call_case *c, nanos silence);

/* How long a call may be silent where a scenario does not say. */
#define LAW_SILENCE_DEFAULT (120 * NANOS_S)

#endif
