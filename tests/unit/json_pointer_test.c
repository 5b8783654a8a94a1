#include "wire/json_pointer.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "tests/support/expect.h"

static const char text[] =
    "{\"id\": 7, \"choices\": [{\"delta\": {\"content\": \"one\"}}, [1, {\"delta\": 2}],\n"
    "  {\"delta\": {\"content\": \"t\\u0077o\", \"content2\": 3}}], \"a/b\": {\"~\": true},\n"
    " \"\": {\"\": null}, \"n\\u0061me\": \"escaped\", \"list\": [[1, 2], [3, 4]], \"last\": {}}";

static char found[256];

/* All that the pointer leads to, parted by bars; then how it ended. */
static const char *walk_in(const char *json, struct slice pointer)
{
    struct json_walk walk;
    struct json_token token;
    enum rc rc;
    struct buffer out = {.data = found,
                         .capacity = sizeof(found) - 1,
                         .ceiling = sizeof(found) - 1,
                         .memory = memory_heap()};

    json_walk_init(&walk, slice_of(json), pointer);
    while ((rc = json_walk_next(&walk, &token)) == RC_OK) {
        buffer_append(&out, token.raw);
        buffer_byte(&out, '|');
    }
    if (rc != RC_END)
        buffer_text(&out, rc_text(rc));
    found[out.size] = '\0';
    return found;
}

static const char *walk(struct slice pointer)
{
    return walk_in(text, pointer);
}

static void leads_to_a_member_or_an_element(void)
{
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/id")), "7|");
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/choices/0/delta/content")), "one|");
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/choices/1/0")), "1|");
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/last")), "{|");
}

static void a_star_means_every_element(void)
{
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/choices/*/delta/content")), "one|t\\u0077o|");
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/list/*/1")), "2|4|");
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/list/*/*")), "1|2|3|4|");
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/list/*")), "[|[|");
}

static void keys_are_compared_decoded(void)
{
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/a~1b/~0")), "true|");
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/name")), "escaped|");
    CU_ASSERT_STRING_EQUAL(walk(SLICE("//")), "null|");
}

static void an_empty_pointer_means_the_whole(void)
{
    CU_ASSERT_STRING_EQUAL(walk_in("\"all\"", SLICE("")), "all|");
    CU_ASSERT_STRING_EQUAL(walk_in("[1, 2]", SLICE("")), "[|");
}

static void leads_nowhere_without_harm(void)
{
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/choices/3")), "");
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/choices/00")), "");
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/id/deeper")), "");
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/a~1b/~2")), "");
    CU_ASSERT_STRING_EQUAL(walk(SLICE("/a~1b/~")), "");
    CU_ASSERT_STRING_EQUAL(walk(SLICE("id")), "");
    CU_ASSERT_STRING_EQUAL(walk(SLICE("*")), "");
}

static void too_many_parts_lead_nowhere(void)
{
    char pointer[3 * JSON_DEPTH_MAX] = "";

    for (int i = 0; i <= JSON_DEPTH_MAX; i++)
        strcat(pointer, "/0");
    CU_ASSERT_STRING_EQUAL(walk(slice_of(pointer)), "");
}

static void what_is_no_json_is_told(void)
{
    CU_ASSERT_STRING_EQUAL(walk_in("{\"id\": 7, }", SLICE("/id")), "7|malformed input");
    CU_ASSERT_STRING_EQUAL(walk_in("", SLICE("")), "malformed input");
}

static void every_cut_is_read_without_harm(void)
{
    char copy[sizeof(text)];

    for (size_t size = 0; size < sizeof(text) - 1; size++) {
        memcpy(copy, text, size);
        copy[size] = '\0';
        walk_in(copy, SLICE("/choices/*/delta/content"));
        CU_ASSERT(strstr(found, "malformed") != NULL);
    }
}

static void the_first_is_found_where_all_is_json(void)
{
    struct json_token token;

    CU_ASSERT(json_find(slice_of(text), SLICE("/list/*/0"), &token));
    EXPECT_TEXT(token.raw, "1");
    CU_ASSERT(!json_find(slice_of(text), SLICE("/nothing"), &token));
    CU_ASSERT(!json_find(SLICE("{\"a\": 1"), SLICE("/a"), &token));
}

static CU_TestInfo tests[] = {
    {"leads to a member or an element", leads_to_a_member_or_an_element},
    {"a star means every element", a_star_means_every_element},
    {"keys are compared decoded", keys_are_compared_decoded},
    {"an empty pointer means the whole", an_empty_pointer_means_the_whole},
    {"leads nowhere without harm", leads_nowhere_without_harm},
    {"too many parts lead nowhere", too_many_parts_lead_nowhere},
    {"what is no JSON is told", what_is_no_json_is_told},
    {"every cut is read without harm", every_cut_is_read_without_harm},
    {"the first is found where all is JSON", the_first_is_found_where_all_is_json},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo json_pointer_suite = {"json_pointer", NULL, NULL, NULL, NULL, tests};
