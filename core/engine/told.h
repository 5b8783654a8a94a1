#ifndef ENGINE_TOLD_H
#define ENGINE_TOLD_H

/* Requests and answers as values, for the simulator, which holds both ends of the wire.
 *
 * Writing a request or an answer as bytes, only to read back on the other side what was written,
 * takes four fifths of a simulated attempt. Where nothing is wrong with the bytes, both sides know
 * what they would say: then the value travels instead. Disturbed answers (cut, stalled, reset, with
 * any quirk), those that are not text alone, and refusals that advise a wait still travel as bytes,
 * because what a reader makes of them is the point. The two ways meet in wire/format
 * (format_write_... and format_tell_..., refusals are read from their bytes once), and a test runs
 * both and compares every line of evidence.
 *
 * Plain values. */

#include <stdint.h>

#include "scenario/scenario.h"
#include "scenario/source.h"
#include "wire/format.h"

/* What our own client asks, and the upstream would read from its headers and body. */
struct told_ask {
    uint32_t model;
    uint32_t attempt;
    bool stream;
    uint64_t input_tokens;
    uint64_t output_tokens;
    uint64_t output_tokens_max;
    char call[CALL_ID_TEXT_MAX];
};

/* A stretch of an answer. BODY and REFUSAL are whole ones; a stream is BEGINS, GOES_ON any number
 * of times, ENDS. */
enum told_piece {
    TOLD_BODY,
    TOLD_REFUSAL,
    TOLD_BEGINS,  /* head and opening events */
    TOLD_GOES_ON, /* `tokens` more */
    TOLD_ENDS,    /* `tokens` more (or none), the closing events and the end */
};

struct told_answer {
    enum told_piece piece;
    uint32_t model;
    uint16_t status;
    enum outcome failure; /* REFUSAL */
    uint64_t tokens;      /* GOES_ON, ENDS */
    struct reply reply; /* of the whole answer; of a refusal its numbers alone; without the model */
};

/* Does it bring the head of the answer? Its end? */
bool told_begins(enum told_piece piece);
bool told_ends(enum told_piece piece);

/* Can requests to this scenario's mock travel so? Not where a rule or a scripted answer looks at
 * their bytes. */
bool told_suffices(const struct scenario *scenario);

#endif
