#ifndef BASE_ARENA_H
#define BASE_ARENA_H

/* Memory for things that die together: a scenario, a run, a report. Freed once, no piece alone.
 * Grows in blocks up to a ceiling given at birth. Allocation returns NULL at the ceiling or when
 * the system has none, and `rc` then says which. Everything is zeroed and aligned for any type. */

#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"

struct arena_block;

struct arena {
    const struct memory *memory;
    struct arena_block *latest;
    size_t bytes_used;    /* handed out, paddings included */
    size_t bytes_ceiling; /* of bytes_used */
    enum rc rc;           /* RC_OK, or why the latest failure happened; sticky */
};

void arena_init(struct arena *a, const struct memory *memory, size_t bytes_ceiling);
void arena_deinit(struct arena *a); /* a zeroed arena is fine */

void *arena_take(struct arena *a, size_t count, size_t item_bytes);

/* A copy that lives as long as the arena, followed by a zero byte (not counted in its size). An
 * empty slice with null data when there was no memory. */
struct slice arena_copy(struct arena *a, struct slice bytes);

#endif
