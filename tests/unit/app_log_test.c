#include "judge/app_log.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"

static struct log_map map;
static struct app_log_entry entry;
static struct error err;

static void set_up(void)
{
    log_map_init(&map);
    entry = (struct app_log_entry){.line = 7, .has_canary = true};
}

static enum rc read(const char *line)
{
    err = (struct error){0};
    return app_log_read(&map, slice_of(line), &entry, &err);
}

static void reads_the_guides_logger(void)
{
    EXPECT_RC(read("{\"model\":\"gpt-4o\",\"latency_ms\":812.5,\"input_tokens\":800,"
                   "\"output_tokens\":120,\"error\":null,\"stop_reason\":\"stop\","
                   "\"id\":\"chatcmpl-00000000000000ffr17\",\"cost\":0.0034500000000000004}"),
              RC_OK);
    CU_ASSERT(entry.is_ours);
    CU_ASSERT_FALSE(entry.is_malformed);
    CU_ASSERT_STRING_EQUAL(entry.model, "gpt-4o");
    CU_ASSERT_STRING_EQUAL(entry.id, "chatcmpl-00000000000000ffr17");
    CU_ASSERT_STRING_EQUAL(entry.stop_reason, "stop");
    CU_ASSERT_STRING_EQUAL(entry.error, "");
    CU_ASSERT(entry.has_latency && entry.latency_ms == 812.5);
    CU_ASSERT(entry.has_input_tokens && entry.input_tokens == 800);
    CU_ASSERT(entry.has_output_tokens && entry.output_tokens == 120);
    CU_ASSERT(entry.has_cost);
    EXPECT_I64(entry.cost, MONEY_USD / 100000 * 345);
    EXPECT_U64(entry.line, 7); /* the caller's */
    CU_ASSERT(entry.has_canary);
}

static void finds_members_where_the_map_says(void)
{
    map.pointers[LOG_FIELD_ID] = SLICE("/response/id");
    map.pointers[LOG_FIELD_LATENCY_MS] = SLICE("/took");
    EXPECT_RC(read("{\"response\":{\"id\":\"a\"},\"took\":\"12.5\",\"id\":\"b\"}"), RC_OK);
    CU_ASSERT(entry.is_ours);
    CU_ASSERT_STRING_EQUAL(entry.id, "a");
    CU_ASSERT(entry.latency_ms == 12.5);
    EXPECT_U64(entry.fields, 1u << LOG_FIELD_ID | 1u << LOG_FIELD_LATENCY_MS);
}

static void other_peoples_lines_are_none_of_ours(void)
{
    static const char *const lines[] = {"",
                                        "started",
                                        "[1]",
                                        "{",
                                        "{}",
                                        "{\"level\":\"info\",\"error\":\"x\"}",
                                        "{\"id\":\"a\"}",
                                        "{\"latency_ms\":1}",
                                        "{\"model\":null}",
                                        "[{\"model\":\"a\"",
                                        "  "};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        EXPECT_RC(read(lines[i]), RC_OK);
        CU_ASSERT_FALSE(entry.is_ours);
    }
}

static void what_begins_as_an_object_and_is_no_json_is_malformed(void)
{
    static const char whole[] = "{\"model\":\"a\",\"latency_ms\":1}";
    static const char *const lines[] = {"{\"id\":\"half", "  {\"id\":1,}\r", "{'model': 'a'}",
                                        "{\"model\":\"a\"} tail"};
    char half[sizeof(whole)];

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        EXPECT_RC(read(lines[i]), RC_MALFORMED);
        CU_ASSERT(entry.is_ours && entry.is_malformed && entry.is_unreadable);
        CU_ASSERT_STRING_EQUAL(entry.model, "");
        CU_ASSERT(entry.has_canary);
    }
    for (size_t size = 2; size < sizeof(whole) - 1; size++) {
        slice_copy((struct slice){whole, size}, half, sizeof(half));
        EXPECT_RC(read(half), RC_MALFORMED);
        CU_ASSERT(entry.is_unreadable);
    }
}

static void numbers_may_be_texts(void)
{
    EXPECT_RC(read("{\"model\":\"m\",\"input_tokens\":\"12\",\"cost\":\"1.2e-05\"}"), RC_OK);
    EXPECT_U64(entry.input_tokens, 12);
    EXPECT_I64(entry.cost, MONEY_USD / 1000000 * 12);
    CU_ASSERT_FALSE(entry.has_output_tokens);
    CU_ASSERT_FALSE(entry.has_latency);
}

static void a_member_that_is_something_else_makes_a_line_malformed(void)
{
    static const char *const members[] = {"\"input_tokens\":\"twelve\"",
                                          "\"input_tokens\":-1",
                                          "\"input_tokens\":1.5",
                                          "\"output_tokens\":[]",
                                          "\"latency_ms\":true",
                                          "\"latency_ms\":-0.5",
                                          "\"latency_ms\":\"1 s\"",
                                          "\"cost\":\"$1\"",
                                          "\"cost\":1e300",
                                          "\"id\":{}",
                                          "\"stop_reason\":true",
                                          "\"latency_ms\":\"\""};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        char line[128] = "{\"model\":\"m\",";

        strcat(strcat(line, members[i]), "}");
        EXPECT_RC(read(line), RC_MALFORMED);
        CU_ASSERT(entry.is_ours && entry.is_malformed);
        CU_ASSERT_STRING_EQUAL(entry.model, "m"); /* what can be read is */
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "expected"));
    }
}

static void whatever_is_no_nothing_is_an_error(void)
{
    static const struct {
        const char *value, *error;
    } errors[] = {{"null", ""},         {"false", ""},  {"\"\"", ""},       {"true", "true"},
                  {"\"boom\"", "boom"}, {"500", "500"}, {"{}", "an error"}, {"[1]", "an error"}};

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        char line[64] = "{\"model\":\"m\",\"error\":";

        strcat(strcat(line, errors[i].value), "}");
        EXPECT_RC(read(line), RC_OK);
        CU_ASSERT_STRING_EQUAL(entry.error, errors[i].error);
    }
}

static void finds_the_request_behind_a_response_id(void)
{
    EXPECT_U64(app_log_request(SLICE("msg_0123456789abcdefr17")), 17);
    EXPECT_U64(app_log_request(SLICE("0123456789abcdefr1")), 1);
    EXPECT_U64(app_log_request(SLICE("msg_0123456789abcdefr")), 0);
    EXPECT_U64(app_log_request(SLICE("r17")), 0);
    EXPECT_U64(app_log_request(SLICE("0123456789abcder17")), 0);
    EXPECT_U64(app_log_request(SLICE("msg_0123456789abcdeFr17")), 0);
    EXPECT_U64(app_log_request(SLICE("msg_0123456789abcdefr17x")), 0);
    EXPECT_U64(app_log_request(SLICE("msg_0123456789abcdefr99999999999999999999")), 0);
    EXPECT_U64(app_log_request(SLICE("msg_01AbCdEfGhIjKlMnOpQr")), 0);
    EXPECT_U64(app_log_request(SLICE("")), 0);
}

static CU_TestInfo tests[] = {
    {"reads the guide's logger", reads_the_guides_logger},
    {"finds members where the map says", finds_members_where_the_map_says},
    {"other people's lines are none of ours", other_peoples_lines_are_none_of_ours},
    {"what begins as an object and is no JSON is malformed",
     what_begins_as_an_object_and_is_no_json_is_malformed},
    {"numbers may be texts", numbers_may_be_texts},
    {"a member that is something else makes a line malformed",
     a_member_that_is_something_else_makes_a_line_malformed},
    {"whatever is no nothing is an error", whatever_is_no_nothing_is_an_error},
    {"finds the request behind a response id", finds_the_request_behind_a_response_id},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo app_log_suite = {"app_log", NULL, NULL, set_up, NULL, tests};
