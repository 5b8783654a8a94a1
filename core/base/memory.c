#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *heap_resize(void *context, void *block, size_t size)
{
    (void)context;
    return realloc(block, size);
}

static void heap_release(void *context, void *block)
{
    (void)context;
    free(block);
}

const struct memory *memory_heap(void)
{
    static const struct memory heap = {heap_resize, heap_release, NULL};

    return &heap;
}

void *memory_zeroed(const struct memory *memory, size_t count, size_t item_bytes)
{
    size_t size;
    void *block;

    if (count == 0 || item_bytes == 0)
        count = item_bytes = 1;
    if (count > SIZE_MAX / item_bytes)
        return NULL;
    size = count * item_bytes;
    block = memory->resize(memory->context, NULL, size);
    if (block != NULL)
        memset(block, 0, size);
    return block;
}

void memory_release(const struct memory *memory, void *block)
{
    if (block != NULL)
        memory->release(memory->context, block);
}
