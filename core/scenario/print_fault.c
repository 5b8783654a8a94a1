/* One fault in the words of a scenario (fault_words.h). */

#include "scenario/print.h"

#include <assert.h>

static const char *close_word(enum plan_close close)
{
    static const char *const words[] = {
        [PLAN_CLOSE_END] = "end", [PLAN_CLOSE_FIN] = "fin", [PLAN_CLOSE_RST] = "rst"};

    return words[close];
}

static bool has(const struct fault *fault, uint32_t quirk)
{
    return (fault->quirks & quirk) != 0;
}

/* `"word": {"after_tokens": N`, to be closed. */
static void open_after_tokens(struct buffer *out, const char *word, uint64_t tokens)
{
    buffer_printf(out, "\"%s\": {\"after_tokens\": %llu", word, (unsigned long long)tokens);
}

static void write_count(struct buffer *out, const char *word, uint64_t count)
{
    buffer_printf(out, "\"%s\": %llu", word, (unsigned long long)count);
}

static void write_retry_after(struct buffer *out, const struct fault *fault)
{
    if (fault->advice == PLAN_ADVICE_NONE)
        return;
    buffer_text(out, ", \"retry_after\": ");
    if (fault->advice == PLAN_ADVICE_SECONDS) {
        print_duration(out, fault->advice_wait);
        return;
    }
    buffer_text(out, fault->advice == PLAN_ADVICE_DATE ? "{\"date\": "
                     : fault->advice == PLAN_ADVICE_MS ? "{\"ms\": "
                                                       : "{\"raw\": ");
    if (fault->advice == PLAN_ADVICE_RAW)
        print_string(out, fault->advice_raw);
    else
        print_duration(out, fault->advice_wait);
    buffer_byte(out, '}');
}

static void write_status(struct buffer *out, const struct fault *fault)
{
    buffer_printf(out, "\"status\": %u, \"failure\": \"%s\"", fault->status,
                  outcome_word(fault->failure));
    write_retry_after(out, fault);
}

static void write_cut(struct buffer *out, const struct fault *fault)
{
    if (has(fault, QUIRK_ERROR_EVENT)) {
        open_after_tokens(out, "error_event", fault->tokens);
        buffer_printf(out, ", \"failure\": \"%s\", \"form\": \"%s\"}", outcome_word(fault->failure),
                      has(fault, QUIRK_FLAT_ERROR) ? "documented" : "wire");
        return;
    }
    open_after_tokens(out, "cut", fault->tokens);
    buffer_printf(out, ", \"by\": \"%s\"", close_word(fault->close));
    if (has(fault, QUIRK_INSIDE_EVENT))
        buffer_text(out, ", \"inside_event\": true");
    buffer_byte(out, '}');
}

static void write_stall(struct buffer *out, const struct fault *fault)
{
    open_after_tokens(out, "stall", fault->tokens);
    if (has(fault, QUIRK_PINGS))
        buffer_text(out, ", \"behind\": \"pings\"");
    if (has(fault, QUIRK_COMMENTS))
        buffer_text(out, ", \"behind\": \"comments\"");
    buffer_byte(out, '}');
}

static void write_freeze(struct buffer *out, const struct fault *fault)
{
    open_after_tokens(out, "freeze", fault->tokens);
    buffer_text(out, ", \"for\": ");
    print_duration(out, fault->delay);
    buffer_byte(out, '}');
}

static void write_idle_closed(struct buffer *out, const struct fault *fault)
{
    buffer_text(out, "{\"idle_closed\": {\"after\": ");
    print_duration(out, fault->delay);
    buffer_printf(out, ", \"by\": \"%s\"}}",
                  fault->close == PLAN_CLOSE_END ? "silent" : close_word(fault->close));
}

static void write_connection(struct buffer *out, const struct fault *fault)
{
    buffer_text(out, "\"connection\": ");
    switch (fault->connection) {
    case CONNECTION_FINE:
        assert(false); /* no word for it */
        break;
    case CONNECTION_REFUSED:
        buffer_text(out, "\"refused\"");
        break;
    case CONNECTION_CLOSED:
        buffer_text(out, fault->close == PLAN_CLOSE_RST ? "\"reset\"" : "\"closed\"");
        break;
    case CONNECTION_SILENT:
        buffer_text(out, "\"silent\"");
        break;
    case CONNECTION_IDLE_CLOSED:
        write_idle_closed(out, fault);
        break;
    case CONNECTION_SLOW:
        buffer_text(out, "{\"slow\": ");
        print_duration(out, fault->delay);
        buffer_byte(out, '}');
        break;
    case CONNECTION_LIMIT:
        buffer_byte(out, '{');
        write_count(out, "limit", fault->tokens);
        buffer_byte(out, '}');
        break;
    }
}

/* --- quirks ----------------------------------------------------------------------------------- */

static void write_slow_headers(struct buffer *out, const struct fault *fault)
{
    buffer_text(out, "\"slow_headers\": ");
    print_duration(out, fault->delay);
}

static void write_usage_times(struct buffer *out, const struct fault *fault)
{
    buffer_printf(out, "\"usage\": {\"times\": %.12g}", fault->factor);
}

/* Those whose word, at its front, says all; or which `write` tells. */
static const struct quirk_print {
    uint32_t quirk;
    const char *text;
    void (*write)(struct buffer *out, const struct fault *fault);
    const char *after_tokens;
} quirk_prints[] = {
    {.quirk = QUIRK_SLOW_HEADERS, .write = write_slow_headers},
    {.quirk = QUIRK_ONE_BYTE, .text = "\"one_byte\": true"},
    {.quirk = QUIRK_SPLIT_UTF8, .text = "\"split\": \"utf8\""},
    {.quirk = QUIRK_SPLIT_CRLF, .text = "\"split\": \"crlf\""},
    {.quirk = QUIRK_BROKEN_JSON, .after_tokens = "broken_json"},
    {.quirk = QUIRK_DUPLICATE, .after_tokens = "duplicate_event"},
    {.quirk = QUIRK_REORDER, .after_tokens = "reorder_events"},
    {.quirk = QUIRK_DONE_MISSING, .text = "\"done\": \"missing\""},
    {.quirk = QUIRK_DONE_EARLY, .text = "\"done\": \"early\""},
    {.quirk = QUIRK_DONE_WRONG, .text = "\"done\": \"wrong\""},
    {.quirk = QUIRK_NO_EVENT_NAMES, .text = "\"event_names\": false"},
    {.quirk = QUIRK_USAGE_MISSING, .text = "\"usage\": \"missing\""},
    {.quirk = QUIRK_USAGE_ZERO, .text = "\"usage\": \"zero\""},
    {.quirk = QUIRK_USAGE_WRONG, .write = write_usage_times},
    {.quirk = QUIRK_EMPTY, .text = "\"empty_answer\": true"},
    {.quirk = QUIRK_FOREIGN, .text = "\"foreign_text\": true"},
};

/* False: it has none of them, only what stands beside. */
static bool write_quirk(struct buffer *out, const struct fault *fault)
{
    if (has(fault, QUIRK_RUNAWAY)) {
        write_count(out, "runaway", fault->tokens);
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(quirk_prints); i++) {
        const struct quirk_print *print = &quirk_prints[i];

        if (!has(fault, print->quirk))
            continue;
        if (print->write != NULL)
            print->write(out, fault);
        else if (print->after_tokens != NULL)
            open_after_tokens(out, print->after_tokens, fault->tokens);
        else
            buffer_text(out, print->text);
        buffer_text(out, print->after_tokens != NULL ? "}" : "");
        return true;
    }
    return false;
}

/* --- what stands beside ----------------------------------------------------------------------- */

static bool has_line_before(const struct fault *fault, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (slice_is(fault->headers[i].name, fault->headers[index].name))
            return true;
    }
    return false;
}

/* All lines of one name, as an array unless it is one. */
static void write_header(struct buffer *out, const struct fault *fault, uint32_t first)
{
    const char *separator = "";
    uint32_t count = 0;

    for (uint32_t i = first; i < fault->headers_count; i++)
        count += slice_is(fault->headers[i].name, fault->headers[first].name);
    buffer_text(out, count > 1 ? "[" : "");
    for (uint32_t i = first; i < fault->headers_count; i++) {
        if (!slice_is(fault->headers[i].name, fault->headers[first].name))
            continue;
        buffer_text(out, separator);
        json_write_text(out, fault->headers[i].value);
        separator = ", ";
    }
    buffer_text(out, count > 1 ? "]" : "");
}

static void write_headers(struct buffer *out, const struct fault *fault)
{
    const char *separator = "";

    buffer_text(out, "\"headers\": {");
    for (uint32_t i = 0; i < fault->headers_count; i++) {
        if (has_line_before(fault, i))
            continue;
        buffer_text(out, separator);
        json_write_text(out, fault->headers[i].name);
        buffer_text(out, ": ");
        if (fault->headers[i].is_removed)
            buffer_text(out, "null");
        else
            write_header(out, fault, i);
        separator = ", ";
    }
    buffer_byte(out, '}');
}

static void write_beside(struct buffer *out, const struct fault *fault, const char *separator)
{
    if (has(fault, QUIRK_HEADERS)) {
        buffer_text(out, separator);
        write_headers(out, fault);
        separator = ", ";
    }
    if (has(fault, QUIRK_CONTENT_TYPE)) {
        buffer_printf(out, "%s\"content_type\": ", separator);
        if (fault->content_type.size > 0)
            json_write_text(out, fault->content_type);
        else
            buffer_text(out, "null");
        separator = ", ";
    }
    if (has(fault, QUIRK_BODY)) {
        buffer_printf(out, "%s\"body\": ", separator);
        json_write_text(out, fault->body);
    }
}

/* --- the whole -------------------------------------------------------------------------------- */

/* False: there is nothing but what stands beside. */
static bool write_word(struct buffer *out, const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_NONE:
        assert(false); /* it is "ok" */
        break;
    case FAULT_STATUS:
        write_status(out, fault);
        break;
    case FAULT_SLOW_TOKENS:
        buffer_printf(out, "\"slow_tokens\": %.12g", fault->factor);
        break;
    case FAULT_LATE_FIRST:
        buffer_text(out, "\"late_first_token\": ");
        print_duration(out, fault->delay);
        break;
    case FAULT_CONTEXT_WINDOW:
        write_count(out, "context_window", fault->tokens);
        break;
    case FAULT_CUT:
        write_cut(out, fault);
        break;
    case FAULT_STALL:
        write_stall(out, fault);
        break;
    case FAULT_RESET:
        buffer_printf(out, "\"reset\": \"%s\"", close_word(fault->close));
        break;
    case FAULT_FREEZE:
        write_freeze(out, fault);
        break;
    case FAULT_TOKENS_PER_EVENT:
        write_count(out, "tokens_per_event", fault->tokens);
        break;
    case FAULT_CONNECTION:
        write_connection(out, fault);
        break;
    case FAULT_CAPACITY:
        buffer_text(out, "\"capacity\": ");
        print_share(out, fault->factor);
        break;
    case FAULT_QUIRKS:
        return write_quirk(out, fault);
    }
    return true;
}

void print_fault(struct buffer *out, const struct fault *fault)
{
    bool has_word;

    if (fault->kind == FAULT_NONE) {
        buffer_text(out, "\"ok\"");
        return;
    }
    buffer_byte(out, '{');
    has_word = write_word(out, fault);
    write_beside(out, fault, has_word ? ", " : "");
    buffer_byte(out, '}');
}
