/* What a request asks for beside model and prompt, and what a service refuses it for. */

#include "wire/format.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "base/memory.h"
#include "tests/support/expect.h"
#include "wire/shape.h"

enum { BODY_BYTES_MAX = 1 << 20, LONG_BYTES = 6000 };

static struct asked asked;
static struct objection objection;
static struct buffer body;

static void set_up(void)
{
    asked = (struct asked){0};
    buffer_init(&body, memory_heap(), BODY_BYTES_MAX);
}

static void tear_down(void)
{
    buffer_deinit(&body);
}

static void read_ask(enum api api, const char *text)
{
    EXPECT_RC(format_read_ask(api, slice_of(text), &asked, NULL), RC_OK);
}

/* --- tools, thinking, sampling, roles --------------------------------------------------------- */

static void expect_tool(enum api api, const char *text, uint32_t count, const char *name,
                        bool is_forced)
{
    read_ask(api, text);
    EXPECT_U64(asked.tools_count, count);
    CU_ASSERT_STRING_EQUAL(asked.tool_name, name);
    CU_ASSERT(asked.forces_tool == is_forced);
}

#define TOOLS_A "\"tools\":[{\"name\":\"a\",\"input_schema\":{\"name\":{}}},{\"name\":\"b\"}]"
#define TOOLS_O                                                       \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\"," \
    "\"parameters\":{}}},{\"type\":\"function\",\"function\":{\"name\":\"b\"}}]"

static void finds_the_tool_that_anthropic_would_call(void)
{
    expect_tool(API_ANTHROPIC, "{}", 0, "", false);
    expect_tool(API_ANTHROPIC, "{" TOOLS_A "}", 2, "a", false);
    expect_tool(API_ANTHROPIC, "{" TOOLS_A ",\"tool_choice\":{\"type\":\"auto\"}}", 2, "a", false);
    expect_tool(API_ANTHROPIC, "{" TOOLS_A ",\"tool_choice\":{\"type\":\"any\"}}", 2, "a", true);
    expect_tool(API_ANTHROPIC, "{\"tool_choice\":{\"type\":\"tool\",\"name\":\"b\"}," TOOLS_A "}",
                2, "b", true);
    expect_tool(API_ANTHROPIC, "{" TOOLS_A ",\"tool_choice\":{\"type\":\"none\"}}", 2, "", false);
    expect_tool(API_ANTHROPIC, "{\"tool_choice\":{\"type\":\"any\"}}", 0, "", false);
}

static void finds_the_tool_that_openai_would_call(void)
{
    expect_tool(API_OPENAI_CHAT, "{" TOOLS_O "}", 2, "a", false);
    expect_tool(API_OPENAI_CHAT, "{" TOOLS_O ",\"tool_choice\":\"auto\"}", 2, "a", false);
    expect_tool(API_OPENAI_CHAT, "{" TOOLS_O ",\"tool_choice\":\"required\"}", 2, "a", true);
    expect_tool(API_OPENAI_CHAT,
                "{" TOOLS_O ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":"
                "\"b\"}}}",
                2, "b", true);
    expect_tool(API_OPENAI_CHAT, "{" TOOLS_O ",\"tool_choice\":\"none\"}", 2, "", false);
}

static void sees_whether_thinking_is_switched_on(void)
{
    static const struct {
        enum api api;
        const char *text;
        bool is_on;
    } table[] = {
        {API_ANTHROPIC, "{}", false},
        {API_ANTHROPIC, "{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}}", true},
        {API_ANTHROPIC, "{\"thinking\":{\"type\":\"adaptive\"}}", true},
        {API_ANTHROPIC, "{\"thinking\":{\"type\":\"disabled\"}}", false},
        {API_OPENAI_CHAT, "{\"reasoning_effort\":\"low\"}", true},
        {API_OPENAI_CHAT, "{\"reasoning_effort\":\"none\"}", false},
        {API_OPENAI_CHAT, "{\"reasoning_effort\":null}", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        read_ask(table[i].api, table[i].text);
        CU_ASSERT(asked.wants_thinking == table[i].is_on);
    }
}

static void names_the_first_sampling_parameter(void)
{
    read_ask(API_ANTHROPIC, "{\"temperature\":null}");
    CU_ASSERT(!asked.has_sampling);
    read_ask(API_ANTHROPIC, "{\"top_k\":5,\"top_p\":0.5}");
    CU_ASSERT(asked.has_sampling);
    CU_ASSERT_STRING_EQUAL(asked.sampling, "top_p");
    read_ask(API_OPENAI_CHAT, "{\"temperature\":0}");
    CU_ASSERT_STRING_EQUAL(asked.sampling, "temperature");
}

static void finds_roles_that_there_are_not(void)
{
    read_ask(API_ANTHROPIC, "{\"messages\":[{\"role\":\"user\"},{\"role\":\"assistant\"}]}");
    CU_ASSERT(!asked.has_bad_role && !asked.has_role_disorder);
    read_ask(API_ANTHROPIC, "{\"messages\":[{\"role\":\"assistant\"},{\"role\":\"system\"}]}");
    CU_ASSERT(asked.has_bad_role && asked.has_role_disorder);
    CU_ASSERT_STRING_EQUAL(asked.bad_role, "system");
    read_ask(API_OPENAI_CHAT, "{\"messages\":[{\"role\":\"system\"},{\"role\":\"developer\"},"
                              "{\"role\":\"tool\"},{\"role\":\"function\"}]}");
    CU_ASSERT(!asked.has_bad_role);
}

static void knows_a_negative_limit_from_none(void)
{
    read_ask(API_ANTHROPIC, "{\"max_tokens\":-1}");
    CU_ASSERT(asked.has_negative_output_tokens_max && !asked.has_output_tokens_max);
    read_ask(API_OPENAI_CHAT, "{\"max_tokens\":-1}");
    CU_ASSERT(asked.has_negative_output_tokens_max);
    read_ask(API_OPENAI_CHAT, "{\"max_tokens\":-1,\"max_completion_tokens\":5}");
    CU_ASSERT(!asked.has_negative_output_tokens_max);
    EXPECT_U64(asked.output_tokens_max, 5);
}

static void reads_what_is_to_be_embedded(void)
{
    read_ask(API_OPENAI_CHAT, "{\"model\":\"e\",\"input\":\"four\"}");
    EXPECT_U64(asked.embeddings.inputs, 1);
    EXPECT_U64(asked.prompt_bytes, 4);
    CU_ASSERT(!asked.embeddings.is_base64);
    read_ask(API_OPENAI_CHAT, "{\"model\":\"e\",\"input\":[\"four\",\"x\",[1,2]],\"dimensions\":8,"
                              "\"encoding_format\":\"base64\"}");
    EXPECT_U64(asked.embeddings.inputs, 3);
    EXPECT_U64(asked.prompt_bytes, 5);
    EXPECT_U64(asked.embeddings.dimensions, 8);
    CU_ASSERT(asked.embeddings.is_base64);
}

/* --- what a cache would keep ------------------------------------------------------------------ */

static void write_long(void)
{
    buffer_byte(&body, '"');
    for (int i = 0; i < LONG_BYTES; i++)
        buffer_byte(&body, 'x');
    buffer_byte(&body, '"');
}

/* {"system":[LONG, marked],"messages":[...last...]} */
static void read_marked(const char *mark, const char *last)
{
    buffer_clear(&body);
    buffer_text(&body, "{\"messages\":[{\"role\":\"user\",\"content\":\"");
    buffer_text(&body, last);
    buffer_text(&body, "\"}],\"system\":[{\"type\":\"text\",\"text\":");
    write_long();
    buffer_text(&body, mark);
    buffer_text(&body, "}],\"tools\":[{\"name\":\"t\"}]}");
    EXPECT_RC(format_read_ask(API_ANTHROPIC, buffer_slice(&body), &asked, NULL), RC_OK);
}

#define MARK ",\"cache_control\":{\"type\":\"ephemeral\"}"

static void keeps_what_stands_before_anthropics_last_mark(void)
{
    uint64_t hash;

    read_marked("", "a");
    EXPECT_U64(asked.cache_prefix_bytes, 0);
    read_marked(MARK, "a");
    CU_ASSERT(asked.cache_prefix_bytes > LONG_BYTES * 9 / 10);
    CU_ASSERT(asked.cache_prefix_bytes < asked.prompt_bytes);
    hash = asked.cache_prefix_hash;
    read_marked(MARK, "another question");
    CU_ASSERT(asked.cache_prefix_hash == hash);
}

static void keeps_everything_when_all_is_marked(void)
{
    buffer_text(&body, "{\"cache_control\":{\"type\":\"ephemeral\"},\"messages\":[{\"content\":");
    write_long();
    buffer_text(&body, "}]}");
    EXPECT_RC(format_read_ask(API_ANTHROPIC, buffer_slice(&body), &asked, NULL), RC_OK);
    EXPECT_U64(asked.cache_prefix_bytes, LONG_BYTES);
}

static void read_turns(const char *system, const char *last)
{
    buffer_clear(&body);
    buffer_text(&body, "{\"messages\":[{\"role\":\"system\",\"content\":");
    if (system != NULL)
        buffer_text(&body, system);
    else
        write_long();
    buffer_text(&body, "},{\"role\":\"user\",\"content\":\"");
    buffer_text(&body, last);
    buffer_text(&body, "\"}]}");
    EXPECT_RC(format_read_ask(API_OPENAI_CHAT, buffer_slice(&body), &asked, NULL), RC_OK);
}

static void keeps_all_but_openais_last_message_when_it_is_long(void)
{
    uint64_t prefix;

    read_turns(NULL, "a");
    prefix = asked.cache_prefix_hash;
    CU_ASSERT(asked.cache_prefix_bytes >= LONG_BYTES - 100);
    read_turns(NULL, "b");
    CU_ASSERT(asked.cache_prefix_hash == prefix);
    read_turns("\"short\"", "b");
    EXPECT_U64(asked.cache_prefix_bytes, 0);
}

/* --- objections ------------------------------------------------------------------------------- */

static const struct http_header version_old = {SHAPE_NAME("anthropic-version"),
                                               SHAPE_NAME("2023-06-01")};
static const struct http_header version_new = {SHAPE_NAME("anthropic-version"),
                                               SHAPE_NAME("2026-10-21")};

static bool objects(enum api api, const char *path, const struct http_header *header,
                    const char *text)
{
    const struct http_request request = {.method = SLICE("POST"),
                                         .path = slice_of(path),
                                         .headers = header,
                                         .headers_count = header != NULL};

    read_ask(api, text);
    return format_objects(api, &request, &asked, &objection);
}

static void expect_anthropic(const struct http_header *version, const char *text,
                             const char *message)
{
    bool has = objects(API_ANTHROPIC, "/v1/messages", version, text);

    CU_ASSERT(has == (message != NULL));
    if (!has)
        return;
    EXPECT_U64(objection.status, 400);
    EXPECT_U64(objection.failure, OUTCOME_INVALID_REQUEST);
    CU_ASSERT_STRING_EQUAL(objection.message, message);
}

#define GOOD "\"model\":\"m\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]"

static void objects_as_anthropic_does(void)
{
    static const struct http_header odd = {SHAPE_NAME("anthropic-version"), SHAPE_NAME("1999")};

    expect_anthropic(&version_old, "{" GOOD ",\"temperature\":1}", NULL);
    expect_anthropic(&version_new, "{" GOOD "}", NULL);
    expect_anthropic(NULL, "{" GOOD "}", "anthropic-version: header is required");
    expect_anthropic(&odd, "{" GOOD "}", "anthropic-version: \"1999\" is not a valid version");
    expect_anthropic(&version_new, "{" GOOD ",\"temperature\":1}",
                     "temperature: Extra inputs are not permitted");
    expect_anthropic(&version_new, "{" GOOD ",\"top_k\":1}",
                     "top_k: Extra inputs are not permitted");
    expect_anthropic(&version_old, "{\"max_tokens\":5,\"messages\":[{\"role\":\"user\"}]}",
                     "model: Field required");
    expect_anthropic(&version_old, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}]}",
                     "max_tokens: Field required");
    expect_anthropic(
        &version_old,
        "{\"model\":\"m\",\"max_tokens\":0,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
        NULL);
    expect_anthropic(&version_old, "{\"model\":\"m\",\"max_tokens\":-3,\"messages\":[{}]}",
                     "max_tokens: Input should be greater than or equal to 0");
    expect_anthropic(&version_old, "{\"model\":\"m\",\"max_tokens\":\"5\",\"messages\":[{}]}",
                     "max_tokens: Input should be a valid integer");
    expect_anthropic(&version_old, "{\"model\":\"m\",\"max_tokens\":5.5,\"messages\":[{}]}",
                     "max_tokens: Input should be a valid integer");
    expect_anthropic(&version_old,
                     "{\"model\":\"m\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\"}]}",
                     "messages.0.content: Field required");
    expect_anthropic(&version_old,
                     "{\"model\":\"m\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\","
                     "\"content\":\"x\"},{\"content\":[]}]}",
                     "messages.1.role: Field required");
    expect_anthropic(&version_old, "{\"model\":\"m\",\"max_tokens\":5}",
                     "messages: Field required");
    expect_anthropic(&version_old, "{\"model\":\"m\",\"max_tokens\":5,\"messages\":\"hi\"}",
                     "messages: at least one message is required");
    expect_anthropic(&version_old, "{\"model\":\"m\",\"max_tokens\":5,\"messages\":[]}",
                     "messages: at least one message is required");
    expect_anthropic(&version_old,
                     "{\"model\":\"m\",\"max_tokens\":5,\"messages\":[{\"role\":\"assistant\","
                     "\"content\":\"x\"}]}",
                     "messages: first message must use the \"user\" role");
    expect_anthropic(
        &version_old,
        "{\"model\":\"m\",\"max_tokens\":5,\"messages\":[{\"role\":\"wizard\",\"content\":[{}]}]}",
        "messages: Unexpected role \"wizard\". Allowed roles are \"user\" or \"assistant\".");
}

static void needs_no_limit_to_count_tokens(void)
{
    CU_ASSERT(!objects(API_ANTHROPIC, "/v1/messages/count_tokens?beta=true", &version_old,
                       "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"));
}

static void expect_openai(const char *path, const char *text, const char *code, const char *begin)
{
    bool has = objects(API_OPENAI_CHAT, path, NULL, text);

    CU_ASSERT(has == (begin != NULL));
    if (!has)
        return;
    EXPECT_U64(objection.status, 400);
    CU_ASSERT(slice_starts_with(slice_of(objection.message), slice_of(begin)));
    CU_ASSERT((code == NULL) == (objection.code == NULL));
    if (code != NULL && objection.code != NULL)
        CU_ASSERT_STRING_EQUAL(objection.code, code);
}

static void objects_as_openai_does(void)
{
    const char *path = "/v1/chat/completions";

    expect_openai(path, "{" GOOD "}", NULL, NULL);
    expect_openai(path, "{\"model\":\"m\",\"messages\":[{}]}", "missing_required_parameter",
                  "Missing required parameter: 'messages[0].role'.");
    expect_openai(path,
                  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":"
                  "\"assistant\","
                  "\"content\":null,\"tool_calls\":[{}]},{\"role\":\"user\"}]}",
                  "missing_required_parameter",
                  "Missing required parameter: 'messages[2].content'.");
    expect_openai(path,
                  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":"
                  "\"assistant\","
                  "\"content\":null,\"tool_calls\":[{}]}]}",
                  NULL, NULL);
    expect_openai(path,
                  "{\"model\":\"m\",\"max_tokens\":\"5\",\"messages\":[{\"role\":\"user\","
                  "\"content\":\"x\"}]}",
                  "invalid_type",
                  "Invalid type for 'max_tokens': expected an integer, but got a string instead.");
    expect_openai(
        path,
        "{\"model\":\"m\",\"max_completion_tokens\":5.5,\"messages\":[{\"role\":\"user\","
        "\"content\":\"x\"}]}",
        "invalid_type",
        "Invalid type for 'max_completion_tokens': expected an integer, but got a decimal "
        "number instead.");
    expect_openai(path, "{\"messages\":[{}]}", NULL, "you must provide a model parameter");
    expect_openai(path, "{\"model\":\"m\"}", "missing_required_parameter",
                  "Missing required parameter: 'messages'.");
    expect_openai(path, "{\"model\":\"m\",\"messages\":[]}", "empty_array",
                  "Invalid 'messages': empty array.");
    expect_openai(path, "{\"model\":\"m\",\"messages\":\"hi\"}", "empty_array",
                  "Invalid 'messages': empty array.");
    expect_openai(path, "{\"model\":\"m\",\"max_tokens\":0,\"messages\":[{}]}",
                  "integer_below_min_value", "Invalid 'max_tokens'");
    expect_openai(path, "{\"model\":\"m\",\"messages\":[{\"role\":\"wizard\",\"content\":\"x\"}]}",
                  "invalid_value", "Invalid value: 'wizard'.");
    expect_openai("/v1/embeddings", "{\"model\":\"m\",\"input\":\"x\"}", NULL, NULL);
    expect_openai("/v1/embeddings", "{\"model\":\"m\"}", NULL, "'$.input' is invalid.");
    expect_openai("/v1/embeddings", "{\"model\":\"m\",\"input\":\"x\",\"dimensions\":3072}", NULL,
                  NULL);
    expect_openai("/v1/embeddings", "{\"model\":\"m\",\"input\":\"x\",\"dimensions\":666600146912}",
                  NULL, "Invalid value for 'dimensions' = 4294967295.");
}

static void takes_one_text_for_the_messages_where_the_service_does(void)
{
    CU_ASSERT(!objects(API_OPENAI_RESPONSES, "/v1/responses", NULL,
                       "{\"model\":\"m\",\"input\":\"hi\"}"));
    CU_ASSERT(objects(API_GEMINI, "/v1/models/m:generateContent", NULL, "{\"contents\":\"hi\"}"));
    CU_ASSERT(objects(API_GEMINI, "/v1/models/m:generateContent", NULL, "{}"));
    CU_ASSERT(
        !objects(API_GEMINI, "/v1/models/m:countTokens", NULL, "{\"generateContentRequest\":{}}"));
}

static void says_in_each_providers_words_that_a_body_is_no_json(void)
{
    for (enum api api = 0; api < API_COUNT; api++) {
        const char *problem = NULL;

        EXPECT_RC(format_read_ask(api, SLICE("{\"model\":"), &asked, &problem), RC_MALFORMED);
        CU_ASSERT(problem != NULL && strstr(problem, "JSON") != NULL);
    }
}

/* --- keys ------------------------------------------------------------------------------------- */

static bool accepts(enum api api, struct slice path, struct slice name, struct slice value)
{
    const struct http_header header = {name, value};
    const struct http_request request = {.path = path, .headers = &header, .headers_count = 1};

    return !format_objects_to_key(api, &request, &objection);
}

static void takes_a_key_where_each_service_takes_it(void)
{
    struct slice path = SLICE("/x");

    CU_ASSERT(accepts(API_OPENAI_CHAT, path, SLICE("api-key"), SLICE("k")));
    CU_ASSERT(accepts(API_GEMINI, path, SLICE("x-goog-api-key"), SLICE("k")));
    CU_ASSERT(accepts(API_GEMINI, SLICE("/x?alt=sse&key=k"), SLICE("a"), SLICE("b")));
    CU_ASSERT(!accepts(API_GEMINI, SLICE("/x?key="), SLICE("a"), SLICE("b")));
    CU_ASSERT(!accepts(API_OPENAI_CHAT, SLICE("/x?key=k"), SLICE("a"), SLICE("b")));
}

static void refuses_keys_that_say_they_are_bad(void)
{
    static const uint16_t bad[API_COUNT] = {401, 401, 401, 400};
    static const uint16_t missing[API_COUNT] = {401, 401, 401, 403};

    for (enum api api = 0; api < API_COUNT; api++) {
        struct http_header header = {SLICE("authorization"), SLICE("Bearer sk-good")};
        const struct http_request request = {
            .path = SLICE("/"), .headers = &header, .headers_count = 1};
        const struct http_request bare = {.path = SLICE("/")};

        CU_ASSERT(!format_objects_to_key(api, &request, &objection));
        header.value = SLICE("Bearer sk-expired");
        CU_ASSERT(format_objects_to_key(api, &request, &objection));
        EXPECT_U64(objection.status, bad[api]);
        EXPECT_U64(objection.failure, OUTCOME_AUTH);
        CU_ASSERT((objection.message[0] == '\0') == (api_family(api) != API_OPENAI_CHAT));
        CU_ASSERT(format_objects_to_key(api, &bare, &objection));
        EXPECT_U64(objection.status, missing[api]);
        CU_ASSERT(objection.message[0] != '\0');
    }
}

static void shows_no_more_than_the_ends_of_a_bad_key(void)
{
    static const struct {
        const char *value, *message;
    } cases[] = {{"Bearer sk-is-invalid-42", "Incorrect API key provided: sk-***d-42."},
                 {"Bearer invalid", "Incorrect API key provided: ***."}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_header header = {SLICE("authorization"), slice_of(cases[i].value)};
        struct http_request request = {
            .path = SLICE("/v1/responses"), .headers = &header, .headers_count = 1};
        CU_ASSERT(format_objects_to_key(API_OPENAI_RESPONSES, &request, &objection));
        CU_ASSERT_STRING_EQUAL(objection.message, cases[i].message);
        CU_ASSERT_STRING_EQUAL(objection.code, "invalid_api_key");
    }
}

static CU_TestInfo format_asked_tests[] = {
    {"finds the tool that Anthropic would call", finds_the_tool_that_anthropic_would_call},
    {"finds the tool that OpenAI would call", finds_the_tool_that_openai_would_call},
    {"sees whether thinking is switched on", sees_whether_thinking_is_switched_on},
    {"names the first sampling parameter", names_the_first_sampling_parameter},
    {"finds roles that there are not", finds_roles_that_there_are_not},
    {"knows a negative limit from none", knows_a_negative_limit_from_none},
    {"reads what is to be embedded", reads_what_is_to_be_embedded},
    {"keeps what stands before Anthropic's last mark",
     keeps_what_stands_before_anthropics_last_mark},
    {"keeps everything when all is marked", keeps_everything_when_all_is_marked},
    {"keeps all but OpenAI's last message when it is long",
     keeps_all_but_openais_last_message_when_it_is_long},
    {"objects as Anthropic does", objects_as_anthropic_does},
    {"needs no limit to count tokens", needs_no_limit_to_count_tokens},
    {"objects as OpenAI does", objects_as_openai_does},
    {"takes one text for the messages where the service does",
     takes_one_text_for_the_messages_where_the_service_does},
    {"says in each provider's words that a body is no JSON",
     says_in_each_providers_words_that_a_body_is_no_json},
    {"takes a key where each service takes it", takes_a_key_where_each_service_takes_it},
    {"refuses keys that say they are bad", refuses_keys_that_say_they_are_bad},
    {"shows no more than the ends of a bad key", shows_no_more_than_the_ends_of_a_bad_key},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo format_asked_suite = {"format_asked", NULL,      NULL,
                                   set_up,         tear_down, format_asked_tests};
