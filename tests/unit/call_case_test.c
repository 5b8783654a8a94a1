#include "judge/call_case.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"

/* Only likeness is no proof (design §9): two calls may ask the same. Whatever else told the call
 * was said by the client, or is the only one there. */
static void every_key_but_likeness_proves_whose_a_request_is(void)
{
    static const enum key_used good[] = {KEY_HEADER, KEY_MARKER, KEY_TRACEPARENT, KEY_RETRY_COUNT,
                                         KEY_ISOLATION};
    struct journal_record record = {0};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        record.key = good[i];
        CU_ASSERT(!request_seen_of(&record).is_likeness);
    }
    record.key = KEY_LIKENESS;
    CU_ASSERT(request_seen_of(&record).is_likeness);
}

/* The mock counts attempts where nobody said an ordinal; then arrival is the order. */
static void requests_of_unknown_ordinal_stand_in_the_order_of_arrival(void)
{
    static struct scenario scenario;
    struct call_record call = {.due_at = 0, .ended_at = NANOS_NEVER};
    struct request_seen requests[] = {{.number = 9}, {.number = 7}, {.number = 8}};
    struct call_case c;

    call_case_init(&c, &scenario, &call, requests, 3);
    for (uint32_t i = 0; i < 3; i++)
        EXPECT_U64(c.requests[i].number, 7 + i);
    EXPECT_U64(c.steps_count, 3);
    EXPECT_U64(c.attempts, 3);
}

static CU_TestInfo tests[] = {
    {"every key but likeness proves whose a request is",
     every_key_but_likeness_proves_whose_a_request_is},
    {"requests of unknown ordinal stand in the order of arrival",
     requests_of_unknown_ordinal_stand_in_the_order_of_arrival},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo call_case_suite = {"call case", NULL, NULL, NULL, NULL, tests};
