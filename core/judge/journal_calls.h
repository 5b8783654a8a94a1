#ifndef JUDGE_JOURNAL_CALLS_H
#define JUDGE_JOURNAL_CALLS_H

/* Calls as the journal alone shows them: for clients that leave no record of their own (somebody
 * else's program, asked by a test what it did).
 *
 *     journal_calls_new(&calls, scenario, memory)
 *     journal_calls_add(calls, record)               any order, any number
 *     journal_calls_settle(calls)
 *     journal_calls_judge(calls, LAW_ADVICE_HEEDED, &limits, NULL, &row)
 *
 * Requests of one call id under one isolation path are attempts of one call. Their ordinals are
 * those that the sender said, else their order of arrival. An attempt is sent when its body was in
 * and ends when its exchange did; the call is due at its first request's head.
 *
 * What it cannot know: what never reached the mock, what the application made of an answer, and
 * when it wanted a call. So only laws about what was sent can be judged (journal_calls_can_judge).
 * Calls that are known by likeness alone prove nothing: they make a law inconclusive.
 *
 * Failure modes: memory, and RC_LIMIT beyond JOURNAL_CALLS_REQUESTS_MAX requests; the record is
 * then left out. Requests of no call, of hooks, and of no model (listings, counts) are passed over.
 * Pure; one thread. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "judge/app_log.h"
#include "judge/call_case.h"
#include "judge/evidence.h"
#include "judge/judge.h"
#include "judge/law.h"

enum { JOURNAL_CALLS_REQUESTS_MAX = 1 << 20 };

/* Why doubtful calls prove so little, and what would help. */
#define JOURNAL_CALLS_DOUBT                                                              \
    "the same question was asked again after it failed: a retry, or another call? "      \
    "Tell calls apart by their prompts, a marker \xE2\x9F\xA6k1\xE2\x9F\xA7 in them, a " \
    "traceparent, or an isolation path"

struct journal_calls;

MUST_USE enum rc journal_calls_new(struct journal_calls **calls, const struct scenario *scenario,
                                   const struct memory *memory);
void journal_calls_free(struct journal_calls *calls); /* NULL is fine */

MUST_USE enum rc journal_calls_add(struct journal_calls *calls,
                                   const struct journal_record *record);

/* A record that nobody asks about, but that tells others of the same question apart: where a call
 * ended, and what was under way beside it. Failure modes as above. */
MUST_USE enum rc journal_calls_note(struct journal_calls *calls,
                                    const struct journal_record *record);

/* Once, after the last record: groups them. Calls are then numbered by their first request. */
void journal_calls_settle(struct journal_calls *calls);

/* A line of the application's log, before settling: joined to its call by the response's id, the
 * request's id, or the call's own name. What it tells is then the caller's account: usage, cost,
 * outcome, and when the call ended. RC_LIMIT, RC_NOMEM: it is left out. */
MUST_USE enum rc journal_calls_add_log(struct journal_calls *calls,
                                       const struct app_log_entry *entry);

/* After settling: every call to the judge, as "call:1", "call:2"... in the order of their first
 * requests, and all journal records with those names in place of the mock's. Fills what of `facts`
 * these calls tell: calls_planned, has_caller, unknown_paths, and the counts of log lines. */
void journal_calls_feed(struct journal_calls *calls, struct judge *judge, struct run_facts *facts);

/* --- after that ------------------------------------------------------------------------------- */

struct journal_call {
    char call[CALL_ID_TEXT_MAX];
    bool is_doubtful; /* others may belong to it, too (judge/chain.h) */
    uint32_t requests_count;
    nanos first_at;       /* head of the first request */
    enum outcome outcome; /* of its last attempt, as the mock saw it */
};

uint32_t journal_calls_count(const struct journal_calls *calls);
void journal_calls_at(const struct journal_calls *calls, uint32_t index, struct journal_call *call);

/* Records of no call at all: nothing that a sender said, nor likeness, names one. */
uint64_t journal_calls_strangers(const struct journal_calls *calls);

/* The call as a judge takes it: `record` is filled and borrowed by `c`, whose requests are the
 * calls'. */
void journal_calls_case(struct journal_calls *calls, uint32_t index, struct call_record *record,
                        struct call_case *c);

/* attempts-bounded, permanent-not-retried, advice-heeded, fallback-eligible, fallback-ordered */
bool journal_calls_can_judge(enum law law);

/* One law over all of them. `lost` (may be NULL) is evidence that is missing, in one sentence: then
 * nothing passes. */
void journal_calls_judge(struct journal_calls *calls, enum law law, const struct law_limits *limits,
                         const char *lost, struct verdict_row *row);

#endif
