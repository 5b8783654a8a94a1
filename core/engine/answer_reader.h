#ifndef ENGINE_ANSWER_READER_H
#define ENGINE_ANSWER_READER_H

/* Reads the answer to one attempt as its bytes arrive, stamps the attempt's record, and says at the
 * end how the attempt ended. A cut stream is never called complete, a 200 is not yet a success, and
 * the first byte is not the first token (STR-01, STR-02, STR-09, MEA-03).
 *
 *     reader_begin --> reader_head --> reader_body ... --> reader_end = the attempt's outcome
 *
 * An error status, or a 200 that is no stream, is collected (up to ANSWER_BYTES_MAX) and read whole
 * at the end. Space grows to what answers need and is kept for the next attempt.
 *
 * Of a service under test (`service.rules` is set, between reader_init and reader_begin) the same
 * goes for what it passes on, in a provider's format or in JSON of its own. */

#include <stdbool.h>

#include "base/buffer.h"
#include "engine/refusals.h"
#include "engine/service_answer.h"
#include "engine/transport.h"
#include "judge/evidence.h"
#include "wire/format.h"
#include "wire/sse.h"

enum { ANSWER_BYTES_MAX = 8 << 20, ANSWER_EVENT_BYTES_MAX = 1 << 20 };

struct answer_reader {
    enum api api;
    bool asked_stream;
    bool is_stream; /* read as events, */
    bool is_lines;  /* ... a line of JSON each */
    bool is_told;   /* came as values, and is whole */
    bool is_broken; /* an event or the body could not be read */
    uint16_t status;
    struct advice advice;
    bool has_advice_header; /* retry-after was there, usable or not */
    bool advice_is_whole;   /* ... and was a whole number of seconds, as int() reads it */
    nanos token_latest_at;  /* latest sign of progress: token, else head; NANOS_NEVER before */
    struct answer answer;
    struct sse sse;
    struct buffer body; /* of what is read whole; of lines the one that is not over */
    struct service_answer service;
};

void reader_init(struct answer_reader *r, const struct memory *memory);
void reader_deinit(struct answer_reader *r);

void reader_begin(struct answer_reader *r, enum api api, bool asked_stream);

/* `wall_unix_ns` is our wall clock at that moment, for advice without a Date header. */
void reader_head(struct answer_reader *r, const struct answer_head *head, nanos at,
                 int64_t wall_unix_ns, struct attempt_record *record);

void reader_body(struct answer_reader *r, struct slice bytes, nanos at,
                 struct attempt_record *record);

/* The same for an answer that comes as values: head and body in one. `model` is its name;
 * `refusals` remembers how refusals read. */
void reader_told(struct answer_reader *r, const struct told_answer *told, struct slice model,
                 struct refusals *refusals, nanos at, struct attempt_record *record);

/* The attempt is over, as the transport saw it. */
enum outcome reader_end(struct answer_reader *r, enum client_end end,
                        struct attempt_record *record);

/* Has the answer's own end been read, so that waiting for the connection's end is courtesy only? */
bool reader_is_complete(const struct answer_reader *r);

#endif
