/* Failing memory, walked through a whole simulation: every allocation fails once. Whatever fails,
 * nothing leaks, nothing crashes, and every call that was begun still ends in one record, or the
 * simulation says that it could not be carried out. */

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "tests/support/world.h"

#define LOAD                                                                                   \
    "{\"requests\": [{\"model\": \"claude\", \"stream\": true, \"input_tokens\": 10,"          \
    " \"output_tokens\": 3}, {\"model\": \"claude\", \"stream\": false, \"input_tokens\": 10," \
    " \"output_tokens\": 3}], \"in_flight_max\": 4, \"deadline\": \"5s\","                     \
    " \"arrivals\": [{\"part\": \"few\", \"rate\": \"10/s\", \"for\": \"800ms\"}]}"
#define CHAOS                                                                    \
    "[{\"phase\": \"bad\", \"at\": \"0s\", \"for\": \"1h\", \"share\": \"50%\"," \
    " \"fault\": {\"status\": 529}}]"
#define SLOW_WIRES                                             \
    "[{\"phase\": \"wires\", \"at\": \"0s\", \"for\": \"1h\"," \
    " \"fault\": {\"connection\": {\"slow\": \"300ms\"}}}]"

static void count_call(void *context, const struct call_record *call)
{
    (void)call;
    ++*(uint32_t *)context;
}

/* One allocation less than before fails each time, until none does. */
static void walk(const struct scenario *scenario, bool writes_bytes)
{
    uint64_t allow = 0;
    struct flaky flaky;

    do {
        uint32_t calls = 0;
        struct memory memory;
        struct simulation_result result;
        struct error err;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        rc = simulate(&(struct simulation){.scenario = scenario,
                                           .memory = &memory,
                                           .context = &calls,
                                           .on_call = count_call,
                                           .writes_bytes = writes_bytes},
                      &result, &err);
        CU_ASSERT(rc == RC_OK || rc == RC_NOMEM);
        if (rc == RC_OK)
            EXPECT_U64(calls, 8);
        if (!flaky.failed)
            EXPECT_RC(rc, RC_OK);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 15);
}

static void walk_with(const char *chaos)
{
    struct world_run world;

    world_run(&world, world_text("{\"preset\": \"careful\"}", chaos, LOAD));
    EXPECT_U64(world.calls_count, 8);
    walk(world.scenario, false);
    walk(world.scenario, true);
    world_close(&world);
}

static void survives_every_allocation_that_can_fail(void)
{
    walk_with(CHAOS);
}

static void survives_them_with_requests_that_are_held(void)
{
    walk_with(SLOW_WIRES);
}

static CU_TestInfo tests[] = {
    {"survives every allocation that can fail", survives_every_allocation_that_can_fail},
    {"survives them with requests that are held", survives_them_with_requests_that_are_held},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo memory_suite = {"memory", NULL, NULL, NULL, NULL, tests};
