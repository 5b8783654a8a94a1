#include "wire/format.h"

#include <assert.h>

#include "base/units.h"
#include "wire/format_table.h"

const struct format *format_of(enum api api)
{
    static const struct format *const formats[API_COUNT] = {
        [API_ANTHROPIC] = &anthropic_format,
        [API_OPENAI_CHAT] = &openai_chat_format,
        [API_OPENAI_RESPONSES] = &openai_responses_format,
        [API_GEMINI] = &gemini_format,
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

/* Advice beyond the ten years that a duration may have is no advice. */
static nanos retry_delay_of(const struct complaint *complaint)
{
    nanos delay = 0;

    if (complaint->retry_delay.raw.data == NULL)
        return 0;
    return units_duration(complaint->retry_delay.raw, &delay) == RC_OK ? delay : 0;
}

static void take_complaint(const struct format *format, const struct complaint *complaint,
                           enum outcome otherwise, struct answer *answer)
{
    enum outcome failure = wording_read(format->wording, complaint);

    answer->failure = failure != OUTCOME_OK ? failure : otherwise;
    shape_copy(&complaint->type, answer->error_type, sizeof(answer->error_type));
    shape_copy(&complaint->message, answer->error_message, sizeof(answer->error_message));
    answer->retry_delay = retry_delay_of(complaint);
}

/* Some reasons to stop make an answer a failure. */
static void judge_stop_reason(const struct format *format, struct answer *answer)
{
    for (const struct stop_meaning *stop = format->stops; stop->reason.size > 0; stop++)
        if (slice_is(slice_of(answer->stop_reason), stop->reason))
            answer->failure = stop->failure;
}

static void take_stop_reason(const struct format *format, const struct told *told,
                             struct answer *answer)
{
    const struct json_token *reason =
        told->stop_reason.raw.data != NULL ? &told->stop_reason : &told->status;

    if (reason->raw.data == NULL)
        return;
    shape_copy(reason, answer->stop_reason, sizeof(answer->stop_reason));
    judge_stop_reason(format, answer);
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

bool told_is_kind(const struct told *told, struct slice name, struct slice kind)
{
    if (told->kind.raw.data == NULL)
        return slice_is(name, kind);
    return shape_is(&told->kind, kind);
}

static void finish(const struct format *format, struct told *told)
{
    if (format->finish != NULL)
        format->finish(told);
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
    finish(format, told);
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
    finish(format, &told);
    told.is_complete = true;
    take(format, &told, OUTCOME_SERVER_ERROR, answer);
    return RC_OK;
}

/* What a status cannot tell: those of its kind that waiting does not cure. Gemini says 400 to a bad
 * key. */
static bool overrules_status(enum outcome failure)
{
    return failure == OUTCOME_QUOTA || failure == OUTCOME_CONTEXT_LENGTH ||
           failure == OUTCOME_CONTENT_POLICY || failure == OUTCOME_AUTH;
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
    const struct format *format = format_of(api);

    slice_copy(slice_of(format->stop_words[reply->stop]), answer->stop_reason,
               sizeof(answer->stop_reason));
    judge_stop_reason(format, answer);
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
