/* Advice in the body, where a provider has no header for it: both ends tell it alike. */

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/world.h"

/* One request a second; the second call is early by all of it. */
static const char scenario[] =
    "{\"name\": \"body-advice\", \"about\": \"x\", \"seed\": 1,"
    " \"subject\": {\"client\": {\"retry\": {\"attempts\": 2, \"on\": [429], \"backoff\": "
    "{\"base\": "
    "\"10ms\", \"factor\": 1, \"cap\": \"10ms\", \"jitter\": \"none\"}, \"advice\": \"obey\"}}},"
    " \"target\": {\"mock\": {\"models\": {\"flash\": {\"api\": \"gemini\", \"first_token\": "
    "\"10ms\","
    " \"rate\": \"1000 tokens/s\", \"limits\": {\"requests\": {\"rate\": \"60/min\", \"burst\": "
    "1}}}}}},"
    " \"load\": {\"requests\": [{\"model\": \"flash\", \"input_tokens\": 10, \"output_tokens\": "
    "5}],"
    " \"arrivals\": [{\"part\": \"burst\", \"rate\": \"20/s\", \"process\": \"constant\", \"for\": "
    "\"100ms\"}]}}";

static void obeys_what_the_body_advises(void)
{
    struct world_run world = {0};
    const struct call_record *call;
    nanos advised, waited;

    world_run(&world, scenario);
    EXPECT_U64(world.calls_count, 2);
    call = world_call(&world, "burst:1");
    CU_ASSERT_FATAL(call != NULL && call->attempts_count == 2);
    EXPECT_U64(call->outcome, OUTCOME_OK);
    EXPECT_U64(call->attempts[0].outcome, OUTCOME_RATE_LIMITED);
    EXPECT_U64(call->attempts[0].advice_form, ADVICE_BODY);
    advised = call->attempts[0].advice_wait;
    waited = call->attempts[1].sent_at - call->attempts[0].ended_at;
    CU_ASSERT(advised > 500 * NANOS_MS && advised <= NANOS_S);
    CU_ASSERT(waited >= advised && waited < advised + 100 * NANOS_MS);
    EXPECT_U64(world.journal_count, 3);
    EXPECT_I64(world.journal[1].advice_wait, advised);
    world_close(&world);
}

static CU_TestInfo body_advice_tests[] = {
    {"obeys what the body advises", obeys_what_the_body_advises},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo body_advice_suite = {"body_advice", NULL, NULL, NULL, NULL, body_advice_tests};
