/* Gemini: `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent?alt=sse`.
 * Facts: wire-facts.md §4, §5.5.
 *
 * A stream is unnamed events, each a whole response of its own, separated by CR LF CR LF:
 *
 *     candidates[0].content.parts  what is new: text, a thought, or a function call (never in
 * pieces) usageMetadata                what was used so far: cumulative, in every event
 *     finishReason                 in the last event only: there is no other end
 *
 * or a chunk with an `error`. Without alt=sse the same objects come as one JSON array
 * (engine/upstream_streams.c).
 *
 * Thoughts are counted apart: totalTokenCount is prompt, candidates and thoughts. promptTokenCount
 * includes what came from a cache; what was written to one is told nowhere. A prompt that is
 * blocked is a 200 with promptFeedback and no candidates. A 429 tells in its details which quota is
 * exhausted (one per day is out of money for today) and when to come again; there is no header.
 */

#include "wire/format_table.h"

#include "wire/gemini_refusal.h"
#include "wire/json.h"
#include "wire/words.h"

/* --- reading ---------------------------------------------------------------------------------- */

#define TOLD(field) offsetof(struct told, field)
#define WISH(field) offsetof(struct wish, field)

static const struct shape usage_shape[] = {
    {SHAPE_NAME("promptTokenCount"), SHAPE_NUMBER, TOLD(input_tokens), NULL},
    {SHAPE_NAME("candidatesTokenCount"), SHAPE_NUMBER, TOLD(output_tokens), NULL},
    {SHAPE_NAME("thoughtsTokenCount"), SHAPE_NUMBER, TOLD(thinking_tokens), NULL},
    {SHAPE_NAME("cachedContentTokenCount"), SHAPE_NUMBER, TOLD(cached_tokens), NULL},
    SHAPE_DONE,
};

/* A function's name is generated as much as its arguments are. */
static const struct shape call_shape[] = {
    {SHAPE_NAME("name"), SHAPE_BYTES, TOLD(other_bytes), NULL},
    SHAPE_DONE,
};

/* Only the part itself says whether its text is a thought: see finish. */
static const struct shape part_shape[] = {
    {SHAPE_NAME("text"), SHAPE_BYTES, TOLD(text_bytes), NULL},
    {SHAPE_NAME("thought"), SHAPE_SCALAR, TOLD(kind), NULL},
    {SHAPE_NAME("functionCall"), SHAPE_OBJECT, SHAPE_NOWHERE, call_shape},
    SHAPE_DONE,
};

static const struct shape skipped[] = {SHAPE_DONE};

static const struct shape content_shape[] = {
    {SHAPE_NAME("parts"), SHAPE_SPAN, TOLD(parts), skipped},
    SHAPE_DONE,
};

static const struct shape candidate_shape[] = {
    {SHAPE_NAME("content"), SHAPE_OBJECT, SHAPE_NOWHERE, content_shape},
    {SHAPE_NAME("finishReason"), SHAPE_SCALAR, TOLD(stop_reason), NULL},
    SHAPE_DONE,
};

/* Of a prompt that was blocked. A prompt that was not may have feedback, too. */
static const struct shape feedback_shape[] = {
    {SHAPE_NAME("blockReason"), SHAPE_SCALAR, TOLD(complaint.type), NULL},
    {SHAPE_NAME("blockReasonMessage"), SHAPE_SCALAR, TOLD(complaint.message), NULL},
    SHAPE_DONE,
};

static const struct shape detail_shape[] = {
    {SHAPE_NAME("retryDelay"), SHAPE_SCALAR, TOLD(complaint.retry_delay), NULL},
    SHAPE_DONE,
};

static const struct shape details_shape[] = {
    {{0}, SHAPE_EACH, SHAPE_NOWHERE, detail_shape},
    SHAPE_DONE,
};

static const struct shape error_shape[] = {
    {SHAPE_NAME("code"), SHAPE_SCALAR, TOLD(complaint.code), NULL},
    {SHAPE_NAME("message"), SHAPE_SCALAR, TOLD(complaint.message), NULL},
    {SHAPE_NAME("status"), SHAPE_SCALAR, TOLD(complaint.type), NULL},
    {SHAPE_NAME("details"), SHAPE_SPAN, TOLD(complaint.details), details_shape},
    SHAPE_DONE,
};

/* A chunk of a stream is a whole body. */
static const struct shape body_shape[] = {
    {SHAPE_NAME("candidates"), SHAPE_EACH, SHAPE_NOWHERE, candidate_shape},
    {SHAPE_NAME("usageMetadata"), SHAPE_OBJECT, SHAPE_NOWHERE, usage_shape},
    {SHAPE_NAME("modelVersion"), SHAPE_SCALAR, TOLD(model), NULL},
    {SHAPE_NAME("responseId"), SHAPE_SCALAR, TOLD(id), NULL},
    {SHAPE_NAME("error"), SHAPE_OBJECT, TOLD(complaint.count), error_shape},
    {SHAPE_NAME("promptFeedback"), SHAPE_OBJECT, SHAPE_NOWHERE, feedback_shape},
    SHAPE_DONE,
};

static void take_part(struct slice text, struct told *told)
{
    struct told part = {0};

    if (shape_read(text, part_shape, &part, NULL) != RC_OK)
        return; /* no object: nothing that we know */
    if (part.kind.raw.data != NULL && part.kind.kind == JSON_TRUE) {
        part.other_bytes += part.text_bytes;
        part.text_bytes = 0;
    }
    told->text_bytes += part.text_bytes;
    told->other_bytes += part.other_bytes;
}

static void take_parts(struct told *told)
{
    struct json json;
    struct json_token token;
    struct slice part;

    json_init(&json, told->parts, JSON_STRICT);
    if (json_next(&json, &token) != RC_OK || token.kind != JSON_ARRAY)
        return;
    while (json_next(&json, &token) == RC_OK && token.kind != JSON_ARRAY_END)
        if (json_value(&json, &token, &part) == RC_OK)
            take_part(part, told);
}

static void finish(struct told *told)
{
    take_parts(told);
    if (told->complaint.count == 0 && told->complaint.type.raw.data != NULL)
        told->complaint.count = 1;
}

/* The reason for finishing is all the end there is. */
static void judge_event(struct slice name, struct told *told)
{
    (void)name;
    told->is_complete = told->stop_reason.raw.data != NULL;
    told->is_end = told->is_complete;
}

/* Clients write names either way. */
static const struct shape ask_part_shape[] = {
    {SHAPE_NAME("text"), SHAPE_PROMPT, WISH(prompt), NULL},
    {SHAPE_NAME("inlineData"), SHAPE_MET, WISH(other_parts), skipped},
    {SHAPE_NAME("inline_data"), SHAPE_MET, WISH(other_parts), skipped},
    {SHAPE_NAME("fileData"), SHAPE_MET, WISH(other_parts), skipped},
    {SHAPE_NAME("file_data"), SHAPE_MET, WISH(other_parts), skipped},
    {SHAPE_NAME("functionCall"), SHAPE_MET, WISH(other_parts), skipped},
    {SHAPE_NAME("function_call"), SHAPE_MET, WISH(other_parts), skipped},
    {SHAPE_NAME("functionResponse"), SHAPE_MET, WISH(other_parts), skipped},
    {SHAPE_NAME("function_response"), SHAPE_MET, WISH(other_parts), skipped},
    SHAPE_DONE,
};

static const struct shape roles[] = {
    {SHAPE_NAME("user"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    {SHAPE_NAME("model"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    {SHAPE_NAME("function"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    SHAPE_DONE,
};

static const struct shape turn_shape[] = {
    {SHAPE_NAME("parts"), SHAPE_EACH, SHAPE_NOWHERE, ask_part_shape},
    {SHAPE_NAME("role"), SHAPE_WORDS, WISH(roles), roles},
    SHAPE_DONE,
};

static const struct shape turns_shape[] = {
    {{0}, SHAPE_LIST, WISH(turns), turn_shape},
    SHAPE_DONE,
};

/* Its role is whatever the client thinks it is. */
static const struct shape instruction_shape[] = {
    {SHAPE_NAME("parts"), SHAPE_EACH, SHAPE_NOWHERE, ask_part_shape},
    {SHAPE_NAME("parts"), SHAPE_OBJECT, SHAPE_NOWHERE, ask_part_shape},
    SHAPE_DONE,
};

static const struct shape system_shape[] = {
    {{0}, SHAPE_OBJECT, SHAPE_NOWHERE, instruction_shape},
    SHAPE_DONE,
};

static const struct shape function_shape[] = {
    {SHAPE_NAME("name"), SHAPE_FIRST, WISH(tool_first), NULL},
    SHAPE_DONE,
};

static const struct shape tool_shape[] = {
    {SHAPE_NAME("functionDeclarations"), SHAPE_EACH, WISH(tools), function_shape},
    SHAPE_DONE,
};

static const struct shape tools_shape[] = {
    {{0}, SHAPE_EACH, SHAPE_NOWHERE, tool_shape},
    SHAPE_DONE,
};

static const struct shape calling_shape[] = {
    {SHAPE_NAME("mode"), SHAPE_SCALAR, WISH(tool_choice), NULL},
    SHAPE_DONE,
};

static const struct shape tool_config_shape[] = {
    {SHAPE_NAME("functionCallingConfig"), SHAPE_OBJECT, SHAPE_NOWHERE, calling_shape},
    SHAPE_DONE,
};

/* Models think anyhow; this tells it. */
static const struct shape thinking_shape[] = {
    {SHAPE_NAME("includeThoughts"), SHAPE_SCALAR, WISH(thinking), NULL},
    SHAPE_DONE,
};

static const struct shape config_shape[] = {
    {SHAPE_NAME("maxOutputTokens"), SHAPE_NUMBER, WISH(output_tokens_max), NULL},
    {SHAPE_NAME("temperature"), SHAPE_SCALAR, WISH(temperature), NULL},
    {SHAPE_NAME("topP"), SHAPE_SCALAR, WISH(top_p), NULL},
    {SHAPE_NAME("topK"), SHAPE_SCALAR, WISH(top_k), NULL},
    {SHAPE_NAME("thinkingConfig"), SHAPE_OBJECT, SHAPE_NOWHERE, thinking_shape},
    SHAPE_DONE,
};

/* Model and stream stand in the path. The curl examples write two names with underscores. */
static const struct shape ask_shape[] = {
    {SHAPE_NAME("contents"), SHAPE_SPAN, WISH(turns_span), turns_shape},
    {SHAPE_NAME("systemInstruction"), SHAPE_SPAN, WISH(system_span), system_shape},
    {SHAPE_NAME("system_instruction"), SHAPE_SPAN, WISH(system_span), system_shape},
    {SHAPE_NAME("generationConfig"), SHAPE_OBJECT, SHAPE_NOWHERE, config_shape},
    {SHAPE_NAME("generation_config"), SHAPE_OBJECT, SHAPE_NOWHERE, config_shape},
    {SHAPE_NAME("tools"), SHAPE_SPAN, WISH(tools_span), tools_shape},
    {SHAPE_NAME("toolConfig"), SHAPE_OBJECT, SHAPE_NOWHERE, tool_config_shape},
    SHAPE_DONE,
};

/* --- writing: a request ----------------------------------------------------------------------- */

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void write_escaped(struct slice name, struct buffer *out)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t at = 0; at < name.size; at++) {
        unsigned char byte = (unsigned char)name.data[at];

        if (is_unreserved(name.data[at])) {
            buffer_byte(out, name.data[at]);
            continue;
        }
        buffer_byte(out, '%');
        buffer_byte(out, digits[byte >> 4]);
        buffer_byte(out, digits[byte & 15]);
    }
}

static void write_path(struct slice model, bool stream, struct buffer *out)
{
    buffer_append(out, SLICE("/v1beta/models/"));
    write_escaped(model, out);
    buffer_append(out,
                  stream ? SLICE(":streamGenerateContent?alt=sse") : SLICE(":generateContent"));
}

static void write_ask(const struct ask *ask, struct buffer *out)
{
    buffer_append(out, SLICE("{\"contents\":[{\"parts\":[{\"text\":"));
    json_write_text(out, ask->prompt);
    buffer_append(out, SLICE("}],\"role\":\"user\"}],\"generationConfig\":{\"maxOutputTokens\":"));
    buffer_u64(out, ask->output_tokens_max);
    buffer_append(out, SLICE("}}"));
}

/* --- writing: a response ---------------------------------------------------------------------- */

static const char *const stop_words[STOP_COUNT] = {
    [STOP_END] = "STOP",  [STOP_MAX_TOKENS] = "MAX_TOKENS", [STOP_SEQUENCE] = "STOP",
    [STOP_TOOL] = "STOP", [STOP_REFUSAL] = "SAFETY",        [STOP_WINDOW] = "MAX_TOKENS",
};

static void write_finish_reason(const struct reply *reply, struct buffer *out)
{
    buffer_append(out, SLICE(",\"finishReason\":\""));
    buffer_text(out, stop_words[reply->stop]);
    buffer_byte(out, '"');
}

/* From behind what a part says to the part's end. */
static void close_part(const struct block *block, struct buffer *out)
{
    buffer_append(out,
                  block->piece == PIECE_THINKING ? SLICE("\",\"thought\":true}") : SLICE("\"}"));
}

static void write_function_call(const struct reply *reply, struct buffer *out)
{
    buffer_append(out, SLICE("{\"functionCall\":{\"name\":"));
    json_write_text(out, reply->tool_name);
    buffer_append(out, SLICE(",\"args\":"));
    content_write_input(reply, out);
    buffer_append(out, SLICE(",\"id\":\""));
    words_write_id(out, SLICE("call_"), reply->run_tag, reply->request_number);
    buffer_append(out, SLICE("\"}}"));
}

static void write_part(const struct reply *reply, const struct block *block, struct buffer *out)
{
    if (block->piece == PIECE_TOOL) {
        write_function_call(reply, out);
        return;
    }
    buffer_append(out, SLICE("{\"text\":\""));
    content_write_all(reply, block, out);
    close_part(block, out);
}

/* A count that stands there only when it is not 0. */
static void write_count(struct slice name, uint64_t count, struct buffer *out)
{
    if (count == 0)
        return;
    buffer_append(out, name);
    buffer_u64(out, count);
}

/* After the first `tokens` tokens. */
static void write_usage(const struct reply *reply, uint64_t tokens, struct buffer *out)
{
    uint64_t thinking = content_thinking_tokens(reply);
    uint64_t prompt = content_count(reply, reply->input_tokens);
    uint64_t output = content_count(reply, tokens);
    uint64_t thoughts = content_count(reply, thinking < tokens ? thinking : tokens);

    if (!content_tells_usage(reply))
        return;
    buffer_append(out, SLICE(",\"usageMetadata\":{\"promptTokenCount\":"));
    buffer_u64(out, prompt);
    buffer_append(out, SLICE(",\"candidatesTokenCount\":"));
    buffer_u64(out, output - thoughts);
    buffer_append(out, SLICE(",\"totalTokenCount\":"));
    buffer_u64(out, prompt + output);
    write_count(SLICE(",\"cachedContentTokenCount\":"), content_count(reply, reply->cached_tokens),
                out);
    buffer_append(out, SLICE(",\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":"));
    buffer_u64(out, prompt);
    buffer_append(out, SLICE("}]"));
    write_count(SLICE(",\"thoughtsTokenCount\":"), thoughts, out);
    buffer_append(out, SLICE(",\"serviceTier\":\"standard\"}"));
}

/* From behind the parts to behind the usage after that many tokens. */
static void write_rest(const struct reply *reply, bool is_last, uint64_t tokens, struct buffer *out)
{
    buffer_append(out, SLICE("],\"role\":\"model\"}"));
    if (is_last)
        write_finish_reason(reply, out);
    buffer_append(out, SLICE(",\"index\":0}]"));
    write_usage(reply, tokens, out);
    buffer_append(out, SLICE(",\"modelVersion\":"));
    json_write_text(out, reply->model);
    buffer_append(out, SLICE(",\"responseId\":\""));
    words_write_id(out, SLICE(""), reply->run_tag, reply->request_number);
    buffer_append(out, SLICE("\"}"));
}

static const struct slice OPENING = SHAPE_NAME("{\"candidates\":[{\"content\":{\"parts\":[");

static void write_answer(const struct reply *reply, struct buffer *out)
{
    struct block block;
    bool has_part = false;

    buffer_append(out, OPENING);
    for (uint32_t i = 0; content_block(reply, i, &block); i++) {
        if (content_is_hidden(reply, &block))
            continue;
        if (has_part)
            buffer_byte(out, ',');
        write_part(reply, &block, out);
        has_part = true;
    }
    write_rest(reply, true, reply->output_tokens, out);
}

/* --- writing: a stream ------------------------------------------------------------------------ */

static void open_chunk(struct buffer *out)
{
    buffer_append(out, SLICE("data: "));
    buffer_append(out, OPENING);
}

/* Never the last one. */
static void close_chunk(const struct reply *reply, uint64_t tokens, struct buffer *out)
{
    write_rest(reply, false, tokens, out);
    buffer_append(out, SLICE("\r\n\r\n"));
}

static void write_opening(const struct reply *reply, struct buffer *out)
{
    (void)reply;
    (void)out; /* the first chunk is the first that is said */
}

static void write_delta_open(const struct reply *reply, const struct block *block,
                             struct buffer *out)
{
    (void)reply;
    (void)block;
    open_chunk(out);
    buffer_append(out, SLICE("{\"text\":\""));
}

static void write_delta_close(const struct reply *reply, const struct delta *delta,
                              struct buffer *out)
{
    close_part(delta->block, out);
    close_chunk(reply, delta->first + delta->count, out);
}

static void write_call(const struct reply *reply, const struct delta *delta, struct buffer *out)
{
    open_chunk(out);
    write_function_call(reply, out);
    close_chunk(reply, delta->block->first + delta->block->count, out);
}

static void write_closing(const struct reply *reply, uint64_t event, struct buffer *out)
{
    (void)event;
    open_chunk(out);
    buffer_append(out, SLICE("{\"text\":\"\"}"));
    write_rest(reply, true, reply->output_tokens, out);
    buffer_append(out, SLICE("\r\n\r\n"));
}

/* --- refusals --------------------------------------------------------------------------------- */

static void write_error_event(const struct refusal *refusal, const struct wording *words,
                              uint64_t event, bool is_flat, struct buffer *out)
{
    (void)event;
    (void)is_flat; /* documented as it is seen */
    buffer_append(out, SLICE("data: "));
    gemini_write_refusal(refusal, words, out);
    buffer_append(out, SLICE("\r\n\r\n"));
}

/* --- what it refuses -------------------------------------------------------------------------- */

static bool object(const struct http_request *request, const struct asked *asked,
                   struct objection *objection)
{
    bool is_zero = asked->has_output_tokens_max && asked->output_tokens_max == 0;

    if (slice_has(request->path, SLICE("countTokens")))
        return false; /* may count a whole request of another shape */
    if (!asked->has_messages)
        return objection_say(objection,
                             "* GenerateContentRequest.contents: contents is not specified\n");
    if (asked->has_bad_role)
        return objection_say(objection, "Please use a valid role: user, model.");
    if (is_zero || asked->has_negative_output_tokens_max)
        return objection_say(objection, "* GenerateContentRequest.generation_config."
                                        "max_output_tokens: max_output_tokens must be positive.\n");
    return false;
}

static const struct stop_meaning stops[] = {
    {SHAPE_NAME("SAFETY"), OUTCOME_CONTENT_POLICY},
    {SHAPE_NAME("RECITATION"), OUTCOME_CONTENT_POLICY},
    {SHAPE_NAME("LANGUAGE"), OUTCOME_CONTENT_POLICY},
    {SHAPE_NAME("BLOCKLIST"), OUTCOME_CONTENT_POLICY},
    {SHAPE_NAME("PROHIBITED_CONTENT"), OUTCOME_CONTENT_POLICY},
    {SHAPE_NAME("SPII"), OUTCOME_CONTENT_POLICY},
    {SHAPE_NAME("IMAGE_SAFETY"), OUTCOME_CONTENT_POLICY},
    {{0}, OUTCOME_OK},
};

const struct format gemini_format = {
    .provider = "gemini",
    .path = SHAPE_NAME("/v1beta/models/"),
    .write_path = write_path,
    .ask_headers = SHAPE_NAME("x-goog-api-key: "),
    .key_header = SHAPE_NAME("x-goog-api-key"),
    .answer_headers = SHAPE_NAME("vary: Origin, X-Origin, Referer\r\n"
                                 "x-content-type-options: nosniff\r\n"
                                 "x-frame-options: SAMEORIGIN\r\n"
                                 "x-xss-protection: 0\r\n"),
    .always_tells_usage = true,
    .cache_writes_are_silent = true,
    .thinking_is_apart = true,
    .tells_usage_always = true,
    .ping = SHAPE_NAME(": ping\r\n\r\n"),
    .wording = gemini_wording,
    .limit_wording = gemini_limit_wording,
    .hopeless_wording = gemini_hopeless_wording,
    .key_words = {403, 400,
                  "Method doesn't allow unregistered callers (callers without established "
                  "identity). Please use API Key or other form of API consumer identity to call "
                  "this API.",
                  NULL, NULL},
    .stream_type = SHAPE_NAME("text/event-stream"),
    .not_json = "Invalid JSON payload received.",
    .key_query = SHAPE_NAME("key="),
    .object = object,
    .stops = stops,
    .stop_words = stop_words,
    .event_shape = body_shape,
    .body_shape = body_shape,
    .ask_shape = ask_shape,
    .finish = finish,
    .judge_event = judge_event,
    .write_ask = write_ask,
    .write_answer = write_answer,
    .write_opening = write_opening,
    .write_delta_open = write_delta_open,
    .write_delta_close = write_delta_close,
    .write_call = write_call,
    .write_closing = write_closing,
    .write_refusal = gemini_write_refusal,
    .write_error_event = write_error_event,
};
