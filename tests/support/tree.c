#include "tests/support/tree.h"

#include <stdio.h>
#include <string.h>

struct slice tree_read(const char *path, struct arena *arena)
{
    FILE *file = fopen(path, "rb");
    struct slice bytes = {0};
    char *space = NULL;
    long size = -1;

    if (file == NULL)
        return bytes;
    if (fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    rewind(file);
    if (size >= 0)
        space = arena_take(arena, (size_t)size + 1, 1);
    if (space != NULL && fread(space, 1, (size_t)size, file) == (size_t)size)
        bytes = (struct slice){space, (size_t)size};
    fclose(file);
    return bytes;
}

static enum rc read_beside(void *context, struct slice path, struct arena *arena,
                           struct slice *bytes, struct error *err)
{
    const char *scenario = context;
    const char *slash = strrchr(scenario, '/');
    char whole[512];

    snprintf(whole, sizeof(whole), "%.*s%.*s", slash != NULL ? (int)(slash - scenario) + 1 : 0,
             scenario, SLICE_ARG(path));
    *bytes = tree_read(whole, arena);
    if (bytes->data != NULL)
        return RC_OK;
    if (arena->rc != RC_OK)
        return error_set(err, arena->rc, "%s: %s", whole, rc_text(arena->rc));
    return error_set(err, RC_SYSTEM, "%s: no such file", whole);
}

struct file_reader tree_beside(const char *path)
{
    return (struct file_reader){.read = read_beside, .context = (void *)path};
}

enum rc tree_load(struct scenario *scenario, const char *path, struct arena *arena,
                  struct error *err)
{
    struct file_reader files = tree_beside(path);
    struct slice text = tree_read(path, arena);

    if (text.data == NULL)
        return error_set(err, RC_SYSTEM, "%s: no such file", path);
    return scenario_load(scenario, text, slice_of(path), &files, arena, err);
}
