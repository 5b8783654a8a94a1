/* The mock's side of wire/format.h, reading: what a request asks for, and what a service refuses it
 * for before it thinks about it. */

#include "wire/format.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "wire/format_table.h"

/* Services keep no shorter prefix: 1,024 tokens at the least, four bytes each. */
enum { CACHE_PREFIX_BYTES_MIN = 4096 };

enum { KEY_SHOWN_MIN = 12 }; /* bytes of a key, below which nothing of it is shown */

/* --- wishes ----------------------------------------------------------------------------------- */

static bool is_there(const struct json_token *token)
{
    return token->raw.data != NULL;
}

static bool is_true(const struct json_token *token)
{
    return is_there(token) && token->kind == JSON_TRUE;
}

/* Instead of a list of messages, the text of the only one. */
static bool is_text(struct slice span)
{
    return span.size > 2 && span.data[0] == '"';
}

static bool is_word_of(const struct json_token *token, const char *const *words)
{
    for (; *words != NULL; words++)
        if (shape_is(token, slice_of(*words)))
            return true;
    return false;
}

/* "auto" and words to come leave it to the model. */
static bool forces_tool(const struct wish *wish)
{
    static const char *const forcing[] = {"any", "required", "tool", "function", "ANY", NULL};

    return is_there(&wish->tool_choice_name) || is_word_of(&wish->tool_choice, forcing);
}

static void take_tools(const struct wish *wish, struct asked *asked)
{
    static const char *const forbidding[] = {"none", "NONE", NULL};
    const struct json_token *name =
        is_there(&wish->tool_choice_name) ? &wish->tool_choice_name : &wish->tool_first;

    asked->tools_count = (uint32_t)wish->tools;
    if (is_word_of(&wish->tool_choice, forbidding))
        return;
    asked->forces_tool = wish->tools > 0 && forces_tool(wish);
    if (name->kind == JSON_STRING)
        shape_copy(name, asked->tool_name, sizeof(asked->tool_name));
}

static bool wants_thinking(const struct json_token *thinking)
{
    static const char *const off[] = {"disabled", "none", NULL};

    if (!is_there(thinking) || thinking->kind == JSON_FALSE || is_word_of(thinking, off))
        return false;
    return thinking->kind != JSON_NUMBER || !slice_is(thinking->raw, SLICE("0"));
}

static void take_sampling(const struct wish *wish, struct asked *asked)
{
    const struct {
        const struct json_token *token;
        const char *name;
    } table[] = {
        {&wish->temperature, "temperature"}, {&wish->top_p, "top_p"}, {&wish->top_k, "top_k"}};

    for (size_t i = 0; i < ARRAY_SIZE(table) && !asked->has_sampling; i++) {
        if (!is_there(table[i].token))
            continue;
        asked->has_sampling = true;
        slice_copy(slice_of(table[i].name), asked->sampling, sizeof(asked->sampling));
    }
}

static void take_roles(const struct wish *wish, struct asked *asked)
{
    asked->has_bad_role = is_there(&wish->roles.odd);
    shape_copy(&wish->roles.odd, asked->bad_role, sizeof(asked->bad_role));
    asked->has_role_disorder =
        is_there(&wish->roles.first) && !shape_is(&wish->roles.first, SLICE("user"));
}

/* The first message without a role, or without a content where it calls no tool. */
static void find_lacking(struct slice turns, struct asked *asked)
{
    static const struct shape shape[] = {
        {SHAPE_NAME("role"), SHAPE_MET, offsetof(struct wish, turns_roles), &shape[4]},
        {SHAPE_NAME("content"), SHAPE_MET, offsetof(struct wish, turns_contents), &shape[4]},
        {SHAPE_NAME("tool_calls"), SHAPE_MET, offsetof(struct wish, turns_contents), &shape[4]},
        {SHAPE_NAME("function_call"), SHAPE_MET, offsetof(struct wish, turns_contents), &shape[4]},
        SHAPE_DONE,
    };
    struct json json;
    struct json_token token;
    struct slice turn;

    json_init(&json, turns, JSON_STRICT);
    if (json_next(&json, &token) != RC_OK || token.kind != JSON_ARRAY)
        return;
    for (uint32_t i = 0; json_next(&json, &token) == RC_OK && token.kind != JSON_ARRAY_END; i++) {
        struct wish wish = {0};

        if (json_value(&json, &token, &turn) != RC_OK ||
            shape_read(turn, shape, &wish, NULL) != RC_OK)
            return;
        if (wish.turns_roles > 0 && wish.turns_contents > 0)
            continue;
        asked->lacking = wish.turns_roles == 0 ? "role" : "content";
        asked->lacking_at = i;
        return;
    }
}

/* Counted first, since that takes no time: hardly any request lacks something. */
static void take_lacking(const struct format *format, const struct wish *wish, struct asked *asked)
{
    if (!format->needs_contents ||
        (wish->turns_roles >= wish->turns.count && wish->turns_contents >= wish->turns.count))
        return;
    find_lacking(wish->turns_span, asked);
}

/* NULL: it is a whole number, or not there. */
static const char *oddness(const struct shape_number *number, const struct json_token *other)
{
    if (number->is_odd)
        return "a decimal number";
    if (!is_there(other))
        return NULL;
    return other->kind == JSON_STRING ? "a string" : "a boolean";
}

static void take_tokens_max(const struct wish *wish, struct asked *asked)
{
    struct shape_number max = wish->output_tokens_max;

    asked->odd_output_tokens_max = oddness(&max, &wish->output_tokens_max_odd);
    if (!max.is_known && !max.is_negative && asked->odd_output_tokens_max == NULL) {
        max = wish->output_tokens_max_old;
        asked->odd_output_tokens_max = oddness(&max, &wish->output_tokens_max_old_odd);
        asked->is_old_output_tokens_max = true;
    }
    asked->has_output_tokens_max = max.is_known;
    asked->has_negative_output_tokens_max = max.is_negative;
    asked->output_tokens_max = max.value;
}

static uint32_t at_most_u32(uint64_t value)
{
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

/* Of a list that was read before, so that it is well formed. */
static void take_seeds(struct slice list, struct embeddings *embeddings)
{
    struct json json;
    struct json_token token;
    struct slice value;

    embeddings->seed_of_others = checksum(0, list);
    json_init(&json, list, JSON_STRICT);
    if (json_next(&json, &token) != RC_OK)
        return;
    for (uint32_t i = 0; i < embeddings->inputs && i < EMBEDDINGS_SEEDS_MAX; i++) {
        if (json_next(&json, &token) != RC_OK || json_value(&json, &token, &value) != RC_OK)
            return;
        embeddings->seeds[i] = checksum(0, token.kind == JSON_STRING ? token.raw : value);
    }
}

static void take_inputs(const struct wish *wish, struct asked *asked)
{
    bool is_one = is_there(&wish->input) && wish->input.kind == JSON_STRING;
    struct embeddings *embeddings = &asked->embeddings;

    embeddings->inputs = is_one ? 1 : at_most_u32(wish->inputs.count);
    embeddings->dimensions = at_most_u32(wish->dimensions.value);
    embeddings->is_base64 = shape_is(&wish->encoding, SLICE("base64"));
    asked->prompt_bytes += is_one ? wish->input.raw.size : wish->inputs.bytes;
    if (is_one)
        embeddings->seeds[0] = checksum(0, wish->input.raw);
    else if (embeddings->inputs > 0)
        take_seeds(wish->inputs.span, embeddings);
}

/* --- what a cache would keep ------------------------------------------------------------------ */

enum { SECTIONS = 3 };

/* The prompt in the order in which a model sees it, wherever it stands in the body. */
struct sections {
    struct slice whole[SECTIONS];
    size_t kept[SECTIONS]; /* bytes of each */
};

static struct sections sections_of(const struct wish *wish)
{
    return (struct sections){
        .whole = {wish->tools_span, wish->system_span, wish->turns_span},
    };
}

/* Everything up to this many bytes of section `last`. */
static void keep_up_to(struct sections *sections, int last, size_t size)
{
    for (int i = 0; i < last; i++)
        sections->kept[i] = sections->whole[i].size;
    sections->kept[last] = size;
}

static void keep_by_mark(const struct wish *wish, struct slice body, struct sections *sections)
{
    const size_t marks[SECTIONS] = {wish->tools_mark, wish->system_mark, wish->turns_mark};

    for (int i = 0; i < SECTIONS; i++)
        if (marks[i] > 0)
            keep_up_to(sections, i, marks[i] - (size_t)(sections->whole[i].data - body.data));
    if (wish->whole_mark > 0)
        keep_up_to(sections, SECTIONS - 1, sections->whole[SECTIONS - 1].size);
}

static void keep_but_the_last(const struct wish *wish, struct slice body, struct sections *sections)
{
    size_t size = 0;

    if (wish->turns.count > 0)
        size = wish->turns.last_at - (size_t)(wish->turns_span.data - body.data);
    keep_up_to(sections, SECTIONS - 1, size);
}

/* The share of the prompt that stands in the kept share of what is written. */
static void take_prefix(const struct format *format, const struct wish *wish, struct slice body,
                        struct asked *asked)
{
    struct sections sections = sections_of(wish);
    uint64_t kept = 0, whole = 0, hash = 0;

    if (format->caches_by_mark)
        keep_by_mark(wish, body, &sections);
    else
        keep_but_the_last(wish, body, &sections);
    for (int i = 0; i < SECTIONS; i++) {
        kept += sections.kept[i];
        whole += sections.whole[i].size;
    }
    if (kept < CACHE_PREFIX_BYTES_MIN)
        return;
    for (int i = 0; i < SECTIONS; i++)
        if (sections.kept[i] > 0)
            hash = checksum(hash, (struct slice){sections.whole[i].data, sections.kept[i]});
    asked->cache_prefix_hash = hash;
    asked->cache_prefix_bytes = asked->prompt_bytes * kept / whole;
}

/* --- what is asked ---------------------------------------------------------------------------- */

/* Seeds, so that what is hashed as written cannot look like texts. */
enum { QUESTION_AS_WRITTEN = 1, QUESTION_INPUTS };

static bool is_all_text(const struct wish *wish)
{
    return wish->prompt.hash != 0 && !is_there(&wish->part_kinds.odd) && wish->other_parts == 0;
}

static uint64_t question_of(const struct wish *wish)
{
    if (is_all_text(wish))
        return wish->prompt.hash;
    if (wish->turns_span.size > 0)
        return checksum(checksum(QUESTION_AS_WRITTEN, wish->system_span), wish->turns_span);
    if (is_there(&wish->input))
        return checksum(QUESTION_INPUTS, wish->input.raw);
    return wish->inputs.span.size > 0 ? checksum(QUESTION_INPUTS, wish->inputs.span) : 0;
}

static enum rc read_ask(enum api api, struct slice body, bool is_hashed, struct asked *asked,
                        const char **problem)
{
    const struct format *format = format_of(api);
    struct wish wish = {.prompt.is_hashed = is_hashed};
    enum rc rc = shape_read(body, format->ask_shape, &wish, problem);

    if (rc != RC_OK) {
        if (problem != NULL && format->not_json != NULL)
            *problem = format->not_json;
        return rc;
    }
    memset(asked, 0, sizeof(*asked));
    asked->has_model = wish.model.raw.size > 0 && wish.model.kind == JSON_STRING;
    asked->stream = is_true(&wish.stream);
    asked->include_usage = format->always_tells_usage || is_true(&wish.include_usage);
    asked->lacks_messages = wish.turns_span.size == 0;
    asked->has_messages = wish.turns.count > 0 || (format->takes_text && is_text(wish.turns_span));
    asked->prompt_bytes = wish.prompt.bytes;
    asked->question = is_hashed ? question_of(&wish) : 0;
    asked->wants_thinking = wants_thinking(&wish.thinking);
    if (asked->has_model)
        shape_copy(&wish.model, asked->model, sizeof(asked->model));
    take_tokens_max(&wish, asked);
    take_tools(&wish, asked);
    take_sampling(&wish, asked);
    take_roles(&wish, asked);
    take_lacking(format, &wish, asked);
    take_inputs(&wish, asked);
    take_prefix(format, &wish, body, asked);
    return RC_OK;
}

enum rc format_read_ask(enum api api, struct slice body, struct asked *asked, const char **problem)
{
    return read_ask(api, body, false, asked, problem);
}

enum rc format_read_question(enum api api, struct slice body, struct asked *asked,
                             const char **problem)
{
    return read_ask(api, body, true, asked, problem);
}

/* --- keys ------------------------------------------------------------------------------------- */

static struct slice bearer_of(const struct http_request *request)
{
    struct slice value = http_header_of(request, SLICE("authorization"));
    struct slice scheme;

    if (!slice_cut(&value, ' ', &scheme) || !slice_is_nocase(scheme, SLICE("bearer")))
        return (struct slice){0};
    return slice_trim(value);
}

/* The value of "name=" in a path's query. */
static struct slice query_of(struct slice path, struct slice name)
{
    struct slice part;

    slice_cut(&path, '?', &part);
    while (slice_cut(&path, '&', &part))
        if (slice_starts_with(part, name))
            return (struct slice){part.data + name.size, part.size - name.size};
    return (struct slice){0};
}

static struct slice key_of(const struct format *format, const struct http_request *request)
{
    struct slice key = {0};

    if (format->key_header.size > 0)
        key = http_header_of(request, format->key_header);
    if (key.size == 0)
        key = bearer_of(request);
    if (key.size == 0 && format->key_query.size > 0)
        key = query_of(request->path, format->key_query);
    return key;
}

static bool is_bad(struct slice key)
{
    return slice_has(key, SLICE("invalid")) || slice_has(key, SLICE("expired"));
}

/* Only the ends of a key are ever said. */
static void say_bad_key(const struct key_words *words, struct slice key,
                        struct objection *objection)
{
    bool is_long = key.size >= KEY_SHOWN_MIN;

    objection->code = words->bad_code;
    objection_say(objection, "%s%.*s***%.*s.", words->bad, is_long ? 3 : 0, key.data,
                  is_long ? 4 : 0, key.data + key.size - (is_long ? 4 : 0));
}

bool format_objects_to_key(enum api api, const struct http_request *request,
                           struct objection *objection)
{
    const struct format *format = format_of(api);
    struct slice key = key_of(format, request);

    if (key.size > 0 && !is_bad(key))
        return false;
    *objection = (struct objection){.failure = OUTCOME_AUTH};
    objection->status =
        key.size > 0 ? format->key_words.bad_status : format->key_words.missing_status;
    if (key.size == 0)
        slice_copy(slice_of(format->key_words.missing), objection->message,
                   sizeof(objection->message));
    else if (format->key_words.bad != NULL)
        say_bad_key(&format->key_words, key, objection);
    return true;
}

bool objection_say(struct objection *objection, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(objection->message, sizeof(objection->message), format, arguments);
    va_end(arguments);
    return true;
}

bool format_objects(enum api api, const struct http_request *request, const struct asked *asked,
                    struct objection *objection)
{
    const struct format *format = format_of(api);

    *objection = (struct objection){.failure = OUTCOME_INVALID_REQUEST, .status = 400};
    return format->object != NULL && format->object(request, asked, objection);
}
