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
 * A job is a number of the owner's (below jobs_max). A client that leaves: `abandoned` says whether
 * its work stops at once (its place is free) or is finished for nobody (it stays until its end). A
 * waiting job whose client left is skipped, or is made for nobody too. More jobs at work make each
 * slower: `slowdown` is the factor at full places, 1 at an empty house, linear between.
 *
 *     capacity_admit(&c, job, now)            RUNS, WAITS, REFUSED
 *     capacity_run(&c, job, ends_at, now)     once it RUNS: how long it will take, slow-down
 * applied capacity_leave(&c, job, now)            answered, or its client has left
 *     capacity_next(&c, now, &job)            a job whose turn has come: take all after each call
 *     capacity_wakes_at(&c)                   when work for nobody ends, or places grow
 *
 * Failure modes: capacity_init (memory). Pure; one thread. */

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
    double recovers_from;    /* after a fault of capacity: the share of places that is back at once;
                                1: all */
    nanos recovers_over;     /* and how long the rest takes to come; it comes only while the
                                queue is empty, so a crowd at the door holds it up (INC-09) */
};

enum capacity_verdict { CAPACITY_RUNS, CAPACITY_WAITS, CAPACITY_REFUSED };

struct capacity;

MUST_USE enum rc capacity_new(struct capacity **c, const struct capacity_rules *rules,
                              uint32_t jobs_max, const struct memory *memory);
void capacity_free(struct capacity *c); /* NULL is fine */

/* A fault of capacity: only this share of the places works from now on (1: whole again). Work that
 * is under way goes on. */
void capacity_shrink(struct capacity *c, double share, nanos now);

enum capacity_verdict capacity_admit(struct capacity *c, uint32_t job, nanos now);
double capacity_slowdown(const struct capacity *c); /* for a job that starts now */
void capacity_run(struct capacity *c, uint32_t job, nanos ends_at, nanos now);

/* The answer is over (`is_abandoned`: its client left before that). The job's number is free for
 * another at once; work that goes on for nobody is remembered without it. */
void capacity_leave(struct capacity *c, uint32_t job, bool is_abandoned, nanos now);

bool capacity_next(struct capacity *c, nanos now, uint32_t *job);
nanos capacity_wakes_at(const struct capacity *c);

uint32_t capacity_at_work(const struct capacity *c);
uint32_t capacity_waiting(const struct capacity *c);

#endif
