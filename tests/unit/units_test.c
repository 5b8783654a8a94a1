#include "base/units.h"

#include <CUnit/CUnit.h>
#include <math.h>

#include "tests/support/expect.h"

static void expect_duration(const char *text, nanos expected)
{
    nanos value = 7777;

    EXPECT_RC(units_duration(slice_of(text), &value), RC_OK);
    EXPECT_I64(value, expected);
}

static void expect_no_duration(const char *text, enum rc rc)
{
    nanos value = 7777;

    EXPECT_RC(units_duration(slice_of(text), &value), rc);
    EXPECT_I64(value, 7777);
}

static void reads_durations_in_every_unit(void)
{
    expect_duration("7ns", 7);
    expect_duration("7us", 7 * NANOS_US);
    expect_duration("250ms", 250 * NANOS_MS);
    expect_duration("0s", 0);
    expect_duration("2m", 120 * NANOS_S);
    expect_duration("2min", 120 * NANOS_S);
    expect_duration("1h", 3600 * NANOS_S);
    expect_duration("1d", 86400 * NANOS_S);
    expect_duration(" 1.5s ", 1500 * NANOS_MS);
}

static void durations_add_up(void)
{
    expect_duration("1m30s", 90 * NANOS_S);
    expect_duration("1h 5m", 3900 * NANOS_S);
}

static void ret_07_reset_spans_are_read_to_the_millisecond(void)
{
    expect_duration("6m0s", 360 * NANOS_S);
    expect_duration("1s", NANOS_S);
    expect_duration("12ms", 12 * NANOS_MS);
    expect_duration("2m59.56s", 179560 * NANOS_MS);
    expect_duration("7.66s", 7660 * NANOS_MS);
}

static void ret_07_dates_and_bare_numbers_are_no_durations(void)
{
    expect_no_duration("2026-08-07T21:00:00Z", RC_MALFORMED);
    expect_no_duration("1786136400", RC_MALFORMED);
    expect_no_duration("7.66", RC_MALFORMED);
}

static void fractions_are_exact_to_the_nanosecond(void)
{
    expect_duration("0.123456789s", 123456789);
    expect_duration("0.000000001s", 1);
    expect_duration("1.5ns", 2);
    expect_duration("0.1d", 8640 * NANOS_S);
    expect_no_duration("0.1234567891s", RC_LIMIT);
}

static void what_is_no_duration_is_malformed(void)
{
    static const char *const texts[] = {"",   " ",   "s",   "-1s",  "+1s", "1",    "1 s", "1x",
                                        "1S", "1.s", ".5s", "1e3s", "1s,", "1,5s", "s1",  "1s 2"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        expect_no_duration(texts[i], RC_MALFORMED);
}

static void ten_years_are_the_longest_duration(void)
{
    expect_duration("3653d", 3653 * 86400 * NANOS_S);
    expect_no_duration("3653.000000001d", RC_LIMIT);
    expect_no_duration("3653d1ns", RC_LIMIT);
    expect_no_duration("3654d", RC_LIMIT);
    expect_no_duration("99999999999999999999d", RC_LIMIT);
    expect_no_duration("18446744073709551617d", RC_LIMIT); /* 1 in 64 bits */
    expect_no_duration("1000000000000000d", RC_LIMIT);
}

static void expect_rate(const char *text, const char *noun, double expected)
{
    double per_s = -1;

    EXPECT_RC(units_rate(slice_of(text), slice_of(noun), &per_s), RC_OK);
    CU_ASSERT(fabs(per_s - expected) < 1e-12 * expected);
}

static void expect_no_rate(const char *text, const char *noun, enum rc rc)
{
    double per_s = -1;

    EXPECT_RC(units_rate(slice_of(text), slice_of(noun), &per_s), rc);
    CU_ASSERT(per_s == -1);
}

static void reads_rates_per_any_unit(void)
{
    expect_rate("20/s", "", 20);
    expect_rate("500/min", "", 500.0 / 60);
    expect_rate("3/h", "", 3.0 / 3600);
    expect_rate(" 0.5/s ", "", 0.5);
}

static void a_rate_may_name_what_it_counts(void)
{
    expect_rate("60 tokens/s", "tokens", 60);
    expect_rate("60tokens/s", "tokens", 60);
    expect_rate("60/s", "tokens", 60);
    expect_no_rate("60 tokens/s", "", RC_MALFORMED);
    expect_no_rate("60 requests/s", "tokens", RC_MALFORMED);
}

static void what_is_no_rate_is_refused(void)
{
    expect_no_rate("", "", RC_MALFORMED);
    expect_no_rate("20", "", RC_MALFORMED);
    expect_no_rate("/s", "", RC_MALFORMED);
    expect_no_rate("20/", "", RC_MALFORMED);
    expect_no_rate("20/x", "", RC_MALFORMED);
    expect_no_rate("20/5s", "", RC_MALFORMED);
    expect_no_rate("20/s/s", "", RC_MALFORMED);
    expect_no_rate("-20/s", "", RC_MALFORMED);
    expect_no_rate("0/s", "", RC_LIMIT);
    expect_no_rate("2/ns", "", RC_LIMIT);
}

static void reads_shares_from_none_to_all(void)
{
    double share = -1;

    EXPECT_RC(units_share(SLICE("80%"), &share), RC_OK);
    CU_ASSERT(share == 0.8);
    EXPECT_RC(units_share(SLICE(" 12.5 % "), &share), RC_OK);
    CU_ASSERT(share == 0.125);
    EXPECT_RC(units_share(SLICE("0%"), &share), RC_OK);
    CU_ASSERT(share == 0.0);
    EXPECT_RC(units_share(SLICE("100%"), &share), RC_OK);
    CU_ASSERT(share == 1.0);
}

static void what_is_no_share_is_refused(void)
{
    double share = -1;

    EXPECT_RC(units_share(SLICE("100.1%"), &share), RC_LIMIT);
    EXPECT_RC(units_share(SLICE("0.8"), &share), RC_MALFORMED);
    EXPECT_RC(units_share(SLICE("%"), &share), RC_MALFORMED);
    EXPECT_RC(units_share(SLICE("-1%"), &share), RC_MALFORMED);
    EXPECT_RC(units_share(SLICE("80%%"), &share), RC_MALFORMED);
    CU_ASSERT(share == -1);
}

static void money_is_exact_to_the_billionth(void)
{
    int64_t nano_usd = -1;

    EXPECT_RC(units_money(SLICE("$5.00"), &nano_usd), RC_OK);
    EXPECT_I64(nano_usd, 5000000000);
    EXPECT_RC(units_money(SLICE(" $0.000000001 "), &nano_usd), RC_OK);
    EXPECT_I64(nano_usd, 1);
    EXPECT_RC(units_money(SLICE("$1000000000.999999999"), &nano_usd), RC_OK);
    EXPECT_I64(nano_usd, 1000000000999999999);
}

static void what_is_no_money_is_refused(void)
{
    int64_t nano_usd = -1;

    EXPECT_RC(units_money(SLICE("5.00"), &nano_usd), RC_MALFORMED);
    EXPECT_RC(units_money(SLICE("$"), &nano_usd), RC_MALFORMED);
    EXPECT_RC(units_money(SLICE("$-5"), &nano_usd), RC_MALFORMED);
    EXPECT_RC(units_money(SLICE("$5.00 each"), &nano_usd), RC_MALFORMED);
    EXPECT_RC(units_money(SLICE("$5,00"), &nano_usd), RC_MALFORMED);
    EXPECT_RC(units_money(SLICE("$1000000001"), &nano_usd), RC_LIMIT);
    EXPECT_RC(units_money(SLICE("$0.0000000001"), &nano_usd), RC_LIMIT);
    EXPECT_I64(nano_usd, -1);
}

static void expect_written(nanos value, struct slice expected, const struct expect_place *place)
{
    struct buffer out;

    buffer_init(&out, memory_heap(), 64);
    units_write_duration(&out, value);
    expect_text(buffer_slice(&out), expected, place);
    buffer_deinit(&out);
}

#define EXPECT_WRITTEN(value, text)      \
    expect_written((value), SLICE(text), \
                   &(struct expect_place){"EXPECT_WRITTEN(" #value ")", __FILE__, __LINE__})

static void durations_are_written_in_the_largest_unit_with_three_decimals(void)
{
    EXPECT_WRITTEN(1500 * NANOS_MS, "1.5s");
    EXPECT_WRITTEN(250 * NANOS_MS, "250ms");
    EXPECT_WRITTEN(12 * NANOS_US, "12us");
    EXPECT_WRITTEN(90 * NANOS_S, "90s");
    EXPECT_WRITTEN(999, "999ns");
    EXPECT_WRITTEN(1001, "1.001us");
    EXPECT_WRITTEN(16666666, "16.666ms");
    EXPECT_WRITTEN(NANOS_S - 1, "999.999ms");
    EXPECT_WRITTEN(NANOS_S + 10 * NANOS_MS, "1.01s");
}

static void the_ends_of_time_are_written_too(void)
{
    EXPECT_WRITTEN(0, "0s");
    EXPECT_WRITTEN(-1500 * NANOS_MS, "-1.5s");
    EXPECT_WRITTEN(NANOS_NEVER, "never");
    EXPECT_WRITTEN(INT64_MIN, "-9223372036.854s");
}

static CU_TestInfo tests[] = {
    {"reads durations in every unit", reads_durations_in_every_unit},
    {"durations add up", durations_add_up},
    {"RET-07: reset spans are read to the millisecond",
     ret_07_reset_spans_are_read_to_the_millisecond},
    {"RET-07: dates and bare numbers are no durations",
     ret_07_dates_and_bare_numbers_are_no_durations},
    {"fractions are exact to the nanosecond", fractions_are_exact_to_the_nanosecond},
    {"what is no duration is malformed", what_is_no_duration_is_malformed},
    {"ten years are the longest duration", ten_years_are_the_longest_duration},
    {"reads rates per any unit", reads_rates_per_any_unit},
    {"a rate may name what it counts", a_rate_may_name_what_it_counts},
    {"what is no rate is refused", what_is_no_rate_is_refused},
    {"reads shares from none to all", reads_shares_from_none_to_all},
    {"what is no share is refused", what_is_no_share_is_refused},
    {"money is exact to the billionth", money_is_exact_to_the_billionth},
    {"what is no money is refused", what_is_no_money_is_refused},
    {"durations are written in the largest unit with three decimals",
     durations_are_written_in_the_largest_unit_with_three_decimals},
    {"the ends of time are written too", the_ends_of_time_are_written_too},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo units_suite = {"units", NULL, NULL, NULL, NULL, tests};
