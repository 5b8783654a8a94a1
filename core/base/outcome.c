#include "base/outcome.h"

#include <assert.h>

static const struct {
    const char *word;
    const char *meaning;
} outcomes[OUTCOME_COUNT] = {
#define OUTCOME_ROW(name, word, meaning) [OUTCOME_##name] = {word, meaning},
    OUTCOME_LIST(OUTCOME_ROW)
#undef OUTCOME_ROW
};

const char *outcome_word(enum outcome outcome)
{
    assert(outcome < OUTCOME_COUNT);
    return outcomes[outcome].word;
}

const char *outcome_meaning(enum outcome outcome)
{
    assert(outcome < OUTCOME_COUNT);
    return outcomes[outcome].meaning;
}

bool outcome_find(struct slice word, enum outcome *outcome)
{
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        if (slice_is(word, slice_of(outcomes[i].word))) {
            *outcome = (enum outcome)i;
            return true;
        }
    }
    return false;
}
