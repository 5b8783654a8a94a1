#include <CUnit/CUnit.h>

#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "fault/chaos.h"
#include "tests/support/expect.h"

static const uint64_t SEED = 529;
static const nanos OPEN = 5 * NANOS_S; /* the first window is open */

static const struct model model = {
    .name = "claude-sonnet-4-5",
    .first_token = {DISTRIBUTION_LOGNORMAL, 4e8, 2e9},
    .tokens_per_s = 50.0,
    .tokens_per_event = 2,
    .context_window = 200000,
};

static struct chaos chaos;
static struct attempt_facts facts;
static struct plan plan;

static void set_up(void)
{
    chaos = (struct chaos){
        .phases = {.list = {{"rate limits", 0, 10 * NANOS_S}, {"overload", 0, 10 * NANOS_S}},
                   .count = 2}};
    facts = (struct attempt_facts){
        .provider = SLICE("anthropic"),
        .model = &model,
        .call = SLICE("trace:217"),
        .attempt = 1,
        .input_tokens = 800,
        .output_tokens = 27,
        .output_tokens_max = UINT64_MAX,
        .stream = true,
    };
}

static struct fault faults[CHAOS_RULES_MAX][CHAOS_SEQUENCE_MAX]; /* of each rule */

static struct chaos_rule *add(uint32_t phase, double share, struct fault fault)
{
    struct chaos_rule *rule = &chaos.rules[chaos.rules_count++];

    faults[chaos.rules_count - 1][0] = fault;
    *rule = (struct chaos_rule){
        .phase = phase,
        .match = {.input_tokens_max = UINT64_MAX},
        .share = share,
        .sequence = faults[chaos.rules_count - 1],
        .sequence_count = 1,
    };
    return rule;
}

static struct fault status(uint16_t code, enum outcome failure)
{
    return (struct fault){.kind = FAULT_STATUS, .status = code, .failure = failure};
}

static struct fault overload(void)
{
    return status(529, OUTCOME_OVERLOADED);
}

static int fired(nanos at)
{
    chaos_decide(&chaos, SEED, &facts, at, &plan);
    return plan.rule;
}

/* Makes the facts those of the i-th call. */
static void become_call(int i)
{
    static char id[32];

    snprintf(id, sizeof(id), "trace:%d", i);
    facts.call = slice_of(id);
}

/* Rule by rule, how often it fires over many calls; the last place counts those left alone. */
enum { CALLS = 20000 };

static void count_calls(uint32_t attempt, uint64_t counts[CHAOS_RULES_MAX + 1])
{
    memset(counts, 0, (CHAOS_RULES_MAX + 1) * sizeof(counts[0]));
    facts.attempt = attempt;
    for (int i = 0; i < CALLS; i++) {
        int rule;

        become_call(i);
        rule = fired(OPEN);
        counts[rule == PLAN_NO_RULE ? CHAOS_RULES_MAX : rule]++;
    }
}

/* --- where and whom --- */

static void outside_its_window_a_rule_is_silent(void)
{
    add(0, 1.0, overload());
    chaos.phases.list[0].at = NANOS_S;
    EXPECT_I64(fired(NANOS_S - 1), PLAN_NO_RULE);
    EXPECT_U64(plan.rules_matched, 0);
    EXPECT_I64(fired(NANOS_S), 0);
    EXPECT_U64(plan.rules_matched, 1);
    EXPECT_I64(fired(11 * NANOS_S), PLAN_NO_RULE);
}

static void every_selector_must_hold(void)
{
    struct chaos_rule *rule = add(0, 1.0, overload());

    CU_ASSERT(chaos_rule_matches(rule, &facts));
    strcpy(rule->match.provider, "anthropic");
    strcpy(rule->match.model, "claude-*");
    rule->match.has_stream = rule->match.stream = true;
    rule->match.input_tokens_min = rule->match.input_tokens_max = 800;
    CU_ASSERT(chaos_rule_matches(rule, &facts));
    facts.input_tokens = 801;
    CU_ASSERT(!chaos_rule_matches(rule, &facts));
    facts.input_tokens = 799;
    CU_ASSERT(!chaos_rule_matches(rule, &facts));
    facts.input_tokens = 800;
    facts.stream = false;
    CU_ASSERT(!chaos_rule_matches(rule, &facts));
    facts.stream = true;
    facts.provider = SLICE("anthropic2");
    CU_ASSERT(!chaos_rule_matches(rule, &facts));
    facts.provider = SLICE("anthropic");
    strcpy(rule->match.model, "gpt-*");
    CU_ASSERT(!chaos_rule_matches(rule, &facts));
    EXPECT_I64(fired(OPEN), PLAN_NO_RULE);
    EXPECT_U64(plan.rules_matched, 0);
}

/* --- shares --- */

static void share_0_never_fires_and_share_1_always(void)
{
    uint64_t counts[CHAOS_RULES_MAX + 1];

    add(0, 0.0, overload());
    add(0, 1.0, overload());
    count_calls(1, counts);
    EXPECT_U64(counts[0], 0);
    EXPECT_U64(counts[1], CALLS);
    EXPECT_U64(plan.rules_matched, 3);
}

static void four_rules_of_15_percent_hit_15_percent_each(void)
{
    uint64_t counts[CHAOS_RULES_MAX + 1];

    for (int i = 0; i < 4; i++)
        add(0, 0.15, overload());
    for (uint32_t attempt = 1; attempt <= 4; attempt++) {
        count_calls(attempt, counts);
        for (int i = 0; i < 4; i++)
            CU_ASSERT_DOUBLE_EQUAL((double)counts[i] / CALLS, 0.15, 0.01);
        CU_ASSERT_DOUBLE_EQUAL((double)counts[CHAOS_RULES_MAX] / CALLS, 0.40, 0.01);
    }
}

static void a_rule_that_does_not_match_leaves_no_gap(void)
{
    uint64_t counts[CHAOS_RULES_MAX + 1];

    strcpy(add(0, 0.5, overload())->match.model, "gpt-*");
    add(0, 0.5, overload());
    count_calls(1, counts);
    EXPECT_U64(counts[0], 0);
    CU_ASSERT_DOUBLE_EQUAL((double)counts[1] / CALLS, 0.5, 0.01);
    facts.call = SLICE("trace:217");
    EXPECT_I64(fired(OPEN),
               rng_unit(SEED, rng_stream(SLICE("rate limits")), slice_hash(facts.call), 1) < 0.5
                   ? 1
                   : PLAN_NO_RULE);
}

static void what_goes_past_the_whole_never_fires(void)
{
    uint64_t counts[CHAOS_RULES_MAX + 1];

    add(0, 0.8, overload());
    add(0, 0.8, overload());
    add(0, 0.8, overload());
    count_calls(1, counts);
    CU_ASSERT_DOUBLE_EQUAL((double)counts[1] / CALLS, 0.2, 0.01);
    EXPECT_U64(counts[2], 0);
    CU_ASSERT_DOUBLE_EQUAL(chaos_rule_chance(&chaos, 0, &facts), 0.8, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(chaos_rule_chance(&chaos, 1, &facts), 0.2, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(chaos_rule_chance(&chaos, 2, &facts), 0.0, 1e-12);
}

static void chance_is_nothing_where_the_rule_does_not_match(void)
{
    strcpy(add(0, 0.5, overload())->match.model, "gpt-*");
    CU_ASSERT_DOUBLE_EQUAL(chaos_rule_chance(&chaos, 0, &facts), 0.0, 0.0);
}

static void phases_draw_apart_and_the_first_to_fire_wins(void)
{
    uint64_t counts[CHAOS_RULES_MAX + 1];

    add(1, 0.5, overload());
    add(0, 0.5, overload());
    count_calls(1, counts);
    CU_ASSERT_DOUBLE_EQUAL((double)counts[1] / CALLS, 0.5, 0.01);
    CU_ASSERT_DOUBLE_EQUAL((double)counts[0] / CALLS, 0.25, 0.01);
    EXPECT_U64(plan.rules_matched, 3);
}

/* --- keyed --- */

static void the_order_in_which_attempts_come_changes_nothing(void)
{
    enum { SOME = 500 };
    static struct plan forwards[SOME];

    add(0, 0.3, overload());
    add(1, 0.3, status(429, OUTCOME_RATE_LIMITED));
    for (int i = 0; i < SOME; i++) {
        become_call(i);
        facts.attempt = 1 + (uint32_t)i % 4;
        chaos_decide(&chaos, SEED, &facts, OPEN, &forwards[i]);
    }
    for (int i = SOME - 1; i >= 0; i--) {
        become_call(i);
        facts.attempt = 1 + (uint32_t)i % 4;
        EXPECT_I64(fired(OPEN + NANOS_S), forwards[i].rule); /* nor does the instant */
        EXPECT_I64(plan.first_token, forwards[i].first_token);
    }
}

static void another_seed_hits_other_attempts(void)
{
    int differing = 0;

    add(0, 0.5, overload());
    for (int i = 0; i < 1000; i++) {
        struct plan other;

        become_call(i);
        chaos_decide(&chaos, SEED + 1, &facts, OPEN, &other);
        differing += fired(OPEN) != other.rule;
    }
    CU_ASSERT_DOUBLE_EQUAL(differing, 500.0, 60.0);
}

static void a_sequence_gives_attempt_n_its_entry_n(void)
{
    struct chaos_rule *rule = add(0, 1.0, overload());

    faults[0][1] = (struct fault){.kind = FAULT_NONE};
    faults[0][2] = status(429, OUTCOME_RATE_LIMITED);
    rule->sequence_count = 3;
    add(0, 1.0, status(500, OUTCOME_SERVER_ERROR));

    EXPECT_I64(fired(OPEN), 0);
    EXPECT_U64(plan.status, 529);
    facts.attempt = 2;
    EXPECT_I64(fired(OPEN), 0);
    EXPECT_U64(plan.kind, PLAN_ANSWER);
    facts.attempt = 3;
    EXPECT_I64(fired(OPEN), 0);
    EXPECT_U64(plan.status, 429);
    facts.attempt = 4; /* the sequence is over: the next rule's turn */
    EXPECT_I64(fired(OPEN), 1);
    EXPECT_U64(plan.status, 500);
}

/* --- the model's own behaviour --- */

static void without_rules_the_model_answers_as_it_does(void)
{
    double u = rng_unit(SEED, rng_stream(SLICE("first_token")), slice_hash(facts.call), 1);

    EXPECT_I64(fired(OPEN), PLAN_NO_RULE);
    EXPECT_U64(plan.kind, PLAN_ANSWER);
    EXPECT_U64(plan.ending, PLAN_WHOLE);
    EXPECT_U64(plan.failure, OUTCOME_OK);
    CU_ASSERT(plan.stream);
    EXPECT_U64(plan.stop, STOP_END);
    EXPECT_I64(plan.first_token, (nanos)(distribution_at(&model.first_token, u) + 0.5));
    EXPECT_I64(plan.token_gap, 20 * NANOS_MS);
    EXPECT_U64(plan.tokens_per_event, 2);
    EXPECT_U64(plan.input_tokens, 800);
    EXPECT_U64(plan.output_tokens, 27);
}

static void max_tokens_stops_an_answer_that_wants_more(void)
{
    facts.output_tokens_max = 27;
    fired(OPEN);
    EXPECT_U64(plan.stop, STOP_END);
    facts.output_tokens_max = 26;
    fired(OPEN);
    EXPECT_U64(plan.stop, STOP_MAX_TOKENS);
    EXPECT_U64(plan.output_tokens, 26);
}

static void a_model_refuses_what_exceeds_its_own_window(void)
{
    facts.input_tokens = 200000;
    fired(OPEN);
    EXPECT_U64(plan.kind, PLAN_ANSWER);
    facts.input_tokens = 200001;
    EXPECT_I64(fired(OPEN), PLAN_NO_RULE);
    EXPECT_U64(plan.kind, PLAN_REFUSAL);
    EXPECT_U64(plan.failure, OUTCOME_CONTEXT_LENGTH);
    EXPECT_U64(plan.context_window, 200000);
}

static void there_is_no_answer_to_spoil_where_the_model_refuses(void)
{
    add(0, 1.0, (struct fault){.kind = FAULT_SLOW_TOKENS, .factor = 10.0});
    facts.input_tokens = 200001;
    EXPECT_I64(fired(OPEN), PLAN_NO_RULE);
    EXPECT_U64(plan.failure, OUTCOME_CONTEXT_LENGTH);
    EXPECT_U64(plan.rules_matched, 1);
}

static void a_refusal_comes_before_the_models_own(void)
{
    add(0, 1.0, overload());
    facts.input_tokens = 200001;
    EXPECT_I64(fired(OPEN), 0);
    EXPECT_U64(plan.failure, OUTCOME_OVERLOADED);
}

/* --- each fault --- */

static void a_status_is_refused_at_once_with_its_advice(void)
{
    struct fault fault = status(429, OUTCOME_RATE_LIMITED);

    fault.advice = PLAN_ADVICE_RAW;
    fault.advice_wait = 1500 * NANOS_MS;
    strcpy(fault.advice_raw, "1.5");
    add(0, 1.0, fault);
    EXPECT_I64(fired(OPEN), 0);
    EXPECT_U64(plan.kind, PLAN_REFUSAL);
    EXPECT_U64(plan.status, 429);
    EXPECT_U64(plan.failure, OUTCOME_RATE_LIMITED);
    EXPECT_U64(plan.advice, PLAN_ADVICE_RAW);
    EXPECT_I64(plan.advice_wait, 1500 * NANOS_MS);
    CU_ASSERT_STRING_EQUAL(plan.advice_raw, "1.5");
    EXPECT_I64(plan.first_token, 0);
    EXPECT_U64(plan.output_tokens, 0);
}

static void slow_tokens_come_slower_but_begin_as_ever(void)
{
    nanos first_token;

    fired(OPEN);
    first_token = plan.first_token;
    add(0, 1.0, (struct fault){.kind = FAULT_SLOW_TOKENS, .factor = 10.0});
    EXPECT_I64(fired(OPEN), 0);
    EXPECT_I64(plan.token_gap, 200 * NANOS_MS);
    EXPECT_I64(plan.first_token, first_token);
    EXPECT_U64(plan.failure, OUTCOME_OK);
}

static void a_late_first_token_is_later_by_the_delay(void)
{
    nanos first_token;

    fired(OPEN);
    first_token = plan.first_token;
    add(0, 1.0, (struct fault){.kind = FAULT_LATE_FIRST, .delay = 3 * NANOS_S});
    EXPECT_I64(fired(OPEN), 0);
    EXPECT_I64(plan.first_token, first_token + 3 * NANOS_S);
    EXPECT_I64(plan.token_gap, 20 * NANOS_MS);
}

static void a_shrunk_window_refuses_longer_inputs_and_no_others(void)
{
    add(0, 1.0, (struct fault){.kind = FAULT_CONTEXT_WINDOW, .tokens = 7000});
    facts.input_tokens = 7000;
    EXPECT_I64(fired(OPEN), PLAN_NO_RULE);
    EXPECT_U64(plan.rules_matched, 0);
    facts.input_tokens = 7001;
    EXPECT_I64(fired(OPEN), 0);
    EXPECT_U64(plan.kind, PLAN_REFUSAL);
    EXPECT_U64(plan.failure, OUTCOME_CONTEXT_LENGTH);
    EXPECT_U64(plan.context_window, 7000);
}

static void a_cut_comes_after_its_tokens_or_after_all_there_are(void)
{
    add(0, 1.0, (struct fault){.kind = FAULT_CUT, .tokens = 12, .close = PLAN_CLOSE_FIN});
    EXPECT_I64(fired(OPEN), 0);
    EXPECT_U64(plan.ending, PLAN_CUT);
    EXPECT_U64(plan.close, PLAN_CLOSE_FIN);
    EXPECT_U64(plan.tokens_before_end, 12);
    EXPECT_U64(plan.output_tokens, 27);
    facts.output_tokens = 5;
    fired(OPEN);
    EXPECT_U64(plan.tokens_before_end, 5);
}

static void a_stall_is_silent_after_its_tokens(void)
{
    add(0, 1.0, (struct fault){.kind = FAULT_STALL, .tokens = 0});
    EXPECT_I64(fired(OPEN), 0);
    EXPECT_U64(plan.ending, PLAN_STALL);
    EXPECT_U64(plan.tokens_before_end, 0);
    EXPECT_I64(plan_ends_at(&plan), NANOS_NEVER);
}

static void a_reset_gives_no_answer(void)
{
    add(0, 1.0, (struct fault){.kind = FAULT_RESET, .close = PLAN_CLOSE_RST, .delay = NANOS_S});
    EXPECT_I64(fired(OPEN), 0);
    EXPECT_U64(plan.kind, PLAN_RESET);
    EXPECT_U64(plan.close, PLAN_CLOSE_RST);
    EXPECT_U64(plan.failure, OUTCOME_OK);
    EXPECT_I64(plan_ends_at(&plan), NANOS_S);
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
    {"a cut comes after its tokens, or after all there are",
     a_cut_comes_after_its_tokens_or_after_all_there_are},
    {"a stall is silent after its tokens", a_stall_is_silent_after_its_tokens},
    {"a reset gives no answer", a_reset_gives_no_answer},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo chaos_suite = {"chaos", NULL, NULL, set_up, NULL, tests};
