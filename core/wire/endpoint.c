#include "wire/endpoint.h"

#include <string.h>

#include "wire/format_table.h"
#include "wire/http_date.h"
#include "wire/json.h"

enum { PAGE_USUAL_ANTHROPIC = 20, PAGE_USUAL_GEMINI = 50, PAGE_MAX = 1000 };

enum { METHOD_TOLD_MAX = 16, PATH_TOLD_MAX = 200 };

/* --- paths ------------------------------------------------------------------------------------ */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes percent encoding. What does not fit is cut: such a model has no name of ours. */
static void decode(struct slice text, char *out, size_t capacity)
{
    size_t size = 0;

    for (size_t at = 0; at < text.size && size + 1 < capacity; at++) {
        int high = -1, low = -1;

        if (text.data[at] == '%' && text.size - at > 2) {
            high = hex_value(text.data[at + 1]);
            low = hex_value(text.data[at + 2]);
        }
        if (high >= 0 && low >= 0) {
            out[size++] = (char)(high * 16 + low);
            at += 2;
        } else {
            out[size++] = text.data[at];
        }
    }
    out[size] = '\0';
}

/* Takes `prefix` off the front. */
static bool takes(struct slice *path, struct slice prefix)
{
    if (!slice_starts_with(*path, prefix))
        return false;
    *path = (struct slice){path->data + prefix.size, path->size - prefix.size};
    return true;
}

/* Splits at a colon, which may be percent-encoded. False without one. */
static bool cut_colon(struct slice text, struct slice *before, struct slice *behind)
{
    for (size_t at = 0; at < text.size; at++) {
        struct slice rest = {text.data + at, text.size - at};
        size_t size = 0;

        if (text.data[at] == ':')
            size = 1;
        else if (slice_starts_with(rest, SLICE("%3A")) || slice_starts_with(rest, SLICE("%3a")))
            size = 3;
        if (size == 0)
            continue;
        *before = (struct slice){text.data, at};
        *behind = (struct slice){rest.data + size, rest.size - size};
        return true;
    }
    return false;
}

static bool has_parameter(struct slice query, struct slice parameter)
{
    struct slice part;

    while (slice_cut(&query, '&', &part))
        if (slice_is(part, parameter))
            return true;
    return false;
}

/* --- one family after the other --------------------------------------------------------------- */

/* What a path means, and by which method it is asked. */
static bool found(struct endpoint *endpoint, enum api api, enum endpoint_kind kind)
{
    endpoint->api = api;
    endpoint->kind = kind;
    return true;
}

static bool read_fixed(struct slice path, struct endpoint *endpoint)
{
    static const struct {
        const char *path;
        enum api api;
        enum endpoint_kind kind;
    } table[] = {
        {"/v1/messages", API_ANTHROPIC, ENDPOINT_GENERATE},
        {"/v1/chat/completions", API_OPENAI_CHAT, ENDPOINT_GENERATE},
        {"/v1/responses", API_OPENAI_RESPONSES, ENDPOINT_GENERATE},
        {"/v1/messages/count_tokens", API_ANTHROPIC, ENDPOINT_COUNT},
        {"/v1/embeddings", API_OPENAI_CHAT, ENDPOINT_EMBEDDINGS},
        /* One ANTHROPIC_BASE_URL cannot please the SDKs, which add /v1/messages, and the Vercel AI
         * SDK, which adds /messages. */
        {"/messages", API_ANTHROPIC, ENDPOINT_GENERATE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (slice_is(path, slice_of(table[i].path)))
            return found(endpoint, table[i].api, table[i].kind);
    return false;
}

/* /openai/deployments/{model}/chat/completions; without "openai" where Node's AzureOpenAI prefers
 * an OPENAI_BASE_URL to its own endpoint. */
static bool read_azure(struct slice path, struct endpoint *endpoint)
{
    struct slice model;

    if (!takes(&path, SLICE("/openai/deployments/")) && !takes(&path, SLICE("/v1/deployments/")))
        return false;
    if (!slice_cut(&path, '/', &model))
        return false;
    endpoint->is_azure = true;
    decode(model, endpoint->model, sizeof(endpoint->model));
    if (slice_is(path, SLICE("chat/completions")))
        return found(endpoint, API_OPENAI_CHAT, ENDPOINT_GENERATE);
    if (slice_is(path, SLICE("embeddings")))
        return found(endpoint, API_OPENAI_CHAT, ENDPOINT_EMBEDDINGS);
    return false;
}

/* {model}:generateContent and the like. */
static bool read_gemini_call(struct slice name, struct slice query, struct endpoint *endpoint)
{
    struct slice model, call;

    if (!cut_colon(name, &model, &call))
        return false;
    decode(model, endpoint->model, sizeof(endpoint->model));
    if (slice_is(call, SLICE("countTokens")))
        return found(endpoint, API_GEMINI, ENDPOINT_COUNT);
    endpoint->stream = slice_is(call, SLICE("streamGenerateContent"));
    endpoint->is_json_array = endpoint->stream && !has_parameter(query, SLICE("alt=sse"));
    if (!endpoint->stream && !slice_is(call, SLICE("generateContent")))
        return false;
    return found(endpoint, API_GEMINI, ENDPOINT_GENERATE);
}

/* /v1/models: of whom? Only Anthropic's clients tell a version, and only Gemini's bring its key. */
static enum api lister(const struct http_request *http, enum api family, bool is_beta)
{
    if (family != API_COUNT)
        return family;
    if (http_header_of(http, SLICE("anthropic-version")).size > 0)
        return API_ANTHROPIC;
    if (is_beta || http_header_of(http, SLICE("x-goog-api-key")).size > 0)
        return API_GEMINI;
    return API_OPENAI_CHAT;
}

static bool read_models(const struct http_request *http, enum api family, struct slice path,
                        struct slice query, struct endpoint *endpoint)
{
    bool is_beta = takes(&path, SLICE("/v1beta/models"));
    struct slice before, behind;

    if (!is_beta && !takes(&path, SLICE("/v1/models")))
        return false;
    if (path.size == 0)
        return found(endpoint, lister(http, family, is_beta), ENDPOINT_MODELS);
    if (!takes(&path, SLICE("/")) || path.size == 0)
        return false;
    if (family != API_ANTHROPIC && family != API_OPENAI_CHAT &&
        read_gemini_call(path, query, endpoint))
        return true;
    if (family == API_GEMINI && cut_colon(path, &before, &behind))
        return false; /* a call that there is not */
    decode(path, endpoint->model, sizeof(endpoint->model));
    return found(endpoint, lister(http, family, is_beta), ENDPOINT_MODEL);
}

static bool is_asked_by_get(enum endpoint_kind kind)
{
    return kind == ENDPOINT_MODELS || kind == ENDPOINT_MODEL;
}

static bool is_of(enum api family, const struct endpoint *endpoint)
{
    return family == API_COUNT || api_family(endpoint->api) == family;
}

void endpoint_read(const struct http_request *http, enum api family, struct endpoint *endpoint)
{
    struct slice query = http->path, path;
    const char *method;

    *endpoint = (struct endpoint){.api = family != API_COUNT ? family : API_OPENAI_CHAT};
    if (!slice_cut(&query, '?', &path))
        return;
    if (!read_fixed(path, endpoint) && !read_azure(path, endpoint) &&
        !read_models(http, family, path, query, endpoint))
        endpoint->kind = ENDPOINT_UNKNOWN;
    if (endpoint->kind == ENDPOINT_UNKNOWN || !is_of(family, endpoint)) {
        *endpoint = (struct endpoint){.api = lister(http, family, false)};
        return;
    }
    method = is_asked_by_get(endpoint->kind) ? "GET" : "POST";
    if (!slice_is(http->method, slice_of(method)))
        endpoint->kind = ENDPOINT_WRONG_METHOD;
}

/* --- what there is not ------------------------------------------------------------------------ */

static int shown(struct slice text, size_t max)
{
    return (int)(text.size < max ? text.size : max);
}

/* OpenAI names method and path; the others only say that there is none. */
static void say_openai(const struct http_request *http, const char *what,
                       struct objection *objection)
{
    struct slice query = http->path, path;

    slice_cut(&query, '?', &path);
    objection_say(objection, "%s (%.*s %.*s)", what, shown(http->method, METHOD_TOLD_MAX),
                  http->method.data, shown(path, PATH_TOLD_MAX), path.data);
}

bool endpoint_objects(const struct endpoint *endpoint, const struct http_request *http,
                      struct objection *objection)
{
    bool is_unknown = endpoint->kind == ENDPOINT_UNKNOWN;

    if (!is_unknown && endpoint->kind != ENDPOINT_WRONG_METHOD)
        return false;
    *objection =
        (struct objection){.failure = OUTCOME_INVALID_REQUEST, .status = is_unknown ? 404 : 405};
    if (api_family(endpoint->api) == API_OPENAI_CHAT)
        say_openai(http, is_unknown ? "Invalid URL" : "Invalid method for URL", objection);
    else
        objection_say(objection, is_unknown ? "Not found" : "Method not allowed");
    return true;
}

/* --- listings --------------------------------------------------------------------------------- */

enum { MODELS_BORN_UNIX_S = 1735689600 }; /* 1 January 2025 */

static void write_anthropic_card(const struct model_card *card, struct buffer *out)
{
    buffer_append(out, SLICE("{\"type\":\"model\",\"id\":"));
    json_write_text(out, card->name);
    buffer_append(out, SLICE(",\"display_name\":"));
    json_write_text(out, card->name);
    buffer_append(out, SLICE(",\"created_at\":\""));
    rfc3339_write(out, MODELS_BORN_UNIX_S);
    buffer_byte(out, '"');
    if (card->context_window != UINT64_MAX) {
        buffer_append(out, SLICE(",\"max_input_tokens\":"));
        buffer_u64(out, card->context_window);
    }
    buffer_byte(out, '}');
}

static void write_openai_card(const struct model_card *card, struct buffer *out)
{
    buffer_append(out, SLICE("{\"id\":"));
    json_write_text(out, card->name);
    buffer_append(out, SLICE(",\"object\":\"model\",\"created\":"));
    buffer_i64(out, MODELS_BORN_UNIX_S);
    buffer_append(out, SLICE(",\"owned_by\":\"brownout\"}"));
}

static void write_gemini_card(const struct model_card *card, struct buffer *out)
{
    buffer_append(out, SLICE("{\"name\":\"models/"));
    json_write_part(out, card->name);
    buffer_append(out, SLICE("\",\"version\":\"001\",\"displayName\":"));
    json_write_text(out, card->name);
    if (card->context_window != UINT64_MAX) {
        buffer_append(out, SLICE(",\"inputTokenLimit\":"));
        buffer_u64(out, card->context_window);
    }
    buffer_append(out, SLICE(",\"supportedGenerationMethods\":[\"generateContent\","
                             "\"countTokens\"]}"));
}

void endpoint_write_model(enum api api, const struct model_card *card, struct buffer *body)
{
    switch (api_family(api)) {
    case API_ANTHROPIC:
        write_anthropic_card(card, body);
        return;
    case API_GEMINI:
        write_gemini_card(card, body);
        return;
    default:
        write_openai_card(card, body);
        return;
    }
}

static void write_cards(enum api api, const struct model_card *cards, uint32_t count,
                        struct buffer *out)
{
    buffer_byte(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_byte(out, ',');
        endpoint_write_model(api, &cards[i], out);
    }
    buffer_byte(out, ']');
}

/* --- pages ------------------------------------------------------------------------------------ */

/* The value of "name=", as it stands in the query. */
static bool find_parameter(struct slice path, struct slice name, struct slice *value)
{
    struct slice part;

    slice_cut(&path, '?', &part);
    while (slice_cut(&path, '&', &part))
        if (takes(&part, name)) {
            *value = part;
            return part.size > 0;
        }
    return false;
}

static void read_place(struct slice path, struct slice name, char *out, size_t capacity)
{
    struct slice value;

    if (find_parameter(path, name, &value))
        decode(value, out, capacity);
}

static bool read_anthropic_limit(struct slice limit, struct listing *listing,
                                 struct objection *objection)
{
    uint64_t size;

    if (!slice_u64(limit, &size))
        return !objection_say(objection, "limit: Input should be a valid integer");
    if (size == 0)
        return !objection_say(objection, "limit: Input should be greater than or equal to 1");
    if (size > PAGE_MAX)
        return !objection_say(objection, "limit: Input should be less than or equal to 1000");
    listing->size = (uint32_t)size;
    return true;
}

/* More than the most is the most; 0 is the usual. */
static bool read_gemini_size(struct slice text, struct listing *listing,
                             struct objection *objection)
{
    uint64_t size;

    if (!slice_u64(text, &size))
        return !objection_say(objection, "Invalid value at 'page_size' (TYPE_INT32), \"%.*s\"",
                              shown(text, METHOD_TOLD_MAX), text.data);
    listing->size = size < PAGE_MAX ? (uint32_t)size : PAGE_MAX;
    return true;
}

bool endpoint_read_listing(enum api api, const struct http_request *http, struct listing *listing,
                           struct objection *objection)
{
    enum api family = api_family(api);
    struct slice size;

    *listing = (struct listing){0};
    *objection = (struct objection){.failure = OUTCOME_INVALID_REQUEST, .status = 400};
    if (family == API_ANTHROPIC) {
        read_place(http->path, SLICE("after_id="), listing->after, sizeof(listing->after));
        read_place(http->path, SLICE("before_id="), listing->before, sizeof(listing->before));
        if (find_parameter(http->path, SLICE("limit="), &size))
            return read_anthropic_limit(size, listing, objection);
    }
    if (family == API_GEMINI) {
        read_place(http->path, SLICE("pageToken="), listing->after, sizeof(listing->after));
        if (find_parameter(http->path, SLICE("pageSize="), &size))
            return read_gemini_size(size, listing, objection);
    }
    return true;
}

struct page {
    const struct model_card *cards;
    uint32_t count;
    bool has_more; /* in the direction that was asked */
};

/* Where that name stands; `count`: nowhere. */
static uint32_t place_of(const struct model_card *cards, uint32_t count, const char *name)
{
    uint32_t place = 0;

    while (place < count && !slice_is(cards[place].name, slice_of(name)))
        place++;
    return place;
}

static uint32_t size_of(enum api family, const struct listing *listing)
{
    if (family == API_OPENAI_CHAT)
        return UINT32_MAX;
    if (listing->size > 0)
        return listing->size;
    return family == API_ANTHROPIC ? PAGE_USUAL_ANTHROPIC : PAGE_USUAL_GEMINI;
}

static struct page page_of(enum api family, const struct model_card *cards, uint32_t count,
                           const struct listing *listing)
{
    uint32_t size = size_of(family, listing);
    uint32_t from = 0, to = count;

    if (listing->after[0] != '\0')
        from = place_of(cards, count, listing->after) + 1;
    if (listing->before[0] != '\0')
        to = place_of(cards, count, listing->before);
    if (listing->before[0] != '\0' && to == count)
        to = 0; /* not there */
    if (from >= to)
        return (struct page){0};
    if (to - from <= size)
        return (struct page){cards + from, to - from, false};
    return (struct page){listing->before[0] != '\0' ? cards + to - size : cards + from, size, true};
}

static void write_name(const struct page *page, uint32_t index, struct buffer *out)
{
    if (page->count == 0)
        buffer_append(out, SLICE("null"));
    else
        json_write_text(out, page->cards[index].name);
}

static void write_anthropic_page(const struct page *page, struct buffer *out)
{
    buffer_append(out, SLICE(",\"has_more\":"));
    buffer_text(out, page->has_more ? "true" : "false");
    buffer_append(out, SLICE(",\"first_id\":"));
    write_name(page, 0, out);
    buffer_append(out, SLICE(",\"last_id\":"));
    write_name(page, page->count - 1, out);
}

void endpoint_write_models(enum api api, const struct model_card *cards, uint32_t count,
                           const struct listing *listing, struct buffer *body)
{
    enum api family = api_family(api);
    struct page page = page_of(family, cards, count, listing);

    if (family == API_GEMINI)
        buffer_append(body, SLICE("{\"models\":"));
    else if (family == API_ANTHROPIC)
        buffer_append(body, SLICE("{\"data\":"));
    else
        buffer_append(body, SLICE("{\"object\":\"list\",\"data\":"));
    write_cards(api, page.cards, page.count, body);
    if (family == API_ANTHROPIC)
        write_anthropic_page(&page, body);
    if (family == API_GEMINI && page.has_more) {
        buffer_append(body, SLICE(",\"nextPageToken\":"));
        write_name(&page, page.count - 1, body);
    }
    buffer_byte(body, '}');
}

void endpoint_write_count(enum api api, uint64_t input_tokens, struct buffer *body)
{
    buffer_append(body,
                  api == API_GEMINI ? SLICE("{\"totalTokens\":") : SLICE("{\"input_tokens\":"));
    buffer_u64(body, input_tokens);
    if (api == API_GEMINI) {
        buffer_append(body, SLICE(",\"promptTokensDetails\":[{\"modality\":\"TEXT\","
                                  "\"tokenCount\":"));
        buffer_u64(body, input_tokens);
        buffer_append(body, SLICE("}]"));
    }
    buffer_byte(body, '}');
}
