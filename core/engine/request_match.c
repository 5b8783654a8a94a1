#include "engine/request_match.h"

#include "wire/json.h"

enum {
    SEGMENT_BYTES_MAX = 128, /* of a pointer, decoded */
    DECODED_BYTES_MAX = 8192 /* of a text with escapes; a longer one is compared as written */
};

/* --- pointers --------------------------------------------------------------------------------- */

/* One step of a pointer, decoded: ~1 is a slash, ~0 a tilde. */
struct segment {
    char text[SEGMENT_BYTES_MAX];
    size_t size;
};

/* Takes "/name" off the front. False: the pointer is none, or too long a name. */
static bool take_segment(struct slice *pointer, struct segment *segment)
{
    size_t at = 1;

    segment->size = 0;
    if (pointer->size == 0 || pointer->data[0] != '/')
        return false;
    for (; at < pointer->size && pointer->data[at] != '/'; at++) {
        char c = pointer->data[at];

        if (segment->size == sizeof(segment->text))
            return false;
        if (c == '~' && at + 1 < pointer->size && pointer->data[at + 1] <= '1')
            c = pointer->data[++at] == '1' ? '/' : '~';
        segment->text[segment->size++] = c;
    }
    *pointer = (struct slice){pointer->data + at, pointer->size - at};
    return true;
}

static struct slice text_of(const struct segment *segment)
{
    return (struct slice){segment->text, segment->size};
}

/* Inside an object: goes to the value of that member. */
static enum rc enter_member(struct json *json, struct slice name, struct json_token *value)
{
    enum rc rc;

    while ((rc = json_next(json, value)) == RC_OK && value->kind == JSON_KEY) {
        bool is_it = json_is(value, name);

        TRY(json_next(json, value));
        if (is_it)
            return RC_OK;
        TRY(json_skip(json, value));
    }
    return rc == RC_OK ? RC_END : rc;
}

static enum rc enter_element(struct json *json, struct slice index, struct json_token *value)
{
    uint64_t left;
    enum rc rc;

    if (!slice_u64(index, &left))
        return RC_END;
    while ((rc = json_next(json, value)) == RC_OK && value->kind != JSON_ARRAY_END) {
        if (left-- == 0)
            return RC_OK;
        TRY(json_skip(json, value));
    }
    return rc == RC_OK ? RC_END : rc;
}

/* The token that begins the value at the pointer; RC_END: it is not there. */
static enum rc walk(struct json *json, struct slice pointer, struct json_token *value)
{
    TRY(json_next(json, value));
    while (pointer.size > 0) {
        struct segment segment;

        if (!take_segment(&pointer, &segment))
            return RC_END;
        if (value->kind == JSON_OBJECT)
            TRY(enter_member(json, text_of(&segment), value));
        else if (value->kind == JSON_ARRAY)
            TRY(enter_element(json, text_of(&segment), value));
        else
            return RC_END;
    }
    return RC_OK;
}

/* Is what follows JSON to the end? A text that breaks off later has no members either. */
static bool is_json_to_the_end(struct json *json)
{
    struct json_token token;
    enum rc rc;

    while ((rc = json_next(json, &token)) == RC_OK)
        ;
    return rc == RC_END;
}

static bool find(struct slice text, struct slice pointer, struct json_token *token,
                 struct slice *value)
{
    struct json json;

    json_init(&json, text, JSON_STRICT);
    return walk(&json, pointer, token) == RC_OK && json_value(&json, token, value) == RC_OK &&
           is_json_to_the_end(&json);
}

bool json_pointer_find(struct slice json, struct slice pointer, struct slice *value, bool *is_text)
{
    struct json_token token;
    struct slice found;

    if (!find(json, pointer, &token, &found))
        return false;
    *is_text = token.kind == JSON_STRING;
    *value = *is_text ? token.raw : found;
    return true;
}

/* --- conditions ------------------------------------------------------------------------------- */

static bool is_like(const struct condition *condition, struct slice text)
{
    return condition->pattern == NULL || pattern_matches(condition->pattern, text);
}

static bool any_header(const struct condition *condition, const struct http_request *http)
{
    for (uint32_t i = 0; i < http->headers_count; i++) {
        if (slice_is_nocase(http->headers[i].name, condition->name) &&
            is_like(condition, http->headers[i].value))
            return true;
    }
    return false;
}

static bool any_member(const struct condition *condition, const struct http_request *http)
{
    char space[DECODED_BYTES_MAX];
    struct buffer decoded = {.data = space,
                             .capacity = sizeof(space),
                             .ceiling = sizeof(space),
                             .memory = memory_heap()}; /* never asked: the space is there */
    struct json_token token;
    struct slice value;

    if (!find(http->body, condition->name, &token, &value))
        return false;
    if (token.kind != JSON_STRING)
        return is_like(condition, value);
    if (!token.has_escapes)
        return is_like(condition, token.raw);
    json_text(&token, &decoded);
    return is_like(condition, decoded.rc == RC_OK ? buffer_slice(&decoded) : token.raw);
}

static struct slice path_of(const struct http_request *http)
{
    struct slice rest = http->path;
    struct slice path = {0};

    (void)slice_cut(&rest, '?', &path); /* an empty path is one, too */
    return path;
}

static bool is_there(const struct condition *condition, const struct http_request *http)
{
    switch (condition->kind) {
    case CONDITION_HEADER:
        return any_header(condition, http);
    case CONDITION_BODY:
        return any_member(condition, http);
    case CONDITION_PATH:
        break;
    }
    return is_like(condition, path_of(http));
}

bool request_matches(const struct match *match, const struct http_request *http)
{
    for (uint32_t i = 0; i < match->conditions_count; i++) {
        if (is_there(&match->conditions[i], http) == match->conditions[i].is_absent)
            return false;
    }
    return true;
}

bool request_match_needs_bytes(const struct match *match)
{
    return match->conditions_count > 0;
}
