#include "scenario/compress.h"

#include <assert.h>
#include <string.h>

#include "base/units.h"
#include "scenario/print.h"
#include "scenario/read.h"

/* A shorter window of money is none (monitor/monitor.h). */
#define BUDGET_WINDOW_LEAST NANOS_S

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

/* As much may come at once as before. */
static void compress_limit(const struct compressing *c, struct limit *limit)
{
    if (limit->amount == 0)
        return;
    limit->burst = limit->burst > 0 ? limit->burst : limit->amount;
    limit->amount =
        limit->amount > LIMIT_AMOUNT_MAX / c->times ? LIMIT_AMOUNT_MAX : limit->amount * c->times;
}

static void compress_model(const struct compressing *c, struct model *model)
{
    shorten_spans(c, &model->first_token);
    model->tokens_per_s *= c->times;
    shorten_spans(c, &model->token_gap);
    shorten(c, &model->ping_every);
    for (int i = 0; i < LIMIT_KINDS_COUNT; i++)
        compress_limit(c, &model->limits.of[i]);
    shorten(c, &model->capacity.recovers_over);
}

static void compress_windows(const struct compressing *c, struct phases *phases)
{
    for (uint32_t i = 0; i < phases->count; i++) {
        shorten(c, &phases->list[i].at);
        shorten(c, &phases->list[i].lasts);
        shorten(c, &phases->list[i].every);
    }
}

/* What a notation cannot say is rounded up. */
static nanos advice(const struct compressing *c, const struct fault *fault)
{
    nanos wait = over(c, fault->advice_wait);

    switch (fault->advice) {
    case PLAN_ADVICE_SECONDS:
    case PLAN_ADVICE_DATE:
        return whole(wait, NANOS_S);
    case PLAN_ADVICE_MS:
        return whole(wait, NANOS_MS);
    case PLAN_ADVICE_NONE:
    case PLAN_ADVICE_RAW:
        break;
    }
    return fault->advice_wait;
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
            sequence[k].advice_wait = advice(c, &sequence[k]);
            shorten(c, &sequence[k].delay);
        }
        rule->sequence = sequence;
    }
    return RC_OK;
}

static void compress_monitor(const struct compressing *c, struct monitor_rules *rules)
{
    for (uint32_t i = 0; i < rules->budgets_count; i++)
        rules->budgets[i].per = nanos_max(over(c, rules->budgets[i].per), BUDGET_WINDOW_LEAST);
    shorten(c, &rules->slow);
    shorten(c, &rules->cool_down);
    shorten(c, &rules->patience);
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
    static const char *const others[] = {"slack", "send_lag", "because", "until", "set", "level"};

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

/* A number, however it is written, times N. False: it is none. */
static bool write_more(const struct compressing *c, struct slice text, struct buffer *out)
{
    struct json_token token = {.kind = JSON_NUMBER, .raw = text};
    struct json json;
    double number;

    json_init(&json, text, JSON_STRICT);
    if (json_next(&json, &token) != RC_OK || token.kind != JSON_NUMBER ||
        token.raw.size != text.size || json_double(&token, &number) != RC_OK)
        return false;
    buffer_printf(out, "%.12g", number * c->times);
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

    compress_load(c, &scenario->load);
    compress_client(c, &scenario->client);
    for (uint32_t i = 0; i < scenario->models_count; i++)
        compress_model(c, &scenario->models[i]);
    compress_windows(c, &scenario->chaos.phases);
    compress_monitor(c, &scenario->monitor);
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
