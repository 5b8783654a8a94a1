#ifndef TESTS_SUPPORT_SAMPLE_H
#define TESTS_SUPPORT_SAMPLE_H

/* A small world for tests of judgement: one scenario built by hand, and evidence of calls that
 * went well, for a test to spoil.
 *
 *   providers  anthropic, openai
 *   models     claude-sonnet-4-5 (anthropic), gpt-4o (openai); an answer costs $0.0042 and $0.0032
 *   load       "steady": 1 call per 100 ms for 60 s, all to Claude, streamed; deadline 10 s
 *   chaos      storm     10 s - 20 s   storm-429      60 % of Claude, 429, "1"
 *              overload  30 s - 40 s   overload-529   90 % of Claude, 529
 */

#include "judge/evidence.h"
#include "scenario/scenario.h"

enum { SAMPLE_CLAUDE, SAMPLE_GPT };
enum { SAMPLE_STORM_RULE, SAMPLE_OVERLOAD_RULE };
enum { SAMPLE_CALLS = 600 };

#define SAMPLE_CLAUDE_COST (MONEY_USD / 10000 * 42)
#define SAMPLE_GPT_COST (MONEY_USD / 10000 * 32)

/* The caller's own copy, to change at will. */
void sample_scenario(struct scenario *scenario);

/* Call `index`, due at index * 100 ms: one attempt, first token after 400 ms, 120 tokens, whole
 * after 2 s. */
struct call_record sample_call(uint64_t index);

/* Ends the latest attempt as failed (`outcome`, `status`) at `ended_at`, and the call with it. */
void sample_fail(struct call_record *call, enum outcome outcome, uint16_t status, nanos ended_at);

/* One more attempt, at `model`, sent at `sent_at` and answered like the first; the call is ok. */
void sample_retry(struct call_record *call, uint32_t model, nanos sent_at);

/* What the mock saw of attempt `index` (from 0) of that call: in agreement with it. */
struct journal_record sample_journal(const struct scenario *scenario,
                                     const struct call_record *call, uint32_t index);

/* A post of that alert that the hook "any" took. */
struct journal_record sample_post(const char *key, nanos at);

/* Gives it a monitor: a budget of $0.10 per 10 s ("tight": 24 calls of $0.0042 break it), a
 * cool-down of 10 s, posts to the hook "any". */
void sample_watch(struct scenario *scenario);

#endif
