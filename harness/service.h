#ifndef HARNESS_SERVICE_H
#define HARNESS_SERVICE_H

/* A running program under test: started by us when the scenario says how, asked whether it is
 * ready, watched while the run runs, and ended with everything that it started.
 *
 *     service_open (after the mock listens) --> the crew asks service.urls --> service_sample about
 *     every half a second --> service_close
 *
 * Failure modes: it cannot be started, ends, or is not ready in time: RC_SYSTEM, with the last of
 * what it said. Its output goes to `service.log` in the results folder. A zeroed one is closed; the
 * main thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "judge/evidence.h"
#include "os/child.h"
#include "scenario/scenario.h"
#include "surroundings.h"

struct service {
    const struct scenario *scenario;
    struct surroundings surroundings;
    struct child child;
    bool is_started; /* by us */
};

MUST_USE enum rc service_open(struct service *s, const struct scenario *scenario,
                              const struct mock_process *mock, const char *folder,
                              struct error *err);

/* Has it died? Then how, in a sentence. */
bool service_has_died(struct service *s, struct error *how);

/* Resident memory, descriptors and threads of all its processes. False: nothing is known of it
 * (not started by us). */
bool service_sample(const struct service *s, nanos at, struct sample_record *record);

void service_close(struct service *s);

#endif
