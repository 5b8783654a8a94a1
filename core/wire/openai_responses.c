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
#include "wire/openai_words.h"
#include "wire/words.h"

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

static const struct shape ask_part_shape[] = {
    {SHAPE_NAME("text"), SHAPE_BYTES, WISH(prompt_bytes), NULL},
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
    {SHAPE_NAME("content"), SHAPE_BYTES, WISH(prompt_bytes), NULL},
    {SHAPE_NAME("content"), SHAPE_EACH, SHAPE_NOWHERE, ask_part_shape},
    {SHAPE_NAME("role"), SHAPE_WORDS, WISH(roles), roles},
    {SHAPE_NAME("output"), SHAPE_BYTES, WISH(prompt_bytes), NULL},
    {SHAPE_NAME("output"), SHAPE_EACH, SHAPE_NOWHERE, ask_part_shape},
    {SHAPE_NAME("arguments"), SHAPE_BYTES, WISH(prompt_bytes), NULL},
    SHAPE_DONE,
};

/* A text is a message of the user. */
static const struct shape input_shape[] = {
    {{0}, SHAPE_BYTES, WISH(prompt_bytes), NULL},
    {{0}, SHAPE_LIST, WISH(turns), ask_item_shape},
    SHAPE_DONE,
};

static const struct shape instructions_shape[] = {
    {{0}, SHAPE_BYTES, WISH(prompt_bytes), NULL},
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
    {SHAPE_NAME("stream"), SHAPE_SCALAR, WISH(stream), NULL},
    {SHAPE_NAME("tools"), SHAPE_SPAN, WISH(tools_span), tools_shape},
    {SHAPE_NAME("tool_choice"), SHAPE_SCALAR, WISH(tool_choice), NULL},
    {SHAPE_NAME("tool_choice"), SHAPE_OBJECT, SHAPE_NOWHERE, tool_choice_shape},
    {SHAPE_NAME("reasoning"), SHAPE_OBJECT, SHAPE_NOWHERE, reasoning_shape},
    {SHAPE_NAME("temperature"), SHAPE_SCALAR, WISH(temperature), NULL},
    {SHAPE_NAME("top_p"), SHAPE_SCALAR, WISH(top_p), NULL},
    SHAPE_DONE,
};

static bool is_kind(struct slice name, const struct told *told, struct slice kind)
{
    if (told->kind.raw.data == NULL)
        return slice_is(name, kind);
    return shape_is(&told->kind, kind);
}

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
    if (is_kind(name, told, SLICE("response.output_text.delta")))
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
    if (is_kind(name, told, SLICE("response.output_item.added")))
        return;
    told->other_bytes = 0;
    told->is_end = is_kind(name, told, SLICE("response.completed")) ||
                   is_kind(name, told, SLICE("response.incomplete")) ||
                   is_kind(name, told, SLICE("response.failed"));
    told->is_complete = told->is_end;
    if (!told->is_end)
        told->status = (struct json_token){0};
    if (told->is_end || is_kind(name, told, SLICE("response.created")) ||
        is_kind(name, told, SLICE("response.in_progress")) || is_kind(name, told, SLICE("error")))
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

/* --- writing: items --------------------------------------------------------------------------- */

/* How far an item, or the whole response, has come. */
enum progress { BEGUN, DONE };

/* By enum stop: why a response is incomplete, else completed. */
static const char *const stop_words[STOP_COUNT] = {
    [STOP_END] = "completed",          [STOP_MAX_TOKENS] = "max_output_tokens",
    [STOP_SEQUENCE] = "completed",     [STOP_TOOL] = "completed",
    [STOP_REFUSAL] = "content_filter", [STOP_WINDOW] = "max_output_tokens",
};

static bool is_whole(const struct reply *reply)
{
    return reply->stop == STOP_END || reply->stop == STOP_SEQUENCE || reply->stop == STOP_TOOL;
}

static struct slice status_of(const struct reply *reply, enum progress progress)
{
    if (progress == BEGUN)
        return SLICE("in_progress");
    return is_whole(reply) ? SLICE("completed") : SLICE("incomplete");
}

static void write_item_id(const struct reply *reply, const struct block *block, struct buffer *out)
{
    static const struct slice prefixes[PIECE_COUNT] = {
        [PIECE_THINKING] = SHAPE_NAME("rs_"),
        [PIECE_TEXT] = SHAPE_NAME("msg_"),
        [PIECE_TOOL] = SHAPE_NAME("fc_"),
    };

    words_write_id(out, prefixes[block->piece], reply->run_tag, reply->request_number);
}

static void write_text(const struct reply *reply, const struct block *block, enum progress progress,
                       struct buffer *out)
{
    buffer_byte(out, '"');
    if (progress == DONE)
        content_write_all(reply, block, out);
    buffer_byte(out, '"');
}

/* Of a message's content, or of reasoning's summary. */
static void write_part(const struct reply *reply, const struct block *block, enum progress progress,
                       struct buffer *out)
{
    if (block->piece == PIECE_THINKING) {
        buffer_append(out, SLICE("{\"type\":\"summary_text\",\"text\":"));
        write_text(reply, block, progress, out);
        buffer_byte(out, '}');
        return;
    }
    buffer_append(out, SLICE("{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],"
                             "\"text\":"));
    write_text(reply, block, progress, out);
    buffer_byte(out, '}');
}

static void write_call(const struct reply *reply, const struct block *block, enum progress progress,
                       struct buffer *out)
{
    buffer_append(out, SLICE("\"type\":\"function_call\",\"status\":\""));
    buffer_append(out, status_of(reply, progress));
    buffer_append(out, SLICE("\",\"arguments\":"));
    write_text(reply, block, progress, out);
    buffer_append(out, SLICE(",\"call_id\":\""));
    words_write_id(out, SLICE("call_"), reply->run_tag, reply->request_number);
    buffer_append(out, SLICE("\",\"name\":"));
    json_write_text(out, reply->tool_name);
}

static void write_message(const struct reply *reply, const struct block *block,
                          enum progress progress, struct buffer *out)
{
    buffer_append(out, SLICE("\"type\":\"message\",\"status\":\""));
    buffer_append(out, status_of(reply, progress));
    buffer_append(out, SLICE("\",\"content\":["));
    if (progress == DONE)
        write_part(reply, block, progress, out);
    buffer_append(out, SLICE("],\"role\":\"assistant\""));
}

static void write_reasoning(const struct reply *reply, const struct block *block,
                            enum progress progress, struct buffer *out)
{
    buffer_append(out, SLICE("\"type\":\"reasoning\",\"summary\":["));
    if (progress == DONE)
        write_part(reply, block, progress, out);
    buffer_byte(out, ']');
}

static void write_item(const struct reply *reply, const struct block *block, enum progress progress,
                       struct buffer *out)
{
    static void (*const writers[PIECE_COUNT])(const struct reply *, const struct block *,
                                              enum progress, struct buffer *) = {
        [PIECE_THINKING] = write_reasoning,
        [PIECE_TEXT] = write_message,
        [PIECE_TOOL] = write_call,
    };

    buffer_append(out, SLICE("{\"id\":\""));
    write_item_id(reply, block, out);
    buffer_append(out, SLICE("\","));
    writers[block->piece](reply, block, progress, out);
    buffer_byte(out, '}');
}

/* --- writing: the response object ------------------------------------------------------------- */

static void write_usage(const struct reply *reply, struct buffer *out)
{
    uint64_t input = content_count(reply, reply->input_tokens);
    uint64_t output = content_count(reply, reply->output_tokens);
    uint64_t written = content_count(reply, reply->cache_write_tokens);

    buffer_append(out, SLICE("{\"input_tokens\":"));
    buffer_u64(out, input);
    buffer_append(out, SLICE(",\"input_tokens_details\":{\"cached_tokens\":"));
    buffer_u64(out, content_count(reply, reply->cached_tokens));
    if (written > 0) {
        buffer_append(out, SLICE(",\"cache_write_tokens\":"));
        buffer_u64(out, written);
    }
    buffer_append(out, SLICE("},\"output_tokens\":"));
    buffer_u64(out, output);
    buffer_append(out, SLICE(",\"output_tokens_details\":{\"reasoning_tokens\":"));
    buffer_u64(out, content_count(reply, content_thinking_tokens(reply)));
    buffer_append(out, SLICE("},\"total_tokens\":"));
    buffer_u64(out, input + output);
    buffer_byte(out, '}');
}

static void write_output(const struct reply *reply, struct buffer *out)
{
    struct block block;

    for (uint32_t i = 0; content_block(reply, i, &block); i++) {
        if (i > 0)
            buffer_byte(out, ',');
        write_item(reply, &block, DONE, out);
    }
}

/* The object up to its status. */
static void open_response(const struct reply *reply, struct slice status, struct buffer *out)
{
    buffer_append(out, SLICE("{\"id\":\""));
    words_write_id(out, SLICE("resp_"), reply->run_tag, reply->request_number);
    buffer_append(out, SLICE("\",\"object\":\"response\",\"created_at\":"));
    buffer_i64(out, reply->wall_unix_s);
    buffer_append(out, SLICE(",\"status\":\""));
    buffer_append(out, status);
    buffer_append(out, SLICE("\",\"background\":false,\"error\":"));
}

/* From behind its error to the inside of its output. */
static void write_settings(const struct reply *reply, struct slice incomplete, struct buffer *out)
{
    buffer_append(out, SLICE(",\"incomplete_details\":"));
    if (incomplete.size > 0) {
        buffer_append(out, SLICE("{\"reason\":\""));
        buffer_append(out, incomplete);
        buffer_append(out, SLICE("\"}"));
    } else {
        buffer_append(out, SLICE("null"));
    }
    buffer_append(out, SLICE(",\"instructions\":null,\"max_output_tokens\":null,"
                             "\"max_tool_calls\":null,\"model\":"));
    json_write_text(out, reply->model);
    buffer_append(out, SLICE(",\"output\":["));
}

/* From behind its output to its usage. */
static void write_more_settings(struct buffer *out)
{
    buffer_append(out,
                  SLICE("],\"parallel_tool_calls\":true,\"previous_response_id\":null,"
                        "\"reasoning\":{\"effort\":null,\"summary\":null},\"service_tier\":"
                        "\"default\",\"store\":true,\"temperature\":1.0,\"text\":{\"format\":"
                        "{\"type\":\"text\"},\"verbosity\":\"medium\"},\"tool_choice\":\"auto\","
                        "\"tools\":[],\"top_logprobs\":0,\"top_p\":1.0,"
                        "\"truncation\":\"disabled\",\"usage\":"));
}

static void close_response(struct buffer *out)
{
    buffer_append(out, SLICE(",\"user\":null,\"metadata\":{}}"));
}

static void write_response(const struct reply *reply, enum progress progress, struct buffer *out)
{
    bool is_cut = progress == DONE && !is_whole(reply);

    open_response(reply, status_of(reply, progress), out);
    buffer_append(out, SLICE("null"));
    write_settings(reply, is_cut ? slice_of(stop_words[reply->stop]) : SLICE(""), out);
    if (progress == DONE)
        write_output(reply, out);
    write_more_settings(out);
    if (progress == DONE && content_tells_usage(reply))
        write_usage(reply, out);
    else
        buffer_append(out, SLICE("null"));
    close_response(out);
}

static void write_answer(const struct reply *reply, struct buffer *out)
{
    write_response(reply, DONE, out);
}

/* --- writing: events -------------------------------------------------------------------------- */

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
                                 enum progress progress, struct buffer *out)
{
    open_event(kind, number, out);
    buffer_append(out, SLICE(",\"response\":"));
    write_response(reply, progress, out);
    close_event(out);
}

static void write_opening(const struct reply *reply, struct buffer *out)
{
    write_response_event(reply, SLICE("response.created"), 0, BEGUN, out);
    write_response_event(reply, SLICE("response.in_progress"), 1, BEGUN, out);
}

static void write_item_event(const struct reply *reply, const struct block *block,
                             struct slice kind, uint64_t number, enum progress progress,
                             struct buffer *out)
{
    open_event(kind, number, out);
    buffer_append(out, SLICE(",\"output_index\":"));
    buffer_u64(out, block->index);
    buffer_append(out, SLICE(",\"item\":"));
    write_item(reply, block, progress, out);
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
    write_item_id(reply, block, out);
    buffer_append(out, SLICE("\",\"output_index\":"));
    buffer_u64(out, block->index);
    buffer_append(out, parts[block->piece]);
}

static void write_part_event(const struct reply *reply, const struct block *block,
                             struct slice kind, uint64_t number, enum progress progress,
                             struct buffer *out)
{
    open_event(kind, number, out);
    write_place(reply, block, out);
    buffer_append(out, SLICE(",\"part\":"));
    write_part(reply, block, progress, out);
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

    write_item_event(reply, block, SLICE("response.output_item.added"), number++, BEGUN, out);
    if (kinds->part_added.size > 0)
        write_part_event(reply, block, kinds->part_added, number, BEGUN, out);
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
    write_text(reply, block, DONE, out);
    close_event(out);
}

static void write_block_close(const struct reply *reply, const struct block *block,
                              struct buffer *out)
{
    const struct kinds *kinds = kinds_of(block);
    uint64_t number = block->event;

    write_text_done(reply, block, number++, out);
    if (kinds->part_done.size > 0)
        write_part_event(reply, block, kinds->part_done, number++, DONE, out);
    write_item_event(reply, block, SLICE("response.output_item.done"), number, DONE, out);
}

static void write_closing(const struct reply *reply, uint64_t event, struct buffer *out)
{
    write_response_event(
        reply, is_whole(reply) ? SLICE("response.completed") : SLICE("response.incomplete"), event,
        DONE, out);
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

/* Of an error and of a failed response, which always have one. */
static void write_code(const struct wording *words, struct buffer *out)
{
    buffer_append(out, SLICE("\"code\":"));
    wording_write_name(words->code != NULL ? words->code : words->type, out);
}

static void write_flat_error(const struct refusal *refusal, const struct wording *words,
                             uint64_t event, struct buffer *out)
{
    buffer_append(out, SLICE("event: error\ndata: {\"type\":\"error\","));
    write_code(words, out);
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
    write_code(words, out);
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
    const struct reply reply = {
        .model = refusal->model,
        .request_number = refusal->request_number,
        .run_tag = refusal->run_tag,
    };

    open_event(SLICE("response.failed"), event, out);
    buffer_append(out, SLICE(",\"response\":"));
    open_response(&reply, SLICE("failed"), out);
    buffer_byte(out, '{');
    write_code(words, out);
    buffer_append(out, SLICE(",\"message\":"));
    wording_write_message(words, refusal, out);
    buffer_byte(out, '}');
    write_settings(&reply, SLICE(""), out);
    write_more_settings(out);
    buffer_append(out, SLICE("null"));
    close_response(out);
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
    .events = {.opening = 2,
               .block_open = {[PIECE_THINKING] = 2, [PIECE_TEXT] = 2, [PIECE_TOOL] = 1},
               .block_close = {[PIECE_THINKING] = 3, [PIECE_TEXT] = 3, [PIECE_TOOL] = 2}},
    .wording = openai_wording,
    .limit_wording = openai_limit_wording,
    .hopeless_wording = openai_hopeless_wording,
    .key_words = OPENAI_KEY_WORDS,
    .not_json = OPENAI_NOT_JSON,
    .object = object,
    .stops = stops,
    .stop_words = stop_words,
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
};
