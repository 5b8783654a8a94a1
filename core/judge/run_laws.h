#ifndef JUDGE_RUN_LAWS_H
#define JUDGE_RUN_LAWS_H

/* The laws that no single call can break: judged once, when all evidence is in.
 *
 *   percentiles-agree  what the monitor reported, and what the caller measured, are the truth
 *   secrets-kept       no key left by another way than a credential header
 *
 * and the laws about alerts (alert_laws.h).
 *
 * Each adds to its law_state; only what clearly contradicts is a violation. Pure. */

#include "judge/alert_book.h"
#include "judge/judge.h"
#include "judge/latencies.h"
#include "judge/law_state.h"
#include "judge/spending.h"

struct run_evidence {
    const struct scenario *scenario;
    const struct run_facts *facts;
    const struct latencies *latencies;
    const struct alert_book *alerts;
    const struct spending *spending;
    const struct run_figures *figures;
    const struct run_figures *control;     /* of the run without faults; NULL: there was none */
    const struct run_facts *control_facts; /* likewise */
    bool is_whole;         /* nothing of the calls or the journal was lost: then also what is *not*
                              there says something */
    nanos send_lag;        /* p99: how late the generator learns of things on this machine */
    bool is_schedule_kept; /* else the generator was too busy to be a witness of time */
};

void run_law_percentiles(const struct run_evidence *e, struct law_state *state);
void run_law_secrets(const struct run_evidence *e, struct law_state *state);

#endif
