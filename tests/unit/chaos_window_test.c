#include <CUnit/CUnit.h>

#include <string.h>

#include "fault/chaos.h"
#include "tests/support/expect.h"
#include "tests/support/stage.h"

static const struct slice ANTHROPIC = {"anthropic", 9};

static struct fault connection(enum connection_fault what)
{
    return (struct fault){.kind = FAULT_CONNECTION, .connection = what};
}

static struct connection_plan come(uint32_t number, nanos at)
{
    return chaos_connection(&stage.chaos, STAGE_SEED, ANTHROPIC, number, at);
}

static struct chaos_rule *shrink_to(uint32_t phase, double factor)
{
    return stage_add(phase, 1.0, (struct fault){.kind = FAULT_CAPACITY, .factor = factor});
}

static double capacity_at(nanos at)
{
    nanos until;

    return chaos_capacity(&stage.chaos, ANTHROPIC, SLICE("claude-sonnet-4-5"), at, &until);
}

/* --- connections ------------------------------------------------------------------------------ */

static void without_rules_a_connection_is_fine(void)
{
    stage_add(0, 1.0, stage_overload());
    EXPECT_I64(come(1, STAGE_OPEN).rule, PLAN_NO_RULE);
    EXPECT_U64(come(1, STAGE_OPEN).fault, CONNECTION_FINE);
}

static void a_connection_gets_its_fault_with_all_its_numbers(void)
{
    struct fault fault = connection(CONNECTION_IDLE_CLOSED);
    struct connection_plan plan;

    fault.delay = 5 * NANOS_S;
    fault.close = PLAN_CLOSE_RST;
    fault.tokens = 10;
    stage_add(0, 1.0, stage_overload());
    stage_add(0, 1.0, fault);
    plan = come(1, STAGE_OPEN);
    EXPECT_I64(plan.rule, 1);
    EXPECT_U64(plan.fault, CONNECTION_IDLE_CLOSED);
    EXPECT_I64(plan.delay, 5 * NANOS_S);
    EXPECT_U64(plan.close, PLAN_CLOSE_RST);
    EXPECT_U64(plan.limit, 10);
    EXPECT_I64(come(1, 10 * NANOS_S).rule, PLAN_NO_RULE);
}

static void connections_are_hit_by_share_and_keyed_by_their_number(void)
{
    uint64_t hit = 0;

    stage_add(0, 0.3, connection(CONNECTION_SILENT));
    stage_add(1, 0.0, connection(CONNECTION_CLOSED));
    for (uint32_t number = 1; number <= STAGE_CALLS; number++) {
        struct connection_plan plan = come(number, STAGE_OPEN);

        CU_ASSERT(plan.fault != CONNECTION_CLOSED);
        EXPECT_U64(plan.fault, come(number, 2 * STAGE_OPEN - 1).fault);
        hit += plan.rule == 0;
    }
    CU_ASSERT_DOUBLE_EQUAL((double)hit / STAGE_CALLS, 0.3, 0.01);
}

static void only_the_listeners_that_are_meant_are_hit(void)
{
    struct chaos_rule *rule = stage_add(0, 1.0, connection(CONNECTION_CLOSED));
    struct connection_plan plan;

    plan = chaos_connection(&stage.chaos, STAGE_SEED, SLICE("hooks"), 1, STAGE_OPEN);
    EXPECT_I64(plan.rule, PLAN_NO_RULE);
    strcpy(rule->match.provider, "openai");
    EXPECT_I64(come(1, STAGE_OPEN).rule, PLAN_NO_RULE);
    plan = chaos_connection(&stage.chaos, STAGE_SEED, SLICE("openai"), 1, STAGE_OPEN);
    EXPECT_I64(plan.rule, 0);
    rule->is_disabled = true;
    plan = chaos_connection(&stage.chaos, STAGE_SEED, SLICE("openai"), 1, STAGE_OPEN);
    EXPECT_I64(plan.rule, PLAN_NO_RULE);
}

static void of_connection_rules_too_the_highest_priority_wins(void)
{
    stage_add(0, 1.0, connection(CONNECTION_SILENT));
    stage_add(1, 1.0, connection(CONNECTION_CLOSED))->priority = 2;
    EXPECT_I64(come(1, STAGE_OPEN).rule, 1);
}

static void a_listener_is_shut_while_all_are_refused(void)
{
    nanos until;

    stage.chaos.phases.list[0].at = 3 * NANOS_S;
    stage.chaos.phases.list[1].at = 30 * NANOS_S;
    stage_add(0, 1.0, connection(CONNECTION_REFUSED));
    stage_add(1, 1.0, connection(CONNECTION_REFUSED));
    CU_ASSERT(!chaos_refuses_connections(&stage.chaos, ANTHROPIC, 0, &until));
    EXPECT_I64(until, 3 * NANOS_S);
    CU_ASSERT(chaos_refuses_connections(&stage.chaos, ANTHROPIC, until, &until));
    EXPECT_I64(until, 13 * NANOS_S);
    CU_ASSERT(!chaos_refuses_connections(&stage.chaos, ANTHROPIC, until, &until));
    EXPECT_I64(until, 30 * NANOS_S);
    CU_ASSERT(!chaos_refuses_connections(&stage.chaos, ANTHROPIC, 40 * NANOS_S, &until));
    EXPECT_I64(until, NANOS_NEVER);
}

static void a_listener_that_refuses_a_share_stays_open(void)
{
    nanos until;

    stage_add(0, 0.99, connection(CONNECTION_REFUSED));
    stage_add(0, 1.0, connection(CONNECTION_CLOSED));
    CU_ASSERT(!chaos_refuses_connections(&stage.chaos, ANTHROPIC, STAGE_OPEN, &until));
    EXPECT_I64(until, NANOS_NEVER);
}

/* --- capacity --------------------------------------------------------------------------------- */

static void capacity_is_whole_outside_its_window(void)
{
    nanos until;

    stage.chaos.phases.list[0].at = NANOS_S;
    shrink_to(0, 0.3);
    CU_ASSERT_DOUBLE_EQUAL(capacity_at(0), 1.0, 0.0);
    CU_ASSERT_DOUBLE_EQUAL(capacity_at(NANOS_S), 0.3, 0.0);
    CU_ASSERT_DOUBLE_EQUAL(capacity_at(11 * NANOS_S), 1.0, 0.0);
    (void)chaos_capacity(&stage.chaos, ANTHROPIC, SLICE("x"), NANOS_S, &until);
    EXPECT_I64(until, 11 * NANOS_S);
}

static void of_several_the_smallest_capacity_counts(void)
{
    shrink_to(0, 0.3);
    shrink_to(1, 0.2);
    CU_ASSERT_DOUBLE_EQUAL(capacity_at(STAGE_OPEN), 0.2, 0.0);
    stage.chaos.rules[1].share = 0.0;
    CU_ASSERT_DOUBLE_EQUAL(capacity_at(STAGE_OPEN), 0.3, 0.0);
}

static void only_the_models_that_are_meant_shrink(void)
{
    nanos until;

    strcpy(shrink_to(0, 0.3)->match.model, "gpt-*");
    CU_ASSERT_DOUBLE_EQUAL(capacity_at(STAGE_OPEN), 1.0, 0.0);
    CU_ASSERT_DOUBLE_EQUAL(
        chaos_capacity(&stage.chaos, SLICE("openai"), SLICE("gpt-4o"), STAGE_OPEN, &until), 0.3,
        0.0);
}

/* --- windows that wait or repeat -------------------------------------------------------------- */

static void a_mark_opens_the_windows_that_count_from_it(void)
{
    struct phase *phase = &stage.chaos.phases.list[0];

    phase->from = PHASE_FROM_MARK;
    phase->is_waiting = true;
    phase->at = 2 * NANOS_S;
    strcpy(phase->mark, "deploy");
    stage_add(0, 1.0, stage_overload());
    EXPECT_I64(stage_fired(STAGE_OPEN), PLAN_NO_RULE);
    CU_ASSERT(!chaos_mark(&stage.chaos, SLICE("other"), STAGE_OPEN));
    EXPECT_I64(stage_fired(STAGE_OPEN + 2 * NANOS_S), PLAN_NO_RULE);
    CU_ASSERT(chaos_mark(&stage.chaos, SLICE("deploy"), STAGE_OPEN));
    EXPECT_I64(stage_fired(STAGE_OPEN + 2 * NANOS_S - 1), PLAN_NO_RULE);
    EXPECT_I64(stage_fired(STAGE_OPEN + 2 * NANOS_S), 0);
}

static void a_window_that_repeats_fires_again(void)
{
    stage.chaos.phases.list[0].every = 60 * NANOS_S;
    stage_add(0, 1.0, stage_overload());
    EXPECT_I64(stage_fired(9 * NANOS_S), 0);
    EXPECT_I64(stage_fired(59 * NANOS_S), PLAN_NO_RULE);
    EXPECT_I64(stage_fired(60 * NANOS_S), 0);
    EXPECT_I64(stage_fired(6009 * NANOS_S), 0);
}

static CU_TestInfo tests[] = {
    {"without rules a connection is fine", without_rules_a_connection_is_fine},
    {"a connection gets its fault with all its numbers",
     a_connection_gets_its_fault_with_all_its_numbers},
    {"connections are hit by share, and keyed by their number",
     connections_are_hit_by_share_and_keyed_by_their_number},
    {"only the listeners that are meant are hit", only_the_listeners_that_are_meant_are_hit},
    {"of connection rules too the highest priority wins",
     of_connection_rules_too_the_highest_priority_wins},
    {"a listener is shut while all are refused", a_listener_is_shut_while_all_are_refused},
    {"a listener that refuses a share stays open", a_listener_that_refuses_a_share_stays_open},
    {"capacity is whole outside its window", capacity_is_whole_outside_its_window},
    {"of several the smallest capacity counts", of_several_the_smallest_capacity_counts},
    {"only the models that are meant shrink", only_the_models_that_are_meant_shrink},
    {"a mark opens the windows that count from it", a_mark_opens_the_windows_that_count_from_it},
    {"a window that repeats fires again", a_window_that_repeats_fires_again},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo chaos_window_suite = {"chaos_window", NULL, NULL, stage_set, NULL, tests};
