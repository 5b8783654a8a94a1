#include <string.h>

#include <CUnit/CUnit.h>

#include "fault/chaos.h"
#include "tests/support/expect.h"

/* Rules a (phase one) and b (phase two) are the scenario's; c (two), d and e (three) were added. */

static struct chaos chaos;
static struct chaos_memory memory;

static void add(const char *name, uint32_t phase)
{
    struct chaos_rule *rule = &chaos.rules[chaos.rules_count];

    *rule = (struct chaos_rule){.phase = phase, .sequence_count = 1};
    slice_copy(slice_of(name), rule->name, sizeof(rule->name));
    memory.matched[chaos.rules_count] = (uint64_t)name[0];
    memory.fired[chaos.rules_count] = (uint64_t)name[0] + 100;
    chaos.rules_count++;
}

static void set_up(void)
{
    static const char *const names[] = {"one", "two", "three", "four"};

    chaos = (struct chaos){0};
    memory = (struct chaos_memory){0};
    for (int i = 0; i < 4; i++)
        slice_copy(slice_of(names[i]), chaos.phases.list[i].name, 48);
    chaos.phases.count = 4;
    add("a", 0);
    add("b", 1);
    add("c", 1);
    add("d", 2);
    add("e", 3);
}

static void drop(uint32_t rule)
{
    chaos_drop(&chaos, &memory, rule, 2, 2);
}

static void a_rule_of_the_scenario_is_disabled_and_stays(void)
{
    drop(1);
    EXPECT_U64(chaos.rules_count, 5);
    CU_ASSERT(chaos.rules[1].is_disabled);
    EXPECT_U64(chaos.rules[1].revision, 1);
    drop(1);
    EXPECT_U64(chaos.rules[1].revision, 1);
}

static void an_added_rule_goes_with_its_counts_and_its_phase(void)
{
    drop(3);
    EXPECT_U64(chaos.rules_count, 4);
    CU_ASSERT_STRING_EQUAL(chaos.rules[3].name, "e");
    EXPECT_U64(memory.matched[3], 'e');
    EXPECT_U64(memory.fired[3], 'e' + 100);
    EXPECT_U64(memory.matched[4], 0);
    EXPECT_U64(memory.fired[4], 0);
    EXPECT_U64(chaos.phases.count, 3);
    CU_ASSERT_STRING_EQUAL(chaos.phases.list[chaos.rules[3].phase].name, "four");
    CU_ASSERT_STRING_EQUAL(chaos.phases.list[chaos.rules[2].phase].name, "two");
}

static void a_phase_stays_while_a_rule_or_the_scenario_has_it(void)
{
    drop(2);
    EXPECT_U64(chaos.phases.count, 4);
    add("f", 2);
    drop(2); /* d */
    EXPECT_U64(chaos.phases.count, 4);
    CU_ASSERT_STRING_EQUAL(chaos.phases.list[chaos.rules[3].phase].name, "three");
}

static void the_last_rule_goes_like_any_other(void)
{
    drop(4);
    EXPECT_U64(chaos.rules_count, 4);
    EXPECT_U64(chaos.phases.count, 3);
    EXPECT_U64(memory.matched[4], 0);
}

static CU_TestInfo chaos_drop_tests[] = {
    {"a rule of the scenario is disabled and stays", a_rule_of_the_scenario_is_disabled_and_stays},
    {"an added rule goes with its counts and its phase",
     an_added_rule_goes_with_its_counts_and_its_phase},
    {"a phase stays while a rule or the scenario has it",
     a_phase_stays_while_a_rule_or_the_scenario_has_it},
    {"the last rule goes like any other", the_last_rule_goes_like_any_other},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo chaos_drop_suite = {"chaos_drop", NULL, NULL, set_up, NULL, chaos_drop_tests};
