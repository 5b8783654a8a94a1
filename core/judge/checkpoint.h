#ifndef JUDGE_CHECKPOINT_H
#define JUDGE_CHECKPOINT_H

/* Checkpoints: how a file of evidence says that it is whole.
 *
 *   line                                                                       stretch 1
 *   line
 *   {"checkpoint": {"lines": 2, "bytes": 1414, "hash": "…", "end": false}}
 *   line                                                                       stretch 2
 *   {"checkpoint": {"lines": 3, "bytes": 2205, "hash": "…", "end": true}}
 *
 * `lines` and `bytes` count what stands before the checkpoint, lines without checkpoints, bytes
 * with them; `hash` is the checksum of its stretch, seeded with the one before (base/checksum.h: it
 * finds accidents and careless edits, not an adversary). The last one has `end`: a file without it
 * was cut off. Writer and reader, both pure; one thread owns each.
 *
 * Happy path of the writer: gather whole lines in a buffer, checkpoint_write, write the buffer out,
 * as one stretch. Of the reader: feed bytes as they come, take lines with `next` until it says no,
 * feed on; checkpointed_end once, take what is left. A line is handed out only when the checkpoint
 * behind it has been verified.
 * Failure modes of the reader: anything that is not as it was written, a stretch larger than
 * CHECKPOINT_STRETCH_MAX, no memory. `damage` then says which line and what, and stays; the
 * stretch and what follows are not handed out. Only whole lines behind the last checkpoint of a
 * file that was cut off are, after checkpointed_end. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

#define CHECKPOINT_STRETCH_MAX ((size_t)4 << 20)

enum { CHECKPOINT_DAMAGE_MAX = 128 };

/* What stands before the next line. A zeroed one is the beginning of a file. */
struct checkpoint {
    uint64_t lines;
    uint64_t bytes;
    uint64_t hash;
};

/* Appends the checkpoint of the stretch in `out`, which has `lines` lines. */
void checkpoint_write(struct checkpoint *checkpoint, uint64_t lines, bool is_end,
                      struct buffer *out);

struct checkpointed {
    struct buffer bytes; /* from the beginning of the current stretch */
    size_t at;           /* next line to hand out */
    size_t verified;     /* end of the lines that may be */
    size_t after;        /* where the stretch behind the checkpoint begins */
    size_t scanned;      /* lines found so far end here */
    uint64_t lines;      /* found in the stretch */
    uint64_t number;     /* of the line at `at`, from 1, checkpoints counted: as an editor does */
    struct checkpoint checkpoint;
    bool has_end;                       /* the last checkpoint was there */
    bool is_over;                       /* checkpointed_end was called */
    char damage[CHECKPOINT_DAMAGE_MAX]; /* "line 481: ..."; empty: none so far */
};

void checkpointed_init(struct checkpointed *c, const struct memory *memory);
void checkpointed_deinit(struct checkpointed *c); /* a zeroed one is fine */

void checkpointed_feed(struct checkpointed *c, struct slice bytes);
void checkpointed_end(struct checkpointed *c);

/* The next line without its LF and its number, borrowed until the next feed. */
bool checkpointed_next(struct checkpointed *c, struct slice *line, uint64_t *number);

/* Is this line one? For who reads evidence without verifying it. */
bool line_is_checkpoint(struct slice line);

#endif
