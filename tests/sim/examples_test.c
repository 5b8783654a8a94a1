/* The scenarios that are shipped (scenarios/README.md): each is simulated to its verdict, and does
 * what its comments say. The live one is only loaded: nobody here answers it. */

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "engine/simulator.h"
#include "judge/judge.h"
#include "monitor/monitor.h"
#include "tests/support/expect.h"
#include "tests/support/tree.h"

static struct arena arena;
static struct error err;
static struct scenario scenario;

static void set_up(void)
{
    arena_init(&arena, memory_heap(), 256 << 20);
    err = (struct error){0};
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

/* --- one run ---------------------------------------------------------------------------------- */

static void take_call(void *context, const struct call_record *call)
{
    judge_feed_call(context, call);
}

static void take_journal(void *context, const struct journal_record *record)
{
    judge_feed_journal(context, record);
}

static void take_alert(void *context, const struct alert_record *record)
{
    judge_feed_alert(context, record);
}

static void play(const struct scenario *played, struct judge *judge, const struct judge *control)
{
    struct monitor_options options = {
        .rules = &played->monitor, .manner = &played->client.alerts, .memory = memory_heap()};
    struct simulation simulation = {.scenario = played,
                                    .memory = memory_heap(),
                                    .context = judge,
                                    .on_call = take_call,
                                    .on_journal = take_journal,
                                    .on_alert = take_alert};
    struct simulation_result result = {0};
    struct run_facts facts = {.calls_planned = scenario_calls_count(played),
                              .has_journal = true,
                              .journal_is_whole = true,
                              .is_simulated = true,
                              .has_reported = played->monitor.is_on};

    if (played->monitor.is_on)
        EXPECT_RC(monitor_new(&simulation.monitor, &options, &err), RC_OK);
    EXPECT_RC(simulate(&simulation, &result, &err), RC_OK);
    facts.cut_at = result.ended_at;
    for (uint32_t i = 0; facts.has_reported && i < played->models_count; i++)
        facts.reported[i] = monitor_figures(simulation.monitor, i);
    if (control != NULL)
        judge_set_control(judge, control);
    judge_finish(judge, &facts);
    monitor_free(simulation.monitor);
}

/* The rows that did not pass, by name, in the place of the claim. */
static void expect_rows_passed(const struct judge *judge, const char *path)
{
    uint32_t count;
    const struct verdict_row *rows = judge_rows(judge, &count);

    for (uint32_t i = 0; i < count; i++) {
        bool is_fine = rows[i].verdict == VERDICT_PASS || rows[i].verdict == VERDICT_NOT_APPLICABLE;

        if (!is_fine)
            expect_text(slice_of(rows[i].value), slice_of(verdict_word(VERDICT_PASS)),
                        &(struct expect_place){rows[i].name, path, 0});
    }
}

static enum verdict verdict_of_run(const char *path, bool wants_pass)
{
    static struct scenario without_faults;
    struct judge *judge = NULL, *control = NULL;
    enum verdict verdict;

    if (scenario.has_control) {
        without_faults = scenario;
        without_faults.chaos.rules_count = 0;
        CU_ASSERT_FATAL(judge_new(&control, &without_faults, memory_heap(), &err) == RC_OK);
        play(&without_faults, control, NULL);
    }
    CU_ASSERT_FATAL(judge_new(&judge, &scenario, memory_heap(), &err) == RC_OK);
    play(&scenario, judge, control);
    verdict = judge_verdict(judge);
    if (wants_pass)
        expect_rows_passed(judge, path);
    judge_free(judge);
    judge_free(control);
    return verdict;
}

static void load(const char *path)
{
    enum rc rc = tree_load(&scenario, path, &arena, &err);

    expect_text(slice_of(err.text), SLICE(""), &(struct expect_place){"it loads", path, 0});
    CU_ASSERT_FATAL(rc == RC_OK);
}

/* --- the tests -------------------------------------------------------------------------------- */

static void every_example_is_simulated_to_a_pass(void)
{
    glob_t found;
    uint32_t played = 0;

    CU_ASSERT_FATAL(glob("scenarios/*.jsonc", 0, NULL, &found) == 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        load(found.gl_pathv[i]);
        if (scenario.target == TARGET_LIVE)
            continue;
        EXPECT_U64(verdict_of_run(found.gl_pathv[i], true), VERDICT_PASS);
        played++;
    }
    CU_ASSERT(played >= 12);
    globfree(&found);
}

/* What the first lines of a file say of another client. */
static void every_example_catches_the_client_that_it_warns_of(void)
{
    static const char CLIENT[] = "/subject/client";
    static const struct {
        const char *path, *pointer, *value;
    } cases[] = {
        {"scenarios/rate-limit.jsonc", CLIENT, "{\"preset\": \"guide-inner-off\"}"},
        {"scenarios/overload-fallback.jsonc", CLIENT, "{\"preset\": \"careful\"}"},
        {"scenarios/brownout.jsonc", "/subject/client/timeouts/attempt", "never"},
        {"scenarios/context-length.jsonc", "/subject/client/fallback", "[]"},
        {"scenarios/budget-breach.jsonc", CLIENT, "{\"preset\": \"guide\"}"},
        {"scenarios/alert-flood.jsonc", CLIENT, "{\"preset\": \"guide\"}"},
        {"scenarios/stream-cut.jsonc", CLIENT, "{\"preset\": \"none\"}"},
        {"scenarios/stall.jsonc", CLIENT, "{\"preset\": \"guide\"}"},
        {"scenarios/flaky-5xx.jsonc", CLIENT, "{\"preset\": \"none\"}"},
        {"scenarios/recovery.jsonc", CLIENT, "{\"preset\": \"guide\"}"},
        {"scenarios/out-of-money.jsonc", CLIENT, "{\"preset\": \"guide\"}"},
        {"scenarios/not-triple.jsonc", "/subject/client/fallback", "[]"},
        {"scenarios/real-limits.jsonc", "/subject/client/retry/advice", "ignore"},
        {"scenarios/capacity.jsonc", CLIENT, "{\"preset\": \"careful\"}"},
        {"scenarios/three-providers.jsonc", CLIENT, "{\"preset\": \"careful\"}"},
        {"scenarios/bad-streams.jsonc", CLIENT, "{\"preset\": \"none\"}"},
        {"scenarios/retry-storm.jsonc", "/subject/client/retry",
         "{\"attempts\": 4, \"on\": [\"timeout\"], \"backoff\": {\"base\": \"1ms\"}}"},
        {"scenarios/retry-storm.jsonc", "/target/mock/models/gpt-4o/capacity/abandoned",
         "finishes"},
        {"scenarios/trampled-recovery.jsonc", "/subject/client/retry",
         "{\"attempts\": 10, \"on\": [\"timeout\", \"5xx\"], \"backoff\": {\"base\": \"200ms\"}}"},
        {"scenarios/demo.jsonc", CLIENT, "{\"preset\": \"guide\"}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct file_reader files = tree_beside(cases[i].path);
        struct slice text = tree_read(cases[i].path, &arena);

        EXPECT_RC(scenario_set(text, slice_of(cases[i].pointer), slice_of(cases[i].value), &arena,
                               &text, &err),
                  RC_OK);
        EXPECT_RC(scenario_load(&scenario, text, slice_of(cases[i].path), &files, &arena, &err),
                  RC_OK);
        expect_text(slice_of(verdict_word(verdict_of_run(cases[i].path, false))), SLICE("fail"),
                    &(struct expect_place){cases[i].value, cases[i].path, 0});
    }
}

static void the_index_names_every_example(void)
{
    struct slice index = tree_read("scenarios/README.md", &arena);
    glob_t found;

    CU_ASSERT_FATAL(glob("scenarios/*.jsonc", 0, NULL, &found) == 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *name = strrchr(found.gl_pathv[i], '/') + 1;

        if (!slice_has(index, slice_of(name)))
            expect_text(index, slice_of(name),
                        &(struct expect_place){"the index names it", found.gl_pathv[i], 0});
    }
    globfree(&found);
}

static void the_live_example_costs_next_to_nothing(void)
{
    load("scenarios/real-api-smoke.jsonc");
    EXPECT_U64(scenario.target, TARGET_LIVE);
    EXPECT_U64(scenario_calls_count(&scenario), 5);
    EXPECT_I64(scenario.spend_limit, 5 * MONEY_USD / 100);
    CU_ASSERT(scenario.prices[0].is_known);
    CU_ASSERT(scenario.providers[0].key_env[0] != '\0');
}

static CU_TestInfo tests[] = {
    {"every example is simulated to a pass", every_example_is_simulated_to_a_pass},
    {"every example catches the client that it warns of",
     every_example_catches_the_client_that_it_warns_of},
    {"the index names every example", the_index_names_every_example},
    {"the live example costs next to nothing", the_live_example_costs_next_to_nothing},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo examples_suite = {"examples", NULL, NULL, set_up, tear_down, tests};
