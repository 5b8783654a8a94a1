#ifndef JUDGE_REVIEW_H
#define JUDGE_REVIEW_H

/* Judging again: what may be said of one row when the files are not all that the run itself saw.
 *
 *   evidence            judged again says   the run said   so
 *   whole               anything            –              what was judged again
 *   damaged, missing    fail                fail, unknown  fail (of the run: only if it said so)
 *   damaged, missing    anything else       anything       inconclusive, because of the damage
 *   thinned             fail                fail           fail; quoted unless all of it was found
 *   thinned             fail                anything else  inconclusive: they contradict each other
 *   thinned             anything else       anything       what the run said, quoted
 *
 * So a violation that was seen stands, and damage never makes anything pass. A row is a fail "of
 * the run" when no single call can break it: an expectation, a condition, or a law of the whole
 * run. "n/a" says nothing either way and stays. Pure. */

#include <stdbool.h>

#include "judge/judge.h"

struct review {
    const char *lost;                 /* the damage, in one sentence; empty: none */
    bool is_thinned;                  /* lines were kept of some calls only */
    const struct verdict_row *online; /* as the run found it; NULL: not known */
};

/* `row` as judged again becomes what may be said. Returns whether it is a quotation. */
bool review_row(const struct review *review, struct verdict_row *row);

#endif
