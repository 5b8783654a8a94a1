/* Typed readers: a value's form and range, and the words for what it should have been. */

#include "scenario/read.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/units.h"

enum rc read_keep(struct reading *r, const struct value *value, void *out)
{
    (void)r;
    memcpy(out, value, sizeof(*value));
    return RC_OK;
}

enum rc read_bool(struct reading *r, const struct value *value, void *out)
{
    bool *flag = out;

    if (value->token.kind != JSON_TRUE && value->token.kind != JSON_FALSE)
        return read_refuse(r, RC_MALFORMED, value, "true or false");
    *flag = value->token.kind == JSON_TRUE;
    return RC_OK;
}

static enum rc decode(struct reading *r, const struct json_token *token, struct slice *text)
{
    struct buffer decoded;

    buffer_init(&decoded, r->arena->memory, SCENARIO_TEXT_MAX);
    json_text(token, &decoded);
    *text = arena_copy(r->arena, buffer_slice(&decoded));
    if (decoded.rc != RC_OK)
        r->arena->rc = decoded.rc;
    buffer_deinit(&decoded);
    return text->data == NULL || r->arena->rc != RC_OK ? read_out_of_memory(r) : RC_OK;
}

enum rc read_string(struct reading *r, const struct value *value, void *out)
{
    struct slice text = value->token.raw;

    if (value->token.kind != JSON_STRING)
        return read_refuse(r, RC_MALFORMED, value, "a string");
    if (value->token.has_escapes)
        TRY(decode(r, &value->token, &text));
    memcpy(out, &text, sizeof(text));
    return RC_OK;
}

enum rc read_ignored(struct reading *r, const struct value *value, void *out)
{
    struct slice text;

    (void)out;
    return read_string(r, value, &text);
}

/* A quantity: `text` is the string's, or nothing that any unit parser takes. */
static struct slice quantity(const struct value *value)
{
    return value->token.kind == JSON_STRING ? value->token.raw : (struct slice){0};
}

enum rc read_duration(struct reading *r, const struct value *value, void *out)
{
    enum rc rc = units_duration(quantity(value), out);

    if (rc == RC_LIMIT)
        return read_refuse(r, rc, value, "at most ten years, in at most nine decimals");
    if (rc != RC_OK)
        return read_refuse(r, rc, value, "a duration such as \"250ms\" or \"1m30s\"");
    return RC_OK;
}

enum rc read_span(struct reading *r, const struct value *value, void *out)
{
    nanos span = 0;

    TRY(read_duration(r, value, &span));
    if (span == 0)
        return read_refuse(r, RC_LIMIT, value, "a duration above 0");
    memcpy(out, &span, sizeof(span));
    return RC_OK;
}

enum rc read_span_or_never(struct reading *r, const struct value *value, void *out)
{
    static const nanos never = NANOS_NEVER;

    if (!slice_is(quantity(value), SLICE("never")))
        return read_span(r, value, out);
    memcpy(out, &never, sizeof(never));
    return RC_OK;
}

enum rc read_share(struct reading *r, const struct value *value, void *out)
{
    enum rc rc = units_share(quantity(value), out);

    if (rc != RC_OK)
        return read_refuse(r, rc, value, "a share from \"0%%\" to \"100%%\"");
    return RC_OK;
}

static enum rc read_per_second(struct reading *r, const struct value *value, struct slice noun,
                               const char *example, double *out)
{
    enum rc rc = units_rate(quantity(value), noun, out);

    if (rc == RC_LIMIT)
        return read_refuse(r, rc, value, "a rate above 0, at most 1000000000 a second");
    if (rc != RC_OK)
        return read_refuse(r, rc, value, "a rate such as %s", example);
    return RC_OK;
}

enum rc read_rate(struct reading *r, const struct value *value, void *out)
{
    return read_per_second(r, value, (struct slice){0}, "\"20/s\" or \"500/min\"", out);
}

enum rc read_token_rate(struct reading *r, const struct value *value, void *out)
{
    return read_per_second(r, value, SLICE("tokens"), "\"60 tokens/s\"", out);
}

static const int64_t PICO_PER_NANO = 1000;
static const int64_t NANO_USD_MAX = (int64_t)9000000 * 1000000000; /* as `money` it still fits */

enum rc read_money(struct reading *r, const struct value *value, void *out)
{
    int64_t nano_usd = 0;
    enum rc rc = units_money(quantity(value), &nano_usd);
    money read;

    if (rc == RC_MALFORMED)
        return read_refuse(r, rc, value, "an amount of money such as \"$5.00\"");
    if (rc != RC_OK || nano_usd == 0 || nano_usd > NANO_USD_MAX)
        return read_refuse(r, RC_LIMIT, value,
                           "an amount above $0, at most $9000000, in at most nine decimals");
    read = nano_usd * PICO_PER_NANO;
    memcpy(out, &read, sizeof(read));
    return RC_OK;
}

/* "-0" is 0 to JSON; where a count is meant it is a slip. */
static bool is_negative(const struct value *value)
{
    return slice_starts_with(value->token.raw, SLICE("-"));
}

enum rc read_whole(struct reading *r, const struct value *value, uint64_t min, uint64_t max,
                   uint64_t *out)
{
    uint64_t number = 0;
    enum rc rc = RC_MALFORMED;

    if (value->token.kind == JSON_NUMBER)
        rc = json_u64(&value->token, &number);
    if (rc == RC_OK && (number < min || number > max || is_negative(value)))
        rc = RC_LIMIT;
    if (rc != RC_OK)
        return read_refuse(r, rc, value, "a whole number from %llu to %llu",
                           (unsigned long long)min, (unsigned long long)max);
    *out = number;
    return RC_OK;
}

enum rc read_whole32(struct reading *r, const struct value *value, uint32_t min, uint32_t max,
                     uint32_t *out)
{
    uint64_t number = 0;

    TRY(read_whole(r, value, min, max, &number));
    *out = (uint32_t)number;
    return RC_OK;
}

/* As people write it: 1000000 and 0.000001, not 1e+06 and 1e-06. */
static void write_bound(double bound, char *text, size_t capacity)
{
    size_t size = (size_t)snprintf(text, capacity, "%.6f", bound);

    while (text[size - 1] == '0')
        size--;
    text[text[size - 1] == '.' ? size - 1 : size] = '\0';
}

enum rc read_number(struct reading *r, const struct value *value, double min, double max,
                    double *out)
{
    char least[32], most[32];
    double number = 0;
    enum rc rc = RC_MALFORMED;

    if (value->token.kind == JSON_NUMBER)
        rc = json_double(&value->token, &number);
    if (rc == RC_OK && number >= min && number <= max) {
        *out = number;
        return RC_OK;
    }
    write_bound(min, least, sizeof(least));
    write_bound(max, most, sizeof(most));
    return read_refuse(r, rc == RC_OK ? RC_LIMIT : rc, value, "a number from %s to %s", least,
                       most);
}

enum rc read_tokens(struct reading *r, const struct value *value, void *out)
{
    return read_whole(r, value, 1, 1000000000, out);
}

/* --- distributions ---------------------------------------------------------------------------- */

static enum rc read_span_point(struct reading *r, const struct value *value, void *out)
{
    double *point = out;
    nanos span = 0;

    TRY(read_span(r, value, &span));
    *point = (double)span;
    return RC_OK;
}

static enum rc read_tokens_point(struct reading *r, const struct value *value, void *out)
{
    double *point = out;
    uint64_t tokens = 0;

    TRY(read_tokens(r, value, &tokens));
    *point = (double)tokens;
    return RC_OK;
}

static enum rc read_distribution(struct reading *r, const struct value *value,
                                 enum rc (*read_point)(struct reading *, const struct value *,
                                                       void *),
                                 struct distribution *out)
{
    const struct read_key keys[] = {
        {"p50", NEEDED, read_point, offsetof(struct distribution, p50)},
        {"p99", NEEDED, read_point, offsetof(struct distribution, p99)},
    };
    struct distribution read = {.kind = DISTRIBUTION_FIXED};

    if (value->token.kind == JSON_OBJECT) {
        read.kind = DISTRIBUTION_LOGNORMAL;
        TRY(read_object(r, value, keys, ARRAY_SIZE(keys), &read));
        if (read.p99 < read.p50)
            return read_refuse_as(r, RC_LIMIT, value,
                                  "found a p99 below the p50, expected one that is not");
    } else {
        TRY(read_point(r, value, &read.p50));
    }
    *out = read;
    return RC_OK;
}

enum rc read_span_distribution(struct reading *r, const struct value *value, void *out)
{
    return read_distribution(r, value, read_span_point, out);
}

enum rc read_tokens_distribution(struct reading *r, const struct value *value, void *out)
{
    return read_distribution(r, value, read_tokens_point, out);
}

/* --- words ------------------------------------------------------------------------------------ */

enum rc read_text(struct reading *r, const struct value *value, char *out, size_t capacity)
{
    struct slice text;

    TRY(read_string(r, value, &text));
    if (text.size == 0)
        return read_refuse(r, RC_MALFORMED, value, "a string that is not empty");
    if (text.size >= capacity)
        return read_refuse(r, RC_LIMIT, value, "at most %zu bytes", capacity - 1);
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.data[i] < ' ')
            return read_refuse(r, RC_MALFORMED, value, "a string without control characters");
    }
    slice_copy(text, out, capacity);
    return RC_OK;
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name_byte(char c, char extra)
{
    return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.' || (extra != 0 && c == extra);
}

/* A name may become a file's: so it does not begin with a dot, nor, like an option, with a dash. */
static bool is_name(struct slice text, char extra)
{
    if (text.size == 0 || !is_letter_or_digit(text.data[0]))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_name_byte(text.data[i], extra))
            return false;
    }
    return true;
}

enum rc read_name(struct reading *r, const struct value *value, char extra, char *out,
                  size_t capacity)
{
    const char extra_text[] = {extra, '\0'};
    char name[256];

    assert(capacity <= sizeof(name));
    TRY(read_text(r, value, name, capacity));
    if (!is_name(slice_of(name), extra))
        return read_refuse(r, RC_MALFORMED, value,
                           "a name of letters, digits and ._-%s that begins with a letter or digit",
                           extra_text);
    memcpy(out, name, capacity);
    return RC_OK;
}

static bool is_token_byte(char c)
{
    return is_letter_or_digit(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

enum rc read_header_name(struct reading *r, const struct value *key, struct slice *name)
{
    struct slice text = key->token.raw; /* with an escape in it, it is no token */

    for (size_t i = 0; i < text.size; i++) {
        if (!is_token_byte(text.data[i]))
            return read_refuse(r, RC_MALFORMED, key, "the name of a header");
    }
    if (text.size == 0)
        return read_refuse(r, RC_MALFORMED, key, "the name of a header");
    *name = text;
    return RC_OK;
}

/* How a message is framed is not a line's to say. */
bool header_is_framing(struct slice name)
{
    return slice_is_nocase(name, SLICE("content-length")) ||
           slice_is_nocase(name, SLICE("transfer-encoding"));
}

/* What POSIX has programs use for names: letters, digits and underscores. */
static bool is_variable_name(struct slice text)
{
    if (text.size == 0 || (text.data[0] >= '0' && text.data[0] <= '9'))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_letter_or_digit(text.data[i]) && text.data[i] != '_')
            return false;
    }
    return true;
}

enum rc read_variable_name(struct reading *r, const struct value *key, struct slice *name)
{
    if (!is_variable_name(key->token.raw))
        return read_refuse(r, RC_MALFORMED, key,
                           "the name of an environment variable: letters, digits and _");
    *name = key->token.raw;
    return RC_OK;
}

enum rc read_key_variable(struct reading *r, const struct value *value, const char *word,
                          struct slice *name)
{
    struct slice text = value->token.raw;

    if (value->token.kind != JSON_STRING || !slice_starts_with(text, SLICE("$")) ||
        !is_variable_name((struct slice){text.data + 1, text.size - 1}))
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found %s that is not \"$NAME\", expected the name of an "
                              "environment variable: keys come from the environment only",
                              word);
    if (text.size - 1 >= SCENARIO_ENV_NAME_MAX)
        return read_refuse_as(r, RC_LIMIT, value,
                              "found %s of more than %d letters, expected the name of an "
                              "environment variable",
                              word, SCENARIO_ENV_NAME_MAX - 1);
    *name = (struct slice){text.data + 1, text.size - 1};
    return RC_OK;
}

enum rc read_pointer(struct reading *r, const struct value *value, struct slice *pointer)
{
    struct value text = *value;

    if (text.token.kind == JSON_KEY)
        text.token.kind = JSON_STRING;
    TRY(read_string(r, &text, pointer));
    if (!slice_starts_with(*pointer, SLICE("/")))
        return read_refuse(r, RC_MALFORMED, value, "a JSON pointer such as \"/messages/0/role\"");
    for (size_t i = 0; i < pointer->size; i++) {
        char after = i + 1 < pointer->size ? pointer->data[i + 1] : '\0';

        if (pointer->data[i] == '~' && after != '0' && after != '1')
            return read_refuse(r, RC_MALFORMED, value, "a JSON pointer whose tildes are ~0 or ~1");
    }
    return RC_OK;
}

enum rc read_word(struct reading *r, const struct value *value, const char *const *words,
                  uint32_t words_count, uint32_t *index)
{
    struct nearest nearest;
    struct read_list list = {0};

    nearest_init(&nearest, quantity(value));
    for (uint32_t i = 0; i < words_count; i++) {
        if (value->token.kind == JSON_STRING && json_is(&value->token, slice_of(words[i]))) {
            *index = i;
            return RC_OK;
        }
        nearest_offer(&nearest, slice_of(words[i]));
        read_list_add(&list, "%s\"%s\"",
                      i == 0                 ? ""
                      : i + 1 == words_count ? " or "
                                             : ", ",
                      words[i]);
    }
    return read_refuse_word(r, value, &nearest, "%s", list.text);
}
