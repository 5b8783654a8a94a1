#include "scenario/read.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/units.h"

/* --- places and messages --------------------------------------------------------------------- */

bool value_is_there(const struct value *value)
{
    return value->text.data != NULL;
}

struct json_position value_position(const struct reading *r, const struct value *value)
{
    assert(value_is_there(value));
    return json_position(r->text, (size_t)(value->text.data - r->text.data));
}

void read_excerpt(struct slice text, char *out)
{
    bool is_cut = text.size >= EXCERPT_SIZE;
    size_t kept = is_cut ? EXCERPT_SIZE - 4 : text.size;

    while (is_cut && kept > 0 && ((unsigned char)text.data[kept] & 0xc0) == 0x80)
        kept--; /* a character of several bytes stays whole */
    for (size_t i = 0; i < kept; i++)
        out[i] = (unsigned char)text.data[i] < ' ' || text.data[i] == 127 ? '?' : text.data[i];
    memcpy(out + kept, is_cut ? "..." : "", is_cut ? 4 : 1);
}

/* Containers by their kind, everything else as written. */
static void describe(const struct value *value, char *out)
{
    if (value->token.kind == JSON_OBJECT || value->token.kind == JSON_ARRAY)
        snprintf(out, EXCERPT_SIZE, "%s", json_kind_text(value->token.kind));
    else
        read_excerpt(value->text, out);
}

static enum rc refuse_at(struct reading *r, enum rc rc, size_t offset, const char *text)
{
    struct json_position position = json_position(r->text, offset);

    return error_set(r->err, rc, "%.*s:%u:%u: %s", SLICE_ARG(r->file), position.line,
                     position.column, text);
}

static enum rc refuse_value(struct reading *r, enum rc rc, const struct value *at, const char *text)
{
    return refuse_at(r, rc, (size_t)(at->text.data - r->text.data), text);
}

enum rc read_refuse_as(struct reading *r, enum rc rc, const struct value *at, const char *format,
                       ...)
{
    char text[sizeof(r->err->text)];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return refuse_value(r, rc, at, text);
}

/* "found ..., expected ..." into a text the size of an error's. */
static void write_refusal(const struct value *found, const char *expected, va_list arguments,
                          char *text, size_t capacity)
{
    char excerpt[EXCERPT_SIZE];
    int used;

    describe(found, excerpt);
    used = snprintf(text, capacity, "found %s, expected ", excerpt);
    assert(used > 0);
    vsnprintf(text + used, capacity - (size_t)used, expected, arguments);
}

enum rc read_refuse(struct reading *r, enum rc rc, const struct value *found, const char *expected,
                    ...)
{
    char text[sizeof(r->err->text)];
    va_list arguments;

    va_start(arguments, expected);
    write_refusal(found, expected, arguments, text, sizeof(text));
    va_end(arguments);
    return refuse_value(r, rc, found, text);
}

void nearest_init(struct nearest *nearest, struct slice word)
{
    *nearest = (struct nearest){.word = word, .distance = UINT32_MAX};
}

/* Two slips are forgiven in any word, more only in a longer one; but never half of it. */
void nearest_offer(struct nearest *nearest, struct slice candidate)
{
    size_t distance = slice_distance(nearest->word, candidate);
    size_t forgiven = nearest->word.size < 8 ? 2 : 1 + nearest->word.size / 4;

    if (distance > forgiven || 2 * distance > nearest->word.size + 1 ||
        distance >= candidate.size || distance >= nearest->distance)
        return;
    nearest->best = candidate;
    nearest->distance = (uint32_t)distance;
}

enum rc read_refuse_word(struct reading *r, const struct value *found,
                         const struct nearest *nearest, const char *expected, ...)
{
    char text[sizeof(r->err->text)];
    va_list arguments;
    size_t used;

    va_start(arguments, expected);
    write_refusal(found, expected, arguments, text, sizeof(text));
    va_end(arguments);
    used = strlen(text);
    if (nearest->best.size > 0)
        snprintf(text + used, sizeof(text) - used, "; did you mean \"%.*s\"?",
                 SLICE_ARG(nearest->best));
    return refuse_value(r, RC_MALFORMED, found, text);
}

static enum rc out_of_memory(struct reading *r)
{
    return error_set(r->err, r->arena->rc != RC_OK ? r->arena->rc : RC_NOMEM, "%.*s: %s",
                     SLICE_ARG(r->file), rc_text(r->arena->rc != RC_OK ? r->arena->rc : RC_NOMEM));
}

/* --- the grammar ----------------------------------------------------------------------------- */

/* The JSON reader says what it wanted, or what is wrong: then that is the whole sentence. */
static enum rc refuse_grammar(struct reading *r, enum rc rc, const struct json *json)
{
    char text[sizeof(r->err->text)];

    if (!slice_starts_with(slice_of(json->problem), SLICE("expected")))
        return refuse_at(r, rc, json->problem_at, json->problem);
    if (json->problem_at >= r->text.size)
        snprintf(text, sizeof(text), "found the end of the text, %s", json->problem);
    else
        snprintf(text, sizeof(text), "found '%c', %s", r->text.data[json->problem_at],
                 json->problem);
    return refuse_at(r, rc, json->problem_at, text);
}

enum rc read_check(struct reading *r, struct value *whole)
{
    struct json_key_seen *keys = arena_take(r->arena, JSON_KEYS_MAX, sizeof(*keys));
    struct json json;
    struct json_token token;
    enum rc rc;

    if (keys == NULL)
        return out_of_memory(r);
    json_init_unique(&json, r->text, JSON_COMMENTS | JSON_UNIQUE, keys);
    rc = json_next(&json, &token);
    if (rc == RC_OK) {
        *whole = (struct value){.token = token};
        rc = json_value(&json, &token, &whole->text);
    }
    if (rc == RC_OK)
        rc = json_next(&json, &token); /* nothing may follow */
    if (rc == RC_END)
        return RC_OK;
    return refuse_grammar(r, rc, &json);
}

/* --- walking --------------------------------------------------------------------------------- */

void walk_init(struct walk *walk, const struct value *container)
{
    struct json_token opening;
    enum rc rc;

    json_init(&walk->json, container->text, JSON_COMMENTS);
    rc = json_next(&walk->json, &opening);
    assert(rc == RC_OK);
    assert(opening.kind == JSON_OBJECT || opening.kind == JSON_ARRAY);
    (void)rc;
}

bool walk_next(struct walk *walk, struct value *key, struct value *value)
{
    struct json_token token;
    enum rc rc = json_next(&walk->json, &token);

    assert(rc == RC_OK); /* the whole text was checked */
    if (token.kind == JSON_OBJECT_END || token.kind == JSON_ARRAY_END)
        return false;
    if (token.kind == JSON_KEY) {
        *key = (struct value){token, {token.raw.data - 1, token.raw.size + 2}}; /* its quotes */
        rc = json_next(&walk->json, &token);
        assert(rc == RC_OK);
    }
    value->token = token;
    rc = json_value(&walk->json, &token, &value->text);
    assert(rc == RC_OK);
    return true;
}

/* --- objects and arrays ---------------------------------------------------------------------- */

enum rc read_expect_object(struct reading *r, const struct value *value)
{
    if (value->token.kind == JSON_OBJECT)
        return RC_OK;
    return read_refuse(r, RC_MALFORMED, value, "an object { }");
}

enum rc read_expect_array(struct reading *r, const struct value *value, uint32_t count_max)
{
    struct walk walk;
    struct value element;
    uint32_t count = 0;

    if (value->token.kind != JSON_ARRAY)
        return read_refuse(r, RC_MALFORMED, value, "an array [ ]");
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element)) {
        if (++count > count_max)
            return read_refuse(r, RC_LIMIT, &element, "the array to end after %u elements",
                               count_max);
    }
    if (count == 0)
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found an empty array, expected an element or more");
    return RC_OK;
}

static enum rc refuse_key(struct reading *r, const struct value *key, const struct read_key *keys,
                          size_t keys_count)
{
    char listed[240] = "";
    size_t used = 0;
    struct nearest nearest;

    nearest_init(&nearest, key->token.raw);
    for (size_t i = 0; i < keys_count && used < sizeof(listed); i++) {
        if (keys[i].read == read_not_built)
            continue;
        nearest_offer(&nearest, slice_of(keys[i].name));
        used += (size_t)snprintf(listed + used, sizeof(listed) - used, "%s%s",
                                 used == 0 ? "" : ", ", keys[i].name);
    }
    return read_refuse_word(r, key, &nearest, "a key out of %s", listed);
}

static enum rc refuse_without(struct reading *r, const struct value *object, const char *name)
{
    return read_refuse_as(r, RC_MALFORMED, object, "found no \"%s\" in this object, expected one",
                          name);
}

static const struct read_key *find_key(const struct read_key *keys, size_t keys_count,
                                       const struct value *key)
{
    for (size_t i = 0; i < keys_count; i++) {
        if (json_is(&key->token, slice_of(keys[i].name)))
            return &keys[i];
    }
    return NULL;
}

enum rc read_object(struct reading *r, const struct value *value, const struct read_key *keys,
                    size_t keys_count, void *into)
{
    struct walk walk;
    struct value key, member;
    uint32_t seen = 0;

    assert(keys_count <= READ_KEYS_MAX);
    TRY(read_expect_object(r, value));
    walk_init(&walk, value);
    while (walk_next(&walk, &key, &member)) {
        const struct read_key *known = find_key(keys, keys_count, &key);

        if (known == NULL)
            return refuse_key(r, &key, keys, keys_count);
        if (known->read == read_not_built)
            return read_not_built(r, &key, NULL);
        TRY(known->read(r, &member, (char *)into + known->at));
        seen |= (uint32_t)1 << (known - keys);
    }
    for (size_t i = 0; i < keys_count; i++) {
        if (keys[i].need == NEEDED && !(seen & (uint32_t)1 << i))
            return refuse_without(r, value, keys[i].name);
    }
    return RC_OK;
}

/* --- fields ---------------------------------------------------------------------------------- */

enum rc read_keep(struct reading *r, const struct value *value, void *out)
{
    (void)r;
    memcpy(out, value, sizeof(*value));
    return RC_OK;
}

enum rc read_not_built(struct reading *r, const struct value *value, void *out)
{
    (void)out;
    return read_refuse_as(r, RC_MALFORMED, value,
                          "found %.*s, which is not built yet, expected a scenario without it",
                          SLICE_ARG(value->text));
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
    return text->data == NULL || r->arena->rc != RC_OK ? out_of_memory(r) : RC_OK;
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

enum rc read_whole(struct reading *r, const struct value *value, uint64_t min, uint64_t max,
                   uint64_t *out)
{
    uint64_t number = 0;
    enum rc rc = RC_MALFORMED;

    if (value->token.kind == JSON_NUMBER)
        rc = json_u64(&value->token, &number);
    if (rc == RC_OK && (number < min || number > max))
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

enum rc read_number(struct reading *r, const struct value *value, double min, double max,
                    double *out)
{
    double number = 0;
    enum rc rc = RC_MALFORMED;

    if (value->token.kind == JSON_NUMBER)
        rc = json_double(&value->token, &number);
    if (rc == RC_OK && (number < min || number > max))
        rc = RC_LIMIT;
    if (rc != RC_OK)
        return read_refuse(r, rc, value, "a number from %g to %g", min, max);
    *out = number;
    return RC_OK;
}

enum rc read_tokens(struct reading *r, const struct value *value, void *out)
{
    return read_whole(r, value, 1, 1000000000, out);
}

/* --- distributions --------------------------------------------------------------------------- */

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

/* --- words ----------------------------------------------------------------------------------- */

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

enum rc read_word(struct reading *r, const struct value *value, const char *const *words,
                  uint32_t words_count, uint32_t *index)
{
    struct nearest nearest;
    char listed[160] = "";
    size_t used = 0;

    nearest_init(&nearest, quantity(value));
    for (uint32_t i = 0; i < words_count; i++) {
        if (value->token.kind == JSON_STRING && json_is(&value->token, slice_of(words[i]))) {
            *index = i;
            return RC_OK;
        }
        nearest_offer(&nearest, slice_of(words[i]));
        if (used < sizeof(listed))
            used += (size_t)snprintf(listed + used, sizeof(listed) - used, "%s\"%s\"",
                                     i == 0                 ? ""
                                     : i + 1 == words_count ? " or "
                                                            : ", ",
                                     words[i]);
    }
    return read_refuse_word(r, value, &nearest, "%s", listed);
}
