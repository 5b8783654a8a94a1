/* A service: where it is, how it is asked and read, and how it is started. */

#include <string.h>

#include "base/buffer.h"
#include "scenario/base_url.h"
#include "scenario/print.h"
#include "scenario/read.h"
#include "scenario/template.h"

/* --- where ------------------------------------------------------------------------------------ */

static enum rc read_url(struct reading *r, const struct value *value)
{
    struct scenario *scenario = r->scenario;
    struct service_rules *service = &scenario->subject_rules.service;
    const char *problem;
    struct slice text;
    enum rc rc;

    TRY(read_string(r, value, &text));
    rc = base_url_read(text, &service->urls[service->urls_count], &problem);
    if (rc != RC_OK)
        return read_refuse_as(r, rc, value, "%s", problem);
    for (uint32_t i = 0; i < service->urls_count; i++) {
        if (slice_is(service->urls[i], service->urls[service->urls_count]))
            return read_refuse(r, RC_MALFORMED, value, "another URL for another instance");
    }
    scenario->places.services[service->urls_count++] = value_position(r, value);
    return RC_OK;
}

static enum rc read_urls(struct reading *r, const struct value *value)
{
    struct walk walk;
    struct value element;

    if (value->token.kind == JSON_STRING)
        return read_url(r, value);
    if (value->token.kind != JSON_ARRAY)
        return read_refuse(r, RC_MALFORMED, value,
                           "a URL such as \"http://127.0.0.1:4000\", or an array of them");
    TRY(read_expect_elements(r, value, SERVICE_URLS_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element))
        TRY(read_url(r, &element));
    return RC_OK;
}

/* --- what it is sent -------------------------------------------------------------------------- */

struct send_block {
    struct value speaks, path, headers, key;
    struct value body, answer, delta, done, ends_at; /* of a service with words of its own */
};

static const struct read_key send_keys[] = {
    {"speaks", NEEDED, read_keep, offsetof(struct send_block, speaks)},
    {"path", OPTIONAL, read_keep, offsetof(struct send_block, path)},
    {"headers", OPTIONAL, read_keep, offsetof(struct send_block, headers)},
    {"key", OPTIONAL, read_keep, offsetof(struct send_block, key)},
    {"body", OPTIONAL, read_keep, offsetof(struct send_block, body)},
    {"answer", OPTIONAL, read_keep, offsetof(struct send_block, answer)},
    {"delta", OPTIONAL, read_keep, offsetof(struct send_block, delta)},
    {"done", OPTIONAL, read_keep, offsetof(struct send_block, done)},
    {"ends_at", OPTIONAL, read_keep, offsetof(struct send_block, ends_at)},
};

static enum rc read_speaks(struct reading *r, const struct value *value,
                           struct service_rules *service)
{
    const char *words[API_COUNT + 1];
    uint32_t index;

    for (uint32_t i = 0; i < API_COUNT; i++)
        words[i] = api_word((enum api)i);
    words[API_COUNT] = "json";
    TRY(read_word(r, value, words, API_COUNT + 1, &index));
    service->is_plain = index == API_COUNT;
    if (!service->is_plain)
        service->speaks = (enum api)index;
    return RC_OK;
}

static enum rc read_path(struct reading *r, const struct value *value, struct slice *path)
{
    TRY(read_string(r, value, path));
    if (path->size >= SERVICE_PATH_MAX)
        return read_refuse(r, RC_LIMIT, value, "a path of at most %d bytes", SERVICE_PATH_MAX - 1);
    if (!slice_starts_with(*path, SLICE("/")))
        return read_refuse(r, RC_MALFORMED, value, "a path such as \"/v1/chat/completions\"");
    for (size_t i = 0; i < path->size; i++) {
        if (path->data[i] <= ' ' || path->data[i] > '~' || path->data[i] == '#')
            return read_refuse(r, RC_MALFORMED, value, "a path without bytes that no URL has");
    }
    return RC_OK;
}

static enum rc read_header(struct reading *r, const struct value *key, const struct value *value,
                           struct subject_pair *header)
{
    struct slice checked;

    TRY(read_header_name(r, key, &header->name));
    if (header_is_framing(header->name))
        return read_refuse(r, RC_MALFORMED, key, "a header that does not frame the request");
    TRY(read_header_value(r, value, &checked));
    return read_template(r, value, &header->value);
}

static enum rc read_headers(struct reading *r, const struct value *value,
                            struct service_rules *service)
{
    struct walk walk;
    struct value key, member;

    TRY(read_expect_object(r, value));
    walk_init(&walk, value);
    while (walk_next(&walk, &key, &member)) {
        if (service->headers_count == SUBJECT_HEADERS_MAX)
            return read_refuse(r, RC_LIMIT, &key, "at most %d headers", SUBJECT_HEADERS_MAX);
        TRY(read_header(r, &key, &member, &service->headers[service->headers_count]));
        service->headers_count++;
    }
    return RC_OK;
}

/* --- words of its own ------------------------------------------------------------------------- */

static bool is_body_place(struct slice name, struct nearest *nearest)
{
    static const char *const names[] = {"prompt", "model", "stream", "max_tokens", "call"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (slice_is(name, slice_of(names[i])))
            return true;
        nearest_offer(nearest, slice_of(names[i]));
    }
    return false;
}

/* `text` is what `value`, one of the texts of the body, says. */
static enum rc check_text(struct reading *r, const struct value *value, struct slice text,
                          bool *has_prompt)
{
    struct template_piece piece;
    char excerpt[EXCERPT_SIZE];
    char hint[NEAREST_TEXT_SIZE];
    struct nearest nearest;

    while (template_next(&text, &piece)) {
        if (piece.name.size == 0)
            continue;
        nearest_init(&nearest, piece.name);
        *has_prompt = *has_prompt || slice_is(piece.name, SLICE("prompt"));
        if (is_body_place(piece.name, &nearest))
            continue;
        read_excerpt(piece.name, excerpt);
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found {%s}, expected {prompt}, {model}, {stream}, {max_tokens} or "
                              "{call}%s",
                              excerpt, nearest_say(&nearest, hint));
    }
    return RC_OK;
}

static enum rc check_body(struct reading *r, const struct value *body)
{
    struct json json;
    struct json_token token;
    bool has_prompt = false;
    struct slice text;

    json_init(&json, body->text, JSON_COMMENTS);
    while (json_next(&json, &token) == RC_OK) {
        struct value value = {token, {body->text.data + token.offset, token.raw.size + 2}};

        if (token.kind != JSON_STRING)
            continue;
        TRY(read_string(r, &value, &text));
        TRY(check_text(r, &value, text, &has_prompt));
    }
    if (has_prompt)
        return RC_OK;
    return read_refuse_as(r, RC_MALFORMED, body,
                          "found a body without \"{prompt}\", expected it where the question goes");
}

/* Without the comments: what is sent is JSON. */
static enum rc read_body(struct reading *r, const struct value *value, struct slice *text)
{
    struct buffer plain;
    enum rc rc;

    TRY(check_body(r, value));
    buffer_init(&plain, r->arena->memory, SCENARIO_TEXT_MAX);
    print_plain(&plain, value->text);
    rc = plain.rc;
    *text = rc == RC_OK ? arena_copy(r->arena, buffer_slice(&plain)) : (struct slice){0};
    buffer_deinit(&plain);
    if (rc != RC_OK)
        r->arena->rc = rc;
    return text->data == NULL ? read_out_of_memory(r) : RC_OK;
}

static bool asks_for_streams(const struct load *load)
{
    for (uint32_t i = 0; i < load->requests_count; i++) {
        if (load->requests[i].stream)
            return true;
    }
    return false;
}

static enum rc read_stream_words(struct reading *r, const struct send_block *block,
                                 struct service_rules *service)
{
    if (value_is_there(&block->delta))
        TRY(read_pointer(r, &block->delta, &service->delta));
    if (value_is_there(&block->done))
        TRY(read_string(r, &block->done, &service->done));
    if (value_is_there(&block->ends_at))
        TRY(read_pointer(r, &block->ends_at, &service->ends_at));
    if (value_is_there(&block->done) && value_is_there(&block->ends_at))
        return read_refuse_as(r, RC_MALFORMED, &block->ends_at,
                              "found \"ends_at\" beside \"done\", expected one of them");
    return RC_OK;
}

static enum rc read_words(struct reading *r, const struct value *send,
                          const struct send_block *block, struct service_rules *service)
{
    const char *missing = !value_is_there(&block->body)     ? "body"
                          : !value_is_there(&block->answer) ? "answer"
                                                            : NULL;

    if (missing == NULL && !value_is_there(&block->delta) && asks_for_streams(&r->scenario->load))
        missing = "delta";
    if (missing != NULL)
        return read_refuse_as(
            r, RC_MALFORMED, send,
            "found no \"%s\" in this object, expected one: JSON of its own has "
            "to be told%s",
            missing, strcmp(missing, "delta") == 0 ? ", and the load asks for streams" : "");
    TRY(read_body(r, &block->body, &service->body));
    TRY(read_pointer(r, &block->answer, &service->answer));
    return read_stream_words(r, block, service);
}

static enum rc refuse_words(struct reading *r, const struct send_block *block)
{
    const struct {
        const char *name;
        const struct value *value;
    } words[] = {{"body", &block->body},
                 {"answer", &block->answer},
                 {"delta", &block->delta},
                 {"done", &block->done},
                 {"ends_at", &block->ends_at}};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (value_is_there(words[i].value))
            return read_refuse_as(r, RC_MALFORMED, words[i].value,
                                  "found \"%s\" beside a format that is known, expected it with "
                                  "\"speaks\": \"json\"",
                                  words[i].name);
    }
    return RC_OK;
}

static enum rc read_send(struct reading *r, const struct value *value)
{
    struct service_rules *service = &r->scenario->subject_rules.service;
    struct send_block block = {0};

    TRY(read_object(r, value, send_keys, ARRAY_SIZE(send_keys), &block));
    TRY(read_speaks(r, &block.speaks, service));
    if (value_is_there(&block.path))
        TRY(read_path(r, &block.path, &service->path));
    else if (service->is_plain)
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found no \"path\" in this object, expected one: JSON of its own has "
                              "none that is known");
    if (value_is_there(&block.headers))
        TRY(read_headers(r, &block.headers, service));
    if (value_is_there(&block.key))
        TRY(read_key_variable(r, &block.key, "a key", &service->key_env));
    return service->is_plain ? read_words(r, value, &block, service) : refuse_words(r, &block);
}

/* --- how it is started ------------------------------------------------------------------------ */

static enum rc read_start(struct reading *r, const struct value *value,
                          struct service_rules *service)
{
    struct walk walk;
    struct value element;

    TRY(read_expect_elements(r, value, SUBJECT_ARGUMENTS_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element)) {
        struct slice *argument = &service->start[service->start_count];

        TRY(read_template(r, &element, argument));
        if (service->start_count == 0 && argument->size == 0)
            return read_refuse(r, RC_MALFORMED, &element, "the name of a program");
        service->start_count++;
    }
    return RC_OK;
}

/* Whoever started it gave it its environment. */
static enum rc check_start(struct reading *r, const struct subject_block *block)
{
    const struct value *found = value_is_there(&block->env) ? &block->env : &block->hooks;

    if (value_is_there(&block->start) || !value_is_there(found))
        return RC_OK;
    return read_refuse_as(r, RC_MALFORMED, found,
                          "found \"%s\" without \"start\", expected both: a service that runs "
                          "already has its environment",
                          found == &block->env ? "env" : "hooks");
}

enum rc read_service(struct reading *r, const struct subject_block *block)
{
    struct scenario *scenario = r->scenario;
    struct service_rules *service = &scenario->subject_rules.service;

    service->ready_within = 60 * NANOS_S;
    TRY(read_urls(r, &block->service));
    scenario->instances = service->urls_count;
    scenario->places.instances = value_position(r, &block->service);
    TRY(read_send(r, &block->send));
    if (value_is_there(&block->timeouts))
        TRY(read_timeouts(r, &block->timeouts, &scenario->client.timeouts));
    if (value_is_there(&block->start))
        TRY(read_start(r, &block->start, service));
    if (value_is_there(&block->ready))
        TRY(read_path(r, &block->ready, &service->ready));
    if (value_is_there(&block->ready_within))
        TRY(read_span(r, &block->ready_within, &service->ready_within));
    return check_start(r, block);
}
