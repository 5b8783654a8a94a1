#ifndef HARNESS_RING_H
#define HARNESS_RING_H

/* Finished calls on their way from one worker to the collector: single producer, single consumer,
 * fixed slots, no locks.
 *
 *   worker:  ring_push ... ring_push, ring_close
 *   collector: poll wake_fd (with a patience of its own), ring_peek, ring_drop, until ring_is_over
 *
 * The wake descriptor is written when a quarter of the slots are filled and at the end, not at
 * every call: a wake-up each would cost more than the call. So the consumer looks now and then
 * unasked.
 *
 * Failure modes: ring_open (memory, the system). Ring full: the producer waits, and counts that.
 * Shared words: `pushed` (the producer writes), `dropped` (the consumer writes), `is_closed`. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "judge/evidence.h"

enum { RING_SLOTS = 1024 };

struct ring {
    const struct memory *memory;
    struct call_record *slots;
    int wake_fd;
    bool has_wake_fd;
    _Atomic uint64_t pushed;
    _Atomic uint64_t dropped;
    atomic_bool is_closed;
    _Atomic uint64_t waits; /* times the producer found it full */
};

MUST_USE enum rc ring_open(struct ring *r, const struct memory *memory, struct error *err);
void ring_deinit(struct ring *r); /* a zeroed ring is fine; both sides must be through */

/* The producer's side. The record is copied, as far as it has attempts. */
void ring_push(struct ring *r, const struct call_record *record);
void ring_close(struct ring *r);

/* The consumer's side: the oldest record, or NULL; it stays in place until dropped. */
const struct call_record *ring_peek(struct ring *r);
void ring_drop(struct ring *r);

/* Closed and empty: nothing will come. */
bool ring_is_over(struct ring *r);

/* Takes the wake-up off, after poll said that there is one. */
void ring_take_wake(struct ring *r);

#endif
