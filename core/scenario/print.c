/* `check --print`: the scenario as it will run, all defaults filled in, as JSON that loads again.
 * Durations are written exactly, in the largest unit of which they are a whole number. */

#include <stdio.h>

#include "scenario/scenario.h"

/* --- quantities ------------------------------------------------------------------------------- */

static void write_string(struct buffer *out, const char *text)
{
    json_write_text(out, slice_of(text));
}

static void write_bool(struct buffer *out, bool flag)
{
    buffer_text(out, flag ? "true" : "false");
}

static void write_duration(struct buffer *out, nanos value)
{
    if (value == NANOS_NEVER)
        buffer_text(out, "\"never\"");
    else if (value % NANOS_S == 0)
        buffer_printf(out, "\"%llds\"", (long long)(value / NANOS_S));
    else if (value % NANOS_MS == 0)
        buffer_printf(out, "\"%lldms\"", (long long)(value / NANOS_MS));
    else if (value % NANOS_US == 0)
        buffer_printf(out, "\"%lldus\"", (long long)(value / NANOS_US));
    else
        buffer_printf(out, "\"%lldns\"", (long long)value);
}

/* Units take up to nine decimals and no exponent. */
static void write_decimal(struct buffer *out, double value)
{
    char text[64];
    int size = snprintf(text, sizeof(text), "%.9f", value);

    while (text[size - 1] == '0')
        size--;
    if (text[size - 1] == '.')
        size--;
    buffer_append(out, (struct slice){text, (size_t)size});
}

static void write_rate(struct buffer *out, double per_s, const char *noun)
{
    buffer_byte(out, '"');
    write_decimal(out, per_s);
    buffer_printf(out, "%s/s\"", noun);
}

static void write_share(struct buffer *out, double share)
{
    buffer_byte(out, '"');
    write_decimal(out, share * 100);
    buffer_text(out, "%\"");
}

static void write_span_point(struct buffer *out, double value)
{
    write_duration(out, (nanos)value);
}

static void write_tokens_point(struct buffer *out, double value)
{
    buffer_u64(out, (uint64_t)value);
}

static void write_distribution(struct buffer *out, const struct distribution *d,
                               void (*write_point)(struct buffer *, double))
{
    if (d->kind == DISTRIBUTION_FIXED) {
        write_point(out, d->p50);
        return;
    }
    buffer_text(out, "{\"p50\": ");
    write_point(out, d->p50);
    buffer_text(out, ", \"p99\": ");
    write_point(out, d->p99);
    buffer_byte(out, '}');
}

/* Exact: an amount has at most twelve decimals, and those read here at most nine. */
static void write_money(struct buffer *out, money value)
{
    buffer_byte(out, '"');
    money_write(out, value);
    buffer_byte(out, '"');
}

/* Between the items of a list that stands a line each. */
static void begin_item(struct buffer *out, uint32_t index, const char *indent)
{
    buffer_text(out, index == 0 ? "\n" : ",\n");
    buffer_text(out, indent);
}

/* --- the client ------------------------------------------------------------------------------- */

static void write_causes(struct buffer *out, const struct cause_set *causes)
{
    const char *separator = "";

    buffer_byte(out, '[');
    for (uint32_t i = 0; i < causes->statuses_count; i++, separator = ", ")
        buffer_printf(out, "%s%u", separator, causes->statuses[i]);
    if (causes->has_5xx) {
        buffer_printf(out, "%s\"5xx\"", separator);
        separator = ", ";
    }
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        if (!(causes->outcomes & OUTCOME_BIT(outcome)))
            continue;
        buffer_printf(out, "%s\"%s\"", separator, outcome_word((enum outcome)outcome));
        separator = ", ";
    }
    buffer_byte(out, ']');
}

static void write_layer(struct buffer *out, const struct retry_layer *layer)
{
    static const char *const jitters[] = {
        [JITTER_NONE] = "none", [JITTER_FULL] = "full", [JITTER_QUARTER] = "quarter"};
    static const char *const manners[] = {
        [ADVICE_OBEY] = "obey", [ADVICE_IGNORE] = "ignore", [ADVICE_WHOLE_INT] = "whole_int"};

    buffer_printf(out, "{\"attempts\": %u", layer->attempts);
    if (!cause_set_is_empty(&layer->on)) {
        buffer_text(out, ", \"on\": ");
        write_causes(out, &layer->on);
    }
    buffer_text(out, ",\n       \"backoff\": {\"base\": ");
    write_duration(out, layer->backoff.base);
    buffer_printf(out, ", \"factor\": %.12g, \"cap\": ", layer->backoff.factor);
    write_duration(out, layer->backoff.cap);
    buffer_printf(out, ", \"jitter\": \"%s\"},\n       \"advice\": \"%s\"",
                  jitters[layer->backoff.jitter], manners[layer->advice]);
    if (!cause_set_is_empty(&layer->advice_on)) {
        buffer_text(out, ", \"advice_on\": ");
        write_causes(out, &layer->advice_on);
    }
    buffer_text(out, ", \"advice_max\": ");
    write_duration(out, layer->advice_max);
    buffer_text(out, ", \"obeys_should_retry\": ");
    write_bool(out, layer->obeys_should_retry);
    buffer_text(out, ", \"sleeps_before_giving_up\": ");
    write_bool(out, layer->sleeps_before_giving_up);
    buffer_byte(out, '}');
}

static void write_fallback(struct buffer *out, const struct fallback_rule *rule)
{
    buffer_text(out, "{\"on\": ");
    write_causes(out, &rule->on);
    buffer_printf(out, ", \"after\": %u, \"to\": ", rule->after);
    write_string(out, rule->to);
    buffer_byte(out, '}');
}

static void write_timeouts(struct buffer *out, const struct timeouts *timeouts)
{
    buffer_text(out, "{\"connect\": ");
    write_duration(out, timeouts->connect);
    buffer_text(out, ", \"first_token\": ");
    write_duration(out, timeouts->first_token);
    buffer_text(out, ", \"between_tokens\": ");
    write_duration(out, timeouts->between_tokens);
    buffer_text(out, ", \"attempt\": ");
    write_duration(out, timeouts->attempt);
    buffer_text(out, ", \"call\": ");
    write_duration(out, timeouts->call);
    buffer_byte(out, '}');
}

static const char *repeats_word(bool repeats)
{
    return repeats ? "every-call" : "once";
}

static void write_subject(struct buffer *out, const struct scenario *scenario)
{
    const struct client_policy *client = &scenario->client;

    buffer_printf(out, "  \"subject\": {\"instances\": %u, \"client\": {\n    \"preset\": ",
                  scenario->instances);
    write_string(out, client->preset);
    buffer_text(out, ",\n    \"layers\": [");
    for (uint32_t i = 0; i < client->layers_count; i++) {
        begin_item(out, i, "      ");
        write_layer(out, &client->layers[i]);
    }
    buffer_text(out, "\n    ],\n");
    if (client->fallbacks_count > 0) {
        buffer_text(out, "    \"fallback\": [");
        for (uint32_t i = 0; i < client->fallbacks_count; i++) {
            begin_item(out, i, "      ");
            write_fallback(out, &client->fallbacks[i]);
        }
        buffer_text(out, "\n    ],\n");
    }
    buffer_text(out, "    \"timeouts\": ");
    write_timeouts(out, &client->timeouts);
    buffer_text(out, ",\n    \"keeps_deadline\": ");
    write_bool(out, client->keeps_deadline);
    buffer_printf(out, ",\n    \"alerts\": {\"budget\": \"%s\", \"anomalies\": \"%s\"}\n  }},\n",
                  repeats_word(client->alerts.repeats_budget),
                  repeats_word(client->alerts.repeats_anomalies));
}

/* --- the target ------------------------------------------------------------------------------- */

static void write_tariff(struct buffer *out, const struct tariff *tariff)
{
    static const money TOKENS = 1000000;

    buffer_text(out, "\"input\": ");
    write_money(out, tariff->input * TOKENS);
    buffer_text(out, ", \"output\": ");
    write_money(out, tariff->output * TOKENS);
    buffer_text(out, ", \"cached\": ");
    write_money(out, tariff->cached * TOKENS);
    buffer_text(out, ", \"cache_write\": ");
    write_money(out, tariff->cache_write * TOKENS);
}

static void write_price(struct buffer *out, const struct price *price)
{
    if (!price->is_known)
        return;
    buffer_text(out, ",\n        \"price\": {");
    write_tariff(out, &price->tariff);
    if (price->long_prompt_tokens != UINT64_MAX) {
        buffer_printf(out, ",\n                  \"long_prompt\": {\"above\": %llu, ",
                      (unsigned long long)price->long_prompt_tokens);
        write_tariff(out, &price->long_tariff);
        buffer_byte(out, '}');
    }
    buffer_byte(out, '}');
}

static void write_model(struct buffer *out, const struct scenario *scenario, uint32_t index)
{
    const struct model *model = &scenario->models[index];
    const struct provider *provider = &scenario->providers[model->provider];

    write_string(out, model->name);
    buffer_printf(out, ": {\"api\": \"%s\", \"provider\": ", api_word(provider->api));
    write_string(out, provider->name);
    buffer_text(out, ",\n        \"first_token\": ");
    write_distribution(out, &model->first_token, write_span_point);
    buffer_text(out, ", \"rate\": ");
    write_rate(out, model->tokens_per_s, " tokens");
    buffer_printf(out, ", \"tokens_per_event\": %u", model->tokens_per_event);
    if (model->context_window != UINT64_MAX)
        buffer_printf(out, ", \"context_window\": %llu", (unsigned long long)model->context_window);
    write_price(out, &scenario->prices[index]);
    buffer_byte(out, '}');
}

static void write_provider(struct buffer *out, const struct provider *provider)
{
    write_string(out, provider->name);
    buffer_printf(out, ": {\"api\": \"%s\"", api_word(provider->api));
    if (provider->base_url.size > 0) {
        buffer_text(out, ", \"base_url\": ");
        json_write_text(out, provider->base_url);
    }
    if (provider->key_env[0] != '\0')
        buffer_printf(out, ", \"api_key\": \"$%s\"", provider->key_env);
    buffer_byte(out, '}');
}

static void write_target(struct buffer *out, const struct scenario *scenario)
{
    bool is_live = scenario->target == TARGET_LIVE;

    buffer_text(out, "  \"target\": {");
    buffer_text(out, is_live ? "\n    \"providers\": {" : "\"mock\": {\n    \"providers\": {");
    for (uint32_t i = 0; i < scenario->providers_count; i++) {
        begin_item(out, i, "      ");
        write_provider(out, &scenario->providers[i]);
    }
    buffer_text(out, "\n    },\n    \"models\": {");
    for (uint32_t i = 0; i < scenario->models_count; i++) {
        begin_item(out, i, "      ");
        write_model(out, scenario, i);
    }
    buffer_text(out, is_live ? "\n    }\n  },\n" : "\n    }\n  }},\n");
}

/* --- the load --------------------------------------------------------------------------------- */

static void write_request(struct buffer *out, const struct scenario *scenario,
                          const struct request_shape *shape)
{
    buffer_text(out, "{\"model\": ");
    write_string(out, scenario->models[shape->model].name);
    buffer_text(out, ", \"stream\": ");
    write_bool(out, shape->stream);
    buffer_printf(out, ", \"weight\": %.12g", shape->weight);
    if (shape->has_input_tokens) {
        buffer_text(out, ", \"input_tokens\": ");
        write_distribution(out, &shape->input_tokens, write_tokens_point);
    }
    if (shape->has_output_tokens) {
        buffer_text(out, ", \"output_tokens\": ");
        write_distribution(out, &shape->output_tokens, write_tokens_point);
    }
    buffer_byte(out, '}');
}

static void write_arrivals(struct buffer *out, const struct load_part *part)
{
    buffer_text(out, "{\"part\": ");
    write_string(out, part->name);
    buffer_text(out, ", \"rate\": ");
    write_rate(out, part->arrivals.rate_per_s, "");
    buffer_printf(out, ", \"process\": \"%s\", \"for\": ",
                  part->arrivals.process == ARRIVAL_POISSON ? "poisson" : "constant");
    write_duration(out, part->arrivals.lasts);
    buffer_byte(out, '}');
}

static void write_trace(struct buffer *out, const struct load_part *part)
{
    buffer_text(out, "{\"part\": ");
    write_string(out, part->name);
    buffer_text(out, ", \"file\": ");
    json_write_text(out, part->trace.file);
    buffer_text(out, ", \"format\": \"azure\", \"from\": ");
    write_duration(out, part->trace.from);
    buffer_text(out, ", \"for\": ");
    write_duration(out, part->trace.lasts);
    buffer_printf(out, ", \"speed\": %.12g}", part->trace.speed);
}

static void write_parts(struct buffer *out, const struct load *load)
{
    uint32_t arrivals = 0;

    for (uint32_t i = 0; i < load->parts_count; i++) {
        if (load->parts[i].kind != PART_ARRIVALS)
            continue;
        if (arrivals == 0)
            buffer_text(out, "    \"arrivals\": [");
        begin_item(out, arrivals++, "      ");
        write_arrivals(out, &load->parts[i]);
    }
    if (arrivals > 0)
        buffer_text(out, "\n    ],\n");
    for (uint32_t i = 0; i < load->parts_count; i++) {
        if (load->parts[i].kind != PART_TRACE)
            continue;
        buffer_text(out, "    \"trace\": ");
        write_trace(out, &load->parts[i]);
        buffer_text(out, ",\n");
    }
}

static void write_load(struct buffer *out, const struct scenario *scenario)
{
    const struct load *load = &scenario->load;

    buffer_text(out, "  \"load\": {\n    \"requests\": [");
    for (uint32_t i = 0; i < load->requests_count; i++) {
        begin_item(out, i, "      ");
        write_request(out, scenario, &load->requests[i]);
    }
    buffer_text(out, "\n    ],\n");
    write_parts(out, load);
    buffer_text(out, "    \"deadline\": ");
    write_duration(out, load->deadline);
    buffer_text(out, ", \"drain\": ");
    write_duration(out, load->drain);
    buffer_printf(out, ", \"in_flight_max\": %u\n  },\n", load->in_flight_max);
}

/* --- chaos ------------------------------------------------------------------------------------ */

static void write_match(struct buffer *out, const struct match *match)
{
    const char *separator = "";

    buffer_byte(out, '{');
    if (match->provider[0] != '\0') {
        buffer_text(out, "\"provider\": ");
        write_string(out, match->provider);
        separator = ", ";
    }
    if (match->model[0] != '\0') {
        buffer_printf(out, "%s\"model\": ", separator);
        write_string(out, match->model);
        separator = ", ";
    }
    if (match->has_stream) {
        buffer_printf(out, "%s\"stream\": ", separator);
        write_bool(out, match->stream);
        separator = ", ";
    }
    if (match->input_tokens_min > 0 && match->input_tokens_max != UINT64_MAX)
        buffer_printf(out, "%s\"input_tokens\": {\"min\": %llu, \"max\": %llu}", separator,
                      (unsigned long long)match->input_tokens_min,
                      (unsigned long long)match->input_tokens_max);
    else if (match->input_tokens_min > 0)
        buffer_printf(out, "%s\"input_tokens\": {\"min\": %llu}", separator,
                      (unsigned long long)match->input_tokens_min);
    else if (match->input_tokens_max != UINT64_MAX)
        buffer_printf(out, "%s\"input_tokens\": {\"max\": %llu}", separator,
                      (unsigned long long)match->input_tokens_max);
    buffer_byte(out, '}');
}

static void write_retry_after(struct buffer *out, const struct fault *fault)
{
    if (fault->advice == PLAN_ADVICE_NONE)
        return;
    buffer_text(out, ", \"retry_after\": ");
    if (fault->advice == PLAN_ADVICE_SECONDS) {
        write_duration(out, fault->advice_wait);
        return;
    }
    buffer_text(out, fault->advice == PLAN_ADVICE_DATE ? "{\"date\": "
                     : fault->advice == PLAN_ADVICE_MS ? "{\"ms\": "
                                                       : "{\"raw\": ");
    if (fault->advice == PLAN_ADVICE_RAW)
        write_string(out, fault->advice_raw);
    else
        write_duration(out, fault->advice_wait);
    buffer_byte(out, '}');
}

static const char *close_word(enum plan_close close)
{
    static const char *const words[] = {
        [PLAN_CLOSE_END] = "end", [PLAN_CLOSE_FIN] = "fin", [PLAN_CLOSE_RST] = "rst"};

    return words[close];
}

static void write_fault(struct buffer *out, const struct fault *fault)
{
    unsigned long long tokens = fault->tokens;

    switch (fault->kind) {
    case FAULT_NONE:
        buffer_text(out, "\"ok\"");
        break;
    case FAULT_STATUS:
        buffer_printf(out, "{\"status\": %u, \"failure\": \"%s\"", fault->status,
                      outcome_word(fault->failure));
        write_retry_after(out, fault);
        buffer_byte(out, '}');
        break;
    case FAULT_SLOW_TOKENS:
        buffer_printf(out, "{\"slow_tokens\": %.12g}", fault->factor);
        break;
    case FAULT_LATE_FIRST:
        buffer_text(out, "{\"late_first_token\": ");
        write_duration(out, fault->delay);
        buffer_byte(out, '}');
        break;
    case FAULT_CONTEXT_WINDOW:
        buffer_printf(out, "{\"context_window\": %llu}", tokens);
        break;
    case FAULT_CUT:
        buffer_printf(out, "{\"cut\": {\"after_tokens\": %llu, \"by\": \"%s\"}}", tokens,
                      close_word(fault->close));
        break;
    case FAULT_STALL:
        buffer_printf(out, "{\"stall\": {\"after_tokens\": %llu}}", tokens);
        break;
    case FAULT_RESET:
        buffer_printf(out, "{\"reset\": \"%s\"}", close_word(fault->close));
        break;
    }
}

static void write_rule(struct buffer *out, const struct chaos *chaos, const struct chaos_rule *rule)
{
    const struct phase *phase = &chaos->phases.list[rule->phase];

    buffer_text(out, "{\"phase\": ");
    write_string(out, phase->name);
    buffer_text(out, ", \"rule\": ");
    write_string(out, rule->name);
    buffer_text(out, ", \"at\": ");
    write_duration(out, phase->at);
    buffer_text(out, ", \"for\": ");
    write_duration(out, phase->lasts);
    buffer_text(out, ",\n     \"match\": ");
    write_match(out, &rule->match);
    buffer_text(out, ", \"share\": ");
    write_share(out, rule->share);
    buffer_text(out, ", \"fault\": ");
    if (rule->sequence_count > 1)
        buffer_byte(out, '[');
    for (uint32_t i = 0; i < rule->sequence_count; i++) {
        buffer_text(out, i == 0 ? "" : ", ");
        write_fault(out, &rule->sequence[i]);
    }
    buffer_text(out, rule->sequence_count > 1 ? "]}" : "}");
}

static void write_chaos(struct buffer *out, const struct chaos *chaos)
{
    if (chaos->rules_count == 0)
        return;
    buffer_text(out, "  \"chaos\": [");
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        begin_item(out, i, "    ");
        write_rule(out, chaos, &chaos->rules[i]);
    }
    buffer_text(out, "\n  ],\n");
}

/* --- what is watched -------------------------------------------------------------------------- */

static void write_budgets(struct buffer *out, const struct monitor_rules *rules)
{
    buffer_text(out, "\"budgets\": [");
    for (uint32_t i = 0; i < rules->budgets_count; i++) {
        const struct budget_rules *budget = &rules->budgets[i];

        begin_item(out, i, "      ");
        buffer_text(out, "{\"name\": ");
        write_string(out, budget->name);
        buffer_text(out, ", \"limit\": ");
        write_money(out, budget->limit);
        buffer_text(out, ", \"per\": ");
        write_duration(out, budget->per);
        buffer_byte(out, '}');
    }
    buffer_text(out, "],\n    ");
}

static void write_hooks(struct buffer *out, const struct monitor_rules *rules)
{
    buffer_text(out, ", \"hook\": [");
    for (uint32_t i = 0; i < rules->hooks_count; i++)
        buffer_printf(out, "%s\"%s\"", i == 0 ? "" : ", ", hook_kind_word(rules->hooks[i]));
    buffer_byte(out, ']');
}

static void write_monitor(struct buffer *out, const struct scenario *scenario)
{
    const struct monitor_rules *rules = &scenario->monitor;

    if (!rules->is_on)
        return;
    buffer_text(out, "  \"monitor\": {\n    ");
    write_budgets(out, rules);
    buffer_text(out, "\"slow\": ");
    write_duration(out, rules->slow);
    if (rules->tokens_high != UINT64_MAX)
        buffer_printf(out, ", \"tokens_high\": %llu", (unsigned long long)rules->tokens_high);
    buffer_text(out, ", \"errors\": ");
    write_bool(out, rules->errors);
    buffer_text(out, ", \"cool_down\": ");
    write_duration(out, rules->cool_down);
    buffer_text(out, ", \"patience\": ");
    write_duration(out, rules->patience);
    if (scenario->target == TARGET_MOCK)
        write_hooks(out, rules);
    buffer_text(out, "\n  },\n");
}

/* --- what is kept as text --------------------------------------------------------------------- */

/* The same value without comments. It was checked when it was loaded. */
static void write_plain(struct buffer *out, struct slice text)
{
    struct json json;
    struct json_token token;
    bool needs_comma = false;

    json_init(&json, text, JSON_COMMENTS);
    while (json_next(&json, &token) == RC_OK) {
        bool is_end = token.kind == JSON_OBJECT_END || token.kind == JSON_ARRAY_END;
        bool is_text = token.kind == JSON_KEY || token.kind == JSON_STRING;

        buffer_text(out, needs_comma && !is_end ? ", " : "");
        buffer_text(out, is_text ? "\"" : "");
        buffer_append(out, token.raw);
        buffer_text(out, is_text ? "\"" : "");
        buffer_text(out, token.kind == JSON_KEY ? ": " : "");
        needs_comma =
            token.kind != JSON_KEY && token.kind != JSON_OBJECT && token.kind != JSON_ARRAY;
    }
}

static void write_judgement(struct buffer *out, const struct scenario *scenario)
{
    if (scenario->laws.text.size > 0) {
        buffer_text(out, "  \"laws\": ");
        write_plain(out, scenario->laws.text);
        buffer_text(out, ",\n");
    }
    if (scenario->expects_count == 0)
        return;
    buffer_text(out, "  \"expect\": [");
    for (uint32_t i = 0; i < scenario->expects_count; i++) {
        begin_item(out, i, "    ");
        json_write_text(out, scenario->expects[i].text);
    }
    buffer_text(out, "\n  ],\n");
}

static void write_link(struct buffer *out, const struct link_rules *link)
{
    buffer_text(out, "  \"link\": {\"latency\": ");
    write_duration(out, link->latency);
    buffer_text(out, ", \"connect\": ");
    write_duration(out, link->connect);
    buffer_text(out, ", \"idle_close\": ");
    write_duration(out, link->idle_close);
    buffer_text(out, "}\n");
}

void scenario_write(const struct scenario *scenario, struct buffer *out)
{
    buffer_text(out, "{\n  \"name\": ");
    write_string(out, scenario->name);
    if (scenario->about[0] != '\0') {
        buffer_text(out, ",\n  \"about\": ");
        write_string(out, scenario->about);
    }
    buffer_printf(out, ",\n  \"seed\": %llu,\n", (unsigned long long)scenario->seed);
    if (scenario->spend_limit != MONEY_MAX) {
        buffer_text(out, "  \"spend_limit\": ");
        write_money(out, scenario->spend_limit);
        buffer_text(out, ",\n");
    }
    if (scenario->has_control)
        buffer_text(out, "  \"control\": \"no-chaos\",\n");
    write_subject(out, scenario);
    write_target(out, scenario);
    write_load(out, scenario);
    write_chaos(out, &scenario->chaos);
    write_monitor(out, scenario);
    write_judgement(out, scenario);
    write_link(out, &scenario->link);
    buffer_text(out, "}\n");
}
