/* Which operation a path asks for, and the listings. */

#include "wire/endpoint.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "base/memory.h"
#include "tests/support/expect.h"
#include "wire/json.h"

static struct endpoint endpoint;
static struct buffer out;

static void set_up(void)
{
    buffer_init(&out, memory_heap(), 1 << 16);
}

static void tear_down(void)
{
    buffer_deinit(&out);
}

static void read_from(const char *method, const char *path, enum api family)
{
    const struct http_request http = {.method = slice_of(method), .path = slice_of(path)};

    endpoint_read(&http, family, &endpoint);
}

/* --- paths ------------------------------------------------------------------------------------ */

static void knows_every_path_at_the_gateway(void)
{
    static const struct {
        const char *method, *path;
        enum endpoint_kind kind;
        enum api api;
        const char *model;
        bool stream, is_json_array, is_azure;
    } table[] = {
        {"POST", "/v1/messages", ENDPOINT_GENERATE, API_ANTHROPIC, "", false, false, false},
        {"POST", "/v1/messages?beta=true", ENDPOINT_GENERATE, API_ANTHROPIC, "", false, false,
         false},
        {"POST", "/v1/messages/count_tokens", ENDPOINT_COUNT, API_ANTHROPIC, "", false, false,
         false},
        {"POST", "/v1/chat/completions", ENDPOINT_GENERATE, API_OPENAI_CHAT, "", false, false,
         false},
        {"POST", "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21",
         ENDPOINT_GENERATE, API_OPENAI_CHAT, "my gpt", false, false, true},
        {"POST", "/v1/deployments/gpt/chat/completions?api-version=2024-10-21", ENDPOINT_GENERATE,
         API_OPENAI_CHAT, "gpt", false, false, true},
        {"POST", "/messages", ENDPOINT_GENERATE, API_ANTHROPIC, "", false, false, false},
        {"POST", "/v1/responses", ENDPOINT_GENERATE, API_OPENAI_RESPONSES, "", false, false, false},
        {"POST", "/v1/embeddings", ENDPOINT_EMBEDDINGS, API_OPENAI_CHAT, "", false, false, false},
        {"GET", "/v1/models", ENDPOINT_MODELS, API_OPENAI_CHAT, "", false, false, false},
        {"GET", "/v1/models/gpt-4o", ENDPOINT_MODEL, API_OPENAI_CHAT, "gpt-4o", false, false,
         false},
        {"GET", "/v1beta/models?pageSize=5", ENDPOINT_MODELS, API_GEMINI, "", false, false, false},
        {"GET", "/v1beta/models/g", ENDPOINT_MODEL, API_GEMINI, "g", false, false, false},
        {"POST", "/v1beta/models/g-2.5:generateContent", ENDPOINT_GENERATE, API_GEMINI, "g-2.5",
         false, false, false},
        {"POST", "/v1/models/g%3AgenerateContent", ENDPOINT_GENERATE, API_GEMINI, "g", false, false,
         false},
        {"POST", "/v1/models/g%3astreamGenerateContent?alt=sse&key=k", ENDPOINT_GENERATE,
         API_GEMINI, "g", true, false, false},
        {"POST", "/v1beta/models/g:streamGenerateContent", ENDPOINT_GENERATE, API_GEMINI, "g", true,
         true, false},
        {"POST", "/v1beta/models/g:countTokens", ENDPOINT_COUNT, API_GEMINI, "g", false, false,
         false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        read_from(table[i].method, table[i].path, API_COUNT);
        EXPECT_U64(endpoint.kind, table[i].kind);
        EXPECT_U64(endpoint.api, table[i].api);
        CU_ASSERT_STRING_EQUAL(endpoint.model, table[i].model);
        CU_ASSERT(endpoint.stream == table[i].stream);
        CU_ASSERT(endpoint.is_json_array == table[i].is_json_array);
        CU_ASSERT(endpoint.is_azure == table[i].is_azure);
    }
}

static void knows_no_other_path(void)
{
    static const char *const paths[] = {"",
                                        "/",
                                        "/v1",
                                        "/v1/message",
                                        "/v1/messages/",
                                        "/v1/messages/x",
                                        "/v1/modelsx",
                                        "/v1/models/",
                                        "/openai/deployments/",
                                        "/openai/deployments/m/chat",
                                        "/v2/messages",
                                        "?",
                                        "/v1beta/models/g:embedContent/x/",
                                        "%",
                                        "/v1/chat/completions/"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        read_from("POST", paths[i], API_COUNT);
        CU_ASSERT(endpoint.kind == ENDPOINT_UNKNOWN || endpoint.kind == ENDPOINT_WRONG_METHOD);
    }
    read_from("POST", "/v1/messages/x", API_ANTHROPIC);
    EXPECT_U64(endpoint.kind, ENDPOINT_UNKNOWN);
    EXPECT_U64(endpoint.api, API_ANTHROPIC);
}

static void serves_at_a_listener_its_own_family_alone(void)
{
    read_from("POST", "/v1/chat/completions", API_ANTHROPIC);
    EXPECT_U64(endpoint.kind, ENDPOINT_UNKNOWN);
    EXPECT_U64(endpoint.api, API_ANTHROPIC);
    read_from("POST", "/v1/responses", API_OPENAI_CHAT);
    EXPECT_U64(endpoint.kind, ENDPOINT_GENERATE);
    read_from("GET", "/v1/models/x", API_GEMINI);
    EXPECT_U64(endpoint.kind, ENDPOINT_MODEL);
    EXPECT_U64(endpoint.api, API_GEMINI);
    read_from("GET", "/v1/models/ft:gpt:generateContent", API_OPENAI_CHAT);
    CU_ASSERT_STRING_EQUAL(endpoint.model, "ft:gpt:generateContent");
}

static void tells_a_wrong_method_from_a_wrong_path(void)
{
    read_from("GET", "/v1/messages", API_ANTHROPIC);
    EXPECT_U64(endpoint.kind, ENDPOINT_WRONG_METHOD);
    read_from("POST", "/v1/models", API_OPENAI_CHAT);
    EXPECT_U64(endpoint.kind, ENDPOINT_WRONG_METHOD);
}

static void lists_models_for_whoever_asks_at_the_gateway(void)
{
    const struct http_header version = {SLICE("Anthropic-Version"), SLICE("2023-06-01")};
    const struct http_request http = {.method = SLICE("GET"),
                                      .path = SLICE("/v1/models"),
                                      .headers = &version,
                                      .headers_count = 1};

    endpoint_read(&http, API_COUNT, &endpoint);
    EXPECT_U64(endpoint.kind, ENDPOINT_MODELS);
    EXPECT_U64(endpoint.api, API_ANTHROPIC);
}

static void cuts_a_name_that_is_too_long(void)
{
    char path[300] = "/v1/models/";

    memset(path + strlen(path), 'x', 200);
    read_from("GET", path, API_OPENAI_CHAT);
    EXPECT_U64(strlen(endpoint.model), sizeof(endpoint.model) - 1);
    read_from("GET", "/v1/models/%4", API_OPENAI_CHAT);
    CU_ASSERT_STRING_EQUAL(endpoint.model, "%4");
    read_from("GET", "/v1/models/%zz%41", API_OPENAI_CHAT);
    CU_ASSERT_STRING_EQUAL(endpoint.model, "%zzA");
}

static void expect_objection(const char *method, const char *path, enum api family, uint16_t status,
                             const char *message)
{
    const struct http_request http = {.method = slice_of(method), .path = slice_of(path)};
    struct objection objection;

    endpoint_read(&http, family, &endpoint);
    CU_ASSERT(endpoint_objects(&endpoint, &http, &objection));
    EXPECT_U64(objection.status, status);
    CU_ASSERT_STRING_EQUAL(objection.message, message);
}

static void says_in_each_providers_words_what_there_is_not(void)
{
    struct http_request good = {.method = SLICE("POST"), .path = SLICE("/v1/messages")};
    struct objection objection;

    expect_objection("POST", "/v1/x?y=z", API_OPENAI_CHAT, 404, "Invalid URL (POST /v1/x)");
    expect_objection("GET", "/v1/responses", API_OPENAI_CHAT, 405,
                     "Invalid method for URL (GET /v1/responses)");
    expect_objection("POST", "/v1/x", API_ANTHROPIC, 404, "Not found");
    expect_objection("DELETE", "/v1/messages", API_ANTHROPIC, 405, "Method not allowed");
    expect_objection("POST", "/v1beta/models/m:nothing", API_GEMINI, 404, "Not found");
    endpoint_read(&good, API_ANTHROPIC, &endpoint);
    CU_ASSERT(!endpoint_objects(&endpoint, &good, &objection));
}

/* --- listings --------------------------------------------------------------------------------- */

static const struct model_card cards[] = {
    {{"a", 1}, 200000},
    {{"b\"", 2}, UINT64_MAX},
};

static const struct listing whole;

static void lists_models_as_each_provider_does(void)
{
    endpoint_write_models(API_ANTHROPIC, cards, 2, &whole, &out);
    EXPECT_TEXT(buffer_slice(&out),
                "{\"data\":[{\"type\":\"model\",\"id\":\"a\",\"display_name\":\"a\","
                "\"created_at\":\"2025-01-01T00:00:00Z\",\"max_input_tokens\":200000},{\"type\":"
                "\"model\",\"id\":\"b\\\"\",\"display_name\":\"b\\\"\",\"created_at\":"
                "\"2025-01-01T00:00:00Z\"}],\"has_more\":false,\"first_id\":\"a\",\"last_id\":"
                "\"b\\\"\"}");
    buffer_clear(&out);
    endpoint_write_models(API_OPENAI_CHAT, cards, 1, &whole, &out);
    EXPECT_TEXT(buffer_slice(&out),
                "{\"object\":\"list\",\"data\":[{\"id\":\"a\",\"object\":\"model\",\"created\":"
                "1735689600,"
                "\"owned_by\":\"brownout\"}]}");
    buffer_clear(&out);
    endpoint_write_models(API_GEMINI, cards, 1, &whole, &out);
    EXPECT_TEXT(buffer_slice(&out),
                "{\"models\":[{\"name\":\"models/a\",\"version\":\"001\",\"displayName\":\"a\","
                "\"inputTokenLimit\":200000,\"supportedGenerationMethods\":[\"generateContent\","
                "\"countTokens\"]}]}");
    buffer_clear(&out);
    endpoint_write_models(API_ANTHROPIC, NULL, 0, &whole, &out);
    EXPECT_TEXT(buffer_slice(&out),
                "{\"data\":[],\"has_more\":false,\"first_id\":null,\"last_id\":null}");
}

/* The page that this path asks for. */
static void list(enum api api, const char *path)
{
    static const struct model_card four[] = {
        {{"a", 1}, 1}, {{"b", 1}, 1}, {{"c:1", 3}, 1}, {{"d", 1}, 1}};
    const struct http_request http = {.method = SLICE("GET"), .path = slice_of(path)};
    struct listing listing;
    struct objection objection;

    CU_ASSERT_FATAL(endpoint_read_listing(api, &http, &listing, &objection));
    buffer_clear(&out);
    endpoint_write_models(api, four, 4, &listing, &out);
}

static void expect_page(const char *path, const char *end)
{
    list(API_ANTHROPIC, path);
    CU_ASSERT(slice_has(buffer_slice(&out), slice_of(end)));
}

static void lists_models_by_pages(void)
{
    expect_page("/v1/models", "\"has_more\":false,\"first_id\":\"a\",\"last_id\":\"d\"}");
    expect_page("/v1/models?limit=2", "\"has_more\":true,\"first_id\":\"a\",\"last_id\":\"b\"}");
    expect_page("/v1/models?limit=2&after_id=b",
                "\"has_more\":false,\"first_id\":\"c:1\",\"last_id\":\"d\"}");
    expect_page("/v1/models?after_id=c%3A1&limit=1",
                "\"has_more\":false,\"first_id\":\"d\",\"last_id\":\"d\"}");
    expect_page("/v1/models?before_id=d&limit=2",
                "\"has_more\":true,\"first_id\":\"b\",\"last_id\":\"c:1\"}");
    expect_page("/v1/models?before_id=a", "\"has_more\":false,\"first_id\":null");
    expect_page("/v1/models?before_id=x", "\"has_more\":false,\"first_id\":null");
    expect_page("/v1/models?after_id=x", "\"has_more\":false,\"first_id\":null");
    expect_page("/v1/models?after_id=d", "\"has_more\":false,\"first_id\":null");
    list(API_GEMINI, "/v1beta/models?pageSize=3");
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("],\"nextPageToken\":\"c:1\"}")));
    list(API_GEMINI, "/v1beta/models?pageSize=3&pageToken=c%3A1");
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("[{\"name\":\"models/d\"")));
    CU_ASSERT(!slice_has(buffer_slice(&out), SLICE("nextPageToken")));
    list(API_OPENAI_CHAT, "/v1/models?limit=1&after_id=b");
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("\"id\":\"a\"")));
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("\"id\":\"d\"")));
}

static void objects_to_sizes_of_pages(void)
{
    static const struct {
        enum api api;
        const char *path;
        const char *message;
    } table[] = {
        {API_ANTHROPIC, "/v1/models?limit=x", "limit: Input should be a valid integer"},
        {API_ANTHROPIC, "/v1/models?limit=0", "limit: Input should be greater than or equal to 1"},
        {API_ANTHROPIC, "/v1/models?limit=1001",
         "limit: Input should be less than or equal to 1000"},
        {API_GEMINI, "/v1/models?pageSize=x", "Invalid value at 'page_size' (TYPE_INT32), \"x\""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        const struct http_request http = {.method = SLICE("GET"), .path = slice_of(table[i].path)};
        struct listing listing;
        struct objection objection;

        CU_ASSERT(!endpoint_read_listing(table[i].api, &http, &listing, &objection));
        EXPECT_U64(objection.status, 400);
        CU_ASSERT_STRING_EQUAL(objection.message, table[i].message);
    }
}

static void counts_tokens_as_each_provider_does(void)
{
    endpoint_write_count(API_ANTHROPIC, 12, &out);
    EXPECT_TEXT(buffer_slice(&out), "{\"input_tokens\":12}");
    buffer_clear(&out);
    endpoint_write_count(API_GEMINI, 12, &out);
    EXPECT_TEXT(buffer_slice(&out), "{\"totalTokens\":12,\"promptTokensDetails\":[{\"modality\":"
                                    "\"TEXT\",\"tokenCount\":12}]}");
}

static CU_TestInfo endpoint_tests[] = {
    {"knows every path at the gateway", knows_every_path_at_the_gateway},
    {"knows no other path", knows_no_other_path},
    {"serves at a listener its own family alone", serves_at_a_listener_its_own_family_alone},
    {"tells a wrong method from a wrong path", tells_a_wrong_method_from_a_wrong_path},
    {"lists models for whoever asks at the gateway", lists_models_for_whoever_asks_at_the_gateway},
    {"cuts a name that is too long", cuts_a_name_that_is_too_long},
    {"says in each providers words what there is not",
     says_in_each_providers_words_what_there_is_not},
    {"lists models as each provider does", lists_models_as_each_provider_does},
    {"lists models by pages", lists_models_by_pages},
    {"objects to sizes of pages", objects_to_sizes_of_pages},
    {"counts tokens as each provider does", counts_tokens_as_each_provider_does},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo endpoint_suite = {"endpoint", NULL, NULL, set_up, tear_down, endpoint_tests};
