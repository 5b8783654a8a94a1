#include "judge/tally.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "scenario/fault_words.h"

/* Calls in flight are counted in slots of the run, 1/16384 of it each: a call shorter than a slot
 * may be missed, which is far below what a report shows. How long a program runs nobody knows
 * before: its slots begin at a millisecond and grow with it. */
enum { SLOTS = 16384 };
#define SLOT_OF_A_PROGRAM NANOS_MS

/* Each new connection of its provider is hit while its window is open. Idle ones and those beyond a
 * limit are a client's to have or not, and with a lower share nobody knows how many there were. */
static bool hits_new_connections(const struct chaos_rule *rule)
{
    const struct fault *fault = &rule->sequence[0];

    return fault->kind == FAULT_CONNECTION && fault->connection != CONNECTION_IDLE_CLOSED &&
           fault->connection != CONNECTION_LIMIT && rule->share >= 1.0 && !rule->is_disabled;
}

static bool has_connection_rules(const struct chaos *chaos)
{
    for (uint32_t i = 0; i < chaos->rules_count; i++)
        if (hits_new_connections(&chaos->rules[i]))
            return true;
    return false;
}

enum rc tally_init(struct tally *t, const struct scenario *scenario, const struct memory *memory)
{
    nanos lasts = nanos_add(scenario->load.lasts, scenario->load.drain);
    enum rc rc;

    *t = (struct tally){.scenario = scenario,
                        .memory = memory,
                        .has_connection_rules = has_connection_rules(&scenario->chaos)};
    t->slot_lasts = lasts == NANOS_NEVER ? SLOT_OF_A_PROGRAM : nanos_max(1, lasts / (SLOTS - 1));
    rc = histogram_init(&t->response, memory);
    if (rc == RC_OK)
        rc = histogram_init(&t->first_token, memory);
    if (rc == RC_OK)
        rc = histogram_init(&t->failed, memory);
    if (rc == RC_OK)
        rc = histogram_init(&t->send_lag, memory);
    if (rc == RC_OK) {
        t->slots = memory_zeroed(memory, SLOTS, sizeof(*t->slots));
        rc = t->slots != NULL ? RC_OK : RC_NOMEM;
    }
    if (rc != RC_OK)
        tally_deinit(t);
    return rc;
}

void tally_deinit(struct tally *t)
{
    histogram_deinit(&t->response);
    histogram_deinit(&t->first_token);
    histogram_deinit(&t->failed);
    histogram_deinit(&t->send_lag);
    if (t->slots != NULL)
        memory_release(t->memory, t->slots);
    *t = (struct tally){0};
}

static void record_between(struct histogram *h, nanos from_at, nanos to_at)
{
    if (from_at != NANOS_NEVER && to_at != NANOS_NEVER)
        histogram_record(h, to_at - from_at);
}

static void count_outcome(struct tally *t, const struct call_case *c)
{
    struct run_figures *f = &t->figures;

    f->calls++;
    f->attempts += c->attempts;
    f->outcomes[c->call->outcome]++;
    f->told_by[c->call->key]++;
    f->doubtful += c->call->is_doubtful;
    if (c->is_useful)
        f->useful++;
    else if (c->call->outcome == OUTCOME_UNFINISHED)
        f->unfinished++;
    else
        f->failed++;
    assert(f->calls == f->useful + f->failed + f->unfinished);
}

static void count_money(struct tally *t, const struct call_record *call)
{
    struct run_figures *f = &t->figures;

    f->cost = money_add(f->cost, call->cost);
    f->cost_failed = money_add(f->cost_failed, call->cost_failed);
    f->cost_unknown += call->cost_unknown;
    if (!call->usage.is_known)
        return;
    f->tokens_in += call->usage.input_tokens;
    f->tokens_out += call->usage.output_tokens;
}

static void record_spans(struct tally *t, const struct call_case *c)
{
    const struct call_record *call = c->call;
    const struct attempt_record *last = call_last_attempt(call);
    nanos handed_at = last != NULL ? call->attempts[0].handed_at : c->cut_at;

    if (call_is_answered(call)) {
        record_between(&t->response, call->due_at, call->ended_at);
        if (last != NULL)
            record_between(&t->first_token, call->due_at, last->first_token_at);
    } else {
        record_between(&t->failed, call->due_at, call->ended_at);
    }
    /* Still waiting at the cut: it has lagged that long already. A call that was shed never had to
     * be handed over, and has no instant to count from. A program's call is due when it comes. */
    if (t->scenario->subject == SUBJECT_EXEC)
        return;
    record_between(&t->send_lag, call->due_at, handed_at);
}

static void double_slots(struct tally *t)
{
    for (uint32_t i = 0; i < SLOTS / 2; i++)
        t->slots[i] = t->slots[2 * i] + t->slots[2 * i + 1];
    memset(&t->slots[SLOTS / 2], 0, SLOTS / 2 * sizeof(*t->slots));
    t->slot_lasts *= 2;
}

static int32_t *slot_of(struct tally *t, nanos at)
{
    at = nanos_max(at, 0);
    while (at / t->slot_lasts >= SLOTS)
        double_slots(t);
    return &t->slots[at / t->slot_lasts];
}

static void count_in_flight(struct tally *t, const struct call_record *call)
{
    if (call->attempts_count == 0 || call->attempts[0].handed_at == NANOS_NEVER)
        return;
    ++*slot_of(t, call->attempts[0].handed_at);
    if (call->ended_at != NANOS_NEVER)
        --*slot_of(t, call->ended_at);
}

/* --- what rules should have done -------------------------------------------------------------- */

static bool is_of_provider(const struct tally *t, const struct chaos_rule *rule, uint32_t provider)
{
    return rule->match.provider[0] == '\0' ||
           (provider < t->scenario->providers_count &&
            slice_is(slice_of(rule->match.provider),
                     slice_of(t->scenario->providers[provider].name)));
}

/* The rules of connections that were to hit one of this provider at `at`. */
static uint64_t connection_rules(const struct tally *t, uint32_t provider, nanos at)
{
    const struct chaos *chaos = &t->scenario->chaos;
    uint64_t rules = 0;

    for (uint32_t i = 0; i < chaos->rules_count; i++)
        if (hits_new_connections(&chaos->rules[i]) &&
            is_of_provider(t, &chaos->rules[i], provider) &&
            phase_is_open(&chaos->phases.list[chaos->rules[i].phase], at))
            rules |= (uint64_t)1 << i;
    return rules;
}

static void count_rules(uint64_t rules, uint64_t counts[CHAOS_RULES_MAX])
{
    for (uint32_t i = 0; i < CHAOS_RULES_MAX && rules >> i != 0; i++)
        counts[i] += rules >> i & 1;
}

/* What only a request can tell: its bytes, who sent it, and which one it is by order. */
static bool needs_a_request(const struct chaos_rule *rule)
{
    return rule->match.conditions_count > 0 || rule->match.isolation[0] != '\0' ||
           chaos_rule_is_ordered(rule);
}

/* What its first attempt would have met, sent when it was due. A rule of which only a request can
 * tell may have been in the way of others, and is owed nothing itself. */
static void expect_firings(struct tally *t, const struct call_record *call)
{
    const struct chaos *chaos = &t->scenario->chaos;
    const struct model *model = &t->scenario->models[call->model_asked];
    const struct attempt_facts facts = {
        .provider = slice_of(t->scenario->providers[model->provider].name),
        .model = model,
        .attempt = 1,
        .input_tokens = call->input_tokens_asked,
        .output_tokens = call->output_tokens_asked,
        .output_tokens_max = UINT64_MAX,
        .stream = call->stream,
        .quirks_impossible = fault_quirks_impossible(t->scenario->apis[call->model_asked]),
    };
    uint64_t matched = 0;

    for (uint32_t i = 0; i < chaos->rules_count; i++)
        if (phase_is_open(&chaos->phases.list[chaos->rules[i].phase], call->due_at) &&
            (needs_a_request(&chaos->rules[i]) || chaos_rule_matches(&chaos->rules[i], &facts)))
            matched |= (uint64_t)1 << i;
    chaos_add_chances(chaos, matched, t->calls_chances);
}

/* The caller's side of refused connections. */
static void count_refused(struct tally *t, const struct call_record *call)
{
    for (uint32_t i = 0; i < call_attempts_kept(call); i++) {
        const struct attempt_record *attempt = &call->attempts[i];

        if (attempt->outcome == OUTCOME_CONNECT && attempt->model < t->scenario->models_count)
            count_rules(connection_rules(t, t->scenario->models[attempt->model].provider,
                                         attempt->handed_at),
                        t->refused);
    }
}

/* What the mock says of its rules, about whatever came. */
static void count_rules_of(struct tally *t, const struct journal_record *record)
{
    const struct chaos *chaos = &t->scenario->chaos;

    count_rules(record->rules_matched, t->figures.rules_matched);
    chaos_add_chances(chaos, record->rules_matched, t->journal_chances);
    if (record->rule != PLAN_NO_RULE && (uint32_t)record->rule < chaos->rules_count)
        t->figures.rules_fired[record->rule]++;
    if (t->has_connection_rules && !record->is_hook && record->head_in_at != NANOS_NEVER)
        count_rules(connection_rules(t, record->provider, record->head_in_at), t->passed);
}

double tally_firings_expected(const struct tally *t, uint32_t rule)
{
    const struct chaos_rule *of = &t->scenario->chaos.rules[rule];
    double expected = t->journal_chances[rule] + (double)t->passed[rule];

    if (of->share <= 0)
        return 0;
    return needs_a_request(of) ? expected : fmax(expected, t->calls_chances[rule]);
}

bool tally_has_fired(const struct tally *t, uint32_t rule)
{
    return t->figures.rules_fired[rule] > 0 || t->refused[rule] > 0;
}

/* --- records ---------------------------------------------------------------------------------- */

/* Whatever order their records arrive in. */
static void find_not_useful(struct tally *t, const struct call_case *c)
{
    const struct call_record *call = c->call;

    if (c->is_useful)
        return;
    if (t->has_not_useful &&
        (call->due_at > t->not_useful_due_at ||
         (call->due_at == t->not_useful_due_at && call->id.index >= t->not_useful.index)))
        return;
    t->has_not_useful = true;
    t->not_useful = call->id;
    t->not_useful_due_at = call->due_at;
}

/* The most attempts, and of equals the call due first, whatever order records arrive in. */
static bool is_more_layered(const struct tally *t, const struct call_case *c)
{
    if (c->requests_count != t->layered_attempts)
        return c->requests_count > t->layered_attempts;
    return c->call->due_at < t->layered_due_at;
}

/* Of our own client everybody knows how many layers it has. */
static void count_layers(struct tally *t, const struct call_case *c)
{
    struct run_figures *f = &t->figures;
    struct rounds rounds;

    if (t->scenario->subject == SUBJECT_CLIENT || c->requests_count < 2)
        return;
    rounds = rounds_of(c->requests, c->requests_count);
    if (rounds.by == ROUNDS_NONE)
        return;
    f->layered++;
    if (!is_more_layered(t, c))
        return;
    t->layered_attempts = c->requests_count;
    t->layered_due_at = c->call->due_at;
    call_id_write(t->scenario, c->call->id, f->layered_call);
    rounds_write(&rounds, c->requests, c->requests_count, f->layered_text);
}

void tally_call(struct tally *t, const struct call_case *c)
{
    count_outcome(t, c);
    count_layers(t, c);
    find_not_useful(t, c);
    count_money(t, c->call);
    record_spans(t, c);
    count_in_flight(t, c->call);
    if (c->call->model_asked < t->scenario->models_count)
        expect_firings(t, c->call);
    if (t->has_connection_rules)
        count_refused(t, c->call);
}

/* Only what asks a model for something can have a price. */
static void count_billed(struct tally *t, const struct journal_record *record)
{
    if (record->has_cost)
        t->figures.billed = money_add(t->figures.billed, record->cost);
    else if (record->status < 400 &&
             (record->kind == JOURNAL_GENERATE || record->kind == JOURNAL_EMBEDDINGS))
        t->figures.billed_unknown++;
}

void tally_request(struct tally *t, const struct journal_record *record)
{
    t->figures.requests += record->kind != JOURNAL_CONNECTION;
    t->figures.unknown_paths += record->kind == JOURNAL_UNKNOWN;
    t->figures.requests_leaking += record->has_canary;
    count_billed(t, record);
    count_rules_of(t, record);
}

void tally_post(struct tally *t, const struct journal_record *record)
{
    nanos first_at = t->figures.hooks[record->hook].first_at;

    count_rules_of(t, record);
    t->figures.requests_leaking += record->has_canary;
    if (record->status < 200 || record->status > 299)
        return;
    if (t->figures.hooks[record->hook].posts++ == 0 || record->head_in_at < first_at)
        t->figures.hooks[record->hook].first_at = record->head_in_at;
}

void tally_alert(struct tally *t, const struct alert_record *record)
{
    t->alerts_at[record->hook][record->alert.kind]++;
    if (record->is_delivered)
        t->figures.alerts_delivered++;
    else
        t->figures.alerts_lost++;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void tally_sample(struct tally *t, const struct sample_record *record)
{
    struct run_figures *f = &t->figures;

    f->samples++;
    f->rss_most = larger(f->rss_most, record->rss_bytes);
    f->descriptors_most = larger(f->descriptors_most, record->descriptors);
    f->threads_most = larger(f->threads_most, record->threads);
}

static void count_alerts(struct tally *t)
{
    for (uint32_t hook = 0; hook < HOOK_KINDS_COUNT; hook++)
        for (uint32_t kind = 0; kind < ALERT_KINDS_COUNT; kind++)
            if (t->alerts_at[hook][kind] > t->figures.alerts[kind])
                t->figures.alerts[kind] = t->alerts_at[hook][kind];
}

/* Zero when empty: the report shows n beside it. */
static nanos percentile(const struct histogram *h, double percent)
{
    nanos value = 0;

    return histogram_percentile(h, percent, &value) ? value : 0;
}

void tally_finish(struct tally *t)
{
    struct run_figures *f = &t->figures;
    int64_t in_flight = 0, most = 0;

    f->n_ok = t->response.count;
    f->response_p50 = percentile(&t->response, 50);
    f->response_p95 = percentile(&t->response, 95);
    f->response_p99 = percentile(&t->response, 99);
    f->n_first_token = t->first_token.count;
    f->first_token_p50 = percentile(&t->first_token, 50);
    f->first_token_p95 = percentile(&t->first_token, 95);
    f->first_token_p99 = percentile(&t->first_token, 99);
    f->n_failed = t->failed.count;
    f->failed_p50 = percentile(&t->failed, 50);
    f->failed_p99 = percentile(&t->failed, 99);
    f->send_lag_p99 = percentile(&t->send_lag, 99);
    for (uint32_t i = 0; i < SLOTS; i++) {
        in_flight += t->slots[i];
        most = in_flight > most ? in_flight : most;
    }
    f->in_flight_most = (uint32_t)most;
    count_alerts(t);
}
