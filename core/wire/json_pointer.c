#include "wire/json_pointer.h"

#include <string.h>

#include "base/memory.h"

enum { KEY_BYTES_MAX = 128 };

/* --- parts ------------------------------------------------------------------------------------ */

static void cut_parts(struct json_walk *walk, struct slice pointer)
{
    while (pointer.size > 0) {
        struct slice part = {pointer.data + 1, 0};

        if (pointer.data[0] != '/' || walk->parts_count == JSON_DEPTH_MAX) {
            walk->leads_nowhere = true;
            return;
        }
        while (part.size < pointer.size - 1 && part.data[part.size] != '/')
            part.size++;
        walk->parts[walk->parts_count++] = part;
        pointer = (struct slice){part.data + part.size, pointer.size - 1 - part.size};
    }
}

/* "~1" is a slash, "~0" a tilde. */
static bool decode(struct slice part, struct buffer *out)
{
    for (size_t i = 0; i < part.size; i++) {
        if (part.data[i] != '~') {
            buffer_byte(out, part.data[i]);
            continue;
        }
        if (++i == part.size || (part.data[i] != '0' && part.data[i] != '1'))
            return false;
        buffer_byte(out, part.data[i] == '0' ? '~' : '/');
    }
    return out->rc == RC_OK;
}

static bool is_key(const struct json_token *key, struct slice part)
{
    char space[KEY_BYTES_MAX];
    struct buffer text = {.data = space,
                          .capacity = sizeof(space),
                          .ceiling = sizeof(space),
                          .memory = memory_heap()}; /* never asked: the space is there */

    if (part.size == 0 || memchr(part.data, '~', part.size) == NULL)
        return json_is(key, part);
    return decode(part, &text) && json_is(key, buffer_slice(&text));
}

/* As RFC 6901 writes one: no zeros in front. */
static bool is_index(uint64_t index, struct slice part)
{
    uint64_t wanted;

    if (slice_is(part, SLICE("*")))
        return true;
    return slice_u64(part, &wanted) && wanted == index && (part.size == 1 || part.data[0] != '0');
}

/* --- the walk --------------------------------------------------------------------------------- */

void json_walk_init(struct json_walk *walk, struct slice text, struct slice pointer)
{
    walk->parts_count = 0;
    walk->leads_nowhere = false;
    json_init(&walk->json, text, JSON_STRICT);
    cut_parts(walk, pointer);
}

static bool is_end(const struct json_token *token)
{
    return token->kind == JSON_OBJECT_END || token->kind == JSON_ARRAY_END;
}

static bool is_container(const struct json_token *token)
{
    return token->kind == JSON_OBJECT || token->kind == JSON_ARRAY;
}

/* The next value of the innermost container that is open, or its end. Only containers on the way
 * are ever open, so the part that its members must be is that of its depth. */
static enum rc next_value(struct json_walk *walk, struct json_token *token, bool *is_on_way)
{
    struct json *json = &walk->json;
    uint32_t depth = json->depth;
    bool is_in_object = depth > 0 && json->open[depth - 1] == '{';

    TRY(json_next(json, token));
    *is_on_way = !walk->leads_nowhere;
    if (is_end(token) || depth == 0)
        return RC_OK;
    if (!is_in_object) {
        *is_on_way = is_index(walk->index[depth - 1]++, walk->parts[depth - 1]);
        return RC_OK;
    }
    *is_on_way = is_key(token, walk->parts[depth - 1]);
    return json_next(json, token);
}

enum rc json_walk_next(struct json_walk *walk, struct json_token *token)
{
    for (;;) {
        uint32_t depth = walk->json.depth;
        bool is_on_way;

        TRY(next_value(walk, token, &is_on_way));
        if (is_end(token))
            continue;
        if (is_on_way && depth < walk->parts_count && is_container(token)) {
            walk->index[depth] = 0;
            continue;
        }
        TRY(json_skip(&walk->json, token));
        if (is_on_way && depth == walk->parts_count)
            return RC_OK;
    }
}

bool json_find(struct slice text, struct slice pointer, struct json_token *token)
{
    struct json_walk walk;
    struct json_token other;
    enum rc rc;

    json_walk_init(&walk, text, pointer);
    if (json_walk_next(&walk, token) != RC_OK)
        return false;
    do
        rc = json_walk_next(&walk, &other);
    while (rc == RC_OK);
    return rc == RC_END;
}
