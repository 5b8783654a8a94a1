#include <CUnit/CUnit.h>

#include "policy/backoff.h"
#include "tests/support/expect.h"

static const double LARGEST_DRAW = 1.0 - 0x1p-53;

static struct backoff doubling(enum jitter jitter)
{
    return (struct backoff){500 * NANOS_MS, 2.0, 8 * NANOS_S, jitter};
}

static void doubles_up_to_the_cap_and_stays_there(void)
{
    struct backoff b = doubling(JITTER_NONE);

    EXPECT_I64(backoff_wait(&b, 0, 0.7), 500 * NANOS_MS);
    EXPECT_I64(backoff_wait(&b, 1, 0.7), 1 * NANOS_S);
    EXPECT_I64(backoff_wait(&b, 4, 0.7), 8 * NANOS_S);
    EXPECT_I64(backoff_wait(&b, 5, 0.7), 8 * NANOS_S);
    EXPECT_I64(backoff_wait(&b, UINT32_MAX, 0.7), 8 * NANOS_S);
}

static void stays_the_same_with_factor_1(void)
{
    struct backoff b = {NANOS_S, 1.0, NANOS_NEVER, JITTER_NONE};

    EXPECT_I64(backoff_wait(&b, 1000000, 0.0), NANOS_S);
}

static void full_jitter_goes_from_nothing_to_the_whole(void)
{
    struct backoff b = doubling(JITTER_FULL);

    EXPECT_I64(backoff_wait(&b, 1, 0.0), 0);
    EXPECT_I64(backoff_wait(&b, 1, 0.5), 500 * NANOS_MS);
    EXPECT_I64(backoff_wait(&b, 1, LARGEST_DRAW), NANOS_S - 1);
}

static void quarter_jitter_takes_at_most_a_quarter_off(void)
{
    struct backoff b = doubling(JITTER_QUARTER);

    EXPECT_I64(backoff_wait(&b, 0, 0.0), 500 * NANOS_MS);
    EXPECT_I64(backoff_wait(&b, 0, 0.5), 437500000);
    EXPECT_I64(backoff_wait(&b, 0, LARGEST_DRAW), 375 * NANOS_MS + 1);
}

static void grows_to_never_without_a_cap_but_does_not_wrap(void)
{
    struct backoff b = {NANOS_S, 2.0, NANOS_NEVER, JITTER_NONE};

    EXPECT_I64(backoff_wait(&b, 33, 0.0), NANOS_S << 33);
    EXPECT_I64(backoff_wait(&b, 34, 0.0), NANOS_NEVER);
    EXPECT_I64(backoff_wait(&b, 5000, 0.0), NANOS_NEVER);
    b.jitter = JITTER_QUARTER;
    CU_ASSERT(backoff_wait(&b, 5000, LARGEST_DRAW) > 0);
    b.jitter = JITTER_FULL;
    CU_ASSERT(backoff_wait(&b, 5000, LARGEST_DRAW) > 0);
}

static void no_base_is_no_wait_however_often(void)
{
    struct backoff b = {0, 2.0, NANOS_S, JITTER_NONE};

    EXPECT_I64(backoff_wait(&b, 0, 0.5), 0);
    EXPECT_I64(backoff_wait(&b, 5000, 0.5), 0);
}

static CU_TestInfo tests[] = {
    {"doubles up to the cap and stays there", doubles_up_to_the_cap_and_stays_there},
    {"stays the same with factor 1", stays_the_same_with_factor_1},
    {"full jitter goes from nothing to the whole", full_jitter_goes_from_nothing_to_the_whole},
    {"quarter jitter takes at most a quarter off", quarter_jitter_takes_at_most_a_quarter_off},
    {"grows to never without a cap, but does not wrap",
     grows_to_never_without_a_cap_but_does_not_wrap},
    {"no base is no wait, however often", no_base_is_no_wait_however_often},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo backoff_suite = {"backoff", NULL, NULL, NULL, NULL, tests};
