#include "monitor/watch.h"

#include <assert.h>

void watch_init(struct watch *w, nanos per)
{
    assert(per >= 1);
    *w = (struct watch){.per = per};
}

bool watch_enter(struct watch *w, nanos now)
{
    uint64_t period = (uint64_t)(nanos_max(now, 0) / w->per);

    assert(period >= w->period);
    if (period == w->period)
        return false;
    w->period = period;
    w->was_told = false;
    return true;
}

uint64_t watch_tell(struct watch *w)
{
    uint64_t held_back = w->held_back;

    w->was_told = true;
    w->held_back = 0;
    return held_back;
}

void watch_hold_back(struct watch *w)
{
    w->held_back++;
}
