#include "engine/simulator.h"

#include <assert.h>
#include <string.h>

#include "engine/client.h"
#include "engine/link.h"
#include "engine/observe.h"
#include "engine/upstream.h"

enum {
    NO_EXCHANGE = UINT32_MAX,
    STEPS_PER_ASK = 4096, /* steps between two looks at is_interrupted */
    RUN_TAG = 1,          /* names response ids; the same every time */
    REQUEST_HEAD_BYTES_MAX = 8192,
};

/* How long after the last call the monitor may still see its alerts delivered. */
static const nanos MONITOR_PATIENCE = 5 * NANOS_S;

/* What travels on the link. */
enum message_kind {
    TO_CLIENT_CONNECTED, /* a new connection is there: the request may leave (carried along) */
    TO_UPSTREAM_REQUEST, /* first: path and headers, second: body; exchange: the provider; number:
                            is_new */
    TO_UPSTREAM_CANCEL,  /* the client left */
    TO_CLIENT_HEAD,      /* first: headers; number: status */
    TO_CLIENT_BODY,
    TO_CLIENT_TOLD,    /* first: a struct told_answer */
    TO_CLIENT_END,     /* number: enum upstream_end */
    TO_UPSTREAM_ALERT, /* first: headers, second: body; exchange: the hook; attempt: the post */
    TO_MONITOR_ANSWER, /* exchange: the hook; attempt: the post; number: status */
};

/* The line of one client slot: who is at its other end. */
struct line {
    uint32_t attempt;    /* the attempt that is on it */
    uint32_t exchange;   /* at the upstream, once the request arrived */
    uint32_t connection; /* number */
    uint32_t provider;
    struct call_id call;
    bool is_open; /* the client still waits for this attempt */
};

/* And the other way round, by exchange. */
struct far_end {
    uint32_t slot, attempt;
    uint32_t connection;
    bool is_over; /* journalled: the exchange may be someone else's by now */
    bool is_hook; /* then `slot` is the hook, `attempt` the post, and this is the status sent: */
    uint16_t status;
};

/* The monitor's line to one hook: a connection that stays open. */
struct hook_line {
    uint32_t connection; /* number; 0 before the first post */
    uint32_t posts;      /* made so far; the latest is the one under way */
    bool is_open;        /* the monitor still waits for it */
};

/* An idle connection. */
struct idle {
    uint32_t connection;
    nanos since;
};

struct pool {
    struct idle *idle; /* a stack: the latest used is taken first */
    uint32_t count;
};

struct world {
    const struct simulation *simulation;
    const struct scenario *scenario;
    struct client *client;
    struct upstream *upstream;
    struct link link;
    nanos now;
    struct line *lines;  /* by client slot */
    struct far_end *far; /* by exchange */
    uint32_t exchanges_max;
    struct pool pools[SCENARIO_PROVIDERS_MAX];
    uint32_t pool_max;
    uint32_t connections; /* numbered so far */
    struct hook_line hooks[HOOK_KINDS_COUNT];
    struct http_header headers[HTTP1_HEADERS_MAX];
    bool speaks_values;    /* requests travel as values, not as bytes */
    struct buffer request; /* path and headers of one that leaves, a line for the path */
    enum rc rc;            /* RC_OK, or why the world ends */
};

/* --- connections ------------------------------------------------------------------------------ */

/* The number of a pooled connection, or 0 when a new one must be opened. */
static uint32_t take_connection(struct world *w, uint32_t provider)
{
    struct pool *pool = &w->pools[provider];
    nanos oldest_kept = w->now - w->scenario->link.idle_close;

    if (pool->count == 0)
        return 0;
    if (pool->idle[pool->count - 1].since < oldest_kept) {
        pool->count = 0; /* the latest used is too old, so all are */
        return 0;
    }
    return pool->idle[--pool->count].connection;
}

static void give_connection(struct world *w, const struct line *line)
{
    struct pool *pool = &w->pools[line->provider];

    if (pool->count < w->pool_max)
        pool->idle[pool->count++] = (struct idle){line->connection, w->now};
}

/* --- telling ---------------------------------------------------------------------------------- */

static void tell(struct world *w, const struct call_id *call, uint32_t attempt, const char *what)
{
    if (w->simulation->on_step != NULL)
        w->simulation->on_step(w->simulation->context, w->now, call, attempt, what);
}

static void post(struct world *w, enum link_lane lane, const struct link_message *message)
{
    enum rc rc = link_post(&w->link, lane, w->now, message);

    if (rc != RC_OK && w->rc == RC_OK)
        w->rc = rc;
}

/* A value as the stretch of bytes that the link carries. */
#define BYTES_OF(value) ((struct slice){(const char *)(value), sizeof(*(value))})

/* --- the monitor ------------------------------------------------------------------------------ */

static void note_call(struct world *w, const struct call_record *call)
{
    char id[CALL_ID_TEXT_MAX];
    struct observation observation;

    if (w->simulation->monitor == NULL)
        return;
    observation = observe_call(w->scenario, call, id);
    monitor_note(w->simulation->monitor, &observation, w->now);
}

static void apply_post(struct world *w, const struct monitor_effect *effect)
{
    struct hook_line *line = &w->hooks[effect->hook];

    if (line->connection == 0)
        line->connection = ++w->connections;
    line->is_open = true;
    post(w, LINK_POOLED,
         &(struct link_message){.kind = TO_UPSTREAM_ALERT,
                                .attempt = ++line->posts,
                                .exchange = effect->hook,
                                .connection = line->connection,
                                .first = effect->headers,
                                .second = effect->body});
}

static void apply_monitor(struct world *w)
{
    struct monitor_effect effect;

    while (w->simulation->monitor != NULL && monitor_next(w->simulation->monitor, &effect)) {
        switch (effect.kind) {
        case MONITOR_POST:
            apply_post(w, &effect);
            break;
        case MONITOR_CANCEL: /* the hooks answer at once, so there is nobody to be told */
            w->hooks[effect.hook].is_open = false;
            break;
        case MONITOR_SETTLED:
            if (w->simulation->on_alert != NULL)
                w->simulation->on_alert(w->simulation->context, effect.record);
            break;
        }
    }
}

static nanos monitor_at(const struct world *w)
{
    const struct monitor *monitor = w->simulation->monitor;

    return monitor != NULL ? monitor_wakes_at(monitor) : NANOS_NEVER;
}

/* --- the client's effects --------------------------------------------------------------------- */

static void step_client(struct world *w, enum client_event_kind kind, uint32_t slot,
                        uint32_t attempt)
{
    client_step(w->client, &(struct client_event){
                               .kind = kind, .at = w->now, .slot = slot, .attempt = attempt});
}

/* Path and headers travel together; the told value alone. */
static struct slice head_of(struct world *w, const struct client_effect *effect)
{
    if (effect->told != NULL)
        return BYTES_OF(effect->told);
    buffer_clear(&w->request);
    buffer_append(&w->request, effect->path);
    buffer_byte(&w->request, '\n');
    buffer_append(&w->request, effect->headers);
    if (w->request.rc != RC_OK && w->rc == RC_OK)
        w->rc = w->request.rc;
    return buffer_slice(&w->request);
}

static void apply_send(struct world *w, const struct client_effect *effect)
{
    struct line *line = &w->lines[effect->slot];
    uint32_t pooled = take_connection(w, effect->provider);
    struct link_message message = {
        .kind = pooled > 0 ? TO_UPSTREAM_REQUEST : TO_CLIENT_CONNECTED,
        .slot = effect->slot,
        .attempt = effect->attempt,
        .exchange = effect->provider,
        .connection = pooled > 0 ? pooled : ++w->connections,
        .number = pooled == 0,
        .first = head_of(w, effect),
        .second = effect->body,
    };

    *line = (struct line){
        .attempt = effect->attempt,
        .exchange = NO_EXCHANGE,
        .connection = message.connection,
        .provider = effect->provider,
        .call = effect->record->id,
        .is_open = true,
    };
    tell(w, &line->call, effect->attempt, "send");
    step_client(w, CLIENT_HANDED, effect->slot, effect->attempt);
    if (pooled > 0)
        step_client(w, CLIENT_SENT, effect->slot, effect->attempt);
    post(w, pooled > 0 ? LINK_POOLED : LINK_NEW, &message);
}

static void apply_cancel(struct world *w, const struct client_effect *effect)
{
    struct line *line = &w->lines[effect->slot];

    if (!line->is_open || line->attempt != effect->attempt)
        return;
    line->is_open = false;
    tell(w, &line->call, effect->attempt, "cancel");
    if (line->exchange != NO_EXCHANGE)
        post(w, LINK_POOLED,
             &(struct link_message){.kind = TO_UPSTREAM_CANCEL,
                                    .slot = effect->slot,
                                    .attempt = effect->attempt,
                                    .exchange = line->exchange});
}

static void apply_client(struct world *w)
{
    struct client_effect effect;

    while (client_next(w->client, &effect)) {
        switch (effect.kind) {
        case CLIENT_SEND:
            apply_send(w, &effect);
            break;
        case CLIENT_CANCEL:
            apply_cancel(w, &effect);
            break;
        case CLIENT_DONE:
            tell(w, &effect.record->id, effect.record->attempts_count,
                 outcome_word(effect.record->outcome));
            if (w->simulation->on_call != NULL)
                w->simulation->on_call(w->simulation->context, effect.record);
            note_call(w, effect.record);
            break;
        }
    }
}

/* --- the upstream's effects ------------------------------------------------------------------- */

static void apply_end(struct world *w, const struct upstream_effect *effect,
                      const struct link_message *message)
{
    struct far_end *far = &w->far[effect->exchange];
    struct link_message end = *message;

    end.kind = far->is_hook ? TO_MONITOR_ANSWER : TO_CLIENT_END;
    end.number = far->is_hook ? far->status : (uint64_t)effect->end;
    if (effect->told == NULL)
        post(w, LINK_ANSWER, &end);
    upstream_flushed(w->upstream, effect->exchange, 0, w->now);
}

/* What travels of an answer. Of a hook's only the status matters, and it travels with the end. */
static void apply_piece(struct world *w, const struct upstream_effect *effect,
                        struct link_message *message)
{
    struct far_end *far = &w->far[effect->exchange];
    bool is_head = effect->kind == UPSTREAM_HEAD;

    message->kind = is_head ? TO_CLIENT_HEAD : TO_CLIENT_BODY;
    message->number = effect->status;
    message->first = is_head ? effect->headers : effect->body;
    if (is_head)
        far->status = effect->status;
    if (!far->is_hook)
        post(w, LINK_ANSWER, message);
}

static void apply_upstream(struct world *w)
{
    struct upstream_effect effect;

    while (upstream_next(w->upstream, &effect)) {
        struct far_end *far = &w->far[effect.exchange];
        struct link_message message = {.slot = far->slot,
                                       .attempt = far->attempt,
                                       .exchange = far->is_hook ? far->slot : effect.exchange,
                                       .connection = far->connection};

        switch (effect.kind) {
        case UPSTREAM_HEAD:
        case UPSTREAM_BODY:
            apply_piece(w, &effect, &message);
            break;
        case UPSTREAM_TOLD:
            message.kind = TO_CLIENT_TOLD;
            message.first = BYTES_OF(effect.told);
            post(w, LINK_ANSWER, &message);
            break;
        case UPSTREAM_END:
            apply_end(w, &effect, &message);
            break;
        case UPSTREAM_JOURNAL:
            far->is_over = true;
            if (w->simulation->on_journal != NULL)
                w->simulation->on_journal(w->simulation->context, effect.record);
            break;
        }
    }
}

/* --- messages arriving ------------------------------------------------------------------------ */

static struct http_request request_of(struct world *w, const struct link_message *message)
{
    struct http_request request = {
        .method = SLICE("POST"), .headers = w->headers, .body = message->second};
    struct slice lines = message->first;
    struct slice line, name;

    if (message->kind == TO_UPSTREAM_ALERT)
        request.path = hook_kind_path((enum hook_kind)message->exchange);
    else
        (void)slice_cut(&lines, '\n', &request.path);
    while (request.headers_count < HTTP1_HEADERS_MAX && slice_cut(&lines, '\n', &line)) {
        if (!slice_cut(&line, ':', &name))
            continue;
        w->headers[request.headers_count++] = (struct http_header){name, slice_trim(line)};
    }
    return request;
}

/* The connection tells, for one that was cancelled is never used again. Slot and attempt do not:
 * the next call may be in the slot, at its own first attempt. */
static bool is_current(const struct world *w, const struct link_message *message)
{
    const struct line *line = &w->lines[message->slot];

    return line->is_open && line->connection == message->connection;
}

/* The same message goes on its way as a request, now that there is a wire. */
static void deliver_connected(struct world *w, const struct link_message *message)
{
    struct link_message request = *message;

    if (!is_current(w, message))
        return; /* given up while connecting: nothing was ever sent */
    step_client(w, CLIENT_SENT, message->slot, message->attempt);
    request.kind = TO_UPSTREAM_REQUEST;
    post(w, LINK_POOLED, &request);
}

/* A request that was cancelled on its way still arrives; then its client is gone. */
static void deliver_request(struct world *w, const struct link_message *message)
{
    bool is_new = message->number != 0;
    struct told_ask told;
    struct http_request http;
    uint32_t exchange;
    struct upstream_request request = {
        .provider = message->exchange,
        .connection = message->connection,
        .accepted_at = is_new ? w->now - w->scenario->link.latency : w->now,
        .head_in_at = w->now,
        .body_in_at = w->now,
    };

    if (w->speaks_values) {
        memcpy(&told, message->first.data, sizeof(told));
        request.told = &told;
    } else {
        http = request_of(w, message);
        request.http = &http;
    }
    if (!upstream_begin(w->upstream, &request, w->now, &exchange)) {
        w->rc = RC_LIMIT; /* cannot be: exchanges_max allows for every slot twice */
        return;
    }
    w->far[exchange] = (struct far_end){
        .slot = message->slot, .attempt = message->attempt, .connection = message->connection};
    if (is_current(w, message))
        w->lines[message->slot].exchange = exchange;
    else
        upstream_gone(w->upstream, exchange, 0, false, w->now);
}

static void deliver_alert(struct world *w, const struct link_message *message)
{
    struct http_request http = request_of(w, message);
    uint32_t exchange;
    struct upstream_request request = {
        .provider = UPSTREAM_HOOKS,
        .connection = message->connection,
        .accepted_at = w->now,
        .head_in_at = w->now,
        .body_in_at = w->now,
        .http = &http,
    };

    if (!upstream_begin(w->upstream, &request, w->now, &exchange)) {
        w->rc = RC_LIMIT; /* cannot be: one post per hook is under way */
        return;
    }
    w->far[exchange] = (struct far_end){.slot = message->exchange,
                                        .attempt = message->attempt,
                                        .connection = message->connection,
                                        .is_hook = true};
}

static void deliver_answer(struct world *w, const struct link_message *message)
{
    struct hook_line *line = &w->hooks[message->exchange];

    if (!line->is_open || line->posts != message->attempt)
        return; /* the monitor has given this post up */
    line->is_open = false;
    monitor_step(w->simulation->monitor,
                 &(struct monitor_event){.kind = MONITOR_ANSWERED,
                                         .at = w->now,
                                         .hook = (enum hook_kind)message->exchange,
                                         .status = (uint16_t)message->number});
}

static void deliver_cancel(struct world *w, const struct link_message *message)
{
    struct far_end *far = &w->far[message->exchange];

    if (far->slot == message->slot && far->attempt == message->attempt && !far->is_over)
        upstream_gone(w->upstream, message->exchange, 0, false, w->now);
}

static void tell_answered(struct world *w, const struct link_message *message, uint16_t status)
{
    char what[] = "answered 000";

    if (w->simulation->on_step == NULL)
        return;
    for (int place = 11, rest = status; place > 8; place--, rest /= 10)
        what[place] = (char)('0' + rest % 10);
    tell(w, &w->lines[message->slot].call, message->attempt, what);
}

static void deliver_head(struct world *w, const struct link_message *message)
{
    struct answer_head head;
    struct slice lines = message->first;
    struct slice line;

    if (!is_current(w, message))
        return; /* the client has left this attempt */
    answer_head_clear(&head);
    while (slice_cut(&lines, '\n', &line))
        answer_head_line(&head, line);
    head.status = (uint16_t)message->number;
    tell_answered(w, message, head.status);
    client_step(w->client, &(struct client_event){.kind = CLIENT_HEAD,
                                                  .at = w->now,
                                                  .slot = message->slot,
                                                  .attempt = message->attempt,
                                                  .head = &head});
}

/* The answer is whole: its connection serves the next request. */
static void end_line(struct world *w, struct line *line)
{
    line->is_open = false;
    give_connection(w, line);
}

static void deliver_told(struct world *w, const struct link_message *message)
{
    struct told_answer told;

    if (!is_current(w, message))
        return;
    memcpy(&told, message->first.data, sizeof(told));
    if (told_begins(told.piece))
        tell_answered(w, message, told.status);
    if (told_ends(told.piece))
        end_line(w, &w->lines[message->slot]);
    client_step(w->client, &(struct client_event){.kind = CLIENT_TOLD,
                                                  .at = w->now,
                                                  .slot = message->slot,
                                                  .attempt = message->attempt,
                                                  .told = &told});
}

static void deliver_end(struct world *w, const struct link_message *message)
{
    static const enum client_end ends[] = {
        [UPSTREAM_END_WHOLE] = END_WHOLE,
        [UPSTREAM_END_FIN] = END_SHORT,
        [UPSTREAM_END_RST] = END_RESET,
    };
    struct line *line = &w->lines[message->slot];

    if (!is_current(w, message))
        return;
    if (message->number == UPSTREAM_END_WHOLE)
        end_line(w, line);
    else
        line->is_open = false;
    client_step(w->client, &(struct client_event){.kind = CLIENT_END,
                                                  .at = w->now,
                                                  .slot = message->slot,
                                                  .attempt = message->attempt,
                                                  .end = ends[message->number]});
}

static void deliver_body(struct world *w, const struct link_message *message)
{
    if (!is_current(w, message))
        return; /* the client has left this attempt */
    client_step(w->client, &(struct client_event){.kind = CLIENT_BODY,
                                                  .at = w->now,
                                                  .slot = message->slot,
                                                  .attempt = message->attempt,
                                                  .body = message->first});
}

static void deliver(struct world *w, const struct link_message *message)
{
    switch ((enum message_kind)message->kind) {
    case TO_CLIENT_CONNECTED:
        deliver_connected(w, message);
        break;
    case TO_UPSTREAM_REQUEST:
        deliver_request(w, message);
        break;
    case TO_UPSTREAM_CANCEL:
        deliver_cancel(w, message);
        break;
    case TO_UPSTREAM_ALERT:
        deliver_alert(w, message);
        break;
    case TO_MONITOR_ANSWER:
        deliver_answer(w, message);
        break;
    case TO_CLIENT_HEAD:
        deliver_head(w, message);
        break;
    case TO_CLIENT_BODY:
        deliver_body(w, message);
        break;
    case TO_CLIENT_TOLD:
        deliver_told(w, message);
        break;
    case TO_CLIENT_END:
        deliver_end(w, message);
        break;
    }
}

/* --- the loop --------------------------------------------------------------------------------- */

static void settle(struct world *w)
{
    apply_client(w);
    apply_upstream(w);
    apply_monitor(w);
}

static nanos next_at(const struct world *w)
{
    nanos at = nanos_min(client_wakes_at(w->client), upstream_wakes_at(w->upstream));

    return nanos_min(nanos_min(at, link_first_at(&w->link)), monitor_at(w));
}

/* One instant: what arrives, then what the upstream does, then what the client and the monitor do.
 */
static void step(struct world *w)
{
    struct link_message message;

    w->now = nanos_max(w->now, next_at(w));
    while (w->rc == RC_OK && link_take(&w->link, w->now, &message)) {
        deliver(w, &message);
        settle(w);
    }
    while (upstream_wakes_at(w->upstream) <= w->now) {
        upstream_wake(w->upstream, w->now);
        settle(w);
    }
    if (client_wakes_at(w->client) <= w->now) {
        step_client(w, CLIENT_WAKE, 0, 0);
        settle(w);
    }
    if (monitor_at(w) <= w->now) {
        monitor_step(w->simulation->monitor,
                     &(struct monitor_event){.kind = MONITOR_WAKE, .at = w->now});
        settle(w);
    }
}

/* The calls are over; alerts may still be under way, and cancels are. */
static void run_out(struct world *w)
{
    struct monitor *monitor = w->simulation->monitor;
    nanos until = nanos_add(w->now, MONITOR_PATIENCE);

    while (w->rc == RC_OK && monitor != NULL && !monitor_is_idle(monitor) && next_at(w) <= until)
        step(w);
    if (monitor != NULL && !monitor_is_idle(monitor)) {
        monitor_give_up(monitor, nanos_max(w->now, until));
        apply_monitor(w);
    }
    while (w->rc == RC_OK && link_first_at(&w->link) != NANOS_NEVER)
        step(w);
}

static void run(struct world *w, struct simulation_result *result)
{
    const struct simulation *simulation = w->simulation;
    uint32_t steps = 0;

    while (w->rc == RC_OK && !client_is_done(w->client)) {
        step(w);
        if (++steps % STEPS_PER_ASK == 0 && !result->was_interrupted &&
            simulation->is_interrupted != NULL && simulation->is_interrupted(simulation->context)) {
            result->was_interrupted = true;
            step_client(w, CLIENT_STOP, 0, 0);
            settle(w);
        }
    }
    result->ended_at = w->now;
    run_out(w);
    upstream_stop(w->upstream, w->now);
    apply_upstream(w);
    result->calls_started = client_calls_started(w->client);
}

static enum rc build(struct world *w, struct error *err)
{
    const struct memory *memory = w->simulation->memory;
    uint32_t slots = w->scenario->load.in_flight_max;
    struct client_options client = {
        .scenario = w->scenario,
        .memory = memory,
        .wall_unix_ns = SIMULATOR_WALL_UNIX_NS,
        .marks_requests = true,
        .speaks_values = w->speaks_values,
    };
    struct upstream_options upstream = {
        .scenario = w->scenario,
        .memory = memory,
        .run_tag = RUN_TAG,
        .wall_unix_ns = SIMULATOR_WALL_UNIX_NS,
        .exchanges_max = 2 * slots + HOOK_KINDS_COUNT +
                         16, /* a cancelled one lives on until the cancel arrives */
    };

    w->exchanges_max = upstream.exchanges_max;
    w->pool_max = slots;
    w->lines = memory_zeroed(memory, slots, sizeof(*w->lines));
    w->far = memory_zeroed(memory, w->exchanges_max, sizeof(*w->far));
    if (w->lines == NULL || w->far == NULL)
        return error_set(err, RC_NOMEM, "simulator: out of memory");
    for (uint32_t provider = 0; provider < w->scenario->providers_count; provider++) {
        w->pools[provider].idle = memory_zeroed(memory, w->pool_max, sizeof(struct idle));
        if (w->pools[provider].idle == NULL)
            return error_set(err, RC_NOMEM, "simulator: out of memory");
    }
    if (link_init(&w->link, &w->scenario->link, memory) != RC_OK)
        return error_set(err, RC_NOMEM, "simulator: out of memory");
    TRY(client_new(&w->client, &client, err));
    TRY(upstream_new(&w->upstream, &upstream, err));
    return RC_OK;
}

static void tear_down(struct world *w)
{
    const struct memory *memory = w->simulation->memory;

    client_free(w->client);
    upstream_free(w->upstream);
    link_deinit(&w->link);
    buffer_deinit(&w->request);
    memory_release(memory, w->lines);
    memory_release(memory, w->far);
    for (uint32_t provider = 0; provider < w->scenario->providers_count; provider++)
        memory_release(memory, w->pools[provider].idle);
}

enum rc simulate(const struct simulation *simulation, struct simulation_result *result,
                 struct error *err)
{
    struct world *w = memory_zeroed(simulation->memory, 1, sizeof(*w));
    enum rc rc;

    *result = (struct simulation_result){0};
    if (w == NULL)
        return error_set(err, RC_NOMEM, "simulator: out of memory");
    w->simulation = simulation;
    w->scenario = simulation->scenario;
    w->speaks_values = !simulation->writes_bytes && told_suffices(simulation->scenario);
    buffer_init(&w->request, simulation->memory, REQUEST_HEAD_BYTES_MAX);
    rc = build(w, err);
    if (rc == RC_OK) {
        run(w, result);
        rc = w->rc;
        if (rc != RC_OK)
            error_set(err, rc, "simulator: %s", rc_text(rc));
    }
    tear_down(w);
    memory_release(simulation->memory, w);
    return rc;
}
