#ifndef WIRE_JSON_POINTER_H
#define WIRE_JSON_POINTER_H

/* What stands at a JSON pointer (RFC 6901) in a text: "/choices/0/delta/content". A part "*" means
 * every element of an array, so a pointer may lead to several values.
 *
 *     struct json_walk walk;
 *     json_walk_init(&walk, text, SLICE("/choices/" "*" "/delta/content"));
 *     while ((rc = json_walk_next(&walk, &token)) == RC_OK)
 *         ... a value that the pointer leads to, in the order of the text
 *     rc is RC_END once all of the text was read
 *
 * One pass; what is not on the way is skipped; allocates nothing. Failure modes: the text is not
 * JSON (RC_MALFORMED, RC_LIMIT), which may show only behind the last value. A pointer that is
 * malformed, or has more than JSON_DEPTH_MAX parts, leads nowhere. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "wire/json.h"

struct json_walk {
    struct json json;
    struct slice parts[JSON_DEPTH_MAX]; /* as written */
    uint32_t parts_count;
    bool leads_nowhere;
    uint64_t index[JSON_DEPTH_MAX]; /* of the next element, by depth */
};

/* Both are borrowed for as long as the walk. An empty pointer means the whole text. */
void json_walk_init(struct json_walk *walk, struct slice text, struct slice pointer);

/* A container is handed out by its first byte, and what stands in it is skipped. */
MUST_USE enum rc json_walk_next(struct json_walk *walk, struct json_token *token);

/* The first value, where the whole text is JSON and there is one. */
bool json_find(struct slice text, struct slice pointer, struct json_token *token);

#endif
