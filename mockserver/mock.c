#include "mock.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

#include "engine/upstream.h"
#include "engine/wires.h"
#include "os/clock.h"
#include "run_clock.h"
#include "wire/format.h"

enum { REFUSAL_BYTES_MAX = 4096 };

/* What an owner's callbacks get: which listener they serve. */
struct door {
    struct mock *mock;
    uint32_t provider;
    struct slice name;
    uint32_t open;     /* connections */
    uint32_t accepted; /* ever: numbers them for their faults, as the simulator does */
    bool is_shut;      /* nobody is to listen here now */
    struct connection_owner owner;
};

struct mock {
    struct mock_options options;
    struct run_clock clock;
    struct upstream *engine;
    uint64_t run_tag;
    uint64_t requests;
    uint64_t records; /* begun: the engine numbers them as they come, requests and notes */
    bool is_stopped;
    struct connection *serving[MOCK_EXCHANGES_MAX]; /* by exchange; NULL when its client is gone */
    struct door
        doors[SCENARIO_PROVIDERS_ROOM + 2]; /* by provider, then the gateway and the hooks */
    uint32_t doors_count;
    struct buffer refusal; /* the latest of a request that was none */
};

static const struct door *door_of(const struct mock *m, uint32_t provider)
{
    uint32_t providers_count = m->options.scenario->providers_count;

    if (provider == UPSTREAM_GATEWAY)
        return &m->doors[providers_count];
    if (provider == UPSTREAM_HOOKS)
        return &m->doors[providers_count + 1];
    assert(provider < providers_count);
    return &m->doors[provider];
}

/* --- effects ---------------------------------------------------------------------------------- */

static void apply(struct mock *m, const struct upstream_effect *effect)
{
    struct connection *c;

    if (effect->kind == UPSTREAM_JOURNAL) {
        if (effect->exchange != UPSTREAM_NO_EXCHANGE)
            m->serving[effect->exchange] = NULL;
        journal_sink_write(m->options.journal, effect->record);
        if (m->options.watcher.on_record != NULL)
            m->options.watcher.on_record(m->options.watcher.context, effect->record);
        return;
    }
    c = m->serving[effect->exchange];
    assert(c != NULL);
    switch (effect->kind) {
    case UPSTREAM_HEAD:
        if (effect->head_gap > 0 || effect->one_byte_writes)
            connection_pace(c, effect->head_gap, effect->one_byte_writes);
        connection_head(c, effect->status, effect->headers, effect->content_length);
        break;
    case UPSTREAM_BODY:
        connection_body(c, effect->body);
        if (effect->flushes)
            connection_flush(c);
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

/* --- what never became a request -------------------------------------------------------------- */

static void note(struct door *door, const struct connection *c, uint16_t status, int16_t rule,
                 const char *what)
{
    struct mock *m = door->mock;
    struct upstream_note note = {
        .provider = door->provider,
        .connection = connection_number(c),
        .accepted_at = run_clock_at(&m->clock, connection_accepted_at(c)),
        .status = status,
        .rule = rule,
        .what = what,
    };

    if (!upstream_note(m->engine, &note, run_clock_now(&m->clock)))
        return;
    m->records++;
    apply_all(m);
}

static enum api api_of(const struct door *door)
{
    const struct scenario *scenario = door->mock->options.scenario;

    return door->provider < scenario->providers_count ? scenario->providers[door->provider].api
                                                      : API_OPENAI_CHAT;
}

/* In the provider's words; the journal is to have the number in its id. */
static struct slice on_refusal(void *context, uint16_t status)
{
    const struct door *door = context;
    struct mock *m = door->mock;
    bool is_usual = status == 413 || status == 503;
    struct refusal refusal = {
        .failure = status == 503 ? OUTCOME_OVERLOADED : OUTCOME_INVALID_REQUEST,
        .status = status,
        .run_tag = m->run_tag,
        .request_number = m->records + 1,
        .message = is_usual ? SLICE("") : SLICE(CONNECTION_UNREADABLE),
    };

    buffer_clear(&m->refusal);
    format_write_refusal(api_of(door), &refusal, &m->refusal);
    return buffer_slice(&m->refusal);
}

static void on_unreadable(void *context, struct connection *c, uint16_t status)
{
    struct door *door = context;
    const char *what = "refused: no HTTP/1.1";

    if (door->mock->is_stopped)
        return;
    if (!door->mock->clock.is_started)
        mock_start(door->mock, connection_accepted_at(c));
    if (status == 408)
        what = "refused: it did not come to its end in time";
    else if (status == 413)
        what = "refused: the body exceeds 32 MB";
    else if (status == 431)
        what = "refused: the head exceeds 64 KB or 100 lines";
    else if (status == 503)
        what = "refused: too many bytes are waiting";
    note(door, c, status, PLAN_NO_RULE, what);
}

/* --- faults of connections -------------------------------------------------------------------- */

static struct connection_plan plan_for(struct door *door, nanos at)
{
    struct mock *m = door->mock;

    return chaos_connection(upstream_chaos(m->engine), m->options.scenario->seed, door->name,
                            ++door->accepted, at);
}

/* One beyond the limit is turned away as soon as it has come. */
static struct connection_plan on_accepted(void *context, struct connection *c)
{
    struct door *door = context;
    struct mock *m = door->mock;
    nanos at = m->clock.is_started ? run_clock_at(&m->clock, connection_accepted_at(c)) : 0;
    struct connection_plan plan = plan_for(door, at);

    door->open++;
    if (plan.fault == CONNECTION_LIMIT) {
        plan.fault = door->open > plan.limit ? CONNECTION_CLOSED : CONNECTION_FINE;
        plan.close = PLAN_CLOSE_RST;
    }
    if (plan.fault != CONNECTION_FINE && !m->clock.is_started)
        mock_start(m, connection_accepted_at(c));
    return plan;
}

static void on_faulted(void *context, struct connection *c, const struct connection_plan *plan)
{
    struct door *door = context;

    if (!door->mock->is_stopped)
        note(door, c, 0, plan->rule, wire_fault_text(plan));
}

static void on_closed(void *context, struct connection *c)
{
    struct door *door = context;

    (void)c;
    assert(door->open > 0);
    door->open--;
}

static bool has_connection_rules(const struct chaos *chaos)
{
    for (uint32_t i = 0; i < chaos->rules_count; i++)
        if (chaos->rules[i].sequence[0].kind == FAULT_CONNECTION)
            return true;
    return false;
}

/* Until when the listeners may stay as they are. Asked every turn: rules come and go. */
static nanos watch_doors(struct mock *m, nanos now)
{
    const struct chaos *chaos = upstream_chaos(m->engine);
    bool may_refuse = has_connection_rules(chaos);
    nanos changes_at = NANOS_NEVER;

    for (uint32_t i = 0; i < m->doors_count; i++) {
        struct door *door = &m->doors[i];
        nanos until = NANOS_NEVER;

        door->is_shut = may_refuse && chaos_refuses_connections(chaos, door->name, now, &until);
        changes_at = changes_at < until ? changes_at : until;
    }
    return changes_at;
}

bool mock_refuses(const struct mock *m, uint32_t provider)
{
    return door_of(m, provider)->is_shut;
}

/* --- requests --------------------------------------------------------------------------------- */

static bool is_isolation_byte(char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    return c == '-' || c == '.' || c == '_' || c == '~';
}

static bool is_isolation(struct slice name)
{
    for (size_t i = 0; i < name.size; i++)
        if (!is_isolation_byte(name.data[i]))
            return false;
    return name.size > 0 && name.size <= MOCK_ISOLATION_MAX;
}

/* "/t/NAME/v1/messages" is "/v1/messages" in a room of its own. Anything else stays as it is. */
static struct slice take_isolation(struct slice *path)
{
    struct slice rest = *path;
    struct slice name;

    if (!slice_starts_with(rest, SLICE("/t/")))
        return (struct slice){0};
    rest = (struct slice){rest.data + 3, rest.size - 3};
    slice_cut(&rest, '/', &name);
    if (!is_isolation(name) || rest.data == name.data + name.size) /* no slash behind the name */
        return (struct slice){0};
    *path = (struct slice){rest.data - 1, rest.size + 1};
    return name;
}

static void turn_away(struct door *door, struct connection *c)
{
    connection_answer(c, 503,
                      SLICE("{\"error\":{\"type\":\"overloaded_error\","
                            "\"message\":\"brownout-mock: too many requests at a time\"}}"),
                      true);
    note(door, c, 503, PLAN_NO_RULE, "refused: too many requests at a time");
}

static bool has_canary(const struct mock *m, const struct http_request *http)
{
    const struct mock_watcher *watcher = &m->options.watcher;

    return watcher->has_canary != NULL && watcher->has_canary(watcher->context, http);
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
        .isolation = take_isolation(&http.path),
        .has_canary = has_canary(m, arrived->http),
        .http = &http,
    };
    uint32_t exchange;

    if (!m->clock.is_started)
        mock_start(m, arrived->head_in_at);
    m->requests++;
    request.accepted_at = run_clock_at(&m->clock, connection_accepted_at(c));
    request.head_in_at = run_clock_at(&m->clock, arrived->head_in_at);
    request.body_in_at = run_clock_at(&m->clock, arrived->body_in_at);
    connection_mark(c, MOCK_EXCHANGES_MAX);
    if (!upstream_begin(m->engine, &request, run_clock_now(&m->clock), &exchange)) {
        turn_away(door, c);
        return;
    }
    m->records++;
    if (door->provider == UPSTREAM_HOOKS && m->options.watcher.on_hook != NULL)
        m->options.watcher.on_hook(m->options.watcher.context, m->records, &http);
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

bool mock_may_start(const struct mock *m, nanos t0)
{
    return !m->clock.is_started || (mock_now(m) < 0 && t0 <= m->clock.t0);
}

void mock_start(struct mock *m, nanos t0)
{
    assert(mock_may_start(m, t0));
    m->clock = (struct run_clock){0};
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
    wakes_at = watch_doors(m, run_clock_now(&m->clock));
    if (wakes_at > upstream_wakes_at(m->engine))
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
    return &door_of(m, provider)->owner;
}

struct upstream *mock_engine(struct mock *m)
{
    return m->engine;
}

nanos mock_started_at(const struct mock *m)
{
    assert(m->clock.is_started);
    return m->clock.t0;
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

static void open_door(struct mock *m, uint32_t provider, struct slice name)
{
    struct door *door = &m->doors[m->doors_count++];

    *door = (struct door){.mock = m, .provider = provider, .name = name};
    door->owner = (struct connection_owner){
        .accepted = on_accepted,
        .faulted = on_faulted,
        .request = on_request,
        .flushed = on_flushed,
        .gone = on_gone,
        .unreadable = on_unreadable,
        .refusal = provider == UPSTREAM_HOOKS ? NULL : on_refusal,
        .closed = on_closed,
        .context = door,
    };
}

void mock_close(struct mock *m)
{
    if (m == NULL)
        return;
    upstream_free(m->engine);
    buffer_deinit(&m->refusal);
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
    buffer_init(&m->refusal, options->memory, REFUSAL_BYTES_MAX);
    if (getrandom(&m->run_tag, sizeof(m->run_tag), 0) != (ssize_t)sizeof(m->run_tag))
        m->run_tag = (uint64_t)clock_wall_unix_ns();
    engine.run_tag = m->run_tag;
    if (upstream_new(&m->engine, &engine, err) != RC_OK) {
        mock_close(m);
        return err->rc;
    }
    for (uint32_t i = 0; i < options->scenario->providers_count; i++)
        open_door(m, i, slice_of(options->scenario->providers[i].name));
    open_door(m, UPSTREAM_GATEWAY, SLICE("gateway"));
    open_door(m, UPSTREAM_HOOKS, SLICE("hooks"));
    *mock = m;
    return RC_OK;
}
