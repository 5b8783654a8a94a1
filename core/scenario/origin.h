#ifndef SCENARIO_ORIGIN_H
#define SCENARIO_ORIGIN_H

/* Where the bytes of a text that was put together come from.
 *
 *     text       {"name": "day", "seed": 7}
 *     origins    0: day.jsonc:1:1     16: company.jsonc:4:3
 *
 * From one origin to the next the text is as that file has it, so lines and columns count on from
 * there. No origins at all: the text is the file's own. Plain data, borrowed. */

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "wire/json.h"

struct text_origin {
    size_t from;                   /* first byte of the text, up to the next one's */
    struct slice file;             /* as messages name it */
    struct json_position position; /* of that first byte, there */
};

struct text_origins {
    const struct text_origin *list; /* by `from`, the first at 0 */
    uint32_t count;
};

/* What a person can open. */
struct text_place {
    struct slice file;
    struct json_position position;
};

/* Of a byte of `text`, which is `file`'s own where there are no origins. */
struct text_place origins_place(const struct text_origins *origins, struct slice text,
                                struct slice file, size_t offset);

/* `before` became `after` by a change in one stretch: what stands around it keeps its origins, and
 * the stretch itself is told as a place in `after`, by the name `file`. Nothing to do without
 * origins. */
MUST_USE enum rc origins_change(struct text_origins *origins, struct slice before,
                                struct slice after, struct slice file, struct arena *arena,
                                struct error *err);

#endif
