#ifndef JUDGE_LAW_STATE_H
#define JUDGE_LAW_STATE_H

/* What was found about one law while a run was judged, and the row that comes of it.
 *
 * A law's subjects are calls, unless it is one of the run (run_laws.h): then percentiles or alerts.
 * One thread owns it; a zeroed one has found nothing. */

#include <stdbool.h>
#include <stdint.h>

#include "base/money.h"
#include "judge/examples.h"
#include "judge/judge.h"
#include "judge/law.h"

struct law_state {
    struct law_rules rules;
    bool is_judging;    /* on, and its limits are given */
    bool reads_journal; /* where there is one */
    uint64_t n;         /* subjects */
    uint64_t violations;
    uint64_t undecided;       /* held by what is known, but the evidence did not say all */
    int64_t worst;            /* largest `seen` of a finding */
    uint64_t agreed, unknown; /* attempts, of laws that lay both accounts side by side; windows
                                 that may have been breached unheard, of alert-once */
    money unknown_billed;
    char doubt[160]; /* why some were undecided, when it was not the journal; may be empty */
    struct examples examples;
};

/* Counts what a finding measured, also when the law was held. */
void law_state_note(struct law_state *state, const struct law_finding *finding);

void law_state_blame(struct law_state *state, struct call_id id, nanos due_at, const char *text);

/* Likewise something that is no call, by its name. */
void law_state_blame_named(struct law_state *state, const char *name, nanos at, const char *text);

/* Something that cannot be told, and why; the latest reason is told. */
void law_state_doubt(struct law_state *state, const char *why);

/* What the row must know besides. */
struct law_hearing {
    const struct scenario *scenario;
    const char *lost; /* evidence it needs and that is missing, in one sentence; NULL: none */
    bool has_calls;   /* any call was seen at all */
};

/* Fills value, n, violations, examples, verdict and reason. */
void law_state_fill_row(const struct law_state *state, enum law law,
                        const struct law_hearing *hearing, struct verdict_row *row);

#endif
