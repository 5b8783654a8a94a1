/* Rules: when, whom they hit, and with what. */

#include "scenario/print.h"

#include <assert.h>

/* --- whom ------------------------------------------------------------------------------------- */

/* `"word": `, after a comma where something stands before it. */
static void write_key(struct buffer *out, const char **separator, const char *word)
{
    buffer_printf(out, "%s\"%s\": ", *separator, word);
    *separator = ", ";
}

static void write_input_tokens(struct buffer *out, const struct match *match)
{
    const char *separator = "";

    buffer_byte(out, '{');
    if (match->input_tokens_min > 0) {
        write_key(out, &separator, "min");
        buffer_u64(out, match->input_tokens_min);
    }
    if (match->input_tokens_max != UINT64_MAX) {
        write_key(out, &separator, "max");
        buffer_u64(out, match->input_tokens_max);
    }
    buffer_byte(out, '}');
}

static void write_pattern(struct buffer *out, const struct condition *condition)
{
    const struct pattern *pattern = condition->pattern;

    if (pattern == NULL) {
        buffer_text(out, condition->is_absent ? "{\"absent\": true}" : "{\"present\": true}");
        return;
    }
    if (pattern->kind != PATTERN_EQUALS)
        buffer_text(out, pattern->kind == PATTERN_GLOB ? "{\"glob\": " : "{\"regex\": ");
    json_write_text(out, pattern->text);
    buffer_text(out, pattern->kind != PATTERN_EQUALS ? "}" : "");
}

/* Those of one kind: an object by name, but the path has one pattern and no name. */
static void write_conditions(struct buffer *out, const char **separator, const struct match *match,
                             enum condition_kind kind, const char *word)
{
    const char *comma = "";

    for (uint32_t i = 0; i < match->conditions_count; i++) {
        const struct condition *condition = &match->conditions[i];

        if (condition->kind != kind)
            continue;
        if (comma[0] == '\0')
            write_key(out, separator, word);
        if (kind != CONDITION_PATH) {
            buffer_text(out, comma[0] == '\0' ? "{" : comma);
            json_write_text(out, condition->name);
            buffer_text(out, ": ");
        }
        write_pattern(out, condition);
        comma = ", ";
    }
    buffer_text(out, kind != CONDITION_PATH && comma[0] != '\0' ? "}" : "");
}

void print_match(struct buffer *out, const struct match *match)
{
    const char *separator = "";

    buffer_byte(out, '{');
    if (match->provider[0] != '\0') {
        write_key(out, &separator, "provider");
        print_string(out, match->provider);
    }
    if (match->model[0] != '\0') {
        write_key(out, &separator, "model");
        print_string(out, match->model);
    }
    if (match->has_stream) {
        write_key(out, &separator, "stream");
        print_bool(out, match->stream);
    }
    if (match->input_tokens_min > 0 || match->input_tokens_max != UINT64_MAX) {
        write_key(out, &separator, "input_tokens");
        write_input_tokens(out, match);
    }
    if (match->isolation[0] != '\0') {
        write_key(out, &separator, "isolation");
        print_string(out, match->isolation);
    }
    write_conditions(out, &separator, match, CONDITION_PATH, "path");
    write_conditions(out, &separator, match, CONDITION_HEADER, "headers");
    write_conditions(out, &separator, match, CONDITION_BODY, "body");
    buffer_byte(out, '}');
}

/* --- when and how often ----------------------------------------------------------------------- */

/* A window that counts from a mark which has come stands in run time: back to how it was said. */
static nanos said_at(const struct phase *phase)
{
    bool has_come = phase->from != PHASE_FROM_START && !phase->is_waiting;

    return has_come ? phase->at - phase->marked_at : phase->at;
}

static void write_window(struct buffer *out, const struct phase *phase)
{
    buffer_text(out, "\"phase\": ");
    print_string(out, phase->name);
    buffer_text(out, ", \"at\": ");
    print_duration(out, said_at(phase));
    buffer_text(out, ", \"for\": ");
    print_duration(out, phase->lasts);
    if (phase->every > 0) {
        buffer_text(out, ", \"every\": ");
        print_duration(out, phase->every);
    }
    if (phase->from == PHASE_FROM_FIRST_REQUEST)
        buffer_text(out, ", \"from\": \"first_request\"");
    if (phase->from == PHASE_FROM_MARK)
        buffer_printf(out, ", \"from\": {\"mark\": \"%s\"}", phase->mark);
}

static void write_ordinal(struct buffer *out, const char *word, uint64_t value)
{
    if (value > 0)
        buffer_printf(out, ", \"%s\": %llu", word, (unsigned long long)value);
}

static void write_order(struct buffer *out, const struct chaos_order *order)
{
    write_ordinal(out, "nth", order->nth);
    write_ordinal(out, "every_nth", order->every);
    write_ordinal(out, "times", order->times);
    if (order->state[0] == '\0')
        return;
    buffer_printf(out, ", \"state\": {\"name\": \"%s\"", order->state);
    if (order->state_is[0] != '\0')
        buffer_printf(out, ", \"is\": \"%s\"", order->state_is);
    if (order->state_becomes[0] != '\0')
        buffer_printf(out, ", \"becomes\": \"%s\"", order->state_becomes);
    buffer_byte(out, '}');
}

static void write_sequence(struct buffer *out, const struct chaos_rule *rule)
{
    bool is_array = rule->sequence_count > 1 || rule->sequence[0].kind == FAULT_NONE;

    buffer_text(out, ", \"fault\": ");
    buffer_text(out, is_array ? "[" : "");
    for (uint32_t i = 0; i < rule->sequence_count; i++) {
        buffer_text(out, i == 0 ? "" : ", ");
        print_fault(out, &rule->sequence[i]);
    }
    buffer_text(out, is_array ? "]" : "");
}

static void write_rule(struct buffer *out, const struct chaos *chaos, const struct chaos_rule *rule)
{
    buffer_byte(out, '{');
    write_window(out, &chaos->phases.list[rule->phase]);
    buffer_text(out, ", \"rule\": ");
    print_string(out, rule->name);
    buffer_text(out, ",\n     \"match\": ");
    print_match(out, &rule->match);
    if (rule->sequence[0].kind != FAULT_CAPACITY) { /* which takes none */
        buffer_text(out, ", \"share\": ");
        print_share(out, rule->share);
    }
    if (rule->priority != 0)
        buffer_printf(out, ", \"priority\": %d", rule->priority);
    write_order(out, &rule->order);
    if (rule->is_disabled)
        buffer_text(out, ", \"enabled\": false");
    write_sequence(out, rule);
    buffer_byte(out, '}');
}

void scenario_write_rule(const struct scenario *scenario, const struct chaos *chaos, uint32_t rule,
                         struct buffer *out)
{
    (void)scenario; /* nothing of it is needed yet */
    assert(rule < chaos->rules_count);
    write_rule(out, chaos, &chaos->rules[rule]);
}

void print_chaos(struct buffer *out, const struct scenario *scenario)
{
    const struct chaos *chaos = &scenario->chaos;

    if (chaos->rules_count == 0)
        return;
    buffer_text(out, "  \"chaos\": [");
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        print_item(out, i, "    ");
        write_rule(out, chaos, &chaos->rules[i]);
    }
    buffer_text(out, "\n  ],\n");
}
