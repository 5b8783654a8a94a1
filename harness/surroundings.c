#include "surroundings.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "os/folder.h"
#include "scenario/template.h"
#include "wire/json.h"

enum { OURS_MAX = 192, VALUE_BYTES_MAX = 64 << 10 };

/* Shorter ones are no keys: they would be found in any text. */
enum { KEY_BYTES_LEAST = 8 };

#define ARENA_BYTES_MAX ((size_t)16 << 20)

/* --- what clients read ------------------------------------------------------------------------ */

/* As found in the sources of the clients, and tried by tests/interop/base_urls. */
static const struct base_url_row base_urls[] = {
    {"ANTHROPIC_BASE_URL", "anthropic", "",
     "anthropic (Python, Node), LangChain JS, LlamaIndex, Pydantic AI, Instructor, Vercel AI SDK"},
    {"ANTHROPIC_API_URL", "anthropic", "", "LangChain (Python), before ANTHROPIC_BASE_URL"},
    {"ANTHROPIC_API_BASE", "anthropic", "", "LiteLLM"},
    {"OPENAI_BASE_URL", "openai", "/v1",
     "openai (Python, Node), LangChain JS, Pydantic AI, Instructor, Vercel AI SDK, LiteLLM"},
    {"OPENAI_API_BASE", "openai", "/v1", "LangChain (Python), LlamaIndex, LiteLLM"},
    {"AZURE_OPENAI_ENDPOINT", "openai", "",
     "AzureOpenAI of openai (Python, Node), LangChain (Python), Pydantic AI"},
    {"AZURE_OPENAI_BASE_PATH", "openai", "/openai/deployments", "LangChain JS"},
    {"AZURE_API_BASE", "openai", "", "LiteLLM"},
    {"GOOGLE_GEMINI_BASE_URL", "gemini", "", "google-genai (Python, Node), LangChain (Python)"},
    {"GOOGLE_VERTEX_BASE_URL", "gemini", "",
     "google-genai with Vertex AI, whose paths the mock does not have: so that nothing leaves"},
    {"GEMINI_API_BASE", "gemini", "/v1beta", "LiteLLM"},
};

/* Beside a base URL; set only where the program's own environment has none. */
static const struct {
    const char *variable;
    const char *value;
} companions[] = {
    {"OPENAI_API_VERSION", "2024-10-21"},       /* AzureOpenAI does not start without */
    {"AZURE_OPENAI_API_VERSION", "2024-10-21"}, /* nor does LangChain JS's */
    {"AZURE_API_VERSION", "2024-10-21"},        /* nor LiteLLM's azure/ */
    {"LITELLM_LOCAL_MODEL_COST_MAP", "True"},   /* else it fetches one from the network */
};

/* Set even where there is none, so that clients start. */
static const char *const keys_needed[] = {"ANTHROPIC_API_KEY",    "OPENAI_API_KEY",
                                          "AZURE_OPENAI_API_KEY", "AZURE_API_KEY",
                                          "GOOGLE_API_KEY",       "GOOGLE_GENERATIVE_AI_API_KEY"};

/* Replaced where they are, beside everything that ends in _API_KEY. */
static const char *const keys_known[] = {
    "GEMINI_API_KEY",           "ANTHROPIC_AUTH_TOKEN", "OPENAI_ADMIN_KEY", "AZURE_OPENAI_AD_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK", "AZURE_AD_TOKEN",       "HF_TOKEN",         "TOGETHER_AI_TOKEN"};

static const char *const loopback_names[] = {"127.0.0.1", "localhost"};

const struct base_url_row *base_urls_at(uint32_t index)
{
    return index < ARRAY_SIZE(base_urls) ? &base_urls[index] : NULL;
}

const char *key_variables_at(uint32_t index)
{
    if (index < ARRAY_SIZE(keys_needed))
        return keys_needed[index];
    index -= (uint32_t)ARRAY_SIZE(keys_needed);
    return index < ARRAY_SIZE(keys_known) ? keys_known[index] : NULL;
}

static bool ends_with(struct slice text, struct slice end)
{
    return text.size >= end.size &&
           slice_is((struct slice){text.data + text.size - end.size, end.size}, end);
}

static bool is_key_variable(struct slice name)
{
    const char *known;

    for (uint32_t i = 0; (known = key_variables_at(i)) != NULL; i++)
        if (slice_is(name, slice_of(known)))
            return true;
    return ends_with(name, SLICE("_API_KEY"));
}

/* --- the environment -------------------------------------------------------------------------- */

/* Where NAME=... stands; variables_count: nowhere. */
static uint32_t find(const struct surroundings *s, struct slice name)
{
    uint32_t i = 0;

    while (i < s->variables_count && !(strncmp(s->environment[i], name.data, name.size) == 0 &&
                                       s->environment[i][name.size] == '='))
        i++;
    return i;
}

static bool has(const struct surroundings *s, const char *name)
{
    return find(s, slice_of(name)) < s->variables_count;
}

/* What it is set to; empty when it is not. */
static struct slice value_of(const struct surroundings *s, const char *name)
{
    uint32_t at = find(s, slice_of(name));

    if (at == s->variables_count)
        return (struct slice){0};
    return slice_of(s->environment[at] + strlen(name) + 1);
}

/* "NAME=value" in the place of what was there. */
static enum rc put(struct surroundings *s, struct slice name, struct slice value,
                   struct slice *line, struct error *err)
{
    size_t size = name.size + 1 + value.size;
    char *text = arena_take(&s->arena, size + 1, 1);
    uint32_t at = find(s, name);

    if (text == NULL)
        return error_set(err, RC_NOMEM, "environment: %s", rc_text(RC_NOMEM));
    if (at == s->variables_room)
        return error_set(err, RC_LIMIT, "environment: more than %" PRIu32 " variables",
                         s->variables_room);
    memcpy(text, name.data, name.size);
    text[name.size] = '=';
    if (value.size > 0)
        memcpy(text + name.size + 1, value.data, value.size);
    text[size] = '\0';
    s->environment[at] = text;
    if (at == s->variables_count)
        s->environment[++s->variables_count] = NULL;
    *line = (struct slice){text, size};
    return RC_OK;
}

/* As put; and it is told when nothing arrives. */
static enum rc set(struct surroundings *s, struct slice name, struct slice value, struct error *err)
{
    struct slice line;

    TRY(put(s, name, value, &line, err));
    if (s->set_count < SURROUNDINGS_SET_MAX && !is_key_variable(name))
        s->set[s->set_count++] = line;
    return RC_OK;
}

static enum rc inherit(struct surroundings *s, const char *const *inherited, struct error *err)
{
    uint32_t count = 0;

    while (inherited[count] != NULL)
        count++;
    s->variables_room = count + OURS_MAX;
    s->environment = arena_take(&s->arena, s->variables_room + 1, sizeof(*s->environment));
    if (s->environment == NULL)
        return error_set(err, RC_NOMEM, "environment: %s", rc_text(RC_NOMEM));
    for (uint32_t i = 0; i < count; i++)
        s->environment[i] = (char *)(uintptr_t)inherited[i]; /* execve's type, never written to */
    s->environment[count] = NULL;
    s->variables_count = count;
    return RC_OK;
}

/* --- templates -------------------------------------------------------------------------------- */

static void append_place(const struct surroundings_options *options, const char *origin,
                         bool is_isolated, struct buffer *out)
{
    buffer_text(out, origin);
    if (is_isolated && options->scenario->case_name[0] != '\0')
        buffer_printf(out, "/t/%s", options->scenario->case_name);
}

static enum rc append_name(const struct surroundings_options *options, struct slice name,
                           struct buffer *out, struct error *err)
{
    const char *origin;

    if (slice_is(name, SLICE("case"))) {
        buffer_text(out, options->scenario->case_name);
        return RC_OK;
    }
    if (slice_is(name, SLICE("compress"))) {
        buffer_u64(out, options->scenario->compression);
        return RC_OK;
    }
    origin = mock_process_origin(options->mock, name);
    if (origin == NULL)
        return error_set(err, RC_MALFORMED, "the mock has no listener {%.*s}", SLICE_ARG(name));
    append_place(options, origin, !slice_is(name, SLICE("admin")), out);
    return RC_OK;
}

static enum rc fill(struct surroundings *s, const struct surroundings_options *options,
                    struct slice pattern, struct buffer *out, struct slice *text, struct error *err)
{
    struct template_piece piece;

    while (template_next(&pattern, &piece)) {
        buffer_append(out, piece.literal);
        if (piece.name.size > 0)
            TRY(append_name(options, piece.name, out, err));
    }
    if (out->rc != RC_OK)
        return error_set(err, out->rc, "environment: %s", rc_text(out->rc));
    *text = arena_copy(&s->arena, buffer_slice(out));
    return text->data != NULL ? RC_OK
                              : error_set(err, RC_NOMEM, "environment: %s", rc_text(RC_NOMEM));
}

enum rc surroundings_fill(struct surroundings *s, const struct surroundings_options *options,
                          struct slice pattern, struct slice *text, struct error *err)
{
    struct buffer out;
    enum rc rc;

    buffer_init(&out, memory_heap(), VALUE_BYTES_MAX);
    rc = fill(s, options, pattern, &out, text, err);
    buffer_deinit(&out);
    return rc;
}

static enum rc set_filled(struct surroundings *s, const struct surroundings_options *options,
                          struct slice name, struct slice pattern, struct error *err)
{
    struct slice value;

    TRY(surroundings_fill(s, options, pattern, &value, err));
    return set(s, name, value, err);
}

/* --- base URLs -------------------------------------------------------------------------------- */

static enum rc set_base_urls(struct surroundings *s, const struct surroundings_options *options,
                             struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(base_urls); i++) {
        const struct base_url_row *row = &base_urls[i];
        char pattern[96];

        snprintf(pattern, sizeof(pattern), "{%s}%s", row->listener, row->suffix);
        TRY(set_filled(s, options, slice_of(row->variable), slice_of(pattern), err));
    }
    for (size_t i = 0; i < ARRAY_SIZE(companions); i++)
        if (!has(s, companions[i].variable))
            TRY(set(s, slice_of(companions[i].variable), slice_of(companions[i].value), err));
    return RC_OK;
}

/* The Python module's own client refuses to choose between OpenAI and Azure when it finds keys of
 * both; who has only Azure's meant that. `has_openai`, `has_azure`: before we set ours. */
static enum rc choose_api_type(struct surroundings *s, bool has_openai, bool has_azure,
                               struct error *err)
{
    bool is_azure = has_azure && !has_openai;

    if (has(s, "OPENAI_API_TYPE"))
        return RC_OK;
    return set(s, SLICE("OPENAI_API_TYPE"), is_azure ? SLICE("azure") : SLICE("openai"), err);
}

/* A proxy would not find our loopback, or would be somebody else's. */
static enum rc spare_loopback(struct surroundings *s, const char *variable, struct error *err)
{
    struct slice line;
    char *list;
    size_t used;

    for (size_t i = 0; i < ARRAY_SIZE(loopback_names); i++) {
        struct slice name = slice_of(loopback_names[i]);
        struct slice before = value_of(s, variable);

        if (slice_has(before, name))
            continue;
        list = arena_take(&s->arena, before.size + 1 + name.size, 1);
        if (list == NULL)
            return error_set(err, RC_NOMEM, "environment: %s", rc_text(RC_NOMEM));
        used = before.size;
        if (used > 0) {
            memcpy(list, before.data, used);
            list[used++] = ',';
        }
        memcpy(list + used, name.data, name.size);
        TRY(put(s, slice_of(variable), (struct slice){list, used + name.size}, &line, err));
    }
    return RC_OK;
}

/* --- keys ------------------------------------------------------------------------------------- */

static enum rc draw_tag(struct surroundings *s, struct error *err)
{
    uint64_t drawn;

    if (getrandom(&drawn, sizeof(drawn), 0) != (ssize_t)sizeof(drawn))
        return error_set(err, RC_SYSTEM, "getrandom: %s", strerror(errno));
    snprintf(s->tag, sizeof(s->tag), "%016" PRIx64, drawn);
    return RC_OK;
}

/* How a key of that kind begins: some clients look. */
static const char *shape_of(struct slice name)
{
    if (slice_starts_with(name, SLICE("ANTHROPIC_")))
        return "sk-ant-api03-";
    if (slice_starts_with(name, SLICE("OPENAI_")))
        return "sk-proj-";
    if (slice_starts_with(name, SLICE("GOOGLE_")) || slice_starts_with(name, SLICE("GEMINI_")))
        return "AIzaSy";
    return "";
}

/* A canary of its own for as many variables as the mock can watch; the others share the last. */
static enum rc put_canary(struct surroundings *s, struct slice name, struct error *err)
{
    uint32_t number = s->canaries_count;
    char text[80];
    struct slice line;
    size_t prefix = name.size + 1;

    if (number == SURROUNDINGS_CANARIES_MAX)
        return put(s, name, s->canaries[number - 1], &line, err);
    snprintf(text, sizeof(text), "%sbrownout-canary-%s-%02" PRIu32, shape_of(name), s->tag, number);
    TRY(put(s, name, slice_of(text), &line, err));
    s->canaries[s->canaries_count++] = (struct slice){line.data + prefix, line.size - prefix};
    return RC_OK;
}

static enum rc replace_keys(struct surroundings *s, struct error *err)
{
    for (uint32_t i = 0; i < s->variables_count; i++) {
        struct slice rest = slice_of(s->environment[i]);
        struct slice name;

        if (slice_cut(&rest, '=', &name) && rest.size > 0 && is_key_variable(name))
            TRY(put_canary(s, name, err));
    }
    return RC_OK;
}

/* Google's SDKs warn of two keys. */
static bool is_needed(const struct surroundings *s, const char *name)
{
    if (value_of(s, name).size > 0)
        return false;
    return strcmp(name, "GOOGLE_API_KEY") != 0 || value_of(s, "GEMINI_API_KEY").size == 0;
}

static enum rc set_keys(struct surroundings *s, bool keeps_keys, struct error *err)
{
    TRY(draw_tag(s, err));
    if (!keeps_keys)
        TRY(replace_keys(s, err));
    for (size_t i = 0; i < ARRAY_SIZE(keys_needed); i++)
        if (is_needed(s, keys_needed[i]))
            TRY(put_canary(s, slice_of(keys_needed[i]), err));
    return RC_OK;
}

void surroundings_hide(const char *const *inherited, char *text)
{
    for (; *inherited != NULL; inherited++) {
        struct slice value = slice_of(*inherited);
        struct slice name;
        char *found = text;

        if (!slice_cut(&value, '=', &name) || !is_key_variable(name) ||
            value.size < KEY_BYTES_LEAST)
            continue;
        while ((found = strstr(found, value.data)) != NULL)
            memset(found, '*', value.size);
    }
}

/* --- what else it may know -------------------------------------------------------------------- */

static void write_ms(const char *key, nanos span, struct buffer *out)
{
    buffer_printf(out, ",\"%s\":", key);
    if (span == NANOS_NEVER)
        buffer_text(out, "null");
    else
        buffer_i64(out, span / NANOS_MS);
}

/* Windows that wait for a mark have no instant yet. */
static void write_phases(const struct phases *phases, struct buffer *out)
{
    buffer_byte(out, '[');
    for (uint32_t i = 0; i < phases->count; i++) {
        const struct phase *phase = &phases->list[i];

        buffer_text(out, i > 0 ? ",{\"name\":" : "{\"name\":");
        json_write_text(out, slice_of(phase->name));
        write_ms("at_ms", phase->is_waiting ? NANOS_NEVER : phase->at, out);
        write_ms("for_ms", phase->lasts, out);
        if (phase->every > 0)
            write_ms("every_ms", phase->every, out);
        buffer_byte(out, '}');
    }
    buffer_byte(out, ']');
}

static enum rc set_phases(struct surroundings *s, const struct scenario *scenario,
                          struct error *err)
{
    struct buffer json;
    enum rc rc;

    buffer_init(&json, memory_heap(), VALUE_BYTES_MAX);
    write_phases(&scenario->chaos.phases, &json);
    rc = json.rc == RC_OK ? set(s, SLICE("BROWNOUT_PHASES"), buffer_slice(&json), err)
                          : error_set(err, json.rc, "BROWNOUT_PHASES: %s", rc_text(json.rc));
    buffer_deinit(&json);
    return rc;
}

static enum rc set_scenario(struct surroundings *s, const char *file, struct error *err)
{
    char path[FOLDER_PATH_MAX];

    if (file == NULL)
        return RC_OK;
    TRY(folder_absolute(file, path, err));
    return set(s, SLICE("BROWNOUT_SCENARIO"), slice_of(path), err);
}

static enum rc set_ours(struct surroundings *s, const struct surroundings_options *options,
                        struct error *err)
{
    static const struct {
        const char *name;
        const char *pattern;
    } table[] = {
        {"BROWNOUT_ANTHROPIC", "{anthropic}"}, {"BROWNOUT_OPENAI", "{openai}"},
        {"BROWNOUT_GEMINI", "{gemini}"},       {"BROWNOUT_GATEWAY", "{gateway}"},
        {"BROWNOUT_HOOKS", "{hooks}"},         {"BROWNOUT_ADMIN", "{admin}"},
        {"BROWNOUT_COMPRESS", "{compress}"},   {"BROWNOUT_CASE", "{case}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        TRY(set_filled(s, options, slice_of(table[i].name), slice_of(table[i].pattern), err));
    TRY(set_scenario(s, options->scenario_file, err));
    return set_phases(s, options->scenario, err);
}

/* The scenario's own variables, hooks included: they win. */
static enum rc set_theirs(struct surroundings *s, const struct surroundings_options *options,
                          struct error *err)
{
    const struct subject_rules *rules = &options->scenario->subject_rules;

    for (uint32_t i = 0; i < rules->env_count; i++)
        TRY(set_filled(s, options, rules->env[i].name, rules->env[i].value, err));
    return RC_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum rc make(struct surroundings *s, const struct surroundings_options *options,
                    struct error *err)
{
    bool has_openai, has_azure;

    TRY(inherit(s, options->inherited, err));
    has_openai = has(s, "OPENAI_API_KEY");
    has_azure = has(s, "AZURE_OPENAI_API_KEY") || has(s, "AZURE_OPENAI_AD_TOKEN");
    TRY(set_base_urls(s, options, err));
    TRY(choose_api_type(s, has_openai, has_azure, err));
    TRY(set_keys(s, options->keeps_keys, err));
    TRY(spare_loopback(s, "NO_PROXY", err));
    TRY(spare_loopback(s, "no_proxy", err));
    TRY(set_ours(s, options, err));
    return set_theirs(s, options, err);
}

enum rc surroundings_make(struct surroundings *s, const struct surroundings_options *options,
                          struct error *err)
{
    enum rc rc;

    *s = (struct surroundings){0};
    arena_init(&s->arena, memory_heap(), ARENA_BYTES_MAX);
    rc = make(s, options, err);
    if (rc != RC_OK)
        surroundings_deinit(s);
    return rc;
}

void surroundings_deinit(struct surroundings *s)
{
    arena_deinit(&s->arena);
    *s = (struct surroundings){0};
}
