/* Bytes cut into lines, however they come. */

#include "lines.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"

static const struct slice text = {"one\n\nthree\nhalf", 15};

static struct lines lines;

static void set_up(void)
{
    lines_init(&lines, memory_heap());
}

static void tear_down(void)
{
    lines_deinit(&lines);
}

/* Feeds a piece and appends what came out, each line behind a bar. */
static void feed(struct slice piece, struct buffer *seen)
{
    struct slice line;

    lines_feed(&lines, piece);
    while (lines_next(&lines, &line)) {
        buffer_byte(seen, '|');
        buffer_append(seen, line);
    }
}

static void expect_in_pieces(size_t first, size_t step)
{
    struct buffer seen;

    buffer_init(&seen, memory_heap(), 1024);
    feed((struct slice){text.data, first}, &seen);
    for (size_t at = first; at < text.size; at += step)
        feed((struct slice){text.data + at, step < text.size - at ? step : text.size - at}, &seen);
    EXPECT_TEXT(buffer_slice(&seen), "|one||three"); /* what has no end yet is no line */
    buffer_deinit(&seen);
    tear_down();
    set_up();
}

static void whole(void)
{
    expect_in_pieces(text.size, 1);
}

static void cut_in_two_at_every_byte(void)
{
    for (size_t at = 0; at <= text.size; at++)
        expect_in_pieces(at, text.size);
}

static void byte_by_byte(void)
{
    expect_in_pieces(0, 1);
}

static void a_line_without_end_is_refused_at_the_ceiling(void)
{
    static char much[LINES_BYTES_MAX];

    lines_feed(&lines, (struct slice){much, sizeof(much)});
    EXPECT_RC(lines.buffer.rc, RC_OK);
    lines_feed(&lines, SLICE("x"));
    EXPECT_RC(lines.buffer.rc, RC_LIMIT);
}

static CU_TestInfo tests[] = {
    {"whole", whole},
    {"cut in two at every byte", cut_in_two_at_every_byte},
    {"byte by byte", byte_by_byte},
    {"a line without end is refused at the ceiling", a_line_without_end_is_refused_at_the_ceiling},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo lines_suite = {"lines", NULL, NULL, set_up, tear_down, tests};
