#include "scenario/origin.h"

#include <assert.h>

/* --- asking ----------------------------------------------------------------------------------- */

/* The last that begins at `offset` or before. */
static const struct text_origin *find(const struct text_origins *origins, size_t offset)
{
    uint32_t low = 0, high = origins->count;

    assert(origins->list[0].from == 0);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (origins->list[middle].from <= offset)
            low = middle;
        else
            high = middle;
    }
    return &origins->list[low];
}

/* `bytes` of text further on. */
static struct json_position step(struct json_position from, struct slice text, size_t bytes)
{
    struct json_position moved = json_position(text, bytes);

    if (moved.line == 1)
        return (struct json_position){from.line, from.column + moved.column - 1};
    return (struct json_position){from.line + moved.line - 1, moved.column};
}

struct text_place origins_place(const struct text_origins *origins, struct slice text,
                                struct slice file, size_t offset)
{
    const struct text_origin *origin;
    struct slice rest;

    if (origins->count == 0)
        return (struct text_place){file, json_position(text, offset)};
    origin = find(origins, offset);
    rest = (struct slice){text.data + origin->from, text.size - origin->from};
    return (struct text_place){origin->file, step(origin->position, rest, offset - origin->from)};
}

/* --- changing --------------------------------------------------------------------------------- */

static size_t same_in_front(struct slice a, struct slice b)
{
    size_t size = 0;

    while (size < a.size && size < b.size && a.data[size] == b.data[size])
        size++;
    return size;
}

static size_t same_behind(struct slice a, struct slice b, size_t size_max)
{
    size_t size = 0;

    while (size < size_max && a.data[a.size - size - 1] == b.data[b.size - size - 1])
        size++;
    return size;
}

enum rc origins_change(struct text_origins *origins, struct slice before, struct slice after,
                       struct slice file, struct arena *arena, struct error *err)
{
    size_t front = same_in_front(before, after);
    size_t shorter = before.size < after.size ? before.size : after.size;
    size_t behind = same_behind(before, after, shorter - front);
    struct text_place rest;
    struct text_origin *list;
    uint32_t count = 0;

    if (origins->count == 0)
        return RC_OK;
    list = arena_take(arena, (size_t)origins->count + 2, sizeof(*list));
    if (list == NULL)
        return error_set(err, arena->rc, "%.*s: %s", SLICE_ARG(file), rc_text(arena->rc));
    for (uint32_t i = 0; i < origins->count && origins->list[i].from < front; i++)
        list[count++] = origins->list[i];
    list[count++] = (struct text_origin){front, file, json_position(after, front)};
    rest = origins_place(origins, before, file, before.size - behind);
    list[count++] = (struct text_origin){after.size - behind, rest.file, rest.position};
    for (uint32_t i = 0; i < origins->count; i++) {
        if (origins->list[i].from <= before.size - behind)
            continue;
        list[count] = origins->list[i];
        list[count++].from += after.size - before.size; /* wraps around to the right sum */
    }
    *origins = (struct text_origins){list, count};
    return RC_OK;
}
