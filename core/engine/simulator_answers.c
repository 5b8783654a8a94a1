#include "engine/simulator_state.h"

#include <string.h>

/* --- the upstream's effects ------------------------------------------------------------------- */

static void apply_end(struct world *w, const struct upstream_effect *effect,
                      const struct link_message *message)
{
    struct far_end *far = &w->far[effect->exchange];
    struct link_message end = *message;

    end.kind = far->is_hook ? TO_MONITOR_END : TO_CLIENT_END;
    end.number = (uint64_t)effect->end;
    if (effect->told == NULL)
        sim_post(w, LINK_ANSWER, &end);
    upstream_flushed(w->upstream, effect->exchange, 0, w->now);
}

/* What travels of an answer: of a hook's the head. */
static void apply_piece(struct world *w, const struct upstream_effect *effect,
                        struct link_message *message)
{
    bool is_hook = w->far[effect->exchange].is_hook;
    bool is_head = effect->kind == UPSTREAM_HEAD;

    if (is_hook && !is_head)
        return;
    message->kind = is_hook ? TO_MONITOR_HEAD : is_head ? TO_CLIENT_HEAD : TO_CLIENT_BODY;
    message->number = effect->status;
    message->first = is_head ? effect->headers : effect->body;
    sim_post(w, LINK_ANSWER, message);
}

static void journal(struct world *w, const struct upstream_effect *effect)
{
    if (effect->exchange != UPSTREAM_NO_EXCHANGE)
        w->far[effect->exchange].is_over = true;
    if (w->simulation->on_journal != NULL)
        w->simulation->on_journal(w->simulation->context, effect->record);
}

static void apply_effect(struct world *w, const struct upstream_effect *effect)
{
    struct far_end *far = &w->far[effect->exchange];
    struct link_message message = {.slot = far->slot,
                                   .attempt = far->attempt,
                                   .exchange = far->is_hook ? far->slot : effect->exchange,
                                   .connection = far->connection};

    switch (effect->kind) {
    case UPSTREAM_HEAD:
    case UPSTREAM_BODY:
        apply_piece(w, effect, &message);
        break;
    case UPSTREAM_TOLD:
        message.kind = TO_CLIENT_TOLD;
        message.first = BYTES_OF(effect->told);
        sim_post(w, LINK_ANSWER, &message);
        break;
    case UPSTREAM_END:
        apply_end(w, effect, &message);
        break;
    case UPSTREAM_JOURNAL:
        break;
    }
}

void sim_apply_upstream(struct world *w)
{
    struct upstream_effect effect;

    while (upstream_next(w->upstream, &effect)) {
        if (effect.kind == UPSTREAM_JOURNAL)
            journal(w, &effect);
        else
            apply_effect(w, &effect);
    }
}

/* --- answers arriving ------------------------------------------------------------------------- */

void sim_read_head(struct answer_head *head, const struct link_message *message)
{
    struct slice lines = message->first;
    struct slice line;

    answer_head_clear(head);
    while (slice_cut(&lines, '\n', &line))
        answer_head_line(head, line);
    head->status = (uint16_t)message->number;
}

static void tell_answered(struct world *w, const struct link_message *message, uint16_t status)
{
    char what[] = "answered 000";

    if (w->simulation->on_step == NULL)
        return;
    for (int place = 11, rest = status; place > 8; place--, rest /= 10)
        what[place] = (char)('0' + rest % 10);
    sim_tell(w, &w->lines[message->slot].call, message->attempt, what);
}

void sim_deliver_head(struct world *w, const struct link_message *message)
{
    struct answer_head head;

    if (!sim_is_current(w, message))
        return; /* the client has left this attempt */
    sim_read_head(&head, message);
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
    line->is_wired = false;
    wires_give(&w->wires[line->provider], &line->wire, w->now);
}

void sim_deliver_told(struct world *w, const struct link_message *message)
{
    struct told_answer told;

    if (!sim_is_current(w, message))
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

void sim_deliver_end(struct world *w, const struct link_message *message)
{
    static const enum client_end ends[] = {
        [UPSTREAM_END_FIN] = END_SHORT,
        [UPSTREAM_END_RST] = END_RESET,
    };
    struct line *line = &w->lines[message->slot];

    if (!sim_is_current(w, message))
        return;
    if (message->number != UPSTREAM_END_WHOLE) {
        sim_end_attempt(w, message->slot, ends[message->number]);
        return;
    }
    end_line(w, line);
    client_step(w->client, &(struct client_event){.kind = CLIENT_END,
                                                  .at = w->now,
                                                  .slot = message->slot,
                                                  .attempt = message->attempt,
                                                  .end = END_WHOLE});
}

void sim_deliver_body(struct world *w, const struct link_message *message)
{
    if (!sim_is_current(w, message))
        return; /* the client has left this attempt */
    client_step(w->client, &(struct client_event){.kind = CLIENT_BODY,
                                                  .at = w->now,
                                                  .slot = message->slot,
                                                  .attempt = message->attempt,
                                                  .body = message->first});
}
