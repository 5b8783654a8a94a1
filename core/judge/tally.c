#include "judge/tally.h"

#include <assert.h>

/* Calls in flight are counted in slots of the run, 1/16384 of it each: a call shorter than a slot
 * may be missed, which is far below what a report shows. */
enum { SLOTS = 16384 };

enum rc tally_init(struct tally *t, const struct scenario *scenario, const struct memory *memory)
{
    nanos lasts = nanos_add(scenario->load.lasts, scenario->load.drain);
    enum rc rc;

    *t = (struct tally){.scenario = scenario, .memory = memory};
    t->slot_lasts = nanos_max(1, nanos_min(lasts, 3650 * 86400 * NANOS_S) / (SLOTS - 1));
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
     * be handed over, and has no instant to count from. */
    record_between(&t->send_lag, call->due_at, handed_at);
}

static uint32_t slot_of(const struct tally *t, nanos at)
{
    nanos slot = at > 0 ? at / t->slot_lasts : 0;

    return (uint32_t)nanos_min(slot, SLOTS - 1);
}

static void count_in_flight(struct tally *t, const struct call_record *call)
{
    if (call->attempts_count == 0 || call->attempts[0].handed_at == NANOS_NEVER)
        return;
    t->slots[slot_of(t, call->attempts[0].handed_at)]++;
    if (call->ended_at != NANOS_NEVER)
        t->slots[slot_of(t, call->ended_at)]--;
}

/* What its first attempt might have met, had it been sent when it was due. */
static void expect_firings(struct tally *t, const struct call_record *call)
{
    const struct chaos *chaos = &t->scenario->chaos;
    const struct model *model = &t->scenario->models[call->model_asked];
    struct attempt_facts facts = {
        .provider = slice_of(t->scenario->providers[model->provider].name),
        .model = model,
        .attempt = 1,
        .input_tokens = call->input_tokens_asked,
        .output_tokens = call->output_tokens_asked,
        .output_tokens_max = UINT64_MAX,
        .stream = call->stream,
    };

    for (uint32_t rule = 0; rule < chaos->rules_count; rule++)
        if (phase_is_open(&chaos->phases.list[chaos->rules[rule].phase], call->due_at))
            t->calls_chance[rule] += chaos_rule_chance(chaos, rule, &facts);
}

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

void tally_call(struct tally *t, const struct call_case *c)
{
    count_outcome(t, c);
    find_not_useful(t, c);
    count_money(t, c->call);
    record_spans(t, c);
    count_in_flight(t, c->call);
    if (c->call->model_asked < t->scenario->models_count)
        expect_firings(t, c->call);
}

void tally_request(struct tally *t, const struct journal_record *record)
{
    const struct chaos *chaos = &t->scenario->chaos;

    if (record->has_cost)
        t->figures.billed = money_add(t->figures.billed, record->cost);
    else if (record->status < 400)
        t->figures.billed_unknown++;
    for (uint32_t rule = 0; rule < chaos->rules_count; rule++) {
        if (!(record->rules_matched >> rule & 1))
            continue;
        t->figures.rules_matched[rule]++;
        t->journal_chance[rule] += chaos->rules[rule].share;
    }
    if (record->rule != PLAN_NO_RULE && (uint32_t)record->rule < chaos->rules_count)
        t->figures.rules_fired[record->rule]++;
}

void tally_post(struct tally *t, const struct journal_record *record)
{
    nanos first_at = t->figures.hooks[record->hook].first_at;

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

static void count_alerts(struct tally *t)
{
    for (uint32_t hook = 0; hook < HOOK_KINDS_COUNT; hook++)
        for (uint32_t kind = 0; kind < ALERT_KINDS_COUNT; kind++)
            if (t->alerts_at[hook][kind] > t->figures.alerts[kind])
                t->figures.alerts[kind] = t->alerts_at[hook][kind];
}

double tally_firings_expected(const struct tally *t, uint32_t rule)
{
    if (t->scenario->chaos.rules[rule].share <= 0)
        return 0;
    return t->journal_chance[rule] > t->calls_chance[rule] ? t->journal_chance[rule]
                                                           : t->calls_chance[rule];
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
