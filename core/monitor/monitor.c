#include "monitor/monitor.h"

#include <assert.h>

#include "monitor/delivery.h"
#include "monitor/sentence.h"
#include "monitor/watch.h"

enum { SENTENCE_BYTES_MAX = 1024 };

struct monitor {
    struct monitor_options options;
    nanos latest_at; /* newest instant told, to assert time's direction */
    struct rolling rolling[MONITOR_MODELS_MAX];
    struct watch windows[MONITOR_BUDGETS_MAX];
    money window_spent[MONITOR_BUDGETS_MAX];
    struct watch cool_downs[ALERT_KINDS_COUNT]; /* ALERT_BUDGET's is not used */
    money spent;
    uint64_t raised[ALERT_KINDS_COUNT];
    uint64_t alerts_count; /* of all kinds: the latest number */
    struct delivery deliveries[HOOK_KINDS_COUNT];
    uint32_t deliveries_count;
    struct buffer sentence;
};

static void advance(struct monitor *m, nanos now)
{
    assert(now >= m->latest_at);
    m->latest_at = now;
}

/* --- raising ---------------------------------------------------------------------------------- */

/* What cannot be recorded at every hook is not raised: it is held back, and counted. */
static bool has_room(const struct monitor *m)
{
    for (uint32_t i = 0; i < m->deliveries_count; i++) {
        if (!delivery_has_room(&m->deliveries[i]))
            return false;
    }
    return true;
}

static bool may_tell(const struct monitor *m, struct watch *watch, bool repeats)
{
    if ((!watch->was_told || repeats) && has_room(m))
        return true;
    watch_hold_back(watch);
    return false;
}

/* What all kinds share; the caller adds the sentence and what is its own. */
static struct alert open_alert(struct monitor *m, enum alert_kind kind, struct watch *watch,
                               const struct observation *o)
{
    struct alert alert = {
        .number = ++m->alerts_count,
        .kind = kind,
        .period = watch->period,
        .raised_at = m->latest_at,
        .suppressed = watch_tell(watch),
    };

    m->raised[kind]++;
    slice_copy(o->call, alert.call, sizeof(alert.call));
    buffer_clear(&m->sentence);
    return alert;
}

static void deliver(struct monitor *m, struct alert *alert)
{
    assert(m->sentence.rc == RC_OK);
    slice_copy(buffer_slice(&m->sentence), alert->text, sizeof(alert->text));
    for (uint32_t i = 0; i < m->deliveries_count; i++)
        delivery_add(&m->deliveries[i], alert, m->latest_at);
}

/* --- budgets ---------------------------------------------------------------------------------- */

static void raise_budget(struct monitor *m, uint32_t index, const struct observation *o)
{
    const struct budget_rules *budget = &m->options.rules->budgets[index];
    struct alert alert = open_alert(m, ALERT_BUDGET, &m->windows[index], o);

    alert.budget = index;
    alert.spent = m->window_spent[index];
    alert.limit = budget->limit;
    alert_write_key(ALERT_BUDGET, slice_of(budget->name), alert.period, alert.key);
    sentence_budget(&m->sentence, budget, &alert);
    deliver(m, &alert);
}

/* A call that cost nothing breaches nothing: the guide's loop alerts for it too, when it repeats.
 */
static void look_at_budget(struct monitor *m, uint32_t index, const struct observation *o)
{
    struct watch *window = &m->windows[index];

    if (watch_enter(window, m->latest_at))
        m->window_spent[index] = 0;
    m->window_spent[index] = money_add(m->window_spent[index], o->cost);
    if (m->window_spent[index] <= m->options.rules->budgets[index].limit)
        return;
    if (may_tell(m, window, m->options.manner->repeats_budget))
        raise_budget(m, index, o);
}

/* --- anomalies -------------------------------------------------------------------------------- */

static bool is_anomaly(const struct monitor_rules *rules, enum alert_kind kind,
                       const struct observation *o)
{
    switch (kind) {
    case ALERT_SLOW:
        return o->latency != NANOS_NEVER && o->latency > rules->slow;
    case ALERT_TOKENS:
        return o->output_tokens > rules->tokens_high;
    case ALERT_ERROR:
        return rules->errors && o->outcome != OUTCOME_OK;
    case ALERT_BUDGET:
    case ALERT_KINDS_COUNT:
        break;
    }
    return false;
}

static void raise_anomaly(struct monitor *m, enum alert_kind kind, const struct observation *o)
{
    struct alert alert = open_alert(m, kind, &m->cool_downs[kind], o);

    alert_write_key(kind, (struct slice){0}, alert.period, alert.key);
    sentence_anomaly(&m->sentence, m->options.rules, o, &alert);
    deliver(m, &alert);
}

static void look_at_anomaly(struct monitor *m, enum alert_kind kind, const struct observation *o)
{
    struct watch *cool_down = &m->cool_downs[kind];

    if (!is_anomaly(m->options.rules, kind, o))
        return;
    watch_enter(cool_down, m->latest_at);
    if (may_tell(m, cool_down, m->options.manner->repeats_anomalies))
        raise_anomaly(m, kind, o);
}

void monitor_note(struct monitor *m, const struct observation *o, nanos now)
{
    const struct monitor_rules *rules = m->options.rules;

    assert(o->model_index < MONITOR_MODELS_MAX);
    assert(o->cost >= 0);
    advance(m, now);
    if (o->has_answer && o->latency != NANOS_NEVER)
        rolling_record(&m->rolling[o->model_index], o->latency);
    m->spent = money_add(m->spent, o->cost);
    if (!rules->is_on)
        return;
    for (uint32_t i = 0; i < rules->budgets_count; i++)
        look_at_budget(m, i, o);
    look_at_anomaly(m, ALERT_SLOW, o);
    look_at_anomaly(m, ALERT_TOKENS, o);
    look_at_anomaly(m, ALERT_ERROR, o);
}

/* --- delivery --------------------------------------------------------------------------------- */

static struct delivery *find_delivery(struct monitor *m, enum hook_kind hook)
{
    for (uint32_t i = 0; i < m->deliveries_count; i++) {
        if (m->deliveries[i].hook == hook)
            return &m->deliveries[i];
    }
    return NULL;
}

static void wake_all(struct monitor *m)
{
    for (uint32_t i = 0; i < m->deliveries_count; i++)
        delivery_wake(&m->deliveries[i], m->latest_at);
}

void monitor_step(struct monitor *m, const struct monitor_event *event)
{
    struct delivery *delivery = find_delivery(m, event->hook);

    advance(m, event->at);
    switch (event->kind) {
    case MONITOR_WAKE:
        wake_all(m);
        return;
    case MONITOR_ANSWERED:
        assert(delivery != NULL);
        delivery_answered(delivery, event->status, event->advice_wait, event->at);
        return;
    case MONITOR_FAILED:
        assert(delivery != NULL);
        delivery_failed(delivery, event->at);
        return;
    }
}

nanos monitor_wakes_at(const struct monitor *m)
{
    nanos at = NANOS_NEVER;

    for (uint32_t i = 0; i < m->deliveries_count; i++)
        at = nanos_min(at, delivery_wakes_at(&m->deliveries[i]));
    return at;
}

bool monitor_next(struct monitor *m, struct monitor_effect *effect)
{
    for (uint32_t i = 0; i < m->deliveries_count; i++) {
        if (delivery_next(&m->deliveries[i], m->latest_at, effect))
            return true;
    }
    return false;
}

bool monitor_is_idle(const struct monitor *m)
{
    for (uint32_t i = 0; i < m->deliveries_count; i++) {
        if (!delivery_is_idle(&m->deliveries[i]))
            return false;
    }
    return true;
}

void monitor_give_up(struct monitor *m, nanos now)
{
    advance(m, now);
    for (uint32_t i = 0; i < m->deliveries_count; i++)
        delivery_give_up(&m->deliveries[i]);
}

/* --- figures ---------------------------------------------------------------------------------- */

struct rolling_figures monitor_figures(const struct monitor *m, uint32_t model_index)
{
    assert(model_index < MONITOR_MODELS_MAX);
    return rolling_figures(&m->rolling[model_index]);
}

money monitor_spent(const struct monitor *m)
{
    return m->spent;
}

uint64_t monitor_alerts(const struct monitor *m, enum alert_kind kind)
{
    assert(kind < ALERT_KINDS_COUNT);
    return m->raised[kind];
}

/* --- birth and death -------------------------------------------------------------------------- */

static void init_watches(struct monitor *m)
{
    const struct monitor_rules *rules = m->options.rules;

    for (uint32_t i = 0; i < rules->budgets_count; i++)
        watch_init(&m->windows[i], rules->budgets[i].per);
    /* No cool-down at all: every instant is a period of its own. */
    for (int kind = 0; kind < ALERT_KINDS_COUNT; kind++)
        watch_init(&m->cool_downs[kind], nanos_max(rules->cool_down, 1));
}

static enum rc open_deliveries(struct monitor *m)
{
    const struct monitor_rules *rules = m->options.rules;

    if (!rules->is_on)
        return RC_OK;
    for (uint32_t i = 0; i < rules->hooks_count; i++) {
        TRY(delivery_init(&m->deliveries[i], rules->hooks[i], rules->patience, m->options.memory));
        m->deliveries_count++;
    }
    return RC_OK;
}

enum rc monitor_new(struct monitor **monitor, const struct monitor_options *options,
                    struct error *err)
{
    struct monitor *m = memory_zeroed(options->memory, 1, sizeof(*m));

    assert(options->rules->budgets_count <= MONITOR_BUDGETS_MAX);
    assert(options->rules->hooks_count <= HOOK_KINDS_COUNT);
    if (m == NULL)
        return error_set(err, RC_NOMEM, "monitor: out of memory");
    m->options = *options;
    m->latest_at = INT64_MIN;
    init_watches(m);
    buffer_init(&m->sentence, options->memory, SENTENCE_BYTES_MAX);
    if (buffer_reserve(&m->sentence, SENTENCE_BYTES_MAX) == NULL || open_deliveries(m) != RC_OK) {
        monitor_free(m);
        return error_set(err, RC_NOMEM, "monitor: out of memory");
    }
    *monitor = m;
    return RC_OK;
}

void monitor_free(struct monitor *m)
{
    if (m == NULL)
        return;
    for (uint32_t i = 0; i < m->deliveries_count; i++)
        delivery_deinit(&m->deliveries[i]);
    buffer_deinit(&m->sentence);
    memory_release(m->options.memory, m);
}
