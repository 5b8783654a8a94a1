#include "mock.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

#include "engine/upstream.h"
#include "os/clock.h"
#include "run_clock.h"

/* What an owner's callbacks get: which listener they serve. */
struct door {
    struct mock *mock;
    uint32_t provider;
    struct connection_owner owner;
};

struct mock {
    struct mock_options options;
    struct run_clock clock;
    struct upstream *engine;
    uint64_t run_tag;
    uint64_t requests;
    bool is_stopped;
    struct connection *serving[MOCK_EXCHANGES_MAX]; /* by exchange; NULL when its client is gone */
    struct door doors[SCENARIO_PROVIDERS_MAX];
    struct door hooks;
};

/* --- effects ---------------------------------------------------------------------------------- */

static void apply(struct mock *m, const struct upstream_effect *effect)
{
    struct connection *c = m->serving[effect->exchange];

    if (effect->kind == UPSTREAM_JOURNAL) {
        m->serving[effect->exchange] = NULL;
        journal_sink_write(m->options.journal, effect->record);
        if (m->options.watcher.on_record != NULL)
            m->options.watcher.on_record(m->options.watcher.context, effect->record);
        return;
    }
    assert(c != NULL);
    switch (effect->kind) {
    case UPSTREAM_HEAD:
        connection_head(c, effect->status, effect->headers, effect->content_length);
        break;
    case UPSTREAM_BODY:
        connection_body(c, effect->body);
        break;
    case UPSTREAM_END:
        connection_end(c, effect->end);
        break;
    case UPSTREAM_TOLD: /* never: requests of bytes are answered in bytes */
    case UPSTREAM_JOURNAL:
        break;
    }
}

/* After each call of the engine: its slices and records live until the next. */
static void apply_all(struct mock *m)
{
    struct upstream_effect effect;

    while (upstream_next(m->engine, &effect))
        apply(m, &effect);
}

/* --- what connections bring ------------------------------------------------------------------- */

/* "/t/NAME/v1/messages" is "/v1/messages" in a room of its own. */
static struct slice without_prefix(struct slice path)
{
    struct slice rest = path;
    struct slice name;

    if (!slice_starts_with(path, SLICE("/t/")))
        return path;
    rest = (struct slice){path.data + 3, path.size - 3};
    if (!slice_cut(&rest, '/', &name) || name.size == 0)
        return path;
    if (rest.data == name.data + name.size) /* no slash behind the name: nothing left to serve */
        return path;
    return (struct slice){rest.data - 1, rest.size + 1};
}

static void refuse(struct connection *c)
{
    connection_answer(c, 503,
                      SLICE("{\"error\":{\"type\":\"overloaded_error\","
                            "\"message\":\"brownout-mock: too many requests at a time\"}}"),
                      true);
}

static void on_request(void *context, struct connection *c,
                       const struct connection_request *arrived)
{
    struct door *door = context;
    struct mock *m = door->mock;
    struct http_request http = *arrived->http;
    struct upstream_request request = {
        .provider = door->provider,
        .connection = connection_number(c),
        .http = &http,
    };
    uint32_t exchange;

    if (!m->clock.is_started)
        mock_start(m, arrived->head_in_at);
    m->requests++;
    http.path = without_prefix(http.path);
    request.accepted_at = run_clock_at(&m->clock, connection_accepted_at(c));
    request.head_in_at = run_clock_at(&m->clock, arrived->head_in_at);
    request.body_in_at = run_clock_at(&m->clock, arrived->body_in_at);
    connection_mark(c, MOCK_EXCHANGES_MAX);
    if (!upstream_begin(m->engine, &request, run_clock_now(&m->clock), &exchange)) {
        refuse(c);
        return;
    }
    connection_mark(c, exchange);
    m->serving[exchange] = c;
    apply_all(m);
}

static void on_flushed(void *context, struct connection *c, uint64_t bytes_out)
{
    struct mock *m = ((struct door *)context)->mock;
    uint32_t exchange = connection_marked(c);

    if (m->is_stopped || exchange == MOCK_EXCHANGES_MAX)
        return;
    upstream_flushed(m->engine, exchange, bytes_out, run_clock_now(&m->clock));
    apply_all(m);
}

static void on_gone(void *context, struct connection *c, uint64_t bytes_out, bool by_reset)
{
    struct mock *m = ((struct door *)context)->mock;
    uint32_t exchange = connection_marked(c);

    if (m->is_stopped || exchange == MOCK_EXCHANGES_MAX)
        return;
    upstream_gone(m->engine, exchange, bytes_out, by_reset, run_clock_now(&m->clock));
    apply_all(m);
}

/* --- the run ---------------------------------------------------------------------------------- */

void mock_start(struct mock *m, nanos t0)
{
    assert(!m->clock.is_started);
    upstream_set_wall(m->engine, clock_wall_unix_ns() - (clock_monotonic() - t0));
    run_clock_start(&m->clock, t0);
}

bool mock_is_started(const struct mock *m)
{
    return m->clock.is_started;
}

nanos mock_turn(struct mock *m)
{
    nanos wakes_at;

    if (!m->clock.is_started || m->is_stopped)
        return NANOS_NEVER;
    if (upstream_wakes_at(m->engine) <= run_clock_now(&m->clock)) {
        upstream_wake(m->engine, run_clock_now(&m->clock));
        apply_all(m);
        connections_settle(m->options.connections);
    }
    wakes_at = upstream_wakes_at(m->engine);
    if (wakes_at == NANOS_NEVER)
        return NANOS_NEVER;
    return nanos_max(0, wakes_at - run_clock_now(&m->clock));
}

void mock_stop(struct mock *m)
{
    if (!m->clock.is_started || m->is_stopped)
        return;
    upstream_stop(m->engine, run_clock_now(&m->clock));
    apply_all(m);
    m->is_stopped = true;
}

const struct connection_owner *mock_owner(const struct mock *m, uint32_t provider)
{
    if (provider == UPSTREAM_HOOKS)
        return &m->hooks.owner;
    assert(provider < m->options.scenario->providers_count);
    return &m->doors[provider].owner;
}

struct upstream *mock_engine(struct mock *m)
{
    return m->engine;
}

nanos mock_now(const struct mock *m)
{
    return m->clock.is_started ? run_clock_now(&m->clock) : 0;
}

uint64_t mock_run_tag(const struct mock *m)
{
    return m->run_tag;
}

uint32_t mock_open_count(const struct mock *m)
{
    return upstream_open(m->engine);
}

uint64_t mock_requests_count(const struct mock *m)
{
    return m->requests;
}

/* --- birth and death -------------------------------------------------------------------------- */

static void open_door(struct mock *m, struct door *door, uint32_t provider)
{
    *door = (struct door){.mock = m, .provider = provider};
    door->owner = (struct connection_owner){on_request, on_flushed, on_gone, NULL, door};
}

void mock_close(struct mock *m)
{
    if (m == NULL)
        return;
    upstream_free(m->engine);
    memory_release(m->options.memory, m);
}

enum rc mock_open(struct mock **mock, const struct mock_options *options, struct error *err)
{
    struct mock *m = memory_zeroed(options->memory, 1, sizeof(*m));
    struct upstream_options engine = {.scenario = options->scenario,
                                      .memory = options->memory,
                                      .exchanges_max = MOCK_EXCHANGES_MAX};

    if (m == NULL)
        return error_set(err, RC_NOMEM, "mock: out of memory");
    m->options = *options;
    if (getrandom(&m->run_tag, sizeof(m->run_tag), 0) != (ssize_t)sizeof(m->run_tag))
        m->run_tag = (uint64_t)clock_wall_unix_ns();
    engine.run_tag = m->run_tag;
    if (upstream_new(&m->engine, &engine, err) != RC_OK) {
        mock_close(m);
        return err->rc;
    }
    for (uint32_t i = 0; i < options->scenario->providers_count; i++)
        open_door(m, &m->doors[i], i);
    open_door(m, &m->hooks, UPSTREAM_HOOKS);
    *mock = m;
    return RC_OK;
}
