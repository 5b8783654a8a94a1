#ifndef ENGINE_CLIENT_H
#define ENGINE_CLIENT_H

/* The client engine: the load's calls, made by a policy, as one step machine.
 *
 *        due            SEND          HANDED         SENT        HEAD, BODY       END
 *   plan ---> starting ------> handed ------> ... connected ---> answering ---> judged by policy
 *                ^                                                     |            |      |
 *                |                      timeouts (engine's own) ------>+            |      v
 *                +------------- waiting <------------------- retry, fallback -------+    DONE
 *
 * Happy path:
 *     while (!client_is_done(c)) {
 *         wait until client_wakes_at(c), or something happens;
 *         client_step(c, &event);
 *         while (client_next(c, &effect)) apply it;
 *     }
 * A step may be made inside a libcurl callback on a borrowed slice; the effects are then taken
 * after the callback has returned.
 *
 * Of a service under test it asks the service, once a call, and `provider` of a send effect is the
 * index of its URL; what comes back is read by engine/service_answer.
 *
 * The engine owns every timer and never asks the time. Calls start when they are due; at the
 * ceiling load.in_flight_max they wait, and the wait is send lag. The run ends when its last call
 * has ended, or at the cut: load.drain after the last due; what is open then ends as `unfinished`.
 *
 * Failure modes: client_new (memory; a service's template, engine/service_ask). Later a call whose
 * answer exceeds its buffers, or for which there is no memory, ends as `malformed` with that
 * reason; the run goes on. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "engine/transport.h"
#include "scenario/scenario.h"

struct client;

struct client_options {
    const struct scenario *scenario; /* borrowed for life */
    const struct memory *memory;     /* likewise */
    int64_t wall_unix_ns; /* wall clock at run time 0, for dates in answers without a Date */
    bool speaks_values;   /* requests as values, not bytes (engine/told.h): to the simulator only */
    bool marks_requests; /* send x-brownout-* headers: to our mock only, never to a real provider */
    uint32_t worker, workers; /* plays the calls of this worker only; 0 of 0 or of 1: all */
    const struct slice *keys; /* by provider: credentials of a live target; NULL: placeholders */
    /* Of a service under test: */
    struct slice service_key;     /* empty: a placeholder */
    struct slice service_headers; /* the scenario's, filled in: whole lines; borrowed for life */
};

MUST_USE enum rc client_new(struct client **client, const struct client_options *options,
                            struct error *err);
void client_free(struct client *client); /* NULL is fine */

void client_step(struct client *client, const struct client_event *event);

/* The next effect of the steps made so far, in order; false when there is none. Taking a DONE
 * effect's successor releases its slot: take all effects before stepping again, except inside
 * callbacks. */
bool client_next(struct client *client, struct client_effect *effect);

/* When it wants a CLIENT_WAKE at the latest; NANOS_NEVER once done. */
nanos client_wakes_at(const struct client *client);

/* The plan is exhausted (or stopped), every call has ended, and every effect was taken. */
bool client_is_done(const struct client *client);

/* So far. */
uint64_t client_calls_started(const struct client *client);

/* Asserts every invariant; for tests, after each step. */
void client_check(const struct client *client);

#endif
