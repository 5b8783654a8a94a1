#include "judge/rounds.h"

#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/rng.h"
#include "tests/support/expect.h"

enum { MOST = 200 };

static struct request_seen requests[MOST];
static uint32_t count;
static struct rounds rounds;
static char text[ROUNDS_TEXT_MAX];

static void set_up(void)
{
    memset(requests, 0, sizeof(requests));
    count = 0;
}

/* One more request, which began that long after the one before was over, and took 50 ms. */
static struct request_seen *add(double waited)
{
    struct request_seen *r = &requests[count];
    nanos before = count > 0 ? requests[count - 1].closed_at : 0;

    count++;
    r->head_in_at = before + (nanos)(waited * (double)NANOS_S);
    r->closed_at = r->head_in_at + 50 * NANOS_MS;
    r->attempt = count;
    return r;
}

static void add_counted(double waited, uint32_t retry_count)
{
    struct request_seen *r = add(waited);

    r->has_retry_count = true;
    r->retry_count = retry_count;
}

static struct slice said(void)
{
    rounds = rounds_of(requests, count);
    rounds_write(&rounds, requests, count, text);
    return slice_of(text);
}

static void tenacity_around_an_sdk_makes_rounds(void)
{
    for (uint32_t i = 0; i < 12; i++)
        add_counted(i % 3 == 0 ? 1 : 0.5, i % 3);
    EXPECT_TEXT(said(), "12 attempts = 4 rounds of 3");
    EXPECT_U64(rounds.by, ROUNDS_BY_COUNT);
    EXPECT_U64(rounds.count, 4);
    EXPECT_U64(rounds.attempts_max, 3);
    CU_ASSERT(rounds.is_even);
}

static void a_last_round_may_be_shorter(void)
{
    for (uint32_t i = 0; i < 7; i++)
        add_counted(0.5, i % 3);
    EXPECT_TEXT(said(), "7 attempts in 3 rounds (3, 3, 1)");
    CU_ASSERT(rounds.is_even);
}

static void rounds_may_differ(void)
{
    static const uint32_t counts[] = {0, 0, 1, 2, 0, 1};

    for (size_t i = 0; i < 6; i++)
        add_counted(0.5, counts[i]);
    EXPECT_TEXT(said(), "6 attempts in 3 rounds (1, 3, 2)");
    CU_ASSERT_FALSE(rounds.is_even);
    EXPECT_U64(rounds.attempts_max, 3);
}

static void many_sizes_are_cut(void)
{
    for (uint32_t i = 0; i < 100; i++)
        add_counted(0.5, i % (i < 50 ? 2 : 3));
    said();
    CU_ASSERT(slice_starts_with(slice_of(text), SLICE("100 attempts in 42 rounds (2, 2, ")));
    CU_ASSERT_STRING_EQUAL(text + strlen(text) - 6, ", ...)");
}

static void a_plain_sdk_is_one_layer(void)
{
    for (uint32_t i = 0; i < 3; i++)
        add_counted(0.5, i);
    EXPECT_TEXT(said(), "3 attempts");
    EXPECT_U64(rounds.by, ROUNDS_NONE);
    EXPECT_U64(rounds.count, 1);
    EXPECT_U64(rounds.attempts_max, 3);
}

static void an_sdk_that_never_tries_again_is_no_layer(void)
{
    for (uint32_t i = 0; i < 4; i++)
        add_counted(1, 0);
    EXPECT_TEXT(said(), "4 attempts");
    EXPECT_U64(rounds.by, ROUNDS_NONE);
}

static void a_round_may_begin_without_its_first_request(void)
{
    static const uint32_t counts[] = {0, 1, 2, 1, 2};

    for (size_t i = 0; i < 5; i++)
        add_counted(0.5, counts[i]);
    EXPECT_TEXT(said(), "5 attempts in 2 rounds (3, 2)");
}

static void waits(const double *list, size_t size)
{
    set_up();
    add(0);
    for (size_t i = 0; i < size; i++)
        add(list[i]);
}

#define WAITS(...) \
    waits((const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

static void google_genai_inside_of_a_loop_is_told_by_its_waits(void)
{
    WAITS(1.3, 2.7, 4.5, 0, 1.8, 2.2, 4.1, 0, 1.1, 2.9, 4.9);
    EXPECT_TEXT(said(), "12 attempts = 3 rounds of 4");
    EXPECT_U64(rounds.by, ROUNDS_BY_GAPS);
    WAITS(1, 2, 4, 8, 1.1, 2.1, 4.1, 9);
    EXPECT_TEXT(said(), "9 attempts in 3 rounds (4, 4, 1)");
}

static void equal_waits_with_plainly_others_between_are_rounds(void)
{
    WAITS(1, 1.01, 10, 1.02, 1, 20, 1, 1.03);
    EXPECT_TEXT(said(), "9 attempts = 3 rounds of 3");
    WAITS(0.001, 0.004, 2, 0.002, 0.001, 2, 0.003, 0.001);
    EXPECT_TEXT(said(), "9 attempts = 3 rounds of 3");
    WAITS(1, 10, 1, 10, 1, 10, 1);
    EXPECT_TEXT(said(), "8 attempts = 4 rounds of 2");
}

static void one_layer_stays_one(void)
{
    WAITS(0.5, 1);
    EXPECT_TEXT(said(), "3 attempts");
    WAITS(0.5, 1, 2, 4, 8, 8, 8, 8);
    EXPECT_TEXT(said(), "9 attempts");
    WAITS(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
    EXPECT_TEXT(said(), "12 attempts");
    WAITS(0.001, 0.03, 0.002, 0.001, 0.02, 0.001, 0.001, 0.025);
    EXPECT_TEXT(said(), "9 attempts");
    WAITS(1, 10, 1, 10, 1);
    EXPECT_TEXT(said(), "6 attempts"); /* doubt */
    WAITS(1, 2, 4, 8, 1.9, 3.5, 7);
    EXPECT_TEXT(said(), "8 attempts"); /* likewise: two rounds, and not so alike */
}

/* One layer that waits by chance: hardly ever taken for two. */
static uint32_t taken_for_two(uint32_t attempts, double base)
{
    uint32_t taken = 0;

    for (uint64_t run = 0; run < 2000; run++) {
        double most = 1;

        set_up();
        add(0);
        for (uint32_t i = 1; i < attempts; i++) {
            add(most * rng_unit(42, attempts, run, i));
            most *= base;
        }
        taken += rounds_of(requests, count).by != ROUNDS_NONE;
    }
    return taken;
}

static void jitter_is_no_second_layer(void)
{
    for (uint32_t attempts = 3; attempts <= 12; attempts++) {
        CU_ASSERT(taken_for_two(attempts, 1) <= 2);
        CU_ASSERT(taken_for_two(attempts, 2) <= 2);
    }
}

static void advice_and_fallbacks_make_patterns_of_their_own(void)
{
    WAITS(1, 1, 10, 1, 1, 10, 1, 1);
    requests[2].advice_wait = 10 * NANOS_S;
    EXPECT_TEXT(said(), "9 attempts");
    requests[2].advice_wait = 0;
    requests[3].model = 1;
    EXPECT_TEXT(said(), "9 attempts");
    requests[3].model = 0;
    requests[4].has_retry_count = true;
    EXPECT_TEXT(said(), "9 attempts");
    requests[4].has_retry_count = false;
    EXPECT_TEXT(said(), "9 attempts = 3 rounds of 3");
}

static void few_and_very_many_are_one_layer(void)
{
    EXPECT_TEXT(said(), "0 attempts");
    EXPECT_U64(rounds.count, 0);
    add(0);
    EXPECT_TEXT(said(), "1 attempt");
    EXPECT_U64(rounds.count, 1);
    set_up();
    for (uint32_t i = 0; i < MOST; i++)
        add_counted(0.5, i % 3);
    EXPECT_TEXT(said(), "200 attempts");
}

static CU_TestInfo tests[] = {
    {"tenacity around an SDK makes rounds", tenacity_around_an_sdk_makes_rounds},
    {"a last round may be shorter", a_last_round_may_be_shorter},
    {"rounds may differ", rounds_may_differ},
    {"many sizes are cut", many_sizes_are_cut},
    {"a plain SDK is one layer", a_plain_sdk_is_one_layer},
    {"an SDK that never tries again is no layer", an_sdk_that_never_tries_again_is_no_layer},
    {"a round may begin without its first request", a_round_may_begin_without_its_first_request},
    {"google-genai inside of a loop is told by its waits",
     google_genai_inside_of_a_loop_is_told_by_its_waits},
    {"equal waits with plainly others between are rounds",
     equal_waits_with_plainly_others_between_are_rounds},
    {"one layer stays one", one_layer_stays_one},
    {"jitter is no second layer", jitter_is_no_second_layer},
    {"advice and fallbacks make patterns of their own",
     advice_and_fallbacks_make_patterns_of_their_own},
    {"few and very many are one layer", few_and_very_many_are_one_layer},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo rounds_suite = {"rounds", NULL, NULL, set_up, NULL, tests};
