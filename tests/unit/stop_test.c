#include <CUnit/CUnit.h>

#include "base/stop.h"
#include "tests/support/expect.h"

static void every_word_is_found_again(void)
{
    for (int i = 0; i < STOP_COUNT; i++) {
        enum stop found = STOP_COUNT;

        CU_ASSERT(stop_find(slice_of(stop_word((enum stop)i)), &found));
        EXPECT_U64(found, (uint64_t)i);
    }
}

static void another_word_is_not_found_and_changes_nothing(void)
{
    enum stop found = STOP_TOOL;

    CU_ASSERT(!stop_find(SLICE("end_turn"), &found)); /* that is one format's spelling */
    CU_ASSERT(!stop_find(SLICE(""), &found));
    EXPECT_U64(found, STOP_TOOL);
}

static CU_TestInfo tests[] = {
    {"every word is found again", every_word_is_found_again},
    {"another word is not found, and changes nothing",
     another_word_is_not_found_and_changes_nothing},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo stop_suite = {"stop", NULL, NULL, NULL, NULL, tests};
