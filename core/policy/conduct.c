#include "policy/conduct.h"

#include <assert.h>

/* tries[0] counts the attempts of the innermost layer's present round. A layer further out counts
 * the rounds of the layer inside it. So an attempt that begins a round counts in the next layer
 * too, and a layer whose count was put back to 0 is about to begin one. */
void conduct_attempt_made(struct conduct_state *state)
{
    if (state->attempts == 0 && state->budgets != NULL) {
        for (uint32_t layer = 0; layer < CONDUCT_LAYERS_MAX; layer++)
            retry_budget_earn(&state->budgets[layer]);
    }
    state->attempts++;
    if (state->fallbacks_taken == 0)
        state->attempts_on_first_model++;
    for (uint32_t layer = 0; layer < CONDUCT_LAYERS_MAX; layer++) {
        if (state->tries[layer]++ > 0)
            return;
    }
}

static void begin_round_of(struct conduct_state *state, uint32_t layer)
{
    for (uint32_t inner = 0; inner < layer; inner++)
        state->tries[inner] = 0;
}

static bool has_tries_left(const struct client_policy *policy, const struct conduct_state *state,
                           uint32_t layer)
{
    return state->attempts < CONDUCT_ATTEMPTS_MAX &&
           state->tries[layer] < policy->layers[layer].attempts;
}

static bool has_budget(const struct conduct_state *state, uint32_t layer)
{
    return state->budgets == NULL || retry_budget_has(&state->budgets[layer]);
}

static bool layer_wants(const struct retry_layer *layer, const struct attempt_end *end)
{
    if (layer->obeys_should_retry && end->should_retry_no)
        return false;
    if (layer->obeys_should_retry && end->should_retry_yes)
        return true;
    return cause_set_has(&layer->on, end->outcome, end->status);
}

static bool layer_reads_advice(const struct retry_layer *layer, const struct attempt_end *end)
{
    if (layer->advice == ADVICE_IGNORE)
        return false;
    if (cause_set_is_empty(&layer->advice_on))
        return true;
    return cause_set_has(&layer->advice_on, end->outcome, end->status);
}

/* int("Wed, 21 Oct 2026 07:28:00 GMT") and int("1.5") raise ValueError. */
static bool layer_crashes(const struct retry_layer *layer, const struct attempt_end *end)
{
    return layer->advice == ADVICE_WHOLE_INT && layer_reads_advice(layer, end) &&
           end->has_advice_header && !end->advice_is_whole;
}

static bool has_advice(const struct retry_layer *layer, const struct attempt_end *end)
{
    if (!layer_reads_advice(layer, end) || end->advice_wait > layer->advice_max)
        return false;
    if (layer->advice == ADVICE_WHOLE_INT)
        return end->has_advice_header; /* int("0") is advice too: it sleeps for 0 seconds */
    return end->advice_wait > 0;
}

static nanos layer_wait(const struct retry_layer *layer, uint32_t tries,
                        const struct attempt_end *end, double u)
{
    assert(tries > 0);
    if (has_advice(layer, end))
        return end->advice_wait;
    return backoff_wait(&layer->backoff, tries - 1, u);
}

static struct conduct conduct_end(enum outcome outcome, nanos wait)
{
    return (struct conduct){.kind = CONDUCT_END, .outcome = outcome, .wait = wait};
}

static bool is_in_time(const struct client_policy *policy, nanos at, nanos call_ends_at)
{
    return !policy->keeps_deadline || call_ends_at == NANOS_NEVER || at < call_ends_at;
}

/* Going to another model spends a try like a retry does, so that the layers bound the call over all
 * models: of the innermost layer that has one left. */
static bool spend_try(const struct client_policy *policy, struct conduct_state *state)
{
    for (uint32_t layer = 0; layer < policy->layers_count; layer++) {
        if (has_tries_left(policy, state, layer)) {
            begin_round_of(state, layer);
            return true;
        }
    }
    return false;
}

/* Takes the first rule further down the list that has the cause; `is_pressed` disregards `after`.
 */
static bool fall_back(const struct client_policy *policy, struct conduct_state *state,
                      const struct attempt_end *end, bool is_pressed, struct conduct *conduct)
{
    for (uint32_t i = state->fallbacks_taken; i < policy->fallbacks_count; i++) {
        const struct fallback_rule *rule = &policy->fallbacks[i];

        if (!cause_set_has(&rule->on, end->outcome, end->status))
            continue;
        if (!is_pressed && state->attempts_on_first_model < rule->after)
            continue;
        if (!spend_try(policy, state))
            return false;
        state->fallbacks_taken = i + 1;
        *conduct = (struct conduct){.kind = CONDUCT_FALLBACK, .fallback = i};
        return true;
    }
    return false;
}

/* From the innermost layer outwards. `slept` gathers what layers sleep before they give up. */
static struct conduct walk_layers(const struct client_policy *policy, struct conduct_state *state,
                                  const struct attempt_end *end, double u)
{
    nanos slept = 0;

    for (uint32_t i = 0; i < policy->layers_count; i++) {
        const struct retry_layer *layer = &policy->layers[i];
        bool has_left = has_tries_left(policy, state, i) && has_budget(state, i);

        if (!layer_wants(layer, end) || (!has_left && !layer->sleeps_before_giving_up))
            continue;
        if (layer_crashes(layer, end))
            return conduct_end(OUTCOME_CLIENT_CRASH, slept);
        slept = nanos_add(slept, layer_wait(layer, state->tries[i], end, u));
        if (has_left)
            return (struct conduct){
                .kind = CONDUCT_RETRY, .layer = i, .wait = slept, .outcome = end->outcome};
    }
    return conduct_end(end->outcome, slept);
}

/* Would a layer retry if its budget let it? */
static bool is_out_of_budget(const struct client_policy *policy, const struct conduct_state *state,
                             const struct attempt_end *end)
{
    for (uint32_t i = 0; i < policy->layers_count; i++)
        if (layer_wants(&policy->layers[i], end) && has_tries_left(policy, state, i) &&
            !has_budget(state, i))
            return true;
    return false;
}

static void begin_retry(struct conduct_state *state, uint32_t layer)
{
    begin_round_of(state, layer);
    if (state->budgets != NULL)
        retry_budget_spend(&state->budgets[layer]);
}

struct conduct conduct_decide(const struct client_policy *policy, struct conduct_state *state,
                              const struct attempt_end *end, nanos call_ends_at, double u)
{
    struct conduct conduct;

    assert(end->outcome != OUTCOME_OK);
    assert(state->attempts > 0);
    assert(policy->layers_count > 0);
    if (end->outcome == OUTCOME_TIMEOUT_CALL || !is_in_time(policy, end->at, call_ends_at))
        return conduct_end(end->outcome, 0);
    if (fall_back(policy, state, end, false, &conduct))
        return conduct;
    conduct = walk_layers(policy, state, end, u);
    if (conduct.kind == CONDUCT_END && is_out_of_budget(policy, state, end) &&
        fall_back(policy, state, end, true, &conduct))
        return conduct;
    if (!is_in_time(policy, nanos_add(end->at, conduct.wait), call_ends_at)) {
        if (conduct.kind == CONDUCT_RETRY && fall_back(policy, state, end, true, &conduct))
            return conduct;
        return conduct_end(conduct.outcome, 0);
    }
    if (conduct.kind == CONDUCT_RETRY)
        begin_retry(state, conduct.layer);
    return conduct;
}

uint32_t conduct_attempts_max(const struct client_policy *policy)
{
    uint64_t product = 1;

    for (uint32_t i = 0; i < policy->layers_count; i++) {
        product *= policy->layers[i].attempts;
        if (product > UINT32_MAX)
            return UINT32_MAX;
    }
    return (uint32_t)product;
}
