#ifndef BASE_NANOS_H
#define BASE_NANOS_H

/* Time as a whole number of nanoseconds.
 *
 * A field ending in `_at` is an instant, every other `nanos` is a span. Inside core/ an instant is
 * *run time*: 0 is the start of the run, instants before it are negative. The shells subtract the
 * start from the monotonic clock; the simulator counts from 0. */

#include <stdint.h>

typedef int64_t nanos;

/* "For ever" as a span, "has not happened" or "never" as an instant. */
#define NANOS_NEVER INT64_MAX

#define NANOS_US ((nanos)1000)
#define NANOS_MS ((nanos)1000000)
#define NANOS_S ((nanos)1000000000)

/* Adds two values that may be NANOS_NEVER; never wraps round. */
static inline nanos nanos_add(nanos a, nanos b)
{
    if (a == NANOS_NEVER || b == NANOS_NEVER)
        return NANOS_NEVER;
    if (b > 0 && a > NANOS_NEVER - b)
        return NANOS_NEVER;
    if (b < 0 && a < INT64_MIN - b)
        return INT64_MIN;
    return a + b;
}

static inline nanos nanos_min(nanos a, nanos b)
{
    return a < b ? a : b;
}

static inline nanos nanos_max(nanos a, nanos b)
{
    return a > b ? a : b;
}

#endif
