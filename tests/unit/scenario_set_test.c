/* Changing a scenario's text: what is said stays, comments included. */

#include "scenario/scenario.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"

static const char TEXT[] = "{ // head\n"
                           "  \"name\": \"x\", /* kept */\n"
                           "  \"load\": {\"deadline\": \"10s\", \"parts\": [1, {\"a/b\": 2}], "
                           "\"none\": {}},\n"
                           "  \"subject\": {\"client\": {\"preset\": \"careful\"}}, // tail\n"
                           "}\n";

static struct arena arena;
static struct error err;

static void set_up(void)
{
    err = (struct error){0};
    arena_init(&arena, memory_heap(), 1 << 20);
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

/* The changed text, or nothing and `err`. */
static struct slice set(const char *text, const char *pointer, const char *value)
{
    struct slice result = {0};

    if (scenario_set(slice_of(text), slice_of(pointer), slice_of(value), &arena, &result, &err) !=
        RC_OK)
        return (struct slice){0};
    return result;
}

static struct slice set_client(const char *text, const char *preset, const char *block)
{
    struct slice result = {0};

    if (scenario_set_client(slice_of(text), slice_of(preset), slice_of(block), "client", &arena,
                            &result, &err) != RC_OK)
        return (struct slice){0};
    return result;
}

static void replaces_a_value_and_keeps_comments(void)
{
    EXPECT_TEXT(set(TEXT, "/name", "y"),
                "{ // head\n"
                "  \"name\": \"y\", /* kept */\n"
                "  \"load\": {\"deadline\": \"10s\", \"parts\": [1, {\"a/b\": 2}], "
                "\"none\": {}},\n"
                "  \"subject\": {\"client\": {\"preset\": \"careful\"}}, // tail\n"
                "}\n");
}

static void json_stays_json_and_other_text_becomes_a_string(void)
{
    EXPECT_TEXT(set("{\"a\": 1}", "/a", "5s"), "{\"a\": \"5s\"}");
    EXPECT_TEXT(set("{\"a\": 1}", "/a", "7"), "{\"a\": 7}");
    EXPECT_TEXT(set("{\"a\": 1}", "/a", "false"), "{\"a\": false}");
    EXPECT_TEXT(set("{\"a\": 1}", "/a", "\"7\""), "{\"a\": \"7\"}");
    EXPECT_TEXT(set("{\"a\": 1}", "/a", " {\"b\": [2]} // two"), "{\"a\": {\"b\": [2]}}");
    EXPECT_TEXT(set("{\"a\": 1}", "/a", "say \"no\""), "{\"a\": \"say \\\"no\\\"\"}");
}

static void replaces_whole_objects_and_elements(void)
{
    EXPECT_TEXT(set("{\"a\": {\"b\": [1, 2]}, \"c\": 3}", "/a", "null"), "{\"a\": null, \"c\": 3}");
    EXPECT_TEXT(set("{\"a\": {\"b\": [1, 2]}}", "/a/b/1", "9"), "{\"a\": {\"b\": [1, 9]}}");
}

static void follows_escaped_keys(void)
{
    EXPECT_TEXT(set("{\"a/b\": {\"~\": 1}}", "/a~1b/~0", "2"), "{\"a/b\": {\"~\": 2}}");
    EXPECT_TEXT(set("{\"\\u0061\": 1}", "/a", "2"), "{\"\\u0061\": 2}");
}

static void adds_a_member_at_the_front_of_its_object(void)
{
    EXPECT_TEXT(set("{\"a\": 1}", "/b", "2"), "{\"b\": 2, \"a\": 1}");
    EXPECT_TEXT(set("{\"a\": {}}", "/a/b", "2"), "{\"a\": {\"b\": 2}}");
    EXPECT_TEXT(set("{\"a\": { /* none */ }}", "/a/b", "2"), "{\"a\": {\"b\": 2 /* none */ }}");
}

static void a_place_that_is_not_there_is_named_with_the_nearest(void)
{
    EXPECT_U64(set(TEXT, "/laod/deadline", "5s").size, 0);
    EXPECT_TEXT(slice_of(err.text), "/laod/deadline: found no \"laod\" in the scenario, expected a "
                                    "place that is there; did you mean \"load\"?");
    EXPECT_U64(set(TEXT, "/load/parts/2", "5").size, 0);
    EXPECT_TEXT(slice_of(err.text),
                "/load/parts/2: found no \"2\" in an array, expected a place that is there");
    EXPECT_U64(set(TEXT, "/name/x", "5").size, 0);
    EXPECT_U64(set("{\"a\": [1, 2]}", "/a/01", "5").size, 0);
    EXPECT_TEXT(set("{\"a\": [1, 2]}", "/a/0", "5"), "{\"a\": [5, 2]}");
}

static void a_pointer_that_is_none_is_refused(void)
{
    EXPECT_U64(set(TEXT, "load", "5").size, 0);
    EXPECT_TEXT(slice_of(err.text), "found \"load\", expected a place such as /load/deadline");
    EXPECT_U64(set(TEXT, "", "5").size, 0);
    EXPECT_U64(set(TEXT, "/a~2", "5").size, 0);
}

static void a_text_that_is_no_json_is_refused(void)
{
    EXPECT_U64(set("{\"a\": }", "/a", "5").size, 0);
    EXPECT_TEXT(slice_of(err.text), "scenario:1:7: found '}', expected a value");
}

static void a_preset_replaces_the_whole_client(void)
{
    EXPECT_TEXT(set_client("{\"subject\": {\"client\": {\"preset\": \"careful\", \"retry\": {}}}}",
                           "guide", ""),
                "{\"subject\": {\"client\": {\"preset\": \"guide\"}}}");
}

static void a_block_replaces_the_whole_client(void)
{
    EXPECT_TEXT(set_client("{\"subject\": {\"client\": {\"preset\": \"careful\"}}}", "",
                           "// mine\n{\"keeps_deadline\": true} // end\n"),
                "{\"subject\": {\"client\": {\"keeps_deadline\": true}}}");
}

static void a_scenario_without_a_client_is_given_one(void)
{
    EXPECT_TEXT(set_client("{\"name\": \"x\"}", "guide", ""),
                "{\"subject\": {\"client\": {\"preset\": \"guide\"}}, \"name\": \"x\"}");
}

static void a_client_that_is_no_object_is_refused(void)
{
    EXPECT_U64(set_client(TEXT, "", "[1]").size, 0);
    EXPECT_TEXT(slice_of(err.text), "client: found an array, expected an object { }");
    EXPECT_U64(set_client(TEXT, "", "{\"a\" 1}").size, 0);
    EXPECT_TEXT(slice_of(err.text), "client:1:6: found '1', expected a colon after the key");
}

static void memory_may_run_out_anywhere(void)
{
    struct flaky flaky;
    struct memory memory;
    struct slice result;
    uint64_t allow = 0;
    enum rc rc;

    do {
        struct arena poor;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        arena_init(&poor, &memory, 1 << 20);
        rc = scenario_set_client(SLICE("{}"), SLICE("guide"), (struct slice){0}, "client", &poor,
                                 &result, &err);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        arena_deinit(&poor);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 2);
}

static CU_TestInfo tests[] = {
    {"replaces a value and keeps comments", replaces_a_value_and_keeps_comments},
    {"JSON stays JSON and other text becomes a string",
     json_stays_json_and_other_text_becomes_a_string},
    {"replaces whole objects and elements", replaces_whole_objects_and_elements},
    {"follows escaped keys", follows_escaped_keys},
    {"adds a member at the front of its object", adds_a_member_at_the_front_of_its_object},
    {"a place that is not there is named with the nearest",
     a_place_that_is_not_there_is_named_with_the_nearest},
    {"a pointer that is none is refused", a_pointer_that_is_none_is_refused},
    {"a text that is no JSON is refused", a_text_that_is_no_json_is_refused},
    {"a preset replaces the whole client", a_preset_replaces_the_whole_client},
    {"a block replaces the whole client", a_block_replaces_the_whole_client},
    {"a scenario without a client is given one", a_scenario_without_a_client_is_given_one},
    {"a client that is no object is refused", a_client_that_is_no_object_is_refused},
    {"memory may run out anywhere", memory_may_run_out_anywhere},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo scenario_set_suite = {"scenario_set", NULL, NULL, set_up, tear_down, tests};
