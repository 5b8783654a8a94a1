#include "engine/hooks.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "tests/support/expect.h"

static struct hooks hooks;
static struct chaos chaos;
static struct fault fault;
static struct plan plan;
static struct hook_reply reply;
static struct journal_record record;

static void set_up(void)
{
    hooks = (struct hooks){0};
    chaos = (struct chaos){0};
    fault = (struct fault){0};
}

/* One rule that hits all posts to that hook, always. */
static void break_hook(const char *name, struct fault with)
{
    struct chaos_rule *rule = &chaos.rules[0];

    fault = with;
    chaos.phases.list[0] = (struct phase){.name = "on", .lasts = NANOS_NEVER};
    chaos.phases.count = 1;
    *rule = (struct chaos_rule){
        .name = "broken", .share = 1.0, .sequence = &fault, .sequence_count = 1};
    strcpy(rule->match.provider, "hooks");
    strcpy(rule->match.model, name);
    rule->match.input_tokens_max = UINT64_MAX;
    chaos.rules_count = 1;
}

static void post_to(const char *path, const char *isolation, const char *body, nanos at)
{
    struct http_header headers[] = {{SLICE("x-brownout-alert"), SLICE("slow:0")},
                                    {SLICE("x-brownout-attempt"), SLICE("2")}};
    struct http_request http = {.method = SLICE("POST"),
                                .path = slice_of(path),
                                .headers = headers,
                                .headers_count = 2,
                                .body = slice_of(body)};
    struct hook_post post = {
        .http = &http, .isolation = slice_of(isolation), .chaos = &chaos, .at = at};

    plan = (struct plan){0};
    record = (struct journal_record){0};
    hooks_receive(&hooks, &post, &plan, &reply, &record);
}

static void post(const char *path, nanos at)
{
    post_to(path, "", "{\"text\":\"hello\",\"content\":\"hello\"}", at);
}

/* What stands in the answer, head lines without advice and body, until the next call. */
static struct slice written(void (*write)(struct buffer *out))
{
    static char text[1024];
    struct buffer out = {
        .data = text, .capacity = sizeof(text), .ceiling = sizeof(text), .memory = memory_heap()};

    write(&out);
    return buffer_slice(&out);
}

static void write_head(struct buffer *out)
{
    hooks_write_headers(&reply, 1700000000 * NANOS_S, out);
}

static void write_body(struct buffer *out)
{
    hooks_write_body(&reply, out);
}

static void slack_takes_ten_at_once_and_one_a_second(void)
{
    for (int i = 0; i < 10; i++) {
        post("/slack", NANOS_S);
        EXPECT_U64(reply.status, 200);
    }
    post("/slack", NANOS_S);
    EXPECT_U64(reply.status, 429);
    EXPECT_TEXT(written(write_body), "rate_limited");
    EXPECT_TEXT(written(write_head), "content-type: text/plain\r\n");
    EXPECT_U64(plan.advice, PLAN_ADVICE_SECONDS);
    EXPECT_I64(plan.advice_wait, NANOS_S);
    EXPECT_U64(record.answered, OUTCOME_RATE_LIMITED);
    CU_ASSERT(record.is_limited);
    CU_ASSERT(record.is_hook_valid); /* the body was fine */
    post("/slack", 2 * NANOS_S - 1);
    EXPECT_U64(reply.status, 429);
    post("/slack", 2 * NANOS_S);
    EXPECT_U64(reply.status, 200);
    EXPECT_TEXT(written(write_body), "ok");
}

static void discord_tells_its_limit_with_every_answer(void)
{
    post("/discord", 0);
    EXPECT_U64(reply.status, 204);
    EXPECT_TEXT(written(write_body), "");
    EXPECT_TEXT(written(write_head), "x-ratelimit-limit: 5\r\n"
                                     "x-ratelimit-remaining: 4\r\n"
                                     "x-ratelimit-reset: 1700000000.400\r\n"
                                     "x-ratelimit-reset-after: 0.400\r\n"
                                     "x-ratelimit-bucket: brownout\r\n");
    for (int i = 0; i < 4; i++)
        post("/discord", 0);
    EXPECT_U64(reply.status, 204);
    post("/discord", NANOS_MS);
    EXPECT_U64(reply.status, 429);
    EXPECT_TEXT(written(write_body), "{\"message\":\"You are being rate limited.\","
                                     "\"retry_after\":0.399,\"global\":false}");
    EXPECT_I64(plan.advice_wait, NANOS_S);
    CU_ASSERT(slice_has(written(write_head), SLICE("x-ratelimit-scope: user\r\n")));
}

static void any_has_no_limit(void)
{
    for (int i = 0; i < 100; i++) {
        post("/any", 0);
        EXPECT_U64(reply.status, 200);
    }
}

static void limits_hold_for_each_isolation_path(void)
{
    for (int i = 0; i < 11; i++)
        post_to("/slack", "a", "{\"text\":\"x\"}", 0);
    EXPECT_U64(reply.status, 429);
    post_to("/slack", "b", "{\"text\":\"x\"}", 0);
    EXPECT_U64(reply.status, 200);
    hooks_reset(&hooks, SLICE("b"));
    post_to("/slack", "a", "{\"text\":\"x\"}", 0);
    EXPECT_U64(reply.status, 429);
    hooks_reset(&hooks, SLICE("a"));
    post_to("/slack", "a", "{\"text\":\"x\"}", 0);
    EXPECT_U64(reply.status, 200);
}

/* More paths than are remembered: the oldest starts afresh. */
static void many_isolation_paths_are_bounded(void)
{
    char name[] = "t00";

    for (int i = 0; i < 11; i++)
        post_to("/slack", "old", "{\"text\":\"x\"}", 0);
    for (int i = 0; i < HOOK_RECEIVERS_MAX; i++) {
        name[1] = (char)('0' + i / 10);
        name[2] = (char)('0' + i % 10);
        post_to("/slack", name, "{\"text\":\"x\"}", 0);
        EXPECT_U64(reply.status, 200);
    }
    post_to("/slack", "old", "{\"text\":\"x\"}", 0);
    EXPECT_U64(reply.status, 200);
}

static void a_refusal_by_rule_is_told_in_the_services_words(void)
{
    static const struct {
        const char *hook;
        uint16_t status;
        const char *words;
    } cases[] = {
        {"slack", 403, "action_prohibited"},
        {"slack", 404, "no_service"},
        {"slack", 410, "channel_is_archived"},
        {"slack", 500, "rollup_error"},
        {"slack", 503, "503: Service Unavailable"},
        {"discord", 401, "{\"message\":\"Invalid Webhook Token\",\"code\":50027}"},
        {"discord", 404, "{\"message\":\"Unknown Webhook\",\"code\":10015}"},
        {"discord", 500, "{\"message\":\"500: Internal Server Error\",\"code\":0}"},
        {"any", 503, "{\"message\":\"503: Service Unavailable\",\"code\":0}"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[16] = "/";

        break_hook(cases[i].hook, (struct fault){.kind = FAULT_STATUS,
                                                 .status = cases[i].status,
                                                 .failure = OUTCOME_SERVER_ERROR});
        post(strcat(path, cases[i].hook), 0);
        EXPECT_U64(reply.status, cases[i].status);
        EXPECT_U64(plan.kind, PLAN_REFUSAL);
        EXPECT_I64(plan.rule, 0);
        EXPECT_U64(record.answered, OUTCOME_SERVER_ERROR);
        CU_ASSERT(slice_is(written(write_body), slice_of(cases[i].words)));
    }
}

static void a_429_by_rule_says_how_long_in_discords_body_too(void)
{
    break_hook("discord", (struct fault){.kind = FAULT_STATUS,
                                         .status = 429,
                                         .failure = OUTCOME_RATE_LIMITED,
                                         .advice = PLAN_ADVICE_SECONDS,
                                         .advice_wait = 64570 * NANOS_MS});
    post("/discord", 0);
    EXPECT_TEXT(written(write_body), "{\"message\":\"You are being rate limited.\","
                                     "\"retry_after\":64.570,\"global\":false}");
    CU_ASSERT(!record.is_limited);
}

static void hangs_resets_and_late_answers_are_the_plans(void)
{
    break_hook("slack", (struct fault){.kind = FAULT_STALL});
    post("/slack", 0);
    EXPECT_U64(plan.ending, PLAN_STALL);
    break_hook("slack", (struct fault){.kind = FAULT_RESET, .close = PLAN_CLOSE_RST});
    post("/slack", 0);
    EXPECT_U64(plan.kind, PLAN_RESET);
    break_hook("slack", (struct fault){.kind = FAULT_LATE_FIRST, .delay = 3 * NANOS_S});
    post("/slack", 0);
    CU_ASSERT(plan.first_token >= 3 * NANOS_S);
    EXPECT_U64(reply.status, 200);
    EXPECT_TEXT(written(write_body), "ok");
}

static void a_rule_for_one_hook_spares_the_others(void)
{
    break_hook("slack", (struct fault){.kind = FAULT_STATUS, .status = 404});
    post("/discord", 0);
    EXPECT_U64(reply.status, 204);
}

static void what_a_rule_refuses_takes_nothing_from_the_limit(void)
{
    break_hook("slack", (struct fault){.kind = FAULT_STATUS, .status = 503});
    for (int i = 0; i < 20; i++)
        post("/slack", 0);
    chaos.rules_count = 0;
    post("/slack", 0);
    EXPECT_U64(reply.status, 200);
}

static void a_bad_body_is_refused_and_counts(void)
{
    for (int i = 0; i < 10; i++)
        post_to("/slack", "", "no json", 0);
    EXPECT_U64(reply.status, 400);
    EXPECT_TEXT(written(write_body), "invalid_payload");
    EXPECT_U64(record.answered, OUTCOME_INVALID_REQUEST);
    CU_ASSERT(!record.is_hook_valid);
    post("/slack", 0);
    EXPECT_U64(reply.status, 429);
}

static void other_paths_are_no_hooks(void)
{
    post("/teams", 0);
    EXPECT_U64(reply.status, 404);
    EXPECT_TEXT(written(write_body), "no_such_hook");
    CU_ASSERT(record.is_hook);
    CU_ASSERT_STRING_EQUAL(record.alert, "slow:0");
    EXPECT_U64(record.attempt, 2);
}

static CU_TestInfo tests[] = {
    {"Slack takes ten at once and one a second", slack_takes_ten_at_once_and_one_a_second},
    {"Discord tells its limit with every answer", discord_tells_its_limit_with_every_answer},
    {"any has no limit", any_has_no_limit},
    {"limits hold for each isolation path", limits_hold_for_each_isolation_path},
    {"many isolation paths are bounded", many_isolation_paths_are_bounded},
    {"a refusal by rule is told in the service's words",
     a_refusal_by_rule_is_told_in_the_services_words},
    {"a 429 by rule says how long, in Discord's body, too",
     a_429_by_rule_says_how_long_in_discords_body_too},
    {"hangs, resets and late answers are the plan's", hangs_resets_and_late_answers_are_the_plans},
    {"a rule for one hook spares the others", a_rule_for_one_hook_spares_the_others},
    {"what a rule refuses takes nothing from the limit",
     what_a_rule_refuses_takes_nothing_from_the_limit},
    {"a bad body is refused, and counts", a_bad_body_is_refused_and_counts},
    {"other paths are no hooks", other_paths_are_no_hooks},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo hooks_suite = {"hooks", NULL, NULL, set_up, NULL, tests};
