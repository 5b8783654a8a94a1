#include "engine/upstream_state.h"

#include <assert.h>

#include "engine/spoil.h"

/* A place of the ring by its distance from the start, without dividing. */
static uint32_t place(const struct upstream *u, uint32_t at)
{
    return at < u->queue_size ? at : at - u->queue_size;
}

static struct pending *push(struct upstream *u, enum upstream_effect_kind kind, uint32_t index)
{
    struct pending *pending;

    assert(u->queue_count < u->queue_size);
    if (u->queue_count == 0)
        u->queue_first = 0; /* the front of the ring stays in the processor's cache */
    pending = &u->queue[place(u, u->queue_first + u->queue_count++)];
    *pending = (struct pending){.kind = kind, .exchange = index, .bytes_at = u->scratch.size};
    return pending;
}

void effects_head(struct upstream *u, uint32_t index, uint16_t status, int64_t content_length,
                  size_t headers_at, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    struct pending *pending = push(u, UPSTREAM_HEAD, index);

    pending->status = status;
    pending->content_length = content_length;
    pending->bytes_at = headers_at;
    pending->bytes_size = u->scratch.size - headers_at;
    x->record.status = status;
    x->record.first_out_at = now;
    x->record.last_out_at = now;
}

void effects_body(struct upstream *u, uint32_t index, size_t body_at, size_t size, nanos now)
{
    struct pending *pending;

    if (size == 0)
        return;
    pending = push(u, UPSTREAM_BODY, index);
    pending->bytes_at = body_at;
    pending->bytes_size = size;
    u->exchanges[index].record.last_out_at = now;
}

static struct pending *push_end(struct upstream *u, uint32_t index, enum upstream_end end)
{
    struct pending *pending = push(u, UPSTREAM_END, index);

    pending->end = end;
    u->exchanges[index].end = end;
    u->exchanges[index].state = EXCHANGE_FLUSHING;
    timers_set(&u->timers, index, NANOS_NEVER);
    return pending;
}

void effects_end(struct upstream *u, uint32_t index, enum upstream_end end)
{
    (void)push_end(u, index, end);
}

void effects_told(struct upstream *u, uint32_t index, enum told_piece piece, uint64_t tokens,
                  nanos now)
{
    struct exchange *x = &u->exchanges[index];
    struct pending *pending = push(u, UPSTREAM_TOLD, index);

    pending->is_told = true;
    pending->piece = piece;
    pending->tokens = tokens;
    if (told_begins(piece))
        x->record.first_out_at = now;
    x->record.last_out_at = now;
    if (!told_ends(piece))
        return;
    x->record.is_complete = true;
    push_end(u, index, UPSTREAM_END_WHOLE)->is_told = true;
}

void effects_journal(struct upstream *u, uint32_t index)
{
    (void)push(u, UPSTREAM_JOURNAL, index);
}

struct journal_record *effects_note(struct upstream *u)
{
    uint32_t note = (u->notes_first + u->notes_count) % UPSTREAM_NOTES_MAX;

    if (u->notes_count == UPSTREAM_NOTES_MAX)
        return NULL;
    u->notes_count++;
    push(u, UPSTREAM_JOURNAL, UPSTREAM_NO_EXCHANGE)->note = note;
    return &u->notes[note];
}

void effects_begin(struct upstream *u, nanos now)
{
    assert(now >= u->latest_at);
    u->latest_at = now;
    if (u->queue_count == 0)
        buffer_clear(&u->scratch);
}

/* Most pieces need only a few words of what is answered: the whole is not made for them, and what
 * stands there of an earlier piece is nobody's to read. */
static const struct told_answer *tell(struct upstream *u, const struct exchange *x,
                                      const struct pending *pending)
{
    struct told_answer *told = &u->told;

    told->piece = pending->piece;
    told->model = x->record.model;
    told->status = x->record.status;
    told->failure = x->plan.failure;
    told->tokens = pending->tokens;
    told->reply.run_tag = u->options.run_tag;
    told->reply.request_number = x->run_number;
    if (pending->piece == TOLD_GOES_ON || pending->piece == TOLD_REFUSAL)
        return told;
    told->reply = answers_reply(u, x);
    told->reply.model = (struct slice){0}; /* texts would not live as long */
    told->reply.text = (struct slice){0};
    told->reply.tool_name = (struct slice){0};
    told->reply.tool_input = (struct slice){0};
    return told;
}

/* What was handed out last is over: its record may be used again. */
static void release(struct upstream *u)
{
    uint32_t index = u->releasing;

    if (u->is_note_out) {
        u->notes_first = (u->notes_first + 1) % UPSTREAM_NOTES_MAX;
        u->notes_count--;
        u->is_note_out = false;
    }
    if (index == UPSTREAM_NO_EXCHANGE)
        return;
    u->exchanges[index].state = EXCHANGE_FREE;
    u->exchanges[index].next_free = u->free_first;
    u->free_first = index;
    u->releasing = UPSTREAM_NO_EXCHANGE;
    u->open--;
}

static const struct journal_record *hand_out(struct upstream *u, const struct pending *pending)
{
    if (pending->exchange == UPSTREAM_NO_EXCHANGE) {
        u->is_note_out = true;
        return &u->notes[pending->note];
    }
    u->releasing = pending->exchange;
    return &u->exchanges[pending->exchange].record;
}

/* How much of a body goes in the next write. */
static size_t write_size(const struct exchange *x, struct slice bytes)
{
    if (x->plan.quirks & QUIRK_SPLIT_UTF8)
        return spoil_write_inside_utf8(bytes);
    if (x->plan.quirks & QUIRK_SPLIT_CRLF)
        return spoil_write_inside_crlf(bytes);
    return bytes.size;
}

static void tell_head(const struct exchange *x, struct slice bytes, struct upstream_effect *effect)
{
    effect->headers = bytes;
    effect->one_byte_writes = x->plan.quirks & QUIRK_ONE_BYTE;
    if (x->plan.quirks & QUIRK_SLOW_HEADERS)
        effect->head_gap = x->plan.fault->delay;
}

bool upstream_next(struct upstream *u, struct upstream_effect *effect)
{
    struct pending *pending;
    struct slice bytes = {0};
    size_t size;

    release(u);
    if (u->queue_count == 0)
        return false;
    pending = &u->queue[u->queue_first];
    if (pending->bytes_size > 0) /* the scratch may not exist yet */
        bytes = (struct slice){u->scratch.data + pending->bytes_at, pending->bytes_size};
    *effect = (struct upstream_effect){
        .kind = pending->kind,
        .exchange = pending->exchange,
        .status = pending->status,
        .content_length = pending->content_length,
        .end = pending->end,
    };
    if (pending->kind == UPSTREAM_BODY) {
        size = write_size(&u->exchanges[pending->exchange], bytes);
        effect->flushes = size < bytes.size;
        effect->body = (struct slice){bytes.data, size};
        pending->bytes_at += size;
        pending->bytes_size -= size;
        if (effect->flushes)
            return true; /* the rest of it comes next */
    }
    u->queue_first = place(u, u->queue_first + 1);
    u->queue_count--;
    if (pending->kind == UPSTREAM_HEAD)
        tell_head(&u->exchanges[pending->exchange], bytes, effect);
    if (pending->is_told)
        effect->told = pending->kind == UPSTREAM_TOLD
                           ? tell(u, &u->exchanges[pending->exchange], pending)
                           : &u->told;
    if (pending->kind == UPSTREAM_JOURNAL)
        effect->record = hand_out(u, pending);
    return true;
}
