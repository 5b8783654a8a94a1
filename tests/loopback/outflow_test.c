/* How bytes leave, without a socket: what goes in which write, and when. */

#include <CUnit/CUnit.h>

#include "mockserver/outflow.h"
#include "tests/support/expect.h"

static struct outflow out;

static void set_up(void)
{
    outflow_init(&out, memory_heap(), 1 << 20);
}

static void tear_down(void)
{
    outflow_deinit(&out);
}

static void put(const char *text)
{
    buffer_text(&out.bytes, text);
}

/* One write, taken whole by the kernel. Its size; 0: none may go now. */
static size_t write_at(nanos now)
{
    nanos wakes_at;
    size_t size = outflow_next(&out, now, &wakes_at);

    if (size > 0)
        outflow_sent(&out, size, now);
    return size;
}

static nanos wakes_at(nanos now)
{
    nanos at;

    EXPECT_U64(outflow_next(&out, now, &at), 0);
    return at;
}

static void all_there_is_goes_at_once(void)
{
    outflow_shape(&out, 0, false);
    put("head");
    outflow_end_slow(&out);
    put("body");
    EXPECT_U64(write_at(0), 8);
    CU_ASSERT(outflow_is_empty(&out));
    EXPECT_I64(wakes_at(0), NANOS_NEVER);
}

static void what_the_kernel_left_goes_next(void)
{
    nanos at;

    put("12345678");
    EXPECT_U64(outflow_next(&out, 0, &at), 8);
    outflow_sent(&out, 3, 0);
    EXPECT_U64(outflow_next(&out, 0, &at), 5);
    CU_ASSERT(!outflow_is_empty(&out));
}

static void a_slow_head_leaves_a_byte_a_gap_and_the_body_at_once(void)
{
    outflow_shape(&out, 5 * NANOS_MS, false);
    put("abc");
    outflow_end_slow(&out);
    put("body");
    EXPECT_U64(write_at(0), 1);
    EXPECT_U64(write_at(5 * NANOS_MS - 1), 0);
    EXPECT_I64(wakes_at(NANOS_MS), 5 * NANOS_MS);
    EXPECT_U64(write_at(5 * NANOS_MS), 1);
    EXPECT_U64(write_at(12 * NANOS_MS), 1); /* late: the next is a gap behind this one */
    EXPECT_U64(write_at(16 * NANOS_MS), 0);
    EXPECT_U64(write_at(17 * NANOS_MS), 4);
}

static void one_byte_a_write_lets_others_have_their_turn(void)
{
    outflow_shape(&out, 0, true);
    for (int i = 0; i < OUTFLOW_SINGLES_MAX + 1; i++)
        put("x");
    outflow_turn(&out);
    for (int i = 0; i < OUTFLOW_SINGLES_MAX; i++)
        EXPECT_U64(write_at(7), 1);
    EXPECT_I64(wakes_at(7), 7); /* at once, but not in this turn */
    outflow_turn(&out);
    EXPECT_U64(write_at(7), 1);
    CU_ASSERT(outflow_is_empty(&out));
}

static void writes_end_at_borders_with_a_gap_behind_each(void)
{
    put("ab");
    outflow_put_border(&out);
    put("cde");
    outflow_put_border(&out);
    put("f");
    EXPECT_U64(write_at(0), 2);
    EXPECT_I64(wakes_at(0), OUTFLOW_BORDER_GAP);
    EXPECT_U64(write_at(OUTFLOW_BORDER_GAP), 3);
    EXPECT_U64(write_at(2 * OUTFLOW_BORDER_GAP), 1);
}

static void a_border_without_bytes_before_it_is_none(void)
{
    outflow_put_border(&out);
    put("ab");
    outflow_put_border(&out);
    outflow_put_border(&out);
    EXPECT_U64(out.borders_count, 1);
    EXPECT_U64(write_at(0), 2);
}

static void too_many_borders_cost_the_later_ones(void)
{
    for (int i = 0; i < OUTFLOW_BORDERS_MAX + 3; i++) {
        put("ab");
        outflow_put_border(&out);
    }
    for (int i = 0; i < OUTFLOW_BORDERS_MAX; i++)
        EXPECT_U64(write_at(i * OUTFLOW_BORDER_GAP), 2);
    EXPECT_U64(write_at(NANOS_S), 6);
}

static void moving_what_is_left_keeps_its_shape(void)
{
    outflow_shape(&out, 0, false);
    put("0123456789");
    outflow_put_border(&out);
    put("abc");
    outflow_sent(&out, 8, 0);
    outflow_compact(&out);
    EXPECT_U64(out.sent, 0);
    EXPECT_U64(write_at(0), 2);
    EXPECT_U64(write_at(OUTFLOW_BORDER_GAP), 3);
}

static void the_next_answer_begins_without_a_shape(void)
{
    outflow_shape(&out, NANOS_S, true);
    put("a");
    outflow_end_slow(&out);
    EXPECT_U64(write_at(0), 1);
    CU_ASSERT(outflow_is_empty(&out));
    outflow_shape(&out, 0, false);
    put("next");
    outflow_end_slow(&out);
    EXPECT_U64(write_at(1), 4);
}

static CU_TestInfo tests[] = {
    {"all there is goes at once", all_there_is_goes_at_once},
    {"what the kernel left goes next", what_the_kernel_left_goes_next},
    {"a slow head leaves a byte a gap, and the body at once",
     a_slow_head_leaves_a_byte_a_gap_and_the_body_at_once},
    {"one byte a write lets others have their turn", one_byte_a_write_lets_others_have_their_turn},
    {"writes end at borders, with a gap behind each", writes_end_at_borders_with_a_gap_behind_each},
    {"a border without bytes before it is none", a_border_without_bytes_before_it_is_none},
    {"too many borders cost the later ones", too_many_borders_cost_the_later_ones},
    {"moving what is left keeps its shape", moving_what_is_left_keeps_its_shape},
    {"the next answer begins without a shape", the_next_answer_begins_without_a_shape},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo outflow_suite = {"outflow", NULL, NULL, set_up, tear_down, tests};
