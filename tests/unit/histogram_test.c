#include <CUnit/CUnit.h>

#include <math.h>
#include <stdlib.h>

#include "base/attributes.h"
#include "base/distribution.h"
#include "base/rng.h"
#include "metric/histogram.h"
#include "tests/support/expect.h"
#include "tests/support/flaky.h"

enum { SAMPLES = 10007 }; /* a prime: no percentile falls on a whole rank by luck */

static const double percents[] = {0, 1, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100};

static struct histogram histogram;
static nanos samples[SAMPLES];

static void set_up(void)
{
    EXPECT_RC(histogram_init(&histogram, memory_heap()), RC_OK);
}

static void tear_down(void)
{
    histogram_deinit(&histogram);
}

static nanos percentile(double percent)
{
    nanos value = -1;

    CU_ASSERT(histogram_percentile(&histogram, percent, &value));
    return value;
}

static int by_size(const void *a, const void *b)
{
    nanos left = *(const nanos *)a, right = *(const nanos *)b;

    return (left > right) - (left < right);
}

/* The definition itself: the smallest sample with at least p % of all at or below it. */
static nanos exact_percentile(double percent)
{
    for (int i = 0; i < SAMPLES; i++) {
        if ((i + 1) * 100.0 >= percent * SAMPLES)
            return samples[i];
    }
    return samples[SAMPLES - 1];
}

static void draw_latencies(void)
{
    static const struct distribution latencies = {DISTRIBUTION_LOGNORMAL, 4e8, 2e10};

    for (uint32_t i = 0; i < SAMPLES; i++)
        samples[i] = (nanos)distribution_at(&latencies, rng_unit(529, 1, i, 0));
}

static void is_exact_below_1024_nanoseconds(void)
{
    for (nanos value = 0; value < 1024; value++) {
        histogram_clear(&histogram);
        histogram_record(&histogram, value);
        histogram_record(&histogram, 5000);
        EXPECT_I64(percentile(50), value);
    }
}

static void every_value_is_known_to_a_thousandth(void)
{
    for (nanos value = 1; value < HISTOGRAM_VALUE_MAX; value += value / 7 + 1) {
        nanos known;

        histogram_clear(&histogram);
        histogram_record(&histogram, value);
        histogram_record(&histogram, HISTOGRAM_VALUE_MAX); /* so that max does not help */
        known = percentile(50);
        CU_ASSERT(known >= value);
        CU_ASSERT((double)(known - value) <= 0.001 * (double)value);
    }
}

static void bucket_edges_lie_where_powers_of_two_do(void)
{
    static const nanos edges[] = {1023,          1024, 2047, 2048, 4095, 4096, ((nanos)1 << 41) - 1,
                                  (nanos)1 << 41};

    for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
        nanos known;

        histogram_clear(&histogram);
        histogram_record(&histogram, edges[i]);
        histogram_record(&histogram, HISTOGRAM_VALUE_MAX);
        known = percentile(50);
        CU_ASSERT(known >= edges[i]);
        CU_ASSERT(known - edges[i] <= edges[i] / 1024);
    }
}

static void percentiles_agree_with_the_sorted_samples(void)
{
    draw_latencies();
    for (int i = 0; i < SAMPLES; i++)
        histogram_record(&histogram, samples[i]);
    qsort(samples, SAMPLES, sizeof(samples[0]), by_size);
    for (size_t i = 0; i < ARRAY_SIZE(percents); i++) {
        nanos exact = exact_percentile(percents[i]);
        nanos known = percentile(percents[i]);

        CU_ASSERT(known >= exact);
        CU_ASSERT((double)(known - exact) <= 0.001 * (double)exact);
    }
}

/* Small whole values are kept exactly, so here the rank itself shows. */
static void ranks_are_those_of_the_definition_for_every_small_count(void)
{
    for (int n = 1; n <= 1000; n++) {
        histogram_record(&histogram, n);
        for (int tenths = 0; tenths <= 1000; tenths++) {
            int rank = (tenths * n + 999) / 1000;

            if (percentile(tenths / 10.0) != (rank > 0 ? rank : 1))
                CU_FAIL_FATAL("a percentile is not the sample of its nearest rank");
        }
    }
}

static void the_guides_own_example_is_answered_right(void)
{
    histogram_record(&histogram, 890);
    CU_ASSERT_EQUAL(percentile(50), 890);
    histogram_record(&histogram, 1240);
    EXPECT_I64(percentile(50), 890);
    EXPECT_I64(percentile(95), 1240);
}

static void min_max_and_mean_are_exact(void)
{
    double mean = 0.0;

    histogram_record(&histogram, 123456789);
    histogram_record(&histogram, 987654321);
    histogram_record(&histogram, 555555555);
    EXPECT_U64(histogram.count, 3);
    EXPECT_I64(histogram.min, 123456789);
    EXPECT_I64(histogram.max, 987654321);
    EXPECT_I64(percentile(100), 987654321);
    CU_ASSERT(histogram_mean(&histogram, &mean));
    CU_ASSERT_DOUBLE_EQUAL(mean, 555555555.0, 0.5);
}

static void an_empty_histogram_has_no_answers(void)
{
    struct histogram zeroed = {0};
    nanos value = 42;
    double mean = 42.0;

    CU_ASSERT(!histogram_percentile(&histogram, 50, &value));
    CU_ASSERT(!histogram_mean(&histogram, &mean));
    CU_ASSERT(!histogram_percentile(&zeroed, 50, &value));
    histogram_merge(&histogram, &zeroed);
    histogram_deinit(&zeroed);
    EXPECT_I64(value, 42);
    CU_ASSERT_DOUBLE_EQUAL(mean, 42.0, 0.0);
}

static void what_lies_outside_counts_as_the_nearest_inside(void)
{
    histogram_record(&histogram, -5);
    EXPECT_I64(histogram.max, 0);
    histogram_record(&histogram, NANOS_NEVER);
    EXPECT_I64(histogram.min, 0);
    EXPECT_I64(histogram.max, HISTOGRAM_VALUE_MAX);
    EXPECT_I64(percentile(50), 0);
    EXPECT_I64(percentile(100), HISTOGRAM_VALUE_MAX);
}

static void a_merged_pair_equals_one_that_saw_everything(void)
{
    struct histogram halves[2];
    double mean = 0.0, mean_of_all = 0.0;

    draw_latencies();
    EXPECT_RC(histogram_init(&halves[0], memory_heap()), RC_OK);
    EXPECT_RC(histogram_init(&halves[1], memory_heap()), RC_OK);
    for (int i = 0; i < SAMPLES; i++) {
        histogram_record(&histogram, samples[i]);
        histogram_record(&halves[i % 2], samples[i]);
    }
    histogram_merge(&halves[0], &halves[1]);
    EXPECT_U64(halves[0].count, histogram.count);
    EXPECT_I64(halves[0].min, histogram.min);
    EXPECT_I64(halves[0].max, histogram.max);
    CU_ASSERT(histogram_mean(&halves[0], &mean) && histogram_mean(&histogram, &mean_of_all));
    CU_ASSERT_DOUBLE_EQUAL(mean, mean_of_all, 1.0);
    for (size_t i = 0; i < ARRAY_SIZE(percents); i++) {
        nanos merged = -1;

        CU_ASSERT(histogram_percentile(&halves[0], percents[i], &merged));
        EXPECT_I64(merged, percentile(percents[i]));
    }
    histogram_deinit(&halves[0]);
    histogram_deinit(&halves[1]);
}

static void merging_into_an_empty_one_takes_its_range(void)
{
    struct histogram empty;

    EXPECT_RC(histogram_init(&empty, memory_heap()), RC_OK);
    histogram_record(&histogram, 700);
    histogram_merge(&empty, &histogram);
    EXPECT_I64(empty.min, 700);
    EXPECT_I64(empty.max, 700);
    histogram_deinit(&empty);
}

static void clearing_forgets_everything(void)
{
    nanos value;

    histogram_record(&histogram, 7);
    histogram_clear(&histogram);
    CU_ASSERT(!histogram_percentile(&histogram, 50, &value));
    histogram_record(&histogram, 900);
    EXPECT_I64(histogram.min, 900);
    EXPECT_I64(percentile(0), 900);
}

static void takes_one_block_and_gives_it_back(void)
{
    struct flaky flaky;
    uint64_t allow = 0;

    do {
        struct memory memory = flaky_memory(&flaky);
        struct histogram h;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        rc = histogram_init(&h, &memory);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        histogram_deinit(&h);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    EXPECT_U64(allow, 2);
}

static void its_buckets_can_be_walked(void)
{
    struct histogram h;
    size_t bucket = 0;
    nanos highest;
    uint64_t count;

    EXPECT_RC(histogram_init(&h, memory_heap()), RC_OK);
    CU_ASSERT(!histogram_next(&h, &bucket, &highest, &count));
    histogram_record(&h, 0);
    histogram_record(&h, 4097);
    histogram_record(&h, 4098);
    histogram_record(&h, HISTOGRAM_VALUE_MAX);
    CU_ASSERT(histogram_next(&h, &bucket, &highest, &count));
    EXPECT_I64(highest, 0);
    EXPECT_U64(count, 1);
    CU_ASSERT(histogram_next(&h, &bucket, &highest, &count));
    EXPECT_I64(highest, 4099);
    EXPECT_U64(count, 2);
    CU_ASSERT(histogram_next(&h, &bucket, &highest, &count));
    EXPECT_I64(highest, HISTOGRAM_VALUE_MAX);
    CU_ASSERT(!histogram_next(&h, &bucket, &highest, &count));
    histogram_deinit(&h);
}

static CU_TestInfo tests[] = {
    {"is exact below 1,024 nanoseconds", is_exact_below_1024_nanoseconds},
    {"every value is known to a thousandth", every_value_is_known_to_a_thousandth},
    {"bucket edges lie where powers of two do", bucket_edges_lie_where_powers_of_two_do},
    {"percentiles agree with the sorted samples", percentiles_agree_with_the_sorted_samples},
    {"ranks are those of the definition, for every small count",
     ranks_are_those_of_the_definition_for_every_small_count},
    {"the guide's own example is answered right", the_guides_own_example_is_answered_right},
    {"min, max and mean are exact", min_max_and_mean_are_exact},
    {"an empty histogram has no answers", an_empty_histogram_has_no_answers},
    {"what lies outside counts as the nearest inside",
     what_lies_outside_counts_as_the_nearest_inside},
    {"a merged pair equals one that saw everything", a_merged_pair_equals_one_that_saw_everything},
    {"merging into an empty one takes its range", merging_into_an_empty_one_takes_its_range},
    {"clearing forgets everything", clearing_forgets_everything},
    {"its buckets can be walked", its_buckets_can_be_walked},
    {"takes one block and gives it back", takes_one_block_and_gives_it_back},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo histogram_suite = {"histogram", NULL, NULL, set_up, tear_down, tests};
