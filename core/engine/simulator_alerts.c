#include "engine/simulator_state.h"

#include "engine/observe.h"

/* --- the monitor ------------------------------------------------------------------------------ */

void sim_note_call(struct world *w, const struct call_record *call)
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
    line->exchange = NO_EXCHANGE;
    line->status = 0;
    line->advice_wait = 0;
    sim_post(w, LINK_POOLED,
             &(struct link_message){.kind = TO_UPSTREAM_ALERT,
                                    .attempt = ++line->posts,
                                    .exchange = effect->hook,
                                    .connection = line->connection,
                                    .first = effect->headers,
                                    .second = effect->body});
}

/* A post that is given up takes its connection with it. */
static void cancel_post(struct world *w, enum hook_kind hook)
{
    struct hook_line *line = &w->hooks[hook];

    if (line->exchange != NO_EXCHANGE)
        sim_post(w, LINK_POOLED,
                 &(struct link_message){.kind = TO_UPSTREAM_CANCEL,
                                        .exchange = line->exchange,
                                        .connection = line->connection});
    line->is_open = false;
    line->connection = 0;
}

void sim_apply_monitor(struct world *w)
{
    struct monitor_effect effect;

    while (w->simulation->monitor != NULL && monitor_next(w->simulation->monitor, &effect)) {
        switch (effect.kind) {
        case MONITOR_POST:
            apply_post(w, &effect);
            break;
        case MONITOR_CANCEL:
            cancel_post(w, effect.hook);
            break;
        case MONITOR_SETTLED:
            if (w->simulation->on_alert != NULL)
                w->simulation->on_alert(w->simulation->context, effect.record);
            break;
        }
    }
}

nanos sim_monitor_at(const struct world *w)
{
    const struct monitor *monitor = w->simulation->monitor;

    return monitor != NULL ? monitor_wakes_at(monitor) : NANOS_NEVER;
}

/* --- alerts and their answers ----------------------------------------------------------------- */

/* The line of the post that the message is about; NULL when the monitor has given that up. */
static struct hook_line *post_under_way(struct world *w, const struct link_message *message)
{
    struct hook_line *line = &w->hooks[message->exchange];

    return line->is_open && line->posts == message->attempt ? line : NULL;
}

void sim_deliver_alert(struct world *w, const struct link_message *message)
{
    struct http_request http = sim_request_of(w, message);
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
    if (post_under_way(w, message) != NULL)
        w->hooks[message->exchange].exchange = exchange;
    else
        upstream_gone(w->upstream, exchange, 0, false, w->now);
}

void sim_deliver_hook_head(struct world *w, const struct link_message *message)
{
    struct hook_line *line = post_under_way(w, message);
    struct answer_head head;

    if (line == NULL)
        return;
    sim_read_head(&head, message);
    line->status = head.status;
    line->advice_wait = answer_head_advice(&head, SIMULATOR_WALL_UNIX_NS + w->now).wait;
}

/* A connection that ended otherwise than whole serves no other post. */
void sim_deliver_hook_end(struct world *w, const struct link_message *message)
{
    struct hook_line *line = post_under_way(w, message);
    bool is_whole = message->number == UPSTREAM_END_WHOLE;

    if (line == NULL)
        return;
    line->is_open = false;
    if (!is_whole)
        line->connection = 0;
    monitor_step(w->simulation->monitor,
                 &(struct monitor_event){.kind = is_whole ? MONITOR_ANSWERED : MONITOR_FAILED,
                                         .at = w->now,
                                         .hook = (enum hook_kind)message->exchange,
                                         .status = line->status,
                                         .advice_wait = line->advice_wait});
}
