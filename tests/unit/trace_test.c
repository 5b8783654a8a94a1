/* Recorded load. The shipped trace is held to the statistics that were computed from it elsewhere,
 * once, with another program. */

#include "scenario/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/tree.h"

static const char AZURE[] = "scenarios/traces/azure-code.csv";
enum { AZURE_ROWS = 3628 };

static struct arena arena;
static struct error err;
static struct trace_options options;
static const struct trace_row *rows;
static uint64_t rows_count;

static void set_up(void)
{
    err = (struct error){0};
    options = (struct trace_options){.file = SLICE("t.csv"), .lasts = NANOS_NEVER, .speed = 1};
    rows = NULL;
    rows_count = 77;
    arena_init(&arena, memory_heap(), 4 << 20);
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

static enum rc read_text(struct slice text)
{
    return trace_read_azure(text, &options, &arena, &rows, &rows_count, &err);
}

static enum rc read_rows(const char *after_header)
{
    char text[1024] = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n";

    strncat(text, after_header, sizeof(text) - strlen(text) - 1);
    return read_text(slice_of(text));
}

static void read_azure(void)
{
    EXPECT_RC(read_text(tree_read(AZURE, &arena)), RC_OK);
    EXPECT_U64(rows_count, AZURE_ROWS);
}

static void expect_near(double actual, double expected, double slack)
{
    CU_ASSERT_DOUBLE_EQUAL(actual, expected, slack);
}

/* --- the statistics of the shipped file ------------------------------------------------------- */

/* Arrivals per bin, over whole bins from the first row to the last. */
static uint64_t count_bins(nanos width, uint64_t *bins, uint64_t bins_max)
{
    uint64_t count = (uint64_t)(rows[rows_count - 1].due_at / width) + 1;

    CU_ASSERT_FATAL(count <= bins_max);
    memset(bins, 0, count * sizeof(*bins));
    for (uint64_t i = 0; i < rows_count; i++)
        bins[rows[i].due_at / width]++;
    return count;
}

static uint64_t most(const uint64_t *bins, uint64_t count)
{
    uint64_t peak = 0;

    for (uint64_t i = 0; i < count; i++)
        peak = bins[i] > peak ? bins[i] : peak;
    return peak;
}

static void arrivals_span_and_rate_are_the_file_s(void)
{
    double span_s;

    read_azure();
    span_s = (double)rows[rows_count - 1].due_at / 1e9;
    EXPECT_I64(rows[0].due_at, 0);
    expect_near(span_s, 1199.101, 0.0005);
    expect_near((double)rows_count / span_s, 3.0256, 0.00005);
}

static void arrivals_come_in_bursts_as_in_the_file(void)
{
    uint64_t bins[1300];
    uint64_t count, empty = 0;
    double mean, variance = 0;

    read_azure();
    count = count_bins(10 * NANOS_S, bins, 1300);
    EXPECT_U64(most(bins, count), 327);
    count = count_bins(NANOS_S, bins, 1300);
    EXPECT_U64(most(bins, count), 67);
    mean = (double)rows_count / (double)count;
    for (uint64_t i = 0; i < count; i++) {
        empty += bins[i] == 0;
        variance += ((double)bins[i] - mean) * ((double)bins[i] - mean) / (double)count;
    }
    expect_near((double)empty / (double)count, 0.715, 0.0005);
    expect_near(variance / mean, 15.199, 0.0005);
}

static void gaps_between_arrivals_are_the_file_s(void)
{
    double mean, variance = 0;
    nanos gap_max = 0;

    read_azure();
    mean = (double)rows[rows_count - 1].due_at / (double)(rows_count - 1);
    for (uint64_t i = 1; i < rows_count; i++) {
        nanos gap = rows[i].due_at - rows[i - 1].due_at;

        gap_max = nanos_max(gap_max, gap);
        variance += ((double)gap - mean) * ((double)gap - mean) / (double)(rows_count - 1);
    }
    expect_near(sqrt(variance) / mean, 14.65, 0.005);
    expect_near((double)gap_max / 1e9, 173.522, 0.0005);
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;

    return *left < *right ? -1 : *left > *right;
}

struct token_facts {
    uint64_t min, p50, p90, p99, max, total;
    double mean;
};

static uint64_t nearest_rank(const uint64_t *sorted, uint64_t percent)
{
    return sorted[(AZURE_ROWS * percent + 99) / 100 - 1];
}

static void expect_tokens(uint64_t *tokens, const struct token_facts *expected)
{
    uint64_t total = 0;

    qsort(tokens, AZURE_ROWS, sizeof(*tokens), by_size);
    for (uint64_t i = 0; i < AZURE_ROWS; i++)
        total += tokens[i];
    EXPECT_U64(tokens[0], expected->min);
    EXPECT_U64(nearest_rank(tokens, 50), expected->p50);
    EXPECT_U64(nearest_rank(tokens, 90), expected->p90);
    EXPECT_U64(nearest_rank(tokens, 99), expected->p99);
    EXPECT_U64(tokens[AZURE_ROWS - 1], expected->max);
    EXPECT_U64(total, expected->total);
    expect_near((double)total / AZURE_ROWS, expected->mean, 0.005);
}

static void tokens_are_the_file_s(void)
{
    static uint64_t input[AZURE_ROWS], output[AZURE_ROWS];

    read_azure();
    for (uint64_t i = 0; i < AZURE_ROWS; i++) {
        input[i] = rows[i].input_tokens;
        output[i] = rows[i].output_tokens;
    }
    expect_tokens(input, &(struct token_facts){6, 1397, 4928, 7436, 7437, 7309910, 2014.86});
    expect_tokens(output, &(struct token_facts){6, 13, 55, 249, 1899, 100545, 27.71});
}

static void rows_are_numbered_and_sorted(void)
{
    read_azure();
    EXPECT_U64(rows[0].input_tokens, 4808);
    EXPECT_U64(rows[0].output_tokens, 10);
    for (uint64_t i = 1; i < rows_count; i++) {
        CU_ASSERT(rows[i].due_at >= rows[i - 1].due_at);
        CU_ASSERT(rows[i].index == i);
    }
}

/* --- cutting and scaling ---------------------------------------------------------------------- */

static const char THREE[] = "2023-11-16 23:59:59.5000000,10,1\r\n"
                            "2023-11-17 00:00:00.5,20,2\n"
                            "2023-11-17 00:00:02,30,3";

static void reads_lf_and_crlf_midnight_and_a_last_line_without_end(void)
{
    EXPECT_RC(read_rows(THREE), RC_OK);
    EXPECT_U64(rows_count, 3);
    EXPECT_I64(rows[1].due_at, 1 * NANOS_S);
    EXPECT_I64(rows[2].due_at, 2500 * NANOS_MS);
    EXPECT_U64(rows[2].output_tokens, 3);
}

static void speed_divides_the_instants_only(void)
{
    options.speed = 3;
    options.start_at = 10 * NANOS_S;
    EXPECT_RC(read_rows(THREE), RC_OK);
    EXPECT_I64(rows[0].due_at, 10 * NANOS_S);
    EXPECT_I64(rows[1].due_at, 10333333333);
    EXPECT_I64(rows[2].due_at, 10833333333);
    EXPECT_U64(rows[2].input_tokens, 30);
}

static void a_piece_is_cut_out_in_the_trace_s_time_and_keeps_its_row_numbers(void)
{
    options.from = 1 * NANOS_S;
    options.lasts = 1500 * NANOS_MS; /* its end is not included */
    options.speed = 2;
    EXPECT_RC(read_rows(THREE), RC_OK);
    EXPECT_U64(rows_count, 1);
    EXPECT_U64(rows[0].index, 1);
    EXPECT_I64(rows[0].due_at, 0);
}

/* --- bad rows --------------------------------------------------------------------------------- */

static void expect_refused(const char *after_header, struct slice message)
{
    EXPECT_RC(read_rows(after_header), RC_MALFORMED);
    expect_text(slice_of(err.text), message,
                &(struct expect_place){"the message of a bad row", __FILE__, __LINE__});
    CU_ASSERT_PTR_NULL(rows);
    EXPECT_U64(rows_count, 77); /* as it was: nothing is loaded */
}

static void a_bad_row_is_named_and_nothing_is_loaded(void)
{
    expect_refused("2023-11-16 18:17:03,1,1\n2023-11-16 18:17:04,1\n",
                   SLICE("t.csv:3: found \"2023-11-16 18:17:04,1\", expected three fields: time, "
                         "tokens in, tokens out"));
    expect_refused("2023-11-16 18:17:03,1,1,1\n",
                   SLICE("t.csv:2: found \"2023-11-16 18:17:03,1,1,1\", expected three fields: "
                         "time, tokens in, tokens out"));
    expect_refused("2023-11-16 18:17:03,1,1,\n",
                   SLICE("t.csv:2: found \"2023-11-16 18:17:03,1,1,\", expected three fields: "
                         "time, tokens in, tokens out"));
    expect_refused("\n",
                   SLICE("t.csv:2: found \"\", expected three fields: time, tokens in, tokens "
                         "out"));
    expect_refused("2023-11-16 18:17:03,many,1\n",
                   SLICE("t.csv:2: found \"many\", expected a whole number of context tokens"));
    expect_refused("2023-11-16 18:17:03,1,-1\n",
                   SLICE("t.csv:2: found \"-1\", expected a whole number of generated tokens"));
}

static void a_bad_time_is_named(void)
{
    static const char *const times[] = {"yesterday",
                                        "2023-11-16",
                                        "2023-02-30 18:17:03",
                                        "2023-11-16T18:17:03",
                                        "2023-11-16 18:61:03",
                                        "2023-11-16 18:17:03.",
                                        "2023-11-16 18:17:03.1234567890",
                                        "2023-11-16 18:17:03.1x",
                                        "9999-11-16 18:17:03"};

    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        char row[64];

        snprintf(row, sizeof(row), "%s,1,1\n", times[i]);
        EXPECT_RC(read_rows(row), RC_MALFORMED);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "expected a time such as"));
    }
}

static void time_must_not_go_backwards(void)
{
    expect_refused("2023-11-16 18:17:03.5,1,1\n2023-11-16 18:17:03.4,2,1\n",
                   SLICE("t.csv:3: found \"2023-11-16 18:17:03.4,2,1\", expected a time not before "
                         "the row above"));
}

static void a_bad_row_outside_of_the_cut_is_bad_too(void)
{
    options.lasts = 1 * NANOS_S;
    EXPECT_RC(read_rows("2023-11-16 18:17:03,1,1\n2023-11-16 18:27:03,x,1\n"), RC_MALFORMED);
}

static void another_header_is_refused(void)
{
    EXPECT_RC(read_text(SLICE("Timestamp,Model,Request tokens\n")), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text), "t.csv:1: found \"Timestamp,Model,Request tokens\", expected "
                                    "TIMESTAMP,ContextTokens,GeneratedTokens");
}

static void an_empty_file_is_refused_in_its_first_line(void)
{
    EXPECT_RC(read_text((struct slice){0}), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text),
                "t.csv:1: found \"\", expected TIMESTAMP,ContextTokens,GeneratedTokens");
}

static void a_header_that_only_looks_right_is_told_what_is_wrong(void)
{
    EXPECT_RC(read_text(SLICE("\xEF\xBB\xBFTIMESTAMP,ContextTokens,GeneratedTokens\n")),
              RC_MALFORMED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "expected a file without a byte order mark"));
    EXPECT_RC(
        read_text(SLICE("TIMESTAMP,ContextTokens,GeneratedTokens\r2023-11-16 18:17:03,1,1\r")),
        RC_MALFORMED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "expected lines that end in LF or CRLF"));
}

static void no_cut_of_the_text_breaks_the_reader(void)
{
    static const char text[] = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
                               "2023-11-16 18:17:03.9799600,4808,10\r\n";

    for (size_t size = 0; size < sizeof(text); size++) {
        enum rc rc = read_text((struct slice){text, size});

        CU_ASSERT(rc == RC_OK || rc == RC_MALFORMED);
    }
}

static void memory_may_run_out(void)
{
    struct arena small;

    arena_init(&small, memory_heap(), 64);
    EXPECT_RC(
        trace_read_azure(tree_read(AZURE, &arena), &options, &small, &rows, &rows_count, &err),
        RC_LIMIT);
    CU_ASSERT_PTR_NULL(rows);
    arena_deinit(&small);
}

static CU_TestInfo tests[] = {
    {"arrivals: span and rate are the file's", arrivals_span_and_rate_are_the_file_s},
    {"arrivals come in bursts as in the file", arrivals_come_in_bursts_as_in_the_file},
    {"gaps between arrivals are the file's", gaps_between_arrivals_are_the_file_s},
    {"tokens are the file's", tokens_are_the_file_s},
    {"rows are numbered and sorted", rows_are_numbered_and_sorted},
    {"reads LF and CRLF, midnight, and a last line without end",
     reads_lf_and_crlf_midnight_and_a_last_line_without_end},
    {"speed divides the instants only", speed_divides_the_instants_only},
    {"a piece is cut out in the trace's time and keeps its row numbers",
     a_piece_is_cut_out_in_the_trace_s_time_and_keeps_its_row_numbers},
    {"a bad row is named and nothing is loaded", a_bad_row_is_named_and_nothing_is_loaded},
    {"a bad time is named", a_bad_time_is_named},
    {"time must not go backwards", time_must_not_go_backwards},
    {"a bad row outside of the cut is bad too", a_bad_row_outside_of_the_cut_is_bad_too},
    {"another header is refused", another_header_is_refused},
    {"an empty file is refused in its first line", an_empty_file_is_refused_in_its_first_line},
    {"a header that only looks right is told what is wrong",
     a_header_that_only_looks_right_is_told_what_is_wrong},
    {"no cut of the text breaks the reader", no_cut_of_the_text_breaks_the_reader},
    {"memory may run out", memory_may_run_out},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo trace_suite = {"trace", NULL, NULL, set_up, tear_down, tests};
