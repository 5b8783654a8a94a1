#ifndef HARNESS_TRIAL_H
#define HARNESS_TRIAL_H

/* One scenario put on trial in one world: results folder, evidence, judge, report.
 *
 *   trial_open --> the world plays (socket_world, simulated_world): calls and journal come in,
 *                  and in the end `facts` --> trial_close: verdict, run.json, summary.txt, table
 *
 * Failure modes: the folder or its files cannot be made (trial_open), or written: the exit code is
 * then EXIT_NOT_CARRIED_OUT, with everything that was gathered. The main thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "curl_transport.h"
#include "evidence_files.h"
#include "exit_code.h"
#include "judge/judge.h"
#include "options.h"
#include "os/folder.h"
#include "prepared.h"

struct trial {
    const struct prepared *prepared;
    const struct options *options;
    const char *world; /* "run" or "sim" */
    int signals_fd;    /* os/signals.h */
    char folder[FOLDER_PATH_MAX];
    char scenario_file[FOLDER_PATH_MAX]; /* the copy in the folder, as run */
    struct evidence_files files;
    struct judge *judge;
    int64_t began_unix_ns;
    nanos began_at; /* of the monotonic clock */
    /* Set by the world: */
    struct run_facts facts;
    bool was_signalled;
    nanos t0; /* of the monotonic clock: run time 0; sockets only */
    int64_t t0_unix_ns;
    struct curl_transport_counts driver;
    uint64_t ring_waits; /* times the worker waited for the collector */
};

/* How a world plays a trial: RC_OK, or why it could not be carried out. */
typedef enum rc trial_play(struct trial *trial, struct error *err);

struct trial_options {
    const struct prepared *prepared; /* borrowed for life, like all below */
    const struct options *options;
    const char *world;
    int signals_fd;
};

MUST_USE enum rc trial_open(struct trial *trial, const struct trial_options *options,
                            struct error *err);

/* `problem` is what the world returned, or NULL. Prints, closes, and says how it ended. */
enum exit_code trial_close(struct trial *trial, const struct error *problem);

#endif
