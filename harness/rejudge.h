#ifndef HARNESS_REJUDGE_H
#define HARNESS_REJUDGE_H

/* A results folder judged again: scenario.jsonc, run.json and the evidence, and the control run's
 * before it where there is one.
 *
 * Happy path: rejudge_open, look at judge and rows, rejudge_close. Whatever is damaged, missing or
 * thinned makes rows inconclusive or quotations (judge/review.h), never a failure of this; failure
 * modes are a folder that holds no scenario that can be loaded, and memory. One thread owns it. */

#include "base/error.h"
#include "judge/facts.h"
#include "judge/judge.h"
#include "os/folder.h"
#include "prepared.h"
#include "report/facts.h"

enum { REJUDGE_ROWS_MAX = 256 };

struct rejudge {
    char folder[FOLDER_PATH_MAX];
    struct prepared prepared;
    struct run_told told; /* zeroed where run.json tells nothing */
    bool has_told;
    struct judge *judge;     /* finished */
    struct rejudge *control; /* NULL: there was none */
    bool quoted[REJUDGE_ROWS_MAX];
    uint64_t json_checksum; /* of run.json; 0: there was none */
    char lost[160];         /* what is damaged or missing, in one sentence; empty: nothing */
};

MUST_USE enum rc rejudge_open(struct rejudge *r, const char *folder, struct error *err);
void rejudge_close(struct rejudge *r); /* a zeroed one is fine */

/* Borrows `r`. */
struct report_facts rejudge_facts(const struct rejudge *r);

#endif
