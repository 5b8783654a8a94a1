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

static void write_model(struct buffer *out, const struct scenario *scenario, uint32_t index)
{
    const struct model *model = &scenario->models[index];
    const struct provider *provider = &scenario->providers[model->provider];

    print_string(out, model->name);
    buffer_printf(out, ": {\"api\": \"%s\", \"provider\": ", api_word(provider->api));
    print_string(out, provider->name);
    buffer_text(out, ",\n        \"first_token\": ");
    print_spans(out, &model->first_token);
    buffer_text(out, ", \"rate\": ");
    print_rate(out, model->tokens_per_s, " tokens");
    buffer_printf(out, ", \"tokens_per_event\": %u", model->tokens_per_event);
    if (model->context_window != UINT64_MAX)
        buffer_printf(out, ", \"context_window\": %llu", (unsigned long long)model->context_window);
    write_price(out, &scenario->prices[index]);
    buffer_byte(out, '}');
}

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
    buffer_text(out, is_live ? "\n    }\n  },\n" : "\n    }\n  }},\n");
}
