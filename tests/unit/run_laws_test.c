#include "judge/run_laws.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "tests/support/hearing.h"

/* The sample world, watched (sample_watch). One call per 100 ms, ending 2 s after it was due. */

static struct hearing hearing;

static void begin(void)
{
    sample_scenario(&hearing.scenario);
    sample_watch(&hearing.scenario);
    hearing_start(&hearing, NULL, NULL);
}

static void tear_down(void)
{
    hearing_end(&hearing);
}

static void feed(uint64_t from, uint64_t count)
{
    hearing_feed_calls(&hearing, from, count);
}

static void post(const char *key, nanos at)
{
    struct journal_record record = sample_post(key, at);

    judge_feed_journal(hearing.judge, &record);
}

static struct alert_record alert_of(const char *key, enum alert_kind kind, nanos at)
{
    struct alert_record record = {.alert = {.number = 1, .kind = kind, .raised_at = at},
                                  .hook = HOOK_ANY,
                                  .is_delivered = true,
                                  .tries = 1,
                                  .status = 200,
                                  .settled_at = at};

    slice_copy(slice_of(key), record.alert.key, sizeof(record.alert.key));
    return record;
}

static void raise_budget(const char *key, nanos at)
{
    struct alert_record record = alert_of(key, ALERT_BUDGET, at);

    judge_feed_alert(hearing.judge, &record);
}

static const struct verdict_row *finish(const char *law)
{
    hearing_finish(&hearing);
    return hearing_row(&hearing, law);
}

static void expect_broken(const struct verdict_row *row, const char *name, const char *text)
{
    EXPECT_U64(row->verdict, VERDICT_FAIL);
    EXPECT_U64(row->violations, 1);
    CU_ASSERT_STRING_EQUAL(row->examples[0].call, name);
    CU_ASSERT_STRING_EQUAL(row->examples[0].text, text);
}

/* --- alert-once ------------------------------------------------------------------------------- */

static void one_alert_for_a_breached_window_holds(void)
{
    const struct verdict_row *row;

    begin();
    feed(0, 100); /* 80 of them end in window 0 and cost $0.336, 20 in window 1 cost $0.084 */
    post("budget:tight:0", 4400 * NANOS_MS);
    row = finish("alert-once");
    EXPECT_U64(row->verdict, VERDICT_PASS);
    CU_ASSERT_STRING_EQUAL(row->value, "1 alert");
}

static void two_posts_of_one_alert_break_alert_once(void)
{
    const struct verdict_row *row;

    begin();
    feed(0, 100);
    for (int i = 0; i < 1412; i++)
        post("budget:tight:0", 4400 * NANOS_MS + i * NANOS_MS);
    row = finish("alert-once");
    expect_broken(row, "budget:tight:0", "was posted to any 1,412 times, first at 4.400 s");
    CU_ASSERT_STRING_EQUAL(row->reason, "broken by 1 of 1 alerts");
}

static void a_post_that_was_refused_does_not_count(void)
{
    struct journal_record refused = sample_post("budget:tight:0", 4 * NANOS_S);

    begin();
    feed(0, 100);
    refused.status = 500;
    judge_feed_journal(hearing.judge, &refused);
    post("budget:tight:0", 5 * NANOS_S);
    EXPECT_U64(finish("alert-once")->verdict, VERDICT_PASS);
}

static void a_breach_that_nobody_was_told_of_breaks_alert_once(void)
{
    begin();
    feed(0, 100);
    expect_broken(finish("alert-once"), "budget:tight:0",
                  "was never posted to any: $0.29 was billed, $0.10 is the limit");
}

static void an_alert_that_was_raised_and_did_not_arrive_is_not_this_laws_business(void)
{
    struct alert_record lost = alert_of("budget:tight:0", ALERT_BUDGET, 4 * NANOS_S);

    begin();
    feed(0, 100);
    lost.is_delivered = false;
    judge_feed_alert(hearing.judge, &lost);
    EXPECT_U64(finish("alert-once")->verdict, VERDICT_PASS);
}

static void an_alert_without_a_breach_breaks_alert_once(void)
{
    begin();
    feed(0, 20);
    post("budget:tight:0", 3 * NANOS_S);
    expect_broken(finish("alert-once"), "budget:tight:0",
                  "was posted to any at 3.000 s, though $0.084 of $0.10 was billed at most");
}

/* Twenty calls end in [9 s, 11 s): each may have been counted in either window. */
static void money_at_the_edge_of_a_window_may_count_either_way(void)
{
    begin();
    feed(70, 20);
    feed(200, 10); /* $0.042, end in [22 s, 23 s): with the others no breach of window 1 */
    post("budget:tight:0", 9500 * NANOS_MS);
    EXPECT_U64(finish("alert-once")->violations, 1); /* $0.084 at most */
    hearing_end(&hearing);
    begin();
    feed(70, 20);
    feed(50, 10); /* $0.042 for sure */
    post("budget:tight:0", 9500 * NANOS_MS);
    EXPECT_U64(finish("alert-once")->verdict, VERDICT_PASS);
    hearing_end(&hearing);
    begin();
    feed(70, 20);
    feed(50, 10);
    EXPECT_U64(finish("alert-once")->violations, 0); /* nor is it due for sure */
}

static void a_limit_that_is_reached_and_not_passed_is_no_breach(void)
{
    begin();
    hearing_end(&hearing);
    hearing.scenario.monitor.budgets[0].limit = 24 * SAMPLE_CLAUDE_COST;
    hearing_start(&hearing, NULL, NULL);
    feed(0, 24);
    EXPECT_U64(finish("alert-once")->violations, 0);
    hearing_end(&hearing);
    hearing_start(&hearing, NULL, NULL);
    feed(0, 25);
    EXPECT_U64(finish("alert-once")->violations, 1);
}

static void what_was_billed_and_never_told_makes_no_alert_due(void)
{
    begin();
    for (uint64_t i = 0; i < 50; i++) {
        struct call_record call = sample_call(i);
        struct journal_record record;

        sample_fail(&call, OUTCOME_TIMEOUT_STALL, 200, call.ended_at);
        record = sample_journal(&hearing.scenario, &call, 0);
        record.cost = SAMPLE_CLAUDE_COST;
        judge_feed_journal(hearing.judge, &record);
        judge_feed_call(hearing.judge, &call);
        hearing.facts.calls_planned++;
    }
    EXPECT_U64(finish("alert-once")->violations, 0);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "alert-once")->reason,
                           "no alert was raised; more was billed than a budget allows, but near a "
                           "window's edge or untold, so that none was surely due");
}

static void a_window_that_ends_after_the_cut_is_due_all_the_same(void)
{
    begin();
    feed(0, 50);
    hearing.facts.cut_at = 8 * NANOS_S;
    EXPECT_U64(finish("alert-once")->violations, 1);
}

static void anomalies_are_told_once_per_cool_down(void)
{
    begin();
    feed(0, 10);
    post("slow:0", NANOS_S);
    post("slow:1", 12 * NANOS_S);
    post("tokens:0", 2 * NANOS_S);
    EXPECT_U64(finish("alert-once")->verdict, VERDICT_PASS);
    hearing_end(&hearing);
    begin();
    feed(0, 10);
    post("error:2", 21 * NANOS_S);
    post("error:2", 22 * NANOS_S);
    expect_broken(finish("alert-once"), "error:2", "was posted to any 2 times, first at 21.000 s");
}

static void what_is_not_there_proves_nothing_when_evidence_was_lost(void)
{
    begin();
    feed(0, 100);
    hearing.facts.journal_is_whole = false;
    EXPECT_U64(finish("alert-once")->verdict, VERDICT_INCONCLUSIVE);
    hearing_end(&hearing);
    begin();
    feed(0, 100);
    strcpy(hearing.facts.lost, "alerts.jsonl ends in the middle of a line");
    EXPECT_U64(finish("alert-once")->verdict, VERDICT_INCONCLUSIVE);
    hearing_end(&hearing);
    begin();
    feed(0, 100);
    post("budget:tight:0", NANOS_S);
    post("budget:tight:0", NANOS_S);
    hearing.facts.journal_is_whole = false;
    EXPECT_U64(finish("alert-once")->verdict, VERDICT_FAIL); /* what was seen stands */
}

static void posts_of_unknown_alerts_leave_the_law_undecided(void)
{
    begin();
    feed(0, 10);
    post("", NANOS_S);
    EXPECT_U64(finish("alert-once")->verdict, VERDICT_INCONCLUSIVE);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "alert-once")->reason,
                           "alerts that could not be told apart: 1");
}

static void alert_laws_do_not_apply_without_a_receiver(void)
{
    begin();
    feed(0, 100);
    hearing.facts.has_journal = false;
    EXPECT_U64(finish("alert-once")->verdict, VERDICT_NOT_APPLICABLE);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "alert-delivered")->reason,
                           "needs the mock as the receiver of its hooks");
    hearing_end(&hearing);
    hearing.scenario.monitor.hooks_count = 0;
    hearing_start(&hearing, NULL, NULL);
    feed(0, 100);
    EXPECT_U64(finish("alert-once")->verdict, VERDICT_NOT_APPLICABLE);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "alert-once")->reason, "the monitor has no hook");
}

static void posts_to_hooks_are_no_requests_of_calls(void)
{
    struct journal_record first = sample_post("slow:0", NANOS_S);

    begin();
    feed(0, 10);
    post("slow:1", 12 * NANOS_S);
    slice_copy(SLICE("steady:3"), first.call, sizeof(first.call));
    first.rule = SAMPLE_STORM_RULE;
    judge_feed_journal(hearing.judge, &first); /* later in the journal, earlier in time */
    hearing_finish(&hearing);
    EXPECT_U64(judge_figures(hearing.judge)->attempts, 10);
    EXPECT_U64(hearing_row(&hearing, "attempts-bounded")->verdict, VERDICT_PASS);
    EXPECT_U64(judge_figures(hearing.judge)->hooks[HOOK_ANY].posts, 2);
    EXPECT_I64(judge_figures(hearing.judge)->hooks[HOOK_ANY].first_at, NANOS_S);
}

/* Forty calls whose exchange ends at `closed_at` and who end themselves at `ended_at`. */
static void feed_spread(nanos closed_at, nanos ended_at)
{
    for (uint64_t i = 0; i < 40; i++) {
        struct call_record call = sample_call(i);
        struct journal_record record;

        call.ended_at = ended_at;
        record = sample_journal(&hearing.scenario, &call, 0);
        record.closed_at = closed_at;
        judge_feed_journal(hearing.judge, &record);
        judge_feed_call(hearing.judge, &call);
        hearing.facts.calls_planned++;
    }
}

static void money_of_a_call_that_ends_in_another_window_may_count_in_both(void)
{
    static const nanos ends[][2] = {{5 * NANOS_S, 15 * NANOS_S}, {15 * NANOS_S, 5 * NANOS_S}};

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        begin();
        feed_spread(ends[i][0], ends[i][1]);
        EXPECT_U64(finish("alert-once")->violations, 0); /* due in neither */
        hearing_end(&hearing);
        begin();
        feed_spread(ends[i][0], ends[i][1]);
        post("budget:tight:0", 6 * NANOS_S);
        post("budget:tight:1", 16 * NANOS_S);
        EXPECT_U64(finish("alert-once")->violations, 0); /* nor out of place in either */
        hearing_end(&hearing);
    }
}

static void a_strangers_money_may_have_been_counted(void)
{
    struct call_record call = sample_call(0);
    struct journal_record stranger;

    begin();
    feed(0, 10);
    stranger = sample_journal(&hearing.scenario, &call, 0);
    stranger.call[0] = '\0';
    stranger.cost = MONEY_USD;
    judge_feed_journal(hearing.judge, &stranger);
    post("budget:tight:0", 3 * NANOS_S);
    EXPECT_U64(finish("alert-once")->violations, 0);
}

/* --- alert-delivered -------------------------------------------------------------------------- */

static void an_alert_that_both_ends_know_was_delivered(void)
{
    begin();
    feed(0, 100);
    raise_budget("budget:tight:0", 4 * NANOS_S);
    post("budget:tight:0", 4 * NANOS_S);
    EXPECT_U64(finish("alert-delivered")->verdict, VERDICT_PASS);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "alert-delivered")->value, "1 alert");
    EXPECT_U64(judge_figures(hearing.judge)->alerts[ALERT_BUDGET], 1);
    EXPECT_U64(judge_figures(hearing.judge)->alerts_delivered, 1);
    EXPECT_U64(judge_figures(hearing.judge)->alerts_lost, 0);
}

static void an_alert_given_up_breaks_alert_delivered(void)
{
    struct alert_record lost = alert_of("budget:tight:0", ALERT_BUDGET, 4400 * NANOS_MS);

    begin();
    feed(0, 100);
    lost.is_delivered = false;
    lost.tries = 4;
    lost.status = 500;
    judge_feed_alert(hearing.judge, &lost);
    expect_broken(finish("alert-delivered"), "budget:tight:0",
                  "did not reach any: 4 tries, at last a 500; raised at 4.400 s");
    EXPECT_U64(judge_figures(hearing.judge)->alerts_lost, 1);
}

static void every_alert_given_up_counts(void)
{
    struct alert_record lost = alert_of("budget:tight:0", ALERT_BUDGET, 5 * NANOS_S);

    begin();
    feed(0, 100);
    lost.is_delivered = false;
    lost.status = 0;
    lost.tries = 1;
    for (int i = 0; i < 3; i++, lost.alert.raised_at -= NANOS_S)
        judge_feed_alert(hearing.judge, &lost);
    EXPECT_U64(finish("alert-delivered")->violations, 3);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "alert-delivered")->examples[0].text,
                           "did not reach any: 1 try, at last no answer; raised at 3.000 s");
}

static void an_alert_that_the_receiver_never_saw_breaks_alert_delivered(void)
{
    begin();
    feed(0, 100);
    raise_budget("budget:tight:0", 4 * NANOS_S);
    expect_broken(finish("alert-delivered"), "budget:tight:0",
                  "is said to have reached any 1 times; the journal has 0 posts");
}

static void a_body_that_the_service_does_not_take_breaks_alert_delivered(void)
{
    struct journal_record bad = sample_post("budget:tight:0", 4 * NANOS_S);

    begin();
    feed(0, 100);
    bad.is_hook_valid = false;
    judge_feed_journal(hearing.judge, &bad);
    raise_budget("budget:tight:0", 4 * NANOS_S);
    expect_broken(finish("alert-delivered"), "budget:tight:0",
                  "came to any with a body that it does not take, first at 4.000 s");
}

static void an_interrupt_may_leave_an_alert_on_its_way(void)
{
    struct alert_record open = alert_of("budget:tight:0", ALERT_BUDGET, 4 * NANOS_S);

    open.is_delivered = false;
    open.settled_at = NANOS_NEVER;
    begin();
    feed(0, 100);
    judge_feed_alert(hearing.judge, &open);
    hearing.facts.was_interrupted = true;
    EXPECT_U64(finish("alert-delivered")->verdict, VERDICT_INCONCLUSIVE);
    hearing_end(&hearing);
    begin();
    feed(0, 100);
    judge_feed_alert(hearing.judge, &open);
    EXPECT_U64(finish("alert-delivered")->verdict, VERDICT_FAIL);
}

static void a_post_without_a_record_leaves_delivery_undecided(void)
{
    begin();
    feed(0, 100);
    post("budget:tight:0", 4 * NANOS_S);
    EXPECT_U64(finish("alert-delivered")->verdict, VERDICT_INCONCLUSIVE);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "alert-delivered")->reason,
                           "hooks were told of alerts of which the monitor has no record");
}

static void without_an_alert_there_is_nothing_to_deliver(void)
{
    begin();
    feed(0, 10);
    EXPECT_U64(finish("alert-delivered")->verdict, VERDICT_NOT_APPLICABLE);
}

/* --- percentiles-agree ------------------------------------------------------------------------ */

static void report(uint32_t model, uint64_t n, nanos p99)
{
    hearing.facts.has_reported = true;
    hearing.facts.reported[model] =
        (struct rolling_figures){.n = n, .p50 = 2 * NANOS_S, .p95 = 2 * NANOS_S, .p99 = p99};
}

static void percentiles_agree_when_all_witnesses_do(void)
{
    begin();
    feed(0, 100);
    report(SAMPLE_CLAUDE, 100, 2 * NANOS_S);
    EXPECT_U64(finish("percentiles-agree")->verdict, VERDICT_PASS);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "percentiles-agree")->value,
                           "6 percentiles compared");
}

static void a_reported_percentile_may_not_be_off_by_a_nanosecond(void)
{
    begin();
    feed(0, 100);
    report(SAMPLE_CLAUDE, 100, 2040 * NANOS_MS);
    expect_broken(finish("percentiles-agree"), "claude-sonnet-4-5",
                  "p99 was reported as 2.04 s; its last 100 answers say 2 s");
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "percentiles-agree")->reason,
                           "broken by 1 of 6 percentiles");
    hearing_end(&hearing);
    begin();
    feed(0, 100);
    report(SAMPLE_CLAUDE, 100, 2 * NANOS_S + 1);
    EXPECT_U64(finish("percentiles-agree")->violations, 1);
}

static void a_report_over_other_calls_breaks_percentiles_agree(void)
{
    begin();
    feed(0, 100);
    report(SAMPLE_CLAUDE, 99, 2 * NANOS_S);
    expect_broken(finish("percentiles-agree"), "claude-sonnet-4-5",
                  "percentiles were reported over 99 answers; there were 100");
}

/* Of spread times, and against the monitor's own arithmetic. */
static void percentiles_are_worked_out_as_the_monitor_does(void)
{
    struct rolling rolling = {0};

    begin();
    for (uint64_t i = 0; i < 37; i++) {
        struct call_record call = sample_call(i);

        call.ended_at = call.due_at + NANOS_S + (nanos)(i * 7 % 37) * 10 * NANOS_MS;
        rolling_record(&rolling, call.ended_at - call.due_at);
        hearing_feed(&hearing, &call);
    }
    hearing.facts.has_reported = true;
    hearing.facts.reported[SAMPLE_CLAUDE] = rolling_figures(&rolling);
    EXPECT_U64(finish("percentiles-agree")->violations, 0);
}

/* Five hundred calls of 2 s after one of 9 s: the oldest must have gone. */
static void only_the_last_five_hundred_answers_count(void)
{
    struct call_record slow = sample_call(0);

    begin();
    slow.ended_at = slow.due_at + 9 * NANOS_S;
    hearing_feed(&hearing, &slow);
    feed(1, 500);
    report(SAMPLE_CLAUDE, 500, 2 * NANOS_S);
    EXPECT_U64(finish("percentiles-agree")->violations, 0);
}

static void failures_are_no_samples(void)
{
    begin();
    feed(0, 30);
    for (uint64_t i = 30; i < 60; i++) {
        struct call_record call = sample_call(i);

        sample_fail(&call, OUTCOME_OVERLOADED, 529, call.due_at + NANOS_MS);
        hearing_feed(&hearing, &call);
    }
    report(SAMPLE_CLAUDE, 30, 2 * NANOS_S);
    EXPECT_U64(finish("percentiles-agree")->violations, 0);
}

/* What the mock wrote in `mock`, the caller had after 2 s. */
static void feed_apart(uint64_t count, nanos mock)
{
    for (uint64_t i = 0; i < count; i++) {
        struct call_record call = sample_call(i);
        struct journal_record record = sample_journal(&hearing.scenario, &call, 0);

        record.last_out_at = record.head_in_at + mock;
        judge_feed_journal(hearing.judge, &record);
        judge_feed_call(hearing.judge, &call);
        hearing.facts.calls_planned++;
    }
}

static void measured_times_must_be_near_the_mocks_own(void)
{
    begin();
    feed_apart(20, 1910 * NANOS_MS);
    EXPECT_U64(finish("percentiles-agree")->verdict, VERDICT_PASS); /* within 5 % */
    EXPECT_U64(hearing_row(&hearing, "percentiles-agree")->n, 2);   /* p99 needs 100 */
    hearing_end(&hearing);
    begin();
    feed_apart(100, 1900 * NANOS_MS);
    EXPECT_U64(finish("percentiles-agree")->violations, 3);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "percentiles-agree")->examples[0].call, "service");
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "percentiles-agree")->examples[0].text,
                           "p50 is 2 s for the caller, 1.9 s for the mock");
}

static void too_few_answers_say_nothing_of_times(void)
{
    begin();
    feed_apart(19, NANOS_S);
    EXPECT_U64(finish("percentiles-agree")->verdict, VERDICT_NOT_APPLICABLE);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "percentiles-agree")->reason,
                           "too few answers for a percentile");
}

static void the_simulators_wire_takes_its_time(void)
{
    begin();
    hearing.scenario.link.latency = 100 * NANOS_MS;
    feed_apart(20, 1750 * NANOS_MS);
    hearing.facts.is_simulated = true;
    EXPECT_U64(finish("percentiles-agree")->verdict, VERDICT_PASS);
}

/* The mock took the connection a second after the request had been sent on it. */
static void a_connection_that_a_fault_accepts_late_is_no_witness_of_times(void)
{
    static const struct fault slow = {
        .kind = FAULT_CONNECTION, .connection = CONNECTION_SLOW, .delay = NANOS_S};

    for (int is_fault = 0; is_fault <= 1; is_fault++) {
        hearing_end(&hearing);
        sample_scenario(&hearing.scenario);
        if (is_fault)
            hearing.scenario.chaos.rules[SAMPLE_STORM_RULE].sequence = &slow;
        hearing_start(&hearing, NULL, NULL);
        for (uint64_t i = 0; i < 30; i++) {
            struct call_record call = sample_call(i);
            struct journal_record record = sample_journal(&hearing.scenario, &call, 0);

            record.accepted_at -= NANOS_S;
            if (i % 2 == 0)
                record.accepted_at = record.head_in_at = call.attempts[0].sent_at + NANOS_S;
            judge_feed_journal(hearing.judge, &record);
            judge_feed_call(hearing.judge, &call);
            hearing.facts.calls_planned++;
        }
        hearing.facts.is_simulated = true;
        EXPECT_U64(finish("percentiles-agree")->violations, is_fault ? 0 : 1);
    }
}

static void a_generator_that_hands_over_late_may_read_late_as_well(void)
{
    begin();
    for (uint64_t i = 0; i < 30; i++) {
        struct call_record call = sample_call(i);
        struct journal_record record = sample_journal(&hearing.scenario, &call, 0);

        call.attempts[0].handed_at += 9 * NANOS_MS; /* within what schedule-kept forgives */
        record.last_out_at = record.head_in_at + 1900 * NANOS_MS; /* 5 % are 95 ms */
        judge_feed_journal(hearing.judge, &record);
        judge_feed_call(hearing.judge, &call);
        hearing.facts.calls_planned++;
    }
    EXPECT_U64(finish("percentiles-agree")->verdict, VERDICT_PASS);
}

static void a_late_generator_is_no_witness_of_times(void)
{
    begin();
    for (uint64_t i = 0; i < 100; i++) {
        struct call_record call = sample_call(i);
        struct journal_record record = sample_journal(&hearing.scenario, &call, 0);

        call.attempts[0].handed_at += 30 * NANOS_MS;
        record.last_out_at = record.head_in_at + NANOS_S;
        judge_feed_journal(hearing.judge, &record);
        judge_feed_call(hearing.judge, &call);
        hearing.facts.calls_planned++;
    }
    EXPECT_U64(finish("percentiles-agree")->verdict, VERDICT_INCONCLUSIVE);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "percentiles-agree")->reason,
                           "the generator was late (schedule-kept)");
}

/* Of a hundred answers that took 2 s the first `count` took `caller` longer by the caller's account
 * and `mock` longer by the mock's. */
static void feed_longer(uint64_t count, nanos caller, nanos mock)
{
    begin();
    for (uint64_t i = 0; i < 100; i++) {
        struct call_record call = sample_call(i);
        struct journal_record record = sample_journal(&hearing.scenario, &call, 0);

        record.last_out_at = call.attempts[0].last_content_at + (i < count ? mock : 0);
        call.attempts[0].last_content_at += i < count ? caller : 0;
        call.attempts[0].ended_at = call.ended_at = call.attempts[0].last_content_at;
        judge_feed_journal(hearing.judge, &record);
        judge_feed_call(hearing.judge, &call);
        hearing.facts.calls_planned++;
    }
}

static void a_machine_that_was_late_at_times_makes_percentiles_inconclusive(void)
{
    feed_longer(5, 300 * NANOS_MS, 0);
    EXPECT_U64(finish("percentiles-agree")->verdict, VERDICT_INCONCLUSIVE);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "percentiles-agree")->reason,
                           "this machine was busy: p99 is 2.3 s for the caller, 2 s for the mock; "
                           "requests arrived 0 s late, answers 300 ms (p99)");
}

static void no_machine_excuses_times_that_are_wrong(void)
{
    feed_longer(100, 300 * NANOS_MS, 0); /* at most attempts */
    EXPECT_U64(finish("percentiles-agree")->verdict, VERDICT_FAIL);
    hearing_end(&hearing);
    feed_longer(5, 0, 300 * NANOS_MS); /* a tail that the caller does not own to */
    EXPECT_U64(finish("percentiles-agree")->verdict, VERDICT_FAIL);
    hearing_end(&hearing);
    feed_longer(5, 300 * NANOS_MS, 0); /* nobody is late there */
    hearing.facts.is_simulated = true;
    EXPECT_U64(finish("percentiles-agree")->verdict, VERDICT_FAIL);
}

static void without_monitor_and_journal_percentiles_have_no_witness(void)
{
    begin();
    feed(0, 100);
    hearing.facts.has_journal = false;
    EXPECT_U64(finish("percentiles-agree")->verdict, VERDICT_NOT_APPLICABLE);
    hearing_end(&hearing);
    begin();
    feed(0, 100);
    hearing.facts.has_journal = false;
    report(SAMPLE_CLAUDE, 100, 2 * NANOS_S);
    EXPECT_U64(finish("percentiles-agree")->verdict, VERDICT_PASS);
    EXPECT_U64(hearing_row(&hearing, "percentiles-agree")->n, 3);
}

/* --- the book --------------------------------------------------------------------------------- */

static void a_book_of_alerts_keeps_thousands_apart(void)
{
    enum { PERIODS = 3000 };
    struct alert_book book;
    struct alert_key key = {.hook = HOOK_ANY, .kind = ALERT_ERROR};

    sample_scenario(&hearing.scenario);
    alert_book_init(&book, &hearing.scenario, memory_heap());
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < PERIODS; i++) {
            struct journal_record record;
            char text[ALERT_KEY_MAX];

            snprintf(text, sizeof(text), "error:%d", i);
            record = sample_post(text, NANOS_S);
            alert_book_posted(&book, &record);
        }
    }
    EXPECT_U64(book.entries_count, PERIODS);
    for (key.period = 0; key.period < PERIODS; key.period++)
        EXPECT_U64(alert_book_find(&book, key)->accepted, 2);
    CU_ASSERT_PTR_NULL(alert_book_find(&book, key));
    alert_book_deinit(&book);
}

static void a_book_reads_the_keys_it_writes(void)
{
    static const char *const unreadable[] = {
        "",     "budget", "budget:", "budget:tight", "budget:tight:", "budget:loose:0",
        "slow", "slow:",  "slow:x",  "slow:1:2",     "fast:1",
    };
    struct alert_book book;
    char text[ALERT_KEY_MAX];

    begin();
    slice_copy(SLICE("a:b"), hearing.scenario.monitor.budgets[0].name,
               sizeof(hearing.scenario.monitor.budgets[0].name));
    alert_book_init(&book, &hearing.scenario, memory_heap());
    for (size_t i = 0; i < ARRAY_SIZE(unreadable); i++) {
        struct journal_record record = sample_post(unreadable[i], 0);

        alert_book_posted(&book, &record);
    }
    EXPECT_U64(book.unreadable, ARRAY_SIZE(unreadable));
    EXPECT_U64(book.entries_count, 0);
    alert_book_posted(
        &book, &(struct journal_record){.is_hook = true, .status = 204, .alert = "budget:a:b:17"});
    CU_ASSERT_FATAL(book.entries_count == 1);
    alert_key_write(&hearing.scenario, book.entries[0].key, text);
    CU_ASSERT_STRING_EQUAL(text, "budget:a:b:17");
    alert_book_deinit(&book);
}

static void a_book_without_memory_counts_what_it_lost(void)
{
    struct flaky flaky;
    uint64_t allow = 0;

    sample_scenario(&hearing.scenario);
    do {
        struct journal_record record = sample_post("slow:1", 0);
        struct alert_book book;
        struct memory memory;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        alert_book_init(&book, &hearing.scenario, &memory);
        alert_book_posted(&book, &record);
        alert_book_posted(&book, &record);
        EXPECT_U64(book.lost > 0, flaky.failed);
        alert_book_deinit(&book);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 2);
}

static CU_TestInfo tests[] = {
    {"one alert for a breached window holds", one_alert_for_a_breached_window_holds},
    {"two posts of one alert break alert-once", two_posts_of_one_alert_break_alert_once},
    {"a post that was refused does not count", a_post_that_was_refused_does_not_count},
    {"a breach that nobody was told of breaks alert-once",
     a_breach_that_nobody_was_told_of_breaks_alert_once},
    {"an alert that was raised and did not arrive is not this law's business",
     an_alert_that_was_raised_and_did_not_arrive_is_not_this_laws_business},
    {"an alert without a breach breaks alert-once", an_alert_without_a_breach_breaks_alert_once},
    {"money at the edge of a window may count either way",
     money_at_the_edge_of_a_window_may_count_either_way},
    {"a limit that is reached and not passed is no breach",
     a_limit_that_is_reached_and_not_passed_is_no_breach},
    {"what was billed and never told makes no alert due",
     what_was_billed_and_never_told_makes_no_alert_due},
    {"a window that ends after the cut is due all the same",
     a_window_that_ends_after_the_cut_is_due_all_the_same},
    {"anomalies are told once per cool-down", anomalies_are_told_once_per_cool_down},
    {"what is not there proves nothing when evidence was lost",
     what_is_not_there_proves_nothing_when_evidence_was_lost},
    {"posts of unknown alerts leave the law undecided",
     posts_of_unknown_alerts_leave_the_law_undecided},
    {"alert laws do not apply without a receiver", alert_laws_do_not_apply_without_a_receiver},
    {"posts to hooks are no requests of calls", posts_to_hooks_are_no_requests_of_calls},
    {"money of a call that ends in another window may count in both",
     money_of_a_call_that_ends_in_another_window_may_count_in_both},
    {"a stranger's money may have been counted", a_strangers_money_may_have_been_counted},
    {"an alert that both ends know was delivered", an_alert_that_both_ends_know_was_delivered},
    {"an alert given up breaks alert-delivered", an_alert_given_up_breaks_alert_delivered},
    {"every alert given up counts", every_alert_given_up_counts},
    {"an alert that the receiver never saw breaks alert-delivered",
     an_alert_that_the_receiver_never_saw_breaks_alert_delivered},
    {"a body that the service does not take breaks alert-delivered",
     a_body_that_the_service_does_not_take_breaks_alert_delivered},
    {"an interrupt may leave an alert on its way", an_interrupt_may_leave_an_alert_on_its_way},
    {"a post without a record leaves delivery undecided",
     a_post_without_a_record_leaves_delivery_undecided},
    {"without an alert there is nothing to deliver", without_an_alert_there_is_nothing_to_deliver},
    {"percentiles agree when all witnesses do", percentiles_agree_when_all_witnesses_do},
    {"a reported percentile may not be off by a nanosecond",
     a_reported_percentile_may_not_be_off_by_a_nanosecond},
    {"a report over other calls breaks percentiles-agree",
     a_report_over_other_calls_breaks_percentiles_agree},
    {"percentiles are worked out as the monitor does",
     percentiles_are_worked_out_as_the_monitor_does},
    {"only the last five hundred answers count", only_the_last_five_hundred_answers_count},
    {"failures are no samples", failures_are_no_samples},
    {"measured times must be near the mock's own", measured_times_must_be_near_the_mocks_own},
    {"too few answers say nothing of times", too_few_answers_say_nothing_of_times},
    {"the simulator's wire takes its time", the_simulators_wire_takes_its_time},
    {"a connection that a fault accepts late is no witness of times",
     a_connection_that_a_fault_accepts_late_is_no_witness_of_times},
    {"a generator that hands over late may read late as well",
     a_generator_that_hands_over_late_may_read_late_as_well},
    {"a late generator is no witness of times", a_late_generator_is_no_witness_of_times},
    {"a machine that was late at times makes percentiles inconclusive",
     a_machine_that_was_late_at_times_makes_percentiles_inconclusive},
    {"no machine excuses times that are wrong", no_machine_excuses_times_that_are_wrong},
    {"without monitor and journal percentiles have no witness",
     without_monitor_and_journal_percentiles_have_no_witness},
    {"a book of alerts keeps thousands apart", a_book_of_alerts_keeps_thousands_apart},
    {"a book reads the keys it writes", a_book_reads_the_keys_it_writes},
    {"a book without memory counts what it lost", a_book_without_memory_counts_what_it_lost},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo run_laws_suite = {"run laws", NULL, NULL, NULL, tear_down, tests};
