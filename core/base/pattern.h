#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

/* What a text must be like: equal to another, a glob, or a regular expression (PCRE2, bytes as they
 * come; it may match anywhere in the text unless it is anchored).
 *
 *     pattern_compile(&pattern, PATTERN_REGEX, SLICE("^claude-(opus|sonnet)"), arena, &offset,
 *                     &problem)
 *     pattern_matches(&pattern, text)
 *
 * Compiled once, into an arena, so there is nothing to free; matching allocates nothing. It is
 * bounded too: an expression that takes more than PATTERN_STEPS_MAX steps, and
 * PATTERN_STEPS_PER_BYTE for each byte of the text, or nests deeper than PATTERN_NESTING_KB hold,
 * does not match that text (`gave_up` counts these), so none can hold up a mock. A step is one item
 * of the expression tried, or one byte run over. Immutable but for its counts and its working
 * space: one thread. A zeroed pattern equals the empty text. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

enum { PATTERN_STEPS_MAX = 100000, PATTERN_STEPS_PER_BYTE = 8, PATTERN_NESTING_KB = 80 };

enum pattern_kind { PATTERN_EQUALS, PATTERN_GLOB, PATTERN_REGEX };

struct pattern {
    enum pattern_kind kind;
    struct slice text; /* as written; lives as long as the arena */
    void *compiled;    /* REGEX */
    uint64_t gave_up;
};

/* RC_MALFORMED (only REGEX): `problem` says what in words that live as long as the arena, `offset`
 * where in the text. RC_NOMEM, RC_LIMIT: the arena's. */
MUST_USE enum rc pattern_compile(struct pattern *pattern, enum pattern_kind kind, struct slice text,
                                 struct arena *arena, size_t *offset, const char **problem);

bool pattern_matches(struct pattern *pattern, struct slice text);

#endif
