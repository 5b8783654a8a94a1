/* The admin API over real sockets: rules, states, marks and resets. */

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "tests/loopback/admin_asks.h"
#include "tests/support/expect.h"

static const char scenario[] =
    "{ \"name\": \"rules\", \"seed\": 1, \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
    "  \"target\": {\"mock\": {\"models\": {\n"
    "    \"claude\": {\"api\": \"anthropic\", \"first_token\": \"1us\",\n"
    "               \"rate\": \"1000000000 tokens/s\"}}}},\n"
    "  \"load\": {\"requests\": [{\"model\": \"claude\", \"input_tokens\": 10,\n"
    "                           \"output_tokens\": 5}],\n"
    "           \"arrivals\": [{\"part\": \"steady\", \"rate\": \"1/s\", \"for\": \"1s\"}]},\n"
    "  \"chaos\": [\n"
    "    {\"phase\": \"storm\", \"rule\": \"storm-529\", \"from\": {\"mark\": \"storm\"},\n"
    "     \"fault\": {\"status\": 529}},\n"
    "    {\"phase\": \"db\", \"rule\": \"db-500\", \"state\": {\"name\": \"db\", \"is\": "
    "\"down\"},\n"
    "     \"fault\": {\"status\": 500}},\n"
    "    {\"phase\": \"nth\", \"rule\": \"third\", \"match\": {\"isolation\": \"nth\"},\n"
    "     \"nth\": 3, \"fault\": {\"status\": 503}}]}\n";

static struct mock_child mock;

static void set_up(void)
{
    mock_child_clear(&mock);
}

static void tear_down(void)
{
    mock_child_close(&mock);
}

static void start(void)
{
    mock_child_start(&mock, &(struct mock_child_options){scenario, NULL, 0});
}

static uint16_t asks(const char *prefix)
{
    return model_asks(&mock, prefix, "claude", "hi");
}

static bool said(const char *text)
{
    return strstr(admin_answer_text(), text) != NULL;
}

static void lists_the_scenarios_rules_with_their_counts(void)
{
    start();
    EXPECT_U64(asks("/t/nth"), 200);
    EXPECT_U64(asks("/t/nth"), 200);
    EXPECT_U64(asks("/t/nth"), 503);
    EXPECT_U64(asks("/t/nth"), 200);
    EXPECT_U64(admin_gets(&mock, "rules"), 200);
    CU_ASSERT(admin_said("{\"name\":\"storm-529\",\"enabled\":true,\"revision\":0,"
                         "\"decided\":\"keyed\",\"matched\":0,\"fired\":0,\"rule\":{\"phase\": "
                         "\"storm\""));
    EXPECT_U64(admin_gets(&mock, "rules/third"), 200);
    CU_ASSERT(admin_said("\"decided\":\"ordered\",\"matched\":4,\"fired\":1,"));
    EXPECT_U64(admin_gets(&mock, "rules/thrid"), 404);
    CU_ASSERT(admin_said("did you mean \\\"third\\\"?"));
}

static void without_a_scenario_a_rule_may_mean_any_model(void)
{
    mock_child_start(&mock, &(struct mock_child_options){NULL, NULL, 0});
    EXPECT_U64(admin_posts(&mock, "rules",
                           "{\"phase\": \"outage\", \"match\": {\"model\": \"claude-next*\"},"
                           " \"fault\": {\"status\": 529}}"),
               200);
    EXPECT_U64(model_asks(&mock, "", "claude-next-1", "hi"), 529);
    EXPECT_U64(model_asks(&mock, "", "claude-sonnet-4-5", "hi"), 200);
}

static void a_mark_opens_its_window(void)
{
    start();
    EXPECT_U64(admin_posts(&mock, "mark/storm", NULL), 200);
    CU_ASSERT(admin_said("{\"ok\":true,\"at\":"));
    EXPECT_U64(asks(""), 529);
    EXPECT_U64(admin_posts(&mock, "mark/strom", NULL), 404);
}

static void a_state_switches_a_rule(void)
{
    start();
    EXPECT_U64(asks(""), 200);
    EXPECT_U64(admin_does(&mock, "PUT", "states", "{\"states\": {\"db\": \"down\"}}"), 200);
    EXPECT_U64(asks(""), 500);
    EXPECT_U64(admin_gets(&mock, "states"), 200);
    CU_ASSERT(admin_said("{\"states\":{\"db\":\"down\"}}"));
    EXPECT_U64(admin_does(&mock, "PUT", "states", "{\"states\": {\"db\": 1}}"), 400);
    EXPECT_U64(admin_does(&mock, "PUT", "states", "{\"states\": {\"db\": \"up\"}}"), 200);
    EXPECT_U64(asks(""), 200);
}

static void a_rule_is_added_replaced_and_dropped(void)
{
    start();
    EXPECT_U64(admin_posts(&mock, "rules",
                           "{\"phase\": \"mine\", \"rule\": \"teapot\", \"match\": {\"isolation\": "
                           "\"tea\"}, \"fault\": {\"status\": 418}}"),
               200);
    CU_ASSERT(admin_said("{\"ok\":true,\"rules\":[\n{\"name\":\"teapot\",\"enabled\":true,"));
    EXPECT_U64(asks("/t/tea"), 418);
    EXPECT_U64(asks(""), 200);
    EXPECT_U64(admin_does(&mock, "PUT", "rules/teapot",
                          "{\"phase\": \"mine\", \"rule\": \"teapot\", \"match\": {\"isolation\": "
                          "\"tea\"}, \"fault\": {\"status\": 503}}"),
               200);
    CU_ASSERT(admin_said("\"revision\":1,"));
    EXPECT_U64(asks("/t/tea"), 503);
    EXPECT_U64(admin_gets(&mock, "wait?rule=teapot&count=2"), 200);
    EXPECT_U64(admin_does(&mock, "DELETE", "rules/teapot", NULL), 200);
    EXPECT_U64(asks("/t/tea"), 200);
    EXPECT_U64(admin_does(&mock, "DELETE", "rules/teapot", NULL), 404);
    EXPECT_U64(admin_gets(&mock, "journal?rule=teapot&status=418"), 200);
    CU_ASSERT(admin_said("\"rule\":\"teapot\""));
}

static void a_rule_is_switched_off_and_on(void)
{
    start();
    EXPECT_U64(admin_posts(&mock, "mark/storm", NULL), 200);
    EXPECT_U64(admin_does(&mock, "PATCH", "rules/storm-529", "{\"enabled\": false}"), 200);
    CU_ASSERT(admin_said("\"enabled\":false,\"revision\":1,"));
    EXPECT_U64(asks(""), 200);
    EXPECT_U64(admin_does(&mock, "PATCH", "rules/storm-529", "{\"enabled\": true}"), 200);
    EXPECT_U64(asks(""), 529);
    EXPECT_U64(admin_does(&mock, "PATCH", "rules/storm-529", "{\"enabeld\": true}"), 400);
    EXPECT_U64(admin_does(&mock, "PATCH", "rules/storm", "{\"enabled\": true}"), 404);
}

static void of_several_rules_all_come_or_none(void)
{
    start();
    EXPECT_U64(
        admin_posts(&mock, "rules",
                    "[{\"phase\": \"p\", \"rule\": \"good\", \"fault\": {\"status\": 418}},\n"
                    " {\"phase\": \"p\", \"rule\": \"bad\", \"fault\": {\"staus\": 418}}]"),
        400);
    CU_ASSERT(admin_said("rule 2:1:41: found \\\"staus\\\""));
    EXPECT_U64(admin_gets(&mock, "rules"), 200);
    CU_ASSERT_FALSE(said("good"));
    EXPECT_U64(asks(""), 200);
    EXPECT_U64(admin_posts(&mock, "rules",
                           "[{\"phase\": \"p\", \"rule\": \"a\", \"share\": \"0%\",\n"
                           "  \"fault\": {\"status\": 418}},\n"
                           " {\"phase\": \"p\", \"rule\": \"b\", \"fault\": {\"status\": 503}}]"),
               200);
    EXPECT_U64(asks(""), 503);
}

static void what_is_no_rule_is_refused_with_its_place(void)
{
    start();
    EXPECT_U64(admin_posts(&mock, "rules", "{\n  \"phase\": \"p\",\n  \"falt\": {}}"), 400);
    CU_ASSERT(admin_said("rule:3:3: found \\\"falt\\\""));
    EXPECT_U64(admin_posts(&mock, "rules", ""), 400);
    EXPECT_U64(admin_posts(&mock, "rules", "[]"), 400);
    EXPECT_U64(admin_posts(&mock, "rules", "{\"phase\": \"p\", \"fault\": {\"status\": 418}"), 400);
    EXPECT_U64(admin_does(&mock, "PUT", "rules/other",
                          "{\"phase\": \"p\", \"rule\": \"one\", \"fault\": {\"status\": 418}}"),
               400);
}

/* Room is given back: as many as one likes, one after the other. */
static void rules_that_come_and_go_fill_nothing(void)
{
    char rule[160], path[48];

    start();
    for (int i = 0; i < 200; i++) {
        snprintf(rule, sizeof(rule),
                 "{\"phase\": \"phase-%d\", \"rule\": \"rule-%d\", \"fault\": {\"status\": 418}}",
                 i, i);
        EXPECT_U64(admin_posts(&mock, "rules", rule), 200);
        snprintf(path, sizeof(path), "rules/rule-%d", i);
        EXPECT_U64(admin_does(&mock, "DELETE", path, NULL), 200);
    }
}

/* Together they are more than a mock keeps of rules. */
static void large_rules_that_come_and_go_fill_nothing_either(void)
{
    enum { LARGE = 900 * 1000 };
    static char rule[LARGE + 128];
    int used = snprintf(rule, sizeof(rule),
                        "{\"phase\": \"p\", \"rule\": \"large\", \"fault\": {\"body\": \"");

    start();
    memset(rule + used, 'x', LARGE);
    snprintf(rule + used + LARGE, 8, "\"}}");
    for (int i = 0; i < 20; i++) {
        EXPECT_U64(admin_posts(&mock, "rules", rule), 200);
        EXPECT_U64(admin_does(&mock, "DELETE", "rules/large", NULL), 200);
    }
}

static void too_many_rules_are_refused(void)
{
    char rule[160];

    start();
    for (int i = 3; i < 64; i++) {
        snprintf(rule, sizeof(rule),
                 "{\"phase\": \"db\", \"rule\": \"rule-%d\", \"fault\": {\"status\": 418}}", i);
        EXPECT_U64(admin_posts(&mock, "rules", rule), 200);
    }
    EXPECT_U64(admin_posts(&mock, "rules",
                           "{\"phase\": \"db\", \"rule\": \"more\", \"fault\": {\"status\": 418}}"),
               409);
    EXPECT_U64(admin_posts(&mock, "rules/reset", NULL), 200);
    CU_ASSERT_FALSE(said("rule-3"));
    CU_ASSERT(admin_said("\"third\""));
}

static void a_reset_of_one_path_leaves_the_others(void)
{
    start();
    EXPECT_U64(asks("/t/a"), 200);
    EXPECT_U64(asks("/t/b"), 200);
    EXPECT_U64(admin_gets(&mock, "wait?count=2"), 200);
    EXPECT_U64(admin_posts(&mock, "t/a/reset", NULL), 200);
    CU_ASSERT(admin_said("\"forgotten\":1}"));
    EXPECT_U64(admin_gets(&mock, "journal/count?isolation=b"), 200);
    CU_ASSERT(admin_said("{\"count\":1,"));
}

static void a_reset_of_everything_brings_the_scenario_back(void)
{
    start();
    EXPECT_U64(admin_posts(&mock, "mark/storm", NULL), 200);
    EXPECT_U64(admin_posts(&mock, "rules",
                           "{\"phase\": \"p\", \"rule\": \"mine\", \"fault\": {\"status\": 418}}"),
               200);
    EXPECT_U64(admin_does(&mock, "PUT", "states", "{\"states\": {\"db\": \"down\"}}"), 200);
    EXPECT_U64(asks(""), 529);
    EXPECT_U64(admin_gets(&mock, "wait?count=1"), 200);
    EXPECT_U64(admin_posts(&mock, "reset", NULL), 200);
    EXPECT_U64(asks(""), 200);
    EXPECT_U64(admin_gets(&mock, "wait?count=1"), 200);
    EXPECT_U64(admin_gets(&mock, "rules"), 200);
    CU_ASSERT_FALSE(said("mine"));
    CU_ASSERT_FALSE(said("\"fired\":1"));
    EXPECT_U64(admin_gets(&mock, "journal/count"), 200);
    CU_ASSERT(admin_said("{\"count\":1,\"last\":2,"));
}

static CU_TestInfo admin_rules_tests[] = {
    {"lists the scenario's rules with their counts", lists_the_scenarios_rules_with_their_counts},
    {"without a scenario a rule may mean any model", without_a_scenario_a_rule_may_mean_any_model},
    {"a mark opens its window", a_mark_opens_its_window},
    {"a state switches a rule", a_state_switches_a_rule},
    {"a rule is added, replaced and dropped", a_rule_is_added_replaced_and_dropped},
    {"a rule is switched off and on", a_rule_is_switched_off_and_on},
    {"of several rules all come or none", of_several_rules_all_come_or_none},
    {"what is no rule is refused with its place", what_is_no_rule_is_refused_with_its_place},
    {"rules that come and go fill nothing", rules_that_come_and_go_fill_nothing},
    {"large rules that come and go fill nothing either",
     large_rules_that_come_and_go_fill_nothing_either},
    {"too many rules are refused", too_many_rules_are_refused},
    {"a reset of one path leaves the others", a_reset_of_one_path_leaves_the_others},
    {"a reset of everything brings the scenario back",
     a_reset_of_everything_brings_the_scenario_back},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo admin_rules_suite = {"admin_rules", NULL, NULL, set_up, tear_down, admin_rules_tests};
