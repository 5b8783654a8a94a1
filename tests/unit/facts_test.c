#include "judge/facts.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "report/json.h"
#include "tests/support/expect.h"
#include "tests/support/sample_runs.h"

static struct scenario scenario;
static struct buffer text;
static struct run_told told;

/* Every field has a value of its own. */
static void fill_figures(struct run_figures *f)
{
    *f = (struct run_figures){.calls = 1,
                              .useful = 2,
                              .failed = 3,
                              .unfinished = 4,
                              .attempts = 5,
                              .n_ok = 6,
                              .response_p50 = 7,
                              .response_p95 = 8,
                              .response_p99 = 9,
                              .first_token_p50 = 10,
                              .first_token_p95 = 11,
                              .first_token_p99 = 12,
                              .n_failed = 13,
                              .failed_p50 = 14,
                              .failed_p99 = 15,
                              .send_lag_p99 = 16,
                              .in_flight_most = 17,
                              .cost = 18,
                              .cost_failed = 19,
                              .cost_unknown = 20,
                              .billed = 21,
                              .billed_unknown = 26,
                              .tokens_in = 22,
                              .tokens_out = 23,
                              .alerts_delivered = 24,
                              .alerts_lost = 25,
                              .requests = 27,
                              .unknown_paths = 28,
                              .n_first_token = 29,
                              .requests_leaking = 30,
                              .told_by = {0, 31, 32},
                              .doubtful = 33};
    for (uint32_t i = 0; i < OUTCOME_COUNT; i++)
        f->outcomes[i] = 100 + i;
    for (uint32_t i = 0; i < CHAOS_RULES_MAX; i++)
        f->rules_fired[i] = i % 3 == 0 ? 200 + i : 0;
    f->rules_matched[1] = 300;
    for (uint32_t i = 0; i < ALERT_KINDS_COUNT; i++)
        f->alerts[i] = 400 + i;
    for (uint32_t i = 0; i < HOOK_KINDS_COUNT; i++) {
        f->hooks[i].posts = 500 + i;
        f->hooks[i].first_at = i == 1 ? NANOS_NEVER : -(nanos)i;
    }
}

static void fill(void)
{
    memset(&told, 0, sizeof(told));
    strcpy(told.world, "sim");
    strcpy(told.problem, "no mock");
    told.took = 5;
    told.facts = (struct run_facts){.calls_planned = UINT64_MAX,
                                    .cut_at = 80 * NANOS_S,
                                    .has_journal = true,
                                    .is_simulated = true,
                                    .has_reported = true,
                                    .has_caller = true,
                                    .has_command = true,
                                    .command_exit = 137,
                                    .command_took = 41,
                                    .today = "2026-11-23",
                                    .unknown_paths = 42,
                                    .log_lines = 43,
                                    .log_strangers = 44,
                                    .log_malformed = 45,
                                    .log_unmapped = "--map id=/a: none of 2 lines has it",
                                    .log_lost = "the application's log: a: Is a directory",
                                    .has_canaries = true,
                                    .log_leaking = 46,
                                    .lost = "said \"stop\""};
    told.facts.reported[SAMPLE_GPT] = (struct rolling_figures){1, 2, 3, 4};
    fill_figures(&told.figures);
    told.evidence = (struct evidence_facts){.level = EVIDENCE_FAILURES,
                                            .calls_judged = 31,
                                            .calls_kept = 32,
                                            .records_lost = 33,
                                            .scenario = UINT64_MAX,
                                            .control = 7};
    for (uint32_t i = 0; i < EVIDENCE_FILES_COUNT; i++) {
        told.evidence.files[i].lines = 600 + i;
        told.evidence.files[i].hash = 0x0123456789ABCDEFu + i;
    }
}

static void write_all(void)
{
    buffer_clear(&text);
    buffer_printf(&text,
                  "{\n  \"problem\": \"%s\", \"world\": \"%s\", \"took\": %lld,\n  \"facts\": ",
                  told.problem, told.world, (long long)told.took);
    run_facts_write(&scenario, &told.facts, &told.figures, &text);
    buffer_text(&text, ",\n  \"evidence\": ");
    evidence_facts_write(&told.evidence, &text);
    run_json_seal(&text);
    buffer_text(&text, "\n}\n");
    EXPECT_RC(text.rc, RC_OK);
}

static void set_up(void)
{
    sample_scenario(&scenario);
    buffer_init(&text, memory_heap(), 1 << 20);
    fill();
    write_all();
}

static void tear_down(void)
{
    buffer_deinit(&text);
}

static void reads_back_all_that_was_written(void)
{
    struct run_told read;
    struct error err = {0};

    EXPECT_RC(run_json_read(&scenario, buffer_slice(&text), &read, &err), RC_OK);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    CU_ASSERT_STRING_EQUAL(read.world, told.world);
    CU_ASSERT_STRING_EQUAL(read.problem, told.problem);
    EXPECT_I64(read.took, told.took);
    CU_ASSERT(memcmp(&read.facts, &told.facts, sizeof(told.facts)) == 0);
    CU_ASSERT(memcmp(&read.figures, &told.figures, sizeof(told.figures)) == 0);
    CU_ASSERT(memcmp(&read.evidence, &told.evidence, sizeof(told.evidence)) == 0);
}

static void refuses_what_was_changed_at_any_byte(void)
{
    struct run_told read;

    for (size_t at = 0; at < text.size; at++) {
        text.data[at] ^= 1;
        EXPECT_RC(run_json_read(&scenario, buffer_slice(&text), &read, NULL), RC_MALFORMED);
        text.data[at] ^= 1;
    }
}

static void refuses_what_was_cut_at_any_byte(void)
{
    struct run_told read;

    for (size_t size = 0; size < text.size; size++)
        EXPECT_RC(run_json_read(&scenario, (struct slice){text.data, size}, &read, NULL),
                  RC_MALFORMED);
}

static void says_what_is_wrong_with_it(void)
{
    struct run_told read;
    struct error err;

    text.data[20] ^= 1;
    EXPECT_RC(run_json_read(&scenario, buffer_slice(&text), &read, &err), RC_MALFORMED);
    CU_ASSERT_STRING_EQUAL(err.text, "run.json: not as it was written (checksum)");
    buffer_clear(&text);
    buffer_text(&text, "{\"took\": 1");
    run_json_seal(&text);
    buffer_text(&text, "\n}\n");
    EXPECT_RC(run_json_read(&scenario, buffer_slice(&text), &read, &err), RC_MALFORMED);
    CU_ASSERT_STRING_EQUAL(err.text, "run.json: no \"problem\"");
}

/* --- rows ------------------------------------------------------------------------------------- */

static void expect_same_row(const struct verdict_row *read, const struct verdict_row *row)
{
    EXPECT_U64(read->kind, row->kind);
    CU_ASSERT_STRING_EQUAL(read->name, row->name);
    CU_ASSERT_STRING_EQUAL(read->limit, row->limit);
    CU_ASSERT_STRING_EQUAL(read->value, row->value);
    CU_ASSERT_STRING_EQUAL(read->reason, row->reason);
    EXPECT_U64(read->verdict, row->verdict);
    CU_ASSERT_EQUAL(read->is_warning, row->is_warning);
    EXPECT_U64(read->n, row->n);
    EXPECT_U64(read->violations, row->violations);
    EXPECT_U64(read->examples_count, row->examples_count);
    for (uint32_t i = 0; i < row->examples_count; i++) {
        CU_ASSERT_STRING_EQUAL(read->examples[i].call, row->examples[i].call);
        CU_ASSERT_STRING_EQUAL(read->examples[i].text, row->examples[i].text);
    }
}

static void rows_of_a_report_are_read_back(void)
{
    static struct hearing hearing;
    const struct report_facts facts = {.world = "sim"};
    struct verdict_row read[64];
    const struct verdict_row *rows;
    struct error err;
    uint32_t count;

    run_that_fails(&hearing);
    rows = judge_rows(hearing.judge, &count);
    buffer_clear(&text);
    report_json(&hearing.scenario, hearing.judge, &facts, &text);
    CU_ASSERT_FATAL(count <= ARRAY_SIZE(read));
    for (uint32_t i = 0; i < count; i++) {
        read[i] = (struct verdict_row){.kind = rows[i].kind};
        strcpy(read[i].name, rows[i].name);
    }
    EXPECT_RC(run_json_read_rows(slice_trim(buffer_slice(&text)), read, count, &err), RC_OK);
    for (uint32_t i = 0; i < count; i++)
        expect_same_row(&read[i], &rows[i]);
    EXPECT_RC(run_json_read_rows(buffer_slice(&text), read, count - 1, &err), RC_MALFORMED);
    read[0].name[0] = '?';
    EXPECT_RC(run_json_read_rows(buffer_slice(&text), read, count, &err), RC_MALFORMED);
    hearing_end(&hearing);
}

static CU_TestInfo tests[] = {
    {"reads back all that was written", reads_back_all_that_was_written},
    {"refuses what was changed at any byte", refuses_what_was_changed_at_any_byte},
    {"refuses what was cut at any byte", refuses_what_was_cut_at_any_byte},
    {"says what is wrong with it", says_what_is_wrong_with_it},
    {"rows of a report are read back", rows_of_a_report_are_read_back},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo facts_suite = {"facts", NULL, NULL, set_up, tear_down, tests};
