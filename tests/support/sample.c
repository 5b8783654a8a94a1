#include "tests/support/sample.h"

#include <stdio.h>
#include <string.h>

static const struct distribution first_token = {DISTRIBUTION_FIXED, 400e6, 400e6};

static void add_model(struct scenario *s, const char *name, uint32_t provider)
{
    struct model *model = &s->models[s->models_count++];

    *model = (struct model){.provider = provider,
                            .first_token = first_token,
                            .tokens_per_s = 75,
                            .tokens_per_event = 1,
                            .context_window = UINT64_MAX};
    slice_copy(slice_of(name), model->name, sizeof(model->name));
    (void)price_find(slice_of(name), &s->prices[s->models_count - 1]);
}

static void add_rule(struct scenario *s, const char *name, const char *phase, nanos at,
                     const struct fault *fault, double share)
{
    struct phase *window = &s->chaos.phases.list[s->chaos.phases.count];
    struct chaos_rule *rule = &s->chaos.rules[s->chaos.rules_count++];

    *window = (struct phase){.at = at, .lasts = 10 * NANOS_S};
    slice_copy(slice_of(phase), window->name, sizeof(window->name));
    *rule = (struct chaos_rule){.phase = s->chaos.phases.count++,
                                .match = {.input_tokens_max = UINT64_MAX},
                                .share = share,
                                .sequence = fault,
                                .sequence_count = 1};
    slice_copy(slice_of(name), rule->name, sizeof(rule->name));
    slice_copy(SLICE("claude-*"), rule->match.model, sizeof(rule->match.model));
}

static void add_load(struct scenario *s)
{
    s->load = (struct load){.requests = {{.model = SAMPLE_CLAUDE,
                                          .stream = true,
                                          .weight = 1,
                                          .input_tokens = {DISTRIBUTION_FIXED, 800, 800},
                                          .output_tokens = {DISTRIBUTION_FIXED, 120, 120},
                                          .has_input_tokens = true,
                                          .has_output_tokens = true}},
                            .requests_count = 1,
                            .parts = {{.name = "steady",
                                       .kind = PART_ARRIVALS,
                                       .arrivals = {.process = ARRIVAL_CONSTANT,
                                                    .rate_per_s = 10,
                                                    .lasts = 60 * NANOS_S}}},
                            .parts_count = 1,
                            .lasts = 60 * NANOS_S,
                            .deadline = 10 * NANOS_S,
                            .drain = 10 * NANOS_S,
                            .in_flight_max = 4096};
}

void sample_scenario(struct scenario *s)
{
    static const struct fault storm = {.kind = FAULT_STATUS,
                                       .status = 429,
                                       .failure = OUTCOME_RATE_LIMITED,
                                       .advice = PLAN_ADVICE_SECONDS,
                                       .advice_wait = NANOS_S};
    static const struct fault overload = {
        .kind = FAULT_STATUS, .status = 529, .failure = OUTCOME_OVERLOADED};

    *s = (struct scenario){.name = "sample",
                           .file = SLICE("sample.jsonc"),
                           .seed = 529,
                           .providers = {{.name = "anthropic", .api = API_ANTHROPIC},
                                         {.name = "openai", .api = API_OPENAI_CHAT}},
                           .providers_count = 2,
                           .apis = {API_ANTHROPIC, API_OPENAI_CHAT}};
    add_model(s, "claude-sonnet-4-5", 0);
    add_model(s, "gpt-4o", 1);
    add_rule(s, "storm-429", "storm", 10 * NANOS_S, &storm, 0.6);
    add_rule(s, "overload-529", "overload", 30 * NANOS_S, &overload, 0.9);
    add_load(s);
}

static struct attempt_record attempt_at(uint32_t ordinal, uint32_t model, nanos sent_at)
{
    return (struct attempt_record){
        .ordinal = ordinal,
        .model = model,
        .is_fallback = model != SAMPLE_CLAUDE,
        .handed_at = sent_at,
        .sent_at = sent_at,
        .first_byte_at = sent_at + 390 * NANOS_MS,
        .first_token_at = sent_at + 400 * NANOS_MS,
        .first_content_at = sent_at + 400 * NANOS_MS,
        .last_content_at = sent_at + 2 * NANOS_S,
        .ended_at = sent_at + 2 * NANOS_S,
        .gap_max = 14 * NANOS_MS,
        .status = 200,
        .outcome = OUTCOME_OK,
        .usage = {.is_known = true, .input_tokens = 800, .output_tokens = 120},
        .has_cost = true,
        .cost = model == SAMPLE_CLAUDE ? SAMPLE_CLAUDE_COST : SAMPLE_GPT_COST,
        .request_id = "req_1",
    };
}

/* The call's own money, from that of its attempts. */
static void add_up(struct call_record *call)
{
    call->cost = call->cost_failed = 0;
    call->cost_unknown = 0;
    for (uint32_t i = 0; i < call->attempts_count; i++) {
        const struct attempt_record *attempt = &call->attempts[i];

        call->cost_unknown += !attempt->has_cost && attempt->sent_at != NANOS_NEVER;
        call->cost += attempt->cost;
        call->cost_failed += attempt->outcome != OUTCOME_OK ? attempt->cost : 0;
    }
}

struct call_record sample_call(uint64_t index)
{
    nanos due_at = (nanos)index * 100 * NANOS_MS;
    struct call_record call = {
        .id = {.source = 0, .index = index},
        .stream = true,
        .model_asked = SAMPLE_CLAUDE,
        .model_answered = SAMPLE_CLAUDE,
        .input_tokens_asked = 800,
        .output_tokens_asked = 120,
        .due_at = due_at,
        .ended_at = due_at + 2 * NANOS_S,
        .outcome = OUTCOME_OK,
        .usage = {.is_known = true, .input_tokens = 800, .output_tokens = 120},
        .stop_reason = "end_turn",
        .attempts_count = 1,
    };

    call.attempts[0] = attempt_at(1, SAMPLE_CLAUDE, due_at);
    add_up(&call);
    return call;
}

void sample_fail(struct call_record *call, enum outcome outcome, uint16_t status, nanos ended_at)
{
    struct attempt_record *last = &call->attempts[call->attempts_count - 1];

    last->first_byte_at = status > 0 ? ended_at : NANOS_NEVER;
    last->first_token_at = last->first_content_at = last->last_content_at = NANOS_NEVER;
    last->ended_at = ended_at;
    last->gap_max = 0;
    last->status = status;
    last->outcome = outcome;
    last->usage = (struct usage){0};
    last->has_cost = false;
    last->cost = 0;
    call->usage = last->usage;
    call->outcome = outcome;
    call->ended_at = ended_at;
    call->stop_reason[0] = '\0';
    snprintf(call->error, sizeof(call->error), "%s", outcome_meaning(outcome));
    add_up(call);
}

void sample_retry(struct call_record *call, uint32_t model, nanos sent_at)
{
    struct attempt_record *attempt = &call->attempts[call->attempts_count];
    nanos wait = sent_at - call->ended_at;

    *attempt = attempt_at(++call->attempts_count, model, sent_at);
    call->wait_max = nanos_max(call->wait_max, wait);
    call->model_answered = model;
    call->usage = attempt->usage;
    call->outcome = OUTCOME_OK;
    call->ended_at = attempt->ended_at;
    call->error[0] = '\0';
    slice_copy(SLICE("end_turn"), call->stop_reason, sizeof(call->stop_reason));
    add_up(call);
}

struct journal_record sample_journal(const struct scenario *scenario,
                                     const struct call_record *call, uint32_t index)
{
    const struct attempt_record *attempt = &call->attempts[index];
    bool is_ok = attempt->outcome == OUTCOME_OK;
    struct journal_record record = {
        .number = call->id.index * RECORD_ATTEMPTS_MAX + index + 1,
        .provider = scenario->models[attempt->model].provider,
        .model = attempt->model,
        .connection = 1,
        .key = KEY_HEADER,
        .attempt = attempt->ordinal,
        .accepted_at = attempt->sent_at,
        .head_in_at = attempt->sent_at,
        .body_in_at = attempt->sent_at,
        .first_out_at = attempt->first_byte_at,
        .last_out_at = attempt->ended_at,
        .closed_at = attempt->ended_at,
        .closed_by = CLOSED_WHOLE,
        .status = attempt->status,
        .answered = is_ok ? OUTCOME_OK : attempt->outcome,
        .is_complete = true,
        .rule = PLAN_NO_RULE,
        .input_tokens = 800,
        .output_tokens = 120,
        .tokens_written = is_ok ? 120 : 0,
        .bytes_out = is_ok ? 18000 : 300,
        .usage_told = attempt->usage,
        .has_cost = true,
        .cost = attempt->cost,
        .plan = "200 stream 120 tokens",
    };

    call_id_write(scenario, call->id, record.call);
    return record;
}

struct journal_record sample_post(const char *key, nanos at)
{
    struct journal_record post = {.is_hook = true,
                                  .kind = JOURNAL_HOOK,
                                  .hook = HOOK_ANY,
                                  .is_hook_valid = true,
                                  .status = 200,
                                  .rule = PLAN_NO_RULE,
                                  .head_in_at = at};

    slice_copy(slice_of(key), post.alert, sizeof(post.alert));
    return post;
}

void sample_watch(struct scenario *scenario)
{
    scenario->monitor = (struct monitor_rules){.is_on = true,
                                               .budgets = {{"tight", MONEY_USD / 10, 10 * NANOS_S}},
                                               .budgets_count = 1,
                                               .cool_down = 10 * NANOS_S,
                                               .hooks = {HOOK_ANY},
                                               .hooks_count = 1};
}
