#ifndef JUDGE_CONDITIONS_H
#define JUDGE_CONDITIONS_H

/* The conditions: was this run able to show anything? They are about the harness, not the subject:
 * a broken condition is never a failure, it makes the run inconclusive.
 *
 *   requests-arrived nothing asked the mock for anything: a command that found its way elsewhere
 *   paths-known      requests for paths that the mock has not: a base URL is wrong
 *   faults-consumed  a rule that should have fired ten times and never did: the chaos that was
 *                    meant to be survived was not there
 *   schedule-kept    the generator came too late to say anything about latencies
 *
 * All fill value, n, verdict and reason of a row. Pure. */

#include "judge/judge.h"
#include "judge/law.h"
#include "judge/tally.h"

void condition_faults_consumed(const struct tally *tally, const struct law_limits *limits,
                               struct verdict_row *row);
/* `lost` is what the shell says of it (which variables were set); may be empty. */
void condition_requests_arrived(const struct tally *tally, const char *lost,
                                struct verdict_row *row);
void condition_paths_known(const struct tally *tally, struct verdict_row *row);
void condition_schedule_kept(const struct tally *tally, const struct law_limits *limits,
                             struct verdict_row *row);

#endif
