#include "engine/request_match.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"

#define BODY                                                                                       \
    "{\"model\":\"claude\",\"messages\":[{\"role\":\"user\",\"content\":\"h\\u00e9 \\\"x\\\"\"}]," \
    "\"n\":3,\"a/b\":{\"~\":true},\"none\":null}"

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena, memory_heap(), 1 << 20);
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

/* --- pointers --------------------------------------------------------------------------------- */

static struct slice value_at(const char *pointer)
{
    struct slice value = SLICE("not there");
    bool is_text = false;

    (void)json_pointer_find(SLICE(BODY), slice_of(pointer), &value, &is_text);
    return value;
}

static void finds_what_a_pointer_names(void)
{
    EXPECT_TEXT(value_at("/model"), "claude");
    EXPECT_TEXT(value_at("/messages/0/role"), "user");
    EXPECT_TEXT(value_at("/n"), "3");
    EXPECT_TEXT(value_at("/a~1b"), "{\"~\":true}");
    EXPECT_TEXT(value_at("/a~1b/~0"), "true");
    EXPECT_TEXT(value_at("/none"), "null");
    EXPECT_TEXT(value_at(""), BODY);
}

static void finds_nothing_where_nothing_is(void)
{
    EXPECT_TEXT(value_at("/missing"), "not there");
    EXPECT_TEXT(value_at("/messages/1"), "not there");
    EXPECT_TEXT(value_at("/messages/x"), "not there");
    EXPECT_TEXT(value_at("/model/0"), "not there");
    EXPECT_TEXT(value_at("model"), "not there");
}

static void says_what_is_a_text(void)
{
    struct slice value;
    bool is_text = false;

    CU_ASSERT(json_pointer_find(SLICE(BODY), SLICE("/model"), &value, &is_text));
    CU_ASSERT(is_text);
    CU_ASSERT(json_pointer_find(SLICE(BODY), SLICE("/n"), &value, &is_text));
    CU_ASSERT(!is_text);
}

/* Cut anywhere it is no JSON, and so has no members, whatever came before the cut. */
static void finds_nothing_in_half_a_body(void)
{
    struct slice value;
    bool is_text;

    for (size_t size = 0; size + 1 < sizeof(BODY); size++)
        CU_ASSERT(
            !json_pointer_find((struct slice){BODY, size}, SLICE("/model"), &value, &is_text));
}

/* --- conditions ------------------------------------------------------------------------------- */

static bool holds(struct condition condition)
{
    struct http_header headers[] = {{SLICE("X-Team"), SLICE("red")},
                                    {SLICE("x-team"), SLICE("blue")}};
    struct http_request http = {.method = SLICE("POST"),
                                .path = SLICE("/v1/messages?beta=true"),
                                .headers = headers,
                                .headers_count = 2,
                                .body = SLICE(BODY)};
    struct match match = {.conditions = {condition}, .conditions_count = 1};

    return request_matches(&match, &http);
}

static struct pattern *like(enum pattern_kind kind, struct slice text)
{
    struct pattern *pattern = arena_take(&arena, 1, sizeof(*pattern));
    const char *problem;
    size_t offset;

    CU_ASSERT_FATAL(pattern != NULL);
    CU_ASSERT(pattern_compile(pattern, kind, text, &arena, &offset, &problem) == RC_OK);
    return pattern;
}

static void matches_any_header_of_the_name(void)
{
    struct condition header = {.kind = CONDITION_HEADER, .name = SLICE("x-team")};

    CU_ASSERT(holds(header));
    header.pattern = like(PATTERN_EQUALS, SLICE("blue"));
    CU_ASSERT(holds(header));
    header.is_absent = true;
    CU_ASSERT(!holds(header));
    header.pattern = like(PATTERN_GLOB, SLICE("gr*"));
    CU_ASSERT(holds(header));
    CU_ASSERT(!holds((struct condition){.kind = CONDITION_HEADER, .name = SLICE("x-other")}));
}

static void matches_texts_of_the_body_decoded(void)
{
    struct condition body = {.kind = CONDITION_BODY, .name = SLICE("/messages/0/content")};

    body.pattern = like(PATTERN_EQUALS, SLICE("h\xc3\xa9 \"x\""));
    CU_ASSERT(holds(body));
    body.pattern = like(PATTERN_REGEX, SLICE("^h.* \"x\"$"));
    CU_ASSERT(holds(body));
    body.name = SLICE("/n");
    body.pattern = like(PATTERN_EQUALS, SLICE("3"));
    CU_ASSERT(holds(body));
    body.name = SLICE("/temperature");
    CU_ASSERT(!holds(body));
    body.is_absent = true;
    CU_ASSERT(holds(body));
}

static void matches_the_path_without_its_query(void)
{
    CU_ASSERT(holds((struct condition){.kind = CONDITION_PATH,
                                       .pattern = like(PATTERN_EQUALS, SLICE("/v1/messages"))}));
    CU_ASSERT(!holds((struct condition){.kind = CONDITION_PATH,
                                        .pattern = like(PATTERN_GLOB, SLICE("*beta*"))}));
}

static void needs_bytes_only_for_conditions(void)
{
    struct match match = {.model = "claude-*", .conditions_count = 0};

    CU_ASSERT(!request_match_needs_bytes(&match));
    match.conditions_count = 1;
    CU_ASSERT(request_match_needs_bytes(&match));
}

static CU_TestInfo tests[] = {
    {"finds what a pointer names", finds_what_a_pointer_names},
    {"finds nothing where nothing is", finds_nothing_where_nothing_is},
    {"says what is a text", says_what_is_a_text},
    {"finds nothing in half a body", finds_nothing_in_half_a_body},
    {"matches any header of the name", matches_any_header_of_the_name},
    {"matches texts of the body decoded", matches_texts_of_the_body_decoded},
    {"matches the path without its query", matches_the_path_without_its_query},
    {"needs bytes only for conditions", needs_bytes_only_for_conditions},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo request_match_suite = {"request_match", NULL, NULL, set_up, tear_down, tests};
