#ifndef HARNESS_WORKER_H
#define HARNESS_WORKER_H

/* A worker: one thread with a client engine, its transport, and the ring its finished calls leave
 * by. It plays the calls that are its own (scenario/source.h: call_worker) and knows nothing of the
 * others. It owns engine, transport and ring from worker_open to worker_deinit.
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
    const char *const *origins;      /* by provider; of a service under test by its URLs */
    uint32_t origins_count;
    const struct slice *keys; /* of a live target, by provider; NULL: placeholders */
    struct slice service_key; /* engine/client.h; likewise: */
    struct slice service_headers;
    nanos t0;                 /* of the monotonic clock: run time 0 */
    int64_t wall_unix_ns;     /* wall clock at run time 0 */
    bool marks_requests;      /* the upstream is our mock */
    uint32_t worker, workers; /* which of how many */
    int wake_fd;              /* of who empties the rings: an eventfd */
    const struct memory *memory;
};

struct worker {
    pthread_t thread;
    bool is_running;
    struct client *client;
    struct curl_transport *transport;
    struct ring ring;
    nanos ended_at; /* of the monotonic clock; for whoever has joined it */
};

/* How many calls each of them may have in flight at most: its share of load.in_flight_max. */
uint32_t worker_places(const struct scenario *scenario, uint32_t workers);

MUST_USE enum rc worker_open(struct worker *w, const struct worker_options *options,
                             struct error *err);
MUST_USE enum rc worker_start(struct worker *w, struct error *err);

/* End in order: open calls end as unfinished, no new one starts. */
void worker_stop(struct worker *w);

void worker_join(struct worker *w); /* also when it never ran */
void worker_deinit(struct worker *w);

#endif
