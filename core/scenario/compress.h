#ifndef SCENARIO_COMPRESS_H
#define SCENARIO_COMPRESS_H

/* `--compress N`: the same story N times faster (design.md §4). A rewriting of the scenario, shown
 * by `check --compress N --print`; no second clock.
 *
 *   windows, parts, delays, gaps, timeouts, backoff, advice, deadlines, limits of laws,
 *   durations in expectations                                     divided by N
 *   rates of arrivals, tokens and limits, goodput expected        times N
 *   token counts, shares, prices, money, counts, bursts           as they are
 *   slack and send lag, which are the machine's; how long a service may take to be ready
 *                                                                 as they are
 *
 * Advice is rounded up to what its notation can say: `retry-after: 2` cannot say 100 ms, and asks
 * for 1 s. A fraction of a second that somebody wrote stays exact, and so does what only Gemini
 * says, whose notation can; raw advice is divided where it is a whole number. A law or expectation
 * whose own time falls below 50 ms would judge the machine instead of the client: it is
 * inconclusive, and says so (judge/judge_rows.c).
 *
 * The result is a text, what scenario_write prints of the changed scenario: whoever loads it has
 * that scenario, and prints the same again. Its key "compressed" says so, for whoever judges it
 * later. Failure modes: memory, a text beyond SCENARIO_TEXT_MAX, a live target (real servers are as
 * fast as they are), and what has become too much to be said, with its place: a budget's window
 * below 1 s, a limit above 10^9 in any unit. Pure; lives in the arena. */

#include "base/arena.h"
#include "base/error.h"
#include "scenario/scenario.h"

enum { COMPRESSION_MAX = 1000 };

MUST_USE enum rc scenario_compress(const struct scenario *scenario, uint32_t times,
                                   struct arena *arena, struct slice *text, struct error *err);

/* What a span that no scenario says, such as a default, is in this one. */
nanos scenario_compressed(const struct scenario *scenario, nanos span);

#endif
