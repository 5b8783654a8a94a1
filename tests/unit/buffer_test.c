#include "base/buffer.h"

#include <CUnit/CUnit.h>
#include <stdint.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"

enum { CEILING = 1000 };

static struct flaky flaky;
static struct memory memory;
static struct buffer buffer;

static void set_up(void)
{
    flaky = (struct flaky){.allow = UINT64_MAX};
    memory = flaky_memory(&flaky);
    buffer_init(&buffer, &memory, CEILING);
}

static void tear_down(void)
{
    buffer_deinit(&buffer);
    EXPECT_U64(flaky.live, 0);
}

static void append_x(size_t size)
{
    char text[2 * CEILING];

    memset(text, 'x', sizeof(text));
    buffer_append(&buffer, (struct slice){text, size});
}

static void pieces_follow_one_another(void)
{
    buffer_text(&buffer, "a");
    buffer_byte(&buffer, '\0');
    buffer_append(&buffer, SLICE("bc"));
    buffer_printf(&buffer, "%d%%", 7);
    EXPECT_TEXT(buffer_slice(&buffer), "a\0bc7%");
}

static void numbers_are_written_whole_at_both_ends(void)
{
    buffer_u64(&buffer, 0);
    buffer_byte(&buffer, ' ');
    buffer_u64(&buffer, UINT64_MAX);
    buffer_byte(&buffer, ' ');
    buffer_i64(&buffer, -42);
    buffer_byte(&buffer, ' ');
    buffer_i64(&buffer, INT64_MIN);
    buffer_byte(&buffer, ' ');
    buffer_i64(&buffer, INT64_MAX);
    EXPECT_TEXT(buffer_slice(&buffer),
                "0 18446744073709551615 -42 -9223372036854775808 9223372036854775807");
}

static void appending_nothing_needs_no_memory(void)
{
    flaky.allow = 0;
    buffer_append(&buffer, (struct slice){0});
    buffer_text(&buffer, "");
    EXPECT_RC(buffer.rc, RC_OK);
    CU_ASSERT(!flaky.failed);
}

static void the_ceiling_is_reached_and_never_passed(void)
{
    append_x(CEILING - 1);
    append_x(1);
    EXPECT_RC(buffer.rc, RC_OK);
    EXPECT_U64(buffer.size, CEILING);
    CU_ASSERT(buffer.capacity <= CEILING);
    append_x(1);
    EXPECT_RC(buffer.rc, RC_LIMIT);
    EXPECT_U64(buffer.size, CEILING);
}

static void a_small_ceiling_bounds_the_first_block_too(void)
{
    buffer_init(&buffer, &memory, 10);
    append_x(3);
    CU_ASSERT(buffer.capacity <= 10);
}

static void a_failed_append_leaves_the_bytes_and_stays_failed(void)
{
    buffer_text(&buffer, "kept");
    append_x(CEILING);
    buffer_text(&buffer, "lost");
    EXPECT_RC(buffer.rc, RC_LIMIT);
    EXPECT_TEXT(buffer_slice(&buffer), "kept");
}

static void clearing_forgets_bytes_and_failure_and_keeps_the_space(void)
{
    append_x(500);
    append_x(CEILING);
    buffer_clear(&buffer);
    EXPECT_RC(buffer.rc, RC_OK);
    EXPECT_U64(buffer.size, 0);
    flaky.allow = 0;
    append_x(500);
    EXPECT_RC(buffer.rc, RC_OK);
    CU_ASSERT(!flaky.failed);
}

static void a_size_that_would_wrap_round_is_a_limit(void)
{
    buffer_text(&buffer, "a");
    CU_ASSERT_PTR_NULL(buffer_reserve(&buffer, SIZE_MAX));
    EXPECT_RC(buffer.rc, RC_LIMIT);
}

/* Doubling alone would wrap round to nothing and never end. */
static void an_absurd_size_under_an_absurd_ceiling_is_asked_of_the_heap(void)
{
    struct buffer wide;

    flaky.allow = 0;
    buffer_init(&wide, &memory, SIZE_MAX);
    CU_ASSERT_PTR_NULL(buffer_reserve(&wide, SIZE_MAX - 1));
    EXPECT_RC(wide.rc, RC_NOMEM);
    buffer_deinit(&wide);
}

static void reserved_room_is_claimed_by_what_was_written(void)
{
    char *room = buffer_reserve(&buffer, 100);

    CU_ASSERT_FATAL(room != NULL);
    memcpy(room, "abc", 3);
    EXPECT_U64(buffer.size, 0);
    buffer_grown(&buffer, 3);
    EXPECT_TEXT(buffer_slice(&buffer), "abc");
}

static void dropping_takes_from_the_front(void)
{
    buffer_drop(&buffer, 0);
    buffer_text(&buffer, "abcdef");
    buffer_drop(&buffer, 2);
    EXPECT_TEXT(buffer_slice(&buffer), "cdef");
    buffer_drop(&buffer, 4);
    EXPECT_U64(buffer.size, 0);
}

static void printf_fails_whole_or_not_at_all(void)
{
    append_x(CEILING - 3);
    buffer_printf(&buffer, "%s", "abc"); /* three bytes and printf's zero */
    EXPECT_RC(buffer.rc, RC_LIMIT);
    EXPECT_U64(buffer.size, CEILING - 3);
    buffer.rc = RC_OK;
    buffer_printf(&buffer, "%s", "ab");
    EXPECT_RC(buffer.rc, RC_OK);
    EXPECT_U64(buffer.size, CEILING - 1);
}

static void walks_every_failing_allocation(void)
{
    uint64_t allow = 0;

    do {
        flaky = (struct flaky){.allow = allow++};
        buffer_init(&buffer, &memory, CEILING);
        buffer_text(&buffer, "begins ");
        append_x(300);
        buffer_printf(&buffer, "%0300d", 7);
        EXPECT_RC(buffer.rc, flaky.failed ? RC_NOMEM : RC_OK);
        buffer_deinit(&buffer);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 3);
}

static void a_zeroed_buffer_is_empty_and_closable(void)
{
    struct buffer zeroed = {0};

    EXPECT_U64(buffer_slice(&zeroed).size, 0);
    buffer_append(&zeroed, (struct slice){0});
    buffer_clear(&zeroed);
    buffer_deinit(&zeroed);
}

static CU_TestInfo tests[] = {
    {"pieces follow one another", pieces_follow_one_another},
    {"numbers are written whole at both ends", numbers_are_written_whole_at_both_ends},
    {"appending nothing needs no memory", appending_nothing_needs_no_memory},
    {"the ceiling is reached and never passed", the_ceiling_is_reached_and_never_passed},
    {"a small ceiling bounds the first block too", a_small_ceiling_bounds_the_first_block_too},
    {"a failed append leaves the bytes and stays failed",
     a_failed_append_leaves_the_bytes_and_stays_failed},
    {"clearing forgets bytes and failure and keeps the space",
     clearing_forgets_bytes_and_failure_and_keeps_the_space},
    {"a size that would wrap round is a limit", a_size_that_would_wrap_round_is_a_limit},
    {"an absurd size under an absurd ceiling is asked of the heap",
     an_absurd_size_under_an_absurd_ceiling_is_asked_of_the_heap},
    {"reserved room is claimed by what was written", reserved_room_is_claimed_by_what_was_written},
    {"dropping takes from the front", dropping_takes_from_the_front},
    {"printf fails whole or not at all", printf_fails_whole_or_not_at_all},
    {"walks every failing allocation", walks_every_failing_allocation},
    {"a zeroed buffer is empty and closable", a_zeroed_buffer_is_empty_and_closable},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo buffer_suite = {"buffer", NULL, NULL, set_up, tear_down, tests};
