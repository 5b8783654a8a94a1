#ifndef HARNESS_NEAREST_H
#define HARNESS_NEAREST_H

/* "Did you mean": the known word nearest to what was typed. */

#include "base/slice.h"

struct nearest_word {
    struct slice typed;
    const char *best; /* NULL: nothing is near enough */
    uint32_t distance;
};

void nearest_begin(struct nearest_word *nearest, struct slice typed);
void nearest_consider(struct nearest_word *nearest, const char *word);

/* "; did you mean \"run\"?" into `text`, or an empty string. Returns `text`. */
const char *nearest_say(const struct nearest_word *nearest, char text[80]);

#endif
