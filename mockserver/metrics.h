#ifndef MOCKSERVER_METRICS_H
#define MOCKSERVER_METRICS_H

/* What the mock did so far, in figures, for Prometheus (text format 0.0.4).
 *
 * Happy path: metrics_record per journal record, metrics_write when somebody asks. A series is told
 * from its first request on. Bounded: SERIES_MAX sets of labels and as many rules as a scenario may
 * have are told apart; what comes beyond is counted under the label "other". Failure modes: only
 * metrics_new (memory). One thread owns it. */

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "judge/evidence.h"
#include "scenario/scenario.h"

struct metrics;

MUST_USE enum rc metrics_new(struct metrics **metrics, const struct scenario *scenario,
                             const struct memory *memory);
void metrics_free(struct metrics *metrics); /* NULL is fine */

void metrics_record(struct metrics *metrics, const struct journal_record *record);

uint64_t metrics_canaries(const struct metrics *metrics); /* requests that held one */

/* What others know. */
struct metrics_state {
    uint32_t open; /* exchanges */
    uint64_t requests;
    uint64_t records_dropped; /* of the journal in memory, for want of room */
    uint64_t lines_lost;      /* of the journal that is streamed */
    uint32_t waiters;
    nanos now;
};

void metrics_write(const struct metrics *metrics, const struct metrics_state *state,
                   struct buffer *out);

#endif
