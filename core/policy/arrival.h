#ifndef POLICY_ARRIVAL_H
#define POLICY_ARRIVAL_H

/* When calls are due: an open loop on an absolute schedule. The k-th due time depends on the plan
 * alone, never on when an earlier call was sent or answered (coordinated omission; MEA-01).
 *
 * constant: start + k / rate, each rounded to a nanosecond on its own, so nothing drifts.
 * poisson:  gaps are numbered exponential draws, rounded to nanoseconds and summed as integers.
 * (A trace's instants come from its rows: scenario/trace.h.) */

#include <stdbool.h>
#include <stdint.h>

#include "base/nanos.h"

enum arrival_process { ARRIVAL_CONSTANT, ARRIVAL_POISSON };

struct arrival_rules {
    enum arrival_process process;
    double rate_per_s; /* above 0 */
    nanos start_at;
    nanos lasts; /* arrivals are due in [start_at, start_at + lasts) */
};

struct arrival {
    struct arrival_rules rules;
    uint64_t seed;
    uint64_t stream; /* of the part's name */
    uint64_t next;   /* index of the arrival that comes next */
    nanos due_at;    /* of that arrival */
};

void arrival_init(struct arrival *a, const struct arrival_rules *rules, uint64_t seed,
                  uint64_t stream);

/* The next due time; false when the part is over. */
bool arrival_next(struct arrival *a, nanos *due_at);

#endif
