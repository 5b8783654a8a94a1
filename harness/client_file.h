#ifndef HARNESS_CLIENT_FILE_H
#define HARNESS_CLIENT_FILE_H

/* A client in a file of its own (--client FILE), and where a mistake in it is.
 *
 * Its block is put into the scenario's text as it stands, so a mistake in it is found at a line and
 * column that no file has. Here it is given the place that a person can open:
 *
 *     day.jsonc:15:3: found "retyr"  -->  day.jsonc: --client mine.json:3:3: found "retyr"
 *
 * Pure, but for reading the file, whose text lives in the arena that it was read into. */

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

struct client_file {
    char label[320];   /* "--client mine.json": how complaints call it; empty: there is none */
    struct slice text; /* all of it, comments too */
};

/* At most 64 KiB. */
MUST_USE enum rc client_file_read(struct client_file *client, const char *name, struct arena *arena,
                                  struct error *err);

/* `err` tells of a place in `scenario`, the changed text of `file`. True, and retold, when that
 * place is the client's; false, and as it was, when it is not, or when the block was changed after
 * it was put in. */
bool client_file_retell(const struct client_file *client, struct slice scenario, const char *file,
                        struct error *err);

#endif
