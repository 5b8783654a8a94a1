#ifndef JUDGE_ALERT_LAWS_H
#define JUDGE_ALERT_LAWS_H

/* The laws about alerts, judged once, when all evidence is in (run_laws.h tells the evidence).
 *
 *   alert-once         one alert per breached budget window, and per anomaly and cool-down
 *   alert-delivered    what was said to be sent did arrive, whole
 *   alert-timely       a breach is told within `within` of the instant by which it was sure
 *   alert-out-of-band  a dead hook changes no outcome, and adds at most `slower` to p95 of the
 *                      control run, in which hooks work
 *
 * They hold for our monitor's alerts and for those of somebody else's program, whose posts bear no
 * key (alert_book.h). Each adds to its law_state; only what clearly contradicts is a violation.
 * Pure. */

#include "judge/law_state.h"
#include "judge/run_laws.h"

void run_law_alert_once(const struct run_evidence *e, struct law_state *state);
void run_law_alert_delivered(const struct run_evidence *e, struct law_state *state);
void run_law_alert_timely(const struct run_evidence *e, struct law_state *state);
void run_law_alert_out_of_band(const struct run_evidence *e, struct law_state *state);

#endif
