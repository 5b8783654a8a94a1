#ifndef HARNESS_PLAYING_H
#define HARNESS_PLAYING_H

/* Scenario files put on trial in one world, from the command line to the exit code: what `run`,
 * `sim` and `exec` have in common.
 *
 *   prepare every case of every file, and ask the world whether it can play it --> system --> for
 *   each: control run, if it wants one --> trial, again while in doubt (--inconclusive retry:N)
 *   --> a table with a line for each case, where a file varies
 *
 * Nothing is run when one file is refused. Each trial leaves results of its own and prints its
 * report. Failure modes: whatever prepared_load and the world refuse (EXIT_USAGE), a system that
 * cannot (EXIT_NOT_CARRIED_OUT); of several files the worst counts. The main thread owns it. */

#include <stdbool.h>

#include "exit_code.h"
#include "options.h"
#include "prepared.h"
#include "trial.h"

struct world {
    const char *name; /* of run.json and reports: "run", "sim", "exec" */
    trial_play *play;
    /* Can it be played here? NULL: anything can. Asked before anything runs. */
    enum rc (*check)(const struct scenario *scenario, const struct options *options,
                     struct error *err);
    bool has_driver; /* of ours, over sockets: it needs descriptors and threads */
};

enum exit_code play_in(const struct options *options, const struct world *world);

#endif
