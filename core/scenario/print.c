/* `check --print`: the scenario as it will run, all defaults filled in, as JSON that loads again.
 */

#include "scenario/print.h"

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

static void write_requests(struct buffer *out, const struct scenario *scenario)
{
    const struct load *load = &scenario->load;

    if (load->requests_count == 0) /* of a command */
        return;
    buffer_text(out, "    \"requests\": [");
    for (uint32_t i = 0; i < load->requests_count; i++) {
        print_item(out, i, "      ");
        write_request(out, scenario, &load->requests[i]);
    }
    buffer_text(out, "\n    ],\n");
}

static void write_load(struct buffer *out, const struct scenario *scenario)
{
    const struct load *load = &scenario->load;

    buffer_text(out, "  \"load\": {\n");
    write_requests(out, scenario);
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
    if (scenario->compression > 1)
        buffer_printf(out, "  \"compressed\": %u,\n", scenario->compression);
    if (scenario->spend_limit != MONEY_MAX) {
        buffer_text(out, "  \"spend_limit\": ");
        print_money(out, scenario->spend_limit);
        buffer_text(out, ",\n");
    }
    if (scenario->has_control)
        buffer_text(out, "  \"control\": \"no-chaos\",\n");
    print_subject(out, scenario);
    print_target(out, scenario);
    write_load(out, scenario);
    print_chaos(out, scenario);
    write_monitor(out, scenario);
    write_judgement(out, scenario);
    write_link(out, &scenario->link);
    buffer_text(out, "}\n");
}
