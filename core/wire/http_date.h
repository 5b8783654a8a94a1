#ifndef WIRE_HTTP_DATE_H
#define WIRE_HTTP_DATE_H

/* Dates of HTTP (RFC 9110 §5.6.7) as seconds since 1970 UTC. Reads all three forms (IMF-fixdate,
 * RFC 850, asctime), writes the first. Years 1970 to 9999; a two-digit year means 1970 to 2069. */

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

enum { HTTP_DATE_SIZE = 29 };

MUST_USE enum rc http_date_read(struct slice text, int64_t *unix_s);
void http_date_write(struct buffer *out, int64_t unix_s);

/* "2026-05-04T12:34:56Z" (RFC 3339; fractions and offsets are read): Anthropic's reset headers,
 * logs. */
MUST_USE enum rc rfc3339_read(struct slice text, int64_t *unix_s);
void rfc3339_write(struct buffer *out, int64_t unix_s);

#endif
