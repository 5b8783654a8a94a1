#ifndef HARNESS_TRIAL_H
#define HARNESS_TRIAL_H

/* One scenario put on trial in one world: results folder, evidence, judge, report.
 *
 *   trial_open --> the world plays (socket_world, simulated_world): calls and journal come in,
 *                  and in the end `facts` --> trial_close: verdict, run.json, summary.txt, table
 *
 * A control run is a trial of its own, of the same plan without faults, in the folder `control` of
 * the trial it belongs to. It is played first; trial_close_control judges and writes it, and its
 * judge stays for the other's trial_close, which frees it too.
 *
 * Failure modes: the folder or its files cannot be made (trial_open), or written: the exit code is
 * then EXIT_NOT_CARRIED_OUT, with everything that was gathered. The main thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "curl_transport.h"
#include "evidence_files.h"
#include "exit_code.h"
#include "engine/stake.h"
#include "judge/judge.h"
#include "live.h"
#include "monitor/monitor.h"
#include "options.h"
#include "os/folder.h"
#include "prepared.h"
#include "report/facts.h"

struct trial {
    const struct prepared *prepared;
    const struct options *options;
    const char *world; /* "run" or "sim" */
    int signals_fd;    /* os/signals.h */
    char folder[FOLDER_PATH_MAX];
    char scenario_file[FOLDER_PATH_MAX]; /* the copy in the folder, as run */
    struct evidence_files files;
    struct judge *judge;
    struct monitor *monitor; /* told of every call; NULL: the scenario wants none */
    struct trial *control;   /* the control run's, closed; NULL: there is none */
    uint64_t json_checksum;  /* of a closed control run's run.json; 0: not written */
    struct live live;        /* open: others are asked than a mock of ours, maybe with keys */
    struct stake stake;      /* of a scenario with a spend_limit: */
    money staked;            /* at the latest look, */
    bool is_spent;           /* ... and that ended the run */
    int64_t began_unix_ns;
    nanos began_at; /* of the monotonic clock */
    /* Set by the world: */
    struct run_facts facts;
    bool was_signalled;
    char telling[360]; /* once closed: the first row that decided, "name: reason"; may be empty */
    nanos t0;          /* of the monotonic clock: run time 0; sockets only */
    int64_t t0_unix_ns;
    struct curl_transport_counts driver;
    uint64_t ring_waits; /* times the worker waited for the collector */
};

/* A finished call, for worlds: into the files, to the judge, onto the bill. */
void trial_take_call(struct trial *trial, const struct call_record *call);

/* Must it end, or the open calls could cost more than the scenario's spend_limit? `now` is run
 * time. */
bool trial_is_spent(struct trial *trial, nanos now);

/* What reports say of it; `problem` may be NULL. */
struct report_facts trial_facts(const struct trial *trial, const struct error *problem, nanos took);

/* How a world plays a trial: RC_OK, or why it could not be carried out. */
typedef enum rc trial_play(struct trial *trial, struct error *err);

struct trial_options {
    const struct prepared *prepared; /* borrowed for life, like all below */
    const struct options *options;
    const char *world;
    int signals_fd;
    char *cases_folder; /* of a case: FOLDER_PATH_MAX bytes, where the folders of all of them lie;
                           empty: the first of them makes it */
    struct trial *control_of; /* the trial that this is the control run of; NULL: none */
};

MUST_USE enum rc trial_open(struct trial *trial, const struct trial_options *options,
                            struct error *err);

/* `problem` is what the world returned, or NULL. RC_OK when it was carried out, whatever came of
 * it; else the problem, which is then that of the whole. */
MUST_USE enum rc trial_close_control(struct trial *control, const struct error *problem,
                                     struct error *err);

/* `problem` is what the world returned, or NULL. Prints, closes, and says how it ended. */
enum exit_code trial_close(struct trial *trial, const struct error *problem);

#endif
