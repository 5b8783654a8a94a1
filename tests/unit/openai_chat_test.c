/* OpenAI Chat Completions: recorded exchanges, golden bytes, and what only this format has. */

#include <string.h>

#include <CUnit/CUnit.h>

#include "base/memory.h"
#include "tests/support/expect.h"
#include "tests/support/reading.h"
#include "wire/format.h"

/* Recorded exchanges from the test cassettes of pydantic-ai (MIT licence), shortened where noted:
 * test_openai_moderation_stream, test_openai_o1_mini_system_role_system,
 * test_openrouter_stream_error, test_openrouter_errors_raised. */
#define RECORDED_CHUNK                                                                        \
    "data: "                                                                                  \
    "{\"id\":\"chatcmpl-E4Rjs6IxaJVge9Ntk5keJsaeDy6vS\",\"object\":\"chat.completion.chunk\"" \
    ",\"created\":1784728648,\"model\":\"gpt-5-2025-08-07\",\"service_tier\":\"default\","    \
    "\"system_fingerprint\":null,"

static const char recorded_stream[] = RECORDED_CHUNK
    "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}"
    ",\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"CVQ55DocFW\"}\n\n" RECORDED_CHUNK
    "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Paris\"},\"finish_reason\":null}],"
    "\"usage\":null,\"obfuscation\":\"EeXxvZr\"}\n\n" RECORDED_CHUNK
    "\"choices\":[{\"index\":0,\"delta\":{\"content\":\".\"},\"finish_reason\":null}],"
    "\"usage\":null,\"obfuscation\":\"vsPllEDPEHe\"}\n\n" RECORDED_CHUNK
    "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null,"
    "\"obfuscation\":\"0eqq81\"}\n\n" RECORDED_CHUNK
    "\"choices\":[],\"usage\":{\"prompt_tokens\":13,\"completion_tokens\":11,\"total_tokens\":24,"
    "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,"
    "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}},"
    "\"obfuscation\":\"uLVWXYc88DP\"}\n\n" RECORDED_CHUNK /* the moderation is shortened */
    "\"choices\":[],\"moderation\":{\"input\":{\"type\":\"moderation_results\",\"results\":[{"
    "\"flagged\":false,\"category_scores\":{\"hate/threatening\":1.0783312222985275e-6}}]}},"
    "\"usage\":null,\"obfuscation\":\"Lml3uvUFL\"}\n\n"
    "data: [DONE]\n\n";

#define ROUTER_CHUNK(extra)                                                                 \
    "data: {\"id\":\"gen-1762179802-UN8pkJI4AGZvryk0kFnb\",\"provider\":\"Minimax\"," extra \
    "\"model\":\"minimax/minimax-m2:free\",\"object\":\"chat.completion.chunk\","           \
    "\"created\":1762179802,\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","

static const char recorded_router_stream[] = /* 17 comments and one chunk shortened */
    ": OPENROUTER PROCESSING\n\n"
    ": OPENROUTER PROCESSING\n\n" ROUTER_CHUNK("") "\"content\":\"\",\"reasoning\":\"We "
                                                   "need\",\"reasoning_details\":[{\"type\":"
                                                   "\"reasoning.text\",\"text\":\"We "
                                                   "need\",\"index\":0,\"format\":null}]},\"finish_"
                                                   "reason\":null,"
                                                   "\"native_finish_reason\":null,\"logprobs\":"
                                                   "null}]}\n\n" ROUTER_CHUNK(
                                                       "") "\"content\":\"\",\"reasoning\":null,"
                                                           "\"reasoning_details\":[]},\"finish_"
                                                           "reason\":\"length\","
                                                           "\"native_finish_reason\":\"length\","
                                                           "\"logprobs\":null}]}\n\n" ROUTER_CHUNK(
                                                               "\"error\":{\"code\":400,"
                                                               "\"message\":\"Token limit "
                                                               "reached\"},") "\"content\":\"\"},"
                                                                              "\"finish_reason\":"
                                                                              "null,\"native_"
                                                                              "finish_reason\":"
                                                                              "null,\"logprobs\":"
                                                                              "null}],"
                                                                              "\"usage\":{\"prompt_"
                                                                              "tokens\":43,"
                                                                              "\"completion_"
                                                                              "tokens\":10,\"total_"
                                                                              "tokens\":53,"
                                                                              "\"cost\":0,"
                                                                              "\"is_byok\":false,"
                                                                              "\"prompt_tokens_"
                                                                              "details\":{\"cached_"
                                                                              "tokens\":0,\"audio_"
                                                                              "tokens\":0},"
                                                                              "\"completion_tokens_"
                                                                              "details\":{"
                                                                              "\"reasoning_"
                                                                              "tokens\":11,\"image_"
                                                                              "tokens\":0}}}\n\n"
                                                                              "data: [DONE]\n\n";

static const char recorded_error[] =
    "{\n  \"error\": {\n    \"message\": \"Unsupported value: 'messages[0].role' does not support "
    "'system' with this model.\",\n    \"type\": \"invalid_request_error\",\n    \"param\": "
    "\"messages[0].role\",\n    \"code\": \"unsupported_value\"\n  }\n}";

static const char recorded_router_error[] = /* the raw text is shortened */
    "{\"error\":{\"code\":429,\"message\":\"Provider returned error\",\"metadata\":"
    "{\"provider_name\":\"Google\",\"raw\":\"temporarily rate-limited upstream\"}},"
    "\"user_id\":\"user_MASKED\"}";

static const char recorded_ask[] =
    "{\"max_completion_tokens\":10,\"messages\":[{\"content\":\"Hello there\",\"role\":\"user\"}],"
    "\"model\":\"minimax/minimax-m2:free\",\"stream\":true,\"stream_options\":"
    "{\"include_usage\":true}}";

static const struct reply reply = {
    .model = {"gpt-4o", 6},
    .request_number = 17,
    .run_tag = 0xb0b,
    .wall_unix_s = 1767225600,
    .input_tokens = 9,
    .output_tokens = 3,
    .stop = STOP_MAX_TOKENS,
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

static enum rc read_event(struct slice data)
{
    return format_read_event(API_OPENAI_CHAT, SLICE(""), data, &answer, &step);
}

static enum outcome read_answer(const char *body)
{
    answer = (struct answer){0};
    EXPECT_RC(format_read_answer(API_OPENAI_CHAT, slice_of(body), &answer), RC_OK);
    return answer.failure;
}

static enum outcome classify(uint16_t status, const char *body)
{
    return format_read_error(API_OPENAI_CHAT, status, slice_of(body), &answer);
}

static void expect_refusal(const struct refusal *refusal, struct slice expected)
{
    buffer_clear(&out);
    format_write_refusal(API_OPENAI_CHAT, refusal, &out);
    CU_ASSERT(slice_is(buffer_slice(&out), expected));
}

/* --- reading ---------------------------------------------------------------------------------- */

static void reads_the_recorded_stream(void)
{
    struct reading reading = read_stream(API_OPENAI_CHAT, slice_of(recorded_stream));

    EXPECT_U64(reading.events, 7);
    EXPECT_U64(reading.malformed, 0);
    EXPECT_U64(reading.tokens, 2); /* the role chunk is none */
    EXPECT_U64(reading.contents, 2);
    EXPECT_U64(reading.ends, 1);
    EXPECT_U64(reading.complete_at, 4); /* the finish chunk */
    EXPECT_U64(reading.answer.failure, OUTCOME_OK);
    EXPECT_U64(reading.answer.content_bytes, 6);
    EXPECT_U64(reading.answer.usage.input_tokens, 13);
    EXPECT_U64(reading.answer.usage.output_tokens, 11);
    CU_ASSERT_STRING_EQUAL(reading.answer.stop_reason, "stop");
    CU_ASSERT_STRING_EQUAL(reading.answer.model, "gpt-5-2025-08-07");
    CU_ASSERT_STRING_EQUAL(reading.answer.id, "chatcmpl-E4Rjs6IxaJVge9Ntk5keJsaeDy6vS");
}

static void finds_the_error_inside_a_recorded_stream(void)
{
    struct reading reading = read_stream(API_OPENAI_CHAT, slice_of(recorded_router_stream));

    EXPECT_U64(reading.events, 4);
    EXPECT_U64(reading.tokens, 1);
    EXPECT_U64(reading.contents, 0);
    EXPECT_U64(reading.ends, 1);
    EXPECT_U64(reading.answer.failure, OUTCOME_INVALID_REQUEST);
    CU_ASSERT_STRING_EQUAL(reading.answer.error_message, "Token limit reached");
    EXPECT_U64(reading.answer.usage.output_tokens, 10);
}

static void completes_at_the_finish_reason_or_at_done(void)
{
    EXPECT_RC(read_event(SLICE("{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}")), RC_OK);
    CU_ASSERT(!answer.is_complete);
    EXPECT_RC(read_event(SLICE("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}")),
              RC_OK);
    CU_ASSERT(answer.is_complete && !step.is_end);

    answer = (struct answer){0};
    EXPECT_RC(read_event(SLICE("{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}")), RC_OK);
    EXPECT_RC(read_event(SLICE("[DONE]")), RC_OK);
    CU_ASSERT(answer.is_complete && step.is_end);
    EXPECT_U64(answer.failure, OUTCOME_OK);
    CU_ASSERT_STRING_EQUAL(answer.stop_reason, "");
}

static void keeps_usage_that_comes_after_the_finish_without_choices(void)
{
    EXPECT_RC(read_event(SLICE("{\"choices\":[{\"delta\":{\"content\":\"x\"},"
                               "\"finish_reason\":\"stop\"}],\"usage\":null}")),
              RC_OK);
    CU_ASSERT(!answer.usage.is_known);
    EXPECT_RC(read_event(SLICE("{\"choices\":[],\"usage\":{\"prompt_tokens\":262960,"
                               "\"completion_tokens\":1744,\"prompt_tokens_details\":"
                               "{\"cached_tokens\":257955,\"cache_write_tokens\":2}}}")),
              RC_OK);
    CU_ASSERT(answer.usage.is_known);
    EXPECT_U64(answer.usage.input_tokens, 262960); /* cached ones included, as on the wire */
    EXPECT_U64(answer.usage.cached_tokens, 257955);
    EXPECT_U64(answer.usage.cache_write_tokens, 2);
    EXPECT_U64(answer.usage.output_tokens, 1744);
}

static void counts_reasoning_and_tool_calls_as_tokens_without_content(void)
{
    EXPECT_RC(read_event(SLICE("{\"choices\":[{\"delta\":{\"role\":\"assistant\","
                               "\"content\":\"\"}}]}")),
              RC_OK);
    CU_ASSERT(!step.has_token);
    EXPECT_RC(read_event(SLICE("{\"choices\":[{\"delta\":{\"reasoning_content\":\"Hm\"}}]}")),
              RC_OK);
    CU_ASSERT(step.has_token && !step.has_content);
    EXPECT_RC(read_event(SLICE("{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":"
                               "\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
                               "\"arguments\":\"\"}}]}}]}")),
              RC_OK);
    CU_ASSERT(step.has_token && !step.has_content);
    EXPECT_RC(read_event(SLICE("{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,"
                               "\"function\":{\"arguments\":\"{}\"}}]}}]}")),
              RC_OK);
    CU_ASSERT(step.has_token && !step.has_content);
    EXPECT_RC(read_event(SLICE("{\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}")),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_OK);
    EXPECT_U64(answer.content_events, 0);
}

static void gives_an_error_chunk_the_class_of_its_error(void)
{
    EXPECT_RC(read_event(SLICE("{\"error\":{\"message\":\"boom\",\"type\":\"server_error\","
                               "\"param\":null,\"code\":null}}")),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_SERVER_ERROR);
    CU_ASSERT(!answer.is_complete && !step.is_end);
    EXPECT_RC(read_event(SLICE("{\"error\":{\"message\":\"m\",\"status_code\":429}}")), RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_RATE_LIMITED);
    EXPECT_RC(read_event(SLICE("{\"error\":{\"message\":\"m\"}}")), RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_STREAM_ERROR);
    answer = (struct answer){0};
    EXPECT_RC(
        format_read_event(API_OPENAI_CHAT, SLICE("error"), SLICE("{\"x\":1}"), &answer, &step),
        RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_STREAM_ERROR);
}

static void takes_a_number_that_is_no_error_status_for_nothing_known(void)
{
    EXPECT_RC(read_event(SLICE("{\"error\":{\"message\":\"m\",\"code\":17}}")), RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_STREAM_ERROR);
}

/* One service sends a first chunk of filter results, with both names empty. */
static void keeps_the_first_names_that_are_not_empty(void)
{
    EXPECT_RC(read_event(SLICE("{\"id\":\"\",\"model\":\"\",\"choices\":[]}")), RC_OK);
    EXPECT_RC(read_event(SLICE("{\"id\":\"a\",\"model\":\"b\",\"choices\":[]}")), RC_OK);
    EXPECT_RC(read_event(SLICE("{\"id\":\"c\",\"model\":\"d\",\"choices\":[]}")), RC_OK);
    CU_ASSERT_STRING_EQUAL(answer.id, "a");
    CU_ASSERT_STRING_EQUAL(answer.model, "b");
}

static void takes_an_error_of_null_for_none(void)
{
    EXPECT_RC(read_event(SLICE("{\"error\":null,\"choices\":[{\"delta\":{\"content\":\"x\"}}]}")),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_OK);
}

static void finds_no_answer_where_there_is_none(void)
{
    EXPECT_U64(read_answer("{\"choices\":[]}"), OUTCOME_EMPTY);
    EXPECT_U64(read_answer("{\"choices\":null}"), OUTCOME_EMPTY);
    EXPECT_U64(read_answer("{}"), OUTCOME_EMPTY);
    EXPECT_U64(read_answer("{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":null},"
                           "\"finish_reason\":\"stop\"}]}"),
               OUTCOME_EMPTY);
    EXPECT_U64(read_answer("{\"error\":{\"code\":502}}"), OUTCOME_SERVER_ERROR);
    EXPECT_U64(read_answer("{\"error\":{\"message\":\"?\"}}"), OUTCOME_SERVER_ERROR);
    EXPECT_U64(read_answer("{\"error\":\"model not loaded\"}"), OUTCOME_SERVER_ERROR);
    CU_ASSERT_STRING_EQUAL(answer.error_message, "model not loaded");
    EXPECT_U64(read_answer("{\"choices\":[{\"message\":{\"content\":\"x\"},"
                           "\"finish_reason\":\"content_filter\"}]}"),
               OUTCOME_CONTENT_POLICY);
}

static void takes_text_that_follows_an_empty_finish(void)
{
    EXPECT_RC(read_event(SLICE("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}")),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_EMPTY);
    EXPECT_RC(read_event(SLICE("{\"choices\":[{\"delta\":{\"content\":\"late\"}}]}")), RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_OK);
    EXPECT_U64(answer.content_bytes, 4);
}

static void takes_a_tool_call_for_an_answer(void)
{
    EXPECT_U64(read_answer("{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[{\"id\":"
                           "\"call_1\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
                           "\"finish_reason\":\"tool_calls\"}]}"),
               OUTCOME_OK);
    CU_ASSERT(answer.is_complete);
}

static void knows_quota_from_rate_limits(void)
{
    EXPECT_U64(classify(429, "{\"error\":{\"message\":\"x\",\"type\":\"insufficient_quota\","
                             "\"param\":null,\"code\":\"insufficient_quota\"}}"),
               OUTCOME_QUOTA);
    EXPECT_U64(classify(429, "{\"error\":{\"message\":\"x\",\"type\":\"insufficient_quota\","
                             "\"param\":null,\"code\":\"a_code_of_next_year\"}}"),
               OUTCOME_QUOTA);
    EXPECT_U64(classify(429, "{\"error\":{\"message\":\"x\",\"type\":\"x\",\"param\":null,"
                             "\"code\":\"project_spend_limit_exceeded\"}}"),
               OUTCOME_QUOTA);
    EXPECT_U64(classify(429, "{\"error\":{\"message\":\"x\",\"type\":\"tokens\",\"param\":null,"
                             "\"code\":\"rate_limit_exceeded\"}}"),
               OUTCOME_RATE_LIMITED);
    EXPECT_U64(classify(429, recorded_router_error), OUTCOME_RATE_LIMITED);
    CU_ASSERT_STRING_EQUAL(answer.error_message, "Provider returned error");
}

static void knows_context_length_by_its_code(void)
{
    EXPECT_U64(classify(400, "{\"error\":{\"message\":\"any words\",\"type\":"
                             "\"invalid_request_error\",\"param\":\"messages\","
                             "\"code\":\"context_length_exceeded\"}}"),
               OUTCOME_CONTEXT_LENGTH);
    EXPECT_U64(classify(400, recorded_error), OUTCOME_INVALID_REQUEST);
    CU_ASSERT_STRING_EQUAL(answer.error_type, "invalid_request_error");
}

static void reads_the_recorded_request(void)
{
    struct asked asked;

    EXPECT_RC(format_read_ask(API_OPENAI_CHAT, slice_of(recorded_ask), &asked, NULL), RC_OK);
    CU_ASSERT_STRING_EQUAL(asked.model, "minimax/minimax-m2:free");
    CU_ASSERT(asked.stream && asked.include_usage && asked.has_messages);
    EXPECT_U64(asked.output_tokens_max, 10);
    EXPECT_U64(asked.prompt_bytes, 11);
}

static void reads_both_names_of_the_token_limit(void)
{
    struct asked asked;

    EXPECT_RC(
        format_read_ask(API_OPENAI_CHAT, SLICE("{\"max_tokens\":5,\"stream\":null}"), &asked, NULL),
        RC_OK);
    EXPECT_U64(asked.output_tokens_max, 5);
    CU_ASSERT(!asked.stream && !asked.include_usage);
    EXPECT_RC(format_read_ask(API_OPENAI_CHAT,
                              SLICE("{\"max_tokens\":5,\"max_completion_tokens\":7,"
                                    "\"messages\":[{\"content\":[{\"type\":\"text\",\"text\":"
                                    "\"abc\"},{\"type\":\"image_url\",\"image_url\":{}}]}]}"),
                              &asked, NULL),
              RC_OK);
    EXPECT_U64(asked.output_tokens_max, 7);
    EXPECT_U64(asked.prompt_bytes, 3);
}

/* --- writing: golden bytes -------------------------------------------------------------------- */

static void writes_the_request(void)
{
    struct ask ask = {.model = SLICE("gpt-4o"), .prompt = SLICE("hi"), .output_tokens_max = 64};

    format_write_ask(API_OPENAI_CHAT, &ask, &out);
    EXPECT_TEXT(buffer_slice(&out), "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\","
                                    "\"content\":\"hi\"}],\"max_completion_tokens\":64}");
    ask.stream = true;
    buffer_clear(&out);
    format_write_ask(API_OPENAI_CHAT, &ask, &out);
    EXPECT_TEXT(buffer_slice(&out),
                "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
                "\"max_completion_tokens\":64,\"stream\":true,"
                "\"stream_options\":{\"include_usage\":true}}");
}

static void writes_the_request_headers(void)
{
    format_write_ask_headers(API_OPENAI_CHAT, SLICE(""), &out);
    EXPECT_TEXT(buffer_slice(&out), "content-type: application/json\r\n"
                                    "authorization: Bearer brownout-placeholder-key\r\n");
}

#define USAGE                                                                   \
    "{\"prompt_tokens\":9,\"completion_tokens\":3,\"total_tokens\":12,"         \
    "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"       \
    "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0," \
    "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}"

static void writes_the_answer(void)
{
    format_write_answer(API_OPENAI_CHAT, &reply, &out);
    EXPECT_TEXT(buffer_slice(&out),
                "{\"id\":\"chatcmpl-0000000000000b0br17\",\"object\":\"chat.completion\","
                "\"created\":1767225600,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,"
                "\"message\":{\"role\":\"assistant\",\"content\":\"⟦r17⟧ w1 w2\",\"refusal\":null,"
                "\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"length\"}],"
                "\"usage\":" USAGE ",\"service_tier\":\"default\",\"system_fingerprint\":null}");
}

#define CHUNK                                                                              \
    "data: {\"id\":\"chatcmpl-0000000000000b0br17\",\"object\":\"chat.completion.chunk\"," \
    "\"created\":1767225600,\"model\":\"gpt-4o\",\"service_tier\":\"default\","            \
    "\"system_fingerprint\":null,\"choices\":["

static void writes_the_stream(void)
{
    format_write_opening(API_OPENAI_CHAT, &reply, &out);
    format_write_tokens(API_OPENAI_CHAT, &reply, 0, 3, 2, &out);
    format_write_closing(API_OPENAI_CHAT, &reply, &out);
    EXPECT_TEXT(buffer_slice(&out), CHUNK
                "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},"
                "\"finish_reason\":null}],\"usage\":null}\n\n" CHUNK
                "{\"index\":0,\"delta\":{\"content\":\"⟦r17⟧ w1\"},"
                "\"finish_reason\":null}],\"usage\":null}\n\n" CHUNK
                "{\"index\":0,\"delta\":{\"content\":\" w2\"},"
                "\"finish_reason\":null}],\"usage\":null}\n\n" CHUNK
                "{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}],"
                "\"usage\":null}\n\n" CHUNK "],\"usage\":" USAGE "}\n\n"
                "data: [DONE]\n\n");
}

static void tells_no_usage_that_was_not_asked_for(void)
{
    struct reply silent = reply;
    struct reading reading;

    silent.include_usage = false;
    format_write_opening(API_OPENAI_CHAT, &silent, &out);
    format_write_tokens(API_OPENAI_CHAT, &silent, 0, 3, 1, &out);
    format_write_closing(API_OPENAI_CHAT, &silent, &out);
    CU_ASSERT(!slice_has(buffer_slice(&out), SLICE("usage")));
    reading = read_stream(API_OPENAI_CHAT, buffer_slice(&out));
    CU_ASSERT(reading.answer.is_complete && !reading.answer.usage.is_known);
    EXPECT_U64(reading.tokens, 3);
}

#define ERROR_BODY(message, type, param, code)                                          \
    SLICE("{\n  \"error\": {\n    \"message\": \"" message "\",\n    \"type\": \"" type \
          "\",\n    \"param\": " param ",\n    \"code\": " code "\n  }\n}")

static void words_each_refusal_as_the_service_does(void)
{
    struct refusal refusal = {
        .model = SLICE("gpt-4o"), .input_tokens = 130538, .context_window = 128000};

    refusal.failure = OUTCOME_OVERLOADED;
    refusal.status = 529; /* as the plan has it; the words stay OpenAI's */
    expect_refusal(&refusal,
                   ERROR_BODY("Our servers are currently overloaded. Please try again "
                              "later.",
                              "service_unavailable_error", "null", "\"server_is_overloaded\""));
    refusal.status = 0;
    refusal.failure = OUTCOME_CONTEXT_LENGTH;
    expect_refusal(&refusal, ERROR_BODY("This model's maximum context length is 128000 tokens. "
                                        "However, your messages resulted in 130538 tokens. Please "
                                        "reduce the length of the messages.",
                                        "invalid_request_error", "\"messages\"",
                                        "\"context_length_exceeded\""));
    refusal.failure = OUTCOME_RATE_LIMITED;
    expect_refusal(&refusal, ERROR_BODY("Rate limit reached for gpt-4o in organization "
                                        "org-brownout on requests per min (RPM): Limit 500, Used "
                                        "500, Requested 1. Please try again later.",
                                        "requests", "null", "\"rate_limit_exceeded\""));
    refusal.failure = OUTCOME_QUOTA;
    expect_refusal(&refusal, ERROR_BODY("You exceeded your current quota, please check your plan "
                                        "and billing details.",
                                        "insufficient_quota", "null", "\"insufficient_quota\""));
    refusal.failure = OUTCOME_SERVER_ERROR;
    expect_refusal(&refusal, ERROR_BODY("The server had an error while processing your request. "
                                        "Sorry about that!",
                                        "server_error", "null", "null"));
    refusal.failure = OUTCOME_AUTH;
    expect_refusal(&refusal, ERROR_BODY("Incorrect API key provided.", "invalid_request_error",
                                        "null", "\"invalid_api_key\""));
    refusal.failure = OUTCOME_INVALID_REQUEST;
    refusal.status = 404;
    expect_refusal(&refusal, ERROR_BODY("The model `gpt-4o` does not exist or you do not have "
                                        "access to it.",
                                        "invalid_request_error", "null", "\"model_not_found\""));
}

static void names_no_code_for_a_message_of_its_own(void)
{
    struct refusal refusal = {.failure = OUTCOME_INVALID_REQUEST,
                              .status = 404,
                              .model = SLICE("gpt-4o"),
                              .message = SLICE("Not found")};

    expect_refusal(&refusal, ERROR_BODY("Not found", "invalid_request_error", "null", "null"));
}

/* The recorded answer said `content-length: 221`. */
static void lays_errors_out_in_the_recorded_size(void)
{
    EXPECT_U64(sizeof(recorded_error) - 1, 221);
}

static CU_TestInfo openai_chat_tests[] = {
    {"reads the recorded stream", reads_the_recorded_stream},
    {"finds the error inside a recorded stream", finds_the_error_inside_a_recorded_stream},
    {"completes at the finish reason or at [DONE]", completes_at_the_finish_reason_or_at_done},
    {"keeps usage that comes after the finish without choices",
     keeps_usage_that_comes_after_the_finish_without_choices},
    {"counts reasoning and tool calls as tokens without content",
     counts_reasoning_and_tool_calls_as_tokens_without_content},
    {"gives an error chunk the class of its error", gives_an_error_chunk_the_class_of_its_error},
    {"takes a number that is no error status for nothing known",
     takes_a_number_that_is_no_error_status_for_nothing_known},
    {"keeps the first names that are not empty", keeps_the_first_names_that_are_not_empty},
    {"takes an error of null for none", takes_an_error_of_null_for_none},
    {"finds no answer where there is none", finds_no_answer_where_there_is_none},
    {"takes text that follows an empty finish", takes_text_that_follows_an_empty_finish},
    {"takes a tool call for an answer", takes_a_tool_call_for_an_answer},
    {"knows quota from rate limits", knows_quota_from_rate_limits},
    {"knows context length by its code", knows_context_length_by_its_code},
    {"reads the recorded request", reads_the_recorded_request},
    {"reads both names of the token limit", reads_both_names_of_the_token_limit},
    {"writes the request", writes_the_request},
    {"writes the request headers", writes_the_request_headers},
    {"writes the answer", writes_the_answer},
    {"writes the stream", writes_the_stream},
    {"tells no usage that was not asked for", tells_no_usage_that_was_not_asked_for},
    {"words each refusal as the service does", words_each_refusal_as_the_service_does},
    {"names no code for a message of its own", names_no_code_for_a_message_of_its_own},
    {"lays errors out in the recorded size", lays_errors_out_in_the_recorded_size},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo openai_chat_suite = {"openai_chat", NULL, NULL, set_up, tear_down, openai_chat_tests};
