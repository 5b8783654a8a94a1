/* OpenAI Responses: what only this format has. Recorded exchanges are in recorded_test.c. */

#include <string.h>

#include <CUnit/CUnit.h>

#include "base/memory.h"
#include "tests/support/expect.h"
#include "tests/support/reading.h"
#include "wire/format.h"
#include "wire/shape.h"
#include "wire/sse.h"

static struct reply reply;
static struct buffer out;
static struct answer answer;
static struct answer_step step;

static void set_up(void)
{
    buffer_init(&out, memory_heap(), 1 << 20);
    answer = (struct answer){0};
    step = (struct answer_step){0};
    reply = (struct reply){
        .model = SLICE("gpt-5"),
        .request_number = 17,
        .run_tag = 0xb0b,
        .wall_unix_s = 1767225600,
        .input_tokens = 20,
        .output_tokens = 12,
        .thinking_tokens = 4,
        .tool_tokens = 3,
        .tool_name = SLICE("get_weather"),
        .tool_input = SLICE("{\"city\":\"Paris\"}"),
        .stop = STOP_TOOL,
        .cached_tokens = 8,
        .include_usage = true,
    };
}

static void tear_down(void)
{
    buffer_deinit(&out);
}

static enum rc read_event(const char *name, const char *data)
{
    return format_read_event(API_OPENAI_RESPONSES, slice_of(name), slice_of(data), &answer, &step);
}

static struct slice write_stream(uint32_t per_event)
{
    buffer_clear(&out);
    reply.tokens_per_event = per_event;
    format_write_opening(API_OPENAI_RESPONSES, &reply, &out);
    format_write_tokens(API_OPENAI_RESPONSES, &reply, 0, reply.output_tokens, per_event, &out);
    format_write_closing(API_OPENAI_RESPONSES, &reply, &out);
    return buffer_slice(&out);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void counts_only_deltas_as_output(void)
{
    EXPECT_RC(read_event("response.output_text.delta",
                         "{\"type\":\"response.output_text.delta\",\"delta\":\"abc\"}"),
              RC_OK);
    CU_ASSERT(step.has_token && step.has_content);
    EXPECT_RC(read_event("response.output_text.done",
                         "{\"type\":\"response.output_text.done\",\"text\":\"abc\"}"),
              RC_OK);
    CU_ASSERT(!step.has_token);
    EXPECT_RC(read_event("response.output_item.done",
                         "{\"type\":\"response.output_item.done\",\"item\":{\"content\":[{\"text\":"
                         "\"abc\"}]}}"),
              RC_OK);
    CU_ASSERT(!step.has_token);
    EXPECT_RC(read_event("response.completed",
                         "{\"type\":\"response.completed\",\"response\":{\"status\":\"completed\","
                         "\"output\":[{\"content\":[{\"text\":\"abc\"}]}]}}"),
              RC_OK);
    CU_ASSERT(!step.has_token && step.is_end && answer.is_complete);
    EXPECT_U64(answer.content_bytes, 3);
    EXPECT_U64(answer.failure, OUTCOME_OK);
    CU_ASSERT_STRING_EQUAL(answer.stop_reason, "completed");
}

static void counts_reasoning_refusals_and_calls_as_tokens_without_content(void)
{
    static const char *const kinds[] = {
        "response.reasoning_summary_text.delta",
        "response.reasoning_text.delta",
        "response.refusal.delta",
        "response.function_call_arguments.delta",
    };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        EXPECT_RC(read_event(kinds[i], "{\"delta\":\"abc\"}"), RC_OK);
        CU_ASSERT(step.has_token && !step.has_content);
    }
    EXPECT_RC(read_event("response.output_item.added",
                         "{\"item\":{\"type\":\"function_call\",\"name\":\"f\"}}"),
              RC_OK);
    CU_ASSERT(step.has_token && !step.has_content);
    EXPECT_U64(answer.content_bytes, 0);
}

static void has_no_stop_reason_before_the_end(void)
{
    EXPECT_RC(read_event("response.created",
                         "{\"type\":\"response.created\",\"response\":{\"status\":"
                         "\"in_progress\",\"id\":\"resp_1\",\"model\":\"gpt-5\"}}"),
              RC_OK);
    CU_ASSERT_STRING_EQUAL(answer.stop_reason, "");
    CU_ASSERT_STRING_EQUAL(answer.id, "resp_1");
    CU_ASSERT(!answer.is_complete);
}

static void ignores_kinds_it_does_not_know(void)
{
    EXPECT_RC(read_event("response.image_generation_call.completed",
                         "{\"type\":\"response.image_generation_call.completed\",\"response\":"
                         "{\"usage\":{\"input_tokens\":3},\"status\":\"completed\"}}"),
              RC_OK);
    CU_ASSERT(!step.has_token && !step.is_end && !answer.usage.is_known);
    CU_ASSERT_STRING_EQUAL(answer.stop_reason, "");
}

static void tells_why_an_answer_is_incomplete_in_any_order_of_members(void)
{
    EXPECT_RC(read_event("response.incomplete",
                         "{\"type\":\"response.incomplete\",\"response\":{\"incomplete_details\":"
                         "{\"reason\":\"content_filter\"},\"status\":\"incomplete\"}}"),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_CONTENT_POLICY);
    answer = (struct answer){0};
    EXPECT_RC(format_read_answer(API_OPENAI_RESPONSES,
                                 SLICE("{\"incomplete_details\":{\"reason\":\"max_output_tokens\"},"
                                       "\"output\":[{\"content\":[{\"text\":\"x\"}]}],"
                                       "\"status\":\"incomplete\"}"),
                                 &answer),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_OK);
    CU_ASSERT_STRING_EQUAL(answer.stop_reason, "max_output_tokens");
}

static void knows_both_forms_of_an_error_event(void)
{
    EXPECT_RC(read_event("error", "{\"type\":\"error\",\"sequence_number\":2,\"error\":{\"type\":"
                                  "\"insufficient_quota\",\"code\":\"insufficient_quota\","
                                  "\"message\":\"m\",\"param\":null}}"),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_QUOTA);
    answer = (struct answer){0};
    EXPECT_RC(read_event("error", "{\"type\":\"error\",\"code\":\"rate_limit_exceeded\","
                                  "\"message\":\"m\",\"param\":null,\"sequence_number\":2}"),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_RATE_LIMITED);
    answer = (struct answer){0};
    EXPECT_RC(read_event("response.failed",
                         "{\"type\":\"response.failed\",\"response\":{\"status\":\"failed\","
                         "\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"m\"}}}"),
              RC_OK);
    EXPECT_U64(answer.failure, OUTCOME_CONTEXT_LENGTH);
    CU_ASSERT(step.is_end);
    CU_ASSERT_STRING_EQUAL(answer.error_message, "m");
}

static void takes_a_text_for_a_message(void)
{
    struct asked asked;

    EXPECT_RC(format_read_ask(API_OPENAI_RESPONSES,
                              SLICE("{\"model\":\"gpt-5\",\"input\":\"hello\",\"instructions\":"
                                    "\"be\",\"reasoning\":{\"effort\":\"low\"},\"tool_choice\":"
                                    "\"required\",\"tools\":[{\"type\":\"function\",\"name\":"
                                    "\"f\",\"parameters\":{\"name\":\"g\"}}]}"),
                              &asked, NULL),
              RC_OK);
    CU_ASSERT(asked.has_messages && asked.include_usage && !asked.stream);
    CU_ASSERT(asked.wants_thinking && asked.forces_tool);
    CU_ASSERT_STRING_EQUAL(asked.tool_name, "f");
    EXPECT_U64(asked.prompt_bytes, 7);
    EXPECT_RC(format_read_ask(API_OPENAI_RESPONSES, SLICE("{\"model\":\"gpt-5\",\"input\":\"\"}"),
                              &asked, NULL),
              RC_OK);
    CU_ASSERT(!asked.has_messages);
}

/* --- writing ---------------------------------------------------------------------------------- */

struct seen {
    struct json_token type;
    struct shape_number number;
};

static const struct shape seen_shape[] = {
    {SHAPE_NAME("type"), SHAPE_SCALAR, offsetof(struct seen, type), NULL},
    {SHAPE_NAME("sequence_number"), SHAPE_NUMBER, offsetof(struct seen, number), NULL},
    SHAPE_DONE,
};

/* Each event's name is its type, and numbers run on without a gap. Returns how many there are. */
static uint64_t expect_numbered(struct slice stream)
{
    struct sse_event event;
    struct sse sse;
    uint64_t next = 0;

    sse_init(&sse, memory_heap(), 1 << 20);
    sse_feed(&sse, stream);
    while (sse_next(&sse, &event) == RC_OK) {
        struct seen seen = {0};

        EXPECT_RC(shape_read(event.data, seen_shape, &seen, NULL), RC_OK);
        CU_ASSERT(shape_is(&seen.type, event.name));
        CU_ASSERT(seen.number.is_known);
        EXPECT_U64(seen.number.value, next);
        next++;
    }
    sse_deinit(&sse);
    return next;
}

static void numbers_its_events_without_a_gap(void)
{
    for (uint32_t per_event = 1; per_event < 14; per_event++)
        expect_numbered(write_stream(per_event));
    EXPECT_U64(expect_numbered(write_stream(1)), 2 + (2 + 4 + 3) + (2 + 5 + 3) + (1 + 3 + 2) + 1);
    reply.output_tokens = reply.thinking_tokens = reply.tool_tokens = 0;
    EXPECT_U64(expect_numbered(write_stream(1)), 2 + 2 + 3 + 1);
}

static void expect_rich(const struct answer *read)
{
    CU_ASSERT(read->is_complete && read->has_output);
    EXPECT_U64(read->failure, OUTCOME_OK);
    EXPECT_U64(read->usage.input_tokens, 20);
    EXPECT_U64(read->usage.output_tokens, 12);
    EXPECT_U64(read->usage.cached_tokens, 8);
    EXPECT_U64(read->content_bytes, strlen("⟦r17⟧ w1 w2 w3 w4"));
    CU_ASSERT_STRING_EQUAL(read->id, "resp_0000000000000b0br17");
}

static void reads_back_reasoning_text_and_call(void)
{
    struct reading reading = read_stream(API_OPENAI_RESPONSES, write_stream(1));

    EXPECT_U64(reading.contents, 5);
    EXPECT_U64(reading.tokens, 4 + 5 + 1 + 3); /* the name of the tool is told apart */
    EXPECT_U64(reading.ends, 1);
    expect_rich(&reading.answer);
    buffer_clear(&out);
    format_write_answer(API_OPENAI_RESPONSES, &reply, &out);
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("\"reasoning_tokens\":4},\"total_tokens\":32")));
    CU_ASSERT(
        slice_has(buffer_slice(&out), SLICE("\"arguments\":\"{\\\"city\\\":\\\"Paris\\\"}\"")));
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("{\"id\":\"rs_0000000000000b0br17\"")));
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("{\"id\":\"msg_0000000000000b0br17\"")));
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("{\"id\":\"fc_0000000000000b0br17\"")));
    EXPECT_RC(format_read_answer(API_OPENAI_RESPONSES, buffer_slice(&out), &answer), RC_OK);
    expect_rich(&answer);
}

static void says_what_cut_an_answer_short(void)
{
    struct slice stream;

    reply.stop = STOP_MAX_TOKENS;
    stream = write_stream(1);
    CU_ASSERT(slice_has(stream, SLICE("event: response.incomplete\n")));
    CU_ASSERT(!slice_has(stream, SLICE("response.completed")));
    CU_ASSERT(
        slice_has(stream, SLICE("\"incomplete_details\":{\"reason\":\"max_output_tokens\"}")));
    CU_ASSERT_STRING_EQUAL(read_stream(API_OPENAI_RESPONSES, stream).answer.stop_reason,
                           "max_output_tokens");
    reply.stop = STOP_REFUSAL;
    EXPECT_U64(read_stream(API_OPENAI_RESPONSES, write_stream(1)).answer.failure,
               OUTCOME_CONTENT_POLICY);
}

static const struct refusal overload = {.failure = OUTCOME_OVERLOADED,
                                        .status = 503,
                                        .wall_unix_s = 1767225600,
                                        .model = {"gpt-5", 5},
                                        .run_tag = 0xb0b};

static void breaks_off_as_seen_and_as_documented(void)
{
    uint64_t events = format_event_count(API_OPENAI_RESPONSES, &reply, 6);
    struct reading reading;

    for (int is_flat = 0; is_flat < 2; is_flat++) {
        buffer_clear(&out);
        format_write_opening(API_OPENAI_RESPONSES, &reply, &out);
        format_write_tokens(API_OPENAI_RESPONSES, &reply, 0, 6, 1, &out);
        format_write_error_event(API_OPENAI_RESPONSES, &overload, events, is_flat == 1, &out);
        EXPECT_U64(expect_numbered(buffer_slice(&out)), events + (is_flat ? 1 : 2));
        reading = read_stream(API_OPENAI_RESPONSES, buffer_slice(&out));
        EXPECT_U64(reading.answer.failure, OUTCOME_OVERLOADED);
        EXPECT_U64(reading.ends, is_flat ? 0 : 1);
        CU_ASSERT(!slice_has(buffer_slice(&out), SLICE("\"created_at\":0")));
    }
}

static void words_a_full_window_in_its_own_way(void)
{
    format_write_refusal(API_OPENAI_RESPONSES,
                         &(struct refusal){.failure = OUTCOME_CONTEXT_LENGTH, .status = 400}, &out);
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("Your input exceeds the context window")));
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("\"param\": \"input\"")));
}

static void refuses_a_stream_whose_input_is_too_long_after_its_200(void)
{
    const struct refusal refusal = {.failure = OUTCOME_CONTEXT_LENGTH, .model = SLICE("gpt-5")};
    struct reading reading;

    CU_ASSERT(format_fails_in_stream(API_OPENAI_RESPONSES, OUTCOME_CONTEXT_LENGTH));
    CU_ASSERT(!format_fails_in_stream(API_OPENAI_RESPONSES, OUTCOME_RATE_LIMITED));
    CU_ASSERT(!format_fails_in_stream(API_OPENAI_CHAT, OUTCOME_CONTEXT_LENGTH));
    format_write_failed_stream(API_OPENAI_RESPONSES, &refusal, &out);
    EXPECT_U64(expect_numbered(buffer_slice(&out)), 4);
    reading = read_stream(API_OPENAI_RESPONSES, buffer_slice(&out));
    EXPECT_U64(reading.answer.failure, OUTCOME_CONTEXT_LENGTH);
    EXPECT_U64(reading.ends, 1);
    CU_ASSERT(!reading.answer.has_output);
}

static CU_TestInfo openai_responses_tests[] = {
    {"counts only deltas as output", counts_only_deltas_as_output},
    {"counts reasoning, refusals and calls as tokens without content",
     counts_reasoning_refusals_and_calls_as_tokens_without_content},
    {"has no stop reason before the end", has_no_stop_reason_before_the_end},
    {"ignores kinds it does not know", ignores_kinds_it_does_not_know},
    {"tells why an answer is incomplete, in any order of members",
     tells_why_an_answer_is_incomplete_in_any_order_of_members},
    {"knows both forms of an error event", knows_both_forms_of_an_error_event},
    {"takes a text for a message", takes_a_text_for_a_message},
    {"numbers its events without a gap", numbers_its_events_without_a_gap},
    {"reads back reasoning, text and call", reads_back_reasoning_text_and_call},
    {"says what cut an answer short", says_what_cut_an_answer_short},
    {"breaks off as seen and as documented", breaks_off_as_seen_and_as_documented},
    {"words a full window in its own way", words_a_full_window_in_its_own_way},
    {"refuses a stream whose input is too long after its 200",
     refuses_a_stream_whose_input_is_too_long_after_its_200},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo openai_responses_suite = {"openai_responses",    NULL, NULL, set_up, tear_down,
                                       openai_responses_tests};
