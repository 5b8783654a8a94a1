#include "base/stop.h"

#include <assert.h>

const char *stop_word(enum stop stop)
{
    static const char *const words[STOP_COUNT] = {
#define STOP_WORD(name, word, meaning) [STOP_##name] = (word),
        STOP_LIST(STOP_WORD)
#undef STOP_WORD
    };

    assert(stop < STOP_COUNT);
    return words[stop];
}
