#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H

/* Texts that a person has read and found good: tests/golden/NAME.
 *
 * A mismatch fails the test and names the first line that differs. When a change is wanted, run the
 * tests once with UPDATE_GOLDEN=1 in the environment, from the top of the repository, and read the
 * difference before committing it. */

#include "base/slice.h"

void expect_golden(struct slice actual, const char *name);

#endif
