#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

/* Where memory comes from: a table that tests can replace, to fail the n-th allocation or to count.
 * `resize(NULL, ...)` allocates. A null result means "out of memory"; the old block then stays. */

#include <stddef.h>

struct memory {
    void *(*resize)(void *context, void *block, size_t size);
    void (*release)(void *context, void *block); /* NULL is allowed */
    void *context;
};

/* The ordinary heap. */
const struct memory *memory_heap(void);

/* Zeroed space for `count` items, or NULL (also when the product would overflow). */
void *memory_zeroed(const struct memory *memory, size_t count, size_t item_bytes);

void memory_release(const struct memory *memory, void *block);

#endif
