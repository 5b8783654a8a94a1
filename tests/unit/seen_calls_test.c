#include "judge/seen_calls.h"

#include <CUnit/CUnit.h>

#include "base/rng.h"
#include "tests/support/expect.h"
#include "tests/support/flaky.h"

static struct seen_calls seen;

static void set_up(void)
{
    seen = (struct seen_calls){.memory = memory_heap()};
}

static void tear_down(void)
{
    seen_calls_deinit(&seen);
}

static bool mark(uint32_t source, uint64_t index)
{
    bool was_there = false;

    EXPECT_RC(seen_calls_mark(&seen, (struct call_id){source, index}, &was_there), RC_OK);
    return was_there;
}

static bool has(uint32_t source, uint64_t index)
{
    return seen_calls_has(&seen, (struct call_id){source, index});
}

static void tells_a_second_record_from_a_first(void)
{
    CU_ASSERT(!has(0, 7));
    CU_ASSERT(!mark(0, 7));
    CU_ASSERT(has(0, 7));
    CU_ASSERT(mark(0, 7));
    CU_ASSERT(!has(0, 6));
    CU_ASSERT(!has(1, 7)); /* another source */
}

/* Marked out of order by up to 1,000, and each twice in a while, against a bare array. */
static void agrees_with_a_bare_array(void)
{
    enum { CALLS = 20000, SPREAD = 1000 };
    static bool model[CALLS + SPREAD];

    for (uint64_t i = 0; i < CALLS; i++) {
        uint64_t index = i + rng_draw(1, 2, i, 0) % SPREAD;

        EXPECT_U64(mark(3, index), model[index]);
        model[index] = true;
    }
    for (uint64_t i = 0; i < CALLS + SPREAD; i++)
        EXPECT_U64(has(3, i), model[i]);
}

static void ten_million_calls_need_no_more_than_ten_thousand(void)
{
    uint64_t refused = 0;

    for (uint64_t i = 0; i < 10 * 1000 * 1000; i++) {
        struct call_id id = {0, i ^ 15}; /* a little out of order */
        bool was_there = false;

        refused += seen_calls_mark(&seen, id, &was_there) != RC_OK || was_there;
    }
    EXPECT_U64(refused, 0);
    EXPECT_U64(seen.sources[0].words, 64);
    CU_ASSERT(has(0, 0));
    CU_ASSERT(has(0, 10 * 1000 * 1000 - 1));
    CU_ASSERT(!has(0, 10 * 1000 * 1000));
}

static void one_missing_call_is_still_found_far_behind(void)
{
    for (uint64_t i = 0; i < 100000; i++)
        if (i != 217)
            CU_ASSERT(!mark(0, i));
    CU_ASSERT(!has(0, 217));
    CU_ASSERT(!mark(0, 217));
    EXPECT_U64(seen.sources[0].words_done, 100000 / 64);
}

static void a_stretch_beyond_the_ceiling_is_refused(void)
{
    bool was_there;

    EXPECT_RC(seen_calls_mark(&seen, (struct call_id){0, SEEN_CALLS_STRETCH_MAX}, &was_there),
              RC_LIMIT);
    EXPECT_RC(seen_calls_mark(&seen, (struct call_id){0, UINT64_MAX}, &was_there), RC_LIMIT);
    CU_ASSERT(!has(0, SEEN_CALLS_STRETCH_MAX));
}

static void without_memory_nothing_is_marked_and_nothing_lost(void)
{
    struct flaky flaky;
    struct memory memory = flaky_memory(&flaky);
    bool was_there;

    flaky = (struct flaky){.allow = 1};
    seen.memory = &memory;
    CU_ASSERT(!mark(0, 5));
    EXPECT_RC(seen_calls_mark(&seen, (struct call_id){0, 5000}, &was_there), RC_NOMEM);
    CU_ASSERT(has(0, 5));
    CU_ASSERT(!has(0, 5000));
    seen_calls_deinit(&seen);
    EXPECT_U64(flaky.live, 0);
    seen.memory = memory_heap();
}

static CU_TestInfo tests[] = {
    {"tells a second record from a first", tells_a_second_record_from_a_first},
    {"agrees with a bare array", agrees_with_a_bare_array},
    {"ten million calls need no more than ten thousand",
     ten_million_calls_need_no_more_than_ten_thousand},
    {"one missing call is still found far behind", one_missing_call_is_still_found_far_behind},
    {"a stretch beyond the ceiling is refused", a_stretch_beyond_the_ceiling_is_refused},
    {"without memory nothing is marked and nothing lost",
     without_memory_nothing_is_marked_and_nothing_lost},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo seen_calls_suite = {"seen calls", NULL, NULL, set_up, tear_down, tests};
