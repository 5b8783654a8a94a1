#include "nearest.h"

#include <stdio.h>

/* A third of the letters may differ, and two in any word: "rnu" is near "run". */
static uint32_t distance_max(struct slice typed)
{
    uint32_t third = (uint32_t)(typed.size / 3);

    return third > 2 ? third : 2;
}

void nearest_begin(struct nearest_word *nearest, struct slice typed)
{
    *nearest = (struct nearest_word){.typed = typed, .distance = distance_max(typed) + 1};
}

void nearest_consider(struct nearest_word *nearest, const char *word)
{
    uint32_t distance = slice_distance(nearest->typed, slice_of(word));

    if (distance >= nearest->distance)
        return;
    nearest->best = word;
    nearest->distance = distance;
}

const char *nearest_say(const struct nearest_word *nearest, char text[80])
{
    text[0] = '\0';
    if (nearest->best != NULL)
        snprintf(text, 80, "; did you mean \"%s\"?", nearest->best);
    return text;
}
