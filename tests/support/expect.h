#ifndef TESTS_SUPPORT_EXPECT_H
#define TESTS_SUPPORT_EXPECT_H

/* Assertions that show both values when they fail, which CUnit's own do not.
 *
 * Each evaluates its arguments once, records one assertion and goes on after a failure. The text of
 * a failure reads `EXPECT_U64(flaky.live, 0): got 3, expected 0`. */

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

#define EXPECT_U64(actual, expected) \
    expect_u64(                      \
        (actual), (expected),        \
        &(struct expect_place){"EXPECT_U64(" #actual ", " #expected ")", __FILE__, __LINE__})

#define EXPECT_I64(actual, expected) \
    expect_i64(                      \
        (actual), (expected),        \
        &(struct expect_place){"EXPECT_I64(" #actual ", " #expected ")", __FILE__, __LINE__})

/* Bytes against a string literal. */
#define EXPECT_TEXT(slice, literal)      \
    expect_text((slice), SLICE(literal), \
                &(struct expect_place){"EXPECT_TEXT(" #slice ")", __FILE__, __LINE__})

#define EXPECT_RC(call, expected) \
    expect_rc((call), (expected), \
              &(struct expect_place){"EXPECT_RC(" #call ", " #expected ")", __FILE__, __LINE__})

struct expect_place {
    const char *claim;
    const char *file;
    unsigned line;
};

void expect_u64(uint64_t actual, uint64_t expected, const struct expect_place *place);
void expect_i64(int64_t actual, int64_t expected, const struct expect_place *place);
void expect_text(struct slice actual, struct slice expected, const struct expect_place *place);
void expect_rc(enum rc actual, enum rc expected, const struct expect_place *place);

#endif
