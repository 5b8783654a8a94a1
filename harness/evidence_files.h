#ifndef HARNESS_EVIDENCE_FILES_H
#define HARNESS_EVIDENCE_FILES_H

/* calls.jsonl, attempts.jsonl and journal.jsonl of one results folder.
 *
 * Lines are written whole, many at a time: when 64 KB have gathered, and whenever
 * evidence_files_flush is called (the collector does so once a second), so a kill leaves readable
 * evidence that lacks the last second. Failure modes: a file that cannot be made
 * (evidence_files_open) or written (disk full): `rc` and `error` say so and stay, what would come
 * is dropped, and a half-written line is cut off again. One thread owns it. */

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "judge/evidence.h"

struct evidence_file {
    int fd;
    bool is_open;
    uint64_t bytes; /* on disk: whole lines */
    struct buffer lines;
};

struct evidence_files {
    const struct scenario *scenario;
    struct evidence_file calls, attempts, journal;
    enum rc rc; /* RC_OK, or why writing ended */
    struct error error;
};

MUST_USE enum rc evidence_files_open(struct evidence_files *files, const char *folder,
                                     const struct scenario *scenario, const struct memory *memory,
                                     struct error *err);
void evidence_files_close(struct evidence_files *files); /* flushes; a zeroed one is fine */

void evidence_files_call(struct evidence_files *files, const struct call_record *call);
void evidence_files_journal(struct evidence_files *files, const struct journal_record *record);

/* A journal line as the mock wrote it, without its LF. */
void evidence_files_journal_line(struct evidence_files *files, struct slice line);

void evidence_files_flush(struct evidence_files *files);

#endif
