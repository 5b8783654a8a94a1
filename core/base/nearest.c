#include "base/nearest.h"

#include <stdio.h>

void nearest_init(struct nearest *nearest, struct slice word)
{
    *nearest = (struct nearest){.word = word, .distance = UINT32_MAX};
}

void nearest_offer(struct nearest *nearest, struct slice candidate)
{
    size_t distance = slice_distance(nearest->word, candidate);
    size_t forgiven = nearest->word.size < 8 ? 2 : 1 + nearest->word.size / 4;

    if (distance > forgiven || 2 * distance > nearest->word.size + 1 ||
        distance >= candidate.size || distance >= nearest->distance)
        return;
    nearest->best = candidate;
    nearest->distance = (uint32_t)distance;
}

const char *nearest_say(const struct nearest *nearest, char text[NEAREST_TEXT_SIZE])
{
    text[0] = '\0';
    if (nearest->best.size > 0)
        snprintf(text, NEAREST_TEXT_SIZE, "; did you mean \"%.*s\"?", SLICE_ARG(nearest->best));
    return text;
}
