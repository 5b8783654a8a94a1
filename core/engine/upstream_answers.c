#include "engine/upstream_state.h"

#include <assert.h>

#include "wire/http_date.h"

/* --- rendering -------------------------------------------------------------------------------- */

static int64_t wall_s(const struct upstream *u, nanos now)
{
    int64_t ns = u->options.wall_unix_ns + now;

    return ns / NANOS_S - (ns % NANOS_S < 0);
}

struct reply answers_reply(const struct upstream *u, const struct exchange *x)
{
    return (struct reply){
        .model = slice_of(x->model),
        .request_number = x->run_number,
        .run_tag = u->options.run_tag,
        .wall_unix_s = wall_s(u, x->begun_at),
        .input_tokens = x->plan.input_tokens,
        .output_tokens = x->plan.output_tokens,
        .stop = x->plan.stop,
        .include_usage = x->include_usage,
    };
}

/* "retry-after: 1.5": as many decimals as the value needs. */
static void write_seconds(struct buffer *out, nanos span)
{
    uint64_t rest = (uint64_t)(span % NANOS_S);
    uint64_t place = NANOS_S / 10;

    buffer_u64(out, (uint64_t)(span / NANOS_S));
    if (rest > 0)
        buffer_byte(out, '.');
    for (; rest > 0; place /= 10) {
        buffer_byte(out, (char)('0' + rest / place));
        rest %= place;
    }
}

static void write_advice(struct upstream *u, const struct plan *plan, nanos now)
{
    struct buffer *out = &u->scratch;

    switch (plan->advice) {
    case PLAN_ADVICE_NONE:
        return;
    case PLAN_ADVICE_SECONDS:
        buffer_text(out, "retry-after: ");
        write_seconds(out, plan->advice_wait);
        break;
    case PLAN_ADVICE_DATE:
        buffer_text(out, "retry-after: ");
        http_date_write(out, wall_s(u, now) + (plan->advice_wait + NANOS_S - 1) / NANOS_S);
        break;
    case PLAN_ADVICE_MS:
        buffer_text(out, "retry-after-ms: ");
        buffer_u64(out, (uint64_t)(plan->advice_wait / NANOS_MS));
        break;
    case PLAN_ADVICE_RAW:
        buffer_text(out, "retry-after: ");
        buffer_text(out, plan->advice_raw);
        break;
    }
    buffer_text(out, "\r\n");
}

/* What a client can make of the advice, read back from the very lines that were written. */
static nanos advice_as_read(const struct upstream *u, struct slice headers, nanos now)
{
    struct answer_head head;
    struct slice line;

    answer_head_clear(&head);
    while (slice_cut(&headers, '\n', &line))
        answer_head_line(&head, line);
    return answer_head_advice(&head, u->options.wall_unix_ns + now).wait;
}

static size_t write_headers(struct upstream *u, struct exchange *x, struct slice type, nanos now)
{
    size_t at = u->scratch.size;

    format_write_headers(x->api, u->options.run_tag, x->run_number, wall_s(u, now), type,
                         &u->scratch);
    return at;
}

/* --- without bytes ---------------------------------------------------------------------------- */

/* What can travel as a value: nothing is wrong with it. A context-length refusal has token counts
 * in its words (engine/refusals.h). */
static bool is_plain(const struct exchange *x)
{
    if (!x->is_told)
        return false;
    if (x->plan.kind == PLAN_ANSWER)
        return x->plan.ending == PLAN_WHOLE;
    return x->plan.kind == PLAN_REFUSAL && x->plan.advice == PLAN_ADVICE_NONE &&
           x->plan.failure != OUTCOME_CONTEXT_LENGTH;
}

static uint16_t status_of(const struct exchange *x)
{
    if (x->plan.kind == PLAN_ANSWER)
        return 200;
    return x->plan.status != 0 ? x->plan.status : format_status(x->api, x->plan.failure);
}

/* Body first, since the head tells its length; effects name stretches, so their order is free. */
static void serve_refusal(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    struct refusal refusal = {
        .failure = x->plan.failure,
        .status = status_of(x),
        .model = slice_of(x->model),
        .request_number = x->run_number,
        .run_tag = u->options.run_tag,
        .input_tokens = x->plan.input_tokens,
        .context_window = x->plan.context_window,
        .message = x->message != NULL ? slice_of(x->message) : (struct slice){0},
    };
    size_t body_at = u->scratch.size;
    size_t body_size, headers_at;

    format_write_refusal(x->api, &refusal, &u->scratch);
    body_size = u->scratch.size - body_at;
    headers_at = write_headers(u, x, SLICE("application/json"), now);
    write_advice(u, &x->plan, now);
    if (x->plan.advice != PLAN_ADVICE_NONE)
        x->record.advice_wait = advice_as_read(
            u, (struct slice){u->scratch.data + headers_at, u->scratch.size - headers_at}, now);
    effects_head(u, index, refusal.status, (int64_t)body_size, headers_at, now);
    effects_body(u, index, body_at, body_size, now);
    x->record.is_complete = true;
    effects_end(u, index, UPSTREAM_END_WHOLE);
}

static enum upstream_end end_of(enum plan_close close)
{
    switch (close) {
    case PLAN_CLOSE_END:
        return UPSTREAM_END_WHOLE;
    case PLAN_CLOSE_FIN:
        return UPSTREAM_END_FIN;
    case PLAN_CLOSE_RST:
        break;
    }
    return UPSTREAM_END_RST;
}

/* A cut or stalled body stops after its tokens' share of the bytes; past the last token it lacks
 * its last byte, so that it is never whole. */
static size_t bytes_to_write(const struct plan *plan, size_t whole)
{
    if (plan->ending == PLAN_WHOLE)
        return whole;
    if (plan->tokens_before_end >= plan->output_tokens)
        return whole - 1;
    return (size_t)((double)whole * (double)plan->tokens_before_end / (double)plan->output_tokens);
}

/* An answer in one body. */
static void serve_body(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    struct reply reply = answers_reply(u, x);
    size_t body_at = u->scratch.size;
    size_t whole, size, headers_at;
    bool announces_less = x->plan.ending == PLAN_CUT && x->plan.close == PLAN_CLOSE_END;

    format_write_answer(x->api, &reply, &u->scratch);
    whole = u->scratch.size - body_at;
    size = bytes_to_write(&x->plan, whole);
    headers_at = write_headers(u, x, SLICE("application/json"), now);
    effects_head(u, index, 200, (int64_t)(announces_less ? size : whole), headers_at, now);
    effects_body(u, index, body_at, size, now);
    x->record.tokens_written = plan_tokens_to_come(&x->plan);
    if (x->plan.ending == PLAN_WHOLE)
        x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_BODY);
    if (x->plan.ending == PLAN_STALL) {
        x->state = EXCHANGE_SILENT;
        return;
    }
    x->record.is_complete = x->plan.ending == PLAN_WHOLE;
    effects_end(u, index, x->record.is_complete ? UPSTREAM_END_WHOLE : end_of(x->plan.close));
}

/* When the next token event of a stream is due: with its last token. */
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

static void write_tokens(struct upstream *u, struct exchange *x, uint64_t count)
{
    struct reply reply = answers_reply(u, x);

    format_write_tokens(x->api, &reply, x->record.tokens_written, count, x->plan.tokens_per_event,
                        &u->scratch);
    x->record.tokens_written += count;
}

static void tell_stream(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    uint64_t count = tokens_due(x, now);
    bool is_over;

    x->record.tokens_written += count;
    is_over = x->record.tokens_written >= x->plan.output_tokens;
    if (is_over) {
        struct reply reply = answers_reply(u, x);

        x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_CLOSING);
        effects_told(u, index, TOLD_ENDS, count, now);
        return;
    }
    if (count > 0)
        effects_told(u, index, TOLD_GOES_ON, count, now);
    timers_set(&u->timers, index, next_event_at(x));
}

static void serve_stream(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    size_t body_at = u->scratch.size;
    uint64_t count = tokens_due(x, now);
    bool is_over;

    if (count > 0)
        write_tokens(u, x, count);
    is_over = x->record.tokens_written >= plan_tokens_to_come(&x->plan);
    if (is_over && x->plan.ending == PLAN_WHOLE) {
        struct reply reply = answers_reply(u, x);

        format_write_closing(x->api, &reply, &u->scratch);
        x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_CLOSING);
        x->record.is_complete = true;
    }
    effects_body(u, index, body_at, u->scratch.size - body_at, now);
    if (!is_over) {
        timers_set(&u->timers, index, next_event_at(x));
        return;
    }
    if (x->plan.ending == PLAN_STALL) {
        x->state = EXCHANGE_SILENT;
        return;
    }
    effects_end(u, index,
                x->plan.ending == PLAN_WHOLE ? UPSTREAM_END_WHOLE : end_of(x->plan.close));
}

static void open_stream(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    struct reply reply = answers_reply(u, x);
    size_t headers_at = write_headers(u, x, SLICE("text/event-stream; charset=utf-8"), now);
    size_t body_at;

    effects_head(u, index, 200, HTTP1_CHUNKED, headers_at, now);
    body_at = u->scratch.size;
    format_write_opening(x->api, &reply, &u->scratch);
    x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_OPENING);
    effects_body(u, index, body_at, u->scratch.size - body_at, now);
    x->state = EXCHANGE_WRITING;
    timers_set(&u->timers, index, nanos_max(now, next_event_at(x)));
}

/* The first thing that is said of an answer or refusal. */
static void tell(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    struct reply reply;

    x->record.status = status_of(x);
    if (x->plan.kind == PLAN_REFUSAL) {
        effects_told(u, index, TOLD_REFUSAL, 0, now);
        return;
    }
    reply = answers_reply(u, x);
    if (!x->plan.stream) {
        x->record.tokens_written = x->plan.output_tokens;
        x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_BODY);
        effects_told(u, index, TOLD_BODY, x->plan.output_tokens, now);
        return;
    }
    x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_OPENING);
    effects_told(u, index, TOLD_BEGINS, 0, now);
    x->state = EXCHANGE_WRITING;
    timers_set(&u->timers, index, nanos_max(now, next_event_at(x)));
}

static void serve_hook(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    size_t headers_at = u->scratch.size;
    size_t body_at;

    if (x->hook.content_type.size > 0) {
        buffer_append(&u->scratch, SLICE("content-type: "));
        buffer_append(&u->scratch, x->hook.content_type);
        buffer_append(&u->scratch, SLICE("\r\n"));
    }
    effects_head(u, index, x->hook.status, (int64_t)x->hook.body.size, headers_at, now);
    body_at = u->scratch.size;
    buffer_append(&u->scratch, x->hook.body);
    effects_body(u, index, body_at, x->hook.body.size, now);
    x->record.is_complete = true;
    effects_end(u, index, UPSTREAM_END_WHOLE);
}

/* When the first byte leaves. A stream's head and opening events come halfway to the first token,
 * as services send them once the prompt is accepted (MEA-03). */
nanos answers_open_at(const struct exchange *x)
{
    if (x->record.is_hook)
        return x->begun_at;
    if (x->plan.kind == PLAN_ANSWER && x->plan.stream)
        return nanos_add(x->begun_at, x->plan.first_token / 2);
    if (x->plan.kind == PLAN_ANSWER && x->plan.ending != PLAN_WHOLE &&
        x->plan.tokens_before_end > 0)
        return nanos_add(x->begun_at, plan_token_at(&x->plan, x->plan.tokens_before_end - 1));
    if (x->plan.kind == PLAN_ANSWER && x->plan.ending != PLAN_WHOLE)
        return nanos_add(x->begun_at, x->plan.first_token);
    return nanos_add(x->begun_at, plan_ends_at(&x->plan));
}

void answers_serve(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];

    if (x->record.is_hook)
        serve_hook(u, index, now);
    else if (x->state == EXCHANGE_WRITING && is_plain(x))
        tell_stream(u, index, now);
    else if (x->state == EXCHANGE_WRITING)
        serve_stream(u, index, now);
    else if (is_plain(x))
        tell(u, index, now);
    else if (x->plan.kind == PLAN_RESET)
        effects_end(u, index, end_of(x->plan.close));
    else if (x->plan.kind == PLAN_REFUSAL)
        serve_refusal(u, index, now);
    else if (x->plan.stream)
        open_stream(u, index, now);
    else
        serve_body(u, index, now);
}
