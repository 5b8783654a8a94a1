#include "base/timers.h"

#include <CUnit/CUnit.h>

#include "base/rng.h"
#include "tests/support/expect.h"

static struct timers timers;

static int set_up(void)
{
    return timers_init(&timers, memory_heap(), 64) == RC_OK ? 0 : 1;
}

static int tear_down(void)
{
    timers_deinit(&timers);
    return 0;
}

static void clear_all(void)
{
    for (uint32_t slot = 0; slot < timers.slots_max; slot++)
        timers_set(&timers, slot, NANOS_NEVER);
}

static void has_nothing_to_strike_when_empty(void)
{
    uint32_t slot;

    EXPECT_I64(timers_first_at(&timers), NANOS_NEVER);
    CU_ASSERT(!timers_take(&timers, NANOS_NEVER - 1, &slot));
}

static void strikes_in_order_of_time_then_of_slot(void)
{
    static const uint32_t expected[] = {9, 2, 5, 1};
    uint32_t slot = 0;

    timers_set(&timers, 5, 20);
    timers_set(&timers, 1, 30);
    timers_set(&timers, 2, 20);
    timers_set(&timers, 9, 10);
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        CU_ASSERT(timers_take(&timers, 100, &slot));
        EXPECT_U64(slot, expected[i]);
    }
}

static void waits_until_the_very_instant(void)
{
    uint32_t slot;

    timers_set(&timers, 3, 100);
    CU_ASSERT(!timers_take(&timers, 99, &slot));
    CU_ASSERT(timers_take(&timers, 100, &slot));
    clear_all();
}

static void moves_and_clears_an_alarm(void)
{
    timers_set(&timers, 1, 10);
    timers_set(&timers, 2, 20);
    timers_set(&timers, 1, 30);
    EXPECT_I64(timers_first_at(&timers), 20);
    timers_set(&timers, 2, NANOS_NEVER);
    EXPECT_I64(timers_first_at(&timers), 30);
    timers_set(&timers, 1, NANOS_NEVER);
    EXPECT_I64(timers_first_at(&timers), NANOS_NEVER);
}

/* Against the obvious model: an array searched from end to end. */
static void agrees_with_a_plain_search_over_many_random_changes(void)
{
    nanos model[64];
    bool agrees = true;

    for (int slot = 0; slot < 64; slot++)
        model[slot] = NANOS_NEVER;
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t slot = (uint32_t)(rng_draw(7, 1, i, 0) % 64);
        uint64_t draw = rng_draw(7, 1, i, 1);
        nanos at = draw % 4 == 0 ? NANOS_NEVER : (nanos)(draw % 1000);
        nanos first = NANOS_NEVER;

        model[slot] = at;
        timers_set(&timers, slot, at);
        for (int other = 0; other < 64; other++)
            first = nanos_min(first, model[other]);
        agrees = agrees && timers_first_at(&timers) == first;
    }
    CU_ASSERT(agrees);
    clear_all();
}

static CU_TestInfo tests[] = {
    {"has nothing to strike when empty", has_nothing_to_strike_when_empty},
    {"strikes in order of time, then of slot", strikes_in_order_of_time_then_of_slot},
    {"waits until the very instant", waits_until_the_very_instant},
    {"moves and clears an alarm", moves_and_clears_an_alarm},
    {"agrees with a plain search over many random changes",
     agrees_with_a_plain_search_over_many_random_changes},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo timers_suite = {"timers", set_up, tear_down, NULL, NULL, tests};
