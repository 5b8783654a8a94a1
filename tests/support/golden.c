#include "tests/support/golden.h"

#include <stdio.h>
#include <stdlib.h>

#include <CUnit/CUnit.h>

#include "base/buffer.h"

enum { GOLDEN_BYTES_MAX = 1 << 20 };

static void fail(const char *text, unsigned line)
{
    CU_assertImplementation(CU_FALSE, line, text, "tests/golden", "", CU_FALSE);
}

static void update(const char *path, struct slice actual)
{
    FILE *file = fopen(path, "wb");

    if (file == NULL || fwrite(actual.data, 1, actual.size, file) != actual.size)
        fail("UPDATE_GOLDEN: cannot write", __LINE__);
    if (file != NULL && fclose(file) != 0)
        fail("UPDATE_GOLDEN: cannot write", __LINE__);
}

static bool load(const char *path, struct buffer *text)
{
    FILE *file = fopen(path, "rb");
    char piece[4096];
    size_t size;

    if (file == NULL)
        return false;
    while ((size = fread(piece, 1, sizeof(piece), file)) > 0)
        buffer_append(text, (struct slice){piece, size});
    fclose(file);
    return true;
}

static void compare(const char *name, struct slice actual, struct slice expected)
{
    struct slice was, is;
    char text[600];
    unsigned line = 0;

    CU_PASS("compared");
    do {
        was = is = (struct slice){0};
        line++;
        slice_cut(&actual, '\n', &is);
        slice_cut(&expected, '\n', &was);
        if (slice_is(is, was))
            continue;
        snprintf(text, sizeof(text), "%s differs in line %u\n     is:  %.*s\n     was: %.*s", name,
                 line, SLICE_ARG(is), SLICE_ARG(was));
        fail(text, line);
        return;
    } while (actual.size > 0 || expected.size > 0);
}

void expect_golden(struct slice actual, const char *name)
{
    struct buffer expected;
    char path[256];

    snprintf(path, sizeof(path), "tests/golden/%s", name);
    if (getenv("UPDATE_GOLDEN") != NULL)
        update(path, actual);
    buffer_init(&expected, memory_heap(), GOLDEN_BYTES_MAX);
    if (load(path, &expected))
        compare(name, actual, buffer_slice(&expected));
    else
        fail(path, __LINE__);
    buffer_deinit(&expected);
}
