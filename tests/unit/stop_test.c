#include <CUnit/CUnit.h>
#include <string.h>

#include "base/stop.h"

static void every_stop_has_a_word_of_its_own(void)
{
    for (int i = 0; i < STOP_COUNT; i++)
        for (int other = 0; other < i; other++)
            CU_ASSERT(strcmp(stop_word((enum stop)i), stop_word((enum stop)other)) != 0);
}

static CU_TestInfo tests[] = {
    {"every stop has a word of its own", every_stop_has_a_word_of_its_own},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo stop_suite = {"stop", NULL, NULL, NULL, NULL, tests};
