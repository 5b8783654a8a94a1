#ifndef JUDGE_TALLY_H
#define JUDGE_TALLY_H

/* The run added up: the figures of the report's head, and what the conditions are judged by. Fed
 * every call and every journal record once. Four histograms and a row of slots, taken at init;
 * nothing grows. One thread owns it. */

#include "base/error.h"
#include "base/memory.h"
#include "judge/call_case.h"
#include "judge/judge.h"
#include "metric/histogram.h"

struct tally {
    const struct scenario *scenario;
    const struct memory *memory;
    struct run_figures figures;
    struct histogram response, first_token, failed, send_lag;

    /* Calls that began less calls that ended, per slot of the run. */
    int32_t *slots;
    nanos slot_lasts;

    /* Firings to be expected of each rule: of all requests that the journal says it matched; and,
     * where a call alone can tell, of first attempts (a rule whose attempts never came has nothing
     * in the journal). */
    double journal_chances[CHAOS_RULES_MAX];
    double calls_chances[CHAOS_RULES_MAX];

    /* Of rules that hit each new connection: requests that came while they did, and attempts that
     * were refused one. */
    bool has_connection_rules;
    uint64_t passed[CHAOS_RULES_MAX];
    uint64_t refused[CHAOS_RULES_MAX];

    /* The call due first of those that were not useful. */
    bool has_not_useful;
    struct call_id not_useful;
    nanos not_useful_due_at;

    /* Of the call with the most attempts in several rounds. */
    uint32_t layered_attempts;
    nanos layered_due_at;

    /* An alert goes to every hook, each with a record of its own. */
    uint64_t alerts_at[HOOK_KINDS_COUNT][ALERT_KINDS_COUNT];
};

/* On failure owns nothing. */
MUST_USE enum rc tally_init(struct tally *t, const struct scenario *scenario,
                            const struct memory *memory);
void tally_deinit(struct tally *t); /* a zeroed one is fine */

void tally_call(struct tally *t, const struct call_case *c);
void tally_request(struct tally *t, const struct journal_record *record);
void tally_post(struct tally *t, const struct journal_record *record); /* to a hook */
void tally_alert(struct tally *t, const struct alert_record *record);
void tally_sample(struct tally *t, const struct sample_record *record);

/* Works out the percentiles of `figures`. */
void tally_finish(struct tally *t);

/* How often rule `r` should have fired, as far as that can be known. Of a rule of connections: how
 * many requests came by while each new connection was to be hit; 0 where that is not so of all. */
double tally_firings_expected(const struct tally *t, uint32_t rule);

/* Did it ever? Who is refused a connection tells so himself: the mock may not know. */
bool tally_has_fired(const struct tally *t, uint32_t rule);

#endif
