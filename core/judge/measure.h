#ifndef JUDGE_MEASURE_H
#define JUDGE_MEASURE_H

/* The measures: what an expectation may ask about a run. docs/measures.md tells each as a formula.
 *
 * A measurement is a measure, a statistic and filters; it is fed every judged call once and asked
 * for its value at the end. It keeps counts, extremes and, only where a percentile is asked for, a
 * histogram; never the calls.
 *
 *   samples     a number, a span or an amount per call (response, tokens): percentiles, max,
 * mean... calls       calls that are so-and-so, out of those that pass the filters: count and share
 *   ratio       a sum over calls for each unit of another (cost per useful answer)
 *   run         a figure of the whole run (alerts)
 *   subject     what was sampled of a service's processes (subject.rss)
 *   goodput     useful calls per second of the time that the filters leave
 *   recovery    from a window's end until things are as before it
 *
 * What a caller was never told (usage of an answer that broke off, a model without a price) is no
 * zero: a measure of money counts the attempts that it leaves out, and how much more it would be
 * with what the mock billed for them.
 *
 * Failure modes: memory at init; too few samples for a percentile, or none at all, at the end: then
 * the value is not known, and a sentence says why. One thread owns a measurement. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/nanos.h"
#include "fault/phase.h"
#include "judge/call_case.h"
#include "judge/trend.h"
#include "metric/histogram.h"
#include "monitor/alert.h"
#include "policy/cause.h"
#include "scenario/scenario.h"

#define STATISTIC_LIST(X) \
    X(P50, "p50")         \
    X(P90, "p90")         \
    X(P95, "p95")         \
    X(P99, "p99")         \
    X(P999, "p999")       \
    X(MIN, "min")         \
    X(MAX, "max")         \
    X(MEAN, "mean")       \
    X(SUM, "sum")         \
    X(COUNT, "count")     \
    X(SHARE, "share")     \
    X(SLOPE, "slope")     \
    X(OWN, "")

/* STATISTIC_OWN: the measure is one number by itself; also "none was named". */
#define STATISTIC_ENUM(id, word) STATISTIC_##id,
enum statistic { STATISTIC_LIST(STATISTIC_ENUM) STATISTICS_COUNT };
#undef STATISTIC_ENUM

const char *statistic_word(enum statistic statistic);

enum unit { UNIT_NUMBER, UNIT_SPAN, UNIT_SHARE, UNIT_MONEY, UNIT_SIZE };

enum measure_shape {
    SHAPE_SAMPLES,
    SHAPE_CALLS,
    SHAPE_RATIO,
    SHAPE_GOODPUT,
    SHAPE_RECOVERY,
    SHAPE_RUN,
    SHAPE_SUBJECT,
};

struct filters {
    bool has_phase, has_model, has_answered, has_stream, has_outcome, has_part, has_cause;
    bool has_kind;
    bool stream;
    struct phase_set phase;
    uint32_t model;    /* asked */
    uint32_t answered; /* that the last attempt went to */
    uint32_t part;
    enum outcome outcome;
    struct cause_set cause; /* of a failed attempt of the call */
    enum alert_kind kind;   /* of alerts; the others pick calls */
};

/* Any of those that pick calls? */
bool filters_pick_calls(const struct filters *filters);

enum measure_flags {
    MEASURE_OF_SUCCESSES = 1, /* of answered calls, unless the filters name an outcome */
    MEASURE_LATENCY = 2,      /* worthless when the generator's schedule slipped */
    MEASURE_TAKES_PHASE = 4,  /* {phase=} is its subject, needed, and limits no calls */
    MEASURE_TAKES_MODEL = 8,  /* likewise {model=} */
    MEASURE_JOURNAL = 16, /* counts what the mock saw too: not known when its journal broke off */
    MEASURE_NEEDS_JOURNAL = 32,   /* ... nor without a mock */
    MEASURE_NEEDS_MONITOR = 64,   /* refused where the scenario has none */
    MEASURE_TAKES_KIND = 128,     /* {kind=} is its only filter */
    MEASURE_NEEDS_CANARIES = 256, /* says nothing where no canary stood in the place of a key */
};

struct run_figures;

typedef bool measure_sample(const struct call_case *c, const struct filters *filters,
                            int64_t *value);

/* What the sample of a call leaves out because its caller was never told. */
struct measure_gap {
    uint64_t attempts;
    money billed;          /* for them, by the journal; or their tokens */
    bool is_open;          /* nobody knows what some of them cost */
    bool is_below_unknown; /* of a ratio: what stands below the line is not known */
};

typedef void measure_gap_of(const struct call_case *c, struct measure_gap *gap);

struct measure {
    const char *name;
    enum measure_shape shape;
    enum unit unit;
    unsigned statistics;            /* bit per statistic that may be named */
    enum statistic statistic_usual; /* when none is named; samples with STATISTIC_OWN need a name */
    unsigned flags;
    measure_sample *sample; /* of a ratio: what is above the line, */
    measure_sample *base;   /* and what is below it */
    measure_gap_of *gap;    /* NULL: nothing is ever left out */
    bool (*holds)(const struct call_case *c, const struct filters *filters);
    double (*of_run)(const struct run_figures *figures, const struct filters *filters,
                     uint32_t subject);
    uint64_t (*of_sample)(const struct sample_record *sample); /* of a service's processes */
    uint32_t subject; /* of a run: which kind of alert, which hook */
    const char *about;
};

/* NULL past the last. */
const struct measure *measure_at(uint32_t index);
const struct measure *measure_find(struct slice name);

/* Does the design list it, to be built later? */
bool measure_is_planned(struct slice name);

struct recovery_second {
    uint32_t calls, useful;
};

struct measurement {
    const struct scenario *scenario;
    const struct measure *measure;
    enum statistic statistic;
    struct filters filters;

    uint64_t n;    /* samples, or calls that passed the filters */
    uint64_t hits; /* of those, that are so-and-so */
    double sum;
    money amount;      /* instead of it, of money and of a ratio: exact, so in any order the same */
    money amount_base; /* of a ratio: below the line */
    struct measure_gap gap; /* of all calls; the next two with a gap only */
    uint64_t bases_unknown; /* calls whose part below the line is not known */
    int64_t max_most;       /* the largest with what was billed besides */
    int64_t min, max;
    struct trend trends[SERVICE_URLS_MAX]; /* of a slope: by instance */
    bool has_histogram;
    struct histogram histogram;

    const struct memory *memory; /* the rest is of recovery.time */
    nanos recovers_from;         /* the window's end */
    struct recovery_second *seconds;
    uint32_t seconds_count; /* whole seconds of load after it */
    uint64_t before_calls, before_useful;
};

/* measure, statistic and filters are set. On failure nothing is owned. */
MUST_USE enum rc measurement_init(struct measurement *m, const struct scenario *scenario,
                                  const struct memory *memory);
void measurement_deinit(struct measurement *m); /* a zeroed one is fine */

void measurement_feed(struct measurement *m, const struct call_case *c);
void measurement_feed_sample(struct measurement *m, const struct sample_record *sample);

struct measured {
    bool is_known;
    double value; /* nanoseconds, a share from 0 to 1, picodollars, bytes, or a number; infinite:
                     never */
    uint64_t n;
    uint64_t unknown; /* attempts that it leaves out, because their caller was never told; with */
    double most;      /* them it is at most this; infinite: nobody knows. Meaningful with unknown */
    const char *unknown_what; /* "cost", "usage": of those attempts. Meaningful with unknown */
    char reason[120];         /* why it is not known */
};

/* Borrows the figures of the run that it was fed, for the call. */
void measurement_value(const struct measurement *m, const struct run_figures *figures,
                       struct measured *measured);

/* What one value of it is counted in. */
enum unit measurement_unit(const struct measurement *m);

#endif
