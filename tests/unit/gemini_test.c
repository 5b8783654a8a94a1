/* Gemini: what only this format has. Recorded exchanges are in recorded_test.c, too. */

#include <string.h>

#include <CUnit/CUnit.h>

#include "base/memory.h"
#include "tests/support/expect.h"
#include "tests/support/reading.h"
#include "wire/format.h"

/* As recorded (tests/golden/wire/gemini-stream-answer.sse), the texts shortened. */
static const char recorded_stream[] =
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"1\\n2\"}],\"role\": "
    "\"model\"},\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 18,"
    "\"candidatesTokenCount\": 31,\"totalTokenCount\": 84,\"promptTokensDetails\": [{\"modality\": "
    "\"TEXT\",\"tokenCount\": 18}],\"thoughtsTokenCount\": 35,\"serviceTier\": \"standard\"},"
    "\"modelVersion\": \"gemini-2.5-flash\",\"responseId\": \"ru1garvBEoOiqtsP2fznmQw\"}\r\n\r\n"
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"0\"}],\"role\": "
    "\"model\"},\"finishReason\": \"STOP\",\"index\": 0}],\"usageMetadata\": "
    "{\"promptTokenCount\": "
    "18,\"candidatesTokenCount\": 80,\"totalTokenCount\": 133,\"promptTokensDetails\": "
    "[{\"modality\": \"TEXT\",\"tokenCount\": 18}],\"thoughtsTokenCount\": 35,\"serviceTier\": "
    "\"standard\"},\"modelVersion\": \"gemini-2.5-flash\",\"responseId\": "
    "\"ru1garvBEoOiqtsP2fznmQw\"}\r\n\r\n";

static const struct reply reply = {
    .model = {"gemini-2.5-flash", 16},
    .request_number = 17,
    .run_tag = 0xb0b,
    .wall_unix_s = 1767225600,
    .input_tokens = 20,
    .output_tokens = 3,
    .include_usage = true,
};

static struct buffer out;
static struct answer answer;
static struct answer_step step;

static void set_up(void)
{
    buffer_init(&out, memory_heap(), 1 << 20);
    answer = (struct answer){0};
    step = (struct answer_step){0};
}

static void tear_down(void)
{
    buffer_deinit(&out);
}

static enum rc read_event(const char *data)
{
    return format_read_event(API_GEMINI, SLICE(""), slice_of(data), &answer, &step);
}

static enum outcome classify(uint16_t status, const char *body)
{
    answer = (struct answer){0};
    return format_read_error(API_GEMINI, status, slice_of(body), &answer);
}

static struct slice write_stream(const struct reply *asked)
{
    buffer_clear(&out);
    format_write_opening(API_GEMINI, asked, &out);
    format_write_tokens(API_GEMINI, asked, 0, asked->output_tokens, 1, &out);
    format_write_closing(API_GEMINI, asked, &out);
    return buffer_slice(&out);
}

static struct slice write_refusal(const struct refusal *refusal)
{
    buffer_clear(&out);
    format_write_refusal(API_GEMINI, refusal, &out);
    return buffer_slice(&out);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void reads_the_recorded_stream_and_never_adds_usage_up(void)
{
    struct reading reading = read_stream(API_GEMINI, slice_of(recorded_stream));

    EXPECT_U64(reading.events, 2);
    EXPECT_U64(reading.contents, 2);
    EXPECT_U64(reading.malformed, 0);
    EXPECT_U64(reading.ends, 1);
    EXPECT_U64(reading.complete_at, 2);
    EXPECT_U64(reading.answer.failure, OUTCOME_OK);
    EXPECT_U64(reading.answer.usage.input_tokens, 18);
    EXPECT_U64(reading.answer.usage.output_tokens, 115); /* 80 and 35 thoughts */
    CU_ASSERT_STRING_EQUAL(reading.answer.stop_reason, "STOP");
    CU_ASSERT_STRING_EQUAL(reading.answer.model, "gemini-2.5-flash");
    CU_ASSERT_STRING_EQUAL(reading.answer.id, "ru1garvBEoOiqtsP2fznmQw");
}

static void counts_thoughts_and_calls_as_tokens_without_content(void)
{
    EXPECT_RC(read_event("{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hm\","
                         "\"thought\":true}]}}]}"),
              RC_OK);
    CU_ASSERT(step.has_token && !step.has_content);
    EXPECT_RC(read_event("{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":"
                         "\"f\",\"args\":{}}}]}}]}"),
              RC_OK);
    CU_ASSERT(step.has_token && !step.has_content);
    EXPECT_U64(answer.content_bytes, 0);
    EXPECT_RC(read_event("{\"candidates\":[{\"content\":{\"parts\":[{\"thought\":true,\"text\":"
                         "\"Hm\"},{\"text\":\"ab\"},{\"text\":\"c\",\"thought\":false}]}}]}"),
              RC_OK);
    CU_ASSERT(step.has_token && step.has_content);
    EXPECT_U64(answer.content_bytes, 3);
}

static void calls_a_blocked_prompt_a_matter_of_policy(void)
{
    EXPECT_RC(format_read_answer(API_GEMINI,
                                 SLICE("{\"promptFeedback\":{\"blockReason\":\"SAFETY\"},"
                                       "\"usageMetadata\":{\"promptTokenCount\":4}}"),
                                 &answer),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_CONTENT_POLICY);
    answer = (struct answer){0};
    EXPECT_RC(read_event("{\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"}}"), RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_CONTENT_POLICY);
    answer = (struct answer){0};
    EXPECT_RC(format_read_answer(API_GEMINI,
                                 SLICE("{\"promptFeedback\":{\"safetyRatings\":[]},\"candidates\":"
                                       "[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}"),
                                 &answer),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_OK); /* feedback alone blocks nothing */
}

static void tells_policy_by_the_reason_for_finishing(void)
{
    static const char *const reasons[] = {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT",
                                          "SPII"};

    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        buffer_clear(&out);
        buffer_append(&out, SLICE("{\"candidates\":[{\"finishReason\":\""));
        buffer_text(&out, reasons[i]);
        buffer_append(&out, SLICE("\"}]}"));
        answer = (struct answer){0};
        EXPECT_RC(format_read_answer(API_GEMINI, buffer_slice(&out), &answer), RC_OK);
        EXPECT_U64(answer.failure, OUTCOME_CONTENT_POLICY);
    }
}

#define EXHAUSTED(violations, more)                                                        \
    "{\"error\":{\"code\":429,\"message\":\"You exceeded your current quota\",\"status\":" \
    "\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc."     \
    "QuotaFailure\",\"violations\":[" violations "]}" more "]}}"
#define PER_MINUTE "{\"quotaId\":\"GenerateRequestsPerMinutePerProjectPerModel-FreeTier\"}"
#define PER_DAY "{\"quotaId\":\"GenerateRequestsPerDayPerProjectPerModel-FreeTier\"}"

static void knows_a_quota_per_day_from_one_per_minute(void)
{
    EXPECT_U64(classify(429, EXHAUSTED(PER_MINUTE, "")), OUTCOME_RATE_LIMITED);
    EXPECT_U64(classify(429, EXHAUSTED(PER_DAY, "")), OUTCOME_QUOTA);
    EXPECT_U64(classify(429, EXHAUSTED(PER_DAY "," PER_MINUTE, "")), OUTCOME_QUOTA);
    EXPECT_U64(classify(429, EXHAUSTED(PER_MINUTE "," PER_DAY, "")), OUTCOME_QUOTA);
    EXPECT_U64(classify(429, "{\"error\":{\"code\":429,\"message\":\"x\",\"status\":"
                             "\"RESOURCE_EXHAUSTED\"}}"),
               OUTCOME_RATE_LIMITED);
}

#define RETRY_INFO(delay) \
    ",{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":" delay "}"

static nanos delay_of(const char *body)
{
    classify(429, body);
    return answer.retry_delay;
}

static void reads_when_to_come_again(void)
{
    EXPECT_I64(delay_of(EXHAUSTED(PER_MINUTE, RETRY_INFO("\"15s\""))), 15 * NANOS_S);
    EXPECT_I64(delay_of(EXHAUSTED(PER_MINUTE, RETRY_INFO("\"45.837906927s\""))), 45837906927);
    EXPECT_I64(delay_of(EXHAUSTED(PER_MINUTE, RETRY_INFO("\"0.5s\""))), NANOS_S / 2);
    EXPECT_I64(delay_of(EXHAUSTED(PER_MINUTE, "")), 0);
    EXPECT_I64(delay_of(EXHAUSTED(PER_MINUTE, RETRY_INFO("\"-3s\""))), 0);
    EXPECT_I64(delay_of(EXHAUSTED(PER_MINUTE, RETRY_INFO("17"))), 0);
    EXPECT_I64(delay_of("<html>"), 0);
}

static void knows_a_bad_key_from_a_bad_argument(void)
{
    EXPECT_U64(classify(400,
                        "{\"error\":{\"code\":400,\"message\":\"API key not valid. Please pass "
                        "a valid API key.\",\"status\":\"INVALID_ARGUMENT\"}}"),
               OUTCOME_AUTH);
    EXPECT_U64(classify(400, "{\"error\":{\"code\":400,\"message\":\"no\",\"status\":"
                             "\"INVALID_ARGUMENT\"}}"),
               OUTCOME_INVALID_REQUEST);
}

static void knows_both_wordings_of_context_length(void)
{
    EXPECT_U64(classify(400, "{\"error\":{\"code\":400,\"message\":\"The input token count "
                             "(1200293) exceeds the maximum number of tokens allowed (1048576).\","
                             "\"status\":\"INVALID_ARGUMENT\"}}"),
               OUTCOME_CONTEXT_LENGTH);
    EXPECT_U64(classify(400, "{\"error\":{\"code\":400,\"message\":\"The input token count exceeds "
                             "the maximum number of tokens allowed 1048576.\",\"status\":"
                             "\"INVALID_ARGUMENT\"}}"),
               OUTCOME_CONTEXT_LENGTH);
}

static void finds_the_error_in_a_chunk(void)
{
    EXPECT_RC(read_event("{\"error\":{\"code\":503,\"message\":\"The model is overloaded.\","
                         "\"status\":\"UNAVAILABLE\"}}"),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_OVERLOADED);
    CU_ASSERT(!answer.is_complete && !step.is_end);
    CU_ASSERT_STRING_EQUAL(answer.error_type, "UNAVAILABLE");
}

static void reads_a_request(void)
{
    struct asked asked;

    EXPECT_RC(format_read_ask(
                  API_GEMINI,
                  SLICE("{\"contents\":[{\"parts\":[{\"text\":\"hello\"}],\"role\":\"user\"},"
                        "{\"parts\":[{\"text\":\"yes\"},{\"inlineData\":{}}],\"role\":\"model\"}],"
                        "\"systemInstruction\":{\"parts\":[{\"text\":\"short\"}],\"role\":\"user\"}"
                        ",\"generationConfig\":{\"maxOutputTokens\":9,\"temperature\":0,"
                        "\"thinkingConfig\":{\"thinkingBudget\":100,\"includeThoughts\":true}},"
                        "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"},{\"name\":\"g\"}]}]"
                        ",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\"}}}"),
                  &asked, NULL),
              RC_OK);
    CU_ASSERT(asked.has_messages && asked.has_output_tokens_max && asked.include_usage);
    CU_ASSERT(!asked.has_bad_role && asked.has_sampling && asked.wants_thinking);
    EXPECT_U64(asked.output_tokens_max, 9);
    EXPECT_U64(asked.prompt_bytes, 13);
    EXPECT_U64(asked.tools_count, 2);
    CU_ASSERT(asked.forces_tool);
    CU_ASSERT_STRING_EQUAL(asked.tool_name, "f");
}

/* --- writing ---------------------------------------------------------------------------------- */

static void writes_the_stream_that_is_expected_of_it(void)
{
#define REST(tokens, total)                                                                      \
    "\"usageMetadata\":{\"promptTokenCount\":20,\"candidatesTokenCount\":" tokens                \
    ",\"totalTokenCount\":" total                                                                \
    ",\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":20}],\"serviceTier\":"      \
    "\"standard\"},\"modelVersion\":\"gemini-2.5-flash\",\"responseId\":\"0000000000000b0br17\"" \
    "}\r\n\r\n"
    write_stream(&reply);
    EXPECT_TEXT(
        buffer_slice(&out),
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"⟦r17⟧\"}],"
        "\"role\":\"model\"},\"index\":0}]," REST(
            "1",
            "21") "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" w1\"}],"
                  "\"role\":\"model\"},\"index\":0}]," REST(
                      "2",
                      "22") "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" w2\"}],"
                            "\"role\":\"model\"},\"index\":0}]," REST(
                                "3",
                                "23") "data: "
                                      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],"
                                      "\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}]"
                                      "," REST("3", "23"));
}

static struct reply rich_reply(void)
{
    struct reply rich = reply;

    rich.output_tokens = 12;
    rich.thinking_tokens = 4;
    rich.tool_tokens = 3;
    rich.tool_name = SLICE("get_weather");
    rich.tool_input = SLICE("{\"city\":\"Paris\"}");
    rich.stop = STOP_TOOL;
    rich.cached_tokens = 8;
    return rich;
}

static void expect_rich(const struct answer *read)
{
    CU_ASSERT(read->is_complete && read->has_output);
    EXPECT_U64(read->failure, OUTCOME_OK);
    EXPECT_U64(read->usage.output_tokens, 12);
    EXPECT_U64(read->usage.input_tokens, 20);
    EXPECT_U64(read->usage.cached_tokens, 8);
    EXPECT_U64(read->content_bytes, strlen("⟦r17⟧ w1 w2 w3 w4"));
}

static void tells_thoughts_text_and_call_in_parts_of_their_own(void)
{
    struct reply rich = rich_reply();
    struct slice body;

    rich.cache_write_tokens = 5; /* told nowhere */
    format_write_answer(API_GEMINI, &rich, &out);
    body = buffer_slice(&out);
    EXPECT_U64(format_usage_told(API_GEMINI, &rich, FORMAT_BODY).cache_write_tokens, 0);
    EXPECT_U64(format_usage_told(API_GEMINI, &rich, FORMAT_BODY).cached_tokens, 8);
    CU_ASSERT(slice_has(body, SLICE("\"parts\":[{\"text\":\"t0 t1 t2 t3\",\"thought\":true},"
                                    "{\"text\":\"⟦r17⟧ w1 w2 w3 w4\"},"
                                    "{\"functionCall\":{\"name\":\"get_weather\",\"args\":"
                                    "{\"city\":\"Paris\"}")));
    CU_ASSERT(slice_has(body, SLICE("\"candidatesTokenCount\":8,\"totalTokenCount\":32,"
                                    "\"cachedContentTokenCount\":8")));
    CU_ASSERT(slice_has(body, SLICE("\"thoughtsTokenCount\":4")));
    EXPECT_RC(format_read_answer(API_GEMINI, body, &answer), RC_OK);
    expect_rich(&answer);
}

static void counts_thoughts_that_it_does_not_tell(void)
{
    struct reply rich = rich_reply();
    struct reading reading;

    rich.hides_thinking = true;
    format_write_answer(API_GEMINI, &rich, &out);
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("\"parts\":[{\"text\":\"⟦r17⟧ w1 w2")));
    EXPECT_RC(format_read_answer(API_GEMINI, buffer_slice(&out), &answer), RC_OK);
    expect_rich(&answer);
    reading = read_stream(API_GEMINI, write_stream(&rich));
    EXPECT_U64(reading.events, 5 + 1 + 1);
    expect_rich(&reading.answer);
}

static void calls_in_one_chunk(void)
{
    struct reply rich = rich_reply();
    struct reading reading = read_stream(API_GEMINI, write_stream(&rich));

    EXPECT_U64(reading.events, 4 + 5 + 1 + 1);
    EXPECT_U64(reading.tokens, 10);
    EXPECT_U64(reading.contents, 5);
    expect_rich(&reading.answer);
}

/* Cut after every token: what was read is what is said to have been told. */
static void knows_what_it_told_of_usage_so_far(void)
{
    struct reply rich = rich_reply();

    for (int hides = 0; hides < 2; hides++) {
        rich.hides_thinking = hides == 1;
        for (uint64_t tokens = 0; tokens <= rich.output_tokens; tokens++) {
            struct usage told = {0};
            struct usage read;

            buffer_clear(&out);
            format_write_opening(API_GEMINI, &rich, &out);
            format_write_tokens(API_GEMINI, &rich, 0, tokens, 1, &out);
            format_usage_so_far(API_GEMINI, &rich, tokens, &told);
            read = read_stream(API_GEMINI, buffer_slice(&out)).answer.usage;
            CU_ASSERT(read.is_known == told.is_known);
            EXPECT_U64(read.output_tokens, told.output_tokens);
            EXPECT_U64(read.input_tokens, told.input_tokens);
            EXPECT_U64(read.cached_tokens, told.cached_tokens);
        }
    }
}

static void leaves_usage_out_or_says_zero(void)
{
    struct reply liar = reply;

    liar.usage_told = USAGE_MISSING;
    CU_ASSERT(!slice_has(write_stream(&liar), SLICE("usageMetadata")));
    liar.usage_told = USAGE_ZERO;
    CU_ASSERT(slice_has(write_stream(&liar), SLICE("\"totalTokenCount\":0")));
    liar.usage_told = USAGE_WRONG;
    liar.usage_factor = 3;
    CU_ASSERT(slice_has(write_stream(&liar), SLICE("\"totalTokenCount\":69")));
}

static void advises_in_the_body(void)
{
    struct refusal refusal = {.failure = OUTCOME_RATE_LIMITED,
                              .status = 429,
                              .model = SLICE("gemini-2.5-flash"),
                              .retry_delay = 1500 * NANOS_MS};
    struct slice body = write_refusal(&refusal);

    CU_ASSERT(slice_has(body, SLICE("\"retryDelay\":\"1.5s\"")));
    CU_ASSERT(slice_has(body, SLICE("PerMinute")));
    format_read_error(API_GEMINI, 429, body, &answer);
    EXPECT_I64(answer.retry_delay, 1500 * NANOS_MS);
    refusal.retry_delay = 15 * NANOS_S;
    CU_ASSERT(slice_has(write_refusal(&refusal), SLICE("\"retryDelay\":\"15s\"")));
    refusal.retry_delay = 1;
    CU_ASSERT(slice_has(write_refusal(&refusal), SLICE("\"retryDelay\":\"0.000000001s\"")));
    refusal.retry_delay = 0;
    CU_ASSERT(!slice_has(write_refusal(&refusal), SLICE("RetryInfo")));
    refusal =
        (struct refusal){.failure = OUTCOME_OVERLOADED, .status = 503, .retry_delay = 2 * NANOS_S};
    body = write_refusal(&refusal);
    CU_ASSERT(!slice_has(body, SLICE("QuotaFailure")));
    format_read_error(API_GEMINI, 503, body, &answer);
    EXPECT_I64(answer.retry_delay, 2 * NANOS_S);
}

static void blocks_a_prompt_with_a_200(void)
{
    struct slice body = write_refusal(&(struct refusal){
        .failure = OUTCOME_CONTENT_POLICY, .status = 200, .model = SLICE("g"), .input_tokens = 9});

    CU_ASSERT(slice_has(body, SLICE("\"promptFeedback\":{\"blockReason\":")));
    CU_ASSERT(!slice_has(body, SLICE("candidates\"")));
    EXPECT_RC(format_read_answer(API_GEMINI, body, &answer), RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_CONTENT_POLICY);
}

static void breaks_a_stream_off_with_an_error_chunk(void)
{
    struct reading reading;

    format_write_tokens(API_GEMINI, &reply, 0, 2, 1, &out);
    format_write_error_event(
        API_GEMINI,
        &(struct refusal){.failure = OUTCOME_OVERLOADED, .status = 503, .model = SLICE("g")}, 0,
        false, &out);
    reading = read_stream(API_GEMINI, buffer_slice(&out));
    EXPECT_U64(reading.contents, 2);
    EXPECT_U64(reading.ends, 0);
    EXPECT_U64(reading.answer.failure, OUTCOME_OVERLOADED);
}

static void writes_model_and_stream_into_the_path(void)
{
    format_write_path(API_GEMINI, SLICE("gemini-2.5-flash"), false, &out);
    EXPECT_TEXT(buffer_slice(&out), "/v1beta/models/gemini-2.5-flash:generateContent");
    buffer_clear(&out);
    format_write_path(API_GEMINI, SLICE("a b/\xe2\x82\xac"), true, &out);
    EXPECT_TEXT(buffer_slice(&out),
                "/v1beta/models/a%20b%2F%E2%82%AC:streamGenerateContent?alt=sse");
}

static CU_TestInfo gemini_tests[] = {
    {"reads the recorded stream and never adds usage up",
     reads_the_recorded_stream_and_never_adds_usage_up},
    {"counts thoughts and calls as tokens without content",
     counts_thoughts_and_calls_as_tokens_without_content},
    {"calls a blocked prompt a matter of policy", calls_a_blocked_prompt_a_matter_of_policy},
    {"tells policy by the reason for finishing", tells_policy_by_the_reason_for_finishing},
    {"knows a quota per day from one per minute", knows_a_quota_per_day_from_one_per_minute},
    {"reads when to come again", reads_when_to_come_again},
    {"knows a bad key from a bad argument", knows_a_bad_key_from_a_bad_argument},
    {"knows both wordings of context length", knows_both_wordings_of_context_length},
    {"finds the error in a chunk", finds_the_error_in_a_chunk},
    {"reads a request", reads_a_request},
    {"writes the stream that is expected of it", writes_the_stream_that_is_expected_of_it},
    {"tells thoughts, text and call in parts of their own",
     tells_thoughts_text_and_call_in_parts_of_their_own},
    {"counts thoughts that it does not tell", counts_thoughts_that_it_does_not_tell},
    {"calls in one chunk", calls_in_one_chunk},
    {"knows what it told of usage so far", knows_what_it_told_of_usage_so_far},
    {"leaves usage out, or says zero", leaves_usage_out_or_says_zero},
    {"advises in the body", advises_in_the_body},
    {"blocks a prompt with a 200", blocks_a_prompt_with_a_200},
    {"breaks a stream off with an error chunk", breaks_a_stream_off_with_an_error_chunk},
    {"writes model and stream into the path", writes_model_and_stream_into_the_path},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo gemini_suite = {"gemini", NULL, NULL, set_up, tear_down, gemini_tests};
