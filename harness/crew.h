#ifndef HARNESS_CREW_H
#define HARNESS_CREW_H

/* The workers of one run: started together, stopped together, and what they did added up. Which
 * worker plays a call its id alone decides, so their number changes no result.
 *
 *   worker 0 --ring--> |
 *   worker 1 --ring--> | --one wake descriptor--> whoever collects: crew_take
 *   worker 2 --ring--> |
 *
 * Happy path: crew_open, crew_start; poll wake_fd (with a patience: see ring.h) and crew_take until
 * crew_is_over; crew_join, crew_ended_at, crew_counts; crew_deinit.
 *
 * Failure modes: crew_open (memory, descriptors), crew_start (threads): both leave nothing running.
 * A zeroed crew is closed. crew_stop may be called by any thread while it is open; all else belongs
 * to the one that collects. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "worker.h"

enum { CREW_WORKERS_MAX = 64 };

struct crew_options {
    const struct scenario *scenario; /* borrowed for life, like all below */
    const char *const *origins;      /* whom it asks, crew_origins_count of them: by provider, or by
                                        a service's URLs */
    const struct slice *keys;        /* of a live target, by provider; NULL: placeholders */
    struct slice service_key;        /* of a service under test; empty: a placeholder */
    struct slice service_headers;    /* likewise, whole lines */
    nanos t0;                        /* of the monotonic clock: run time 0 */
    int64_t wall_unix_ns;            /* wall clock at run time 0 */
    bool marks_requests;             /* the upstream is our mock */
    uint32_t workers;                /* from 1 to CREW_WORKERS_MAX */
    const struct memory *memory;
};

struct crew {
    struct worker workers[CREW_WORKERS_MAX];
    uint32_t count; /* that are open */
    int wake_fd;
    bool has_wake_fd;
};

struct crew_counts {
    struct curl_transport_counts driver;
    uint64_t ring_waits; /* times a worker waited for whoever collects */
};

/* How many of `workers` have something to do: no more than load.in_flight_max, which they share. */
uint32_t crew_size(const struct scenario *scenario, uint32_t workers);

/* Providers, or the URLs of a service. */
uint32_t crew_origins_count(const struct scenario *scenario);

MUST_USE enum rc crew_open(struct crew *crew, const struct crew_options *options,
                           struct error *err);
MUST_USE enum rc crew_start(struct crew *crew, struct error *err);

/* Hands over some finished calls, in turns from every ring, each borrowed for its call. Returns
 * whether more may wait. */
typedef void crew_on_call(void *context, const struct call_record *call);
bool crew_take(struct crew *crew, crew_on_call *on_call, void *context);

/* Takes the wake-up off, after poll said that there is one. */
void crew_take_wake(struct crew *crew);

/* Every worker has ended and every call was taken. */
bool crew_is_over(struct crew *crew);

/* End in order: open calls end as unfinished, no new one starts. */
void crew_stop(struct crew *crew);

/* Also when it never started. Whoever joins before crew_is_over must have stopped it. */
void crew_join(struct crew *crew);

/* Once joined. */
nanos crew_ended_at(const struct crew *crew); /* the latest, of the monotonic clock */
struct crew_counts crew_counts(const struct crew *crew);

void crew_deinit(struct crew *crew);

/* Files and sockets that so many workers have open at the most. */
uint64_t crew_descriptors(const struct scenario *scenario, uint32_t workers);

#endif
