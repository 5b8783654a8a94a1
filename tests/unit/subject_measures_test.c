#include "judge/measure.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/hearing.h"

/* Measures of what is not our client: a service's processes and its requests, a program's keys. */

static struct hearing hearing;

static void tear_down(void)
{
    hearing_end(&hearing);
}

static void begin(enum subject subject, const char *expectation)
{
    sample_scenario(&hearing.scenario);
    hearing.scenario.subject = subject;
    hearing_start(&hearing, NULL, expectation);
    CU_ASSERT_STRING_EQUAL(hearing.err.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(hearing.judge);
}

static void sample(uint32_t instance, nanos at, uint64_t rss_bytes)
{
    const struct sample_record record = {
        .instance = instance, .at = at, .rss_bytes = rss_bytes, .descriptors = 34, .threads = 12};

    judge_feed_sample(hearing.judge, &record);
}

/* 100 MB and 1 MB more each minute. */
static void sample_a_leak(uint32_t instance, uint64_t bytes_per_minute)
{
    for (uint64_t i = 0; i < 30; i++)
        sample(instance, (nanos)i * 60 * NANOS_S, 100000000 + i * bytes_per_minute);
}

static void expect_seen(const char *name, const char *verdict, const char *value)
{
    const struct verdict_row *row = hearing_row(&hearing, name);

    CU_ASSERT_STRING_EQUAL(verdict_word(row->verdict), verdict);
    CU_ASSERT_STRING_EQUAL(row->value, value);
}

static void memory_is_told_at_its_largest(void)
{
    begin(SUBJECT_SERVICE, "subject.rss.max <= 120MB");
    sample_a_leak(0, 1000000);
    hearing_finish(&hearing);
    expect_seen("subject.rss.max <= 120MB", "fail", "129 MB");
    EXPECT_U64(hearing_row(&hearing, "subject.rss.max <= 120MB")->n, 30);
}

static void a_slope_is_per_hour(void)
{
    begin(SUBJECT_SERVICE, "subject.rss.slope <= 10MB");
    sample_a_leak(0, 1000000);
    hearing_finish(&hearing);
    expect_seen("subject.rss.slope <= 10MB", "fail", "60 MB");
}

static void the_steepest_instance_counts(void)
{
    begin(SUBJECT_SERVICE, "subject.rss.slope <= 10MB");
    sample_a_leak(0, 0);
    sample_a_leak(1, 2000000);
    sample_a_leak(2, 1000000);
    hearing_finish(&hearing);
    expect_seen("subject.rss.slope <= 10MB", "fail", "120 MB");
}

static void memory_that_shrinks_has_a_slope_below_zero(void)
{
    begin(SUBJECT_SERVICE, "subject.rss.slope <= 10MB");
    for (uint64_t i = 0; i < 3; i++)
        sample(0, (nanos)i * 3600 * NANOS_S, 100000000 - i * 1000000);
    hearing_finish(&hearing);
    expect_seen("subject.rss.slope <= 10MB", "pass", "-1 MB");
}

static void a_slope_needs_three_samples_of_different_times(void)
{
    begin(SUBJECT_SERVICE, "subject.rss.slope <= 10MB");
    sample(0, NANOS_S, 100);
    sample(0, 2 * NANOS_S, 200);
    hearing_finish(&hearing);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "subject.rss.slope <= 10MB")->reason,
                           "a slope needs 3 samples");
    hearing_end(&hearing);
    begin(SUBJECT_SERVICE, "subject.rss.slope <= 10MB");
    for (int i = 0; i < 5; i++)
        sample(0, NANOS_S, 100);
    hearing_finish(&hearing);
    expect_seen("subject.rss.slope <= 10MB", "inconclusive", "");
}

static void what_was_not_sampled_is_not_known(void)
{
    begin(SUBJECT_CLIENT, "subject.fds.max <= 10");
    hearing_finish(&hearing);
    expect_seen("subject.fds.max <= 10", "inconclusive", "");
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "subject.fds.max <= 10")->reason,
                           "no process of the subject was sampled");
}

static void descriptors_and_threads_are_numbers(void)
{
    begin(SUBJECT_SERVICE, "subject.fds.p50 <= 34");
    sample_a_leak(0, 0);
    hearing_finish(&hearing);
    expect_seen("subject.fds.p50 <= 34", "pass", "34");
    hearing_end(&hearing);
    begin(SUBJECT_SERVICE, "subject.threads.slope <= 0");
    sample_a_leak(0, 0);
    hearing_finish(&hearing);
    expect_seen("subject.threads.slope <= 0", "pass", "0");
}

static void processes_know_no_single_calls(void)
{
    hearing_begin(&hearing, NULL, "subject.rss.max{model=gpt-4o} <= 1GB");
    EXPECT_RC(hearing.rc, RC_MALFORMED);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(hearing.err.text, "found filters that pick calls, but subject.rss is of the whole"));
}

static void a_size_has_a_unit_or_none(void)
{
    static const char *const wrong[] = {"subject.rss.max <= 1TB", "subject.rss.max <= MB",
                                        "subject.rss.max <= 10s", "subject.fds.max <= 10MB"};

    begin(SUBJECT_SERVICE, "subject.rss.max <= 1.5 kB");
    sample(0, 0, 1501);
    hearing_finish(&hearing);
    expect_seen("subject.rss.max <= 1.5 kB", "fail", "1501");
    hearing_end(&hearing);
    begin(SUBJECT_SERVICE, "subject.rss.max <= 2000");
    sample(0, 0, 1501);
    hearing_finish(&hearing);
    expect_seen("subject.rss.max <= 2000", "pass", "1.5 kB");
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        hearing_end(&hearing);
        hearing_begin(&hearing, NULL, wrong[i]);
        EXPECT_RC(hearing.rc, RC_MALFORMED);
    }
}

/* --- keys ------------------------------------------------------------------------------------- */

static void feed_a_leaking_request(void)
{
    struct call_record call = sample_call(100);
    struct journal_record record = sample_journal(&hearing.scenario, &call, 0);

    record.has_canary = true;
    judge_feed_journal(hearing.judge, &record);
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
}

static void keys_that_leave_are_counted_in_requests_and_lines(void)
{
    begin(SUBJECT_CLIENT, "secrets.leaked <= 0");
    feed_a_leaking_request();
    hearing.facts.has_canaries = true;
    hearing.facts.log_leaking = 2;
    hearing_finish(&hearing);
    expect_seen("secrets.leaked <= 0", "fail", "3");
}

static void without_canaries_no_key_could_be_seen(void)
{
    begin(SUBJECT_CLIENT, "secrets.leaked <= 0");
    feed_a_leaking_request();
    hearing_finish(&hearing);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "secrets.leaked <= 0")->reason,
                           "no canary stood in the place of a key");
}

static void posts_of_a_program_are_counted_without_a_monitor(void)
{
    const struct journal_record post = {.number = 1,
                                        .is_hook = true,
                                        .kind = JOURNAL_HOOK,
                                        .hook = HOOK_SLACK,
                                        .status = 200,
                                        .rule = PLAN_NO_RULE};
    struct call_record call = sample_call(100);

    begin(SUBJECT_EXEC, "hooks.slack.count == 1");
    hearing_feed(&hearing, &call);
    judge_feed_journal(hearing.judge, &post);
    hearing_finish(&hearing);
    expect_seen("hooks.slack.count == 1", "pass", "1");
    hearing_end(&hearing);
    sample_scenario(&hearing.scenario);
    hearing.scenario.subject = SUBJECT_EXEC;
    hearing_start(&hearing, NULL, "alerts == 1");
    EXPECT_RC(hearing.rc, RC_MALFORMED);
    CU_ASSERT_PTR_NOT_NULL(strstr(hearing.err.text, "alerts is of our own monitor"));
}

/* --- a service's requests --------------------------------------------------------------------- */

/* Asked once by us, the service asked the mock three times: Claude twice, 1 s apart, then GPT. */
static void feed_a_fallback(void)
{
    struct call_record call = sample_call(100), asked = call;

    sample_fail(&asked, OUTCOME_OVERLOADED, 529, asked.due_at + NANOS_MS);
    sample_retry(&asked, SAMPLE_CLAUDE, asked.ended_at + NANOS_S);
    sample_fail(&asked, OUTCOME_OVERLOADED, 529, asked.ended_at);
    sample_retry(&asked, SAMPLE_GPT, asked.ended_at + 10 * NANOS_MS);
    for (uint32_t i = 0; i < 3; i++) {
        struct journal_record record = sample_journal(&hearing.scenario, &asked, i);

        judge_feed_journal(hearing.judge, &record);
    }
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
    hearing_finish(&hearing);
}

static void attempts_of_a_service_are_measured_at_the_mock(void)
{
    static const struct {
        const char *expectation, *value;
    } cases[] = {{"amplification <= 9", "3"},
                 {"retries <= 9", "2"},
                 {"retries{cause=529} <= 9", ""},
                 {"wait.max <= 9s", "1 s"},
                 {"fallback.share <= 1", "100 %"}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        begin(SUBJECT_SERVICE, cases[i].expectation);
        feed_a_fallback();
        if (cases[i].value[0] != '\0')
            CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, cases[i].expectation)->value,
                                   cases[i].value);
        hearing_end(&hearing);
    }
    begin(SUBJECT_SERVICE, "attempts.max <= 9");
    feed_a_fallback();
    expect_seen("attempts.max <= 9", "pass", "3");
}

static void a_command_has_no_send_lag(void)
{
    struct call_record call = sample_call(100);

    begin(SUBJECT_EXEC, "send_lag.max <= 1s");
    hearing_feed(&hearing, &call);
    hearing_finish(&hearing);
    expect_seen("send_lag.max <= 1s", "inconclusive", "");
}

static void calls_of_a_command_are_counted_at_once_however_long_it_runs(void)
{
    begin(SUBJECT_EXEC, NULL);
    for (uint64_t i = 0; i < 40; i++) {
        struct call_record call =
            sample_call(i * 1000 + i % 4); /* four within 0.3 s, of 2 s each */

        hearing_feed(&hearing, &call);
    }
    hearing_finish(&hearing);
    EXPECT_U64(judge_figures(hearing.judge)->in_flight_most, 1);
    hearing_end(&hearing);
    begin(SUBJECT_EXEC, NULL);
    for (uint64_t i = 0; i < 40; i++) {
        struct call_record call = sample_call(i / 4 * 1000 + i % 4);

        hearing_feed(&hearing, &call);
    }
    hearing_finish(&hearing);
    EXPECT_U64(judge_figures(hearing.judge)->in_flight_most, 4);
}

static CU_TestInfo tests[] = {
    {"memory is told at its largest", memory_is_told_at_its_largest},
    {"a slope is per hour", a_slope_is_per_hour},
    {"the steepest instance counts", the_steepest_instance_counts},
    {"memory that shrinks has a slope below zero", memory_that_shrinks_has_a_slope_below_zero},
    {"a slope needs three samples of different times",
     a_slope_needs_three_samples_of_different_times},
    {"what was not sampled is not known", what_was_not_sampled_is_not_known},
    {"descriptors and threads are numbers", descriptors_and_threads_are_numbers},
    {"processes know no single calls", processes_know_no_single_calls},
    {"a size has a unit or none", a_size_has_a_unit_or_none},
    {"keys that leave are counted in requests and lines",
     keys_that_leave_are_counted_in_requests_and_lines},
    {"without canaries no key could be seen", without_canaries_no_key_could_be_seen},
    {"posts of a program are counted without a monitor",
     posts_of_a_program_are_counted_without_a_monitor},
    {"attempts of a service are measured at the mock",
     attempts_of_a_service_are_measured_at_the_mock},
    {"a command has no send lag", a_command_has_no_send_lag},
    {"calls of a command are counted at once, however long it runs",
     calls_of_a_command_are_counted_at_once_however_long_it_runs},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo subject_measures_suite = {"subject_measures", NULL, NULL, NULL, tear_down, tests};
