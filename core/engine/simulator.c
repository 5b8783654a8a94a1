#include "engine/simulator_state.h"

enum {
    STEPS_PER_ASK = 4096, /* steps between two looks at is_interrupted */
    RUN_TAG = 1,          /* names response ids; the same every time */
    REQUEST_HEAD_BYTES_MAX = 8192,
    HELD_BYTES_MAX = 64 << 20, /* of one request */
};

/* How long after the last call the monitor may still see its alerts delivered. */
static const nanos MONITOR_PATIENCE = 5 * NANOS_S;

/* --- telling ---------------------------------------------------------------------------------- */

void sim_tell(struct world *w, const struct call_id *call, uint32_t attempt, const char *what)
{
    if (w->simulation->on_step != NULL)
        w->simulation->on_step(w->simulation->context, w->now, call, attempt, what);
}

void sim_post(struct world *w, enum link_lane lane, const struct link_message *message)
{
    enum rc rc = link_post(&w->link, lane, w->now, message);

    if (rc != RC_OK && w->rc == RC_OK)
        w->rc = rc;
}

/* --- the loop --------------------------------------------------------------------------------- */

static void deliver(struct world *w, const struct link_message *message)
{
    switch ((enum message_kind)message->kind) {
    case TO_CLIENT_CONNECTED:
        sim_deliver_connected(w, message);
        break;
    case TO_UPSTREAM_REQUEST:
        sim_deliver_request(w, message);
        break;
    case TO_UPSTREAM_CANCEL:
        sim_deliver_cancel(w, message);
        break;
    case TO_UPSTREAM_ALERT:
        sim_deliver_alert(w, message);
        break;
    case TO_MONITOR_HEAD:
        sim_deliver_hook_head(w, message);
        break;
    case TO_MONITOR_END:
        sim_deliver_hook_end(w, message);
        break;
    case TO_CLOSED_DOOR:
        sim_close_on(w, message, UPSTREAM_END_RST);
        break;
    case TO_CLIENT_HEAD:
        sim_deliver_head(w, message);
        break;
    case TO_CLIENT_BODY:
        sim_deliver_body(w, message);
        break;
    case TO_CLIENT_TOLD:
        sim_deliver_told(w, message);
        break;
    case TO_CLIENT_END:
        sim_deliver_end(w, message);
        break;
    }
}

static void settle(struct world *w)
{
    sim_apply_client(w);
    sim_apply_upstream(w);
    sim_apply_monitor(w);
}

static nanos next_at(const struct world *w)
{
    nanos at = nanos_min(client_wakes_at(w->client), upstream_wakes_at(w->upstream));

    if (w->has_connection_rules)
        at = nanos_min(at, timers_first_at(&w->slow));
    return nanos_min(nanos_min(at, link_first_at(&w->link)), sim_monitor_at(w));
}

/* One instant: what arrives, then what the upstream does, then what the client and the monitor do.
 */
static void step(struct world *w)
{
    struct link_message message;
    uint32_t slot;

    w->now = nanos_max(w->now, next_at(w));
    while (w->has_connection_rules && timers_take(&w->slow, w->now, &slot)) {
        sim_release(w, slot);
        settle(w);
    }
    while (w->rc == RC_OK && link_take(&w->link, w->now, &message)) {
        deliver(w, &message);
        settle(w);
    }
    while (upstream_wakes_at(w->upstream) <= w->now) {
        upstream_wake(w->upstream, w->now);
        settle(w);
    }
    if (client_wakes_at(w->client) <= w->now) {
        sim_step_client(w, CLIENT_WAKE, 0, 0);
        settle(w);
    }
    if (sim_monitor_at(w) <= w->now) {
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
        sim_apply_monitor(w);
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
            sim_step_client(w, CLIENT_STOP, 0, 0);
            settle(w);
        }
    }
    result->ended_at = w->now;
    run_out(w);
    upstream_stop(w->upstream, w->now);
    sim_apply_upstream(w);
    result->calls_started = client_calls_started(w->client);
}

static bool has_connection_rules(const struct chaos *chaos)
{
    for (uint32_t i = 0; i < chaos->rules_count; i++)
        if (chaos->rules[i].sequence[0].kind == FAULT_CONNECTION)
            return true;
    return false;
}

static enum rc build_wires(struct world *w)
{
    const struct memory *memory = w->simulation->memory;

    for (uint32_t provider = 0; provider < w->scenario->providers_count; provider++)
        TRY(wires_init(&w->wires[provider], w->slots, memory));
    w->has_connection_rules = has_connection_rules(&w->scenario->chaos);
    if (!w->has_connection_rules)
        return RC_OK;
    w->held = memory_zeroed(memory, w->slots, sizeof(*w->held));
    if (w->held == NULL)
        return RC_NOMEM;
    for (uint32_t slot = 0; slot < w->slots; slot++)
        buffer_init(&w->held[slot].bytes, memory, HELD_BYTES_MAX);
    return timers_init(&w->slow, memory, w->slots);
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
    w->slots = slots;
    w->lines = memory_zeroed(memory, slots, sizeof(*w->lines));
    w->far = memory_zeroed(memory, w->exchanges_max, sizeof(*w->far));
    if (w->lines == NULL || w->far == NULL)
        return error_set(err, RC_NOMEM, "simulator: out of memory");
    if (build_wires(w) != RC_OK || link_init(&w->link, &w->scenario->link, memory) != RC_OK)
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
        wires_deinit(&w->wires[provider], memory);
    for (uint32_t slot = 0; w->held != NULL && slot < w->slots; slot++)
        buffer_deinit(&w->held[slot].bytes);
    memory_release(memory, w->held);
    timers_deinit(&w->slow);
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
