#include "judge/measure.h"

#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "judge/expectation.h"
#include "tests/support/expect.h"
#include "tests/support/sample.h"

/* A measurement is written as the left side of an expectation and fed call by call. */

static struct scenario scenario;
static struct expectation expectation;
static struct measured measured;
static struct run_figures figures;

static void set_up(void)
{
    sample_scenario(&scenario);
    figures = (struct run_figures){0};
    expectation = (struct expectation){0};
}

static void tear_down(void)
{
    expectation_deinit(&expectation);
}

static void begin(const char *text)
{
    const struct scenario_text place = {slice_of(text), {1, 1}};
    struct error err = {0};

    expectation_deinit(&expectation);
    EXPECT_RC(expectation_read(&expectation, &scenario, &place, memory_heap(), &err), RC_OK);
    CU_ASSERT_STRING_EQUAL_FATAL(err.text, "");
}

static void feed(const struct call_record *call)
{
    struct call_case c;

    call_case_init(&c, &scenario, call, NULL, 0);
    c.cut_at = 80 * NANOS_S;
    expectation_feed(&expectation, &c);
}

static void feed_good(uint64_t from, uint64_t count)
{
    for (uint64_t i = from; i < from + count; i++) {
        struct call_record call = sample_call(i);

        feed(&call);
    }
}

static void feed_failed(uint64_t from, uint64_t count)
{
    for (uint64_t i = from; i < from + count; i++) {
        struct call_record call = sample_call(i);

        sample_fail(&call, OUTCOME_OVERLOADED, 529, call.due_at + 300 * NANOS_MS);
        feed(&call);
    }
}

/* One call: told 429, then answered by the other model, 3 s after it was due. */
static struct call_record fallen_back(uint64_t index)
{
    struct call_record call = sample_call(index);

    sample_fail(&call, OUTCOME_RATE_LIMITED, 429, call.due_at + 300 * NANOS_MS);
    sample_retry(&call, SAMPLE_GPT, call.due_at + NANOS_S);
    return call;
}

static void expect_value(double value, uint64_t n)
{
    measurement_value(&expectation.left, &figures, &measured);
    CU_ASSERT(measured.is_known);
    CU_ASSERT_DOUBLE_EQUAL(measured.value, value, fabs(value) * 0.001);
    EXPECT_U64(measured.n, n);
}

static void expect_unknown(const char *reason)
{
    measurement_value(&expectation.left, &figures, &measured);
    CU_ASSERT(!measured.is_known);
    CU_ASSERT_STRING_EQUAL(measured.reason, reason);
}

/* A measure over one call that fell back. */
static void expect_of_one(const char *text, double value)
{
    struct call_record call = fallen_back(0);

    begin(text);
    feed(&call);
    expect_value(value, 1);
}

/* --- what each measures ----------------------------------------------------------------------- */

static void headline_spans_count_from_the_calls_due(void)
{
    expect_of_one("response.max < 9s", 3e9);
    expect_of_one("first_byte.max < 9s", 1.39e9);
    expect_of_one("first_token.max < 9s", 1.4e9);
    expect_of_one("first_content.max < 9s", 1.4e9);
}

static void service_counts_from_the_answering_attempts_sent(void)
{
    expect_of_one("service.max < 9s", 2e9);
}

static void counts_attempts_waits_and_retries(void)
{
    expect_of_one("attempts.max < 9", 2);
    expect_of_one("amplification < 9", 2);
    expect_of_one("wait.max < 9s", 0.7e9);
    expect_of_one("retries < 9", 1);
    expect_of_one("retries{cause=429} < 9", 1);
    expect_of_one("silence.max < 9s", 14e6);
}

static void retries_count_by_their_cause(void)
{
    struct call_record call = fallen_back(0);

    begin("retries{cause=529} < 9");
    feed(&call); /* no attempt of it failed so */
    expect_unknown("no call to judge it by");
}

static void tokens_count_where_the_answer_told_them(void)
{
    struct call_record call = sample_call(0);

    expect_of_one("tokens.in < 9", 800);
    expect_of_one("tokens.out < 9", 120);
    begin("tokens.out < 9");
    feed(&call);
    call.usage.is_known = false;
    feed(&call);
    expect_value(120, 1); /* never a silent zero */
}

/* Attempt 1 failed after its usage was told ($0.0042), attempt 2 answered ($0.0032). */
static struct call_record paid_twice(uint64_t index)
{
    struct call_record call = fallen_back(index);

    call.attempts[0].usage =
        (struct usage){.is_known = true, .input_tokens = 800, .output_tokens = 120};
    call.attempts[0].has_cost = true;
    call.attempts[0].cost = call.cost_failed = SAMPLE_CLAUDE_COST;
    call.cost += SAMPLE_CLAUDE_COST;
    call.cost_unknown = 0;
    return call;
}

static void feed_paid(const char *text)
{
    struct call_record twice = paid_twice(0), once = sample_call(1), late = sample_call(2);

    late.ended_at = late.due_at + 11 * NANOS_S;
    late.outcome = OUTCOME_USELESS;
    begin(text);
    feed(&twice);
    feed(&once);
    feed(&late);
}

static void money_counts_every_attempt_whose_cost_is_known(void)
{
    feed_paid("cost.total <= $1");
    expect_value(0.0042e12 + 0.0032e12 + 2 * 0.0042e12, 3);
    feed_paid("cost.max <= $1");
    expect_value(0.0074e12, 3);
    feed_paid("cost.wasted <= $1"); /* the failed attempt, and the answer that came too late */
    expect_value(2 * 0.0042e12, 3);
    feed_paid("cost.per_useful <= $1");
    expect_value((3 * 0.0042e12 + 0.0032e12) / 2, 3);
}

static void amplification_of_money_and_tokens_is_against_useful_answers(void)
{
    feed_paid("amplification.cost <= 3");
    expect_value((3 * 0.0042 + 0.0032) / (0.0032 + 0.0042), 3);
    feed_paid("amplification.tokens <= 3");
    expect_value(4.0 / 2.0, 3);
}

static void money_nobody_knows_of_is_no_zero(void)
{
    begin("cost.total <= $1");
    feed_failed(0, 3);
    expect_unknown("no cost is known");
    begin("cost.per_useful <= $1");
    feed_failed(0, 3);
    expect_unknown("no cost is known");
    begin("amplification.tokens <= 2");
    feed_failed(0, 3);
    expect_unknown("no useful answer to set it against");
}

/* An answer that cost $0.0042, behind an attempt whose usage never arrived. */
static void feed_untold(const char *text, struct journal_record *seen)
{
    struct request_seen requests[2];
    struct call_record call = sample_call(0);
    struct call_case c;

    sample_fail(&call, OUTCOME_RESET_AFTER, 200, call.due_at + 300 * NANOS_MS);
    sample_retry(&call, SAMPLE_CLAUDE, call.due_at + NANOS_S);
    begin(text);
    for (uint32_t i = 0; seen != NULL && i < 2; i++) {
        struct journal_record record = sample_journal(&scenario, &call, i);

        requests[i] = request_seen_of(i == 0 ? seen : &record);
    }
    call_case_init(&c, &scenario, &call, requests, seen != NULL ? 2 : 0);
    c.has_journal = seen != NULL;
    expectation_feed(&expectation, &c);
}

static void expect_row(enum verdict verdict, const char *value, const char *reason)
{
    struct verdict_row row;

    expectation_judge(&expectation, &figures, NULL, &row);
    EXPECT_U64(row.verdict, verdict);
    CU_ASSERT_STRING_EQUAL(row.value, value);
    CU_ASSERT_STRING_EQUAL(row.reason, reason);
}

static void what_the_caller_was_never_told_is_bounded_by_the_bill(void)
{
    struct journal_record seen = {.attempt = 1, .status = 200, .has_cost = true};
    const char *reason =
        "1 attempt of unknown cost, at most $0.0052 with what the mock counts for them";

    seen.cost = MONEY_USD / 1000;
    feed_untold("cost.total <= $1", &seen);
    expect_row(VERDICT_PASS, "$0.0042", reason);
    feed_untold("cost.total <= $0.0052", &seen);
    expect_row(VERDICT_PASS, "$0.0042", reason);
    feed_untold("cost.total <= $0.005199", &seen);
    expect_row(VERDICT_INCONCLUSIVE, "$0.0042", reason);
    feed_untold("cost.total < $0.0042", &seen);
    expect_row(VERDICT_FAIL, "$0.0042", reason);
    feed_untold("cost.total >= $0.005", &seen);
    expect_row(VERDICT_INCONCLUSIVE, "$0.0042", reason);
    feed_untold("cost.total == $0.005", &seen);
    expect_row(VERDICT_INCONCLUSIVE, "$0.0042", reason);
    feed_untold("cost.total == $0.006", &seen);
    expect_row(VERDICT_FAIL, "$0.0042", reason);
    feed_untold("cost.max <= $0.005", &seen);
    expect_row(VERDICT_INCONCLUSIVE, "$0.0042", reason);
    feed_untold("cost.per_useful <= $0.005", &seen);
    expect_row(VERDICT_INCONCLUSIVE, "$0.0042", reason);
    feed_untold("cost.wasted <= $0.0005", &seen);
    expect_row(VERDICT_INCONCLUSIVE, "$0.00",
               "1 attempt of unknown cost, at most $0.001 with what the mock counts for them");
    feed_untold("amplification.cost <= 1.2", &seen);
    expect_row(VERDICT_INCONCLUSIVE, "1",
               "1 attempt of unknown cost, at most 1.24 with what the mock counts for them");
    feed_untold("amplification.cost <= 1.3", &seen);
    expect_row(VERDICT_PASS, "1",
               "1 attempt of unknown cost, at most 1.24 with what the mock counts for them");
}

/* 800 tokens in and 120 out were told; of the broken attempt 800 were asked and 30 written. */
static void tokens_that_were_never_told_are_bounded_by_what_was_written(void)
{
    const char *reason =
        "1 attempt of unknown usage, at most 1.9 with what the mock counts for them";
    struct journal_record seen = {.attempt = 1, .status = 200, .tokens_written = 30};
    struct journal_record refused = {.attempt = 1, .status = 529};

    feed_untold("amplification.tokens <= 1.5", &seen);
    expect_row(VERDICT_INCONCLUSIVE, "1", reason);
    feed_untold("amplification.tokens <= 2", &seen);
    expect_row(VERDICT_PASS, "1", reason);
    feed_untold("amplification.tokens <= 1.5", &refused);
    expect_row(VERDICT_PASS, "1", "");
    feed_untold("amplification.tokens <= 1.5", NULL); /* no journal: nobody counted */
    expect_row(VERDICT_INCONCLUSIVE, "1", "1 attempt of unknown usage");
}

static void what_nobody_knows_the_cost_of_bounds_nothing(void)
{
    struct journal_record unpriced = {.attempt = 1, .status = 200};
    struct journal_record refused = {.attempt = 1, .status = 529};

    feed_untold("cost.total <= $1", NULL); /* no journal */
    expect_row(VERDICT_INCONCLUSIVE, "$0.0042", "1 attempt of unknown cost");
    feed_untold("cost.total <= $1", &unpriced);
    expect_row(VERDICT_INCONCLUSIVE, "$0.0042", "1 attempt of unknown cost");
    feed_untold("cost.total <= $0.004", &unpriced);
    expect_row(VERDICT_FAIL, "$0.0042", "1 attempt of unknown cost");
    feed_untold("cost.total <= $1", &refused); /* a refusal is free */
    expect_row(VERDICT_PASS, "$0.0042", "");
    figures.calls = 1;
    figures.billed_unknown = 3;
    begin("billed.total <= $1");
    expect_unknown("no cost is known");
    figures.billed = MONEY_USD / 2;
    expect_row(VERDICT_INCONCLUSIVE, "$0.50", "3 attempts of unknown cost");
}

static void useful_answers_of_unknown_cost_are_no_yardstick(void)
{
    struct call_record call = sample_call(0);

    call.attempts[0].has_cost = false;
    call.attempts[0].cost = call.cost = 0;
    call.cost_unknown = 1;
    begin("amplification.cost <= 1");
    feed_good(1, 1);
    feed(&call);
    expect_unknown("the cost of useful answers is not known");
}

static void a_value_close_to_its_limit_is_shown_whole(void)
{
    struct call_record call = sample_call(0);

    call.attempts[0].cost = call.cost = MONEY_USD / 1000000 * 4249;
    begin("cost.total <= $0.00425");
    feed(&call);
    expect_row(VERDICT_PASS, "$0.004249", "");
    begin("cost.total <= $0.004248");
    feed(&call);
    expect_row(VERDICT_FAIL, "$0.004249", "");
    call.ended_at = call.due_at + 2004 * NANOS_MS;
    begin("response.max <= 2s");
    feed(&call);
    expect_row(VERDICT_FAIL, "2.004 s", "");
}

static void a_shed_call_cost_nothing(void)
{
    struct call_record call = sample_call(0);

    call.attempts_count = 0;
    call.outcome = OUTCOME_SHED;
    call.cost = call.cost_failed = 0;
    begin("cost.total <= $1");
    feed(&call);
    expect_value(0, 1);
}

static void figures_of_the_run_are_read_from_it(void)
{
    scenario.monitor = (struct monitor_rules){.is_on = true, .hooks = {HOOK_ANY}, .hooks_count = 1};
    figures.calls = 600;
    figures.alerts[ALERT_BUDGET] = 1;
    figures.alerts[ALERT_SLOW] = 3;
    figures.billed = MONEY_USD / 2;
    begin("alerts == 4");
    expect_value(4, 600);
    begin("alerts{kind=slow} == 3");
    expect_value(3, 600);
    begin("alerts.budget == 1");
    expect_value(1, 600);
    begin("billed.total <= $1");
    expect_value(0.5e12, 600);
    begin("hooks.any.count == 0");
    expect_value(0, 600);
    begin("hooks.any.first <= 1s");
    measurement_value(&expectation.left, &figures, &measured);
    CU_ASSERT(isinf(measured.value)); /* never */
    figures.hooks[HOOK_ANY].posts = 2;
    figures.hooks[HOOK_ANY].first_at = 21 * NANOS_S;
    expect_value(21e9, 600);
    begin("hooks.any.count == 2");
    expect_value(2, 600);
}

static void shares_count_calls_on_other_models(void)
{
    struct call_record call = fallen_back(0);

    begin("fallback.share > 0%");
    feed_good(1, 3);
    feed(&call);
    expect_value(0.25, 4);
    begin("model.share{model=gpt-4o} > 0%");
    feed_good(1, 3);
    feed(&call);
    feed_failed(5, 2); /* no answers */
    expect_value(0.25, 4);
}

static void send_lag_counts_until_the_first_attempt_was_handed_over(void)
{
    struct call_record call = sample_call(0);

    call.attempts[0].handed_at = call.due_at + 5 * NANOS_MS;
    begin("send_lag.max < 9s");
    feed(&call);
    expect_value(5e6, 1);
}

static void gave_up_after_counts_failures_only(void)
{
    begin("gave_up_after < 9s");
    feed_good(0, 5);
    feed_failed(5, 2);
    expect_value(0.3e9, 2);
}

static void calls_are_told_apart_by_how_they_ended(void)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"calls.count > 0", 5},      {"calls.useful > 0", 2},         {"calls.failed > 0", 2},
        {"calls.unfinished > 0", 1}, {"calls.useful.share > 0", 0.4}, {"calls.hung > 0", 1},
    };
    struct call_record late = sample_call(3), open = sample_call(4);

    late.ended_at = late.due_at + scenario.load.deadline + 1;
    open.outcome = OUTCOME_UNFINISHED;
    open.pending = PENDING_NOTHING;
    open.ended_at = NANOS_NEVER;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        begin(cases[i].text);
        feed_good(0, 2);
        feed_failed(2, 1);
        feed(&late);
        feed(&open);
        expect_value(cases[i].value, 5);
    }
}

/* --- failures apart, filters ------------------------------------------------------------------ */

static void latencies_are_of_successes_unless_an_outcome_is_named(void)
{
    begin("response.max < 9s");
    feed_good(0, 3);
    feed_failed(3, 2);
    expect_value(2e9, 3);
    begin("response.max{outcome=overloaded} < 9s");
    feed_good(0, 3);
    feed_failed(3, 2);
    expect_value(0.3e9, 2);
}

static void a_late_answer_counts_in_latencies(void)
{
    struct call_record late = sample_call(0);

    late.outcome = OUTCOME_USELESS;
    late.ended_at = late.due_at + 12 * NANOS_S;
    begin("response.max < 9s");
    feed(&late);
    expect_value(12e9, 1);
    begin("gave_up_after < 9s");
    feed(&late);
    expect_unknown("no call to judge it by");
}

static void each_filter_lets_its_own_calls_pass(void)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"calls.count{phase=storm} > 0", 100},          {"calls.count{phase=before} > 0", 100},
        {"calls.count{phase=after:overload} > 0", 200}, {"calls.count{phase=quiet} > 0", 400},
        {"calls.count{model=gpt-4o} > 0", 0},           {"calls.count{answered=gpt-4o} > 0", 1},
        {"calls.count{stream=true} > 0", 600},          {"calls.count{stream=false} > 0", 0},
        {"calls.count{part=steady} > 0", 600},          {"calls.count{cause=rate_limited} > 0", 1},
        {"calls.count{outcome=overloaded} > 0", 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct call_record call = fallen_back(0);

        begin(cases[i].text);
        feed(&call);
        feed_good(1, 599);
        expect_value(cases[i].value, (uint64_t)cases[i].value);
    }
}

/* --- statistics ------------------------------------------------------------------------------- */

static void feed_spread(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct call_record call = sample_call(i);

        call.ended_at = call.due_at + (nanos)(i + 1) * NANOS_MS;
        feed(&call);
    }
}

static void percentiles_are_nearest_rank(void)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"response.p50 < 9s", 500e6},  {"response.p90 < 9s", 900e6},
        {"response.p95 < 9s", 950e6},  {"response.p99 < 9s", 990e6},
        {"response.p999 < 9s", 999e6}, {"response.min < 9s", 1e6},
        {"response.max < 9s", 1000e6}, {"response.mean < 9s", 500.5e6},
        {"response.count < 9", 1000},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        begin(cases[i].text);
        feed_spread(1000);
        expect_value(cases[i].value, 1000);
    }
}

static void a_percentile_needs_samples_beyond_itself(void)
{
    begin("response.p99 < 9s");
    feed_spread(99);
    expect_unknown("p99 needs 100 samples, there are 99");
    begin("response.p99 < 9s");
    feed_spread(100);
    expect_value(99e6, 100);
    begin("response.p999 < 9s");
    feed_spread(999);
    expect_unknown("p999 needs 1000 samples, there are 999");
}

static void nothing_is_known_of_no_calls_but_their_number(void)
{
    begin("calls.useful >= 99%");
    expect_unknown("no call to judge it by");
    begin("amplification <= 2");
    expect_unknown("no call to judge it by");
    begin("calls.count == 0");
    expect_value(0, 0);
}

/* --- goodput and recovery --------------------------------------------------------------------- */

static void goodput_is_useful_calls_per_second_of_the_time_that_is_left(void)
{
    begin("goodput > 0");
    feed_good(0, 540);
    feed_failed(540, 60);
    expect_value(9, 600); /* 540 in 60 s */
    begin("goodput{phase=storm} > 0");
    feed_good(0, 150); /* half of the storm's 10 s */
    expect_value(5, 50);
    begin("goodput{phase=quiet} > 0");
    feed_good(0, 600);
    expect_value(10, 400); /* 400 in 60 - 20 s */
}

static void recovery_is_instant_when_calls_are_as_useful_as_before(void)
{
    begin("recovery.time{phase=storm} <= 3s");
    feed_good(0, 100);
    feed_failed(100, 100);
    feed_good(200, 400);
    expect_value(0, 600);
}

static void recovery_takes_until_the_first_five_good_seconds(void)
{
    begin("recovery.time{phase=storm} <= 3s");
    feed_good(0, 100);
    feed_failed(100, 100);
    feed_failed(200, 70); /* 7 s more */
    feed_good(270, 330);
    expect_value(7e9, 600); /* one failed second in five would be 20 points down */
}

static void recovery_forgives_five_points(void)
{
    begin("recovery.time{phase=storm} <= 3s");
    feed_good(0, 100);
    feed_failed(200, 2);
    feed_good(202, 398); /* 48 of the first 50 */
    expect_value(0, 500);
}

static void what_never_recovers_is_longer_than_any_limit(void)
{
    struct verdict_row row;

    begin("recovery.time{phase=overload} <= 1h");
    feed_good(0, 100);
    feed_failed(100, 500);
    expectation_judge(&expectation, &figures, NULL, &row);
    EXPECT_U64(row.verdict, VERDICT_FAIL);
    CU_ASSERT_STRING_EQUAL(row.value, "never");
}

static void recovery_cannot_be_told_without_calls_on_both_sides(void)
{
    begin("recovery.time{phase=storm} <= 3s");
    feed_good(100, 500);
    expect_unknown("no calls before the first window to compare with");
    begin("recovery.time{phase=storm} <= 3s");
    feed_good(0, 200);
    expect_unknown("no whole 5 s with calls between the window's end and the load's");
    scenario.load.lasts = 42 * NANOS_S; /* 2 s after the overload */
    begin("recovery.time{phase=overload} <= 3s");
    feed_good(0, 420);
    expect_unknown("no whole 5 s with calls between the window's end and the load's");
}

/* The storm, every 20 s: 10 - 20 s, 30 - 40 s, 50 - 60 s; the last ends with the load. */
static void a_window_that_opens_again_counts_all_its_turns(void)
{
    scenario.chaos.phases.list[0].every = 20 * NANOS_S;
    begin("goodput{phase=storm} > 0");
    feed_good(0, 600);
    expect_value(10, 300);
    begin("goodput{phase=after:storm} > 0");
    feed_good(0, 600);
    expect_value(10, 200);
    scenario.chaos.phases.list[0].every = 0;
}

static void recovery_counts_from_the_last_turn_that_ends(void)
{
    scenario.chaos.phases.list[0].every = 20 * NANOS_S;
    begin("recovery.time{phase=storm} <= 3s");
    feed_good(0, 100);
    feed_failed(100, 100);
    feed_good(200, 100); /* between two turns all is well */
    feed_failed(300, 100);
    feed_failed(400, 20); /* and two seconds after the last that ends within the load not yet */
    feed_good(420, 80);
    feed_failed(500, 100);
    expect_value(2e9, 600);
    scenario.chaos.phases.list[0].every = 0;
}

static CU_TestInfo tests[] = {
    {"headline spans count from the call's due", headline_spans_count_from_the_calls_due},
    {"service counts from the answering attempt's sent",
     service_counts_from_the_answering_attempts_sent},
    {"counts attempts, waits and retries", counts_attempts_waits_and_retries},
    {"retries count by their cause", retries_count_by_their_cause},
    {"tokens count where the answer told them", tokens_count_where_the_answer_told_them},
    {"money counts every attempt whose cost is known",
     money_counts_every_attempt_whose_cost_is_known},
    {"amplification of money and tokens is against useful answers",
     amplification_of_money_and_tokens_is_against_useful_answers},
    {"money nobody knows of is no zero", money_nobody_knows_of_is_no_zero},
    {"what the caller was never told is bounded by the bill",
     what_the_caller_was_never_told_is_bounded_by_the_bill},
    {"tokens that were never told are bounded by what was written",
     tokens_that_were_never_told_are_bounded_by_what_was_written},
    {"what nobody knows the cost of bounds nothing", what_nobody_knows_the_cost_of_bounds_nothing},
    {"useful answers of unknown cost are no yardstick",
     useful_answers_of_unknown_cost_are_no_yardstick},
    {"a value close to its limit is shown whole", a_value_close_to_its_limit_is_shown_whole},
    {"a shed call cost nothing", a_shed_call_cost_nothing},
    {"figures of the run are read from it", figures_of_the_run_are_read_from_it},
    {"shares count calls on other models", shares_count_calls_on_other_models},
    {"send_lag counts until the first attempt was handed over",
     send_lag_counts_until_the_first_attempt_was_handed_over},
    {"gave_up_after counts failures only", gave_up_after_counts_failures_only},
    {"calls are told apart by how they ended", calls_are_told_apart_by_how_they_ended},
    {"latencies are of successes unless an outcome is named",
     latencies_are_of_successes_unless_an_outcome_is_named},
    {"a late answer counts in latencies", a_late_answer_counts_in_latencies},
    {"each filter lets its own calls pass", each_filter_lets_its_own_calls_pass},
    {"percentiles are nearest rank", percentiles_are_nearest_rank},
    {"a percentile needs samples beyond itself", a_percentile_needs_samples_beyond_itself},
    {"nothing is known of no calls but their number",
     nothing_is_known_of_no_calls_but_their_number},
    {"goodput is useful calls per second of the time that is left",
     goodput_is_useful_calls_per_second_of_the_time_that_is_left},
    {"recovery is instant when calls are as useful as before",
     recovery_is_instant_when_calls_are_as_useful_as_before},
    {"recovery takes until the first five good seconds",
     recovery_takes_until_the_first_five_good_seconds},
    {"recovery forgives five points", recovery_forgives_five_points},
    {"a window that opens again counts all its turns",
     a_window_that_opens_again_counts_all_its_turns},
    {"recovery counts from the last turn that ends", recovery_counts_from_the_last_turn_that_ends},
    {"what never recovers is longer than any limit", what_never_recovers_is_longer_than_any_limit},
    {"recovery cannot be told without calls on both sides",
     recovery_cannot_be_told_without_calls_on_both_sides},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo measures_suite = {"measures", NULL, NULL, set_up, tear_down, tests};
