#ifndef HARNESS_APP_LOG_FILE_H
#define HARNESS_APP_LOG_FILE_H

/* The application's own log, as a file that its program appends to: what it wrote while it ran.
 *
 *     app_log_mark(&log, file)           before it runs: remembers where the file ends
 *     app_log_collect(&log, &reading)    after it: what came behind that, line by line
 *
 * A file that became shorter, or is another one by then, is read from its beginning. Each line that
 * is ours goes to the calls, and as it was understood into the evidence: its fields under their own
 * names as they are written, where it stood ("line"), whether a canary stood in it ("leaks"), and
 * of one that is no JSON that it is "unreadable". Nothing else of it is kept: people log prompts,
 * too.
 *
 * Failure modes, told as a sentence in `log_lost`: the file is not there, or cannot be read; more
 * than APP_LOG_BYTES_MAX; a line beyond LINES_BYTES_MAX. Lines that are malformed are the judge's.
 * The main thread owns it. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"
#include "evidence_files.h"
#include "judge/app_log.h"
#include "judge/journal_calls.h"
#include "os/folder.h"

#define APP_LOG_BYTES_MAX ((uint64_t)1 << 30)

struct app_log_mark {
    char path[FOLDER_PATH_MAX]; /* empty: the scenario has no log */
    dev_t device;               /* of the file that was there, likewise the next two */
    ino_t inode;
    off_t size; /* 0: there was none */
};

struct app_log_reading {
    const struct log_map *map;
    struct journal_calls *calls;  /* not settled yet */
    struct evidence_files *files; /* NULL: nothing is kept */
    const struct slice *canaries;
    uint32_t canaries_count;
};

MUST_USE enum rc app_log_mark(struct app_log_mark *mark, struct slice file, struct error *err);

/* RC_OK where there is no log at all. */
MUST_USE enum rc app_log_collect(const struct app_log_mark *mark,
                                 const struct app_log_reading *reading, struct error *err);

/* One line of the evidence, as app_log_collect left it. RC_NOMEM, RC_LIMIT: it is left out. */
MUST_USE enum rc app_log_take_kept(struct slice line, struct journal_calls *calls);

#endif
