#include "live.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/stake.h"
#include "judge/readable.h"
#include "os/secrecy.h"

/* Shorter ones are no secrets, and may be part of any word. */
enum { KEY_HIDDEN_LEAST = 8 };

/* --- guards ----------------------------------------------------------------------------------- */

static enum rc PRINTF_LIKE(3, 4)
    refuse(const struct scenario *scenario, struct error *err, const char *format, ...)
{
    va_list arguments;
    char text[sizeof(err->text)];

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return error_set(err, RC_MALFORMED, "%.*s: %s", SLICE_ARG(scenario->file), text);
}

static bool is_loopback(const struct scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->providers_count; i++)
        if (!base_url_is_loopback(scenario->providers[i].base_url))
            return false;
    return true;
}

static enum rc check_variables(const struct scenario *scenario, struct error *err)
{
    for (uint32_t i = 0; i < scenario->providers_count; i++) {
        const struct provider *provider = &scenario->providers[i];
        const char *value = provider->key_env[0] == '\0' ? "-" : getenv(provider->key_env);

        if (value == NULL || value[0] == '\0')
            return refuse(scenario, err,
                          "provider \"%s\" takes its key from the environment variable %s, which "
                          "is not set",
                          provider->name, provider->key_env);
    }
    return RC_OK;
}

static enum rc check_service_variable(const struct scenario *scenario, struct error *err)
{
    char name[SCENARIO_ENV_NAME_MAX];
    const char *value;

    slice_copy(scenario->subject_rules.service.key_env, name, sizeof(name));
    value = name[0] == '\0' ? "-" : getenv(name);
    if (value == NULL || value[0] == '\0')
        return refuse(scenario, err,
                      "the service takes its key from the environment variable %s, which is not "
                      "set",
                      name);
    return RC_OK;
}

/* Of a trace, the busiest second. */
static double rate_of(const struct load_part *part)
{
    uint64_t first = 0, most = 0;

    if (part->kind == PART_ARRIVALS)
        return part->arrivals.rate_per_s;
    for (uint64_t i = 0; i < part->rows_count; i++) {
        while (part->rows[i].due_at - part->rows[first].due_at >= NANOS_S)
            first++;
        if (i - first + 1 > most)
            most = i - first + 1;
    }
    return (double)most;
}

static enum rc check_rate(const struct scenario *scenario, struct error *err)
{
    for (uint32_t i = 0; i < scenario->load.parts_count; i++) {
        const struct load_part *part = &scenario->load.parts[i];

        if (rate_of(part) > LIVE_RATE_MAX)
            return refuse(scenario, err,
                          "part \"%s\" makes %s calls/s at a live target; more than %d/s need "
                          "--yes-really",
                          part->name, readable_number(rate_of(part)).text, LIVE_RATE_MAX);
    }
    return RC_OK;
}

static enum rc check_estimate(const struct scenario *scenario, struct error *err)
{
    struct stake_estimate sum;

    if (scenario->spend_limit == MONEY_MAX)
        return RC_OK;
    sum = stake_estimate(scenario);
    if (sum.worst <= scenario->spend_limit)
        return RC_OK;
    return refuse(scenario, err,
                  "%s calls with %s input and at most %s output tokens in all, times %u attempts, "
                  "may cost %s; spend_limit is %s",
                  readable_count(sum.calls).text, readable_count(sum.input_tokens).text,
                  readable_count(sum.output_tokens).text, sum.attempts_max,
                  readable_money(sum.worst).text, readable_money(scenario->spend_limit).text);
}

static enum rc check_money(const struct scenario *scenario, struct error *err)
{
    uint32_t unpriced = stake_unpriced(scenario);

    if (scenario->spend_limit == MONEY_MAX)
        return refuse(scenario, err,
                      "a live target needs a limit, such as \"spend_limit\": \"$2.00\"");
    if (unpriced < SCENARIO_MODELS_MAX)
        return refuse(scenario, err,
                      "model \"%s\" has no known price, so nobody could keep to spend_limit; give "
                      "it a \"price\"",
                      scenario->models[unpriced].name);
    return check_estimate(scenario, err);
}

/* What it asks on its way may be real: then it is not the mock that is asked. */
static enum rc check_services(const struct scenario *scenario, struct error *err)
{
    const struct service_rules *service = &scenario->subject_rules.service;

    for (uint32_t i = 0; i < service->urls_count; i++) {
        struct json_position at = scenario->places.services[i];

        if (!base_url_is_loopback(service->urls[i]))
            return error_set(err, RC_MALFORMED,
                             "%.*s:%u:%u: the service is not on this machine; say --live if you "
                             "mean it",
                             SLICE_ARG(scenario->file), at.line, at.column);
    }
    return RC_OK;
}

enum rc live_guard(const struct scenario *scenario, const struct options *options,
                   struct error *err)
{
    if (!options->allows_live)
        TRY(check_services(scenario, err));
    TRY(check_service_variable(scenario, err));
    if (scenario->target != TARGET_LIVE)
        return RC_OK;
    if (!is_loopback(scenario)) {
        if (!options->allows_live)
            return refuse(scenario, err,
                          "its target is live: real servers, and real money; say --live if you "
                          "mean it");
        TRY(check_money(scenario, err));
        if (!options->is_certain)
            TRY(check_rate(scenario, err));
    }
    return check_variables(scenario, err);
}

/* --- keys ------------------------------------------------------------------------------------- */

/* Visible ASCII: what a header takes without folding or encoding. */
static bool is_header_text(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static enum rc take_key(struct live *live, uint32_t index, const char *variable, struct error *err)
{
    const char *value = variable[0] == '\0' ? "" : getenv(variable);

    if (value == NULL)
        return error_set(err, RC_MALFORMED, "the environment variable %s is not set", variable);
    if (strlen(value) > LIVE_KEY_MAX || !is_header_text(value))
        return error_set(err, RC_MALFORMED,
                         "the environment variable %s holds no API key: expected at most %d "
                         "visible ASCII letters",
                         variable, LIVE_KEY_MAX);
    strcpy(live->keys_text[index], value);
    live->keys[index] = slice_of(live->keys_text[index]);
    return RC_OK;
}

static void take_origin(struct live *live, uint32_t index, const struct provider *provider)
{
    bool fits = slice_copy(provider->base_url, live->origins_text[index],
                           sizeof(live->origins_text[index]));

    assert(fits); /* base_url_read bounds it */
    live->origins[index] = live->origins_text[index];
}

static enum rc take_provider(struct live *live, uint32_t index, const struct provider *provider,
                             struct error *err)
{
    take_origin(live, index, provider);
    return take_key(live, index, provider->key_env, err);
}

static enum rc take_service(struct live *live, const struct service_rules *service,
                            struct error *err)
{
    char name[SCENARIO_ENV_NAME_MAX];

    slice_copy(service->key_env, name, sizeof(name));
    return take_key(live, 0, name, err);
}

enum rc live_open(struct live *live, const struct scenario *scenario, struct error *err)
{
    bool is_service = scenario->subject == SUBJECT_SERVICE;
    enum rc rc = RC_OK;

    *live = (struct live){0};
    secrecy_begin();
    live->is_open = true;
    live->count = is_service ? 1 : scenario->providers_count;
    if (is_service)
        rc = take_service(live, &scenario->subject_rules.service, err);
    for (uint32_t i = 0; rc == RC_OK && !is_service && i < live->count; i++)
        rc = take_provider(live, i, &scenario->providers[i], err);
    if (rc != RC_OK)
        live_close(live);
    return rc;
}

void live_close(struct live *live)
{
    if (!live->is_open)
        return;
    explicit_bzero(live, sizeof(*live));
    secrecy_end();
}

/* --- what servers repeat ---------------------------------------------------------------------- */

/* Texts are cut at their capacity: a key may stand at the end in part. */
static size_t common_size(const char *text, struct slice key)
{
    size_t size = 0;

    while (size < key.size && text[size] == key.data[size])
        size++;
    return size;
}

static void hide_in(char *text, struct slice key)
{
    for (; *text != '\0'; text++) {
        size_t size = common_size(text, key);

        if (size == key.size || (size >= KEY_HIDDEN_LEAST && text[size] == '\0'))
            memset(text, '*', size);
    }
}

void live_hide(const struct live *live, struct call_record *call)
{
    for (uint32_t i = 0; i < live->count; i++) {
        if (live->keys[i].size < KEY_HIDDEN_LEAST)
            continue;
        hide_in(call->error, live->keys[i]);
        hide_in(call->stop_reason, live->keys[i]);
        for (uint32_t k = 0; k < call->attempts_count && k < RECORD_ATTEMPTS_MAX; k++)
            hide_in(call->attempts[k].request_id, live->keys[i]);
    }
}
