#include "scenario/read.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- places and messages ---------------------------------------------------------------------- */

bool value_is_there(const struct value *value)
{
    return value->text.data != NULL;
}

struct json_position value_position(const struct reading *r, const struct value *value)
{
    assert(value_is_there(value));
    return json_position(r->text, (size_t)(value->text.data - r->text.data));
}

struct text_place value_place(const struct reading *r, const struct value *value)
{
    assert(value_is_there(value));
    return origins_place(&r->origins, r->text, r->file, (size_t)(value->text.data - r->text.data));
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
    struct text_place place = origins_place(&r->origins, r->text, r->file, offset);

    return error_set(r->err, rc, "%.*s:%u:%u: %s", SLICE_ARG(place.file), place.position.line,
                     place.position.column, text);
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

enum rc read_refuse_word(struct reading *r, const struct value *found,
                         const struct nearest *nearest, const char *expected, ...)
{
    char text[sizeof(r->err->text)];
    char hint[NEAREST_TEXT_SIZE];
    va_list arguments;
    size_t used;

    va_start(arguments, expected);
    write_refusal(found, expected, arguments, text, sizeof(text));
    va_end(arguments);
    used = strlen(text);
    snprintf(text + used, sizeof(text) - used, "%s", nearest_say(nearest, hint));
    return refuse_value(r, RC_MALFORMED, found, text);
}

enum rc read_out_of_memory(struct reading *r)
{
    return error_set(r->err, r->arena->rc != RC_OK ? r->arena->rc : RC_NOMEM, "%.*s: %s",
                     SLICE_ARG(r->file), rc_text(r->arena->rc != RC_OK ? r->arena->rc : RC_NOMEM));
}

/* --- the grammar ------------------------------------------------------------------------------ */

enum { CHARACTER_TEXT_SIZE = 16 };

/* The character at the front as a message can show it: whole, or by number if it has no face. */
static void describe_character(struct slice rest, char out[CHARACTER_TEXT_SIZE])
{
    unsigned char first = (unsigned char)rest.data[0];
    int size = 1;

    while (size < 4 && (size_t)size < rest.size && ((unsigned char)rest.data[size] & 0xc0) == 0x80)
        size++;
    if (first < ' ' || first == 127)
        snprintf(out, CHARACTER_TEXT_SIZE, "the byte 0x%02x", first);
    else
        snprintf(out, CHARACTER_TEXT_SIZE, "'%.*s'", size, rest.data);
}

/* The JSON reader says what it wanted, or what is wrong: then that is the whole sentence. */
static enum rc refuse_grammar(struct reading *r, enum rc rc, const struct json *json)
{
    size_t at = json->problem_at;
    char found[CHARACTER_TEXT_SIZE];
    char text[sizeof(r->err->text)];

    if (!slice_starts_with(slice_of(json->problem), SLICE("expected")))
        return refuse_at(r, rc, at, json->problem);
    if (at >= r->text.size) {
        snprintf(text, sizeof(text), "found the end of the text, %s", json->problem);
    } else {
        describe_character((struct slice){r->text.data + at, r->text.size - at}, found);
        snprintf(text, sizeof(text), "found %s, %s", found, json->problem);
    }
    return refuse_at(r, rc, at, text);
}

/* In a comment, for the grammar has seen the rest. Other programs would take the text to end there.
 */
static enum rc refuse_nul(struct reading *r)
{
    const char *nul = memchr(r->text.data, '\0', r->text.size);

    if (nul == NULL)
        return RC_OK;
    return refuse_at(r, RC_MALFORMED, (size_t)(nul - r->text.data),
                     "found the byte 0x00, expected a text without");
}

enum rc read_check(struct reading *r, struct value *whole)
{
    struct json_key_seen *keys = arena_take(r->arena, JSON_KEYS_MAX, sizeof(*keys));
    struct json json;
    struct json_token token;
    enum rc rc;

    if (keys == NULL)
        return read_out_of_memory(r);
    json_init_unique(&json, r->text, JSON_COMMENTS | JSON_UNIQUE, keys);
    rc = json_next(&json, &token);
    if (rc == RC_OK) {
        *whole = (struct value){.token = token};
        rc = json_value(&json, &token, &whole->text);
    }
    if (rc == RC_OK)
        rc = json_next(&json, &token); /* nothing may follow */
    if (rc == RC_END)
        return refuse_nul(r);
    return refuse_grammar(r, rc, &json);
}

/* --- walking ---------------------------------------------------------------------------------- */

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

/* --- objects and arrays ----------------------------------------------------------------------- */

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
    return RC_OK;
}

enum rc read_expect_elements(struct reading *r, const struct value *value, uint32_t count_max)
{
    struct walk walk;
    struct value element;

    TRY(read_expect_array(r, value, count_max));
    walk_init(&walk, value);
    if (walk_next(&walk, NULL, &element))
        return RC_OK;
    return read_refuse_as(r, RC_MALFORMED, value,
                          "found an empty array, expected an element or more");
}

enum rc read_not_built(struct reading *r, const struct value *value, void *out)
{
    (void)out;
    return read_refuse_as(r, RC_MALFORMED, value,
                          "found %.*s, which is not built yet, expected a scenario without it",
                          SLICE_ARG(value->text));
}

void read_list_add(struct read_list *list, const char *format, ...)
{
    size_t room = READ_LIST_BYTES_MAX + 1 - list->size;
    va_list arguments;
    int size;

    if (list->is_cut)
        return;
    va_start(arguments, format);
    size = vsnprintf(list->text + list->size, room, format, arguments);
    va_end(arguments);
    assert(size >= 0);
    list->is_cut = (size_t)size >= room;
    if (list->is_cut)
        memcpy(list->text + list->size, ", ...", sizeof(", ..."));
    else
        list->size += (size_t)size;
}

static enum rc refuse_key(struct reading *r, const struct value *key, const struct read_key *keys,
                          size_t keys_count)
{
    struct read_list list = {0};
    struct nearest nearest;

    nearest_init(&nearest, key->token.raw);
    for (size_t i = 0; i < keys_count; i++) {
        if (keys[i].read == read_not_built)
            continue;
        nearest_offer(&nearest, slice_of(keys[i].name));
        read_list_add(&list, "%s%s", list.size == 0 ? "" : ", ", keys[i].name);
    }
    if (keys_count == 1)
        return read_refuse_word(r, key, &nearest, "the key %s", keys[0].name);
    return read_refuse_word(r, key, &nearest, "a key out of %s", list.text);
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
