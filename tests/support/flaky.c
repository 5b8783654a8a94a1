#include "tests/support/flaky.h"

#include <stdlib.h>

static void *resize(void *context, void *block, size_t size)
{
    struct flaky *flaky = context;
    void *resized;

    if (flaky->allow == 0) {
        flaky->failed = true;
        return NULL;
    }
    flaky->allow--;
    resized = realloc(block, size);
    if (resized == NULL)
        abort(); /* the real heap is empty: no test can say anything after this */
    if (block == NULL)
        flaky->live++;
    return resized;
}

static void release(void *context, void *block)
{
    struct flaky *flaky = context;

    if (block == NULL)
        return;
    flaky->live--;
    free(block);
}

struct memory flaky_memory(struct flaky *flaky)
{
    return (struct memory){.resize = resize, .release = release, .context = flaky};
}
