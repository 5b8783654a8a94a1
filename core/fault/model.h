#ifndef FAULT_MODEL_H
#define FAULT_MODEL_H

/* How a model behaves when nothing is wrong with it. First-token times are drawn per attempt, keyed
 * like everything else (stream "first_token", call id, attempt ordinal). */

#include <stdint.h>

#include "base/distribution.h"
#include "base/nanos.h"

struct model {
    char name[64];
    uint32_t provider;               /* index into the scenario's providers */
    struct distribution first_token; /* nanoseconds */
    double tokens_per_s;             /* above 0 */
    uint32_t tokens_per_event;       /* at least 1 */
    uint64_t context_window;         /* tokens; UINT64_MAX: no limit */
};

#endif
