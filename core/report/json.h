#ifndef REPORT_JSON_H
#define REPORT_JSON_H

/* What `--json` prints and run.json holds of the judgement: {"verdict": ..., "laws": [...],
 * "expectations": [...], "figures": {...}, "control": {...}}; rows have name, verdict, reason, n,
 * and more, and "online" where they were not judged again. Conditions stand in laws[]. `control`
 * are the figures of the run without faults, or null. Pure: appends to `out`. */

#include "base/buffer.h"
#include "judge/judge.h"
#include "report/facts.h"
#include "scenario/scenario.h"

void report_json(const struct scenario *scenario, const struct judge *judge,
                 const struct report_facts *facts, struct buffer *out);

#endif
