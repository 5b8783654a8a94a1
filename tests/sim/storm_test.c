/* Two failures that nobody plays: they come of a provider with so many places and clients that ask
 * again (incident-catalogue INC-09, INC-10), and stay away where clients behave. */

#include <CUnit/CUnit.h>
#include <stdio.h>

#include "engine/simulator.h"
#include "tests/support/expect.h"
#include "tests/support/world.h"

enum { SECONDS_MAX = 900 };

/* What became of the calls that were due in one second. */
struct second {
    uint32_t calls, useful, attempts;
};

static struct second seconds[SECONDS_MAX];

static void on_call(void *context, const struct call_record *call)
{
    const struct scenario *scenario = context;
    struct second *second = &seconds[call->due_at / NANOS_S];

    second->calls++;
    second->useful += call_is_useful(scenario, call);
    second->attempts += call->attempts_count;
}

static void simulate_text(const char *text)
{
    static struct world_run world;
    struct simulation simulation = {.memory = memory_heap(), .on_call = on_call};
    struct error err = {0};

    for (uint32_t i = 0; i < SECONDS_MAX; i++)
        seconds[i] = (struct second){0};
    if (!world_load(&world, text))
        return;
    simulation.scenario = world.scenario;
    simulation.context = world.scenario;
    EXPECT_RC(simulate(&simulation, &world.result, &err), RC_OK);
    world_close(&world);
}

static struct second sum(uint32_t from, uint32_t until)
{
    struct second sum = {0};

    for (uint32_t i = from; i < until; i++) {
        sum.calls += seconds[i].calls;
        sum.useful += seconds[i].useful;
        sum.attempts += seconds[i].attempts;
    }
    CU_ASSERT_FATAL(sum.calls > 0);
    return sum;
}

static double useful(uint32_t from, uint32_t until)
{
    struct second all = sum(from, until);

    return (double)all.useful / all.calls;
}

static double amplification(uint32_t from, uint32_t until)
{
    struct second all = sum(from, until);

    return (double)all.attempts / all.calls;
}

/* --- INC-10: a storm that keeps itself alive -------------------------------------------------- */

/* The provider takes 100 requests a second: 50 at a time, half a second each. 80 calls a second
 * come; from 60 s to 90 s 30 % of the places work. The client waits 5 s for an answer. */
static void storm(const char *retry, const char *abandoned)
{
    char text[4096];

    snprintf(text, sizeof(text),
             "{\"name\": \"storm\", \"seed\": 10,"
             " \"subject\": {\"client\": {\"preset\": \"none\", \"retry\": %s,"
             "   \"timeouts\": {\"attempt\": \"5s\"}}},"
             " \"target\": {\"mock\": {\"models\": {\"gpt-4o\": {\"api\": \"openai-chat\","
             "   \"first_token\": \"500ms\", \"rate\": \"1000000 tokens/s\","
             "   \"capacity\": {\"places\": 50, \"queue\": \"unbounded\","
             "                  \"abandoned\": \"%s\"}}}}},"
             " \"load\": {\"requests\": [{\"model\": \"gpt-4o\", \"stream\": false,"
             "   \"input_tokens\": 100, \"output_tokens\": 5}],"
             "   \"arrivals\": [{\"part\": \"steady\", \"rate\": \"80/s\", \"for\": \"7m\"}],"
             "   \"deadline\": \"60s\"},"
             " \"chaos\": [{\"phase\": \"trigger\", \"at\": \"60s\", \"for\": \"30s\","
             "   \"fault\": {\"capacity\": \"30%%\"}}]}",
             retry, abandoned);
    simulate_text(text);
}

#define THREE_AT_ONCE                                                              \
    "{\"attempts\": 4, \"on\": [\"timeout\", \"network\", \"5xx\"], \"backoff\": " \
    "{\"base\": \"1ms\", \"factor\": 1, \"cap\": \"1ms\", \"jitter\": \"none\"}"

static void immediate_retries_keep_the_storm_alive(void)
{
    storm(THREE_AT_ONCE "}", "finishes");
    CU_ASSERT(useful(0, 60) == 1.0);
    CU_ASSERT(amplification(0, 60) == 1.0);
    CU_ASSERT(useful(390, 420) < 0.01); /* five minutes after its end */
    CU_ASSERT(amplification(390, 420) > 3.9);
}

static void a_budget_and_cancelled_work_end_it_in_seconds(void)
{
    storm(THREE_AT_ONCE ", \"budget\": \"10%\"}", "stops");
    CU_ASSERT(useful(65, 90) < 0.9); /* it was a failure, while it lasted */
    CU_ASSERT(useful(110, 420) > 0.99);
    CU_ASSERT(useful(96, 110) > 0.99);
    CU_ASSERT(amplification(110, 420) < 1.01);
}

/* What is finished for nobody stands before what somebody waits for. */
static void a_budget_alone_ends_it_in_two_minutes(void)
{
    storm(THREE_AT_ONCE ", \"budget\": \"10%\"}", "finishes");
    CU_ASSERT(useful(140, 160) < 0.1);
    CU_ASSERT(useful(240, 420) > 0.99);
}

static void cancelled_work_alone_does_not_end_it(void)
{
    storm(THREE_AT_ONCE "}", "stops");
    CU_ASSERT(useful(390, 420) < 0.5);
    CU_ASSERT(amplification(390, 420) > 3.5);
}

/* --- INC-09: a recovery that is trampled ------------------------------------------------------ */

/* All fails for two minutes; then 30 % of 100 requests a second are taken, and the rest comes back
 * within a minute, as long as nobody queues. */
static void recovery(const char *retry)
{
    char text[4096];

    snprintf(
        text, sizeof(text),
        "{\"name\": \"recovery\", \"seed\": 9,"
        " \"subject\": {\"client\": {\"preset\": \"none\", \"retry\": %s,"
        "   \"timeouts\": {\"attempt\": \"5s\"}}},"
        " \"target\": {\"mock\": {\"models\": {\"gpt-4o\": {\"api\": \"openai-chat\","
        "   \"first_token\": \"500ms\", \"rate\": \"1000000 tokens/s\","
        "   \"capacity\": {\"places\": 50, \"queue\": 200, \"when_full\": 503,"
        "     \"abandoned\": \"finishes\","
        "     \"recovers\": {\"from\": \"30%%\", \"over\": \"60s\"}}}}}},"
        " \"load\": {\"requests\": [{\"model\": \"gpt-4o\", \"stream\": false,"
        "   \"input_tokens\": 100, \"output_tokens\": 5}],"
        "   \"arrivals\": [{\"part\": \"steady\", \"rate\": \"25/s\", \"process\": \"poisson\","
        "     \"for\": \"10m\"}],"
        "   \"deadline\": \"60s\"},"
        " \"chaos\": [{\"phase\": \"outage\", \"at\": \"60s\", \"for\": \"120s\","
        "   \"fault\": {\"status\": 503}},"
        "  {\"phase\": \"outage\", \"fault\": {\"capacity\": \"1%%\"}}]}",
        retry);
    simulate_text(text);
}

static void fixed_delays_trample_the_recovery(void)
{
    recovery("{\"attempts\": 10, \"on\": [\"timeout\", \"network\", \"5xx\"], \"backoff\": "
             "{\"base\": \"2s\", \"factor\": 1, \"cap\": \"2s\", \"jitter\": \"none\"}}");
    CU_ASSERT(useful(0, 60) == 1.0);
    CU_ASSERT(useful(185, 300) < 0.01); /* the second collapse */
    CU_ASSERT(useful(500, 600) < 0.1);
    CU_ASSERT(amplification(500, 600) > 9.0);
}

static void jitter_and_a_budget_let_it_recover(void)
{
    recovery("{\"attempts\": 10, \"on\": [\"timeout\", \"network\", \"5xx\"], \"backoff\": "
             "{\"base\": \"1s\", \"factor\": 2, \"cap\": \"30s\", \"jitter\": \"full\"},"
             " \"budget\": \"10%\"}");
    CU_ASSERT(useful(0, 60) == 1.0);
    CU_ASSERT(useful(100, 180) < 0.01);
    CU_ASSERT(useful(190, 600) > 0.99); /* long before the places are all back */
    CU_ASSERT(amplification(190, 600) < 1.01);
}

static CU_TestInfo tests[] = {
    {"immediate retries keep the storm alive", immediate_retries_keep_the_storm_alive},
    {"a budget and cancelled work end it in seconds",
     a_budget_and_cancelled_work_end_it_in_seconds},
    {"a budget alone ends it in two minutes", a_budget_alone_ends_it_in_two_minutes},
    {"cancelled work alone does not end it", cancelled_work_alone_does_not_end_it},
    {"fixed delays trample the recovery", fixed_delays_trample_the_recovery},
    {"jitter and a budget let it recover", jitter_and_a_budget_let_it_recover},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo storm_suite = {"storm", NULL, NULL, NULL, NULL, tests};
