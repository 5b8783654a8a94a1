#ifndef WIRE_GEMINI_REFUSAL_H
#define WIRE_GEMINI_REFUSAL_H

/* What Gemini says when it refuses: {"error":{"code","message","status","details"}}, where a
 * wording's type is the status. Details of a 429 tell the quota that is exhausted (one per day: out
 * of money for today) and when to come again, since there is no header for it. A prompt that is
 * blocked is a 200 of another shape. Private to gemini.c. Facts: wire-facts.md §4.2, §4.3. Pure. */

#include "base/buffer.h"
#include "wire/format.h"
#include "wire/wording.h"

extern const struct wording gemini_wording[];
extern const struct wording gemini_limit_wording[];
extern const struct wording gemini_hopeless_wording[];

void gemini_write_refusal(const struct refusal *refusal, const struct wording *words,
                          struct buffer *out);

#endif
