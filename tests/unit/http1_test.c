/* Every exchange here is read whole, cut in two at every byte, and byte by byte, and must give the
 * same requests, or the same refusal, each time. Requests are written down as
 * "METHOD path headers_count [body] flags;" and compared as text. */

#include "wire/http1.h"

#include <CUnit/CUnit.h>
#include <stdint.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"

enum { BODY_BYTES_MAX = 1024, LOG_BYTES_MAX = 1 << 20 };

static struct http1 reader;
static struct buffer seen;
static struct buffer out;

static int set_up_suite(void)
{
    buffer_init(&seen, memory_heap(), LOG_BYTES_MAX);
    buffer_init(&out, memory_heap(), LOG_BYTES_MAX);
    return 0;
}

static int tear_down_suite(void)
{
    buffer_deinit(&seen);
    buffer_deinit(&out);
    return 0;
}

static void set_up(void)
{
    http1_init(&reader, memory_heap(), BODY_BYTES_MAX);
    buffer_clear(&seen);
    buffer_clear(&out);
}

static void tear_down(void)
{
    http1_deinit(&reader);
}

static void start_over(void)
{
    tear_down();
    http1_init(&reader, memory_heap(), BODY_BYTES_MAX);
    buffer_clear(&seen);
}

static void note(const struct http_request *request)
{
    buffer_printf(&seen, "%.*s %.*s %u [%.*s]%s%s;", SLICE_ARG(request->method),
                  SLICE_ARG(request->path), request->headers_count, SLICE_ARG(request->body),
                  request->keeps_alive ? "" : " close", request->is_http10 ? " 1.0" : "");
}

/* Feeds a copy of exactly these bytes and ruins it: nothing may point there any more. */
static enum rc feed(const char *data, size_t size)
{
    char *copy = memory_zeroed(memory_heap(), size, 1);
    struct http_request request;
    enum rc rc;

    memcpy(copy, data, size);
    http1_feed(&reader, (struct slice){copy, size});
    memset(copy, '#', size);
    memory_release(memory_heap(), copy);
    while ((rc = http1_next(&reader, &request)) == RC_OK)
        note(&request);
    return rc;
}

struct reading {
    struct slice bytes;
    enum rc rc;
    uint16_t status; /* to answer, 0 where nothing fails */
    struct slice requests;
};

static void expect_reading(enum rc rc, const struct reading *expected,
                           const struct expect_place *place)
{
    expect_rc(rc, expected->rc, place);
    expect_u64(reader.status, expected->status, place);
    expect_text(buffer_slice(&seen), expected->requests, place);
}

static void expect_readings(const struct reading *expected, const struct expect_place *place)
{
    struct slice bytes = expected->bytes;
    enum rc rc = feed(bytes.data, bytes.size);

    expect_reading(rc, expected, place);
    for (size_t cut = 0; cut <= bytes.size; cut++) {
        start_over();
        rc = feed(bytes.data, cut);
        if (rc == RC_AGAIN)
            rc = feed(bytes.data + cut, bytes.size - cut);
        expect_reading(rc, expected, place);
    }
    start_over();
    rc = RC_AGAIN;
    for (size_t i = 0; i < bytes.size && rc == RC_AGAIN; i++)
        rc = feed(bytes.data + i, 1);
    expect_reading(rc, expected, place);
    start_over();
}

#define EXPECT_REQUESTS(text, notes)                                           \
    expect_readings(&(struct reading){SLICE(text), RC_AGAIN, 0, SLICE(notes)}, \
                    &(struct expect_place){"EXPECT_REQUESTS(" #text ")", __FILE__, __LINE__})

#define EXPECT_REFUSED(text, code, status)                                       \
    expect_readings(&(struct reading){SLICE(text), (code), (status), SLICE("")}, \
                    &(struct expect_place){"EXPECT_REFUSED(" #text ")", __FILE__, __LINE__})

/* --- requests --------------------------------------------------------------------------------- */

static void reads_a_request_without_a_body(void)
{
    EXPECT_REQUESTS("GET /health?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /health?x=1 1 [];");
}

static void reads_a_body_by_its_length(void)
{
    EXPECT_REQUESTS("POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
                    "POST /v1/messages 2 [{\"a\":1}];");
}

static void reads_a_chunked_body(void)
{
    EXPECT_REQUESTS("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\r\nabc\r\nA\r\n0123456789\r\n0b;name=\"v\"\r\nhello world\r\n0\r\n\r\n",
                    "POST / 1 [abc0123456789hello world];");
}

static void skips_trailers(void)
{
    EXPECT_REQUESTS("POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n"
                    "1\r\na\r\n000;x\r\nX-Sum: 1\r\nX-More: 2\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
                    "POST / 1 [a];GET /2 0 [];");
}

static void reads_one_request_after_another(void)
{
    EXPECT_REQUESTS("POST /1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"
                    "POST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ncd\r\n0\r\n\r\n"
                    "POST /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                    "GET /4 HTTP/1.1\r\nA: b\r\n\r\n",
                    "POST /1 1 [ab];POST /2 1 [cd];POST /3 1 [];GET /4 1 [];");
}

static void skips_empty_lines_before_a_request(void)
{
    EXPECT_REQUESTS("\r\n\r\nGET /1 HTTP/1.1\r\n\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
                    "GET /1 0 [];GET /2 0 [];");
}

static void values_are_trimmed_and_names_found_in_any_case(void)
{
    struct http_request request;

    http1_feed(&reader,
               SLICE("GET / HTTP/1.1\r\nX-One: \t first \t\r\nx-one:second\r\nEmpty:\r\n\r\n"));
    EXPECT_RC(http1_next(&reader, &request), RC_OK);
    EXPECT_TEXT(http_header_of(&request, SLICE("x-ONE")), "first");
    EXPECT_U64(http_header_of(&request, SLICE("empty")).size, 0);
    CU_ASSERT_PTR_NOT_NULL(http_header_of(&request, SLICE("empty")).data);
    CU_ASSERT_PTR_NULL(http_header_of(&request, SLICE("none")).data);
}

/* Its body makes the buffer move after the head was read. */
static void the_head_stays_readable_when_the_body_comes_later(void)
{
    static const char head[] = "POST /p HTTP/1.1\r\nX-One: first\r\nContent-Length: 1000\r\n\r\n";
    char body[1000];
    struct http_request request;

    memset(body, 'b', sizeof(body));
    http1_feed(&reader, (struct slice){head, sizeof(head) - 1});
    EXPECT_RC(http1_next(&reader, &request), RC_AGAIN);
    http1_feed(&reader, (struct slice){body, 400});
    EXPECT_RC(http1_next(&reader, &request), RC_AGAIN);
    http1_feed(&reader, (struct slice){body, 600});
    EXPECT_RC(http1_next(&reader, &request), RC_OK);
    EXPECT_TEXT(request.path, "/p");
    EXPECT_TEXT(http_header_of(&request, SLICE("x-one")), "first");
    EXPECT_U64(request.body.size, 1000);
}

static void http_1_1_keeps_alive_unless_told_to_close(void)
{
    EXPECT_REQUESTS("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", "GET / 1 [] close;");
    EXPECT_REQUESTS("GET / HTTP/1.1\r\nConnection: te, close\r\n\r\n", "GET / 1 [] close;");
    EXPECT_REQUESTS("GET / HTTP/1.1\r\nConnection: closed\r\n\r\n", "GET / 1 [];");
    EXPECT_REQUESTS("GET / HTTP/1.7\r\nConnection: keep-alive\r\n\r\n", "GET / 1 [];");
}

static void http_1_0_closes_unless_told_to_keep_alive(void)
{
    EXPECT_REQUESTS("GET / HTTP/1.0\r\n\r\n", "GET / 0 [] close 1.0;");
    EXPECT_REQUESTS("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / 1 [] 1.0;");
    EXPECT_REQUESTS("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
                    "GET / 2 [] close 1.0;");
}

static void tells_when_the_head_is_there_and_the_body_is_not(void)
{
    CU_ASSERT(!http1_has_head(&reader));
    EXPECT_RC(feed("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r", 37), RC_AGAIN);
    CU_ASSERT(!http1_has_head(&reader));
    EXPECT_RC(feed("\na", 2), RC_AGAIN);
    CU_ASSERT(http1_has_head(&reader));
    EXPECT_RC(feed("b", 1), RC_AGAIN);
    CU_ASSERT(!http1_has_head(&reader)); /* of the next request */
    EXPECT_TEXT(buffer_slice(&seen), "POST / 1 [ab];");
}

static void wants_continue_only_while_the_body_is_held_back(void)
{
    static const char head[] =
        "POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";

    EXPECT_RC(feed(head, sizeof(head) - 1), RC_AGAIN);
    CU_ASSERT(http1_wants_continue(&reader));
    EXPECT_RC(feed("a", 1), RC_AGAIN);
    CU_ASSERT(!http1_wants_continue(&reader));
    EXPECT_RC(feed("b", 1), RC_AGAIN);
    CU_ASSERT(!http1_wants_continue(&reader));
}

static void nobody_else_wants_continue(void)
{
    EXPECT_RC(feed("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n", 38), RC_AGAIN);
    CU_ASSERT(!http1_wants_continue(&reader));
    start_over();
    EXPECT_RC(feed("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", 60),
              RC_AGAIN);
    CU_ASSERT(!http1_wants_continue(&reader));
}

/* --- refusals --------------------------------------------------------------------------------- */

static void smuggling_both_framings_at_once_are_refused(void)
{
    EXPECT_REFUSED("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                   RC_MALFORMED, 400);
    EXPECT_REFUSED("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
                   RC_MALFORMED, 400);
}

static void smuggling_lengths_that_differ_are_refused(void)
{
    EXPECT_REFUSED("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
                   RC_MALFORMED, 400);
    EXPECT_REFUSED("POST / HTTP/1.1\r\nContent-Length: 3, 4\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REQUESTS("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
                    "POST / 2 [a];");
}

static void smuggling_a_length_that_is_no_number_is_refused(void)
{
    EXPECT_REFUSED("POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("POST / HTTP/1.1\r\nContent-Length: 0x3\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n", RC_MALFORMED,
                   400);
}

static void smuggling_a_space_before_the_colon_is_refused(void)
{
    EXPECT_REFUSED("POST / HTTP/1.1\r\nContent-Length : 3\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("POST / HTTP/1.1\r\nTransfer-Encoding\t: chunked\r\n\r\n", RC_MALFORMED, 400);
}

static void smuggling_folded_lines_are_refused(void)
{
    EXPECT_REFUSED("GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("GET / HTTP/1.1\r\nX: a\r\n\tTransfer-Encoding: chunked\r\n\r\n", RC_MALFORMED,
                   400);
    EXPECT_REFUSED("GET / HTTP/1.1\r\n Host: a\r\n\r\n", RC_MALFORMED, 400);
}

static void smuggling_a_bare_lf_or_cr_is_refused(void)
{
    EXPECT_REFUSED("GET / HTTP/1.1\nHost: a\n\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("GET / HTTP/1.1\r\nHost: a\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("\nGET / HTTP/1.1\r\n\r\n", RC_MALFORMED, 400);
}

static void smuggling_other_codings_than_chunked_are_refused(void)
{
    EXPECT_REFUSED("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", RC_MALFORMED,
                   501);
    EXPECT_REFUSED("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
                   "identity\r\n\r\n",
                   RC_MALFORMED, 400);
    EXPECT_REFUSED("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
                   "chunked\r\n\r\n",
                   RC_MALFORMED, 400);
    EXPECT_REFUSED("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", RC_MALFORMED, 400);
}

static void smuggling_chunks_that_are_not_exact_are_refused(void)
{
#define CHUNKED "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    EXPECT_REFUSED(CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED(CHUNKED "3 \r\nabc\r\n0\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED(CHUNKED "\r\nabc\r\n0\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED(CHUNKED ";x\r\nabc\r\n0\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED(CHUNKED "-1\r\nabc\r\n0\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED(CHUNKED "3\r\nabcd\r\n0\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED(CHUNKED "3\nabc\r\n0\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED(CHUNKED "3\r\nabc\n\n0\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED(CHUNKED "0000000000000003\r\nabc\r\n0\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED(CHUNKED "0\r\nX: 1\n\r\n", RC_MALFORMED, 400);
#undef CHUNKED
}

static void what_is_no_request_line_is_refused(void)
{
    EXPECT_REFUSED("GET /\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("GET  / HTTP/1.1\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("GET /a b HTTP/1.1\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("GET /\x01 HTTP/1.1\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("GET / http/1.1\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("GET / HTTP/1.1 \r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("G(T / HTTP/1.1\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED(" / HTTP/1.1\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("\x16\x03\x01\x02\n", RC_MALFORMED, 400); /* the start of a TLS handshake */
}

static void other_versions_are_refused_by_their_own_status(void)
{
    EXPECT_REFUSED("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", RC_MALFORMED, 505);
    EXPECT_REFUSED("GET / HTTP/0.9\r\n\r\n", RC_MALFORMED, 505);
    EXPECT_REFUSED("GET / HTTP/1.x\r\n\r\n", RC_MALFORMED, 505);
    EXPECT_REFUSED("GET / HTTP/1./\r\n\r\n", RC_MALFORMED, 505);
}

static void what_is_no_header_is_refused(void)
{
    EXPECT_REFUSED("GET / HTTP/1.1\r\nHost\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("GET / HTTP/1.1\r\n: a\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("GET / HTTP/1.1\r\nH(st: a\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", RC_MALFORMED, 400);
    EXPECT_REFUSED("GET / HTTP/1.1\r\nHost: a\x7F\r\n\r\n", RC_MALFORMED, 400);
}

static void a_refusal_stays(void)
{
    struct http_request request;

    EXPECT_RC(feed("x\n", 2), RC_MALFORMED);
    http1_feed(&reader, SLICE("GET / HTTP/1.1\r\n\r\n"));
    EXPECT_RC(http1_next(&reader, &request), RC_MALFORMED);
    EXPECT_U64(reader.status, 400);
    CU_ASSERT(!http1_has_head(&reader));
    CU_ASSERT(!http1_wants_continue(&reader));
}

static void requests_before_a_broken_one_are_still_handed_out(void)
{
    EXPECT_RC(feed("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/9.9\r\n\r\n", 38), RC_MALFORMED);
    EXPECT_TEXT(buffer_slice(&seen), "GET /1 0 [];");
    EXPECT_U64(reader.status, 505);
}

/* --- ceilings --------------------------------------------------------------------------------- */

static void a_hundred_headers_pass_and_one_more_is_refused(void)
{
    for (int count = HTTP1_HEADERS_MAX; count <= HTTP1_HEADERS_MAX + 1; count++) {
        start_over();
        buffer_clear(&out);
        buffer_text(&out, "GET / HTTP/1.1\r\n");
        for (int i = 0; i < count; i++)
            buffer_text(&out, "a: b\r\n");
        buffer_text(&out, "\r\n");
        EXPECT_RC(feed(out.data, out.size), count <= HTTP1_HEADERS_MAX ? RC_AGAIN : RC_LIMIT);
        EXPECT_U64(reader.status, count <= HTTP1_HEADERS_MAX ? 0 : 431);
    }
}

/* Feeds what was written, in steps of so many bytes, until something fails. */
static enum rc feed_written(size_t step)
{
    enum rc rc = RC_AGAIN;

    start_over();
    for (size_t at = 0; at < out.size && rc == RC_AGAIN; at += step)
        rc = feed(out.data + at, out.size - at < step ? out.size - at : step);
    return rc;
}

/* A request whose head has exactly that size. */
static void write_head_of(size_t size)
{
    buffer_clear(&out);
    buffer_text(&out, "GET / HTTP/1.1\r\nX: ");
    while (out.size < size - 4)
        buffer_byte(&out, 'x');
    buffer_text(&out, "\r\n\r\n");
}

static void a_head_of_just_the_ceiling_passes_and_one_byte_more_is_refused(void)
{
    for (size_t step = 1000; step <= 100000; step *= 10) {
        for (size_t size = HTTP1_HEAD_BYTES_MAX; size <= HTTP1_HEAD_BYTES_MAX + 1; size++) {
            write_head_of(size);
            EXPECT_RC(feed_written(step), size <= HTTP1_HEAD_BYTES_MAX ? RC_AGAIN : RC_LIMIT);
            EXPECT_U64(reader.status, size <= HTTP1_HEAD_BYTES_MAX ? 0 : 431);
        }
    }
}

static void a_head_that_never_ends_is_refused(void)
{
    enum rc rc = RC_AGAIN;

    for (int i = 0; i < HTTP1_HEAD_BYTES_MAX && rc == RC_AGAIN; i++)
        rc = feed("GET / never ends", 16);
    EXPECT_RC(rc, RC_LIMIT);
    EXPECT_U64(reader.status, 431);
}

static void a_body_over_the_ceiling_is_refused_by_its_length_before_it_comes(void)
{
    EXPECT_RC(feed("POST / HTTP/1.1\r\nContent-Length: 1024\r\n\r\n", 41), RC_AGAIN);
    start_over();
    EXPECT_REFUSED("POST / HTTP/1.1\r\nContent-Length: 1025\r\n\r\n", RC_LIMIT, 413);
    EXPECT_REFUSED("POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n", RC_LIMIT,
                   413);
}

static void a_chunked_body_over_the_ceiling_is_refused_when_the_sum_shows_it(void)
{
    static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    char chunk[5 + 512 + 2];

    memset(chunk, 'c', sizeof(chunk));
    memcpy(chunk, "200\r\n", 5);
    memcpy(chunk + 5 + 512, "\r\n", 2);
    EXPECT_RC(feed(head, sizeof(head) - 1), RC_AGAIN);
    EXPECT_RC(feed(chunk, sizeof(chunk)), RC_AGAIN);
    EXPECT_RC(feed(chunk, sizeof(chunk)), RC_AGAIN);
    EXPECT_RC(feed("1\r\n", 3), RC_LIMIT);
    EXPECT_U64(reader.status, 413);
    start_over();
    EXPECT_REFUSED("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
                   RC_LIMIT, 413);
}

static void chunk_lines_are_bounded_however_they_are_cut(void)
{
    for (size_t size = 256; size <= 257; size++) {
        enum rc expected = size <= 256 ? RC_AGAIN : RC_MALFORMED;
        size_t begin;

        buffer_clear(&out);
        buffer_text(&out, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        begin = out.size;
        buffer_text(&out, "1;");
        while (out.size - begin < size - 2)
            buffer_byte(&out, 'x');
        buffer_text(&out, "\r\na\r\n0\r\n\r\n");
        EXPECT_RC(feed_written(SIZE_MAX / 2), expected);
        EXPECT_RC(feed_written(1), expected);
    }
}

static void trailers_are_bounded_however_they_are_cut(void)
{
    for (size_t size = 8192; size <= 8193; size++) {
        enum rc expected = size <= 8192 ? RC_AGAIN : RC_LIMIT;
        size_t begin;

        buffer_clear(&out);
        buffer_text(&out, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
        begin = out.size;
        buffer_text(&out, "X: ");
        while (out.size - begin < size - 4)
            buffer_byte(&out, 'x');
        buffer_text(&out, "\r\n\r\n");
        EXPECT_RC(feed_written(SIZE_MAX / 2), expected);
        EXPECT_RC(feed_written(1), expected);
        EXPECT_U64(reader.status, size <= 8192 ? 0 : 431);
    }
}

static void trailers_that_never_end_are_refused(void)
{
    enum rc rc = feed("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", 53);

    for (int i = 0; i < 10000 && rc == RC_AGAIN; i++)
        rc = feed("x", 1);
    EXPECT_RC(rc, RC_LIMIT);
    EXPECT_U64(reader.status, 431);
}

static void what_waits_unread_is_bounded(void)
{
    struct http_request request;

    for (int i = 0; i < 100000 && reader.rc == RC_OK; i++)
        http1_feed(&reader, SLICE("GET / HTTP/1.1\r\n\r\n"));
    EXPECT_RC(http1_next(&reader, &request), RC_LIMIT);
    EXPECT_U64(reader.status, 413);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void a_warm_reader_allocates_nothing_more(void)
{
    static const char request[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n0\r\n\r\n";
    struct flaky flaky = {.allow = UINT64_MAX};
    struct memory memory = flaky_memory(&flaky);

    tear_down();
    http1_init(&reader, &memory, BODY_BYTES_MAX);
    EXPECT_RC(feed(request, sizeof(request) - 1), RC_AGAIN);
    flaky.allow = 0;
    EXPECT_RC(feed(request, sizeof(request) - 1), RC_AGAIN);
    CU_ASSERT(!flaky.failed);
    start_over(); /* the reader must not outlive the memory it was lent */
    EXPECT_U64(flaky.live, 0);
}

static void walks_every_failing_allocation(void)
{
    struct flaky flaky;
    uint64_t allow = 0;

    buffer_text(&out, "POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                      "POST /2 HTTP/1.1\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 1000; i++)
        buffer_byte(&out, 'b');
    tear_down();
    do {
        struct memory memory;
        enum rc rc = RC_AGAIN;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        buffer_clear(&seen);
        http1_init(&reader, &memory, BODY_BYTES_MAX);
        for (size_t at = 0; at < out.size && rc == RC_AGAIN; at += 10)
            rc = feed(out.data + at, out.size - at < 10 ? out.size - at : 10);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_AGAIN);
        EXPECT_U64(reader.status, flaky.failed ? 503 : 0);
        http1_deinit(&reader);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    EXPECT_TEXT(((struct slice){seen.data, 15}), "POST /1 1 [abc]");
    CU_ASSERT(allow > 3);
}

static void a_zeroed_reader_is_empty_and_closable(void)
{
    struct http1 zeroed = {0};
    struct http_request request;

    EXPECT_RC(http1_next(&zeroed, &request), RC_AGAIN);
    CU_ASSERT(!http1_has_head(&zeroed));
    http1_deinit(&zeroed);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void writes_a_head_with_a_length(void)
{
    http1_write_head(&out, 429, SLICE("Retry-After: 1\r\n"), 17, true);
    EXPECT_TEXT(buffer_slice(&out), "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n"
                                    "Content-Length: 17\r\nConnection: keep-alive\r\n\r\n");
}

static void writes_a_status_without_a_reason_as_the_services_do(void)
{
    http1_write_head(&out, 529, (struct slice){0}, 0, false);
    EXPECT_TEXT(buffer_slice(&out),
                "HTTP/1.1 529 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

static void writes_a_chunked_answer(void)
{
    http1_write_head(&out, 200, (struct slice){0}, HTTP1_CHUNKED, true);
    http1_write_chunk(&out, SLICE("hello, hello, hello"));
    http1_write_chunk(&out, (struct slice){0});
    http1_write_chunk(&out, SLICE("!"));
    http1_write_last_chunk(&out);
    EXPECT_TEXT(buffer_slice(&out),
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
                "13\r\nhello, hello, hello\r\n1\r\n!\r\n0\r\n\r\n");
}

static void writes_an_answer_that_ends_with_the_connection(void)
{
    http1_write_head(&out, 200, (struct slice){0}, HTTP1_UNTIL_CLOSE, false);
    EXPECT_TEXT(buffer_slice(&out), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

static void answers_without_a_body_have_no_framing(void)
{
    http1_write_head(&out, 100, (struct slice){0}, 0, true);
    http1_write_head(&out, 204, (struct slice){0}, 0, true);
    EXPECT_TEXT(buffer_slice(&out), "HTTP/1.1 100 Continue\r\n\r\n"
                                    "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

/* What the writer chunks, the reader puts together. */
static void reads_back_its_own_chunks(void)
{
    buffer_text(&out, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    http1_write_chunk(&out, SLICE("one, two, three, four, five, six"));
    http1_write_chunk(&out, SLICE(" and seven"));
    http1_write_last_chunk(&out);
    EXPECT_RC(feed(out.data, out.size), RC_AGAIN);
    EXPECT_TEXT(buffer_slice(&seen), "POST / 1 [one, two, three, four, five, six and seven];");
}

static CU_TestInfo tests[] = {
    {"reads a request without a body", reads_a_request_without_a_body},
    {"reads a body by its length", reads_a_body_by_its_length},
    {"reads a chunked body", reads_a_chunked_body},
    {"skips trailers", skips_trailers},
    {"reads one request after another", reads_one_request_after_another},
    {"skips empty lines before a request", skips_empty_lines_before_a_request},
    {"values are trimmed and names found in any case",
     values_are_trimmed_and_names_found_in_any_case},
    {"the head stays readable when the body comes later",
     the_head_stays_readable_when_the_body_comes_later},
    {"HTTP/1.1 keeps alive unless told to close", http_1_1_keeps_alive_unless_told_to_close},
    {"HTTP/1.0 closes unless told to keep alive", http_1_0_closes_unless_told_to_keep_alive},
    {"tells when the head is there and the body is not",
     tells_when_the_head_is_there_and_the_body_is_not},
    {"wants continue only while the body is held back",
     wants_continue_only_while_the_body_is_held_back},
    {"nobody else wants continue", nobody_else_wants_continue},
    {"smuggling: both framings at once are refused", smuggling_both_framings_at_once_are_refused},
    {"smuggling: lengths that differ are refused", smuggling_lengths_that_differ_are_refused},
    {"smuggling: a length that is no number is refused",
     smuggling_a_length_that_is_no_number_is_refused},
    {"smuggling: a space before the colon is refused",
     smuggling_a_space_before_the_colon_is_refused},
    {"smuggling: folded lines are refused", smuggling_folded_lines_are_refused},
    {"smuggling: a bare LF or CR is refused", smuggling_a_bare_lf_or_cr_is_refused},
    {"smuggling: other codings than chunked are refused",
     smuggling_other_codings_than_chunked_are_refused},
    {"smuggling: chunks that are not exact are refused",
     smuggling_chunks_that_are_not_exact_are_refused},
    {"what is no request line is refused", what_is_no_request_line_is_refused},
    {"other versions are refused by their own status",
     other_versions_are_refused_by_their_own_status},
    {"what is no header is refused", what_is_no_header_is_refused},
    {"a refusal stays", a_refusal_stays},
    {"requests before a broken one are still handed out",
     requests_before_a_broken_one_are_still_handed_out},
    {"a hundred headers pass and one more is refused",
     a_hundred_headers_pass_and_one_more_is_refused},
    {"a head of just the ceiling passes and one byte more is refused",
     a_head_of_just_the_ceiling_passes_and_one_byte_more_is_refused},
    {"a head that never ends is refused", a_head_that_never_ends_is_refused},
    {"a body over the ceiling is refused by its length before it comes",
     a_body_over_the_ceiling_is_refused_by_its_length_before_it_comes},
    {"a chunked body over the ceiling is refused when the sum shows it",
     a_chunked_body_over_the_ceiling_is_refused_when_the_sum_shows_it},
    {"chunk lines are bounded however they are cut", chunk_lines_are_bounded_however_they_are_cut},
    {"trailers are bounded however they are cut", trailers_are_bounded_however_they_are_cut},
    {"trailers that never end are refused", trailers_that_never_end_are_refused},
    {"what waits unread is bounded", what_waits_unread_is_bounded},
    {"a warm reader allocates nothing more", a_warm_reader_allocates_nothing_more},
    {"walks every failing allocation", walks_every_failing_allocation},
    {"a zeroed reader is empty and closable", a_zeroed_reader_is_empty_and_closable},
    {"writes a head with a length", writes_a_head_with_a_length},
    {"writes a status without a reason as the services do",
     writes_a_status_without_a_reason_as_the_services_do},
    {"writes a chunked answer", writes_a_chunked_answer},
    {"writes an answer that ends with the connection",
     writes_an_answer_that_ends_with_the_connection},
    {"answers without a body have no framing", answers_without_a_body_have_no_framing},
    {"reads back its own chunks", reads_back_its_own_chunks},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo http1_suite = {"http1", set_up_suite, tear_down_suite, set_up, tear_down, tests};
