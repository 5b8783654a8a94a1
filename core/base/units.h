#ifndef BASE_UNITS_H
#define BASE_UNITS_H

/* Quantities as people write them: "250ms", "20/s", "500/min", "80%", "60 tokens/s", "$5.00".
 *
 * Every parser takes the whole slice (spaces around it allowed), answers RC_OK, RC_MALFORMED (not
 * of that form) or RC_LIMIT (out of range), and leaves its output alone on failure. A number may
 * have a fraction of up to nine digits. Nothing here depends on the locale. */

#include "base/buffer.h"
#include "base/error.h"
#include "base/nanos.h"
#include "base/slice.h"

/* Non-negative, at most 10 years. Units ns us ms s m min h d; "1m30s" and "1h 5m" add up. */
MUST_USE enum rc units_duration(struct slice text, nanos *value);

/* Events per second. "20/s", "500/min", "3/h"; with `noun` not empty also "60 tokens/s". Above 0.
 */
MUST_USE enum rc units_rate(struct slice text, struct slice noun, double *per_s);

/* "80%" is 0.8, from 0 % to 100 %. */
MUST_USE enum rc units_share(struct slice text, double *share);

/* "$5.00" in billionths of a dollar, exact. */
MUST_USE enum rc units_money(struct slice text, int64_t *nano_usd);

/* "1.5s", "250ms", "12us", "90s": in the largest unit up to the second that is not above it, cut to
 * at most three decimals; "never". For people, not for reading back. */
void units_write_duration(struct buffer *b, nanos value);

#endif
