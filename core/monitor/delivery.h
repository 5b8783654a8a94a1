#ifndef MONITOR_DELIVERY_H
#define MONITOR_DELIVERY_H

/* The way of alerts to one hook: a queue, one post at a time, tries again where that helps.
 *
 *   add --> queue --front--> POST_DUE --taken--> UNDER_WAY --2xx--------------------> OVER:
 * delivered ^                    |-------other 4xx, 3xx---------> OVER | |-------401 403 404
 * 410--------> OVER, hook off |                    |--no answer 408 429 5xx,
 *                               +------ PAUSED <-----+  tries left
 *
 *   OVER --its SETTLED taken--> the next front
 *
 * The pause after try n is 0.5 s * 2^(n - 1), or the service's advice if that is longer. A hook
 * that is off settles all that is queued and all that comes, without a try. A queue that is full
 * gives the newest alert up at once; alerts so refused wait in a small ring of their own for their
 * SETTLED to be taken, and when that is full too there is no room (delivery_has_room): nothing may
 * be added, so that nothing can be lost.
 *
 * Failure modes: delivery_init (memory); it allocates nothing later. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/nanos.h"
#include "monitor/alert.h"
#include "monitor/monitor.h"

enum { DELIVERY_REFUSED_MAX = 64 };

enum delivery_phase {
    DELIVERY_EMPTY,
    DELIVERY_POST_DUE,
    DELIVERY_UNDER_WAY,
    DELIVERY_PAUSED,
    DELIVERY_OVER,
};

struct alert_ring {
    struct alert *places;
    uint32_t places_count;
    uint32_t first;
    uint32_t count; /* in use */
};

struct delivery {
    enum hook_kind hook;
    nanos patience;
    struct alert_ring queue; /* its front is what `phase` speaks of */
    struct alert_ring refused;
    enum delivery_phase phase;
    bool owes_cancel;
    bool is_off;      /* the hook refused for good */
    bool is_given_up; /* the run is over */
    /* Of the front: */
    uint32_t tries;
    uint16_t status;
    nanos alarm_at;    /* UNDER_WAY: end of patience; PAUSED: next try; else NANOS_NEVER */
    bool is_delivered; /* OVER: this and the next */
    nanos settled_at;
    struct alert_record record; /* of the SETTLED handed out last */
    struct buffer headers, body;
    const struct memory *memory;
};

MUST_USE enum rc delivery_init(struct delivery *d, enum hook_kind hook, nanos patience,
                               const struct memory *memory);
void delivery_deinit(struct delivery *d); /* a zeroed one is fine */

bool delivery_has_room(const struct delivery *d);
void delivery_add(struct delivery *d, const struct alert *alert, nanos now);

/* Of the post under way; ignored when there is none. */
void delivery_answered(struct delivery *d, uint16_t status, nanos advice_wait, nanos now);
void delivery_failed(struct delivery *d, nanos now);

void delivery_wake(struct delivery *d, nanos now);
nanos delivery_wakes_at(const struct delivery *d);

/* As monitor_next, for this hook; what is borrowed lives as long as there. */
bool delivery_next(struct delivery *d, nanos now, struct monitor_effect *effect);

bool delivery_is_idle(const struct delivery *d);

/* Everything open is settled as never delivered, and so is all that comes. */
void delivery_give_up(struct delivery *d);

#endif
