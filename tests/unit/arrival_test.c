#include <CUnit/CUnit.h>

#include <math.h>

#include "base/rng.h"
#include "policy/arrival.h"
#include "tests/support/expect.h"

static struct arrival arrival;

static void start(enum arrival_process process, double rate_per_s, nanos lasts)
{
    struct arrival_rules rules = {process, rate_per_s, 7 * NANOS_S, lasts};

    arrival_init(&arrival, &rules, 529, rng_stream(SLICE("steady")));
}

static uint64_t drain(nanos *latest)
{
    uint64_t count = 0;

    while (arrival_next(&arrival, latest))
        count++;
    return count;
}

static void constant_begins_at_the_start_and_ends_before_the_end(void)
{
    nanos due = 0;

    start(ARRIVAL_CONSTANT, 4.0, NANOS_S);
    CU_ASSERT(arrival_next(&arrival, &due));
    EXPECT_I64(due, 7 * NANOS_S);
    EXPECT_U64(drain(&due), 3);
    EXPECT_I64(due, 7 * NANOS_S + 750 * NANOS_MS);
    CU_ASSERT(!arrival_next(&arrival, &due));
}

static void constant_does_not_drift_within_a_day(void)
{
    nanos due = 0;

    start(ARRIVAL_CONSTANT, 3.0, 86400 * NANOS_S);
    for (uint64_t k = 0; arrival_next(&arrival, &due); k++) {
        if (k % 3 == 0 && due != 7 * NANOS_S + (nanos)(k / 3) * NANOS_S)
            CU_FAIL_FATAL("the third arrival of a second is not a second later");
    }
    EXPECT_U64(arrival.next, 3 * 86400);
    EXPECT_I64(due, 7 * NANOS_S + 86399 * NANOS_S + 666666667);
}

static void constant_takes_a_rate_that_is_no_whole_number(void)
{
    nanos due = 0;

    start(ARRIVAL_CONSTANT, 500.0 / 60.0, 60 * NANOS_S);
    EXPECT_U64(drain(&due), 500);
    EXPECT_I64(due, 7 * NANOS_S + 59880 * NANOS_MS);
}

static void poisson_begins_a_gap_after_the_start(void)
{
    double u = rng_unit(529, rng_stream(SLICE("steady")), 0, 0);
    nanos due = 0;

    start(ARRIVAL_POISSON, 5.0, 60 * NANOS_S);
    CU_ASSERT(arrival_next(&arrival, &due));
    EXPECT_I64(due, 7 * NANOS_S + (nanos)llround(-log(1.0 - u) / 5.0 * 1e9));
}

static void poisson_keeps_its_rate_and_its_gaps_are_exponential(void)
{
    nanos due = 0, previous = 7 * NANOS_S;
    double gaps = 0.0, squares = 0.0;
    uint64_t longer = 0, count = 0;

    start(ARRIVAL_POISSON, 50.0, 400 * NANOS_S);
    for (; arrival_next(&arrival, &due); previous = due, count++) {
        double gap = (double)(due - previous) / 1e9;

        CU_ASSERT_FATAL(due >= previous);
        gaps += gap;
        squares += gap * gap;
        longer += gap > 1.0 / 50.0; /* an exponential gap exceeds its mean with 1 / e */
    }
    CU_ASSERT(due < 407 * NANOS_S);
    CU_ASSERT_DOUBLE_EQUAL((double)count, 20000.0, 400.0);
    CU_ASSERT_DOUBLE_EQUAL(gaps / (double)count, 1.0 / 50.0, 0.0005);
    CU_ASSERT_DOUBLE_EQUAL(squares / (double)count, 2.0 / 2500.0, 0.00004);
    CU_ASSERT_DOUBLE_EQUAL((double)longer / (double)count, exp(-1.0), 0.01);
}

static void the_same_seed_gives_the_same_instants_and_another_others(void)
{
    struct arrival again;
    nanos due = 0, due_again = 0;
    uint64_t same = 0, count = 0;

    start(ARRIVAL_POISSON, 50.0, 10 * NANOS_S);
    arrival_init(&again, &arrival.rules, 529, arrival.stream);
    while (arrival_next(&arrival, &due) && arrival_next(&again, &due_again))
        CU_ASSERT_FATAL(due == due_again);
    start(ARRIVAL_POISSON, 50.0, 10 * NANOS_S);
    arrival_init(&again, &arrival.rules, 530, arrival.stream);
    for (; arrival_next(&arrival, &due) && arrival_next(&again, &due_again); count++)
        same += due == due_again;
    CU_ASSERT(count > 100);
    EXPECT_U64(same, 0);
}

static void a_part_without_length_has_no_arrivals(void)
{
    nanos due = 42;

    start(ARRIVAL_CONSTANT, 5.0, 0);
    CU_ASSERT(!arrival_next(&arrival, &due));
    EXPECT_I64(due, 42);
}

static CU_TestInfo tests[] = {
    {"constant begins at the start and ends before the end",
     constant_begins_at_the_start_and_ends_before_the_end},
    {"constant does not drift within a day", constant_does_not_drift_within_a_day},
    {"constant takes a rate that is no whole number",
     constant_takes_a_rate_that_is_no_whole_number},
    {"poisson begins a gap after the start", poisson_begins_a_gap_after_the_start},
    {"poisson keeps its rate and its gaps are exponential",
     poisson_keeps_its_rate_and_its_gaps_are_exponential},
    {"the same seed gives the same instants, and another others",
     the_same_seed_gives_the_same_instants_and_another_others},
    {"a part without length has no arrivals", a_part_without_length_has_no_arrivals},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo arrival_suite = {"arrival", NULL, NULL, NULL, NULL, tests};
