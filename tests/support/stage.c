#include "tests/support/stage.h"

#include <stdio.h>
#include <string.h>

struct stage stage;

void stage_set(void)
{
    stage = (struct stage){
        .chaos = {.phases = {.list = {{.name = "rate limits", .lasts = 10 * NANOS_S},
                                      {.name = "overload", .lasts = 10 * NANOS_S}},
                             .count = 2}},
        .model = {.name = "claude-sonnet-4-5",
                  .first_token = {DISTRIBUTION_LOGNORMAL, 4e8, 2e9},
                  .tokens_per_s = 50.0,
                  .tokens_per_event = 2,
                  .context_window = 200000},
        .facts = {.provider = SLICE("anthropic"),
                  .model = &stage.model,
                  .call = SLICE("trace:217"),
                  .attempt = 1,
                  .input_tokens = 800,
                  .output_tokens = 27,
                  .output_tokens_max = UINT64_MAX,
                  .stream = true},
    };
}

struct chaos_rule *stage_add(uint32_t phase, double share, struct fault fault)
{
    uint32_t index = stage.chaos.rules_count++;
    struct chaos_rule *rule = &stage.chaos.rules[index];

    stage.faults[index][0] = fault;
    *rule = (struct chaos_rule){
        .phase = phase,
        .match = {.input_tokens_max = UINT64_MAX},
        .share = share,
        .sequence = stage.faults[index],
        .sequence_count = 1,
    };
    snprintf(rule->name, sizeof(rule->name), "rule %u", index);
    return rule;
}

struct fault stage_status(uint16_t code, enum outcome failure)
{
    return (struct fault){.kind = FAULT_STATUS, .status = code, .failure = failure};
}

struct fault stage_overload(void)
{
    return stage_status(529, OUTCOME_OVERLOADED);
}

int stage_fired(nanos at)
{
    chaos_decide(&stage.chaos, STAGE_SEED, &stage.facts, at, &stage.plan);
    return stage.plan.rule;
}

void stage_become_call(int i)
{
    snprintf(stage.call, sizeof(stage.call), "trace:%d", i);
    stage.facts.call = slice_of(stage.call);
}

void stage_count_calls(uint32_t attempt, uint64_t counts[CHAOS_RULES_MAX + 1])
{
    memset(counts, 0, (CHAOS_RULES_MAX + 1) * sizeof(counts[0]));
    stage.facts.attempt = attempt;
    for (int i = 0; i < STAGE_CALLS; i++) {
        int rule;

        stage_become_call(i);
        rule = stage_fired(STAGE_OPEN);
        counts[rule == PLAN_NO_RULE ? CHAOS_RULES_MAX : rule]++;
    }
}
