#include "connection.h"

#include <assert.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "channel.h"
#include "os/clock.h"
#include "outflow.h"
#include "patience.h"

enum {
    READ_BYTES_MAX = 65536,
    KEPT_BYTES_MAX = 16384, /* a closed connection's buffers stay for the next client up to this */
};

/* Bytes that all connections may hold before an idle one gives its large buffers back. */
#define HELD_BYTES_EASY (CONNECTIONS_BYTES_MAX / 4)

#define IDLE_PATIENCE (600 * NANOS_S)
#define LINGER_PATIENCE (2 * NANOS_S)
#define SHED_PATIENCE (5 * NANOS_S)

static const struct timeval tick_s_1 = {.tv_sec = 1};

enum state { CLOSED, OPENING, READING, ANSWERING, LINGERING, SILENT };

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
    struct patience_link waited_for; /* first: a link is a connection */
    struct connections *pool;
    const struct connection_owner *owner;
    struct connection *made_before, *made_behind; /* all there are */
    struct connection *next_free;                 /* while CLOSED */
    struct connection *next_dirty;                /* while is_dirty */
    enum state state;
    bool is_dirty;      /* has something for settle */
    bool has_head;      /* head_in_at is known */
    bool has_continued; /* "100 Continue" went out for this request */
    uint32_t number;
    uint32_t mark;
    struct channel channel;
    struct connection_plan plan;
    nanos accepted_at;
    nanos head_in_at;
    nanos lingers_since;
    struct event readable;
    struct event writable;
    struct event alarm; /* OPENING, idle: the plan's; ANSWERING: the next write */
    struct http1 reader;
    struct outflow out;
    size_t held;        /* bytes of buffers, as the pool counts them */
    uint64_t bytes_out; /* handed to the kernel since it was accepted */
    struct answer_out answer;
};

struct connections {
    struct connections_options options;
    struct connection *made;
    struct connection *free;
    uint32_t free_count;
    struct connection *dirty_first; /* a queue: who wrote first is sent first */
    struct connection *dirty_last;
    uint32_t accepted;
    size_t held;
    struct event *tick;
    struct patience idle;    /* between requests, or SILENT, or with an answer nobody reads */
    struct patience sending; /* a head or a body that is not whole */
    struct patience lingering;
    char bytes_in[READ_BYTES_MAX];
};

static const struct memory *memory_of(const struct connection *c)
{
    return c->pool->options.memory;
}

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

static void weigh(struct connection *c)
{
    size_t held = c->reader.bytes.capacity + c->reader.chunked.capacity + c->out.bytes.capacity;

    c->pool->held += held - c->held;
    c->held = held;
}

/* Before its socket is closed: the next one may get the same number. */
static void forget_events(struct connection *c)
{
    event_del(&c->readable);
    event_del(&c->writable);
    event_del(&c->alarm);
    patience_forget(&c->waited_for);
}

static void reset(struct connection *c)
{
    forget_events(c);
    channel_reset(&c->channel);
}

/* Its socket is closed already. */
static void let_go(struct connection *c)
{
    c->state = CLOSED;
    if (c->owner->closed != NULL)
        c->owner->closed(c->owner->context, c);
}

static void dispose(struct connection *c)
{
    struct connections *pool = c->pool;

    if (c->made_before != NULL)
        c->made_before->made_behind = c->made_behind;
    else
        pool->made = c->made_behind;
    if (c->made_behind != NULL)
        c->made_behind->made_before = c->made_before;
    http1_deinit(&c->reader);
    outflow_deinit(&c->out);
    weigh(c);
    memory_release(memory_of(c), c);
}

/* Back to the pool. A dirty one goes when settle comes across it. */
static void retire(struct connection *c)
{
    struct connections *pool = c->pool;

    assert(c->state == CLOSED);
    if (c->is_dirty)
        return;
    if (pool->free_count == CONNECTIONS_KEPT_MAX) {
        dispose(c);
        return;
    }
    http1_deinit(&c->reader);
    outflow_clear(&c->out);
    if (c->out.bytes.capacity > KEPT_BYTES_MAX) {
        outflow_deinit(&c->out);
        outflow_init(&c->out, memory_of(c), CONNECTION_UNSENT_MAX);
    }
    weigh(c);
    c->next_free = pool->free;
    pool->free = c;
    pool->free_count++;
}

static uint64_t answer_bytes_out(const struct connection *c)
{
    return c->bytes_out > c->answer.bytes_before ? c->bytes_out - c->answer.bytes_before : 0;
}

/* The client left, or might as well have. */
static void lose(struct connection *c, bool by_reset)
{
    bool is_owners = c->state == ANSWERING && !c->answer.is_ours;
    uint64_t bytes_out = answer_bytes_out(c);

    forget_events(c);
    channel_close(&c->channel);
    if (is_owners && c->owner->gone != NULL)
        c->owner->gone(c->owner->context, c, bytes_out, by_reset);
    let_go(c);
    retire(c);
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
    touch(c);
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
    touch(c);
}

void connection_end(struct connection *c, enum upstream_end end)
{
    assert(c->state == ANSWERING);
    assert(!c->answer.has_end);
    if (end == UPSTREAM_END_WHOLE && c->answer.is_chunked && !c->answer.is_to_head)
        http1_write_last_chunk(&c->out.bytes);
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

/* What could not be read; the connection cannot be trusted after it. */
static void refuse(struct connection *c, uint16_t status)
{
    open_answer(c, NULL);
    connection_answer(c, status,
                      SLICE("{\"error\":{\"type\":\"invalid_request_error\","
                            "\"message\":\"the request is not HTTP/1.1, exceeds a limit, or does "
                            "not come to its end\"}}"),
                      true);
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
        refuse(c, c->reader.status != 0 ? c->reader.status : 500);
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
    bool is_heavy = c->reader.bytes.capacity + c->reader.chunked.capacity > KEPT_BYTES_MAX;

    patience_await(&c->pool->idle, &c->waited_for, clock_monotonic());
    if (c->plan.fault == CONNECTION_IDLE_CLOSED)
        set_alarm(c, c->plan.delay);
    if (!is_heavy || c->pool->held < HELD_BYTES_EASY)
        return;
    http1_deinit(&c->reader);
    http1_init(&c->reader, memory_of(c), CONNECTION_REQUEST_BODY_MAX);
    weigh(c);
}

static void wake_up(struct connection *c)
{
    if (c->plan.fault == CONNECTION_IDLE_CLOSED)
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
        retire(c);
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

static void settle(struct connection *c)
{
    nanos now = clock_monotonic();
    nanos wakes_at;
    enum rc rc;

    if (c->state == CLOSED) {
        retire(c);
        return;
    }
    rc = c->out.bytes.rc == RC_OK ? send_out(c, now, &wakes_at) : RC_LIMIT;
    if (rc != RC_OK && rc != RC_AGAIN) {
        lose(c, rc == RC_SYSTEM);
        return;
    }
    weigh(c);
    if (!outflow_is_empty(&c->out))
        send_later(c, rc, now, wakes_at);
    else if (c->state == ANSWERING && c->answer.has_end)
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

/* Nothing is answered any more: what comes is thrown away, until the client leaves. */
static void swallow(struct connection *c)
{
    nanos now = clock_monotonic();
    enum rc rc = channel_swallow(&c->channel, c->pool->bytes_in, sizeof(c->pool->bytes_in));

    if (rc == RC_AGAIN)
        return;
    if (rc != RC_OK ||
        (c->state == LINGERING && now - c->lingers_since > c->pool->options.patience)) {
        lose(c, false);
        return;
    }
    patience_await(c->waited_for.queue, &c->waited_for, now);
}

/* Bytes that come while an answer is open wait in the reader, which bounds them; the pool bounds
 * all readers. */
static void take_bytes(struct connection *c, size_t size)
{
    http1_feed(&c->reader, (struct slice){c->pool->bytes_in, size});
    weigh(c);
    wake_up(c);
    if (c->pool->held > CONNECTIONS_BYTES_MAX && c->held > READ_BYTES_MAX) {
        if (c->state == READING)
            refuse(c, 503);
        else
            lose(c, false);
        return;
    }
    if (c->state == READING)
        take_request(c);
}

static void hear(struct connection *c)
{
    size_t size;
    enum rc rc = channel_read(&c->channel, c->pool->bytes_in, sizeof(c->pool->bytes_in), &size);

    if (rc == RC_OK)
        take_bytes(c, size);
    else if (rc != RC_AGAIN)
        lose(c, rc == RC_SYSTEM);
    else if (c->channel.wants_write)
        event_add(&c->writable, NULL);
}

/* Under TLS a write may have waited for something to read. */
static void on_readable(evutil_socket_t fd, short what, void *context)
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
        touch(c);
    hear(c);
    connections_settle(pool);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    struct connection *c = context;
    struct connections *pool = c->pool;

    (void)fd;
    (void)what;
    patience_forget(&c->waited_for);
    touch(c);
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
        retire(c);
        break;
    }
}

static void open_ears(struct connection *c)
{
    c->state = READING;
    c->accepted_at = clock_monotonic();
    if (event_add(&c->readable, NULL) != 0) {
        lose(c, false);
        return;
    }
    rest(c);
}

static void begin(struct connection *c)
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
static void on_alarm(evutil_socket_t fd, short what, void *context)
{
    struct connection *c = context;
    struct connections *pool = c->pool;

    (void)fd;
    (void)what;
    if (c->state == OPENING)
        open_ears(c);
    else if (c->state == READING && outflow_is_empty(&c->out))
        close_as_planned(c);
    else
        touch(c);
    connections_settle(pool);
}

/* --- patience --------------------------------------------------------------------------------- */

static struct connection *overdue(const struct patience *queue, nanos now)
{
    return (struct connection *)patience_overdue(queue, now);
}

static void give_up(struct patience *queue, nanos now)
{
    struct connection *c;

    while ((c = overdue(queue, now)) != NULL)
        lose(c, false);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    struct connections *pool = context;
    nanos now = clock_monotonic();
    struct connection *c;

    (void)fd;
    (void)what;
    give_up(&pool->idle, now);
    give_up(&pool->lingering, now);
    while ((c = overdue(&pool->sending, now)) != NULL)
        refuse(c, 408);
    connections_settle(pool);
}

/* The queue of the idle is in order of their silence: what is first has said nothing longest. */
void connections_shed(struct connections *pool)
{
    nanos lasts = pool->idle.lasts;

    pool->idle.lasts = SHED_PATIENCE;
    give_up(&pool->idle, clock_monotonic());
    pool->idle.lasts = lasts;
}

/* --- birth and death -------------------------------------------------------------------------- */

static struct connection *make(struct connections *pool)
{
    struct connection *c = pool->free;

    if (c != NULL) {
        pool->free = c->next_free;
        pool->free_count--;
        return c;
    }
    c = memory_zeroed(pool->options.memory, 1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->pool = pool;
    c->made_behind = pool->made;
    if (pool->made != NULL)
        pool->made->made_before = c;
    pool->made = c;
    outflow_init(&c->out, pool->options.memory, CONNECTION_UNSENT_MAX);
    return c;
}

static void set_up(struct connection *c, const struct connection_owner *owner)
{
    struct event_base *base = c->pool->options.base;

    http1_init(&c->reader, memory_of(c), CONNECTION_REQUEST_BODY_MAX);
    c->owner = owner;
    c->state = OPENING;
    c->has_head = false;
    c->has_continued = false;
    c->number = ++c->pool->accepted;
    c->accepted_at = clock_monotonic();
    c->bytes_out = 0;
    c->plan = (struct connection_plan){.rule = PLAN_NO_RULE};
    c->answer = (struct answer_out){0};
    event_assign(&c->readable, base, c->channel.fd, EV_READ | EV_PERSIST, on_readable, c);
    event_assign(&c->writable, base, c->channel.fd, EV_WRITE, on_writable, c);
    event_assign(&c->alarm, base, -1, 0, on_alarm, c);
}

void connections_take(struct connections *pool, int fd, const struct connection_owner *owner)
{
    struct connection *c = make(pool);

    if (c == NULL) {
        evutil_closesocket(fd);
        return;
    }
    if (channel_open(&c->channel, fd, pool->options.tls) != RC_OK) {
        retire(c);
        return;
    }
    set_up(c, owner);
    if (owner->accepted != NULL)
        c->plan = owner->accepted(owner->context, c);
    begin(c);
}

enum rc connections_new(struct connections **pool, const struct connections_options *options,
                        struct error *err)
{
    struct connections *made = memory_zeroed(options->memory, 1, sizeof(*made));

    assert(options->patience > 0);
    if (made == NULL)
        return error_set(err, RC_NOMEM, "connections: out of memory");
    made->options = *options;
    made->idle.lasts = IDLE_PATIENCE;
    made->sending.lasts = options->patience;
    made->lingering.lasts = LINGER_PATIENCE;
    made->tick = event_new(options->base, -1, EV_PERSIST, on_tick, made);
    if (made->tick == NULL || event_add(made->tick, &tick_s_1) != 0) {
        connections_free(made);
        return error_set(err, RC_NOMEM, "connections: out of memory");
    }
    *pool = made;
    return RC_OK;
}

static void close_silently(struct connection *c)
{
    if (c->state == CLOSED)
        return;
    forget_events(c);
    channel_close(&c->channel);
}

void connections_free(struct connections *pool)
{
    if (pool == NULL)
        return;
    while (pool->made != NULL) {
        close_silently(pool->made);
        dispose(pool->made);
    }
    if (pool->tick != NULL)
        event_free(pool->tick);
    memory_release(pool->options.memory, pool);
}
