#ifndef FAULT_CAPACITY_H
#define FAULT_CAPACITY_H

/* The capacity of one model: places in which answers are made, a queue before them, and what
 * happens when both are full. With a client that gives up and asks again, this alone makes a retry
 * storm (INC-10) and a trampled recovery (INC-09). *Ordered*.
 *
 *     admit --place free--> RUNS ------- leave / its end has come ------> out
 *       |                     ^
 *       +--queue free--> WAITS+   (the longest waiting first)
 *       +--full--> REFUSED with `when_full`
 *
 * A job is a number of the owner's (below jobs_max), in use from its admission (unless REFUSED) to
 * capacity_leave. A client that leaves: `abandoned` says whether its work stops at once (its place
 * is free) or is finished for nobody (it keeps its place until its end has come; one that waited
 * keeps its turn). More jobs at work make each slower: `slowdown` is the factor for a job that
 * takes the last place, 1 for one that comes into an empty house, linear between; it is fixed when
 * the job starts.
 *
 *     capacity_admit(c, job, lasts, now)      RUNS, WAITS, REFUSED
 *     capacity_slowdown(c, job)               once it RUNS: the owner stretches its times by that
 *     capacity_leave(c, job, is_abandoned, now)   answered, or its client has left
 *     capacity_next(c, now, &job)             a job whose turn has come: take all after each call
 *     capacity_wakes_at(c)                    when to ask capacity_next without a call
 *
 * Failure modes: capacity_new (memory). The queue is bounded by jobs_max too, and so is the work
 * under way. Every call costs O(log jobs_max) at the most, over many calls. Pure; one thread. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/nanos.h"

struct capacity_rules {
    uint32_t places;         /* 0: without limit, and nothing below matters */
    uint32_t queue;          /* how many may wait; UINT32_MAX: any number */
    double slowdown;         /* at full places; at least 1 */
    uint16_t when_full;      /* status of those that neither fit nor may wait: 529, 503, 429 */
    bool finishes_abandoned; /* else: work whose client has left stops at once */
    double recovers_from;    /* after a fault of capacity: the share of places that is back at once
                                (at least one place); 1: all */
    nanos recovers_over;     /* and how long the rest takes to come; it comes only while the
                                queue is empty, so a crowd at the door holds it up (INC-09) */
};

enum capacity_verdict { CAPACITY_RUNS, CAPACITY_WAITS, CAPACITY_REFUSED };

struct capacity;

MUST_USE enum rc capacity_new(struct capacity **c, const struct capacity_rules *rules,
                              uint32_t jobs_max, const struct memory *memory);
void capacity_free(struct capacity *c); /* NULL is fine */

/* A fault of capacity: only this share of the places works from now on (1: whole again, after
 * recovery). Work that is under way goes on. */
void capacity_shrink(struct capacity *c, double share, nanos now);

/* `lasts`: how long its answer takes in an empty house; NANOS_NEVER for one that never ends by
 * itself (a stall), and is over when its client leaves. */
enum capacity_verdict capacity_admit(struct capacity *c, uint32_t job, nanos lasts, nanos now);

/* Of a job that runs. */
double capacity_slowdown(const struct capacity *c, uint32_t job);

/* The answer is over (`is_abandoned`: its client left before that; a job that waits can end in no
 * other way). The job's number is free for another at once; work that goes on for nobody is
 * remembered without it. */
void capacity_leave(struct capacity *c, uint32_t job, bool is_abandoned, nanos now);

/* Starts the job that has waited longest, if a place is free. */
bool capacity_next(struct capacity *c, nanos now, uint32_t *job);

/* When work for nobody ends while others wait; else NANOS_NEVER. */
nanos capacity_wakes_at(const struct capacity *c);

/* Work for nobody included, as of the latest call. */
uint32_t capacity_at_work(const struct capacity *c);
uint32_t capacity_waiting(const struct capacity *c);

/* How many places work, as of the latest call. */
uint32_t capacity_places(const struct capacity *c);

#endif
