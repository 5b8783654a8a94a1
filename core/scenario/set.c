/* Changing a scenario's text without retyping it: the new value is spliced in at the old one's
 * place, so comments, order and layout of everything else stay. */

#include <string.h>

#include "base/buffer.h"
#include "scenario/read.h"

enum { KEY_BYTES_MAX = 128 };

/* Where a pointer leads. */
struct spot {
    struct value container; /* the object or array that holds it */
    struct slice key;       /* the pointer's last part, decoded; borrowed from `decoded` */
    struct value value;     /* absent: a member that `container` does not have yet */
    char decoded[KEY_BYTES_MAX];
};

/* A piece of text to be put in place of `old` (inside `text`; may be empty, to insert). */
struct splice {
    struct slice text;
    struct slice old;
    struct slice before, middle, after;
};

static enum rc apply(const struct splice *splice, struct arena *arena, struct slice *result,
                     struct error *err)
{
    size_t head = (size_t)(splice->old.data - splice->text.data);
    struct buffer out;
    struct slice copy;
    enum rc rc;

    buffer_init(&out, arena->memory, SCENARIO_TEXT_MAX);
    buffer_append(&out, (struct slice){splice->text.data, head});
    buffer_append(&out, splice->before);
    buffer_append(&out, splice->middle);
    buffer_append(&out, splice->after);
    buffer_append(&out, (struct slice){splice->old.data + splice->old.size,
                                       splice->text.size - head - splice->old.size});
    rc = out.rc;
    copy = rc == RC_OK ? arena_copy(arena, buffer_slice(&out)) : (struct slice){0};
    if (rc == RC_OK && copy.data == NULL)
        rc = arena->rc;
    buffer_deinit(&out);
    if (rc != RC_OK)
        return error_set(err, rc, "the changed scenario: %s", rc_text(rc));
    *result = copy;
    return RC_OK;
}

/* --- following a pointer (RFC 6901) ----------------------------------------------------------- */

/* "~1" is a slash, "~0" a tilde. */
static bool decode_part(struct slice part, char *out, struct slice *decoded)
{
    size_t size = 0;

    for (size_t i = 0; i < part.size; i++) {
        char c = part.data[i];

        if (c == '~') {
            if (++i == part.size || (part.data[i] != '0' && part.data[i] != '1'))
                return false;
            c = part.data[i] == '0' ? '~' : '/';
        }
        if (size == KEY_BYTES_MAX)
            return false;
        out[size++] = c;
    }
    *decoded = (struct slice){out, size};
    return true;
}

static struct slice take_part(struct slice *rest)
{
    const char *slash = rest->size > 0 ? memchr(rest->data, '/', rest->size) : NULL;
    struct slice part = {rest->data, slash != NULL ? (size_t)(slash - rest->data) : rest->size};

    *rest =
        slash != NULL ? (struct slice){slash + 1, rest->size - part.size - 1} : (struct slice){0};
    return part;
}

/* As RFC 6901 writes one: no zeros in front. */
static bool is_index(struct slice key, uint64_t *index)
{
    return slice_u64(key, index) && (key.size == 1 || key.data[0] != '0');
}

/* The member or element of that name; absent when there is none. */
static struct value find(const struct value *container, struct slice key)
{
    struct walk walk;
    struct value name, value;
    uint64_t wanted = 0;
    bool is_array = container->token.kind == JSON_ARRAY;

    if (container->token.kind != JSON_OBJECT && !is_array)
        return (struct value){0};
    if (is_array && !is_index(key, &wanted))
        return (struct value){0};
    walk_init(&walk, container);
    for (uint64_t index = 0; walk_next(&walk, &name, &value); index++) {
        if (is_array ? index == wanted : json_is(&name.token, key))
            return value;
    }
    return (struct value){0};
}

static enum rc refuse_part(struct slice pointer, const struct spot *spot, struct error *err)
{
    struct walk walk;
    struct value name, value;
    struct nearest nearest;

    nearest_init(&nearest, spot->key);
    if (spot->container.token.kind == JSON_OBJECT) {
        walk_init(&walk, &spot->container);
        while (walk_next(&walk, &name, &value))
            nearest_offer(&nearest, name.token.raw);
    }
    if (nearest.best.size > 0)
        return error_set(err, RC_MALFORMED,
                         "%.*s: found no \"%.*s\" in the scenario, expected a place that is there; "
                         "did you mean \"%.*s\"?",
                         SLICE_ARG(pointer), SLICE_ARG(spot->key), SLICE_ARG(nearest.best));
    return error_set(
        err, RC_MALFORMED, "%.*s: found no \"%.*s\" in %s, expected a place that is there",
        SLICE_ARG(pointer), SLICE_ARG(spot->key), json_kind_text(spot->container.token.kind));
}

/* All parts but the last must be there; the last may be a new member of an object. */
static enum rc follow(const struct value *whole, struct slice pointer, struct spot *spot,
                      struct error *err)
{
    struct slice rest = pointer;
    bool is_last = false;

    if (pointer.size == 0 || pointer.data[0] != '/')
        return error_set(err, RC_MALFORMED,
                         "found \"%.*s\", expected a place such as /load/deadline",
                         SLICE_ARG(pointer));
    take_part(&rest); /* what stands before the first slash: nothing */
    spot->value = *whole;
    while (!is_last) {
        spot->container = spot->value;
        is_last = rest.size == 0 || memchr(rest.data, '/', rest.size) == NULL;
        if (!decode_part(take_part(&rest), spot->decoded, &spot->key))
            return error_set(
                err, RC_MALFORMED,
                "found \"%.*s\", expected ~0 for ~, ~1 for / and no part over %d bytes",
                SLICE_ARG(pointer), KEY_BYTES_MAX);
        spot->value = find(&spot->container, spot->key);
        if (value_is_there(&spot->value))
            continue;
        if (!is_last || spot->container.token.kind != JSON_OBJECT)
            return refuse_part(pointer, spot, err);
    }
    return RC_OK;
}

/* --- putting ---------------------------------------------------------------------------------- */

/* A new member comes first in its object: there no comma or comment of others is in the way. */
static enum rc insert(struct slice text, const struct spot *spot, struct slice value,
                      struct arena *arena, struct slice *result, struct error *err)
{
    struct slice inside = {spot->container.text.data + 1, 0};
    struct walk walk;
    struct value name, first;
    struct buffer key;
    enum rc rc;

    walk_init(&walk, &spot->container);
    buffer_init(&key, arena->memory, SCENARIO_TEXT_MAX);
    json_write_text(&key, spot->key);
    buffer_text(&key, ": ");
    rc = key.rc;
    if (rc == RC_OK)
        rc = apply(
            &(struct splice){.text = text,
                             .old = inside,
                             .before = buffer_slice(&key),
                             .middle = value,
                             .after = walk_next(&walk, &name, &first) ? SLICE(", ") : SLICE("")},
            arena, result, err);
    else
        rc = error_set(err, rc, "the changed scenario: %s", rc_text(rc));
    buffer_deinit(&key);
    return rc;
}

static enum rc put(struct slice text, const struct value *whole, struct slice pointer,
                   struct slice value, struct arena *arena, struct slice *result, struct error *err)
{
    struct spot spot;

    TRY(follow(whole, pointer, &spot, err));
    if (!value_is_there(&spot.value))
        return insert(text, &spot, value, arena, result, err);
    return apply(&(struct splice){.text = text, .old = spot.value.text, .middle = value}, arena,
                 result, err);
}

static enum rc check(struct slice text, const char *what, struct arena *arena, struct value *whole,
                     struct error *err)
{
    struct error unwanted = {0};
    struct reading reading = {
        .text = text, .file = slice_of(what), .arena = arena, .err = err != NULL ? err : &unwanted};

    return read_check(&reading, whole);
}

/* JSON as it is; anything else as the string it was meant for ("5s", "careful"). */
static enum rc as_json(struct slice text, struct arena *arena, struct slice *value,
                       struct error *err)
{
    struct value whole;
    struct buffer quoted;
    enum rc rc;

    if (check(text, "value", arena, &whole, NULL) == RC_OK) {
        *value = whole.text;
        return RC_OK;
    }
    buffer_init(&quoted, arena->memory, SCENARIO_TEXT_MAX);
    json_write_text(&quoted, text);
    rc = quoted.rc;
    *value = arena_copy(arena, buffer_slice(&quoted));
    if (rc == RC_OK && value->data == NULL)
        rc = arena->rc;
    buffer_deinit(&quoted);
    return rc == RC_OK ? RC_OK : error_set(err, rc, "the new value: %s", rc_text(rc));
}

enum rc scenario_set(struct slice text, struct slice pointer, struct slice value,
                     struct arena *arena, struct slice *result, struct error *err)
{
    struct value whole;
    struct slice json;

    TRY(check(text, "scenario", arena, &whole, err));
    TRY(as_json(value, arena, &json, err));
    return put(text, &whole, pointer, json, arena, result, err);
}

/* {"preset": NAME} */
static enum rc preset_block(struct slice preset, struct arena *arena, struct slice *block,
                            struct error *err)
{
    return scenario_set(SLICE("{}"), SLICE("/preset"), preset, arena, block, err);
}

static bool is_a_program(const struct value *subject)
{
    struct value exec = find(subject, SLICE("exec"));
    struct value service = find(subject, SLICE("service"));

    return value_is_there(&exec) || value_is_there(&service);
}

enum rc scenario_set_client(struct slice text, struct slice preset, struct slice block,
                            const char *name, struct arena *arena, struct slice *result,
                            struct error *err)
{
    struct value whole, client, subject;

    TRY(check(text, "scenario", arena, &whole, err));
    if (preset.size > 0)
        TRY(preset_block(preset, arena, &block, err));
    TRY(check(block, name, arena, &client, err));
    if (client.token.kind != JSON_OBJECT)
        return error_set(err, RC_MALFORMED, "%s: found %s, expected an object { }", name,
                         json_kind_text(client.token.kind));
    block = client.text;
    subject = find(&whole, SLICE("subject"));
    if (!value_is_there(&subject) || is_a_program(&subject)) {
        TRY(scenario_set(text, SLICE("/subject"), SLICE("{}"), arena, &text, err));
        TRY(check(text, "scenario", arena, &whole, err));
    }
    return put(text, &whole, SLICE("/subject/client"), block, arena, result, err);
}
