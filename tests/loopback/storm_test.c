/* A retry storm over sockets (INC-10, twenty-five times as fast): nobody plays its failures, they
 * come of a provider with two places and of what its clients do. tests/sim/storm_test.c has the
 * full numbers, scenarios/retry-storm.jsonc the tale. */

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "workplace.h"

/* 100 requests a second, 80 come; for a second there is one place for 40. Exit code 0 says that all
 * is well two thirds of a second later. */
#define STORM(retry)                                                                              \
    "{\"name\": \"storm\", \"seed\": 10, \"subject\": {\"client\": {\"preset\": \"none\",\n"      \
    "   \"retry\": " retry ", \"timeouts\": {\"attempt\": \"200ms\"}}},\n"                        \
    " \"target\": {\"mock\": {\"models\": {\"gpt\": {\"api\": \"openai-chat\",\n"                 \
    "   \"first_token\": \"20ms\", \"rate\": \"1000000 tokens/s\",\n"                             \
    "   \"capacity\": {\"places\": 2, \"queue\": \"unbounded\", \"abandoned\": \"stops\"}}}}},\n" \
    " \"load\": {\"requests\": [{\"model\": \"gpt\", \"input_tokens\": 10, \"output_tokens\": "   \
    "5}],\n"                                                                                      \
    "   \"arrivals\": [{\"rate\": \"80/s\", \"for\": \"3s\"}], \"deadline\": \"2s\"},\n"          \
    " \"chaos\": [{\"phase\": \"trigger\", \"at\": \"500ms\", \"for\": \"1s\",\n"                 \
    "     \"fault\": {\"capacity\": \"50%\"}},\n"                                                 \
    "   {\"phase\": \"later\", \"at\": \"2200ms\", \"for\": \"800ms\", \"share\": \"0%\",\n"      \
    "     \"fault\": {\"status\": 503}}],\n"                                                      \
    " \"laws\": {\"set\": \"essential\", \"schedule-kept\": false},\n"                            \
    " \"expect\": [\"calls.useful{phase=later} >= 90%\"]}\n"

#define AT_ONCE                                                                           \
    "{\"attempts\": 4, \"on\": [\"timeout\"], \"backoff\": {\"base\": \"1ms\", \"cap\": " \
    "\"1ms\"}"

static struct workplace place;

static void set_up(void)
{
    workplace_open(&place);
}

static void tear_down(void)
{
    workplace_close(&place);
}

static void a_storm_keeps_itself_alive(void)
{
    workplace_write(&place, "storm.jsonc", STORM(AT_ONCE "}"));
    EXPECT_I64(workplace_run(&place, "run storm.jsonc --quiet --out results"), 99);
    EXPECT_I64(workplace_run(&place, "sim storm.jsonc --quiet --out results"), 99);
}

static void a_retry_budget_lets_it_end(void)
{
    workplace_write(&place, "calm.jsonc", STORM(AT_ONCE ", \"budget\": \"10%\"}"));
    EXPECT_I64(workplace_run(&place, "run calm.jsonc --quiet --out results"), 0);
    EXPECT_I64(workplace_run(&place, "sim calm.jsonc --quiet --out results"), 0);
}

static CU_TestInfo tests[] = {
    {"a storm keeps itself alive", a_storm_keeps_itself_alive},
    {"a retry budget lets it end", a_retry_budget_lets_it_end},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo storm_suite = {"storm", NULL, NULL, set_up, tear_down, tests};
