/* The admin API over real sockets: finding, counting, forgetting, and waiting. Nothing sleeps: what
 * is waited for is what the API itself holds an answer back for. */

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "tests/loopback/admin_asks.h"
#include "tests/support/expect.h"

/* One model answers at once, one never. */
static const char scenario[] =
    "{ \"name\": \"admin\", \"seed\": 1, \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
    "  \"target\": {\"mock\": {\"models\": {\n"
    "    \"claude\": {\"api\": \"anthropic\", \"first_token\": \"1us\",\n"
    "               \"rate\": \"1000000000 tokens/s\"},\n"
    "    \"held\": {\"api\": \"anthropic\", \"first_token\": \"10h\", \"rate\": \"1 "
    "tokens/s\"}}}},\n"
    "  \"load\": {\"requests\": [{\"model\": \"claude\", \"input_tokens\": 10,\n"
    "                           \"output_tokens\": 5}],\n"
    "           \"arrivals\": [{\"part\": \"steady\", \"rate\": \"1/s\", \"for\": \"1s\"}]}}\n";

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

/* So many requests, the last one behind a path of its own and to a model that is not there. */
static void start_with_requests(int count)
{
    char path[64];

    start();
    for (int i = 1; i < count; i++)
        EXPECT_U64(model_asks(&mock, "", "claude", "hi"), 200);
    EXPECT_U64(model_asks(&mock, "/t/alone", "no-such-model", "hi"), 404);
    snprintf(path, sizeof(path), "wait?count=%d", count);
    EXPECT_U64(admin_gets(&mock, path), 200);
}

static void hold(struct incoming *client)
{
    mock_child_connect(&mock, "anthropic", client);
    incoming_say(client, ask_whole("held"));
    mock_child_await_health(&mock, "\"open\":1,");
}

static bool said(const char *text)
{
    return strstr(admin_answer_text(), text) != NULL;
}

/* --- finding and counting --------------------------------------------------------------------- */

static void finds_by_query_and_by_body_alike(void)
{
    start_with_requests(3);
    EXPECT_U64(admin_gets(&mock, "journal?status=4xx&isolation=al*"), 200);
    CU_ASSERT(admin_said("\"model\":null,\"model_asked\":\"no-such-model\","));
    CU_ASSERT(admin_said("],\"matched\":1,\"next\":3,\"dropped\":0,\"is_whole\":true}\n"));
    EXPECT_U64(admin_posts(&mock, "journal/find",
                           "{\"match\": {\"status\": \"4xx\", \"isolation\": \"al*\"}}"),
               200);
    CU_ASSERT(admin_said("],\"matched\":1,"));
    EXPECT_U64(admin_gets(&mock, "journal/count?model=claude"), 200);
    CU_ASSERT(admin_said("{\"count\":2,"));
    EXPECT_U64(admin_gets(&mock, "journal/count?model=c%6Caude&stream=false"), 200);
    CU_ASSERT(admin_said("{\"count\":2,"));
    EXPECT_U64(admin_posts(&mock, "journal/count", "{\"match\": {\"rule\": null}, \"after\": 1}"),
               200);
    CU_ASSERT(admin_said("{\"count\":2,"));
}

static void lists_page_by_page(void)
{
    start_with_requests(3);
    EXPECT_U64(admin_gets(&mock, "journal?limit=2"), 200);
    CU_ASSERT(admin_said("],\"matched\":3,\"next\":2,"));
    CU_ASSERT_FALSE(said("\"number\":3,"));
    EXPECT_U64(admin_gets(&mock, "journal?limit=2&after=2"), 200);
    CU_ASSERT(admin_said("{\"number\":3,"));
    CU_ASSERT(admin_said("],\"matched\":1,\"next\":3,"));
    EXPECT_U64(admin_gets(&mock, "journal?after=3"), 200);
    CU_ASSERT(admin_said("{\"records\":[\n],\"matched\":0,\"next\":3,"));
}

static void lists_bare_lines(void)
{
    start_with_requests(2);
    EXPECT_U64(admin_gets(&mock, "journal?format=lines"), 200);
    CU_ASSERT(admin_said("\r\n\r\n{\"number\":1,"));
    CU_ASSERT(admin_said("}\n{\"number\":2,"));
    CU_ASSERT_FALSE(said("records"));
}

static void says_what_it_does_not_understand(void)
{
    start();
    EXPECT_U64(admin_gets(&mock, "journal?staus=200"), 400);
    CU_ASSERT(
        admin_said("\"query: found \\\"staus\\\", expected something to match requests by; did you "
                   "mean \\\"status\\\"?"));
    EXPECT_U64(admin_gets(&mock, "journal?status=200&status=201"), 400);
    CU_ASSERT(admin_said("twice"));
    EXPECT_U64(admin_gets(&mock, "journal?match=1&status=200"), 400);
    CU_ASSERT(admin_said("\"query: found \\\"match\\\", expected something to match requests by"));
    EXPECT_U64(admin_gets(&mock, "journal?limit=many"), 400);
    EXPECT_U64(admin_posts(&mock, "journal/find", "{\"match\": {\"kind\": \"hok\"}}"), 400);
    CU_ASSERT(admin_said("body:1:20: found \\\"hok\\\""));
    EXPECT_U64(admin_gets(&mock, "journal?answered=rate_limitd"), 400);
    CU_ASSERT(admin_said(", ...; did you mean \\\"rate_limited\\\"?"));
    EXPECT_U64(admin_posts(&mock, "journal/find", "{\"mach\": {}}"), 400);
    EXPECT_U64(admin_posts(&mock, "journal/find", "{"), 400);
}

static void forgets_one_path_or_all(void)
{
    start_with_requests(3);
    EXPECT_U64(admin_does(&mock, "DELETE", "journal?isolation=alone", NULL), 200);
    CU_ASSERT(admin_said("{\"ok\":true,\"forgotten\":1}"));
    EXPECT_U64(admin_gets(&mock, "journal/count"), 200);
    CU_ASSERT(admin_said("{\"count\":2,\"last\":3,"));
    EXPECT_U64(admin_posts(&mock, "journal/reset", NULL), 200);
    CU_ASSERT(admin_said("{\"ok\":true,\"forgotten\":2}"));
    EXPECT_U64(model_asks(&mock, "", "claude", "hi"), 200);
    EXPECT_U64(admin_gets(&mock, "wait?count=1"), 200);
    EXPECT_U64(admin_gets(&mock, "journal"), 200);
    CU_ASSERT(admin_said("{\"records\":[\n{\"number\":4,"));
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void what_was_there_before_counts(void)
{
    start_with_requests(2);
    EXPECT_U64(admin_gets(&mock, "wait?count=1&status=404"), 200);
    CU_ASSERT(admin_said("{\"ok\":true,\"met\":true,\"count\":1,\"last\":2,\"open\":0,"));
}

static void an_answer_is_held_back_until_it_is_true(void)
{
    struct incoming waiter;

    start();
    admin_begins(&mock, &waiter, "wait?count=2&model=claude&timeout=60s");
    mock_child_await_health(&mock, "\"waiting\":1");
    EXPECT_U64(model_asks(&mock, "", "claude", "hi"), 200);
    EXPECT_U64(model_asks(&mock, "", "no-such-model", "hi"), 404);
    mock_child_await_health(&mock, "\"records\":2,");
    mock_child_await_health(&mock, "\"waiting\":1");
    CU_ASSERT_FALSE(incoming_said(&waiter, "met"));
    EXPECT_U64(model_asks(&mock, "", "claude", "hi"), 200);
    CU_ASSERT(incoming_until(&waiter, "\"met\":true,\"count\":2,"));
    mock_child_await_health(&mock, "\"waiting\":0");
    incoming_close(&waiter);
}

static void a_wait_that_is_not_met_in_time_says_what_was_seen(void)
{
    start_with_requests(2);
    EXPECT_U64(admin_gets(&mock, "wait?count=3&timeout=50ms"), 408);
    CU_ASSERT(admin_said("\"met\":false,\"error\":\"not in time: 2 of 3 requests\",\"count\":2,"));
}

static void it_is_not_quiet_while_a_request_is_open(void)
{
    struct incoming client;

    start();
    hold(&client);
    EXPECT_U64(admin_gets(&mock, "wait?quiet=1ms&timeout=50ms"), 408);
    CU_ASSERT(admin_said("or not quiet for so long"));
    incoming_close(&client);
    EXPECT_U64(admin_gets(&mock, "wait?quiet=20ms&count=1"), 200);
    CU_ASSERT(admin_said("\"met\":true,\"count\":1,"));
    EXPECT_U64(admin_gets(&mock, "journal/count?closed_by=client"), 200);
    CU_ASSERT(admin_said("{\"count\":1,"));
}

/* Tests that run side by side do not wait for each other. */
static void it_may_be_quiet_on_one_path_while_another_is_busy(void)
{
    struct incoming client;

    start();
    hold(&client);
    EXPECT_U64(model_asks(&mock, "/t/alone", "claude", "hi"), 200);
    EXPECT_U64(admin_gets(&mock, "wait?quiet=10ms&count=1&isolation=alone"), 200);
    CU_ASSERT(admin_said("\"met\":true,\"count\":1,\"last\":1,\"open\":0,"));
    EXPECT_U64(admin_gets(&mock, "wait?quiet=1ms&isolation=&timeout=50ms"), 408);
    EXPECT_U64(admin_gets(&mock, "journal/count?isolation=alone"), 200);
    CU_ASSERT(admin_said("\"open\":0,"));
    incoming_close(&client);
}

static void a_client_that_resets_is_told_from_one_that_leaves(void)
{
    struct incoming client;

    start();
    hold(&client);
    incoming_reset(&client);
    EXPECT_U64(admin_gets(&mock, "wait?count=1&closed_by=client_reset"), 200);
}

static void many_wait_for_different_things(void)
{
    enum { WAITERS = 40 };
    struct incoming waiters[WAITERS];
    char path[64];

    start();
    for (int i = 0; i < WAITERS; i++) {
        snprintf(path, sizeof(path), "wait?count=%d&timeout=60s", i + 1);
        admin_begins(&mock, &waiters[i], path);
    }
    mock_child_await_health(&mock, "\"waiting\":40");
    for (int i = 0; i < WAITERS; i++)
        EXPECT_U64(model_asks(&mock, "", "claude", "hi"), 200);
    for (int i = 0; i < WAITERS; i++) {
        CU_ASSERT(incoming_until(&waiters[i], "\"met\":true"));
        incoming_close(&waiters[i]);
    }
    mock_child_await_health(&mock, "\"waiting\":0");
}

static void those_who_wait_are_bounded(void)
{
    enum { WAITERS = 256 };
    static struct incoming waiters[WAITERS];

    start();
    for (int i = 0; i < WAITERS; i++)
        admin_begins(&mock, &waiters[i], "wait?count=1000&timeout=60s");
    mock_child_await_health(&mock, "\"waiting\":256");
    EXPECT_U64(admin_gets(&mock, "wait?count=1000"), 503);
    for (int i = 0; i < WAITERS; i++)
        incoming_close(&waiters[i]);
    mock_child_await_health(&mock, "\"waiting\":0");
}

static void a_waiter_that_leaves_is_forgotten(void)
{
    struct incoming left, stays;

    start();
    admin_begins(&mock, &left, "wait?count=1&timeout=60s");
    admin_begins(&mock, &stays, "wait?count=1&timeout=60s");
    mock_child_await_health(&mock, "\"waiting\":2");
    incoming_reset(&left);
    mock_child_await_health(&mock, "\"waiting\":1");
    EXPECT_U64(model_asks(&mock, "", "claude", "hi"), 200);
    CU_ASSERT(incoming_until(&stays, "\"met\":true"));
    incoming_close(&stays);
    incoming_close(&left);
}

static void a_wait_for_nothing_is_refused(void)
{
    start();
    EXPECT_U64(admin_gets(&mock, "wait?status=200"), 400);
    EXPECT_U64(admin_gets(&mock, "wait?count=1&timeout=6m"), 400);
    EXPECT_U64(admin_gets(&mock, "wait?quiet=soon"), 400);
    EXPECT_U64(admin_posts(&mock, "wait", "{\"quiet\": \"1ms\", \"match\": {\"status\": 200}}"),
               200);
}

static CU_TestInfo admin_journal_tests[] = {
    {"finds by query and by body alike", finds_by_query_and_by_body_alike},
    {"lists page by page", lists_page_by_page},
    {"lists bare lines", lists_bare_lines},
    {"says what it does not understand", says_what_it_does_not_understand},
    {"forgets one path, or all", forgets_one_path_or_all},
    {"what was there before counts", what_was_there_before_counts},
    {"an answer is held back until it is true", an_answer_is_held_back_until_it_is_true},
    {"a wait that is not met in time says what was seen",
     a_wait_that_is_not_met_in_time_says_what_was_seen},
    {"it is not quiet while a request is open", it_is_not_quiet_while_a_request_is_open},
    {"it may be quiet on one path while another is busy",
     it_may_be_quiet_on_one_path_while_another_is_busy},
    {"a client that resets is told from one that leaves",
     a_client_that_resets_is_told_from_one_that_leaves},
    {"many wait for different things", many_wait_for_different_things},
    {"those who wait are bounded", those_who_wait_are_bounded},
    {"a waiter that leaves is forgotten", a_waiter_that_leaves_is_forgotten},
    {"a wait for nothing is refused", a_wait_for_nothing_is_refused},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo admin_journal_suite = {"admin_journal", NULL,      NULL,
                                    set_up,          tear_down, admin_journal_tests};
