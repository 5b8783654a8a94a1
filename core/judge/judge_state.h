#ifndef JUDGE_JUDGE_STATE_H
#define JUDGE_JUDGE_STATE_H

/* The inside of the judge (judge/judge.h), shared by the files that make it up and by nobody else:
 *
 *   judge.c        evidence comes in, calls are held against laws, the end
 *   judge_rows.c   the rows: laws, conditions, expectations, and how far each can be trusted */

#include "judge/alert_book.h"
#include "judge/examples.h"
#include "judge/expectation.h"
#include "judge/judge.h"
#include "judge/latencies.h"
#include "judge/law.h"
#include "judge/law_state.h"
#include "judge/open_calls.h"
#include "judge/seen_calls.h"
#include "judge/spending.h"
#include "judge/tally.h"

struct judge {
    const struct scenario *scenario;
    const struct memory *memory;
    struct law_state laws[LAWS_COUNT];
    enum law call_laws[LAWS_COUNT]; /* of these, what every call is held against */
    uint32_t call_laws_count;
    struct expectation *expects;
    uint32_t expects_count; /* that were read */
    struct open_calls open;
    struct seen_calls seen;
    struct tally tally;
    struct alert_book alerts;
    struct spending spending;
    struct latencies latencies;
    uint64_t calls_seen;
    uint64_t calls_unlogged;          /* of a program's, those without a line in its log, */
    uint64_t calls_unlogged_doubtful; /* and those of which nobody knows where they end */
    struct examples unlogged;
    uint64_t calls_lost;    /* could not be told from doubled ones */
    uint64_t requests_lost; /* could not be kept until their call came */
    uint64_t requests_late; /* beyond those that their call, judged already, knew of */
    judge_on_judged *on_judged;
    void *on_judged_context;
    const struct judge *control; /* NULL: none */
    bool is_finished;
    struct run_facts facts; /* once finished */
    bool is_schedule_kept;  /* likewise */
    struct verdict_row *rows;
    uint32_t rows_count;
    enum verdict verdict;
};

/* Why what holds so far may not hold: NULL when nothing was lost. */
const char *judge_lost_evidence(const struct judge *judge, bool reads_journal);

/* Once all is judged: laws, conditions, expectations, each in its listed order. */
void judge_fill_rows(struct judge *judge);

#endif
