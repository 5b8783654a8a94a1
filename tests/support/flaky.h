#ifndef TESTS_SUPPORT_FLAKY_H
#define TESTS_SUPPORT_FLAKY_H

/* A heap that runs dry on demand: it grants `allow` requests and refuses every later one. Failing
 * memory is walked, not sampled: allow 0, then 1, then 2, until a run needs no more.
 *
 *     do {
 *         flaky = (struct flaky){.allow = allow++};
 *         memory = flaky_memory(&flaky);
 *         rc = thing_init(&thing, &memory);
 *         EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
 *         thing_deinit(&thing);
 *         EXPECT_U64(flaky.live, 0); // nothing left behind, whichever request failed
 *     } while (flaky.failed);
 *     CU_ASSERT(allow > 2); // the loop did bite
 *
 * Growing a block counts as a request. Set `allow` to UINT64_MAX just to count live blocks. */

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

struct flaky {
    uint64_t allow; /* requests still to be granted */
    uint64_t live;  /* blocks handed out and not yet released */
    bool failed;    /* at least one request was refused */
};

/* Borrows `flaky` for as long as the memory is in use. */
struct memory flaky_memory(struct flaky *flaky);

#endif
