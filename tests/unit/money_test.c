#include <CUnit/CUnit.h>

#include "base/money.h"
#include "tests/support/expect.h"

static const money CENT = MONEY_USD / 100;
static const money PER_MILLION = MONEY_USD / 1000000; /* $1 per million tokens, for one token */

static struct buffer text;

static int set_up(void)
{
    buffer_init(&text, memory_heap(), 64);
    return 0;
}

static int tear_down(void)
{
    buffer_deinit(&text);
    return 0;
}

static struct slice written(money value)
{
    buffer_clear(&text);
    money_write(&text, value);
    return buffer_slice(&text);
}

static struct slice written_as_number(money value)
{
    buffer_clear(&text);
    money_write_number(&text, value);
    return buffer_slice(&text);
}

static void eight_hundred_tokens_at_three_dollars_a_million_are_exact(void)
{
    money cost = money_times(3 * PER_MILLION, 800);

    EXPECT_I64(cost, 2400000000);
    EXPECT_TEXT(written(cost), "$0.0024");
}

static void a_thousand_tenths_of_a_cent_are_a_dollar(void)
{
    money sum = 0;

    for (int i = 0; i < 1000; i++) /* 1000 * 0.001 is 1.0000000000000007 as doubles */
        sum = money_add(sum, CENT / 10);
    EXPECT_I64(sum, MONEY_USD);
}

static void the_dearest_and_the_cheapest_token_are_whole_numbers(void)
{
    EXPECT_TEXT(written(money_times(180 * PER_MILLION, 1)), "$0.00018");
    EXPECT_TEXT(written(money_times(PER_MILLION / 100, 1)), "$0.00000001");
    EXPECT_TEXT(written(1), "$0.000000000001");
}

static void writes_at_least_two_decimals_and_no_zeros_behind_them(void)
{
    EXPECT_TEXT(written(0), "$0.00");
    EXPECT_TEXT(written(12 * MONEY_USD), "$12.00");
    EXPECT_TEXT(written(MONEY_USD / 2), "$0.50");
    EXPECT_TEXT(written(2 * MONEY_USD + 13 * CENT / 100), "$2.0013");
    EXPECT_TEXT(written(CENT + 1), "$0.010000000001");
}

static void writes_a_number_as_json_has_it(void)
{
    EXPECT_TEXT(written_as_number(0), "0");
    EXPECT_TEXT(written_as_number(12 * MONEY_USD), "12");
    EXPECT_TEXT(written_as_number(MONEY_USD / 2), "0.5");
    EXPECT_TEXT(written_as_number(42 * CENT / 100), "0.0042");
}

static void writes_the_most_it_can_hold(void)
{
    EXPECT_TEXT(written(MONEY_MAX), "$9223372.036854775807");
}

static void adding_saturates(void)
{
    EXPECT_I64(money_add(MONEY_MAX - 1, 1), MONEY_MAX);
    EXPECT_I64(money_add(MONEY_MAX, 1), MONEY_MAX);
    EXPECT_I64(money_add(MONEY_MAX, MONEY_MAX), MONEY_MAX);
    EXPECT_I64(money_add(MONEY_MAX - 2, 1), MONEY_MAX - 1);
}

static void multiplying_saturates(void)
{
    EXPECT_I64(money_times(1, (uint64_t)MONEY_MAX), MONEY_MAX);
    EXPECT_I64(money_times(1, UINT64_MAX), MONEY_MAX);
    EXPECT_I64(money_times(MONEY_MAX, 2), MONEY_MAX);
    EXPECT_I64(money_times(2, (uint64_t)MONEY_MAX / 2), MONEY_MAX - 1);
    EXPECT_I64(money_times(2, (uint64_t)MONEY_MAX / 2 + 1), MONEY_MAX);
}

static void nothing_times_anything_is_nothing(void)
{
    EXPECT_I64(money_times(0, UINT64_MAX), 0);
    EXPECT_I64(money_times(MONEY_MAX, 0), 0);
}

static CU_TestInfo tests[] = {
    {"eight hundred tokens at three dollars a million are exact",
     eight_hundred_tokens_at_three_dollars_a_million_are_exact},
    {"a thousand tenths of a cent are a dollar", a_thousand_tenths_of_a_cent_are_a_dollar},
    {"the dearest and the cheapest token are whole numbers",
     the_dearest_and_the_cheapest_token_are_whole_numbers},
    {"writes at least two decimals, and no zeros behind them",
     writes_at_least_two_decimals_and_no_zeros_behind_them},
    {"writes a number as JSON has it", writes_a_number_as_json_has_it},
    {"writes the most it can hold", writes_the_most_it_can_hold},
    {"adding saturates", adding_saturates},
    {"multiplying saturates", multiplying_saturates},
    {"nothing times anything is nothing", nothing_times_anything_is_nothing},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo money_suite = {"money", set_up, tear_down, NULL, NULL, tests};
