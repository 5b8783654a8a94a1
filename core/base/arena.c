#include "base/arena.h"

#include <stdint.h>
#include <string.h>

struct arena_block {
    struct arena_block *earlier;
    size_t size;
    size_t used;
    _Alignas(max_align_t) char bytes[];
};

enum { BLOCK_BYTES = 16 * 1024, ALIGNMENT = _Alignof(max_align_t) };

void arena_init(struct arena *a, const struct memory *memory, size_t bytes_ceiling)
{
    *a = (struct arena){.memory = memory, .bytes_ceiling = bytes_ceiling};
}

void arena_deinit(struct arena *a)
{
    while (a->latest != NULL) {
        struct arena_block *earlier = a->latest->earlier;

        memory_release(a->memory, a->latest);
        a->latest = earlier;
    }
    *a = (struct arena){0};
}

static void *fail(struct arena *a, enum rc rc)
{
    a->rc = rc;
    return NULL;
}

void *arena_take(struct arena *a, size_t count, size_t item_bytes)
{
    struct arena_block *block = a->latest;
    size_t size;
    char *taken;

    if (item_bytes > 0 && count > (SIZE_MAX / 4) / item_bytes)
        return fail(a, RC_LIMIT);
    size = (count * item_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (size > a->bytes_ceiling || a->bytes_used > a->bytes_ceiling - size)
        return fail(a, RC_LIMIT);
    if (block == NULL || block->size - block->used < size) {
        size_t block_size = size > BLOCK_BYTES ? size : BLOCK_BYTES;

        block = a->memory->resize(a->memory->context, NULL, sizeof(*block) + block_size);
        if (block == NULL)
            return fail(a, RC_NOMEM);
        *block = (struct arena_block){.earlier = a->latest, .size = block_size};
        a->latest = block;
    }
    taken = block->bytes + block->used;
    block->used += size;
    a->bytes_used += size;
    memset(taken, 0, size);
    return taken;
}

struct slice arena_copy(struct arena *a, struct slice bytes)
{
    char *copy = arena_take(a, bytes.size + 1, 1);

    if (copy == NULL)
        return (struct slice){0};
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return (struct slice){copy, bytes.size};
}
