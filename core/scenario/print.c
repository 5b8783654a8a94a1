/* `check --print`: the scenario as it will run, all defaults filled in, as JSON that loads again.
 */

#include "scenario/print.h"

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
    print_duration(out, layer->backoff.base);
    buffer_printf(out, ", \"factor\": %.12g, \"cap\": ", layer->backoff.factor);
    print_duration(out, layer->backoff.cap);
    buffer_printf(out, ", \"jitter\": \"%s\"},\n       \"advice\": \"%s\"",
                  jitters[layer->backoff.jitter], manners[layer->advice]);
    if (!cause_set_is_empty(&layer->advice_on)) {
        buffer_text(out, ", \"advice_on\": ");
        write_causes(out, &layer->advice_on);
    }
    buffer_text(out, ", \"advice_max\": ");
    print_duration(out, layer->advice_max);
    buffer_text(out, ", \"obeys_should_retry\": ");
    print_bool(out, layer->obeys_should_retry);
    buffer_text(out, ", \"sleeps_before_giving_up\": ");
    print_bool(out, layer->sleeps_before_giving_up);
    if (layer->budget.is_on) {
        buffer_text(out, ", \"budget\": ");
        print_share(out, layer->budget.share);
    }
    buffer_byte(out, '}');
}

static void write_fallback(struct buffer *out, const struct fallback_rule *rule)
{
    buffer_text(out, "{\"on\": ");
    write_causes(out, &rule->on);
    buffer_printf(out, ", \"after\": %u, \"to\": ", rule->after);
    print_string(out, rule->to);
    buffer_byte(out, '}');
}

static void write_timeouts(struct buffer *out, const struct timeouts *timeouts)
{
    buffer_text(out, "{\"connect\": ");
    print_duration(out, timeouts->connect);
    buffer_text(out, ", \"first_token\": ");
    print_duration(out, timeouts->first_token);
    buffer_text(out, ", \"between_tokens\": ");
    print_duration(out, timeouts->between_tokens);
    buffer_text(out, ", \"attempt\": ");
    print_duration(out, timeouts->attempt);
    buffer_text(out, ", \"call\": ");
    print_duration(out, timeouts->call);
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
    print_string(out, client->preset);
    buffer_text(out, ",\n    \"layers\": [");
    for (uint32_t i = 0; i < client->layers_count; i++) {
        print_item(out, i, "      ");
        write_layer(out, &client->layers[i]);
    }
    buffer_text(out, "\n    ],\n");
    if (client->fallbacks_count > 0) {
        buffer_text(out, "    \"fallback\": [");
        for (uint32_t i = 0; i < client->fallbacks_count; i++) {
            print_item(out, i, "      ");
            write_fallback(out, &client->fallbacks[i]);
        }
        buffer_text(out, "\n    ],\n");
    }
    buffer_text(out, "    \"timeouts\": ");
    write_timeouts(out, &client->timeouts);
    buffer_text(out, ",\n    \"keeps_deadline\": ");
    print_bool(out, client->keeps_deadline);
    buffer_printf(out, ",\n    \"alerts\": {\"budget\": \"%s\", \"anomalies\": \"%s\"}\n  }},\n",
                  repeats_word(client->alerts.repeats_budget),
                  repeats_word(client->alerts.repeats_anomalies));
}

/* --- the load --------------------------------------------------------------------------------- */

static void write_request(struct buffer *out, const struct scenario *scenario,
                          const struct request_shape *shape)
{
    buffer_text(out, "{\"model\": ");
    print_string(out, scenario->models[shape->model].name);
    buffer_text(out, ", \"stream\": ");
    print_bool(out, shape->stream);
    buffer_printf(out, ", \"weight\": %.12g", shape->weight);
    if (shape->has_input_tokens) {
        buffer_text(out, ", \"input_tokens\": ");
        print_tokens(out, &shape->input_tokens);
    }
    if (shape->has_output_tokens) {
        buffer_text(out, ", \"output_tokens\": ");
        print_tokens(out, &shape->output_tokens);
    }
    buffer_byte(out, '}');
}

static void write_arrivals(struct buffer *out, const struct load_part *part)
{
    buffer_text(out, "{\"part\": ");
    print_string(out, part->name);
    buffer_text(out, ", \"rate\": ");
    print_rate(out, part->arrivals.rate_per_s, "");
    buffer_printf(out, ", \"process\": \"%s\", \"for\": ",
                  part->arrivals.process == ARRIVAL_POISSON ? "poisson" : "constant");
    print_duration(out, part->arrivals.lasts);
    buffer_byte(out, '}');
}

static void write_trace(struct buffer *out, const struct load_part *part)
{
    buffer_text(out, "{\"part\": ");
    print_string(out, part->name);
    buffer_text(out, ", \"file\": ");
    json_write_text(out, part->trace.file);
    buffer_text(out, ", \"format\": \"azure\", \"from\": ");
    print_duration(out, part->trace.from);
    buffer_text(out, ", \"for\": ");
    print_duration(out, part->trace.lasts);
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
        print_item(out, arrivals++, "      ");
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
        print_item(out, i, "      ");
        write_request(out, scenario, &load->requests[i]);
    }
    buffer_text(out, "\n    ],\n");
    write_parts(out, load);
    buffer_text(out, "    \"deadline\": ");
    print_duration(out, load->deadline);
    buffer_text(out, ", \"drain\": ");
    print_duration(out, load->drain);
    buffer_printf(out, ", \"in_flight_max\": %u\n  },\n", load->in_flight_max);
}

/* --- what is watched -------------------------------------------------------------------------- */

static void write_budgets(struct buffer *out, const struct monitor_rules *rules)
{
    buffer_text(out, "\"budgets\": [");
    for (uint32_t i = 0; i < rules->budgets_count; i++) {
        const struct budget_rules *budget = &rules->budgets[i];

        print_item(out, i, "      ");
        buffer_text(out, "{\"name\": ");
        print_string(out, budget->name);
        buffer_text(out, ", \"limit\": ");
        print_money(out, budget->limit);
        buffer_text(out, ", \"per\": ");
        print_duration(out, budget->per);
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
    print_duration(out, rules->slow);
    if (rules->tokens_high != UINT64_MAX)
        buffer_printf(out, ", \"tokens_high\": %llu", (unsigned long long)rules->tokens_high);
    buffer_text(out, ", \"errors\": ");
    print_bool(out, rules->errors);
    buffer_text(out, ", \"cool_down\": ");
    print_duration(out, rules->cool_down);
    buffer_text(out, ", \"patience\": ");
    print_duration(out, rules->patience);
    if (scenario->target == TARGET_MOCK)
        write_hooks(out, rules);
    buffer_text(out, "\n  },\n");
}

/* --- what is kept as text --------------------------------------------------------------------- */

static void write_judgement(struct buffer *out, const struct scenario *scenario)
{
    if (scenario->laws.text.size > 0) {
        buffer_text(out, "  \"laws\": ");
        print_plain(out, scenario->laws.text);
        buffer_text(out, ",\n");
    }
    if (scenario->expects_count == 0)
        return;
    buffer_text(out, "  \"expect\": [");
    for (uint32_t i = 0; i < scenario->expects_count; i++) {
        print_item(out, i, "    ");
        json_write_text(out, scenario->expects[i].text);
    }
    buffer_text(out, "\n  ],\n");
}

static void write_link(struct buffer *out, const struct link_rules *link)
{
    buffer_text(out, "  \"link\": {\"latency\": ");
    print_duration(out, link->latency);
    buffer_text(out, ", \"connect\": ");
    print_duration(out, link->connect);
    buffer_text(out, ", \"idle_close\": ");
    print_duration(out, link->idle_close);
    buffer_text(out, "}\n");
}

void scenario_write(const struct scenario *scenario, struct buffer *out)
{
    buffer_text(out, "{\n  \"name\": ");
    print_string(out, scenario->name);
    if (scenario->about[0] != '\0') {
        buffer_text(out, ",\n  \"about\": ");
        print_string(out, scenario->about);
    }
    buffer_printf(out, ",\n  \"seed\": %llu,\n", (unsigned long long)scenario->seed);
    if (scenario->spend_limit != MONEY_MAX) {
        buffer_text(out, "  \"spend_limit\": ");
        print_money(out, scenario->spend_limit);
        buffer_text(out, ",\n");
    }
    if (scenario->has_control)
        buffer_text(out, "  \"control\": \"no-chaos\",\n");
    write_subject(out, scenario);
    print_target(out, scenario);
    write_load(out, scenario);
    print_chaos(out, scenario);
    write_monitor(out, scenario);
    write_judgement(out, scenario);
    write_link(out, &scenario->link);
    buffer_text(out, "}\n");
}
