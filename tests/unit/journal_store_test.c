#include "mockserver/journal_store.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"

enum { ROOM = 4 };

static struct journal_store *store;

static void set_up(void)
{
    /* As many as whole records fit into; a place needs some bytes more than a record. */
    size_t bytes = ROOM * (sizeof(struct journal_record) + sizeof(uint64_t));

    CU_ASSERT_FATAL(journal_store_new(&store, bytes, memory_heap()) == RC_OK);
}

static void tear_down(void)
{
    journal_store_free(store);
}

static void add(uint64_t number, const char *isolation)
{
    struct journal_record record = {.number = number};

    slice_copy(slice_of(isolation), record.isolation, sizeof(record.isolation));
    journal_store_add(store, &record);
}

/* The numbers behind `after`, as digits. */
static uint64_t numbers(uint64_t after)
{
    const struct journal_record *record;
    uint64_t digits = 0;

    while (journal_store_next(store, &after, &record))
        digits = digits * 10 + record->number;
    return digits;
}

static void an_empty_store_has_nothing_and_is_whole(void)
{
    EXPECT_U64(numbers(0), 0);
    EXPECT_U64(journal_store_last(store), 0);
    CU_ASSERT(journal_store_is_whole(store, 0));
    EXPECT_U64(journal_store_reset(store, SLICE("")), 0);
}

static void hands_out_records_in_the_order_in_which_they_came(void)
{
    add(3, "");
    add(1, "");
    add(2, "");
    EXPECT_U64(numbers(0), 312);
    EXPECT_U64(numbers(1), 12);
    EXPECT_U64(numbers(3), 0);
    EXPECT_U64(numbers(99), 0);
    EXPECT_U64(journal_store_last(store), 3);
}

static void the_oldest_makes_room(void)
{
    for (uint64_t number = 1; number <= ROOM; number++)
        add(number, "");
    CU_ASSERT(journal_store_is_whole(store, 0));
    add(5, "");
    add(6, "");
    EXPECT_U64(numbers(0), 3456);
    EXPECT_U64(journal_store_dropped(store), 2);
    CU_ASSERT_FALSE(journal_store_is_whole(store, 0));
    CU_ASSERT_FALSE(journal_store_is_whole(store, 1));
    CU_ASSERT(journal_store_is_whole(store, 2));
}

static void forgets_one_isolation_path_alone(void)
{
    add(1, "a");
    add(2, "b");
    add(3, "a");
    EXPECT_U64(journal_store_reset(store, SLICE("a")), 2);
    EXPECT_U64(numbers(0), 2);
    EXPECT_U64(journal_store_reset(store, SLICE("a")), 0);
    add(4, "a");
    EXPECT_U64(numbers(0), 24);
    EXPECT_U64(journal_store_last(store), 4);
}

/* What nobody wants any more is not missed. */
static void what_was_forgotten_is_not_dropped(void)
{
    add(1, "a");
    journal_store_reset(store, SLICE("a"));
    for (uint64_t number = 2; number <= ROOM + 1; number++)
        add(number, "");
    EXPECT_U64(journal_store_dropped(store), 0);
    CU_ASSERT(journal_store_is_whole(store, 0));
}

static void a_reset_store_is_whole_again_and_its_places_go_on(void)
{
    for (uint64_t number = 1; number <= 6; number++)
        add(number, "");
    EXPECT_U64(journal_store_reset(store, SLICE("")), ROOM);
    EXPECT_U64(numbers(0), 0);
    CU_ASSERT(journal_store_is_whole(store, 0));
    EXPECT_U64(journal_store_dropped(store), 0);
    for (uint64_t number = 1; number <= ROOM; number++)
        add(number, "");
    EXPECT_U64(numbers(0), 1234);
    EXPECT_U64(journal_store_last(store), 6 + ROOM);
    EXPECT_U64(journal_store_dropped(store), 0);
}

static void keeps_one_record_however_little_room_there_is(void)
{
    journal_store_free(store);
    CU_ASSERT_FATAL(journal_store_new(&store, 1, memory_heap()) == RC_OK);
    add(1, "");
    add(2, "");
    EXPECT_U64(numbers(0), 2);
}

static void survives_every_failing_allocation(void)
{
    struct flaky flaky;
    uint64_t allow = 0;

    do {
        struct journal_store *made = NULL;
        struct memory memory;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        rc = journal_store_new(&made, 4096, &memory);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        journal_store_free(made);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 2);
}

static CU_TestInfo journal_store_tests[] = {
    {"an empty store has nothing and is whole", an_empty_store_has_nothing_and_is_whole},
    {"hands out records in the order in which they came",
     hands_out_records_in_the_order_in_which_they_came},
    {"the oldest makes room", the_oldest_makes_room},
    {"forgets one isolation path alone", forgets_one_isolation_path_alone},
    {"what was forgotten is not dropped", what_was_forgotten_is_not_dropped},
    {"a reset store is whole again, and its places go on",
     a_reset_store_is_whole_again_and_its_places_go_on},
    {"keeps one record however little room there is",
     keeps_one_record_however_little_room_there_is},
    {"survives every failing allocation", survives_every_failing_allocation},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo journal_store_suite = {"journal_store", NULL,      NULL,
                                    set_up,          tear_down, journal_store_tests};
