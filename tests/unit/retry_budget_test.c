#include "policy/retry_budget.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"

static const struct retry_budget_rules rules = {.is_on = true, .share = 0.1};

static struct retry_budget budget;

static void set_up(void)
{
    retry_budget_init(&budget, &rules);
}

/* How many retries it grants now. */
static uint32_t drain(void)
{
    uint32_t retries = 0;

    while (retries < 100 && retry_budget_has(&budget)) {
        retry_budget_spend(&budget);
        retries++;
    }
    return retries;
}

static void grants_a_burst_at_first(void)
{
    EXPECT_U64(drain(), 10);
}

static void ten_calls_earn_a_retry(void)
{
    drain();
    for (int call = 0; call < 9; call++)
        retry_budget_earn(&budget);
    CU_ASSERT(!retry_budget_has(&budget));
    retry_budget_earn(&budget);
    EXPECT_U64(drain(), 1);
}

static void never_holds_more_than_the_burst(void)
{
    for (int call = 0; call < 1000; call++)
        retry_budget_earn(&budget);
    EXPECT_U64(drain(), 10);
}

/* In the long run a tenth, to the last one. */
static void retries_stay_in_proportion(void)
{
    uint32_t retries = 0;

    for (int call = 0; call < 100000; call++) {
        retry_budget_earn(&budget);
        retries += drain();
    }
    EXPECT_U64(retries, 10010 - 1); /* the first call found the bucket full */
}

static void a_share_of_nothing_grants_the_burst_alone(void)
{
    static const struct retry_budget_rules nothing = {.is_on = true};

    retry_budget_init(&budget, &nothing);
    retry_budget_earn(&budget);
    EXPECT_U64(drain(), 10);
    retry_budget_earn(&budget);
    EXPECT_U64(drain(), 0);
}

static void without_rules_every_retry_is_made(void)
{
    static const struct retry_budget_rules none = {.share = 0.1};

    retry_budget_init(&budget, &none);
    EXPECT_U64(drain(), 100);
    retry_budget_init(&budget, NULL);
    retry_budget_earn(&budget);
    EXPECT_U64(drain(), 100);
    budget = (struct retry_budget){0};
    EXPECT_U64(drain(), 100);
}

static CU_TestInfo tests[] = {
    {"grants a burst at first", grants_a_burst_at_first},
    {"ten calls earn a retry", ten_calls_earn_a_retry},
    {"never holds more than the burst", never_holds_more_than_the_burst},
    {"retries stay in proportion", retries_stay_in_proportion},
    {"a share of nothing grants the burst alone", a_share_of_nothing_grants_the_burst_alone},
    {"without rules every retry is made", without_rules_every_retry_is_made},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo retry_budget_suite = {"retry budget", NULL, NULL, set_up, NULL, tests};
