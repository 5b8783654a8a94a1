#include "scenario/compress.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "scenario/print.h"
#include "scenario/read.h"

/* A shorter window of money is none (monitor/monitor.h). */
#define BUDGET_WINDOW_LEAST NANOS_S

/* "1000000000/s" is the most that a scenario can say. */
#define LIMIT_SAID_MAX ((uint64_t)1000000000)

/* As durations come, 250 us cannot get shorter than this. */
#define SPAN_LEAST ((nanos)1)

struct compressing {
    struct scenario *scenario; /* a copy, to be changed */
    uint32_t times;
    struct arena *arena;
    struct error *err;
};

static enum rc out_of_memory(const struct compressing *c, enum rc rc)
{
    return error_set(c->err, rc, "%.*s: compressed: %s", SLICE_ARG(c->scenario->file), rc_text(rc));
}

/* "file:line:column: --compress N: ...": the place that a person wrote. */
static enum rc PRINTF_LIKE(3, 4)
    refuse(const struct compressing *c, struct json_position at, const char *format, ...)
{
    struct text_place place = scenario_place(c->scenario, at);
    char said[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(said, sizeof(said), format, arguments);
    va_end(arguments);
    return error_set(c->err, RC_LIMIT, "%.*s:%u:%u: --compress %u: %s", SLICE_ARG(place.file),
                     place.position.line, place.position.column, c->times, said);
}

/* --- quantities ------------------------------------------------------------------------------- */

static nanos over(const struct compressing *c, nanos span)
{
    if (span == NANOS_NEVER || span == 0)
        return span;
    return nanos_max(span / c->times, SPAN_LEAST);
}

static void shorten(const struct compressing *c, nanos *span)
{
    *span = over(c, *span);
}

static void shorten_spans(const struct compressing *c, struct distribution *d)
{
    d->p50 = (double)over(c, (nanos)d->p50);
    d->p99 = (double)over(c, (nanos)d->p99);
}

static nanos whole(nanos span, nanos unit)
{
    return (span + unit - 1) / unit * unit;
}

/* --- what happens ----------------------------------------------------------------------------- */

static void compress_load(const struct compressing *c, struct load *load)
{
    for (uint32_t i = 0; i < load->parts_count; i++) {
        struct load_part *part = &load->parts[i];

        part->arrivals.rate_per_s *= c->times;
        shorten(c, &part->arrivals.lasts);
        part->trace.speed *= c->times;
    }
    shorten(c, &load->deadline);
    shorten(c, &load->drain);
}

static void compress_client(const struct compressing *c, struct client_policy *client)
{
    struct timeouts *timeouts = &client->timeouts;

    for (uint32_t i = 0; i < client->layers_count; i++) {
        struct retry_layer *layer = &client->layers[i];

        shorten(c, &layer->backoff.base);
        shorten(c, &layer->backoff.cap);
        shorten(c, &layer->advice_max);
    }
    shorten(c, &timeouts->connect);
    shorten(c, &timeouts->first_token);
    shorten(c, &timeouts->between_tokens);
    shorten(c, &timeouts->attempt);
    shorten(c, &timeouts->call);
}

/* As much may come at once as before. What cannot be said by the minute may be by the second. */
static bool compress_limit(const struct compressing *c, struct limit *limit)
{
    static const nanos units[] = {3600 * NANOS_S, 60 * NANOS_S, NANOS_S, NANOS_MS, NANOS_US, 1};
    uint64_t amount = limit->amount * c->times;

    limit->burst = limit->burst > 0 ? limit->burst : limit->amount;
    for (size_t i = 0; i < ARRAY_SIZE(units) && amount > LIMIT_SAID_MAX; i++) {
        uint64_t parts = (uint64_t)(limit->per / units[i]);

        if (parts < 2 || amount % parts > 0)
            continue;
        amount /= parts;
        limit->per = units[i];
    }
    limit->amount = amount;
    return amount <= LIMIT_SAID_MAX;
}

static enum rc compress_limits(const struct compressing *c, uint32_t index)
{
    struct model *model = &c->scenario->models[index];

    for (int kind = 0; kind < LIMIT_KINDS_COUNT; kind++) {
        struct limit *limit = &model->limits.of[kind];

        if (limit->amount > LIMIT_SAID_MAX * COMPRESSION_MAX || !compress_limit(c, limit))
            return refuse(c, c->scenario->places.models[index],
                          "found more %s of \"%s\" than a limit can say, expected at most %llu",
                          limit_word((enum limit_kind)kind), model->name,
                          (unsigned long long)LIMIT_SAID_MAX);
    }
    return RC_OK;
}

static enum rc compress_model(const struct compressing *c, uint32_t index)
{
    struct model *model = &c->scenario->models[index];

    shorten_spans(c, &model->first_token);
    model->tokens_per_s *= c->times;
    shorten_spans(c, &model->token_gap);
    shorten(c, &model->ping_every);
    shorten(c, &model->capacity.recovers_over);
    return compress_limits(c, index);
}

static void compress_windows(const struct compressing *c, struct phases *phases)
{
    for (uint32_t i = 0; i < phases->count; i++) {
        shorten(c, &phases->list[i].at);
        shorten(c, &phases->list[i].lasts);
        shorten(c, &phases->list[i].every);
    }
}

static bool may_hit(const struct scenario *scenario, const struct match *match, uint32_t model)
{
    uint32_t provider = scenario->models[model].provider;

    if (match->provider[0] != '\0' &&
        strcmp(match->provider, scenario->providers[provider].name) != 0)
        return false;
    return match->model[0] == '\0' ||
           slice_glob(slice_of(match->model), slice_of(scenario->models[model].name));
}

/* Gemini advises in its body, by a duration such as "1.5s", which can say any. */
static bool hits_gemini_alone(const struct scenario *scenario, const struct match *match)
{
    uint32_t hit = 0;

    for (uint32_t i = 0; i < scenario->models_count; i++) {
        if (!may_hit(scenario, match, i))
            continue;
        if (scenario->apis[i] != API_GEMINI)
            return false;
        hit++;
    }
    return hit > 0;
}

/* A header's own text that is whole seconds; any other is no time that we know. */
static void compress_raw_advice(const struct compressing *c, struct fault *fault)
{
    uint64_t seconds;

    if (!slice_u64(slice_of(fault->advice_raw), &seconds) || seconds == 0)
        return;
    seconds = (seconds - 1) / c->times + 1;
    snprintf(fault->advice_raw, sizeof(fault->advice_raw), "%llu", (unsigned long long)seconds);
}

/* What a notation cannot say is rounded up. Who wrote a fraction of a second has clients that read
 * one. */
static void compress_advice(const struct compressing *c, const struct match *match,
                            struct fault *fault)
{
    bool is_exact = hits_gemini_alone(c->scenario, match);
    bool is_fraction = fault->advice_wait % NANOS_S != 0;

    shorten(c, &fault->advice_wait);
    switch (fault->advice) {
    case PLAN_ADVICE_SECONDS:
        if (!is_exact && !is_fraction)
            fault->advice_wait = whole(fault->advice_wait, NANOS_S);
        return;
    case PLAN_ADVICE_DATE:
        if (!is_exact)
            fault->advice_wait = whole(fault->advice_wait, NANOS_S);
        return;
    case PLAN_ADVICE_MS:
        if (!is_exact)
            fault->advice_wait = whole(fault->advice_wait, NANOS_MS);
        return;
    case PLAN_ADVICE_RAW:
        compress_raw_advice(c, fault);
        return;
    case PLAN_ADVICE_NONE:
        return;
    }
}

static enum rc compress_rules(const struct compressing *c, struct chaos *chaos)
{
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        struct chaos_rule *rule = &chaos->rules[i];
        struct fault *sequence = arena_take(c->arena, rule->sequence_count, sizeof(*sequence));

        if (sequence == NULL)
            return out_of_memory(c, c->arena->rc);
        for (uint32_t k = 0; k < rule->sequence_count; k++) {
            sequence[k] = rule->sequence[k];
            compress_advice(c, &rule->match, &sequence[k]);
            shorten(c, &sequence[k].delay);
        }
        rule->sequence = sequence;
    }
    return RC_OK;
}

static enum rc compress_monitor(const struct compressing *c, struct monitor_rules *rules)
{
    for (uint32_t i = 0; i < rules->budgets_count; i++) {
        struct budget_rules *budget = &rules->budgets[i];

        if (budget->per < BUDGET_WINDOW_LEAST * c->times)
            return refuse(c, c->scenario->places.budgets[i],
                          "found a window of the budget \"%s\" below 1s, expected at most %lld "
                          "times",
                          budget->name, (long long)(budget->per / BUDGET_WINDOW_LEAST));
        shorten(c, &budget->per);
    }
    shorten(c, &rules->slow);
    shorten(c, &rules->cool_down);
    shorten(c, &rules->patience);
    return RC_OK;
}

static void compress_link(const struct compressing *c, struct link_rules *link)
{
    shorten(c, &link->latency);
    shorten(c, &link->connect);
    shorten(c, &link->idle_close);
}

/* --- what is asked for, in words -------------------------------------------------------------- */

static enum rc keep(const struct compressing *c, struct buffer *out, struct slice *text)
{
    enum rc rc = out->rc;
    struct slice copy = arena_copy(c->arena, buffer_slice(out));

    buffer_deinit(out);
    if (rc != RC_OK || copy.data == NULL)
        return out_of_memory(c, rc != RC_OK ? rc : c->arena->rc);
    *text = copy;
    return RC_OK;
}

/* "never", and what is no duration, is left as it is. False: it was. */
static bool write_shorter(const struct compressing *c, struct slice text, struct buffer *out)
{
    struct buffer quoted;
    nanos span;

    if (units_duration(text, &span) != RC_OK)
        return false;
    buffer_init(&quoted, c->arena->memory, 64);
    print_duration(&quoted, over(c, span));
    if (quoted.rc == RC_OK)
        buffer_append(out, (struct slice){quoted.data + 1, quoted.size - 2}); /* its quotes */
    else
        out->rc = quoted.rc;
    buffer_deinit(&quoted);
    return true;
}

/* Clocks and machines are as slow as ever; reasons are words. */
static bool is_of_time(const struct json_token *key)
{
    static const char *const others[] = {"slack", "apart", "send_lag", "because",
                                         "until", "set",   "level"};

    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        if (json_is(key, slice_of(others[i])))
            return false;
    }
    return true;
}

/* Every text behind a key that is a duration. */
static enum rc compress_laws(const struct compressing *c, struct slice *laws)
{
    struct json json;
    struct json_token token;
    struct buffer out;
    bool may_be_time = false;
    size_t copied = 0;

    if (laws->size == 0)
        return RC_OK;
    buffer_init(&out, c->arena->memory, SCENARIO_TEXT_MAX);
    json_init(&json, *laws, JSON_COMMENTS);
    while (json_next(&json, &token) == RC_OK) {
        size_t from = (size_t)(token.raw.data - laws->data);
        size_t kept = out.size;

        if (token.kind == JSON_STRING && may_be_time) {
            buffer_append(&out, (struct slice){laws->data + copied, from - copied});
            if (write_shorter(c, token.raw, &out))
                copied = from + token.raw.size;
            else
                out.size = kept;
        }
        may_be_time = token.kind == JSON_KEY && is_of_time(&token);
    }
    buffer_append(&out, (struct slice){laws->data + copied, laws->size - copied});
    return keep(c, &out, laws);
}

/* Behind the operator, without blanks; the whole where there is none. */
static struct slice right_side(struct slice text)
{
    size_t at = 0;
    bool is_quoted = false;

    for (; at < text.size && (is_quoted || strchr("<>!=", text.data[at]) == NULL); at++)
        is_quoted = is_quoted ? text.data[at] != '}' : text.data[at] == '{';
    while (at < text.size && strchr("<>!= ", text.data[at]) != NULL)
        at++;
    return slice_trim((struct slice){text.data + at, text.size - at});
}

/* Useful calls a second; a slope by the hour. */
static bool is_per_time(struct slice text)
{
    return slice_starts_with(text, SLICE("goodput")) || slice_has(text, SLICE(".slope"));
}

/* "20" or "1.5MB", times N; a factor before a measure is of both sides. False: it is no number. */
static bool write_more(const struct compressing *c, struct slice text, struct buffer *out)
{
    struct json_token token = {.kind = JSON_NUMBER, .raw = {text.data, 0}};
    double number;

    while (token.raw.size < text.size && strchr("0123456789.", text.data[token.raw.size]) != NULL)
        token.raw.size++;
    if (token.raw.size == 0 || slice_has(text, SLICE("*")) || json_double(&token, &number) != RC_OK)
        return false;
    buffer_printf(out, "%.12g", number * c->times);
    buffer_append(out, (struct slice){text.data + token.raw.size, text.size - token.raw.size});
    return true;
}

static enum rc compress_expectation(const struct compressing *c, struct slice *text)
{
    struct slice whole_text = slice_trim(*text);
    struct slice right = right_side(whole_text);
    struct buffer out;
    bool is_changed;

    if (slice_starts_with(whole_text, SLICE("send_lag")))
        return RC_OK;
    buffer_init(&out, c->arena->memory, SCENARIO_TEXT_MAX);
    buffer_append(&out, (struct slice){whole_text.data, (size_t)(right.data - whole_text.data)});
    is_changed =
        is_per_time(whole_text) ? write_more(c, right, &out) : write_shorter(c, right, &out);
    if (is_changed)
        return keep(c, &out, text);
    buffer_deinit(&out);
    return RC_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum rc compress(const struct compressing *c)
{
    struct scenario *scenario = c->scenario;

    if (scenario->target == TARGET_LIVE)
        return error_set(c->err, RC_MALFORMED,
                         "%.*s: --compress: found a live target, expected a mock: real servers "
                         "are as fast as they are",
                         SLICE_ARG(scenario->file));
    compress_load(c, &scenario->load);
    compress_client(c, &scenario->client);
    for (uint32_t i = 0; i < scenario->models_count; i++)
        TRY(compress_model(c, i));
    compress_windows(c, &scenario->chaos.phases);
    TRY(compress_monitor(c, &scenario->monitor));
    compress_link(c, &scenario->link);
    TRY(compress_rules(c, &scenario->chaos));
    TRY(compress_laws(c, &scenario->laws.text));
    for (uint32_t i = 0; i < scenario->expects_count; i++)
        TRY(compress_expectation(c, &scenario->expects[i].text));
    return RC_OK;
}

enum rc scenario_compress(const struct scenario *scenario, uint32_t times, struct arena *arena,
                          struct slice *text, struct error *err)
{
    struct compressing c = {.scenario = arena_take(arena, 1, sizeof(*scenario)),
                            .times = times,
                            .arena = arena,
                            .err = err};
    struct buffer out;

    assert(times >= 1 && times <= COMPRESSION_MAX);
    if (c.scenario == NULL)
        return error_set(err, arena->rc, "%.*s: %s", SLICE_ARG(scenario->file), rc_text(arena->rc));
    *c.scenario = *scenario;
    c.scenario->compression = scenario->compression * times;
    TRY(compress(&c));
    buffer_init(&out, arena->memory, SCENARIO_TEXT_MAX);
    scenario_write(c.scenario, &out);
    return keep(&c, &out, text);
}

nanos scenario_compressed(const struct scenario *scenario, nanos span)
{
    return scenario->compression > 1 ? span / scenario->compression : span;
}
