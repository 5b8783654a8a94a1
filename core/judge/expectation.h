#ifndef JUDGE_EXPECTATION_H
#define JUDGE_EXPECTATION_H

/* An expectation: what a scenario's author wants of a run, as one line of text.
 *
 *     measure[.statistic][{filter=value, ...}]  operator  right
 *
 *     response.p95{phase=overload, stream=true} <= 4s
 *     calls.useful >= 99.5%
 *     amplification{phase=overload} <= 1.5 * amplification{phase=before}
 *     cost.total <= 1.3 * control.cost.total
 *
 *   operator  <= < >= > == !=
 *   right     a number, a share ("80%"), a duration ("4s"), an amount ("$1.20"), or
 *             [factor *] [control.] measure...
 *   filters   phase, model (asked), answered, stream, outcome, part, cause; of alerts: kind
 *
 * "control." is the same measure in the control run: every expectation measures its right side in
 * its own run too, so that the control run's judge, which reads the same text, has the value.
 *
 * Money that the caller was never told of may decide: where it could, by the mock's bill, the row
 * is inconclusive; where it could not, the row tells how many attempts there were.
 *
 * Happy path: read, feed every call, evaluate into a row. Failure modes: expectation_read refuses
 * with "file:line:column: found ..., expected ...; did you mean ...?"; afterwards only the evidence
 * can be too thin, which makes the row inconclusive. One thread owns it. */

#include <stdbool.h>

#include "base/error.h"
#include "base/memory.h"
#include "judge/judge.h"
#include "judge/measure.h"
#include "scenario/scenario.h"

enum comparison {
    COMPARE_AT_MOST,
    COMPARE_BELOW,
    COMPARE_AT_LEAST,
    COMPARE_ABOVE,
    COMPARE_EQUAL,
    COMPARE_UNEQUAL,
};

struct expectation {
    struct slice text;   /* as written */
    struct slice demand; /* the part from the operator on */
    struct measurement left;
    enum comparison comparison;
    double limit; /* the right side, or the factor of `right` */
    bool has_right;
    bool is_control; /* `right` is read from the control run */
    struct measurement right;
};

/* Borrows the scenario. On failure owns nothing. */
MUST_USE enum rc expectation_read(struct expectation *e, const struct scenario *scenario,
                                  const struct scenario_text *text, const struct memory *memory,
                                  struct error *err);
void expectation_deinit(struct expectation *e); /* a zeroed one is fine */

void expectation_feed(struct expectation *e, const struct call_case *c);
void expectation_feed_sample(struct expectation *e, const struct sample_record *sample);

/* Fills the whole row. `figures` are those of the run that it was fed; `control` is what the right
 * side is in the control run, read only where is_control. */
void expectation_judge(const struct expectation *e, const struct run_figures *figures,
                       const struct measured *control, struct verdict_row *row);

/* enum measure_flags of what it measures in this run: of both sides, or of the left alone. */
unsigned expectation_flags(const struct expectation *e);

/* The time that is allowed for what it measures; NANOS_NEVER: it is no time, or another measure. */
nanos expectation_own_time(const struct expectation *e);

/* Does a failure stand whatever else comes? So does that of an upper limit on the largest value or
 * on a sum of samples (more calls can only raise them), and of a lower one on the smallest. */
bool expectation_failure_stands(const struct expectation *e);

#endif
