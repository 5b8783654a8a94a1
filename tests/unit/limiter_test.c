#include <CUnit/CUnit.h>

#include <stdio.h>

#include "base/rng.h"
#include "fault/limiter.h"
#include "tests/support/expect.h"

static struct limits limits;
static struct limiter limiter;
static struct limiter_verdict verdict;

static void set_up(void)
{
    limits = (struct limits){0};
}

static void limit(enum limit_kind kind, uint64_t amount, nanos per, uint64_t burst)
{
    limits.of[kind] = (struct limit){amount, per, burst};
    limiter_init(&limiter, &limits);
}

static bool takes(uint64_t input, uint64_t output, nanos now)
{
    limiter_take(&limiter, input, output, now, &verdict);
    return verdict.is_admitted;
}

static uint64_t remaining(enum limit_kind kind, nanos now)
{
    return limiter_state(&limiter, kind, now).remaining;
}

static void without_limits_everything_is_admitted(void)
{
    limiter_init(&limiter, &limits);
    CU_ASSERT(!limits_any(&limits));
    CU_ASSERT(takes(UINT64_MAX, UINT64_MAX, 0));
    CU_ASSERT(!limiter_state(&limiter, LIMIT_TOKENS, 0).is_there);
}

static void each_kind_has_a_word(void)
{
    CU_ASSERT_STRING_EQUAL(limit_word(LIMIT_REQUESTS), "requests");
    CU_ASSERT_STRING_EQUAL(limit_word(LIMIT_TOKENS), "tokens");
}

static void a_full_bucket_admits_as_many_as_it_holds(void)
{
    limit(LIMIT_REQUESTS, 3, NANOS_S, 0);
    CU_ASSERT(limits_any(&limits));
    for (int i = 0; i < 3; i++)
        CU_ASSERT(takes(1, 1, 0));
    CU_ASSERT(!takes(1, 1, 0));
    EXPECT_U64(verdict.kind, LIMIT_REQUESTS);
    EXPECT_U64(verdict.asked, 1);
    CU_ASSERT(!verdict.is_hopeless);
}

static void it_refills_continuously_not_at_once(void)
{
    limit(LIMIT_REQUESTS, 60, 60 * NANOS_S, 0);
    for (int i = 0; i < 60; i++)
        CU_ASSERT(takes(0, 0, -5 * NANOS_S)); /* before the run */
    CU_ASSERT(!takes(0, 0, -5 * NANOS_S));
    EXPECT_I64(verdict.wait, NANOS_S);
    for (int i = 0; i < 10; i++)
        CU_ASSERT(takes(0, 0, 5 * NANOS_S));
    CU_ASSERT(!takes(0, 0, 5 * NANOS_S));
    CU_ASSERT(!takes(0, 0, 6 * NANOS_S - 1));
    EXPECT_I64(verdict.wait, 1);
    CU_ASSERT(takes(0, 0, 6 * NANOS_S));
    CU_ASSERT(!takes(0, 0, 6 * NANOS_S));
}

static void a_burst_holds_more_or_less_than_the_amount(void)
{
    limit(LIMIT_REQUESTS, 600, 60 * NANOS_S, 2);
    CU_ASSERT(takes(0, 0, 0));
    CU_ASSERT(takes(0, 0, 0));
    CU_ASSERT(!takes(0, 0, 0));
    EXPECT_I64(verdict.wait, 100 * NANOS_MS);
    EXPECT_U64(remaining(LIMIT_REQUESTS, 3600 * NANOS_S), 2);
}

static void what_is_refused_takes_nothing(void)
{
    limit(LIMIT_REQUESTS, 10, NANOS_S, 0);
    limit(LIMIT_INPUT_TOKENS, 100, NANOS_S, 0);
    CU_ASSERT(takes(90, 0, 0));
    CU_ASSERT(!takes(20, 0, 0));
    EXPECT_U64(verdict.kind, LIMIT_INPUT_TOKENS);
    EXPECT_U64(verdict.asked, 20);
    EXPECT_I64(verdict.wait, 100 * NANOS_MS);
    EXPECT_U64(remaining(LIMIT_REQUESTS, 0), 9);
    EXPECT_U64(remaining(LIMIT_INPUT_TOKENS, 0), 10);
}

static void the_longest_wait_is_told(void)
{
    limit(LIMIT_REQUESTS, 1, NANOS_S, 0);
    limit(LIMIT_OUTPUT_TOKENS, 100, 60 * NANOS_S, 0);
    CU_ASSERT(takes(0, 100, 0));
    CU_ASSERT(!takes(0, 50, 0));
    EXPECT_U64(verdict.kind, LIMIT_OUTPUT_TOKENS);
    EXPECT_I64(verdict.wait, 30 * NANOS_S);
    CU_ASSERT(!takes(0, 1, 0));
    EXPECT_U64(verdict.kind, LIMIT_REQUESTS);
}

static void more_than_a_whole_bucket_is_hopeless(void)
{
    limit(LIMIT_TOKENS, 30000, 60 * NANOS_S, 0);
    CU_ASSERT(!takes(40000, 5000, 0));
    CU_ASSERT(verdict.is_hopeless);
    EXPECT_U64(verdict.asked, 45000);
    EXPECT_I64(verdict.wait, NANOS_NEVER);
    EXPECT_U64(remaining(LIMIT_TOKENS, 0), 30000);
    CU_ASSERT(!takes(1, UINT64_MAX, 0));
    CU_ASSERT(verdict.is_hopeless);
    CU_ASSERT(takes(25000, 5000, 0));
}

static void what_was_not_written_comes_back(void)
{
    limit(LIMIT_OUTPUT_TOKENS, 1000, 60 * NANOS_S, 0);
    limit(LIMIT_TOKENS, 2000, 60 * NANOS_S, 0);
    CU_ASSERT(takes(500, 800, 0));
    limiter_settle(&limiter, 800, 100, 0);
    EXPECT_U64(remaining(LIMIT_OUTPUT_TOKENS, 0), 900);
    EXPECT_U64(remaining(LIMIT_TOKENS, 0), 1400);
    limiter_settle(&limiter, 800, 0, 0); /* never above what it holds */
    EXPECT_U64(remaining(LIMIT_OUTPUT_TOKENS, 0), 1000);
}

static void what_was_written_beyond_goes_off(void)
{
    limit(LIMIT_OUTPUT_TOKENS, 1000, 60 * NANOS_S, 0);
    CU_ASSERT(takes(0, 100, 0));
    limiter_settle(&limiter, 100, 400, 0);
    EXPECT_U64(remaining(LIMIT_OUTPUT_TOKENS, 0), 600);
    limiter_settle(&limiter, 0, 5000, 0);
    EXPECT_U64(remaining(LIMIT_OUTPUT_TOKENS, 0), 0);
}

static void the_state_says_when_it_will_be_full(void)
{
    struct limit_state state;

    limit(LIMIT_INPUT_TOKENS, 60, 60 * NANOS_S, 120);
    state = limiter_state(&limiter, LIMIT_INPUT_TOKENS, 0);
    CU_ASSERT(state.is_there);
    EXPECT_U64(state.limit, 120);
    EXPECT_U64(state.remaining, 120);
    EXPECT_I64(state.full_in, 0);
    CU_ASSERT(takes(30, 0, 0));
    EXPECT_I64(limiter_state(&limiter, LIMIT_INPUT_TOKENS, 0).full_in, 30 * NANOS_S);
    state = limiter_state(&limiter, LIMIT_INPUT_TOKENS, 10 * NANOS_S + 1);
    EXPECT_U64(state.remaining, 100);
    EXPECT_I64(state.full_in, 20 * NANOS_S - 1);
}

/* --- against a naive model -------------------------------------------------------------------- */

/* A bucket in parts: `per` of them are one unit, and a nanosecond brings `amount`. */
struct naive {
    unsigned __int128 parts, most;
    nanos at;
};

static void naive_refill(struct naive *n, const struct limit *l, nanos now)
{
    n->parts += (unsigned __int128)(uint64_t)(now - n->at) * l->amount;
    n->at = now;
    if (n->parts > n->most)
        n->parts = n->most;
}

static uint64_t draw(uint64_t seed, uint32_t i, uint64_t below)
{
    return rng_draw(seed, 1, 1, i) % below;
}

static void follow_naive_model(uint64_t seed)
{
    static const nanos pers[] = {
        1, 7, NANOS_MS, NANOS_S, 60 * NANOS_S, 86400 * NANOS_S, NANOS_NEVER / 2};
    static const uint64_t amounts[] = {
        1, 3, 600, 400000, 999999937, (uint64_t)1 << 40, LIMIT_AMOUNT_MAX};
    static const uint64_t bursts[] = {0, 0, 1, 10, 1000000007, LIMIT_AMOUNT_MAX};
    struct naive naive;
    const struct limit *l = &limits.of[LIMIT_INPUT_TOKENS];
    nanos now = 0;

    limit(LIMIT_INPUT_TOKENS, amounts[draw(seed, 0, 7)], pers[draw(seed, 1, 7)],
          bursts[draw(seed, 2, 6)]);
    naive.most = (unsigned __int128)(l->burst > 0 ? l->burst : l->amount) * (uint64_t)l->per;
    naive.parts = naive.most;
    naive.at = 0;
    for (uint32_t i = 3; i < 300; i += 3) {
        uint64_t holds = l->burst > 0 ? l->burst : l->amount;
        uint64_t asked = draw(seed, i, holds < UINT64_MAX - 2 ? holds + 2 : holds);
        bool has_enough;

        if (draw(seed, i + 1, 3) == 0)
            asked = 1 + asked % 10;
        now = nanos_add(now, (nanos)(draw(seed, i + 2, (uint64_t)1 << (4 + draw(seed, i, 52)))));
        naive_refill(&naive, l, now);
        has_enough = naive.parts >= (unsigned __int128)asked * (uint64_t)l->per;
        CU_ASSERT_EQUAL(takes(asked, 0, now), has_enough);
        if (has_enough) {
            naive.parts -= (unsigned __int128)asked * (uint64_t)l->per;
        } else if (!verdict.is_hopeless) {
            unsigned __int128 missing = (unsigned __int128)asked * (uint64_t)l->per - naive.parts;
            unsigned __int128 wait = (missing + l->amount - 1) / l->amount;

            CU_ASSERT(wait < (uint64_t)NANOS_NEVER ? verdict.wait == (nanos)wait
                                                   : verdict.wait == NANOS_NEVER);
            if (verdict.wait < NANOS_NEVER - now && draw(seed, i + 1, 2) == 0) {
                now += verdict.wait; /* the promise is kept, and not a nanosecond too late */
                if (verdict.wait > 1)
                    CU_ASSERT(!takes(asked, 0, now - 1));
                CU_ASSERT(takes(asked, 0, now));
                naive_refill(&naive, l, now);
                naive.parts -= (unsigned __int128)asked * (uint64_t)l->per;
            }
        }
        EXPECT_U64(remaining(LIMIT_INPUT_TOKENS, now), (uint64_t)(naive.parts / (uint64_t)l->per));
    }
}

static void it_counts_as_an_exact_bucket_does(void)
{
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        unsigned failures = CU_get_number_of_failures();

        follow_naive_model(seed);
        if (CU_get_number_of_failures() > failures) {
            printf("limiter: seed %llu\n", (unsigned long long)seed);
            return;
        }
    }
}

/* However often and at whatever instants it is asked. */
static void it_never_admits_more_than_it_held_and_got(void)
{
    limit(LIMIT_REQUESTS, 999, 1009, 50);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t admitted = 0;
        nanos now = 0;

        limiter_init(&limiter, &limits);
        for (uint32_t i = 0; i < 20000; i++) {
            now += (nanos)draw(seed, i, 3);
            admitted += takes(0, 0, now);
            if (admitted > 50 + (uint64_t)now * 999 / 1009)
                CU_FAIL_FATAL("more than that");
        }
        CU_ASSERT(admitted >= (uint64_t)now * 999 / 1009 * 99 / 100); /* nor much less */
    }
}

static CU_TestInfo tests[] = {
    {"without limits everything is admitted", without_limits_everything_is_admitted},
    {"each kind has a word", each_kind_has_a_word},
    {"a full bucket admits as many as it holds", a_full_bucket_admits_as_many_as_it_holds},
    {"it refills continuously, not at once", it_refills_continuously_not_at_once},
    {"a burst holds more or less than the amount", a_burst_holds_more_or_less_than_the_amount},
    {"what is refused takes nothing", what_is_refused_takes_nothing},
    {"the longest wait is told", the_longest_wait_is_told},
    {"more than a whole bucket is hopeless", more_than_a_whole_bucket_is_hopeless},
    {"what was not written comes back", what_was_not_written_comes_back},
    {"what was written beyond goes off", what_was_written_beyond_goes_off},
    {"the state says when it will be full", the_state_says_when_it_will_be_full},
    {"it counts as an exact bucket does", it_counts_as_an_exact_bucket_does},
    {"it never admits more than it held and got", it_never_admits_more_than_it_held_and_got},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo limiter_suite = {"limiter", NULL, NULL, set_up, NULL, tests};
