#ifndef SCENARIO_TRACE_H
#define SCENARIO_TRACE_H

/* Recorded load: one row a request, with its arrival and its tokens.
 *
 * Format "azure" (Azure LLM inference traces, shared as CSV): a header line
 * TIMESTAMP,ContextTokens,GeneratedTokens, then rows "2023-11-16 18:17:03.9799600,4808,10", LF or
 * CRLF. Times are local wall clock without a zone and must not go backwards. The first row is at 0.
 * A bad row is named (file, line, what was found) and nothing is loaded.
 *
 * `from` and `lasts` cut a piece out in the trace's own time; `speed` divides arrival instants
 * only. */

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/nanos.h"
#include "base/slice.h"

struct trace_row {
    nanos due_at; /* run time: (recorded - from) / speed, plus start */
    uint64_t input_tokens;
    uint64_t output_tokens;
    uint64_t index; /* row in the file, from 0: the call's index */
};

struct trace_options {
    struct slice file; /* name, for messages */
    nanos from, lasts; /* lasts: NANOS_NEVER for all of it */
    double speed;      /* above 0 */
    nanos start_at;    /* added to every due */
};

MUST_USE enum rc trace_read_azure(struct slice text, const struct trace_options *options,
                                  struct arena *arena, const struct trace_row **rows,
                                  uint64_t *rows_count, struct error *err);

#endif
