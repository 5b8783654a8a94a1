/* Rate limits of a model in the simulator: ten requests at once and five a second, twenty calls in
 * a second. What is too much is told how long to wait; the law advice-heeded sees who does. */

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "judge/judge.h"
#include "tests/support/expect.h"
#include "tests/support/world.h"

static struct world_run world;
static struct judge *judge;

static void tear_down(void)
{
    judge_free(judge);
    judge = NULL;
    world_close(&world);
}

/* Judged by the law of advice alone. */
static void play(const char *retry, const char *limits, const char *input_tokens)
{
    char text[4096];
    struct error err;

    snprintf(text, sizeof(text),
             "{\"name\": \"limits\", \"seed\": 3,"
             " \"subject\": {\"client\": {\"preset\": \"careful\", \"retry\": %s}},"
             " \"target\": {\"mock\": {\"models\": {\"claude\": {\"api\": \"anthropic\","
             "   \"first_token\": \"100ms\", \"rate\": \"100 tokens/s\", \"limits\": %s}}}},"
             " \"load\": {\"requests\": [{\"model\": \"claude\", \"stream\": true,"
             "   \"input_tokens\": %s, \"output_tokens\": 3}],"
             "   \"arrivals\": [{\"part\": \"one\", \"rate\": \"20/s\", \"for\": \"1s\"}],"
             "   \"deadline\": \"30s\"},"
             " \"laws\": {\"set\": \"essential\", \"attempts-bounded\": {\"max\": 32}}}",
             retry, limits, input_tokens);
    world_run(&world, text);
    CU_ASSERT_EQUAL_FATAL(judge_new(&judge, world.scenario, memory_heap(), &err), RC_OK);
    for (uint32_t i = 0; i < world.journal_count; i++)
        judge_feed_journal(judge, &world.journal[i]);
    for (uint32_t i = 0; i < world.calls_count; i++)
        judge_feed_call(judge, &world.calls[i]);
    judge_finish(judge, &(struct run_facts){.calls_planned = scenario_calls_count(world.scenario),
                                            .cut_at = world.result.ended_at,
                                            .has_journal = true,
                                            .journal_is_whole = true,
                                            .is_simulated = true});
}

static enum verdict verdict_of(const char *law)
{
    uint32_t count;
    const struct verdict_row *rows = judge_rows(judge, &count);

    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, law) == 0)
            return rows[i].verdict;
    CU_FAIL("no such law");
    return VERDICT_FAIL;
}

/* Requests that the limit refused. */
static uint32_t limited(enum limit_kind by)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < world.journal_count; i++)
        count += world.journal[i].is_limited && world.journal[i].limited_by == by;
    return count;
}

static uint32_t answered(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < world.calls_count; i++)
        count += world.calls[i].outcome == OUTCOME_OK;
    return count;
}

#define OBEYS "{\"attempts\": 20, \"advice\": \"obey\"}"
#define HURRIES                                                                               \
    "{\"attempts\": 20, \"advice\": \"ignore\", \"backoff\": {\"base\": \"20ms\", \"factor\"" \
    ": 1, \"cap\": \"20ms\", \"jitter\": \"none\"}}"
#define REQUESTS "{\"requests\": {\"rate\": \"5/s\", \"burst\": 10}}"

static void who_heeds_the_advice_gets_through(void)
{
    play(OBEYS, REQUESTS, "10");
    CU_ASSERT(limited(LIMIT_REQUESTS) > 0);
    EXPECT_U64(answered(), 20);
    EXPECT_I64(verdict_of("advice-heeded"), VERDICT_PASS);
    EXPECT_I64(judge_verdict(judge), VERDICT_PASS);
}

static void who_does_not_is_caught(void)
{
    play(HURRIES, REQUESTS, "10");
    CU_ASSERT(limited(LIMIT_REQUESTS) > 0);
    EXPECT_I64(verdict_of("advice-heeded"), VERDICT_FAIL);
}

/* No more than the bucket holds, and what came back meanwhile. */
static void no_more_is_let_in_than_the_bucket_holds(void)
{
    uint32_t admitted = 0;

    play(HURRIES, REQUESTS, "10");
    for (uint32_t i = 0; i < world.journal_count; i++)
        admitted += world.journal[i].status == 200 && world.journal[i].body_in_at <= NANOS_S;
    EXPECT_U64(admitted, 14); /* the last of five is back at 1,000 ms, and takes 1 ms to ask for */
}

static void tokens_are_limited_too(void)
{
    play(OBEYS, "{\"input_tokens\": \"60000/min\"}", "10000");
    CU_ASSERT(limited(LIMIT_INPUT_TOKENS) > 0);
    EXPECT_U64(limited(LIMIT_REQUESTS), 0);
    EXPECT_I64(verdict_of("advice-heeded"), VERDICT_PASS);
}

static void refused_requests_cost_nothing(void)
{
    play(HURRIES, REQUESTS, "10");
    for (uint32_t i = 0; i < world.journal_count; i++)
        if (world.journal[i].is_limited)
            EXPECT_I64(world.journal[i].cost, 0);
}

static CU_TestInfo tests[] = {
    {"who heeds the advice gets through", who_heeds_the_advice_gets_through},
    {"who does not is caught", who_does_not_is_caught},
    {"no more is let in than the bucket holds", no_more_is_let_in_than_the_bucket_holds},
    {"tokens are limited, too", tokens_are_limited_too},
    {"refused requests cost nothing", refused_requests_cost_nothing},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo limits_suite = {"limits", NULL, NULL, NULL, tear_down, tests};
