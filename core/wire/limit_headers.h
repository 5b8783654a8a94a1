#ifndef WIRE_LIMIT_HEADERS_H
#define WIRE_LIMIT_HEADERS_H

/* Rate limits as each provider tells them in the headers of its answers: Anthropic with RFC 3339
 * instants of when a bucket is full again and tokens rounded to thousands, OpenAI with Go durations
 * (wire-facts.md §2.4, §3.1). Gemini has none. Pure. */

#include <stdint.h>

#include "base/buffer.h"
#include "base/nanos.h"
#include "wire/format.h"

enum limit_scope {
    LIMIT_SCOPE_REQUESTS,
    LIMIT_SCOPE_INPUT,
    LIMIT_SCOPE_OUTPUT,
    LIMIT_SCOPE_TOKENS,
    LIMIT_SCOPES_COUNT
};

struct limit_told {
    bool is_there;
    uint64_t limit;
    uint64_t remaining;
    nanos full_in;
};

/* Whole "name: value\r\n" lines. `wall_unix_ns` is now. Anthropic without a limit of TOKENS tells
 * the most restrictive of input and output under that name too. */
void limit_headers_write(enum api api, const struct limit_told told[LIMIT_SCOPES_COUNT],
                         int64_t wall_unix_ns, struct buffer *headers);

/* "6m0s", "120ms", "1h2m3.5s": a Go duration. */
void limit_write_go_duration(nanos span, struct buffer *out);

#endif
