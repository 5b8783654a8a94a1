#ifndef ENGINE_SPOIL_H
#define ENGINE_SPOIL_H

/* Quirks of event streams, done to bytes that are right: whole events, as a format wrote them, at
 * the end of a buffer, from `at` on. An event ends with a blank line, whoever wrote it, in LF or CR
 * LF; so nothing here knows a format, but for the `[DONE]` that some of them end with.
 *
 *     at = out->size;
 *     format_write_tokens(..., out);
 *     spoil_duplicate(out, at);
 *
 * What is not there to be spoilt (no second event to swap, no [DONE] to drop) is left as it is. All
 * work in place; those that add bytes grow the buffer, and do nothing where it does not grow. Pure.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

/* Events lose their `event:` line. */
void spoil_event_names(struct buffer *out, size_t at);

/* Lines end in CR LF. */
void spoil_line_ends(struct buffer *out, size_t at);

/* The last event's data lacks its last byte. */
void spoil_json(struct buffer *out, size_t at);

/* The last event comes twice. */
void spoil_duplicate(struct buffer *out, size_t at);

/* The first two events change places. */
void spoil_order(struct buffer *out, size_t at);

/* The event with [DONE] is dropped; comes first; comes at the end, where there is none. */
void spoil_done_missing(struct buffer *out, size_t at);
void spoil_done_early(struct buffer *out, size_t at);
void spoil_done_wrong(struct buffer *out, size_t at);

/* Only half of the first event is left. */
void spoil_half(struct buffer *out, size_t at);

/* A JSON array in place of events: their data, separated by commas, behind a bracket where it is
 * the `first` piece. Its end is the caller's to write, "]". */
void spoil_to_array(struct buffer *out, size_t at, bool is_first);

/* How many bytes go in the next write, so that it ends inside the next character of several bytes,
 * or between the next CR and LF; all when there is none. */
size_t spoil_write_inside_utf8(struct slice bytes);
size_t spoil_write_inside_crlf(struct slice bytes);

#endif
