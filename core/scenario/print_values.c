/* Quantities as a scenario has them, and lists of them. */

#include <stdio.h>

#include "scenario/print.h"

void print_string(struct buffer *out, const char *text)
{
    json_write_text(out, slice_of(text));
}

void print_bool(struct buffer *out, bool flag)
{
    buffer_text(out, flag ? "true" : "false");
}

void print_duration(struct buffer *out, nanos value)
{
    if (value == NANOS_NEVER)
        buffer_text(out, "\"never\"");
    else if (value % NANOS_S == 0)
        buffer_printf(out, "\"%llds\"", (long long)(value / NANOS_S));
    else if (value % NANOS_MS == 0)
        buffer_printf(out, "\"%lldms\"", (long long)(value / NANOS_MS));
    else if (value % NANOS_US == 0)
        buffer_printf(out, "\"%lldus\"", (long long)(value / NANOS_US));
    else
        buffer_printf(out, "\"%lldns\"", (long long)value);
}

/* Units take up to nine decimals and no exponent. */
static void write_decimal(struct buffer *out, double value)
{
    char text[64];
    int size = snprintf(text, sizeof(text), "%.9f", value);

    while (text[size - 1] == '0')
        size--;
    if (text[size - 1] == '.')
        size--;
    buffer_append(out, (struct slice){text, (size_t)size});
}

void print_rate(struct buffer *out, double per_s, const char *noun)
{
    buffer_byte(out, '"');
    write_decimal(out, per_s);
    buffer_printf(out, "%s/s\"", noun);
}

void print_share(struct buffer *out, double share)
{
    buffer_byte(out, '"');
    write_decimal(out, share * 100);
    buffer_text(out, "%\"");
}

static void write_span_point(struct buffer *out, double value)
{
    print_duration(out, (nanos)value);
}

static void write_tokens_point(struct buffer *out, double value)
{
    buffer_u64(out, (uint64_t)value);
}

static void write_distribution(struct buffer *out, const struct distribution *d,
                               void (*write_point)(struct buffer *, double))
{
    if (d->kind == DISTRIBUTION_FIXED) {
        write_point(out, d->p50);
        return;
    }
    buffer_text(out, "{\"p50\": ");
    write_point(out, d->p50);
    buffer_text(out, ", \"p99\": ");
    write_point(out, d->p99);
    buffer_byte(out, '}');
}

void print_spans(struct buffer *out, const struct distribution *d)
{
    write_distribution(out, d, write_span_point);
}

void print_tokens(struct buffer *out, const struct distribution *d)
{
    write_distribution(out, d, write_tokens_point);
}

void print_money(struct buffer *out, money value)
{
    buffer_byte(out, '"');
    money_write(out, value);
    buffer_byte(out, '"');
}

void print_item(struct buffer *out, uint32_t index, const char *indent)
{
    buffer_text(out, index == 0 ? "\n" : ",\n");
    buffer_text(out, indent);
}

void print_plain(struct buffer *out, struct slice text)
{
    struct json json;
    struct json_token token;
    bool needs_comma = false;

    json_init(&json, text, JSON_COMMENTS);
    while (json_next(&json, &token) == RC_OK) {
        bool is_end = token.kind == JSON_OBJECT_END || token.kind == JSON_ARRAY_END;
        bool is_text = token.kind == JSON_KEY || token.kind == JSON_STRING;

        buffer_text(out, needs_comma && !is_end ? ", " : "");
        buffer_text(out, is_text ? "\"" : "");
        buffer_append(out, token.raw);
        buffer_text(out, is_text ? "\"" : "");
        buffer_text(out, token.kind == JSON_KEY ? ": " : "");
        needs_comma =
            token.kind != JSON_KEY && token.kind != JSON_OBJECT && token.kind != JSON_ARRAY;
    }
}
