#ifndef TESTS_SUPPORT_READING_H
#define TESTS_SUPPORT_READING_H

/* Reads a whole stream as a client does, bytes to events to answer, and keeps what a test asks. */

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "wire/format.h"

struct reading {
    struct answer answer;
    uint64_t events;
    uint64_t tokens;   /* events with generated output of any kind */
    uint64_t contents; /* events with text */
    uint64_t ends;
    uint64_t malformed;
    uint64_t complete_at; /* number of the first event after which it was complete; 0: never */
};

struct reading read_stream(enum api api, struct slice stream);

/* A copy in memory of exactly that size, so that a sanitizer sees one byte too many read. Free
 * `data` with free(). */
struct slice exact_copy(struct slice bytes);

#endif
