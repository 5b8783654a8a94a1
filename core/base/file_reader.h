#ifndef BASE_FILE_READER_H
#define BASE_FILE_READER_H

/* How pure code asks its shell for a file that some text names (a scenario's trace). The shell
 * decides what a name is relative to (os/files.h); tests hand in texts of their own. */

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

struct file_reader {
    /* The whole file; the bytes live in the arena. Errors name the file and the reason. */
    enum rc (*read)(void *context, struct slice path, struct arena *arena, struct slice *bytes,
                    struct error *err);
    void *context;
};

#endif
