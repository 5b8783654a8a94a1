#ifndef FAULT_MODEL_H
#define FAULT_MODEL_H

/* How a model behaves when nothing is wrong with it. First-token times, gaps and lengths of
 * thinking are drawn per attempt, keyed like everything else (streams "first_token", "token_gap",
 * "thinking"; call id, attempt ordinal). */

#include <stdint.h>

#include "base/distribution.h"
#include "base/nanos.h"
#include "fault/capacity.h"
#include "fault/limiter.h"

struct model {
    char name[64];
    uint32_t provider;               /* index into the scenario's providers */
    struct distribution first_token; /* nanoseconds */
    double tokens_per_s;             /* above 0 */
    struct distribution token_gap;   /* nanoseconds; drawn once an attempt, when has_token_gap;
                                        else the gap is 1/tokens_per_s */
    bool has_token_gap;
    uint32_t tokens_per_event; /* at least 1 */
    uint64_t context_window;   /* tokens; UINT64_MAX: no limit */
    bool stops_at_window; /* input and output together past the window end the answer (stop reason);
                             else the request is refused */
    struct distribution thinking; /* tokens of thinking before the text; p50 0: none */
    nanos ping_every;             /* a ping or comment in silences; 0: none */
    struct limits limits;
    struct capacity_rules capacity;
};

#endif
