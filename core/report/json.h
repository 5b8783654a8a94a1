#ifndef REPORT_JSON_H
#define REPORT_JSON_H

/* What `--json` prints and run.json holds of the judgement: {"verdict": ..., "laws": [...],
 * "expectations": [...], "figures": {...}}; rows have name, verdict, reason, n, and more.
 * Conditions stand in laws[]. Pure: appends to `out`. */

#include "base/buffer.h"
#include "judge/judge.h"
#include "report/facts.h"
#include "scenario/scenario.h"

void report_json(const struct scenario *scenario, const struct judge *judge,
                 const struct report_facts *facts, struct buffer *out);

#endif
