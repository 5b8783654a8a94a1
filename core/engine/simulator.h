#ifndef ENGINE_SIMULATOR_H
#define ENGINE_SIMULATOR_H

/* The second world: client engine and upstream engine back to back through a link model, under a
 * virtual clock that jumps to the earliest pending event. No socket, no waiting; an hour of run
 * time costs milliseconds. The same scenario, engines, formats and faults as over sockets; only the
 * network is a model:
 *
 *   request:  [connect, when no idle connection is pooled], sent, latency --> upstream
 *   answer:   latency --> client, in order                cancel: latency --> upstream learns of it
 *
 * Requests, and answers that nothing is wrong with, cross the link as values (engine/told.h);
 * bytes_out of the journal is 0, for nothing is written to a wire.
 *
 * The wall clock starts at SIMULATOR_WALL_UNIX_NS, so that HTTP dates are the same every time.
 * Two runs of one scenario give the same bytes. Failure modes: memory, at the start or when a burst
 * exceeds what is queued (RC_NOMEM, with all records so far delivered). */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/nanos.h"
#include "judge/evidence.h"
#include "monitor/monitor.h"
#include "scenario/scenario.h"

/* 2026-01-01T00:00:00Z */
#define SIMULATOR_WALL_UNIX_NS ((int64_t)1767225600 * NANOS_S)

struct simulation {
    const struct scenario *scenario;
    const struct memory *memory;
    void *context; /* of the callbacks, each of which may be NULL; records are borrowed for the call
                    */
    void (*on_call)(void *context, const struct call_record *call);
    void (*on_journal)(void *context, const struct journal_record *record);
    void (*on_alert)(void *context, const struct alert_record *record);
    bool writes_bytes;       /* also where values would do: slower, the same records */
    struct monitor *monitor; /* told of every call, its posts carried to the hooks; may be NULL */
    /* What happens on the line, for timelines in tests: "send", "answered 429", ... */
    void (*on_step)(void *context, nanos at, const struct call_id *call, uint32_t attempt,
                    const char *what);
    /* Asked now and then; true stops the run in order (an interrupt). */
    bool (*is_interrupted)(void *context);
};

struct simulation_result {
    nanos ended_at;
    uint64_t calls_started;
    bool was_interrupted;
};

MUST_USE enum rc simulate(const struct simulation *simulation, struct simulation_result *result,
                          struct error *err);

#endif
