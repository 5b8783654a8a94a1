#ifndef WIRE_HTTP1_H
#define WIRE_HTTP1_H

/* HTTP/1.1 (RFC 9112) as a server sees it: a reader of requests, and a writer of answers.
 *
 * Reader: http1_feed(bytes), then http1_next until RC_AGAIN. One request after another on the same
 * connection (keep-alive, pipelining). Bodies by Content-Length or chunked, handed over whole.
 * Failure modes: RC_MALFORMED (not HTTP/1.x, both framings at once, bad lengths, obsolete folding,
 * space before a colon, LF without CR), RC_LIMIT (head over 64 KB, more than 100 headers, body over
 * the ceiling, or far more fed than was taken out) and RC_NOMEM; they stay, and `status` says what
 * to answer (400, 413, 431, 501, 503, 505). Trailers are skipped. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

enum { HTTP1_HEADERS_MAX = 100, HTTP1_HEAD_BYTES_MAX = 65536 };

struct http_header {
    struct slice name;
    struct slice value; /* trimmed */
};

/* Everything borrows from the reader until the next http1_next or http1_feed. */
struct http_request {
    struct slice method;
    struct slice path; /* as sent, query included */
    const struct http_header *headers;
    uint32_t headers_count;
    struct slice body;
    bool keeps_alive; /* the connection may serve another request */
    bool is_http10;
};

struct http1 {
    struct buffer bytes;   /* the request being collected, and whatever came behind it */
    struct buffer chunked; /* a chunked body, put together */
    struct http_header headers[HTTP1_HEADERS_MAX];
    uint32_t headers_count;
    size_t consumed;    /* of bytes: requests handed out, dropped at the next feed */
    size_t scanned;     /* behind consumed: whole lines already searched for the end of the head */
    size_t head_size;   /* 0 until the head is whole */
    size_t body_at;     /* chunked: behind consumed, the next byte to read */
    uint64_t body_size; /* by Content-Length */
    bool is_chunked;
    bool expects_continue;
    uint16_t status; /* what to answer once failed */
    enum rc rc;
    size_t body_bytes_max;
};

void http1_init(struct http1 *h, const struct memory *memory, size_t body_bytes_max);
void http1_deinit(struct http1 *h);

/* Copies the bytes. */
void http1_feed(struct http1 *h, struct slice bytes);

/* RC_OK and a request, RC_AGAIN, RC_MALFORMED, RC_LIMIT, RC_NOMEM. */
MUST_USE enum rc http1_next(struct http1 *h, struct http_request *request);

/* Has the head of the next request arrived (its body perhaps not)? For the journal's instants. */
bool http1_has_head(const struct http1 *h);

/* Does the client wait for "100 Continue" before it sends the body? */
bool http1_wants_continue(const struct http1 *h);

/* The value of the first header of that name (case-insensitive); empty slice with null data if
 * none. */
struct slice http_header_of(const struct http_request *request, struct slice name);

/* --- writing ---------------------------------------------------------------------------------- */

enum { HTTP1_CHUNKED = -1, HTTP1_UNTIL_CLOSE = -2 }; /* instead of a content length */

/* Status line, `headers` (zero or more whole "name: value\r\n" lines), framing, empty line. */
void http1_write_head(struct buffer *out, uint16_t status, struct slice headers,
                      int64_t content_length, bool keeps_alive);
void http1_write_chunk(struct buffer *out, struct slice bytes); /* nothing for an empty slice */
void http1_write_last_chunk(struct buffer *out);

/* "Too Many Requests"; empty for statuses without one (529), as the services do. */
const char *http1_reason(uint16_t status);

#endif
