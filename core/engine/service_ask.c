#include "engine/service_ask.h"

#include "scenario/template.h"
#include "wire/json.h"
#include "wire/shape.h"

enum { HEADERS_BYTES_MAX = 1 << 16, TEXT_BYTES_MAX = 1 << 20 };

/* --- the body's template ---------------------------------------------------------------------- */

struct placeholder {
    struct slice name;
    enum service_piece_kind kind;
    bool is_bare; /* a text that is nothing else becomes a number, or true or false */
};

static const struct placeholder placeholders[] = {
    {SHAPE_NAME("prompt"), PIECE_PROMPT, false}, {SHAPE_NAME("model"), PIECE_MODEL, false},
    {SHAPE_NAME("stream"), PIECE_STREAM, true},  {SHAPE_NAME("max_tokens"), PIECE_MAX_TOKENS, true},
    {SHAPE_NAME("call"), PIECE_CALL, false},
};

/* The template while it is read. */
struct reading {
    struct service_ask *ask;
    size_t fixed_at; /* where the fixed text begins that no piece has yet */
    bool needs_comma;
    bool is_full;
};

static void add_piece(struct reading *reading, struct service_piece piece)
{
    struct service_ask *a = reading->ask;

    if (a->pieces_count == SERVICE_PIECES_MAX) {
        reading->is_full = true;
        return;
    }
    a->pieces[a->pieces_count++] = piece;
}

static void end_fixed(struct reading *reading)
{
    size_t size = reading->ask->text.size - reading->fixed_at;

    if (size > 0)
        add_piece(reading, (struct service_piece){PIECE_FIXED, reading->fixed_at, size});
    reading->fixed_at = reading->ask->text.size;
}

static void add_placeholder(struct reading *reading, enum service_piece_kind kind)
{
    end_fixed(reading);
    add_piece(reading, (struct service_piece){.kind = kind});
}

static const struct placeholder *find(struct slice name)
{
    for (size_t i = 0; i < ARRAY_SIZE(placeholders); i++)
        if (slice_is(name, placeholders[i].name))
            return &placeholders[i];
    return NULL;
}

/* Whatever else stands between braces stands for itself; the scenario was told of it. */
static void read_place(struct reading *reading, struct slice name)
{
    struct buffer *out = &reading->ask->text;
    const struct placeholder *found = find(name);

    if (found != NULL) {
        add_placeholder(reading, found->kind);
        return;
    }
    buffer_byte(out, '{');
    json_write_part(out, name);
    buffer_byte(out, '}');
}

static void read_text(struct reading *reading, struct slice text)
{
    struct buffer *out = &reading->ask->text;
    struct slice rest = text;
    struct template_piece piece = {0};
    bool has_piece = template_next(&rest, &piece);
    const struct placeholder *first = has_piece ? find(piece.name) : NULL;

    if (first != NULL && first->is_bare && piece.literal.size == 0 && rest.size == 0) {
        add_placeholder(reading, first->kind);
        return;
    }
    buffer_byte(out, '"');
    for (; has_piece; has_piece = template_next(&rest, &piece)) {
        json_write_part(out, piece.literal);
        if (piece.name.size > 0)
            read_place(reading, piece.name);
    }
    buffer_byte(out, '"');
}

static void read_string(struct reading *reading, const struct json_token *token)
{
    struct buffer decoded;

    buffer_init(&decoded, reading->ask->text.memory, TEXT_BYTES_MAX);
    json_text(token, &decoded);
    if (decoded.rc == RC_OK)
        read_text(reading, buffer_slice(&decoded));
    else
        reading->ask->text.rc = decoded.rc;
    buffer_deinit(&decoded);
}

static void read_token(struct reading *reading, const struct json_token *token)
{
    struct buffer *out = &reading->ask->text;
    bool is_end = token->kind == JSON_OBJECT_END || token->kind == JSON_ARRAY_END;

    if (reading->needs_comma && !is_end)
        buffer_byte(out, ',');
    reading->needs_comma = token->kind != JSON_OBJECT && token->kind != JSON_ARRAY;
    if (token->kind == JSON_STRING) {
        read_string(reading, token);
        return;
    }
    if (token->kind != JSON_KEY) {
        buffer_append(out, token->raw);
        return;
    }
    buffer_byte(out, '"');
    buffer_append(out, token->raw);
    buffer_append(out, SLICE("\":"));
    reading->needs_comma = false;
}

static enum rc read_body(struct service_ask *a, struct error *err)
{
    struct reading reading = {.ask = a};
    struct json json;
    struct json_token token;
    enum rc rc;

    json_init(&json, a->rules->body, JSON_COMMENTS);
    while ((rc = json_next(&json, &token)) == RC_OK)
        read_token(&reading, &token);
    if (rc != RC_END)
        return error_set(err, rc, "subject.send.body: %s", json.problem);
    end_fixed(&reading);
    if (a->text.rc != RC_OK)
        return error_set(err, a->text.rc, "subject.send.body: %s", rc_text(a->text.rc));
    if (reading.is_full)
        return error_set(err, RC_LIMIT, "subject.send.body: more than %d pieces",
                         SERVICE_PIECES_MAX);
    return RC_OK;
}

/* --- headers ---------------------------------------------------------------------------------- */

static struct slice name_of(struct slice line)
{
    struct slice name = {0};

    slice_cut(&line, ':', &name);
    return slice_trim(name);
}

static bool is_named_in(struct slice headers, struct slice name)
{
    struct slice line;

    while (slice_cut(&headers, '\n', &line))
        if (slice_is_nocase(name_of(line), name))
            return true;
    return false;
}

static void write_usual_headers(const struct service_ask_options *options, struct buffer *out)
{
    if (!options->rules->is_plain) {
        format_write_ask_headers(options->rules->speaks, options->key, out);
        return;
    }
    buffer_append(out, SLICE("content-type: application/json\r\n"));
    if (options->key.size == 0)
        return;
    buffer_append(out, SLICE("authorization: Bearer "));
    buffer_append(out, slice_trim(options->key));
    buffer_append(out, SLICE("\r\n"));
}

static enum rc write_headers(struct service_ask *a, const struct service_ask_options *options)
{
    struct buffer usual;
    struct slice rest, line;
    enum rc rc;

    buffer_init(&usual, options->memory, HEADERS_BYTES_MAX);
    write_usual_headers(options, &usual);
    rc = usual.rc;
    rest = buffer_slice(&usual);
    while (slice_cut(&rest, '\n', &line)) {
        if (is_named_in(options->headers, name_of(line)))
            continue;
        buffer_append(&a->headers, line);
        buffer_byte(&a->headers, '\n');
    }
    buffer_append(&a->headers, options->headers);
    buffer_deinit(&usual);
    return rc != RC_OK ? rc : a->headers.rc;
}

enum rc service_ask_init(struct service_ask *a, const struct service_ask_options *options,
                         struct error *err)
{
    enum rc rc;

    *a = (struct service_ask){.rules = options->rules};
    buffer_init(&a->headers, options->memory, HEADERS_BYTES_MAX);
    buffer_init(&a->text, options->memory, TEXT_BYTES_MAX);
    rc = write_headers(a, options);
    if (rc != RC_OK)
        error_set(err, rc, "subject.send.headers: %s", rc_text(rc));
    else if (options->rules->is_plain)
        rc = read_body(a, err);
    if (rc != RC_OK)
        service_ask_deinit(a);
    return rc;
}

void service_ask_deinit(struct service_ask *a)
{
    buffer_deinit(&a->headers);
    buffer_deinit(&a->text);
    *a = (struct service_ask){0};
}

/* --- a call ----------------------------------------------------------------------------------- */

void service_write_call(struct call_id id, struct buffer *out)
{
    buffer_byte(out, 'k');
    buffer_u64(out, id.source);
    buffer_byte(out, '-');
    buffer_u64(out, id.index);
}

/* Words of four bytes, blank included: a token each to tokenizers, and to a mock that counts four
 * bytes for one. */
void service_write_prompt(struct call_id id, uint64_t tokens, struct buffer *out)
{
    static const char words[][5] = {" one", " two", " six", " ten"};
    size_t before = out->size;
    uint64_t marked;

    buffer_append(out, SLICE("⟦"));
    service_write_call(id, out);
    buffer_append(out, SLICE("⟧"));
    marked = 1 + (out->size - before) / (sizeof(words[0]) - 1);
    for (uint64_t i = 0; i + marked < tokens && out->rc == RC_OK; i++)
        buffer_append(out, (struct slice){words[i % ARRAY_SIZE(words)], sizeof(words[0]) - 1});
}

static void write_piece(const struct service_ask *a, const struct service_piece *piece,
                        struct call_id id, const struct ask *ask, struct buffer *out)
{
    switch (piece->kind) {
    case PIECE_FIXED:
        buffer_append(out, (struct slice){a->text.data + piece->at, piece->size});
        break;
    case PIECE_PROMPT:
        json_write_part(out, ask->prompt);
        break;
    case PIECE_MODEL:
        json_write_part(out, ask->model);
        break;
    case PIECE_STREAM:
        buffer_text(out, ask->stream ? "true" : "false");
        break;
    case PIECE_MAX_TOKENS:
        buffer_u64(out, ask->output_tokens_max);
        break;
    case PIECE_CALL:
        service_write_call(id, out);
        break;
    }
}

void service_ask_write(const struct service_ask *a, struct call_id id, const struct ask *ask,
                       const struct service_request *request)
{
    const struct service_rules *rules = a->rules;

    buffer_append(request->headers, buffer_slice(&a->headers));
    if (rules->path.size > 0)
        buffer_append(request->path, rules->path);
    else if (rules->is_plain)
        buffer_byte(request->path, '/');
    else
        format_write_path(rules->speaks, ask->model, ask->stream, request->path);
    if (!rules->is_plain) {
        format_write_ask(rules->speaks, ask, request->body);
        return;
    }
    for (uint32_t i = 0; i < a->pieces_count; i++)
        write_piece(a, &a->pieces[i], id, ask, request->body);
}
