/* The clients we know, as data. What a preset must be is said in conduct.h; here stands only where
 * each figure comes from. */
#include "policy/conduct.h"

#include "base/attributes.h"

static void add_all(struct cause_set *set, const char *words)
{
    struct slice rest = slice_of(words);
    struct slice word;

    while (slice_cut(&rest, ' ', &word))
        (void)cause_set_add(set, word); /* our own words: a test reads every set back */
}

static const struct timeouts NO_TIMEOUTS = {
    .connect = NANOS_NEVER,
    .first_token = NANOS_NEVER,
    .between_tokens = NANOS_NEVER,
    .attempt = NANOS_NEVER,
    .call = NANOS_NEVER,
};

/* A layer that hands every failure on. */
static struct retry_layer layer_of_one(void)
{
    return (struct retry_layer){
        .attempts = 1,
        .backoff = {.factor = 1.0, .cap = NANOS_NEVER},
        .advice = ADVICE_IGNORE,
        .advice_max = NANOS_NEVER,
    };
}

static void fill_none(struct client_policy *policy)
{
    policy->layers[0] = layer_of_one();
    policy->layers_count = 1;
    policy->timeouts = NO_TIMEOUTS;
}

/* Causes by meaning, not by status: a 429 may be an empty account, and a 400 is ours to mend. A
 * malformed answer is not asked for again, since what cannot be read once is mostly a gateway's
 * page; a cut, empty or failed one is. The call's own limit is the scenario's deadline, filled in
 * where that is known. */
static void fill_careful(struct client_policy *policy)
{
    struct retry_layer *layer = &policy->layers[0];

    *layer = (struct retry_layer){
        .attempts = 4,
        .backoff = {500 * NANOS_MS, 2.0, 8 * NANOS_S, JITTER_FULL},
        .advice = ADVICE_OBEY,
        .advice_max = NANOS_NEVER,
        .obeys_should_retry = true,
    };
    add_all(&layer->on,
            "rate_limited overloaded server_error network timeout_connect timeout_first_token "
            "timeout_stall timeout_attempt truncated stream_error empty");
    policy->layers_count = 1;
    policy->timeouts = NO_TIMEOUTS;
    policy->timeouts.connect = 5 * NANOS_S;
    policy->timeouts.first_token = 10 * NANOS_S;
    policy->timeouts.between_tokens = 10 * NANOS_S;
    policy->keeps_deadline = true;
}

/* The SDK: wire-facts.md §5.1 for causes, counts and backoff, §5.3 for the 60 s. It goes by status
 * and never reads the body, so it retries an empty account like any 429. A connection that breaks
 * within an answer is retried although the SDK leaves that to the caller once a *stream* has begun:
 * a policy does not know which it was. */
static struct retry_layer sdk_layer(void)
{
    struct retry_layer layer = {
        .attempts = 3,
        .backoff = {500 * NANOS_MS, 2.0, 8 * NANOS_S, JITTER_QUARTER},
        .advice = ADVICE_OBEY,
        .advice_max = 60 * NANOS_S,
        .obeys_should_retry = true,
    };

    add_all(&layer.on, "408 409 429 5xx network timeout_connect timeout_first_token timeout_stall");
    return layer;
}

/* The article's loop: `except RateLimitError` reads the header, `except APIStatusError` with a
 * status from 500 does not, and no other exception is caught. Both sleep in the last round too. */
static struct retry_layer loop_layer(void)
{
    struct retry_layer layer = {
        .attempts = 3,
        .backoff = {1 * NANOS_S, 2.0, NANOS_NEVER, JITTER_NONE},
        .advice = ADVICE_WHOLE_INT,
        .advice_max = NANOS_NEVER,
        .sleeps_before_giving_up = true,
    };

    add_all(&layer.on, "429 5xx");
    add_all(&layer.advice_on, "429");
    return layer;
}

static void fill_guide_inner_off(struct client_policy *policy)
{
    policy->layers[0] = loop_layer();
    policy->layers_count = 1;
    policy->timeouts = NO_TIMEOUTS;
    policy->timeouts.connect = 5 * NANOS_S;
    policy->timeouts.between_tokens = 600 * NANOS_S; /* httpx: each read */
    policy->alerts = (struct alert_manner){.repeats_budget = true, .repeats_anomalies = true};
}

static void fill_guide(struct client_policy *policy)
{
    fill_guide_inner_off(policy);
    policy->layers[0] = sdk_layer();
    policy->layers[1] = loop_layer();
    policy->layers_count = 2;
}

static const struct {
    const char *name;
    const char *about;
    void (*fill)(struct client_policy *policy);
} presets[] = {
    {"none", "one attempt, no timeouts", fill_none},
    {"careful", "4 attempts, full jitter, obeys advice within its deadline", fill_careful},
    {"guide", "the article's loop of 3 around an SDK of 3: 9 attempts", fill_guide},
    {"guide-inner-off", "the article's loop of 3 on an SDK that does not retry",
     fill_guide_inner_off},
};

bool policy_preset(struct slice name, struct client_policy *policy)
{
    for (size_t i = 0; i < ARRAY_SIZE(presets); i++) {
        if (!slice_is(name, slice_of(presets[i].name)))
            continue;
        *policy = (struct client_policy){0};
        (void)slice_copy(name, policy->preset, sizeof(policy->preset)); /* ours: they fit */
        presets[i].fill(policy);
        return true;
    }
    return false;
}

const char *policy_preset_name(uint32_t index, const char **about)
{
    if (index >= ARRAY_SIZE(presets))
        return NULL;
    *about = presets[index].about;
    return presets[index].name;
}
