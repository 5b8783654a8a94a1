#include "judge/judge.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "tests/support/hearing.h"
#include "tests/support/sample_runs.h"

static struct hearing hearing;

static void tear_down(void)
{
    hearing_end(&hearing);
}

static const char *verdict_of(const char *row)
{
    return verdict_word(hearing_row(&hearing, row)->verdict);
}

static const char *reason_of(const char *row)
{
    return hearing_row(&hearing, row)->reason;
}

/* --- joining both ends ------------------------------------------------------------------------ */

static struct call_record insistent(uint64_t index)
{
    struct call_record call = sample_call(index);

    sample_fail(&call, OUTCOME_RATE_LIMITED, 429, call.due_at + 300 * NANOS_MS);
    sample_retry(&call, SAMPLE_CLAUDE, call.ended_at + 430 * NANOS_MS);
    return call;
}

static struct journal_record refusal_of(const struct call_record *call)
{
    struct journal_record record = sample_journal(&hearing.scenario, call, 0);

    record.advice = PLAN_ADVICE_SECONDS;
    record.advice_wait = NANOS_S;
    return record;
}

/* The three records of one call in each of their six orders. */
static void feed_in_order(const struct call_record *call, int order)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct journal_record first = refusal_of(call);
    struct journal_record second = sample_journal(&hearing.scenario, call, 1);

    for (int i = 0; i < 3; i++) {
        if (orders[order][i] == 0)
            judge_feed_journal(hearing.judge, &first);
        if (orders[order][i] == 1)
            judge_feed_journal(hearing.judge, &second);
        if (orders[order][i] == 2)
            judge_feed_call(hearing.judge, call);
    }
    hearing.facts.calls_planned++;
}

static void judges_the_same_in_whatever_order_evidence_comes(void)
{
    hearing_begin(&hearing, NULL, NULL);
    for (uint64_t i = 0; i < 6; i++) {
        struct call_record call = insistent(i);

        feed_in_order(&call, (int)i);
    }
    hearing_finish(&hearing);
    EXPECT_U64(hearing_row(&hearing, "advice-heeded")->violations, 6);
    EXPECT_U64(hearing_row(&hearing, "advice-heeded")->n, 6);
    EXPECT_U64(judge_figures(hearing.judge)->calls, 6);
}

static void names_the_five_calls_due_first_whatever_came_first(void)
{
    static const char *const expected[] = {"steady:1", "steady:2", "steady:3", "steady:4",
                                           "steady:5"};
    const struct verdict_row *row;

    hearing_begin(&hearing, NULL, NULL);
    for (uint64_t i = 20; i > 0; i--) {
        struct call_record call = insistent(i);

        feed_in_order(&call, 0);
    }
    hearing_finish(&hearing);
    row = hearing_row(&hearing, "advice-heeded");
    EXPECT_U64(row->violations, 20);
    EXPECT_U64(row->examples_count, 5);
    for (uint32_t i = 0; i < 5; i++)
        CU_ASSERT_STRING_EQUAL(row->examples[i].call, expected[i]);
}

static void joins_thousands_of_calls_that_are_open_at_once(void)
{
    enum { CALLS = 5000 };

    hearing_begin(&hearing, NULL, NULL);
    for (uint64_t i = 0; i < CALLS; i++) {
        struct call_record call = insistent(i);
        struct journal_record record = refusal_of(&call);

        judge_feed_journal(hearing.judge, &record);
    }
    for (uint64_t i = CALLS; i-- > 0;) {
        struct call_record call = insistent(i);

        judge_feed_call(hearing.judge, &call);
    }
    for (uint64_t i = 0; i < CALLS; i++) {
        struct call_record call = insistent(i);
        struct journal_record record = sample_journal(&hearing.scenario, &call, 1);

        judge_feed_journal(hearing.judge, &record);
    }
    hearing_finish(&hearing);
    EXPECT_U64(judge_figures(hearing.judge)->calls, CALLS);
    EXPECT_U64(hearing_row(&hearing, "advice-heeded")->violations, CALLS);
}

/* --- lost evidence ---------------------------------------------------------------------------- */

static void a_journal_that_broke_off_makes_what_needs_it_inconclusive(void)
{
    struct call_record call = sample_call(0);

    hearing_begin(&hearing, NULL, "attempts.max <= 4");
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
    hearing.facts.journal_is_whole = false;
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("attempts.max <= 4")), "inconclusive");
    EXPECT_TEXT(slice_of(verdict_of("advice-heeded")), "inconclusive");
    EXPECT_TEXT(slice_of(verdict_of("attempts-bounded")), "inconclusive");
    EXPECT_TEXT(slice_of(verdict_of("deadline-kept")), "pass");
    EXPECT_TEXT(slice_of(reason_of("advice-heeded")), "the journal broke off before its end");
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_INCONCLUSIVE);
}

static void a_violation_that_was_seen_stands_whatever_was_lost(void)
{
    struct call_record call = insistent(0);

    hearing_begin(&hearing, NULL, NULL);
    feed_in_order(&call, 0);
    hearing.facts.journal_is_whole = false;
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("advice-heeded")), "fail");
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_FAIL);
}

static void an_attempt_that_never_reached_the_mock_is_no_lost_evidence(void)
{
    struct call_record call = sample_call(0);

    hearing_begin(&hearing, NULL, NULL);
    judge_feed_call(hearing.judge, &call); /* sent, and given up on the way */
    hearing.facts.calls_planned = 1;
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("advice-heeded")), "pass");
}

static void requests_that_no_caller_knows_of_make_the_journals_laws_inconclusive(void)
{
    struct call_record call = sample_call(0);
    struct journal_record record;

    hearing_begin(&hearing, NULL, NULL);
    hearing_feed(&hearing, &call);
    record = sample_journal(&hearing.scenario, &call, 0);
    record.number = 99;
    judge_feed_journal(hearing.judge, &record);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("attempts-bounded")), "inconclusive");
    EXPECT_TEXT(slice_of(verdict_of("one-outcome")), "pass");
}

static void a_call_known_by_likeness_only_proves_nothing(void)
{
    struct call_record call = insistent(0);
    struct journal_record record;

    hearing_begin(&hearing, NULL, NULL);
    record = refusal_of(&call);
    record.key = KEY_LIKENESS;
    judge_feed_journal(hearing.judge, &record);
    record = sample_journal(&hearing.scenario, &call, 1);
    judge_feed_journal(hearing.judge, &record);
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("advice-heeded")), "inconclusive");
}

static void without_a_mock_the_callers_laws_are_judged_alone(void)
{
    struct call_record call = sample_call(0);

    hearing_begin(&hearing, NULL, NULL);
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
    hearing.facts.has_journal = hearing.facts.journal_is_whole = false;
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("advice-heeded")), "n/a");
    EXPECT_TEXT(slice_of(verdict_of("attempts-bounded")), "pass");
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_PASS);
}

static void a_run_without_calls_proves_nothing(void)
{
    hearing_begin(&hearing, NULL, "calls.failed == 0");
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("no-hang")), "inconclusive");
    EXPECT_TEXT(slice_of(verdict_of("calls.failed == 0")), "inconclusive");
}

/* --- conditions ------------------------------------------------------------------------------- */

static void feed_calls(uint64_t from, uint64_t count, nanos lag)
{
    for (uint64_t i = from; i < from + count; i++) {
        struct call_record call = sample_call(i);

        call.attempts[0].handed_at = call.due_at + lag;
        hearing_feed(&hearing, &call);
    }
}

static void faults_consumed_names_the_rule_that_should_have_fired(void)
{
    hearing_begin(&hearing, NULL, NULL);
    feed_calls(100, 20, 0); /* 20 calls in the storm: 60 % of them are 12 firings */
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("faults-consumed")), "inconclusive");
    EXPECT_TEXT(slice_of(reason_of("faults-consumed")),
                "rule \"storm-429\" never fired, where about 12 firings were to be expected");
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_INCONCLUSIVE);
}

static void faults_consumed_asks_for_nothing_where_few_firings_were_to_be_expected(void)
{
    hearing_begin(&hearing, NULL, NULL);
    feed_calls(100, 16, 0); /* 9.6 */
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("faults-consumed")), "pass");
}

static void faults_consumed_is_content_with_one_firing(void)
{
    struct call_record call = sample_call(99);
    struct journal_record record;

    hearing_begin(&hearing, NULL, NULL);
    feed_calls(100, 20, 0);
    record = sample_journal(&hearing.scenario, &call, 0);
    record.rule = SAMPLE_STORM_RULE;
    record.rules_matched = 1;
    judge_feed_journal(hearing.judge, &record);
    judge_feed_call(hearing.judge, &call);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("faults-consumed")), "pass");
    EXPECT_U64(judge_figures(hearing.judge)->rules_fired[SAMPLE_STORM_RULE], 1);
}

static void faults_consumed_exempts_a_share_of_zero(void)
{
    sample_scenario(&hearing.scenario);
    hearing.scenario.chaos.rules[SAMPLE_STORM_RULE].share = 0;
    hearing_start(&hearing, NULL, NULL);
    feed_calls(100, 100, 0);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("faults-consumed")), "pass");
}

static void faults_consumed_does_not_count_what_places_a_model_has(void)
{
    static const struct fault fewer = {.kind = FAULT_CAPACITY, .factor = 0.3};

    sample_scenario(&hearing.scenario);
    hearing.scenario.chaos.rules[SAMPLE_STORM_RULE].sequence = &fewer;
    hearing.scenario.chaos.rules_count = 1;
    hearing_start(&hearing, NULL, NULL);
    feed_calls(100, 100, 0);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("faults-consumed")), "pass");
    EXPECT_TEXT(slice_of(hearing_row(&hearing, "faults-consumed")->value), "nothing to count");
}

/* Only the bytes and the order of requests tell how often it should fire. */
static void faults_consumed_expects_of_selective_rules_what_the_journal_matched(void)
{
    static const struct {
        uint32_t conditions;
        uint64_t every;
        const char *isolation;
    } rules[] = {{1, 0, ""}, {0, 2, ""}, {0, 0, "t1"}};

    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        struct chaos_rule *rule = &hearing.scenario.chaos.rules[SAMPLE_STORM_RULE];

        sample_scenario(&hearing.scenario);
        rule->match.conditions_count = rules[i].conditions;
        rule->order.every = rules[i].every;
        slice_copy(slice_of(rules[i].isolation), rule->match.isolation,
                   sizeof(rule->match.isolation));
        hearing_start(&hearing, NULL, NULL);
        feed_calls(100, 100, 0);
        hearing_finish(&hearing);
        EXPECT_TEXT(slice_of(verdict_of("faults-consumed")), "pass");
        hearing_end(&hearing);
    }
    hearing_begin(&hearing, NULL, NULL);
}

static void feed_matched(uint64_t first, uint64_t count, uint64_t matched, int16_t fired)
{
    for (uint64_t i = first; i < first + count; i++) {
        struct call_record call = sample_call(i);
        struct journal_record record = sample_journal(&hearing.scenario, &call, 0);

        record.rules_matched = matched;
        record.rule = fired;
        judge_feed_journal(hearing.judge, &record);
        judge_feed_call(hearing.judge, &call);
        hearing.facts.calls_planned++;
    }
}

static void faults_consumed_expects_selective_rules_that_matched_to_fire(void)
{
    sample_scenario(&hearing.scenario);
    hearing.scenario.chaos.rules[SAMPLE_STORM_RULE].order.every = 2;
    hearing_start(&hearing, NULL, NULL);
    feed_matched(100, 20, 1, PLAN_NO_RULE);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("faults-consumed")), "inconclusive");
}

/* Both windows are open, and the storm takes every attempt. */
static void overlap(int32_t priority)
{
    struct chaos *chaos = &hearing.scenario.chaos;

    sample_scenario(&hearing.scenario);
    chaos->phases.list[1].at = chaos->phases.list[0].at;
    chaos->rules[SAMPLE_STORM_RULE].share = 1;
    chaos->rules[SAMPLE_OVERLOAD_RULE].priority = priority;
    hearing_start(&hearing, NULL, NULL);
    feed_matched(100, 20, 3, SAMPLE_STORM_RULE);
    hearing_finish(&hearing);
}

static void faults_consumed_expects_nothing_of_a_rule_that_another_one_stands_before(void)
{
    overlap(0);
    EXPECT_TEXT(slice_of(verdict_of("faults-consumed")), "pass");
}

static void faults_consumed_knows_which_of_two_phases_comes_first(void)
{
    overlap(1);
    EXPECT_TEXT(slice_of(reason_of("faults-consumed")),
                "rule \"overload-529\" never fired, where about 18 firings were to be expected");
}

/* --- rules of connections: the storm refuses Claude's ----------------------------------------- */

static void refuse_connections(enum connection_fault connection, double share)
{
    static struct fault fault;
    struct chaos_rule *rule = &hearing.scenario.chaos.rules[SAMPLE_STORM_RULE];

    fault = (struct fault){.kind = FAULT_CONNECTION, .connection = connection};
    sample_scenario(&hearing.scenario);
    slice_copy(SLICE("anthropic"), rule->match.provider, sizeof(rule->match.provider));
    rule->sequence = &fault;
    rule->share = share;
    hearing_start(&hearing, NULL, NULL);
    feed_calls(100, 20, 0);
}

static void faults_consumed_sees_that_no_new_connection_came(void)
{
    refuse_connections(CONNECTION_REFUSED, 1);
    hearing_finish(&hearing);
    EXPECT_TEXT(
        slice_of(reason_of("faults-consumed")),
        "rule \"storm-429\" hits new connections, and met none: 20 requests came over those "
        "that were open before");
    EXPECT_TEXT(slice_of(verdict_of("faults-consumed")), "inconclusive");
}

static void faults_consumed_asks_the_caller_who_was_refused(void)
{
    struct call_record call = sample_call(121);

    refuse_connections(CONNECTION_REFUSED, 1);
    sample_fail(&call, OUTCOME_CONNECT, 0, call.due_at);
    judge_feed_call(hearing.judge, &call);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("faults-consumed")), "pass");
}

static void faults_consumed_exempts_connections_that_nobody_can_count(void)
{
    refuse_connections(CONNECTION_REFUSED, 0.5);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("faults-consumed")), "pass");
    hearing_end(&hearing);
    refuse_connections(CONNECTION_IDLE_CLOSED, 1);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("faults-consumed")), "pass");
}

static void what_asks_no_model_has_no_unknown_price(void)
{
    struct journal_record note = {.model = 2,
                                  .head_in_at = NANOS_NEVER,
                                  .kind = JOURNAL_CONNECTION,
                                  .rule = SAMPLE_STORM_RULE};
    struct journal_record listing = {
        .model = 2, .status = 200, .kind = JOURNAL_MODELS, .rule = PLAN_NO_RULE};

    hearing_begin(&hearing, NULL, "billed.total <= $10");
    feed_calls(0, 100, 0);
    judge_feed_journal(hearing.judge, &note);
    judge_feed_journal(hearing.judge, &listing);
    hearing_finish(&hearing);
    EXPECT_U64(judge_figures(hearing.judge)->billed_unknown, 0);
    EXPECT_TEXT(slice_of(verdict_of("billed.total <= $10")), "pass");
    EXPECT_U64(judge_figures(hearing.judge)->rules_fired[SAMPLE_STORM_RULE], 1);
}

static void rules_on_hooks_are_counted(void)
{
    struct journal_record post = {.is_hook = true,
                                  .kind = JOURNAL_HOOK,
                                  .status = 500,
                                  .rule = SAMPLE_STORM_RULE,
                                  .rules_matched = 1};

    hearing_begin(&hearing, NULL, NULL);
    judge_feed_journal(hearing.judge, &post);
    hearing_finish(&hearing);
    EXPECT_U64(judge_figures(hearing.judge)->rules_fired[SAMPLE_STORM_RULE], 1);
    EXPECT_U64(judge_figures(hearing.judge)->rules_matched[SAMPLE_STORM_RULE], 1);
}

static void a_late_generator_makes_latencies_inconclusive(void)
{
    sample_scenario(&hearing.scenario);
    hearing.scenario.expects[0].text = SLICE("response.p95 <= 3s");
    hearing.scenario.expects[1].text = SLICE("response.p95 <= 1s");
    hearing.scenario.expects[2].text = SLICE("calls.useful == 100%");
    hearing.scenario.expects_count = 3;
    hearing_start(&hearing, NULL, NULL);
    feed_calls(0, 100, 11 * NANOS_MS);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("schedule-kept")), "inconclusive");
    EXPECT_TEXT(slice_of(verdict_of("response.p95 <= 3s")), "inconclusive");
    EXPECT_TEXT(slice_of(verdict_of("response.p95 <= 1s")), "inconclusive");
    EXPECT_TEXT(slice_of(verdict_of("calls.useful == 100%")), "pass");
}

static void a_run_cut_short_fails_no_expectation(void)
{
    sample_scenario(&hearing.scenario);
    hearing.scenario.expects[0].text = SLICE("response.p95 <= 3s");
    hearing.scenario.expects[1].text = SLICE("response.p95 <= 1s");
    hearing.scenario.expects_count = 2;
    hearing_start(&hearing, NULL, NULL);
    feed_calls(0, 100, 0);
    hearing.facts.was_interrupted = true;
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("response.p95 <= 3s")), "pass");
    EXPECT_TEXT(slice_of(verdict_of("response.p95 <= 1s")), "inconclusive");
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_INCONCLUSIVE);
}

/* More calls cannot make it less. */
static void what_was_too_much_before_a_cut_stays_too_much(void)
{
    sample_scenario(&hearing.scenario);
    hearing.scenario.expects[0].text = SLICE("response.max <= 1s");
    hearing.scenario.expects[1].text = SLICE("tokens.out <= 1");
    hearing.scenario.expects[2].text = SLICE("response.min >= 10s");
    hearing.scenario.expects[3].text = SLICE("response.min <= 1ms");
    hearing.scenario.expects_count = 4;
    hearing_start(&hearing, NULL, NULL);
    feed_calls(0, 100, 0);
    hearing.facts.was_interrupted = true;
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("response.max <= 1s")), "fail");
    EXPECT_TEXT(slice_of(verdict_of("tokens.out <= 1")), "fail");
    EXPECT_TEXT(slice_of(verdict_of("response.min >= 10s")), "fail");
    EXPECT_TEXT(slice_of(verdict_of("response.min <= 1ms")), "inconclusive");
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_FAIL);
}

static void a_punctual_generator_keeps_its_schedule(void)
{
    hearing_begin(&hearing, NULL, "response.p95 <= 3s");
    feed_calls(0, 100, 9 * NANOS_MS);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("schedule-kept")), "pass");
    EXPECT_TEXT(slice_of(verdict_of("response.p95 <= 3s")), "pass");
}

static void the_schedule_widens_with_the_first_tokens_of_a_slow_model(void)
{
    sample_scenario(&hearing.scenario);
    hearing.scenario.models[SAMPLE_CLAUDE].first_token.p50 = 3e9; /* 1 % are 30 ms */
    hearing_start(&hearing, NULL, NULL);
    feed_calls(0, 100, 29 * NANOS_MS);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("schedule-kept")), "pass");
}

/* --- evidence that is damaged ----------------------------------------------------------------- */

static void damaged_evidence_makes_nothing_good_and_nothing_broken_well(void)
{
    struct call_record call = insistent(0);
    uint32_t count;
    const struct verdict_row *rows;

    sample_scenario(&hearing.scenario);
    hearing.scenario.expects[0].text = SLICE("calls.count == 1");
    hearing.scenario.expects[1].text = SLICE("calls.count == 2");
    hearing.scenario.expects_count = 2;
    hearing_start(&hearing, NULL, NULL);
    feed_in_order(&call, 0);
    slice_copy(SLICE("calls.jsonl ends in the middle of line 2"), hearing.facts.lost,
               sizeof(hearing.facts.lost));
    hearing_finish(&hearing);
    rows = judge_rows(hearing.judge, &count);
    for (uint32_t i = 0; i < count; i++)
        CU_ASSERT(rows[i].verdict != VERDICT_PASS);
    EXPECT_TEXT(slice_of(verdict_of("advice-heeded")), "fail");
    EXPECT_TEXT(slice_of(verdict_of("one-outcome")), "inconclusive");
    EXPECT_TEXT(slice_of(reason_of("one-outcome")), "calls.jsonl ends in the middle of line 2");
    EXPECT_TEXT(slice_of(verdict_of("calls.count == 1")), "inconclusive");
    EXPECT_TEXT(slice_of(verdict_of("calls.count == 2")), "fail");
    EXPECT_TEXT(slice_of(verdict_of("alert-once")), "n/a");
}

static void a_live_target_has_no_journal_to_judge_by(void)
{
    struct call_record call = sample_call(0);

    hearing_begin(&hearing, NULL, "billed.total <= $1");
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
    hearing.facts.is_live = true;
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of("advice-heeded")), "n/a");
    EXPECT_TEXT(slice_of(reason_of("cost-agree")),
                "needs the journal of a mock: a live target has none");
    EXPECT_TEXT(slice_of(verdict_of("attempts-bounded")), "pass");
    EXPECT_TEXT(slice_of(verdict_of("billed.total <= $1")), "inconclusive");
}

/* --- those who listen ------------------------------------------------------------------------- */

struct told_calls {
    uint32_t count, violations;
    uint64_t last;
};

static void hear(void *context, const struct call_record *call, bool is_violation)
{
    struct told_calls *heard = context;

    heard->count++;
    heard->violations += is_violation;
    heard->last = call->id.index;
}

static void tells_of_each_judged_call_and_whether_it_broke_a_law(void)
{
    struct call_record good = sample_call(0), bad = insistent(1), open = sample_call(2);
    struct told_calls heard = {0};

    hearing_begin(&hearing, NULL, NULL);
    judge_set_on_judged(hearing.judge, hear, &heard);
    hearing_feed(&hearing, &good);
    EXPECT_U64(heard.count, 1);
    EXPECT_U64(heard.violations, 0);
    feed_in_order(&bad, 0);
    EXPECT_U64(heard.count, 2);
    EXPECT_U64(heard.violations, 1);
    judge_feed_call(hearing.judge, &open); /* its request is still to come */
    EXPECT_U64(heard.count, 2);
    hearing.facts.calls_planned++;
    hearing_finish(&hearing);
    EXPECT_U64(heard.count, 3);
    EXPECT_U64(heard.last, 2);
}

static void tells_of_a_second_record_as_a_violation(void)
{
    struct call_record call = sample_call(0);
    struct told_calls heard = {0};

    hearing_begin(&hearing, NULL, NULL);
    judge_set_on_judged(hearing.judge, hear, &heard);
    hearing_feed(&hearing, &call);
    judge_feed_call(hearing.judge, &call);
    EXPECT_U64(heard.count, 2);
    EXPECT_U64(heard.violations, 1);
    hearing_finish(&hearing);
}

/* No journal will come: a long run would keep every call to its end. */
static void calls_of_a_live_target_are_judged_as_they_come(void)
{
    struct call_record call = sample_call(0);
    struct told_calls heard = {0};

    sample_scenario(&hearing.scenario);
    hearing.scenario.target = TARGET_LIVE;
    hearing_start(&hearing, NULL, NULL);
    judge_set_on_judged(hearing.judge, hear, &heard);
    judge_feed_call(hearing.judge, &call);
    EXPECT_U64(heard.count, 1);
    hearing.facts.is_live = true;
    hearing_finish(&hearing);
    EXPECT_U64(heard.count, 1);
}

/* --- a control run ---------------------------------------------------------------------------- */

static struct hearing control;

static void feed_answers(struct hearing *to, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct call_record call = sample_call(i);

        hearing_feed(to, &call);
    }
}

/* Both hearings of one text; the control's without faults. */
static void begin_both(const char *expectation)
{
    sample_scenario(&hearing.scenario);
    hearing.scenario.has_control = true;
    control.scenario = hearing.scenario;
    control.scenario.chaos.rules_count = 0;
    hearing_start(&hearing, NULL, expectation);
    hearing_start(&control, NULL, expectation);
}

static void a_control_measure_is_read_from_the_control_run(void)
{
    static const char text[] = "cost.total <= 1.3 * control.cost.total";

    begin_both(text);
    feed_answers(&control, 100);
    hearing_finish(&control);
    feed_answers(&hearing, 130);
    judge_set_control(hearing.judge, control.judge);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of(text)), "pass");
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, text)->value, "$0.546 against $0.42, 1.3 times");
    hearing_end(&hearing);
    hearing_start(&hearing, NULL, NULL); /* the expectation is still there */
    feed_answers(&hearing, 131);
    judge_set_control(hearing.judge, control.judge);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of(text)), "fail");
    hearing_end(&control);
}

static void a_control_of_no_use_is_no_yardstick(void)
{
    static const char text[] = "calls.useful >= control.calls.useful";

    begin_both(text);
    for (uint64_t i = 0; i < 100; i++) {
        struct call_record call = sample_call(i);

        sample_fail(&call, OUTCOME_OVERLOADED, 529, call.due_at + 300 * NANOS_MS);
        hearing_feed(&control, &call);
    }
    hearing_finish(&control);
    feed_answers(&hearing, 100);
    judge_set_control(hearing.judge, control.judge);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of(text)), "inconclusive");
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, text)->reason,
                           "the control run: no call of it was useful");
    hearing_end(&control);
}

static void the_phases_of_chaos_are_windows_of_the_control_too(void)
{
    static const char text[] = "calls.count{phase=storm} == control.calls.count{phase=storm}";

    begin_both(text);
    feed_answers(&control, 150);
    hearing_finish(&control);
    feed_answers(&hearing, 150);
    judge_set_control(hearing.judge, control.judge);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of(text)), "pass");
    EXPECT_U64(hearing_row(&hearing, text)->n, 50);
    hearing_end(&control);
}

static void without_a_sound_control_nothing_is_compared(void)
{
    static const char text[] = "cost.total <= 1.3 * control.cost.total";

    begin_both(text);
    feed_answers(&hearing, 10);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of(text)), "inconclusive");
    EXPECT_TEXT(slice_of(reason_of(text)), "there is no control run to compare with");
    hearing_end(&hearing);

    hearing_start(&hearing, NULL, NULL);
    feed_answers(&hearing, 10);
    feed_answers(&control, 10);
    control.facts.was_interrupted = true;
    hearing_finish(&control);
    judge_set_control(hearing.judge, control.judge);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(verdict_of(text)), "inconclusive");
    EXPECT_TEXT(slice_of(reason_of(text)), "the control run: it was cut short");
    hearing_end(&hearing);
    hearing_end(&control);

    hearing_start(&hearing, NULL, NULL);
    hearing_start(&control, NULL, NULL);
    feed_answers(&hearing, 10);
    hearing_finish(&control);
    judge_set_control(hearing.judge, control.judge);
    hearing_finish(&hearing);
    EXPECT_TEXT(slice_of(reason_of(text)), "the control run: no cost is known");
    hearing_end(&control);
}

/* --- figures ---------------------------------------------------------------------------------- */

static void counts_the_calls_open_at_once(void)
{
    hearing_begin(&hearing, NULL, NULL);
    feed_calls(0, 100, 0); /* 2 s each, one per 100 ms */
    hearing_finish(&hearing);
    CU_ASSERT(judge_figures(hearing.judge)->in_flight_most >= 20);
    CU_ASSERT(judge_figures(hearing.judge)->in_flight_most <= 21);
}

static void money_and_tokens_add_up(void)
{
    struct call_record failed = sample_call(2);
    const struct run_figures *f;

    hearing_begin(&hearing, NULL, NULL);
    feed_calls(0, 2, 0);
    sample_fail(&failed, OUTCOME_OVERLOADED, 529, failed.ended_at);
    hearing_feed(&hearing, &failed);
    hearing_finish(&hearing);
    f = judge_figures(hearing.judge);
    EXPECT_I64(f->cost, 2 * SAMPLE_CLAUDE_COST);
    EXPECT_I64(f->billed, 2 * SAMPLE_CLAUDE_COST);
    EXPECT_I64(f->cost_failed, 0);
    EXPECT_U64(f->cost_unknown, 1);
    EXPECT_U64(f->tokens_in, 1600);
    EXPECT_U64(f->tokens_out, 240);
}

static void every_call_is_useful_failed_or_unfinished(void)
{
    const struct run_figures *f;

    run_that_fails(&hearing);
    f = judge_figures(hearing.judge);
    EXPECT_U64(f->calls, SAMPLE_CALLS);
    EXPECT_U64(f->useful + f->failed + f->unfinished, f->calls);
    EXPECT_U64(f->outcomes[OUTCOME_OK] + f->outcomes[OUTCOME_OVERLOADED], f->calls);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void a_judge_without_memory_is_refused_and_leaves_nothing_behind(void)
{
    struct scenario scenario;
    struct flaky flaky;
    uint64_t allow = 0;

    sample_scenario(&scenario);
    scenario.text = SLICE("{\"no-hang\": true}");
    scenario.laws.text = scenario.text;
    scenario.expects[0].text = SLICE("response.p99 <= 2 * response.p50");
    scenario.expects[1].text = SLICE("recovery.time{phase=storm} <= 5s");
    scenario.expects_count = 2;
    scenario.monitor = (struct monitor_rules){
        .is_on = true, .budgets = {{"tight", MONEY_USD, NANOS_S}}, .budgets_count = 1};
    do {
        struct memory memory;
        struct judge *judge = NULL;
        struct error err;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        rc = judge_new(&judge, &scenario, &memory, &err);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        judge_free(judge);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 8);
}

/* Memory that runs out while the run runs loses evidence, and says so; it never invents a pass. */
static void evidence_lost_for_want_of_memory_is_never_a_pass(void)
{
    struct scenario scenario;
    struct flaky flaky;
    uint64_t allow = 0;

    sample_scenario(&scenario);
    do {
        struct run_facts facts = {.calls_planned = 1,
                                  .cut_at = 80 * NANOS_S,
                                  .has_journal = true,
                                  .journal_is_whole = true};
        struct call_record call = sample_call(0);
        struct journal_record record = sample_journal(&scenario, &call, 0);
        struct memory memory;
        struct judge *judge = NULL;
        struct error err;

        flaky = (struct flaky){.allow = UINT64_MAX};
        memory = flaky_memory(&flaky);
        CU_ASSERT_FATAL(judge_new(&judge, &scenario, &memory, &err) == RC_OK);
        flaky.allow = allow++;
        judge_feed_journal(judge, &record);
        judge_feed_call(judge, &call);
        judge_finish(judge, &facts);
        EXPECT_U64(judge_verdict(judge), flaky.failed ? VERDICT_INCONCLUSIVE : VERDICT_PASS);
        judge_free(judge);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 3);
}

static CU_TestInfo tests[] = {
    {"judges the same in whatever order evidence comes",
     judges_the_same_in_whatever_order_evidence_comes},
    {"names the five calls due first, whatever came first",
     names_the_five_calls_due_first_whatever_came_first},
    {"joins thousands of calls that are open at once",
     joins_thousands_of_calls_that_are_open_at_once},
    {"a journal that broke off makes what needs it inconclusive",
     a_journal_that_broke_off_makes_what_needs_it_inconclusive},
    {"a violation that was seen stands, whatever was lost",
     a_violation_that_was_seen_stands_whatever_was_lost},
    {"an attempt that never reached the mock is no lost evidence",
     an_attempt_that_never_reached_the_mock_is_no_lost_evidence},
    {"requests that no caller knows of make the journal's laws inconclusive",
     requests_that_no_caller_knows_of_make_the_journals_laws_inconclusive},
    {"a call known by likeness only proves nothing", a_call_known_by_likeness_only_proves_nothing},
    {"without a mock the caller's laws are judged alone",
     without_a_mock_the_callers_laws_are_judged_alone},
    {"a run without calls proves nothing", a_run_without_calls_proves_nothing},
    {"faults-consumed names the rule that should have fired",
     faults_consumed_names_the_rule_that_should_have_fired},
    {"faults-consumed asks for nothing where few firings were to be expected",
     faults_consumed_asks_for_nothing_where_few_firings_were_to_be_expected},
    {"faults-consumed is content with one firing", faults_consumed_is_content_with_one_firing},
    {"faults-consumed exempts a share of zero", faults_consumed_exempts_a_share_of_zero},
    {"a run cut short fails no expectation", a_run_cut_short_fails_no_expectation},
    {"what was too much before a cut stays too much",
     what_was_too_much_before_a_cut_stays_too_much},
    {"faults-consumed does not count what places a model has",
     faults_consumed_does_not_count_what_places_a_model_has},
    {"faults-consumed expects of selective rules what the journal matched",
     faults_consumed_expects_of_selective_rules_what_the_journal_matched},
    {"faults-consumed expects selective rules that matched to fire",
     faults_consumed_expects_selective_rules_that_matched_to_fire},
    {"faults-consumed expects nothing of a rule that another one stands before",
     faults_consumed_expects_nothing_of_a_rule_that_another_one_stands_before},
    {"faults-consumed knows which of two phases comes first",
     faults_consumed_knows_which_of_two_phases_comes_first},
    {"faults-consumed sees that no new connection came",
     faults_consumed_sees_that_no_new_connection_came},
    {"faults-consumed asks the caller who was refused",
     faults_consumed_asks_the_caller_who_was_refused},
    {"faults-consumed exempts connections that nobody can count",
     faults_consumed_exempts_connections_that_nobody_can_count},
    {"what asks no model has no unknown price", what_asks_no_model_has_no_unknown_price},
    {"rules on hooks are counted", rules_on_hooks_are_counted},
    {"a late generator makes latencies inconclusive, passed or failed",
     a_late_generator_makes_latencies_inconclusive},
    {"a punctual generator keeps its schedule", a_punctual_generator_keeps_its_schedule},
    {"the schedule widens with the first tokens of a slow model",
     the_schedule_widens_with_the_first_tokens_of_a_slow_model},
    {"damaged evidence makes nothing good, and nothing broken well",
     damaged_evidence_makes_nothing_good_and_nothing_broken_well},
    {"calls of a live target are judged as they come",
     calls_of_a_live_target_are_judged_as_they_come},
    {"a live target has no journal to judge by", a_live_target_has_no_journal_to_judge_by},
    {"tells of each judged call, and whether it broke a law",
     tells_of_each_judged_call_and_whether_it_broke_a_law},
    {"tells of a second record as a violation", tells_of_a_second_record_as_a_violation},
    {"a control measure is read from the control run",
     a_control_measure_is_read_from_the_control_run},
    {"a control of no use is no yardstick", a_control_of_no_use_is_no_yardstick},
    {"the phases of chaos are windows of the control too",
     the_phases_of_chaos_are_windows_of_the_control_too},
    {"without a sound control nothing is compared", without_a_sound_control_nothing_is_compared},
    {"money and tokens add up", money_and_tokens_add_up},
    {"counts the calls open at once", counts_the_calls_open_at_once},
    {"every call is useful, failed or unfinished", every_call_is_useful_failed_or_unfinished},
    {"a judge without memory is refused and leaves nothing behind",
     a_judge_without_memory_is_refused_and_leaves_nothing_behind},
    {"evidence lost for want of memory is never a pass",
     evidence_lost_for_want_of_memory_is_never_a_pass},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo judge_suite = {"judge", NULL, NULL, NULL, tear_down, tests};
