/* The upstream engine alone: rate limits and capacity, which depend on the order of arrival. */

#include "engine/upstream.h"

#include <CUnit/CUnit.h>

#include "tests/support/exchanges.h"
#include "tests/support/expect.h"

static void tear_down(void)
{
    exchanges_close();
}

/* --- rate limits ------------------------------------------------------------------------------ */

static void open_limited(const char *limits)
{
    exchanges_open(limits, "", "");
}

static void refuses_once_the_bucket_is_empty_and_says_how_long(void)
{
    open_limited(", \"limits\": {\"requests\": \"2/min\"}");
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 200);
    exchanges_ask(API_ANTHROPIC, false);
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 429);
    EXPECT_TEXT(exchanges_header("retry-after"), "29"); /* one in 30 s, one second has gone by */
    EXPECT_I64(exchanges.seen.record.advice_wait, 29 * NANOS_S);
    EXPECT_I64(exchanges.seen.record.advice, PLAN_ADVICE_SECONDS);
    CU_ASSERT(exchanges.seen.record.is_limited);
    EXPECT_U64(exchanges.seen.record.limited_by, LIMIT_REQUESTS);
    EXPECT_I64(exchanges.seen.record.rule, PLAN_NO_RULE);
    EXPECT_U64(exchanges_outcome(), OUTCOME_RATE_LIMITED);
    exchanges.now += 29 * NANOS_S;
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 200);
}

static void advises_as_each_provider_does(void)
{
    open_limited(", \"limits\": {\"requests\": \"2/min\"}");
    for (int api = 0; api < API_COUNT; api++) {
        exchanges.now = 0;
        exchanges_close();
        open_limited(", \"limits\": {\"requests\": \"2/min\"}");
        exchanges_ask((enum api)api, true);
        exchanges_ask((enum api)api, true);
        exchanges_ask((enum api)api, true);
        EXPECT_U64(exchanges.seen.status, 429);
        EXPECT_U64(exchanges_header("retry-after").size > 0, api != API_GEMINI);
        EXPECT_U64(exchanges_header("retry-after-ms").size > 0,
                   api == API_OPENAI_CHAT || api == API_OPENAI_RESPONSES);
        CU_ASSERT(exchanges_body_has("RetryInfo") == (api == API_GEMINI));
    }
}

static void tells_its_limits_with_every_answer(void)
{
    open_limited(", \"limits\": {\"requests\": \"600/min\", \"tokens\": \"60000/min\"}");
    exchanges_ask(API_ANTHROPIC, true);
    EXPECT_TEXT(exchanges_header("anthropic-ratelimit-requests-limit"), "600");
    exchanges_ask(API_OPENAI_CHAT, false);
    EXPECT_TEXT(exchanges_header("x-ratelimit-limit-tokens"), "60000");
    exchanges_ask(API_GEMINI, false);
    CU_ASSERT(!slice_has(buffer_slice(&exchanges.seen.headers), SLICE("ratelimit")));
}

static void gives_back_what_an_answer_did_not_use(void)
{
    open_limited(", \"limits\": {\"output_tokens\": {\"rate\": \"1/min\", \"burst\": 4096}}");
    exchanges.output_tokens = 0;
    exchanges_ask(API_ANTHROPIC, false); /* allows 4,096, uses 64 */
    EXPECT_U64(exchanges.seen.status, 200);
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 429);
    EXPECT_TEXT(exchanges_header("retry-after"), "3834"); /* for those that were used, 6 s ago */
}

/* The max_tokens of our own client is only there so that it cuts nothing. */
static void takes_as_much_as_the_request_says_its_answer_will_have(void)
{
    open_limited(", \"limits\": {\"output_tokens\": {\"rate\": \"1/min\", \"burst\": 9}}");
    exchanges_ask(API_ANTHROPIC, false); /* allows 4,096, says 5 */
    EXPECT_U64(exchanges.seen.status, 200);
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 429);
    EXPECT_TEXT(exchanges_header("retry-after"), "60"); /* four are left */
    exchanges.output_tokens = 0;
    exchanges_ask(API_ANTHROPIC, false); /* allows 4,096, and says nothing */
    EXPECT_U64(exchanges.seen.status, 429);
    CU_ASSERT(exchanges.seen.record.advice_wait == 0); /* never */
}

static void says_what_can_never_be_admitted(void)
{
    open_limited(", \"limits\": {\"input_tokens\": \"5/min\"}");
    exchanges_ask(API_OPENAI_CHAT, false);
    EXPECT_U64(exchanges.seen.status, 429);
    EXPECT_U64(exchanges_header("retry-after").size, 0);
    CU_ASSERT(exchanges_body_has("Request too large"));
    EXPECT_I64(exchanges.seen.record.advice, PLAN_ADVICE_NONE);
}

static void charges_what_a_rule_refuses(void)
{
    exchanges_open(", \"limits\": {\"requests\": \"2/min\"}",
                   "[{\"phase\": \"bad\", \"nth\": 2, \"fault\": {\"status\": 529}},"
                   " {\"phase\": \"worse\", \"nth\": 4, \"fault\": {\"status\": 500}}]",
                   "");
    exchanges_ask(API_ANTHROPIC, false);
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 529);
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 429);
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 500); /* a rule that fired stands */
    EXPECT_I64(exchanges.seen.record.rule, 1);
    CU_ASSERT(!exchanges.seen.record.is_limited);
}

static void fills_its_buckets_again_on_reset(void)
{
    open_limited(", \"limits\": {\"requests\": \"1/min\"}");
    exchanges_ask(API_ANTHROPIC, false);
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 429);
    upstream_reset(exchanges.upstream, SLICE(""));
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 200);
}

/* --- capacity --------------------------------------------------------------------------------- */

static void queues_and_then_refuses(void)
{
    uint32_t first;

    exchanges_open(", \"capacity\": {\"places\": 1, \"queue\": 1, \"when_full\": 529}", "", "");
    first = exchanges_begin(API_ANTHROPIC, false);
    exchanges_begin(API_ANTHROPIC, false);
    exchanges_begin(API_ANTHROPIC, false);
    exchanges_run(0);
    EXPECT_U64(exchanges.seen.status, 529);
    EXPECT_U64(exchanges.seen.record.number, 3);
    EXPECT_I64(exchanges.seen.record.rule, PLAN_NO_RULE);
    exchanges.seen.journals = 0;
    exchanges_run(NANOS_NEVER - 1);
    EXPECT_U64(exchanges.seen.record.number, 1);
    EXPECT_I64(exchanges.now, 500 * NANOS_MS);
    exchanges.seen.journals = 0;
    exchanges_run(NANOS_NEVER - 1);
    EXPECT_U64(exchanges.seen.record.number, 2);
    EXPECT_I64(exchanges.seen.record.queued, 500 * NANOS_MS);
    EXPECT_I64(exchanges.now, 1000 * NANOS_MS); /* its clock began when it had a place */
    EXPECT_U64(first, 0);
}

static void works_no_further_for_a_client_that_left(void)
{
    uint32_t first, second;

    exchanges_open(", \"capacity\": {\"places\": 1, \"queue\": \"unbounded\", \"when_full\": 529}",
                   "", "");
    first = exchanges_begin(API_ANTHROPIC, false);
    second = exchanges_begin(API_ANTHROPIC, false);
    exchanges_begin(API_ANTHROPIC, false);
    exchanges.now = 100 * NANOS_MS;
    upstream_gone(exchanges.upstream, second, 0, false, exchanges.now);
    upstream_gone(exchanges.upstream, first, 0, false, exchanges.now);
    exchanges_take();
    exchanges.seen.journals = 0;
    exchanges_run(NANOS_NEVER - 1);
    EXPECT_U64(exchanges.seen.record.number, 3);
    EXPECT_I64(exchanges.seen.record.queued, 100 * NANOS_MS);
    EXPECT_I64(exchanges.now, 600 * NANOS_MS);
}

static void finishes_for_nobody_where_it_is_told_to(void)
{
    uint32_t first;

    exchanges_open(", \"capacity\": {\"places\": 1, \"queue\": \"unbounded\", \"when_full\": 529,"
                   " \"abandoned\": \"finishes\"}",
                   "", "");
    first = exchanges_begin(API_ANTHROPIC, false);
    exchanges_begin(API_ANTHROPIC, false);
    exchanges.now = 100 * NANOS_MS;
    upstream_gone(exchanges.upstream, first, 0, false, exchanges.now);
    exchanges_take();
    exchanges.seen.journals = 0;
    exchanges_run(NANOS_NEVER - 1);
    EXPECT_U64(exchanges.seen.record.number, 2);
    EXPECT_I64(exchanges.seen.record.queued, 500 * NANOS_MS);
}

static void is_slower_the_more_it_has_to_do(void)
{
    exchanges_open(", \"capacity\": {\"places\": 2, \"queue\": 0, \"when_full\": 529,"
                   " \"slowdown\": 3}",
                   "", "");
    exchanges_begin(API_ANTHROPIC, false);
    exchanges_begin(API_ANTHROPIC, false);
    exchanges_run(500 * NANOS_MS);
    EXPECT_U64(exchanges.seen.record.number, 1);
    exchanges.seen.journals = 0;
    exchanges_run(NANOS_NEVER - 1);
    EXPECT_U64(exchanges.seen.record.number, 2);
    EXPECT_I64(exchanges.now, 1500 * NANOS_MS);
}

static void has_fewer_places_while_a_window_says_so(void)
{
    exchanges_open(", \"capacity\": {\"places\": 2, \"queue\": 5, \"when_full\": 529}",
                   "[{\"phase\": \"small\", \"at\": \"0s\", \"for\": \"300ms\","
                   " \"fault\": {\"capacity\": \"50%\"}}]",
                   "");
    exchanges_begin(API_ANTHROPIC, false);
    exchanges_begin(API_ANTHROPIC, false);
    exchanges_run(500 * NANOS_MS);
    EXPECT_U64(exchanges.seen.record.number, 1);
    exchanges.seen.journals = 0;
    exchanges_run(NANOS_NEVER - 1);
    EXPECT_U64(exchanges.seen.record.number, 2);
    EXPECT_I64(exchanges.seen.record.queued, 300 * NANOS_MS); /* till the window shut */
}

static void falls_back_at_the_gateway_from_a_full_model(void)
{
    exchanges_open(", \"capacity\": {\"places\": 1, \"queue\": 0, \"when_full\": 529}", "", "");
    exchanges_begin(API_ANTHROPIC, false);
    exchanges_say(SLICE("authorization"), SLICE("Bearer k"));
    exchanges_say(SLICE("anthropic-version"), SLICE("2023-06-01"));
    exchanges_say(SLICE("x-model-fallback"), SLICE("claude,gpt"));
    exchanges_begin_at(UPSTREAM_GATEWAY, "POST", "/v1/messages",
                       "{\"model\":\"claude\",\"max_tokens\":9,\"messages\":"
                       "[{\"role\":\"user\",\"content\":\"x\"}]}");
    exchanges.now = NANOS_MS;
    upstream_stop(exchanges.upstream, exchanges.now);
    exchanges_take();
    EXPECT_U64(exchanges.seen.record.model, scenario_model(exchanges.world.scenario, SLICE("gpt")));
}

static CU_TestInfo tests[] = {
    {"refuses once the bucket is empty and says how long",
     refuses_once_the_bucket_is_empty_and_says_how_long},
    {"advises as each provider does", advises_as_each_provider_does},
    {"tells its limits with every answer", tells_its_limits_with_every_answer},
    {"gives back what an answer did not use", gives_back_what_an_answer_did_not_use},
    {"takes as much as the request says its answer will have",
     takes_as_much_as_the_request_says_its_answer_will_have},
    {"says what can never be admitted", says_what_can_never_be_admitted},
    {"charges what a rule refuses", charges_what_a_rule_refuses},
    {"fills its buckets again on reset", fills_its_buckets_again_on_reset},
    {"queues and then refuses", queues_and_then_refuses},
    {"works no further for a client that left", works_no_further_for_a_client_that_left},
    {"finishes for nobody where it is told to", finishes_for_nobody_where_it_is_told_to},
    {"is slower the more it has to do", is_slower_the_more_it_has_to_do},
    {"has fewer places while a window says so", has_fewer_places_while_a_window_says_so},
    {"falls back at the gateway from a full model", falls_back_at_the_gateway_from_a_full_model},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo upstream_order_suite = {"upstream_order", NULL, NULL, NULL, tear_down, tests};
