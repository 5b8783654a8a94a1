#ifndef TESTS_SUPPORT_STAGE_H
#define TESTS_SUPPORT_STAGE_H

/* Two open windows, one model and one attempt: what tests of fault/chaos decide about.
 *
 *     stage_set();
 *     stage_add(0, 0.5, (struct fault){.kind = FAULT_STALL, .tokens = 12});
 *     EXPECT_I64(stage_fired(STAGE_OPEN), 0);
 *     EXPECT_U64(stage.plan.ending, PLAN_STALL);
 */

#include "fault/chaos.h"

#define STAGE_SEED ((uint64_t)529)
#define STAGE_OPEN (5 * NANOS_S) /* both windows are open */

enum { STAGE_CALLS = 20000 };

struct stage {
    struct chaos chaos;
    struct model model;
    struct attempt_facts facts;
    struct chaos_memory memory; /* of `facts` once a test says so */
    struct plan plan;
    struct fault faults[CHAOS_RULES_MAX][CHAOS_SEQUENCE_MAX]; /* of each rule */
    char call[32];
};

extern struct stage stage;

void stage_set(void);

/* A rule named "rule N" that matches every attempt. */
struct chaos_rule *stage_add(uint32_t phase, double share, struct fault fault);

struct fault stage_status(uint16_t code, enum outcome failure);
struct fault stage_overload(void);

/* Decides; the rule that fired, or PLAN_NO_RULE. */
int stage_fired(nanos at);

/* Makes the facts those of the i-th call. */
void stage_become_call(int i);

/* Rule by rule, how often it fires over STAGE_CALLS calls; the last place counts those left alone.
 */
void stage_count_calls(uint32_t attempt, uint64_t counts[CHAOS_RULES_MAX + 1]);

#endif
