/* OpenAI Chat Completions: `POST /v1/chat/completions`. Facts: wire-facts.md §3.1, §3.2, §3.4.
 *
 * A stream is unnamed events, all of one shape (`chat.completion.chunk`), one choice each:
 *
 *     role chunk     delta {"role":"assistant","content":""}: no token yet
 *     token chunks   delta {"content":"Hi"}; or of a call, whose id and name come once before them
 *     finish chunk   delta {}, finish_reason: from here on the answer is complete
 *     usage chunk    no choice; only with stream_options.include_usage
 *     [DONE]         the protocol's own end; some services leave it out (catalogue STR-03)
 *
 * or at any time a chunk with an `error` member. prompt_tokens includes what came from a cache.
 * Compatible services add members of their own; reasoning text is one that many share, and the one
 * by which thinking is told here (OpenAI itself tells only how much it was). */

#include "wire/format_table.h"

#include <inttypes.h>

#include "wire/endpoint.h"
#include "wire/json.h"
#include "wire/openai_words.h"
#include "wire/words.h"

/* --- reading ---------------------------------------------------------------------------------- */

#define TOLD(field) offsetof(struct told, field)
#define WISH(field) offsetof(struct wish, field)

static const struct shape prompt_details_shape[] = {
    {SHAPE_NAME("cached_tokens"), SHAPE_NUMBER, TOLD(cached_tokens), NULL},
    {SHAPE_NAME("cache_write_tokens"), SHAPE_NUMBER, TOLD(cache_write_tokens), NULL},
    SHAPE_DONE,
};

static const struct shape usage_shape[] = {
    {SHAPE_NAME("prompt_tokens"), SHAPE_NUMBER, TOLD(input_tokens), NULL},
    {SHAPE_NAME("completion_tokens"), SHAPE_NUMBER, TOLD(output_tokens), NULL},
    {SHAPE_NAME("prompt_tokens_details"), SHAPE_OBJECT, SHAPE_NOWHERE, prompt_details_shape},
    SHAPE_DONE,
};

/* The code is a text at OpenAI and a status at gateways; one service calls it status_code. */
static const struct shape error_shape[] = {
    {SHAPE_NAME("message"), SHAPE_SCALAR, TOLD(complaint.message), NULL},
    {SHAPE_NAME("type"), SHAPE_SCALAR, TOLD(complaint.type), NULL},
    {SHAPE_NAME("code"), SHAPE_SCALAR, TOLD(complaint.code), NULL},
    {SHAPE_NAME("status_code"), SHAPE_SCALAR, TOLD(complaint.code), NULL},
    SHAPE_DONE,
};

static const struct shape function_shape[] = {
    {SHAPE_NAME("arguments"), SHAPE_BYTES, TOLD(other_bytes), NULL},
    {SHAPE_NAME("name"), SHAPE_BYTES, TOLD(other_bytes), NULL},
    SHAPE_DONE,
};

static const struct shape tool_call_shape[] = {
    {SHAPE_NAME("function"), SHAPE_OBJECT, SHAPE_NOWHERE, function_shape},
    SHAPE_DONE,
};

/* A stream's delta has the members of a whole message. */
static const struct shape message_shape[] = {
    {SHAPE_NAME("content"), SHAPE_BYTES, TOLD(text_bytes), NULL},
    {SHAPE_NAME("refusal"), SHAPE_BYTES, TOLD(other_bytes), NULL},
    {SHAPE_NAME("reasoning"), SHAPE_BYTES, TOLD(other_bytes), NULL},
    {SHAPE_NAME("reasoning_content"), SHAPE_BYTES, TOLD(other_bytes), NULL},
    {SHAPE_NAME("tool_calls"), SHAPE_EACH, SHAPE_NOWHERE, tool_call_shape},
    {SHAPE_NAME("function_call"), SHAPE_OBJECT, SHAPE_NOWHERE, function_shape},
    SHAPE_DONE,
};

static const struct shape choice_shape[] = {
    {SHAPE_NAME("delta"), SHAPE_OBJECT, SHAPE_NOWHERE, message_shape},
    {SHAPE_NAME("message"), SHAPE_OBJECT, SHAPE_NOWHERE, message_shape},
    {SHAPE_NAME("finish_reason"), SHAPE_SCALAR, TOLD(stop_reason), NULL},
    SHAPE_DONE,
};

static const struct shape body_shape[] = {
    {SHAPE_NAME("id"), SHAPE_SCALAR, TOLD(id), NULL},
    {SHAPE_NAME("model"), SHAPE_SCALAR, TOLD(model), NULL},
    {SHAPE_NAME("choices"), SHAPE_EACH, SHAPE_NOWHERE, choice_shape},
    {SHAPE_NAME("usage"), SHAPE_OBJECT, SHAPE_NOWHERE, usage_shape},
    {SHAPE_NAME("error"), SHAPE_OBJECT, TOLD(complaint.count), error_shape},
    {SHAPE_NAME("error"), SHAPE_SCALAR, TOLD(complaint.message), NULL},
    SHAPE_DONE,
};

/* Parts of other kinds hold what is no text. */
static const struct shape text_kinds[] = {
    {SHAPE_NAME("text"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    SHAPE_DONE,
};

static const struct shape part_shape[] = {
    {SHAPE_NAME("text"), SHAPE_PROMPT, WISH(prompt), NULL},
    {SHAPE_NAME("type"), SHAPE_WORDS, WISH(part_kinds), text_kinds},
    SHAPE_DONE,
};

static const struct shape roles[] = {
    {SHAPE_NAME("user"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    {SHAPE_NAME("assistant"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    {SHAPE_NAME("system"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    {SHAPE_NAME("developer"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    {SHAPE_NAME("tool"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    {SHAPE_NAME("function"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    SHAPE_DONE,
};

static const struct shape content_shape[] = {
    {{0}, SHAPE_PROMPT, WISH(prompt), NULL},
    {{0}, SHAPE_EACH, SHAPE_NOWHERE, part_shape},
    SHAPE_DONE,
};

static const struct shape role_shape[] = {
    {{0}, SHAPE_WORDS, WISH(roles), roles},
    SHAPE_DONE,
};

static const struct shape skipped[] = {SHAPE_DONE};

static const struct shape turn_shape[] = {
    {SHAPE_NAME("content"), SHAPE_MET, WISH(turns_contents), content_shape},
    {SHAPE_NAME("role"), SHAPE_MET, WISH(turns_roles), role_shape},
    {SHAPE_NAME("tool_calls"), SHAPE_MET, WISH(other_parts), skipped},
    SHAPE_DONE,
};

static const struct shape turns_shape[] = {
    {{0}, SHAPE_LIST, WISH(turns), turn_shape},
    SHAPE_DONE,
};

static const struct shape stream_options_shape[] = {
    {SHAPE_NAME("include_usage"), SHAPE_SCALAR, WISH(include_usage), NULL},
    SHAPE_DONE,
};

static const struct shape tool_function_shape[] = {
    {SHAPE_NAME("name"), SHAPE_FIRST, WISH(tool_first), NULL},
    SHAPE_DONE,
};

static const struct shape tool_shape[] = {
    {SHAPE_NAME("function"), SHAPE_OBJECT, SHAPE_NOWHERE, tool_function_shape},
    SHAPE_DONE,
};

static const struct shape tools_shape[] = {
    {{0}, SHAPE_EACH, WISH(tools), tool_shape},
    SHAPE_DONE,
};

static const struct shape chosen_shape[] = {
    {SHAPE_NAME("name"), SHAPE_SCALAR, WISH(tool_choice_name), NULL},
    SHAPE_DONE,
};

static const struct shape tool_choice_shape[] = {
    {SHAPE_NAME("type"), SHAPE_SCALAR, WISH(tool_choice), NULL},
    {SHAPE_NAME("function"), SHAPE_OBJECT, SHAPE_NOWHERE, chosen_shape},
    SHAPE_DONE,
};

/* The last four are of embeddings, which have a path of their own and no messages. */
static const struct shape ask_shape[] = {
    {SHAPE_NAME("model"), SHAPE_SCALAR, WISH(model), NULL},
    {SHAPE_NAME("messages"), SHAPE_SPAN, WISH(turns_span), turns_shape},
    {SHAPE_NAME("max_completion_tokens"), SHAPE_NUMBER, WISH(output_tokens_max), NULL},
    {SHAPE_NAME("max_tokens"), SHAPE_NUMBER, WISH(output_tokens_max_old), NULL},
    {SHAPE_NAME("max_completion_tokens"), SHAPE_SCALAR, WISH(output_tokens_max_odd), NULL},
    {SHAPE_NAME("max_tokens"), SHAPE_SCALAR, WISH(output_tokens_max_old_odd), NULL},
    {SHAPE_NAME("stream"), SHAPE_SCALAR, WISH(stream), NULL},
    {SHAPE_NAME("stream_options"), SHAPE_OBJECT, SHAPE_NOWHERE, stream_options_shape},
    {SHAPE_NAME("tools"), SHAPE_SPAN, WISH(tools_span), tools_shape},
    {SHAPE_NAME("tool_choice"), SHAPE_SCALAR, WISH(tool_choice), NULL},
    {SHAPE_NAME("tool_choice"), SHAPE_OBJECT, SHAPE_NOWHERE, tool_choice_shape},
    {SHAPE_NAME("reasoning_effort"), SHAPE_SCALAR, WISH(thinking), NULL},
    {SHAPE_NAME("temperature"), SHAPE_SCALAR, WISH(temperature), NULL},
    {SHAPE_NAME("top_p"), SHAPE_SCALAR, WISH(top_p), NULL},
    {SHAPE_NAME("input"), SHAPE_SCALAR, WISH(input), NULL},
    {SHAPE_NAME("input"), SHAPE_TEXTS, WISH(inputs), NULL},
    {SHAPE_NAME("dimensions"), SHAPE_NUMBER, WISH(dimensions), NULL},
    {SHAPE_NAME("encoding_format"), SHAPE_SCALAR, WISH(encoding), NULL},
    SHAPE_DONE,
};

static void judge_event(struct slice name, struct told *told)
{
    (void)name;
    told->is_complete = told->stop_reason.raw.data != NULL;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* max_completion_tokens: accepted by every current model, where max_tokens is not. */
static void write_ask(const struct ask *ask, struct buffer *out)
{
    buffer_append(out, SLICE("{\"model\":"));
    json_write_text(out, ask->model);
    buffer_append(out, SLICE(",\"messages\":[{\"role\":\"user\",\"content\":"));
    json_write_text(out, ask->prompt);
    buffer_append(out, SLICE("}],\"max_completion_tokens\":"));
    buffer_u64(out, ask->output_tokens_max);
    if (ask->stream)
        buffer_append(out, SLICE(",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
    buffer_byte(out, '}');
}

static const char *const stop_words[STOP_COUNT] = {
    [STOP_END] = "stop",        [STOP_MAX_TOKENS] = "length",      [STOP_SEQUENCE] = "stop",
    [STOP_TOOL] = "tool_calls", [STOP_REFUSAL] = "content_filter", [STOP_WINDOW] = "length",
};

static void write_finish_reason(const struct reply *reply, struct buffer *out)
{
    buffer_byte(out, '"');
    buffer_text(out, stop_words[reply->stop]);
    buffer_byte(out, '"');
}

/* prompt_tokens and completion_tokens are whole: cached and reasoning tokens are parts of them. */
static void write_usage(const struct reply *reply, struct buffer *out)
{
    uint64_t input = content_count(reply, reply->input_tokens);
    uint64_t output = content_count(reply, reply->output_tokens);
    uint64_t written = content_count(reply, reply->cache_write_tokens);

    buffer_append(out, SLICE("{\"prompt_tokens\":"));
    buffer_u64(out, input);
    buffer_append(out, SLICE(",\"completion_tokens\":"));
    buffer_u64(out, output);
    buffer_append(out, SLICE(",\"total_tokens\":"));
    buffer_u64(out, input + output);
    buffer_append(out, SLICE(",\"prompt_tokens_details\":{\"cached_tokens\":"));
    buffer_u64(out, content_count(reply, reply->cached_tokens));
    if (written > 0) {
        buffer_append(out, SLICE(",\"cache_write_tokens\":"));
        buffer_u64(out, written);
    }
    buffer_append(out, SLICE(",\"audio_tokens\":0},"
                             "\"completion_tokens_details\":{\"reasoning_tokens\":"));
    buffer_u64(out, content_count(reply, content_thinking_tokens(reply)));
    buffer_append(out, SLICE(",\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
                             "\"rejected_prediction_tokens\":0}}"));
}

/* The object up to its model. `object` names it, quotes included. */
static void open_object(const struct reply *reply, struct slice object, struct buffer *out)
{
    buffer_append(out, SLICE("{\"id\":\""));
    words_write_id(out, SLICE("chatcmpl-"), reply->run_tag, reply->request_number);
    buffer_append(out, SLICE("\",\"object\":"));
    buffer_append(out, object);
    buffer_append(out, SLICE(",\"created\":"));
    buffer_i64(out, reply->wall_unix_s);
    buffer_append(out, SLICE(",\"model\":"));
    json_write_text(out, reply->model);
}

/* A text member of a message: `name` with its quotes and colon; nothing where there is no such
 * block. */
static bool write_piece(const struct reply *reply, enum piece piece, struct slice name,
                        struct buffer *out)
{
    struct block block;

    for (uint32_t i = 0; content_block(reply, i, &block); i++) {
        if (block.piece != piece)
            continue;
        buffer_append(out, name);
        buffer_byte(out, '"');
        content_write_all(reply, &block, out);
        buffer_byte(out, '"');
        return true;
    }
    return false;
}

static bool has_piece(const struct reply *reply, enum piece piece)
{
    struct block block;

    for (uint32_t i = 0; content_block(reply, i, &block); i++)
        if (block.piece == piece)
            return true;
    return false;
}

/* A call up to its arguments. */
static void open_call(const struct reply *reply, struct buffer *out)
{
    buffer_append(out, SLICE("\"id\":\""));
    words_write_id(out, SLICE("call_"), reply->run_tag, reply->request_number);
    buffer_append(out, SLICE("\",\"type\":\"function\",\"function\":{\"name\":"));
    json_write_text(out, reply->tool_name);
    buffer_append(out, SLICE(",\"arguments\":"));
}

static void write_calls(const struct reply *reply, struct buffer *out)
{
    if (!has_piece(reply, PIECE_TOOL))
        return;
    buffer_append(out, SLICE(",\"tool_calls\":[{"));
    open_call(reply, out);
    write_piece(reply, PIECE_TOOL, SLICE(""), out);
    buffer_append(out, SLICE("}}]"));
}

static void write_message(const struct reply *reply, struct buffer *out)
{
    buffer_append(out, SLICE("{\"role\":\"assistant\""));
    if (!write_piece(reply, PIECE_TEXT, SLICE(",\"content\":"), out))
        buffer_append(out, SLICE(",\"content\":null"));
    write_piece(reply, PIECE_THINKING, SLICE(",\"reasoning_content\":"), out);
    write_calls(reply, out);
    buffer_append(out, SLICE(",\"refusal\":null,\"annotations\":[]}"));
}

static void write_answer(const struct reply *reply, struct buffer *out)
{
    open_object(reply, SLICE("\"chat.completion\""), out);
    buffer_append(out, SLICE(",\"choices\":[{\"index\":0,\"message\":"));
    write_message(reply, out);
    buffer_append(out, SLICE(",\"logprobs\":null,\"finish_reason\":"));
    write_finish_reason(reply, out);
    buffer_append(out, SLICE("}]"));
    if (content_tells_usage(reply)) {
        buffer_append(out, SLICE(",\"usage\":"));
        write_usage(reply, out);
    }
    buffer_append(out, SLICE(",\"service_tier\":\"default\",\"system_fingerprint\":null}"));
}

/* A chunk's event up to the inside of its choices. */
static void open_chunk(const struct reply *reply, struct buffer *out)
{
    buffer_append(out, SLICE("data: "));
    open_object(reply, SLICE("\"chat.completion.chunk\""), out);
    buffer_append(out, SLICE(",\"service_tier\":\"default\",\"system_fingerprint\":null,"
                             "\"choices\":["));
}

/* From behind the choices to the end of the event. */
static void close_chunk(const struct reply *reply, struct buffer *out)
{
    if (reply->include_usage)
        buffer_append(out, SLICE("],\"usage\":null}\n\n"));
    else
        buffer_append(out, SLICE("]}\n\n"));
}

/* The role chunk: no text yet, and null where no text will come. */
static void write_opening(const struct reply *reply, struct buffer *out)
{
    open_chunk(reply, out);
    buffer_append(out, SLICE("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":"));
    buffer_append(out, has_piece(reply, PIECE_TEXT) ? SLICE("\"\"") : SLICE("null"));
    buffer_append(out, SLICE(",\"refusal\":null},\"finish_reason\":null}"));
    close_chunk(reply, out);
}

/* Only a call has an opening: its id and name come once, before any of its arguments. */
static void write_block_open(const struct reply *reply, const struct block *block,
                             struct buffer *out)
{
    if (block->piece != PIECE_TOOL)
        return;
    open_chunk(reply, out);
    buffer_append(out, SLICE("{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"));
    open_call(reply, out);
    buffer_append(out, SLICE("\"\"}}]},\"finish_reason\":null}"));
    close_chunk(reply, out);
}

static void write_delta_open(const struct reply *reply, const struct block *block,
                             struct buffer *out)
{
    static const struct slice openings[PIECE_COUNT] = {
        [PIECE_THINKING] = SHAPE_NAME("{\"index\":0,\"delta\":{\"reasoning_content\":\""),
        [PIECE_TEXT] = SHAPE_NAME("{\"index\":0,\"delta\":{\"content\":\""),
        [PIECE_TOOL] = SHAPE_NAME("{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
                                  "\"function\":{\"arguments\":\""),
    };

    open_chunk(reply, out);
    buffer_append(out, openings[block->piece]);
}

static void write_delta_close(const struct reply *reply, const struct delta *delta,
                              struct buffer *out)
{
    if (delta->block->piece == PIECE_TOOL)
        buffer_append(out, SLICE("\"}}]},\"finish_reason\":null}"));
    else
        buffer_append(out, SLICE("\"},\"finish_reason\":null}"));
    close_chunk(reply, out);
}

static void write_closing(const struct reply *reply, uint64_t event, struct buffer *out)
{
    (void)event;
    open_chunk(reply, out);
    buffer_append(out, SLICE("{\"index\":0,\"delta\":{},\"finish_reason\":"));
    write_finish_reason(reply, out);
    buffer_byte(out, '}');
    close_chunk(reply, out);
    if (reply->include_usage && content_tells_usage(reply)) {
        open_chunk(reply, out);
        buffer_append(out, SLICE("],\"usage\":"));
        write_usage(reply, out);
        buffer_append(out, SLICE("}\n\n"));
    }
    buffer_append(out, SLICE("data: [DONE]\n\n"));
}

/* --- refusals --------------------------------------------------------------------------------- */

/* No [DONE] follows. */
static void write_error_event(const struct refusal *refusal, const struct wording *words,
                              uint64_t event, bool is_flat, struct buffer *out)
{
    (void)event;
    (void)is_flat; /* documented as it is seen */
    buffer_append(out, SLICE("data: {\"error\":{\"message\":"));
    wording_write_message(words, refusal, out);
    buffer_append(out, SLICE(",\"type\":"));
    wording_write_name(words->type, out);
    buffer_append(out, SLICE(",\"param\":"));
    wording_write_name(words->param, out);
    buffer_append(out, SLICE(",\"code\":"));
    wording_write_name(words->code, out);
    buffer_append(out, SLICE("}}\n\n"));
}

/* --- what it refuses -------------------------------------------------------------------------- */

static bool object_to_messages(const struct asked *asked, struct objection *objection)
{
    if (asked->lacks_messages) {
        objection_say(objection, "Missing required parameter: 'messages'.");
        return openai_says(objection, "messages", "missing_required_parameter");
    }
    if (!asked->has_messages) {
        objection_say(objection, "Invalid 'messages': empty array. Expected an array with minimum "
                                 "length 1, but got an empty array instead.");
        return openai_says(objection, "messages", "empty_array");
    }
    if (asked->lacking != NULL) {
        objection_say(objection, "Missing required parameter: 'messages[%u].%s'.",
                      (unsigned)asked->lacking_at, asked->lacking);
        return openai_says(objection, "messages", "missing_required_parameter");
    }
    if (asked->has_bad_role) {
        objection_say(objection,
                      "Invalid value: '%s'. Supported values are: 'system', 'assistant', 'user', "
                      "'function', 'tool', and 'developer'.",
                      asked->bad_role);
        return openai_says(objection, "messages", "invalid_value");
    }
    return false;
}

/* Embeddings are refused for their model, inputs and dimensions alone: 2,048 texts at a time, and
 * as many dimensions as the largest of their models has. */
static bool object_to_inputs(const struct asked *asked, struct objection *objection)
{
    if (asked->embeddings.inputs == 0)
        return objection_say(objection, "'$.input' is invalid. Please check the API reference.");
    if (asked->embeddings.inputs > EMBEDDINGS_INPUTS_MAX)
        return objection_say(objection, "'$.input' is invalid: at most %d inputs are allowed.",
                             EMBEDDINGS_INPUTS_MAX);
    if (asked->embeddings.dimensions > EMBEDDINGS_DIMENSIONS_MAX)
        return objection_say(objection,
                             "Invalid value for 'dimensions' = %" PRIu32
                             ". Must be less than or equal to %d.",
                             asked->embeddings.dimensions, EMBEDDINGS_DIMENSIONS_MAX);
    return false;
}

static bool object(const struct http_request *request, const struct asked *asked,
                   struct objection *objection)
{
    if (!asked->has_model)
        return objection_say(objection, "you must provide a model parameter");
    if (slice_has(request->path, SLICE("/embeddings")))
        return object_to_inputs(asked, objection);
    if (openai_objects_to_limit(
            asked, asked->is_old_output_tokens_max ? "max_tokens" : "max_completion_tokens",
            objection))
        return true;
    return object_to_messages(asked, objection);
}

static const struct stop_meaning stops[] = {
    {SHAPE_NAME("content_filter"), OUTCOME_CONTENT_POLICY},
    {{0}, OUTCOME_OK},
};

const struct format openai_chat_format = {
    .provider = "openai",
    .path = SHAPE_NAME("/v1/chat/completions"),
    .ask_headers = SHAPE_NAME("authorization: Bearer "),
    .id_header = SHAPE_NAME("x-request-id: "),
    .answer_headers = SHAPE_NAME(OPENAI_ANSWER_HEADERS),
    .end_mark = SHAPE_NAME("[DONE]"),
    .needs_contents = true,
    .wording = openai_wording,
    .stops = stops,
    .stop_words = stop_words,
    .event_shape = body_shape,
    .body_shape = body_shape,
    .ask_shape = ask_shape,
    .judge_event = judge_event,
    .write_ask = write_ask,
    .write_answer = write_answer,
    .write_opening = write_opening,
    .write_block_open = write_block_open,
    .write_delta_open = write_delta_open,
    .write_delta_close = write_delta_close,
    .write_closing = write_closing,
    .write_refusal = openai_write_refusal,
    .write_error_event = write_error_event,
    .object = object,
    .limit_wording = openai_limit_wording,
    .hopeless_wording = openai_hopeless_wording,
    .key_words = OPENAI_KEY_WORDS,
    .not_json = OPENAI_NOT_JSON,
    .key_header = SHAPE_NAME("api-key"), /* Azure's */
    .ping = SHAPE_NAME(": ping\n\n"),
};
