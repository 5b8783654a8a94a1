#include "connection_state.h"

#include <assert.h>
#include <event2/event.h>

#include "os/clock.h"

/* Bytes that all connections may hold before an idle one gives its large buffers back. */
#define HELD_BYTES_EASY (CONNECTIONS_BYTES_MAX / 4)

/* --- ending ----------------------------------------------------------------------------------- */

void connection_forget_events(struct connection *c)
{
    event_del(&c->readable);
    event_del(&c->writable);
    event_del(&c->alarm);
    patience_forget(&c->waited_for);
}

static void reset(struct connection *c)
{
    connection_forget_events(c);
    channel_reset(&c->channel);
}

/* Its socket is closed already. */
static void let_go(struct connection *c)
{
    c->state = CLOSED;
    if (c->owner->closed != NULL)
        c->owner->closed(c->owner->context, c);
}

static uint64_t answer_bytes_out(const struct connection *c)
{
    return c->bytes_out > c->answer.bytes_before ? c->bytes_out - c->answer.bytes_before : 0;
}

void connection_lose(struct connection *c, bool by_reset)
{
    bool is_owners = c->state == ANSWERING && !c->answer.is_ours;
    uint64_t bytes_out = answer_bytes_out(c);

    connection_forget_events(c);
    channel_close(&c->channel);
    if (is_owners && c->owner->gone != NULL)
        c->owner->gone(c->owner->context, c, bytes_out, by_reset);
    let_go(c);
    connections_retire(c);
}

static void linger(struct connection *c)
{
    nanos now = clock_monotonic();

    c->state = LINGERING;
    c->lingers_since = now;
    channel_finish(&c->channel);
    patience_await(&c->pool->lingering, &c->waited_for, now);
}

static void fall_silent(struct connection *c)
{
    c->state = SILENT;
    patience_await(&c->pool->idle, &c->waited_for, clock_monotonic());
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

void connection_pace(struct connection *c, nanos head_gap, bool one_byte_writes)
{
    assert(c->state == ANSWERING);
    outflow_shape(&c->out, head_gap, one_byte_writes);
}

void connection_flush(struct connection *c)
{
    outflow_put_border(&c->out);
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
    http1_write_head(&c->out.bytes, status, headers, content_length, c->answer.keeps_alive);
    outflow_end_slow(&c->out);
    connections_touch(c);
}

void connection_body(struct connection *c, struct slice bytes)
{
    assert(c->state == ANSWERING);
    assert(!c->answer.has_end);
    if (c->answer.is_to_head)
        return;
    if (c->answer.is_chunked)
        http1_write_chunk(&c->out.bytes, bytes);
    else
        buffer_append(&c->out.bytes, bytes);
    connections_touch(c);
}

void connection_end(struct connection *c, enum upstream_end end)
{
    assert(c->state == ANSWERING);
    assert(!c->answer.has_end);
    if (end == UPSTREAM_END_WHOLE && c->answer.is_chunked && !c->answer.is_to_head)
        http1_write_last_chunk(&c->out.bytes);
    c->answer.has_end = true;
    c->answer.end = end;
    connections_touch(c);
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
    patience_forget(&c->waited_for);
    c->state = ANSWERING;
    c->answer = (struct answer_out){
        .bytes_before = c->bytes_out + (c->out.bytes.size - c->out.sent),
        .keeps_alive = http != NULL && http->keeps_alive,
        .is_http10 = http != NULL && http->is_http10,
        .is_to_head = http != NULL && slice_is(http->method, SLICE("HEAD")),
        .is_ours = http == NULL,
    };
    outflow_shape(&c->out, 0, false);
}

void connection_refuse(struct connection *c, uint16_t status)
{
    struct slice words = SLICE("{\"error\":{\"type\":\"invalid_request_error\",\"message\":"
                               "\"" CONNECTION_UNREADABLE "\"}}");

    if (c->owner->refusal != NULL)
        words = c->owner->refusal(c->owner->context, status);
    open_answer(c, NULL);
    connection_answer(c, status, words, true);
    if (c->owner->unreadable != NULL)
        c->owner->unreadable(c->owner->context, c, status);
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

/* The head has `patience` from its first byte on; each piece of the body has it anew. */
static void await_rest(struct connection *c, nanos now)
{
    struct patience *sending = &c->pool->sending;
    bool has_head = http1_has_head(&c->reader);

    if (has_head || c->waited_for.queue != sending)
        patience_await(sending, &c->waited_for, now);
    if (!c->has_head && has_head) {
        c->has_head = true;
        c->head_in_at = now;
    }
    if (c->has_continued || !http1_wants_continue(&c->reader))
        return;
    c->has_continued = true;
    buffer_text(&c->out.bytes, "HTTP/1.1 100 Continue\r\n\r\n");
    connections_touch(c);
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
        connection_refuse(c, c->reader.status != 0 ? c->reader.status : 500);
    }
}

/* --- idleness --------------------------------------------------------------------------------- */

static void set_alarm(struct connection *c, nanos span)
{
    nanos us = span / NANOS_US + (span % NANOS_US > 0);
    struct timeval wait = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

    event_add(&c->alarm, &wait);
}

/* Nothing has come of the next request. */
static void rest(struct connection *c)
{
    bool is_heavy =
        c->reader.bytes.capacity + c->reader.chunked.capacity > CONNECTION_KEPT_BYTES_MAX;

    patience_await(&c->pool->idle, &c->waited_for, clock_monotonic());
    if (c->plan.fault == CONNECTION_IDLE_CLOSED)
        set_alarm(c, c->plan.delay);
    if (!is_heavy || c->pool->held < HELD_BYTES_EASY)
        return;
    http1_deinit(&c->reader);
    http1_init(&c->reader, c->pool->options.memory, CONNECTION_REQUEST_BODY_MAX);
    connections_weigh(c);
}

static void wake_up(struct connection *c)
{
    if (c->plan.fault == CONNECTION_IDLE_CLOSED && c->state == READING)
        event_del(&c->alarm);
}

static bool has_brought_nothing(const struct connection *c)
{
    return c->reader.rc == RC_OK && c->reader.bytes.size == c->reader.consumed;
}

static void read_on(struct connection *c)
{
    if (has_brought_nothing(c))
        rest(c);
    else
        take_request(c);
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* As much as goes now. RC_AGAIN: the kernel takes no more; RC_END, RC_SYSTEM: it never will. */
static enum rc send_out(struct connection *c, nanos now, nanos *wakes_at)
{
    size_t size;

    outflow_turn(&c->out);
    while ((size = outflow_next(&c->out, now, wakes_at)) > 0) {
        struct slice bytes = {c->out.bytes.data + c->out.sent, size};

        TRY(channel_write(&c->channel, bytes, &size));
        outflow_sent(&c->out, size, now);
        c->bytes_out += size;
    }
    return RC_OK;
}

/* The last byte is with the kernel: end as planned, tell, and look for the next request. */
static void finish(struct connection *c)
{
    bool is_owners = !c->answer.is_ours;
    enum upstream_end end = c->answer.end;

    if (end == UPSTREAM_END_RST)
        reset(c);
    else if (end == UPSTREAM_END_FIN || !c->answer.keeps_alive)
        linger(c);
    else
        c->state = READING;
    if (is_owners && c->owner->flushed != NULL)
        c->owner->flushed(c->owner->context, c, answer_bytes_out(c));
    if (end == UPSTREAM_END_RST) {
        let_go(c);
        connections_retire(c);
    } else if (c->state == READING) {
        read_on(c);
    }
}

/* Not all has left. What nobody reads is given up like a connection that says nothing. */
static void send_later(struct connection *c, enum rc rc, nanos now, nanos wakes_at)
{
    outflow_compact(&c->out);
    if (rc == RC_OK) {
        set_alarm(c, wakes_at - now);
        return;
    }
    event_add(&c->writable, NULL);
    patience_await(&c->pool->idle, &c->waited_for, now);
}

void connection_settle(struct connection *c)
{
    nanos now = clock_monotonic();
    nanos wakes_at;
    enum rc rc;

    if (c->state == CLOSED) {
        connections_retire(c);
        return;
    }
    rc = c->out.bytes.rc == RC_OK ? send_out(c, now, &wakes_at) : RC_LIMIT;
    if (rc != RC_OK && rc != RC_AGAIN) {
        connection_lose(c, rc == RC_SYSTEM);
        return;
    }
    connections_weigh(c);
    if (!outflow_is_empty(&c->out))
        send_later(c, rc, now, wakes_at);
    else if (c->state == ANSWERING && c->answer.has_end)
        finish(c);
}

/* Nothing is answered any more: what comes is thrown away, until the client leaves. */
static void swallow(struct connection *c)
{
    nanos now = clock_monotonic();
    enum rc rc = channel_swallow(&c->channel, c->pool->bytes_in, sizeof(c->pool->bytes_in));

    if (rc == RC_AGAIN)
        return;
    if (rc != RC_OK ||
        (c->state == LINGERING && now - c->lingers_since > c->pool->options.patience)) {
        connection_lose(c, false);
        return;
    }
    patience_await(c->waited_for.queue, &c->waited_for, now);
}

/* Bytes that come while an answer is open wait in the reader, which bounds them; the pool bounds
 * all readers. */
static void take_bytes(struct connection *c, size_t size)
{
    http1_feed(&c->reader, (struct slice){c->pool->bytes_in, size});
    connections_weigh(c);
    wake_up(c);
    if (c->pool->held > CONNECTIONS_BYTES_MAX && c->held > CONNECTION_READ_BYTES_MAX) {
        if (c->state == READING)
            connection_refuse(c, 503);
        else
            connection_lose(c, false);
        return;
    }
    if (c->state == READING)
        take_request(c);
}

/* A handshake has `patience` from its first byte on; once it is over, the next request may take
 * its time. */
static void await_bytes(struct connection *c)
{
    struct patience *shaking = &c->pool->shaking;

    if (c->channel.wants_write)
        event_add(&c->writable, NULL);
    if (c->state != READING)
        return;
    if (!channel_is_shaking(&c->channel)) {
        if (c->waited_for.queue == shaking)
            rest(c);
    } else if (c->waited_for.queue != shaking) {
        patience_await(shaking, &c->waited_for, clock_monotonic());
    }
}

static void hear(struct connection *c)
{
    size_t size;
    enum rc rc = channel_read(&c->channel, c->pool->bytes_in, sizeof(c->pool->bytes_in), &size);

    if (rc == RC_OK)
        take_bytes(c, size);
    else if (rc != RC_AGAIN)
        connection_lose(c, rc == RC_SYSTEM);
    else
        await_bytes(c);
}

/* Under TLS a write may have waited for something to read. */
void connection_on_readable(evutil_socket_t fd, short what, void *context)
{
    struct connection *c = context;
    struct connections *pool = c->pool;

    (void)fd;
    (void)what;
    if (c->state == LINGERING || c->state == SILENT) {
        swallow(c);
        return;
    }
    if (c->channel.session != NULL && !outflow_is_empty(&c->out))
        connections_touch(c);
    hear(c);
    connections_settle(pool);
}

void connection_on_writable(evutil_socket_t fd, short what, void *context)
{
    struct connection *c = context;
    struct connections *pool = c->pool;

    (void)fd;
    (void)what;
    patience_forget(&c->waited_for);
    connections_touch(c);
    if (c->channel.wants_write)
        hear(c);
    connections_settle(pool);
}

/* --- connections that go wrong ---------------------------------------------------------------- */

static void tell_fault(struct connection *c)
{
    if (c->owner->faulted != NULL)
        c->owner->faulted(c->owner->context, c, &c->plan);
}

static void close_as_planned(struct connection *c)
{
    tell_fault(c);
    switch (c->plan.close) {
    case PLAN_CLOSE_FIN:
        linger(c);
        break;
    case PLAN_CLOSE_END:
        fall_silent(c);
        break;
    case PLAN_CLOSE_RST:
        reset(c);
        let_go(c);
        connections_retire(c);
        break;
    }
}

static void open_ears(struct connection *c)
{
    c->state = READING;
    c->accepted_at = clock_monotonic();
    if (event_add(&c->readable, NULL) != 0) {
        connection_lose(c, false);
        return;
    }
    rest(c);
}

void connection_begin(struct connection *c)
{
    switch (c->plan.fault) {
    case CONNECTION_FINE:
    case CONNECTION_LIMIT:
    case CONNECTION_IDLE_CLOSED:
        open_ears(c);
        break;
    case CONNECTION_REFUSED:
        c->plan.close = PLAN_CLOSE_RST;
        close_as_planned(c);
        break;
    case CONNECTION_CLOSED:
        event_add(&c->readable, NULL);
        close_as_planned(c);
        break;
    case CONNECTION_SILENT:
        event_add(&c->readable, NULL);
        tell_fault(c);
        fall_silent(c);
        break;
    case CONNECTION_SLOW:
        tell_fault(c);
        set_alarm(c, c->plan.delay);
        break;
    }
}

/* A slow accept, an idle connection whose time has come, or the next write of a paced answer. */
void connection_on_alarm(evutil_socket_t fd, short what, void *context)
{
    struct connection *c = context;
    struct connections *pool = c->pool;

    (void)fd;
    (void)what;
    if (c->state == OPENING)
        open_ears(c);
    else if (c->plan.fault == CONNECTION_IDLE_CLOSED && c->state == READING &&
             outflow_is_empty(&c->out))
        close_as_planned(c);
    else
        connections_touch(c);
    connections_settle(pool);
}
