#ifndef REPORT_TERMINAL_H
#define REPORT_TERMINAL_H

/* The verdict table for tired eyes: aligned, quiet, the verdict last; failures name their calls.
 * The first line names the subject: «a model of a client; no code of yours ran».
 * Pure: appends text to `out`. Colour (ANSI) only when asked for. */

#include "base/buffer.h"
#include "judge/judge.h"
#include "report/facts.h"
#include "scenario/scenario.h"

void report_terminal(const struct scenario *scenario, const struct judge *judge,
                     const struct report_facts *facts, struct buffer *out);

#endif
