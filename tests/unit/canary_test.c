#include "mockserver/canary.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "mockserver/secrets.h"
#include "tests/support/expect.h"

static struct canaries canaries;
static struct http_header headers[3];
static struct http_request http;

static void set_up(void)
{
    struct error err;

    canaries = (struct canaries){0};
    EXPECT_RC(canaries_add(&canaries, SLICE("sk-canary-1"), &err), RC_OK);
    EXPECT_RC(canaries_add(&canaries, SLICE("sk-canary-2"), &err), RC_OK);
    http = (struct http_request){.method = SLICE("POST"),
                                 .path = SLICE("/v1/messages"),
                                 .headers = headers,
                                 .headers_count = 1,
                                 .body = SLICE("{\"model\": \"gpt-4o\"}")};
    headers[0] = (struct http_header){SLICE("x-note"), SLICE("nothing")};
}

static void finds_nothing_where_nothing_is(void)
{
    CU_ASSERT_FALSE(canaries_are_in(&canaries, &http));
    canaries.count = 0;
    http.body = SLICE("sk-canary-1");
    CU_ASSERT_FALSE(canaries_are_in(&canaries, &http));
}

static void finds_a_key_in_body_path_query_and_headers(void)
{
    http.body = SLICE("{\"prompt\": \"my key is sk-canary-2.\"}");
    CU_ASSERT(canaries_are_in(&canaries, &http));
    set_up();
    http.path = SLICE("/v1/sk-canary-1/messages");
    CU_ASSERT(canaries_are_in(&canaries, &http));
    http.path = SLICE("/v1/messages?a=b&user=sk-canary-1");
    CU_ASSERT(canaries_are_in(&canaries, &http));
    set_up();
    headers[0].value = SLICE("user sk-canary-1");
    CU_ASSERT(canaries_are_in(&canaries, &http));
}

static void a_key_may_stand_where_keys_belong(void)
{
    static const char *const names[] = {"Authorization", "x-api-key", "X-Goog-Api-Key", "api-key"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        headers[0] = (struct http_header){slice_of(names[i]), SLICE("Bearer sk-canary-1")};
        CU_ASSERT_FALSE(canaries_are_in(&canaries, &http));
    }
    http.path = SLICE("/v1beta/models?alt=sse&key=sk-canary-1");
    CU_ASSERT_FALSE(canaries_are_in(&canaries, &http));
}

static void half_a_key_is_none(void)
{
    http.body = SLICE("sk-canary-");
    CU_ASSERT_FALSE(canaries_are_in(&canaries, &http));
    http.body = SLICE("");
    CU_ASSERT_FALSE(canaries_are_in(&canaries, &http));
}

static void refuses_what_would_be_found_by_accident_and_what_is_too_much(void)
{
    char text[CANARY_BYTES_MAX + 1];
    struct error err;

    memset(text, 'k', sizeof(text));
    EXPECT_RC(canaries_add(&canaries, SLICE("short"), &err), RC_MALFORMED);
    EXPECT_RC(canaries_add(&canaries, (struct slice){text, sizeof(text)}, &err), RC_MALFORMED);
    CU_ASSERT_PTR_NULL(strstr(err.text, "kkk"));
    for (uint32_t i = canaries.count; i < CANARIES_MAX; i++) {
        text[0] = (char)('A' + i);
        EXPECT_RC(canaries_add(&canaries, (struct slice){text, 8}, &err), RC_OK);
    }
    EXPECT_RC(canaries_add(&canaries, (struct slice){text, 8}, &err), RC_OK); /* known */
    EXPECT_RC(canaries_add(&canaries, SLICE("one-too-many"), &err), RC_LIMIT);
}

/* --- what is shown ---------------------------------------------------------------------------- */

static struct slice shown(struct buffer *text, const char *name, const char *value)
{
    buffer_clear(text);
    secrets_write_header(slice_of(name), slice_of(value), text);
    return buffer_slice(text);
}

static void credentials_are_masked_wherever_they_are_shown(void)
{
    struct buffer text;

    buffer_init(&text, memory_heap(), 1024);
    EXPECT_TEXT(shown(&text, "Authorization", "Bearer sk-1"), "Bearer ***");
    EXPECT_TEXT(shown(&text, "authorization", "sk-1 sk-2"), "***");
    EXPECT_TEXT(shown(&text, "authorization", "Bearer"), "***");
    EXPECT_TEXT(shown(&text, "X-Api-Key", "sk-1"), "***");
    EXPECT_TEXT(shown(&text, "x-goog-api-key", "sk-1"), "***");
    EXPECT_TEXT(shown(&text, "api-key", "sk-1"), "***");
    EXPECT_TEXT(shown(&text, "Cookie", "a=b"), "***");
    EXPECT_TEXT(shown(&text, "x-note", "a b"), "a b");
    buffer_clear(&text);
    secrets_write_path(SLICE("/v1beta/models?alt=sse&key=AIza1&x=key=2"), &text);
    EXPECT_TEXT(buffer_slice(&text), "/v1beta/models?alt=sse&key=***&x=key=2");
    buffer_clear(&text);
    secrets_write_path(SLICE("/slack"), &text);
    EXPECT_TEXT(buffer_slice(&text), "/slack");
    buffer_deinit(&text);
}

static void a_token_is_the_same_only_when_every_byte_is(void)
{
    CU_ASSERT(secrets_are_equal(SLICE("token"), SLICE("token")));
    CU_ASSERT(secrets_are_equal(SLICE(""), SLICE("")));
    CU_ASSERT_FALSE(secrets_are_equal(SLICE("token"), SLICE("tokem")));
    CU_ASSERT_FALSE(secrets_are_equal(SLICE("token"), SLICE("tokentoken")));
    CU_ASSERT_FALSE(secrets_are_equal(SLICE("tokentoken"), SLICE("token")));
    CU_ASSERT_FALSE(secrets_are_equal(SLICE(""), SLICE("token")));
    CU_ASSERT_FALSE(secrets_are_equal(SLICE("token"), SLICE("")));
}

static CU_TestInfo canary_tests[] = {
    {"finds nothing where nothing is", finds_nothing_where_nothing_is},
    {"finds a key in body, path, query and headers", finds_a_key_in_body_path_query_and_headers},
    {"a key may stand where keys belong", a_key_may_stand_where_keys_belong},
    {"half a key is none", half_a_key_is_none},
    {"refuses what would be found by accident, and what is too much",
     refuses_what_would_be_found_by_accident_and_what_is_too_much},
    {"credentials are masked wherever they are shown",
     credentials_are_masked_wherever_they_are_shown},
    {"a token is the same only when every byte is", a_token_is_the_same_only_when_every_byte_is},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo canary_suite = {"canary", NULL, NULL, set_up, NULL, canary_tests};
