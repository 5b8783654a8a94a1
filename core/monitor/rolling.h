#ifndef MONITOR_ROLLING_H
#define MONITOR_ROLLING_H

/* Rolling percentiles: the last ROLLING_SAMPLES latencies of one model, the oldest evicted first.
 * (The guide's tracker evicts the smallest, so its percentiles drift upwards for ever: design §13.)
 *
 * Percentiles are nearest rank, exact. Recording costs a store; asking costs a sort of the window,
 * so it is asked at reports, not per call. No failure modes; one thread owns it. */

#include <stdint.h>

#include "base/nanos.h"

enum { ROLLING_SAMPLES = 500 };

struct rolling {
    nanos samples[ROLLING_SAMPLES]; /* ring */
    uint64_t recorded;              /* ever */
};

void rolling_record(struct rolling *r, nanos latency);

struct rolling_figures {
    uint64_t n; /* in the window; 0: the rest means nothing */
    nanos p50, p95, p99;
};

struct rolling_figures rolling_figures(const struct rolling *r);

#endif
