#ifndef JUDGE_CALL_CASE_H
#define JUDGE_CALL_CASE_H

/* One call as it is brought before the laws and the measures: the caller's record, the journal's
 * requests, and both laid together attempt by attempt.
 *
 *   caller   attempt 1        attempt 2 (no connection)      attempt 3
 *   journal  request, 529                                    request, ok
 *   steps    {1: seen, felt}  {2: felt}                      {3: seen, felt}
 *
 * What the journal *saw* is the truth of what was asked and answered; what the caller *felt* is the
 * truth of what never reached the server (refused connections) or was given up there (timeouts).
 *
 * Of a service the two are attempts of different things: our driver asks the service once, which
 * asks the mock as often as it likes. Nothing is laid together then: the steps are the requests,
 * numbered as they arrived, and attempts are theirs alone.
 *
 * Pure; borrows everything for as long as it is judged. */

#include <stdbool.h>
#include <stdint.h>

#include "fault/phase.h"
#include "judge/evidence.h"
#include "policy/cause.h"

enum { STEPS_MAX = 64 }; /* beyond, attempts are counted but not looked at one by one */

/* What judging needs of a journal record. */
struct request_seen {
    uint64_t number; /* at the mock, by arrival */
    uint32_t provider;
    uint32_t model;
    uint64_t model_asked; /* hash of the name it was asked by; 0: its own */
    uint32_t attempt;     /* ordinal; 0 unknown */
    uint16_t status;
    bool is_complete;
    bool is_likeness;     /* matched to its call by likeness only */
    bool has_retry_count; /* the SDK said how often it had retried, */
    uint32_t retry_count; /* and this */
    enum outcome answered;
    nanos accepted_at; /* its connection */
    nanos head_in_at;
    nanos last_out_at;
    nanos closed_at;
    nanos advice_wait; /* 0: none */
    uint64_t tokens_written;
    uint64_t words_written; /* of them, those of the text */
    struct usage usage_told;
    bool has_cost;
    money cost; /* billed */
};

struct step {
    uint32_t ordinal;
    uint32_t model;
    const struct request_seen *seen;   /* NULL: the journal has no such request */
    const struct attempt_record *felt; /* NULL: the caller knows of no such attempt */
};

struct call_case {
    const struct scenario *scenario;
    const struct call_record *call;
    const struct request_seen *requests; /* by attempt, then by arrival */
    uint32_t requests_count;
    struct step steps[STEPS_MAX];
    uint32_t steps_count;
    uint32_t attempts;       /* made: what either end knows of, each once */
    struct phase_set phases; /* that hold its due */
    bool is_useful;
    bool has_journal; /* the journal has said all about this call */
    nanos cut_at;     /* end of the run; NANOS_NEVER while it is not known (then the call ended) */
};

struct request_seen request_seen_of(const struct journal_record *record);

/* Would asking the same model again be of no use? Status 400, 401, 403, 404, 413 or 422; or an
 * empty account, a prompt too long, an invalid request, a wrong key or a forbidden content,
 * whatever the status. */
bool is_refused_for_good(uint16_t status, enum outcome answered);

/* Sorts `requests`. */
void call_case_init(struct call_case *c, const struct scenario *scenario,
                    const struct call_record *call, struct request_seen *requests,
                    uint32_t requests_count);

/* Did the caller take a whole answer of this attempt? */
bool attempt_is_answered(const struct attempt_record *attempt);

/* Did it bring a whole answer? Late ones too: a latency that leaves out what came too late would
 * never show that anything does. */
bool call_is_answered(const struct call_record *call);

/* Does anybody but the mock tell what became of it? Of a program's call only a line of its log. */
bool call_is_told(const struct call_case *c);

/* The journal's request behind the answer that the caller took; NULL: it took none, or nobody can
 * tell. Of a service the one whose words were heard, else the last that was answered. */
const struct request_seen *call_answering_request(const struct call_case *c);

/* The attempts that the record holds. */
uint32_t call_attempts_kept(const struct call_record *call);

/* The last attempt, which answered if any did; NULL when none was made. */
const struct attempt_record *call_last_attempt(const struct call_record *call);

/* Did this step fail for a cause of the set, by either end's account? */
bool step_has_cause(const struct step *step, const struct cause_set *causes);

/* How the step ended: as the journal told it when it told a failure, else as the caller felt it. */
enum outcome step_outcome(const struct step *step);
uint16_t step_status(const struct step *step);

#endif
