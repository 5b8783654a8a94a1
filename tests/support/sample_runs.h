#ifndef TESTS_SUPPORT_SAMPLE_RUNS_H
#define TESTS_SUPPORT_SAMPLE_RUNS_H

/* Three whole runs of the sample world, judged, for the reports: one of each verdict. They begin
 * and finish the hearing; the test ends it. */

#include "tests/support/hearing.h"

/* Every call is answered; in the storm one in two is told 429 first and heeds it, in the overload
 * all fall back. */
void run_that_passes(struct hearing *hearing);

/* In the storm calls ask again at once and up to seven times; in the overload they give up. */
void run_that_fails(struct hearing *hearing);

/* The overload never came, the generator was late, the journal broke off, and it was cut at 42 s.
 */
void run_that_is_inconclusive(struct hearing *hearing);

#endif
