#ifndef MOCKSERVER_JOURNAL_SINK_H
#define MOCKSERVER_JOURNAL_SINK_H

/* Where the journal goes: a file, an inherited socket (one end of a pair whose other end the driver
 * reads), both or neither.
 *
 * Happy path: journal_sink_write per record; the bytes leave 50 ms later at the latest, or when
 * 64 KB have gathered; journal_sink_finish writes the rest and {"end":true,"records":N,"lost":M}.
 * Only with that last line, and M = 0, is a journal the whole truth.
 *
 * The other end of the socket also ends the mock: when the driver has closed it, or only its
 * sending direction (to say "enough" and still read the rest), `on_ended` is called.
 *
 * Failure modes: a reader that is too slow never holds up an answer: 64 MB wait for it, lines
 * beyond are dropped and counted in `lost`. A file that cannot be written (disk full) is said once
 * on standard error and given up, so it has no last line; what should have come into it is lost,
 * and counted. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "judge/evidence.h"
#include "scenario/scenario.h"

struct event_base;
struct journal_sink;

struct journal_sink_options {
    struct event_base *base;
    const struct memory *memory;
    const struct scenario *scenario; /* borrowed for life, like the two above */
    const char *file;                /* NULL: none; an old one is replaced */
    int fd;                          /* -1: none; owned from here on, made non-blocking */
    void (*on_ended)(void *context); /* may be called more than once */
    void *context;
};

/* RC_SYSTEM: the file cannot be opened, or `fd` is not a socket. */
MUST_USE enum rc journal_sink_open(struct journal_sink **sink,
                                   const struct journal_sink_options *options, struct error *err);

/* Once it is certain that this mock will run: empties the file of an earlier one. */
MUST_USE enum rc journal_sink_begin(struct journal_sink *sink, struct error *err);

void journal_sink_write(struct journal_sink *sink, const struct journal_record *record);

uint64_t journal_sink_lost(const struct journal_sink *sink);  /* lines, at the worse of the two */
bool journal_sink_is_broken(const struct journal_sink *sink); /* the file was given up */

/* Writes what is left and the last line, waiting for a slow reader at most `patience`. */
void journal_sink_finish(struct journal_sink *sink, nanos patience);

void journal_sink_close(struct journal_sink *sink); /* NULL is fine */

#endif
