#include "judge/alert_laws.h"

#include <stdio.h>

#include "judge/readable.h"

/* --- alert-once ------------------------------------------------------------------------------- */

static void blame_alert(const struct run_evidence *e, struct law_state *state, struct alert_key key,
                        nanos at, const char *text)
{
    char name[ALERT_KEY_MAX];

    alert_key_write(e->scenario, key, name);
    law_state_blame_named(state, name, at, text);
}

static void hold_repeats(const struct run_evidence *e, const struct alert_entry *entry,
                         struct law_state *state)
{
    char text[128];

    if (entry->accepted <= 1)
        return;
    snprintf(text, sizeof(text), "was posted to %s %s times, first at %s",
             hook_kind_word(entry->key.hook), readable_count(entry->accepted).text,
             readable_instant(entry->accepted_at).text);
    blame_alert(e, state, entry->key, entry->accepted_at, text);
}

/* Posted once, for a window that cannot have been breached. */
static void hold_reason(const struct run_evidence *e, const struct alert_entry *entry,
                        struct law_state *state)
{
    const struct budget_rules *budget = &e->scenario->monitor.budgets[entry->key.budget];
    struct spent spent;
    char text[160];

    if (entry->key.kind != ALERT_BUDGET || entry->accepted != 1)
        return;
    spent = spending_in(e->spending, entry->key.budget, entry->key.period);
    if (spent.most >= budget->limit)
        return;
    if (!e->is_whole || !spending_is_kept(e->spending, entry->key.budget, entry->key.period)) {
        state->undecided++;
        return;
    }
    snprintf(text, sizeof(text), "was posted to %s at %s, though %s of %s was billed at most",
             hook_kind_word(entry->key.hook), readable_instant(entry->accepted_at).text,
             readable_money(spent.most).text, readable_money(budget->limit).text);
    blame_alert(e, state, entry->key, entry->accepted_at, text);
}

/* Breached for sure: somebody must have been told. What was raised and did not arrive is the
 * business of alert-delivered. */
static void hold_window(const struct run_evidence *e, struct alert_key key, struct law_state *state)
{
    const struct budget_rules *budget = &e->scenario->monitor.budgets[key.budget];
    struct spent spent = spending_in(e->spending, key.budget, key.period);
    const struct alert_entry *entry;
    char text[160];

    entry = alert_book_find(e->alerts, key);
    if (entry != NULL)
        return;
    state->unknown += spent.most > budget->limit;
    if (spent.sure <= budget->limit)
        return;
    state->n++;
    if (!e->is_whole) {
        state->undecided++;
        return;
    }
    snprintf(text, sizeof(text), "was never posted to %s: %s was billed, %s is the limit",
             hook_kind_word(key.hook), readable_money(spent.sure).text,
             readable_money(budget->limit).text);
    blame_alert(e, state, key, (nanos)key.period * budget->per, text);
}

static void hold_budget(const struct run_evidence *e, uint32_t budget, struct law_state *state)
{
    const struct monitor_rules *rules = &e->scenario->monitor;

    for (uint64_t window = 0; spending_is_kept(e->spending, budget, window); window++)
        for (uint32_t hook = 0; hook < rules->hooks_count; hook++)
            hold_window(e,
                        (struct alert_key){.hook = rules->hooks[hook],
                                           .kind = ALERT_BUDGET,
                                           .budget = budget,
                                           .period = window},
                        state);
}

/* Posts that say of no alert which it is: any alert may be among them. */
static void doubt_unreadable(const struct run_evidence *e, struct law_state *state)
{
    char why[sizeof(state->doubt)];

    if (e->alerts->unreadable + e->alerts->lost == 0)
        return;
    snprintf(why, sizeof(why), "alerts that could not be told apart: %s",
             readable_count(e->alerts->unreadable + e->alerts->lost).text);
    law_state_doubt(state, why);
}

void run_law_alert_once(const struct run_evidence *e, struct law_state *state)
{
    for (uint32_t i = 0; i < e->alerts->entries_count; i++) {
        state->n++;
        hold_repeats(e, &e->alerts->entries[i], state);
        hold_reason(e, &e->alerts->entries[i], state);
    }
    for (uint32_t i = 0; i < e->scenario->monitor.budgets_count; i++)
        hold_budget(e, i, state);
    doubt_unreadable(e, state);
}

/* --- alert-delivered -------------------------------------------------------------------------- */

static void blame_undelivered(const struct run_evidence *e, const struct alert_entry *entry,
                              uint64_t count, struct law_state *state)
{
    char text[160], answer[24] = "no answer";

    if (entry->failure.status != 0)
        snprintf(answer, sizeof(answer), "a %u", (unsigned)entry->failure.status);
    snprintf(text, sizeof(text), "did not reach %s: %u tr%s, at last %s; raised at %s",
             hook_kind_word(entry->key.hook), entry->failure.tries,
             entry->failure.tries == 1 ? "y" : "ies", answer,
             readable_instant(entry->failure.raised_at).text);
    blame_alert(e, state, entry->key, entry->failure.raised_at, text);
    state->violations += count - 1;
}

static void blame_body(const struct run_evidence *e, const struct alert_entry *entry,
                       struct law_state *state)
{
    char text[128];

    snprintf(text, sizeof(text), "came to %s with a body that it does not take, first at %s",
             hook_kind_word(entry->key.hook), readable_instant(entry->accepted_at).text);
    blame_alert(e, state, entry->key, entry->accepted_at, text);
    state->violations += entry->invalid - 1;
}

static void blame_missing(const struct run_evidence *e, const struct alert_entry *entry,
                          struct law_state *state)
{
    char text[128];

    snprintf(text, sizeof(text), "is said to have reached %s %s times; the journal has %s posts",
             hook_kind_word(entry->key.hook), readable_count(entry->delivered).text,
             readable_count(entry->accepted).text);
    blame_alert(e, state, entry->key, nanos_min(entry->accepted_at, INT64_MAX - 1), text);
    state->violations += entry->delivered - entry->accepted - 1;
}

/* An interrupt leaves nobody the time to deliver what was under way. */
static uint64_t not_delivered(const struct run_evidence *e, const struct alert_entry *entry)
{
    return entry->undelivered + (e->facts->was_interrupted ? 0 : entry->open);
}

static void hold_delivery(const struct run_evidence *e, const struct alert_entry *entry,
                          struct law_state *state)
{
    uint64_t failed = not_delivered(e, entry);

    state->n += entry->raised;
    if (failed > 0)
        blame_undelivered(e, entry, failed, state);
    if (failed < entry->undelivered + entry->open)
        law_state_doubt(state, "the run was cut short with alerts on their way");
    if (entry->raised == 0)
        law_state_doubt(state, "hooks were told of alerts of which the monitor has no record");
    if (entry->invalid > 0)
        blame_body(e, entry, state);
    if (entry->delivered > entry->accepted && e->is_whole)
        blame_missing(e, entry, state);
}

void run_law_alert_delivered(const struct run_evidence *e, struct law_state *state)
{
    for (uint32_t i = 0; i < e->alerts->entries_count; i++)
        hold_delivery(e, &e->alerts->entries[i], state);
    doubt_unreadable(e, state);
}

/* --- alert-timely ----------------------------------------------------------------------------- */

static void hold_time(const struct run_evidence *e, struct alert_key key, struct law_state *state)
{
    nanos breached_at = spending_breached_at(e->spending, key.budget, key.period);
    const struct alert_entry *entry = alert_book_find(e->alerts, key);
    nanos within = state->rules.limits.alert_within;
    char text[160];

    if (breached_at == NANOS_NEVER || entry == NULL || entry->accepted == 0)
        return; /* no breach for sure; or nobody was told: alert-once's business */
    state->n++;
    if (entry->accepted_at <= nanos_add(breached_at, within)) {
        int64_t late = entry->accepted_at > breached_at ? entry->accepted_at - breached_at : 0;

        law_state_note(state, &(struct law_finding){.seen = late});
        return;
    }
    snprintf(text, sizeof(text), "came to %s at %s; the budget was breached by %s, %s are allowed",
             hook_kind_word(key.hook), readable_instant(entry->accepted_at).text,
             readable_instant(breached_at).text, readable_span(within).text);
    blame_alert(e, state, key, breached_at, text);
}

void run_law_alert_timely(const struct run_evidence *e, struct law_state *state)
{
    const struct monitor_rules *rules = &e->scenario->monitor;

    for (uint32_t budget = 0; budget < rules->budgets_count; budget++)
        for (uint64_t window = 0; spending_is_kept(e->spending, budget, window); window++)
            for (uint32_t hook = 0; hook < rules->hooks_count; hook++)
                hold_time(e,
                          (struct alert_key){.hook = rules->hooks[hook],
                                             .kind = ALERT_BUDGET,
                                             .budget = budget,
                                             .period = window},
                          state);
    if (e->spending->has_lost_seconds)
        law_state_doubt(state, "the run is too long to say when its money was spent");
    doubt_unreadable(e, state);
}

/* --- alert-out-of-band ------------------------------------------------------------------------ */

/* p95 of fewer says nothing. */
enum { SAMPLES_LEAST = 20 };

/* Differences below it are the machine's. */
static const nanos NOISE = 10 * NANOS_MS;
static const nanos NOISE_OF_COMMANDS = 500 * NANOS_MS; /* they start, and load what they need */

static bool is_of_hooks(const struct scenario *scenario, uint32_t rule)
{
    return slice_is(slice_of(scenario->chaos.rules[rule].match.provider), SLICE("hooks"));
}

static uint64_t hooks_disturbed(const struct run_evidence *e)
{
    uint64_t fired = 0;

    for (uint32_t i = 0; i < e->scenario->chaos.rules_count; i++)
        if (is_of_hooks(e->scenario, i))
            fired += e->figures->rules_fired[i];
    return fired;
}

static bool has_other_rules(const struct scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->chaos.rules_count; i++)
        if (!is_of_hooks(scenario, i))
            return true;
    return false;
}

static void hold_outcomes(const struct run_evidence *e, struct law_state *state)
{
    uint64_t lost = e->figures->calls - e->figures->useful;
    uint64_t lost_before = e->control->calls - e->control->useful;
    char text[192];

    state->n += e->figures->calls;
    if (lost <= lost_before)
        return;
    snprintf(text, sizeof(text), "%s of %s calls were not useful; %s of %s with a hook that works",
             readable_count(lost).text, readable_count(e->figures->calls).text,
             readable_count(lost_before).text, readable_count(e->control->calls).text);
    law_state_blame_named(state, "outcomes", 0, text);
}

static void hold_response(const struct run_evidence *e, struct law_state *state)
{
    nanos p95 = e->figures->response_p95, before = e->control->response_p95;
    nanos allowed = nanos_max(before + (nanos)((double)before * state->rules.limits.slower_share),
                              before + NOISE);
    char text[160];

    if (e->figures->n_ok < SAMPLES_LEAST || e->control->n_ok < SAMPLES_LEAST) {
        law_state_doubt(state, "a p95 needs 20 answered calls, with the dead hook and without");
        return;
    }
    if (p95 <= allowed)
        return;
    snprintf(text, sizeof(text), "p95 is %s, %s with a hook that works", readable_span(p95).text,
             readable_span(before).text);
    law_state_blame_named(state, "response", 0, text);
}

/* Of a command nobody but its log knows what its callers waited for: a post in the middle of its
 * work makes it take longer as a whole. */
static void hold_command(const struct run_evidence *e, struct law_state *state)
{
    nanos took = e->facts->command_took, before = e->control_facts->command_took;
    double slower = (double)before * state->rules.limits.slower_share;
    char text[160];

    if (took <= before + (nanos)slower + NOISE_OF_COMMANDS)
        return;
    snprintf(text, sizeof(text), "it took %s, %s with a hook that works", readable_span(took).text,
             readable_span(before).text);
    law_state_blame_named(state, "the command", 0, text);
}

void run_law_alert_out_of_band(const struct run_evidence *e, struct law_state *state)
{
    if (e->control == NULL) {
        law_state_doubt(state, "there is no control run to compare with");
        return;
    }
    if (has_other_rules(e->scenario)) {
        law_state_doubt(state, "rules that hit models are in the control run's way: a scenario "
                               "for this law disturbs hooks alone");
        return;
    }
    if (hooks_disturbed(e) == 0) {
        law_state_doubt(state, "no post to a hook was disturbed");
        return;
    }
    hold_outcomes(e, state);
    if (e->scenario->subject == SUBJECT_EXEC && !e->facts->has_caller)
        hold_command(e, state);
    else
        hold_response(e, state);
}
