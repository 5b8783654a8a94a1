#include <CUnit/CUnit.h>

#include <string.h>

#include "base/rng.h"
#include "fault/chaos.h"
#include "tests/support/expect.h"
#include "tests/support/stage.h"

/* --- where and whom --- */

static void outside_its_window_a_rule_is_silent(void)
{
    stage_add(0, 1.0, stage_overload());
    stage.chaos.phases.list[0].at = NANOS_S;
    EXPECT_I64(stage_fired(NANOS_S - 1), PLAN_NO_RULE);
    EXPECT_U64(stage.plan.rules_matched, 0);
    EXPECT_I64(stage_fired(NANOS_S), 0);
    EXPECT_U64(stage.plan.rules_matched, 1);
    EXPECT_I64(stage_fired(11 * NANOS_S), PLAN_NO_RULE);
}

static void every_selector_must_hold(void)
{
    struct chaos_rule *rule = stage_add(0, 1.0, stage_overload());

    CU_ASSERT(chaos_rule_matches(rule, &stage.facts));
    strcpy(rule->match.provider, "anthropic");
    strcpy(rule->match.model, "claude-*");
    rule->match.has_stream = rule->match.stream = true;
    rule->match.input_tokens_min = rule->match.input_tokens_max = 800;
    CU_ASSERT(chaos_rule_matches(rule, &stage.facts));
    stage.facts.input_tokens = 801;
    CU_ASSERT(!chaos_rule_matches(rule, &stage.facts));
    stage.facts.input_tokens = 799;
    CU_ASSERT(!chaos_rule_matches(rule, &stage.facts));
    stage.facts.input_tokens = 800;
    stage.facts.stream = false;
    CU_ASSERT(!chaos_rule_matches(rule, &stage.facts));
    stage.facts.stream = true;
    stage.facts.provider = SLICE("anthropic2");
    CU_ASSERT(!chaos_rule_matches(rule, &stage.facts));
    stage.facts.provider = SLICE("anthropic");
    strcpy(rule->match.model, "gpt-*");
    CU_ASSERT(!chaos_rule_matches(rule, &stage.facts));
    EXPECT_I64(stage_fired(STAGE_OPEN), PLAN_NO_RULE);
    EXPECT_U64(stage.plan.rules_matched, 0);
}

/* --- shares --- */

static void share_0_never_fires_and_share_1_always(void)
{
    uint64_t counts[CHAOS_RULES_MAX + 1];

    stage_add(0, 0.0, stage_overload());
    stage_add(0, 1.0, stage_overload());
    stage_count_calls(1, counts);
    EXPECT_U64(counts[0], 0);
    EXPECT_U64(counts[1], STAGE_CALLS);
    EXPECT_U64(stage.plan.rules_matched, 3);
}

static void four_rules_of_15_percent_hit_15_percent_each(void)
{
    uint64_t counts[CHAOS_RULES_MAX + 1];

    for (int i = 0; i < 4; i++)
        stage_add(0, 0.15, stage_overload());
    for (uint32_t attempt = 1; attempt <= 4; attempt++) {
        stage_count_calls(attempt, counts);
        for (int i = 0; i < 4; i++)
            CU_ASSERT_DOUBLE_EQUAL((double)counts[i] / STAGE_CALLS, 0.15, 0.01);
        CU_ASSERT_DOUBLE_EQUAL((double)counts[CHAOS_RULES_MAX] / STAGE_CALLS, 0.40, 0.01);
    }
}

static void a_rule_that_does_not_match_leaves_no_gap(void)
{
    uint64_t counts[CHAOS_RULES_MAX + 1];

    strcpy(stage_add(0, 0.5, stage_overload())->match.model, "gpt-*");
    stage_add(0, 0.5, stage_overload());
    stage_count_calls(1, counts);
    EXPECT_U64(counts[0], 0);
    CU_ASSERT_DOUBLE_EQUAL((double)counts[1] / STAGE_CALLS, 0.5, 0.01);
    stage.facts.call = SLICE("trace:217");
    EXPECT_I64(stage_fired(STAGE_OPEN), rng_unit(STAGE_SEED, rng_stream(SLICE("rate limits")),
                                                 slice_hash(stage.facts.call), 1) < 0.5
                                            ? 1
                                            : PLAN_NO_RULE);
}

static void what_goes_past_the_whole_never_fires(void)
{
    uint64_t counts[CHAOS_RULES_MAX + 1];

    stage_add(0, 0.8, stage_overload());
    stage_add(0, 0.8, stage_overload());
    stage_add(0, 0.8, stage_overload());
    stage_count_calls(1, counts);
    CU_ASSERT_DOUBLE_EQUAL((double)counts[1] / STAGE_CALLS, 0.2, 0.01);
    EXPECT_U64(counts[2], 0);
    CU_ASSERT_DOUBLE_EQUAL(chaos_rule_chance(&stage.chaos, 0, &stage.facts), 0.8, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(chaos_rule_chance(&stage.chaos, 1, &stage.facts), 0.2, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(chaos_rule_chance(&stage.chaos, 2, &stage.facts), 0.0, 1e-12);
}

static void chance_is_nothing_where_the_rule_does_not_match(void)
{
    strcpy(stage_add(0, 0.5, stage_overload())->match.model, "gpt-*");
    CU_ASSERT_DOUBLE_EQUAL(chaos_rule_chance(&stage.chaos, 0, &stage.facts), 0.0, 0.0);
}

static void phases_draw_apart_and_the_first_to_fire_wins(void)
{
    uint64_t counts[CHAOS_RULES_MAX + 1];

    stage_add(1, 0.5, stage_overload());
    stage_add(0, 0.5, stage_overload());
    stage_count_calls(1, counts);
    CU_ASSERT_DOUBLE_EQUAL((double)counts[1] / STAGE_CALLS, 0.5, 0.01);
    CU_ASSERT_DOUBLE_EQUAL((double)counts[0] / STAGE_CALLS, 0.25, 0.01);
    EXPECT_U64(stage.plan.rules_matched, 3);
}

/* --- keyed --- */

static void the_order_in_which_attempts_come_changes_nothing(void)
{
    enum { SOME = 500 };
    static struct plan forwards[SOME];

    stage_add(0, 0.3, stage_overload());
    stage_add(1, 0.3, stage_status(429, OUTCOME_RATE_LIMITED));
    for (int i = 0; i < SOME; i++) {
        stage_become_call(i);
        stage.facts.attempt = 1 + (uint32_t)i % 4;
        chaos_decide(&stage.chaos, STAGE_SEED, &stage.facts, STAGE_OPEN, &forwards[i]);
    }
    for (int i = SOME - 1; i >= 0; i--) {
        stage_become_call(i);
        stage.facts.attempt = 1 + (uint32_t)i % 4;
        EXPECT_I64(stage_fired(STAGE_OPEN + NANOS_S), forwards[i].rule); /* nor does the instant */
        EXPECT_I64(stage.plan.first_token, forwards[i].first_token);
    }
}

static void another_seed_hits_other_attempts(void)
{
    int differing = 0;

    stage_add(0, 0.5, stage_overload());
    for (int i = 0; i < 1000; i++) {
        struct plan other;

        stage_become_call(i);
        chaos_decide(&stage.chaos, STAGE_SEED + 1, &stage.facts, STAGE_OPEN, &other);
        differing += stage_fired(STAGE_OPEN) != other.rule;
    }
    CU_ASSERT_DOUBLE_EQUAL(differing, 500.0, 60.0);
}

static void a_sequence_gives_attempt_n_its_entry_n(void)
{
    struct chaos_rule *rule = stage_add(0, 1.0, stage_overload());

    stage.faults[0][1] = (struct fault){.kind = FAULT_NONE};
    stage.faults[0][2] = stage_status(429, OUTCOME_RATE_LIMITED);
    rule->sequence_count = 3;
    stage_add(0, 1.0, stage_status(500, OUTCOME_SERVER_ERROR));

    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_U64(stage.plan.status, 529);
    stage.facts.attempt = 2;
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_U64(stage.plan.kind, PLAN_ANSWER);
    stage.facts.attempt = 3;
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_U64(stage.plan.status, 429);
    stage.facts.attempt = 4; /* the sequence is over: the next rule's turn */
    EXPECT_I64(stage_fired(STAGE_OPEN), 1);
    EXPECT_U64(stage.plan.status, 500);
}

/* --- the model's own behaviour --- */

static void without_rules_the_model_answers_as_it_does(void)
{
    double u =
        rng_unit(STAGE_SEED, rng_stream(SLICE("first_token")), slice_hash(stage.facts.call), 1);

    EXPECT_I64(stage_fired(STAGE_OPEN), PLAN_NO_RULE);
    EXPECT_U64(stage.plan.kind, PLAN_ANSWER);
    EXPECT_U64(stage.plan.ending, PLAN_WHOLE);
    EXPECT_U64(stage.plan.failure, OUTCOME_OK);
    CU_ASSERT(stage.plan.stream);
    EXPECT_U64(stage.plan.stop, STOP_END);
    EXPECT_I64(stage.plan.first_token, (nanos)(distribution_at(&stage.model.first_token, u) + 0.5));
    EXPECT_I64(stage.plan.token_gap, 20 * NANOS_MS);
    EXPECT_U64(stage.plan.tokens_per_event, 2);
    EXPECT_U64(stage.plan.input_tokens, 800);
    EXPECT_U64(stage.plan.output_tokens, 27);
}

static void max_tokens_stops_an_answer_that_wants_more(void)
{
    stage.facts.output_tokens_max = 27;
    stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.stop, STOP_END);
    stage.facts.output_tokens_max = 26;
    stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.stop, STOP_MAX_TOKENS);
    EXPECT_U64(stage.plan.output_tokens, 26);
}

static void a_model_refuses_what_exceeds_its_own_window(void)
{
    stage.facts.input_tokens = 200000;
    stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.kind, PLAN_ANSWER);
    stage.facts.input_tokens = 200001;
    EXPECT_I64(stage_fired(STAGE_OPEN), PLAN_NO_RULE);
    EXPECT_U64(stage.plan.kind, PLAN_REFUSAL);
    EXPECT_U64(stage.plan.failure, OUTCOME_CONTEXT_LENGTH);
    EXPECT_U64(stage.plan.context_window, 200000);
}

static void there_is_no_answer_to_spoil_where_the_model_refuses(void)
{
    stage_add(0, 1.0, (struct fault){.kind = FAULT_SLOW_TOKENS, .factor = 10.0});
    stage.facts.input_tokens = 200001;
    EXPECT_I64(stage_fired(STAGE_OPEN), PLAN_NO_RULE);
    EXPECT_U64(stage.plan.failure, OUTCOME_CONTEXT_LENGTH);
    EXPECT_U64(stage.plan.rules_matched, 1);
}

static void a_refusal_comes_before_the_models_own(void)
{
    stage_add(0, 1.0, stage_overload());
    stage.facts.input_tokens = 200001;
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_U64(stage.plan.failure, OUTCOME_OVERLOADED);
}

/* --- each fault --- */

static void a_status_is_refused_at_once_with_its_advice(void)
{
    struct fault fault = stage_status(429, OUTCOME_RATE_LIMITED);

    fault.advice = PLAN_ADVICE_RAW;
    fault.advice_wait = 1500 * NANOS_MS;
    strcpy(fault.advice_raw, "1.5");
    stage_add(0, 1.0, fault);
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_U64(stage.plan.kind, PLAN_REFUSAL);
    EXPECT_U64(stage.plan.status, 429);
    EXPECT_U64(stage.plan.failure, OUTCOME_RATE_LIMITED);
    EXPECT_U64(stage.plan.advice, PLAN_ADVICE_RAW);
    EXPECT_I64(stage.plan.advice_wait, 1500 * NANOS_MS);
    CU_ASSERT_STRING_EQUAL(stage.plan.advice_raw, "1.5");
    EXPECT_I64(stage.plan.first_token, 0);
    EXPECT_U64(stage.plan.output_tokens, 0);
}

static void slow_tokens_come_slower_but_begin_as_ever(void)
{
    nanos first_token;

    stage_fired(STAGE_OPEN);
    first_token = stage.plan.first_token;
    stage_add(0, 1.0, (struct fault){.kind = FAULT_SLOW_TOKENS, .factor = 10.0});
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_I64(stage.plan.token_gap, 200 * NANOS_MS);
    EXPECT_I64(stage.plan.first_token, first_token);
    EXPECT_U64(stage.plan.failure, OUTCOME_OK);
}

static void a_late_first_token_is_later_by_the_delay(void)
{
    nanos first_token;

    stage_fired(STAGE_OPEN);
    first_token = stage.plan.first_token;
    stage_add(0, 1.0, (struct fault){.kind = FAULT_LATE_FIRST, .delay = 3 * NANOS_S});
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_I64(stage.plan.first_token, first_token + 3 * NANOS_S);
    EXPECT_I64(stage.plan.token_gap, 20 * NANOS_MS);
}

static void a_shrunk_window_refuses_longer_inputs_and_no_others(void)
{
    stage_add(0, 1.0, (struct fault){.kind = FAULT_CONTEXT_WINDOW, .tokens = 7000});
    stage.facts.input_tokens = 7000;
    EXPECT_I64(stage_fired(STAGE_OPEN), PLAN_NO_RULE);
    EXPECT_U64(stage.plan.rules_matched, 0);
    stage.facts.input_tokens = 7001;
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_U64(stage.plan.kind, PLAN_REFUSAL);
    EXPECT_U64(stage.plan.failure, OUTCOME_CONTEXT_LENGTH);
    EXPECT_U64(stage.plan.context_window, 7000);
}

static void an_input_that_fits_is_too_long_for_a_smaller_window(void)
{
    struct fault fault = {.kind = FAULT_STATUS, .failure = OUTCOME_CONTEXT_LENGTH, .status = 400};

    stage_add(0, 1.0, fault);
    stage.facts.input_tokens = 7000;
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_U64(stage.plan.context_window, 6999);
    stage.facts.input_tokens = 200001;
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_U64(stage.plan.context_window, 200000);
}

static void an_empty_answer_reached_no_limit(void)
{
    stage_add(0, 1.0, (struct fault){.kind = FAULT_QUIRKS, .quirks = QUIRK_EMPTY});
    stage.facts.output_tokens_max = 1;
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_U64(stage.plan.output_tokens, 0);
    EXPECT_U64(stage.plan.stop, STOP_END);
}

static void a_cut_comes_after_its_tokens_or_after_all_there_are(void)
{
    stage_add(0, 1.0, (struct fault){.kind = FAULT_CUT, .tokens = 12, .close = PLAN_CLOSE_FIN});
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_U64(stage.plan.ending, PLAN_CUT);
    EXPECT_U64(stage.plan.close, PLAN_CLOSE_FIN);
    EXPECT_U64(stage.plan.tokens_before_end, 12);
    EXPECT_U64(stage.plan.output_tokens, 27);
    stage.facts.output_tokens = 5;
    stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.tokens_before_end, 5);
}

static void a_stall_is_silent_after_its_tokens(void)
{
    stage_add(0, 1.0, (struct fault){.kind = FAULT_STALL, .tokens = 0});
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_U64(stage.plan.ending, PLAN_STALL);
    EXPECT_U64(stage.plan.tokens_before_end, 0);
    EXPECT_I64(plan_ends_at(&stage.plan), NANOS_NEVER);
}

static void a_reset_gives_no_answer(void)
{
    stage_add(0, 1.0,
              (struct fault){.kind = FAULT_RESET, .close = PLAN_CLOSE_RST, .delay = NANOS_S});
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    EXPECT_U64(stage.plan.kind, PLAN_RESET);
    EXPECT_U64(stage.plan.close, PLAN_CLOSE_RST);
    EXPECT_U64(stage.plan.failure, OUTCOME_OK);
    EXPECT_I64(plan_ends_at(&stage.plan), NANOS_S);
}

/* What chaos_add_chances promises of them, and what happens to many calls. */
static void the_chances_of_rules_are_those_that_the_dice_give_them(void)
{
    double chances[CHAOS_RULES_MAX] = {0};
    uint64_t counts[CHAOS_RULES_MAX + 1];

    stage_add(0, 0.7, stage_overload());
    stage_add(1, 0.5, stage_overload());
    stage_add(0, 0.6, stage_overload()); /* 30 % are left of its phase, */
    stage_add(1, 0.4, stage_overload())->priority = 1;
    stage_add(0, 0.5, stage_overload()); /* and nothing for this one */
    stage_count_calls(1, counts);
    chaos_add_chances(&stage.chaos, stage.plan.rules_matched, chances);
    CU_ASSERT_DOUBLE_EQUAL(chances[0], 0.7 * 0.6, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(chances[1], 0.0,
                           1e-9); /* its phase comes later, and the first is full */
    CU_ASSERT_DOUBLE_EQUAL(chances[2], 0.3 * 0.6, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(chances[3], 0.4, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(chances[4], 0.0, 1e-9);
    for (uint32_t i = 0; i < stage.chaos.rules_count; i++)
        CU_ASSERT_DOUBLE_EQUAL((double)counts[i] / STAGE_CALLS, chances[i], 0.015);
}

static void rules_that_did_not_match_have_no_chance_and_take_none(void)
{
    double chances[CHAOS_RULES_MAX] = {0};

    stage_add(0, 0.7, stage_overload());
    stage_add(0, 0.6, stage_overload());
    chaos_add_chances(&stage.chaos, 2, chances);
    CU_ASSERT_DOUBLE_EQUAL(chances[0], 0.0, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(chances[1], 0.6, 1e-9);
}

static CU_TestInfo tests[] = {
    {"outside its window a rule is silent", outside_its_window_a_rule_is_silent},
    {"every selector must hold", every_selector_must_hold},
    {"share 0 never fires, and share 1 always", share_0_never_fires_and_share_1_always},
    {"four rules of 15 % hit 15 % each", four_rules_of_15_percent_hit_15_percent_each},
    {"a rule that does not match leaves no gap", a_rule_that_does_not_match_leaves_no_gap},
    {"what goes past the whole never fires", what_goes_past_the_whole_never_fires},
    {"chance is nothing where the rule does not match",
     chance_is_nothing_where_the_rule_does_not_match},
    {"phases draw apart, and the first to fire wins", phases_draw_apart_and_the_first_to_fire_wins},
    {"the order in which attempts come changes nothing",
     the_order_in_which_attempts_come_changes_nothing},
    {"another seed hits other attempts", another_seed_hits_other_attempts},
    {"a sequence gives attempt n its entry n", a_sequence_gives_attempt_n_its_entry_n},
    {"without rules the model answers as it does", without_rules_the_model_answers_as_it_does},
    {"max_tokens stops an answer that wants more", max_tokens_stops_an_answer_that_wants_more},
    {"a model refuses what exceeds its own window", a_model_refuses_what_exceeds_its_own_window},
    {"there is no answer to spoil where the model refuses",
     there_is_no_answer_to_spoil_where_the_model_refuses},
    {"a refusal comes before the model's own", a_refusal_comes_before_the_models_own},
    {"a status is refused at once, with its advice", a_status_is_refused_at_once_with_its_advice},
    {"slow tokens come slower but begin as ever", slow_tokens_come_slower_but_begin_as_ever},
    {"a late first token is later by the delay", a_late_first_token_is_later_by_the_delay},
    {"a shrunk window refuses longer inputs and no others",
     a_shrunk_window_refuses_longer_inputs_and_no_others},
    {"an input that fits is too long for a smaller window",
     an_input_that_fits_is_too_long_for_a_smaller_window},
    {"an empty answer reached no limit", an_empty_answer_reached_no_limit},
    {"a cut comes after its tokens, or after all there are",
     a_cut_comes_after_its_tokens_or_after_all_there_are},
    {"a stall is silent after its tokens", a_stall_is_silent_after_its_tokens},
    {"a reset gives no answer", a_reset_gives_no_answer},
    {"the chances of rules are those that the dice give them",
     the_chances_of_rules_are_those_that_the_dice_give_them},
    {"rules that did not match have no chance and take none",
     rules_that_did_not_match_have_no_chance_and_take_none},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo chaos_suite = {"chaos", NULL, NULL, stage_set, NULL, tests};
