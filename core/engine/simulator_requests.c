#include "engine/simulator_state.h"

#include <string.h>

/* --- the client's effects --------------------------------------------------------------------- */

void sim_step_client(struct world *w, enum client_event_kind kind, uint32_t slot, uint32_t attempt)
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

static void note_connection(struct world *w, const struct line *line)
{
    struct upstream_note note = {
        .provider = line->provider,
        .connection = line->wire.number,
        .accepted_at = w->now,
        .rule = line->wire.plan.rule,
        .what = wire_fault_text(&line->wire.plan),
    };

    (void)upstream_note(w->upstream, &note, w->now); /* a full journal has said enough of them */
}

/* An idle connection for the line's request; false when a new one must be opened. */
static bool take_wire(struct world *w, struct line *line, enum wire_fate *fate)
{
    struct wires *wires = &w->wires[line->provider];

    while (wires_take(wires, &w->scenario->link, w->now, &line->wire, fate)) {
        if (*fate != WIRE_CARRIES)
            note_connection(w, line);
        if (*fate != WIRE_GONE)
            return true;
    }
    line->wire = (struct wire){.number = ++w->connections, .plan = {.rule = PLAN_NO_RULE}};
    return false;
}

static void send_on_wire(struct world *w, enum wire_fate fate, struct link_message *message)
{
    message->kind = fate == WIRE_CARRIES ? TO_UPSTREAM_REQUEST : TO_CLOSED_DOOR;
    sim_step_client(w, CLIENT_SENT, message->slot, message->attempt);
    if (fate != WIRE_SWALLOWS)
        sim_post(w, LINK_POOLED, message);
}

static void apply_send(struct world *w, const struct client_effect *effect)
{
    struct line *line = &w->lines[effect->slot];
    enum wire_fate fate = WIRE_CARRIES;
    struct link_message message;

    *line = (struct line){
        .attempt = effect->attempt,
        .exchange = NO_EXCHANGE,
        .provider = effect->provider,
        .call = effect->record->id,
        .is_open = true,
    };
    line->is_wired = take_wire(w, line, &fate);
    message = (struct link_message){
        .kind = TO_CLIENT_CONNECTED,
        .slot = effect->slot,
        .attempt = effect->attempt,
        .exchange = effect->provider,
        .connection = line->wire.number,
        .number = !line->is_wired,
        .first = head_of(w, effect),
        .second = effect->body,
    };
    sim_tell(w, &line->call, effect->attempt, "send");
    sim_step_client(w, CLIENT_HANDED, effect->slot, effect->attempt);
    if (line->is_wired)
        send_on_wire(w, fate, &message);
    else
        sim_post(w, LINK_NEW, &message);
    line->is_wired &= fate != WIRE_RESETS; /* that was closed when it was taken */
}

/* The client waits no longer, and its connection is of no more use. */
static void hang_up(struct world *w, struct line *line)
{
    line->is_open = false;
    if (line->is_wired)
        wires_close(&w->wires[line->provider]);
    line->is_wired = false;
}

static void apply_cancel(struct world *w, const struct client_effect *effect)
{
    struct line *line = &w->lines[effect->slot];

    if (!line->is_open || line->attempt != effect->attempt)
        return;
    hang_up(w, line);
    sim_tell(w, &line->call, effect->attempt, "cancel");
    if (line->exchange != NO_EXCHANGE)
        sim_post(w, LINK_POOLED,
                 &(struct link_message){.kind = TO_UPSTREAM_CANCEL,
                                        .exchange = line->exchange,
                                        .connection = line->wire.number});
}

void sim_apply_client(struct world *w)
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
            sim_tell(w, &effect.record->id, effect.record->attempts_count,
                     outcome_word(effect.record->outcome));
            if (w->simulation->on_call != NULL)
                w->simulation->on_call(w->simulation->context, effect.record);
            sim_note_call(w, effect.record);
            break;
        }
    }
}

/* --- messages arriving ------------------------------------------------------------------------ */

struct http_request sim_request_of(struct world *w, const struct link_message *message)
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
bool sim_is_current(const struct world *w, const struct link_message *message)
{
    const struct line *line = &w->lines[message->slot];

    return line->is_open && line->wire.number == message->connection;
}

/* A request that was cancelled on its way still arrives; then its client is gone. */
void sim_deliver_request(struct world *w, const struct link_message *message)
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
        http = sim_request_of(w, message);
        request.http = &http;
    }
    if (!upstream_begin(w->upstream, &request, w->now, &exchange)) {
        w->rc = RC_LIMIT; /* cannot be: exchanges_max allows for every slot twice */
        return;
    }
    w->far[exchange] = (struct far_end){
        .slot = message->slot, .attempt = message->attempt, .connection = message->connection};
    if (sim_is_current(w, message))
        w->lines[message->slot].exchange = exchange;
    else
        upstream_gone(w->upstream, exchange, 0, false, w->now);
}

/* Told by the connection, for one that was cancelled is never used again. */
void sim_deliver_cancel(struct world *w, const struct link_message *message)
{
    struct far_end *far = &w->far[message->exchange];

    if (far->connection == message->connection && !far->is_over)
        upstream_gone(w->upstream, message->exchange, 0, false, w->now);
}

/* --- connections arriving --------------------------------------------------------------------- */

/* What the server does with a connection that has come. */
static struct connection_plan plan_connection(struct world *w, const struct line *line)
{
    const struct chaos *chaos = upstream_chaos(w->upstream);
    struct slice provider = slice_of(w->scenario->providers[line->provider].name);
    struct wires *wires = &w->wires[line->provider];
    struct connection_plan plan =
        chaos_connection(chaos, w->scenario->seed, provider, ++wires->accepted, w->now);

    if (plan.fault == CONNECTION_LIMIT) {
        bool is_full = wires_count(wires, &w->scenario->link, w->now) >= plan.limit;

        plan.fault = is_full ? CONNECTION_CLOSED : CONNECTION_FINE;
        plan.close = PLAN_CLOSE_RST;
    }
    return plan;
}

static bool is_refused(struct world *w, const struct line *line)
{
    nanos until;

    return chaos_refuses_connections(upstream_chaos(w->upstream),
                                     slice_of(w->scenario->providers[line->provider].name), w->now,
                                     &until);
}

void sim_end_attempt(struct world *w, uint32_t slot, enum client_end end)
{
    struct line *line = &w->lines[slot];

    hang_up(w, line);
    client_step(
        w->client,
        &(struct client_event){
            .kind = CLIENT_END, .at = w->now, .slot = slot, .attempt = line->attempt, .end = end});
}

/* Accepted, and closed at once: the client has sent its request when it learns of it. */
void sim_close_on(struct world *w, const struct link_message *message, enum upstream_end how)
{
    struct link_message end = {.kind = TO_CLIENT_END,
                               .slot = message->slot,
                               .attempt = message->attempt,
                               .connection = message->connection,
                               .number = (uint64_t)how};

    sim_post(w, LINK_ANSWER, &end);
}

void sim_release(struct world *w, uint32_t slot)
{
    struct held *held = &w->held[slot];
    struct slice bytes = buffer_slice(&held->bytes);

    held->message.first.data = bytes.data;
    held->message.second.data = bytes.data + held->message.first.size;
    sim_deliver_request(w, &held->message);
}

/* It is read only when its connection was accepted; its bytes are on the link no longer then. */
static void hold(struct world *w, const struct link_message *message, nanos until)
{
    struct held *held = &w->held[message->slot];

    if (w->slow.at[message->slot] != NANOS_NEVER)
        sim_release(w, message->slot); /* of a call that was given up, and the next one is here */
    held->message = *message;
    buffer_clear(&held->bytes);
    buffer_append(&held->bytes, message->first);
    buffer_append(&held->bytes, message->second);
    if (held->bytes.rc != RC_OK && w->rc == RC_OK)
        w->rc = held->bytes.rc;
    timers_set(&w->slow, message->slot, until);
}

/* The request goes on its way, now that there is a wire. */
static void send_first(struct world *w, struct line *line, struct link_message *message)
{
    struct connection_plan *plan = &line->wire.plan;

    switch (plan->fault) {
    case CONNECTION_FINE:
    case CONNECTION_LIMIT:
    case CONNECTION_IDLE_CLOSED:
        sim_post(w, LINK_POOLED, message);
        return;
    case CONNECTION_REFUSED:
        sim_close_on(w, message, UPSTREAM_END_RST);
        break;
    case CONNECTION_CLOSED:
        sim_close_on(w, message,
                     plan->close == PLAN_CLOSE_FIN ? UPSTREAM_END_FIN : UPSTREAM_END_RST);
        break;
    case CONNECTION_SILENT:
        break;
    case CONNECTION_SLOW:
        hold(w, message, nanos_add(w->now, nanos_max(plan->delay, w->scenario->link.latency)));
        break;
    }
    note_connection(w, line);
}

void sim_deliver_connected(struct world *w, const struct link_message *message)
{
    struct line *line = &w->lines[message->slot];
    struct link_message request = *message;

    if (!sim_is_current(w, message))
        return; /* given up while connecting: nothing was ever sent */
    if (w->has_connection_rules && is_refused(w, line)) {
        sim_end_attempt(w, message->slot, END_CONNECT);
        return;
    }
    if (w->has_connection_rules)
        line->wire.plan = plan_connection(w, line);
    line->is_wired = true;
    wires_open(&w->wires[line->provider]);
    sim_step_client(w, CLIENT_SENT, message->slot, message->attempt);
    request.kind = TO_UPSTREAM_REQUEST;
    send_first(w, line, &request);
}
