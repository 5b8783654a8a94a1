/* Files made ready, by a program that may run out of memory on the way. */

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "harness/prepared.h"
#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "workplace.h"

static const char scenario[] =
    "{\"name\": \"small\", \"control\": \"no-chaos\",\n"
    " \"target\": {\"mock\": {\"models\": {\"m\": {\"api\": \"anthropic\"}}}},\n"
    " \"load\": {\"requests\": [{\"model\": \"m\", \"input_tokens\": 10, \"output_tokens\": 3}],\n"
    "   \"arrivals\": [{\"rate\": \"10/s\", \"for\": \"1s\"}]},\n"
    " \"chaos\": [{\"phase\": \"a\", \"fault\": {\"status\": 529}},\n"
    "             {\"phase\": \"b\", \"share\": \"5%\", \"fault\": {\"status\": 500}}],\n"
    " \"expect\": [\"calls.useful >= 50%\", \"response.p95 <= 4s\"]}\n";

static struct workplace place;
static struct options options;
static char path[WORKPLACE_PATH_MAX + 16];
static struct flaky flaky;
static struct memory memory;

static void set_up(void)
{
    workplace_open(&place);
    workplace_write(&place, "small.jsonc", scenario);
    snprintf(path, sizeof(path), "%s/small.jsonc", place.folder);
    options = (struct options){.client = "careful", .seed = "7", .sets_count = 1};
    options.sets[0] = "/load/deadline=7s";
    memory = flaky_memory(&flaky);
}

static void tear_down(void)
{
    workplace_close(&place);
}

static void whatever_memory_is_missing_nothing_is_left_behind(void)
{
    uint64_t allow = 0;

    do {
        struct prepared prepared;
        struct error err = {0};
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        rc = prepared_load_in(&prepared, path, &options, &memory, &err);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        if (rc == RC_OK)
            EXPECT_I64(prepared.scenario->load.deadline, 7 * NANOS_S);
        prepared_deinit(&prepared);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 2);
}

static void the_calm_twin_is_made_whole_or_not_at_all(void)
{
    struct prepared prepared;
    struct error err = {0};
    uint64_t allow = 0, live;

    flaky = (struct flaky){.allow = UINT64_MAX};
    EXPECT_RC(prepared_load_in(&prepared, path, &options, &memory, &err), RC_OK);
    live = flaky.live;
    do {
        struct prepared calm;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++, .live = live};
        rc = prepared_control(&calm, &prepared, &err);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        if (rc == RC_OK) {
            EXPECT_U64(calm.scenario->chaos.rules_count, 2);
            CU_ASSERT(calm.scenario->chaos.rules[0].share == 0);
            CU_ASSERT(calm.scenario->chaos.rules[1].share == 0);
            EXPECT_U64(calm.scenario->chaos.phases.count, 2);
            EXPECT_U64(calm.scenario->seed, 7);
        }
        prepared_deinit(&calm);
        EXPECT_U64(flaky.live, live);
    } while (flaky.failed);
    CU_ASSERT(allow > 1);
    prepared_deinit(&prepared);
    EXPECT_U64(flaky.live, 0);
}

static CU_TestInfo tests[] = {
    {"whatever memory is missing, nothing is left behind",
     whatever_memory_is_missing_nothing_is_left_behind},
    {"the calm twin is made whole or not at all", the_calm_twin_is_made_whole_or_not_at_all},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo prepared_suite = {"prepared", NULL, NULL, set_up, tear_down, tests};
