/* What a live target may cost: before the start, and while it runs. */

#include "engine/stake.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/sample.h"

static struct scenario scenario;
static struct stake stake;

/* Claude at $3 and $15 per million tokens: 900 in and 120 out (the extra 100 are ours) are
 * 2,700 + 1,800 microdollars. */
static const money ATTEMPT = 4500 * (MONEY_USD / 1000000);

static void set_up(void)
{
    sample_scenario(&scenario);
    scenario.client.layers_count = 1;
    scenario.client.layers[0].attempts = 1;
    scenario.spend_limit = MONEY_MAX;
    for (uint32_t i = 0; i < scenario.models_count; i++)
        CU_ASSERT(price_find(slice_of(scenario.models[i].name), &scenario.prices[i]));
    stake_init(&stake, &scenario);
}

static struct call_record ended(uint64_t index, money cost, uint32_t unknown)
{
    struct call_record call = sample_call(index);

    call.cost = cost;
    call.cost_unknown = unknown;
    return call;
}

/* --- before ----------------------------------------------------------------------------------- */

static void the_estimate_is_every_call_at_its_dearest(void)
{
    struct stake_estimate sum = stake_estimate(&scenario);

    EXPECT_U64(sum.calls, SAMPLE_CALLS);
    EXPECT_U64(sum.attempts_max, 1);
    EXPECT_U64(sum.input_tokens, SAMPLE_CALLS * 900);
    EXPECT_U64(sum.output_tokens, SAMPLE_CALLS * 120);
    EXPECT_I64(sum.worst, SAMPLE_CALLS * ATTEMPT);
}

static void every_attempt_is_paid_for(void)
{
    scenario.client.layers_count = 2;
    scenario.client.layers[0].attempts = 3;
    scenario.client.layers[1].attempts = 3;
    EXPECT_U64(stake_estimate(&scenario).attempts_max, 9);
    EXPECT_I64(stake_estimate(&scenario).worst, 9 * SAMPLE_CALLS * ATTEMPT);
}

static void a_dearer_fallback_counts_and_a_cheaper_one_does_not(void)
{
    scenario.client.fallbacks_count = 1;
    slice_copy(SLICE("gpt-4o"), scenario.client.fallbacks[0].to,
               sizeof(scenario.client.fallbacks[0].to));
    EXPECT_I64(stake_estimate(&scenario).worst, SAMPLE_CALLS * ATTEMPT);
    scenario.prices[SAMPLE_GPT].tariff.input = 30 * (MONEY_USD / 1000000);
    EXPECT_I64(stake_estimate(&scenario).worst,
               SAMPLE_CALLS * (900 * 30 + 120 * 10) * (MONEY_USD / 1000000));
}

static void a_model_without_a_price_is_named_if_a_call_may_reach_it(void)
{
    EXPECT_U64(stake_unpriced(&scenario), SCENARIO_MODELS_MAX);
    scenario.prices[SAMPLE_GPT].is_known = false;
    EXPECT_U64(stake_unpriced(&scenario), SCENARIO_MODELS_MAX);
    scenario.client.fallbacks_count = 1;
    slice_copy(SLICE("gpt-4o"), scenario.client.fallbacks[0].to,
               sizeof(scenario.client.fallbacks[0].to));
    EXPECT_U64(stake_unpriced(&scenario), SAMPLE_GPT);
    scenario.prices[SAMPLE_CLAUDE].is_known = false;
    EXPECT_U64(stake_unpriced(&scenario), SAMPLE_CLAUDE);
}

/* --- while it runs ---------------------------------------------------------------------------- */

static void open_calls_and_the_next_are_at_stake(void)
{
    struct call_record call = ended(0, ATTEMPT / 3, 0);

    EXPECT_I64(stake_at(&stake, 0), 2 * ATTEMPT);
    EXPECT_I64(stake_at(&stake, 250 * NANOS_MS), 4 * ATTEMPT);
    stake_note(&stake, &call);
    EXPECT_I64(stake_at(&stake, 250 * NANOS_MS), 3 * ATTEMPT + ATTEMPT / 3);
    EXPECT_I64(stake_at(&stake, 100 * NANOS_S), (SAMPLE_CALLS - 1) * ATTEMPT + ATTEMPT / 3);
}

static void what_nobody_told_costs_its_worst(void)
{
    struct call_record call = ended(0, ATTEMPT / 3, 1);

    scenario.client.layers[0].attempts = 2;
    stake_note(&stake, &call);
    EXPECT_I64(stake_at(&stake, 0), ATTEMPT / 3 + ATTEMPT + 2 * ATTEMPT);
}

static void a_call_dearer_than_its_worst_makes_the_others_dearer(void)
{
    struct call_record call = ended(0, ATTEMPT + 1, 0);

    stake_note(&stake, &call);
    EXPECT_I64(stake_at(&stake, 0), ATTEMPT + 1 + 2 * ATTEMPT);
    call = ended(1, 5 * ATTEMPT, 0);
    stake_note(&stake, &call);
    EXPECT_I64(stake_at(&stake, 100 * NANOS_MS), 6 * ATTEMPT + 1 + 5 * ATTEMPT);
}

static void calls_within_their_worst_case_never_reach_the_limit(void)
{
    scenario.spend_limit = stake_estimate(&scenario).worst;
    for (uint64_t i = 0; i < SAMPLE_CALLS; i++) {
        struct call_record call = ended(i, ATTEMPT, 0);

        CU_ASSERT(!stake_is_over(&stake, call.due_at));
        stake_note(&stake, &call);
    }
    CU_ASSERT(!stake_is_over(&stake, 100 * NANOS_S));
}

static void a_provider_that_bills_more_is_noticed_while_the_next_call_can_still_be_paid(void)
{
    uint64_t calls = 0;

    scenario.spend_limit = 100 * ATTEMPT;
    while (!stake_is_over(&stake, (nanos)calls * 100 * NANOS_MS) && calls < SAMPLE_CALLS) {
        struct call_record call = ended(calls++, 7 * ATTEMPT, 0);

        stake_note(&stake, &call);
    }
    EXPECT_U64(calls, 13); /* 91, with the open one 98, with the next 105 */
    CU_ASSERT(stake.spent + 7 * ATTEMPT <= scenario.spend_limit);
}

static CU_TestInfo tests[] = {
    {"the estimate is every call at its dearest", the_estimate_is_every_call_at_its_dearest},
    {"every attempt is paid for", every_attempt_is_paid_for},
    {"a dearer fallback counts, a cheaper one does not",
     a_dearer_fallback_counts_and_a_cheaper_one_does_not},
    {"a model without a price is named if a call may reach it",
     a_model_without_a_price_is_named_if_a_call_may_reach_it},
    {"open calls and the next are at stake", open_calls_and_the_next_are_at_stake},
    {"what nobody told costs its worst", what_nobody_told_costs_its_worst},
    {"a call dearer than its worst makes the others dearer",
     a_call_dearer_than_its_worst_makes_the_others_dearer},
    {"calls within their worst case never reach the limit",
     calls_within_their_worst_case_never_reach_the_limit},
    {"a provider that bills more is noticed while the next call can still be paid",
     a_provider_that_bills_more_is_noticed_while_the_next_call_can_still_be_paid},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo stake_suite = {"stake", NULL, NULL, set_up, NULL, tests};
