#ifndef JUDGE_SEEN_CALLS_H
#define JUDGE_SEEN_CALLS_H

/* Which calls have had their record: one bit per call id, so that doubled and missing records are
 * found without keeping calls. Grows with the highest index of each source, up to a ceiling
 * (16 MB a source). A zeroed set with its `memory` filled in is empty. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "scenario/source.h"

#define SEEN_CALLS_INDEX_MAX ((uint64_t)1 << 27)

struct seen_calls {
    const struct memory *memory;
    struct {
        uint64_t *bits;
        uint64_t words;
    } sources[SCENARIO_PARTS_MAX];
};

void seen_calls_deinit(struct seen_calls *seen);

/* Marks it; `*was_there` says whether it had been. RC_LIMIT or RC_NOMEM: not marked. */
MUST_USE enum rc seen_calls_mark(struct seen_calls *seen, struct call_id id, bool *was_there);

bool seen_calls_has(const struct seen_calls *seen, struct call_id id);

#endif
