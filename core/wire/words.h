#ifndef WIRE_WORDS_H
#define WIRE_WORDS_H

/* What the mock makes up: the text of its answers, and ids.
 *
 * The text is numbered words, one per token: token 0 is "⟦r17⟧" (17: the request's number at this
 * mock), token n is " wn". So cuts, repetitions and mixed-up answers are seen in whatever form the
 * text comes out at the other end. Thinking is "t0 t1 ..."; an answer in the wrong language is
 * "⟦r17⟧ слово1 слово2 ...". None of it needs escaping in JSON.
 *
 * An id names run and request, so that a log on the other side can be joined with the journal:
 * prefix, 16 hexadecimal digits of the run's tag, "r", the request's number. */

#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

void words_write(struct buffer *out, uint64_t request_number, uint64_t first, uint64_t count);

void words_write_foreign(struct buffer *out, uint64_t request_number, uint64_t first,
                         uint64_t count);
void words_write_thinking(struct buffer *out, uint64_t first, uint64_t count);

void words_write_id(struct buffer *out, struct slice prefix, uint64_t run_tag,
                    uint64_t request_number);

#endif
