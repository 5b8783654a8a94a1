#ifndef POLICY_BACKOFF_H
#define POLICY_BACKOFF_H

/* How long to wait before retry n when nobody advised: min(cap, base * factor^n), with jitter.
 * JITTER_FULL draws evenly from 0 to that (AWS Architecture Blog, "Exponential Backoff and
 * Jitter"); JITTER_QUARTER takes up to 25 % off (wire-facts.md §5.1, what the Stainless SDKs do).
 */

#include <stdint.h>

#include "base/nanos.h"

enum jitter { JITTER_NONE, JITTER_FULL, JITTER_QUARTER };

struct backoff {
    nanos base;
    double factor; /* at least 1 */
    nanos cap;
    enum jitter jitter;
};

/* `retry` counts from 0; `u` is a draw in [0, 1). */
nanos backoff_wait(const struct backoff *b, uint32_t retry, double u);

#endif
