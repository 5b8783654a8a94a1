/* OpenAI Responses: `POST /v1/responses`. Facts: wire-facts.md §3.1, §3.3, §3.4.
 *
 * A stream is named events, each with its name again as `type` in the data and numbered from 0
 * (`sequence_number`, without gaps):
 *
 *     response.created, response.in_progress     the whole response object, nothing in it yet
 *     for each item (reasoning, message, function_call):
 *       response.output_item.added
 *         response.content_part.added            message only
 *         ....delta, ....delta, ....done         summary, text or arguments; done says it all again
 *         response.content_part.done
 *       response.output_item.done                the item, whole
 *     response.completed, .incomplete or .failed the response object, whole: the protocol's own end
 *
 * or at any time `error`: nested as seen on the wire, and then response.failed follows; or flat as
 * documented. There is no [DONE]. Everything is told three times (delta, done, completed), so only
 * deltas count as output. input_tokens includes what came from a cache, output_tokens the
 * reasoning.
 */

#include "wire/format_table.h"

#include "wire/json.h"
#include "wire/responses_object.h"
#include "wire/openai_words.h"

/* --- reading ---------------------------------------------------------------------------------- */

#define TOLD(field) offsetof(struct told, field)
#define WISH(field) offsetof(struct wish, field)

static const struct shape input_details_shape[] = {
    {SHAPE_NAME("cached_tokens"), SHAPE_NUMBER, TOLD(cached_tokens), NULL},
    {SHAPE_NAME("cache_write_tokens"), SHAPE_NUMBER, TOLD(cache_write_tokens), NULL},
    SHAPE_DONE,
};

static const struct shape usage_shape[] = {
    {SHAPE_NAME("input_tokens"), SHAPE_NUMBER, TOLD(input_tokens), NULL},
    {SHAPE_NAME("output_tokens"), SHAPE_NUMBER, TOLD(output_tokens), NULL},
    {SHAPE_NAME("input_tokens_details"), SHAPE_OBJECT, SHAPE_NOWHERE, input_details_shape},
    SHAPE_DONE,
};

/* `type` is what HTTP errors and the event as seen have; response.error has a code only. */
static const struct shape error_shape[] = {
    {SHAPE_NAME("message"), SHAPE_SCALAR, TOLD(complaint.message), NULL},
    {SHAPE_NAME("type"), SHAPE_SCALAR, TOLD(complaint.type), NULL},
    {SHAPE_NAME("code"), SHAPE_SCALAR, TOLD(complaint.code), NULL},
    SHAPE_DONE,
};

static const struct shape part_shape[] = {
    {SHAPE_NAME("text"), SHAPE_BYTES, TOLD(text_bytes), NULL},
    {SHAPE_NAME("refusal"), SHAPE_BYTES, TOLD(other_bytes), NULL},
    SHAPE_DONE,
};

static const struct shape summary_shape[] = {
    {SHAPE_NAME("text"), SHAPE_BYTES, TOLD(other_bytes), NULL},
    SHAPE_DONE,
};

/* A reasoning item has a summary, and with open models its content; a call has name and arguments.
 */
static const struct shape item_shape[] = {
    {SHAPE_NAME("content"), SHAPE_EACH, SHAPE_NOWHERE, part_shape},
    {SHAPE_NAME("name"), SHAPE_BYTES, TOLD(other_bytes), NULL},
    {SHAPE_NAME("arguments"), SHAPE_BYTES, TOLD(other_bytes), NULL},
    {SHAPE_NAME("summary"), SHAPE_EACH, SHAPE_NOWHERE, summary_shape},
    SHAPE_DONE,
};

static const struct shape incomplete_shape[] = {
    {SHAPE_NAME("reason"), SHAPE_SCALAR, TOLD(stop_reason), NULL},
    SHAPE_DONE,
};

static const struct shape body_shape[] = {
    {SHAPE_NAME("id"), SHAPE_SCALAR, TOLD(id), NULL},
    {SHAPE_NAME("model"), SHAPE_SCALAR, TOLD(model), NULL},
    {SHAPE_NAME("output"), SHAPE_EACH, SHAPE_NOWHERE, item_shape},
    {SHAPE_NAME("usage"), SHAPE_OBJECT, SHAPE_NOWHERE, usage_shape},
    {SHAPE_NAME("status"), SHAPE_SCALAR, TOLD(status), NULL},
    {SHAPE_NAME("incomplete_details"), SHAPE_OBJECT, SHAPE_NOWHERE, incomplete_shape},
    {SHAPE_NAME("error"), SHAPE_OBJECT, TOLD(complaint.count), error_shape},
    SHAPE_DONE,
};

/* Flat members of `error` stand in no other event. */
static const struct shape event_shape[] = {
    {SHAPE_NAME("type"), SHAPE_SCALAR, TOLD(kind), NULL},
    {SHAPE_NAME("delta"), SHAPE_BYTES, TOLD(text_bytes), NULL},
    {SHAPE_NAME("item"), SHAPE_OBJECT, SHAPE_NOWHERE, item_shape},
    {SHAPE_NAME("response"), SHAPE_OBJECT, SHAPE_NOWHERE, body_shape},
    {SHAPE_NAME("error"), SHAPE_OBJECT, TOLD(complaint.count), error_shape},
    {SHAPE_NAME("message"), SHAPE_SCALAR, TOLD(complaint.message), NULL},
    {SHAPE_NAME("code"), SHAPE_SCALAR, TOLD(complaint.code), NULL},
    SHAPE_DONE,
};

/* Parts, and items, of other kinds hold what is no text. */
static const struct shape text_kinds[] = {
    {SHAPE_NAME("input_text"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    {SHAPE_NAME("output_text"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    {SHAPE_NAME("message"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    SHAPE_DONE,
};

static const struct shape ask_part_shape[] = {
    {SHAPE_NAME("text"), SHAPE_PROMPT, WISH(prompt), NULL},
    {SHAPE_NAME("type"), SHAPE_WORDS, WISH(part_kinds), text_kinds},
    SHAPE_DONE,
};

static const struct shape roles[] = {
    {SHAPE_NAME("user"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    {SHAPE_NAME("assistant"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    {SHAPE_NAME("system"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    {SHAPE_NAME("developer"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    SHAPE_DONE,
};

/* An item is a message, or a call of a tool and what came of it. */
static const struct shape ask_item_shape[] = {
    {SHAPE_NAME("content"), SHAPE_PROMPT, WISH(prompt), NULL},
    {SHAPE_NAME("content"), SHAPE_EACH, SHAPE_NOWHERE, ask_part_shape},
    {SHAPE_NAME("role"), SHAPE_WORDS, WISH(roles), roles},
    {SHAPE_NAME("type"), SHAPE_WORDS, WISH(part_kinds), text_kinds},
    {SHAPE_NAME("output"), SHAPE_PROMPT, WISH(prompt), NULL},
    {SHAPE_NAME("output"), SHAPE_EACH, SHAPE_NOWHERE, ask_part_shape},
    {SHAPE_NAME("arguments"), SHAPE_PROMPT, WISH(prompt), NULL},
    SHAPE_DONE,
};

/* A text is a message of the user. */
static const struct shape input_shape[] = {
    {{0}, SHAPE_PROMPT, WISH(prompt), NULL},
    {{0}, SHAPE_LIST, WISH(turns), ask_item_shape},
    SHAPE_DONE,
};

static const struct shape instructions_shape[] = {
    {{0}, SHAPE_PROMPT, WISH(prompt), NULL},
    SHAPE_DONE,
};

static const struct shape tool_shape[] = {
    {SHAPE_NAME("name"), SHAPE_FIRST, WISH(tool_first), NULL},
    SHAPE_DONE,
};

static const struct shape tools_shape[] = {
    {{0}, SHAPE_EACH, WISH(tools), tool_shape},
    SHAPE_DONE,
};

static const struct shape tool_choice_shape[] = {
    {SHAPE_NAME("type"), SHAPE_SCALAR, WISH(tool_choice), NULL},
    {SHAPE_NAME("name"), SHAPE_SCALAR, WISH(tool_choice_name), NULL},
    SHAPE_DONE,
};

static const struct shape reasoning_shape[] = {
    {SHAPE_NAME("effort"), SHAPE_SCALAR, WISH(thinking), NULL},
    SHAPE_DONE,
};

static const struct shape ask_shape[] = {
    {SHAPE_NAME("model"), SHAPE_SCALAR, WISH(model), NULL},
    {SHAPE_NAME("input"), SHAPE_SPAN, WISH(turns_span), input_shape},
    {SHAPE_NAME("instructions"), SHAPE_SPAN, WISH(system_span), instructions_shape},
    {SHAPE_NAME("max_output_tokens"), SHAPE_NUMBER, WISH(output_tokens_max), NULL},
    {SHAPE_NAME("max_output_tokens"), SHAPE_SCALAR, WISH(output_tokens_max_odd), NULL},
    {SHAPE_NAME("stream"), SHAPE_SCALAR, WISH(stream), NULL},
    {SHAPE_NAME("tools"), SHAPE_SPAN, WISH(tools_span), tools_shape},
    {SHAPE_NAME("tool_choice"), SHAPE_SCALAR, WISH(tool_choice), NULL},
    {SHAPE_NAME("tool_choice"), SHAPE_OBJECT, SHAPE_NOWHERE, tool_choice_shape},
    {SHAPE_NAME("reasoning"), SHAPE_OBJECT, SHAPE_NOWHERE, reasoning_shape},
    {SHAPE_NAME("temperature"), SHAPE_SCALAR, WISH(temperature), NULL},
    {SHAPE_NAME("top_p"), SHAPE_SCALAR, WISH(top_p), NULL},
    SHAPE_DONE,
};

static bool is_delta(struct slice name, const struct told *told)
{
    struct slice kind = told->kind.raw.data == NULL ? name : told->kind.raw;
    struct slice end = SLICE(".delta");

    return kind.size > end.size &&
           slice_is((struct slice){kind.data + kind.size - end.size, end.size}, end);
}

/* A piece of text, or of anything else that is generated. */
static void judge_delta(struct slice name, struct told *told)
{
    if (told_is_kind(told, name, SLICE("response.output_text.delta")))
        return;
    told->other_bytes += told->text_bytes;
    told->text_bytes = 0;
}

/* What else an event says of the output was said by deltas before, but for the name of a call. */
static void judge_event(struct slice name, struct told *told)
{
    struct json_token kind = told->kind;

    if (is_delta(name, told)) {
        judge_delta(name, told);
        return;
    }
    told->text_bytes = 0;
    if (told_is_kind(told, name, SLICE("response.output_item.added")))
        return;
    told->other_bytes = 0;
    told->is_end = told_is_kind(told, name, SLICE("response.completed")) ||
                   told_is_kind(told, name, SLICE("response.incomplete")) ||
                   told_is_kind(told, name, SLICE("response.failed"));
    told->is_complete = told->is_end;
    if (!told->is_end)
        told->status = (struct json_token){0};
    if (told->is_end || told_is_kind(told, name, SLICE("response.created")) ||
        told_is_kind(told, name, SLICE("response.in_progress")) ||
        told_is_kind(told, name, SLICE("error")))
        return;
    *told = (struct told){.kind = kind};
}

/* --- writing: a request ----------------------------------------------------------------------- */

static void write_ask(const struct ask *ask, struct buffer *out)
{
    buffer_append(out, SLICE("{\"model\":"));
    json_write_text(out, ask->model);
    buffer_append(out, SLICE(",\"input\":[{\"role\":\"user\",\"content\":"));
    json_write_text(out, ask->prompt);
    buffer_append(out, SLICE("}],\"max_output_tokens\":"));
    buffer_u64(out, ask->output_tokens_max);
    if (ask->stream)
        buffer_append(out, SLICE(",\"stream\":true"));
    buffer_byte(out, '}');
}

static void write_answer(const struct reply *reply, struct buffer *out)
{
    responses_write(reply, RESPONSES_DONE, out);
}

/* --- writing: events -------------------------------------------------------------------------- */

enum { OPENING_EVENTS = 2 }; /* created, in progress */

/* Up to and with its number. */
static void open_event(struct slice kind, uint64_t number, struct buffer *out)
{
    buffer_append(out, SLICE("event: "));
    buffer_append(out, kind);
    buffer_append(out, SLICE("\ndata: {\"type\":\""));
    buffer_append(out, kind);
    buffer_append(out, SLICE("\",\"sequence_number\":"));
    buffer_u64(out, number);
}

static void close_event(struct buffer *out)
{
    buffer_append(out, SLICE("}\n\n"));
}

static void write_response_event(const struct reply *reply, struct slice kind, uint64_t number,
                                 enum responses_progress progress, struct buffer *out)
{
    open_event(kind, number, out);
    buffer_append(out, SLICE(",\"response\":"));
    responses_write(reply, progress, out);
    close_event(out);
}

static void write_opening(const struct reply *reply, struct buffer *out)
{
    write_response_event(reply, SLICE("response.created"), 0, RESPONSES_BEGUN, out);
    write_response_event(reply, SLICE("response.in_progress"), 1, RESPONSES_BEGUN, out);
}

static void write_item_event(const struct reply *reply, const struct block *block,
                             struct slice kind, uint64_t number, enum responses_progress progress,
                             struct buffer *out)
{
    open_event(kind, number, out);
    buffer_append(out, SLICE(",\"output_index\":"));
    buffer_u64(out, block->index);
    buffer_append(out, SLICE(",\"item\":"));
    responses_write_item(reply, block, progress, out);
    close_event(out);
}

/* Which item, and which part of it. */
static void write_place(const struct reply *reply, const struct block *block, struct buffer *out)
{
    static const struct slice parts[PIECE_COUNT] = {
        [PIECE_THINKING] = SHAPE_NAME(",\"summary_index\":0"),
        [PIECE_TEXT] = SHAPE_NAME(",\"content_index\":0"),
        [PIECE_TOOL] = SHAPE_NAME(""),
    };

    buffer_append(out, SLICE(",\"item_id\":\""));
    responses_write_item_id(reply, block, out);
    buffer_append(out, SLICE("\",\"output_index\":"));
    buffer_u64(out, block->index);
    buffer_append(out, parts[block->piece]);
}

static void write_part_event(const struct reply *reply, const struct block *block,
                             struct slice kind, uint64_t number, enum responses_progress progress,
                             struct buffer *out)
{
    open_event(kind, number, out);
    write_place(reply, block, out);
    buffer_append(out, SLICE(",\"part\":"));
    responses_write_part(reply, block, progress, out);
    close_event(out);
}

/* The kinds of events that one block of an answer is told in. */
struct kinds {
    struct slice part_added, part_done; /* empty: it has no parts */
    struct slice delta;
    struct slice text_done;
    struct slice text_name; /* of the member that says it all again */
};

static const struct kinds *kinds_of(const struct block *block)
{
    static const struct kinds kinds[PIECE_COUNT] = {
        [PIECE_THINKING] = {SHAPE_NAME("response.reasoning_summary_part.added"),
                            SHAPE_NAME("response.reasoning_summary_part.done"),
                            SHAPE_NAME("response.reasoning_summary_text.delta"),
                            SHAPE_NAME("response.reasoning_summary_text.done"),
                            SHAPE_NAME(",\"text\":")},
        [PIECE_TEXT] = {SHAPE_NAME("response.content_part.added"),
                        SHAPE_NAME("response.content_part.done"),
                        SHAPE_NAME("response.output_text.delta"),
                        SHAPE_NAME("response.output_text.done"),
                        SHAPE_NAME(",\"logprobs\":[],\"text\":")},
        [PIECE_TOOL] = {SHAPE_NAME(""), SHAPE_NAME(""),
                        SHAPE_NAME("response.function_call_arguments.delta"),
                        SHAPE_NAME("response.function_call_arguments.done"),
                        SHAPE_NAME(",\"arguments\":")},
    };

    return &kinds[block->piece];
}

static void write_block_open(const struct reply *reply, const struct block *block,
                             struct buffer *out)
{
    const struct kinds *kinds = kinds_of(block);
    uint64_t number = block->event;

    write_item_event(reply, block, SLICE("response.output_item.added"), number++, RESPONSES_BEGUN,
                     out);
    if (kinds->part_added.size > 0)
        write_part_event(reply, block, kinds->part_added, number, RESPONSES_BEGUN, out);
}

/* Its number comes last, as documented, since all before the text is copied from delta to delta. */
static void write_delta_open(const struct reply *reply, const struct block *block,
                             struct buffer *out)
{
    const struct kinds *kinds = kinds_of(block);

    buffer_append(out, SLICE("event: "));
    buffer_append(out, kinds->delta);
    buffer_append(out, SLICE("\ndata: {\"type\":\""));
    buffer_append(out, kinds->delta);
    buffer_byte(out, '"');
    write_place(reply, block, out);
    buffer_append(out, SLICE(",\"delta\":\""));
}

static void write_delta_close(const struct reply *reply, const struct delta *delta,
                              struct buffer *out)
{
    (void)reply;
    if (delta->block->piece == PIECE_TEXT)
        buffer_append(out, SLICE("\",\"logprobs\":[],\"sequence_number\":"));
    else
        buffer_append(out, SLICE("\",\"sequence_number\":"));
    buffer_u64(out, delta->event);
    close_event(out);
}

static void write_text_done(const struct reply *reply, const struct block *block, uint64_t number,
                            struct buffer *out)
{
    const struct kinds *kinds = kinds_of(block);

    open_event(kinds->text_done, number, out);
    write_place(reply, block, out);
    buffer_append(out, kinds->text_name);
    responses_write_text(reply, block, RESPONSES_DONE, out);
    close_event(out);
}

static void write_block_close(const struct reply *reply, const struct block *block,
                              struct buffer *out)
{
    const struct kinds *kinds = kinds_of(block);
    uint64_t number = block->event;

    write_text_done(reply, block, number++, out);
    if (kinds->part_done.size > 0)
        write_part_event(reply, block, kinds->part_done, number++, RESPONSES_DONE, out);
    write_item_event(reply, block, SLICE("response.output_item.done"), number, RESPONSES_DONE, out);
}

static void write_closing(const struct reply *reply, uint64_t event, struct buffer *out)
{
    write_response_event(reply,
                         responses_is_whole(reply) ? SLICE("response.completed")
                                                   : SLICE("response.incomplete"),
                         event, RESPONSES_DONE, out);
}

/* --- refusals --------------------------------------------------------------------------------- */

/* The one refusal that this API words in its own way. */
static const struct wording *own_words(const struct wording *words)
{
    static const struct wording context_length = {
        OUTCOME_CONTEXT_LENGTH,
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "input",
        "Your input exceeds the context window of this model. Please adjust your input and try "
        "again.",
        NULL};

    return words->failure == OUTCOME_CONTEXT_LENGTH ? &context_length : words;
}

static void write_refusal(const struct refusal *refusal, const struct wording *words,
                          struct buffer *out)
{
    openai_write_refusal(refusal, own_words(words), out);
}

static void write_flat_error(const struct refusal *refusal, const struct wording *words,
                             uint64_t event, struct buffer *out)
{
    buffer_append(out, SLICE("event: error\ndata: {\"type\":\"error\","));
    responses_write_code(words, out);
    buffer_append(out, SLICE(",\"message\":"));
    wording_write_message(words, refusal, out);
    buffer_append(out, SLICE(",\"param\":"));
    wording_write_name(words->param, out);
    buffer_append(out, SLICE(",\"sequence_number\":"));
    buffer_u64(out, event);
    close_event(out);
}

static void write_nested_error(const struct refusal *refusal, const struct wording *words,
                               uint64_t event, struct buffer *out)
{
    open_event(SLICE("error"), event, out);
    buffer_append(out, SLICE(",\"error\":{\"type\":"));
    wording_write_name(words->type, out);
    buffer_byte(out, ',');
    responses_write_code(words, out);
    buffer_append(out, SLICE(",\"message\":"));
    wording_write_message(words, refusal, out);
    buffer_append(out, SLICE(",\"param\":"));
    wording_write_name(words->param, out);
    buffer_byte(out, '}');
    close_event(out);
}

static void write_failed(const struct refusal *refusal, const struct wording *words, uint64_t event,
                         struct buffer *out)
{
    open_event(SLICE("response.failed"), event, out);
    buffer_append(out, SLICE(",\"response\":"));
    responses_write_failed(refusal, words, out);
    close_event(out);
}

static void write_error_event(const struct refusal *refusal, const struct wording *words,
                              uint64_t event, bool is_flat, struct buffer *out)
{
    const struct wording *own = own_words(words);

    if (is_flat) {
        write_flat_error(refusal, own, event, out);
        return;
    }
    write_nested_error(refusal, own, event, out);
    write_failed(refusal, own, event + 1, out);
}

static void write_failed_stream(const struct refusal *refusal, const struct wording *words,
                                struct buffer *out)
{
    const struct reply reply = {
        .model = refusal->model,
        .request_number = refusal->request_number,
        .run_tag = refusal->run_tag,
        .wall_unix_s = refusal->wall_unix_s,
    };

    write_opening(&reply, out);
    write_error_event(refusal, words, OPENING_EVENTS, false, out);
}

/* --- what it refuses -------------------------------------------------------------------------- */

static bool misses(struct objection *objection, const char *param)
{
    objection_say(objection, "Missing required parameter: '%s'.", param);
    return openai_says(objection, param, "missing_required_parameter");
}

static bool object(const struct http_request *request, const struct asked *asked,
                   struct objection *objection)
{
    (void)request;
    if (!asked->has_model)
        return misses(objection, "model");
    if (!asked->has_messages)
        return misses(objection, "input");
    if (openai_objects_to_limit(asked, "max_output_tokens", objection))
        return true;
    if (asked->has_bad_role) {
        objection_say(objection,
                      "Invalid value: '%s'. Supported values are: 'assistant', 'system', "
                      "'developer', and 'user'.",
                      asked->bad_role);
        return openai_says(objection, "input", "invalid_value");
    }
    return false;
}

static const struct stop_meaning stops[] = {
    {SHAPE_NAME("content_filter"), OUTCOME_CONTENT_POLICY},
    {{0}, OUTCOME_OK},
};

const struct format openai_responses_format = {
    .provider = "openai",
    .path = SHAPE_NAME("/v1/responses"),
    .ask_headers = SHAPE_NAME("authorization: Bearer "),
    .key_header = SHAPE_NAME("api-key"),
    .id_header = SHAPE_NAME("x-request-id: "),
    .answer_headers = SHAPE_NAME(OPENAI_ANSWER_HEADERS),
    .always_tells_usage = true,
    .ping = SHAPE_NAME(": ping\n\n"),
    .events = {.opening = OPENING_EVENTS,
               .block_open = {[PIECE_THINKING] = 2, [PIECE_TEXT] = 2, [PIECE_TOOL] = 1},
               .block_close = {[PIECE_THINKING] = 3, [PIECE_TEXT] = 3, [PIECE_TOOL] = 2}},
    .wording = openai_wording,
    .limit_wording = openai_limit_wording,
    .hopeless_wording = openai_hopeless_wording,
    .key_words = OPENAI_KEY_WORDS,
    .not_json = OPENAI_NOT_JSON,
    .takes_text = true,
    .object = object,
    .stops = stops,
    .stop_words = responses_stop_words,
    .event_shape = event_shape,
    .body_shape = body_shape,
    .ask_shape = ask_shape,
    .judge_event = judge_event,
    .write_ask = write_ask,
    .write_answer = write_answer,
    .write_opening = write_opening,
    .write_block_open = write_block_open,
    .write_delta_open = write_delta_open,
    .write_delta_close = write_delta_close,
    .write_block_close = write_block_close,
    .write_closing = write_closing,
    .write_refusal = write_refusal,
    .write_error_event = write_error_event,
    .write_failed_stream = write_failed_stream,
};
