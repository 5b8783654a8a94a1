#include <CUnit/CUnit.h>

#include <stdio.h>
#include <string.h>

#include "fault/chaos.h"
#include "tests/support/expect.h"
#include "tests/support/stage.h"

static void set_up(void)
{
    stage_set();
    stage.facts.memory = &stage.memory;
}

/* Which of the next requests it fires on, as "..X.X". */
static const char *firings(int requests)
{
    static char text[64];

    for (int i = 0; i < requests; i++)
        text[i] = stage_fired(STAGE_OPEN) == PLAN_NO_RULE ? '.' : 'X';
    text[requests] = '\0';
    return text;
}

static void state_rule(struct chaos_rule *rule, const char *is, const char *becomes)
{
    strcpy(rule->order.state, "db");
    strcpy(rule->order.state_is, is);
    strcpy(rule->order.state_becomes, becomes);
}

/* --- counts ----------------------------------------------------------------------------------- */

static void the_nth_request_alone_is_hit(void)
{
    struct chaos_rule *rule = stage_add(0, 1.0, stage_overload());

    rule->order.nth = 3;
    CU_ASSERT(chaos_rule_is_ordered(rule));
    CU_ASSERT_STRING_EQUAL(firings(8), "..X.....");
    EXPECT_U64(stage.memory.matched[0], 8);
    EXPECT_U64(stage.memory.fired[0], 1);
}

static void each_nth_request_is_hit(void)
{
    stage_add(0, 1.0, stage_overload())->order.every = 3;
    CU_ASSERT_STRING_EQUAL(firings(10), "..X..X..X.");
}

static void a_rule_ends_after_so_many_firings(void)
{
    struct chaos_rule *rule = stage_add(0, 1.0, stage_overload());

    rule->order.times = 2;
    CU_ASSERT_STRING_EQUAL(firings(5), "XX...");
    stage.memory = (struct chaos_memory){0};
    rule->order.every = 2;
    CU_ASSERT_STRING_EQUAL(firings(8), ".X.X....");
}

static void only_requests_that_match_count(void)
{
    struct chaos_rule *rule = stage_add(0, 1.0, stage_overload());

    rule->order.nth = 2;
    rule->match.has_stream = rule->match.stream = true;
    CU_ASSERT_STRING_EQUAL(firings(1), ".");
    stage.facts.stream = false;
    CU_ASSERT_STRING_EQUAL(firings(3), "...");
    stage.facts.stream = true;
    EXPECT_I64(stage_fired(11 * NANOS_S), PLAN_NO_RULE); /* the window is shut */
    CU_ASSERT_STRING_EQUAL(firings(2), "X.");
}

static void without_memory_an_ordered_rule_never_fires(void)
{
    stage_add(0, 1.0, stage_overload())->order.every = 1;
    stage_add(0, 1.0, stage_overload());
    stage.facts.memory = NULL;
    EXPECT_I64(stage_fired(STAGE_OPEN), 1);
    EXPECT_U64(stage.plan.rules_matched, 2);
}

/* A rule whose turn it is not leaves its place to those behind it. */
static void out_of_turn_a_rule_lays_nothing_down(void)
{
    stage_add(0, 1.0, stage_overload())->order.nth = 2;
    stage_add(0, 1.0, stage_status(500, OUTCOME_SERVER_ERROR));
    EXPECT_I64(stage_fired(STAGE_OPEN), 1);
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_I64(stage_fired(STAGE_OPEN), 1);
}

static void nobody_can_tell_how_likely_an_ordered_rule_is(void)
{
    stage_add(0, 0.5, stage_overload())->order.times = 5;
    stage_add(0, 0.7, stage_overload());
    CU_ASSERT_DOUBLE_EQUAL(chaos_rule_chance(&stage.chaos, 0, &stage.facts), 0.0, 0.0);
    CU_ASSERT_DOUBLE_EQUAL(chaos_rule_chance(&stage.chaos, 1, &stage.facts), 0.7, 1e-12);
}

static void a_share_of_each_turn_is_hit(void)
{
    uint64_t counts[CHAOS_RULES_MAX + 1];

    stage_add(0, 0.5, stage_overload())->order.every = 2;
    stage_count_calls(1, counts);
    CU_ASSERT_DOUBLE_EQUAL((double)counts[0] / STAGE_CALLS, 0.25, 0.01);
    EXPECT_U64(stage.memory.matched[0], STAGE_CALLS);
    EXPECT_U64(stage.memory.fired[0], counts[0]);
}

static void keyed_rules_are_counted_too_but_not_changed_by_it(void)
{
    CU_ASSERT(!chaos_rule_is_ordered(stage_add(0, 1.0, stage_overload())));
    CU_ASSERT_STRING_EQUAL(firings(4), "XXXX");
    EXPECT_U64(stage.memory.fired[0], 4);
}

/* --- states ----------------------------------------------------------------------------------- */

static void a_state_is_start_until_it_is_set(void)
{
    CU_ASSERT_STRING_EQUAL(chaos_state_of(&stage.memory, SLICE("db")), "start");
    CU_ASSERT(chaos_state_set(&stage.memory, SLICE("db"), SLICE("down")));
    CU_ASSERT(chaos_state_set(&stage.memory, SLICE("cache"), SLICE("cold")));
    CU_ASSERT(chaos_state_set(&stage.memory, SLICE("db"), SLICE("up")));
    CU_ASSERT_STRING_EQUAL(chaos_state_of(&stage.memory, SLICE("db")), "up");
    CU_ASSERT_STRING_EQUAL(chaos_state_of(&stage.memory, SLICE("cache")), "cold");
    EXPECT_U64(stage.memory.states_count, 2);
}

static void there_is_room_for_so_many_states_and_names(void)
{
    char name[16];

    for (int i = 0; i < CHAOS_STATES_MAX; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        CU_ASSERT(chaos_state_set(&stage.memory, slice_of(name), SLICE("x")));
    }
    CU_ASSERT(!chaos_state_set(&stage.memory, SLICE("more"), SLICE("x")));
    CU_ASSERT(chaos_state_set(&stage.memory, SLICE("s3"), SLICE("y")));
    CU_ASSERT(!chaos_state_set(&stage.memory, SLICE("s3"),
                               SLICE("a value that is longer than thirty-one bytes")));
    CU_ASSERT(!chaos_state_set(&stage.memory, SLICE(""), SLICE("x")));
    CU_ASSERT_STRING_EQUAL(chaos_state_of(&stage.memory, SLICE("s3")), "y");
}

static void states_lead_from_one_rule_to_the_next(void)
{
    state_rule(stage_add(0, 1.0, stage_status(503, OUTCOME_OVERLOADED)), "start", "down");
    state_rule(stage_add(0, 1.0, stage_status(500, OUTCOME_SERVER_ERROR)), "down", "up");
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_I64(stage_fired(STAGE_OPEN), 1);
    EXPECT_I64(stage_fired(STAGE_OPEN), PLAN_NO_RULE);
    CU_ASSERT_STRING_EQUAL(chaos_state_of(&stage.memory, SLICE("db")), "up");
    EXPECT_U64(stage.memory.matched[1], 1); /* only while its state held */
}

static void without_a_condition_a_rule_fires_in_any_state(void)
{
    state_rule(stage_add(0, 1.0, stage_overload()), "", "hit");
    CU_ASSERT_STRING_EQUAL(firings(2), "XX");
    CU_ASSERT_STRING_EQUAL(chaos_state_of(&stage.memory, SLICE("db")), "hit");
}

static void what_did_nothing_did_not_fire(void)
{
    struct chaos_rule *rule = stage_add(0, 1.0, (struct fault){.kind = FAULT_STALL});

    rule->order.times = 1;
    state_rule(rule, "", "hit");
    stage.facts.input_tokens = 200001; /* the model refuses: nothing to stall */
    CU_ASSERT_STRING_EQUAL(firings(2), "..");
    EXPECT_U64(stage.memory.fired[0], 0);
    CU_ASSERT_STRING_EQUAL(chaos_state_of(&stage.memory, SLICE("db")), "start");
    stage.facts.input_tokens = 800;
    CU_ASSERT_STRING_EQUAL(firings(2), "X.");
}

/* --- who wins, and who takes part ------------------------------------------------------------- */

static void of_several_phases_the_highest_priority_wins(void)
{
    struct chaos_rule *first = stage_add(0, 1.0, stage_overload());
    struct chaos_rule *second = stage_add(1, 1.0, stage_overload());

    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    second->priority = 1;
    EXPECT_I64(stage_fired(STAGE_OPEN), 1);
    EXPECT_U64(stage.plan.rules_matched, 3);
    first->priority = 1;
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    first->priority = -7;
    second->priority = -8;
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
}

static void a_disabled_rule_takes_no_part(void)
{
    struct chaos_rule *rule = stage_add(0, 1.0, stage_overload());

    stage_add(0, 1.0, stage_status(500, OUTCOME_SERVER_ERROR));
    rule->is_disabled = true;
    CU_ASSERT(!chaos_rule_matches(rule, &stage.facts));
    EXPECT_I64(stage_fired(STAGE_OPEN), 1);
    EXPECT_U64(stage.plan.rules_matched, 2);
    EXPECT_U64(stage.memory.matched[0], 0);
}

static void a_condition_that_fails_counts_for_its_rule_alone(void)
{
    stage_add(0, 1.0, stage_overload());
    stage_add(0, 1.0, stage_status(500, OUTCOME_SERVER_ERROR));
    stage.facts.conditions_failed = 1;
    EXPECT_I64(stage_fired(STAGE_OPEN), 1);
    EXPECT_U64(stage.plan.rules_matched, 2);
    CU_ASSERT_DOUBLE_EQUAL(chaos_rule_chance(&stage.chaos, 0, &stage.facts), 0.0, 0.0);
    CU_ASSERT_DOUBLE_EQUAL(chaos_rule_chance(&stage.chaos, 1, &stage.facts), 1.0, 0.0);
}

static void the_last_of_64_rules_has_a_bit_of_its_own(void)
{
    for (int i = 0; i < CHAOS_RULES_MAX; i++)
        stage_add(0, 1.0, stage_overload());
    stage.facts.conditions_failed = UINT64_MAX >> 1;
    EXPECT_I64(stage_fired(STAGE_OPEN), CHAOS_RULES_MAX - 1);
    EXPECT_U64(stage.plan.rules_matched, (uint64_t)1 << 63);
}

static void a_rule_may_mean_one_isolation_path(void)
{
    struct chaos_rule *rule = stage_add(0, 1.0, stage_overload());

    strcpy(rule->match.isolation, "test-*");
    EXPECT_I64(stage_fired(STAGE_OPEN), PLAN_NO_RULE);
    stage.facts.isolation = SLICE("test-7");
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    stage.facts.isolation = SLICE("other");
    EXPECT_I64(stage_fired(STAGE_OPEN), PLAN_NO_RULE);
}

/* --- while it runs ---------------------------------------------------------------------------- */

static void a_rule_of_a_known_name_is_replaced_in_its_place(void)
{
    struct chaos_rule other;

    stage_add(0, 1.0, stage_overload());
    stage_add(0, 1.0, stage_status(500, OUTCOME_SERVER_ERROR));
    other = stage.chaos.rules[0];
    other.share = 0.0;
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_RC(chaos_put(&stage.chaos, &other), RC_OK);
    EXPECT_U64(stage.chaos.rules_count, 2);
    EXPECT_U64(stage.chaos.rules[0].revision, 1);
    EXPECT_I64(stage_fired(STAGE_OPEN), 1);
    EXPECT_U64(stage.memory.fired[0], 1);
    EXPECT_RC(chaos_put(&stage.chaos, &other), RC_OK);
    EXPECT_U64(stage.chaos.rules[0].revision, 2);
}

static void a_new_rule_is_added_until_there_is_no_room(void)
{
    struct chaos_rule other = *stage_add(0, 1.0, stage_overload());

    for (int i = 1; i < CHAOS_RULES_MAX; i++) {
        snprintf(other.name, sizeof(other.name), "new %d", i);
        EXPECT_RC(chaos_put(&stage.chaos, &other), RC_OK);
    }
    EXPECT_U64(stage.chaos.rules_count, CHAOS_RULES_MAX);
    strcpy(other.name, "one more");
    EXPECT_RC(chaos_put(&stage.chaos, &other), RC_LIMIT);
    strcpy(other.name, "new 5");
    EXPECT_RC(chaos_put(&stage.chaos, &other), RC_OK);
}

static CU_TestInfo tests[] = {
    {"the n-th request alone is hit", the_nth_request_alone_is_hit},
    {"each n-th request is hit", each_nth_request_is_hit},
    {"a rule ends after so many firings", a_rule_ends_after_so_many_firings},
    {"only requests that match count", only_requests_that_match_count},
    {"without memory an ordered rule never fires", without_memory_an_ordered_rule_never_fires},
    {"out of turn a rule lays nothing down", out_of_turn_a_rule_lays_nothing_down},
    {"nobody can tell how likely an ordered rule is",
     nobody_can_tell_how_likely_an_ordered_rule_is},
    {"a share of each turn is hit", a_share_of_each_turn_is_hit},
    {"keyed rules are counted too, but not changed by it",
     keyed_rules_are_counted_too_but_not_changed_by_it},
    {"a state is start until it is set", a_state_is_start_until_it_is_set},
    {"there is room for so many states and names", there_is_room_for_so_many_states_and_names},
    {"states lead from one rule to the next", states_lead_from_one_rule_to_the_next},
    {"without a condition a rule fires in any state",
     without_a_condition_a_rule_fires_in_any_state},
    {"what did nothing did not fire", what_did_nothing_did_not_fire},
    {"of several phases the highest priority wins", of_several_phases_the_highest_priority_wins},
    {"a disabled rule takes no part", a_disabled_rule_takes_no_part},
    {"a condition that fails counts for its rule alone",
     a_condition_that_fails_counts_for_its_rule_alone},
    {"the last of 64 rules has a bit of its own", the_last_of_64_rules_has_a_bit_of_its_own},
    {"a rule may mean one isolation path", a_rule_may_mean_one_isolation_path},
    {"a rule of a known name is replaced in its place",
     a_rule_of_a_known_name_is_replaced_in_its_place},
    {"a new rule is added until there is no room", a_new_rule_is_added_until_there_is_no_room},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo chaos_order_suite = {"chaos_order", NULL, NULL, set_up, NULL, tests};
