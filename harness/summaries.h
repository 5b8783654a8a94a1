#ifndef HARNESS_SUMMARIES_H
#define HARNESS_SUMMARIES_H

/* The verdict for machines that people watch: junit.xml and summary.md in the results folder, and
 * the latter also behind the file that GITHUB_STEP_SUMMARY names, where GitHub shows it at the job.
 *
 * Failure modes: a file of the folder cannot be written. That the job's summary cannot be told, or
 * has no room left (GitHub takes 1 MiB a step and shows nothing of what is longer), is only
 * complained of on standard error: the verdict stands. */

#include "base/error.h"
#include "judge/judge.h"
#include "report/facts.h"
#include "scenario/scenario.h"

/* `facts` name the results folder. */
MUST_USE enum rc summaries_write(const struct scenario *scenario, const struct judge *judge,
                                 const struct report_facts *facts, struct error *err);

#endif
