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
    scenario.instances = 4;
    slice_copy(SLICE("hourly"), scenario.monitor.budgets[0].name, 32);
    slice_copy(SLICE("daily"), scenario.monitor.budgets[1].name, 32);
    scenario.monitor.budgets_count = 2;
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
        .model_asked = "gpt-4o-2024-08-06",
        .connection = 12,
        .kind = JOURNAL_HOOK,
        .api = API_OPENAI_RESPONSES,
        .stream = true,
        .isolation = "checkout",
        .agent = "OpenAI/Python 2.8.1",
        .has_canary = true,
        .key = KEY_HEADER,
        .call = "steady:217",
        .question = 0xFEDCBA9876543210u,
        .attempt = 3,
        .has_retry_count = true,
        .retry_count = 30,
        .accepted_at = -14,
        .head_in_at = 15,
        .body_in_at = 16,
        .first_out_at = 17,
        .last_out_at = 18,
        .closed_at = 19,
        .queued = 31,
        .closed_by = CLOSED_FAULT,
        .status = 429,
        .answered = OUTCOME_RATE_LIMITED,
        .is_complete = true,
        .advice = PLAN_ADVICE_DATE,
        .advice_wait = 2 * NANOS_S,
        .is_limited = true,
        .limited_by = LIMIT_OUTPUT_TOKENS,
        .rule = SAMPLE_OVERLOAD_RULE,
        .rule_name = "overload-529",
        .rules_matched = 3,
        .input_tokens = 20,
        .cached_tokens = 32,
        .cache_write_tokens = 33,
        .output_tokens = 21,
        .thinking_tokens = 34,
        .tokens_written = 22,
        .bytes_out = UINT64_MAX,
        .usage_told = {true, 23, 24, 25, 26},
        .has_cost = true,
        .cost = 27,
        .is_hook = true,
        .hook = HOOK_DISCORD,
        .is_hook_valid = true,
        .alert = "budget:hourly:0",
        .plan = "429 \"rate limited\"\n\xE2\x9F\xA6r17\xE2\x9F\xA7",
    };
}

static void expect_same_usage(const struct usage *read, const struct usage *usage)
{
    CU_ASSERT_EQUAL(read->is_known, usage->is_known);
    EXPECT_U64(read->input_tokens, usage->input_tokens);
    EXPECT_U64(read->output_tokens, usage->output_tokens);
    EXPECT_U64(read->cached_tokens, usage->cached_tokens);
    EXPECT_U64(read->cache_write_tokens, usage->cache_write_tokens);
}

static void expect_same_exchange(const struct journal_record *read,
                                 const struct journal_record *record)
{
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
    CU_ASSERT_EQUAL(read->is_limited, record->is_limited);
    EXPECT_U64(read->limited_by, record->limited_by);
    EXPECT_I64(read->queued, record->queued);
    EXPECT_I64(read->rule, record->rule);
    CU_ASSERT_STRING_EQUAL(read->rule_name, record->rule_name);
    EXPECT_U64(read->rules_matched, record->rules_matched);
}

static void expect_same_asking(const struct journal_record *read,
                               const struct journal_record *record)
{
    CU_ASSERT_STRING_EQUAL(read->model_asked, record->model_asked);
    EXPECT_U64(read->kind, record->kind);
    EXPECT_U64(read->api, record->api);
    CU_ASSERT_EQUAL(read->stream, record->stream);
    CU_ASSERT_STRING_EQUAL(read->isolation, record->isolation);
    CU_ASSERT_STRING_EQUAL(read->agent, record->agent);
    CU_ASSERT_EQUAL(read->has_canary, record->has_canary);
    CU_ASSERT_EQUAL(read->has_retry_count, record->has_retry_count);
    EXPECT_U64(read->retry_count, record->retry_count);
}

static void expect_same_tokens(const struct journal_record *read,
                               const struct journal_record *record)
{
    EXPECT_U64(read->input_tokens, record->input_tokens);
    EXPECT_U64(read->cached_tokens, record->cached_tokens);
    EXPECT_U64(read->cache_write_tokens, record->cache_write_tokens);
    EXPECT_U64(read->output_tokens, record->output_tokens);
    EXPECT_U64(read->thinking_tokens, record->thinking_tokens);
    EXPECT_U64(read->tokens_written, record->tokens_written);
}

static void expect_same(const struct journal_record *read, const struct journal_record *record)
{
    EXPECT_U64(read->number, record->number);
    EXPECT_U64(read->provider, record->provider);
    EXPECT_U64(read->model, record->model);
    EXPECT_U64(read->connection, record->connection);
    EXPECT_U64(read->key, record->key);
    CU_ASSERT_STRING_EQUAL(read->call, record->call);
    EXPECT_U64(read->question, record->question);
    EXPECT_U64(read->attempt, record->attempt);
    expect_same_asking(read, record);
    expect_same_exchange(read, record);
    expect_same_tokens(read, record);
    EXPECT_U64(read->bytes_out, record->bytes_out);
    expect_same_usage(&read->usage_told, &record->usage_told);
    CU_ASSERT_EQUAL(read->has_cost, record->has_cost);
    EXPECT_I64(read->cost, record->cost);
    CU_ASSERT_EQUAL(read->is_hook, record->is_hook);
    EXPECT_U64(read->hook, record->hook);
    CU_ASSERT_EQUAL(read->is_hook_valid, record->is_hook_valid);
    CU_ASSERT_STRING_EQUAL(read->alert, record->alert);
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
    CU_ASSERT(line_has("\"usage_told\":null,\"cost_usd\":null,\"plan\":"));
}

/* The longest lines are most of a run: what stands at its default takes no room in them. */
static void leaves_out_what_stands_at_its_default(void)
{
    static const char *const members[] = {"model_asked",
                                          "kind",
                                          "api",
                                          "stream",
                                          "isolation",
                                          "agent",
                                          "has_canary",
                                          "retry",
                                          "limited_by",
                                          "cached_tokens",
                                          "cache_write_tokens",
                                          "thinking",
                                          "queued",
                                          "hook",
                                          "hook_valid",
                                          "alert",
                                          "question"};
    struct journal_record record = {
        .provider = 1, .model = SAMPLE_GPT, .api = scenario.providers[1].api, .rule = PLAN_NO_RULE};

    round_trip(&record);
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        char text[32];

        snprintf(text, sizeof(text), "\"%s", members[i]);
        CU_ASSERT_FALSE(line_has(text));
    }
}

static void keeps_the_name_of_a_rule_that_the_scenario_does_not_have(void)
{
    struct journal_record record = distinct_record();
    struct journal_record read;

    slice_copy(SLICE("added-later"), record.rule_name, sizeof(record.rule_name));
    record.rule = 60;
    evidence_write_journal(&scenario, &record, &line);
    CU_ASSERT(line_has("\"rule\":\"added-later\""));
    EXPECT_RC(evidence_read_journal(&scenario, without_newline(buffer_slice(&line)), &read, NULL),
              RC_OK);
    EXPECT_I64(read.rule, PLAN_NO_RULE);
    CU_ASSERT_STRING_EQUAL(read.rule_name, "added-later");
}

static void reads_back_every_word_of_every_list(void)
{
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        struct journal_record record = distinct_record();

        record.answered = (enum outcome)i;
        record.key = (enum key_used)(i % (KEY_ISOLATION + 1));
        record.closed_by = (enum closed_by)(i % (CLOSED_CLIENT_RESET + 1));
        record.kind = (enum journal_kind)(i % JOURNAL_KINDS_COUNT);
        record.api = (enum api)(i % API_COUNT);
        record.limited_by = (enum limit_kind)(i % LIMIT_KINDS_COUNT);
        record.advice = (enum plan_advice)(i % (PLAN_ADVICE_RAW + 1));
        record.hook = (enum hook_kind)(i % HOOK_KINDS_COUNT);
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
    EXPECT_RC(read_changed("output_tokens\",\"rule", "tokens_out\",\"rule", &err), RC_MALFORMED);
    EXPECT_RC(read_text("[]", &err), RC_MALFORMED);
    EXPECT_RC(read_text("", &err), RC_MALFORMED);
}

static enum rc read_with_provider(const char *provider, const char *api,
                                  struct journal_record *record)
{
    struct journal_record of_openai = distinct_record();
    char text[2048];
    struct slice rest;
    const char *named;

    of_openai.api = scenario.providers[1].api;
    buffer_clear(&line);
    evidence_write_journal(&scenario, &of_openai, &line);
    rest = without_newline(buffer_slice(&line));
    named = strstr(rest.data, "\"openai\"");
    CU_ASSERT_PTR_NOT_NULL_FATAL(named);
    snprintf(text, sizeof(text), "%.*s\"%s\"%s%.*s", (int)(named - rest.data), rest.data, provider,
             api, (int)(rest.data + rest.size - named - 8), named + 8);
    return evidence_read_journal(&scenario, slice_of(text), record, NULL);
}

/* The mock listens for every family, and as a gateway, whatever the scenario names. */
static void a_listener_that_the_scenario_does_not_name_is_no_provider(void)
{
    struct journal_record read;

    EXPECT_RC(read_with_provider("gemini", "", &read), RC_OK);
    EXPECT_U64(read.provider, scenario.providers_count);
    EXPECT_I64(read.api, API_GEMINI); /* as the mock left it out */
    EXPECT_RC(read_with_provider("gemini", ",\"api\":\"openai-responses\"", &read), RC_OK);
    EXPECT_I64(read.api, API_OPENAI_RESPONSES);
    EXPECT_RC(read_with_provider("gateway", "", &read), RC_OK);
    EXPECT_U64(read.provider, scenario.providers_count);
    EXPECT_RC(read_with_provider("anthropic", "", &read), RC_OK);
    EXPECT_U64(read.provider, 0);
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

/* --- calls and attempts ----------------------------------------------------------------------- */

static struct attempt_record distinct_attempt(uint32_t ordinal)
{
    return (struct attempt_record){
        .ordinal = ordinal,
        .model = SAMPLE_GPT,
        .layer = 1,
        .is_fallback = true,
        .handed_at = -2,
        .sent_at = 3,
        .first_byte_at = 4,
        .first_token_at = 5,
        .first_content_at = 6,
        .last_content_at = 7,
        .ended_at = 8,
        .gap_max = 9,
        .status = 529,
        .outcome = OUTCOME_STREAM_ERROR,
        .advice_form = ADVICE_DATE,
        .advice_wait = 10,
        .usage = {true, 11, 12, 13, 14},
        .has_cost = true,
        .cost = MONEY_USD + ordinal,
        .request_id = "req_\"1\"",
    };
}

static struct call_record distinct_call(void)
{
    struct call_record call = {
        .id = {.source = 0, .index = UINT64_MAX},
        .instance = 3,
        .stream = true,
        .model_asked = SAMPLE_CLAUDE,
        .model_answered = SAMPLE_GPT,
        .input_tokens_asked = 21,
        .output_tokens_asked = 22,
        .due_at = 23,
        .ended_at = 24,
        .outcome = OUTCOME_UNFINISHED,
        .pending = PENDING_WAIT,
        .wait_max = 25,
        .usage = {true, 26, 27, 28, 29},
        .cost = MONEY_MAX,
        .cost_failed = 1,
        .cost_unknown = 30,
        .stop_reason = "end_turn",
        .error = "a \"quoted\"\ttext \xE2\x9F\xA6r17\xE2\x9F\xA7",
        .key = KEY_RETRY_COUNT,
        .is_doubtful = true,
        .has_account = true,
        .heard = {true, UINT64_MAX, 31, 32, 33, 34},
        .attempts_count = 3,
    };

    for (uint32_t i = 0; i < call.attempts_count; i++)
        call.attempts[i] = distinct_attempt(i + 1);
    return call;
}

static void expect_same_attempt(const struct attempt_record *read,
                                const struct attempt_record *attempt)
{
    EXPECT_U64(read->ordinal, attempt->ordinal);
    EXPECT_U64(read->model, attempt->model);
    EXPECT_U64(read->layer, attempt->layer);
    CU_ASSERT_EQUAL(read->is_fallback, attempt->is_fallback);
    EXPECT_I64(read->handed_at, attempt->handed_at);
    EXPECT_I64(read->sent_at, attempt->sent_at);
    EXPECT_I64(read->first_byte_at, attempt->first_byte_at);
    EXPECT_I64(read->first_token_at, attempt->first_token_at);
    EXPECT_I64(read->first_content_at, attempt->first_content_at);
    EXPECT_I64(read->last_content_at, attempt->last_content_at);
    EXPECT_I64(read->ended_at, attempt->ended_at);
    EXPECT_I64(read->gap_max, attempt->gap_max);
    EXPECT_U64(read->status, attempt->status);
    EXPECT_U64(read->outcome, attempt->outcome);
    EXPECT_U64(read->advice_form, attempt->advice_form);
    EXPECT_I64(read->advice_wait, attempt->advice_wait);
    expect_same_usage(&read->usage, &attempt->usage);
    CU_ASSERT_EQUAL(read->has_cost, attempt->has_cost);
    EXPECT_I64(read->cost, attempt->cost);
    CU_ASSERT_STRING_EQUAL(read->request_id, attempt->request_id);
}

static void expect_same_call(const struct call_record *read, const struct call_record *call)
{
    EXPECT_U64(read->id.source, call->id.source);
    EXPECT_U64(read->id.index, call->id.index);
    EXPECT_U64(read->instance, call->instance);
    CU_ASSERT_EQUAL(read->stream, call->stream);
    EXPECT_U64(read->model_asked, call->model_asked);
    EXPECT_U64(read->model_answered, call->model_answered);
    EXPECT_U64(read->input_tokens_asked, call->input_tokens_asked);
    EXPECT_U64(read->output_tokens_asked, call->output_tokens_asked);
    EXPECT_I64(read->due_at, call->due_at);
    EXPECT_I64(read->ended_at, call->ended_at);
    EXPECT_U64(read->outcome, call->outcome);
    EXPECT_U64(read->pending, call->pending);
    EXPECT_I64(read->wait_max, call->wait_max);
    expect_same_usage(&read->usage, &call->usage);
    EXPECT_I64(read->cost, call->cost);
    EXPECT_I64(read->cost_failed, call->cost_failed);
    EXPECT_U64(read->cost_unknown, call->cost_unknown);
    CU_ASSERT_STRING_EQUAL(read->stop_reason, call->stop_reason);
    CU_ASSERT_STRING_EQUAL(read->error, call->error);
    EXPECT_U64(read->attempts_count, call->attempts_count);
    EXPECT_U64(read->key, call->key);
    CU_ASSERT_EQUAL(read->is_doubtful, call->is_doubtful);
    CU_ASSERT_EQUAL(read->has_account, call->has_account);
    CU_ASSERT_EQUAL(read->heard.is_checked, call->heard.is_checked);
    EXPECT_U64(read->heard.request, call->heard.request);
    EXPECT_U64(read->heard.words, call->heard.words);
    EXPECT_U64(read->heard.repeated, call->heard.repeated);
    EXPECT_U64(read->heard.missing, call->heard.missing);
    EXPECT_U64(read->heard.marks, call->heard.marks);
}

/* Its line in `line`, then those of its attempts. */
static struct slice write_lines(const struct call_record *call)
{
    buffer_clear(&line);
    evidence_write_call(&scenario, call, &line);
    evidence_write_attempts(&scenario, call, &line);
    EXPECT_RC(line.rc, RC_OK);
    return buffer_slice(&line);
}

static void call_round_trip(const struct call_record *call)
{
    struct slice rest = write_lines(call), part;
    struct call_record read;
    struct error err;
    uint32_t count =
        call->attempts_count < RECORD_ATTEMPTS_MAX ? call->attempts_count : RECORD_ATTEMPTS_MAX;

    memset(&read, 0x5A, sizeof(read));
    CU_ASSERT(slice_cut(&rest, '\n', &part));
    EXPECT_RC(evidence_read_call(&scenario, part, &read, &err), RC_OK);
    expect_same_call(&read, call);
    for (uint32_t i = 0; i < count; i++) {
        struct attempt_line attempt;

        CU_ASSERT(slice_cut(&rest, '\n', &part));
        EXPECT_RC(evidence_read_attempt(&scenario, part, &attempt, &err), RC_OK);
        EXPECT_RC(call_join(&read, i, &attempt, &err), RC_OK);
        expect_same_attempt(&read.attempts[i], &call->attempts[i]);
    }
    EXPECT_U64(rest.size, 0);
}

static void reads_back_every_field_of_a_call_and_its_attempts(void)
{
    struct call_record call = distinct_call();

    call_round_trip(&call);
}

static void reads_back_a_call_of_which_nothing_came(void)
{
    struct call_record call = {.model_answered = scenario.models_count,
                               .ended_at = NANOS_NEVER,
                               .outcome = OUTCOME_UNFINISHED,
                               .attempts_count = 1};

    call.attempts[0] = (struct attempt_record){.ordinal = 1,
                                               .handed_at = NANOS_NEVER,
                                               .sent_at = NANOS_NEVER,
                                               .first_byte_at = NANOS_NEVER,
                                               .first_token_at = NANOS_NEVER,
                                               .first_content_at = NANOS_NEVER,
                                               .last_content_at = NANOS_NEVER,
                                               .ended_at = NANOS_NEVER};
    call_round_trip(&call);
    call.attempts_count = 0;
    call.outcome = OUTCOME_SHED;
    call.model_asked = call.model_answered = SAMPLE_GPT;
    call_round_trip(&call);
}

static void a_call_of_our_driver_says_nothing_of_how_it_is_known(void)
{
    struct call_record call = sample_call(7);

    call_round_trip(&call);
    CU_ASSERT(line_has("\"origin\":\"driver\""));
    CU_ASSERT_FALSE(line_has("\"key\""));
    CU_ASSERT_FALSE(line_has("\"is_doubtful\""));
    CU_ASSERT_FALSE(line_has("\"has_account\""));
    CU_ASSERT_FALSE(line_has("\"heard\""));
}

static void a_call_of_a_program_says_so(void)
{
    struct call_record call = sample_call(7);

    scenario.load.parts[0].kind = PART_FOREIGN;
    call.key = KEY_LIKENESS;
    call_round_trip(&call);
    CU_ASSERT(line_has("\"origin\":\"program\""));
    CU_ASSERT(line_has("\"key\":\"likeness\""));
}

static void reads_back_every_outcome_and_form_of_advice(void)
{
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        struct call_record call = distinct_call();

        call.outcome = (enum outcome)i;
        call.pending =
            i == OUTCOME_UNFINISHED ? (enum call_pending)(i % (PENDING_WAIT + 1)) : PENDING_NOTHING;
        call.attempts[0].outcome = (enum outcome)i;
        call.attempts[0].advice_form = (enum advice_form)(i % (ADVICE_UNUSABLE + 1));
        call_round_trip(&call);
    }
}

static void attempts_beyond_those_kept_are_counted_only(void)
{
    struct call_record call = distinct_call();

    call.attempts_count = RECORD_ATTEMPTS_MAX + 2;
    for (uint32_t i = 0; i < RECORD_ATTEMPTS_MAX; i++)
        call.attempts[i] = distinct_attempt(i + 1);
    call_round_trip(&call);
}

/* Bytes that are no UTF-8 become U+FFFD, three bytes each; the field has room for some of them. */
static void a_text_that_has_grown_is_cut_between_characters(void)
{
    struct call_record call = distinct_call(), read;
    struct error err;
    struct slice rest, part;

    memset(call.stop_reason, 0xFF, sizeof(call.stop_reason) - 1);
    rest = write_lines(&call);
    CU_ASSERT(slice_cut(&rest, '\n', &part));
    EXPECT_RC(evidence_read_call(&scenario, part, &read, &err), RC_OK);
    EXPECT_U64(strlen(read.stop_reason), 30);
}

static void money_stays_exact(void)
{
    static const money amounts[] = {0,         1,         10,         MONEY_USD - 1, MONEY_USD,
                                    MONEY_MAX, 529000000, 180000000L, MONEY_MAX - 1};

    for (size_t i = 0; i < ARRAY_SIZE(amounts); i++) {
        struct call_record call = distinct_call();

        call.cost = amounts[i];
        call.attempts[1].cost = amounts[i];
        call_round_trip(&call);
    }
}

static void an_attempt_of_unknown_cost_says_null(void)
{
    struct call_record call = distinct_call();

    call.attempts[0].has_cost = false;
    call.attempts[0].cost = 0;
    call_round_trip(&call);
    CU_ASSERT(line_has("\"cost_usd\":null"));
}

static void refuses_lines_of_a_call_cut_at_any_byte(void)
{
    struct call_record call = distinct_call();
    struct call_record untouched = {.instance = 99};
    struct attempt_line attempt = {.attempt = {.ordinal = 99}};
    struct slice rest = write_lines(&call), first, second;

    CU_ASSERT(slice_cut(&rest, '\n', &first));
    CU_ASSERT(slice_cut(&rest, '\n', &second));
    for (size_t size = 0; size < first.size; size++)
        EXPECT_RC(evidence_read_call(&scenario, (struct slice){first.data, size}, &untouched, NULL),
                  RC_MALFORMED);
    for (size_t size = 0; size < second.size; size++)
        EXPECT_RC(
            evidence_read_attempt(&scenario, (struct slice){second.data, size}, &attempt, NULL),
            RC_MALFORMED);
    EXPECT_U64(untouched.instance, 99);
    EXPECT_U64(attempt.attempt.ordinal, 99);
}

static enum rc read_call_text(const char *from, const char *to)
{
    struct call_record call = distinct_call(), read;
    struct slice rest = write_lines(&call), first;
    char text[2048], changed[2048];
    char *place;

    slice_cut(&rest, '\n', &first);
    slice_copy(first, text, sizeof(text));
    place = strstr(text, from);
    CU_ASSERT_PTR_NOT_NULL_FATAL(place);
    snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(place - text), text, to,
             place + strlen(from));
    return evidence_read_call(&scenario, slice_of(changed), &read, NULL);
}

static void refuses_what_a_call_line_cannot_say(void)
{
    EXPECT_RC(read_call_text("\"instance\":3", "\"instance\":3"), RC_OK);
    EXPECT_RC(read_call_text("\"instance\":3", "\"instance\":-3"), RC_MALFORMED);
    EXPECT_RC(read_call_text("\"instance\":3", "\"instance\":4294967296"), RC_MALFORMED);
    EXPECT_RC(
        read_call_text("\"cost_failed_usd\":0.000000000001", "\"cost_failed_usd\":0.0000000000001"),
        RC_MALFORMED);
    EXPECT_RC(read_call_text("\"cost_failed_usd\":0.000000000001", "\"cost_failed_usd\":1e3"),
              RC_MALFORMED);
    EXPECT_RC(read_call_text("\"cost_usd\":9223372", "\"cost_usd\":9223373"), RC_MALFORMED);
    EXPECT_RC(read_call_text("steady:", "other:"), RC_MALFORMED);
    EXPECT_RC(read_call_text("\"stream\":true", "\"stream\":1"), RC_MALFORMED);
    EXPECT_RC(read_call_text("\"wait\"", "\"nap\""), RC_MALFORMED);
    EXPECT_RC(read_call_text("\"error\":", "\"later\":{\"a\":[1]},\"error\":"), RC_OK);
}

static void an_attempt_joins_its_own_call_in_its_own_place(void)
{
    struct call_record call = distinct_call();
    struct attempt_line attempt = {.call = call.id, .attempt = distinct_attempt(2)};

    EXPECT_RC(call_join(&call, 1, &attempt, NULL), RC_OK);
    EXPECT_RC(call_join(&call, 0, &attempt, NULL), RC_MALFORMED);
    attempt.call.index--;
    EXPECT_RC(call_join(&call, 1, &attempt, NULL), RC_MALFORMED);
}

/* --- alerts ----------------------------------------------------------------------------------- */

static struct alert_record distinct_alert(void)
{
    return (struct alert_record){
        .alert = {.number = 1,
                  .kind = ALERT_BUDGET,
                  .budget = 1,
                  .period = 2,
                  .key = "budget:daily:2",
                  .raised_at = 3,
                  .call = "steady:4",
                  .spent = 5 * MONEY_USD + 1,
                  .limit = 5 * MONEY_USD,
                  .suppressed = 6,
                  .text = "the budget \"daily\" is spent"},
        .hook = HOOK_SLACK,
        .is_delivered = true,
        .tries = 7,
        .status = 200,
        .settled_at = 8,
    };
}

static void alert_round_trip(const struct alert_record *record)
{
    struct alert_record read;
    struct error err;

    buffer_clear(&line);
    evidence_write_alert(&scenario, record, &line);
    memset(&read, 0x5A, sizeof(read));
    EXPECT_RC(evidence_read_alert(&scenario, without_newline(buffer_slice(&line)), &read, &err),
              RC_OK);
    EXPECT_U64(read.alert.number, record->alert.number);
    EXPECT_U64(read.alert.kind, record->alert.kind);
    EXPECT_U64(read.alert.budget, record->alert.budget);
    EXPECT_U64(read.alert.period, record->alert.period);
    CU_ASSERT_STRING_EQUAL(read.alert.key, record->alert.key);
    EXPECT_I64(read.alert.raised_at, record->alert.raised_at);
    CU_ASSERT_STRING_EQUAL(read.alert.call, record->alert.call);
    EXPECT_I64(read.alert.spent, record->alert.spent);
    EXPECT_I64(read.alert.limit, record->alert.limit);
    EXPECT_U64(read.alert.suppressed, record->alert.suppressed);
    CU_ASSERT_STRING_EQUAL(read.alert.text, record->alert.text);
    EXPECT_U64(read.hook, record->hook);
    CU_ASSERT_EQUAL(read.is_delivered, record->is_delivered);
    EXPECT_U64(read.tries, record->tries);
    EXPECT_U64(read.status, record->status);
    EXPECT_I64(read.settled_at, record->settled_at);
}

static void reads_back_every_field_of_an_alert(void)
{
    struct alert_record record = distinct_alert();

    alert_round_trip(&record);
    record.alert.kind = ALERT_SLOW;
    record.alert.budget = 0;
    record.alert.spent = record.alert.limit = 0;
    record.alert.call[0] = '\0';
    record.settled_at = NANOS_NEVER;
    alert_round_trip(&record);
}

static void refuses_an_alert_line_cut_at_any_byte(void)
{
    struct alert_record record = distinct_alert(), untouched = {.tries = 99};
    struct slice whole;

    evidence_write_alert(&scenario, &record, &line);
    whole = without_newline(buffer_slice(&line));
    for (size_t size = 0; size < whole.size; size++)
        EXPECT_RC(
            evidence_read_alert(&scenario, (struct slice){whole.data, size}, &untouched, NULL),
            RC_MALFORMED);
    EXPECT_U64(untouched.tries, 99);
}

static void reads_back_every_field_of_a_sample_and_refuses_its_line_cut_at_any_byte(void)
{
    const struct sample_record record = {
        .instance = 1, .at = -2, .rss_bytes = UINT64_MAX, .descriptors = 4, .threads = 5};
    struct sample_record read = {0};
    struct slice whole;

    evidence_write_sample(&record, &line);
    whole = without_newline(buffer_slice(&line));
    for (size_t size = 0; size < whole.size; size++)
        EXPECT_RC(evidence_read_sample((struct slice){whole.data, size}, &read, NULL),
                  RC_MALFORMED);
    EXPECT_U64(read.threads, 0);
    EXPECT_RC(evidence_read_sample(whole, &read, NULL), RC_OK);
    EXPECT_U64(read.instance, 1);
    EXPECT_I64(read.at, -2);
    EXPECT_U64(read.rss_bytes, UINT64_MAX);
    EXPECT_U64(read.descriptors, 4);
    EXPECT_U64(read.threads, 5);
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

static void a_histogram_is_written_with_all_its_buckets(void)
{
    struct histogram h;

    EXPECT_RC(histogram_init(&h, memory_heap()), RC_OK);
    evidence_write_histogram("response", &h, &line);
    EXPECT_TEXT(buffer_slice(&line), "{\"series\":\"response\",\"n\":0,\"min\":null,\"max\":null,"
                                     "\"buckets\":[]}\n");
    histogram_record(&h, 5);
    histogram_record(&h, 4097);
    histogram_record(&h, 4097);
    buffer_clear(&line);
    evidence_write_histogram("response", &h, &line);
    EXPECT_TEXT(buffer_slice(&line), "{\"series\":\"response\",\"n\":3,\"min\":5,\"max\":4097,"
                                     "\"buckets\":[[5,1],[4099,2]]}\n");
    histogram_deinit(&h);
}

static CU_TestInfo tests[] = {
    {"reads back every field of a journal line", reads_back_every_field_of_a_journal_line},
    {"reads back what never happened and is not known",
     reads_back_what_never_happened_and_is_not_known},
    {"leaves out what stands at its default", leaves_out_what_stands_at_its_default},
    {"keeps the name of a rule that the scenario does not have",
     keeps_the_name_of_a_rule_that_the_scenario_does_not_have},
    {"reads back every word of every list", reads_back_every_word_of_every_list},
    {"refuses a journal line cut at any byte", refuses_a_journal_line_cut_at_any_byte},
    {"says what is wrong with a journal line", says_what_is_wrong_with_a_journal_line},
    {"a listener that the scenario does not name is no provider",
     a_listener_that_the_scenario_does_not_name_is_no_provider},
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
    {"reads back every field of a call and its attempts",
     reads_back_every_field_of_a_call_and_its_attempts},
    {"reads back a call of which nothing came", reads_back_a_call_of_which_nothing_came},
    {"reads back every outcome and form of advice", reads_back_every_outcome_and_form_of_advice},
    {"attempts beyond those kept are counted only", attempts_beyond_those_kept_are_counted_only},
    {"a text that has grown is cut between characters",
     a_text_that_has_grown_is_cut_between_characters},
    {"money stays exact", money_stays_exact},
    {"an attempt of unknown cost says null", an_attempt_of_unknown_cost_says_null},
    {"refuses lines of a call cut at any byte", refuses_lines_of_a_call_cut_at_any_byte},
    {"refuses what a call line cannot say", refuses_what_a_call_line_cannot_say},
    {"an attempt joins its own call in its own place",
     an_attempt_joins_its_own_call_in_its_own_place},
    {"reads back every field of an alert", reads_back_every_field_of_an_alert},
    {"refuses an alert line cut at any byte", refuses_an_alert_line_cut_at_any_byte},
    {"a call of our driver says nothing of how it is known",
     a_call_of_our_driver_says_nothing_of_how_it_is_known},
    {"a call of a program says so", a_call_of_a_program_says_so},
    {"reads back every field of a sample, and refuses its line cut at any byte",
     reads_back_every_field_of_a_sample_and_refuses_its_line_cut_at_any_byte},
    {"a histogram is written with all its buckets", a_histogram_is_written_with_all_its_buckets},
    {"a call is useful only within its deadline", a_call_is_useful_only_within_its_deadline},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo evidence_suite = {"evidence", NULL, NULL, set_up, tear_down, tests};
