#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

/* A growing run of bytes with a ceiling given at birth.
 *
 * Happy path: append, append, read `buffer_slice`, `buffer_clear`, append again without allocating.
 * Failure modes: the ceiling (RC_LIMIT) or no memory (RC_NOMEM). Failure is sticky: later appends
 * do nothing, so writers stay straight lines and ask `buffer.rc` once at the end. A failed append
 * leaves the bytes as they were. Never zero-terminated. One thread owns it. */

#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"

struct buffer {
    char *data;
    size_t size;     /* bytes in use */
    size_t capacity; /* bytes allocated */
    size_t ceiling;  /* never more than this */
    enum rc rc;      /* RC_OK, or why an append failed since the last clear */
    const struct memory *memory;
};

void buffer_init(struct buffer *b, const struct memory *memory, size_t ceiling);
void buffer_deinit(struct buffer *b); /* a zeroed buffer is fine */
void buffer_clear(struct buffer *b);  /* forgets bytes and failure, keeps the space */

void buffer_append(struct buffer *b, struct slice bytes);
void buffer_byte(struct buffer *b, char byte);
void buffer_text(struct buffer *b, const char *text);
void buffer_u64(struct buffer *b,
                uint64_t value); /* decimal; for the load path, where printf is slow */
void buffer_i64(struct buffer *b, int64_t value);

/* Slow, and printf's zero byte needs room under the ceiling for a moment. */
void buffer_printf(struct buffer *b, const char *format, ...) PRINTF_LIKE(2, 3);

/* Room for `size` more bytes at the end, or NULL (sticky); buffer_grown() then claims them. */
char *buffer_reserve(struct buffer *b, size_t size);
void buffer_grown(struct buffer *b, size_t size);

/* Drops bytes from the front, moving the rest down. */
void buffer_drop(struct buffer *b, size_t size);

/* Borrowed until the next change. */
struct slice buffer_slice(const struct buffer *b);

#endif
