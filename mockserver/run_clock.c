#include "run_clock.h"

#include <assert.h>

#include "os/clock.h"

void run_clock_start(struct run_clock *clock, nanos t0)
{
    assert(!clock->is_started);
    *clock = (struct run_clock){.t0 = t0, .is_started = true};
}

nanos run_clock_at(const struct run_clock *clock, nanos monotonic)
{
    assert(clock->is_started);
    return monotonic - clock->t0;
}

nanos run_clock_now(const struct run_clock *clock)
{
    return run_clock_at(clock, clock_monotonic());
}
