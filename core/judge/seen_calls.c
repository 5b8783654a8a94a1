#include "judge/seen_calls.h"

#include <assert.h>

enum { WORD_BITS = 64, WORDS_FIRST = 64 };

void seen_calls_deinit(struct seen_calls *seen)
{
    for (uint32_t i = 0; i < SCENARIO_PARTS_MAX; i++)
        memory_release(seen->memory, seen->sources[i].ring);
    *seen = (struct seen_calls){.memory = seen->memory};
}

/* Room for word `word`, which is not done. */
static enum rc make_room(struct seen_calls *seen, uint32_t source, uint64_t word)
{
    uint64_t done = seen->sources[source].words_done, had = seen->sources[source].words;
    uint64_t words = had > 0 ? had : WORDS_FIRST;
    uint64_t *ring;

    if (word - done < had)
        return RC_OK;
    if (word - done >= SEEN_CALLS_STRETCH_MAX / WORD_BITS)
        return RC_LIMIT;
    while (words <= word - done)
        words *= 2;
    ring = memory_zeroed(seen->memory, words, sizeof(*ring));
    if (ring == NULL)
        return RC_NOMEM;
    for (uint64_t w = done; w < done + had; w++)
        ring[w & (words - 1)] = seen->sources[source].ring[w & (had - 1)];
    memory_release(seen->memory, seen->sources[source].ring);
    seen->sources[source].ring = ring;
    seen->sources[source].words = words;
    return RC_OK;
}

/* Words at the front that are full are cleared for those that come. */
static void move_on(struct seen_calls *seen, uint32_t source)
{
    uint64_t mask = seen->sources[source].words - 1;
    uint64_t *ring = seen->sources[source].ring;

    while (ring[seen->sources[source].words_done & mask] == UINT64_MAX)
        ring[seen->sources[source].words_done++ & mask] = 0;
}

enum rc seen_calls_mark(struct seen_calls *seen, struct call_id id, bool *was_there)
{
    uint64_t word = id.index / WORD_BITS;
    uint64_t bit = (uint64_t)1 << id.index % WORD_BITS;
    uint64_t *place;

    *was_there = seen_calls_has(seen, id);
    if (*was_there)
        return RC_OK;
    TRY(make_room(seen, id.source, word));
    place = &seen->sources[id.source].ring[word & (seen->sources[id.source].words - 1)];
    *place |= bit;
    if (*place == UINT64_MAX)
        move_on(seen, id.source);
    return RC_OK;
}

bool seen_calls_has(const struct seen_calls *seen, struct call_id id)
{
    uint64_t word = id.index / WORD_BITS;
    uint64_t done, words;

    assert(id.source < SCENARIO_PARTS_MAX);
    done = seen->sources[id.source].words_done;
    words = seen->sources[id.source].words;
    if (word < done)
        return true;
    if (word - done >= words)
        return false;
    return seen->sources[id.source].ring[word & (words - 1)] >> id.index % WORD_BITS & 1;
}
