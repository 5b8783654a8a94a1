#include "mockserver/hook_box.h"

#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"

static struct hook_box box;
static struct buffer text;
static struct http_header headers[3];
static struct http_request http;

static void set_up(void)
{
    box = (struct hook_box){.memory = memory_heap()};
    buffer_init(&text, memory_heap(), 64 << 20);
    headers[0] = (struct http_header){SLICE("Authorization"), SLICE("Bearer secret")};
    headers[1] = (struct http_header){SLICE("X-Tag"), SLICE("a")};
    headers[2] = (struct http_header){SLICE("x-tag"), SLICE("b")};
    http = (struct http_request){.method = SLICE("POST"),
                                 .path = SLICE("/slack?key=secret"),
                                 .headers = headers,
                                 .headers_count = 3,
                                 .body = SLICE("{\"text\": \"hi\"}")};
}

static void tear_down(void)
{
    hook_box_deinit(&box);
    buffer_deinit(&text);
}

static struct slice written(const char *hook)
{
    buffer_clear(&text);
    hook_box_write(&box, slice_of(hook), &text);
    EXPECT_RC(text.rc, RC_OK);
    return buffer_slice(&text);
}

static void keeps_what_came_with_its_secrets_masked(void)
{
    hook_box_keep(&box, 17, 5, &http);
    EXPECT_TEXT(written(""),
                "{\"posts\":[\n{\"number\":17,\"at\":5,\"hook\":\"slack\",\"method\":\"POST\","
                "\"path\":\"/slack?key=***\",\"headers\":{\"authorization\":\"Bearer ***\","
                "\"x-tag\":\"a, b\"},\"body_bytes\":14,\"body\":{\"text\": \"hi\"}}],"
                "\"kept\":1,\"lost\":0}\n");
}

static void what_is_no_json_is_kept_as_a_text(void)
{
    http.body = SLICE("{\"text\": ");
    hook_box_keep(&box, 1, 0, &http);
    CU_ASSERT(slice_has(written(""), SLICE("\"body\":\"{\\\"text\\\": \"}")));
}

static void lists_the_posts_of_one_hook(void)
{
    hook_box_keep(&box, 1, 0, &http);
    http.path = SLICE("/discord");
    hook_box_keep(&box, 2, 0, &http);
    CU_ASSERT_FALSE(slice_has(written("slack"), SLICE("discord")));
    CU_ASSERT(slice_has(written("slack"), SLICE("\"number\":1,")));
    CU_ASSERT(slice_starts_with(written("any"), SLICE("{\"posts\":[],")));
}

static void the_oldest_make_room(void)
{
    for (uint64_t number = 1; number <= HOOK_BOX_POSTS_MAX + 2; number++)
        hook_box_keep(&box, number, 0, &http);
    CU_ASSERT_FALSE(slice_has(written(""), SLICE("\"number\":2,")));
    CU_ASSERT(slice_has(written(""), SLICE("\"number\":3,")));
    CU_ASSERT(slice_has(written(""), SLICE("\"kept\":256,")));
}

static void long_bodies_are_cut_and_all_together_are_bounded(void)
{
    char *body = calloc(1, 1 << 20);

    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    http.body = (struct slice){body, 1 << 20}; /* six bytes for each, once escaped */
    for (uint64_t number = 1; number <= 100; number++)
        hook_box_keep(&box, number, 0, &http);
    CU_ASSERT(box.bytes <= HOOK_BOX_BYTES_MAX);
    CU_ASSERT(box.end - box.first > 10);
    CU_ASSERT(slice_has(written(""), SLICE("\"body_bytes\":1048576,")));
    EXPECT_U64(box.lost, 0);
    free(body);
}

static void a_reset_box_is_empty(void)
{
    hook_box_keep(&box, 1, 0, &http);
    hook_box_reset(&box);
    EXPECT_TEXT(written(""), "{\"posts\":[],\"kept\":0,\"lost\":0}\n");
    EXPECT_U64(box.bytes, 0);
    hook_box_keep(&box, 2, 0, &http);
    CU_ASSERT(slice_has(written(""), SLICE("\"number\":2,")));
}

static void what_finds_no_memory_is_counted(void)
{
    struct flaky flaky;
    uint64_t allow = 0;

    do {
        struct memory memory;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        box = (struct hook_box){.memory = &memory};
        hook_box_keep(&box, 1, 0, &http);
        EXPECT_U64(box.lost, flaky.failed);
        hook_box_deinit(&box);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    box = (struct hook_box){0};
    CU_ASSERT(allow > 2);
}

static CU_TestInfo hook_box_tests[] = {
    {"keeps what came, with its secrets masked", keeps_what_came_with_its_secrets_masked},
    {"what is no JSON is kept as a text", what_is_no_json_is_kept_as_a_text},
    {"lists the posts of one hook", lists_the_posts_of_one_hook},
    {"the oldest make room", the_oldest_make_room},
    {"long bodies are cut, and all together are bounded",
     long_bodies_are_cut_and_all_together_are_bounded},
    {"a reset box is empty", a_reset_box_is_empty},
    {"what finds no memory is counted", what_finds_no_memory_is_counted},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo hook_box_suite = {"hook_box", NULL, NULL, set_up, tear_down, hook_box_tests};
