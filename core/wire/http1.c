#include "wire/http1.h"

#include <assert.h>
#include <string.h>

/* The bytes of one connection, as the reader sees them:
 *
 *     |...handed out...|POST / HTTP/1.1 CRLF ... CRLF CRLF|body..........|next request...
 *                      ^consumed                          ^+head_size    ^+head_size+body_size
 *
 * What was handed out is dropped at the next feed, so that its slices live until then. The head is
 * found by its line ends, then read in one go; it is read again when its body comes in a later
 * feed, because the buffer may have moved (that costs less than copying the bytes that came).
 *
 * Whoever reads requests for money is strict about where they end, or two programs in a row see
 * different requests in the same bytes ("request smuggling"): every line ends with CRLF, no line is
 * folded, there is one framing and it has one value. Host is not asked for: nobody here routes by
 * it. */

enum { CHUNK_LINE_MAX = 256, TRAILER_BYTES_MAX = 8192 }; /* line ends included */

static size_t ceiling_for(size_t body_bytes_max)
{
    const size_t heads = 2 * (size_t)HTTP1_HEAD_BYTES_MAX; /* the second for what comes behind */

    return body_bytes_max > (SIZE_MAX - heads) / 2 ? SIZE_MAX : heads + 2 * body_bytes_max;
}

void http1_init(struct http1 *h, const struct memory *memory, size_t body_bytes_max)
{
    *h = (struct http1){.body_bytes_max = body_bytes_max};
    buffer_init(&h->bytes, memory, ceiling_for(body_bytes_max));
    buffer_init(&h->chunked, memory, body_bytes_max);
}

void http1_deinit(struct http1 *h)
{
    buffer_deinit(&h->bytes);
    buffer_deinit(&h->chunked);
    *h = (struct http1){0};
}

static enum rc fail(struct http1 *h, enum rc rc, uint16_t status)
{
    h->rc = rc;
    h->status = status;
    return rc;
}

/* A full buffer, or no memory for one. */
static enum rc fail_buffer(struct http1 *h, enum rc rc)
{
    return fail(h, rc, rc == RC_LIMIT ? 413 : 503);
}

void http1_feed(struct http1 *h, struct slice bytes)
{
    if (h->rc != RC_OK || bytes.size == 0)
        return;
    buffer_drop(&h->bytes, h->consumed);
    h->consumed = 0;
    buffer_append(&h->bytes, bytes);
    if (h->bytes.rc != RC_OK)
        fail_buffer(h, h->bytes.rc);
}

/* --- the head --------------------------------------------------------------------------------- */

/* What has arrived and was not handed out. */
static struct slice pending(const struct http1 *h)
{
    if (h->bytes.size == 0)
        return (struct slice){0};
    return (struct slice){h->bytes.data + h->consumed, h->bytes.size - h->consumed};
}

/* The line that begins at `at`, without its CRLF. RC_AGAIN when its end has not come; RC_MALFORMED
 * for an LF alone. */
static enum rc line_at(struct slice bytes, size_t at, struct slice *line)
{
    const char *lf = at < bytes.size ? memchr(bytes.data + at, '\n', bytes.size - at) : NULL;
    size_t size;

    if (lf == NULL)
        return RC_AGAIN;
    size = (size_t)(lf - bytes.data) - at;
    if (size == 0 || lf[-1] != '\r')
        return RC_MALFORMED;
    *line = (struct slice){bytes.data + at, size - 1};
    return RC_OK;
}

/* Empty lines before a request are skipped (RFC 9112 §2.2): old clients send one after a body. */
static void skip_empty_lines(struct http1 *h)
{
    while (slice_starts_with(pending(h), SLICE("\r\n")))
        h->consumed += 2;
}

/* Goes from line to line up to the empty one. h->scanned is where the first unfinished line begins;
 * a slow sender makes us search that line again, which the ceiling bounds. */
static enum rc find_head(struct http1 *h)
{
    struct slice bytes, line;
    enum rc rc;

    if (h->scanned == 0)
        skip_empty_lines(h);
    bytes = pending(h);
    while ((rc = line_at(bytes, h->scanned, &line)) == RC_OK) {
        h->scanned += line.size + 2;
        if (h->scanned > HTTP1_HEAD_BYTES_MAX)
            return fail(h, RC_LIMIT, 431);
        if (line.size == 0) {
            h->head_size = h->scanned;
            return RC_OK;
        }
    }
    if (rc == RC_MALFORMED)
        return fail(h, RC_MALFORMED, 400);
    return bytes.size >= HTTP1_HEAD_BYTES_MAX ? fail(h, RC_LIMIT, 431) : RC_AGAIN;
}

/* RFC 9110 §5.6.2 */
static bool is_token_byte(char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (!is_token_byte(s.data[i]))
            return false;
    return s.size > 0;
}

/* Neither a control character nor, in a target, a space. */
static bool is_target(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if ((unsigned char)s.data[i] <= ' ' || s.data[i] == 0x7F)
            return false;
    return s.size > 0;
}

static bool is_field_value(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (((unsigned char)s.data[i] < ' ' && s.data[i] != '\t') || s.data[i] == 0x7F)
            return false;
    return true;
}

/* method SP target SP version */
static enum rc read_request_line(struct http1 *h, struct slice line, struct http_request *request)
{
    struct slice method, path;

    if (!slice_cut(&line, ' ', &method) || !slice_cut(&line, ' ', &path))
        return fail(h, RC_MALFORMED, 400);
    if (!is_token(method) || !is_target(path))
        return fail(h, RC_MALFORMED, 400);
    if (line.size != 8 || !slice_starts_with(line, SLICE("HTTP/")) || line.data[6] != '.')
        return fail(h, RC_MALFORMED, 400);
    if (line.data[5] != '1' || line.data[7] < '0' || line.data[7] > '9')
        return fail(h, RC_MALFORMED, 505);
    request->method = method;
    request->path = path;
    request->is_http10 = line.data[7] == '0';
    return RC_OK;
}

/* A folded line begins with a space, and a space before the colon ends the name: neither is a
 * token (RFC 9112 §5.1, §5.2). */
static enum rc read_header(struct http1 *h, struct slice line)
{
    struct slice name, value = line;

    slice_cut(&value, ':', &name);
    if (name.size == line.size || !is_token(name) || !is_field_value(value))
        return fail(h, RC_MALFORMED, 400);
    if (h->headers_count == HTTP1_HEADERS_MAX)
        return fail(h, RC_LIMIT, 431);
    h->headers[h->headers_count++] = (struct http_header){name, slice_trim(value)};
    return RC_OK;
}

static bool has_word(struct slice list, struct slice word)
{
    struct slice item;

    while (slice_cut(&list, ',', &item))
        if (slice_is_nocase(slice_trim(item), word))
            return true;
    return false;
}

/* What the headers say about the message itself. */
struct framing {
    bool has_length;
    uint64_t length;
    bool is_chunked;
    bool says_close;
    bool says_keep_alive;
    bool expects_continue;
};

/* A length that stands twice is fine if it is the same; a list of lengths is not a number. */
static enum rc read_length(struct http1 *h, struct slice value, struct framing *f)
{
    uint64_t length;

    if (!slice_u64(value, &length) || (f->has_length && length != f->length))
        return fail(h, RC_MALFORMED, 400);
    f->has_length = true;
    f->length = length;
    return RC_OK;
}

/* "chunked", once. Inside it other codings are allowed, and unknown here; instead of it they would
 * leave the end of the body open (RFC 9112 §6.3). */
static enum rc read_coding(struct http1 *h, struct slice value, struct framing *f)
{
    if (f->is_chunked)
        return fail(h, RC_MALFORMED, 400);
    if (!slice_is_nocase(value, SLICE("chunked")))
        return fail(h, RC_MALFORMED, has_word(value, SLICE("chunked")) ? 501 : 400);
    f->is_chunked = true;
    return RC_OK;
}

static enum rc read_framing(struct http1 *h, struct framing *f)
{
    for (uint32_t i = 0; i < h->headers_count; i++) {
        const struct http_header *header = &h->headers[i];

        if (slice_is_nocase(header->name, SLICE("content-length"))) {
            TRY(read_length(h, header->value, f));
        } else if (slice_is_nocase(header->name, SLICE("transfer-encoding"))) {
            TRY(read_coding(h, header->value, f));
        } else if (slice_is_nocase(header->name, SLICE("connection"))) {
            f->says_close |= has_word(header->value, SLICE("close"));
            f->says_keep_alive |= has_word(header->value, SLICE("keep-alive"));
        } else if (slice_is_nocase(header->name, SLICE("expect"))) {
            f->expects_continue |= slice_is_nocase(header->value, SLICE("100-continue"));
        }
    }
    return RC_OK;
}

/* Both framings at once are refused, chunks in HTTP/1.0 too (RFC 9112 §6.1, §6.3). */
static enum rc apply_framing(struct http1 *h, const struct framing *f, struct http_request *request)
{
    if (f->is_chunked && (f->has_length || request->is_http10))
        return fail(h, RC_MALFORMED, 400);
    if (f->length > h->body_bytes_max)
        return fail(h, RC_LIMIT, 413);
    request->keeps_alive =
        request->is_http10 ? f->says_keep_alive && !f->says_close : !f->says_close;
    h->is_chunked = f->is_chunked;
    h->body_size = f->length;
    h->expects_continue = f->expects_continue && !request->is_http10;
    return RC_OK;
}

static enum rc read_head(struct http1 *h, struct http_request *request)
{
    struct slice head = {pending(h).data, h->head_size};
    struct framing framing = {0};
    struct slice line = {0};
    size_t at;

    h->headers_count = 0;
    TRY(line_at(head, 0, &line));
    TRY(read_request_line(h, line, request));
    for (at = line.size + 2;; at += line.size + 2) {
        TRY(line_at(head, at, &line));
        if (line.size == 0)
            break;
        TRY(read_header(h, line));
    }
    request->headers = h->headers;
    request->headers_count = h->headers_count;
    TRY(read_framing(h, &framing));
    return apply_framing(h, &framing, request);
}

/* --- the body --------------------------------------------------------------------------------- */

/* chunk-size [ ";" extensions ]; extensions are skipped (RFC 9112 §7.1.1). */
static bool read_chunk_size(struct slice line, uint64_t *size)
{
    uint64_t sum = 0;
    struct slice digits;

    if (!slice_cut(&line, ';', &digits) || digits.size == 0 || digits.size > 15)
        return false;
    for (size_t i = 0; i < digits.size; i++) {
        char c = digits.data[i];
        char lower = (char)(c | 0x20);

        if (c >= '0' && c <= '9')
            sum = sum << 4 | (uint64_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            sum = sum << 4 | (uint64_t)(lower - 'a' + 10);
        else
            return false;
    }
    *size = sum;
    return true;
}

/* Trailer lines up to the empty one. They are skipped: nothing of ours travels in them. */
static enum rc skip_trailer(struct http1 *h, struct slice bytes, size_t at, size_t *end)
{
    size_t begin = at;
    struct slice line;
    enum rc rc;

    while ((rc = line_at(bytes, at, &line)) == RC_OK) {
        at += line.size + 2;
        if (at - begin > TRAILER_BYTES_MAX)
            return fail(h, RC_LIMIT, 431);
        if (line.size == 0) {
            *end = at;
            return RC_OK;
        }
    }
    if (rc == RC_MALFORMED)
        return fail(h, RC_MALFORMED, 400);
    return bytes.size - begin >= TRAILER_BYTES_MAX ? fail(h, RC_LIMIT, 431) : RC_AGAIN;
}

/* One whole chunk at h->body_at goes into h->chunked. RC_END after the last one. */
static enum rc take_chunk(struct http1 *h, size_t *end)
{
    struct slice bytes = pending(h);
    struct slice line;
    uint64_t size;
    size_t data_at;
    enum rc rc = line_at(bytes, h->body_at, &line);

    if (rc == RC_AGAIN && bytes.size - h->body_at < CHUNK_LINE_MAX)
        return RC_AGAIN;
    if (rc != RC_OK || line.size + 2 > CHUNK_LINE_MAX || !read_chunk_size(line, &size))
        return fail(h, RC_MALFORMED, 400);
    data_at = h->body_at + line.size + 2;
    if (size == 0) {
        rc = skip_trailer(h, bytes, data_at, end);
        return rc == RC_OK ? RC_END : rc;
    }
    if (size > h->body_bytes_max - h->chunked.size)
        return fail(h, RC_LIMIT, 413);
    if (bytes.size - data_at < size + 2)
        return RC_AGAIN;
    if (!slice_is((struct slice){bytes.data + data_at + size, 2}, SLICE("\r\n")))
        return fail(h, RC_MALFORMED, 400);
    buffer_append(&h->chunked, (struct slice){bytes.data + data_at, size});
    if (h->chunked.rc != RC_OK)
        return fail_buffer(h, h->chunked.rc);
    h->body_at = data_at + size + 2;
    return RC_OK;
}

/* RC_OK once the whole body is there; `*end` is then the size of head and body. */
static enum rc read_body(struct http1 *h, struct slice *body, size_t *end)
{
    struct slice bytes = pending(h);
    enum rc rc;

    if (!h->is_chunked) {
        if (bytes.size - h->head_size < h->body_size)
            return RC_AGAIN;
        *body = (struct slice){bytes.data + h->head_size, h->body_size};
        *end = h->head_size + h->body_size;
        return RC_OK;
    }
    do
        rc = take_chunk(h, end);
    while (rc == RC_OK);
    if (rc != RC_END)
        return rc;
    *body = buffer_slice(&h->chunked);
    return RC_OK;
}

/* --- the reader ------------------------------------------------------------------------------- */

/* The next request begins behind this one. */
static void leave_request(struct http1 *h, size_t size)
{
    h->consumed += size;
    h->scanned = 0;
    h->head_size = 0;
}

enum rc http1_next(struct http1 *h, struct http_request *request)
{
    struct http_request read = {0};
    size_t size = 0;

    if (h->rc != RC_OK)
        return h->rc;
    if (h->head_size == 0) {
        TRY(find_head(h));
        TRY(read_head(h, &read));
        h->body_at = h->head_size;
        buffer_clear(&h->chunked);
    }
    TRY(read_body(h, &read.body, &size));
    if (read.headers == NULL) /* the head came earlier, and its bytes may have moved */
        TRY(read_head(h, &read));
    leave_request(h, size);
    *request = read;
    return RC_OK;
}

bool http1_has_head(const struct http1 *h)
{
    return h->rc == RC_OK && h->head_size > 0;
}

bool http1_wants_continue(const struct http1 *h)
{
    return http1_has_head(h) && h->expects_continue && pending(h).size == h->head_size;
}

struct slice http_header_of(const struct http_request *request, struct slice name)
{
    for (uint32_t i = 0; i < request->headers_count; i++)
        if (slice_is_nocase(request->headers[i].name, name))
            return request->headers[i].value;
    return (struct slice){0};
}

/* --- writing ---------------------------------------------------------------------------------- */

/* 1xx, 204 and 304 have no body, and so no framing (RFC 9112 §6.3). */
static bool has_body(uint16_t status)
{
    return status >= 200 && status != 204 && status != 304;
}

void http1_write_head(struct buffer *out, uint16_t status, struct slice headers,
                      int64_t content_length, bool keeps_alive)
{
    assert(status >= 100);
    assert(status <= 999);
    assert(content_length >= HTTP1_UNTIL_CLOSE);
    assert(content_length != HTTP1_UNTIL_CLOSE || !keeps_alive);
    buffer_text(out, "HTTP/1.1 ");
    buffer_u64(out, status);
    buffer_byte(out, ' ');
    buffer_text(out, http1_reason(status));
    buffer_text(out, "\r\n");
    buffer_append(out, headers);
    if (content_length == HTTP1_CHUNKED && has_body(status)) {
        buffer_text(out, "Transfer-Encoding: chunked\r\n");
    } else if (content_length >= 0 && has_body(status)) {
        buffer_text(out, "Content-Length: ");
        buffer_i64(out, content_length);
        buffer_text(out, "\r\n");
    }
    if (status >= 200) /* said in both cases: HTTP/1.0 closes unless told otherwise */
        buffer_text(out, keeps_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
    buffer_text(out, "\r\n");
}

void http1_write_chunk(struct buffer *out, struct slice bytes)
{
    static const char hex[] = "0123456789abcdef";
    char digits[16];
    size_t at = sizeof(digits);

    if (bytes.size == 0) /* an empty chunk would be the last one */
        return;
    for (uint64_t rest = bytes.size; rest > 0; rest >>= 4)
        digits[--at] = hex[rest & 0xF];
    buffer_append(out, (struct slice){digits + at, sizeof(digits) - at});
    buffer_append(out, SLICE("\r\n"));
    buffer_append(out, bytes);
    buffer_append(out, SLICE("\r\n"));
}

void http1_write_last_chunk(struct buffer *out)
{
    buffer_append(out, SLICE("0\r\n\r\n"));
}

const char *http1_reason(uint16_t status)
{
    static const struct {
        uint16_t status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {425, "Too Early"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}
