#include "connection_state.h"

#include <assert.h>
#include <event2/event.h>

#include "os/clock.h"

#define IDLE_PATIENCE (600 * NANOS_S)
#define LINGER_PATIENCE (2 * NANOS_S)
#define SHED_PATIENCE (5 * NANOS_S)

static const struct timeval tick_s_1 = {.tv_sec = 1};

static const struct memory *memory_of(const struct connection *c)
{
    return c->pool->options.memory;
}

/* --- what is to be sent ----------------------------------------------------------------------- */

void connections_touch(struct connection *c)
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

void connections_settle(struct connections *pool)
{
    while (pool->dirty_first != NULL) {
        struct connection *c = pool->dirty_first;

        pool->dirty_first = c->next_dirty;
        c->is_dirty = false;
        connection_settle(c);
    }
}

/* --- reuse ------------------------------------------------------------------------------------ */

void connections_weigh(struct connection *c)
{
    size_t held = c->reader.bytes.capacity + c->reader.chunked.capacity + c->out.bytes.capacity;

    c->pool->held += held - c->held;
    c->held = held;
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
    connections_weigh(c);
    memory_release(memory_of(c), c);
}

void connections_retire(struct connection *c)
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
    if (c->out.bytes.capacity > CONNECTION_KEPT_BYTES_MAX) {
        outflow_deinit(&c->out);
        outflow_init(&c->out, memory_of(c), CONNECTION_UNSENT_MAX);
    }
    connections_weigh(c);
    c->next_free = pool->free;
    pool->free = c;
    pool->free_count++;
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
        connection_lose(c, false);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    struct connections *pool = context;
    nanos now = clock_monotonic();
    struct connection *c;

    (void)fd;
    (void)what;
    give_up(&pool->idle, now);
    give_up(&pool->shaking, now);
    give_up(&pool->lingering, now);
    while ((c = overdue(&pool->sending, now)) != NULL)
        connection_refuse(c, 408);
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
    event_assign(&c->readable, base, c->channel.fd, EV_READ | EV_PERSIST, connection_on_readable,
                 c);
    event_assign(&c->writable, base, c->channel.fd, EV_WRITE, connection_on_writable, c);
    event_assign(&c->alarm, base, -1, 0, connection_on_alarm, c);
}

void connections_take(struct connections *pool, int fd, const struct connection_owner *owner)
{
    struct connection *c = make(pool);

    if (c == NULL) {
        evutil_closesocket(fd);
        return;
    }
    if (channel_open(&c->channel, fd, pool->options.tls) != RC_OK) {
        connections_retire(c);
        return;
    }
    set_up(c, owner);
    if (owner->accepted != NULL)
        c->plan = owner->accepted(owner->context, c);
    connection_begin(c);
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
    made->shaking.lasts = options->patience;
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
    connection_forget_events(c);
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
