#include "lines.h"

#include <string.h>

void lines_init(struct lines *l, const struct memory *memory)
{
    *l = (struct lines){0};
    buffer_init(&l->buffer, memory, LINES_BYTES_MAX);
}

void lines_deinit(struct lines *l)
{
    buffer_deinit(&l->buffer);
}

void lines_feed(struct lines *l, struct slice bytes)
{
    buffer_drop(&l->buffer, l->taken);
    l->taken = 0;
    buffer_append(&l->buffer, bytes);
}

bool lines_next(struct lines *l, struct slice *line)
{
    struct slice all = buffer_slice(&l->buffer);
    struct slice rest = {all.data + l->taken, all.size - l->taken};
    const char *end = rest.size == 0 ? NULL : memchr(rest.data, '\n', rest.size);

    if (end == NULL)
        return false;
    *line = (struct slice){rest.data, (size_t)(end - rest.data)};
    l->taken += line->size + 1;
    return true;
}
