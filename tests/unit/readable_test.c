#include "judge/readable.h"

#include <CUnit/CUnit.h>

#include "base/slice.h"
#include "tests/support/expect.h"

#define EXPECT_READABLE(readable, literal) CU_ASSERT_STRING_EQUAL((readable).text, literal)

static void spans_keep_the_digits_that_matter(void)
{
    EXPECT_READABLE(readable_span(0), "0 s");
    EXPECT_READABLE(readable_span(900), "0.9 us");
    EXPECT_READABLE(readable_span(85 * NANOS_US), "85 us");
    EXPECT_READABLE(readable_span(9200 * NANOS_US), "9.2 ms");
    EXPECT_READABLE(readable_span(812 * NANOS_MS + 499999), "812 ms");
    EXPECT_READABLE(readable_span(999 * NANOS_MS + 700000), "1 s");
    EXPECT_READABLE(readable_span(1370 * NANOS_MS), "1.37 s");
    EXPECT_READABLE(readable_span(1500 * NANOS_MS), "1.5 s");
    EXPECT_READABLE(readable_span(3600 * NANOS_S), "3600 s");
    EXPECT_READABLE(readable_span(-20 * NANOS_MS), "-20 ms");
    EXPECT_READABLE(readable_span(NANOS_NEVER), "never");
}

static void instants_are_told_to_the_millisecond(void)
{
    EXPECT_READABLE(readable_instant(6512 * NANOS_MS), "6.512 s");
    EXPECT_READABLE(readable_instant(0), "0.000 s");
    EXPECT_READABLE(readable_instant(NANOS_NEVER), "never");
}

static void a_share_is_whole_or_nothing_only_when_it_is(void)
{
    EXPECT_READABLE(readable_share(1), "100 %");
    EXPECT_READABLE(readable_share(0.99999), "99.9 %");
    EXPECT_READABLE(readable_share(0.9953), "99.5 %");
    EXPECT_READABLE(readable_share(0.00001), "0.1 %");
    EXPECT_READABLE(readable_share(0), "0 %");
}

static void numbers_have_two_decimals_at_most(void)
{
    EXPECT_READABLE(readable_number(3), "3");
    EXPECT_READABLE(readable_number(1.375), "1.38");
    EXPECT_READABLE(readable_number(1.5), "1.5");
    EXPECT_READABLE(readable_number(12345678.4), "12345678");
}

static void counts_are_grouped_by_thousands(void)
{
    EXPECT_READABLE(readable_count(0), "0");
    EXPECT_READABLE(readable_count(999), "999");
    EXPECT_READABLE(readable_count(1412), "1,412");
    EXPECT_READABLE(readable_count(UINT64_MAX), "18,446,744,073,709,551,615");
}

static void money_shows_cents_or_two_digits_that_matter(void)
{
    EXPECT_READABLE(readable_money(0), "$0.00");
    EXPECT_READABLE(readable_money(MONEY_USD / 100 * 131), "$1.31");
    EXPECT_READABLE(readable_money(MONEY_USD / 1000 * 1204504), "$1,204.50");
    EXPECT_READABLE(readable_money(MONEY_USD / 20), "$0.05");
    EXPECT_READABLE(readable_money(MONEY_USD / 10000 * 42), "$0.0042");
    EXPECT_READABLE(readable_money(MONEY_USD / 1000000 * 4215), "$0.0042");
    EXPECT_READABLE(readable_money(1), "$0.000000000001");
    EXPECT_READABLE(readable_money(MONEY_MAX), "$9,223,372.03");
    EXPECT_READABLE(readable_money_exact(MONEY_USD / 1000000 * 4215), "$0.004215");
    EXPECT_READABLE(readable_money_exact(MONEY_MAX), "$9223372.036854775807");
}

static CU_TestInfo tests[] = {
    {"spans keep the digits that matter", spans_keep_the_digits_that_matter},
    {"instants are told to the millisecond", instants_are_told_to_the_millisecond},
    {"a share is whole or nothing only when it is", a_share_is_whole_or_nothing_only_when_it_is},
    {"numbers have two decimals at most", numbers_have_two_decimals_at_most},
    {"counts are grouped by thousands", counts_are_grouped_by_thousands},
    {"money shows cents, or two digits that matter", money_shows_cents_or_two_digits_that_matter},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo readable_suite = {"readable", NULL, NULL, NULL, NULL, tests};
