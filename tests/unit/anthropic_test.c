/* Anthropic Messages: recorded exchanges, golden bytes, and what only this format has. */

#include <string.h>

#include <CUnit/CUnit.h>

#include "base/memory.h"
#include "tests/support/expect.h"
#include "tests/support/reading.h"
#include "wire/format.h"

/* Recorded exchanges from the test cassettes of pydantic-ai (MIT licence), shortened where noted:
 * test_request_stream_fallback_for_high_max_tokens, test_no_tools_no_output,
 * test_model_name_suggestion_anthropic. */
static const char recorded_stream[] =
    "event: message_start\n"
    "data: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-sonnet-4-5-20250929\","
    "\"id\":\"msg_018E1hg8GoVTGEKQY3ovMcSJ\",\"type\":\"message\",\"role\":\"assistant\","
    "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":20,"
    "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"cache_creation\":"
    "{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0},\"output_tokens\":1,"
    "\"service_tier\":\"standard\",\"inference_geo\":\"not_available\"}}            }\n\n"
    "event: content_block_start\n"
    "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
    "\"text\":\"\"}        }\n\n"
    "event: ping\n"
    "data: {\"type\": \"ping\"}\n\n"
    "event: content_block_delta\n"
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
    "\"text\":\"2\"}      }\n\n"
    "event: content_block_stop\n"
    "data: {\"type\":\"content_block_stop\",\"index\":0        }\n\n"
    "event: message_delta\n"
    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
    "\"stop_sequence\":null},\"usage\":{\"input_tokens\":20,\"cache_creation_input_tokens\":0,"
    "\"cache_read_input_tokens\":0,\"output_tokens\":5}       }\n\n"
    "event: message_stop\n"
    "data: {\"type\":\"message_stop\"    }\n\n";

static const char recorded_answer[] = /* the text is shortened */
    "{\"content\":[{\"text\":\"Paris is known as the \\\"City of Light\\\" (La Ville Lumi\xc3\xa8re"
    ").\",\"type\":\"text\"}],\"id\":\"msg_01FHKyT8ANtS9RRAo7Kf37i7\","
    "\"model\":\"claude-sonnet-4-5-20250929\",\"role\":\"assistant\",\"stop_reason\":\"end_turn\","
    "\"stop_sequence\":null,\"type\":\"message\",\"usage\":{\"cache_creation\":"
    "{\"ephemeral_1h_input_tokens\":0,\"ephemeral_5m_input_tokens\":0},"
    "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"input_tokens\":14,"
    "\"output_tokens\":65,\"service_tier\":\"standard\"}}";

static const char recorded_ask[] =
    "{\"max_tokens\":4096,\"messages\":[{\"content\":[{\"text\":\"hello\",\"type\":\"text\"}],"
    "\"role\":\"user\"}],\"model\":\"claude-sonet-4-5\",\"stream\":false}";

static const char recorded_error[] =
    "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\","
    "\"message\":\"model: claude-sonet-4-5\"},\"request_id\":\"req_011CdufXo8Y2LVfY2veyuQWG\"}";

static const struct reply reply = {
    .model = {"claude-sonnet-4-5", 17},
    .request_number = 17,
    .run_tag = 0xb0b,
    .wall_unix_s = 1767225600,
    .input_tokens = 20,
    .output_tokens = 3,
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

static enum rc read_event(struct slice name, struct slice data)
{
    return format_read_event(API_ANTHROPIC, name, data, &answer, &step);
}

static enum outcome classify(uint16_t status, const char *body)
{
    return format_read_error(API_ANTHROPIC, status, slice_of(body), &answer);
}

static void expect_refusal(const struct refusal *refusal, struct slice expected)
{
    buffer_clear(&out);
    format_write_refusal(API_ANTHROPIC, refusal, &out);
    CU_ASSERT(slice_is(buffer_slice(&out), expected));
}

/* --- reading ---------------------------------------------------------------------------------- */

static void reads_the_recorded_stream(void)
{
    struct reading reading = read_stream(API_ANTHROPIC, slice_of(recorded_stream));

    EXPECT_U64(reading.events, 7);
    EXPECT_U64(reading.malformed, 0);
    EXPECT_U64(reading.tokens, 1);
    EXPECT_U64(reading.contents, 1);
    EXPECT_U64(reading.ends, 1);
    EXPECT_U64(reading.complete_at, 7);
    EXPECT_U64(reading.answer.failure, OUTCOME_OK);
    EXPECT_U64(reading.answer.content_bytes, 1);
    CU_ASSERT_STRING_EQUAL(reading.answer.stop_reason, "end_turn");
    CU_ASSERT_STRING_EQUAL(reading.answer.id, "msg_018E1hg8GoVTGEKQY3ovMcSJ");
    CU_ASSERT_STRING_EQUAL(reading.answer.model, "claude-sonnet-4-5-20250929");
}

static void never_adds_usage_up(void)
{
    struct reading reading = read_stream(API_ANTHROPIC, slice_of(recorded_stream));

    CU_ASSERT(reading.answer.usage.is_known);
    EXPECT_U64(reading.answer.usage.input_tokens, 20);
    EXPECT_U64(reading.answer.usage.output_tokens, 5); /* not 6 */
}

static void keeps_a_usage_field_that_is_not_repeated(void)
{
    EXPECT_RC(read_event(SLICE("message_start"),
                         SLICE("{\"type\":\"message_start\",\"message\":{\"usage\":{"
                               "\"input_tokens\":3,\"cache_creation_input_tokens\":12304,"
                               "\"cache_read_input_tokens\":9,\"output_tokens\":1}}}")),
              RC_OK);
    EXPECT_RC(read_event(SLICE("message_delta"),
                         SLICE("{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
                               "\"end_turn\"},\"usage\":{\"output_tokens\":550}}")),
              RC_OK);
    EXPECT_U64(answer.usage.input_tokens, 3);
    EXPECT_U64(answer.usage.cached_tokens, 9);
    EXPECT_U64(answer.usage.cache_write_tokens, 12304);
    EXPECT_U64(answer.usage.output_tokens, 550);
}

static void reads_the_recorded_answer(void)
{
    EXPECT_RC(format_read_answer(API_ANTHROPIC, slice_of(recorded_answer), &answer), RC_OK);
    CU_ASSERT(answer.is_complete);
    EXPECT_U64(answer.failure, OUTCOME_OK);
    EXPECT_U64(answer.usage.input_tokens, 14);
    EXPECT_U64(answer.usage.output_tokens, 65);
    EXPECT_U64(answer.content_events, 1);
    EXPECT_U64(answer.content_bytes, 58);
    CU_ASSERT_STRING_EQUAL(answer.stop_reason, "end_turn");
    CU_ASSERT_STRING_EQUAL(answer.id, "msg_01FHKyT8ANtS9RRAo7Kf37i7");
}

static void counts_thinking_and_tool_calls_as_tokens_without_content(void)
{
    EXPECT_RC(read_event(SLICE("content_block_delta"),
                         SLICE("{\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
                               "{\"type\":\"thinking_delta\",\"thinking\":\"Hm\"}}")),
              RC_OK);
    CU_ASSERT(step.has_token && !step.has_content);
    EXPECT_RC(read_event(SLICE("content_block_start"),
                         SLICE("{\"type\":\"content_block_start\",\"index\":1,\"content_block\":"
                               "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\","
                               "\"input\":{}}}")),
              RC_OK);
    CU_ASSERT(step.has_token && !step.has_content);
    EXPECT_RC(read_event(SLICE("content_block_delta"),
                         SLICE("{\"type\":\"content_block_delta\",\"index\":1,\"delta\":"
                               "{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}")),
              RC_OK);
    CU_ASSERT(!step.has_token); /* the first piece of arguments is empty */
    EXPECT_RC(read_event(SLICE("content_block_delta"),
                         SLICE("{\"type\":\"content_block_delta\",\"index\":1,\"delta\":"
                               "{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}")),
              RC_OK);
    CU_ASSERT(step.has_token && !step.has_content);
    EXPECT_U64(answer.content_bytes, 0);
    CU_ASSERT(answer.has_output);
}

static void ignores_pings_and_kinds_it_does_not_know(void)
{
    EXPECT_RC(read_event(SLICE("ping"), SLICE("{\"type\": \"ping\"}")), RC_OK);
    CU_ASSERT(!step.has_token && !step.is_end);
    EXPECT_RC(
        read_event(SLICE("later_kind"), SLICE("{\"type\":\"later_kind\",\"delta\":{\"text\":\"x\"},"
                                              "\"usage\":{\"output_tokens\":9}}")),
        RC_OK);
    CU_ASSERT(!step.has_token && !answer.has_output && !answer.usage.is_known);
}

static void goes_by_the_event_name_where_the_data_has_no_type(void)
{
    EXPECT_RC(read_event(SLICE("content_block_delta"), SLICE("{\"delta\":{\"text\":\"x\"}}")),
              RC_OK);
    CU_ASSERT(step.has_content);
    EXPECT_RC(read_event(SLICE("message_stop"), SLICE("{}")), RC_OK);
    CU_ASSERT(step.is_end && answer.is_complete);
}

static void reads_members_in_any_order(void)
{
    EXPECT_RC(read_event(SLICE(""), SLICE("{\"delta\":{\"text\":\"a\\u00e9\",\"type\":"
                                          "\"text_delta\"},\"index\":0,"
                                          "\"type\":\"content_block_delta\"}")),
              RC_OK);
    CU_ASSERT(step.has_content);
    EXPECT_U64(answer.content_bytes, 3);
}

static void gives_an_error_event_the_class_of_its_type(void)
{
    EXPECT_RC(
        read_event(SLICE("error"), SLICE("{\"type\":\"error\",\"error\":{\"details\":null,\"type\":"
                                         "\"overloaded_error\",\"message\":\"Overloaded\"},"
                                         "\"request_id\":\"req_1\"}")),
        RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_OVERLOADED);
    CU_ASSERT(!answer.is_complete && !step.is_end && !step.has_token);
    CU_ASSERT_STRING_EQUAL(answer.error_type, "overloaded_error");
    CU_ASSERT_STRING_EQUAL(answer.error_message, "Overloaded");
}

static void calls_an_error_event_of_no_known_type_a_stream_error(void)
{
    EXPECT_RC(read_event(SLICE("error"), SLICE("{}")), RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_STREAM_ERROR);
    answer = (struct answer){0};
    EXPECT_RC(read_event(SLICE("error"), SLICE("{\"type\":\"error\",\"error\":{\"type\":\"x\"}}")),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_STREAM_ERROR);
}

static void finds_no_answer_in_a_message_without_content(void)
{
    EXPECT_RC(format_read_answer(API_ANTHROPIC,
                                 SLICE("{\"content\":[],\"stop_reason\":\"end_turn\"}"), &answer),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_EMPTY);
    answer = (struct answer){0};
    EXPECT_RC(format_read_answer(API_ANTHROPIC, SLICE("{\"content\":null}"), &answer), RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_EMPTY);
    answer = (struct answer){0};
    EXPECT_RC(read_event(SLICE("message_stop"), SLICE("{\"type\":\"message_stop\"}")), RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_EMPTY);
}

static void takes_a_tool_call_for_an_answer(void)
{
    EXPECT_RC(format_read_answer(API_ANTHROPIC,
                                 SLICE("{\"content\":[{\"type\":\"tool_use\",\"name\":\"f\","
                                       "\"input\":{}}],\"stop_reason\":\"tool_use\"}"),
                                 &answer),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_OK);
}

static void finds_the_error_in_a_200(void)
{
    EXPECT_RC(format_read_answer(API_ANTHROPIC, slice_of(recorded_error), &answer), RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_INVALID_REQUEST);
    answer = (struct answer){0};
    EXPECT_RC(format_read_answer(API_ANTHROPIC, SLICE("{\"error\":{}}"), &answer), RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_SERVER_ERROR);
}

static void tells_refusals_and_full_windows_by_the_stop_reason(void)
{
    EXPECT_RC(read_event(SLICE("message_delta"), SLICE("{\"type\":\"message_delta\",\"delta\":"
                                                       "{\"stop_reason\":\"refusal\"}}")),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_CONTENT_POLICY);
    answer = (struct answer){0};
    EXPECT_RC(format_read_answer(API_ANTHROPIC,
                                 SLICE("{\"content\":[{\"text\":\"x\"}],\"stop_reason\":"
                                       "\"model_context_window_exceeded\"}"),
                                 &answer),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_CONTEXT_LENGTH);
}

static void knows_spend_limits_from_rate_limits(void)
{
    EXPECT_U64(classify(429, "{\"type\":\"error\",\"error\":{\"details\":{\"error_code\":"
                             "\"enforced_spend_limit_reached\"},\"type\":\"rate_limit_error\","
                             "\"message\":\"x\"}}"),
               OUTCOME_QUOTA);
    EXPECT_U64(classify(429, "{\"type\":\"error\",\"error\":{\"details\":{\"error_code\":"
                             "\"contract_spend_limit_reached\"},\"type\":\"rate_limit_error\","
                             "\"message\":\"x\"}}"),
               OUTCOME_QUOTA);
    EXPECT_U64(classify(429, "{\"type\":\"error\",\"error\":{\"details\":{\"error_code\":"
                             "\"ramp_limit_exceeded\"},\"type\":\"rate_limit_error\","
                             "\"message\":\"x\"}}"),
               OUTCOME_RATE_LIMITED);
    EXPECT_U64(classify(400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
                             "\"message\":\"You have reached your specified API usage limits. You "
                             "will regain access on 2025-07-01 at 00:00 UTC.\"}}"),
               OUTCOME_QUOTA);
    EXPECT_U64(classify(400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
                             "\"message\":\"Your credit balance is too low to access it.\"}}"),
               OUTCOME_QUOTA);
}

static void knows_both_wordings_of_context_length(void)
{
    EXPECT_U64(classify(400, "{\"type\":\"error\",\"error\":{\"details\":null,\"type\":"
                             "\"invalid_request_error\",\"message\":\"prompt is too long: 208310 "
                             "tokens > 200000 maximum\"}}"),
               OUTCOME_CONTEXT_LENGTH);
    EXPECT_U64(classify(400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
                             "\"message\":\"input length and `max_tokens` exceed context limit: "
                             "178959 + 64000 > 200000, decrease input length or `max_tokens` and "
                             "try again\"}}"),
               OUTCOME_CONTEXT_LENGTH);
    EXPECT_U64(classify(400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
                             "\"message\":\"messages: roles must alternate\"}}"),
               OUTCOME_INVALID_REQUEST);
}

static void reads_the_recorded_error(void)
{
    EXPECT_U64(classify(404, recorded_error), OUTCOME_INVALID_REQUEST);
    CU_ASSERT_STRING_EQUAL(answer.error_type, "not_found_error");
    CU_ASSERT_STRING_EQUAL(answer.error_message, "model: claude-sonet-4-5");
}

static void reads_the_recorded_request(void)
{
    struct asked asked;

    EXPECT_RC(format_read_ask(API_ANTHROPIC, slice_of(recorded_ask), &asked, NULL), RC_OK);
    CU_ASSERT_STRING_EQUAL(asked.model, "claude-sonet-4-5");
    CU_ASSERT(asked.has_model && asked.has_messages && asked.has_output_tokens_max);
    CU_ASSERT(!asked.stream && asked.include_usage);
    EXPECT_U64(asked.output_tokens_max, 4096);
    EXPECT_U64(asked.prompt_bytes, 5);
}

static void counts_every_text_of_a_prompt(void)
{
    struct asked asked;

    EXPECT_RC(format_read_ask(API_ANTHROPIC,
                              SLICE("{\"system\":[{\"type\":\"text\",\"text\":\"abc\"}],"
                                    "\"messages\":[{\"role\":\"user\",\"content\":\"de\"},"
                                    "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
                                    "\"content\":\"f\"},{\"type\":\"tool_result\",\"content\":"
                                    "[{\"type\":\"text\",\"text\":\"g\"}]}]}]}"),
                              &asked, NULL),
              RC_OK);
    EXPECT_U64(asked.prompt_bytes, 7);
    CU_ASSERT(!asked.has_model && !asked.has_output_tokens_max);
}

/* --- writing: golden bytes -------------------------------------------------------------------- */

static void writes_the_request(void)
{
    format_write_ask(API_ANTHROPIC,
                     &(struct ask){.model = SLICE("claude-sonnet-4-5"),
                                   .prompt = SLICE("say \"hi\""),
                                   .output_tokens_max = 64,
                                   .stream = true},
                     &out);
    EXPECT_TEXT(buffer_slice(&out),
                "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":64,\"messages\":[{\"role\":"
                "\"user\",\"content\":\"say \\\"hi\\\"\"}],\"stream\":true}");
}

static void writes_the_request_headers(void)
{
    format_write_ask_headers(API_ANTHROPIC, SLICE("sk-ant-x\n"), &out);
    EXPECT_TEXT(buffer_slice(&out), "content-type: application/json\r\n"
                                    "anthropic-version: 2023-06-01\r\n"
                                    "x-api-key: sk-ant-x\r\n");
}

static void writes_the_answer(void)
{
    format_write_answer(API_ANTHROPIC, &reply, &out);
    EXPECT_TEXT(buffer_slice(&out),
                "{\"model\":\"claude-sonnet-4-5\",\"id\":\"msg_0000000000000b0br17\","
                "\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"text\","
                "\"text\":\"⟦r17⟧ w1 w2\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
                "\"usage\":{\"input_tokens\":20,\"cache_creation_input_tokens\":0,"
                "\"cache_read_input_tokens\":0,\"cache_creation\":{\"ephemeral_5m_input_tokens\":"
                "0,\"ephemeral_1h_input_tokens\":0},\"output_tokens\":3,\"service_tier\":"
                "\"standard\",\"inference_geo\":\"not_available\"}}");
}

static void writes_the_stream(void)
{
    format_write_opening(API_ANTHROPIC, &reply, &out);
    format_write_tokens(API_ANTHROPIC, &reply, 0, 3, 2, &out);
    format_write_closing(API_ANTHROPIC, &reply, &out);
    EXPECT_TEXT(
        buffer_slice(&out),
        "event: message_start\n"
        "data: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-sonnet-4-5\","
        "\"id\":\"msg_0000000000000b0br17\",\"type\":\"message\",\"role\":\"assistant\","
        "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":"
        "20,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"cache_creation\":"
        "{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0},\"output_tokens\":1,"
        "\"service_tier\":\"standard\",\"inference_geo\":\"not_available\"}}}\n\n"
        "event: content_block_start\n"
        "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
        "\"text\":\"\"}}\n\n"
        "event: ping\n"
        "data: {\"type\": \"ping\"}\n\n"
        "event: content_block_delta\n"
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
        "\"text\":\"⟦r17⟧ w1\"}}\n\n"
        "event: content_block_delta\n"
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
        "\"text\":\" w2\"}}\n\n"
        "event: content_block_stop\n"
        "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
        "event: message_delta\n"
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
        "\"stop_sequence\":null},\"usage\":{\"input_tokens\":20,\"cache_creation_input_tokens\":0,"
        "\"cache_read_input_tokens\":0,\"output_tokens\":3}}\n\n"
        "event: message_stop\n"
        "data: {\"type\":\"message_stop\"}\n\n");
}

#define ERROR_BODY(details, type, message)                                          \
    SLICE("{\"type\":\"error\",\"error\":{\"details\":" details ",\"type\":\"" type \
          "\",\"message\":\"" message "\"},\"request_id\":\"req_0000000000000b0br17\"}")

static void words_each_refusal_as_the_service_does(void)
{
    struct refusal refusal = {.model = reply.model,
                              .request_number = 17,
                              .run_tag = 0xb0b,
                              .input_tokens = 208310,
                              .context_window = 200000};

    refusal.failure = OUTCOME_OVERLOADED;
    expect_refusal(&refusal, ERROR_BODY("null", "overloaded_error", "Overloaded"));
    refusal.failure = OUTCOME_CONTEXT_LENGTH;
    expect_refusal(&refusal, ERROR_BODY("null", "invalid_request_error",
                                        "prompt is too long: 208310 tokens > 200000 maximum"));
    refusal.failure = OUTCOME_RATE_LIMITED;
    expect_refusal(&refusal, ERROR_BODY("null", "rate_limit_error",
                                        "This request would exceed your account's rate limit. "
                                        "Please try again later."));
    refusal.failure = OUTCOME_QUOTA;
    expect_refusal(&refusal, ERROR_BODY("{\"error_code\":\"enforced_spend_limit_reached\"}",
                                        "rate_limit_error",
                                        "Your organization has reached its monthly spend limit."));
    refusal.failure = OUTCOME_SERVER_ERROR;
    expect_refusal(&refusal, ERROR_BODY("null", "api_error", "Internal server error"));
    refusal.failure = OUTCOME_AUTH;
    expect_refusal(&refusal, ERROR_BODY("null", "authentication_error", "invalid x-api-key"));
    refusal.failure = OUTCOME_INVALID_REQUEST;
    expect_refusal(&refusal, ERROR_BODY("null", "invalid_request_error", "Invalid request."));
    refusal.status = 404;
    expect_refusal(&refusal, ERROR_BODY("null", "not_found_error", "model: claude-sonnet-4-5"));
}

static void says_the_message_that_is_given(void)
{
    expect_refusal(&(struct refusal){.failure = OUTCOME_INVALID_REQUEST,
                                     .request_number = 17,
                                     .run_tag = 0xb0b,
                                     .message = SLICE("max_tokens: \"x\" required")},
                   ERROR_BODY("null", "invalid_request_error", "max_tokens: \\\"x\\\" required"));
}

static CU_TestInfo anthropic_tests[] = {
    {"reads the recorded stream", reads_the_recorded_stream},
    {"never adds usage up", never_adds_usage_up},
    {"keeps a usage field that is not repeated", keeps_a_usage_field_that_is_not_repeated},
    {"reads the recorded answer", reads_the_recorded_answer},
    {"counts thinking and tool calls as tokens without content",
     counts_thinking_and_tool_calls_as_tokens_without_content},
    {"ignores pings and kinds it does not know", ignores_pings_and_kinds_it_does_not_know},
    {"goes by the event name where the data has no type",
     goes_by_the_event_name_where_the_data_has_no_type},
    {"reads members in any order", reads_members_in_any_order},
    {"gives an error event the class of its type", gives_an_error_event_the_class_of_its_type},
    {"calls an error event of no known type a stream error",
     calls_an_error_event_of_no_known_type_a_stream_error},
    {"finds no answer in a message without content", finds_no_answer_in_a_message_without_content},
    {"takes a tool call for an answer", takes_a_tool_call_for_an_answer},
    {"finds the error in a 200", finds_the_error_in_a_200},
    {"tells refusals and full windows by the stop reason",
     tells_refusals_and_full_windows_by_the_stop_reason},
    {"knows spend limits from rate limits", knows_spend_limits_from_rate_limits},
    {"knows both wordings of context length", knows_both_wordings_of_context_length},
    {"reads the recorded error", reads_the_recorded_error},
    {"reads the recorded request", reads_the_recorded_request},
    {"counts every text of a prompt", counts_every_text_of_a_prompt},
    {"writes the request", writes_the_request},
    {"writes the request headers", writes_the_request_headers},
    {"writes the answer", writes_the_answer},
    {"writes the stream", writes_the_stream},
    {"words each refusal as the service does", words_each_refusal_as_the_service_does},
    {"says the message that is given", says_the_message_that_is_given},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo anthropic_suite = {"anthropic", NULL, NULL, set_up, tear_down, anthropic_tests};
