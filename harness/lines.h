#ifndef HARNESS_LINES_H
#define HARNESS_LINES_H

/* Bytes as they come, cut into lines.
 *
 * Happy path: lines_feed, then lines_next until it says no. Failure modes: a line longer than
 * LINES_BYTES_MAX, or no memory: `buffer.rc` says which and stays, and what was fed is lost from
 * there on. What follows the last LF is not handed out: a line is whole or it is none. */

#include <stdbool.h>

#include "base/buffer.h"

enum { LINES_BYTES_MAX = 1 << 20 };

struct lines {
    struct buffer buffer;
    size_t taken; /* bytes of buffer already handed out; dropped at the next feed */
};

void lines_init(struct lines *l, const struct memory *memory);
void lines_deinit(struct lines *l); /* a zeroed one is fine */

void lines_feed(struct lines *l, struct slice bytes);

/* The next line without its LF, borrowed until the next feed. */
bool lines_next(struct lines *l, struct slice *line);

#endif
