#include "judge/journal_filter.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "tests/support/sample.h"

static struct scenario scenario;
static struct journal_record record;

static void set_up(void)
{
    struct call_record call;

    sample_scenario(&scenario);
    call = sample_call(310);
    sample_fail(&call, OUTCOME_OVERLOADED, 529, call.due_at + 300 * NANOS_MS);
    record = sample_journal(&scenario, &call, 0);
    record.rule = SAMPLE_OVERLOAD_RULE;
    record.stream = true;
    slice_copy(SLICE("checkout"), record.isolation, sizeof(record.isolation));
    slice_copy(SLICE("OpenAI/Python 2.8.1"), record.agent, sizeof(record.agent));
}

static struct journal_filter filter_of(const char *text)
{
    struct journal_filter filter = {0};
    struct error err;

    EXPECT_RC(journal_filter_read(slice_of(text), SLICE("query"), memory_heap(), &filter, &err),
              RC_OK);
    return filter;
}

static bool matches(const char *text)
{
    struct journal_filter filter = filter_of(text);

    return journal_filter_matches(&filter, &scenario, &record);
}

static const char *complaint(const char *text)
{
    static struct error err;
    struct journal_filter filter;

    err = (struct error){0};
    EXPECT_RC(journal_filter_read(slice_of(text), SLICE("query"), memory_heap(), &filter, &err),
              RC_MALFORMED);
    return err.text;
}

static void an_empty_filter_matches_everything(void)
{
    CU_ASSERT(matches("{}"));
}

static void matches_by_every_criterion(void)
{
    static const struct {
        const char *held, *missed;
    } pairs[CRITERIA_COUNT] = {
        [CRITERION_PROVIDER] = {"\"anthropic\"", "\"openai\""},
        [CRITERION_MODEL] = {"\"claude-*\"", "\"claude\""},
        [CRITERION_CALL] = {"\"steady:310\"", "\"steady:31\""},
        [CRITERION_ISOLATION] = {"\"check*\"", "\"\""},
        [CRITERION_RULE] = {"\"overload-529\"", "null"},
        [CRITERION_AGENT] = {"\"OpenAI/*\"", "\"curl/*\""},
        [CRITERION_STATUS] = {"529", "\"4xx\""},
        [CRITERION_ATTEMPT] = {"1", "2"},
        [CRITERION_KIND] = {"\"generate\"", "\"count\""},
        [CRITERION_API] = {"\"anthropic\"", "\"gemini\""},
        [CRITERION_ANSWERED] = {"\"overloaded\"", "\"ok\""},
        [CRITERION_CLOSED_BY] = {"\"whole\"", "\"client_reset\""},
        [CRITERION_KEY] = {"\"header\"", "\"marker\""},
        [CRITERION_LIMITED_BY] = {NULL, "\"requests\""},
        [CRITERION_STREAM] = {"true", "false"},
        [CRITERION_IS_COMPLETE] = {"true", "false"},
        [CRITERION_HAS_CANARY] = {"false", "true"},
    };

    for (int i = 0; i < CRITERIA_COUNT; i++) {
        const char *word = criterion_word((enum criterion)i);
        char text[128];

        if (pairs[i].held != NULL) {
            snprintf(text, sizeof(text), "{\"%s\": %s}", word, pairs[i].held);
            CU_ASSERT(matches(text));
        }
        snprintf(text, sizeof(text), "{\"%s\": %s}", word, pairs[i].missed);
        CU_ASSERT_FALSE(matches(text));
    }
}

static void a_class_of_statuses_is_a_hundred_of_them(void)
{
    CU_ASSERT(matches("{\"status\": \"5xx\"}"));
    record.status = 499;
    CU_ASSERT_FALSE(matches("{\"status\": \"5xx\"}"));
    CU_ASSERT(matches("{\"status\": \"4xx\"}"));
    record.status = 400;
    CU_ASSERT(matches("{\"status\": \"4xx\"}"));
    record.status = 0;
    CU_ASSERT(matches("{\"status\": 0}"));
}

static void what_was_not_answered_was_not_answered_well(void)
{
    record.status = 0;
    record.answered = OUTCOME_OK;
    CU_ASSERT(!matches("{\"answered\": \"ok\"}"));
    CU_ASSERT(matches("{\"status\": 0}"));
}

static void a_model_is_known_by_the_name_that_was_asked_for(void)
{
    slice_copy(SLICE("claude-next"), record.model_asked, sizeof(record.model_asked));
    CU_ASSERT(matches("{\"model\": \"claude-next\"}"));
    CU_ASSERT_FALSE(matches("{\"model\": \"claude-sonnet-4-5\"}"));
}

static void a_post_to_a_hook_is_asked_of_hooks(void)
{
    record.is_hook = true;
    record.hook = HOOK_SLACK;
    record.provider = scenario.providers_count;
    CU_ASSERT(matches("{\"provider\": \"hooks\", \"model\": \"slack\"}"));
    CU_ASSERT_FALSE(matches("{\"provider\": \"hooks\", \"model\": \"discord\"}"));
}

static void a_rule_that_only_the_running_mock_knows_is_found_by_its_name(void)
{
    slice_copy(SLICE("added-later"), record.rule_name, sizeof(record.rule_name));
    CU_ASSERT(matches("{\"rule\": \"added-*\"}"));
    record.rule_name[0] = '\0';
    record.rule = PLAN_NO_RULE;
    CU_ASSERT(matches("{\"rule\": null}"));
    CU_ASSERT_FALSE(matches("{\"rule\": \"?*\"}"));
}

static void names_of_digits_need_no_quotes(void)
{
    slice_copy(SLICE("217"), record.call, sizeof(record.call));
    CU_ASSERT(matches("{\"call\": 217}"));
}

static void tells_which_criteria_fail(void)
{
    struct journal_filter filter = filter_of("{\"model\": \"claude-*\", \"status\": 429}");
    struct buffer text;

    EXPECT_U64(journal_filter_misses(&filter, &scenario, &record), CRITERION_BIT(CRITERION_STATUS));
    buffer_init(&text, memory_heap(), 1024);
    journal_filter_explain(&filter, &scenario, &record, CRITERION_STATUS, &text);
    EXPECT_TEXT(buffer_slice(&text), "status 429, found 529");
    buffer_clear(&text);
    filter = filter_of("{\"rule\": null}");
    journal_filter_explain(&filter, &scenario, &record, CRITERION_RULE, &text);
    EXPECT_TEXT(buffer_slice(&text), "rule none, found overload-529");
    buffer_deinit(&text);
}

/* Nothing is left without words. */
static void explains_every_criterion(void)
{
    struct journal_filter filter = {.asked = UINT32_MAX, .status_min = 400, .status_max = 499};
    struct buffer text;

    buffer_init(&text, memory_heap(), 1024);
    for (int i = 0; i < CRITERIA_COUNT; i++) {
        buffer_clear(&text);
        journal_filter_explain(&filter, &scenario, &record, (enum criterion)i, &text);
        EXPECT_RC(text.rc, RC_OK);
        CU_ASSERT(
            slice_starts_with(buffer_slice(&text), slice_of(criterion_word((enum criterion)i))));
        CU_ASSERT(slice_has(buffer_slice(&text), SLICE(", found ")));
        CU_ASSERT_FALSE(slice_has(buffer_slice(&text), SLICE(" , found")));
    }
    buffer_deinit(&text);
}

static void says_where_and_what_was_expected(void)
{
    CU_ASSERT_STRING_EQUAL(complaint("{\"staus\": 429}"),
                           "query:1:2: found \"staus\", expected something to match requests by; "
                           "did you mean \"status\"?");
    CU_ASSERT_STRING_EQUAL(complaint("{\"status\": \"6xx\"}"),
                           "query:1:12: found \"6xx\", expected a status such as 429, a class such "
                           "as \"5xx\", or 0 for none");
    CU_ASSERT_PTR_NOT_NULL(strstr(complaint("{\"key\": \"guess\"}"), "query:1:9: found \"guess\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(complaint("{\"stream\": 1}"), "found 1, expected"));
    CU_ASSERT_PTR_NOT_NULL(strstr(complaint("{\"model\": []}"), "found an array"));
    CU_ASSERT_PTR_NOT_NULL(strstr(complaint("[]"), "expected an object"));
    CU_ASSERT_PTR_NOT_NULL(strstr(complaint(""), "query:1:1: "));
    CU_ASSERT_PTR_NOT_NULL(strstr(complaint("{\"kind\": \"hook\", \"kind\": \"hook\"}"), "twice"));
}

static void needs_memory_for_no_more_than_the_call(void)
{
    struct journal_filter filter;
    struct flaky flaky;
    uint64_t allow = 0;
    enum rc rc;

    do {
        struct memory memory;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        rc = journal_filter_read(SLICE("{\"model\": \"a\\u0062\"}"), SLICE("q"), &memory, &filter,
                                 NULL);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT_STRING_EQUAL(filter.model, "ab");
    CU_ASSERT(allow > 1);
}

static CU_TestInfo journal_filter_tests[] = {
    {"an empty filter matches everything", an_empty_filter_matches_everything},
    {"matches by every criterion", matches_by_every_criterion},
    {"a class of statuses is a hundred of them", a_class_of_statuses_is_a_hundred_of_them},
    {"what was not answered was not answered well", what_was_not_answered_was_not_answered_well},
    {"a model is known by the name that was asked for",
     a_model_is_known_by_the_name_that_was_asked_for},
    {"a post to a hook is asked of hooks", a_post_to_a_hook_is_asked_of_hooks},
    {"a rule that only the running mock knows is found by its name",
     a_rule_that_only_the_running_mock_knows_is_found_by_its_name},
    {"names of digits need no quotes", names_of_digits_need_no_quotes},
    {"tells which criteria fail", tells_which_criteria_fail},
    {"explains every criterion", explains_every_criterion},
    {"says where and what was expected", says_where_and_what_was_expected},
    {"needs memory for no more than the call", needs_memory_for_no_more_than_the_call},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo journal_filter_suite = {"journal_filter", NULL, NULL,
                                     set_up,           NULL, journal_filter_tests};
