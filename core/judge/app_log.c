#include "judge/app_log.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "wire/json_pointer.h"
#include "wire/shape.h"

/* --- one value -------------------------------------------------------------------------------- */

static bool find(const struct log_map *map, enum log_field field, struct slice line,
                 struct json_token *token)
{
    return map->pointers[field].size > 0 && json_find(line, map->pointers[field], token) &&
           token->kind != JSON_NULL;
}

/* A text, or a number as it is written: ids are both. */
static bool read_text(const struct json_token *token, char *text, size_t capacity)
{
    if (token->kind != JSON_STRING && token->kind != JSON_NUMBER)
        return false;
    shape_copy(token, text, capacity);
    return true;
}

/* Whatever it is but null, false and an empty text: something went wrong. */
static bool read_error(const struct json_token *token, char *text, size_t capacity)
{
    if (token->kind == JSON_FALSE)
        return true;
    if (token->kind == JSON_STRING || token->kind == JSON_NUMBER)
        return read_text(token, text, capacity);
    slice_copy(token->kind == JSON_TRUE ? SLICE("true") : SLICE("an error"), text, capacity);
    return true;
}

/* Loggers write numbers as texts, too. */
static bool as_number(const struct json_token *token, struct json_token *number)
{
    struct json json;
    struct json_token end;

    *number = *token;
    if (token->kind != JSON_STRING)
        return token->kind == JSON_NUMBER;
    json_init(&json, token->raw, JSON_STRICT);
    return json_next(&json, number) == RC_OK && number->kind == JSON_NUMBER &&
           json_next(&json, &end) == RC_END;
}

static bool read_count(const struct json_token *token, uint64_t *count)
{
    struct json_token number;

    return as_number(token, &number) && json_u64(&number, count) == RC_OK;
}

static bool read_double(const struct json_token *token, double *value)
{
    struct json_token number;

    return as_number(token, &number) && json_double(&number, value) == RC_OK && *value >= 0;
}

/* What programs add up as doubles has errors far below the smallest part that we count. */
static bool read_dollars(const struct json_token *token, money *cost)
{
    double dollars;

    if (!read_double(token, &dollars) || dollars >= (double)MONEY_MAX / (double)MONEY_USD)
        return false;
    *cost = (money)llround(dollars * (double)MONEY_USD);
    return true;
}

/* --- one line --------------------------------------------------------------------------------- */

/* A line under way: the first member that is not what it must be makes it malformed. */
struct reading {
    const struct log_map *map;
    struct slice line;
    struct error *err;
    bool is_malformed;
};

static void refuse(struct reading *r, enum log_field field, const char *expected)
{
    if (r->is_malformed)
        return;
    r->is_malformed = true;
    error_set(r->err, RC_MALFORMED, "\"%.*s\": expected %s", SLICE_ARG(r->map->pointers[field]),
              expected);
}

static void take_text(struct reading *r, enum log_field field, char *text, size_t capacity)
{
    struct json_token token;

    if (find(r->map, field, r->line, &token) && !read_text(&token, text, capacity))
        refuse(r, field, "a text");
}

static void take_count(struct reading *r, enum log_field field, bool *is_there, uint64_t *count)
{
    struct json_token token;

    if (!find(r->map, field, r->line, &token))
        return;
    *is_there = read_count(&token, count);
    if (!*is_there)
        refuse(r, field, "a count of tokens");
}

static void take_latency(struct reading *r, struct app_log_entry *entry)
{
    struct json_token token;

    if (!find(r->map, LOG_FIELD_LATENCY_MS, r->line, &token))
        return;
    entry->has_latency = read_double(&token, &entry->latency_ms);
    if (!entry->has_latency)
        refuse(r, LOG_FIELD_LATENCY_MS, "milliseconds");
}

static void take_cost(struct reading *r, struct app_log_entry *entry)
{
    struct json_token token;

    if (!find(r->map, LOG_FIELD_COST, r->line, &token))
        return;
    entry->has_cost = read_dollars(&token, &entry->cost);
    if (!entry->has_cost)
        refuse(r, LOG_FIELD_COST, "dollars");
}

static void take_error(struct reading *r, struct app_log_entry *entry)
{
    struct json_token token;

    if (find(r->map, LOG_FIELD_ERROR, r->line, &token) &&
        !read_error(&token, entry->error, sizeof(entry->error)))
        refuse(r, LOG_FIELD_ERROR, "a text");
}

static bool is_object(struct slice line)
{
    struct json_token token;

    return json_find(line, SLICE(""), &token) && token.kind == JSON_OBJECT;
}

/* A brace alone begins what some other program writes over many lines. */
static bool is_broken_object(struct slice line)
{
    struct slice text = slice_trim(line);

    return text.size > 1 && text.data[0] == '{' && !is_object(line);
}

static bool is_ours(const struct log_map *map, struct slice line)
{
    struct json_token token;

    if (!is_object(line))
        return false;
    return find(map, LOG_FIELD_MODEL, line, &token) ||
           (find(map, LOG_FIELD_ID, line, &token) && find(map, LOG_FIELD_LATENCY_MS, line, &token));
}

static uint32_t fields_of(const struct log_map *map, struct slice line)
{
    uint32_t fields = 0;
    struct json_token token;

    for (uint32_t i = 0; i < LOG_FIELDS_COUNT; i++)
        if (map->pointers[i].size > 0 && json_find(line, map->pointers[i], &token))
            fields |= 1u << i;
    return fields;
}

enum rc app_log_read(const struct log_map *map, struct slice line, struct app_log_entry *entry,
                     struct error *err)
{
    struct app_log_entry read = {.line = entry->line, .has_canary = entry->has_canary};
    struct reading r = {.map = map, .line = line, .err = err};

    if (is_broken_object(line)) {
        read.is_ours = read.is_malformed = read.is_unreadable = true;
        *entry = read;
        return error_set(err, RC_MALFORMED, "expected a JSON object");
    }
    read.is_ours = is_ours(map, line);
    if (read.is_ours) {
        read.fields = fields_of(map, line);
        take_text(&r, LOG_FIELD_ID, read.id, sizeof(read.id));
        take_text(&r, LOG_FIELD_REQUEST, read.request, sizeof(read.request));
        take_text(&r, LOG_FIELD_CALL, read.call, sizeof(read.call));
        take_text(&r, LOG_FIELD_MODEL, read.model, sizeof(read.model));
        take_text(&r, LOG_FIELD_STOP_REASON, read.stop_reason, sizeof(read.stop_reason));
        take_error(&r, &read);
        take_latency(&r, &read);
        take_count(&r, LOG_FIELD_INPUT_TOKENS, &read.has_input_tokens, &read.input_tokens);
        take_count(&r, LOG_FIELD_OUTPUT_TOKENS, &read.has_output_tokens, &read.output_tokens);
        take_cost(&r, &read);
    }
    read.is_malformed = r.is_malformed;
    *entry = read;
    return r.is_malformed ? RC_MALFORMED : RC_OK;
}

/* --- ids -------------------------------------------------------------------------------------- */

static bool is_hex(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return true;
}

uint64_t app_log_request(struct slice id)
{
    enum { TAG_SIZE = 16 };
    size_t at = id.size; /* behind the "r" */
    uint64_t number;

    while (at > 0 && id.data[at - 1] >= '0' && id.data[at - 1] <= '9')
        at--;
    if (at <= TAG_SIZE || at == id.size || id.data[at - 1] != 'r' ||
        !is_hex((struct slice){id.data + at - 1 - TAG_SIZE, TAG_SIZE}) ||
        !slice_u64((struct slice){id.data + at, id.size - at}, &number))
        return 0;
    return number;
}
