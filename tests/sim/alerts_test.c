/* The monitor in the simulator: alerts raised by finished calls, carried over the link to the
 * mock's hooks and back. Four calls, a second apart, each of ten tokens in and three out: at one
 * dollar a token out, each costs $3. Latency is 1 ms; an answer takes 100 + 200 ms. */

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/world.h"

#define LOAD(seconds)                                                                 \
    "{\"requests\": [{\"model\": \"claude\", \"stream\": true, \"input_tokens\": 10," \
    " \"output_tokens\": 3}], \"deadline\": \"10s\", \"drain\": \"10s\","             \
    " \"arrivals\": [{\"part\": \"one\", \"rate\": \"1/s\", \"for\": \"" seconds "\"}]}"

static struct world_run world;

/* What is wrong with the hook; empty: nothing. */
static const char *chaos = "";

#define HOOK_FAULT(fault)                                                 \
    "[{\"phase\": \"dead\", \"at\": \"0s\", \"for\": \"1h\", \"match\": " \
    "{\"provider\": \"hooks\", \"model\": \"slack\"}, \"fault\": " fault "}]"

/* Watches a budget of $5 an hour at one hook; `latency` is the line's, one way. */
static void run(enum hook_kind hook, bool is_guide, nanos latency)
{
    struct monitor_options options = {.memory = memory_heap()};
    struct error err;

    world_close(&world);
    if (!world_load(&world, world_text("{\"preset\": \"none\"}", chaos, LOAD("4s"))))
        return;
    world.scenario->prices[0] = (struct price){
        .is_known = true, .tariff = {.output = MONEY_USD}, .long_prompt_tokens = UINT64_MAX};
    world.scenario->link.latency = latency;
    world.scenario->client.alerts.repeats_budget = is_guide;
    world.scenario->monitor = (struct monitor_rules){
        .is_on = true,
        .budgets = {{"hourly", 5 * MONEY_USD, 3600 * NANOS_S}},
        .budgets_count = 1,
        .slow = NANOS_NEVER,
        .tokens_high = UINT64_MAX,
        .cool_down = 60 * NANOS_S,
        .hooks = {hook},
        .hooks_count = 1,
        .patience = 5 * NANOS_S,
    };
    options.rules = &world.scenario->monitor;
    options.manner = &world.scenario->client.alerts;
    CU_ASSERT_EQUAL_FATAL(monitor_new(&world.monitor, &options, &err), RC_OK);
    world_simulate(&world);
    EXPECT_I64(monitor_spent(world.monitor), 12 * MONEY_USD);
    monitor_free(world.monitor);
}

/* How many posts arrived at the hooks; the last of them. */
static uint32_t posts(const struct journal_record **last)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < world.journal_count; i++) {
        if (!world.journal[i].is_hook)
            continue;
        *last = &world.journal[i];
        count++;
    }
    return count;
}

static void tells_once_that_the_budget_is_breached(void)
{
    const struct journal_record *post = NULL;

    run(HOOK_SLACK, false, NANOS_MS);
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "    52ms  one:0 answered 200\n"
                         "   302ms  one:0 ok\n"
                         "  1000ms  one:1 send 1\n"
                         "  1052ms  one:1 answered 200\n"
                         "  1302ms  one:1 ok\n"
                         "  1304ms  budget:hourly:0 slack 200 after 1\n"
                         "  2000ms  one:2 send 1\n"
                         "  2052ms  one:2 answered 200\n"
                         "  2302ms  one:2 ok\n"
                         "  3000ms  one:3 send 1\n"
                         "  3052ms  one:3 answered 200\n"
                         "  3302ms  one:3 ok\n");
    EXPECT_U64(posts(&post), 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(post);
    CU_ASSERT_STRING_EQUAL(post->alert, "budget:hourly:0");
    CU_ASSERT(post->is_hook_valid);
    EXPECT_U64(post->hook, HOOK_SLACK);
    EXPECT_U64(post->status, 200);
    EXPECT_U64(post->attempt, 1);
    EXPECT_I64(post->body_in_at, 1303 * NANOS_MS);
    EXPECT_I64(post->closed_by, CLOSED_WHOLE);
}

static void tells_at_every_call_when_it_is_as_bad_as_the_guide(void)
{
    const struct journal_record *post = NULL;

    run(HOOK_DISCORD, true, NANOS_MS);
    EXPECT_U64(posts(&post), 3);
    EXPECT_U64(world.alerts_count, 3);
    CU_ASSERT_STRING_EQUAL(post->alert, "budget:hourly:0");
    EXPECT_U64(post->status, 204);
}

/* The last call ends at 3,302 ms; its alert's answer comes after that. */
static void waits_for_what_is_under_way_when_the_calls_are_over(void)
{
    run(HOOK_ANY, true, NANOS_S);
    EXPECT_U64(world.alerts_count, 3);
    EXPECT_I64(world.result.ended_at, 5300 * NANOS_MS);
    for (uint32_t i = 0; i < world.alerts_count; i++)
        CU_ASSERT(world.alerts[i].is_delivered);
    CU_ASSERT(world.alerts[2].settled_at > world.result.ended_at);
}

/* A post takes 8 s there and back: the monitor does not wait so long for one, and tries again. */
static void gives_up_five_seconds_after_the_calls(void)
{
    run(HOOK_ANY, false, 4 * NANOS_S);
    EXPECT_U64(world.alerts_count, 1);
    CU_ASSERT(!world.alerts[0].is_delivered);
    EXPECT_I64(world.alerts[0].settled_at, NANOS_NEVER); /* still open at the end */
    CU_ASSERT(world.alerts[0].tries > 1);
}

static void run_with(const char *fault)
{
    chaos = fault;
    run(HOOK_SLACK, false, NANOS_MS);
    chaos = "";
}

/* The lines of the timeline that tell of the alert. */
static void expect_alert(const char *line)
{
    CU_ASSERT(slice_has(buffer_slice(&world.timeline), slice_of(line)));
    EXPECT_U64(world.alerts_count, 1);
}

/* The call that breaches the budget ends at 1,302 ms. */
static void a_hook_that_is_gone_is_tried_once(void)
{
    const struct journal_record *post = NULL;

    run_with(HOOK_FAULT("{\"status\": 410}"));
    expect_alert("  1304ms  budget:hourly:0 slack 410 after 1\n");
    CU_ASSERT(!world.alerts[0].is_delivered);
    EXPECT_U64(posts(&post), 1);
    EXPECT_I64(post->rule, 0);
    EXPECT_U64(post->status, 410);
    CU_ASSERT(post->is_hook_valid);
}

static void a_hook_that_advises_is_obeyed(void)
{
    run_with(HOOK_FAULT("[{\"status\": 429, \"retry_after\": \"2s\"}, \"ok\"]"));
    expect_alert("  3306ms  budget:hourly:0 slack 200 after 2\n");
    CU_ASSERT(world.alerts[0].is_delivered);
}

static void a_hook_that_resets_is_tried_again(void)
{
    const struct journal_record *post = NULL;

    run_with(HOOK_FAULT("[{\"reset\": \"rst\"}, \"ok\"]"));
    expect_alert("  1806ms  budget:hourly:0 slack 200 after 2\n");
    EXPECT_U64(posts(&post), 2);
    CU_ASSERT(post->is_complete);
}

static void a_late_hook_is_waited_for(void)
{
    run_with(HOOK_FAULT("{\"late_first_token\": \"3s\"}"));
    expect_alert("  4304ms  budget:hourly:0 slack 200 after 1\n");
    CU_ASSERT(world.alerts[0].is_delivered);
}

/* After five seconds of patience and half a second of pause it is posted again, on a connection of
 * its own; the first one's exchange ends when the monitor leaves. */
static void a_hook_that_hangs_is_left_and_tried_again(void)
{
    const struct journal_record *post = NULL;

    run_with(HOOK_FAULT("[{\"stall\": {\"after_tokens\": 0}}, \"ok\"]"));
    expect_alert("  6804ms  budget:hourly:0 slack 200 after 2\n");
    EXPECT_U64(posts(&post), 2);
    for (uint32_t i = 0; i < world.journal_count; i++) {
        if (!world.journal[i].is_hook || world.journal[i].attempt != 1)
            continue;
        EXPECT_I64(world.journal[i].closed_by, CLOSED_CLIENT);
        EXPECT_I64(world.journal[i].closed_at, 6303 * NANOS_MS);
        CU_ASSERT(world.journal[i].connection != post->connection);
    }
}

static void a_dead_hook_is_given_up_after_all_tries(void)
{
    run_with(HOOK_FAULT("{\"status\": 500}"));
    CU_ASSERT(!world.alerts[0].is_delivered);
    EXPECT_U64(world.alerts[0].tries, DELIVERY_TRIES_MAX);
    EXPECT_U64(world.alerts[0].status, 500);
}

static void changes_nothing_about_the_calls(void)
{
    struct world_run plain;

    run(HOOK_ANY, true, NANOS_MS);
    world_run(&plain, world_text("{\"preset\": \"none\"}", "", LOAD("4s")));
    EXPECT_U64(world.calls_count, plain.calls_count);
    for (uint32_t i = 0; i < world.calls_count; i++)
        EXPECT_I64(world.calls[i].ended_at, plain.calls[i].ended_at);
    EXPECT_I64(world.result.ended_at, plain.result.ended_at);
    world_close(&plain);
}

static void tear_down(void)
{
    world_close(&world);
}

static CU_TestInfo tests[] = {
    {"tells once that the budget is breached", tells_once_that_the_budget_is_breached},
    {"tells at every call when it is as bad as the guide",
     tells_at_every_call_when_it_is_as_bad_as_the_guide},
    {"waits for what is under way when the calls are over",
     waits_for_what_is_under_way_when_the_calls_are_over},
    {"gives up five seconds after the calls", gives_up_five_seconds_after_the_calls},
    {"a hook that is gone is tried once", a_hook_that_is_gone_is_tried_once},
    {"a hook that advises is obeyed", a_hook_that_advises_is_obeyed},
    {"a hook that resets is tried again", a_hook_that_resets_is_tried_again},
    {"a late hook is waited for", a_late_hook_is_waited_for},
    {"a hook that hangs is left, and tried again", a_hook_that_hangs_is_left_and_tried_again},
    {"a dead hook is given up after all tries", a_dead_hook_is_given_up_after_all_tries},
    {"changes nothing about the calls", changes_nothing_about_the_calls},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo alerts_suite = {"alerts", NULL, NULL, NULL, tear_down, tests};
