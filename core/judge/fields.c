#include "judge/fields.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/checksum.h"
#include "base/nanos.h"

/* --- values ----------------------------------------------------------------------------------- */

enum rc field_read_count(struct field_reader *in, void *place, size_t size)
{
    uint64_t most = size == 8 ? UINT64_MAX : ((uint64_t)1 << size * 8) - 1;
    uint64_t count;

    TRY(json_u64(&in->token, &count));
    if (count > most)
        return RC_LIMIT;
    if (size == sizeof(uint16_t))
        *(uint16_t *)place = (uint16_t)count;
    else if (size == sizeof(uint32_t))
        *(uint32_t *)place = (uint32_t)count;
    else
        *(uint64_t *)place = count;
    return RC_OK;
}

enum rc field_read_instant(struct field_reader *in, void *place, size_t size)
{
    assert(size == sizeof(nanos));
    if (in->token.kind == JSON_NULL) {
        *(nanos *)place = NANOS_NEVER;
        return RC_OK;
    }
    return json_i64(&in->token, place);
}

enum rc field_read_flag(struct field_reader *in, void *place, size_t size)
{
    assert(size == sizeof(bool));
    if (in->token.kind != JSON_TRUE && in->token.kind != JSON_FALSE)
        return RC_MALFORMED;
    *(bool *)place = in->token.kind == JSON_TRUE;
    return RC_OK;
}

/* What is too long ends between two characters: a text that held bytes which are no UTF-8 was
 * written with three bytes for each. The buffer stands on the caller's array: its ceiling is its
 * capacity, so it never asks for memory. */
static void copy_escaped(const struct json_token *token, char *text, size_t capacity)
{
    struct buffer fixed = {
        .data = text, .capacity = capacity, .ceiling = capacity - 1, .memory = memory_heap()};

    json_text(token, &fixed);
    text[fixed.size] = '\0';
}

static void copy_plain(struct slice raw, char *text, size_t capacity)
{
    size_t size = raw.size < capacity - 1 ? raw.size : capacity - 1;

    while (size < raw.size && size > 0 && ((unsigned char)raw.data[size] & 0xC0) == 0x80)
        size--;
    memcpy(text, raw.data, size);
    text[size] = '\0';
}

enum rc field_read_text(struct field_reader *in, void *place, size_t size)
{
    char *text = place;

    text[0] = '\0';
    if (in->token.kind == JSON_NULL)
        return RC_OK;
    if (in->token.kind != JSON_STRING)
        return RC_MALFORMED;
    if (in->token.has_escapes)
        copy_escaped(&in->token, text, size);
    else
        copy_plain(in->token.raw, text, size);
    return RC_OK;
}

/* Digits before and behind the point, never through a double. */
static bool read_dollars(struct slice text, money *amount)
{
    struct slice whole;
    uint64_t dollars = 0, rest = 0;
    uint64_t unit = (uint64_t)MONEY_USD;

    if (!slice_cut(&text, '.', &whole) || !slice_u64(whole, &dollars))
        return false;
    if (dollars > (uint64_t)(MONEY_MAX / MONEY_USD))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        unit /= 10;
        if (text.data[i] < '0' || text.data[i] > '9' || unit == 0)
            return false;
        rest += (uint64_t)(text.data[i] - '0') * unit;
    }
    if (dollars * (uint64_t)MONEY_USD + rest > (uint64_t)MONEY_MAX)
        return false;
    *amount = (money)(dollars * (uint64_t)MONEY_USD + rest);
    return true;
}

enum rc field_read_money(struct field_reader *in, void *place, size_t size)
{
    assert(size == sizeof(money));
    if (in->token.kind == JSON_NULL) {
        *(money *)place = 0;
        return RC_OK;
    }
    if (in->token.kind != JSON_NUMBER || !read_dollars(in->token.raw, place))
        return RC_MALFORMED;
    return RC_OK;
}

enum rc field_read_hash(struct field_reader *in, void *place, size_t size)
{
    assert(size == sizeof(uint64_t));
    if (in->token.kind != JSON_STRING || !checksum_read(in->token.raw, place))
        return RC_MALFORMED;
    return RC_OK;
}

/* --- objects ---------------------------------------------------------------------------------- */

static bool is_named(const struct json_token *key, struct slice name)
{
    return key->has_escapes ? json_is(key, name) : slice_is(key->raw, name);
}

/* Which member is this key? From `expected` on first: our own writers keep the order, and leave out
 * what is optional. */
static size_t find(const struct fields *fields, const struct json_token *key, size_t expected)
{
    for (size_t i = expected; i < fields->count; i++)
        if (is_named(key, fields->list[i].name))
            return i;
    for (size_t i = 0; i < expected; i++)
        if (is_named(key, fields->list[i].name))
            return i;
    return fields->count;
}

static enum rc refuse(const struct fields *fields, const struct field_reader *in, struct error *err)
{
    const char *problem = in->json.problem != NULL ? in->json.problem : "expected an object";

    return error_set(err, RC_MALFORMED, "%s, byte %zu: %s", fields->what, in->json.problem_at,
                     problem);
}

static enum rc read_one(const struct fields *fields, size_t at, struct field_reader *in,
                        void *record, struct error *err)
{
    const struct field *field = &fields->list[at];
    size_t offset = in->token.offset;

    if (field->read(in, (char *)record + field->offset, field->size) == RC_OK)
        return RC_OK;
    if (in->json.rc != RC_OK)
        return refuse(fields, in, err);
    return error_set(err, RC_MALFORMED, "%s, byte %zu: \"%.*s\" cannot be read", fields->what,
                     offset, SLICE_ARG(field->name));
}

/* All members of the object, up to its end. */
static enum rc read_members(const struct fields *fields, struct field_reader *in, void *record,
                            uint64_t *seen, struct error *err)
{
    size_t expected = 0;

    for (;;) {
        struct json_token key;
        size_t at;

        if (json_next(&in->json, &key) != RC_OK)
            return refuse(fields, in, err);
        if (key.kind == JSON_OBJECT_END)
            return RC_OK;
        if (json_next(&in->json, &in->token) != RC_OK)
            return refuse(fields, in, err);
        at = find(fields, &key, expected);
        if (at == fields->count) {
            if (json_skip(&in->json, &in->token) != RC_OK)
                return refuse(fields, in, err);
            continue;
        }
        if (*seen >> at & 1)
            return error_set(err, RC_MALFORMED, "%s: \"%.*s\" stands twice", fields->what,
                             SLICE_ARG(fields->list[at].name));
        *seen |= (uint64_t)1 << at;
        TRY(read_one(fields, at, in, record, err));
        expected = at + 1;
    }
}

static enum rc read_object(const struct fields *fields, struct field_reader *in, void *record,
                           struct error *err)
{
    uint64_t seen = 0;

    assert(fields->count <= FIELDS_MAX);
    TRY(read_members(fields, in, record, &seen, err));
    for (size_t i = 0; i < fields->count; i++)
        if (!(seen >> i & 1) && !fields->list[i].is_optional)
            return error_set(err, RC_MALFORMED, "%s: no \"%.*s\"", fields->what,
                             SLICE_ARG(fields->list[i].name));
    return RC_OK;
}

enum rc fields_read_inner(const struct fields *fields, struct field_reader *in, void *record)
{
    if (in->token.kind != JSON_OBJECT)
        return RC_MALFORMED;
    return read_object(fields, in, record, NULL);
}

enum rc fields_read(const struct fields *fields, struct slice text, const void *context,
                    void *record, struct error *err)
{
    struct field_reader in = {.context = context};
    struct json_token token;

    json_init(&in.json, text, JSON_STRICT);
    if (json_next(&in.json, &in.token) != RC_OK || in.token.kind != JSON_OBJECT)
        return refuse(fields, &in, err);
    TRY(read_object(fields, &in, record, err));
    if (json_next(&in.json, &token) != RC_END)
        return refuse(fields, &in, err);
    return RC_OK;
}
