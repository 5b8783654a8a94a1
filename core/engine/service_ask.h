#ifndef ENGINE_SERVICE_ASK_H
#define ENGINE_SERVICE_ASK_H

/* What our driver asks a service under test (scenario/subject.h), call by call.
 *
 *     service_ask_init once, then for each call service_write_prompt and service_ask_write
 *
 * A service that speaks a provider's format is asked in it, at the scenario's own path. Another's
 * body is a JSON template, read once:
 *
 *     {"question": "{prompt}", "stream": "{stream}"}      as the scenario has it
 *     {"question":" ⟦k0-40⟧ one two six ","stream": true }  as it is sent
 *                  ^^^^^^^^^^^^^^^^^^^^^           ^^^^     pieces that differ from call to call
 *
 * The prompt carries the call's marker ⟦k0-40⟧ (its source and index), by which the mock knows the
 * call again behind the service; "{call}" is what stands between its brackets.
 *
 * Headers of the scenario replace ours of the same name. Asking allocates nothing once the buffers
 * have grown. Failure modes: service_ask_init (memory; a body of more than SERVICE_PIECES_MAX
 * pieces). A zeroed one is empty; one thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "scenario/source.h"
#include "scenario/subject.h"
#include "wire/format.h"

enum { SERVICE_PIECES_MAX = 64, SERVICE_CALL_TEXT_MAX = 40 };

enum service_piece_kind {
    PIECE_FIXED,
    PIECE_PROMPT,
    PIECE_MODEL,
    PIECE_STREAM,
    PIECE_MAX_TOKENS,
    PIECE_CALL,
};

struct service_piece {
    enum service_piece_kind kind;
    size_t at, size; /* PIECE_FIXED: of the template's text */
};

struct service_ask {
    const struct service_rules *rules; /* borrowed for life */
    struct buffer headers;             /* the same for every call */
    struct buffer text;                /* what is fixed of the body, as strict JSON */
    struct service_piece pieces[SERVICE_PIECES_MAX];
    uint32_t pieces_count;
};

struct service_ask_options {
    const struct service_rules *rules;
    struct slice headers; /* the scenario's, as whole "name: value\r\n" lines */
    struct slice key;     /* empty: a placeholder where the format wants one */
    const struct memory *memory;
};

MUST_USE enum rc service_ask_init(struct service_ask *a, const struct service_ask_options *options,
                                  struct error *err);
void service_ask_deinit(struct service_ask *a);

/* "k0-40" */
void service_write_call(struct call_id id, struct buffer *out);

/* "⟦k0-40⟧ one two six ten ...": as long as a mock takes for that many tokens. */
void service_write_prompt(struct call_id id, uint64_t tokens, struct buffer *out);

/* Where a request is written; appended to. */
struct service_request {
    struct buffer *path, *headers, *body;
};

void service_ask_write(const struct service_ask *a, struct call_id id, const struct ask *ask,
                       const struct service_request *request);

#endif
