/* Answers of every kind that a mock can be told to give, in every format: written, read back, and
 * told without bytes. */

#include "wire/format.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "base/memory.h"
#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "tests/support/reading.h"

enum { WRITTEN_BYTES_MAX = 1 << 20 };

static struct buffer out, other;

static void set_up(void)
{
    buffer_init(&out, memory_heap(), WRITTEN_BYTES_MAX);
    buffer_init(&other, memory_heap(), WRITTEN_BYTES_MAX);
}

static void tear_down(void)
{
    buffer_deinit(&out);
    buffer_deinit(&other);
}

/* Thinking, text and a tool call. */
static struct reply full_reply(void)
{
    return (struct reply){
        .model = SLICE("m"),
        .request_number = 17,
        .run_tag = 0xb0b,
        .wall_unix_s = 1767225600,
        .input_tokens = 800,
        .output_tokens = 15,
        .stop = STOP_TOOL,
        .include_usage = true,
        .thinking_tokens = 5,
        .tool_tokens = 4,
        .tool_name = SLICE("get_weather"),
        .tool_input = SLICE("{\"city\": \"Z\xc3\xbcrich\"}"),
    };
}

static struct slice write_stream(enum api api, const struct reply *reply, uint32_t per_event,
                                 uint64_t per_write, struct buffer *to)
{
    buffer_clear(to);
    format_write_opening(api, reply, to);
    for (uint64_t first = 0; first < reply->output_tokens; first += per_write) {
        uint64_t rest = reply->output_tokens - first;

        format_write_tokens(api, reply, first, rest < per_write ? rest : per_write, per_event, to);
    }
    format_write_closing(api, reply, to);
    return buffer_slice(to);
}

static struct slice write_body(enum api api, const struct reply *reply)
{
    buffer_clear(&out);
    format_write_answer(api, reply, &out);
    return buffer_slice(&out);
}

/* "⟦r17⟧ w1 w2 w3 w4 w5" */
enum { FULL_TEXT_BYTES = 9 + 5 * 3 };

/* --- blocks ----------------------------------------------------------------------------------- */

static void reads_back_thinking_text_and_a_tool_call(void)
{
    struct reply reply = full_reply();

    for (enum api api = 0; api < API_COUNT; api++) {
        for (uint32_t per_event = 1; per_event < 7; per_event++) {
            struct reading reading;

            reply.tokens_per_event = per_event;
            reading =
                read_stream(api, write_stream(api, &reply, per_event, reply.output_tokens, &out));
            EXPECT_U64(reading.malformed, 0);
            EXPECT_U64(reading.ends, 1);
            CU_ASSERT(reading.tokens > reading.contents);
            EXPECT_U64(reading.answer.content_bytes, FULL_TEXT_BYTES);
            EXPECT_U64(reading.answer.failure, OUTCOME_OK);
            EXPECT_U64(reading.answer.usage.output_tokens, 15);
        }
    }
}

static void reads_back_the_same_in_one_body(void)
{
    struct reply reply = full_reply();

    for (enum api api = 0; api < API_COUNT; api++) {
        struct answer answer = {0};

        EXPECT_RC(format_read_answer(api, write_body(api, &reply), &answer), RC_OK);
        EXPECT_U64(answer.content_bytes, FULL_TEXT_BYTES);
        EXPECT_U64(answer.failure, OUTCOME_OK);
        EXPECT_U64(answer.usage.output_tokens, 15);
        CU_ASSERT(answer.has_output);
    }
}

/* The bytes depend on the events alone, not on how many are written at a time. */
static void writes_the_same_bytes_however_tokens_are_dealt_out(void)
{
    struct reply reply = full_reply();

    for (enum api api = 0; api < API_COUNT; api++) {
        for (uint32_t per_event = 1; per_event < 5; per_event++) {
            reply.tokens_per_event = per_event;
            write_stream(api, &reply, per_event, reply.output_tokens, &other);
            for (uint64_t events = 1; events < 4; events++)
                CU_ASSERT(slice_is(write_stream(api, &reply, per_event, events * per_event, &out),
                                   buffer_slice(&other)));
        }
    }
}

static void cuts_no_block_short_and_invents_none(void)
{
    struct reply reply = full_reply();

    for (enum api api = 0; api < API_COUNT; api++) {
        for (uint64_t tokens = 0; tokens < 20; tokens++) {
            struct reading reading;

            reply.output_tokens = tokens;
            reading = read_stream(api, write_stream(api, &reply, 1, 1, &out));
            EXPECT_U64(reading.malformed, 0);
            EXPECT_U64(reading.ends, 1);
            CU_ASSERT(reading.answer.has_output == (tokens > 0));
            EXPECT_U64(reading.answer.failure, tokens > 0 ? OUTCOME_OK : OUTCOME_EMPTY);
        }
    }
}

static void says_a_tool_call_without_any_text(void)
{
    struct reply reply = full_reply();

    reply.thinking_tokens = 0;
    reply.tool_tokens = reply.output_tokens;
    for (enum api api = 0; api < API_COUNT; api++) {
        struct answer answer = {0};
        struct reading reading = read_stream(api, write_stream(api, &reply, 1, 1, &out));

        EXPECT_U64(reading.contents, 0);
        CU_ASSERT(reading.tokens > 0);
        EXPECT_U64(reading.answer.failure, OUTCOME_OK);
        CU_ASSERT(slice_has(buffer_slice(&out), SLICE("get_weather")));
        EXPECT_RC(format_read_answer(api, write_body(api, &reply), &answer), RC_OK);
        EXPECT_U64(answer.content_bytes, 0);
        EXPECT_U64(answer.failure, OUTCOME_OK);
        CU_ASSERT(slice_has(buffer_slice(&out), SLICE("get_weather")));
    }
}

/* What closes a block is written with what follows it. */
static void counts_the_events_of_a_stream_that_numbers_them(void)
{
    struct reply reply = full_reply();

    for (uint32_t per_event = 1; per_event < 5; per_event++) {
        reply.tokens_per_event = per_event;
        for (uint64_t tokens = 0; tokens <= reply.output_tokens; tokens++) {
            struct reading reading;

            buffer_clear(&out);
            format_write_opening(API_OPENAI_RESPONSES, &reply, &out);
            format_write_tokens(API_OPENAI_RESPONSES, &reply, 0, tokens, per_event, &out);
            reading = read_stream(API_OPENAI_RESPONSES, buffer_slice(&out));
            EXPECT_U64(format_event_count(API_OPENAI_RESPONSES, &reply, tokens), reading.events);
            EXPECT_U64(format_event_count(API_ANTHROPIC, &reply, tokens), 0);
        }
    }
}

/* --- what is said ----------------------------------------------------------------------------- */

static void says_a_scripted_text_whatever_its_tokens(void)
{
    struct slice text = SLICE("\"Gr\xc3\xbc\xc3\x9f"
                              "e\" \xf0\x9f\x98\x80\n\\end");
    struct reply reply = {.model = SLICE("m"), .text = text, .include_usage = true};

    for (enum api api = 0; api < API_COUNT; api++) {
        for (uint64_t tokens = 1; tokens < 2 * text.size; tokens++) {
            struct answer answer = {0};
            struct reading reading;

            reply.output_tokens = tokens;
            reading = read_stream(api, write_stream(api, &reply, 1, 1, &out));
            EXPECT_U64(reading.malformed, 0); /* no character was cut */
            EXPECT_U64(reading.answer.content_bytes, text.size);
            EXPECT_RC(format_read_answer(api, write_body(api, &reply), &answer), RC_OK);
            EXPECT_U64(answer.content_bytes, text.size);
        }
    }
}

static void speaks_another_language_when_told_to(void)
{
    struct reply reply = {.model = SLICE("m"), .output_tokens = 3, .is_foreign = true};

    for (enum api api = 0; api < API_COUNT; api++) {
        CU_ASSERT(slice_has(write_body(api, &reply), SLICE("⟦r0⟧ слово1 слово2")));
        CU_ASSERT(slice_has(write_stream(api, &reply, 3, 3, &out), SLICE("⟦r0⟧ слово1 слово2")));
    }
}

/* --- usage ------------------------------------------------------------------------------------ */

static struct usage usage_in_body(enum api api, const struct reply *reply)
{
    struct answer answer = {0};

    EXPECT_RC(format_read_answer(api, write_body(api, reply), &answer), RC_OK);
    return answer.usage;
}

/* Anthropic counts a cache's tokens beside the input, the others among it. */
static void counts_what_a_cache_gave_by_each_formats_arithmetic(void)
{
    struct reply reply = full_reply();

    reply.cached_tokens = 500;
    reply.cache_write_tokens = 200;
    for (enum api api = 0; api < API_COUNT; api++) {
        struct usage usage = usage_in_body(api, &reply);

        EXPECT_U64(usage.input_tokens, api == API_ANTHROPIC ? 100 : 800);
        EXPECT_U64(usage.cached_tokens, 500);
        EXPECT_U64(usage.cache_write_tokens, api == API_GEMINI ? 0 : 200);
        EXPECT_U64(usage.output_tokens, 15);
    }
}

static void tells_no_usage_or_a_wrong_one_when_told_to(void)
{
    struct reply reply = full_reply();

    for (enum api api = 0; api < API_COUNT; api++) {
        struct usage usage;

        reply.usage_told = USAGE_MISSING;
        CU_ASSERT(!usage_in_body(api, &reply).is_known);
        CU_ASSERT(!slice_has(write_stream(api, &reply, 1, 1, &out), SLICE("okens\":1")));
        reply.usage_told = USAGE_ZERO;
        usage = usage_in_body(api, &reply);
        CU_ASSERT(usage.is_known);
        EXPECT_U64(usage.input_tokens + usage.output_tokens, 0);
        reply.usage_told = USAGE_WRONG;
        reply.usage_factor = 3;
        usage = usage_in_body(api, &reply);
        EXPECT_U64(usage.input_tokens, 2400);
        EXPECT_U64(usage.output_tokens, 45);
    }
}

static void expect_same(const struct answer *told, const struct answer *read)
{
    CU_ASSERT(told->is_complete == read->is_complete);
    EXPECT_U64(told->failure, read->failure);
    CU_ASSERT(told->has_output == read->has_output);
    CU_ASSERT_STRING_EQUAL(told->stop_reason, read->stop_reason);
    CU_ASSERT(told->usage.is_known == read->usage.is_known);
    EXPECT_U64(told->usage.input_tokens, read->usage.input_tokens);
    EXPECT_U64(told->usage.output_tokens, read->usage.output_tokens);
    EXPECT_U64(told->usage.cached_tokens, read->usage.cached_tokens);
    EXPECT_U64(told->usage.cache_write_tokens, read->usage.cache_write_tokens);
}

static void expect_told_as_read(enum api api, const struct reply *reply)
{
    struct answer told = {0}, body_told = {0}, body_read = {0};
    struct reading reading = read_stream(api, write_stream(api, reply, 1, 3, &out));

    format_tell_opening(api, reply, &told);
    format_tell_tokens(reply->output_tokens, &told);
    format_tell_closing(api, reply, &told);
    expect_same(&told, &reading.answer);
    format_tell_answer(api, reply, &body_told);
    EXPECT_RC(format_read_answer(api, write_body(api, reply), &body_read), RC_OK);
    expect_same(&body_told, &body_read);
}

static void is_told_without_bytes_as_it_is_read_from_them(void)
{
    for (enum api api = 0; api < API_COUNT; api++) {
        for (enum stop stop = 0; stop < STOP_COUNT; stop++) {
            for (int usage = USAGE_TRUE; usage <= USAGE_WRONG; usage++) {
                for (int bits = 0; bits < 16; bits++) {
                    struct reply reply = full_reply();

                    reply.stop = stop;
                    reply.usage_told = (enum usage_told)usage;
                    reply.usage_factor = 0.5;
                    reply.include_usage = api != API_OPENAI_CHAT || (bits & 1) != 0;
                    reply.is_2026 = (bits & 2) != 0;
                    reply.cached_tokens = (bits & 4) != 0 ? 300 : 0;
                    reply.cache_write_tokens = (bits & 4) != 0 ? 40 : 0;
                    if ((bits & 8) != 0)
                        reply.thinking_tokens = reply.tool_tokens = 0;
                    expect_told_as_read(api, &reply);
                }
            }
        }
    }
}

static void bills_by_the_formats_arithmetic_what_was_written(void)
{
    struct reply reply = full_reply();
    struct usage used;

    reply.cached_tokens = 500;
    reply.usage_told = USAGE_MISSING; /* told or not */
    used = format_usage_used(API_ANTHROPIC, &reply, 7);
    EXPECT_U64(used.input_tokens, 300);
    EXPECT_U64(used.output_tokens, 7);
    EXPECT_U64(used.cached_tokens, 500);
    EXPECT_U64(format_usage_used(API_OPENAI_CHAT, &reply, 7).input_tokens, 800);
}

/* --- errors and signs of life in a stream ----------------------------------------------------- */

static void reads_an_error_event_as_the_failure_that_it_tells(void)
{
    static const enum outcome told[] = {OUTCOME_OVERLOADED, OUTCOME_SERVER_ERROR,
                                        OUTCOME_RATE_LIMITED, OUTCOME_QUOTA};
    struct reply reply = full_reply();

    for (enum api api = 0; api < API_COUNT; api++) {
        for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
            for (int is_flat = 0; is_flat < 2; is_flat++) {
                struct refusal refusal = {.failure = told[i], .model = SLICE("m")};
                struct reading reading;

                buffer_clear(&out);
                format_write_opening(api, &reply, &out);
                format_write_tokens(api, &reply, 0, 8, 1, &out);
                format_write_error_event(api, &refusal, format_event_count(api, &reply, 8),
                                         is_flat == 1, &out);
                reading = read_stream(api, buffer_slice(&out));
                EXPECT_U64(reading.malformed, 0);
                EXPECT_U64(reading.answer.failure, told[i]);
                CU_ASSERT(reading.answer.error_message[0] != '\0');
            }
        }
    }
}

static void changes_nothing_by_a_ping(void)
{
    for (enum api api = 0; api < API_COUNT; api++) {
        struct reply reply = full_reply();
        struct reading with, without;

        without = read_stream(api, write_stream(api, &reply, 1, 1, &out));
        buffer_clear(&out);
        format_write_opening(api, &reply, &out);
        for (uint64_t token = 0; token < reply.output_tokens; token++) {
            format_write_ping(api, &out);
            format_write_tokens(api, &reply, token, 1, 1, &out);
        }
        format_write_closing(api, &reply, &out);
        with = read_stream(api, buffer_slice(&out));
        EXPECT_U64(with.malformed, 0);
        EXPECT_U64(with.tokens, without.tokens);
        expect_same(&with.answer, &without.answer);
    }
}

/* --- Anthropic and OpenAI Chat to the byte ---------------------------------------------------- */

static void writes_anthropics_three_blocks(void)
{
    struct reply reply = full_reply();

    reply.output_tokens = 6;
    reply.thinking_tokens = 2;
    reply.tool_tokens = 2;
    reply.tool_input = SLICE("{\"a\":1}");
    format_write_opening(API_ANTHROPIC, &reply, &out);
    CU_ASSERT(!slice_has(buffer_slice(&out), SLICE("thinking_tokens"))); /* none was thought yet */
    CU_ASSERT(slice_has(buffer_slice(&out),
                        SLICE("\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\","
                              "\"signature\":\"\"}}\n\nevent: ping\n")));
    buffer_clear(&out);
    for (uint64_t token = 0; token < 6; token += 2)
        format_write_tokens(API_ANTHROPIC, &reply, token, 2, 2, &out);
    EXPECT_TEXT(
        buffer_slice(&out),
        "event: content_block_delta\n"
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
        "\"thinking_delta\",\"thinking\":\"t0 t1\"}}\n\n"
        "event: content_block_delta\n"
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
        "\"signature_delta\",\"signature\":\"sig_0000000000000b0br17\"}}\n\n"
        "event: content_block_stop\n"
        "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
        "event: content_block_start\n"
        "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\","
        "\"text\":\"\"}}\n\n"
        "event: content_block_delta\n"
        "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\","
        "\"text\":\"⟦r17⟧ w1\"}}\n\n"
        "event: content_block_stop\n"
        "data: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
        "event: content_block_start\n"
        "data: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":"
        "\"tool_use\",\"id\":\"toolu_0000000000000b0br17\",\"name\":\"get_weather\",\"input\":"
        "{}}}\n\n"
        "event: content_block_delta\n"
        "data: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":"
        "\"input_json_delta\",\"partial_json\":\"\"}}\n\n"
        "event: content_block_delta\n"
        "data: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":"
        "\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":1}\"}}\n\n");
}

static void writes_anthropics_newer_version_with_every_member(void)
{
    struct reply reply = full_reply();

    reply.output_tokens = 4;
    reply.thinking_tokens = 1;
    reply.tool_tokens = 2;
    reply.cached_tokens = 700;
    reply.cache_write_tokens = 60;
    reply.tool_input = SLICE("");
    reply.is_2026 = true;
    EXPECT_TEXT(write_body(API_ANTHROPIC, &reply),
                "{\"model\":\"m\",\"id\":\"msg_0000000000000b0br17\",\"type\":\"message\",\"role\":"
                "\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"t0\","
                "\"signature\":\"sig_0000000000000b0br17\"},{\"type\":\"text\",\"text\":\"⟦r17⟧\","
                "\"citations\":null},{\"type\":\"tool_use\",\"id\":\"toolu_0000000000000b0br17\","
                "\"name\":\"get_weather\",\"input\":{}}],\"stop_reason\":\"tool_use\","
                "\"stop_sequence\":null,\"stop_details\":null,\"usage\":{\"input_tokens\":40,"
                "\"cache_creation_input_tokens\":60,\"cache_read_input_tokens\":700,"
                "\"cache_creation\":{\"ephemeral_5m_input_tokens\":60,"
                "\"ephemeral_1h_input_tokens\":0},\"output_tokens\":4,\"service_tier\":"
                "\"standard\",\"inference_geo\":\"not_available\",\"output_tokens_details\":"
                "{\"thinking_tokens\":1},\"server_tool_use\":null},\"container\":null,"
                "\"diagnostics\":null}");
    reply.stop = STOP_REFUSAL;
    CU_ASSERT(slice_has(write_body(API_ANTHROPIC, &reply),
                        SLICE("\"stop_reason\":\"refusal\",\"stop_sequence\":null,\"stop_details\":"
                              "{\"type\":\"refusal\",\"category\":null,\"explanation\":null}")));
}

#define CHUNK                                                                              \
    "data: {\"id\":\"chatcmpl-0000000000000b0br17\",\"object\":\"chat.completion.chunk\"," \
    "\"created\":1767225600,\"model\":\"m\",\"service_tier\":\"default\","                 \
    "\"system_fingerprint\":null,\"choices\":[{\"index\":0,\"delta\":"
#define BEHIND ",\"finish_reason\":null}],\"usage\":null}\n\n"

static void writes_openais_reasoning_text_and_call(void)
{
    struct reply reply = full_reply();

    reply.output_tokens = 6;
    reply.thinking_tokens = 2;
    reply.tool_tokens = 2;
    reply.tool_input = SLICE("{\"a\":1}");
    buffer_clear(&out);
    format_write_tokens(API_OPENAI_CHAT, &reply, 0, 6, 2, &out);
    EXPECT_TEXT(
        buffer_slice(&out), CHUNK
        "{\"reasoning_content\":\"t0 t1\"}" BEHIND CHUNK "{\"content\":\"⟦r17⟧ w1\"}" BEHIND CHUNK
        "{\"tool_calls\":[{\"index\":0,\"id\":\"call_0000000000000b0br17\",\"type\":"
        "\"function\",\"function\":{\"name\":\"get_weather\",\"arguments\":\"\"}}]}" BEHIND CHUNK
        "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
        "\"{\\\"a\\\":1}\"}}]}" BEHIND);
}

static void writes_openais_answer_of_a_call_alone(void)
{
    struct reply reply = full_reply();

    reply.output_tokens = reply.tool_tokens = 2;
    reply.thinking_tokens = 0;
    reply.cached_tokens = 700;
    reply.cache_write_tokens = 60;
    reply.tool_input = SLICE("{\"a\":1}");
    EXPECT_TEXT(write_body(API_OPENAI_CHAT, &reply),
                "{\"id\":\"chatcmpl-0000000000000b0br17\",\"object\":\"chat.completion\","
                "\"created\":1767225600,\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":"
                "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
                "\"call_0000000000000b0br17\",\"type\":\"function\",\"function\":{\"name\":"
                "\"get_weather\",\"arguments\":\"{\\\"a\\\":1}\"}}],\"refusal\":null,"
                "\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"tool_calls\"}],"
                "\"usage\":{\"prompt_tokens\":800,\"completion_tokens\":2,\"total_tokens\":802,"
                "\"prompt_tokens_details\":{\"cached_tokens\":700,\"cache_write_tokens\":60,"
                "\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0,"
                "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
                "\"rejected_prediction_tokens\":0}},\"service_tier\":\"default\","
                "\"system_fingerprint\":null}");
}

static void words_a_rate_limit_by_its_name_and_numbers(void)
{
    struct refusal refusal = {.failure = OUTCOME_RATE_LIMITED,
                              .model = SLICE("m"),
                              .limit_name = SLICE("tokens"),
                              .limit = 30000,
                              .asked = 1200,
                              .retry_delay = 1400 * NANOS_MS};
    struct answer answer = {0};

    format_write_refusal(API_OPENAI_CHAT, &refusal, &out);
    CU_ASSERT(slice_has(buffer_slice(&out),
                        SLICE("Rate limit reached for m in organization org-brownout on tokens per "
                              "min (TPM): Limit 30000, Used 30000, Requested 1200. Please try "
                              "again in 1.4s.")));
    refusal.is_hopeless = true;
    refusal.asked = 45000;
    buffer_clear(&out);
    format_write_refusal(API_OPENAI_CHAT, &refusal, &out);
    CU_ASSERT(slice_has(buffer_slice(&out),
                        SLICE("Request too large for m in organization org-brownout on tokens per "
                              "min (TPM): Limit 30000, Requested 45000.")));
    refusal.limit_name = SLICE("requests");
    buffer_clear(&out);
    format_write_refusal(API_OPENAI_CHAT, &refusal, &out);
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("\"type\": \"requests\"")));
    refusal.limit_name = SLICE("input tokens");
    for (enum api api = 0; api < API_COUNT; api++) {
        buffer_clear(&out);
        format_write_refusal(api, &refusal, &out);
        EXPECT_U64(format_read_error(api, 429, buffer_slice(&out), &answer), OUTCOME_RATE_LIMITED);
    }
}

static void survives_failing_memory_with_every_block(void)
{
    for (enum api api = 0; api < API_COUNT; api++) {
        struct reply reply = full_reply();
        struct flaky flaky;
        uint64_t allow = 0;

        do {
            struct memory memory;
            struct buffer bytes;

            flaky = (struct flaky){.allow = allow++};
            memory = flaky_memory(&flaky);
            buffer_init(&bytes, &memory, WRITTEN_BYTES_MAX);
            format_write_opening(api, &reply, &bytes);
            format_write_tokens(api, &reply, 0, reply.output_tokens, 1, &bytes);
            format_write_closing(api, &reply, &bytes);
            format_write_answer(api, &reply, &bytes);
            format_write_ping(api, &bytes);
            format_write_error_event(api, &(struct refusal){.failure = OUTCOME_OVERLOADED}, 3,
                                     false, &bytes);
            EXPECT_RC(bytes.rc, flaky.failed ? RC_NOMEM : RC_OK);
            buffer_deinit(&bytes);
            EXPECT_U64(flaky.live, 0);
        } while (flaky.failed);
        CU_ASSERT(allow > 2);
    }
}

static CU_TestInfo format_reply_tests[] = {
    {"reads back thinking, text and a tool call", reads_back_thinking_text_and_a_tool_call},
    {"reads back the same in one body", reads_back_the_same_in_one_body},
    {"writes the same bytes however tokens are dealt out",
     writes_the_same_bytes_however_tokens_are_dealt_out},
    {"cuts no block short and invents none", cuts_no_block_short_and_invents_none},
    {"says a tool call without any text", says_a_tool_call_without_any_text},
    {"counts the events of a stream that numbers them",
     counts_the_events_of_a_stream_that_numbers_them},
    {"says a scripted text whatever its tokens", says_a_scripted_text_whatever_its_tokens},
    {"speaks another language when told to", speaks_another_language_when_told_to},
    {"counts what a cache gave by each format's arithmetic",
     counts_what_a_cache_gave_by_each_formats_arithmetic},
    {"tells no usage, or a wrong one, when told to", tells_no_usage_or_a_wrong_one_when_told_to},
    {"is told without bytes as it is read from them",
     is_told_without_bytes_as_it_is_read_from_them},
    {"bills by the format's arithmetic what was written",
     bills_by_the_formats_arithmetic_what_was_written},
    {"reads an error event as the failure that it tells",
     reads_an_error_event_as_the_failure_that_it_tells},
    {"changes nothing by a ping", changes_nothing_by_a_ping},
    {"writes Anthropic's three blocks", writes_anthropics_three_blocks},
    {"writes Anthropic's newer version with every member",
     writes_anthropics_newer_version_with_every_member},
    {"writes OpenAI's reasoning, text and call", writes_openais_reasoning_text_and_call},
    {"writes OpenAI's answer of a call alone", writes_openais_answer_of_a_call_alone},
    {"words a rate limit by its name and numbers", words_a_rate_limit_by_its_name_and_numbers},
    {"survives failing memory with every block", survives_failing_memory_with_every_block},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo format_reply_suite = {"format_reply", NULL,      NULL,
                                   set_up,         tear_down, format_reply_tests};
