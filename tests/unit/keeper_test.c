#include "judge/keeper.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "tests/support/sample.h"

/* What came out, in its order: "c12 j12.1 j12.2 c14 ...". */
static struct scenario scenario;
static struct keeper keeper;
static struct buffer out;

static void put_call(void *context, const struct call_record *call)
{
    (void)context;
    buffer_printf(&out, "c%llu ", (unsigned long long)call->id.index);
    if (call->attempts_count > 0)
        EXPECT_U64(call->attempts[call->attempts_count - 1].ordinal, call->attempts_count);
}

static void put_record(void *context, const struct journal_record *record)
{
    (void)context;
    buffer_printf(&out, "j%s.%u ",
                  strncmp(record->call, "steady:", 7) == 0 ? record->call + 7 : "?",
                  record->attempt);
    CU_ASSERT_STRING_EQUAL(record->plan, "200 stream 120 tokens");
}

static void begin(const struct memory *memory)
{
    const struct keeper_sink sink = {NULL, put_call, put_record};

    EXPECT_RC(keeper_init(&keeper, &scenario, memory, &sink), RC_OK);
}

static void set_up(void)
{
    sample_scenario(&scenario);
    buffer_init(&out, memory_heap(), 1 << 24);
    begin(memory_heap());
}

static void tear_down(void)
{
    keeper_deinit(&keeper);
    buffer_deinit(&out);
}

static void hold(const struct call_record *call)
{
    for (uint32_t i = 0; i < call->attempts_count; i++) {
        struct journal_record record = sample_journal(&scenario, call, i);

        keeper_hold(&keeper, &record);
    }
}

static void judge(uint64_t index, bool is_violation)
{
    struct call_record call = sample_call(index);

    hold(&call);
    keeper_judged(&keeper, &call, is_violation);
}

/* A call index of this seed that is not drawn, nor any of the `count` behind it. */
static uint64_t undrawn(uint64_t count)
{
    struct keeper probe;
    const struct keeper_sink sink = {NULL, put_call, put_record};
    uint64_t run = 0, index = 0;

    EXPECT_RC(keeper_init(&probe, &scenario, memory_heap(), &sink), RC_OK);
    for (; run < count; index++) {
        struct call_record call = sample_call(index);
        uint64_t kept = probe.calls_kept;

        keeper_judged(&probe, &call, false);
        run = probe.calls_kept == kept ? run + 1 : 0;
    }
    keeper_deinit(&probe);
    buffer_clear(&out);
    return index - count;
}

static void expect_out(uint64_t first, const char *offsets)
{
    char expected[256] = "";
    size_t used = 0;

    for (const char *at = offsets; *at != '\0'; at++) {
        unsigned long long index = first + (uint64_t)(*at - '0');

        used += (size_t)snprintf(expected + used, sizeof(expected) - used, "c%llu j%llu.1 ", index,
                                 index);
    }
    CU_ASSERT(slice_is(buffer_slice(&out), slice_of(expected)));
}

static void keeps_a_violation_with_its_neighbours(void)
{
    uint64_t first = undrawn(8);

    for (uint64_t i = 0; i < 8; i++)
        judge(first + i, i == 3);
    keeper_finish(&keeper);
    expect_out(first, "12345");
    EXPECT_U64(keeper.calls_judged, 8);
    EXPECT_U64(keeper.calls_kept, 5);
}

static void keeps_a_call_that_did_not_end_ok(void)
{
    uint64_t first = undrawn(8);

    for (uint64_t i = 0; i < 8; i++) {
        struct call_record call = sample_call(first + i);

        if (i == 0)
            sample_fail(&call, OUTCOME_OVERLOADED, 529, call.due_at + NANOS_S);
        hold(&call);
        keeper_judged(&keeper, &call, false);
    }
    expect_out(first, "012");
}

static void neighbours_that_overlap_are_kept_once(void)
{
    uint64_t first = undrawn(9);

    for (uint64_t i = 0; i < 9; i++)
        judge(first + i, i == 2 || i == 4);
    keeper_finish(&keeper);
    expect_out(first, "0123456");
}

static void keeps_one_in_a_hundred_of_the_rest(void)
{
    for (uint64_t i = 0; i < 10000; i++)
        judge(i, false);
    EXPECT_U64(keeper.calls_kept, 100);
}

static void draws_by_the_calls_id_and_not_by_the_order(void)
{
    struct buffer forwards;
    char text[8192];

    for (uint64_t i = 0; i < 2000; i++)
        judge(i, false);
    slice_copy(buffer_slice(&out), text, sizeof(text));
    forwards = out;
    buffer_init(&out, memory_heap(), 1 << 24);
    keeper_deinit(&keeper);
    begin(memory_heap());
    for (uint64_t i = 2000; i-- > 0;)
        judge(i, false);
    EXPECT_U64(out.size, forwards.size);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        CU_ASSERT(slice_has(buffer_slice(&out), slice_of(word)));
    buffer_deinit(&forwards);
}

static void a_kept_call_brings_all_its_journal_in_order(void)
{
    struct call_record call = sample_call(7);

    sample_retry(&call, SAMPLE_CLAUDE, call.ended_at + NANOS_S);
    sample_retry(&call, SAMPLE_GPT, call.ended_at + NANOS_S);
    hold(&call);
    keeper_judged(&keeper, &call, true);
    EXPECT_TEXT(buffer_slice(&out), "c7 j7.1 j7.2 j7.3 ");
}

static void what_belongs_to_no_call_goes_straight_on(void)
{
    struct call_record call = sample_call(7);
    struct journal_record record = sample_journal(&scenario, &call, 0);

    record.call[0] = '\0';
    keeper_hold(&keeper, &record);
    EXPECT_TEXT(buffer_slice(&out), "j?.1 ");
}

static void what_nobody_came_for_is_handed_on_at_the_end(void)
{
    struct call_record call = sample_call(7);

    hold(&call);
    EXPECT_U64(out.size, 0);
    keeper_finish(&keeper);
    EXPECT_TEXT(buffer_slice(&out), "j7.1 ");
}

static void dropped_calls_leave_nothing_behind(void)
{
    for (uint64_t i = 0; i < 20000; i++)
        judge(i, false);
    EXPECT_U64(keeper.held_capacity, 256);
    buffer_clear(&out);
    keeper_finish(&keeper);
    EXPECT_U64(out.size, 0);
}

/* Thousands of calls are open at once, and each one's records are found again. */
static void open_calls_are_told_apart_while_it_grows(void)
{
    for (uint64_t i = 0; i < 5000; i++) {
        struct call_record call = sample_call(i);

        sample_retry(&call, SAMPLE_GPT, call.ended_at + NANOS_S);
        hold(&call);
    }
    for (uint64_t i = 5000; i-- > 0;) {
        struct call_record call = sample_call(i);
        char expected[96];

        buffer_clear(&out);
        keeper_judged(&keeper, &call, true);
        snprintf(expected, sizeof(expected), "c%llu j%llu.1 j%llu.2 ", (unsigned long long)i,
                 (unsigned long long)i, (unsigned long long)i);
        CU_ASSERT(slice_is(buffer_slice(&out), slice_of(expected)));
    }
    EXPECT_U64(keeper.records_lost, 0);
}

static void what_finds_no_room_is_counted(void)
{
    for (uint64_t i = 0; i < KEEPER_HELD_MAX + 3; i++) {
        struct call_record call = sample_call(i);

        hold(&call);
    }
    EXPECT_U64(keeper.records_lost, 3);
    judge(1, true);
    CU_ASSERT(slice_starts_with(buffer_slice(&out), SLICE("c1 j1.1 ")));
}

static void survives_a_lack_of_memory_at_any_moment(void)
{
    const struct keeper_sink sink = {NULL, put_call, put_record};
    struct flaky flaky;
    uint64_t allow = 0;

    do {
        struct memory memory;
        struct keeper k;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        rc = keeper_init(&k, &scenario, &memory, &sink);
        CU_ASSERT(rc == RC_OK || flaky.failed);
        for (uint64_t i = 0; rc == RC_OK && i < 1000; i++) {
            struct call_record call = sample_call(i);
            struct journal_record record = sample_journal(&scenario, &call, 0);

            keeper_hold(&k, &record);
        }
        CU_ASSERT(rc != RC_OK || (k.records_lost > 0) == flaky.failed);
        if (rc == RC_OK)
            keeper_finish(&k);
        keeper_deinit(&k);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 4);
}

static CU_TestInfo tests[] = {
    {"keeps a violation with its neighbours", keeps_a_violation_with_its_neighbours},
    {"keeps a call that did not end ok", keeps_a_call_that_did_not_end_ok},
    {"neighbours that overlap are kept once", neighbours_that_overlap_are_kept_once},
    {"keeps one in a hundred of the rest", keeps_one_in_a_hundred_of_the_rest},
    {"draws by the call's id and not by the order", draws_by_the_calls_id_and_not_by_the_order},
    {"a kept call brings all its journal, in order", a_kept_call_brings_all_its_journal_in_order},
    {"what belongs to no call goes straight on", what_belongs_to_no_call_goes_straight_on},
    {"what nobody came for is handed on at the end", what_nobody_came_for_is_handed_on_at_the_end},
    {"dropped calls leave nothing behind", dropped_calls_leave_nothing_behind},
    {"open calls are told apart while it grows", open_calls_are_told_apart_while_it_grows},
    {"what finds no room is counted", what_finds_no_room_is_counted},
    {"survives a lack of memory at any moment", survives_a_lack_of_memory_at_any_moment},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo keeper_suite = {"keeper", NULL, NULL, set_up, tear_down, tests};
