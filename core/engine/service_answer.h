#ifndef ENGINE_SERVICE_ANSWER_H
#define ENGINE_SERVICE_ANSWER_H

/* What a service under test answers: read in a provider's format, or in JSON of its own by the
 * scenario's pointers, and heard: the mock's numbered words in its text say whether it passed on
 * what the mock said, all of it, once (wire/words_reader.h).
 *
 *     service_answer_begin --> service_answer_event ... or service_answer_body --> _heard
 *
 * JSON of its own:
 *   - A stream is server-sent events by its content type, else lines of JSON. An event without text
 *     at `delta` brings none. It ends with `done`, or with the event that has something at
 *     `ends_at`; with neither in the scenario, where its body does.
 *   - An "error" at the top of an event or a body that has no text is a failure.
 *
 * The text is read a second time to be heard, but only of services. Space for texts with escapes
 * grows to the longest and is kept; without memory such a text is not heard. One thread owns it. */

#include <stdbool.h>

#include "base/buffer.h"
#include "judge/evidence.h"
#include "scenario/subject.h"
#include "wire/format.h"
#include "wire/sse.h"
#include "wire/words_reader.h"

struct service_answer {
    const struct service_rules *rules; /* NULL: no service is asked */
    struct words_reader words;
    struct buffer text; /* of one event, its escapes decoded */
};

void service_answer_init(struct service_answer *s, const struct memory *memory,
                         size_t text_bytes_max);
void service_answer_deinit(struct service_answer *s);
void service_answer_begin(struct service_answer *s);

/* As format_read_event, format_read_answer and format_read_error do. */
MUST_USE enum rc service_answer_event(struct service_answer *s, const struct sse_event *event,
                                      struct answer *answer, struct answer_step *step);
MUST_USE enum rc service_answer_body(struct service_answer *s, struct slice body,
                                     struct answer *answer);
enum outcome service_answer_error(const struct service_answer *s, uint16_t status,
                                  struct slice body, struct answer *answer);

/* The body of a stream is whole, as far as HTTP can tell: then so is a stream that has no end of
 * its own. */
void service_answer_is_over(const struct service_answer *s, struct answer *answer);

struct heard service_answer_heard(struct service_answer *s);

#endif
