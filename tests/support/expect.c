#include "tests/support/expect.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <CUnit/CUnit.h>

/* CUnit copies the claim, so the text may live on the stack. A long one is cut. */
static PRINTF_LIKE(3, 4) void record(bool holds, const struct expect_place *place,
                                     const char *format, ...)
{
    char values[3072] = "";
    char claim[4096];
    va_list list;

    if (!holds) {
        va_start(list, format);
        vsnprintf(values, sizeof values, format, list);
        va_end(list);
    }
    snprintf(claim, sizeof claim, "%.900s: %s", place->claim, values);
    CU_assertImplementation(holds, place->line, claim, place->file, "", CU_FALSE);
}

void expect_u64(uint64_t actual, uint64_t expected, const struct expect_place *place)
{
    record(actual == expected, place, "got %" PRIu64 ", expected %" PRIu64, actual, expected);
}

void expect_i64(int64_t actual, int64_t expected, const struct expect_place *place)
{
    record(actual == expected, place, "got %" PRId64 ", expected %" PRId64, actual, expected);
}

void expect_text(struct slice actual, struct slice expected, const struct expect_place *place)
{
    record(slice_is(actual, expected), place, "got \"%.*s\" (%zu bytes), expected \"%.*s\" (%zu)",
           SLICE_ARG(actual), actual.size, SLICE_ARG(expected), expected.size);
}

void expect_rc(enum rc actual, enum rc expected, const struct expect_place *place)
{
    record(actual == expected, place, "got \"%s\", expected \"%s\"", rc_text(actual),
           rc_text(expected));
}
