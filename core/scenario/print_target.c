/* Who answers: providers, models and scripted answers. */

#include "scenario/print.h"

static void write_tariff(struct buffer *out, const struct tariff *tariff)
{
    static const money TOKENS = 1000000;

    buffer_text(out, "\"input\": ");
    print_money(out, tariff->input * TOKENS);
    buffer_text(out, ", \"output\": ");
    print_money(out, tariff->output * TOKENS);
    buffer_text(out, ", \"cached\": ");
    print_money(out, tariff->cached * TOKENS);
    buffer_text(out, ", \"cache_write\": ");
    print_money(out, tariff->cache_write * TOKENS);
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

static void write_limit(struct buffer *out, const struct limit *limit)
{
    static const struct {
        const char *name;
        nanos span;
    } units[] = {{"d", 86400 * NANOS_S}, {"h", 3600 * NANOS_S}, {"min", 60 * NANOS_S},
                 {"s", NANOS_S},         {"ms", NANOS_MS},      {"us", NANOS_US}};
    const char *unit = "ns";

    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        unit = units[i].span == limit->per ? units[i].name : unit;
    if (limit->burst > 0)
        buffer_printf(out, "{\"rate\": \"%llu/%s\", \"burst\": %llu}",
                      (unsigned long long)limit->amount, unit, (unsigned long long)limit->burst);
    else
        buffer_printf(out, "\"%llu/%s\"", (unsigned long long)limit->amount, unit);
}

static void write_limits(struct buffer *out, const struct limits *limits)
{
    const char *separator = ",\n        \"limits\": {";
    bool has_any = false;

    for (uint32_t kind = 0; kind < LIMIT_KINDS_COUNT; kind++) {
        if (limits->of[kind].amount == 0)
            continue;
        buffer_printf(out, "%s\"%s\": ", separator, limit_word((enum limit_kind)kind));
        write_limit(out, &limits->of[kind]);
        separator = ", ";
        has_any = true;
    }
    buffer_text(out, has_any ? "}" : "");
}

static void write_capacity(struct buffer *out, const struct capacity_rules *rules)
{
    if (rules->places == 0)
        return;
    buffer_printf(out, ",\n        \"capacity\": {\"places\": %u, \"queue\": ", rules->places);
    if (rules->queue == UINT32_MAX)
        buffer_text(out, "\"unbounded\"");
    else
        buffer_u64(out, rules->queue);
    buffer_printf(out, ", \"when_full\": %u, \"slowdown\": %.12g, \"abandoned\": \"%s\"",
                  rules->when_full, rules->slowdown,
                  rules->finishes_abandoned ? "finishes" : "stops");
    if (rules->recovers_over > 0) {
        buffer_text(out, ", \"recovers\": {\"from\": ");
        print_share(out, rules->recovers_from);
        buffer_text(out, ", \"over\": ");
        print_duration(out, rules->recovers_over);
        buffer_byte(out, '}');
    }
    buffer_byte(out, '}');
}

static void write_pace(struct buffer *out, const struct model *model)
{
    buffer_text(out, "\"first_token\": ");
    print_spans(out, &model->first_token);
    if (model->has_token_gap) {
        buffer_text(out, ", \"token_gap\": ");
        print_spans(out, &model->token_gap);
    } else {
        buffer_text(out, ", \"rate\": ");
        print_rate(out, model->tokens_per_s, " tokens");
    }
    buffer_printf(out, ", \"tokens_per_event\": %u", model->tokens_per_event);
    if (model->thinking.p50 > 0) {
        buffer_text(out, ", \"thinking_tokens\": ");
        print_tokens(out, &model->thinking);
    }
    if (model->ping_every > 0) {
        buffer_text(out, ", \"pings\": ");
        print_duration(out, model->ping_every);
    }
}

static void write_model(struct buffer *out, const struct scenario *scenario, uint32_t index)
{
    const struct model *model = &scenario->models[index];

    print_string(out, model->name);
    buffer_printf(out, ": {\"api\": \"%s\", \"provider\": ", api_word(scenario->apis[index]));
    print_string(out, scenario->providers[model->provider].name);
    buffer_text(out, ",\n        ");
    write_pace(out, model);
    if (model->context_window != UINT64_MAX)
        buffer_printf(out, ", \"context_window\": %llu", (unsigned long long)model->context_window);
    if (model->stops_at_window)
        buffer_text(out, ", \"at_window\": \"stops\"");
    write_limits(out, &model->limits);
    write_capacity(out, &model->capacity);
    write_price(out, &scenario->prices[index]);
    buffer_byte(out, '}');
}

/* --- answers ---------------------------------------------------------------------------------- */

static void write_count(struct buffer *out, const char *word, bool is_said, uint64_t count)
{
    if (is_said)
        buffer_printf(out, ", \"%s\": %llu", word, (unsigned long long)count);
}

static void write_answer(struct buffer *out, const struct script *script)
{
    buffer_text(out, "{\"name\": ");
    print_string(out, script->name);
    buffer_text(out, ", \"match\": ");
    print_match(out, &script->match);
    if (script->text.size > 0) {
        buffer_text(out, ", \"text\": ");
        json_write_text(out, script->text);
    }
    if (script->tool_name.size > 0) {
        buffer_text(out, ", \"tool\": {\"name\": ");
        json_write_text(out, script->tool_name);
        buffer_text(out, ", \"input\": ");
        buffer_append(out, script->tool_input);
        buffer_byte(out, '}');
    }
    if (script->has_stop)
        buffer_printf(out, ", \"stop\": \"%s\"", stop_word(script->stop));
    write_count(out, "thinking_tokens", script->has_thinking_tokens, script->thinking_tokens);
    write_count(out, "cached_tokens", script->has_cached_tokens, script->cached_tokens);
    write_count(out, "cache_write_tokens", script->has_cache_write_tokens,
                script->cache_write_tokens);
    buffer_byte(out, '}');
}

static void write_answers(struct buffer *out, const struct scenario *scenario)
{
    if (scenario->scripts_count == 0)
        return;
    buffer_text(out, ",\n    \"answers\": [");
    for (uint32_t i = 0; i < scenario->scripts_count; i++) {
        print_item(out, i, "      ");
        write_answer(out, &scenario->scripts[i]);
    }
    buffer_text(out, "\n    ]");
}

/* --- the whole -------------------------------------------------------------------------------- */

static void write_provider(struct buffer *out, const struct provider *provider)
{
    print_string(out, provider->name);
    buffer_printf(out, ": {\"api\": \"%s\"", api_word(provider->api));
    if (provider->base_url.size > 0) {
        buffer_text(out, ", \"base_url\": ");
        json_write_text(out, provider->base_url);
    }
    if (provider->key_env[0] != '\0')
        buffer_printf(out, ", \"api_key\": \"$%s\"", provider->key_env);
    buffer_byte(out, '}');
}

void print_target(struct buffer *out, const struct scenario *scenario)
{
    bool is_live = scenario->target == TARGET_LIVE;

    buffer_text(out, "  \"target\": {");
    buffer_text(out, is_live ? "\n    \"providers\": {" : "\"mock\": {\n    \"providers\": {");
    for (uint32_t i = 0; i < scenario->providers_count; i++) {
        print_item(out, i, "      ");
        write_provider(out, &scenario->providers[i]);
    }
    buffer_text(out, "\n    },\n    \"models\": {");
    for (uint32_t i = 0; i < scenario->models_count; i++) {
        print_item(out, i, "      ");
        write_model(out, scenario, i);
    }
    buffer_text(out, "\n    }");
    if (!is_live && scenario->serves_any_model != (scenario->subject == SUBJECT_EXEC))
        buffer_printf(out, ",\n    \"any_model\": %s",
                      scenario->serves_any_model ? "true" : "false");
    write_answers(out, scenario);
    buffer_text(out, is_live ? "\n  },\n" : "\n  }},\n");
}
