/* A wall of 20 minutes is a story of one minute, twenty times faster, with the same verdicts. */

#include "scenario/compress.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "engine/simulator.h"
#include "judge/judge.h"
#include "tests/support/expect.h"

static const char WALL[] =
    "{\"name\": \"wall\", \"subject\": {\"client\": {\"preset\": \"%s\"}},\n"
    " \"target\": {\"mock\": {\"models\": {\"claude-x\": {\"api\": \"anthropic\","
    " \"first_token\": \"2s\", \"rate\": \"60 tokens/s\"}}}},\n"
    " \"load\": {\"deadline\": \"120s\", \"requests\": [{\"model\": \"claude-x\","
    " \"input_tokens\": 800, \"output_tokens\": 120}],"
    " \"arrivals\": [{\"rate\": \"1/s\", \"for\": \"30m\"}]},\n"
    " \"chaos\": [{\"phase\": \"wall\", \"at\": \"5m\", \"for\": \"20m\","
    " \"fault\": {\"status\": 529}}],\n"
    " \"laws\": {\"fallback-ordered\": false, \"fallback-eligible\": false},\n"
    " \"expect\": [\"calls.useful{phase=before} >= 99%%\", \"calls.useful{phase=wall} >= 50%%\","
    " \"response.p95{phase=before} <= 8s\", \"goodput{phase=before} >= 0.8\","
    " \"amplification{phase=wall} <= 2.0\", \"recovery.time{phase=wall} <= 60s\"]}";

enum { ROWS_MAX = 64 };

struct played {
    struct verdict_row rows[ROWS_MAX];
    uint32_t count;
    nanos ended_at;
};

static struct arena arena;
static struct error err;
static struct played slow, fast;

static void set_up(void)
{
    err = (struct error){0};
    arena_init(&arena, memory_heap(), 64 << 20);
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

static void take_call(void *context, const struct call_record *call)
{
    judge_feed_call(context, call);
}

static void take_journal(void *context, const struct journal_record *record)
{
    judge_feed_journal(context, record);
}

static void play(const struct scenario *scenario, struct played *played)
{
    struct judge *judge = NULL;
    struct simulation simulation = {.scenario = scenario,
                                    .memory = memory_heap(),
                                    .on_call = take_call,
                                    .on_journal = take_journal};
    struct simulation_result result = {0};
    struct run_facts facts = {.calls_planned = scenario_calls_count(scenario),
                              .has_caller = true,
                              .has_journal = true,
                              .journal_is_whole = true,
                              .is_simulated = true};
    const struct verdict_row *rows;

    CU_ASSERT_EQUAL_FATAL(judge_new(&judge, scenario, memory_heap(), &err), RC_OK);
    simulation.context = judge;
    EXPECT_RC(simulate(&simulation, &result, &err), RC_OK);
    played->ended_at = facts.cut_at = result.ended_at;
    judge_finish(judge, &facts);
    rows = judge_rows(judge, &played->count);
    CU_ASSERT_FATAL(played->count <= ROWS_MAX);
    memcpy(played->rows, rows, played->count * sizeof(*rows));
    judge_free(judge);
}

static void play_both(const char *preset, uint32_t times)
{
    static struct scenario scenario, compressed;
    char text[sizeof(WALL) + 32];
    struct slice faster = {0};

    snprintf(text, sizeof(text), WALL, preset);
    EXPECT_RC(scenario_load(&scenario, slice_of(text), SLICE("wall"), NULL, &arena, &err), RC_OK);
    EXPECT_RC(scenario_compress(&scenario, times, &arena, &faster, &err), RC_OK);
    EXPECT_RC(scenario_load(&compressed, faster, SLICE("wall"), NULL, &arena, &err), RC_OK);
    EXPECT_U64(compressed.compression, times);
    play(&scenario, &slow);
    play(&compressed, &fast);
}

static void expect_same_rows(void)
{
    uint32_t failed = 0;

    EXPECT_U64(fast.count, slow.count);
    for (uint32_t i = 0; i < slow.count && i < fast.count; i++) {
        expect_text(slice_of(verdict_word(fast.rows[i].verdict)),
                    slice_of(verdict_word(slow.rows[i].verdict)),
                    &(struct expect_place){slow.rows[i].name, __FILE__, __LINE__});
        failed += slow.rows[i].verdict == VERDICT_FAIL;
    }
    CU_ASSERT(failed > 0);
}

static void a_wall_of_twenty_minutes_is_a_test_of_one(void)
{
    play_both("careful", 20);
    expect_same_rows();
    CU_ASSERT(slow.ended_at > 1790 * NANOS_S);
    CU_ASSERT(fast.ended_at < 96 * NANOS_S);
}

static void a_client_that_is_wrong_is_as_wrong_when_compressed(void)
{
    play_both("guide", 20);
    expect_same_rows();
}

/* The load after the wall lasts 3 s then: five seconds of the story are 50 ms. */
static void recovery_is_told_by_seconds_of_the_story(void)
{
    play_both("careful", 100);
    expect_same_rows();
}

static CU_TestInfo tests[] = {
    {"a wall of twenty minutes is a test of one", a_wall_of_twenty_minutes_is_a_test_of_one},
    {"a client that is wrong is as wrong when compressed",
     a_client_that_is_wrong_is_as_wrong_when_compressed},
    {"recovery is told by seconds of the story", recovery_is_told_by_seconds_of_the_story},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo compressed_suite = {"compressed", NULL, NULL, set_up, tear_down, tests};
