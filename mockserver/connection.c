#include "connection.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"

enum {
    READ_BYTES_MAX = 65536,
    KEPT_BYTES_MAX = 65536, /* a closed connection's buffers stay for the next client up to this */
    LINGER_S = 2,
};

enum state { CLOSED, READING, ANSWERING, LINGERING };

/* The answer being written; zeroed between two. */
struct answer_out {
    uint64_t bytes_before; /* of the connection, handed to the kernel before this answer */
    bool keeps_alive;
    bool is_http10;
    bool is_to_head; /* the method: such an answer has no body */
    bool is_chunked;
    bool is_ours; /* a refusal of the transport's own: no owner to tell */
    bool has_end;
    enum upstream_end end;
};

struct connection {
    struct connections *pool;
    const struct connection_owner *owner;
    struct connection *next_made;  /* all there are */
    struct connection *next_free;  /* while CLOSED */
    struct connection *next_dirty; /* while is_dirty */
    enum state state;
    bool is_dirty;      /* has something for settle */
    bool has_head;      /* head_in_at is known */
    bool has_continued; /* "100 Continue" went out for this request */
    int fd;
    uint32_t number;
    uint32_t mark;
    nanos accepted_at;
    nanos head_in_at;
    struct event readable;
    struct event writable;
    struct http1 reader;
    struct buffer unsent;
    size_t unsent_at;   /* of unsent: next byte for the kernel */
    uint64_t bytes_out; /* handed to the kernel since it was accepted */
    struct answer_out answer;
};

struct connections {
    struct event_base *base;
    const struct memory *memory;
    struct connection *made;
    struct connection *free;
    struct connection *dirty_first; /* a queue: who wrote first is sent first */
    struct connection *dirty_last;
    uint32_t accepted;
    char bytes_in[READ_BYTES_MAX];
};

/* --- ending ----------------------------------------------------------------------------------- */

static void touch(struct connection *c)
{
    struct connections *pool = c->pool;

    if (c->is_dirty)
        return;
    c->is_dirty = true;
    c->next_dirty = NULL;
    if (pool->dirty_first == NULL)
        pool->dirty_first = c;
    else
        pool->dirty_last->next_dirty = c;
    pool->dirty_last = c;
}

static void close_socket(struct connection *c)
{
    event_del(&c->readable);
    event_del(&c->writable);
    close(c->fd);
    c->fd = -1;
    c->state = CLOSED;
}

static void keep_small(struct buffer *b)
{
    const struct memory *memory = b->memory;
    size_t ceiling = b->ceiling;

    buffer_clear(b);
    if (b->capacity <= KEPT_BYTES_MAX)
        return;
    buffer_deinit(b);
    buffer_init(b, memory, ceiling);
}

/* Back to the pool. A dirty one goes when settle comes across it. */
static void retire(struct connection *c)
{
    assert(c->state == CLOSED);
    if (c->is_dirty)
        return;
    keep_small(&c->unsent);
    http1_deinit(&c->reader);
    c->next_free = c->pool->free;
    c->pool->free = c;
}

static uint64_t answer_bytes_out(const struct connection *c)
{
    return c->bytes_out > c->answer.bytes_before ? c->bytes_out - c->answer.bytes_before : 0;
}

/* The client left, or might as well have. */
static void lose(struct connection *c)
{
    bool is_owners = c->state == ANSWERING && !c->answer.is_ours;

    close_socket(c);
    if (is_owners && c->owner->gone != NULL)
        c->owner->gone(c->owner->context, c, answer_bytes_out(c), false);
    retire(c);
}

static void reset(struct connection *c)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close_socket(c);
}

static void linger(struct connection *c)
{
    struct timeval patience = {.tv_sec = LINGER_S};

    c->state = LINGERING;
    shutdown(c->fd, SHUT_WR);
    event_add(&c->readable, &patience);
}

/* --- answers ---------------------------------------------------------------------------------- */

uint32_t connection_number(const struct connection *c)
{
    return c->number;
}

nanos connection_accepted_at(const struct connection *c)
{
    return c->accepted_at;
}

void connection_mark(struct connection *c, uint32_t mark)
{
    c->mark = mark;
}

uint32_t connection_marked(const struct connection *c)
{
    return c->mark;
}

/* HTTP/1.0 knows no chunks: there the end of the connection ends the body. */
void connection_head(struct connection *c, uint16_t status, struct slice headers,
                     int64_t content_length)
{
    assert(c->state == ANSWERING);
    assert(!c->answer.has_end);
    if (content_length == HTTP1_CHUNKED && c->answer.is_http10)
        content_length = HTTP1_UNTIL_CLOSE;
    if (content_length == HTTP1_UNTIL_CLOSE)
        c->answer.keeps_alive = false;
    c->answer.is_chunked = content_length == HTTP1_CHUNKED;
    http1_write_head(&c->unsent, status, headers, content_length, c->answer.keeps_alive);
    touch(c);
}

void connection_body(struct connection *c, struct slice bytes)
{
    assert(c->state == ANSWERING);
    assert(!c->answer.has_end);
    if (c->answer.is_to_head)
        return;
    if (c->answer.is_chunked)
        http1_write_chunk(&c->unsent, bytes);
    else
        buffer_append(&c->unsent, bytes);
    touch(c);
}

void connection_end(struct connection *c, enum upstream_end end)
{
    assert(c->state == ANSWERING);
    assert(!c->answer.has_end);
    if (end == UPSTREAM_END_WHOLE && c->answer.is_chunked && !c->answer.is_to_head)
        http1_write_last_chunk(&c->unsent);
    c->answer.has_end = true;
    c->answer.end = end;
    touch(c);
}

void connection_answer(struct connection *c, uint16_t status, struct slice json, bool closes)
{
    if (closes)
        c->answer.keeps_alive = false;
    connection_head(c, status, SLICE("content-type: application/json\r\n"), (int64_t)json.size);
    connection_body(c, json);
    connection_end(c, UPSTREAM_END_WHOLE);
}

/* --- requests --------------------------------------------------------------------------------- */

static void open_answer(struct connection *c, const struct http_request *http)
{
    c->state = ANSWERING;
    c->answer = (struct answer_out){
        .bytes_before = c->bytes_out + (c->unsent.size - c->unsent_at),
        .keeps_alive = http != NULL && http->keeps_alive,
        .is_http10 = http != NULL && http->is_http10,
        .is_to_head = http != NULL && slice_is(http->method, SLICE("HEAD")),
        .is_ours = http == NULL,
    };
}

/* What the reader could not read; the connection cannot be trusted after it. */
static void refuse(struct connection *c)
{
    open_answer(c, NULL);
    connection_answer(c, c->reader.status != 0 ? c->reader.status : 500,
                      SLICE("{\"error\":{\"type\":\"invalid_request_error\","
                            "\"message\":\"the request is not HTTP/1.1 or exceeds a limit\"}}"),
                      true);
}

static void bring(struct connection *c, const struct http_request *http, nanos now)
{
    struct connection_request request = {
        .http = http,
        .head_in_at = c->has_head ? c->head_in_at : now,
        .body_in_at = now,
    };

    c->has_head = false;
    c->has_continued = false;
    open_answer(c, http);
    c->owner->request(c->owner->context, c, &request);
}

static void await_rest(struct connection *c, nanos now)
{
    if (!c->has_head && http1_has_head(&c->reader)) {
        c->has_head = true;
        c->head_in_at = now;
    }
    if (c->has_continued || !http1_wants_continue(&c->reader))
        return;
    c->has_continued = true;
    buffer_text(&c->unsent, "HTTP/1.1 100 Continue\r\n\r\n");
    touch(c);
}

static void take_request(struct connection *c)
{
    struct http_request http;
    nanos now = clock_monotonic();

    assert(c->state == READING);
    switch (http1_next(&c->reader, &http)) {
    case RC_OK:
        bring(c, &http, now);
        break;
    case RC_AGAIN:
        await_rest(c, now);
        break;
    default:
        refuse(c);
    }
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* As much as the kernel takes. False when it takes no more for ever. */
static bool send_out(struct connection *c)
{
    while (c->unsent_at < c->unsent.size) {
        ssize_t size =
            send(c->fd, c->unsent.data + c->unsent_at, c->unsent.size - c->unsent_at, MSG_NOSIGNAL);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        c->unsent_at += (size_t)size;
        c->bytes_out += (uint64_t)size;
    }
    buffer_clear(&c->unsent);
    c->unsent_at = 0;
    return true;
}

/* The slow reader's pile is moved down only once half of it is gone: each byte at most once. */
static void compact(struct connection *c)
{
    if (c->unsent_at < c->unsent.size / 2)
        return;
    buffer_drop(&c->unsent, c->unsent_at);
    c->unsent_at = 0;
}

/* The last byte is with the kernel: end as planned, tell, and look for the next request. */
static void finish(struct connection *c)
{
    bool is_owners = !c->answer.is_ours;

    if (c->answer.end == UPSTREAM_END_RST)
        reset(c);
    else if (c->answer.end == UPSTREAM_END_FIN || !c->answer.keeps_alive)
        linger(c);
    else
        c->state = READING;
    if (is_owners && c->owner->flushed != NULL)
        c->owner->flushed(c->owner->context, c, answer_bytes_out(c));
    if (c->state == CLOSED)
        retire(c);
    else if (c->state == READING)
        take_request(c);
}

static void settle(struct connection *c)
{
    if (c->state == CLOSED) {
        retire(c);
        return;
    }
    if (c->unsent.rc != RC_OK || !send_out(c)) {
        lose(c);
        return;
    }
    if (c->unsent.size > 0) {
        compact(c);
        event_add(&c->writable, NULL);
        return;
    }
    if (c->state == ANSWERING && c->answer.has_end)
        finish(c);
}

void connections_settle(struct connections *pool)
{
    while (pool->dirty_first != NULL) {
        struct connection *c = pool->dirty_first;

        pool->dirty_first = c->next_dirty;
        c->is_dirty = false;
        settle(c);
    }
}

/* Bytes that come while an answer is open wait in the reader, which bounds them. */
static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct connection *c = context;
    ssize_t size;

    if (what & EV_TIMEOUT) {
        lose(c);
        return;
    }
    size = recv(fd, c->pool->bytes_in, sizeof(c->pool->bytes_in), 0);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (size <= 0) {
        lose(c);
        connections_settle(c->pool);
        return;
    }
    if (c->state == LINGERING)
        return;
    http1_feed(&c->reader, (struct slice){c->pool->bytes_in, (size_t)size});
    if (c->state == READING)
        take_request(c);
    connections_settle(c->pool);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    struct connection *c = context;

    (void)fd;
    (void)what;
    touch(c);
    connections_settle(c->pool);
}

/* --- birth and death -------------------------------------------------------------------------- */

static struct connection *make(struct connections *pool)
{
    struct connection *c = pool->free;

    if (c != NULL) {
        pool->free = c->next_free;
        return c;
    }
    c = memory_zeroed(pool->memory, 1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->pool = pool;
    c->next_made = pool->made;
    pool->made = c;
    buffer_init(&c->unsent, pool->memory, CONNECTION_UNSENT_MAX);
    return c;
}

void connections_take(struct connections *pool, int fd, const struct connection_owner *owner)
{
    struct connection *c = make(pool);

    if (c == NULL) {
        close(fd);
        return;
    }
    http1_init(&c->reader, pool->memory, CONNECTION_REQUEST_BODY_MAX);
    c->owner = owner;
    c->state = READING;
    c->has_head = false;
    c->has_continued = false;
    c->fd = fd;
    c->number = ++pool->accepted;
    c->accepted_at = clock_monotonic();
    c->bytes_out = 0;
    c->unsent_at = 0;
    c->answer = (struct answer_out){0};
    event_assign(&c->readable, pool->base, fd, EV_READ | EV_PERSIST, on_readable, c);
    event_assign(&c->writable, pool->base, fd, EV_WRITE, on_writable, c);
    if (event_add(&c->readable, NULL) != 0)
        lose(c);
}

enum rc connections_new(struct connections **pool, struct event_base *base,
                        const struct memory *memory, struct error *err)
{
    struct connections *made = memory_zeroed(memory, 1, sizeof(*made));

    if (made == NULL)
        return error_set(err, RC_NOMEM, "connections: out of memory");
    made->base = base;
    made->memory = memory;
    *pool = made;
    return RC_OK;
}

void connections_free(struct connections *pool)
{
    if (pool == NULL)
        return;
    while (pool->made != NULL) {
        struct connection *c = pool->made;

        pool->made = c->next_made;
        if (c->state != CLOSED)
            close_socket(c);
        http1_deinit(&c->reader);
        buffer_deinit(&c->unsent);
        memory_release(pool->memory, c);
    }
    memory_release(pool->memory, pool);
}
