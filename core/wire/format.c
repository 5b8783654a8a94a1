#include "wire/format.h"

#include <assert.h>
#include <string.h>

#include "wire/content.h"
#include "wire/format_table.h"
#include "wire/http_date.h"
#include "wire/words.h"

static const struct format *format_of(enum api api)
{
    static const struct format *const formats[API_COUNT] = {
        [API_ANTHROPIC] = &anthropic_format,
        [API_OPENAI_CHAT] = &openai_chat_format,
        [API_OPENAI_RESPONSES] = &openai_chat_format, /* until openai_responses.c is there */
        [API_GEMINI] = &openai_chat_format,           /* until gemini.c is there */
    };

    assert(api < API_COUNT);
    return formats[api];
}

const char *api_word(enum api api)
{
    static const char *const words[API_COUNT] = {
#define API_WORD(name, word) [API_##name] = (word),
        API_LIST(API_WORD)
#undef API_WORD
    };

    assert(api < API_COUNT);
    return words[api];
}

bool api_find(struct slice word, enum api *api)
{
    for (int i = 0; i < API_COUNT; i++) {
        if (slice_is(word, slice_of(api_word((enum api)i)))) {
            *api = (enum api)i;
            return true;
        }
    }
    return false;
}

const char *api_provider(enum api api)
{
    return format_of(api)->provider;
}

enum api api_family(enum api api)
{
    return api == API_OPENAI_RESPONSES ? API_OPENAI_CHAT : api;
}

struct slice api_path(enum api api)
{
    return format_of(api)->path;
}

void format_write_path(enum api api, struct slice model, bool stream, struct buffer *path)
{
    const struct format *format = format_of(api);

    if (format->write_path != NULL)
        format->write_path(model, stream, path);
    else
        buffer_append(path, format->path);
}

/* --- the client's side: asking ---------------------------------------------------------------- */

void format_write_ask(enum api api, const struct ask *ask, struct buffer *body)
{
    assert(ask->output_tokens_max >= 1);
    format_of(api)->write_ask(ask, body);
}

void format_write_ask_headers(enum api api, struct slice key, struct buffer *headers)
{
    struct slice given = slice_trim(key); /* keys from files and variables end in a line feed */

    buffer_append(headers, SLICE("content-type: application/json\r\n"));
    buffer_append(headers, format_of(api)->ask_headers);
    buffer_append(headers, given.size > 0 ? given : SLICE("brownout-placeholder-key"));
    buffer_append(headers, SLICE("\r\n"));
}

/* --- the client's side: reading --------------------------------------------------------------- */

static bool is_true(const struct json_token *token)
{
    return token->raw.data != NULL && token->kind == JSON_TRUE;
}

static void replace(uint64_t *value, bool *is_known, const struct shape_number *told)
{
    if (!told->is_known)
        return;
    *value = told->value;
    *is_known = true;
}

/* Where thinking is told apart it comes and stays with the rest of the output. */
static struct shape_number all_output(const struct told *told)
{
    struct shape_number all = told->output_tokens;

    if (told->thinking_tokens.is_known) {
        all.is_known = true;
        all.value += told->thinking_tokens.value;
    }
    return all;
}

/* The last value of each field wins: what comes later is cumulative (USE-02). */
static void take_usage(const struct told *told, struct usage *usage)
{
    struct shape_number output_tokens = all_output(told);

    replace(&usage->input_tokens, &usage->is_known, &told->input_tokens);
    replace(&usage->output_tokens, &usage->is_known, &output_tokens);
    replace(&usage->cached_tokens, &usage->is_known, &told->cached_tokens);
    replace(&usage->cache_write_tokens, &usage->is_known, &told->cache_write_tokens);
}

/* The first one that is not empty counts: it stands in every chunk, and in some first chunks as
 * "". */
static void take_name(const struct json_token *told, char *name, size_t capacity)
{
    if (name[0] == '\0')
        shape_copy(told, name, capacity);
}

static bool has_complaint(const struct told *told)
{
    return told->complaint.count > 0 || told->complaint.message.raw.data != NULL;
}

static void take_complaint(const struct format *format, const struct complaint *complaint,
                           enum outcome otherwise, struct answer *answer)
{
    enum outcome failure = wording_read(format->wording, complaint);

    answer->failure = failure != OUTCOME_OK ? failure : otherwise;
    shape_copy(&complaint->type, answer->error_type, sizeof(answer->error_type));
    shape_copy(&complaint->message, answer->error_message, sizeof(answer->error_message));
}

static void take_stop_reason(const struct format *format, const struct told *told,
                             struct answer *answer)
{
    const struct json_token *reason =
        told->stop_reason.raw.data != NULL ? &told->stop_reason : &told->status;

    if (reason->raw.data == NULL)
        return;
    shape_copy(reason, answer->stop_reason, sizeof(answer->stop_reason));
    for (const struct stop_meaning *stop = format->stops; stop->reason.size > 0; stop++)
        if (shape_is(reason, stop->reason))
            answer->failure = stop->failure;
}

/* An end without any output is no answer (STR-09), unless output follows: one service was seen to
 * send its finish first. */
static void judge_emptiness(struct answer *answer)
{
    bool is_empty = answer->is_complete && !answer->has_output;

    if (is_empty && answer->failure == OUTCOME_OK)
        answer->failure = OUTCOME_EMPTY;
    if (!is_empty && answer->failure == OUTCOME_EMPTY)
        answer->failure = OUTCOME_OK;
}

static void take_content(const struct told *told, struct answer *answer)
{
    if (told->text_bytes + told->other_bytes == 0)
        return;
    answer->has_output = true;
    answer->content_bytes += told->text_bytes;
    answer->content_events += told->text_bytes > 0;
}

/* `otherwise`: what a complaint is that names nothing known. */
static void take(const struct format *format, const struct told *told, enum outcome otherwise,
                 struct answer *answer)
{
    take_content(told, answer);
    take_usage(told, &answer->usage);
    take_name(&told->id, answer->id, sizeof(answer->id));
    take_name(&told->model, answer->model, sizeof(answer->model));
    take_stop_reason(format, told, answer);
    if (has_complaint(told))
        take_complaint(format, &told->complaint, otherwise, answer);
    answer->is_complete |= told->is_complete;
    judge_emptiness(answer);
}

static enum rc read_event(const struct format *format, struct slice name, struct slice data,
                          struct told *told)
{
    if (format->end_mark.size > 0 && slice_is(slice_trim(data), format->end_mark)) {
        told->is_complete = true;
        told->is_end = true;
        return RC_OK;
    }
    TRY(shape_read(data, format->event_shape, told, NULL));
    if (!has_complaint(told) && slice_is(name, SLICE("error")))
        told->complaint.count = 1;
    format->judge_event(name, told);
    return RC_OK;
}

enum rc format_read_event(enum api api, struct slice name, struct slice data, struct answer *answer,
                          struct answer_step *step)
{
    const struct format *format = format_of(api);
    struct told told = {0};

    TRY(read_event(format, name, data, &told));
    take(format, &told, OUTCOME_STREAM_ERROR, answer);
    *step = (struct answer_step){
        .has_token = told.text_bytes + told.other_bytes > 0,
        .has_content = told.text_bytes > 0,
        .is_end = told.is_end,
    };
    return RC_OK;
}

enum rc format_read_answer(enum api api, struct slice body, struct answer *answer)
{
    const struct format *format = format_of(api);
    struct told told = {0};

    TRY(shape_read(body, format->body_shape, &told, NULL));
    told.is_complete = true;
    take(format, &told, OUTCOME_SERVER_ERROR, answer);
    return RC_OK;
}

/* What a status cannot tell: those of its kind that waiting does not cure. */
static bool overrules_status(enum outcome failure)
{
    return failure == OUTCOME_QUOTA || failure == OUTCOME_CONTEXT_LENGTH ||
           failure == OUTCOME_CONTENT_POLICY;
}

enum outcome format_read_error(enum api api, uint16_t status, struct slice body,
                               struct answer *answer)
{
    const struct format *format = format_of(api);
    enum outcome by_status = wording_outcome(status);
    struct told told = {0};

    if (shape_read(body, format->body_shape, &told, NULL) != RC_OK || !has_complaint(&told)) {
        answer->failure = by_status;
        slice_copy(slice_trim(body), answer->error_message, sizeof(answer->error_message));
        return by_status;
    }
    take_complaint(format, &told.complaint, by_status, answer);
    if (!overrules_status(answer->failure))
        answer->failure = by_status;
    return answer->failure;
}

/* --- the mock's side: reading ----------------------------------------------------------------- */

enum rc format_read_ask(enum api api, struct slice body, struct asked *asked, const char **problem)
{
    const struct format *format = format_of(api);
    struct wish wish = {0};
    struct shape_number tokens_max;

    TRY(shape_read(body, format->ask_shape, &wish, problem));
    tokens_max =
        wish.output_tokens_max.is_known ? wish.output_tokens_max : wish.output_tokens_max_old;
    *asked = (struct asked){
        .has_model = wish.model.raw.size > 0 && wish.model.kind == JSON_STRING,
        .stream = is_true(&wish.stream),
        .include_usage = format->always_tells_usage || is_true(&wish.include_usage),
        .has_messages = wish.messages > 0,
        .has_output_tokens_max = tokens_max.is_known,
        .output_tokens_max = tokens_max.value,
        .prompt_bytes = wish.prompt_bytes,
    };
    if (asked->has_model)
        shape_copy(&wish.model, asked->model, sizeof(asked->model));
    return RC_OK;
}

bool format_find_path(struct slice path, enum api *api)
{
    for (int i = 0; i < API_COUNT; i++) {
        if (slice_is(path, api_path((enum api)i))) {
            *api = (enum api)i;
            return true;
        }
    }
    return false;
}

static bool has_bearer(const struct http_request *request)
{
    struct slice value = http_header_of(request, SLICE("authorization"));
    struct slice scheme;

    return slice_cut(&value, ' ', &scheme) && slice_is_nocase(scheme, SLICE("bearer")) &&
           slice_trim(value).size > 0;
}

bool format_has_credential(enum api api, const struct http_request *request)
{
    struct slice key_header = format_of(api)->key_header;

    if (key_header.size > 0 && http_header_of(request, key_header).size > 0)
        return true;
    return has_bearer(request);
}

/* --- the mock's side: answering --------------------------------------------------------------- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void format_write_answer(enum api api, const struct reply *reply, struct buffer *body)
{
    format_of(api)->write_answer(reply, body);
}

/* --- a stream: blocks and events --- */

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

/* What stands before the text is the same in every event of a block, and with OpenAI it is most of
 * the event: composed once, copied for the rest. */
static void write_deltas(const struct format *format, const struct reply *reply,
                         struct delta *delta, uint64_t next, uint32_t per_event, struct buffer *out)
{
    size_t open_at = out->size, open_size = 0;

    for (; delta->first < next && out->rc == RC_OK; delta->first += delta->count) {
        delta->count = least(per_event - delta->first % per_event, next - delta->first);
        if (open_size == 0) {
            format->write_delta_open(reply, delta->block, out);
            open_size = out->size - open_at;
        } else {
            repeat(out, open_at, open_size);
        }
        content_write(reply, delta->block, delta->first, delta->count, out);
        format->write_delta_close(reply, delta, out);
        delta->event++;
    }
}

/* Tokens of one block, up to `next`. */
static void write_stretch(const struct format *format, const struct reply *reply,
                          const struct block *block, uint64_t first, uint64_t next,
                          uint32_t per_event, struct buffer *out)
{
    struct delta delta = {
        .block = block, .first = first, .count = next - first, .event = block->event};

    if (block->piece != PIECE_TOOL || format->write_call == NULL)
        write_deltas(format, reply, &delta, next, per_event, out);
    else if (first == block->first)
        format->write_call(reply, &delta, out);
}

/* The last block has no end here: whoever writes more tokens than the reply has gets them. */
void format_write_tokens(enum api api, const struct reply *reply, uint64_t first, uint64_t count,
                         uint32_t per_event, struct buffer *out)
{
    const struct format *format = format_of(api);
    uint64_t end = first + count;
    struct block block;

    assert(per_event >= 1);
    while (first < end && out->rc == RC_OK) {
        uint64_t next = end;

        content_find(reply, first, &block);
        if (first < block.first + block.count)
            next = least(end, block.first + block.count);
        block.event = count_events(format, reply, first);
        if (first == block.first && block.index > 0)
            enter_block(format, reply, &block, out);
        write_stretch(format, reply, &block, first, next, per_event, out);
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

/* --- usage --- */

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

struct usage format_usage_told(enum api api, const struct reply *reply, enum format_piece piece)
{
    const struct format *format = format_of(api);
    bool is_guess = piece == FORMAT_OPENING;
    struct usage told;

    if (!tells_usage(format, reply, piece))
        return (struct usage){0};
    told = format_usage_used(api, reply,
                             is_guess ? format->output_tokens_guess : reply->output_tokens);
    return (struct usage){
        .is_known = true,
        .input_tokens = content_count(reply, told.input_tokens),
        .output_tokens = content_count(reply, told.output_tokens),
        .cached_tokens = content_count(reply, told.cached_tokens),
        .cache_write_tokens = content_count(reply, told.cache_write_tokens),
    };
}

/* --- refusals --- */

void format_write_refusal(enum api api, const struct refusal *refusal, struct buffer *body)
{
    const struct format *format = format_of(api);

    assert(refusal->failure != OUTCOME_OK);
    format->write_refusal(refusal, wording_find(format->wording, refusal->failure, refusal->status),
                          body);
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
        format->write_error_event(refusal,
                                  wording_find(format->wording, refusal->failure, refusal->status),
                                  event, is_flat, out);
}

void format_write_ping(enum api api, struct buffer *out)
{
    buffer_append(out, format_of(api)->ping);
}

/* --- without bytes ---------------------------------------------------------------------------- */

static void tell_usage(enum api api, const struct reply *reply, enum format_piece piece,
                       struct answer *answer)
{
    struct usage told = format_usage_told(api, reply, piece);

    if (told.is_known)
        answer->usage = told;
}

static void tell_end(enum api api, const struct reply *reply, struct answer *answer)
{
    slice_copy(slice_of(format_of(api)->stop_words[reply->stop]), answer->stop_reason,
               sizeof(answer->stop_reason));
    answer->is_complete = true;
    judge_emptiness(answer);
}

void format_tell_opening(enum api api, const struct reply *reply, struct answer *answer)
{
    tell_usage(api, reply, FORMAT_OPENING, answer);
}

void format_tell_tokens(uint64_t count, struct answer *answer)
{
    answer->has_output |= count > 0;
}

void format_tell_closing(enum api api, const struct reply *reply, struct answer *answer)
{
    tell_usage(api, reply, FORMAT_CLOSING, answer);
    tell_end(api, reply, answer);
}

void format_tell_answer(enum api api, const struct reply *reply, struct answer *answer)
{
    tell_usage(api, reply, FORMAT_BODY, answer);
    format_tell_tokens(reply->output_tokens, answer);
    tell_end(api, reply, answer);
}

static const struct slice REQUEST_PREFIX = {"req_", 4};

void format_tell_request_id(uint64_t run_tag, uint64_t request_number, char *out, size_t capacity)
{
    struct buffer id = {.data = out,
                        .capacity = capacity - 1,
                        .ceiling = capacity - 1,
                        .memory = memory_heap()}; /* never asked: an id is short */

    words_write_id(&id, REQUEST_PREFIX, run_tag, request_number);
    assert(id.rc == RC_OK);
    out[id.size] = '\0';
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
    buffer_append(headers, format->id_header);
    words_write_id(headers, REQUEST_PREFIX, run_tag, request_number);
    buffer_append(headers, SLICE("\r\n"));
    buffer_append(headers, format->answer_headers);
}
