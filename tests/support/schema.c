#include "tests/support/schema.h"

#include <math.h>
#include <regex.h>
#include <string.h>

#include "scenario/read.h"
#include "wire/json.h"

enum { PATTERN_BYTES_MAX = 512 };

struct validator {
    struct value root;  /* the whole schema */
    bool found_unknown; /* sticky: the schema, not the instance, is to blame */
};

/* What one keyword looks at. */
struct question {
    struct validator *validator;
    const struct value *schema; /* that holds the keyword */
    const struct value *argument;
    const struct value *instance;
};

static bool accepts(struct validator *validator, const struct value *schema,
                    const struct value *instance);

/* --- JSON helpers ----------------------------------------------------------------------------- */

static bool parse(struct slice text, struct value *whole)
{
    struct json json;

    json_init(&json, text, JSON_COMMENTS);
    return json_next(&json, &whole->token) == RC_OK &&
           json_value(&json, &whole->token, &whole->text) == RC_OK &&
           json_next(&json, &(struct json_token){0}) == RC_END;
}

static bool find_member(const struct value *object, struct slice name, struct value *member)
{
    struct walk walk;
    struct value key;

    walk_init(&walk, object);
    while (walk_next(&walk, &key, member)) {
        if (json_is(&key.token, name))
            return true;
    }
    return false;
}

static bool is_of_kind(const struct value *value, enum json_kind kind)
{
    return value->token.kind == kind;
}

static uint64_t count_items(const struct value *container)
{
    struct walk walk;
    struct value key, item;
    uint64_t count = 0;

    walk_init(&walk, container);
    while (walk_next(&walk, &key, &item))
        count++;
    return count;
}

static double number_of(const struct value *value)
{
    double number = NAN;

    return json_double(&value->token, &number) == RC_OK ? number : NAN;
}

/* Decoded, zero-terminated; false when it is too long. */
static bool decode(const struct value *text, char *out, size_t capacity)
{
    struct buffer buffer;
    bool fits;

    buffer_init(&buffer, memory_heap(), capacity);
    json_text(&text->token, &buffer);
    fits = buffer.rc == RC_OK && slice_copy(buffer_slice(&buffer), out, capacity);
    buffer_deinit(&buffer);
    return fits;
}

static bool is_unknown(struct validator *validator)
{
    validator->found_unknown = true;
    return false;
}

/* --- keywords --------------------------------------------------------------------------------- */

static bool holds_always(const struct question *q)
{
    (void)q;
    return true;
}

static bool holds_type(const struct question *q)
{
    enum json_kind kind = q->instance->token.kind;
    struct slice type = q->argument->token.raw;

    if (slice_is(type, SLICE("object")))
        return kind == JSON_OBJECT;
    if (slice_is(type, SLICE("array")))
        return kind == JSON_ARRAY;
    if (slice_is(type, SLICE("string")))
        return kind == JSON_STRING;
    if (slice_is(type, SLICE("boolean")))
        return kind == JSON_TRUE || kind == JSON_FALSE;
    if (slice_is(type, SLICE("number")))
        return kind == JSON_NUMBER;
    if (slice_is(type, SLICE("integer")))
        return kind == JSON_NUMBER && floor(number_of(q->instance)) == number_of(q->instance);
    return is_unknown(q->validator);
}

/* Of texts, numbers, true, false and null; our schema lists no containers. */
static bool is_same(const struct value *word, const struct value *instance)
{
    if (word->token.kind != instance->token.kind)
        return false;
    if (word->token.kind == JSON_STRING)
        return json_is(&instance->token, word->token.raw);
    return word->token.kind != JSON_NUMBER || number_of(word) == number_of(instance);
}

static bool holds_enum(const struct question *q)
{
    struct walk walk;
    struct value word;

    walk_init(&walk, q->argument);
    while (walk_next(&walk, NULL, &word)) {
        if (word.token.kind == JSON_OBJECT || word.token.kind == JSON_ARRAY)
            return is_unknown(q->validator);
        if (is_same(&word, q->instance))
            return true;
    }
    return false;
}

static bool holds_pattern(const struct question *q)
{
    char pattern[PATTERN_BYTES_MAX], text[PATTERN_BYTES_MAX];
    regex_t compiled;
    bool matches;

    if (q->instance->token.kind != JSON_STRING && q->instance->token.kind != JSON_KEY)
        return true;
    if (!decode(q->argument, pattern, sizeof(pattern)) ||
        !decode(q->instance, text, sizeof(text)) ||
        regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return is_unknown(q->validator);
    matches = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return matches;
}

static bool holds_minimum(const struct question *q)
{
    return !is_of_kind(q->instance, JSON_NUMBER) ||
           number_of(q->instance) >= number_of(q->argument);
}

static bool holds_maximum(const struct question *q)
{
    return !is_of_kind(q->instance, JSON_NUMBER) ||
           number_of(q->instance) <= number_of(q->argument);
}

static bool holds_min_items(const struct question *q)
{
    return !is_of_kind(q->instance, JSON_ARRAY) ||
           (double)count_items(q->instance) >= number_of(q->argument);
}

static bool holds_max_items(const struct question *q)
{
    return !is_of_kind(q->instance, JSON_ARRAY) ||
           (double)count_items(q->instance) <= number_of(q->argument);
}

static bool holds_min_properties(const struct question *q)
{
    return !is_of_kind(q->instance, JSON_OBJECT) ||
           (double)count_items(q->instance) >= number_of(q->argument);
}

static bool holds_max_properties(const struct question *q)
{
    return !is_of_kind(q->instance, JSON_OBJECT) ||
           (double)count_items(q->instance) <= number_of(q->argument);
}

static bool holds_required(const struct question *q)
{
    struct walk walk;
    struct value name, member;

    if (!is_of_kind(q->instance, JSON_OBJECT))
        return true;
    walk_init(&walk, q->argument);
    while (walk_next(&walk, NULL, &name)) {
        if (!find_member(q->instance, name.token.raw, &member))
            return false;
    }
    return true;
}

static bool holds_properties(const struct question *q)
{
    struct walk walk;
    struct value key, schema, member;

    if (!is_of_kind(q->instance, JSON_OBJECT))
        return true;
    walk_init(&walk, q->argument);
    while (walk_next(&walk, &key, &schema)) {
        if (find_member(q->instance, key.token.raw, &member) &&
            !accepts(q->validator, &schema, &member))
            return false;
    }
    return true;
}

static bool holds_additional(const struct question *q)
{
    struct walk walk;
    struct value key, member, known, schema;
    bool has_known = find_member(q->schema, SLICE("properties"), &known);

    if (!is_of_kind(q->instance, JSON_OBJECT))
        return true;
    walk_init(&walk, q->instance);
    while (walk_next(&walk, &key, &member)) {
        if (has_known && find_member(&known, key.token.raw, &schema))
            continue;
        if (!accepts(q->validator, q->argument, &member))
            return false;
    }
    return true;
}

static bool holds_property_names(const struct question *q)
{
    struct walk walk;
    struct value key, member;

    if (!is_of_kind(q->instance, JSON_OBJECT))
        return true;
    walk_init(&walk, q->instance);
    while (walk_next(&walk, &key, &member)) {
        key.token.kind = JSON_STRING;
        if (!accepts(q->validator, q->argument, &key))
            return false;
    }
    return true;
}

static bool holds_items(const struct question *q)
{
    struct walk walk;
    struct value item;

    if (!is_of_kind(q->instance, JSON_ARRAY))
        return true;
    walk_init(&walk, q->instance);
    while (walk_next(&walk, NULL, &item)) {
        if (!accepts(q->validator, q->argument, &item))
            return false;
    }
    return true;
}

static uint64_t count_accepting(const struct question *q)
{
    struct walk walk;
    struct value schema;
    uint64_t count = 0;

    walk_init(&walk, q->argument);
    while (walk_next(&walk, NULL, &schema))
        count += accepts(q->validator, &schema, q->instance);
    return count;
}

static bool holds_all_of(const struct question *q)
{
    return count_accepting(q) == count_items(q->argument);
}

static bool holds_any_of(const struct question *q)
{
    return count_accepting(q) > 0;
}

static bool holds_one_of(const struct question *q)
{
    return count_accepting(q) == 1;
}

static bool holds_not(const struct question *q)
{
    return !accepts(q->validator, q->argument, q->instance);
}

static bool holds_ref(const struct question *q)
{
    static const struct slice prefix = {"#/$defs/", 8};
    struct slice target = q->argument->token.raw;
    struct value definitions, schema;

    if (!slice_starts_with(target, prefix) ||
        !find_member(&q->validator->root, SLICE("$defs"), &definitions))
        return is_unknown(q->validator);
    target = (struct slice){target.data + prefix.size, target.size - prefix.size};
    if (!find_member(&definitions, target, &schema))
        return is_unknown(q->validator);
    return accepts(q->validator, &schema, q->instance);
}

static const struct {
    const char *name;
    bool (*holds)(const struct question *q);
} keywords[] = {
    {"$schema", holds_always},
    {"$defs", holds_always},
    {"title", holds_always},
    {"description", holds_always},
    {"$ref", holds_ref},
    {"type", holds_type},
    {"enum", holds_enum},
    {"pattern", holds_pattern},
    {"minimum", holds_minimum},
    {"maximum", holds_maximum},
    {"minItems", holds_min_items},
    {"maxItems", holds_max_items},
    {"minProperties", holds_min_properties},
    {"maxProperties", holds_max_properties},
    {"required", holds_required},
    {"properties", holds_properties},
    {"additionalProperties", holds_additional},
    {"propertyNames", holds_property_names},
    {"items", holds_items},
    {"allOf", holds_all_of},
    {"anyOf", holds_any_of},
    {"oneOf", holds_one_of},
    {"not", holds_not},
};

/* --- the whole -------------------------------------------------------------------------------- */

static bool keyword_holds(const struct value *key, const struct question *q)
{
    for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
        if (json_is(&key->token, slice_of(keywords[i].name)))
            return keywords[i].holds(q);
    }
    return is_unknown(q->validator);
}

/* The one prototype of a static here: schemas lie in schemas, so its helpers call it. */
static bool accepts(struct validator *validator, const struct value *schema,
                    const struct value *instance)
{
    struct walk walk;
    struct value key, argument;

    if (schema->token.kind == JSON_TRUE || schema->token.kind == JSON_FALSE)
        return schema->token.kind == JSON_TRUE;
    if (schema->token.kind != JSON_OBJECT)
        return is_unknown(validator);
    walk_init(&walk, schema);
    while (walk_next(&walk, &key, &argument)) {
        if (!keyword_holds(&key, &(struct question){validator, schema, &argument, instance}))
            return false;
    }
    return true;
}

enum schema_answer schema_check(struct slice schema, struct slice instance)
{
    struct validator validator = {0};
    struct value whole = {0};
    bool accepted;

    if (!parse(schema, &validator.root) || !parse(instance, &whole))
        return SCHEMA_UNKNOWN;
    accepted = accepts(&validator, &validator.root, &whole);
    if (validator.found_unknown)
        return SCHEMA_UNKNOWN;
    return accepted ? SCHEMA_ACCEPTS : SCHEMA_REFUSES;
}
