#ifndef WIRE_SSE_H
#define WIRE_SSE_H

/* A reader of server-sent events (WHATWG HTML, "9.2.6 Interpreting an event stream"): bytes in as
 * they come, events out. The same events result whatever the cuts (STR-08: inside UTF-8, between CR
 * and LF, one byte at a time). LF, CR and CRLF end lines; a leading BOM is skipped; `data:x`
 * without a space counts; several data lines join with LF; comments (": ...") are counted, not
 * handed out; U+0085 and U+2028 are ordinary bytes. `id:` and `retry:` are ignored.
 *
 * Happy path: sse_feed(bytes); while (sse_next(&event) == RC_OK) ...; feed again.
 * An event that lies whole in the fed bytes is handed out without copying where possible.
 * Failure modes: one event over the ceiling (RC_LIMIT) or no memory (RC_NOMEM); both stay.
 * At the end of the stream an unfinished event is dropped, as the standard says; sse_has_rest
 * tells. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

struct sse_event {
    struct slice name; /* of the last event: line; empty when there was none */
    struct slice data; /* borrowed until the next sse_next or sse_feed */
};

struct sse {
    struct buffer line; /* the unfinished line, carried between feeds */
    struct buffer data; /* the data lines of the event so far */
    struct slice fed;   /* what is left of the bytes of the latest feed */
    const char *lf;     /* of fed: the next LF, or its end */
    const char *cr;     /* likewise */
    char name[64];      /* longer names are cut */
    size_t name_size;
    struct slice direct; /* while is_direct: the only data line so far, in fed or line */
    bool is_direct;
    bool has_data;      /* a data line was seen in this event */
    bool is_handed_out; /* the event is the caller's until the next call */
    bool after_cr;      /* the next LF belongs to the CR before it */
    bool has_begun;     /* past the place where a BOM may stand */
    uint64_t comments;  /* seen so far */
    enum rc rc;
};

void sse_init(struct sse *s, const struct memory *memory, size_t event_bytes_max);
void sse_deinit(struct sse *s);
void sse_clear(struct sse *s); /* ready for another stream; keeps its space */

/* Borrows `bytes` until sse_next answered RC_AGAIN. Only then may more be fed. */
void sse_feed(struct sse *s, struct slice bytes);

/* RC_OK and an event, RC_AGAIN when the fed bytes hold no more, RC_LIMIT, RC_NOMEM. */
MUST_USE enum rc sse_next(struct sse *s, struct sse_event *event);

/* Is part of an event waiting for bytes that may never come? */
bool sse_has_rest(const struct sse *s);

/* Writes one event as Anthropic frames it (name not empty) or as OpenAI does (name empty). Data is
 * cut into lines at LF; it holds no CR (JSON never does). */
void sse_write(struct buffer *out, struct slice name, struct slice data);

#endif
