#ifndef HARNESS_JOURNAL_STREAM_H
#define HARNESS_JOURNAL_STREAM_H

/* The mock's journal as it comes in: bytes to lines, lines to evidence and to the judge.
 *
 * Happy path: feed until the end of the stream; the last line {"end":true,"records":N,"lost":0}
 * says that it was whole. Failure modes: a line that cannot be read is kept in the file (at every
 * level of evidence that keeps lines), and the journal is then not whole. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/nanos.h"
#include "evidence_files.h"
#include "judge/journal_calls.h"
#include "judge/judge.h"
#include "lines.h"

struct journal_stream {
    const struct scenario *scenario;
    struct evidence_files *files;
    struct judge *judge;
    struct journal_calls *calls; /* set: records go there instead, of a program's calls */
    struct lines lines;
    uint64_t records;        /* read */
    bool has_end;            /* the last line was there */
    bool is_whole;           /* ... and agreed with what came before it */
    uint64_t requests;       /* of these records: to providers, whatever became of them */
    struct error unreadable; /* the first line that could not be read, if rc is set */
};

/* Borrows everything but the stream itself for life. */
void journal_stream_init(struct journal_stream *j, const struct scenario *scenario,
                         struct evidence_files *files, struct judge *judge,
                         const struct memory *memory);
void journal_stream_deinit(struct journal_stream *j); /* a zeroed one is fine */

void journal_stream_feed(struct journal_stream *j, struct slice bytes);

/* Feeds what can be read from the mock's end without waiting; `*is_open` becomes false at its end.
 * Returns whether more may be there. */
bool journal_stream_take(struct journal_stream *j, int fd, bool *is_open);

/* Of a mock that was asked to end: reads on until it closes its end or says nothing for as long as
 * `silence`. A mock that is well writes until it has written all, so silence means that it is
 * frozen, however much it has still to say. */
void journal_stream_finish(struct journal_stream *j, int fd, bool *is_open, nanos silence);

#endif
