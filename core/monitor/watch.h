#ifndef MONITOR_WATCH_H
#define MONITOR_WATCH_H

/* One thing that is told of once in each period of run time: a budget (its window) or a kind of
 * anomaly (its cool-down).
 *
 *   period 0                    period 1
 *   |-----x---x-x-----x---------|-----------x----...
 *         told, 3 held back                 told, "and 3 more since"
 *
 * Period k is [k * per, (k + 1) * per); an instant before the start belongs to period 0. Cannot
 * fail. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/nanos.h"

struct watch {
    nanos per; /* at least 1 */
    uint64_t period;
    bool was_told;      /* in this period */
    uint64_t held_back; /* since it was told last, over all periods */
};

void watch_init(struct watch *w, nanos per);

/* `now` has come; it never decreases. Returns whether a new period began. */
bool watch_enter(struct watch *w, nanos now);

/* It is told of now. Returns how often it was held back since the last time. */
uint64_t watch_tell(struct watch *w);

void watch_hold_back(struct watch *w);

#endif
