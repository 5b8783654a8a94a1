#ifndef HARNESS_RING_H
#define HARNESS_RING_H

/* Finished calls on their way from one worker to the collector: single producer, single consumer,
 * RING_BYTES of space, no locks.
 *
 *   worker:    ring_push ... ring_push, ring_close
 *   collector: poll the wake descriptor (with a patience of its own), ring_peek, ring_drop, until
 *              ring_is_over
 *
 * A record takes as much space as it has attempts: one of 32 is thirteen times one of a single
 * attempt, and most have one. It never lies across the end: where less is left than the largest
 * record needs, both sides go on at the start.
 *
 *   | dropped ... | record | record | record | pushed ... | less than the largest: never used |
 *
 * The wake descriptor is the host's, one for many rings. It is written when a quarter of the space
 * is filled and at the end, not at every call: a wake-up each would cost more than the call. So the
 * consumer looks now and then unasked.
 *
 * Failure modes: ring_open (memory). Ring full: the producer waits, and counts that.
 * Shared words: `pushed` (the producer writes), `dropped` (the consumer writes), `is_closed`,
 * `waits`. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "judge/evidence.h"

enum { RING_BYTES = 4 << 20 };

struct ring {
    const struct memory *memory;
    char *space;
    int wake_fd; /* an eventfd; borrowed for life */
    /* Bytes ever, with those left out at the ends. */
    _Atomic uint64_t pushed;
    _Atomic uint64_t dropped;
    atomic_bool is_closed;
    _Atomic uint64_t waits; /* times the producer found it full */
};

MUST_USE enum rc ring_open(struct ring *r, int wake_fd, const struct memory *memory,
                           struct error *err);
void ring_deinit(struct ring *r); /* a zeroed ring is fine; both sides must be through */

/* The producer's side. The record is copied, as far as it has attempts. */
void ring_push(struct ring *r, const struct call_record *record);
void ring_close(struct ring *r);

/* The consumer's side: the oldest record, or NULL; it stays in place until dropped. Only as many of
 * its attempts are there as it says: it may not be copied as a whole. */
const struct call_record *ring_peek(struct ring *r);
void ring_drop(struct ring *r);

/* Closed and empty: nothing will come. */
bool ring_is_over(struct ring *r);

#endif
