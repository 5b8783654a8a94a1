#include "wire/http_date.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"

/* 1994-11-06T08:49:37Z, the example of RFC 9110 §5.6.7. */
static const int64_t EXAMPLE_S = 784111777;

static struct buffer out;

static void set_up(void)
{
    buffer_init(&out, memory_heap(), 256);
}

static void tear_down(void)
{
    buffer_deinit(&out);
}

static int64_t read_http(const char *text)
{
    int64_t unix_s = -1;

    EXPECT_RC(http_date_read(slice_of(text), &unix_s), RC_OK);
    return unix_s;
}

static int64_t read_rfc3339(const char *text)
{
    int64_t unix_s = -1;

    EXPECT_RC(rfc3339_read(slice_of(text), &unix_s), RC_OK);
    return unix_s;
}

static struct slice write_http(int64_t unix_s)
{
    buffer_clear(&out);
    http_date_write(&out, unix_s);
    return buffer_slice(&out);
}

static void reads_all_three_forms_as_the_same_second(void)
{
    EXPECT_I64(read_http("Sun, 06 Nov 1994 08:49:37 GMT"), EXAMPLE_S);
    EXPECT_I64(read_http("Sunday, 06-Nov-94 08:49:37 GMT"), EXAMPLE_S);
    EXPECT_I64(read_http("Sun Nov  6 08:49:37 1994"), EXAMPLE_S);
    EXPECT_I64(read_http("Wed Nov 16 08:49:37 1994"), EXAMPLE_S + 10 * 86400);
}

static void two_digit_years_mean_1970_to_2069(void)
{
    EXPECT_I64(read_http("Thursday, 01-Jan-70 00:00:00 GMT"), 0);
    EXPECT_I64(read_http("Tuesday, 31-Dec-69 23:59:59 GMT"), 3155759999);
}

static void a_wrong_weekday_does_not_matter_but_a_missing_one_does(void)
{
    int64_t unix_s = 7;

    EXPECT_I64(read_http("Mon, 06 Nov 1994 08:49:37 GMT"), EXAMPLE_S);
    EXPECT_RC(http_date_read(SLICE("06 Nov 1994 08:49:37 GMT"), &unix_s), RC_MALFORMED);
}

static void what_is_no_date_is_refused_and_the_output_left_alone(void)
{
    static const char *const texts[] = {
        "",
        "1",
        "soon",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nof 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 2100 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "1994-11-06T08:49:37Z",
    };
    int64_t unix_s = 7;

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        EXPECT_RC(http_date_read(slice_of(texts[i]), &unix_s), RC_MALFORMED);
        EXPECT_I64(unix_s, 7);
    }
}

static void years_out_of_range_are_a_limit(void)
{
    int64_t unix_s = 7;

    EXPECT_RC(http_date_read(SLICE("Wed, 31 Dec 1969 23:59:59 GMT"), &unix_s), RC_LIMIT);
    EXPECT_RC(rfc3339_read(SLICE("1970-01-01T00:00:00+00:01"), &unix_s), RC_LIMIT);
    EXPECT_RC(rfc3339_read(SLICE("9999-12-31T23:59:59-00:01"), &unix_s), RC_LIMIT);
    EXPECT_RC(rfc3339_read(SLICE("0000-01-01T00:00:00Z"), &unix_s), RC_LIMIT);
    EXPECT_I64(unix_s, 7);
}

static void a_leap_second_is_the_next_minutes_first(void)
{
    EXPECT_I64(read_http("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228800);
}

static void reads_rfc_3339_with_fractions_and_offsets(void)
{
    EXPECT_I64(read_rfc3339("1994-11-06T08:49:37Z"), EXAMPLE_S);
    EXPECT_I64(read_rfc3339("1994-11-06t08:49:37z"), EXAMPLE_S);
    EXPECT_I64(read_rfc3339("1994-11-06 08:49:37.999999999Z"), EXAMPLE_S);
    EXPECT_I64(read_rfc3339("1994-11-06T10:19:37+01:30"), EXAMPLE_S);
    EXPECT_I64(read_rfc3339("1994-11-05T23:49:37.5-09:00"), EXAMPLE_S);
}

static void ret_07_a_reset_header_is_read_as_its_date_and_nothing_else_is(void)
{
    static const char *const others[] = {"6m0s",
                                         "1s",
                                         "7.66",
                                         "1786136400",
                                         "2026-08-07",
                                         "2026-08-07T21:00:00",
                                         "",
                                         "2026-08-07T21:00:00.Z",
                                         "2026-8-7T21:00:00Z",
                                         "2026-08-07T21:00:00+0100",
                                         "2026-08-07T21:00:00+24:00",
                                         "2026-08-07T21:00:00ZZ",
                                         "2026-13-07T21:00:00Z"};
    int64_t unix_s = 7;

    EXPECT_I64(read_rfc3339("2026-08-07T21:00:00Z"), 1786136400);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        EXPECT_RC(rfc3339_read(slice_of(others[i]), &unix_s), RC_MALFORMED);
    EXPECT_I64(unix_s, 7);
}

static void writes_the_first_form(void)
{
    EXPECT_TEXT(write_http(EXAMPLE_S), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_TEXT(write_http(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_TEXT(write_http(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
    EXPECT_TEXT(write_http(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
    EXPECT_U64(out.size, HTTP_DATE_SIZE);
}

static void writes_rfc_3339(void)
{
    rfc3339_write(&out, 1777898096);
    EXPECT_TEXT(buffer_slice(&out), "2026-05-04T12:34:56Z");
}

/* A prime step visits every month and every second of the minute. */
static void reads_back_what_it_writes_over_all_years(void)
{
    for (int64_t unix_s = 0; unix_s < 253402300800; unix_s += 86399 * 97) {
        int64_t read = -1;

        EXPECT_RC(http_date_read(write_http(unix_s), &read), RC_OK);
        EXPECT_I64(read, unix_s);
        buffer_clear(&out);
        rfc3339_write(&out, unix_s);
        EXPECT_RC(rfc3339_read(buffer_slice(&out), &read), RC_OK);
        EXPECT_I64(read, unix_s);
    }
}

static CU_TestInfo tests[] = {
    {"reads all three forms as the same second", reads_all_three_forms_as_the_same_second},
    {"two-digit years mean 1970 to 2069", two_digit_years_mean_1970_to_2069},
    {"a wrong weekday does not matter, but a missing one does",
     a_wrong_weekday_does_not_matter_but_a_missing_one_does},
    {"what is no date is refused and the output left alone",
     what_is_no_date_is_refused_and_the_output_left_alone},
    {"years out of range are a limit", years_out_of_range_are_a_limit},
    {"a leap second is the next minute's first", a_leap_second_is_the_next_minutes_first},
    {"reads RFC 3339 with fractions and offsets", reads_rfc_3339_with_fractions_and_offsets},
    {"RET-07: a reset header is read as its date, and nothing else is",
     ret_07_a_reset_header_is_read_as_its_date_and_nothing_else_is},
    {"writes the first form", writes_the_first_form},
    {"writes RFC 3339", writes_rfc_3339},
    {"reads back what it writes over all years", reads_back_what_it_writes_over_all_years},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo http_date_suite = {"http_date", NULL, NULL, set_up, tear_down, tests};
