/* What goes wrong in an answer's head, in place of an answer, or before there is one. */

#include "scenario/fault_read.h"

enum { HEADERS_MAX = 16, HEADER_VALUE_MAX = 1024 };

/* --- statuses --------------------------------------------------------------------------------- */

/* What a provider may tell with an error: enum outcome. */
enum rc fault_read_failure(struct reading *r, const struct value *value, void *out)
{
    static const enum outcome told[] = {
        OUTCOME_RATE_LIMITED,   OUTCOME_QUOTA,           OUTCOME_OVERLOADED, OUTCOME_SERVER_ERROR,
        OUTCOME_CONTEXT_LENGTH, OUTCOME_INVALID_REQUEST, OUTCOME_AUTH,       OUTCOME_CONTENT_POLICY,
    };
    const char *words[ARRAY_SIZE(told)];
    enum outcome *failure = out;
    uint32_t index;

    for (uint32_t i = 0; i < ARRAY_SIZE(told); i++)
        words[i] = outcome_word(told[i]);
    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    *failure = told[index];
    return RC_OK;
}

struct advice_block {
    struct value date, ms, raw;
};

static enum rc read_advice_form(struct reading *r, const struct value *value, struct fault *fault)
{
    static const struct read_key keys[] = {
        {"date", OPTIONAL, read_keep, offsetof(struct advice_block, date)},
        {"ms", OPTIONAL, read_keep, offsetof(struct advice_block, ms)},
        {"raw", OPTIONAL, read_keep, offsetof(struct advice_block, raw)},
    };
    struct advice_block block = {0};

    TRY(read_object(r, value, keys, ARRAY_SIZE(keys), &block));
    if (value_is_there(&block.date) + value_is_there(&block.ms) + value_is_there(&block.raw) != 1)
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found not just one of \"date\", \"ms\" and \"raw\", expected one");
    if (value_is_there(&block.raw)) {
        fault->advice = PLAN_ADVICE_RAW;
        return read_text(r, &block.raw, fault->advice_raw, sizeof(fault->advice_raw));
    }
    fault->advice = value_is_there(&block.date) ? PLAN_ADVICE_DATE : PLAN_ADVICE_MS;
    return read_duration(r, value_is_there(&block.date) ? &block.date : &block.ms,
                         &fault->advice_wait);
}

enum rc fault_read_retry_after(struct reading *r, const struct value *value, struct fault *fault)
{
    if (value->token.kind == JSON_OBJECT)
        return read_advice_form(r, value, fault);
    fault->advice = PLAN_ADVICE_SECONDS;
    return read_duration(r, value, &fault->advice_wait);
}

enum rc fault_read_status(struct reading *r, const struct value *value, struct fault *fault)
{
    struct answer ignored = {0};
    uint64_t status = 0;

    fault->kind = FAULT_STATUS;
    if (value->token.kind == JSON_NUMBER && slice_is(value->text, SLICE("200"))) {
        fault->status = 200;
        fault->quirks |= QUIRK_ERROR_BODY;
        return RC_OK;
    }
    TRY(read_whole(r, value, 400, 599, &status));
    fault->status = (uint16_t)status;
    fault->failure = format_read_error(API_ANTHROPIC, fault->status, (struct slice){0}, &ignored);
    return RC_OK;
}

enum rc fault_read_reset(struct reading *r, const struct value *value, struct fault *fault)
{
    static const char *const words[] = {"fin", "rst"};
    uint32_t index;

    fault->kind = FAULT_RESET;
    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    fault->close = index == 0 ? PLAN_CLOSE_FIN : PLAN_CLOSE_RST;
    return RC_OK;
}

enum rc fault_read_slow_headers(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->quirks |= QUIRK_SLOW_HEADERS;
    return read_span(r, value, &fault->delay);
}

enum rc fault_read_context_window(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->kind = FAULT_CONTEXT_WINDOW;
    return read_tokens(r, value, &fault->tokens);
}

/* --- the head, and a body --------------------------------------------------------------------- */

/* A line feed in a value would be a line of its own. */
enum rc read_header_value(struct reading *r, const struct value *value, struct slice *text)
{
    TRY(read_string(r, value, text));
    if (text->size > HEADER_VALUE_MAX)
        return read_refuse(r, RC_LIMIT, value, "at most %d bytes", HEADER_VALUE_MAX);
    for (size_t i = 0; i < text->size; i++) {
        unsigned char c = (unsigned char)text->data[i];

        if ((c < ' ' && c != '\t') || c == 127)
            return read_refuse(r, RC_MALFORMED, value, "a string without control characters");
    }
    return RC_OK;
}

struct header_lines {
    struct fault_header *list;
    uint32_t count;
};

static enum rc add_header(struct reading *r, const struct value *value, struct slice name,
                          struct header_lines *lines)
{
    struct fault_header *line = &lines->list[lines->count];

    if (lines->count == HEADERS_MAX)
        return read_refuse(r, RC_LIMIT, value, "at most %d header lines", HEADERS_MAX);
    *line = (struct fault_header){.name = name, .is_removed = value->token.kind == JSON_NULL};
    if (!line->is_removed)
        TRY(read_header_value(r, value, &line->value));
    lines->count++;
    return RC_OK;
}

static enum rc read_header(struct reading *r, const struct value *key, const struct value *value,
                           struct header_lines *lines)
{
    struct walk walk;
    struct value element;
    struct slice name;

    TRY(read_header_name(r, key, &name));
    if (header_is_framing(name))
        return read_refuse(r, RC_MALFORMED, key, "a header that does not frame the answer");
    if (value->token.kind != JSON_ARRAY)
        return add_header(r, value, name, lines);
    TRY(read_expect_elements(r, value, HEADERS_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element)) {
        if (element.token.kind == JSON_NULL)
            return read_refuse(r, RC_MALFORMED, &element, "a string");
        TRY(add_header(r, &element, name, lines));
    }
    return RC_OK;
}

enum rc fault_read_headers(struct reading *r, const struct value *value, struct fault *fault)
{
    struct header_lines lines = {.list =
                                     arena_take(r->arena, HEADERS_MAX, sizeof(*fault->headers))};
    struct walk walk;
    struct value key, member;

    if (lines.list == NULL)
        return read_out_of_memory(r);
    TRY(read_expect_object(r, value));
    walk_init(&walk, value);
    while (walk_next(&walk, &key, &member))
        TRY(read_header(r, &key, &member, &lines));
    if (lines.count == 0)
        return read_refuse_as(r, RC_MALFORMED, value, "found no header, expected one or more");
    fault->quirks |= QUIRK_HEADERS;
    fault->headers = lines.list;
    fault->headers_count = lines.count;
    return RC_OK;
}

enum rc fault_read_content_type(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->quirks |= QUIRK_CONTENT_TYPE;
    if (value->token.kind == JSON_NULL)
        return RC_OK;
    TRY(read_header_value(r, value, &fault->content_type));
    if (fault->content_type.size == 0)
        return read_refuse(r, RC_MALFORMED, value, "a content type, or null for none");
    return RC_OK;
}

enum rc fault_read_body(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->quirks |= QUIRK_BODY;
    return read_string(r, value, &fault->body);
}
