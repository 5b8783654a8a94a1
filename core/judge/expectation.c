#include "judge/expectation.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "judge/readable.h"
#include "scenario/read.h"

/* A place in the text while it is read. */
struct cursor {
    const struct scenario *scenario;
    const struct scenario_text *text;
    size_t at;
    struct error *err;
};

/* "file:line:column: ...": the text is one line of the file, behind its opening quote. */
static enum rc PRINTF_LIKE(3, 4) refuse(const struct cursor *c, size_t at, const char *format, ...)
{
    struct text_place place = scenario_place(c->scenario, c->text->position);
    char said[320];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(said, sizeof(said), format, arguments);
    va_end(arguments);
    return error_set(c->err, RC_MALFORMED, "%.*s:%u:%u: %s", SLICE_ARG(place.file),
                     place.position.line, place.position.column + 1 + (uint32_t)at, said);
}

static enum rc refuse_word(const struct cursor *c, struct slice word, const struct nearest *nearest,
                           const char *expected)
{
    size_t at = (size_t)(word.data - c->text->text.data);
    char excerpt[EXCERPT_SIZE];
    char hint[NEAREST_TEXT_SIZE];

    read_excerpt(word, excerpt);
    return refuse(c, at, "found \"%s\", expected %s%s", excerpt, expected,
                  nearest_say(nearest, hint));
}

/* --- scanning --------------------------------------------------------------------------------- */

static struct slice rest(const struct cursor *c)
{
    return (struct slice){c->text->text.data + c->at, c->text->text.size - c->at};
}

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->text->text.size && c->text->text.data[c->at] == ' ')
        c->at++;
}

static bool take(struct cursor *c, struct slice word)
{
    skip_blanks(c);
    if (!slice_starts_with(rest(c), word))
        return false;
    c->at += word.size;
    return true;
}

static bool is_name_byte(char b)
{
    return (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '_' || b == '.';
}

static struct slice take_name(struct cursor *c)
{
    struct slice name;

    skip_blanks(c);
    name = (struct slice){c->text->text.data + c->at, 0};
    while (c->at < c->text->text.size && is_name_byte(c->text->text.data[c->at]))
        c->at++;
    name.size = c->at - (size_t)(name.data - c->text->text.data);
    return name;
}

/* Up to a comma or the closing brace: models and phases may hold any other byte. */
static struct slice take_filter_value(struct cursor *c)
{
    struct slice value;
    size_t from;

    skip_blanks(c);
    from = c->at;
    while (c->at < c->text->text.size && c->text->text.data[c->at] != ',' &&
           c->text->text.data[c->at] != '}')
        c->at++;
    value = (struct slice){c->text->text.data + from, c->at - from};
    return slice_trim(value);
}

/* --- the measure ------------------------------------------------------------------------------ */

/* "response" of "response.p95"; empty without a dot. */
static struct slice stem_of(struct slice name)
{
    while (name.size > 0 && name.data[name.size - 1] != '.')
        name.size--;
    if (name.size > 0)
        name.size--;
    return name;
}

/* The nearest of all measures: to the whole word, else to what stands before a statistic. */
static struct nearest nearest_measure(struct slice name)
{
    const struct slice words[] = {name, stem_of(name)};
    const struct measure *measure;
    struct nearest nearest = {0};

    for (size_t word = 0; word < ARRAY_SIZE(words) && nearest.best.size == 0; word++) {
        nearest_init(&nearest, words[word]);
        for (uint32_t i = 0; (measure = measure_at(i)) != NULL; i++)
            nearest_offer(&nearest, slice_of(measure->name));
    }
    return nearest;
}

static enum rc refuse_planned(const struct cursor *c, struct slice name)
{
    return refuse(c, (size_t)(name.data - c->text->text.data),
                  "the measure \"%.*s\" is not built yet", SLICE_ARG(name));
}

static enum rc refuse_measure(const struct cursor *c, struct slice name)
{
    struct nearest nearest = nearest_measure(name);

    return refuse_word(c, name, &nearest, "a measure such as \"response.p95\" or \"calls.useful\"");
}

static void list_statistics(const struct measure *measure, char *text, size_t capacity)
{
    size_t used = 0;

    snprintf(text, capacity, "none");
    for (int i = 0; i < STATISTICS_COUNT && used < capacity; i++) {
        if (!(measure->statistics >> i & 1))
            continue;
        snprintf(text + used, capacity - used, "%s%s", used > 0 ? " " : "",
                 statistic_word((enum statistic)i));
        used += strlen(text + used);
    }
}

static enum rc read_statistic(const struct cursor *c, struct slice word,
                              const struct measure *measure, enum statistic *statistic)
{
    char has[96];

    for (int i = 0; i < STATISTIC_OWN; i++) {
        if (!(measure->statistics >> i & 1) ||
            !slice_is(word, slice_of(statistic_word((enum statistic)i))))
            continue;
        *statistic = (enum statistic)i;
        return RC_OK;
    }
    list_statistics(measure, has, sizeof(has));
    return refuse(c, (size_t)(word.data - c->text->text.data),
                  "found \"%.*s\", expected a statistic that %s has: %s", SLICE_ARG(word),
                  measure->name, has);
}

/* "response.p95": a measure, and its statistic behind the last dot. */
static enum rc read_measure(struct cursor *c, struct measurement *m)
{
    struct slice name = take_name(c);
    struct slice stem = stem_of(name);

    m->measure = measure_find(name);
    if (m->measure != NULL) {
        m->statistic = m->measure->statistic_usual;
        return RC_OK;
    }
    if (measure_is_planned(name)) /* also one such as amplification.tokens, whose stem is built */
        return refuse_planned(c, name);
    m->measure = measure_find(stem);
    if (m->measure == NULL)
        return refuse_measure(c, name);
    return read_statistic(c, (struct slice){stem.data + stem.size + 1, name.size - stem.size - 1},
                          m->measure, &m->statistic);
}

static enum rc check_statistic(const struct cursor *c, size_t at, const struct measurement *m)
{
    char has[96];

    if (m->statistic != STATISTIC_OWN || m->measure->statistics == 0)
        return RC_OK;
    list_statistics(m->measure, has, sizeof(has));
    return refuse(c, at, "found %s without a statistic, expected one of: %s", m->measure->name,
                  has);
}

/* --- filters ---------------------------------------------------------------------------------- */

/* The first window of the set that opens nobody knows when: calls are judged by what the scenario
 * says, and what came of a mark or a first request only the mock knows. "before" and "quiet" hang
 * on all windows. NULL: there is none. */
static const struct phase *find_waiting(const struct phases *phases, const struct phase_set *set)
{
    for (uint32_t i = 0; i < phases->count; i++) {
        uint64_t bits = (uint64_t)1 << i | (uint64_t)1 << (PHASES_MAX + i);
        bool is_meant = set->is_before || set->is_quiet || (set->named & bits) != 0;

        if (is_meant && phases->list[i].is_waiting)
            return &phases->list[i];
    }
    return NULL;
}

static enum rc read_phase(const struct cursor *c, struct slice value, struct filters *f)
{
    const struct phases *phases = &c->scenario->chaos.phases;
    const struct phase *waiting;
    struct nearest nearest;

    if (phases_find(phases, value, &f->phase)) {
        waiting = find_waiting(phases, &f->phase);
        if (waiting != NULL)
            return refuse(c, (size_t)(value.data - c->text->text.data),
                          "found \"%.*s\", expected a phase whose time the scenario tells: \"%s\" "
                          "counts from %s",
                          SLICE_ARG(value), waiting->name,
                          waiting->from == PHASE_FROM_MARK ? "a mark" : "the first request");
        f->has_phase = true;
        return RC_OK;
    }
    nearest_init(&nearest, value);
    nearest_offer(&nearest, SLICE("before"));
    nearest_offer(&nearest, SLICE("quiet"));
    for (uint32_t i = 0; i < phases->count; i++)
        nearest_offer(&nearest, slice_of(phases->list[i].name));
    return refuse_word(c, value, &nearest, "a phase of this scenario, before, after:NAME or quiet");
}

static enum rc find_model(const struct cursor *c, struct slice value, bool *has, uint32_t *model)
{
    struct nearest nearest;

    *model = scenario_model(c->scenario, value);
    *has = *model < SCENARIO_MODELS_MAX;
    if (*has)
        return RC_OK;
    nearest_init(&nearest, value);
    for (uint32_t i = 0; i < c->scenario->models_count; i++)
        nearest_offer(&nearest, slice_of(c->scenario->models[i].name));
    return refuse_word(c, value, &nearest, "a model of this scenario");
}

static enum rc read_model_asked(const struct cursor *c, struct slice value, struct filters *f)
{
    return find_model(c, value, &f->has_model, &f->model);
}

static enum rc read_model_answered(const struct cursor *c, struct slice value, struct filters *f)
{
    return find_model(c, value, &f->has_answered, &f->answered);
}

static enum rc read_stream(const struct cursor *c, struct slice value, struct filters *f)
{
    struct nearest none = {0};

    f->stream = slice_is(value, SLICE("true"));
    f->has_stream = f->stream || slice_is(value, SLICE("false"));
    return f->has_stream ? RC_OK : refuse_word(c, value, &none, "true or false");
}

static void offer_outcomes(struct nearest *nearest, struct slice word)
{
    nearest_init(nearest, word);
    for (int i = 0; i < OUTCOME_COUNT; i++)
        nearest_offer(nearest, slice_of(outcome_word((enum outcome)i)));
}

static enum rc read_outcome(const struct cursor *c, struct slice value, struct filters *f)
{
    struct nearest nearest;

    f->has_outcome = outcome_find(value, &f->outcome);
    if (f->has_outcome)
        return RC_OK;
    offer_outcomes(&nearest, value);
    return refuse_word(c, value, &nearest, "an outcome such as \"rate_limited\"");
}

static enum rc read_cause(const struct cursor *c, struct slice value, struct filters *f)
{
    struct nearest nearest;

    f->has_cause = cause_set_add(&f->cause, value);
    if (f->has_cause)
        return RC_OK;
    offer_outcomes(&nearest, value);
    nearest_offer(&nearest, SLICE("timeout"));
    nearest_offer(&nearest, SLICE("network"));
    return refuse_word(c, value, &nearest,
                       "a cause: a status, \"5xx\", \"timeout\", \"network\" or an outcome");
}

static enum rc read_part(const struct cursor *c, struct slice value, struct filters *f)
{
    const struct load *load = &c->scenario->load;
    struct nearest nearest;

    nearest_init(&nearest, value);
    for (uint32_t i = 0; i < load->parts_count; i++) {
        nearest_offer(&nearest, slice_of(load->parts[i].name));
        if (!slice_is(value, slice_of(load->parts[i].name)))
            continue;
        f->has_part = true;
        f->part = i;
        return RC_OK;
    }
    return refuse_word(c, value, &nearest, "a part of the load");
}

static enum rc read_kind(const struct cursor *c, struct slice value, struct filters *f)
{
    struct nearest nearest;

    f->has_kind = alert_kind_find(value, &f->kind);
    if (f->has_kind)
        return RC_OK;
    nearest_init(&nearest, value);
    for (int i = 0; i < ALERT_KINDS_COUNT; i++)
        nearest_offer(&nearest, slice_of(alert_kind_word((enum alert_kind)i)));
    return refuse_word(c, value, &nearest, "a kind of alert: budget, slow, tokens or error");
}

static const struct {
    const char *name;
    enum rc (*read)(const struct cursor *c, struct slice value, struct filters *f);
} filter_readers[] = {
    {"phase", read_phase},   {"model", read_model_asked}, {"answered", read_model_answered},
    {"stream", read_stream}, {"outcome", read_outcome},   {"part", read_part},
    {"cause", read_cause},   {"kind", read_kind},
};

static enum rc read_filter(struct cursor *c, struct filters *f)
{
    struct slice name = take_name(c);
    struct nearest nearest;

    if (!take(c, SLICE("=")))
        return refuse(c, c->at, "expected filter=value");
    nearest_init(&nearest, name);
    for (size_t i = 0; i < ARRAY_SIZE(filter_readers); i++) {
        nearest_offer(&nearest, slice_of(filter_readers[i].name));
        if (slice_is(name, slice_of(filter_readers[i].name)))
            return filter_readers[i].read(c, take_filter_value(c), f);
    }
    return refuse_word(c, name, &nearest,
                       "a filter: phase, model, answered, stream, outcome, part, cause or kind");
}

static enum rc read_filters(struct cursor *c, struct filters *f)
{
    if (!take(c, SLICE("{")))
        return RC_OK;
    do
        TRY(read_filter(c, f));
    while (take(c, SLICE(",")));
    if (!take(c, SLICE("}")))
        return refuse(c, c->at, "expected a comma or }");
    return RC_OK;
}

/* A figure of the whole run, or of processes, knows no single calls. */
static enum rc check_filters(const struct cursor *c, size_t at, const struct measurement *m)
{
    const struct measure *measure = m->measure;

    if ((measure->shape == SHAPE_RUN || measure->shape == SHAPE_SUBJECT) &&
        filters_pick_calls(&m->filters))
        return refuse(c, at, "found filters that pick calls, but %s is of the whole run",
                      measure->name);
    if (m->filters.has_kind && !(measure->flags & MEASURE_TAKES_KIND))
        return refuse(c, at, "found {kind=}, which only alerts has");
    return RC_OK;
}

static bool has_hook(const struct monitor_rules *rules, uint32_t hook)
{
    for (uint32_t i = 0; i < rules->hooks_count; i++)
        if (rules->hooks[i] == (enum hook_kind)hook)
            return true;
    return false;
}

/* A live run would pay for what can only be inconclusive. */
static enum rc check_mock(const struct cursor *c, size_t at, const struct measurement *m)
{
    if (c->scenario->target != TARGET_LIVE ||
        !(m->measure->flags & (MEASURE_NEEDS_JOURNAL | MEASURE_NEEDS_MONITOR)))
        return RC_OK;
    return refuse(c, at, "%s needs a mock: a live target has neither journal nor hooks",
                  m->measure->name);
}

/* A program posts to hooks as it likes, and the mock counts; which alerts it raised it alone knows.
 */
static enum rc check_hooks_of_program(const struct cursor *c, size_t at,
                                      const struct measurement *m)
{
    if (m->measure->flags & MEASURE_NEEDS_JOURNAL)
        return RC_OK;
    return refuse(c, at,
                  "%s is of our own monitor: of a program's alerts posts are counted, "
                  "hooks.any.count",
                  m->measure->name);
}

/* What no hook is told of leaves no record, and would count as 0. */
static enum rc check_monitor(const struct cursor *c, size_t at, const struct measurement *m)
{
    const struct monitor_rules *rules = &c->scenario->monitor;
    const struct measure *measure = m->measure;

    if (!(measure->flags & MEASURE_NEEDS_MONITOR))
        return RC_OK;
    if (c->scenario->subject != SUBJECT_CLIENT)
        return check_hooks_of_program(c, at, m);
    if (!rules->is_on)
        return refuse(c, at, "%s needs a monitor: add \"monitor\" to the scenario", measure->name);
    if ((measure->flags & MEASURE_NEEDS_JOURNAL) && !has_hook(rules, measure->subject))
        return refuse(c, at, "%s needs the hook %s among the monitor's", measure->name,
                      hook_kind_word((enum hook_kind)measure->subject));
    if (rules->hooks_count == 0)
        return refuse(c, at, "%s needs a hook among the monitor's", measure->name);
    return RC_OK;
}

static enum rc check_subject(const struct cursor *c, size_t at, const struct measurement *m)
{
    const struct measure *measure = m->measure;
    bool is_window = (m->filters.phase.named & UINT32_MAX) != 0;

    if ((measure->flags & MEASURE_TAKES_PHASE) && !is_window)
        return refuse(c, at, "expected %s{phase=...} with a phase of this scenario", measure->name);
    if ((measure->flags & MEASURE_TAKES_MODEL) && !m->filters.has_model)
        return refuse(c, at, "expected %s{model=...}", measure->name);
    return RC_OK;
}

static enum rc read_measurement(struct cursor *c, struct measurement *m)
{
    size_t at;

    skip_blanks(c);
    at = c->at;
    TRY(read_measure(c, m));
    TRY(read_filters(c, &m->filters));
    TRY(check_filters(c, at, m));
    TRY(check_mock(c, at, m));
    TRY(check_monitor(c, at, m));
    return check_subject(c, at, m);
}

/* --- the right side --------------------------------------------------------------------------- */

static enum rc read_comparison(struct cursor *c, enum comparison *comparison)
{
    static const struct {
        const char *sign;
        enum comparison comparison;
    } signs[] = {
        {"<=", COMPARE_AT_MOST}, {"<", COMPARE_BELOW},  {">=", COMPARE_AT_LEAST},
        {">", COMPARE_ABOVE},    {"==", COMPARE_EQUAL}, {"!=", COMPARE_UNEQUAL},
    };
    struct nearest none = {0};

    for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
        if (!take(c, slice_of(signs[i].sign)))
            continue;
        *comparison = signs[i].comparison;
        return RC_OK;
    }
    return refuse_word(c, slice_trim(rest(c)), &none, "one of <= < >= > == !=");
}

static size_t digits_size(struct slice text)
{
    size_t size = 0;

    while (size < text.size && text.data[size] >= '0' && text.data[size] <= '9')
        size++;
    return size;
}

/* How many bytes of a plain number ("4", "1.5") the text begins with. */
static size_t number_size(struct slice text)
{
    size_t whole = digits_size(text), fraction;

    if (whole == 0 || whole == text.size || text.data[whole] != '.')
        return whole;
    fraction = digits_size((struct slice){text.data + whole + 1, text.size - whole - 1});
    return fraction > 0 ? whole + 1 + fraction : whole;
}

static bool read_plain(struct slice text, double *number)
{
    const struct json_token token = {.kind = JSON_NUMBER, .raw = text};

    return text.size > 0 && number_size(text) == text.size && json_double(&token, number) == RC_OK;
}

/* A plain number off the front; false, and nothing taken, when there is none. */
static bool take_plain(struct cursor *c, double *number)
{
    struct slice text = {rest(c).data, number_size(rest(c))};

    if (!read_plain(text, number))
        return false;
    c->at += text.size;
    return true;
}

static bool counts_calls(const struct measurement *m)
{
    return m->statistic == STATISTIC_COUNT && m->measure->shape == SHAPE_CALLS;
}

static const char *value_example(const struct measurement *m)
{
    static const char *const examples[] = {[UNIT_NUMBER] = "a number such as 4",
                                           [UNIT_SPAN] = "a duration such as \"4s\"",
                                           [UNIT_SHARE] = "a share such as \"99.5%\"",
                                           [UNIT_MONEY] = "an amount such as \"$1.20\"",
                                           [UNIT_SIZE] = "a size such as \"500MB\""};

    return counts_calls(m) ? "a count such as 4 or a share such as \"99.5%\""
                           : examples[measurement_unit(m)];
}

/* Exact, and then as a double: below $9,007 every picodollar is one. */
static bool read_amount(struct slice text, double *value)
{
    int64_t nano_usd;

    if (units_money(text, &nano_usd) != RC_OK)
        return false;
    *value = (double)money_times(nano_usd, 1000);
    return true;
}

/* Decimal, as memory is sold. */
static bool read_size(struct slice text, double *value)
{
    static const struct {
        const char *word;
        double bytes;
    } units[] = {{"", 1}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}};
    size_t size = number_size(text);
    struct slice unit = slice_trim((struct slice){text.data + size, text.size - size});

    if (!read_plain((struct slice){text.data, size}, value))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (!slice_is(unit, slice_of(units[i].word)))
            continue;
        *value *= units[i].bytes;
        return true;
    }
    return false;
}

/* "calls.useful >= 99%" speaks of the share, "calls.useful >= 99" of the count: then 0.99 would
 * hold for one call of a thousand, and nobody means that. */
static bool read_value(struct slice text, struct measurement *left, double *value)
{
    bool is_percentage = text.size > 0 && text.data[text.size - 1] == '%';
    bool is_count = counts_calls(left) && !is_percentage;
    nanos span;

    if (is_percentage && counts_calls(left))
        left->statistic = STATISTIC_SHARE;
    switch (measurement_unit(left)) {
    case UNIT_SPAN:
        if (units_duration(text, &span) != RC_OK)
            return false;
        *value = (double)span;
        return true;
    case UNIT_SHARE:
        return is_percentage ? units_share(text, value) == RC_OK : read_plain(text, value);
    case UNIT_MONEY:
        return read_amount(text, value);
    case UNIT_SIZE:
        return read_size(text, value);
    case UNIT_NUMBER:
        break;
    }
    return read_plain(text, value) && (!is_count || floor(*value) == *value);
}

static enum rc read_constant(struct cursor *c, struct expectation *e)
{
    struct slice text = slice_trim(rest(c));
    struct nearest none = {0};

    if (text.size == 0)
        return refuse(c, c->at, "expected %s, or a measure", value_example(&e->left));
    if (!read_value(text, &e->left, &e->limit))
        return refuse_word(c, text, &none, value_example(&e->left));
    return RC_OK;
}

static enum rc read_control(struct cursor *c, struct expectation *e)
{
    size_t at = c->at;

    if (!take(c, SLICE("control.")))
        return RC_OK;
    e->is_control = true;
    if (c->scenario->has_control)
        return RC_OK;
    return refuse(c, at,
                  "found \"control.\" without a control run: add \"control\": \"no-chaos\" to the "
                  "scenario");
}

static enum rc read_other(struct cursor *c, struct expectation *e)
{
    size_t at;

    skip_blanks(c);
    TRY(read_control(c, e));
    at = c->at;
    TRY(read_measurement(c, &e->right));
    TRY(check_statistic(c, at, &e->right));
    if (measurement_unit(&e->right) != measurement_unit(&e->left))
        return refuse(c, at, "found a measure of another kind, expected %s",
                      value_example(&e->left));
    skip_blanks(c);
    if (c->at < c->text->text.size)
        return refuse(c, c->at, "expected nothing more");
    e->has_right = true;
    return RC_OK;
}

static enum rc read_right(struct cursor *c, struct expectation *e)
{
    struct cursor back;

    skip_blanks(c);
    back = *c;
    e->limit = 1;
    if (take_plain(c, &e->limit) && take(c, SLICE("*")))
        return read_other(c, e);
    *c = back;
    if (rest(c).size > 0 && rest(c).data[0] >= 'a' && rest(c).data[0] <= 'z')
        return read_other(c, e);
    return read_constant(c, e);
}

static enum rc read_all(struct cursor *c, struct expectation *e)
{
    skip_blanks(c);
    if (slice_starts_with(rest(c), SLICE("control.")))
        return refuse(c, c->at, "found \"control.\" on the left, where this run's measure stands");
    TRY(read_measurement(c, &e->left));
    TRY(check_statistic(c, 0, &e->left));
    skip_blanks(c);
    e->demand = slice_trim(rest(c));
    TRY(read_comparison(c, &e->comparison));
    return read_right(c, e);
}

static enum rc init_measurements(struct expectation *e, const struct scenario *scenario,
                                 const struct memory *memory, struct error *err)
{
    enum rc rc = measurement_init(&e->left, scenario, memory);

    if (rc == RC_OK && e->has_right)
        rc = measurement_init(&e->right, scenario, memory);
    if (rc == RC_OK)
        return RC_OK;
    expectation_deinit(e);
    return error_set(err, rc, "expectation: %s", rc_text(rc));
}

enum rc expectation_read(struct expectation *e, const struct scenario *scenario,
                         const struct scenario_text *text, const struct memory *memory,
                         struct error *err)
{
    struct cursor c = {.scenario = scenario, .text = text, .err = err};

    *e = (struct expectation){.text = text->text};
    TRY(read_all(&c, e));
    return init_measurements(e, scenario, memory, err);
}

void expectation_deinit(struct expectation *e)
{
    measurement_deinit(&e->left);
    measurement_deinit(&e->right);
}

void expectation_feed(struct expectation *e, const struct call_case *c)
{
    measurement_feed(&e->left, c);
    if (e->has_right)
        measurement_feed(&e->right, c);
}

unsigned expectation_flags(const struct expectation *e)
{
    bool has_own_right = e->has_right && !e->is_control;

    return e->left.measure->flags | (has_own_right ? e->right.measure->flags : 0);
}

/* --- judging ---------------------------------------------------------------------------------- */

static bool compares(enum comparison comparison, double left, double right)
{
    switch (comparison) {
    case COMPARE_AT_MOST:
        return left <= right;
    case COMPARE_BELOW:
        return left < right;
    case COMPARE_AT_LEAST:
        return left >= right;
    case COMPARE_ABOVE:
        return left > right;
    case COMPARE_EQUAL:
        return left >= right && left <= right;
    case COMPARE_UNEQUAL:
        return left < right || left > right;
    }
    return false;
}

static struct readable value_text(enum unit unit, double value)
{
    if (isinf(value))
        return (struct readable){"never"};
    switch (unit) {
    case UNIT_SPAN:
        return readable_span((nanos)value);
    case UNIT_SHARE:
        return readable_share(value);
    case UNIT_MONEY:
        return readable_money((money)value);
    case UNIT_SIZE:
        return readable_size(value);
    case UNIT_NUMBER:
        break;
    }
    return readable_number(value);
}

static struct readable exact_text(enum unit unit, double value)
{
    switch (unit) {
    case UNIT_SPAN:
        return readable_span_exact((nanos)value);
    case UNIT_SHARE:
        return readable_share_exact(value);
    case UNIT_MONEY:
        return readable_money_exact((money)value);
    case UNIT_SIZE: /* what is measured jumps by pages anyway */
        return readable_number_exact(value);
    case UNIT_NUMBER:
        break;
    }
    return readable_number_exact(value);
}

/* So close to its limit that three digits might show it on the wrong side. */
static struct readable value_beside(enum unit unit, double value, double limit)
{
    bool is_close = fabs(value - limit) <= 0.01 * fabs(limit); /* not of what is infinite */

    return is_close ? exact_text(unit, value) : value_text(unit, value);
}

/* "$1.31 against $1.02, 1.28 times". */
static void write_both(const struct expectation *e, double left, double right,
                       struct verdict_row *row)
{
    bool has_ratio = right > 0 && isfinite(left) && isfinite(right);
    enum unit unit = measurement_unit(&e->left);
    struct readable text = value_beside(unit, left, e->limit * right);

    if (has_ratio)
        snprintf(row->value, sizeof(row->value), "%s against %s, %s times", text.text,
                 value_text(unit, right).text, readable_number(left / right).text);
    else
        snprintf(row->value, sizeof(row->value), "%s against %s", text.text,
                 value_text(unit, right).text);
    snprintf(row->reason, sizeof(row->reason), "the right side is %s",
             value_beside(unit, e->limit * right, left).text);
}

static void write_values(const struct expectation *e, const struct measured *left,
                         const struct measured *right, struct verdict_row *row)
{
    if (e->has_right)
        write_both(e, left->value, right->value, row);
    else
        snprintf(row->value, sizeof(row->value), "%s",
                 value_beside(measurement_unit(&e->left), left->value, e->limit).text);
}

/* --- what is left out ------------------------------------------------------------------------- */

static double most_of(const struct measured *measured)
{
    return measured->unknown > 0 ? measured->most : measured->value;
}

static int order_of(double left, double right)
{
    return (left > right) - (left < right);
}

/* Would the verdict be the same whatever the attempts of unknown cost did cost? */
static bool is_certain(const struct expectation *e, const struct measured *left,
                       const struct measured *right)
{
    double low = e->has_right ? e->limit * right->value : e->limit;
    double high = e->has_right ? e->limit * most_of(right) : e->limit;
    bool is_equality = e->comparison == COMPARE_EQUAL || e->comparison == COMPARE_UNEQUAL;

    if (left->unknown + right->unknown == 0 ||
        order_of(left->value, high) == order_of(most_of(left), low))
        return true;
    return !is_equality && compares(e->comparison, left->value, high) ==
                               compares(e->comparison, most_of(left), low);
}

static void say(struct verdict_row *row, const char *text)
{
    size_t used = strlen(row->reason);

    snprintf(row->reason + used, sizeof(row->reason) - used, "%s%s", used > 0 ? "; " : "", text);
}

/* "55 attempts of unknown cost, at most $0.50 with what the mock counts for them". */
static void say_unknown(enum unit unit, const char *where, const struct measured *measured,
                        struct verdict_row *row)
{
    char text[144], most[80] = "";

    if (measured->unknown == 0)
        return;
    if (isfinite(measured->most))
        snprintf(most, sizeof(most), ", at most %s with what the mock counts for them",
                 value_text(unit, measured->most).text);
    snprintf(text, sizeof(text), "%s%s attempt%s of unknown %s%s", where,
             readable_count(measured->unknown).text, measured->unknown == 1 ? "" : "s",
             measured->unknown_what, most);
    say(row, text);
}

static void measure_right(const struct expectation *e, const struct run_figures *figures,
                          const struct measured *control, struct measured *right)
{
    *right = (struct measured){.is_known = true, .value = 1};
    if (e->is_control)
        *right = *control;
    else if (e->has_right)
        measurement_value(&e->right, figures, right);
}

void expectation_judge(const struct expectation *e, const struct run_figures *figures,
                       const struct measured *control, struct verdict_row *row)
{
    struct measured left, right;
    enum unit unit = measurement_unit(&e->left);
    double limit;

    *row = (struct verdict_row){.kind = ROW_EXPECTATION, .verdict = VERDICT_INCONCLUSIVE};
    slice_copy(e->text, row->name, sizeof(row->name));
    slice_copy(e->demand, row->limit, sizeof(row->limit));
    measurement_value(&e->left, figures, &left);
    measure_right(e, figures, control, &right);
    row->n = left.n;
    if (!left.is_known || !right.is_known) {
        snprintf(row->reason, sizeof(row->reason), "%s",
                 left.is_known ? right.reason : left.reason);
        return;
    }
    limit = e->has_right ? e->limit * right.value : e->limit;
    write_values(e, &left, &right, row);
    say_unknown(unit, "", &left, row);
    say_unknown(unit, "on the right ", &right, row);
    if (is_certain(e, &left, &right))
        row->verdict = compares(e->comparison, left.value, limit) ? VERDICT_PASS : VERDICT_FAIL;
}

void expectation_feed_sample(struct expectation *e, const struct sample_record *sample)
{
    measurement_feed_sample(&e->left, sample);
    if (e->has_right)
        measurement_feed_sample(&e->right, sample);
}

nanos expectation_own_time(const struct expectation *e)
{
    if (e->has_right || measurement_unit(&e->left) != UNIT_SPAN)
        return NANOS_NEVER;
    return (nanos)e->limit;
}

bool expectation_failure_stands(const struct expectation *e)
{
    bool has_own_right = e->has_right && !e->is_control;
    enum statistic statistic = e->left.statistic;

    if (has_own_right ||
        (e->left.measure->shape != SHAPE_SAMPLES && e->left.measure->shape != SHAPE_SUBJECT))
        return false;
    if (e->comparison == COMPARE_AT_MOST || e->comparison == COMPARE_BELOW)
        return statistic == STATISTIC_MAX || statistic == STATISTIC_SUM;
    if (e->comparison == COMPARE_AT_LEAST || e->comparison == COMPARE_ABOVE)
        return statistic == STATISTIC_MIN;
    return false;
}
