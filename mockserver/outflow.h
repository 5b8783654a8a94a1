#ifndef MOCKSERVER_OUTFLOW_H
#define MOCKSERVER_OUTFLOW_H

/* Bytes of a connection on their way to the kernel: how many may go in the next write, and when.
 *
 *     |...sent...|head: one by one, gap apart|......|......|.........|
 *                ^sent                 slow_end^     ^borders        ^bytes.size
 *
 * Happy path: append to `bytes`; outflow_next says how much may go now; write that;
 * outflow_sent; again until it says 0. Unshaped, all there is goes at once.
 *
 * Two writes in a row do not make two reads: what a kernel holds it hands over together. So a write
 * behind a border waits OUTFLOW_BORDER_GAP, in which a client that waits has read what came before.
 * One byte a write needs no such wait to be what it says, and at most OUTFLOW_SINGLES_MAX of them
 * go in a row: then others have their turn.
 *
 * Failure modes: those of the buffer. Of more than OUTFLOW_BORDERS_MAX borders at a time (the
 * client does not read) the later ones are not kept. Pure; one thread owns it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/nanos.h"

enum { OUTFLOW_BORDERS_MAX = 8, OUTFLOW_SINGLES_MAX = 8 };

#define OUTFLOW_BORDER_GAP (200 * NANOS_US)

struct outflow {
    struct buffer bytes;
    size_t sent; /* of bytes */

    /* How the answer leaves. */
    bool is_by_byte;                       /* one byte a write */
    nanos slow_gap;                        /* between the bytes before slow_end; 0: none */
    size_t slow_end;                       /* of bytes */
    nanos next_at;                         /* no write before that */
    uint32_t singles;                      /* one-byte writes in this turn */
    uint32_t borders[OUTFLOW_BORDERS_MAX]; /* of bytes: a write ends here; ascending */
    uint32_t borders_count;
};

void outflow_init(struct outflow *o, const struct memory *memory, size_t ceiling);
void outflow_deinit(struct outflow *o);

/* Forgets bytes, shape and failure. */
void outflow_clear(struct outflow *o);

/* The next answer: the bytes up to `slow_end` of what is appended from here on are said later, by
 * outflow_end_slow. */
void outflow_shape(struct outflow *o, nanos slow_gap, bool is_by_byte);
void outflow_end_slow(struct outflow *o);   /* what was appended so far leaves slowly */
void outflow_put_border(struct outflow *o); /* and what follows in another write */

bool outflow_is_empty(const struct outflow *o);

/* A turn of the loop begins. */
void outflow_turn(struct outflow *o);

/* How many bytes from bytes.data + sent may go in one write now. 0: none are there, or none before
 * `*wakes_at`, which is `now` when only the turn is over. */
size_t outflow_next(const struct outflow *o, nanos now, nanos *wakes_at);
void outflow_sent(struct outflow *o, size_t size, nanos now);

/* Moves what a slow reader has left to the front, once half of the room is taken by what it has
 * read: each byte is moved at most once. */
void outflow_compact(struct outflow *o);

#endif
