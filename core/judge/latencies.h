#ifndef JUDGE_LATENCIES_H
#define JUDGE_LATENCIES_H

/* Percentiles from two more witnesses, for the law percentiles-agree.
 *
 *   rolling   the last ROLLING_SAMPLES response times per answering model, worked out here again
 *             and apart from monitor/rolling.c: what the monitor reports must equal it exactly
 *   service   of each answered attempt that the journal has: sent to last content by the caller,
 *             head in to last byte out by the mock
 *             (not where a fault accepted its connection late: the caller waited, and the request
 *             had not come yet)
 *   lags      of the same attempts one by one: how far the two times are apart, and how much of it
 *             lies on the way there (sent to head in) and back (last byte out to last content).
 *             Both ends read one clock, so on one machine a lag is a process that came late
 *
 * Failure modes: memory at init. Nothing grows. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "judge/call_case.h"
#include "metric/histogram.h"
#include "monitor/rolling.h"
#include "scenario/scenario.h"

enum { LATENCY_PERCENTILES = 3 }; /* p50, p95, p99 */

struct latency_ring {
    nanos samples[ROLLING_SAMPLES];
    uint64_t recorded; /* ever */
};

struct latencies {
    const struct memory *memory;
    uint32_t models_count;
    bool has_slow_accept;       /* a rule lets connections wait for being accepted */
    struct latency_ring *rings; /* by model */
    struct histogram caller, mock;
    struct histogram apart, there, back;
};

/* On failure owns nothing. */
MUST_USE enum rc latencies_init(struct latencies *l, const struct scenario *scenario,
                                const struct memory *memory);
void latencies_deinit(struct latencies *l); /* a zeroed one is fine */

/* A record, in the order in which the monitor hears of it. */
void latencies_record(struct latencies *l, const struct call_record *call);

/* A judged call: both ends of its answered attempts. */
void latencies_call(struct latencies *l, const struct call_case *c);

/* Over the last calls that `model` answered; zeroed without any. */
struct rolling_figures latencies_rolling(const struct latencies *l, uint32_t model);

/* Percentile `index` (0 p50, 1 p95, 2 p99) of service time, both ways; false with too few samples:
 * 20 for p50, 1 / (1 - p) for the others. */
struct latency_pair {
    nanos caller, mock;
};

bool latencies_service(const struct latencies *l, uint32_t index, struct latency_pair *pair);

/* Of the attempts behind latencies_service; false without any. */
struct latency_lags {
    nanos apart_p50;           /* caller and mock, of the same attempt, whichever is longer */
    nanos there_p99, back_p99; /* 0 at least */
};

bool latencies_lags(const struct latencies *l, struct latency_lags *lags);

const char *latency_percentile_word(uint32_t index); /* "p50" */

#endif
