#ifndef TESTS_SUPPORT_HEARING_H
#define TESTS_SUPPORT_HEARING_H

/* One judgement from beginning to end, over the sample world (tests/support/sample.h):
 *
 *     hearing_begin(&hearing, "{\"attempts-bounded\": {\"max\": 2}}", NULL);
 *     call = sample_call(0);
 *     ...spoil it...
 *     hearing_feed(&hearing, &call);
 *     hearing_finish(&hearing);
 *     EXPECT_U64(hearing_row(&hearing, "attempts-bounded")->verdict, VERDICT_FAIL);
 *     hearing_end(&hearing);
 */

#include "judge/judge.h"
#include "tests/support/sample.h"

struct hearing {
    struct scenario scenario;
    struct judge *judge;
    struct error err;
    enum rc rc;             /* of judge_new */
    struct run_facts facts; /* for hearing_finish: a whole run, cut at 80 s */
};

/* Texts are borrowed; NULL for none. A test may change hearing->scenario before and pass it on with
 * hearing_start instead. */
void hearing_begin(struct hearing *hearing, const char *laws, const char *expectation);
void hearing_start(struct hearing *hearing, const char *laws, const char *expectation);

/* The call and, before it, what the journal says of it. Counts it as planned. */
void hearing_feed(struct hearing *hearing, const struct call_record *call);

/* The calls from `from` on, as they are sampled. */
void hearing_feed_calls(struct hearing *hearing, uint64_t from, uint64_t count);
void hearing_finish(struct hearing *hearing);

/* The row of that name; fails the test when there is none. */
const struct verdict_row *hearing_row(const struct hearing *hearing, const char *name);

void hearing_end(struct hearing *hearing);

#endif
