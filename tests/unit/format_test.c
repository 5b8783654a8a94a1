/* The formats behind their one door: what holds for every one of them, and both directions against
 * each other. */

#include "wire/format.h"

#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/memory.h"
#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "tests/support/reading.h"

enum { WRITTEN_BYTES_MAX = 1 << 20 };

static struct buffer out;

static void set_up(void)
{
    buffer_init(&out, memory_heap(), WRITTEN_BYTES_MAX);
}

static void tear_down(void)
{
    buffer_deinit(&out);
}

static struct reply reply_of(uint64_t output_tokens)
{
    return (struct reply){
        .model = SLICE("a \"model\" \xe2\x82\xac"),
        .request_number = 17,
        .run_tag = 0xfeedfacecafebeefu,
        .wall_unix_s = 1767225600,
        .input_tokens = 800,
        .output_tokens = output_tokens,
        .include_usage = true,
    };
}

static struct slice write_stream(enum api api, const struct reply *reply, uint32_t per_event)
{
    buffer_clear(&out);
    format_write_opening(api, reply, &out);
    format_write_tokens(api, reply, 0, reply->output_tokens, per_event, &out);
    format_write_closing(api, reply, &out);
    return buffer_slice(&out);
}

static struct slice write_answer(enum api api)
{
    struct reply reply = reply_of(5);

    buffer_clear(&out);
    format_write_answer(api, &reply, &out);
    return buffer_slice(&out);
}

static struct slice write_refusal(enum api api, enum outcome failure, uint16_t status)
{
    buffer_clear(&out);
    format_write_refusal(api,
                         &(struct refusal){.failure = failure,
                                           .status = status,
                                           .model = SLICE("m"),
                                           .input_tokens = 9,
                                           .context_window = 8},
                         &out);
    return buffer_slice(&out);
}

static struct slice write_ask(enum api api, struct slice prompt, bool stream)
{
    buffer_clear(&out);
    format_write_ask(
        api,
        &(struct ask){
            .model = SLICE("m"), .prompt = prompt, .output_tokens_max = 64, .stream = stream},
        &out);
    return buffer_slice(&out);
}

/* --- names ------------------------------------------------------------------------------------ */

static void finds_each_format_by_its_word(void)
{
    for (enum api api = 0; api < API_COUNT; api++) {
        enum api found = API_COUNT;

        CU_ASSERT(api_find(slice_of(api_word(api)), &found) && found == api);
        CU_ASSERT(api_provider(api)[0] != '\0');
    }
}

static void knows_no_other_word(void)
{
    enum api found;

    CU_ASSERT(!api_find(SLICE("bedrock"), &found));
}

/* --- round trips ------------------------------------------------------------------------------ */

/* Model, and whether to stream, stand in the path alone. */
static bool path_tells(enum api api)
{
    return api == API_GEMINI;
}

static void reads_back_what_it_asked(void)
{
    struct slice prompt = SLICE("line\n\"quoted\" \\ \xf0\x9f\x98\x80 \x01");

    for (enum api api = 0; api < API_COUNT; api++) {
        for (int stream = 0; stream < 2; stream++) {
            struct asked asked;
            struct slice body = write_ask(api, prompt, stream == 1);

            EXPECT_RC(format_read_ask(api, body, &asked, NULL), RC_OK);
            CU_ASSERT(asked.has_messages && asked.has_output_tokens_max);
            CU_ASSERT(!asked.stream || asked.include_usage);
            if (!path_tells(api)) {
                CU_ASSERT(asked.has_model);
                CU_ASSERT(asked.stream == (stream == 1));
                CU_ASSERT_STRING_EQUAL(asked.model, "m");
            }
            EXPECT_U64(asked.output_tokens_max, 64);
            EXPECT_U64(asked.prompt_bytes, prompt.size);
        }
    }
}

/* "⟦r17⟧" is 9 bytes, " w1" to " w9" 3 each, then 4. */
static uint64_t text_bytes(uint64_t tokens)
{
    uint64_t bytes = tokens > 0 ? 9 : 0;

    for (uint64_t token = 1; token < tokens; token++)
        bytes += token < 10 ? 3 : 4;
    return bytes;
}

static void expect_stream(enum api api, uint64_t tokens, uint32_t per_event)
{
    struct reply reply = reply_of(tokens);
    struct reading reading = read_stream(api, write_stream(api, &reply, per_event));

    EXPECT_U64(reading.malformed, 0);
    EXPECT_U64(reading.contents, (tokens + per_event - 1) / per_event);
    EXPECT_U64(reading.tokens, reading.contents);
    EXPECT_U64(reading.ends, 1);
    CU_ASSERT(reading.answer.is_complete && reading.answer.usage.is_known);
    EXPECT_U64(reading.answer.failure, OUTCOME_OK);
    EXPECT_U64(reading.answer.usage.input_tokens, 800);
    EXPECT_U64(reading.answer.usage.output_tokens, tokens);
    EXPECT_U64(reading.answer.content_bytes, text_bytes(tokens));
    CU_ASSERT_STRING_EQUAL(reading.answer.model, "a \"model\" \xe2\x82\xac");
    CU_ASSERT(strstr(reading.answer.id, "feedfacecafebeefr17") != NULL);
}

static void reads_back_the_stream_it_wrote(void)
{
    for (enum api api = 0; api < API_COUNT; api++) {
        expect_stream(api, 1, 1);
        expect_stream(api, 27, 1);
        expect_stream(api, 27, 4);
        expect_stream(api, 27, 100);
    }
}

static void reads_back_the_answer_it_wrote(void)
{
    for (enum api api = 0; api < API_COUNT; api++) {
        struct answer answer = {0};

        EXPECT_RC(format_read_answer(api, write_answer(api), &answer), RC_OK);
        CU_ASSERT(answer.is_complete && answer.usage.is_known);
        EXPECT_U64(answer.failure, OUTCOME_OK);
        EXPECT_U64(answer.usage.input_tokens, 800);
        EXPECT_U64(answer.usage.output_tokens, 5);
        EXPECT_U64(answer.content_bytes, text_bytes(5));
    }
}

static void writes_the_same_tokens_in_one_go_and_one_by_one(void)
{
    for (enum api api = 0; api < API_COUNT; api++) {
        struct reply reply = reply_of(120);
        struct buffer pieces;

        buffer_init(&pieces, memory_heap(), WRITTEN_BYTES_MAX);
        buffer_clear(&out);
        format_write_tokens(api, &reply, 0, 120, 1, &out);
        for (uint64_t token = 0; token < 120; token++)
            format_write_tokens(api, &reply, token, 1, 1, &pieces);
        CU_ASSERT(slice_is(buffer_slice(&pieces), buffer_slice(&out)));
        buffer_deinit(&pieces);
    }
}

static void reads_back_every_refusal_at_its_usual_status(void)
{
    static const enum outcome told[] = {
        OUTCOME_RATE_LIMITED,   OUTCOME_QUOTA, OUTCOME_OVERLOADED,     OUTCOME_SERVER_ERROR,
        OUTCOME_CONTEXT_LENGTH, OUTCOME_AUTH,  OUTCOME_CONTENT_POLICY, OUTCOME_INVALID_REQUEST,
    };

    for (enum api api = 0; api < API_COUNT; api++) {
        for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
            uint16_t status = format_status(api, told[i]);
            struct slice body = write_refusal(api, told[i], status);
            struct answer answer = {0};

            EXPECT_U64(format_read_error(api, status, body, &answer), told[i]);
            EXPECT_U64(answer.failure, told[i]);
            CU_ASSERT(answer.error_type[0] != '\0' && answer.error_message[0] != '\0');
        }
    }
}

/* Whatever a plan asks for: no failure and status without words. */
static void has_words_for_every_failure_at_every_status(void)
{
    for (enum api api = 0; api < API_COUNT; api++) {
        for (int failure = OUTCOME_OK + 1; failure < OUTCOME_COUNT; failure++) {
            for (uint16_t status = 400; status < 600; status++) {
                struct slice body = write_refusal(api, (enum outcome)failure, status);
                struct answer answer = {0};

                format_read_error(api, status, body, &answer);
                CU_ASSERT(answer.error_type[0] != '\0' && answer.error_message[0] != '\0');
            }
        }
    }
}

static void gives_each_failure_the_status_of_its_provider(void)
{
    EXPECT_U64(format_status(API_ANTHROPIC, OUTCOME_OVERLOADED), 529);
    EXPECT_U64(format_status(API_OPENAI_CHAT, OUTCOME_OVERLOADED), 503);
    for (enum api api = 0; api < API_COUNT; api++) {
        EXPECT_U64(format_status(api, OUTCOME_RATE_LIMITED), 429);
        EXPECT_U64(format_status(api, OUTCOME_QUOTA), 429);
        EXPECT_U64(format_status(api, OUTCOME_CONTEXT_LENGTH), 400);
        EXPECT_U64(format_status(api, OUTCOME_AUTH), api == API_GEMINI ? 400 : 401);
        EXPECT_U64(format_status(api, OUTCOME_SERVER_ERROR), 500);
        EXPECT_U64(format_status(api, OUTCOME_DNS), 500); /* no service tells that */
    }
}

/* --- what a status says ----------------------------------------------------------------------- */

static void classifies_by_status_what_the_body_does_not_tell(void)
{
    static const struct {
        uint16_t status;
        enum outcome outcome;
    } table[] = {
        {400, OUTCOME_INVALID_REQUEST}, {401, OUTCOME_AUTH},
        {402, OUTCOME_QUOTA},           {403, OUTCOME_AUTH},
        {404, OUTCOME_INVALID_REQUEST}, {408, OUTCOME_SERVER_ERROR},
        {409, OUTCOME_SERVER_ERROR},    {413, OUTCOME_INVALID_REQUEST},
        {422, OUTCOME_INVALID_REQUEST}, {429, OUTCOME_RATE_LIMITED},
        {500, OUTCOME_SERVER_ERROR},    {501, OUTCOME_SERVER_ERROR},
        {502, OUTCOME_SERVER_ERROR},    {503, OUTCOME_OVERLOADED},
        {504, OUTCOME_SERVER_ERROR},    {521, OUTCOME_SERVER_ERROR},
        {529, OUTCOME_OVERLOADED},      {530, OUTCOME_SERVER_ERROR},
        {302, OUTCOME_MALFORMED},       {0, OUTCOME_MALFORMED},
    };
    static const char *const bodies[] = {
        "",
        "<html><body>502 Bad Gateway</body></html>",
        "{}",
        "null",
        "{\"error\":{}}",
        "{\"type\":\"error\",\"error\":{\"details\":null,\"type\":\"rate_lim",
    };

    for (enum api api = 0; api < API_COUNT; api++) {
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
            for (size_t b = 0; b < ARRAY_SIZE(bodies); b++) {
                struct answer answer = {0};

                EXPECT_U64(format_read_error(api, table[i].status, slice_of(bodies[b]), &answer),
                           table[i].outcome);
                EXPECT_U64(answer.failure, table[i].outcome);
            }
        }
    }
}

static void keeps_the_beginning_of_a_body_that_is_no_json(void)
{
    struct answer answer = {0};

    format_read_error(API_ANTHROPIC, 502, SLICE("\n<html>502</html>\n"), &answer);
    CU_ASSERT_STRING_EQUAL(answer.error_message, "<html>502</html>");
    CU_ASSERT_STRING_EQUAL(answer.error_type, "");
}

/* --- cuts and broken input -------------------------------------------------------------------- */

/* Cut at every byte, so also after every event: complete only once the event that completes it was
 * whole. With OpenAI that is the finish chunk, two events before the end. */
static void is_never_complete_before_the_end(void)
{
    static const uint64_t behind_complete[API_COUNT] = {[API_OPENAI_CHAT] = 2};

    for (enum api api = 0; api < API_COUNT; api++) {
        struct reply reply = reply_of(5);
        struct slice stream = write_stream(api, &reply, 1);
        uint64_t events = read_stream(api, stream).events;

        for (size_t size = 0; size <= stream.size; size++) {
            struct slice cut = exact_copy((struct slice){stream.data, size});
            struct reading reading = read_stream(api, cut);

            EXPECT_U64(reading.malformed, 0);
            EXPECT_U64(reading.answer.failure, OUTCOME_OK);
            CU_ASSERT(reading.answer.is_complete ==
                      (reading.events >= events - behind_complete[api]));
            EXPECT_U64(reading.ends, reading.events == events);
            free((void *)cut.data);
        }
    }
}

/* Each of these, cut anywhere, is no JSON any more. */
static struct slice sample_text(enum api api, int sample)
{
    switch (sample) {
    case 0:
        return write_answer(api);
    case 1:
        return write_refusal(api, OUTCOME_CONTEXT_LENGTH, 400);
    case 2:
        return write_ask(api, SLICE("hi \\ \xe2\x82\xac"), true);
    case 3:
        return SLICE("{\"type\":\"content_block_delta\",\"delta\":{\"text\":\"\\ud83d\\ude00\"}}");
    case 4:
        return SLICE("{\"type\":\"message_stop\"}");
    default:
        return SLICE("{\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]},"
                     "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1}}");
    }
}

enum { SAMPLES = 6 };

static bool is_untouched(const struct answer *answer)
{
    return !answer->is_complete && answer->failure == OUTCOME_OK && !answer->usage.is_known &&
           !answer->has_output && answer->content_bytes == 0 && answer->stop_reason[0] == '\0' &&
           answer->id[0] == '\0' && answer->model[0] == '\0' && answer->error_type[0] == '\0';
}

static void expect_refused_untouched(enum api api, struct slice text)
{
    struct asked asked = {.prompt_bytes = 99};
    struct answer_step step = {0};
    struct answer answer = {0};
    const char *problem = NULL;

    EXPECT_RC(format_read_event(api, SLICE("message_stop"), text, &answer, &step), RC_MALFORMED);
    EXPECT_RC(format_read_answer(api, text, &answer), RC_MALFORMED);
    CU_ASSERT(is_untouched(&answer));
    CU_ASSERT(!step.is_end && !step.has_token);
    EXPECT_RC(format_read_ask(api, text, &asked, &problem), RC_MALFORMED);
    EXPECT_U64(asked.prompt_bytes, 99);
    CU_ASSERT(problem != NULL);
    EXPECT_U64(format_read_error(api, 429, text, &answer), OUTCOME_RATE_LIMITED);
    CU_ASSERT(!answer.is_complete);
}

static void refuses_what_was_cut_anywhere_and_changes_nothing(void)
{
    for (enum api api = 0; api < API_COUNT; api++) {
        for (int sample = 0; sample < SAMPLES; sample++) {
            struct slice text = sample_text(api, sample);

            for (size_t size = 0; size < text.size; size++) {
                struct slice cut = exact_copy((struct slice){text.data, size});

                expect_refused_untouched(api, cut);
                free((void *)cut.data);
            }
        }
    }
}

static void refuses_what_is_no_object(void)
{
    static const char *const texts[] = {"",
                                        "null",
                                        "[]",
                                        "\"x\"",
                                        "17",
                                        "{}{}",
                                        "{]",
                                        "<p>",
                                        "[DONE",
                                        "{\"a\":\"\xff\"}",
                                        "\xef\xbb\xbf",
                                        "{\"a\":01}"};

    for (enum api api = 0; api < API_COUNT; api++) {
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
            expect_refused_untouched(api, slice_of(texts[i]));
    }
}

/* Reads it as everything that it might be; what it then is does not matter here. */
static void read_in_every_way(enum api api, struct slice text)
{
    struct answer answer = {0};
    struct answer_step step;
    struct asked asked = {0};
    int read = 0;

    read += format_read_event(api, SLICE(""), text, &answer, &step) == RC_OK;
    read += format_read_answer(api, text, &answer) == RC_OK;
    read += format_read_ask(api, text, &asked, NULL) == RC_OK;
    CU_ASSERT(read == 0 || read == 3); /* all want the same: one object, whole */
    CU_ASSERT(format_read_error(api, 400, text, &answer) != OUTCOME_OK);
    CU_ASSERT(memchr(answer.error_message, '\0', sizeof(answer.error_message)) != NULL);
    CU_ASSERT(memchr(asked.model, '\0', sizeof(asked.model)) != NULL);
}

static void survives_every_changed_byte(void)
{
    static const char nasty[] = "\"\\{}[]:,0-\x80\xff\x01";

    for (enum api api = 0; api < API_COUNT; api++) {
        for (int sample = 0; sample < SAMPLES; sample++) {
            struct slice text = exact_copy(sample_text(api, sample));
            char *bytes = (char *)text.data;

            for (size_t at = 0; at < text.size; at++) {
                char before = bytes[at];

                for (size_t i = 0; i + 1 < sizeof(nasty); i++) {
                    bytes[at] = nasty[i];
                    read_in_every_way(api, text);
                }
                bytes[at] = before;
            }
            free(bytes);
        }
    }
}

static void cuts_names_that_are_too_long(void)
{
    struct asked asked;
    struct slice body;

    for (enum api api = 0; api < API_COUNT; api++) {
        if (path_tells(api))
            continue;
        buffer_clear(&out);
        format_write_ask(api,
                         &(struct ask){.model = SLICE("0123456789012345678901234567890123456789"
                                                      "01234567890123456789012345678901"),
                                       .prompt = SLICE("x"),
                                       .output_tokens_max = 1},
                         &out);
        body = buffer_slice(&out);
        EXPECT_RC(format_read_ask(api, body, &asked, NULL), RC_OK);
        EXPECT_U64(strlen(asked.model), sizeof(asked.model) - 1);
    }
}

/* --- headers and bounds ----------------------------------------------------------------------- */

static void puts_the_id_under_the_providers_name(void)
{
    format_write_headers(API_ANTHROPIC, 0xb0b, 17, 1767225600, SLICE("application/json"), &out);
    EXPECT_TEXT(buffer_slice(&out),
                "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                "content-type: application/json\r\n"
                "request-id: req_0000000000000b0br17\r\n"
                "anthropic-organization-id: 00000000-0000-4000-8000-000000000000\r\n");
    buffer_clear(&out);
    format_write_headers(API_OPENAI_CHAT, 0xb0b, 17, 1767225600, SLICE("text/event-stream"), &out);
    EXPECT_TEXT(buffer_slice(&out), "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                                    "content-type: text/event-stream\r\n"
                                    "x-request-id: req_0000000000000b0br17\r\n"
                                    "openai-organization: org-brownout\r\n"
                                    "openai-version: 2020-10-01\r\n");
    buffer_clear(&out);
    format_write_headers(API_GEMINI, 0xb0b, 17, 1767225600, SLICE("application/json"), &out);
    CU_ASSERT(!slice_has(buffer_slice(&out), SLICE("r17"))); /* it has none */
}

static bool accepts(enum api api, struct slice name, struct slice value)
{
    const struct http_header header = {name, value};
    struct objection objection;

    return !format_objects_to_key(
        api, &(struct http_request){.headers = &header, .headers_count = 1}, &objection);
}

static void accepts_the_credentials_each_service_accepts(void)
{
    for (enum api api = 0; api < API_COUNT; api++) {
        CU_ASSERT(accepts(api, SLICE("Authorization"), SLICE("Bearer k")));
        CU_ASSERT(accepts(api, SLICE("authorization"), SLICE("bearer k")));
        CU_ASSERT(!accepts(api, SLICE("authorization"), SLICE("Bearer ")));
        CU_ASSERT(!accepts(api, SLICE("authorization"), SLICE("Basic k")));
        CU_ASSERT(!accepts(api, SLICE("x-other"), SLICE("k")));
        CU_ASSERT(!accepts(api, SLICE("x-api-key"), SLICE("")));
    }
    CU_ASSERT(accepts(API_ANTHROPIC, SLICE("X-Api-Key"), SLICE("k")));
    CU_ASSERT(!accepts(API_OPENAI_CHAT, SLICE("x-api-key"), SLICE("k")));
}

static void stops_at_the_buffers_ceiling(void)
{
    for (enum api api = 0; api < API_COUNT; api++) {
        struct reply reply = reply_of(UINT64_MAX);
        struct buffer small;

        buffer_init(&small, memory_heap(), 1000);
        format_write_tokens(api, &reply, 0, UINT64_MAX, 1, &small);
        EXPECT_RC(small.rc, RC_LIMIT);
        buffer_deinit(&small);
    }
}

static void survives_failing_memory_in_every_writer(void)
{
    for (enum api api = 0; api < API_COUNT; api++) {
        struct reply reply = reply_of(40);
        struct flaky flaky;
        uint64_t allow = 0;

        do {
            struct memory memory;
            struct buffer bytes;

            flaky = (struct flaky){.allow = allow++};
            memory = flaky_memory(&flaky);
            buffer_init(&bytes, &memory, WRITTEN_BYTES_MAX);
            format_write_opening(api, &reply, &bytes);
            format_write_tokens(api, &reply, 0, 40, 1, &bytes);
            format_write_closing(api, &reply, &bytes);
            EXPECT_RC(bytes.rc, flaky.failed ? RC_NOMEM : RC_OK);
            buffer_deinit(&bytes);
            EXPECT_U64(flaky.live, 0);
        } while (flaky.failed);
        CU_ASSERT(allow > 2);
    }
}

static CU_TestInfo format_tests[] = {
    {"finds each format by its word", finds_each_format_by_its_word},
    {"knows no other word", knows_no_other_word},
    {"reads back what it asked", reads_back_what_it_asked},
    {"reads back the stream it wrote", reads_back_the_stream_it_wrote},
    {"reads back the answer it wrote", reads_back_the_answer_it_wrote},
    {"writes the same tokens in one go and one by one",
     writes_the_same_tokens_in_one_go_and_one_by_one},
    {"reads back every refusal at its usual status", reads_back_every_refusal_at_its_usual_status},
    {"has words for every failure at every status", has_words_for_every_failure_at_every_status},
    {"gives each failure the status of its provider",
     gives_each_failure_the_status_of_its_provider},
    {"classifies by status what the body does not tell",
     classifies_by_status_what_the_body_does_not_tell},
    {"keeps the beginning of a body that is no JSON",
     keeps_the_beginning_of_a_body_that_is_no_json},
    {"is never complete before the end", is_never_complete_before_the_end},
    {"refuses what was cut anywhere and changes nothing",
     refuses_what_was_cut_anywhere_and_changes_nothing},
    {"refuses what is no object", refuses_what_is_no_object},
    {"survives every changed byte", survives_every_changed_byte},
    {"cuts names that are too long", cuts_names_that_are_too_long},
    {"puts the id under the provider's name", puts_the_id_under_the_providers_name},
    {"accepts the credentials each service accepts", accepts_the_credentials_each_service_accepts},
    {"stops at the buffer's ceiling", stops_at_the_buffers_ceiling},
    {"survives failing memory in every writer", survives_failing_memory_in_every_writer},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo format_suite = {"format", NULL, NULL, set_up, tear_down, format_tests};
