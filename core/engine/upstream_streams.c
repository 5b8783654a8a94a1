#include "engine/upstream_state.h"

#include "engine/spoil.h"

/* How often a stall shows signs of life when its model has no pings of its own. */
static const nanos SIGN_EVERY = NANOS_S;

static const uint32_t OF_ONE_EVENT = QUIRK_BROKEN_JSON | QUIRK_DUPLICATE | QUIRK_REORDER;
static const uint32_t OF_DONE = QUIRK_DONE_MISSING | QUIRK_DONE_EARLY | QUIRK_DONE_WRONG;

/* --- when ------------------------------------------------------------------------------------- */

/* When the next token event is due: with its last token. */
static nanos next_event_at(const struct exchange *x)
{
    uint64_t last = x->record.tokens_written + x->plan.tokens_per_event - 1;
    uint64_t stop = plan_tokens_to_come(&x->plan);

    if (x->record.tokens_written >= stop)
        return x->begun_at; /* nothing left to write but the end */
    return nanos_add(x->begun_at, plan_token_at(&x->plan, last < stop ? last : stop - 1));
}

/* How many more tokens are to be written now: whole events only, until the last. */
static uint64_t tokens_due(const struct exchange *x, nanos now)
{
    uint64_t due = plan_tokens_due(&x->plan, now - x->begun_at);
    uint64_t stop = plan_tokens_to_come(&x->plan);

    if (due <= x->record.tokens_written)
        return 0;
    due -= x->record.tokens_written;
    return x->record.tokens_written + due < stop ? due - due % x->plan.tokens_per_event : due;
}

/* How often this stream shows signs of life in a silence; 0: never. */
static nanos sign_every(const struct upstream *u, const struct exchange *x)
{
    bool is_stalled = x->state == EXCHANGE_SILENT;
    nanos every = u->scenario->models[x->record.model].ping_every;

    if (x->is_json_array || (is_stalled && !(x->plan.quirks & (QUIRK_PINGS | QUIRK_COMMENTS))))
        return 0;
    return is_stalled && every == 0 ? SIGN_EVERY : every;
}

static nanos next_sign_at(const struct upstream *u, const struct exchange *x)
{
    nanos every = sign_every(u, x);

    return every > 0 ? nanos_add(x->record.last_out_at, every) : NANOS_NEVER;
}

static void set_alarm(struct upstream *u, uint32_t index, nanos now)
{
    const struct exchange *x = &u->exchanges[index];
    nanos at = next_sign_at(u, x);

    if (x->state == EXCHANGE_WRITING)
        at = nanos_min(at, next_event_at(x));
    timers_set(&u->timers, index, nanos_max(now, at));
}

/* --- what ------------------------------------------------------------------------------------- */

/* The event whose token a quirk means: the first token of it. Of events that change places it has
 * one behind it, where there are two at all. */
static uint64_t marked_event(const struct plan *plan)
{
    uint64_t size = plan->tokens_per_event;
    uint64_t last = plan->output_tokens > 0 ? (plan->output_tokens - 1) / size : 0;
    uint64_t event = plan->tokens_before_end / size;

    if ((plan->quirks & QUIRK_REORDER) && event == last && event > 0)
        event--;
    return event * size;
}

static bool has_two_events(const struct plan *plan)
{
    return plan->output_tokens > plan->tokens_per_event;
}

/* Where the tokens of this event are taken from: the marked one and the next change places. */
static uint64_t source_of(const struct plan *plan, uint64_t first)
{
    uint64_t marked = marked_event(plan);

    if (!(plan->quirks & QUIRK_REORDER) || !has_two_events(plan))
        return first;
    if (first == marked)
        return first + plan->tokens_per_event;
    return first == marked + plan->tokens_per_event ? marked : first;
}

/* Event by event, one of which is spoilt. */
static void write_spoilt_tokens(struct upstream *u, struct exchange *x, const struct reply *reply,
                                uint64_t first, uint64_t count)
{
    const struct plan *plan = &x->plan;
    uint32_t size = plan->tokens_per_event;

    for (uint64_t end = first + count; first < end; first += size) {
        uint64_t source = source_of(plan, first);
        uint64_t left = plan->output_tokens - source;
        size_t at = u->scratch.size;

        format_write_tokens(x->api, reply, source, left < size ? left : size, size, &u->scratch);
        if (first != marked_event(plan))
            continue;
        if (plan->quirks & QUIRK_BROKEN_JSON)
            spoil_json(&u->scratch, at);
        if (plan->quirks & QUIRK_DUPLICATE)
            spoil_duplicate(&u->scratch, at);
    }
}

static void write_tokens(struct upstream *u, struct exchange *x, uint64_t count)
{
    struct reply reply = answers_reply(u, x);
    uint64_t first = x->record.tokens_written;

    if (x->plan.quirks & OF_ONE_EVENT)
        write_spoilt_tokens(u, x, &reply, first, count);
    else
        format_write_tokens(x->api, &reply, first, count, x->plan.tokens_per_event, &u->scratch);
    x->record.tokens_written += count;
    format_usage_so_far(x->api, &reply, x->record.tokens_written, &x->record.usage_told);
}

static void spoil_done(struct buffer *out, size_t at, uint32_t quirks)
{
    if (quirks & QUIRK_DONE_MISSING)
        spoil_done_missing(out, at);
    if (quirks & QUIRK_DONE_EARLY)
        spoil_done_early(out, at);
    if (quirks & QUIRK_DONE_WRONG)
        spoil_done_wrong(out, at);
}

/* Up to the protocol's own end. */
static void write_closing(struct upstream *u, struct exchange *x)
{
    struct reply reply = answers_reply(u, x);
    size_t at = u->scratch.size;

    format_write_closing(x->api, &reply, &u->scratch);
    x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_CLOSING);
    x->record.is_complete = true;
    if (x->plan.quirks & OF_DONE)
        spoil_done(&u->scratch, at, x->plan.quirks);
    if ((x->plan.quirks & QUIRK_REORDER) && !has_two_events(&x->plan))
        spoil_order(&u->scratch, at);
}

static void write_error_event(struct upstream *u, struct exchange *x)
{
    enum outcome failure = x->plan.fault->failure;
    struct refusal refusal = answers_refusal(u, x, failure, format_status(x->api, failure));
    struct reply reply = answers_reply(u, x);

    format_write_error_event(x->api, &refusal,
                             format_event_count(x->api, &reply, x->record.tokens_written),
                             x->plan.quirks & QUIRK_FLAT_ERROR, &u->scratch);
    x->record.answered = failure;
}

/* No token is to come any more. */
static void write_ending(struct upstream *u, struct exchange *x)
{
    if (x->plan.ending == PLAN_WHOLE)
        write_closing(u, x);
    else if (x->plan.ending == PLAN_CUT && (x->plan.quirks & QUIRK_ERROR_EVENT))
        write_error_event(u, x);
}

static void write_sign(struct upstream *u, struct exchange *x)
{
    if (x->plan.quirks & QUIRK_COMMENTS)
        buffer_append(&u->scratch, SLICE(": keep-alive\n\n"));
    else
        format_write_ping(x->api, &u->scratch);
}

/* What is done to all of a stream's events alike. */
static void dress(struct upstream *u, struct exchange *x, size_t at)
{
    if (x->is_json_array) {
        spoil_to_array(&u->scratch, at, !x->has_array_begun);
        x->has_array_begun |= u->scratch.size > at;
        if (x->record.is_complete || x->record.answered != OUTCOME_OK)
            buffer_append(&u->scratch, x->has_array_begun ? SLICE("]") : SLICE("[]"));
    }
    if (x->plan.quirks & QUIRK_NO_EVENT_NAMES)
        spoil_event_names(&u->scratch, at);
    if (x->plan.quirks & QUIRK_SPLIT_CRLF)
        spoil_line_ends(&u->scratch, at);
}

/* The next event, of which only half is written. */
static void write_half_an_event(struct upstream *u, struct exchange *x)
{
    struct reply reply = answers_reply(u, x);
    uint64_t left = x->plan.output_tokens - x->record.tokens_written;
    uint32_t size = x->plan.tokens_per_event;
    size_t at = u->scratch.size;

    if (left > 0)
        format_write_tokens(x->api, &reply, x->record.tokens_written, left < size ? left : size,
                            size, &u->scratch);
    else
        format_write_closing(x->api, &reply, &u->scratch);
    dress(u, x, at);
    spoil_half(&u->scratch, at);
}

/* --- in bytes --------------------------------------------------------------------------------- */

void streams_open(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    struct reply reply = answers_reply(u, x);
    struct slice type =
        x->is_json_array ? SLICE("application/json; charset=UTF-8") : format_stream_type(x->api);
    size_t headers_at = heads_write(u, x, type, now);
    size_t body_at;

    effects_head(u, index, 200, HTTP1_CHUNKED, headers_at, now);
    body_at = u->scratch.size;
    format_write_opening(x->api, &reply, &u->scratch);
    x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_OPENING);
    dress(u, x, body_at);
    effects_body(u, index, body_at, u->scratch.size - body_at, now);
    x->state = EXCHANGE_WRITING;
    set_alarm(u, index, now);
}

static void end_stream(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];

    if (x->plan.ending == PLAN_STALL) {
        x->state = EXCHANGE_SILENT;
        set_alarm(u, index, now);
        return;
    }
    effects_end(u, index,
                x->plan.ending == PLAN_WHOLE ? UPSTREAM_END_WHOLE : answers_end_of(x->plan.close));
}

static void serve_silence(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    size_t body_at = u->scratch.size;

    write_sign(u, x);
    effects_body(u, index, body_at, u->scratch.size - body_at, now);
    set_alarm(u, index, now);
}

void streams_serve(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    size_t body_at = u->scratch.size;
    uint64_t count = tokens_due(x, now);
    bool is_over;

    if (x->state == EXCHANGE_SILENT) {
        serve_silence(u, index, now);
        return;
    }
    if (count > 0)
        write_tokens(u, x, count);
    is_over = x->record.tokens_written >= plan_tokens_to_come(&x->plan);
    if (is_over)
        write_ending(u, x);
    else if (count == 0 && now >= next_sign_at(u, x))
        write_sign(u, x);
    dress(u, x, body_at);
    if (is_over && (x->plan.quirks & QUIRK_INSIDE_EVENT))
        write_half_an_event(u, x);
    effects_body(u, index, body_at, u->scratch.size - body_at, now);
    if (is_over)
        end_stream(u, index, now);
    else
        set_alarm(u, index, now);
}

/* --- without bytes ---------------------------------------------------------------------------- */

void streams_open_told(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    struct reply reply = answers_reply(u, x);

    x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_OPENING);
    effects_told(u, index, TOLD_BEGINS, 0, now);
    x->state = EXCHANGE_WRITING;
    timers_set(&u->timers, index, nanos_max(now, next_event_at(x)));
}

void streams_tell(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    uint64_t count = tokens_due(x, now);

    x->record.tokens_written += count;
    if (x->record.tokens_written >= x->plan.output_tokens) {
        struct reply reply = answers_reply(u, x);

        x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_CLOSING);
        effects_told(u, index, TOLD_ENDS, count, now);
        return;
    }
    if (count > 0)
        effects_told(u, index, TOLD_GOES_ON, count, now);
    timers_set(&u->timers, index, next_event_at(x));
}
