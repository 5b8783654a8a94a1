#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

/* What the fuzz entries share. Each NAME.c is a libFuzzer target for one parser of what comes from
 * outside: beyond not crashing it holds a property, for which FUZZ_CHECK aborts. `make fuzz` runs
 * all of them from the kept corpus/NAME. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition) \
    do {                      \
        if (!(condition))     \
            abort();          \
    } while (0)

/* The first byte decides something (how to cut, which format); the rest is the text. */
static inline struct slice fuzz_text(const uint8_t *data, size_t size, unsigned *choice)
{
    *choice = size > 0 ? data[0] : 0;
    return size > 0 ? (struct slice){(const char *)data + 1, size - 1}
                    : (struct slice){(const char *)data, 0};
}

/* Takes the next piece of at most `piece` bytes off the front; an empty one at the end. */
static inline struct slice fuzz_cut(struct slice *rest, size_t piece)
{
    struct slice taken = {rest->data, piece < rest->size ? piece : rest->size};

    rest->data += taken.size;
    rest->size -= taken.size;
    return taken;
}

/* Folds bytes into a running value that tells two sequences of items apart. */
static inline uint64_t fuzz_fold(uint64_t sum, struct slice bytes)
{
    return (sum * 31 + slice_hash(bytes)) * 0x9E3779B97F4A7C15U + bytes.size;
}

#endif
