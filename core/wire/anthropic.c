/* Anthropic Messages, versions 2023-06-01 and 2026-10-21: `POST /v1/messages`. Facts: wire-facts.md
 * §2.
 *
 * A stream is named events, each with its name again as `type` in the data:
 *
 *     message_start        id, model, the prompt's usage; output_tokens is a first guess
 *     content_block_start  a block of text, thinking or a tool call begins
 *     ping                 a sign of life, anywhere and any number of times
 *     content_block_delta  a piece of the block
 *     content_block_stop
 *     message_delta        the stop reason; usage again, cumulative: it replaces, never adds
 *     message_stop         the protocol's own end
 *
 * or at any time `error`, after which the connection closes. A thinking block ends in its
 * signature, a tool call begins with an empty piece of its input. input_tokens leaves out what was
 * read from or written to a cache. The newer version has every member in every object, null where
 * it is unused, and lets nobody set the sampling. */

#include "wire/format_table.h"

#include "wire/json.h"
#include "wire/words.h"

/* --- reading ---------------------------------------------------------------------------------- */

#define TOLD(field) offsetof(struct told, field)
#define WISH(field) offsetof(struct wish, field)

static const struct shape usage_shape[] = {
    {SHAPE_NAME("input_tokens"), SHAPE_NUMBER, TOLD(input_tokens), NULL},
    {SHAPE_NAME("output_tokens"), SHAPE_NUMBER, TOLD(output_tokens), NULL},
    {SHAPE_NAME("cache_read_input_tokens"), SHAPE_NUMBER, TOLD(cached_tokens), NULL},
    {SHAPE_NAME("cache_creation_input_tokens"), SHAPE_NUMBER, TOLD(cache_write_tokens), NULL},
    SHAPE_DONE,
};

static const struct shape details_shape[] = {
    {SHAPE_NAME("error_code"), SHAPE_SCALAR, TOLD(complaint.code), NULL},
    SHAPE_DONE,
};

static const struct shape error_shape[] = {
    {SHAPE_NAME("type"), SHAPE_SCALAR, TOLD(complaint.type), NULL},
    {SHAPE_NAME("message"), SHAPE_SCALAR, TOLD(complaint.message), NULL},
    {SHAPE_NAME("details"), SHAPE_OBJECT, SHAPE_NOWHERE, details_shape},
    SHAPE_DONE,
};

/* A tool's name is generated as much as its arguments are, and may be all there is of a call. */
static const struct shape block_shape[] = {
    {SHAPE_NAME("text"), SHAPE_BYTES, TOLD(text_bytes), NULL},
    {SHAPE_NAME("thinking"), SHAPE_BYTES, TOLD(other_bytes), NULL},
    {SHAPE_NAME("name"), SHAPE_BYTES, TOLD(other_bytes), NULL},
    SHAPE_DONE,
};

static const struct shape body_shape[] = {
    {SHAPE_NAME("id"), SHAPE_SCALAR, TOLD(id), NULL},
    {SHAPE_NAME("model"), SHAPE_SCALAR, TOLD(model), NULL},
    {SHAPE_NAME("content"), SHAPE_EACH, SHAPE_NOWHERE, block_shape},
    {SHAPE_NAME("stop_reason"), SHAPE_SCALAR, TOLD(stop_reason), NULL},
    {SHAPE_NAME("usage"), SHAPE_OBJECT, SHAPE_NOWHERE, usage_shape},
    {SHAPE_NAME("error"), SHAPE_OBJECT, TOLD(complaint.count), error_shape},
    SHAPE_DONE,
};

static const struct shape delta_shape[] = {
    {SHAPE_NAME("text"), SHAPE_BYTES, TOLD(text_bytes), NULL},
    {SHAPE_NAME("thinking"), SHAPE_BYTES, TOLD(other_bytes), NULL},
    {SHAPE_NAME("partial_json"), SHAPE_BYTES, TOLD(other_bytes), NULL},
    {SHAPE_NAME("stop_reason"), SHAPE_SCALAR, TOLD(stop_reason), NULL},
    SHAPE_DONE,
};

static const struct shape event_shape[] = {
    {SHAPE_NAME("type"), SHAPE_SCALAR, TOLD(kind), NULL},
    {SHAPE_NAME("delta"), SHAPE_OBJECT, SHAPE_NOWHERE, delta_shape},
    {SHAPE_NAME("usage"), SHAPE_OBJECT, SHAPE_NOWHERE, usage_shape},
    {SHAPE_NAME("content_block"), SHAPE_OBJECT, SHAPE_NOWHERE, block_shape},
    {SHAPE_NAME("message"), SHAPE_OBJECT, SHAPE_NOWHERE, body_shape},
    {SHAPE_NAME("error"), SHAPE_OBJECT, TOLD(complaint.count), error_shape},
    SHAPE_DONE,
};

/* Parts of other kinds hold what is no text. */
static const struct shape text_kinds[] = {
    {SHAPE_NAME("text"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    SHAPE_DONE,
};

static const struct shape result_shape[] = {
    {SHAPE_NAME("text"), SHAPE_PROMPT, WISH(prompt), NULL},
    {SHAPE_NAME("type"), SHAPE_WORDS, WISH(part_kinds), text_kinds},
    SHAPE_DONE,
};

/* `content` of a block: a tool's result. */
static const struct shape part_shape[] = {
    {SHAPE_NAME("text"), SHAPE_PROMPT, WISH(prompt), NULL},
    {SHAPE_NAME("type"), SHAPE_WORDS, WISH(part_kinds), text_kinds},
    {SHAPE_NAME("content"), SHAPE_PROMPT, WISH(prompt), NULL},
    {SHAPE_NAME("content"), SHAPE_EACH, SHAPE_NOWHERE, result_shape},
    {SHAPE_NAME("cache_control"), SHAPE_HERE, WISH(turns_mark), NULL},
    SHAPE_DONE,
};

static const struct shape roles[] = {
    {SHAPE_NAME("user"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    {SHAPE_NAME("assistant"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
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

static const struct shape turn_shape[] = {
    {SHAPE_NAME("content"), SHAPE_MET, WISH(turns_contents), content_shape},
    {SHAPE_NAME("role"), SHAPE_MET, WISH(turns_roles), role_shape},
    SHAPE_DONE,
};

static const struct shape turns_shape[] = {
    {{0}, SHAPE_LIST, WISH(turns), turn_shape},
    SHAPE_DONE,
};

static const struct shape system_part_shape[] = {
    {SHAPE_NAME("text"), SHAPE_PROMPT, WISH(prompt), NULL},
    {SHAPE_NAME("cache_control"), SHAPE_HERE, WISH(system_mark), NULL},
    SHAPE_DONE,
};

static const struct shape system_shape[] = {
    {{0}, SHAPE_PROMPT, WISH(prompt), NULL},
    {{0}, SHAPE_EACH, SHAPE_NOWHERE, system_part_shape},
    SHAPE_DONE,
};

static const struct shape tool_shape[] = {
    {SHAPE_NAME("name"), SHAPE_FIRST, WISH(tool_first), NULL},
    {SHAPE_NAME("cache_control"), SHAPE_HERE, WISH(tools_mark), NULL},
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

static const struct shape thinking_shape[] = {
    {SHAPE_NAME("type"), SHAPE_SCALAR, WISH(thinking), NULL},
    SHAPE_DONE,
};

static const struct shape ask_shape[] = {
    {SHAPE_NAME("model"), SHAPE_SCALAR, WISH(model), NULL},
    {SHAPE_NAME("max_tokens"), SHAPE_NUMBER, WISH(output_tokens_max), NULL},
    {SHAPE_NAME("max_tokens"), SHAPE_SCALAR, WISH(output_tokens_max_odd), NULL},
    {SHAPE_NAME("messages"), SHAPE_SPAN, WISH(turns_span), turns_shape},
    {SHAPE_NAME("system"), SHAPE_SPAN, WISH(system_span), system_shape},
    {SHAPE_NAME("stream"), SHAPE_SCALAR, WISH(stream), NULL},
    {SHAPE_NAME("tools"), SHAPE_SPAN, WISH(tools_span), tools_shape},
    {SHAPE_NAME("tool_choice"), SHAPE_OBJECT, SHAPE_NOWHERE, tool_choice_shape},
    {SHAPE_NAME("thinking"), SHAPE_OBJECT, SHAPE_NOWHERE, thinking_shape},
    {SHAPE_NAME("temperature"), SHAPE_SCALAR, WISH(temperature), NULL},
    {SHAPE_NAME("top_p"), SHAPE_SCALAR, WISH(top_p), NULL},
    {SHAPE_NAME("top_k"), SHAPE_SCALAR, WISH(top_k), NULL},
    {SHAPE_NAME("cache_control"), SHAPE_HERE, WISH(whole_mark), NULL},
    SHAPE_DONE,
};

static void judge_event(struct slice name, struct told *told)
{
    if (told_is_kind(told, name, SLICE("content_block_delta")))
        return;
    told->is_end = told_is_kind(told, name, SLICE("message_stop"));
    told->is_complete = told->is_end;
    if (told->is_end || told_is_kind(told, name, SLICE("content_block_start")) ||
        told_is_kind(told, name, SLICE("message_start")) ||
        told_is_kind(told, name, SLICE("message_delta")) ||
        told_is_kind(told, name, SLICE("error")))
        return;
    *told = (struct told){0};
}

/* --- writing ---------------------------------------------------------------------------------- */

enum { OUTPUT_TOKENS_GUESS = 1 }; /* what a stream's opening tells, before any was sent */

#define PING "event: ping\ndata: {\"type\": \"ping\"}\n\n"

static void write_ask(const struct ask *ask, struct buffer *out)
{
    buffer_append(out, SLICE("{\"model\":"));
    json_write_text(out, ask->model);
    buffer_append(out, SLICE(",\"max_tokens\":"));
    buffer_u64(out, ask->output_tokens_max);
    buffer_append(out, SLICE(",\"messages\":[{\"role\":\"user\",\"content\":"));
    json_write_text(out, ask->prompt);
    buffer_append(out, SLICE("}]"));
    if (ask->stream)
        buffer_append(out, SLICE(",\"stream\":true"));
    buffer_byte(out, '}');
}

static const char *const stop_words[STOP_COUNT] = {
    [STOP_END] = "end_turn",           [STOP_MAX_TOKENS] = "max_tokens",
    [STOP_SEQUENCE] = "stop_sequence", [STOP_TOOL] = "tool_use",
    [STOP_REFUSAL] = "refusal",        [STOP_WINDOW] = "model_context_window_exceeded",
};

static void write_stop_reason(const struct reply *reply, struct buffer *out)
{
    buffer_byte(out, '"');
    buffer_text(out, stop_words[reply->stop]);
    buffer_byte(out, '"');
}

static void write_prompt_usage(const struct reply *reply, struct buffer *out)
{
    buffer_append(out, SLICE("\"input_tokens\":"));
    buffer_u64(out, content_count(reply, content_fresh_tokens(reply)));
    buffer_append(out, SLICE(",\"cache_creation_input_tokens\":"));
    buffer_u64(out, content_count(reply, reply->cache_write_tokens));
    buffer_append(out, SLICE(",\"cache_read_input_tokens\":"));
    buffer_u64(out, content_count(reply, reply->cached_tokens));
}

/* Of output tokens some were thought; told only where that happened. */
static void write_thinking_usage(const struct reply *reply, struct buffer *out)
{
    uint64_t thinking = content_thinking_tokens(reply);

    if (thinking == 0)
        return;
    buffer_append(out, SLICE(",\"output_tokens_details\":{\"thinking_tokens\":"));
    buffer_u64(out, content_count(reply, thinking));
    buffer_byte(out, '}');
}

/* A message's usage, before it begins or once it is whole. Of a write to the cache all is for five
 * minutes. */
static void write_usage(const struct reply *reply, bool is_whole, struct buffer *out)
{
    uint64_t output_tokens = is_whole ? reply->output_tokens : OUTPUT_TOKENS_GUESS;

    buffer_append(out, SLICE(",\"usage\":{"));
    write_prompt_usage(reply, out);
    buffer_append(out, SLICE(",\"cache_creation\":{\"ephemeral_5m_input_tokens\":"));
    buffer_u64(out, content_count(reply, reply->cache_write_tokens));
    buffer_append(out, SLICE(",\"ephemeral_1h_input_tokens\":0},\"output_tokens\":"));
    buffer_u64(out, content_count(reply, output_tokens));
    buffer_append(out, SLICE(",\"service_tier\":\"standard\","
                             "\"inference_geo\":\"not_available\""));
    if (is_whole)
        write_thinking_usage(reply, out);
    if (reply->is_2026)
        buffer_append(out, SLICE(",\"server_tool_use\":null"));
    buffer_byte(out, '}');
}

/* Behind a stop reason: what else is told of the stop. */
static void write_stop_rest(const struct reply *reply, struct buffer *out)
{
    buffer_append(out, SLICE(",\"stop_sequence\":null"));
    if (reply->stop == STOP_REFUSAL)
        buffer_append(out, SLICE(",\"stop_details\":{\"type\":\"refusal\",\"category\":null,"
                                 "\"explanation\":null}"));
    else if (reply->is_2026)
        buffer_append(out, SLICE(",\"stop_details\":null"));
}

/* The message object up to the inside of its content. */
static void open_message(const struct reply *reply, struct buffer *out)
{
    buffer_append(out, SLICE("{\"model\":"));
    json_write_text(out, reply->model);
    buffer_append(out, SLICE(",\"id\":\""));
    words_write_id(out, SLICE("msg_"), reply->run_tag, reply->request_number);
    buffer_append(out, SLICE("\",\"type\":\"message\",\"role\":\"assistant\",\"content\":["));
}

/* From behind what is told of the stop to the message's end. */
static void close_message(const struct reply *reply, bool is_whole, struct buffer *out)
{
    if (content_tells_usage(reply))
        write_usage(reply, is_whole, out);
    if (reply->is_2026)
        buffer_append(out, SLICE(",\"container\":null,\"diagnostics\":null"));
    buffer_byte(out, '}');
}

static void open_tool_use(const struct reply *reply, struct buffer *out)
{
    buffer_append(out, SLICE("{\"type\":\"tool_use\",\"id\":\""));
    words_write_id(out, SLICE("toolu_"), reply->run_tag, reply->request_number);
    buffer_append(out, SLICE("\",\"name\":"));
    json_write_text(out, reply->tool_name);
    buffer_append(out, SLICE(",\"input\":"));
}

/* What vouches for thinking when it is sent back. */
static void write_signature(const struct reply *reply, struct buffer *out)
{
    words_write_id(out, SLICE("sig_"), reply->run_tag, reply->request_number);
}

/* A block of a whole message. `citations` is one of the members that 2026-10-21 always has. */
static void write_block(const struct reply *reply, const struct block *block, struct buffer *out)
{
    switch (block->piece) {
    case PIECE_THINKING:
        buffer_append(out, SLICE("{\"type\":\"thinking\",\"thinking\":\""));
        content_write_all(reply, block, out);
        buffer_append(out, SLICE("\",\"signature\":\""));
        write_signature(reply, out);
        buffer_append(out, SLICE("\"}"));
        return;
    case PIECE_TOOL:
        open_tool_use(reply, out);
        content_write_input(reply, out);
        buffer_byte(out, '}');
        return;
    case PIECE_TEXT:
    case PIECE_COUNT:
        break;
    }
    buffer_append(out, SLICE("{\"type\":\"text\",\"text\":\""));
    content_write_all(reply, block, out);
    buffer_append(out, reply->is_2026 ? SLICE("\",\"citations\":null}") : SLICE("\"}"));
}

static void write_answer(const struct reply *reply, struct buffer *out)
{
    struct block block;

    open_message(reply, out);
    for (uint32_t i = 0; content_block(reply, i, &block); i++) {
        if (i > 0)
            buffer_byte(out, ',');
        write_block(reply, &block, out);
    }
    buffer_append(out, SLICE("],\"stop_reason\":"));
    write_stop_reason(reply, out);
    write_stop_rest(reply, out);
    close_message(reply, true, out);
}

/* The real service also counts one token or a few before it has sent any. */
static void write_opening(const struct reply *reply, struct buffer *out)
{
    buffer_append(out, SLICE("event: message_start\n"
                             "data: {\"type\":\"message_start\",\"message\":"));
    open_message(reply, out);
    buffer_append(out, SLICE("],\"stop_reason\":null,\"stop_sequence\":null"));
    if (reply->is_2026)
        buffer_append(out, SLICE(",\"stop_details\":null"));
    close_message(reply, false, out);
    buffer_append(out, SLICE("}\n\n"));
}

static void write_empty_block(const struct reply *reply, const struct block *block,
                              struct buffer *out)
{
    switch (block->piece) {
    case PIECE_THINKING:
        buffer_append(out, SLICE("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"));
        return;
    case PIECE_TOOL:
        open_tool_use(reply, out);
        buffer_append(out, SLICE("{}}"));
        return;
    case PIECE_TEXT:
    case PIECE_COUNT:
        break;
    }
    buffer_append(out, SLICE("{\"type\":\"text\",\"text\":\"\""));
    buffer_append(out, reply->is_2026 ? SLICE(",\"citations\":null}") : SLICE("}"));
}

#define DELTA(index, type_and_member)                                                    \
    SHAPE_NAME("event: content_block_delta\n"                                            \
               "data: {\"type\":\"content_block_delta\",\"index\":" index ",\"delta\":{" \
               "\"type\":" type_and_member ":\"")
#define DELTAS(type_and_member)                                                               \
    {                                                                                         \
        DELTA("0", type_and_member), DELTA("1", type_and_member), DELTA("2", type_and_member) \
    }

/* An answer has at most one block of each piece, so an index is one of three. */
static const struct slice deltas[PIECE_COUNT][PIECE_COUNT] = {
    [PIECE_THINKING] = DELTAS("\"thinking_delta\",\"thinking\""),
    [PIECE_TEXT] = DELTAS("\"text_delta\",\"text\""),
    [PIECE_TOOL] = DELTAS("\"input_json_delta\",\"partial_json\""),
};
static const struct slice signature_delta = DELTA("0", "\"signature_delta\",\"signature\"");

/* A ping follows the first block's start; a tool's input begins with an empty piece. */
static void write_block_open(const struct reply *reply, const struct block *block,
                             struct buffer *out)
{
    buffer_append(out, SLICE("event: content_block_start\n"
                             "data: {\"type\":\"content_block_start\",\"index\":"));
    buffer_u64(out, block->index);
    buffer_append(out, SLICE(",\"content_block\":"));
    write_empty_block(reply, block, out);
    buffer_append(out, SLICE("}\n\n"));
    if (block->index == 0)
        buffer_append(out, SLICE(PING));
    if (block->piece == PIECE_TOOL) {
        buffer_append(out, deltas[PIECE_TOOL][block->index]);
        buffer_append(out, SLICE("\"}}\n\n"));
    }
}

static void write_delta_open(const struct reply *reply, const struct block *block,
                             struct buffer *out)
{
    (void)reply;
    buffer_append(out, deltas[block->piece][block->index]);
}

static void write_delta_close(const struct reply *reply, const struct delta *delta,
                              struct buffer *out)
{
    (void)reply;
    (void)delta;
    buffer_append(out, SLICE("\"}}\n\n"));
}

static void write_block_close(const struct reply *reply, const struct block *block,
                              struct buffer *out)
{
    if (block->piece == PIECE_THINKING) {
        buffer_append(out, signature_delta); /* thinking is always the first block */
        write_signature(reply, out);
        buffer_append(out, SLICE("\"}}\n\n"));
    }
    buffer_append(out, SLICE("event: content_block_stop\n"
                             "data: {\"type\":\"content_block_stop\",\"index\":"));
    buffer_u64(out, block->index);
    buffer_append(out, SLICE("}\n\n"));
}

static void write_closing(const struct reply *reply, uint64_t event, struct buffer *out)
{
    (void)event;
    buffer_append(out, SLICE("event: message_delta\n"
                             "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"));
    write_stop_reason(reply, out);
    write_stop_rest(reply, out);
    if (reply->is_2026)
        buffer_append(out, SLICE(",\"container\":null"));
    buffer_byte(out, '}');
    if (content_tells_usage(reply)) {
        buffer_append(out, SLICE(",\"usage\":{"));
        write_prompt_usage(reply, out);
        buffer_append(out, SLICE(",\"output_tokens\":"));
        buffer_u64(out, content_count(reply, reply->output_tokens));
        write_thinking_usage(reply, out);
        if (reply->is_2026)
            buffer_append(out, SLICE(",\"server_tool_use\":null"));
        buffer_byte(out, '}');
    }
    buffer_append(out, SLICE("}\n\n"
                             "event: message_stop\n"
                             "data: {\"type\":\"message_stop\"}\n\n"));
}

/* --- refusals --------------------------------------------------------------------------------- */

/* clang-format off */
static const struct wording wording[] = {
    {OUTCOME_INVALID_REQUEST, 400, "invalid_request_error", NULL, NULL, "Invalid request.", NULL},
    {OUTCOME_INVALID_REQUEST, 404, "not_found_error", NULL, NULL, "model: {model}", NULL},
    {OUTCOME_INVALID_REQUEST, 413, "request_too_large", NULL, NULL,
     "Request exceeds the maximum size", NULL},
    {OUTCOME_RATE_LIMITED, 429, "rate_limit_error", NULL, NULL,
     "This request would exceed your account's rate limit. Please try again later.", NULL},
    {OUTCOME_OVERLOADED, 529, "overloaded_error", NULL, NULL, "Overloaded", NULL},
    {OUTCOME_SERVER_ERROR, 500, "api_error", NULL, NULL, "Internal server error", NULL},
    {OUTCOME_SERVER_ERROR, 504, "timeout_error", NULL, NULL, "Request timed out", NULL},
    {OUTCOME_SERVER_ERROR, 409, "conflict_error", NULL, NULL,
     "The request conflicts with another one", NULL},
    {OUTCOME_AUTH, 401, "authentication_error", NULL, NULL, "invalid x-api-key", NULL},
    {OUTCOME_AUTH, 403, "permission_error", NULL, NULL,
     "Your API key does not have permission to use the specified resource.", NULL},
    {OUTCOME_CONTEXT_LENGTH, 400, "invalid_request_error", NULL, NULL,
     "prompt is too long: {input} tokens > {window} maximum", "prompt is too long"},
    {OUTCOME_QUOTA, 429, "rate_limit_error", "enforced_spend_limit_reached", NULL,
     "Your organization has reached its monthly spend limit.", NULL},
    {OUTCOME_QUOTA, 402, "billing_error", NULL, NULL,
     "Your credit balance is too low to access the Anthropic API.", NULL},
    {OUTCOME_QUOTA, 400, "invalid_request_error", NULL, NULL,
     "Your credit balance is too low to access the Anthropic API.", "credit balance is too low"},
    {OUTCOME_CONTENT_POLICY, 400, "invalid_request_error", NULL, NULL,
     "Output blocked by content filtering policy", "content filtering policy"},
    /* only read: an earlier row is written for the same failure and status */
    {OUTCOME_CONTEXT_LENGTH, 400, "invalid_request_error", NULL, NULL, NULL,
     "exceed context limit"},
    {OUTCOME_QUOTA, 400, "invalid_request_error", NULL, NULL, NULL,
     "reached your specified API usage limits"},
    {OUTCOME_QUOTA, 429, "rate_limit_error", "contract_spend_limit_reached", NULL, NULL, NULL},
    {0},
};

static const struct wording limit_wording[] = {
    {OUTCOME_RATE_LIMITED, 429, "rate_limit_error", NULL, NULL,
     "This request would exceed your organization's rate limit of {limit} {limit_name} per minute. "
     "For details, refer to the rate limits page of the documentation. You can see the response "
     "headers for current usage. Please reduce the prompt length or the maximum tokens requested, "
     "or try again later.", NULL},
    {0},
};
/* clang-format on */

static void write_refusal(const struct refusal *refusal, const struct wording *words,
                          struct buffer *out)
{
    buffer_append(out, SLICE("{\"type\":\"error\",\"error\":{\"details\":"));
    if (words->code == NULL) {
        buffer_append(out, SLICE("null"));
    } else {
        buffer_append(out, SLICE("{\"error_code\":"));
        wording_write_name(words->code, out);
        buffer_byte(out, '}');
    }
    buffer_append(out, SLICE(",\"type\":"));
    wording_write_name(words->type, out);
    buffer_append(out, SLICE(",\"message\":"));
    wording_write_message(words, refusal, out);
    buffer_append(out, SLICE("},\"request_id\":\""));
    words_write_id(out, SLICE("req_"), refusal->run_tag, refusal->request_number);
    buffer_append(out, SLICE("\"}"));
}

/* The same object as in a refusal. The connection closes behind it. */
static void write_error_event(const struct refusal *refusal, const struct wording *words,
                              uint64_t event, bool is_flat, struct buffer *out)
{
    (void)event;
    (void)is_flat; /* documented as it is seen */
    buffer_append(out, SLICE("event: error\ndata: "));
    write_refusal(refusal, words, out);
    buffer_append(out, SLICE("\n\n"));
}

/* --- what it refuses -------------------------------------------------------------------------- */

/* Under this version sampling is the model's own affair. */
#define VERSION_2026 "2026-10-21"

static bool object_to_version(struct slice version, struct objection *objection)
{
    if (version.size == 0)
        return objection_say(objection, "anthropic-version: header is required");
    if (!slice_is(version, SLICE("2023-06-01")) && !slice_is(version, SLICE(VERSION_2026)) &&
        !slice_is(version, SLICE("2023-01-01")))
        return objection_say(objection, "anthropic-version: \"%.*s\" is not a valid version",
                             (int)(version.size < 32 ? version.size : 32), version.data);
    return false;
}

static bool object_to_role(const struct asked *asked, struct objection *objection)
{
    if (asked->has_bad_role && slice_is(slice_of(asked->bad_role), SLICE("system")))
        return objection_say(
            objection, "messages: Unexpected role \"system\". The Messages API accepts a "
                       "top-level `system` parameter, not \"system\" as an input message role.");
    if (asked->has_bad_role)
        return objection_say(objection,
                             "messages: Unexpected role \"%s\". Allowed roles are \"user\" or "
                             "\"assistant\".",
                             asked->bad_role);
    if (asked->has_role_disorder)
        return objection_say(objection, "messages: first message must use the \"user\" role");
    return false;
}

/* Counting tokens needs no limit for them. */
static bool is_count(struct slice path)
{
    return slice_has(path, SLICE("/count_tokens"));
}

/* In the order in which the service looks. A max_tokens of 0 is legal: it warms a cache. */
static bool object(const struct http_request *request, const struct asked *asked,
                   struct objection *objection)
{
    struct slice version = http_header_of(request, SLICE("anthropic-version"));

    if (object_to_version(version, objection))
        return true;
    if (!asked->has_model)
        return objection_say(objection, "model: Field required");
    if (asked->odd_output_tokens_max != NULL)
        return objection_say(objection, "max_tokens: Input should be a valid integer");
    if (asked->has_negative_output_tokens_max)
        return objection_say(objection, "max_tokens: Input should be greater than or equal to 0");
    if (!asked->has_output_tokens_max && !is_count(request->path))
        return objection_say(objection, "max_tokens: Field required");
    if (asked->lacks_messages)
        return objection_say(objection, "messages: Field required");
    if (!asked->has_messages)
        return objection_say(objection, "messages: at least one message is required");
    if (asked->has_sampling && slice_is(version, SLICE(VERSION_2026)))
        return objection_say(objection, "%s: Extra inputs are not permitted", asked->sampling);
    if (asked->lacking != NULL)
        return objection_say(objection, "messages.%u.%s: Field required",
                             (unsigned)asked->lacking_at, asked->lacking);
    return object_to_role(asked, objection);
}

static const struct stop_meaning stops[] = {
    {SHAPE_NAME("refusal"), OUTCOME_CONTENT_POLICY},
    {SHAPE_NAME("model_context_window_exceeded"), OUTCOME_CONTEXT_LENGTH},
    {{0}, OUTCOME_OK},
};

const struct format anthropic_format = {
    .provider = "anthropic",
    .path = SHAPE_NAME("/v1/messages"),
    .ask_headers = SHAPE_NAME("anthropic-version: 2023-06-01\r\nx-api-key: "),
    .key_header = SHAPE_NAME("x-api-key"),
    .id_header = SHAPE_NAME("request-id: "),
    .answer_headers =
        SHAPE_NAME("anthropic-organization-id: 00000000-0000-4000-8000-000000000000\r\n"),
    .always_tells_usage = true,
    .output_tokens_guess = OUTPUT_TOKENS_GUESS,
    .wording = wording,
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
    .object = object,
    .limit_wording = limit_wording,
    .hopeless_wording = limit_wording,
    .key_words = {401, 401, "x-api-key header is required", NULL, NULL},
    .not_json = "The request body is not valid JSON.",
    .needs_contents = true,
    .caches_by_mark = true,
    .ping = SHAPE_NAME(PING),
    .cache_is_apart = true,
};
