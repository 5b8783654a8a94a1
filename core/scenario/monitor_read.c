/* What an application watches of its own calls: budgets, anomalies, and whom it tells. What is not
 * said is not watched; but alerts go to the mock's hooks unless there is no mock. */

#include <stdio.h>
#include <string.h>

#include "scenario/read.h"

/* "mock" is the plain kind; then the kinds in their order. */
#define HOOK_WORD(id, word) word,
static const char *const hook_words[] = {"mock", HOOK_KIND_LIST(HOOK_WORD)};
#undef HOOK_WORD

struct monitor_block {
    struct value budgets, hook;
    struct monitor_rules rules;
};

/* --- budgets ---------------------------------------------------------------------------------- */

static enum rc read_window(struct reading *r, const struct value *value, void *out)
{
    nanos window = 0;

    TRY(read_duration(r, value, &window));
    if (window < NANOS_S)
        return read_refuse(r, RC_LIMIT, value, "a duration of at least 1s");
    memcpy(out, &window, sizeof(window));
    return RC_OK;
}

struct budget_block {
    struct value name;
    struct budget_rules rules;
};

static const struct read_key budget_keys[] = {
    {"name", OPTIONAL, read_keep, offsetof(struct budget_block, name)},
    {"limit", NEEDED, read_money, offsetof(struct budget_block, rules.limit)},
    {"per", NEEDED, read_window, offsetof(struct budget_block, rules.per)},
};

static enum rc refuse_twin(struct reading *r, const struct value *budget,
                           const struct budget_block *block)
{
    return read_refuse_as(r, RC_MALFORMED, value_is_there(&block->name) ? &block->name : budget,
                          "found a second budget \"%s\", expected each to have a name of its own",
                          block->rules.name);
}

static enum rc read_budget(struct reading *r, const struct value *value,
                           struct monitor_rules *rules)
{
    uint32_t index = rules->budgets_count;
    struct budget_block block = {0};

    TRY(read_object(r, value, budget_keys, ARRAY_SIZE(budget_keys), &block));
    snprintf(block.rules.name, sizeof(block.rules.name), "budget%u", index + 1);
    if (value_is_there(&block.name))
        TRY(read_name(r, &block.name, 0, block.rules.name, sizeof(block.rules.name)));
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(rules->budgets[i].name, block.rules.name) == 0)
            return refuse_twin(r, value, &block);
    }
    r->scenario->places.budgets[index] = value_position(r, value);
    rules->budgets[index] = block.rules;
    rules->budgets_count++;
    return RC_OK;
}

static enum rc read_budgets(struct reading *r, const struct value *value,
                            struct monitor_rules *rules)
{
    struct walk walk;
    struct value element;

    TRY(read_expect_array(r, value, MONITOR_BUDGETS_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element))
        TRY(read_budget(r, &element, rules));
    return RC_OK;
}

/* --- hooks ------------------------------------------------------------------------------------ */

/* Whoever holds a webhook's URL can post to it: it is never shown. */
static enum rc refuse_url(struct reading *r, const struct value *value)
{
    return read_refuse_as(r, RC_MALFORMED, value,
                          "found a URL, expected \"mock\", \"any\", \"slack\" or \"discord\": "
                          "alerts are posted to the mock, never to a real hook");
}

static enum rc read_hook(struct reading *r, const struct value *value, struct monitor_rules *rules)
{
    enum hook_kind kind;
    uint32_t index;

    if (value->token.kind == JSON_STRING && slice_has(value->token.raw, SLICE("/")))
        return refuse_url(r, value);
    TRY(read_word(r, value, hook_words, ARRAY_SIZE(hook_words), &index));
    kind = index == 0 ? HOOK_ANY : (enum hook_kind)(index - 1);
    for (uint32_t i = 0; i < rules->hooks_count; i++) {
        if (rules->hooks[i] == kind)
            return read_refuse(r, RC_MALFORMED, value, "each hook once (\"mock\" is \"any\")");
    }
    rules->hooks[rules->hooks_count++] = kind;
    return RC_OK;
}

/* One, or an array of them. */
static enum rc read_hooks(struct reading *r, const struct value *value, struct monitor_rules *rules)
{
    struct walk walk;
    struct value element;

    if (value->token.kind != JSON_ARRAY)
        return read_hook(r, value, rules);
    TRY(read_expect_array(r, value, HOOK_KINDS_COUNT));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element))
        TRY(read_hook(r, &element, rules));
    return RC_OK;
}

static enum rc pick_hooks(struct reading *r, const struct value *value, struct monitor_rules *rules)
{
    bool is_live = r->scenario->target == TARGET_LIVE;

    if (value_is_there(value) && is_live)
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found a hook with a live target, expected none: alerts are posted "
                              "to the mock, and there is none");
    if (value_is_there(value))
        return read_hooks(r, value, rules);
    rules->hooks[0] = HOOK_ANY;
    rules->hooks_count = is_live ? 0 : 1;
    return RC_OK;
}

/* --- the section ------------------------------------------------------------------------------ */

static const struct read_key monitor_keys[] = {
    {"budgets", OPTIONAL, read_keep, offsetof(struct monitor_block, budgets)},
    {"slow", OPTIONAL, read_span_or_never, offsetof(struct monitor_block, rules.slow)},
    {"tokens_high", OPTIONAL, read_tokens, offsetof(struct monitor_block, rules.tokens_high)},
    {"errors", OPTIONAL, read_bool, offsetof(struct monitor_block, rules.errors)},
    {"cool_down", OPTIONAL, read_span, offsetof(struct monitor_block, rules.cool_down)},
    {"patience", OPTIONAL, read_span, offsetof(struct monitor_block, rules.patience)},
    {"hook", OPTIONAL, read_keep, offsetof(struct monitor_block, hook)},
};

enum rc read_monitor(struct reading *r, const struct value *value)
{
    struct monitor_block block = {.rules = {.is_on = true,
                                            .slow = NANOS_NEVER,
                                            .tokens_high = UINT64_MAX,
                                            .cool_down = 60 * NANOS_S,
                                            .patience = 5 * NANOS_S}};

    if (!value_is_there(value))
        return RC_OK;
    TRY(read_object(r, value, monitor_keys, ARRAY_SIZE(monitor_keys), &block));
    if (value_is_there(&block.budgets))
        TRY(read_budgets(r, &block.budgets, &block.rules));
    TRY(pick_hooks(r, &block.hook, &block.rules));
    r->scenario->monitor = block.rules;
    return RC_OK;
}
