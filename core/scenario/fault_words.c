#include "scenario/fault_words.h"

#include <assert.h>

#include "fault/plan.h"

#define FAULT_WORD_CARD(name, word, takes, where, about, example) \
    [FAULT_WORD_##name] = {word, takes, where, about, example},
static const struct fault_word_card cards[FAULT_WORDS_COUNT] = {FAULT_WORD_LIST(FAULT_WORD_CARD)};
#undef FAULT_WORD_CARD

const struct fault_word_card *fault_word_card(enum fault_word word)
{
    assert((unsigned)word < FAULT_WORDS_COUNT);
    return &cards[word];
}

uint32_t fault_quirks_impossible(enum api api)
{
    switch (api) {
    case API_OPENAI_CHAT:
        return QUIRK_DONE_WRONG | QUIRK_NO_EVENT_NAMES;
    case API_GEMINI:
        return QUIRK_DONE_MISSING | QUIRK_DONE_EARLY | QUIRK_NO_EVENT_NAMES;
    default:
        return QUIRK_DONE_MISSING | QUIRK_DONE_EARLY;
    }
}
