#include "wire/responses_object.h"

#include "wire/json.h"
#include "wire/words.h"

/* --- items --------------------------------------------------------------------------- */

const char *const responses_stop_words[STOP_COUNT] = {
    [STOP_END] = "completed",          [STOP_MAX_TOKENS] = "max_output_tokens",
    [STOP_SEQUENCE] = "completed",     [STOP_TOOL] = "completed",
    [STOP_REFUSAL] = "content_filter", [STOP_WINDOW] = "max_output_tokens",
};

bool responses_is_whole(const struct reply *reply)
{
    return reply->stop == STOP_END || reply->stop == STOP_SEQUENCE || reply->stop == STOP_TOOL;
}

static struct slice status_of(const struct reply *reply, enum responses_progress progress)
{
    if (progress == RESPONSES_BEGUN)
        return SLICE("in_progress");
    return responses_is_whole(reply) ? SLICE("completed") : SLICE("incomplete");
}

void responses_write_item_id(const struct reply *reply, const struct block *block,
                             struct buffer *out)
{
    static const struct slice prefixes[PIECE_COUNT] = {
        [PIECE_THINKING] = SHAPE_NAME("rs_"),
        [PIECE_TEXT] = SHAPE_NAME("msg_"),
        [PIECE_TOOL] = SHAPE_NAME("fc_"),
    };

    words_write_id(out, prefixes[block->piece], reply->run_tag, reply->request_number);
}

void responses_write_text(const struct reply *reply, const struct block *block,
                          enum responses_progress progress, struct buffer *out)
{
    buffer_byte(out, '"');
    if (progress == RESPONSES_DONE)
        content_write_all(reply, block, out);
    buffer_byte(out, '"');
}

void responses_write_part(const struct reply *reply, const struct block *block,
                          enum responses_progress progress, struct buffer *out)
{
    if (block->piece == PIECE_THINKING) {
        buffer_append(out, SLICE("{\"type\":\"summary_text\",\"text\":"));
        responses_write_text(reply, block, progress, out);
        buffer_byte(out, '}');
        return;
    }
    buffer_append(out, SLICE("{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],"
                             "\"text\":"));
    responses_write_text(reply, block, progress, out);
    buffer_byte(out, '}');
}

static void write_call(const struct reply *reply, const struct block *block,
                       enum responses_progress progress, struct buffer *out)
{
    buffer_append(out, SLICE("\"type\":\"function_call\",\"status\":\""));
    buffer_append(out, status_of(reply, progress));
    buffer_append(out, SLICE("\",\"arguments\":"));
    responses_write_text(reply, block, progress, out);
    buffer_append(out, SLICE(",\"call_id\":\""));
    words_write_id(out, SLICE("call_"), reply->run_tag, reply->request_number);
    buffer_append(out, SLICE("\",\"name\":"));
    json_write_text(out, reply->tool_name);
}

static void write_message(const struct reply *reply, const struct block *block,
                          enum responses_progress progress, struct buffer *out)
{
    buffer_append(out, SLICE("\"type\":\"message\",\"status\":\""));
    buffer_append(out, status_of(reply, progress));
    buffer_append(out, SLICE("\",\"content\":["));
    if (progress == RESPONSES_DONE)
        responses_write_part(reply, block, progress, out);
    buffer_append(out, SLICE("],\"role\":\"assistant\""));
}

static void write_reasoning(const struct reply *reply, const struct block *block,
                            enum responses_progress progress, struct buffer *out)
{
    buffer_append(out, SLICE("\"type\":\"reasoning\",\"summary\":["));
    if (progress == RESPONSES_DONE)
        responses_write_part(reply, block, progress, out);
    buffer_byte(out, ']');
}

void responses_write_item(const struct reply *reply, const struct block *block,
                          enum responses_progress progress, struct buffer *out)
{
    static void (*const writers[PIECE_COUNT])(const struct reply *, const struct block *,
                                              enum responses_progress, struct buffer *) = {
        [PIECE_THINKING] = write_reasoning,
        [PIECE_TEXT] = write_message,
        [PIECE_TOOL] = write_call,
    };

    buffer_append(out, SLICE("{\"id\":\""));
    responses_write_item_id(reply, block, out);
    buffer_append(out, SLICE("\","));
    writers[block->piece](reply, block, progress, out);
    buffer_byte(out, '}');
}

/* --- the response object ------------------------------------------------------------- */

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
        responses_write_item(reply, &block, RESPONSES_DONE, out);
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

void responses_write(const struct reply *reply, enum responses_progress progress,
                     struct buffer *out)
{
    bool is_cut = progress == RESPONSES_DONE && !responses_is_whole(reply);

    open_response(reply, status_of(reply, progress), out);
    buffer_append(out, SLICE("null"));
    write_settings(reply, is_cut ? slice_of(responses_stop_words[reply->stop]) : SLICE(""), out);
    if (progress == RESPONSES_DONE)
        write_output(reply, out);
    write_more_settings(out);
    if (progress == RESPONSES_DONE && content_tells_usage(reply))
        write_usage(reply, out);
    else
        buffer_append(out, SLICE("null"));
    close_response(out);
}

void responses_write_code(const struct wording *words, struct buffer *out)
{
    buffer_append(out, SLICE("\"code\":"));
    wording_write_name(words->code != NULL ? words->code : words->type, out);
}

void responses_write_failed(const struct refusal *refusal, const struct wording *words,
                            struct buffer *out)
{
    const struct reply reply = {
        .model = refusal->model,
        .request_number = refusal->request_number,
        .run_tag = refusal->run_tag,
        .wall_unix_s = refusal->wall_unix_s,
    };

    open_response(&reply, SLICE("failed"), out);
    buffer_byte(out, '{');
    responses_write_code(words, out);
    buffer_append(out, SLICE(",\"message\":"));
    wording_write_message(words, refusal, out);
    buffer_byte(out, '}');
    write_settings(&reply, SLICE(""), out);
    write_more_settings(out);
    buffer_append(out, SLICE("null"));
    close_response(out);
}
