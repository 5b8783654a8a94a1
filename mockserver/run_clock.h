#ifndef MOCKSERVER_RUN_CLOCK_H
#define MOCKSERVER_RUN_CLOCK_H

/* Run time of the mock: the monotonic clock less t0, the instant at which the run starts.
 *
 * t0 is set once (mock_start tells of an exception): by the driver, which may choose an instant
 * still to come (run time is negative until then), or by the first request when a mock runs on its
 * own. A zeroed clock has not been started. */

#include <stdbool.h>

#include "base/nanos.h"

struct run_clock {
    nanos t0; /* of the monotonic clock; meaningful once started */
    bool is_started;
};

void run_clock_start(struct run_clock *clock, nanos t0);

/* Both need a started clock. */
nanos run_clock_at(const struct run_clock *clock, nanos monotonic);
nanos run_clock_now(const struct run_clock *clock);

#endif
