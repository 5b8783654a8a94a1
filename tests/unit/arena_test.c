#include "base/arena.h"

#include <CUnit/CUnit.h>
#include <stdint.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"

enum { CEILING = 1 << 20 };

static struct flaky flaky;
static struct memory memory;
static struct arena arena;

static void set_up(void)
{
    flaky = (struct flaky){.allow = UINT64_MAX};
    memory = flaky_memory(&flaky);
    arena_init(&arena, &memory, CEILING);
}

static void tear_down(void)
{
    arena_deinit(&arena);
    EXPECT_U64(flaky.live, 0);
}

static bool is_zero(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Each piece is filled, so that two that overlap would be noticed as not zero. */
static void pieces_are_zeroed_aligned_and_apart(void)
{
    for (size_t size = 0; size < 600; size++) {
        char *piece = arena_take(&arena, size, 1);

        CU_ASSERT_FATAL(piece != NULL);
        EXPECT_U64((uintptr_t)piece % _Alignof(max_align_t), 0);
        CU_ASSERT(is_zero(piece, size));
        memset(piece, 0xAA, size);
    }
}

static void a_piece_larger_than_a_block_gets_one_of_its_own(void)
{
    char *small = arena_take(&arena, 1, 100);
    char *large = arena_take(&arena, 100, 1000);

    CU_ASSERT_FATAL(small != NULL);
    CU_ASSERT_FATAL(large != NULL);
    CU_ASSERT(is_zero(large, 100000));
    EXPECT_U64(flaky.live, 2);
}

static void the_ceiling_is_reached_and_never_passed(void)
{
    arena_deinit(&arena);
    arena_init(&arena, &memory, 1024);
    CU_ASSERT_PTR_NULL(arena_take(&arena, 2000, 1));
    arena.rc = RC_OK;
    CU_ASSERT_PTR_NOT_NULL(arena_take(&arena, 1008, 1));
    CU_ASSERT_PTR_NOT_NULL(arena_take(&arena, 1, 1)); /* padded to 16 */
    EXPECT_RC(arena.rc, RC_OK);
    EXPECT_U64(arena.bytes_used, 1024);
    CU_ASSERT_PTR_NULL(arena_take(&arena, 1, 1));
    EXPECT_RC(arena.rc, RC_LIMIT);
    EXPECT_U64(arena.bytes_used, 1024);
}

static void a_product_that_would_wrap_round_is_a_limit(void)
{
    CU_ASSERT_PTR_NULL(arena_take(&arena, SIZE_MAX / 2, 4));
    CU_ASSERT_PTR_NULL(arena_take(&arena, SIZE_MAX, 1));
    EXPECT_RC(arena.rc, RC_LIMIT);
}

static void copies_end_with_a_zero_that_is_not_counted(void)
{
    struct slice copy = arena_copy(&arena, SLICE("a\0b"));

    EXPECT_TEXT(copy, "a\0b");
    EXPECT_U64((uint64_t)copy.data[3], 0);
    copy = arena_copy(&arena, (struct slice){0});
    EXPECT_U64(copy.size, 0);
    CU_ASSERT_PTR_NOT_NULL(copy.data);
}

/* Sixteen bytes leave no padding in which the zero could stand by luck. */
static void the_zero_behind_a_copy_is_its_own(void)
{
    struct slice copy = arena_copy(&arena, SLICE("0123456789abcdef"));
    char *next = arena_take(&arena, 16, 1);

    CU_ASSERT_FATAL(next != NULL);
    memset(next, 0xAA, 16);
    EXPECT_U64((uint64_t)copy.data[16], 0);
}

static void a_copy_without_memory_is_empty_with_null_data(void)
{
    struct slice copy;

    flaky.allow = 0;
    copy = arena_copy(&arena, SLICE("abc"));
    CU_ASSERT_PTR_NULL(copy.data);
    EXPECT_U64(copy.size, 0);
    EXPECT_RC(arena.rc, RC_NOMEM);
}

static void walks_every_failing_allocation(void)
{
    uint64_t allow = 0;

    do {
        flaky = (struct flaky){.allow = allow++};
        arena_init(&arena, &memory, CEILING);
        for (int i = 0; i < 5; i++)
            arena_take(&arena, 10000, 1);
        EXPECT_RC(arena.rc, flaky.failed ? RC_NOMEM : RC_OK);
        arena_deinit(&arena);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 3);
}

static void a_zeroed_arena_is_closable(void)
{
    struct arena zeroed = {0};

    arena_deinit(&zeroed);
}

static CU_TestInfo tests[] = {
    {"pieces are zeroed aligned and apart", pieces_are_zeroed_aligned_and_apart},
    {"a piece larger than a block gets one of its own",
     a_piece_larger_than_a_block_gets_one_of_its_own},
    {"the ceiling is reached and never passed", the_ceiling_is_reached_and_never_passed},
    {"a product that would wrap round is a limit", a_product_that_would_wrap_round_is_a_limit},
    {"copies end with a zero that is not counted", copies_end_with_a_zero_that_is_not_counted},
    {"the zero behind a copy is its own", the_zero_behind_a_copy_is_its_own},
    {"a copy without memory is empty with null data",
     a_copy_without_memory_is_empty_with_null_data},
    {"walks every failing allocation", walks_every_failing_allocation},
    {"a zeroed arena is closable", a_zeroed_arena_is_closable},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo arena_suite = {"arena", NULL, NULL, set_up, tear_down, tests};
