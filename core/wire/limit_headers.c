#include "wire/limit_headers.h"

#include <stdbool.h>

#include "wire/http_date.h"

enum { MS_PER_S = 1000, S_PER_MINUTE = 60, S_PER_HOUR = 3600, TOKENS_ROUNDED_TO = 1000 };

/* Behind the point, without zeros at its end. */
static void write_fraction(uint64_t ms, struct buffer *out)
{
    if (ms == 0)
        return;
    buffer_byte(out, '.');
    for (uint64_t place = MS_PER_S / 10; ms > 0; place /= 10) {
        buffer_byte(out, (char)('0' + ms / place));
        ms %= place;
    }
}

/* Rounded up to milliseconds: whoever waits that long has waited long enough. */
void limit_write_go_duration(nanos span, struct buffer *out)
{
    uint64_t ms = span > 0 ? ((uint64_t)span + NANOS_MS - 1) / NANOS_MS : 0;
    uint64_t s = ms / MS_PER_S;

    if (ms > 0 && s == 0) {
        buffer_u64(out, ms);
        buffer_text(out, "ms");
        return;
    }
    if (s >= S_PER_HOUR) {
        buffer_u64(out, s / S_PER_HOUR);
        buffer_byte(out, 'h');
    }
    if (s >= S_PER_MINUTE) {
        buffer_u64(out, s % S_PER_HOUR / S_PER_MINUTE);
        buffer_byte(out, 'm');
    }
    buffer_u64(out, s % S_PER_MINUTE);
    write_fraction(ms % MS_PER_S, out);
    buffer_byte(out, 's');
}

/* Where no limit counts all tokens, the one of input and output with less left stands for it. */
static const struct limit_told *tokens_of(const struct limit_told told[LIMIT_SCOPES_COUNT])
{
    const struct limit_told *input = &told[LIMIT_SCOPE_INPUT];
    const struct limit_told *output = &told[LIMIT_SCOPE_OUTPUT];

    if (told[LIMIT_SCOPE_TOKENS].is_there)
        return &told[LIMIT_SCOPE_TOKENS];
    if (!output->is_there)
        return input;
    if (!input->is_there)
        return output;
    return output->remaining < input->remaining ? output : input;
}

static void write_count(struct slice family, const char *scope, const char *what, uint64_t value,
                        struct buffer *out)
{
    buffer_append(out, family);
    buffer_text(out, scope);
    buffer_text(out, what);
    buffer_u64(out, value);
    buffer_append(out, SLICE("\r\n"));
}

/* --- Anthropic: instants ---------------------------------------------------------------------- */

static uint64_t rounded(uint64_t tokens)
{
    return (tokens + TOKENS_ROUNDED_TO / 2) / TOKENS_ROUNDED_TO * TOKENS_ROUNDED_TO;
}

/* In whole seconds, rounded up. */
static int64_t full_at_s(const struct limit_told *told, int64_t wall_unix_ns)
{
    int64_t at = nanos_add(wall_unix_ns, told->full_in);

    return at / NANOS_S + (at % NANOS_S > 0);
}

static void write_anthropic_scope(const char *scope, const struct limit_told *told,
                                  bool counts_tokens, int64_t wall_unix_ns, struct buffer *out)
{
    static const struct slice family = {"anthropic-ratelimit-", 20};

    if (!told->is_there)
        return;
    write_count(family, scope, "-limit: ", told->limit, out);
    write_count(family, scope,
                "-remaining: ", counts_tokens ? rounded(told->remaining) : told->remaining, out);
    buffer_append(out, family);
    buffer_text(out, scope);
    buffer_text(out, "-reset: ");
    rfc3339_write(out, full_at_s(told, wall_unix_ns));
    buffer_append(out, SLICE("\r\n"));
}

static void write_anthropic(const struct limit_told told[LIMIT_SCOPES_COUNT], int64_t wall_unix_ns,
                            struct buffer *out)
{
    write_anthropic_scope("requests", &told[LIMIT_SCOPE_REQUESTS], false, wall_unix_ns, out);
    write_anthropic_scope("tokens", tokens_of(told), true, wall_unix_ns, out);
    write_anthropic_scope("input-tokens", &told[LIMIT_SCOPE_INPUT], true, wall_unix_ns, out);
    write_anthropic_scope("output-tokens", &told[LIMIT_SCOPE_OUTPUT], true, wall_unix_ns, out);
}

/* --- OpenAI: durations ------------------------------------------------------------------------ */

static void write_openai_scope(const char *scope, const struct limit_told *told, struct buffer *out)
{
    if (!told->is_there)
        return;
    write_count(SLICE("x-ratelimit-limit-"), scope, ": ", told->limit, out);
    write_count(SLICE("x-ratelimit-remaining-"), scope, ": ", told->remaining, out);
    buffer_append(out, SLICE("x-ratelimit-reset-"));
    buffer_text(out, scope);
    buffer_append(out, SLICE(": "));
    limit_write_go_duration(told->full_in, out);
    buffer_append(out, SLICE("\r\n"));
}

void limit_headers_write(enum api api, const struct limit_told told[LIMIT_SCOPES_COUNT],
                         int64_t wall_unix_ns, struct buffer *headers)
{
    switch (api_family(api)) {
    case API_ANTHROPIC:
        write_anthropic(told, wall_unix_ns, headers);
        return;
    case API_OPENAI_CHAT:
        write_openai_scope("requests", &told[LIMIT_SCOPE_REQUESTS], headers);
        write_openai_scope("tokens", tokens_of(told), headers);
        return;
    default:
        return; /* Gemini tells nothing */
    }
}
