#ifndef BASE_TIMERS_H
#define BASE_TIMERS_H

/* One alarm per slot, and which comes first: an indexed binary heap over a fixed number of slots.
 * Setting, moving and clearing cost O(log n); the first is at hand. Equal instants come in slot
 * order, so two runs of the simulator agree. Allocates at birth only. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/nanos.h"

/* A slot in the heap, with its instant beside it: comparing looks nowhere else. */
struct timer {
    nanos at;
    uint32_t slot;
};

struct timers {
    nanos *at;          /* by slot; NANOS_NEVER when not set */
    struct timer *heap; /* earliest first */
    uint32_t *place;    /* by slot: index into heap */
    uint32_t count;     /* set */
    uint32_t slots_max;
    const struct memory *memory;
};

MUST_USE enum rc timers_init(struct timers *t, const struct memory *memory, uint32_t slots_max);
void timers_deinit(struct timers *t);

/* NANOS_NEVER clears it. */
void timers_set(struct timers *t, uint32_t slot, nanos at);

/* When the earliest strikes; NANOS_NEVER without one. */
nanos timers_first_at(const struct timers *t);

/* Takes the earliest off if it strikes at or before `now`. */
bool timers_take(struct timers *t, nanos now, uint32_t *slot);

#endif
