/* The admin API over real sockets: how the mock is, who may ask, what it keeps of hooks and keys.
 */

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/loopback/admin_asks.h"
#include "tests/support/expect.h"

static struct mock_child mock;

static void start_with(const char *const *arguments)
{
    mock_child_start(&mock, &(struct mock_child_options){NULL, arguments, 0});
}

static void set_up(void)
{
    mock_child_clear(&mock);
}

static void tear_down(void)
{
    mock_child_close(&mock);
}

static void tells_how_it_is_and_where_it_listens(void)
{
    char text[64];

    start_with(NULL);
    EXPECT_U64(admin_gets(&mock, "health"), 200);
    CU_ASSERT(admin_said("{\"ok\":true,\"open\":0,\"requests\":0,\"started\":false,"));
    EXPECT_U64(model_asks(&mock, "", "claude-sonnet-4-5", "hi"), 200);
    EXPECT_U64(admin_gets(&mock, "wait?count=1"), 200);
    EXPECT_U64(admin_gets(&mock, "health"), 200);
    CU_ASSERT(admin_said("\"requests\":1,\"started\":true,"));
    CU_ASSERT(admin_said("content-type: application/json\r\n"));
    EXPECT_U64(admin_gets(&mock, "ports"), 200);
    snprintf(text, sizeof(text), "\"hooks\":\"http://127.0.0.1:%u\"",
             mock_child_port(&mock, "hooks"));
    CU_ASSERT(admin_said(text));
    snprintf(text, sizeof(text), "\"openai\":\"http://127.0.0.1:%u/v1\"",
             mock_child_port(&mock, "openai"));
    CU_ASSERT(admin_said(text));
}

static void metrics_are_a_text_for_prometheus(void)
{
    start_with(NULL);
    EXPECT_U64(model_asks(&mock, "", "claude-sonnet-4-5", "hi"), 200);
    EXPECT_U64(admin_gets(&mock, "wait?count=1"), 200);
    EXPECT_U64(admin_gets(&mock, "metrics"), 200);
    CU_ASSERT(admin_said("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    CU_ASSERT(admin_said("brownout_requests_total{provider=\"anthropic\",model=\"claude-sonnet-4-"
                         "5\",status=\"200\",answered=\"ok\"} 1\n"));
}

static void what_is_not_there_is_answered_with_what_is(void)
{
    start_with(NULL);
    EXPECT_U64(admin_gets(&mock, "journals"), 404);
    CU_ASSERT(admin_said("\"GET /_brownout/journal\""));
    EXPECT_U64(admin_does(&mock, "DELETE", "health", NULL), 405);
    CU_ASSERT(admin_said("\"there_is\":[\"GET /_brownout/health\"]"));
    EXPECT_U64(admin_does(&mock, "GET", "rules/", NULL), 404);
    EXPECT_U64(admin_does(&mock, "GET", "rules/a/b", NULL), 404);
}

static void a_body_beyond_a_megabyte_is_refused(void)
{
    static char body[(1 << 20) + 2];

    start_with(NULL);
    memset(body, ' ', sizeof(body) - 1);
    EXPECT_U64(admin_posts(&mock, "verify", body), 413);
    body[1 << 20] = '\0';
    EXPECT_U64(admin_posts(&mock, "verify", body), 400);
}

static void with_a_token_nobody_else_is_answered(void)
{
    char file[] = "/tmp/admin-token-XXXXXX";
    int fd = mkstemp(file);
    struct asked_for asked = {.path = "health"};

    CU_ASSERT_FATAL(fd >= 0 && write(fd, "secret-token\n", 13) == 13);
    close(fd);
    start_with((const char *[]){"--admin-token-file", file, NULL});
    unlink(file);
    EXPECT_U64(http_asks(&mock, &asked), 401);
    asked.headers = "authorization: Bearer secret-tokem\r\n";
    EXPECT_U64(http_asks(&mock, &asked), 401);
    asked.headers = "authorization: Basic secret-token\r\n";
    EXPECT_U64(http_asks(&mock, &asked), 401);
    asked.headers = "authorization: Bearer secret-token\r\n";
    EXPECT_U64(http_asks(&mock, &asked), 200);
    asked.path = "no-such-path";
    asked.headers = NULL;
    EXPECT_U64(http_asks(&mock, &asked), 401);
}

static void a_key_that_must_not_leave_is_noticed(void)
{
    start_with((const char *[]){"--canary", "sk-canary-0001", NULL});
    EXPECT_U64(model_asks(&mock, "", "claude-sonnet-4-5", "my key is sk-canary-0001"), 200);
    EXPECT_U64(model_asks(&mock, "", "claude-sonnet-4-5", "my key is sk-canary-0002"), 200);
    EXPECT_U64(admin_posts(&mock, "canaries", "{\"canaries\": [\"sk-canary-0002\"]}"), 200);
    CU_ASSERT(admin_said("\"canaries\":2}"));
    EXPECT_U64(model_asks(&mock, "", "claude-sonnet-4-5", "my key is sk-canary-0002"), 200);
    EXPECT_U64(admin_gets(&mock, "wait?count=3"), 200);
    EXPECT_U64(admin_gets(&mock, "journal/count?has_canary=true"), 200);
    CU_ASSERT(admin_said("{\"count\":2,"));
    EXPECT_U64(admin_gets(&mock, "health"), 200);
    CU_ASSERT(admin_said("\"canaries\":2,"));
    EXPECT_U64(admin_gets(&mock, "metrics"), 200);
    CU_ASSERT(admin_said("brownout_canaries_total 2\n"));
}

static void a_bad_canary_is_refused_and_none_beside_it_is_kept(void)
{
    start_with(NULL);
    EXPECT_U64(admin_posts(&mock, "canaries", "{\"canaries\": [\"sk-canary-0001\", \"sk\"]}"), 400);
    EXPECT_U64(admin_posts(&mock, "canaries", ""), 400);
    EXPECT_U64(model_asks(&mock, "", "claude-sonnet-4-5", "my key is sk-canary-0001"), 200);
    EXPECT_U64(admin_gets(&mock, "wait?count=1"), 200);
    EXPECT_U64(admin_gets(&mock, "journal/count?has_canary=true"), 200);
    CU_ASSERT(admin_said("{\"count\":0,"));
}

static void what_hooks_got_is_kept_with_secrets_masked(void)
{
    struct asked_for post = {.listener = "hooks",
                             .path = "/t/a/slack",
                             .headers = "authorization: Bearer secret\r\nx-brownout-alert: k\r\n",
                             .body = "{\"text\": \"hi\"}"};

    start_with(NULL);
    EXPECT_U64(http_asks(&mock, &post), 200);
    post.path = "/discord";
    EXPECT_U64(http_asks(&mock, &post), 400);
    EXPECT_U64(admin_gets(&mock, "hooks"), 200);
    CU_ASSERT(admin_said("\"hook\":\"slack\",\"method\":\"POST\",\"path\":\"/slack\""));
    CU_ASSERT(admin_said("\"authorization\":\"Bearer ***\""));
    CU_ASSERT(admin_said("\"body\":{\"text\": \"hi\"}"));
    CU_ASSERT(admin_said("\"kept\":2,"));
    EXPECT_U64(admin_gets(&mock, "hooks?hook=discord"), 200);
    CU_ASSERT_PTR_NULL(strstr(admin_answer_text(), "slack"));
    CU_ASSERT(admin_said("{\"number\":2,"));
    EXPECT_U64(admin_gets(&mock, "hooks?hok=discord"), 400);
    EXPECT_U64(admin_gets(&mock, "wait?count=2"), 200);
    EXPECT_U64(admin_gets(&mock, "journal?provider=hooks&model=slack"), 200);
    CU_ASSERT(admin_said("\"number\":1,"));
    CU_ASSERT(admin_said("\"matched\":1,"));
}

static CU_TestInfo admin_tests[] = {
    {"tells how it is and where it listens", tells_how_it_is_and_where_it_listens},
    {"metrics are a text for Prometheus", metrics_are_a_text_for_prometheus},
    {"what is not there is answered with what is", what_is_not_there_is_answered_with_what_is},
    {"a body beyond a megabyte is refused", a_body_beyond_a_megabyte_is_refused},
    {"with a token nobody else is answered", with_a_token_nobody_else_is_answered},
    {"a key that must not leave is noticed", a_key_that_must_not_leave_is_noticed},
    {"a bad canary is refused, and none beside it is kept",
     a_bad_canary_is_refused_and_none_beside_it_is_kept},
    {"what hooks got is kept with secrets masked", what_hooks_got_is_kept_with_secrets_masked},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo admin_suite = {"admin", NULL, NULL, set_up, tear_down, admin_tests};
