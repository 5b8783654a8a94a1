#include "metrics.h"

#include <string.h>

#include "judge/journal_filter.h"

enum { SERIES_MAX = 1024, SERIES_SLOTS = 2048, RULES_MAX = CHAOS_RULES_MAX, BUCKETS_COUNT = 15 };

static const nanos bucket_ends[BUCKETS_COUNT] = {
    NANOS_MS,        2500 * NANOS_US, 5 * NANOS_MS,   10 * NANOS_MS,  25 * NANOS_MS,
    50 * NANOS_MS,   100 * NANOS_MS,  250 * NANOS_MS, 500 * NANOS_MS, NANOS_S,
    2500 * NANOS_MS, 5 * NANOS_S,     10 * NANOS_S,   30 * NANOS_S,   60 * NANOS_S};

static const char *const bucket_words[BUCKETS_COUNT] = {"0.001", "0.0025", "0.005", "0.01", "0.025",
                                                        "0.05",  "0.1",    "0.25",  "0.5",  "1",
                                                        "2.5",   "5",      "10",    "30",   "60"};

struct spread {
    uint64_t buckets[BUCKETS_COUNT + 1]; /* the last: longer */
    uint64_t count;
    nanos sum;
};

/* Who was asked: a model, a hook, or a provider of whose models none was. */
struct asked_figures {
    uint64_t requests;
    uint64_t input_tokens, output_tokens;
    money cost;
    uint64_t costs_known; /* requests */
    struct spread first_byte, duration;
};

struct series {
    uint32_t who; /* index, + 1; 0: free */
    uint16_t status;
    enum outcome answered;
    uint64_t count;
};

struct rule_figures {
    char name[sizeof(((struct journal_record *)0)->rule_name)];
    uint64_t fired;
};

struct metrics {
    const struct scenario *scenario;
    const struct memory *memory;
    struct asked_figures *asked;
    uint32_t asked_count;
    struct series series[SERIES_SLOTS]; /* open addressing, at most half full */
    uint32_t series_count;
    uint64_t series_other;
    struct rule_figures rules[RULES_MAX];
    uint32_t rules_count;
    uint64_t rules_other;
    uint64_t canaries, limited;
};

/* --- who was asked ----------------------------------------------------------------------------
 *
 *     models | hooks | providers | nobody that is known */

static uint32_t hooks_at(const struct scenario *scenario)
{
    return scenario->models_count;
}

static uint32_t providers_at(const struct scenario *scenario)
{
    return hooks_at(scenario) + HOOK_KINDS_COUNT;
}

static uint32_t who_was_asked(const struct scenario *scenario, const struct journal_record *r)
{
    uint32_t nobody = providers_at(scenario) + scenario->providers_count;

    if (r->is_hook)
        return hooks_at(scenario) + (uint32_t)r->hook;
    if (r->model < scenario->models_count)
        return r->model;
    return r->provider < scenario->providers_count ? providers_at(scenario) + r->provider : nobody;
}

static struct slice provider_of(const struct scenario *scenario, uint32_t who)
{
    if (who < hooks_at(scenario))
        return slice_of(scenario->providers[scenario->models[who].provider].name);
    if (who < providers_at(scenario))
        return SLICE("hooks");
    if (who < providers_at(scenario) + scenario->providers_count)
        return slice_of(scenario->providers[who - providers_at(scenario)].name);
    return SLICE("");
}

static struct slice model_of(const struct scenario *scenario, uint32_t who)
{
    if (who < hooks_at(scenario))
        return slice_of(scenario->models[who].name);
    if (who < providers_at(scenario))
        return slice_of(hook_kind_word((enum hook_kind)(who - hooks_at(scenario))));
    return SLICE("");
}

/* --- counting --------------------------------------------------------------------------------- */

static void count_series(struct metrics *m, uint32_t who, const struct journal_record *r)
{
    uint32_t slot = (who * 131U + r->status * 31U + (uint32_t)r->answered) % SERIES_SLOTS;

    for (;; slot = (slot + 1) % SERIES_SLOTS) {
        struct series *s = &m->series[slot];

        if (s->who == 0 && m->series_count == SERIES_MAX) {
            m->series_other++;
            return;
        }
        if (s->who == 0) {
            *s = (struct series){who + 1, r->status, r->answered, 0};
            m->series_count++;
        }
        if (s->who == who + 1 && s->status == r->status && s->answered == r->answered) {
            s->count++;
            return;
        }
    }
}

static void count_rule(struct metrics *m, struct slice name)
{
    uint32_t i = 0;

    if (name.size == 0)
        return;
    while (i < m->rules_count && !slice_is(slice_of(m->rules[i].name), name))
        i++;
    if (i == RULES_MAX) {
        m->rules_other++;
        return;
    }
    if (i == m->rules_count) {
        slice_copy(name, m->rules[i].name, sizeof(m->rules[i].name));
        m->rules_count++;
    }
    m->rules[i].fired++;
}

static void count_span(struct spread *spread, nanos from, nanos to)
{
    uint32_t bucket = 0;

    if (from == NANOS_NEVER || to == NANOS_NEVER || to < from)
        return;
    while (bucket < BUCKETS_COUNT && to - from > bucket_ends[bucket])
        bucket++;
    spread->buckets[bucket]++;
    spread->count++;
    spread->sum += to - from;
}

void metrics_record(struct metrics *m, const struct journal_record *r)
{
    uint32_t who = who_was_asked(m->scenario, r);
    struct asked_figures *asked = &m->asked[who];

    count_rule(m, journal_rule(m->scenario, r));
    if (r->kind == JOURNAL_CONNECTION)
        return; /* nobody has asked */
    asked->requests++;
    asked->input_tokens += r->input_tokens;
    asked->output_tokens += r->tokens_written;
    asked->cost = money_add(asked->cost, r->has_cost ? r->cost : 0);
    asked->costs_known += r->has_cost;
    count_span(&asked->first_byte, r->body_in_at, r->first_out_at);
    count_span(&asked->duration, r->body_in_at, r->closed_at);
    count_series(m, who, r);
    m->canaries += r->has_canary;
    m->limited += r->is_limited;
}

uint64_t metrics_canaries(const struct metrics *m)
{
    return m->canaries;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_head(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_printf(out, "# HELP brownout_%s %s\n# TYPE brownout_%s %s\n", name, help, name, type);
}

/* The text format knows three escapes in label values. */
static void write_label(struct buffer *out, const char *name, struct slice value)
{
    buffer_text(out, name);
    buffer_text(out, "=\"");
    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];

        if (c == '\n')
            buffer_text(out, "\\n");
        else if (c == '"' || c == '\\')
            buffer_printf(out, "\\%c", c);
        else
            buffer_byte(out, c);
    }
    buffer_byte(out, '"');
}

static void write_who(const struct metrics *m, uint32_t who, struct buffer *out)
{
    write_label(out, "provider", provider_of(m->scenario, who));
    buffer_byte(out, ',');
    write_label(out, "model", model_of(m->scenario, who));
}

static void write_one(struct buffer *out, const char *name, uint64_t value)
{
    buffer_printf(out, "brownout_%s %llu\n", name, (unsigned long long)value);
}

/* Seconds with all their nanoseconds. */
static void write_seconds(struct buffer *out, nanos span)
{
    buffer_printf(out, "%lld.%09lld", (long long)(span / NANOS_S), (long long)(span % NANOS_S));
}

static void write_requests(const struct metrics *m, struct buffer *out)
{
    write_head(out, "requests_total", "counter",
               "Requests whose exchange is over, by what was answered.");
    for (uint32_t i = 0; i < SERIES_SLOTS; i++) {
        const struct series *s = &m->series[i];

        if (s->who == 0)
            continue;
        buffer_text(out, "brownout_requests_total{");
        write_who(m, s->who - 1, out);
        buffer_printf(out, ",status=\"%u\",answered=\"%s\"} %llu\n", (unsigned)s->status,
                      s->status == 0 ? "none" : outcome_word(s->answered),
                      (unsigned long long)s->count);
    }
    if (m->series_other > 0)
        buffer_printf(out,
                      "brownout_requests_total{provider=\"other\",model=\"other\",status=\"\","
                      "answered=\"other\"} %llu\n",
                      (unsigned long long)m->series_other);
}

static void write_tokens(const struct metrics *m, struct buffer *out)
{
    write_head(out, "tokens_total", "counter", "Tokens read (in) and really written (out).");
    for (uint32_t i = 0; i < m->asked_count; i++) {
        const struct asked_figures *asked = &m->asked[i];

        if (asked->requests == 0)
            continue;
        buffer_text(out, "brownout_tokens_total{");
        write_who(m, i, out);
        buffer_printf(out, ",direction=\"in\"} %llu\n", (unsigned long long)asked->input_tokens);
        buffer_text(out, "brownout_tokens_total{");
        write_who(m, i, out);
        buffer_printf(out, ",direction=\"out\"} %llu\n", (unsigned long long)asked->output_tokens);
    }
}

/* Without a price the cost is unknown, never nothing. */
static void write_cost(const struct metrics *m, struct buffer *out)
{
    write_head(out, "cost_dollars_total", "counter", "What was billed, where the price is known.");
    for (uint32_t i = 0; i < m->scenario->models_count; i++) {
        if (m->asked[i].costs_known == 0)
            continue;
        buffer_text(out, "brownout_cost_dollars_total{");
        write_who(m, i, out);
        buffer_text(out, "} ");
        money_write_number(out, m->asked[i].cost);
        buffer_byte(out, '\n');
    }
}

static void write_rules(const struct metrics *m, struct buffer *out)
{
    write_head(out, "faults_total", "counter", "How often each rule fired.");
    for (uint32_t i = 0; i < m->rules_count; i++) {
        buffer_text(out, "brownout_faults_total{");
        write_label(out, "rule", slice_of(m->rules[i].name));
        buffer_printf(out, "} %llu\n", (unsigned long long)m->rules[i].fired);
    }
    if (m->rules_other > 0)
        buffer_printf(out, "brownout_faults_total{rule=\"other\"} %llu\n",
                      (unsigned long long)m->rules_other);
}

static void write_spread(const struct metrics *m, uint32_t who, const char *name,
                         const struct spread *spread, struct buffer *out)
{
    uint64_t below = 0;

    for (uint32_t i = 0; i <= BUCKETS_COUNT; i++) {
        below += spread->buckets[i];
        buffer_printf(out, "brownout_%s_bucket{", name);
        write_who(m, who, out);
        buffer_printf(out, ",le=\"%s\"} %llu\n", i < BUCKETS_COUNT ? bucket_words[i] : "+Inf",
                      (unsigned long long)below);
    }
    buffer_printf(out, "brownout_%s_sum{", name);
    write_who(m, who, out);
    buffer_text(out, "} ");
    write_seconds(out, spread->sum);
    buffer_printf(out, "\nbrownout_%s_count{", name);
    write_who(m, who, out);
    buffer_printf(out, "} %llu\n", (unsigned long long)spread->count);
}

static void write_spreads(const struct metrics *m, struct buffer *out)
{
    write_head(out, "first_byte_seconds", "histogram",
               "From the whole request read to the first byte of its answer.");
    for (uint32_t i = 0; i < m->asked_count; i++)
        if (m->asked[i].requests > 0)
            write_spread(m, i, "first_byte_seconds", &m->asked[i].first_byte, out);
    write_head(out, "duration_seconds", "histogram",
               "From the whole request read to the end of its exchange.");
    for (uint32_t i = 0; i < m->asked_count; i++)
        if (m->asked[i].requests > 0)
            write_spread(m, i, "duration_seconds", &m->asked[i].duration, out);
}

static void write_state(const struct metrics *m, const struct metrics_state *state,
                        struct buffer *out)
{
    write_head(out, "open_requests", "gauge", "Exchanges under way.");
    write_one(out, "open_requests", state->open);
    write_head(out, "requests_seen_total", "counter", "Requests that came, open ones too.");
    write_one(out, "requests_seen_total", state->requests);
    write_head(out, "rate_limited_total", "counter", "Requests that a model's limits refused.");
    write_one(out, "rate_limited_total", m->limited);
    write_head(out, "canaries_total", "counter", "Requests with a key that must not leave.");
    write_one(out, "canaries_total", m->canaries);
    write_head(out, "journal_lines_lost_total", "counter", "Lines that their reader never got.");
    write_one(out, "journal_lines_lost_total", state->lines_lost);
    write_head(out, "journal_dropped_total", "counter", "Records that memory had no room for.");
    write_one(out, "journal_dropped_total", state->records_dropped);
    write_head(out, "admin_waiters", "gauge", "Admin requests that wait.");
    write_one(out, "admin_waiters", state->waiters);
    write_head(out, "run_seconds", "gauge", "Run time.");
    buffer_text(out, "brownout_run_seconds ");
    write_seconds(out, state->now > 0 ? state->now : 0);
    buffer_byte(out, '\n');
}

void metrics_write(const struct metrics *m, const struct metrics_state *state, struct buffer *out)
{
    write_requests(m, out);
    write_tokens(m, out);
    write_cost(m, out);
    write_rules(m, out);
    write_spreads(m, out);
    write_state(m, state, out);
}

/* --- birth and death -------------------------------------------------------------------------- */

enum rc metrics_new(struct metrics **metrics, const struct scenario *scenario,
                    const struct memory *memory)
{
    struct metrics *m = memory_zeroed(memory, 1, sizeof(*m));

    if (m == NULL)
        return RC_NOMEM;
    m->scenario = scenario;
    m->memory = memory;
    m->asked_count = providers_at(scenario) + scenario->providers_count + 1;
    m->asked = memory_zeroed(memory, m->asked_count, sizeof(*m->asked));
    if (m->asked == NULL) {
        metrics_free(m);
        return RC_NOMEM;
    }
    *metrics = m;
    return RC_OK;
}

void metrics_free(struct metrics *m)
{
    if (m == NULL)
        return;
    memory_release(m->memory, m->asked);
    memory_release(m->memory, m);
}
