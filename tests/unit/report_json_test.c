#include "report/json.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/golden.h"
#include "tests/support/hearing.h"
#include "tests/support/sample_runs.h"

static struct hearing hearing;
static struct buffer out;

static void set_up(void)
{
    buffer_init(&out, memory_heap(), 1 << 16);
}

static void tear_down(void)
{
    hearing_end(&hearing);
    buffer_deinit(&out);
}

static void report(void)
{
    const struct report_facts facts = {.world = "sim", .took = 210 * NANOS_MS};

    report_json(&hearing.scenario, hearing.judge, &facts, &out);
    EXPECT_RC(out.rc, RC_OK);
}

/* The object's member of that name, as text; empty when there is none. */
static struct slice member(struct slice object, const char *name)
{
    struct json json;
    struct json_token token;
    struct slice value = {0};

    json_init(&json, object, JSON_STRICT);
    CU_ASSERT(json_next(&json, &token) == RC_OK && token.kind == JSON_OBJECT);
    while (json_next(&json, &token) == RC_OK && token.kind == JSON_KEY) {
        bool is_it = json_is(&token, slice_of(name));

        CU_ASSERT_FATAL(json_next(&json, &token) == RC_OK);
        CU_ASSERT_FATAL(json_value(&json, &token, &value) == RC_OK);
        if (is_it)
            return value;
    }
    return (struct slice){0};
}

static uint32_t elements(struct slice array)
{
    struct json json;
    struct json_token token;
    struct slice value;
    uint32_t count = 0;

    json_init(&json, array, JSON_STRICT);
    CU_ASSERT(json_next(&json, &token) == RC_OK && token.kind == JSON_ARRAY);
    while (json_next(&json, &token) == RC_OK && token.kind == JSON_OBJECT) {
        CU_ASSERT_FATAL(json_value(&json, &token, &value) == RC_OK);
        CU_ASSERT(member(value, "name").size > 0);
        CU_ASSERT(member(value, "verdict").size > 0);
        CU_ASSERT(member(value, "reason").size > 0);
        CU_ASSERT(member(value, "n").size > 0);
        count++;
    }
    return count;
}

static void gives_laws_with_conditions_and_expectations_apart(void)
{
    run_that_fails(&hearing);
    report();
    EXPECT_TEXT(member(buffer_slice(&out), "verdict"), "\"fail\"");
    EXPECT_U64(elements(member(buffer_slice(&out), "laws")), 17);
    EXPECT_U64(elements(member(buffer_slice(&out), "expectations")), 3);
    EXPECT_TEXT(member(member(buffer_slice(&out), "figures"), "calls"), "600");
}

/* A row a line, so that a difference can be read. */
static void is_json_that_a_person_has_read(void)
{
    struct buffer lines;

    run_that_fails(&hearing);
    report();
    buffer_init(&lines, memory_heap(), 1 << 16);
    for (size_t i = 0; i < out.size; i++) {
        buffer_byte(&lines, out.data[i]);
        if (out.data[i] == ',' && out.data[i - 1] == '}')
            buffer_byte(&lines, '\n');
    }
    expect_golden(buffer_slice(&lines), "report-fail.json");
    buffer_deinit(&lines);
}

static void spans_of_nothing_are_null(void)
{
    hearing_begin(&hearing, NULL, NULL);
    hearing_finish(&hearing);
    report();
    EXPECT_TEXT(member(buffer_slice(&out), "verdict"), "\"inconclusive\"");
    EXPECT_TEXT(member(member(buffer_slice(&out), "figures"), "response_p50"), "null");
}

static CU_TestInfo tests[] = {
    {"gives laws with conditions, and expectations apart",
     gives_laws_with_conditions_and_expectations_apart},
    {"is JSON that a person has read", is_json_that_a_person_has_read},
    {"spans of nothing are null", spans_of_nothing_are_null},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo report_json_suite = {"report_json", NULL, NULL, set_up, tear_down, tests};
