#include "mockserver/metrics.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "tests/support/sample.h"

static struct scenario scenario;
static struct metrics *metrics;
static struct buffer text;

static void set_up(void)
{
    sample_scenario(&scenario);
    CU_ASSERT_FATAL(metrics_new(&metrics, &scenario, memory_heap()) == RC_OK);
    buffer_init(&text, memory_heap(), 1 << 20);
}

static void tear_down(void)
{
    metrics_free(metrics);
    buffer_deinit(&text);
}

static struct journal_record sample(void)
{
    struct call_record call = sample_call(1);

    return sample_journal(&scenario, &call, 0);
}

static bool says(const char *line)
{
    struct metrics_state state = {.open = 3, .requests = 9, .now = 1500 * NANOS_MS};
    char whole[256];

    buffer_clear(&text);
    metrics_write(metrics, &state, &text);
    EXPECT_RC(text.rc, RC_OK);
    snprintf(whole, sizeof(whole), "%s\n", line);
    return slice_has(buffer_slice(&text), slice_of(whole));
}

static void counts_requests_by_what_was_answered(void)
{
    struct journal_record record = sample();

    metrics_record(metrics, &record);
    metrics_record(metrics, &record);
    record.status = 529;
    record.answered = OUTCOME_OVERLOADED;
    metrics_record(metrics, &record);
    CU_ASSERT(says("brownout_requests_total{provider=\"anthropic\",model=\"claude-sonnet-4-5\","
                   "status=\"200\",answered=\"ok\"} 2"));
    CU_ASSERT(says("brownout_requests_total{provider=\"anthropic\",model=\"claude-sonnet-4-5\","
                   "status=\"529\",answered=\"overloaded\"} 1"));
}

static void adds_up_tokens_and_money(void)
{
    struct journal_record record = sample();

    metrics_record(metrics, &record);
    metrics_record(metrics, &record);
    CU_ASSERT(says("brownout_tokens_total{provider=\"anthropic\",model=\"claude-sonnet-4-5\","
                   "direction=\"in\"} 1600"));
    CU_ASSERT(says("brownout_tokens_total{provider=\"anthropic\",model=\"claude-sonnet-4-5\","
                   "direction=\"out\"} 240"));
    CU_ASSERT(says(
        "brownout_cost_dollars_total{provider=\"anthropic\",model=\"claude-sonnet-4-5\"} 0.0084"));
}

static void lays_spans_into_buckets_up_to_and_with_their_end(void)
{
    struct journal_record record = sample();

    record.body_in_at = 0;
    record.first_out_at = 10 * NANOS_MS;
    metrics_record(metrics, &record);
    record.first_out_at = 10 * NANOS_MS + 1;
    metrics_record(metrics, &record);
    record.first_out_at = NANOS_NEVER; /* no byte came: no latency */
    metrics_record(metrics, &record);
    CU_ASSERT(says("brownout_first_byte_seconds_bucket{provider=\"anthropic\",model=\"claude-"
                   "sonnet-4-5\",le=\"0.005\"} 0"));
    CU_ASSERT(says("brownout_first_byte_seconds_bucket{provider=\"anthropic\",model=\"claude-"
                   "sonnet-4-5\",le=\"0.01\"} 1"));
    CU_ASSERT(says("brownout_first_byte_seconds_bucket{provider=\"anthropic\",model=\"claude-"
                   "sonnet-4-5\",le=\"+Inf\"} 2"));
    CU_ASSERT(says("brownout_first_byte_seconds_sum{provider=\"anthropic\",model=\"claude-"
                   "sonnet-4-5\"} 0.020000001"));
    CU_ASSERT(says("brownout_first_byte_seconds_count{provider=\"anthropic\",model=\"claude-"
                   "sonnet-4-5\"} 2"));
}

static void an_unknown_cost_is_not_nothing(void)
{
    struct journal_record record = sample();

    record.has_cost = false;
    metrics_record(metrics, &record);
    CU_ASSERT(says("# TYPE brownout_cost_dollars_total counter"));
    CU_ASSERT_FALSE(slice_has(buffer_slice(&text), SLICE("brownout_cost_dollars_total{")));
}

static void a_request_without_an_answer_was_answered_by_nothing(void)
{
    struct journal_record record = sample();

    record.status = 0;
    metrics_record(metrics, &record);
    CU_ASSERT(says("brownout_requests_total{provider=\"anthropic\",model=\"claude-sonnet-4-5\","
                   "status=\"0\",answered=\"none\"} 1"));
}

static void a_connection_is_no_request_but_its_rule_has_fired(void)
{
    struct journal_record record = sample();

    record.kind = JOURNAL_CONNECTION;
    record.rule = SAMPLE_STORM_RULE;
    metrics_record(metrics, &record);
    CU_ASSERT(says("brownout_faults_total{rule=\"storm-429\"} 1"));
    CU_ASSERT_FALSE(slice_has(buffer_slice(&text), SLICE("brownout_requests_total{")));
}

static void counts_faults_by_rule_and_canaries(void)
{
    struct journal_record record = sample();

    record.rule = SAMPLE_STORM_RULE;
    record.has_canary = true;
    metrics_record(metrics, &record);
    slice_copy(SLICE("added \"later\""), record.rule_name, sizeof(record.rule_name));
    metrics_record(metrics, &record);
    CU_ASSERT(says("brownout_faults_total{rule=\"storm-429\"} 1"));
    CU_ASSERT(says("brownout_faults_total{rule=\"added \\\"later\\\"\"} 1"));
    CU_ASSERT(says("brownout_canaries_total 2"));
    EXPECT_U64(metrics_canaries(metrics), 2);
}

static void tells_of_hooks_and_of_requests_for_no_known_model(void)
{
    struct journal_record record = sample();

    record.is_hook = true;
    record.hook = HOOK_SLACK;
    metrics_record(metrics, &record);
    record.is_hook = false;
    record.model = scenario.models_count;
    metrics_record(metrics, &record);
    record.provider = scenario.providers_count;
    metrics_record(metrics, &record);
    CU_ASSERT(says("brownout_requests_total{provider=\"hooks\",model=\"slack\",status=\"200\","
                   "answered=\"ok\"} 1"));
    CU_ASSERT(says("brownout_requests_total{provider=\"anthropic\",model=\"\",status=\"200\","
                   "answered=\"ok\"} 1"));
    CU_ASSERT(says("brownout_requests_total{provider=\"\",model=\"\",status=\"200\",answered="
                   "\"ok\"} 1"));
}

static void tells_what_others_know(void)
{
    CU_ASSERT(says("brownout_open_requests 3"));
    CU_ASSERT(says("brownout_requests_seen_total 9"));
    CU_ASSERT(says("brownout_run_seconds 1.500000000"));
    CU_ASSERT(says("# TYPE brownout_duration_seconds histogram"));
}

static void labels_beyond_its_room_are_counted_together(void)
{
    struct journal_record record = sample();

    for (uint16_t status = 1; status <= 1100; status++) {
        record.status = status;
        metrics_record(metrics, &record);
    }
    for (int i = 0; i < CHAOS_RULES_MAX + 3; i++) {
        snprintf(record.rule_name, sizeof(record.rule_name), "rule-%d", i);
        metrics_record(metrics, &record);
    }
    CU_ASSERT(says("brownout_faults_total{rule=\"rule-63\"} 1"));
    CU_ASSERT(says("brownout_faults_total{rule=\"other\"} 3"));
    CU_ASSERT(says("brownout_requests_total{provider=\"other\",model=\"other\",status=\"\","
                   "answered=\"other\"} 143"));
}

static void survives_every_failing_allocation(void)
{
    struct flaky flaky;
    uint64_t allow = 0;

    do {
        struct metrics *made = NULL;
        struct memory memory;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        rc = metrics_new(&made, &scenario, &memory);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        metrics_free(made);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 2);
}

static CU_TestInfo metrics_tests[] = {
    {"counts requests by what was answered", counts_requests_by_what_was_answered},
    {"adds up tokens and money", adds_up_tokens_and_money},
    {"lays spans into buckets, up to and with their end",
     lays_spans_into_buckets_up_to_and_with_their_end},
    {"an unknown cost is not nothing", an_unknown_cost_is_not_nothing},
    {"a request without an answer was answered by nothing",
     a_request_without_an_answer_was_answered_by_nothing},
    {"a connection is no request, but its rule has fired",
     a_connection_is_no_request_but_its_rule_has_fired},
    {"counts faults by rule, and canaries", counts_faults_by_rule_and_canaries},
    {"tells of hooks and of requests for no known model",
     tells_of_hooks_and_of_requests_for_no_known_model},
    {"tells what others know", tells_what_others_know},
    {"labels beyond its room are counted together", labels_beyond_its_room_are_counted_together},
    {"survives every failing allocation", survives_every_failing_allocation},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo metrics_suite = {"metrics", NULL, NULL, set_up, tear_down, metrics_tests};
