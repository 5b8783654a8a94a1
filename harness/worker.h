#ifndef HARNESS_WORKER_H
#define HARNESS_WORKER_H

/* A worker: one thread with a client engine, its transport, and the ring its finished calls leave
 * by. It owns them from worker_start to worker_join.
 *
 * Happy path: worker_open, worker_start; the ring is over when the engine is done; worker_join,
 * worker_deinit. Failure modes: worker_open (memory, descriptors), worker_start (the system). A
 * zeroed worker is closed. worker_stop may be called by any thread while it is open. */

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"
#include "curl_transport.h"
#include "engine/client.h"
#include "ring.h"

struct worker_options {
    const struct scenario *scenario; /* borrowed for life, like all below */
    const char *const *origins;      /* by provider */
    nanos t0;                        /* of the monotonic clock: run time 0 */
    int64_t wall_unix_ns;            /* wall clock at run time 0 */
    bool marks_requests;             /* the upstream is our mock */
    const struct memory *memory;
    struct ring *ring;
};

struct worker {
    pthread_t thread;
    bool is_running;
    struct client *client;
    struct curl_transport *transport;
    struct ring *ring;
};

MUST_USE enum rc worker_open(struct worker *w, const struct worker_options *options,
                             struct error *err);
MUST_USE enum rc worker_start(struct worker *w, struct error *err);

/* End in order: open calls end as unfinished, no new one starts. */
void worker_stop(struct worker *w);

void worker_join(struct worker *w); /* also when it never ran */
void worker_deinit(struct worker *w);

#endif
