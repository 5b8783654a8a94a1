#include "engine/upstream.h"

#include <assert.h>
#include <string.h>

#include "base/timers.h"
#include "engine/hooks.h"
#include "wire/format.h"
#include "wire/http_date.h"

enum {
    NO_EXCHANGE = UINT32_MAX,
    WAKES_PER_STEP = 64, /* exchanges served by one upstream_wake, so that its output stays small */
    SCRATCH_BYTES_MAX = 256 << 20,
    OUTPUT_TOKENS_USUAL = 64, /* when nobody declared how long the answer shall be */
    BYTES_PER_TOKEN = 4,      /* the estimate for prompts of undeclared length */
};

/* What an exchange does next. */
enum exchange_state {
    EXCHANGE_FREE,
    EXCHANGE_OPENING,  /* nothing written yet; wakes at opens_at */
    EXCHANGE_WRITING,  /* a stream, between two token events */
    EXCHANGE_SILENT,   /* stalled: only the client or the run ends it */
    EXCHANGE_FLUSHING, /* END was given out; waits for the last byte to leave */
    EXCHANGE_OVER,     /* its journal record waits to be taken */
};

struct exchange {
    enum exchange_state state;
    uint32_t next_free;
    enum api api;
    struct plan plan;
    nanos begun_at; /* the plan's zero: the request was whole */
    uint64_t run_number;
    bool include_usage;
    bool is_told;           /* came as a value, may be answered so */
    char model[64];         /* as asked; echoed in the answer */
    const char *message;    /* of a refusal that is not the plan's; else NULL */
    struct hook_reply hook; /* of a post to a hook */
    enum upstream_end end;
    struct journal_record record;
};

/* An effect that waits to be taken; its bytes are a stretch of the scratch buffer. */
struct pending {
    enum upstream_effect_kind kind;
    uint32_t exchange;
    uint16_t status;
    enum upstream_end end;
    int64_t content_length;
    size_t bytes_at, bytes_size;
    bool is_told; /* TOLD, and the END behind it */
    enum told_piece piece;
    uint64_t tokens;
};

struct upstream {
    struct upstream_options options;
    const struct scenario *scenario;
    struct exchange *exchanges;
    uint32_t exchanges_born; /* used so far: the memory behind them was never touched */
    uint32_t free_first;
    uint32_t open;
    uint32_t releasing; /* whose record was handed out last */
    uint64_t requests;
    nanos latest_at;
    struct timers timers;
    struct pending *queue; /* ring */
    uint32_t queue_size, queue_first, queue_count;
    struct buffer scratch;   /* the bytes of all pending effects */
    struct told_answer told; /* of the effect handed out last */
};

/* --- effects ---------------------------------------------------------------------------------- */

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

static void push_head(struct upstream *u, uint32_t index, uint16_t status, int64_t content_length,
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

static void push_body(struct upstream *u, uint32_t index, size_t body_at, size_t size, nanos now)
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

/* What was read and what was written is billed, told or not, whoever ended it. Refusals and
 * connections that died before an answer cost nothing. */
static void bill(const struct scenario *scenario, struct exchange *x)
{
    struct usage used = {.is_known = true,
                         .input_tokens = x->plan.input_tokens,
                         .output_tokens = x->record.tokens_written};
    const struct price *price;

    if (x->record.model >= scenario->models_count)
        return;
    price = &scenario->prices[x->record.model];
    if (x->plan.kind == PLAN_ANSWER)
        x->record.has_cost = price_cost(price, x->api, &used, &x->record.cost);
    else
        x->record.has_cost = price->is_known;
}

static void close_exchange(struct upstream *u, uint32_t index, enum closed_by by, nanos now)
{
    struct exchange *x = &u->exchanges[index];

    bill(u->scenario, x);
    x->record.closed_by = by;
    x->record.closed_at = now;
    x->state = EXCHANGE_OVER;
    timers_set(&u->timers, index, NANOS_NEVER);
    push(u, UPSTREAM_JOURNAL, index);
}

static void begin_call(struct upstream *u, nanos now)
{
    assert(now >= u->latest_at);
    u->latest_at = now;
    if (u->queue_count == 0)
        buffer_clear(&u->scratch);
}

/* --- rendering -------------------------------------------------------------------------------- */

static int64_t wall_s(const struct upstream *u, nanos now)
{
    int64_t ns = u->options.wall_unix_ns + now;

    return ns / NANOS_S - (ns % NANOS_S < 0);
}

static struct reply reply_of(const struct upstream *u, const struct exchange *x)
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

static void push_told(struct upstream *u, uint32_t index, enum told_piece piece, uint64_t tokens,
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

static uint16_t status_of(const struct exchange *x)
{
    if (x->plan.kind == PLAN_ANSWER)
        return 200;
    return x->plan.status != 0 ? x->plan.status : format_status(x->api, x->plan.failure);
}

static struct told_answer told_of(const struct upstream *u, const struct exchange *x,
                                  const struct pending *pending)
{
    struct told_answer told = {
        .piece = pending->piece,
        .model = x->record.model,
        .status = x->record.status,
        .failure = x->plan.failure,
        .tokens = pending->tokens,
        .reply = reply_of(u, x),
    };

    told.reply.model = (struct slice){0}; /* it would not live as long */
    return told;
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
    push_head(u, index, refusal.status, (int64_t)body_size, headers_at, now);
    push_body(u, index, body_at, body_size, now);
    x->record.is_complete = true;
    push_end(u, index, UPSTREAM_END_WHOLE);
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
    struct reply reply = reply_of(u, x);
    size_t body_at = u->scratch.size;
    size_t whole, size, headers_at;
    bool announces_less = x->plan.ending == PLAN_CUT && x->plan.close == PLAN_CLOSE_END;

    format_write_answer(x->api, &reply, &u->scratch);
    whole = u->scratch.size - body_at;
    size = bytes_to_write(&x->plan, whole);
    headers_at = write_headers(u, x, SLICE("application/json"), now);
    push_head(u, index, 200, (int64_t)(announces_less ? size : whole), headers_at, now);
    push_body(u, index, body_at, size, now);
    x->record.tokens_written = plan_tokens_to_come(&x->plan);
    if (x->plan.ending == PLAN_WHOLE)
        x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_BODY);
    if (x->plan.ending == PLAN_STALL) {
        x->state = EXCHANGE_SILENT;
        return;
    }
    x->record.is_complete = x->plan.ending == PLAN_WHOLE;
    push_end(u, index, x->record.is_complete ? UPSTREAM_END_WHOLE : end_of(x->plan.close));
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
    struct reply reply = reply_of(u, x);

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
        struct reply reply = reply_of(u, x);

        x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_CLOSING);
        push_told(u, index, TOLD_ENDS, count, now);
        return;
    }
    if (count > 0)
        push_told(u, index, TOLD_GOES_ON, count, now);
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
        struct reply reply = reply_of(u, x);

        format_write_closing(x->api, &reply, &u->scratch);
        x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_CLOSING);
        x->record.is_complete = true;
    }
    push_body(u, index, body_at, u->scratch.size - body_at, now);
    if (!is_over) {
        timers_set(&u->timers, index, next_event_at(x));
        return;
    }
    if (x->plan.ending == PLAN_STALL) {
        x->state = EXCHANGE_SILENT;
        return;
    }
    push_end(u, index, x->plan.ending == PLAN_WHOLE ? UPSTREAM_END_WHOLE : end_of(x->plan.close));
}

static void open_stream(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    struct reply reply = reply_of(u, x);
    size_t headers_at = write_headers(u, x, SLICE("text/event-stream; charset=utf-8"), now);
    size_t body_at;

    push_head(u, index, 200, HTTP1_CHUNKED, headers_at, now);
    body_at = u->scratch.size;
    format_write_opening(x->api, &reply, &u->scratch);
    x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_OPENING);
    push_body(u, index, body_at, u->scratch.size - body_at, now);
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
        push_told(u, index, TOLD_REFUSAL, 0, now);
        return;
    }
    reply = reply_of(u, x);
    if (!x->plan.stream) {
        x->record.tokens_written = x->plan.output_tokens;
        x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_BODY);
        push_told(u, index, TOLD_BODY, x->plan.output_tokens, now);
        return;
    }
    x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_OPENING);
    push_told(u, index, TOLD_BEGINS, 0, now);
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
    push_head(u, index, x->hook.status, (int64_t)x->hook.body.size, headers_at, now);
    body_at = u->scratch.size;
    buffer_append(&u->scratch, x->hook.body);
    push_body(u, index, body_at, x->hook.body.size, now);
    x->record.is_complete = true;
    push_end(u, index, UPSTREAM_END_WHOLE);
}

/* When the first byte leaves. A stream's head and opening events come halfway to the first token,
 * as services send them once the prompt is accepted (MEA-03). */
static nanos opens_at(const struct exchange *x)
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

static void serve(struct upstream *u, uint32_t index, nanos now)
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
        push_end(u, index, end_of(x->plan.close));
    else if (x->plan.kind == PLAN_REFUSAL)
        serve_refusal(u, index, now);
    else if (x->plan.stream)
        open_stream(u, index, now);
    else
        serve_body(u, index, now);
}

/* --- requests --------------------------------------------------------------------------------- */

static uint64_t header_u64(const struct http_request *http, struct slice name, uint64_t otherwise)
{
    uint64_t value;

    return slice_u64(http_header_of(http, name), &value) ? value : otherwise;
}

/* A request that the provider itself would refuse, whatever the scenario says. */
static void refuse(struct exchange *x, enum outcome failure, uint16_t status, const char *message)
{
    x->plan = (struct plan){.kind = PLAN_REFUSAL,
                            .failure = failure,
                            .status = status,
                            .rule = PLAN_NO_RULE,
                            .tokens_per_event = 1};
    x->message = message;
}

/* Which call is it? Our driver's header, else likeness: the body's hash (design §9). */
static void identify(struct exchange *x, const struct http_request *http)
{
    struct slice call = http_header_of(http, SLICE("x-brownout-call"));
    uint64_t attempt = header_u64(http, SLICE("x-brownout-attempt"), 0);
    uint64_t hash;

    x->record.attempt = attempt <= UINT32_MAX ? (uint32_t)attempt : 0;
    if (call.size > 0 && call.size < sizeof(x->record.call)) {
        x->record.key = KEY_HEADER;
        slice_copy(call, x->record.call, sizeof(x->record.call));
        return;
    }
    x->record.key = KEY_LIKENESS;
    x->record.attempt = 0;
    hash = slice_hash(http->body);
    memcpy(x->record.call, "like:", 5);
    for (int nibble = 0; nibble < 16; nibble++)
        x->record.call[5 + nibble] = "0123456789abcdef"[hash >> (60 - 4 * nibble) & 15];
    x->record.call[21] = '\0';
}

/* The attempt's ordinal when nobody said it: the SDKs count their own retries from 0. */
static uint32_t ordinal_of(const struct exchange *x, const struct http_request *http)
{
    uint64_t retries = header_u64(http, SLICE("x-stainless-retry-count"), 0);

    if (x->record.attempt > 0)
        return x->record.attempt;
    return retries < UINT32_MAX ? (uint32_t)retries + 1 : 1;
}

/* A request as a value: all that reading it would have told. */
static void take_told(struct upstream *u, struct exchange *x, const struct told_ask *told,
                      nanos now)
{
    const struct scenario *scenario = u->scenario;
    const struct model *model = &scenario->models[told->model];
    struct attempt_facts facts = {
        .provider = slice_of(scenario->providers[x->record.provider].name),
        .model = model,
        .call = slice_of(told->call),
        .attempt = told->attempt,
        .input_tokens = told->input_tokens,
        .output_tokens = told->output_tokens > 0 ? told->output_tokens : 1,
        .output_tokens_max = told->output_tokens_max,
        .stream = told->stream,
    };

    assert(model->provider == x->record.provider);
    x->is_told = true;
    x->include_usage = true; /* our client always asks for it */
    x->api = scenario->providers[x->record.provider].api;
    x->record.key = KEY_HEADER;
    x->record.attempt = told->attempt;
    x->record.model = told->model;
    slice_copy(facts.call, x->record.call, sizeof(x->record.call));
    slice_copy(slice_of(model->name), x->model, sizeof(x->model));
    chaos_decide(&scenario->chaos, scenario->seed, &facts, now, &x->plan);
}

static void decide(struct upstream *u, struct exchange *x, const struct asked *asked,
                   const struct http_request *http, nanos now)
{
    const struct scenario *scenario = u->scenario;
    uint64_t wanted = header_u64(http, SLICE("x-brownout-output-tokens"), OUTPUT_TOKENS_USUAL);
    struct attempt_facts facts = {
        .provider = slice_of(scenario->providers[x->record.provider].name),
        .model = &scenario->models[x->record.model],
        .call = slice_of(x->record.call),
        .attempt = ordinal_of(x, http),
        .input_tokens = header_u64(http, SLICE("x-brownout-input-tokens"),
                                   1 + asked->prompt_bytes / BYTES_PER_TOKEN),
        .output_tokens = wanted > 0 ? wanted : 1,
        .output_tokens_max = asked->has_output_tokens_max ? asked->output_tokens_max : UINT64_MAX,
        .stream = asked->stream,
    };

    chaos_decide(&scenario->chaos, scenario->seed, &facts, now, &x->plan);
}

static void plan_request(struct upstream *u, struct exchange *x, const struct http_request *http,
                         nanos now)
{
    struct slice path = http->path;
    struct slice query_free;
    struct asked asked = {0};
    const char *problem = NULL;
    enum api expected = u->scenario->providers[x->record.provider].api;

    x->api = expected;
    if (slice_cut(&path, '?', &query_free))
        path = query_free;
    if (!slice_is(http->method, SLICE("POST")) || !format_find_path(path, &x->api) ||
        x->api != expected) {
        x->api = expected;
        refuse(x, OUTCOME_INVALID_REQUEST, 404, "Not found");
        return;
    }
    if (!format_has_credential(x->api, http)) {
        refuse(x, OUTCOME_AUTH, 401, NULL);
        return;
    }
    if (format_read_ask(x->api, http->body, &asked, &problem) != RC_OK || !asked.has_model ||
        !asked.has_messages) {
        refuse(x, OUTCOME_INVALID_REQUEST, 400,
               problem != NULL    ? problem
               : !asked.has_model ? "model: Field required"
                                  : "messages: Field required");
        return;
    }
    slice_copy(slice_of(asked.model), x->model, sizeof(x->model));
    x->record.model = scenario_model(u->scenario, slice_of(asked.model));
    if (x->record.model >= u->scenario->models_count ||
        u->scenario->models[x->record.model].provider != x->record.provider) {
        x->record.model = u->scenario->models_count;
        refuse(x, OUTCOME_INVALID_REQUEST, 404, NULL);
        return;
    }
    if (x->api == API_ANTHROPIC && !asked.has_output_tokens_max) {
        refuse(x, OUTCOME_INVALID_REQUEST, 400, "max_tokens: Field required");
        return;
    }
    x->include_usage = asked.include_usage;
    decide(u, x, &asked, http, now);
}

static void note_plan(struct exchange *x)
{
    struct journal_record *record = &x->record;
    struct buffer text = {.data = record->plan,
                          .capacity = sizeof(record->plan) - 1,
                          .ceiling = sizeof(record->plan) - 1,
                          .memory = memory_heap()}; /* never asked: the space is there */

    plan_write(&x->plan, &text);
    record->plan[text.size] = '\0';
    record->answered = x->plan.kind == PLAN_REFUSAL ? x->plan.failure : OUTCOME_OK;
    record->advice = x->plan.advice;
    record->rule = x->plan.rule;
    record->rules_matched = x->plan.rules_matched;
    record->input_tokens = x->plan.input_tokens;
    record->output_tokens = x->plan.kind == PLAN_ANSWER ? x->plan.output_tokens : 0;
}

static void take_request(struct upstream *u, struct exchange *x,
                         const struct upstream_request *request, nanos now)
{
    if (request->provider == UPSTREAM_HOOKS) {
        x->hook = hooks_receive(request->http, &x->record);
        return;
    }
    if (request->told != NULL) {
        take_told(u, x, request->told, now);
    } else {
        identify(x, request->http);
        plan_request(u, x, request->http, now);
    }
    note_plan(x);
}

static uint32_t take_exchange(struct upstream *u)
{
    uint32_t index = u->free_first;

    if (index != NO_EXCHANGE)
        u->free_first = u->exchanges[index].next_free;
    else if (u->exchanges_born < u->options.exchanges_max)
        index = u->exchanges_born++;
    return index;
}

bool upstream_begin(struct upstream *u, const struct upstream_request *request, nanos now,
                    uint32_t *exchange)
{
    bool is_hook = request->provider == UPSTREAM_HOOKS;
    uint32_t index;
    struct exchange *x;

    assert(is_hook || request->provider < u->scenario->providers_count);
    begin_call(u, now);
    index = take_exchange(u);
    if (index == NO_EXCHANGE)
        return false;
    x = &u->exchanges[index];
    u->open++;
    memset(x, 0, sizeof(*x)); /* a literal of a kilobyte costs three times that */
    x->state = EXCHANGE_OPENING;
    x->begun_at = now;
    x->run_number = ++u->requests;
    x->record.number = x->run_number;
    x->record.provider = is_hook ? u->scenario->providers_count : request->provider;
    x->record.model = u->scenario->models_count;
    x->record.connection = request->connection;
    x->record.accepted_at = request->accepted_at;
    x->record.head_in_at = request->head_in_at;
    x->record.body_in_at = request->body_in_at;
    x->record.first_out_at = NANOS_NEVER;
    x->record.last_out_at = NANOS_NEVER;
    x->record.closed_at = NANOS_NEVER;
    x->record.rule = PLAN_NO_RULE;
    take_request(u, x, request, now);
    timers_set(&u->timers, index, nanos_max(now, opens_at(x)));
    *exchange = index;
    return true;
}

/* --- time and the other side ------------------------------------------------------------------ */

void upstream_wake(struct upstream *u, nanos now)
{
    uint32_t index;

    begin_call(u, now);
    for (int served = 0; served < WAKES_PER_STEP && timers_take(&u->timers, now, &index); served++)
        serve(u, index, now);
}

nanos upstream_wakes_at(const struct upstream *u)
{
    return timers_first_at(&u->timers);
}

void upstream_flushed(struct upstream *u, uint32_t index, uint64_t bytes_out, nanos now)
{
    struct exchange *x = &u->exchanges[index];

    begin_call(u, now);
    assert(x->state == EXCHANGE_FLUSHING);
    x->record.bytes_out = bytes_out;
    if (x->record.last_out_at != NANOS_NEVER)
        x->record.last_out_at = now;
    close_exchange(u, index, x->record.is_complete ? CLOSED_WHOLE : CLOSED_FAULT, now);
}

void upstream_gone(struct upstream *u, uint32_t index, uint64_t bytes_out, bool by_reset, nanos now)
{
    struct exchange *x = &u->exchanges[index];

    begin_call(u, now);
    assert(x->state != EXCHANGE_FREE);
    if (x->state == EXCHANGE_OVER)
        return;
    x->record.bytes_out = bytes_out;
    close_exchange(u, index, by_reset ? CLOSED_CLIENT_RESET : CLOSED_CLIENT, now);
}

void upstream_stop(struct upstream *u, nanos now)
{
    begin_call(u, now);
    for (uint32_t index = 0; index < u->exchanges_born; index++) {
        enum exchange_state state = u->exchanges[index].state;

        if (state != EXCHANGE_FREE && state != EXCHANGE_OVER)
            close_exchange(u, index, CLOSED_RUN, now);
    }
}

static void release(struct upstream *u)
{
    uint32_t index = u->releasing;

    if (index == NO_EXCHANGE)
        return;
    u->exchanges[index].state = EXCHANGE_FREE;
    u->exchanges[index].next_free = u->free_first;
    u->free_first = index;
    u->releasing = NO_EXCHANGE;
    u->open--;
}

bool upstream_next(struct upstream *u, struct upstream_effect *effect)
{
    const struct pending *pending;
    struct slice bytes = {0};

    release(u);
    if (u->queue_count == 0)
        return false;
    pending = &u->queue[u->queue_first];
    u->queue_first = place(u, u->queue_first + 1);
    u->queue_count--;
    if (pending->bytes_size > 0) /* the scratch may not exist yet */
        bytes = (struct slice){u->scratch.data + pending->bytes_at, pending->bytes_size};
    *effect = (struct upstream_effect){
        .kind = pending->kind,
        .exchange = pending->exchange,
        .status = pending->status,
        .content_length = pending->content_length,
        .end = pending->end,
    };
    if (pending->kind == UPSTREAM_TOLD)
        u->told = told_of(u, &u->exchanges[pending->exchange], pending);
    if (pending->is_told)
        effect->told = &u->told;
    if (pending->kind == UPSTREAM_HEAD)
        effect->headers = bytes;
    if (pending->kind == UPSTREAM_BODY)
        effect->body = bytes;
    if (pending->kind == UPSTREAM_JOURNAL) {
        effect->record = &u->exchanges[pending->exchange].record;
        u->releasing = pending->exchange;
    }
    return true;
}

uint32_t upstream_open(const struct upstream *u)
{
    return u->open;
}

/* --- birth and death -------------------------------------------------------------------------- */

enum rc upstream_new(struct upstream **upstream, const struct upstream_options *options,
                     struct error *err)
{
    const struct memory *memory = options->memory;
    struct upstream *u = memory_zeroed(memory, 1, sizeof(*u));
    uint32_t count = options->exchanges_max;
    enum rc rc = RC_NOMEM;

    if (u == NULL)
        return error_set(err, RC_NOMEM, "upstream engine: out of memory");
    u->options = *options;
    u->scenario = options->scenario;
    u->releasing = NO_EXCHANGE;
    u->latest_at = INT64_MIN;
    u->queue_size = 5 * count + 16; /* one exchange: head, body, body, end, journal at the most */
    buffer_init(&u->scratch, memory, SCRATCH_BYTES_MAX);
    u->exchanges = memory->resize(memory->context, NULL, count * sizeof(*u->exchanges));
    u->queue = memory_zeroed(memory, u->queue_size, sizeof(*u->queue));
    if (u->exchanges != NULL && u->queue != NULL)
        rc = timers_init(&u->timers, memory, count);
    if (rc != RC_OK) {
        upstream_free(u);
        return error_set(err, rc, "upstream engine: %s for %u exchanges", rc_text(rc), count);
    }
    u->free_first = NO_EXCHANGE;
    *upstream = u;
    return RC_OK;
}

void upstream_set_wall(struct upstream *u, int64_t wall_unix_ns)
{
    assert(u->requests == 0);
    u->options.wall_unix_ns = wall_unix_ns;
}

void upstream_free(struct upstream *u)
{
    const struct memory *memory;

    if (u == NULL)
        return;
    memory = u->options.memory;
    timers_deinit(&u->timers);
    buffer_deinit(&u->scratch);
    memory_release(memory, u->exchanges);
    memory_release(memory, u->queue);
    memory_release(memory, u);
}
