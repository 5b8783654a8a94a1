#include "judge/evidence.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/sample.h"

static struct scenario scenario;
static struct buffer line;

static void set_up(void)
{
    sample_scenario(&scenario);
    buffer_init(&line, memory_heap(), 1 << 16);
}

static void tear_down(void)
{
    buffer_deinit(&line);
}

static bool line_has(const char *text)
{
    return slice_has(buffer_slice(&line), slice_of(text));
}

/* Every field has a value of its own, so that none can be taken for another. */
static struct journal_record distinct_record(void)
{
    return (struct journal_record){
        .number = 11,
        .provider = 1,
        .model = SAMPLE_GPT,
        .connection = 12,
        .key = KEY_HEADER,
        .call = "steady:217",
        .attempt = 3,
        .accepted_at = -14,
        .head_in_at = 15,
        .body_in_at = 16,
        .first_out_at = 17,
        .last_out_at = 18,
        .closed_at = 19,
        .closed_by = CLOSED_FAULT,
        .status = 429,
        .answered = OUTCOME_RATE_LIMITED,
        .is_complete = true,
        .advice = PLAN_ADVICE_DATE,
        .advice_wait = 2 * NANOS_S,
        .rule = SAMPLE_OVERLOAD_RULE,
        .rules_matched = 3,
        .input_tokens = 20,
        .output_tokens = 21,
        .tokens_written = 22,
        .bytes_out = UINT64_MAX,
        .plan = "429 \"rate limited\"\n\xE2\x9F\xA6r17\xE2\x9F\xA7",
    };
}

static void expect_same(const struct journal_record *read, const struct journal_record *record)
{
    EXPECT_U64(read->number, record->number);
    EXPECT_U64(read->provider, record->provider);
    EXPECT_U64(read->model, record->model);
    EXPECT_U64(read->connection, record->connection);
    EXPECT_U64(read->key, record->key);
    CU_ASSERT_STRING_EQUAL(read->call, record->call);
    EXPECT_U64(read->attempt, record->attempt);
    EXPECT_I64(read->accepted_at, record->accepted_at);
    EXPECT_I64(read->head_in_at, record->head_in_at);
    EXPECT_I64(read->body_in_at, record->body_in_at);
    EXPECT_I64(read->first_out_at, record->first_out_at);
    EXPECT_I64(read->last_out_at, record->last_out_at);
    EXPECT_I64(read->closed_at, record->closed_at);
    EXPECT_U64(read->closed_by, record->closed_by);
    EXPECT_U64(read->status, record->status);
    EXPECT_U64(read->answered, record->answered);
    CU_ASSERT_EQUAL(read->is_complete, record->is_complete);
    EXPECT_U64(read->advice, record->advice);
    EXPECT_I64(read->advice_wait, record->advice_wait);
    EXPECT_I64(read->rule, record->rule);
    EXPECT_U64(read->rules_matched, record->rules_matched);
    EXPECT_U64(read->input_tokens, record->input_tokens);
    EXPECT_U64(read->output_tokens, record->output_tokens);
    EXPECT_U64(read->tokens_written, record->tokens_written);
    EXPECT_U64(read->bytes_out, record->bytes_out);
    CU_ASSERT_STRING_EQUAL(read->plan, record->plan);
}

static struct slice without_newline(struct slice text)
{
    CU_ASSERT(text.size > 0 && text.data[text.size - 1] == '\n');
    return (struct slice){text.data, text.size - 1};
}

static void round_trip(const struct journal_record *record)
{
    struct journal_record read;
    struct error err;

    buffer_clear(&line);
    evidence_write_journal(&scenario, record, &line);
    EXPECT_RC(line.rc, RC_OK);
    memset(&read, 0x5A, sizeof(read));
    EXPECT_RC(evidence_read_journal(&scenario, without_newline(buffer_slice(&line)), &read, &err),
              RC_OK);
    expect_same(&read, record);
}

static void reads_back_every_field_of_a_journal_line(void)
{
    struct journal_record record = distinct_record();

    round_trip(&record);
}

static void reads_back_what_never_happened_and_is_not_known(void)
{
    struct journal_record record = {
        .provider = scenario.providers_count,
        .model = scenario.models_count,
        .accepted_at = NANOS_NEVER,
        .head_in_at = NANOS_NEVER,
        .body_in_at = NANOS_NEVER,
        .first_out_at = NANOS_NEVER,
        .last_out_at = NANOS_NEVER,
        .closed_at = NANOS_NEVER,
        .rule = PLAN_NO_RULE,
    };

    round_trip(&record);
    CU_ASSERT(line_has("\"call\":null"));
    CU_ASSERT(line_has("\"head_in_at\":null"));
    CU_ASSERT(line_has("\"rule\":null,\"rules_matched\":[]"));
}

static void reads_back_every_word_of_every_list(void)
{
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        struct journal_record record = distinct_record();

        record.answered = (enum outcome)i;
        record.key = (enum key_used)(i % (KEY_LIKENESS + 1));
        record.closed_by = (enum closed_by)(i % (CLOSED_RUN + 1));
        record.advice = (enum plan_advice)(i % (PLAN_ADVICE_RAW + 1));
        round_trip(&record);
    }
}

static void refuses_a_journal_line_cut_at_any_byte(void)
{
    struct journal_record record = distinct_record();
    struct journal_record untouched = {.number = 99};
    struct slice whole;

    evidence_write_journal(&scenario, &record, &line);
    whole = without_newline(buffer_slice(&line));
    for (size_t size = 0; size < whole.size; size++) {
        struct error err = {0};
        struct slice cut = {whole.data, size};

        EXPECT_RC(evidence_read_journal(&scenario, cut, &untouched, &err), RC_MALFORMED);
        CU_ASSERT(err.text[0] != '\0');
    }
    EXPECT_U64(untouched.number, 99); /* a failed read leaves its output as it was */
}

static enum rc read_text(const char *text, struct error *err)
{
    struct journal_record record;

    return evidence_read_journal(&scenario, slice_of(text), &record, err);
}

/* The line with `from` replaced by `to`. */
static enum rc read_changed(const char *from, const char *to, struct error *err)
{
    struct journal_record record = distinct_record();
    char changed[2048];
    char *place;
    size_t before;

    buffer_clear(&line);
    evidence_write_journal(&scenario, &record, &line);
    buffer_byte(&line, '\0');
    place = strstr(line.data, from);
    CU_ASSERT_PTR_NOT_NULL_FATAL(place);
    before = (size_t)(place - line.data);
    snprintf(changed, sizeof(changed), "%.*s%s%s", (int)before, line.data, to,
             place + strlen(from));
    changed[strlen(changed) - 1] = '\0';
    return read_text(changed, err);
}

static void says_what_is_wrong_with_a_journal_line(void)
{
    struct error err;

    EXPECT_RC(read_changed("\"status\":429,", "", &err), RC_MALFORMED);
    CU_ASSERT_STRING_EQUAL(err.text, "journal line: no \"status\"");
    EXPECT_RC(read_changed("\"status\":429", "\"status\":70000", &err), RC_MALFORMED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "\"status\" cannot be read"));
    EXPECT_RC(read_changed("\"attempt\":3", "\"attempt\":3,\"attempt\":4", &err), RC_MALFORMED);
    CU_ASSERT_STRING_EQUAL(err.text, "journal line: \"attempt\" stands twice");
    EXPECT_RC(read_changed("gpt-4o", "gpt-5o", &err), RC_MALFORMED);
    EXPECT_RC(read_changed("rate_limited\"", "rated\"", &err), RC_MALFORMED);
    EXPECT_RC(read_changed("overload-529\",", "overload\",", &err), RC_MALFORMED);
    EXPECT_RC(read_text("[]", &err), RC_MALFORMED);
    EXPECT_RC(read_text("", &err), RC_MALFORMED);
}

static void ignores_members_it_does_not_know(void)
{
    EXPECT_RC(read_changed("\"status\":429", "\"later\":{\"a\":[1]},\"status\":429", NULL), RC_OK);
}

static void reads_members_in_any_order(void)
{
    EXPECT_RC(read_changed("{\"number\":11,\"provider\":\"openai\"",
                           "{\"provider\":\"openai\",\"number\":11", NULL),
              RC_OK);
}

static void a_call_line_begins_with_the_fields_of_the_guides_logger(void)
{
    struct call_record call = sample_call(150);

    evidence_write_call(&scenario, &call, &line);
    CU_ASSERT(slice_starts_with(buffer_slice(&line),
                                SLICE("{\"model\":\"claude-sonnet-4-5\",\"latency_ms\":2000.000,"
                                      "\"input_tokens\":800,\"output_tokens\":120,\"error\":null,"
                                      "\"stop_reason\":\"end_turn\",\"call\":\"steady:150\"")));
    CU_ASSERT(line_has("\"phases\":[\"storm\"]"));
    CU_ASSERT(line_has("\"due_at\":15000000000"));
    CU_ASSERT(line_has("\"outcome\":\"ok\"}\n"));
}

static void a_failed_call_says_why_and_leaves_usage_unknown(void)
{
    struct call_record call = sample_call(450);

    sample_fail(&call, OUTCOME_OVERLOADED, 529, call.due_at + 300 * NANOS_MS);
    sample_retry(&call, SAMPLE_CLAUDE, call.due_at + NANOS_S);
    sample_fail(&call, OUTCOME_RATE_LIMITED, 429, call.due_at + 1500 * NANOS_MS);
    evidence_write_call(&scenario, &call, &line);
    CU_ASSERT(line_has("\"latency_ms\":1500.000,\"input_tokens\":null,\"output_tokens\":null,"
                       "\"error\":\"429: too many requests or tokens\",\"stop_reason\":null"));
    CU_ASSERT(line_has("\"phases\":[\"after:storm\",\"after:overload\",\"quiet\"]"));
    CU_ASSERT(line_has("\"attempts\":2,\"retries\":{\"overloaded\":1}"));
    CU_ASSERT(line_has("\"first_token_at\":null"));
}

static void an_unfinished_call_has_no_end_and_says_what_is_pending(void)
{
    struct call_record call = sample_call(0);

    call.attempts_count = 0;
    call.outcome = OUTCOME_UNFINISHED;
    call.pending = PENDING_WAIT;
    call.ended_at = NANOS_NEVER;
    evidence_write_call(&scenario, &call, &line);
    CU_ASSERT(line_has("\"latency_ms\":null"));
    CU_ASSERT(line_has("\"handed_at\":null"));
    CU_ASSERT(line_has("\"model_answered\":null"));
    CU_ASSERT(line_has("\"pending\":\"wait\",\"outcome\":\"unfinished\"}\n"));
}

static void writes_one_line_for_each_attempt(void)
{
    struct call_record call = sample_call(310);
    struct slice rest, first, second;

    sample_fail(&call, OUTCOME_RATE_LIMITED, 429, call.due_at + 300 * NANOS_MS);
    call.attempts[0].advice_form = ADVICE_FRACTION;
    call.attempts[0].advice_wait = 1500 * NANOS_MS;
    sample_retry(&call, SAMPLE_GPT, call.due_at + 2 * NANOS_S);
    evidence_write_attempts(&scenario, &call, &line);
    rest = buffer_slice(&line);
    CU_ASSERT(slice_cut(&rest, '\n', &first));
    CU_ASSERT(slice_cut(&rest, '\n', &second));
    EXPECT_U64(rest.size, 0);
    CU_ASSERT(slice_starts_with(first, SLICE("{\"call\":\"steady:310\",\"attempt\":1,"
                                             "\"provider\":\"anthropic\"")));
    CU_ASSERT(slice_has(first, SLICE("\"advice\":\"fraction\",\"advice_wait\":1500000000")));
    CU_ASSERT(slice_has(second, SLICE("\"provider\":\"openai\",\"model\":\"gpt-4o\"")));
    CU_ASSERT(slice_has(second, SLICE("\"is_fallback\":true")));
}

static void every_line_is_json(void)
{
    struct call_record call = sample_call(1);
    struct slice rest, part;

    snprintf(call.error, sizeof(call.error), "a \"quoted\"\ttext");
    evidence_write_call(&scenario, &call, &line);
    evidence_write_attempts(&scenario, &call, &line);
    rest = buffer_slice(&line);
    while (slice_cut(&rest, '\n', &part)) {
        struct json json;
        struct json_token token;
        enum rc rc;

        json_init(&json, part, JSON_STRICT);
        do
            rc = json_next(&json, &token);
        while (rc == RC_OK);
        EXPECT_RC(rc, RC_END);
    }
}

static void a_call_is_useful_only_within_its_deadline(void)
{
    struct call_record call = sample_call(0);

    call.ended_at = call.due_at + scenario.load.deadline;
    CU_ASSERT(call_is_useful(&scenario, &call)); /* the last useful instant */
    call.ended_at++;
    CU_ASSERT(!call_is_useful(&scenario, &call));
    call.ended_at = call.due_at + 1;
    call.outcome = OUTCOME_TRUNCATED;
    CU_ASSERT(!call_is_useful(&scenario, &call));
}

static CU_TestInfo tests[] = {
    {"reads back every field of a journal line", reads_back_every_field_of_a_journal_line},
    {"reads back what never happened and is not known",
     reads_back_what_never_happened_and_is_not_known},
    {"reads back every word of every list", reads_back_every_word_of_every_list},
    {"refuses a journal line cut at any byte", refuses_a_journal_line_cut_at_any_byte},
    {"says what is wrong with a journal line", says_what_is_wrong_with_a_journal_line},
    {"ignores members it does not know", ignores_members_it_does_not_know},
    {"reads members in any order", reads_members_in_any_order},
    {"a call line begins with the fields of the guide's logger",
     a_call_line_begins_with_the_fields_of_the_guides_logger},
    {"a failed call says why and leaves usage unknown",
     a_failed_call_says_why_and_leaves_usage_unknown},
    {"an unfinished call has no end and says what is pending",
     an_unfinished_call_has_no_end_and_says_what_is_pending},
    {"writes one line for each attempt", writes_one_line_for_each_attempt},
    {"every line is JSON", every_line_is_json},
    {"a call is useful only within its deadline", a_call_is_useful_only_within_its_deadline},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo evidence_suite = {"evidence", NULL, NULL, set_up, tear_down, tests};
