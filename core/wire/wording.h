#ifndef WIRE_WORDING_H
#define WIRE_WORDING_H

/* How a provider words a refusal, as one list per provider that is read in both directions: a mock
 * looks up the words for a failure, a client looks up the failure behind the words.
 *
 * Writing: the first row of that failure with that status; else the first row of that failure; else
 * (failures that no service ever tells, such as a DNS error) the row of OUTCOME_SERVER_ERROR.
 * So the first row of a failure is also its usual status.
 * Reading: the first row with that code; else the first whose `sign` stands in the message (some
 * refusals can be told from others of their type by their words alone); else the first of that
 * type; else a number given as code counts as a status. Texts change, so nothing else is looked up
 * by them.
 *
 * The list ends with a row without a type. Pure data and look-ups; they cannot fail. */

#include <stdint.h>

#include "base/buffer.h"
#include "base/outcome.h"
#include "wire/format.h"
#include "wire/shape.h"

struct wording {
    enum outcome failure;
    uint16_t status;
    const char *type;
    const char *code;    /* NULL: null on the wire */
    const char *param;   /* likewise; OpenAI only */
    const char *message; /* "{model}", "{input}", "{window}", "{limit_name}", "{limit}", "{asked}"
                            and "{delay}" are filled in */
    const char *sign;    /* NULL, or words of the message that tell this failure */
};

/* What an error object told, as read by shape_read. */
struct complaint {
    uint64_t count; /* of error objects; 0 when there was none */
    struct json_token type;
    struct json_token code; /* a text, or a status as a number */
    struct json_token message;
    struct json_token retry_delay; /* "15s": advice that stands in the body */
    struct slice details; /* as written, where there are any: signs are looked for here too */
};

const struct wording *wording_find(const struct wording *rows, enum outcome failure,
                                   uint16_t status);

/* Of a list of rate limits: the row whose sign is that name, else the first without a sign. */
const struct wording *wording_of_limit(const struct wording *rows, struct slice limit_name);

/* The message as a JSON string, quotes included; the refusal's own when it has one. */
void wording_write_message(const struct wording *wording, const struct refusal *refusal,
                           struct buffer *out);

/* A code or param: a JSON string, or null. */
void wording_write_name(const char *name, struct buffer *out);

/* OUTCOME_OK: the complaint says nothing that is known. */
enum outcome wording_read(const struct wording *rows, const struct complaint *complaint);

/* What a status says by itself; below 400 it is no error status, and nothing to be read. */
enum outcome wording_outcome(uint16_t status);

#endif
