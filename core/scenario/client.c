/* The client block: a preset first, then what the scenario says differently.
 *
 * `retry` changes keys of a client with one layer. `layers` names every layer of its own, innermost
 * first; each begins as the preset's layer of that place (none's, where the preset has fewer).
 * `fallback` replaces the preset's list as a whole. */

#include <string.h>

#include "base/outcome.h"
#include "scenario/read.h"

/* What a client that keeps its deadline leaves of it for its own ending: the call is given up at
 * 95 % of the deadline, so that the application has its answer, good or bad, in time. */
static const double DEADLINE_KEPT_SHARE = 0.95;

struct client_block {
    struct value preset, retry, layers, fallback, timeouts, keeps_deadline, alerts;
};

static const struct read_key client_keys[] = {
    {"preset", OPTIONAL, read_keep, offsetof(struct client_block, preset)},
    {"retry", OPTIONAL, read_keep, offsetof(struct client_block, retry)},
    {"layers", OPTIONAL, read_keep, offsetof(struct client_block, layers)},
    {"fallback", OPTIONAL, read_keep, offsetof(struct client_block, fallback)},
    {"timeouts", OPTIONAL, read_keep, offsetof(struct client_block, timeouts)},
    {"keeps_deadline", OPTIONAL, read_keep, offsetof(struct client_block, keeps_deadline)},
    {"alerts", OPTIONAL, read_keep, offsetof(struct client_block, alerts)},
};

static enum rc read_preset(struct reading *r, const struct value *value,
                           struct client_policy *client)
{
    struct nearest nearest;
    struct slice name;
    const char *known, *about;

    TRY(read_string(r, value, &name));
    if (policy_preset(name, client))
        return RC_OK;
    nearest_init(&nearest, name);
    for (uint32_t i = 0; (known = policy_preset_name(i, &about)) != NULL; i++)
        nearest_offer(&nearest, slice_of(known));
    return read_refuse_word(r, value, &nearest, "the name of a preset");
}

/* --- causes ----------------------------------------------------------------------------------- */

static enum rc refuse_cause(struct reading *r, const struct value *value)
{
    struct nearest nearest;

    nearest_init(&nearest, value->token.raw);
    nearest_offer(&nearest, SLICE("timeout"));
    nearest_offer(&nearest, SLICE("network"));
    nearest_offer(&nearest, SLICE("5xx"));
    for (int outcome = OUTCOME_OK + 1; outcome < OUTCOME_COUNT; outcome++) {
        struct cause_set can_be_one = {0};

        if (cause_set_add(&can_be_one, slice_of(outcome_word((enum outcome)outcome))))
            nearest_offer(&nearest, slice_of(outcome_word((enum outcome)outcome)));
    }
    return read_refuse_word(r, value, &nearest,
                            "a cause: a status such as 529, \"5xx\", \"timeout\", \"network\" or "
                            "what an attempt can end in");
}

static enum rc read_causes(struct reading *r, const struct value *value, void *out)
{
    struct cause_set causes = {0};
    struct walk walk;
    struct value element;

    TRY(read_expect_elements(r, value, OUTCOME_COUNT + CAUSE_STATUSES_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element)) {
        if (element.token.kind != JSON_STRING && element.token.kind != JSON_NUMBER)
            return refuse_cause(r, &element);
        if (cause_set_add(&causes, element.token.raw))
            continue;
        if (causes.statuses_count == CAUSE_STATUSES_MAX)
            return read_refuse(r, RC_LIMIT, &element, "at most %d statuses", CAUSE_STATUSES_MAX);
        return refuse_cause(r, &element);
    }
    memcpy(out, &causes, sizeof(causes));
    return RC_OK;
}

/* --- retry ------------------------------------------------------------------------------------ */

static enum rc read_jitter(struct reading *r, const struct value *value, void *out)
{
    static const char *const words[] = {
        [JITTER_NONE] = "none", [JITTER_FULL] = "full", [JITTER_QUARTER] = "quarter"};
    enum jitter *jitter = out;
    uint32_t index;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    *jitter = (enum jitter)index;
    return RC_OK;
}

static enum rc read_factor(struct reading *r, const struct value *value, void *out)
{
    return read_number(r, value, 1, 100, out);
}

static enum rc read_backoff(struct reading *r, const struct value *value, void *out)
{
    static const struct read_key keys[] = {
        {"base", OPTIONAL, read_duration, offsetof(struct backoff, base)},
        {"factor", OPTIONAL, read_factor, offsetof(struct backoff, factor)},
        {"cap", OPTIONAL, read_span_or_never, offsetof(struct backoff, cap)},
        {"jitter", OPTIONAL, read_jitter, offsetof(struct backoff, jitter)},
    };

    return read_object(r, value, keys, ARRAY_SIZE(keys), out);
}

static enum rc read_attempts(struct reading *r, const struct value *value, void *out)
{
    return read_whole32(r, value, 1, CONDUCT_ATTEMPTS_MAX, out);
}

static enum rc read_advice(struct reading *r, const struct value *value, void *out)
{
    static const char *const words[] = {
        [ADVICE_OBEY] = "obey", [ADVICE_IGNORE] = "ignore", [ADVICE_WHOLE_INT] = "whole_int"};
    enum advice_manner *manner = out;
    uint32_t index;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    *manner = (enum advice_manner)index;
    return RC_OK;
}

static enum rc read_retry_budget(struct reading *r, const struct value *value, void *out)
{
    struct retry_budget_rules *budget = out;

    TRY(read_share(r, value, &budget->share));
    budget->is_on = true;
    return RC_OK;
}

static const struct read_key layer_keys[] = {
    {"attempts", OPTIONAL, read_attempts, offsetof(struct retry_layer, attempts)},
    {"on", OPTIONAL, read_causes, offsetof(struct retry_layer, on)},
    {"backoff", OPTIONAL, read_backoff, offsetof(struct retry_layer, backoff)},
    {"advice", OPTIONAL, read_advice, offsetof(struct retry_layer, advice)},
    {"advice_on", OPTIONAL, read_causes, offsetof(struct retry_layer, advice_on)},
    {"advice_max", OPTIONAL, read_span_or_never, offsetof(struct retry_layer, advice_max)},
    {"obeys_should_retry", OPTIONAL, read_bool, offsetof(struct retry_layer, obeys_should_retry)},
    {"sleeps_before_giving_up", OPTIONAL, read_bool,
     offsetof(struct retry_layer, sleeps_before_giving_up)},
    {"budget", OPTIONAL, read_retry_budget, offsetof(struct retry_layer, budget)},
};

static enum rc read_layer(struct reading *r, const struct value *value, struct retry_layer *layer)
{
    TRY(read_object(r, value, layer_keys, ARRAY_SIZE(layer_keys), layer));
    if (layer->attempts > 1 && cause_set_is_empty(&layer->on))
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found %u attempts and no cause to retry, expected \"on\"",
                              layer->attempts);
    return RC_OK;
}

static enum rc read_retry(struct reading *r, const struct value *value,
                          struct client_policy *client)
{
    if (client->layers_count != 1)
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found \"retry\" for a preset of %u layers, expected \"layers\"",
                              client->layers_count);
    return read_layer(r, value, &client->layers[0]);
}

static enum rc read_layers(struct reading *r, const struct value *value,
                           struct client_policy *client)
{
    struct client_policy none;
    struct walk walk;
    struct value element;
    uint32_t count = 0;

    TRY(read_expect_elements(r, value, CONDUCT_LAYERS_MAX));
    policy_preset(SLICE("none"), &none);
    walk_init(&walk, value);
    for (; walk_next(&walk, NULL, &element); count++) {
        if (count >= client->layers_count)
            client->layers[count] = none.layers[0];
        TRY(read_layer(r, &element, &client->layers[count]));
    }
    client->layers_count = count;
    return RC_OK;
}

/* --- fallback --------------------------------------------------------------------------------- */

struct fallback_entry {
    struct cause_set on;
    uint32_t after;
    struct value to;
};

static const struct read_key fallback_keys[] = {
    {"on", NEEDED, read_causes, offsetof(struct fallback_entry, on)},
    {"after", OPTIONAL, read_attempts, offsetof(struct fallback_entry, after)},
    {"to", NEEDED, read_keep, offsetof(struct fallback_entry, to)},
};

static enum rc read_fallback(struct reading *r, const struct value *value,
                             struct fallback_rule *rule)
{
    const struct load *load = &r->scenario->load;
    struct fallback_entry entry = {.after = 1};
    uint32_t model;

    TRY(read_object(r, value, fallback_keys, ARRAY_SIZE(fallback_keys), &entry));
    TRY(read_model(r, &entry.to, &model));
    for (uint32_t i = 0; i < load->requests_count; i++) {
        if (load->requests[i].model == model)
            return read_refuse(r, RC_MALFORMED, &entry.to,
                               "a model that no request of the load asks first");
    }
    *rule = (struct fallback_rule){.on = entry.on, .after = entry.after};
    slice_copy(slice_of(r->scenario->models[model].name), rule->to, sizeof(rule->to));
    return RC_OK;
}

static enum rc read_fallbacks(struct reading *r, const struct value *value,
                              struct client_policy *client)
{
    struct walk walk;
    struct value element;
    uint32_t count = 0;

    TRY(read_expect_array(r, value, CONDUCT_FALLBACKS_MAX));
    walk_init(&walk, value);
    for (; walk_next(&walk, NULL, &element); count++)
        TRY(read_fallback(r, &element, &client->fallbacks[count]));
    client->fallbacks_count = count;
    return RC_OK;
}

/* --- alerts ----------------------------------------------------------------------------------- */

static enum rc read_repeats(struct reading *r, const struct value *value, void *out)
{
    static const char *const words[] = {"once", "every-call"};
    bool *repeats = out;
    uint32_t index;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    *repeats = index == 1;
    return RC_OK;
}

static const struct read_key alerts_keys[] = {
    {"budget", OPTIONAL, read_repeats, offsetof(struct alert_manner, repeats_budget)},
    {"anomalies", OPTIONAL, read_repeats, offsetof(struct alert_manner, repeats_anomalies)},
};

/* --- the block -------------------------------------------------------------------------------- */

static const struct read_key timeouts_keys[] = {
    {"connect", OPTIONAL, read_span_or_never, offsetof(struct timeouts, connect)},
    {"first_token", OPTIONAL, read_span_or_never, offsetof(struct timeouts, first_token)},
    {"between_tokens", OPTIONAL, read_span_or_never, offsetof(struct timeouts, between_tokens)},
    {"attempt", OPTIONAL, read_span_or_never, offsetof(struct timeouts, attempt)},
    {"call", OPTIONAL, read_span_or_never, offsetof(struct timeouts, call)},
};

enum rc read_timeouts(struct reading *r, const struct value *value, struct timeouts *timeouts)
{
    return read_object(r, value, timeouts_keys, ARRAY_SIZE(timeouts_keys), timeouts);
}

static enum rc read_block(struct reading *r, const struct value *value,
                          struct client_policy *client)
{
    struct client_block block = {0};

    TRY(read_object(r, value, client_keys, ARRAY_SIZE(client_keys), &block));
    if (value_is_there(&block.preset))
        TRY(read_preset(r, &block.preset, client));
    if (value_is_there(&block.retry) && value_is_there(&block.layers))
        return read_refuse_as(r, RC_MALFORMED, &block.retry,
                              "found \"retry\" beside \"layers\", expected one of them");
    if (value_is_there(&block.retry))
        TRY(read_retry(r, &block.retry, client));
    if (value_is_there(&block.layers))
        TRY(read_layers(r, &block.layers, client));
    if (value_is_there(&block.fallback))
        TRY(read_fallbacks(r, &block.fallback, client));
    if (value_is_there(&block.timeouts))
        TRY(read_timeouts(r, &block.timeouts, &client->timeouts));
    if (value_is_there(&block.keeps_deadline))
        TRY(read_bool(r, &block.keeps_deadline, &client->keeps_deadline));
    if (value_is_there(&block.alerts))
        TRY(read_object(r, &block.alerts, alerts_keys, ARRAY_SIZE(alerts_keys), &client->alerts));
    return RC_OK;
}

enum rc read_client(struct reading *r, const struct value *value)
{
    struct client_policy *client = &r->scenario->client;

    policy_preset(SLICE("none"), client);
    if (value_is_there(value)) {
        r->scenario->places.client = value_position(r, value);
        TRY(read_block(r, value, client));
    }
    if (client->keeps_deadline && client->timeouts.call == NANOS_NEVER)
        client->timeouts.call = (nanos)((double)r->scenario->load.deadline * DEADLINE_KEPT_SHARE);
    return RC_OK;
}
