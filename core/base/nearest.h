#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

/* "Did you mean": the known word nearest to what was written. Two slips are forgiven in any word,
 * more only in a longer one, but never half of it. Words are borrowed. Pure. */

#include <stdint.h>

#include "base/slice.h"

struct nearest {
    struct slice word;
    struct slice best; /* empty: none is near enough */
    uint32_t distance;
};

enum { NEAREST_TEXT_SIZE = 96 };

void nearest_init(struct nearest *nearest, struct slice word);
void nearest_offer(struct nearest *nearest, struct slice candidate);

/* "; did you mean \"run\"?", or an empty string, into `text`. Returns `text`. */
const char *nearest_say(const struct nearest *nearest, char text[NEAREST_TEXT_SIZE]);

#endif
