/* The mock's side of wire/format.h, writing: answers, streams, refusals and their headers. */

#include "wire/format.h"

#include <assert.h>
#include <string.h>

#include "wire/content.h"
#include "wire/format_table.h"
#include "wire/http_date.h"
#include "wire/words.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void format_write_answer(enum api api, const struct reply *reply, struct buffer *body)
{
    format_of(api)->write_answer(reply, body);
}

/* --- a stream: blocks and events -------------------------------------------------------------- */

/* Tokens per event, by the reply itself. */
static uint64_t events_of(uint64_t first, uint64_t next, uint32_t per_event)
{
    if (next == first)
        return 0;
    return (next - 1) / per_event - first / per_event + 1;
}

/* Events up to and with the deltas of the answer's first `tokens` tokens; what closes the block
 * that they end in comes later. */
static uint64_t count_events(const struct format *format, const struct reply *reply,
                             uint64_t tokens)
{
    const struct event_counts *counts = &format->events;
    uint32_t per_event = reply->tokens_per_event > 0 ? reply->tokens_per_event : 1;
    uint64_t events = counts->opening;
    struct block block;

    if (counts->opening == 0)
        return 0; /* its events bear no numbers */
    for (uint32_t i = 0; content_block(reply, i, &block); i++) {
        uint64_t next = block.first + block.count;

        events += counts->block_open[block.piece];
        if (tokens <= next)
            return events + events_of(block.first, tokens, per_event);
        events += events_of(block.first, next, per_event) + counts->block_close[block.piece];
    }
    return events - counts->block_close[block.piece];
}

uint64_t format_event_count(enum api api, const struct reply *reply, uint64_t tokens)
{
    return count_events(format_of(api), reply, tokens);
}

static void open_block(const struct format *format, const struct reply *reply,
                       const struct block *block, struct buffer *out)
{
    if (format->write_block_open != NULL)
        format->write_block_open(reply, block, out);
}

static void close_block(const struct format *format, const struct reply *reply,
                        const struct block *block, struct buffer *out)
{
    if (format->write_block_close != NULL)
        format->write_block_close(reply, block, out);
}

void format_write_opening(enum api api, const struct reply *reply, struct buffer *out)
{
    const struct format *format = format_of(api);
    struct block block;

    format->write_opening(reply, out);
    content_find(reply, 0, &block);
    block.event = format->events.opening;
    open_block(format, reply, &block, out);
}

/* From the block before this one, which is at its end, into this one. */
static void enter_block(const struct format *format, const struct reply *reply, struct block *block,
                        struct buffer *out)
{
    struct block last;

    content_block(reply, block->index - 1, &last);
    last.event = block->event;
    close_block(format, reply, &last, out);
    block->event += format->events.block_close[last.piece];
    open_block(format, reply, block, out);
    block->event += format->events.block_open[block->piece];
}

static void repeat(struct buffer *out, size_t at, size_t size)
{
    char *room = buffer_reserve(out, size);

    if (room == NULL)
        return;
    memcpy(room, out->data + at, size);
    buffer_grown(out, size);
}

/* A piece of a stream while it is written. */
struct writing {
    const struct format *format;
    const struct reply *reply;
    uint32_t per_event;
    struct buffer *out;
};

/* What stands before the text is the same in every event of a block, and with OpenAI it is most of
 * the event: composed once, copied for the rest. */
static void write_deltas(const struct writing *w, struct delta *delta, uint64_t next)
{
    size_t open_at = w->out->size, open_size = 0;

    for (; delta->first < next && w->out->rc == RC_OK; delta->first += delta->count) {
        delta->count = least(w->per_event - delta->first % w->per_event, next - delta->first);
        if (open_size == 0) {
            w->format->write_delta_open(w->reply, delta->block, w->out);
            open_size = w->out->size - open_at;
        } else {
            repeat(w->out, open_at, open_size);
        }
        content_write(w->reply, delta->block, delta->first, delta->count, w->out);
        w->format->write_delta_close(w->reply, delta, w->out);
        delta->event++;
    }
}

/* Tokens of one block, up to `next`. A call in one event says all of the block. */
static void write_stretch(const struct writing *w, const struct block *block, uint64_t first,
                          uint64_t next)
{
    struct delta delta = {
        .block = block, .first = first, .count = block->count, .event = block->event};

    if (w->format->thinking_is_apart && content_is_hidden(w->reply, block))
        return;
    if (block->piece != PIECE_TOOL || w->format->write_call == NULL)
        write_deltas(w, &delta, next);
    else if (first == block->first)
        w->format->write_call(w->reply, &delta, w->out);
}

/* The last block has no end here: whoever writes more tokens than the reply has gets them. */
void format_write_tokens(enum api api, const struct reply *reply, uint64_t first, uint64_t count,
                         uint32_t per_event, struct buffer *out)
{
    const struct writing w = {format_of(api), reply, per_event, out};
    uint64_t end = first + count;
    struct block block;

    assert(per_event >= 1);
    while (first < end && out->rc == RC_OK) {
        uint64_t next = end;

        content_find(reply, first, &block);
        if (first < block.first + block.count)
            next = least(end, block.first + block.count);
        block.event = count_events(w.format, reply, first);
        if (first == block.first && block.index > 0)
            enter_block(w.format, reply, &block, out);
        write_stretch(&w, &block, first, next);
        first = next;
    }
}

void format_write_closing(enum api api, const struct reply *reply, struct buffer *out)
{
    const struct format *format = format_of(api);
    struct block last;

    content_find(reply, reply->output_tokens, &last);
    last.event = count_events(format, reply, reply->output_tokens);
    close_block(format, reply, &last, out);
    format->write_closing(reply, last.event + format->events.block_close[last.piece], out);
}

/* --- usage ------------------------------------------------------------------------------------ */

struct usage format_usage_used(enum api api, const struct reply *reply, uint64_t output_tokens)
{
    const struct format *format = format_of(api);

    return (struct usage){
        .is_known = true,
        .input_tokens = format->cache_is_apart ? content_fresh_tokens(reply) : reply->input_tokens,
        .output_tokens = output_tokens,
        .cached_tokens = reply->cached_tokens,
        .cache_write_tokens = format->cache_writes_are_silent ? 0 : reply->cache_write_tokens,
    };
}

static bool tells_usage(const struct format *format, const struct reply *reply,
                        enum format_piece piece)
{
    if (!content_tells_usage(reply))
        return false;
    if (piece == FORMAT_OPENING)
        return format->output_tokens_guess > 0;
    return piece == FORMAT_BODY || reply->include_usage;
}

static struct usage usage_as_told(enum api api, const struct reply *reply, uint64_t output_tokens)
{
    struct usage used = format_usage_used(api, reply, output_tokens);

    return (struct usage){
        .is_known = true,
        .input_tokens = content_count(reply, used.input_tokens),
        .output_tokens = content_count(reply, used.output_tokens),
        .cached_tokens = content_count(reply, used.cached_tokens),
        .cache_write_tokens = content_count(reply, used.cache_write_tokens),
    };
}

struct usage format_usage_told(enum api api, const struct reply *reply, enum format_piece piece)
{
    const struct format *format = format_of(api);
    bool is_guess = piece == FORMAT_OPENING;

    if (!tells_usage(format, reply, piece))
        return (struct usage){0};
    return usage_as_told(api, reply, is_guess ? format->output_tokens_guess : reply->output_tokens);
}

void format_usage_so_far(enum api api, const struct reply *reply, uint64_t tokens,
                         struct usage *usage)
{
    const struct format *format = format_of(api);
    struct block block;

    if (!format->tells_usage_always || !tells_usage(format, reply, FORMAT_CLOSING) || tokens == 0)
        return;
    content_find(reply, tokens - 1, &block);
    if (content_is_hidden(reply, &block))
        return;
    if (block.piece == PIECE_TOOL && format->write_call != NULL)
        tokens = block.first + block.count;
    *usage = usage_as_told(api, reply, tokens);
}

/* --- refusals --------------------------------------------------------------------------------- */

static const struct wording *words_of(const struct format *format, const struct refusal *refusal)
{
    const struct wording *limits =
        refusal->is_hopeless ? format->hopeless_wording : format->limit_wording;
    bool is_limit = refusal->failure == OUTCOME_RATE_LIMITED && refusal->limit_name.size > 0;

    if (is_limit && limits != NULL)
        return wording_of_limit(limits, refusal->limit_name);
    return wording_find(format->wording, refusal->failure, refusal->status);
}

void format_write_refusal(enum api api, const struct refusal *refusal, struct buffer *body)
{
    const struct format *format = format_of(api);

    assert(refusal->failure != OUTCOME_OK);
    format->write_refusal(refusal, words_of(format, refusal), body);
}

uint16_t format_status(enum api api, enum outcome failure)
{
    assert(failure != OUTCOME_OK);
    return wording_find(format_of(api)->wording, failure, 0)->status;
}

void format_write_error_event(enum api api, const struct refusal *refusal, uint64_t event,
                              bool is_flat, struct buffer *out)
{
    const struct format *format = format_of(api);

    assert(refusal->failure != OUTCOME_OK);
    if (format->write_error_event != NULL)
        format->write_error_event(refusal, words_of(format, refusal), event, is_flat, out);
}

bool format_fails_in_stream(enum api api, enum outcome failure)
{
    return failure == OUTCOME_CONTEXT_LENGTH && format_of(api)->write_failed_stream != NULL;
}

void format_write_failed_stream(enum api api, const struct refusal *refusal, struct buffer *out)
{
    const struct format *format = format_of(api);

    assert(format_fails_in_stream(api, refusal->failure));
    format->write_failed_stream(refusal, words_of(format, refusal), out);
}

void format_write_ping(enum api api, struct buffer *out)
{
    buffer_append(out, format_of(api)->ping);
}

/* --- headers ---------------------------------------------------------------------------------- */

static const struct slice REQUEST_PREFIX = {"req_", 4};

void format_tell_request_id(enum api api, uint64_t run_tag, uint64_t request_number, char *out,
                            size_t capacity)
{
    struct buffer id = {.data = out,
                        .capacity = capacity - 1,
                        .ceiling = capacity - 1,
                        .memory = memory_heap()}; /* never asked: an id is short */

    if (format_of(api)->id_header.size > 0)
        words_write_id(&id, REQUEST_PREFIX, run_tag, request_number);
    assert(id.rc == RC_OK);
    out[id.size] = '\0';
}

struct slice format_stream_type(enum api api)
{
    struct slice own = format_of(api)->stream_type;

    return own.size > 0 ? own : SLICE("text/event-stream; charset=utf-8");
}

void format_write_headers(enum api api, uint64_t run_tag, uint64_t request_number,
                          int64_t wall_unix_s, struct slice content_type, struct buffer *headers)
{
    const struct format *format = format_of(api);

    buffer_append(headers, SLICE("date: "));
    http_date_write(headers, wall_unix_s);
    buffer_append(headers, SLICE("\r\ncontent-type: "));
    buffer_append(headers, content_type);
    buffer_append(headers, SLICE("\r\n"));
    if (format->id_header.size > 0) {
        buffer_append(headers, format->id_header);
        words_write_id(headers, REQUEST_PREFIX, run_tag, request_number);
        buffer_append(headers, SLICE("\r\n"));
    }
    buffer_append(headers, format->answer_headers);
}
