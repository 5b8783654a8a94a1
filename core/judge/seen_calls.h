#ifndef JUDGE_SEEN_CALLS_H
#define JUDGE_SEEN_CALLS_H

/* Which calls have had their record: one bit per call id, so that doubled and missing records are
 * found without keeping calls. Of each source it keeps the stretch between the first call that is
 * missing and the last one seen, as a ring of words:
 *
 *     all seen     111101 101111 000001     never seen
 *     ------------ ^ words_done             -----------
 *
 * Calls end nearly in the order of their index, so a run of ten million needs as much as one of ten
 * thousand; only a call that never ends keeps what comes after it, up to a ceiling (16 MB a
 * source). A zeroed set with its `memory` filled in is empty. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "scenario/source.h"

#define SEEN_CALLS_STRETCH_MAX ((uint64_t)1 << 27) /* calls */

struct seen_calls {
    const struct memory *memory;
    struct {
        uint64_t *ring; /* word w stands in ring[w % words] */
        uint64_t words; /* a power of two, or 0 */
        uint64_t words_done;
    } sources[SCENARIO_PARTS_MAX];
};

void seen_calls_deinit(struct seen_calls *seen);

/* Marks it; `*was_there` says whether it had been. RC_LIMIT or RC_NOMEM: not marked. */
MUST_USE enum rc seen_calls_mark(struct seen_calls *seen, struct call_id id, bool *was_there);

bool seen_calls_has(const struct seen_calls *seen, struct call_id id);

#endif
