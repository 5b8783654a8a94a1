#include "judge/open_calls.h"

#include <CUnit/CUnit.h>

#include "base/rng.h"
#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "tests/support/sample.h"

static struct open_calls calls;

static void set_up(void)
{
    open_calls_init(&calls, memory_heap());
}

static void tear_down(void)
{
    open_calls_deinit(&calls);
}

static struct call_id id_of(uint64_t index)
{
    return (struct call_id){.source = (uint32_t)(index % 3), .index = index};
}

static void finds_what_was_taken_and_nothing_else(void)
{
    struct open_call *open = open_calls_take(&calls, id_of(7));

    CU_ASSERT_PTR_NOT_NULL_FATAL(open);
    CU_ASSERT_PTR_EQUAL(open_calls_find(&calls, id_of(7)), open);
    CU_ASSERT_PTR_EQUAL(open_calls_take(&calls, id_of(7)), open);
    CU_ASSERT_PTR_NULL(open_calls_find(&calls, id_of(8)));
    open_calls_release(&calls, open);
    CU_ASSERT_PTR_NULL(open_calls_find(&calls, id_of(7)));
}

/* Against a model that is a bare array: ids from a range so small that they are taken and released
 * many times over, in chains of collisions. */
static void agrees_with_a_plain_list_through_takes_and_releases(void)
{
    enum { IDS = 3000, STEPS = 200000 };
    static bool is_open[IDS];
    uint32_t open_count = 0;

    for (uint32_t i = 0; i < IDS; i++)
        is_open[i] = false;
    for (uint32_t step = 0; step < STEPS; step++) {
        uint64_t draw = rng_draw(1, 2, step, 0);
        uint64_t which = draw % IDS;
        struct call_id id = {.source = 0, .index = rng_draw(1, 3, which, 0)};
        struct open_call *open = open_calls_find(&calls, id);

        CU_ASSERT_FATAL((open != NULL) == is_open[which]);
        if (open != NULL)
            open_calls_release(&calls, open);
        else
            CU_ASSERT_PTR_NOT_NULL_FATAL(open_calls_take(&calls, id));
        is_open[which] = open == NULL;
        open_count = open == NULL ? open_count + 1 : open_count - 1;
        CU_ASSERT_FATAL(calls.open_count == open_count);
    }
}

static void a_place_used_again_remembers_nothing(void)
{
    struct call_record call = sample_call(0);
    struct request_seen request = {.number = 1};
    struct open_call *open = open_calls_take(&calls, id_of(0));

    EXPECT_RC(open_call_add(&calls, open, &request), RC_OK);
    EXPECT_RC(open_call_keep(&calls, open, &call), RC_OK);
    open_calls_release(&calls, open);
    open = open_calls_take(&calls, id_of(1));
    EXPECT_U64(open->requests_count, 0);
    CU_ASSERT(!open->has_call);
}

static void keeps_a_call_with_all_the_attempts_it_made(void)
{
    struct call_record call = sample_call(3);
    struct open_call *open = open_calls_take(&calls, call.id);

    sample_fail(&call, OUTCOME_OVERLOADED, 529, call.due_at + NANOS_MS);
    sample_retry(&call, SAMPLE_GPT, call.ended_at);
    EXPECT_RC(open_call_keep(&calls, open, &call), RC_OK);
    EXPECT_U64(open->call->attempts_count, 2);
    EXPECT_U64(open->call->attempts[1].model, SAMPLE_GPT);
    EXPECT_I64(open->call->ended_at, call.ended_at);
}

static void refuses_one_call_more_than_its_ceiling(void)
{
    for (uint64_t i = 0; i < OPEN_CALLS_MAX; i++)
        CU_ASSERT_PTR_NOT_NULL_FATAL(open_calls_take(&calls, id_of(i)));
    CU_ASSERT_PTR_NULL(open_calls_take(&calls, id_of(OPEN_CALLS_MAX)));
    CU_ASSERT_PTR_NOT_NULL(open_calls_find(&calls, id_of(OPEN_CALLS_MAX - 1)));
}

static void stays_whole_whichever_allocation_fails(void)
{
    struct flaky flaky;
    uint64_t allow = 0;

    do {
        struct memory memory;
        struct open_calls scarce;
        uint32_t taken = 0;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        open_calls_init(&scarce, &memory);
        for (uint64_t i = 0; i < 200; i++)
            taken += open_calls_take(&scarce, id_of(i)) != NULL;
        EXPECT_U64(scarce.open_count, taken);
        for (uint64_t i = 0; i < taken; i++)
            CU_ASSERT_PTR_NOT_NULL(open_calls_find(&scarce, id_of(i)));
        open_calls_deinit(&scarce);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 6);
}

static CU_TestInfo tests[] = {
    {"finds what was taken and nothing else", finds_what_was_taken_and_nothing_else},
    {"agrees with a plain list through takes and releases",
     agrees_with_a_plain_list_through_takes_and_releases},
    {"a place used again remembers nothing", a_place_used_again_remembers_nothing},
    {"keeps a call with all the attempts it made", keeps_a_call_with_all_the_attempts_it_made},
    {"refuses one call more than its ceiling", refuses_one_call_more_than_its_ceiling},
    {"stays whole whichever allocation fails", stays_whole_whichever_allocation_fails},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo open_calls_suite = {"open_calls", NULL, NULL, set_up, tear_down, tests};
