#include <CUnit/CUnit.h>

#include "fault/capacity.h"
#include "tests/support/expect.h"

/* Two incidents that nobody wrote a rule for, out of capacity and clients alone (INC-10, INC-09):
 * ten callers a second at a model that can serve twelve, and an outage of 20 s.
 *
 *     0s          20s          40s                       240s
 *     all is well | 20 % works | does it come back? ..... |  counted: the last 60 s
 */

enum { TICK_MS = 10, TICKS = 24000, CALLERS = 2400, PLACES = 10 };

static struct capacity_rules rules;
static nanos patience;
static uint32_t attempts_max;
static nanos backoff; /* doubles from retry to retry */

struct caller {
    nanos acts_at; /* the next attempt, or losing patience; NANOS_NEVER when over */
    nanos ends_at; /* its answer, once it runs */
    uint32_t attempts;
    bool is_inside;
};

static struct caller callers[CALLERS];

static void set_up(void)
{
    rules = (struct capacity_rules){.places = PLACES,
                                    .queue = UINT32_MAX,
                                    .slowdown = 1.0,
                                    .finishes_abandoned = true,
                                    .recovers_from = 1.0};
    patience = 2 * NANOS_S;
    attempts_max = 8;
    backoff = 0;
}

static void run(struct capacity *c, uint32_t caller, nanos now)
{
    callers[caller].ends_at =
        now + (nanos)(800.0 * (double)NANOS_MS * capacity_slowdown(c, caller));
}

static nanos tries_again_at(const struct caller *who, nanos now)
{
    return who->attempts < attempts_max ? now + (backoff << (who->attempts - 1)) : NANOS_NEVER;
}

static void ask(struct capacity *c, uint32_t caller, nanos now)
{
    struct caller *who = &callers[caller];
    enum capacity_verdict verdict = capacity_admit(c, caller, 800 * NANOS_MS, now);

    who->attempts++;
    who->is_inside = verdict != CAPACITY_REFUSED;
    who->acts_at = who->is_inside ? now + patience : tries_again_at(who, now);
    if (verdict == CAPACITY_RUNS)
        run(c, caller, now);
}

static void lose_patience(struct capacity *c, uint32_t caller, nanos now)
{
    struct caller *who = &callers[caller];

    capacity_leave(c, caller, true, now);
    who->is_inside = false;
    who->ends_at = NANOS_NEVER;
    who->acts_at = tries_again_at(who, now);
}

/* True when it got its answer. */
static bool step(struct capacity *c, uint32_t caller, nanos now)
{
    struct caller *who = &callers[caller];

    if (who->is_inside && who->ends_at <= now) {
        capacity_leave(c, caller, false, now);
        *who = (struct caller){.acts_at = NANOS_NEVER, .ends_at = NANOS_NEVER};
        return true;
    }
    if (who->acts_at <= now && who->is_inside)
        lose_patience(c, caller, now);
    if (who->acts_at <= now)
        ask(c, caller, now);
    return false;
}

/* Answers among the last sixty seconds' callers' worth, of 600. */
static uint64_t answers_at_last(void)
{
    struct capacity *c = NULL;
    uint64_t answers = 0;

    EXPECT_RC(capacity_new(&c, &rules, CALLERS, memory_heap()), RC_OK);
    for (uint32_t i = 0; i < CALLERS; i++)
        callers[i] = (struct caller){.acts_at = (nanos)i * 100 * NANOS_MS, .ends_at = NANOS_NEVER};
    for (int tick = 0; tick < TICKS; tick++) {
        nanos now = (nanos)tick * TICK_MS * NANOS_MS;
        uint32_t next;

        capacity_shrink(c, now >= 20 * NANOS_S && now < 40 * NANOS_S ? 0.2 : 1.0, now);
        for (uint32_t i = 0; i < CALLERS; i++)
            answers += step(c, i, now) && now >= 180 * NANOS_S;
        while (capacity_next(c, now, &next))
            run(c, next, now);
    }
    capacity_free(c);
    return answers;
}

static void a_retry_storm_outlives_its_cause(void)
{
    CU_ASSERT(answers_at_last() < 60);
}

static void patient_callers_do_not_make_one(void)
{
    patience = 120 * NANOS_S;
    CU_ASSERT(answers_at_last() > 590);
}

static void few_and_spaced_retries_do_not_make_one(void)
{
    attempts_max = 2;
    backoff = 5 * NANOS_S;
    rules.queue = 10;
    CU_ASSERT(answers_at_last() > 590);
}

/* Nobody waits longer than he is willing to: what is made is made for somebody. */
static void a_short_queue_does_not_let_one_arise(void)
{
    rules.queue = 8;
    CU_ASSERT(answers_at_last() > 590);
}

static void a_crowd_tramples_a_recovery(void)
{
    rules.finishes_abandoned = false;
    rules.recovers_from = 0.2;
    rules.recovers_over = 30 * NANOS_S;
    rules.queue = 100;
    patience = 30 * NANOS_S;
    CU_ASSERT(answers_at_last() < 300);
}

static void callers_who_stay_away_let_it_recover(void)
{
    rules.finishes_abandoned = false;
    rules.recovers_from = 0.2;
    rules.recovers_over = 30 * NANOS_S;
    rules.queue = 0;
    attempts_max = 1;
    CU_ASSERT(answers_at_last() > 590);
}

static CU_TestInfo tests[] = {
    {"a retry storm outlives its cause", a_retry_storm_outlives_its_cause},
    {"patient callers do not make one", patient_callers_do_not_make_one},
    {"few and spaced retries do not make one", few_and_spaced_retries_do_not_make_one},
    {"a short queue does not let one arise", a_short_queue_does_not_let_one_arise},
    {"a crowd tramples a recovery", a_crowd_tramples_a_recovery},
    {"callers who stay away let it recover", callers_who_stay_away_let_it_recover},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo storm_suite = {"storm", NULL, NULL, set_up, NULL, tests};
