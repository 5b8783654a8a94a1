#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admin_parts.h"

enum { SCRATCH_BYTES = 256 * 1024, SENTENCE_SIZE = 512 };

/* --- refusing --------------------------------------------------------------------------------- */

uint16_t admin_refuse(struct admin *a, uint16_t status, const char *format, ...)
{
    char text[SENTENCE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    buffer_clear(&a->out);
    buffer_text(&a->out, "{\"ok\":false,\"error\":");
    json_write_text(&a->out, slice_of(text));
    buffer_text(&a->out, "}\n");
    return status;
}

uint16_t admin_refuse_error(struct admin *a, const struct error *err)
{
    return admin_refuse(a, err->rc == RC_NOMEM ? 507 : 400, "%s", err->text);
}

uint32_t admin_open_count(const struct admin *a, const struct journal_filter *filter)
{
    if (mock_open_count(a->mock) == 0 || !(filter->asked & CRITERION_BIT(CRITERION_ISOLATION)))
        return mock_open_count(a->mock);
    return upstream_open_like(mock_engine(a->mock), slice_of(filter->isolation));
}

/* --- a query as JSON -------------------------------------------------------------------------- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void decode(struct slice text, struct buffer *out)
{
    buffer_clear(out);
    for (size_t i = 0; i < text.size; i++) {
        bool is_escape = text.data[i] == '%' && i + 2 < text.size;
        int high = is_escape ? hex_value(text.data[i + 1]) : -1;
        int low = is_escape ? hex_value(text.data[i + 2]) : -1;

        if (high >= 0 && low >= 0) {
            buffer_byte(out, (char)(high * 16 + low));
            i += 2;
        } else {
            buffer_byte(out, text.data[i] == '+' ? ' ' : text.data[i]);
        }
    }
}

static bool is_number(struct slice text)
{
    uint64_t value;

    return text.size > 0 && text.size < 20 && (text.size == 1 || text.data[0] != '0') &&
           slice_u64(text, &value);
}

static void write_value(struct slice text, struct buffer *json)
{
    bool is_flag = slice_is(text, SLICE("true")) || slice_is(text, SLICE("false"));

    if (is_flag || is_number(text))
        buffer_append(json, text);
    else
        json_write_text(json, text);
}

static bool is_own(struct slice name, const struct read_key *keys, size_t keys_count)
{
    for (size_t i = 0; i < keys_count; i++)
        if (slice_is(name, slice_of(keys[i].name)))
            return true;
    return false;
}

struct query {
    struct slice text;
    const struct read_key *keys;
    size_t keys_count;
};

/* Its members that are known by their own names, and those that are not: each group where wanted.
 */
static void write_members(const struct query *q, bool wants_own, bool wants_others,
                          struct buffer *scratch, struct buffer *json)
{
    struct slice query = q->text;
    struct slice member;
    bool is_first = true;

    while (slice_cut(&query, '&', &member)) {
        struct slice name = {0};

        if (!slice_cut(&member, '=', &name))
            continue;
        if (!(is_own(name, q->keys, q->keys_count) && !slice_is(name, SLICE("match"))
                  ? wants_own
                  : wants_others))
            continue;
        buffer_text(json, is_first ? "" : ",");
        json_write_text(json, name);
        buffer_byte(json, ':');
        decode(member, scratch);
        write_value(buffer_slice(scratch), json);
        is_first = false;
    }
}

/* {"limit":5,"match":{"model":"claude-*"}}: "match" itself cannot stand in a query. */
static void write_query(const struct query *query, const struct memory *memory, struct buffer *json)
{
    bool has_match = is_own(SLICE("match"), query->keys, query->keys_count);
    struct buffer scratch;
    size_t before;

    buffer_init(&scratch, memory, SCRATCH_BYTES);
    buffer_byte(json, '{');
    before = json->size;
    write_members(query, true, !has_match, &scratch, json);
    if (has_match) {
        buffer_text(json, json->size > before ? ",\"match\":{" : "\"match\":{");
        write_members(query, false, true, &scratch, json);
        buffer_byte(json, '}');
    }
    buffer_byte(json, '}');
    if (scratch.rc != RC_OK)
        json->rc = scratch.rc;
    buffer_deinit(&scratch);
}

/* The place in the JSON means nothing to who wrote the query: "query:1:10: ..." to "query: ...". */
static void drop_place(struct error *err)
{
    int line, column, size = 0;

    if (sscanf(err->text, "query:%d:%d: %n", &line, &column, &size) != 2 || size == 0)
        return;
    size -= (int)sizeof("query: ") - 1;
    memmove(err->text, err->text + size, strlen(err->text + size) + 1);
    memcpy(err->text, "query: ", sizeof("query: ") - 1);
}

/* --- reading ---------------------------------------------------------------------------------- */

enum rc admin_read_count(struct reading *r, const struct value *value, void *out)
{
    return read_whole(r, value, 0, INT64_MAX, out);
}

static enum rc read_text_of(struct reading *r, const struct read_key *keys, size_t keys_count,
                            void *into)
{
    struct value whole;

    TRY(read_check(r, &whole));
    return read_object(r, &whole, keys, keys_count, into);
}

enum rc admin_read(struct admin *a, const struct admin_request *request,
                   const struct read_key *keys, size_t keys_count, void *into, uint16_t *status)
{
    struct error err = {0};
    struct arena arena;
    struct buffer json;
    struct reading r = {.text = request->http->body,
                        .file = SLICE("body"),
                        .scenario = a->asking,
                        .arena = &arena,
                        .err = &err};
    enum rc rc = RC_OK;

    arena_init(&arena, a->options.memory, SCRATCH_BYTES);
    buffer_init(&json, a->options.memory, SCRATCH_BYTES);
    if (r.text.size == 0) {
        write_query(&(struct query){request->query, keys, keys_count}, a->options.memory, &json);
        r.text = buffer_slice(&json);
        r.file = SLICE("query");
        rc = json.rc;
        if (rc != RC_OK)
            error_set(&err, rc, "query: %s", rc_text(rc));
    }
    if (rc == RC_OK)
        rc = read_text_of(&r, keys, keys_count, into);
    drop_place(&err);
    if (rc != RC_OK)
        *status = admin_refuse_error(a, &err);
    buffer_deinit(&json);
    arena_deinit(&arena);
    return rc;
}
