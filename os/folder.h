#ifndef OS_FOLDER_H
#define OS_FOLDER_H

/* Folders: made, numbered, and where a path or this program lies. Any thread. */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { FOLDER_PATH_MAX = 4096 }; /* bytes, the zero included */

/* Makes a folder and every missing one above it. One that is there already is fine. */
MUST_USE enum rc folder_make(const char *path, struct error *err);

/* Makes a new folder `stem`-1, or -2, ... whichever is not there yet, and writes its path. */
MUST_USE enum rc folder_make_numbered(const char *stem, char path[FOLDER_PATH_MAX],
                                      struct error *err);

/* Takes back a folder of plain files that was half made, as far as the system lets it. */
void folder_take_back(const char *path);

/* Where this program lies (/proc/self/exe): "/usr/bin" for "/usr/bin/brownout". */
MUST_USE enum rc folder_of_program(char path[FOLDER_PATH_MAX], struct error *err);

/* The folder part of a path: "a/b" of "a/b/c", "." of "c", "/" of "/c". */
MUST_USE enum rc folder_of(const char *file, char path[FOLDER_PATH_MAX], struct error *err);

/* The absolute name of a file that exists. */
MUST_USE enum rc folder_absolute(const char *file, char path[FOLDER_PATH_MAX], struct error *err);

#endif
