#ifndef REPORT_STORY_H
#define REPORT_STORY_H

/* `brownout explain`: what became of one call, told from both ends of the wire, for somebody who is
 * tired and did not write the client.
 *
 *   trace:69: one call, seen from both ends
 *
 *     asked     claude-sonnet-4-5, ...                     head: what was wanted, what became of it
 *
 *     attempt                  0 s                 1.76 s  bars (report/bars.h)
 *       1 claude-sonnet-4-5   |x            |  429 rate_limited
 *
 *      after due  caller             mock                  timeline (report/timeline.h)
 *       +0.000 s  due
 *
 *     advice-heeded   attempt 2 came 442 ms after ...      each law that it broke, what that law
 * asks, and what would have kept it
 *
 * Pure: a function of the records; appends to `out`. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "judge/evidence.h"
#include "judge/judge.h"
#include "scenario/scenario.h"

enum { STORY_REQUESTS_MAX = 64 };

/* Everything is borrowed for the call. */
struct story {
    const struct scenario *scenario;
    const struct call_record *call;
    const struct journal_record *requests; /* of this call, in any order; all that the mock has */
    uint32_t requests_count;               /* at most STORY_REQUESTS_MAX */
    bool has_journal;                      /* false: a live target, or none was kept */
    nanos cut_at;                          /* end of the run; NANOS_NEVER: not known */
    const struct verdict_row *rows; /* of judging this call alone; others than laws that failed
                                     * are passed over */
    uint32_t rows_count;
};

void report_story(const struct story *story, struct buffer *out);

/* The latest instant that the story knows of; at least the call's due. */
nanos story_ends_at(const struct story *story);

/* "429 rate_limited", "timeout_call", "ok" */
void story_write_end(const struct attempt_record *attempt, char *text, size_t capacity);

/* A model by its index; "?" when it is none. */
const char *story_model(const struct story *story, uint32_t model);

#endif
