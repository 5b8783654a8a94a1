#ifndef REPORT_LAYOUT_H
#define REPORT_LAYOUT_H

/* Columns of characters for pages that are read on a terminal: pure ASCII, so that bytes are
 * columns. No line of ours is longer than LAYOUT_LINE. Pure: appends to `out`. */

#include <stddef.h>

#include "base/buffer.h"

enum { LAYOUT_LINE = 108 };

void layout_spaces(struct buffer *out, size_t count);

/* Padded to `width`; what is longer is written whole. */
void layout_left(struct buffer *out, const char *text, size_t width);
void layout_right(struct buffer *out, const char *text, size_t width);

/* Words from column `at` on, and the line's end; further lines begin at `indent`. Blanks are kept
 * as they are, and neither a number and its unit nor a short remark in
 * parentheses is torn. What is longer than a line stands on a line
 * of its own. */
void layout_wrapped(struct buffer *out, const char *text, size_t at, size_t indent);

/* An argument for a shell, in quotes where it needs them. */
void layout_argument(struct buffer *out, const char *text);

#endif
