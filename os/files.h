#ifndef OS_FILES_H
#define OS_FILES_H

/* Whole files in, whole writes out. Any thread. Errors name the path and the system's reason. */

#include "base/arena.h"
#include "base/error.h"
#include "base/file_reader.h"
#include "base/slice.h"

/* A whole file, at most `bytes_max`, into the arena. "-" reads standard input, for as long as that
 * takes; any other pipe is given up after ten seconds of silence. */
MUST_USE enum rc files_read(const char *path, size_t bytes_max, struct arena *arena,
                            struct slice *bytes, struct error *err);

/* Writes a whole file, in place of what was there, or none: it gathers as `path`.part and takes its
 * name when it is complete, so neither a full disk nor a kill leaves half of one under it. */
MUST_USE enum rc files_write(const char *path, struct slice bytes, struct error *err);

/* Behind what a file holds. */
MUST_USE enum rc files_append(const char *path, struct slice bytes, struct error *err);

/* Writes all bytes to a descriptor, through short writes and interrupts. */
MUST_USE enum rc files_write_all(int fd, struct slice bytes, struct error *err);

/* For scenario_load and its like: names are relative to `folder` (zero-terminated, borrowed for as
 * long as the result; "" for the current one). Absolute names are taken as they are. */
struct file_reader files_beside(const char *folder);

#endif
