/* The subject: whose conduct is judged. */

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

static void write_client(struct buffer *out, const struct scenario *scenario)
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

/* --- programs --------------------------------------------------------------------------------- */

static void write_member(struct buffer *out, const char *name, struct slice text)
{
    if (text.size == 0)
        return;
    buffer_printf(out, ",\n    \"%s\": ", name);
    json_write_text(out, text);
}

static void write_pairs(struct buffer *out, const char *name, const struct subject_pair *pairs,
                        uint32_t count, const char *indent)
{
    if (count == 0)
        return;
    buffer_printf(out, ",\n    \"%s\": {", name);
    for (uint32_t i = 0; i < count; i++) {
        print_item(out, i, indent);
        json_write_text(out, pairs[i].name);
        buffer_text(out, ": ");
        json_write_text(out, pairs[i].value);
    }
    buffer_byte(out, '}');
}

static void write_log(struct buffer *out, const struct exec_rules *exec)
{
    if (exec->log_file.size == 0)
        return;
    buffer_text(out, "\"log\": {\"file\": ");
    json_write_text(out, exec->log_file);
    buffer_text(out, ", \"map\": {");
    for (uint32_t i = 0; i < LOG_FIELDS_COUNT; i++) {
        struct slice pointer = exec->log.pointers[i];

        print_item(out, i, "      ");
        buffer_printf(out, "\"%s\": ", log_field_name((enum log_field)i));
        if (pointer.size == 0)
            buffer_text(out, "null");
        else
            json_write_text(out, pointer);
    }
    buffer_text(out, "}}");
}

static void write_exec(struct buffer *out, const struct scenario *scenario)
{
    const struct subject_rules *rules = &scenario->subject_rules;

    buffer_text(out, "  \"subject\": {\"exec\": {");
    write_log(out, &rules->exec);
    buffer_byte(out, '}');
    write_pairs(out, "env", rules->env, rules->env_count, "      ");
    buffer_text(out, "},\n");
}

static void write_urls(struct buffer *out, const struct service_rules *service)
{
    if (service->urls_count == 1) {
        json_write_text(out, service->urls[0]);
        return;
    }
    buffer_byte(out, '[');
    for (uint32_t i = 0; i < service->urls_count; i++) {
        buffer_text(out, i == 0 ? "" : ", ");
        json_write_text(out, service->urls[i]);
    }
    buffer_byte(out, ']');
}

static void write_send(struct buffer *out, const struct service_rules *service)
{
    buffer_printf(out, "{\"speaks\": \"%s\"",
                  service->is_plain ? "json" : api_word(service->speaks));
    write_member(out, "path", service->path);
    write_pairs(out, "headers", service->headers, service->headers_count, "      ");
    if (service->key_env.size > 0)
        buffer_printf(out, ",\n    \"key\": \"$%.*s\"", SLICE_ARG(service->key_env));
    if (service->is_plain) {
        buffer_text(out, ",\n    \"body\": ");
        buffer_append(out, service->body);
    }
    write_member(out, "answer", service->answer);
    write_member(out, "delta", service->delta);
    write_member(out, "done", service->done);
    write_member(out, "ends_at", service->ends_at);
    buffer_byte(out, '}');
}

static void write_start(struct buffer *out, const struct service_rules *service)
{
    if (service->start_count == 0)
        return;
    buffer_text(out, ",\n    \"start\": [");
    for (uint32_t i = 0; i < service->start_count; i++) {
        buffer_text(out, i == 0 ? "" : ", ");
        json_write_text(out, service->start[i]);
    }
    buffer_byte(out, ']');
}

static void write_service(struct buffer *out, const struct scenario *scenario)
{
    const struct subject_rules *rules = &scenario->subject_rules;

    buffer_text(out, "  \"subject\": {\"service\": ");
    write_urls(out, &rules->service);
    buffer_text(out, ",\n    \"send\": ");
    write_send(out, &rules->service);
    buffer_text(out, ",\n    \"timeouts\": ");
    write_timeouts(out, &scenario->client.timeouts);
    write_start(out, &rules->service);
    write_member(out, "ready", rules->service.ready);
    buffer_text(out, ",\n    \"ready_within\": ");
    print_duration(out, rules->service.ready_within);
    write_pairs(out, "env", rules->env, rules->env_count, "      ");
    buffer_text(out, "},\n");
}

void print_subject(struct buffer *out, const struct scenario *scenario)
{
    switch (scenario->subject) {
    case SUBJECT_CLIENT:
        write_client(out, scenario);
        return;
    case SUBJECT_EXEC:
        write_exec(out, scenario);
        return;
    case SUBJECT_SERVICE:
        write_service(out, scenario);
        return;
    }
}
