#ifndef JUDGE_EVIDENCE_WORDS_H
#define JUDGE_EVIDENCE_WORDS_H

/* The words of evidence lines for what has none elsewhere: one list each, written and read by. The
 * index is the enum's value. */

#include <stdint.h>

#include "scenario/scenario.h"

struct words {
    const char *const *list;
    uint32_t count;
};

extern const struct words call_pending_words;
extern const struct words advice_form_words;
extern const struct words key_used_words;
extern const struct words closed_by_words;
extern const struct words plan_advice_words;
extern const struct words journal_kind_words;
extern const struct words limit_kind_words;

/* The api that a journal line leaves out. */
enum api journal_default_api(const struct scenario *scenario, uint32_t provider);

#endif
