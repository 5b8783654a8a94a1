#include <string.h>

#include <CUnit/CUnit.h>

#include "monitor/rolling.h"
#include "tests/support/expect.h"

static struct rolling ours;

/* The tracker of the guide, as its Python does it: a sorted list of at most 500, `buf.pop(0)` when
 * there is one more, so that the *smallest* leaves; index int(len * p / 100), no further than the
 * last. */
static struct {
    nanos sorted[ROLLING_SAMPLES + 1];
    uint64_t count;
} guides;

static void guide_record(nanos latency)
{
    uint64_t at = guides.count;

    while (at > 0 && guides.sorted[at - 1] > latency) {
        guides.sorted[at] = guides.sorted[at - 1];
        at--;
    }
    guides.sorted[at] = latency;
    guides.count++;
    if (guides.count > ROLLING_SAMPLES) {
        memmove(guides.sorted, guides.sorted + 1, ROLLING_SAMPLES * sizeof(guides.sorted[0]));
        guides.count--;
    }
}

static nanos guide_percentile(uint64_t percent)
{
    uint64_t index = guides.count * percent / 100;

    return guides.sorted[index < guides.count ? index : guides.count - 1];
}

static void set_up(void)
{
    ours = (struct rolling){0};
    memset(&guides, 0, sizeof(guides));
}

static void record(nanos latency, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        rolling_record(&ours, latency);
        guide_record(latency);
    }
}

/* --- ours ------------------------------------------------------------------------------------- */

static void has_no_figures_before_the_first_sample(void)
{
    EXPECT_U64(rolling_figures(&ours).n, 0);
}

static void one_sample_is_every_percentile(void)
{
    struct rolling_figures f;

    record(7 * NANOS_MS, 1);
    f = rolling_figures(&ours);
    EXPECT_U64(f.n, 1);
    EXPECT_I64(f.p50, 7 * NANOS_MS);
    EXPECT_I64(f.p95, 7 * NANOS_MS);
    EXPECT_I64(f.p99, 7 * NANOS_MS);
}

static void percentiles_are_nearest_rank(void)
{
    struct rolling_figures f;

    for (nanos i = 200; i >= 1; i--) /* in no helpful order */
        rolling_record(&ours, i);
    f = rolling_figures(&ours);
    EXPECT_U64(f.n, 200);
    EXPECT_I64(f.p50, 100);
    EXPECT_I64(f.p95, 190);
    EXPECT_I64(f.p99, 198);
    rolling_record(&ours, 0); /* 201: ranks are rounded up */
    f = rolling_figures(&ours);
    EXPECT_I64(f.p50, 100);
    EXPECT_I64(f.p95, 190);
    EXPECT_I64(f.p99, 198);
}

static void of_501_samples_the_oldest_is_gone(void)
{
    record(30, 6);
    record(1, ROLLING_SAMPLES - 6);
    EXPECT_I64(rolling_figures(&ours).p99, 30); /* 6 of 500 stand beyond rank 494 */
    record(1, 1);
    EXPECT_I64(rolling_figures(&ours).p99, 1); /* 5 do not */
    EXPECT_U64(rolling_figures(&ours).n, ROLLING_SAMPLES);
    EXPECT_U64(ours.recorded, ROLLING_SAMPLES + 1);
}

static void a_window_holds_the_last_500_and_nothing_else(void)
{
    struct rolling_figures f;

    for (nanos i = 1; i <= 1500; i++)
        rolling_record(&ours, i);
    f = rolling_figures(&ours);
    EXPECT_I64(f.p50, 1000 + 250);
    EXPECT_I64(f.p95, 1000 + 475);
    EXPECT_I64(f.p99, 1000 + 495);
}

/* --- next to the guide's ---------------------------------------------------------------------- */

static void the_guides_own_example_prints_a_p50_that_its_code_does_not_give(void)
{
    record(1240 * NANOS_MS, 1);
    record(890 * NANOS_MS, 1);
    EXPECT_I64(guide_percentile(50), 1240 * NANOS_MS); /* the article says 890 */
    EXPECT_I64(rolling_figures(&ours).p50, 890 * NANOS_MS);
}

/* A bad minute of six slow calls, then an hour of good ones. */
static void the_guides_tracker_never_forgets_a_slow_minute_and_ours_does(void)
{
    record(NANOS_S, 500);
    record(30 * NANOS_S, 6);
    EXPECT_I64(rolling_figures(&ours).p99, 30 * NANOS_S);
    EXPECT_I64(guide_percentile(99), 30 * NANOS_S);
    record(NANOS_S, 3600);
    EXPECT_I64(rolling_figures(&ours).p99, NANOS_S);
    EXPECT_I64(guide_percentile(99), 30 * NANOS_S);
}

/* The same spread for ever: 1 ms to 1,000 ms, each as often as any other, in a mixed order. */
static void the_guides_median_drifts_to_the_top_and_ours_stays(void)
{
    struct rolling_figures f;

    for (nanos i = 0; i < 10000; i++)
        record((i * 377 % 1000 + 1) * NANOS_MS, 1);
    f = rolling_figures(&ours);
    CU_ASSERT(f.p50 > 480 * NANOS_MS);
    CU_ASSERT(f.p50 < 520 * NANOS_MS);
    CU_ASSERT(f.p95 > 930 * NANOS_MS);
    CU_ASSERT(f.p95 < 970 * NANOS_MS);
    CU_ASSERT(guide_percentile(50) > 970 * NANOS_MS); /* the median of the 500 largest ever */
}

static CU_TestInfo tests[] = {
    {"has no figures before the first sample", has_no_figures_before_the_first_sample},
    {"one sample is every percentile", one_sample_is_every_percentile},
    {"percentiles are nearest rank", percentiles_are_nearest_rank},
    {"of 501 samples the oldest is gone", of_501_samples_the_oldest_is_gone},
    {"a window holds the last 500 and nothing else", a_window_holds_the_last_500_and_nothing_else},
    {"the guide's own example prints a p50 that its code does not give",
     the_guides_own_example_prints_a_p50_that_its_code_does_not_give},
    {"the guide's tracker never forgets a slow minute, and ours does",
     the_guides_tracker_never_forgets_a_slow_minute_and_ours_does},
    {"the guide's median drifts to the top, and ours stays",
     the_guides_median_drifts_to_the_top_and_ours_stays},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo rolling_suite = {"rolling", NULL, NULL, set_up, NULL, tests};
