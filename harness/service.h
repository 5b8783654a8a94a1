#ifndef HARNESS_SERVICE_H
#define HARNESS_SERVICE_H

/* A running program under test: started by us when the scenario says how, asked whether it is
 * ready, watched while the run runs, and ended with everything that it started.
 *
 *     service_open (after the mock listens) --> the crew asks service.origins --> service_sample
 *     about every half a second --> service_close
 *
 * It is started in our own folder, with the environment of `exec` (surroundings.h), no input, and
 * its output in `service.log` of the results folder. It is ready once every URL answers GET `ready`
 * with 2xx, or accepts a connection where no path is given; so long we wait, `ready_within` at
 * most. One that runs already is waited for only where the scenario has a `ready`.
 *
 * Failure modes: it cannot be started, ends, or is not ready in time: RC_SYSTEM, with the last of
 * what it said; a signal while we wait; memory. It is killed
 * when we are. A zeroed one is closed; the main thread owns it. libcurl must have been initialised.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "judge/evidence.h"
#include "os/child.h"
#include "os/folder.h"
#include "scenario/base_url.h"
#include "scenario/scenario.h"
#include "surroundings.h"

struct service_options {
    const struct scenario *scenario; /* borrowed for life */
    const struct mock_process *mock;
    const char *folder;        /* of the results */
    const char *scenario_file; /* the copy there */
    int signals_fd;            /* os/signals.h */
};

struct service {
    const struct scenario *scenario;
    struct surroundings surroundings;
    struct child child;
    bool is_started; /* by us */
    char log[FOLDER_PATH_MAX];
    char urls[SERVICE_URLS_MAX][BASE_URL_MAX + 1];
    const char *origins[SERVICE_URLS_MAX]; /* the same, as the transport wants it */
    struct slice headers;                  /* the scenario's, filled in: whole lines */
};

MUST_USE enum rc service_open(struct service *s, const struct service_options *options,
                              struct error *err);

/* Has it died? Then how, in a sentence. */
bool service_has_died(struct service *s, struct error *how);

/* Resident memory, descriptors and threads of all its processes. False: nothing is known of it
 * (not started by us). */
bool service_sample(const struct service *s, nanos at, struct sample_record *record);

/* Asks it to end, waits five seconds at most, and kills what is left. */
void service_close(struct service *s);

#endif
