/* Runs the suites of a test program: all of them, or those named on the command line.
 *
 * CUnit reports success although assertions failed, counts nothing for a suite that could not be
 * set up, and is content with no test at all. So the exit code is ours: 0 only when some test ran
 * and nothing was recorded as failed. The last line is for whoever adds up several programs. */

#include "tests/support/suites.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/Basic.h>

static bool is_wanted(const CU_SuiteInfo *suite, int name_count, char **names)
{
    for (int i = 0; i < name_count; i++)
        if (strcmp(names[i], suite->pName) == 0)
            return true;
    return name_count == 0;
}

static bool is_known(const char *name)
{
    for (unsigned i = 0; i < suite_count; i++)
        if (strcmp(name, suites[i]->pName) == 0)
            return true;
    return false;
}

static bool register_suites(int name_count, char **names)
{
    for (int i = 0; i < name_count; i++) {
        if (!is_known(names[i])) {
            fprintf(stderr, "no suite is called \"%s\"\n", names[i]);
            return false;
        }
    }
    for (unsigned i = 0; i < suite_count; i++) {
        CU_SuiteInfo pair[] = {*suites[i], CU_SUITE_INFO_NULL};

        if (!is_wanted(suites[i], name_count, names))
            continue;
        if (CU_register_suites(pair) != CUE_SUCCESS) {
            fprintf(stderr, "suite \"%s\": %s\n", suites[i]->pName, CU_get_error_msg());
            return false;
        }
    }
    return true;
}

static bool run_and_report(void)
{
    unsigned failed, passed;

    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();

    failed = CU_get_number_of_tests_failed();
    passed = CU_get_number_of_tests_run() - failed;
    failed += CU_get_number_of_suites_failed();
    printf("\n%u passed, %u failed\n", passed, failed);
    return CU_get_number_of_failure_records() == 0 && failed == 0 && passed > 0;
}

int main(int argc, char **argv)
{
    bool is_good = CU_initialize_registry() == CUE_SUCCESS && register_suites(argc - 1, argv + 1) &&
                   run_and_report();

    CU_cleanup_registry();
    return is_good ? 0 : 1;
}
