#include <CUnit/CUnit.h>

#include "fault/phase.h"
#include "tests/support/expect.h"

/*        0s    10s      15s      20s    25s    30s
 * before |=====|
 * rate         [=================)
 * over                  [================)
 * quiet  |=====|                         |====|
 * tail                                        [=== stays open */
static const struct phases phases = {
    .list = {{"rate", 10 * NANOS_S, 10 * NANOS_S},
             {"over", 15 * NANOS_S, 10 * NANOS_S},
             {"tail", 30 * NANOS_S, NANOS_NEVER}},
    .count = 3,
};

static bool is_in(nanos at, const char *name)
{
    struct phase_set here = phases_at(&phases, at);
    struct phase_set named = {0};

    CU_ASSERT_FATAL(phases_find(&phases, slice_of(name), &named));
    return phase_set_overlaps(&here, &named);
}

static void a_window_holds_its_first_instant_but_not_its_last(void)
{
    CU_ASSERT(!is_in(10 * NANOS_S - 1, "rate"));
    CU_ASSERT(is_in(10 * NANOS_S, "rate"));
    CU_ASSERT(is_in(20 * NANOS_S - 1, "rate"));
    CU_ASSERT(!is_in(20 * NANOS_S, "rate"));
}

static void before_ends_where_the_first_window_opens(void)
{
    CU_ASSERT(is_in(-1, "before"));
    CU_ASSERT(is_in(10 * NANOS_S - 1, "before"));
    CU_ASSERT(!is_in(10 * NANOS_S, "before"));
    CU_ASSERT(!is_in(27 * NANOS_S, "before"));
}

static void after_begins_where_its_window_ends_and_stays(void)
{
    CU_ASSERT(!is_in(20 * NANOS_S - 1, "after:rate"));
    CU_ASSERT(is_in(20 * NANOS_S, "after:rate"));
    CU_ASSERT(!is_in(20 * NANOS_S, "after:over"));
    CU_ASSERT(is_in(3600 * NANOS_S, "after:over"));
}

static void quiet_is_wherever_no_window_is_open(void)
{
    CU_ASSERT(is_in(0, "quiet"));
    CU_ASSERT(!is_in(10 * NANOS_S, "quiet"));
    CU_ASSERT(!is_in(22 * NANOS_S, "quiet"));
    CU_ASSERT(is_in(25 * NANOS_S, "quiet"));
    CU_ASSERT(!is_in(30 * NANOS_S, "quiet"));
}

static void windows_overlap(void)
{
    CU_ASSERT(is_in(17 * NANOS_S, "rate"));
    CU_ASSERT(is_in(17 * NANOS_S, "over"));
}

static void a_window_without_length_stays_open(void)
{
    EXPECT_I64(phase_ends_at(&phases.list[2]), NANOS_NEVER);
    CU_ASSERT(is_in(NANOS_NEVER - 1, "tail"));
    CU_ASSERT(!is_in(NANOS_NEVER - 1, "after:tail"));
}

static void what_never_happened_is_in_no_phase(void)
{
    struct phase_set set = phases_at(&phases, NANOS_NEVER);

    EXPECT_U64(set.named, 0);
    CU_ASSERT(!set.is_before);
    CU_ASSERT(!set.is_quiet);
}

static void without_windows_everything_is_before_and_quiet(void)
{
    static const struct phases none;
    struct phase_set set = phases_at(&none, 5 * NANOS_S);

    CU_ASSERT(set.is_before);
    CU_ASSERT(set.is_quiet);
    EXPECT_U64(set.named, 0);
}

static void an_unknown_name_is_not_found_and_changes_nothing(void)
{
    struct phase_set set = {.named = 42};

    CU_ASSERT(!phases_find(&phases, SLICE("rat"), &set));
    CU_ASSERT(!phases_find(&phases, SLICE("after:"), &set));
    CU_ASSERT(!phases_find(&phases, SLICE("after:before"), &set));
    CU_ASSERT(!phases_find(&phases, SLICE(""), &set));
    EXPECT_U64(set.named, 42);
}

static void the_last_of_thirty_two_has_bits_of_its_own(void)
{
    static struct phases many = {.count = PHASES_MAX};
    struct phase_set set;

    for (int i = 0; i < PHASES_MAX; i++)
        many.list[i] = (struct phase){.name = "x", .at = i * NANOS_S, .lasts = NANOS_S};
    set = phases_at(&many, (PHASES_MAX - 1) * NANOS_S);
    EXPECT_U64(set.named, (uint64_t)1 << 31 | (uint64_t)0x7fffffff << 32);
    set = phases_at(&many, PHASES_MAX * NANOS_S);
    EXPECT_U64(set.named, (uint64_t)0xffffffff << 32);
}

static CU_TestInfo tests[] = {
    {"a window holds its first instant but not its last",
     a_window_holds_its_first_instant_but_not_its_last},
    {"before ends where the first window opens", before_ends_where_the_first_window_opens},
    {"after begins where its window ends, and stays", after_begins_where_its_window_ends_and_stays},
    {"quiet is wherever no window is open", quiet_is_wherever_no_window_is_open},
    {"windows overlap", windows_overlap},
    {"a window without length stays open", a_window_without_length_stays_open},
    {"what never happened is in no phase", what_never_happened_is_in_no_phase},
    {"without windows everything is before and quiet",
     without_windows_everything_is_before_and_quiet},
    {"an unknown name is not found and changes nothing",
     an_unknown_name_is_not_found_and_changes_nothing},
    {"the last of thirty-two has bits of its own", the_last_of_thirty_two_has_bits_of_its_own},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo phase_suite = {"phase", NULL, NULL, NULL, NULL, tests};
