/* The cases of the incident catalogue stand here under their own names. NOW is what our own wall
 * clock says; the server's differs from it wherever a test is about dates. */

#include "wire/answer_head.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "base/attributes.h"
#include "tests/support/expect.h"

/* 2026-10-21T07:27:50Z, ten seconds before the date of RET-03. */
static const int64_t NOW_NS = 1792567670 * NANOS_S;

static struct answer_head head;

static void set_up(void)
{
    answer_head_clear(&head);
}

static void line(const char *text)
{
    answer_head_line(&head, slice_of(text));
}

static struct advice advice(void)
{
    return answer_head_advice(&head, NOW_NS);
}

/* The advice of an answer with nothing but that header line. */
static struct advice advice_of(const char *text)
{
    answer_head_clear(&head);
    line("HTTP/1.1 429 Too Many Requests\r\n");
    line(text);
    return advice();
}

static void expect_advice(struct advice actual, enum advice_form form, nanos wait)
{
    EXPECT_U64(actual.form, form);
    EXPECT_I64(actual.wait, wait);
}

static void keeps_the_status_of_the_status_line(void)
{
    line("HTTP/1.1 529 \r\n");
    EXPECT_U64(head.status, 529);
    line("HTTP/2 200\r\n");
    EXPECT_U64(head.status, 200);
}

static void a_status_line_that_is_none_leaves_the_status_unknown(void)
{
    static const char *const lines[] = {"HTTP/1.1",       "HTTP/1.1 ",        "HTTP/1.1 2x0 OK",
                                        "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1  200 OK"};

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        line("HTTP/1.1 200 OK");
        line(lines[i]);
        EXPECT_U64(head.status, 0);
    }
}

static void a_second_status_line_starts_over(void)
{
    line("HTTP/1.1 103 Early Hints\r\n");
    line("Retry-After: 9\r\n");
    line("Content-Type: text/html\r\n");
    line("\r\n");
    line("HTTP/1.1 200 OK\r\n");
    line("Content-Type: application/json\r\n");
    EXPECT_U64(head.status, 200);
    CU_ASSERT(head.is_json);
    expect_advice(advice(), ADVICE_NONE, 0);
}

static void knows_streams_and_json_by_their_media_type(void)
{
    line("content-type: text/event-stream; charset=utf-8");
    CU_ASSERT(head.is_stream);
    CU_ASSERT(!head.is_json);
    answer_head_clear(&head);
    line("Content-Type:\tApplication/JSON\r\n");
    CU_ASSERT(head.is_json);
    CU_ASSERT(!head.is_stream);
    answer_head_clear(&head);
    line("Content-Type: text/html\r\n");
    CU_ASSERT(head.has_type);
    CU_ASSERT(!head.is_json);
    CU_ASSERT(!head.is_stream);
}

static void the_first_content_type_counts(void)
{
    line("Content-Type: text/html");
    line("Content-Type: application/json");
    CU_ASSERT(!head.is_json);
}

static void keeps_the_request_id_of_either_provider(void)
{
    line("request-id: req_1");
    CU_ASSERT_STRING_EQUAL(head.request_id, "req_1");
    answer_head_clear(&head);
    line("X-Request-Id: req_2\r\n");
    CU_ASSERT_STRING_EQUAL(head.request_id, "req_2");
}

static void lines_that_are_no_headers_are_ignored(void)
{
    line("");
    line("\r\n");
    line("retry-after");
    line("retry-after : 5");
    line(": 5");
    line("x-retry-after: 5");
    expect_advice(advice(), ADVICE_NONE, 0);
}

static void whole_seconds_are_advice(void)
{
    expect_advice(advice_of("Retry-After: 1\r\n"), ADVICE_SECONDS, NANOS_S);
    expect_advice(advice_of("retry-after:  30"), ADVICE_SECONDS, 30 * NANOS_S);
}

static void ret_03_a_date_counts_by_the_servers_clock(void)
{
    line("HTTP/1.1 429 Too Many Requests");
    line("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT");
    line("Date: Wed, 21 Oct 2026 07:27:57 GMT");
    expect_advice(advice(), ADVICE_DATE, 3 * NANOS_S);
}

static void ret_03_a_client_clock_five_minutes_off_changes_nothing(void)
{
    line("Date: Wed, 21 Oct 2026 07:27:57 GMT");
    line("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT");
    expect_advice(answer_head_advice(&head, NOW_NS + 300 * NANOS_S), ADVICE_DATE, 3 * NANOS_S);
    expect_advice(answer_head_advice(&head, NOW_NS - 300 * NANOS_S), ADVICE_DATE, 3 * NANOS_S);
}

static void ret_03_our_clock_counts_when_the_server_sent_no_readable_date(void)
{
    line("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT");
    expect_advice(advice(), ADVICE_DATE, 10 * NANOS_S);
    expect_advice(answer_head_advice(&head, NOW_NS + 250 * NANOS_MS), ADVICE_DATE, 9750 * NANOS_MS);
    line("Date: today");
    expect_advice(advice(), ADVICE_DATE, 10 * NANOS_S);
}

static void ret_03_a_date_in_the_past_or_now_is_no_advice(void)
{
    line("Date: Wed, 21 Oct 2026 07:28:00 GMT");
    line("Retry-After: Wed, 21 Oct 2026 07:27:59 GMT");
    expect_advice(advice(), ADVICE_UNUSABLE, 0);
    set_up();
    line("Date: Wed, 21 Oct 2026 07:28:00 GMT");
    line("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT");
    expect_advice(advice(), ADVICE_UNUSABLE, 0);
}

static void ret_03_the_older_forms_of_a_date_are_read_too(void)
{
    expect_advice(advice_of("Retry-After: Wednesday, 21-Oct-26 07:28:00 GMT"), ADVICE_DATE,
                  10 * NANOS_S);
    expect_advice(advice_of("Retry-After: Wed Oct 21 07:28:00 2026"), ADVICE_DATE, 10 * NANOS_S);
}

static void ret_04_zero_is_no_advice(void)
{
    expect_advice(advice_of("Retry-After: 0"), ADVICE_UNUSABLE, 0);
    expect_advice(advice_of("Retry-After: 0.0"), ADVICE_UNUSABLE, 0);
    expect_advice(advice_of("Retry-After-Ms: 0"), ADVICE_UNUSABLE, 0);
}

static void ret_04_fractions_are_exact_and_rounded_up_beyond_the_nanosecond(void)
{
    expect_advice(advice_of("Retry-After: 0.5"), ADVICE_FRACTION, 500 * NANOS_MS);
    expect_advice(advice_of("Retry-After: 0.129"), ADVICE_FRACTION, 129 * NANOS_MS);
    expect_advice(advice_of("Retry-After: 1.0"), ADVICE_FRACTION, NANOS_S);
    expect_advice(advice_of("Retry-After: 0.12900000000000003"), ADVICE_FRACTION, 129000001);
    expect_advice(advice_of("Retry-After: 0.0000000000001"), ADVICE_FRACTION, 1);
    expect_advice(advice_of("Retry-After: 0.1290000000000000"), ADVICE_FRACTION, 129 * NANOS_MS);
}

static void ret_04_what_cannot_be_used_is_no_advice(void)
{
    static const char *const values[] = {"-1",   "abc",   "",    "2814, 2", "NaN", "Infinity",
                                         "-0.5", "+1",    "1e3", "1.",      ".5",  "1 seconds",
                                         "0x10", "1.2.3", "inf", "1,5"};

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        char text[64] = "Retry-After: ";

        strcat(text, values[i]);
        expect_advice(advice_of(text), ADVICE_UNUSABLE, 0);
        memcpy(text, "Retry-After-Ms: ", 17);
        strcat(text, values[i]);
        expect_advice(advice_of(text), ADVICE_UNUSABLE, 0);
    }
}

static void ret_04_of_two_headers_the_first_counts(void)
{
    line("Retry-After: 3");
    line("Retry-After: 7");
    expect_advice(advice(), ADVICE_SECONDS, 3 * NANOS_S);
    set_up();
    line("Retry-After:");
    line("Retry-After: 7");
    expect_advice(advice(), ADVICE_UNUSABLE, 0);
}

static void ret_04_milliseconds_come_before_seconds(void)
{
    line("Retry-After: 1");
    line("Retry-After-Ms: 250");
    expect_advice(advice(), ADVICE_MS, 250 * NANOS_MS);
    expect_advice(advice_of("retry-after-ms: 12.5"), ADVICE_MS, 12500 * NANOS_US);
}

static void ret_04_unusable_milliseconds_leave_the_seconds_to_count(void)
{
    line("Retry-After-Ms: 0");
    line("Retry-After: 1");
    expect_advice(advice(), ADVICE_SECONDS, NANOS_S);
    set_up();
    line("Retry-After-Ms: soon");
    line("Retry-After: 1.5");
    expect_advice(advice(), ADVICE_FRACTION, 1500 * NANOS_MS);
}

static void ret_04_a_value_too_long_to_be_a_time_is_not_cut_into_one(void)
{
    expect_advice(
        advice_of("Retry-After: 1.00000000000000000000000000000000000000000000000000000000"
                  "00000000000000000 o'clock"),
        ADVICE_UNUSABLE, 0);
}

static void ret_05_a_day_and_a_month_are_passed_on_as_they_are(void)
{
    expect_advice(advice_of("Retry-After: 86400"), ADVICE_SECONDS, 86400 * NANOS_S);
    expect_advice(advice_of("Retry-After: 1296000"), ADVICE_SECONDS, 1296000 * NANOS_S);
}

static void ret_05_ten_years_are_the_limit_in_every_form(void)
{
    const nanos years = 3653 * 86400 * NANOS_S;

    expect_advice(advice_of("Retry-After: 315619200"), ADVICE_SECONDS, years);
    expect_advice(advice_of("Retry-After: 315619200.1"), ADVICE_UNUSABLE, 0);
    expect_advice(advice_of("Retry-After: 315619201"), ADVICE_UNUSABLE, 0);
    expect_advice(advice_of("Retry-After: 18446744073709551615"), ADVICE_UNUSABLE, 0);
    expect_advice(advice_of("Retry-After: 99999999999999999999999999"), ADVICE_UNUSABLE, 0);
    expect_advice(advice_of("Retry-After-Ms: 315619200000"), ADVICE_MS, years);
    expect_advice(advice_of("Retry-After-Ms: 315619200001"), ADVICE_UNUSABLE, 0);
    expect_advice(advice_of("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"), ADVICE_UNUSABLE, 0);
}

static void should_retry_is_compared_case_sensitively(void)
{
    EXPECT_U64(advice_of("X-Should-Retry: true").should_retry, SHOULD_RETRY_YES);
    EXPECT_U64(advice_of("x-should-retry: false\r\n").should_retry, SHOULD_RETRY_NO);
    EXPECT_U64(advice_of("x-should-retry: False").should_retry, SHOULD_RETRY_UNSAID);
    EXPECT_U64(advice_of("x-should-retry: truetrue").should_retry, SHOULD_RETRY_UNSAID);
    EXPECT_U64(advice_of("server: x").should_retry, SHOULD_RETRY_UNSAID);
}

static CU_TestInfo tests[] = {
    {"keeps the status of the status line", keeps_the_status_of_the_status_line},
    {"a status line that is none leaves the status unknown",
     a_status_line_that_is_none_leaves_the_status_unknown},
    {"a second status line starts over", a_second_status_line_starts_over},
    {"knows streams and JSON by their media type", knows_streams_and_json_by_their_media_type},
    {"the first content type counts", the_first_content_type_counts},
    {"keeps the request id of either provider", keeps_the_request_id_of_either_provider},
    {"lines that are no headers are ignored", lines_that_are_no_headers_are_ignored},
    {"whole seconds are advice", whole_seconds_are_advice},
    {"RET-03: a date counts by the server's clock", ret_03_a_date_counts_by_the_servers_clock},
    {"RET-03: a client clock five minutes off changes nothing",
     ret_03_a_client_clock_five_minutes_off_changes_nothing},
    {"RET-03: our clock counts when the server sent no readable date",
     ret_03_our_clock_counts_when_the_server_sent_no_readable_date},
    {"RET-03: a date in the past, or now, is no advice",
     ret_03_a_date_in_the_past_or_now_is_no_advice},
    {"RET-03: the older forms of a date are read too",
     ret_03_the_older_forms_of_a_date_are_read_too},
    {"RET-04: zero is no advice", ret_04_zero_is_no_advice},
    {"RET-04: fractions are exact, and rounded up beyond the nanosecond",
     ret_04_fractions_are_exact_and_rounded_up_beyond_the_nanosecond},
    {"RET-04: what cannot be used is no advice", ret_04_what_cannot_be_used_is_no_advice},
    {"RET-04: of two headers the first counts", ret_04_of_two_headers_the_first_counts},
    {"RET-04: milliseconds come before seconds", ret_04_milliseconds_come_before_seconds},
    {"RET-04: unusable milliseconds leave the seconds to count",
     ret_04_unusable_milliseconds_leave_the_seconds_to_count},
    {"RET-04: a value too long to be a time is not cut into one",
     ret_04_a_value_too_long_to_be_a_time_is_not_cut_into_one},
    {"RET-05: a day and a month are passed on as they are",
     ret_05_a_day_and_a_month_are_passed_on_as_they_are},
    {"RET-05: ten years are the limit in every form", ret_05_ten_years_are_the_limit_in_every_form},
    {"should-retry is compared case-sensitively", should_retry_is_compared_case_sensitively},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo answer_head_suite = {"answer_head", NULL, NULL, set_up, NULL, tests};
