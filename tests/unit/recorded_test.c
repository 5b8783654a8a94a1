/* Recorded exchanges with the real services, played again: what the mock answers to the same
 * request has the same outline, that is, the same members in every object and the same events in
 * the same order. Neighbouring events of one outline count as one, since how many tokens an event
 * brings is the model's business.
 *
 * Source and licence: tests/golden/wire/README.md. */

#include "wire/format.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/memory.h"
#include "tests/support/expect.h"
#include "tests/support/reading.h"
#include "wire/json.h"
#include "wire/sse.h"

enum {
    TEXT_BYTES_MAX = 1 << 16,
    PATH_BYTES_MAX = 128,
    MEMBERS_MAX = 128,
    EVENTS_MAX = 24,
    TOKENS = 5,
};

struct member {
    char path[PATH_BYTES_MAX]; /* "response.output[].type" */
    enum json_kind kind;
};

struct outline {
    char name[64]; /* of an event; empty for a body */
    struct member members[MEMBERS_MAX];
    size_t count;
};

/* --- taking outlines -------------------------------------------------------------------------- */

static void note(struct outline *outline, const char *path, enum json_kind kind)
{
    for (size_t i = 0; i < outline->count; i++)
        if (strcmp(outline->members[i].path, path) == 0)
            return;
    CU_ASSERT_FATAL(outline->count < MEMBERS_MAX);
    snprintf(outline->members[outline->count].path, PATH_BYTES_MAX, "%s", path);
    outline->members[outline->count++].kind = kind;
}

static void walk(struct json *json, const struct json_token *value, const char *path,
                 struct outline *outline)
{
    char inner[PATH_BYTES_MAX];
    struct json_token token;

    note(outline, path, value->kind);
    if (value->kind != JSON_OBJECT && value->kind != JSON_ARRAY)
        return;
    for (;;) {
        CU_ASSERT_FATAL(json_next(json, &token) == RC_OK);
        if (token.kind == JSON_OBJECT_END || token.kind == JSON_ARRAY_END)
            return;
        if (token.kind == JSON_KEY) {
            snprintf(inner, sizeof(inner), "%s%s%.*s", path, path[0] == '\0' ? "" : ".",
                     SLICE_ARG(token.raw));
            CU_ASSERT_FATAL(json_next(json, &token) == RC_OK);
        } else {
            snprintf(inner, sizeof(inner), "%s[]", path);
        }
        walk(json, &token, inner, outline);
    }
}

static void take_outline(struct slice name, struct slice text, struct outline *outline)
{
    struct json json;
    struct json_token token;

    *outline = (struct outline){0};
    slice_copy(name, outline->name, sizeof(outline->name));
    if (slice_is(text, SLICE("[DONE]"))) {
        note(outline, "[DONE]", JSON_NULL);
        return;
    }
    json_init(&json, text, JSON_STRICT);
    CU_ASSERT_FATAL(json_next(&json, &token) == RC_OK);
    walk(&json, &token, "", outline);
}

static const struct member *member_of(const struct outline *outline, const char *path)
{
    for (size_t i = 0; i < outline->count; i++)
        if (strcmp(outline->members[i].path, path) == 0)
            return &outline->members[i];
    return NULL;
}

static bool has_all_of(const struct outline *a, const struct outline *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (member_of(a, b->members[i].path) == NULL)
            return false;
    return true;
}

static bool is_alike(const struct outline *a, const struct outline *b)
{
    return strcmp(a->name, b->name) == 0 && has_all_of(a, b) && has_all_of(b, a);
}

/* The outlines of a stream's events, or of a body as the only one. */
struct outlines {
    struct outline events[EVENTS_MAX];
    size_t count;
};

static void take_event(struct slice name, struct slice data, struct outlines *outlines)
{
    struct outline *latest = &outlines->events[outlines->count];

    CU_ASSERT_FATAL(outlines->count < EVENTS_MAX);
    take_outline(name, data, latest);
    if (outlines->count > 0 && is_alike(latest - 1, latest))
        return;
    outlines->count++;
}

static void take_outlines(struct slice text, bool stream, struct outlines *outlines)
{
    struct sse_event event;
    struct sse sse;

    outlines->count = 0;
    if (!stream) {
        take_event(SLICE(""), text, outlines);
        return;
    }
    sse_init(&sse, memory_heap(), TEXT_BYTES_MAX);
    sse_feed(&sse, text);
    while (sse_next(&sse, &event) == RC_OK)
        take_event(event.name, event.data, outlines);
    CU_ASSERT(!sse_has_rest(&sse));
    sse_deinit(&sse);
}

/* --- comparing -------------------------------------------------------------------------------- */

/* A member and all inside it that the mock leaves out, or that came to the service after the
 * recording. */
struct difference {
    const char *path;
    const char *why;
};

struct exchange {
    const char *name; /* of its files in tests/golden/wire */
    enum api api;
    bool stream;
    bool calls_tool;
    uint64_t hidden_thinking_tokens;
    uint16_t status;
    const struct difference *left_out; /* up to one without a path; NULL: none */
    const struct difference *added;    /* likewise */
};

static bool is_listed(const struct difference *list, const char *path)
{
    for (; list != NULL && list->path != NULL; list++)
        if (strncmp(path, list->path, strlen(list->path)) == 0)
            return true;
    return false;
}

static void fail(const struct exchange *exchange, const struct outline *at, const char *problem,
                 const char *path)
{
    char text[300];

    snprintf(text, sizeof(text), "%s %s: %s: %s", exchange->name, at->name, problem, path);
    CU_assertImplementation(CU_FALSE, __LINE__, text, __FILE__, "", CU_FALSE);
}

static void expect_members(const struct exchange *exchange, const struct outline *is,
                           const struct outline *should)
{
    for (size_t i = 0; i < should->count; i++) {
        const struct member *member = &should->members[i];
        const struct member *ours = member_of(is, member->path);

        if (is_listed(exchange->left_out, member->path))
            continue;
        if (ours == NULL)
            fail(exchange, should, "the mock leaves out", member->path);
        else if (ours->kind != member->kind && ours->kind != JSON_NULL &&
                 member->kind != JSON_NULL && (ours->kind ^ member->kind) != 1)
            fail(exchange, should, "is of another kind at the mock", member->path);
    }
    for (size_t i = 0; i < is->count; i++)
        if (member_of(should, is->members[i].path) == NULL &&
            !is_listed(exchange->added, is->members[i].path))
            fail(exchange, should, "the mock adds", is->members[i].path);
}

static void expect_outlines(const struct exchange *exchange, const struct outlines *is,
                            const struct outlines *should)
{
    EXPECT_U64(is->count, should->count);
    for (size_t i = 0; i < should->count && i < is->count; i++) {
        if (strcmp(is->events[i].name, should->events[i].name) != 0)
            fail(exchange, &should->events[i], "the mock has here", is->events[i].name);
        expect_members(exchange, &is->events[i], &should->events[i]);
    }
}

/* --- playing ---------------------------------------------------------------------------------- */

static struct buffer recorded, request, out;

static void set_up(void)
{
    buffer_init(&recorded, memory_heap(), TEXT_BYTES_MAX);
    buffer_init(&request, memory_heap(), TEXT_BYTES_MAX);
    buffer_init(&out, memory_heap(), TEXT_BYTES_MAX);
}

static void tear_down(void)
{
    buffer_deinit(&recorded);
    buffer_deinit(&request);
    buffer_deinit(&out);
}

static struct slice load(const char *name, const char *end, struct buffer *text)
{
    char path[PATH_BYTES_MAX];
    char piece[4096];
    size_t size;
    FILE *file;

    snprintf(path, sizeof(path), "tests/golden/wire/%s-%s", name, end);
    file = fopen(path, "rb");
    CU_ASSERT_FATAL(file != NULL);
    buffer_clear(text);
    while ((size = fread(piece, 1, sizeof(piece), file)) > 0)
        buffer_append(text, (struct slice){piece, size});
    fclose(file);
    return buffer_slice(text);
}

static struct asked read_request(const struct exchange *exchange)
{
    struct asked asked;

    EXPECT_RC(format_read_ask(exchange->api, load(exchange->name, "request.json", &request), &asked,
                              NULL),
              RC_OK);
    CU_ASSERT(asked.has_messages);
    CU_ASSERT(exchange->api == API_GEMINI || asked.stream == exchange->stream);
    return asked;
}

static void answer(const struct exchange *exchange, const struct asked *asked)
{
    struct reply reply = {
        .model = slice_of(asked->model),
        .request_number = 17,
        .run_tag = 0xb0b,
        .wall_unix_s = 1767225600,
        .input_tokens = 20,
        .output_tokens = TOKENS + exchange->hidden_thinking_tokens,
        .thinking_tokens = exchange->hidden_thinking_tokens,
        .hides_thinking = true,
        .stop = exchange->calls_tool ? STOP_TOOL : STOP_END,
        .include_usage = asked->include_usage,
    };

    if (exchange->calls_tool) {
        reply.tool_name = slice_of(asked->tool_name);
        reply.tool_input = SLICE("{\"country\":\"France\"}");
        reply.tool_tokens = TOKENS;
    }
    if (!exchange->stream) {
        format_write_answer(exchange->api, &reply, &out);
        return;
    }
    format_write_opening(exchange->api, &reply, &out);
    format_write_tokens(exchange->api, &reply, 0, reply.output_tokens, 1, &out);
    format_write_closing(exchange->api, &reply, &out);
}

static void refuse(const struct exchange *exchange, const struct asked *asked)
{
    format_write_refusal(exchange->api,
                         &(struct refusal){.failure = OUTCOME_INVALID_REQUEST,
                                           .status = exchange->status,
                                           .model = slice_of(asked->model),
                                           .request_number = 17,
                                           .run_tag = 0xb0b},
                         &out);
}

static void play(const struct exchange *exchange)
{
    static struct outlines is, should;
    struct asked asked = read_request(exchange);

    buffer_clear(&out);
    if (exchange->status == 200)
        answer(exchange, &asked);
    else
        refuse(exchange, &asked);
    take_outlines(buffer_slice(&out), exchange->stream, &is);
    take_outlines(load(exchange->name, exchange->stream ? "answer.sse" : "answer.json", &recorded),
                  exchange->stream, &should);
    expect_outlines(exchange, &is, &should);
}

/* --- the exchanges ---------------------------------------------------------------------------- */

static const struct difference whole_added[] = {
    {"usage.inference_geo", "came after the recording"},
    {NULL, NULL},
};

static const struct difference error_added[] = {
    {"error.details", "stands in newer captures"},
    {NULL, NULL},
};

static const struct difference chat_left_out[] = {
    {"obfuscation", "random padding, which a client may decline; sizes hide nothing here"},
    {NULL, NULL},
};

static const struct difference chat_added[] = {
    {"choices[].logprobs", "depends on the model: null, or not there"},
    {NULL, NULL},
};

static const struct difference responses_left_out[] = {
    {"response.tools[]", "settings of the request are not repeated, but told as if not made"},
    {"response.reasoning.generate_summary", "is `summary` today"},
    {NULL, NULL},
};

static const struct difference responses_added[] = {
    {"sequence_number", "came after the recording"},
    {"logprobs", "likewise"},
    {"part.logprobs", "likewise"},
    {"item.content[].logprobs", "likewise"},
    {"response.output[].content[].logprobs", "likewise"},
    {"response.background", "likewise"},
    {"response.max_tool_calls", "likewise"},
    {"response.reasoning.summary", "likewise"},
    {"response.service_tier", "likewise"},
    {"response.text.verbosity", "likewise"},
    {"response.top_logprobs", "likewise"},
    {NULL, NULL},
};

static void answers_as_anthropic_did(void)
{
    play(&(struct exchange){
        .name = "anthropic-whole",
        .api = API_ANTHROPIC,
        .status = 200,
        .added = whole_added,
    });
    play(&(struct exchange){
        .name = "anthropic-stream",
        .api = API_ANTHROPIC,
        .stream = true,
        .status = 200,
    });
    play(&(struct exchange){
        .name = "anthropic-no-model",
        .api = API_ANTHROPIC,
        .status = 404,
        .added = error_added,
    });
}

static void answers_as_openai_chat_did(void)
{
    play(&(struct exchange){
        .name = "openai-chat-stream",
        .api = API_OPENAI_CHAT,
        .stream = true,
        .status = 200,
        .left_out = chat_left_out,
        .added = chat_added,
    });
    play(&(struct exchange){
        .name = "openai-chat-bad-role",
        .api = API_OPENAI_CHAT,
        .status = 400,
    });
}

static void answers_as_openai_responses_did(void)
{
    play(&(struct exchange){
        .name = "openai-responses-text",
        .api = API_OPENAI_RESPONSES,
        .stream = true,
        .status = 200,
        .left_out = responses_left_out,
        .added = responses_added,
    });
    play(&(struct exchange){
        .name = "openai-responses-tool",
        .api = API_OPENAI_RESPONSES,
        .stream = true,
        .calls_tool = true,
        .status = 200,
        .left_out = responses_left_out,
        .added = responses_added,
    });
}

static void answers_as_gemini_did(void)
{
    play(&(struct exchange){
        .name = "gemini-stream",
        .api = API_GEMINI,
        .stream = true,
        .hidden_thinking_tokens = 3,
        .status = 200,
    });
}

static CU_TestInfo recorded_tests[] = {
    {"answers as Anthropic did", answers_as_anthropic_did},
    {"answers as OpenAI Chat did", answers_as_openai_chat_did},
    {"answers as OpenAI Responses did", answers_as_openai_responses_did},
    {"answers as Gemini did", answers_as_gemini_did},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo recorded_suite = {"recorded", NULL, NULL, set_up, tear_down, recorded_tests};
