#include "judge/seen_calls.h"

#include <assert.h>
#include <string.h>

enum { WORD_BITS = 64, WORDS_FIRST = 64 };

void seen_calls_deinit(struct seen_calls *seen)
{
    for (uint32_t i = 0; i < SCENARIO_PARTS_MAX; i++)
        memory_release(seen->memory, seen->sources[i].bits);
    *seen = (struct seen_calls){.memory = seen->memory};
}

static enum rc grow(struct seen_calls *seen, uint32_t source, uint64_t words_wanted)
{
    const struct memory *memory = seen->memory;
    uint64_t had = seen->sources[source].words;
    uint64_t words = had > 0 ? had : WORDS_FIRST;
    uint64_t *bits;

    while (words < words_wanted)
        words *= 2;
    bits = memory->resize(memory->context, seen->sources[source].bits, words * sizeof(*bits));
    if (bits == NULL)
        return RC_NOMEM;
    memset(bits + had, 0, (words - had) * sizeof(*bits));
    seen->sources[source].bits = bits;
    seen->sources[source].words = words;
    return RC_OK;
}

enum rc seen_calls_mark(struct seen_calls *seen, struct call_id id, bool *was_there)
{
    uint64_t word = id.index / WORD_BITS;
    uint64_t bit = (uint64_t)1 << id.index % WORD_BITS;

    assert(id.source < SCENARIO_PARTS_MAX);
    if (id.index >= SEEN_CALLS_INDEX_MAX)
        return RC_LIMIT;
    if (word >= seen->sources[id.source].words)
        TRY(grow(seen, id.source, word + 1));
    *was_there = (seen->sources[id.source].bits[word] & bit) != 0;
    seen->sources[id.source].bits[word] |= bit;
    return RC_OK;
}

bool seen_calls_has(const struct seen_calls *seen, struct call_id id)
{
    uint64_t word = id.index / WORD_BITS;

    assert(id.source < SCENARIO_PARTS_MAX);
    if (word >= seen->sources[id.source].words)
        return false;
    return seen->sources[id.source].bits[word] >> id.index % WORD_BITS & 1;
}
