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
    .list = {{.name = "rate", .at = 10 * NANOS_S, .lasts = 10 * NANOS_S},
             {.name = "over", .at = 15 * NANOS_S, .lasts = 10 * NANOS_S},
             {.name = "tail", .at = 30 * NANOS_S, .lasts = NANOS_NEVER}},
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
    CU_ASSERT(!phase_is_open(&phases.list[2], NANOS_NEVER)); /* which is no instant */
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

/* --- windows that repeat ---------------------------------------------------------------------- */

static void a_window_repeats_from_its_first_opening_on(void)
{
    struct phase phase = {.at = 5, .lasts = 3, .every = 10};
    char open[41] = "";

    for (int at = 0; at < 40; at++)
        open[at] = phase_is_open(&phase, at) ? 'X' : '.';
    CU_ASSERT_STRING_EQUAL(open, ".....XXX.......XXX.......XXX.......XXX..");
    EXPECT_I64(phase_ends_at(&phase), 8);
    phase.lasts = 10;
    CU_ASSERT(phase_is_open(&phase, 15));
    CU_ASSERT(phase_is_open(&phase, NANOS_NEVER - 1));
    CU_ASSERT(!phase_is_open(&phase, NANOS_NEVER));
}

static void between_two_turns_it_is_after_and_quiet(void)
{
    struct phases repeated = {.list = {{.name = "x", .at = 5, .lasts = 3, .every = 10}},
                              .count = 1};
    struct phase_set set = phases_at(&repeated, 10);

    EXPECT_U64(set.named, (uint64_t)1 << 32);
    CU_ASSERT(set.is_quiet);
    CU_ASSERT(!set.is_before);
    EXPECT_U64(phases_at(&repeated, 16).named, 1);
}

/* Walks from change to change and finds every instant at which it opens or shuts. */
static void expect_changes(const struct phase *phase)
{
    nanos change = phase_changes_at(phase, -1);

    for (nanos at = 0; at < 100; at++) {
        bool has_changed = phase_is_open(phase, at) != phase_is_open(phase, at - 1);

        CU_ASSERT_EQUAL(has_changed, change == at);
        if (change == at)
            change = phase_changes_at(phase, at);
    }
    CU_ASSERT(change >= 100);
}

static void the_next_change_is_known(void)
{
    for (nanos lasts = 1; lasts < 12; lasts++)
        for (nanos every = 0; every < 12; every++)
            expect_changes(&(struct phase){.at = 7, .lasts = lasts, .every = every});
    expect_changes(&(struct phase){.at = 7, .lasts = NANOS_NEVER});
    expect_changes(&(struct phase){.at = 7, .lasts = 3, .is_waiting = true});
}

/* --- windows that wait ------------------------------------------------------------------------ */

static struct phases waiting;

static void wait_for_something(void)
{
    waiting = (struct phases){.list = {{.name = "first",
                                        .at = 5,
                                        .lasts = 10,
                                        .from = PHASE_FROM_FIRST_REQUEST,
                                        .is_waiting = true},
                                       {.name = "marked",
                                        .at = 7,
                                        .lasts = 10,
                                        .from = PHASE_FROM_MARK,
                                        .mark = "deploy",
                                        .is_waiting = true}},
                              .count = 2};
}

/* It may be open for all that is known here: nothing is said that hangs on it. */
static void while_a_window_waits_nothing_is_before_or_quiet(void)
{
    struct phase_set set;

    wait_for_something();
    set = phases_at(&waiting, 1000);
    EXPECT_U64(set.named, 0);
    CU_ASSERT(!set.is_before);
    CU_ASSERT(!set.is_quiet);
    EXPECT_I64(phase_ends_at(&waiting.list[0]), NANOS_NEVER);
}

static void the_first_request_is_the_first_only(void)
{
    wait_for_something();
    phases_first_request(&waiting, 100);
    CU_ASSERT(!phase_is_open(&waiting.list[0], 104));
    CU_ASSERT(phase_is_open(&waiting.list[0], 105));
    phases_first_request(&waiting, 200);
    EXPECT_I64(phase_ends_at(&waiting.list[0]), 115);
    CU_ASSERT(waiting.list[1].is_waiting);
}

static void a_mark_set_again_moves_its_windows(void)
{
    wait_for_something();
    CU_ASSERT(!phases_mark(&waiting, SLICE("deplo"), 100));
    CU_ASSERT(phases_mark(&waiting, SLICE("deploy"), 100));
    EXPECT_I64(waiting.list[1].at, 107);
    CU_ASSERT(phases_mark(&waiting, SLICE("deploy"), 500));
    EXPECT_I64(waiting.list[1].at, 507);
    EXPECT_I64(phase_ends_at(&waiting.list[1]), 517);
    CU_ASSERT(waiting.list[0].is_waiting);
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
    {"a window repeats from its first opening on", a_window_repeats_from_its_first_opening_on},
    {"between two turns it is after, and quiet", between_two_turns_it_is_after_and_quiet},
    {"the next change is known", the_next_change_is_known},
    {"while a window waits nothing is before or quiet",
     while_a_window_waits_nothing_is_before_or_quiet},
    {"the first request is the first only", the_first_request_is_the_first_only},
    {"a mark set again moves its windows", a_mark_set_again_moves_its_windows},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo phase_suite = {"phase", NULL, NULL, NULL, NULL, tests};
