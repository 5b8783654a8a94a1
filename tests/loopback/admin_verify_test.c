/* The admin API over real sockets: expectations and laws on what the journal holds. */

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "tests/loopback/admin_asks.h"
#include "tests/support/expect.h"

/* The first attempt of a call with a rule of its own is refused. */
static const char scenario[] =
    "{ \"name\": \"verify\", \"seed\": 1, \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
    "  \"target\": {\"mock\": {\"models\": {\n"
    "    \"claude\": {\"api\": \"anthropic\", \"first_token\": \"1us\",\n"
    "               \"rate\": \"1000000000 tokens/s\"},\n"
    "    \"haiku\": {\"api\": \"anthropic\", \"first_token\": \"1us\",\n"
    "              \"rate\": \"1000000000 tokens/s\"},\n"
    "    \"held\": {\"api\": \"anthropic\", \"first_token\": \"10h\", \"rate\": \"1 "
    "tokens/s\"}}}},\n"
    "  \"load\": {\"requests\": [{\"model\": \"claude\", \"input_tokens\": 10,\n"
    "                           \"output_tokens\": 5}],\n"
    "           \"arrivals\": [{\"part\": \"steady\", \"rate\": \"1/s\", \"for\": \"1s\"}]},\n"
    "  \"chaos\": [{\"phase\": \"p\", \"rule\": \"advised\", \"match\": {\"isolation\": "
    "\"advised\"},\n"
    "     \"fault\": [{\"status\": 429, \"retry_after\": \"1h\"}, \"ok\"]},\n"
    "    {\"phase\": \"q\", \"rule\": \"broken\", \"match\": {\"isolation\": \"broken\"},\n"
    "     \"fault\": {\"status\": 529}}]}\n";

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

static uint16_t asks(const char *prefix, const char *prompt)
{
    return model_asks(&mock, prefix, "claude", prompt);
}

static bool verdict(const char *body, const char *word)
{
    char text[48];

    EXPECT_U64(admin_posts(&mock, "verify", body), 200);
    snprintf(text, sizeof(text), "\"verdict\":\"%s\",\"reasons\":[", word);
    return admin_said(text);
}

static void counts_pass_or_fail_with_a_reason(void)
{
    start();
    EXPECT_U64(asks("", "hi"), 200);
    EXPECT_U64(asks("", "hi"), 200);
    EXPECT_U64(admin_gets(&mock, "wait?count=2"), 200);
    CU_ASSERT(verdict("{\"match\": {\"model\": \"claude\"}, \"count\": 2}", "pass"));
    CU_ASSERT(admin_said("{\"count\":2,\"calls\":2,"));
    CU_ASSERT(admin_said("\"reasons\":[]}"));
    CU_ASSERT(verdict("{\"count\": {\"min\": 1, \"max\": 2}}", "pass"));
    CU_ASSERT(verdict("{\"count\": {\"max\": 1}}", "fail"));
    CU_ASSERT(admin_said("\"reasons\":[\"requests: found 2, expected at most 1\"]"));
    CU_ASSERT(verdict("{\"count\": {\"min\": 3}}", "fail"));
    CU_ASSERT(admin_said("requests: found 2, expected at least 3"));
    CU_ASSERT(verdict("{\"count\": 0, \"after\": 2}", "pass"));
}

static void shows_what_nearly_matched(void)
{
    start();
    EXPECT_U64(asks("/t/broken", "hi"), 529);
    EXPECT_U64(admin_gets(&mock, "wait?count=1"), 200);
    CU_ASSERT(
        verdict("{\"match\": {\"model\": \"claude\", \"status\": 429}, \"count\": 1}", "fail"));
    CU_ASSERT(admin_said("\"near_misses\":[\n{\"number\":1,\"criterion\":\"status\",\"text\":"
                         "\"status 429, found 529\",\"record\":{\"number\":1,"));
    CU_ASSERT(
        verdict("{\"match\": {\"model\": \"haiku\", \"status\": 429}, \"count\": 1}", "fail"));
    CU_ASSERT(admin_said("\"near_misses\":[]"));
}

static void what_is_still_open_may_still_come(void)
{
    struct incoming client;

    start();
    mock_child_connect(&mock, "anthropic", &client);
    incoming_say(&client, ask_whole("held"));
    mock_child_await_health(&mock, "\"open\":1,");
    CU_ASSERT(verdict("{\"count\": 1}", "inconclusive"));
    CU_ASSERT(admin_said("requests: found 0, expected 1, and 1 still open"));
    incoming_close(&client);
    EXPECT_U64(admin_gets(&mock, "wait?count=1"), 200);
    CU_ASSERT(verdict("{\"count\": 1}", "pass"));
}

static void judges_calls_by_marker(void)
{
    start();
    for (int i = 0; i < 3; i++)
        EXPECT_U64(asks("/t/broken", "\xE2\x9F\xA6k1\xE2\x9F\xA7 hi"), 529);
    EXPECT_U64(asks("", "\xE2\x9F\xA6k2\xE2\x9F\xA7 hi"), 200);
    EXPECT_U64(admin_gets(&mock, "wait?count=4"), 200);
    CU_ASSERT(verdict("{\"laws\": {\"attempts-bounded\": {\"max\": 3}}}", "pass"));
    CU_ASSERT(verdict("{\"laws\": {\"attempts-bounded\": {\"max\": 2}}}", "fail"));
    CU_ASSERT(admin_said("{\"law\":\"attempts-bounded\",\"verdict\":\"fail\",\"limit\":\"max 2\","
                         "\"calls\":2,\"violations\":1,"));
    CU_ASSERT(admin_said("\"call\":\"mark:k1\",\"text\":\"3 attempts (3 x 529 overloaded)"));
    CU_ASSERT(
        verdict("{\"calls\": {\"count\": 2, \"ok\": 1, \"attempts\": {\"max\": 3}}}", "pass"));
    CU_ASSERT(verdict("{\"calls\": {\"attempts\": 1}}", "fail"));
    CU_ASSERT(admin_said("attempts of call mark:k1: found 3, expected 1"));
    CU_ASSERT(verdict("{\"calls\": {\"ok\": 2}}", "fail"));
    CU_ASSERT(verdict("{\"laws\": true}", "pass"));
}

static void judges_whether_advice_was_heeded(void)
{
    start();
    EXPECT_U64(asks("/t/advised", "\xE2\x9F\xA6k1\xE2\x9F\xA7 hi"), 429);
    EXPECT_U64(asks("/t/advised", "\xE2\x9F\xA6k1\xE2\x9F\xA7 hi"), 200);
    EXPECT_U64(admin_gets(&mock, "wait?count=2"), 200);
    CU_ASSERT(verdict("{\"laws\": {\"advice-heeded\": true}}", "fail"));
    CU_ASSERT(admin_said("after a 429 that asked for 3600 s"));
}

static void a_question_answered_each_time_is_a_call_each_time(void)
{
    start();
    for (int i = 0; i < 3; i++)
        EXPECT_U64(asks("", "hi"), 200);
    EXPECT_U64(admin_gets(&mock, "wait?count=3"), 200);
    CU_ASSERT(verdict("{\"laws\": {\"attempts-bounded\": {\"max\": 1}}}", "pass"));
    CU_ASSERT(verdict("{\"calls\": {\"count\": 3, \"attempts\": 1}}", "pass"));
}

static void a_question_asked_until_it_is_given_up_is_one_call(void)
{
    start();
    for (int i = 0; i < 3; i++)
        EXPECT_U64(asks("/t/broken", "hi"), 529);
    EXPECT_U64(admin_gets(&mock, "wait?count=3"), 200);
    CU_ASSERT(verdict("{\"laws\": {\"attempts-bounded\": {\"max\": 2}}}", "fail"));
    CU_ASSERT(verdict("{\"calls\": {\"count\": 1, \"attempts\": 3}}", "pass"));
}

static void judges_the_order_of_models(void)
{
    start();
    EXPECT_U64(model_asks(&mock, "", "claude", "\xE2\x9F\xA6k1\xE2\x9F\xA7 hi"), 200);
    EXPECT_U64(model_asks(&mock, "", "haiku", "\xE2\x9F\xA6k1\xE2\x9F\xA7 hi"), 200);
    EXPECT_U64(admin_gets(&mock, "wait?count=2"), 200);
    CU_ASSERT(verdict("{\"laws\": {\"fallback-ordered\": {\"order\": [\"claude\", \"haiku\"]}}}",
                      "pass"));
    CU_ASSERT(verdict("{\"laws\": {\"fallback-ordered\": {\"order\": [\"claude\"]}}}", "fail"));
}

static void what_nothing_was_seen_of_is_no_pass(void)
{
    start();
    CU_ASSERT(verdict("{\"calls\": {\"attempts\": {\"max\": 2}}}", "inconclusive"));
    CU_ASSERT(admin_said("attempts of each call: no call was seen"));
    CU_ASSERT(verdict("{\"calls\": {\"count\": 0, \"attempts\": {\"max\": 2}}}", "pass"));
    CU_ASSERT(verdict("{\"laws\": {\"fallback-eligible\": true}}", "inconclusive"));
    CU_ASSERT(admin_said("\"reasons\":[\"fallback-eligible: "));
}

static void says_what_cannot_be_verified(void)
{
    start();
    EXPECT_U64(admin_posts(&mock, "verify", ""), 400);
    EXPECT_U64(admin_posts(&mock, "verify", "{\"laws\": {\"no-hang\": true}}"), 400);
    CU_ASSERT(admin_said("the journal alone cannot judge no-hang: it needs the caller's side"));
    EXPECT_U64(admin_posts(&mock, "verify", "{\"laws\": {\"attempts-bonded\": true}}"), 400);
    CU_ASSERT(admin_said("body:1:11: found \\\"attempts-bonded\\\""));
    EXPECT_U64(admin_posts(&mock, "verify", "{\"laws\": [\"no-hang\"]}"), 400);
    EXPECT_U64(admin_posts(&mock, "verify", "{\"count\": {\"min\": 3, \"max\": 2}}"), 400);
    EXPECT_U64(admin_posts(&mock, "verify", "{\"count\": -1}"), 400);
    EXPECT_U64(admin_posts(&mock, "verify", "{\"cuont\": 1}"), 400);
    EXPECT_U64(admin_posts(&mock, "verify",
                           "{\"laws\": {\"fallback-ordered\": {\"order\": [\"no-such-model\"]}}}"),
               400);
}

static CU_TestInfo admin_verify_tests[] = {
    {"counts pass, or fail with a reason", counts_pass_or_fail_with_a_reason},
    {"shows what nearly matched", shows_what_nearly_matched},
    {"what is still open may still come", what_is_still_open_may_still_come},
    {"judges calls by marker", judges_calls_by_marker},
    {"judges whether advice was heeded", judges_whether_advice_was_heeded},
    {"a question answered each time is a call each time",
     a_question_answered_each_time_is_a_call_each_time},
    {"a question asked until it is given up is one call",
     a_question_asked_until_it_is_given_up_is_one_call},
    {"judges the order of models", judges_the_order_of_models},
    {"what nothing was seen of is no pass", what_nothing_was_seen_of_is_no_pass},
    {"says what cannot be verified", says_what_cannot_be_verified},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo admin_verify_suite = {"admin_verify", NULL,      NULL,
                                   set_up,         tear_down, admin_verify_tests};
