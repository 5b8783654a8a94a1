#include "judge/law.h"

#include <stdio.h>
#include <string.h>

#include "judge/readable.h"
#include "scenario/compress.h"
#include "scenario/read.h"
#include "wire/http_date.h"

/* The scenario's "laws": which set, and per law `false`, `true` or an object of limits.
 *
 *     {"set": "strict", "attempts-bounded": {"max": 4}, "log-complete": false}
 *
 * A law that the design lists and nobody has built yet is refused as such: a law must never seem to
 * hold because it was not looked at. */

enum { SCRATCH_BYTES = 256 * 1024 };

static const char *const not_built[] = {
    "backoff-shaped", "jitter-present", "retry-budget-kept",        "fallback-returns",
    "probes-bounded", "recovers",       "abandoned-work-cancelled", "budget-reaction",
};

static bool is_not_built(struct slice name)
{
    for (size_t i = 0; i < ARRAY_SIZE(not_built); i++)
        if (slice_is(name, slice_of(not_built[i])))
            return true;
    return false;
}

/* --- defaults --------------------------------------------------------------------------------- */

enum {
    ATTEMPTS_MAX_DEFAULT = 5,
    FIRINGS_LEAST_DEFAULT = 10,
};

static struct cause_set default_causes(void)
{
    struct cause_set on = {0};

    (void)cause_set_add(&on, SLICE("529")); /* known words, and room for far more */
    (void)cause_set_add(&on, SLICE("503"));
    (void)cause_set_add(&on, SLICE("connect"));
    return on;
}

/* 1 % of the first-token time that users are used to, and at least what a busy machine needs. */
static nanos default_send_lag(const struct scenario *scenario)
{
    const struct model *primary;

    if (scenario->load.requests_count == 0)
        return 10 * NANOS_MS;
    primary = &scenario->models[scenario->load.requests[0].model];
    return nanos_max(10 * NANOS_MS, (nanos)(primary->first_token.p50 / 100));
}

/* `--compress N` divides what the scenario says; what it leaves unsaid is divided here. Slack for
 * clocks and machines is not: those are as slow as ever. */
static struct law_limits default_limits(const struct scenario *scenario)
{
    return (struct law_limits){
        .silence = scenario_compressed(scenario, LAW_SILENCE_DEFAULT),
        .attempts_max = ATTEMPTS_MAX_DEFAULT,
        .slack = 50 * NANOS_MS,
        .deadline = scenario->load.deadline,
        .grace = scenario_compressed(scenario, NANOS_S),
        .on = default_causes(),
        .to = scenario->models_count,
        .after = 1,
        .firings_least = FIRINGS_LEAST_DEFAULT,
        .apart = 10 * NANOS_MS,
        .apart_share = 0.05,
        .alert_within = scenario_compressed(scenario, 10 * NANOS_S),
        .slower_share = 0.05,
        .send_lag = default_send_lag(scenario),
    };
}

enum law_set { SET_STRICT, SET_ESSENTIAL };

/* People who bring a program of their own begin with what no program should do. */
static enum law_set default_set(const struct scenario *scenario)
{
    return scenario->subject == SUBJECT_CLIENT ? SET_STRICT : SET_ESSENTIAL;
}

/* Laws that are about the lines of a log: who hands one in wants them judged. */
static bool is_about_log(enum law law)
{
    return law == LAW_LOG_COMPLETE || law == LAW_TOKENS_AGREE || law == LAW_COST_AGREE ||
           law == LAW_DEADLINE_KEPT;
}

static bool has_log(const struct scenario *scenario)
{
    return scenario->subject == SUBJECT_EXEC && scenario->subject_rules.exec.log_file.size > 0;
}

static bool is_in_set(enum law law, enum law_set set, enum subject subject)
{
    unsigned flags = law_facts(law)->flags;

    if (flags & LAW_NAMED_ONLY)
        return false;
    if ((flags & LAW_OF_SERVICE) && subject != SUBJECT_SERVICE)
        return false;
    if ((flags & LAW_NOT_OF_CLIENT) && subject == SUBJECT_CLIENT)
        return false;
    return set == SET_STRICT || (flags & LAW_ALWAYS);
}

static void choose_set(const struct scenario *scenario, enum law_set set,
                       struct law_rules rules[LAWS_COUNT])
{
    for (int i = 0; i < LAWS_COUNT; i++)
        rules[i].is_listed = rules[i].is_on = is_in_set((enum law)i, set, scenario->subject);
}

static void choose_default_set(const struct scenario *scenario, struct law_rules rules[LAWS_COUNT])
{
    choose_set(scenario, default_set(scenario), rules);
    for (int i = 0; has_log(scenario) && i < LAWS_COUNT; i++)
        if (is_about_log((enum law)i))
            rules[i].is_listed = rules[i].is_on = true;
}

static void set_defaults(const struct scenario *scenario, struct law_rules rules[LAWS_COUNT])
{
    for (int i = 0; i < LAWS_COUNT; i++)
        rules[i] = (struct law_rules){.limits = default_limits(scenario)};
    choose_default_set(scenario, rules);
}

/* --- fields ----------------------------------------------------------------------------------- */

static enum rc read_attempts(struct reading *r, const struct value *value, void *out)
{
    return read_whole32(r, value, 1, 1000, out);
}

static enum rc read_firings(struct reading *r, const struct value *value, void *out)
{
    return read_whole(r, value, 1, 1000000000, out);
}

static enum rc read_to(struct reading *r, const struct value *value, void *out)
{
    return read_model(r, value, out);
}

static enum rc read_on(struct reading *r, const struct value *value, void *out)
{
    struct cause_set on = {0};
    struct walk walk;
    struct value cause;

    TRY(read_expect_array(r, value, OUTCOME_COUNT + CAUSE_STATUSES_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &cause)) {
        bool is_word = cause.token.kind == JSON_STRING || cause.token.kind == JSON_NUMBER;

        if (!is_word || !cause_set_add(&on, cause.token.raw))
            return read_refuse(r, RC_MALFORMED, &cause,
                               "a status or an outcome such as \"timeout\"");
    }
    memcpy(out, &on, sizeof(on));
    return RC_OK;
}

static enum rc read_order(struct reading *r, const struct value *value, void *out)
{
    struct law_limits *limits = out;
    struct walk walk;
    struct value model;

    TRY(read_expect_array(r, value, SCENARIO_MODELS_MAX));
    walk_init(&walk, value);
    limits->order_count = 0;
    while (walk_next(&walk, NULL, &model))
        TRY(read_model(r, &model, &limits->order[limits->order_count++]));
    return RC_OK;
}

static enum rc read_level(struct reading *r, const struct value *value, void *out)
{
    static const char *const words[] = {"fail", "warn"};
    uint32_t word = 0;
    bool *is_warning = out;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &word));
    *is_warning = word == 1;
    return RC_OK;
}

static enum rc read_because(struct reading *r, const struct value *value, void *out)
{
    return read_text(r, value, out, LAW_BECAUSE_MAX);
}

/* The calendar is rfc3339_read's. */
static bool is_date(struct slice text)
{
    char midnight[LAW_DATE_SIZE + 16];
    int64_t unix_s;
    int size = snprintf(midnight, sizeof(midnight), "%.*sT00:00:00Z", SLICE_ARG(text));

    return text.size == LAW_DATE_SIZE - 1 &&
           rfc3339_read((struct slice){midnight, (size_t)size}, &unix_s) == RC_OK;
}

static enum rc read_date(struct reading *r, const struct value *value, void *out)
{
    if (value->token.kind != JSON_STRING || !is_date(value->token.raw))
        return read_refuse(r, RC_MALFORMED, value, "a date such as \"2027-01-31\"");
    slice_copy(value->token.raw, out, LAW_DATE_SIZE);
    return RC_OK;
}

/* --- one law ---------------------------------------------------------------------------------- */

#define LIMIT(name, read, field)                                       \
    {                                                                  \
        name, OPTIONAL, read, offsetof(struct law_rules, limits.field) \
    }
#define SHARED(name, read, field)                               \
    {                                                           \
        name, OPTIONAL, read, offsetof(struct law_rules, field) \
    }
#define SHARED_KEYS                                                                    \
    SHARED("level", read_level, is_warning), SHARED("because", read_because, because), \
        SHARED("until", read_date, until)

static const struct read_key plain_keys[] = {SHARED_KEYS};
static const struct read_key no_hang_keys[] = {LIMIT("silence", read_span, silence), SHARED_KEYS};
static const struct read_key attempts_keys[] = {LIMIT("max", read_attempts, attempts_max),
                                                SHARED_KEYS};
static const struct read_key advice_keys[] = {LIMIT("slack", read_duration, slack), SHARED_KEYS};
static const struct read_key deadline_keys[] = {LIMIT("deadline", read_span, deadline),
                                                LIMIT("grace", read_duration, grace), SHARED_KEYS};
static const struct read_key eligible_keys[] = {LIMIT("on", read_on, on), LIMIT("to", read_to, to),
                                                LIMIT("after", read_attempts, after), SHARED_KEYS};
static const struct read_key ordered_keys[] = {
    {"order", OPTIONAL, read_order, offsetof(struct law_rules, limits)}, SHARED_KEYS};
static const struct read_key percentiles_keys[] = {
    LIMIT("apart", read_span, apart), LIMIT("share", read_share, apart_share), SHARED_KEYS};
static const struct read_key timely_keys[] = {LIMIT("within", read_span, alert_within),
                                              SHARED_KEYS};
static const struct read_key out_of_band_keys[] = {LIMIT("slower", read_share, slower_share),
                                                   SHARED_KEYS};
static const struct read_key faults_keys[] = {LIMIT("firings", read_firings, firings_least),
                                              SHARED_KEYS};
static const struct read_key schedule_keys[] = {LIMIT("send_lag", read_span, send_lag),
                                                SHARED_KEYS};

#define KEYS(table)              \
    {                            \
        table, ARRAY_SIZE(table) \
    }

/* What is not named here has no limits of its own. */
static const struct {
    const struct read_key *keys;
    size_t count;
} law_keys[LAWS_COUNT] = {
    [LAW_NO_HANG] = KEYS(no_hang_keys),
    [LAW_ATTEMPTS_BOUNDED] = KEYS(attempts_keys),
    [LAW_ADVICE_HEEDED] = KEYS(advice_keys),
    [LAW_DEADLINE_KEPT] = KEYS(deadline_keys),
    [LAW_FALLBACK_ELIGIBLE] = KEYS(eligible_keys),
    [LAW_FALLBACK_ORDERED] = KEYS(ordered_keys),
    [LAW_PERCENTILES_AGREE] = KEYS(percentiles_keys),
    [LAW_ALERT_TIMELY] = KEYS(timely_keys),
    [LAW_ALERT_OUT_OF_BAND] = KEYS(out_of_band_keys),
    [LAW_FAULTS_CONSUMED] = KEYS(faults_keys),
    [LAW_SCHEDULE_KEPT] = KEYS(schedule_keys),
};

static enum rc read_settings(struct reading *r, enum law law, const struct value *value,
                             struct law_rules *rules)
{
    if (law_keys[law].keys == NULL)
        return read_object(r, value, plain_keys, ARRAY_SIZE(plain_keys), rules);
    return read_object(r, value, law_keys[law].keys, law_keys[law].count, rules);
}

/* A waiver that nobody can explain once it ends is not taken. */
static enum rc read_law(struct reading *r, enum law law, const struct value *value,
                        struct law_rules *rules)
{
    rules->is_listed = true;
    rules->is_on = value->token.kind != JSON_FALSE;
    if (value->token.kind == JSON_TRUE || value->token.kind == JSON_FALSE)
        return RC_OK;
    if (value->token.kind != JSON_OBJECT)
        return read_refuse(r, RC_MALFORMED, value, "true, false or an object of limits");
    TRY(read_settings(r, law, value, rules));
    if (rules->until[0] != '\0' && rules->because[0] == '\0')
        return read_refuse(r, RC_MALFORMED, value, "\"because\" beside \"until\"");
    return RC_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool find_law(const struct value *key, enum law *law)
{
    for (int i = 0; i < LAWS_COUNT; i++) {
        if (json_is(&key->token, slice_of(law_facts((enum law)i)->name))) {
            *law = (enum law)i;
            return true;
        }
    }
    return false;
}

static enum rc refuse_name(struct reading *r, const struct value *key)
{
    struct nearest nearest;

    if (is_not_built(key->token.raw))
        return read_refuse_as(r, RC_MALFORMED, key, "the law \"%.*s\" is not built yet",
                              SLICE_ARG(key->token.raw));
    nearest_init(&nearest, key->token.raw);
    for (int i = 0; i < LAWS_COUNT; i++)
        nearest_offer(&nearest, slice_of(law_facts((enum law)i)->name));
    return read_refuse_word(r, key, &nearest, "the name of a law");
}

static bool is_set_key(const struct value *key)
{
    return json_is(&key->token, SLICE("set"));
}

/* The set comes first, wherever it stands: naming a law adds it to the set. */
static enum rc read_set(struct reading *r, const struct value *object,
                        struct law_rules rules[LAWS_COUNT])
{
    static const char *const words[] = {[SET_STRICT] = "strict", [SET_ESSENTIAL] = "essential"};
    struct value key, value;
    struct walk walk;
    uint32_t word;

    choose_default_set(r->scenario, rules);
    walk_init(&walk, object);
    while (walk_next(&walk, &key, &value)) {
        if (!is_set_key(&key))
            continue;
        TRY(read_word(r, &value, words, ARRAY_SIZE(words), &word));
        choose_set(r->scenario, (enum law_set)word, rules);
    }
    return RC_OK;
}

static enum rc read_laws(struct reading *r, const struct value *object,
                         struct law_rules rules[LAWS_COUNT])
{
    struct value key, value;
    struct walk walk;

    TRY(read_set(r, object, rules));
    walk_init(&walk, object);
    while (walk_next(&walk, &key, &value)) {
        enum law law;

        if (is_set_key(&key))
            continue;
        if (!find_law(&key, &law))
            return refuse_name(r, &key);
        TRY(read_law(r, law, &value, &rules[law]));
    }
    return RC_OK;
}

enum rc laws_read(const struct scenario *scenario, const struct memory *memory,
                  struct law_rules rules[LAWS_COUNT], struct error *err)
{
    struct value object = {.text = scenario->laws.text};
    struct arena arena;
    struct reading r = {.text = scenario->text,
                        .file = scenario->file,
                        .origins = scenario->origins,
                        .scenario = (struct scenario *)scenario, /* only its models are read */
                        .arena = &arena,
                        .err = err};
    enum rc rc;

    set_defaults(scenario, rules);
    if (scenario->laws.text.size == 0)
        return RC_OK;
    object.token = (struct json_token){.kind = JSON_OBJECT, .raw = {object.text.data, 1}};
    arena_init(&arena, memory, SCRATCH_BYTES);
    rc = read_laws(&r, &object, rules);
    arena_deinit(&arena);
    return rc;
}

/* --- words for the rows ----------------------------------------------------------------------- */

static void write_order(const struct scenario *scenario, const struct law_limits *limits,
                        char *text, size_t capacity)
{
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < limits->order_count && used < capacity; i++) {
        snprintf(text + used, capacity - used, "%s%s", i > 0 ? ", " : "",
                 scenario->models[limits->order[i]].name);
        used += strlen(text + used);
    }
}

void law_limit_text(enum law law, const struct scenario *scenario, const struct law_limits *limits,
                    char *text, size_t capacity)
{
    text[0] = '\0';
    switch (law) {
    case LAW_NO_HANG:
        snprintf(text, capacity, "%s", readable_span(limits->silence).text);
        break;
    case LAW_ATTEMPTS_BOUNDED:
        snprintf(text, capacity, "max %u", limits->attempts_max);
        break;
    case LAW_ADVICE_HEEDED:
        snprintf(text, capacity, "slack %s", readable_span(limits->slack).text);
        break;
    case LAW_DEADLINE_KEPT:
        snprintf(text, capacity, "%s + %s", readable_span(limits->deadline).text,
                 readable_span(limits->grace).text);
        break;
    case LAW_FALLBACK_ELIGIBLE:
        if (limits->to < scenario->models_count)
            snprintf(text, capacity, "to %s after %u", scenario->models[limits->to].name,
                     limits->after);
        break;
    case LAW_FALLBACK_ORDERED:
        write_order(scenario, limits, text, capacity);
        break;
    case LAW_PERCENTILES_AGREE:
        snprintf(text, capacity, "%s or %s", readable_span(limits->apart).text,
                 readable_share(limits->apart_share).text);
        break;
    case LAW_ALERT_TIMELY:
        snprintf(text, capacity, "within %s", readable_span(limits->alert_within).text);
        break;
    case LAW_ALERT_OUT_OF_BAND:
        snprintf(text, capacity, "p95 + %s", readable_share(limits->slower_share).text);
        break;
    case LAW_FAULTS_CONSUMED:
        snprintf(text, capacity, "from %llu firings", (unsigned long long)limits->firings_least);
        break;
    case LAW_SCHEDULE_KEPT:
        snprintf(text, capacity, "p99 <= %s", readable_span(limits->send_lag).text);
        break;
    default:
        break;
    }
}

nanos law_own_time(enum law law, const struct law_limits *limits)
{
    switch (law) {
    case LAW_NO_HANG:
        return limits->silence;
    case LAW_DEADLINE_KEPT:
        return nanos_add(limits->deadline, limits->grace);
    case LAW_ALERT_TIMELY:
        return limits->alert_within;
    default:
        return NANOS_NEVER;
    }
}

static bool has_price(const struct scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->models_count; i++)
        if (scenario->prices[i].is_known)
            return true;
    return false;
}

static const char *without_hook(const struct scenario *scenario)
{
    if (!scenario->monitor.is_on)
        return "the scenario has no monitor";
    return scenario->monitor.hooks_count == 0 ? "the monitor has no hook" : NULL;
}

const char *law_inapplicable(enum law law, const struct scenario *scenario,
                             const struct law_limits *limits)
{
    switch (law) {
    case LAW_FALLBACK_ELIGIBLE:
        return limits->to < scenario->models_count
                   ? NULL
                   : "the scenario gives this law no model to fall back \"to\"";
    case LAW_FALLBACK_ORDERED:
        return limits->order_count > 0 ? NULL
                                       : "the scenario gives this law no \"order\" of models";
    case LAW_COST_AGREE:
        return has_price(scenario) ? NULL : "no model of the scenario has a price";
    case LAW_ALERT_DELIVERED:
        if (scenario->subject != SUBJECT_CLIENT)
            return "needs our own monitor's record of what it raised";
        return without_hook(scenario);
    case LAW_ALERT_ONCE:
        return without_hook(scenario);
    case LAW_ALERT_TIMELY:
        return scenario->monitor.budgets_count > 0 ? without_hook(scenario)
                                                   : "the scenario's monitor has no budget";
    case LAW_ALERT_OUT_OF_BAND:
        return scenario->has_control ? NULL : "needs a control run: \"control\": \"no-chaos\"";
    case LAW_SCHEDULE_KEPT:
        return scenario->subject == SUBJECT_EXEC ? "the command made its calls when it liked"
                                                 : NULL;
    case LAW_PERCENTILES_AGREE:
        return scenario->subject == SUBJECT_EXEC
                   ? "needs the instants of our own driver: a log has none"
                   : NULL;
    case LAW_NO_REPEATED_OUTPUT:
        return scenario->subject == SUBJECT_SERVICE
                   ? NULL
                   : "needs a service, whose answers our driver hears";
    case LAW_COMMAND_SUCCEEDED:
        return scenario->subject == SUBJECT_EXEC ? NULL : "needs a command: brownout exec";
    default:
        return NULL;
    }
}
