#include "wire/shape.h"

#include <assert.h>
#include <string.h>

#include "base/buffer.h"

/* --- texts as written: how far one step reaches ----------------------------------------------- */

/* The bytes of one character or escape as they stand in a JSON text that was accepted. */
static size_t step_at(struct slice raw, size_t at)
{
    if (raw.data[at] != '\\')
        return 1;
    return raw.data[at + 1] == 'u' ? 6 : 2;
}

static unsigned hex_digit(char c)
{
    if (c <= '9')
        return (unsigned)(c - '0');
    return (unsigned)((c | 0x20) - 'a') + 10;
}

static unsigned code_unit(const char *escape)
{
    unsigned unit = 0;

    for (int i = 2; i < 6; i++)
        unit = unit << 4 | hex_digit(escape[i]);
    return unit;
}

/* UTF-8 bytes of one escape. Each half of a surrogate pair counts two of the pair's four. */
static size_t escape_size(const char *escape)
{
    unsigned unit;

    if (escape[1] != 'u')
        return 1;
    unit = code_unit(escape);
    if (unit < 0x80)
        return 1;
    if (unit < 0x800 || (unit >= 0xD800 && unit < 0xE000))
        return 2;
    return 3;
}

/* From one escape to the next: prompts are long, and most of their bytes stand for themselves. */
static uint64_t decoded_size(const struct json_token *token)
{
    const char *end = token->raw.data + token->raw.size;
    const char *at = token->raw.data;
    uint64_t size = token->raw.size;

    if (!token->has_escapes)
        return size;
    while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
        size_t written = at[1] == 'u' ? 6 : 2;

        size -= written - escape_size(at);
        at += written;
    }
    return size;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool takes(enum shape_kind shape, enum json_kind kind)
{
    switch (shape) {
    case SHAPE_SCALAR:
    case SHAPE_FIRST:
        return kind == JSON_STRING || kind == JSON_NUMBER || kind == JSON_TRUE ||
               kind == JSON_FALSE;
    case SHAPE_NUMBER:
        return kind == JSON_NUMBER;
    case SHAPE_BYTES:
    case SHAPE_PROMPT:
    case SHAPE_WORDS:
        return kind == JSON_STRING;
    case SHAPE_OBJECT:
    case SHAPE_HERE:
        return kind == JSON_OBJECT;
    case SHAPE_EACH:
    case SHAPE_LIST:
    case SHAPE_TEXTS:
        return kind == JSON_ARRAY;
    case SHAPE_MET:
    case SHAPE_SPAN:
        return kind != JSON_NULL;
    case SHAPE_END:
        break;
    }
    return false;
}

/* Names of another length are told apart without looking at them: most keys are none of ours. */
static bool is_named(const struct shape *shape, const struct json_token *key)
{
    return (key->has_escapes || key->raw.size == shape->name.size) && json_is(key, shape->name);
}

static const struct shape *row_for(const struct shape *shape, const struct json_token *key,
                                   enum json_kind kind)
{
    for (; shape->kind != SHAPE_END; shape++)
        if (is_named(shape, key) && takes(shape->kind, kind))
            return shape;
    return NULL;
}

static void *place(const struct shape *row, void *target)
{
    return (char *)target + row->offset;
}

static void add(const struct shape *row, void *target, uint64_t count)
{
    if (row->offset != SHAPE_NOWHERE)
        *(uint64_t *)place(row, target) += count;
}

static void take_number(const struct json_token *token, struct shape_number *number)
{
    uint64_t value;

    if (json_u64(token, &value) == RC_OK)
        *number = (struct shape_number){.is_known = true, .value = value};
    else if (token->raw.data[0] == '-')
        *number = (struct shape_number){.is_negative = true};
    else
        *number = (struct shape_number){.is_odd = true};
}

static void take_prompt(const struct json_token *token, struct shape_prompt *prompt)
{
    prompt->bytes += decoded_size(token);
    if (prompt->is_hashed && token->raw.size > 0)
        prompt->hash += json_text_hash(token);
}

static void take_first(const struct json_token *token, struct json_token *first)
{
    if (first->raw.data == NULL)
        *first = *token;
}

static bool is_listed(const struct json_token *token, const struct shape *names)
{
    for (; names->kind != SHAPE_END; names++)
        if (json_is(token, names->name))
            return true;
    return false;
}

static void take_word(const struct shape *row, const struct json_token *token,
                      struct shape_words *words)
{
    take_first(token, &words->first);
    if (!is_listed(token, row->members))
        take_first(token, &words->odd);
}

static void take(const struct shape *row, const struct json_token *token, void *target)
{
    switch (row->kind) {
    case SHAPE_SCALAR:
        *(struct json_token *)place(row, target) = *token;
        return;
    case SHAPE_NUMBER:
        take_number(token, place(row, target));
        return;
    case SHAPE_BYTES:
        add(row, target, decoded_size(token));
        return;
    case SHAPE_PROMPT:
        take_prompt(token, place(row, target));
        return;
    case SHAPE_FIRST:
        take_first(token, place(row, target));
        return;
    default:
        assert(row->kind == SHAPE_WORDS);
        take_word(row, token, place(row, target));
        return;
    }
}

static enum rc read_texts(struct json *json, const struct json_token *token,
                          struct shape_texts *texts)
{
    struct json_token value;

    for (;;) {
        TRY(json_next(json, &value));
        if (value.kind == JSON_ARRAY_END)
            break;
        texts->count++;
        if (value.kind == JSON_STRING)
            texts->bytes += decoded_size(&value);
        TRY(json_skip(json, &value));
    }
    texts->span = (struct slice){json->text.data + token->offset, json->at - token->offset};
    return RC_OK;
}

static enum rc read_here(struct json *json, const struct json_token *token, size_t *behind)
{
    TRY(json_skip(json, token));
    *behind = json->at;
    return RC_OK;
}

static void count_element(const struct shape *row, const struct json_token *element, void *target)
{
    struct shape_list *list;

    if (row->kind == SHAPE_EACH) {
        add(row, target, 1);
        return;
    }
    list = place(row, target);
    list->count++;
    list->last_at = element->offset;
}

static bool is_container(enum shape_kind kind)
{
    return kind == SHAPE_OBJECT || kind == SHAPE_EACH || kind == SHAPE_LIST;
}

/* Of a span's rows, the one that reads it. */
static const struct shape *inner_of(const struct shape *span, enum json_kind kind)
{
    const struct shape *row = span->members;

    while (row->kind != SHAPE_END && !takes(row->kind, kind))
        row++;
    return row->kind != SHAPE_END ? row : NULL;
}

static enum rc read_leaf(struct json *json, const struct shape *row, const struct json_token *token,
                         void *target)
{
    if (row->kind == SHAPE_TEXTS)
        return read_texts(json, token, place(row, target));
    if (row->kind == SHAPE_HERE)
        return read_here(json, token, place(row, target));
    take(row, token, target);
    return RC_OK;
}

/* The rest of the value that `token` begins. Recursion is as deep as the table, not the text. */
static enum rc read_value(struct json *json, const struct shape *row,
                          const struct json_token *token, void *target)
{
    const struct shape element = {{0}, SHAPE_OBJECT, SHAPE_NOWHERE, row->members};
    const struct shape *inner;
    struct json_token key, value;

    if (row->kind == SHAPE_SPAN || row->kind == SHAPE_MET) {
        inner = inner_of(row, token->kind);
        TRY(inner != NULL ? read_value(json, inner, token, target) : json_skip(json, token));
        if (row->kind == SHAPE_MET)
            add(row, target, 1);
        else
            *(struct slice *)place(row, target) =
                (struct slice){json->text.data + token->offset, json->at - token->offset};
        return RC_OK;
    }
    if (!is_container(row->kind))
        return read_leaf(json, row, token, target);
    if (row->kind == SHAPE_OBJECT)
        add(row, target, 1);
    for (;;) {
        TRY(json_next(json, &value));
        if (value.kind == JSON_OBJECT_END || value.kind == JSON_ARRAY_END)
            return RC_OK;
        if (row->kind == SHAPE_OBJECT) {
            key = value;
            TRY(json_next(json, &value));
            inner = row_for(row->members, &key, value.kind);
        } else {
            inner = value.kind == JSON_OBJECT ? &element : NULL;
            if (inner != NULL)
                count_element(row, &value, target);
        }
        TRY(inner != NULL ? read_value(json, inner, &value, target) : json_skip(json, &value));
    }
}

static enum rc read_text(struct json *json, const struct shape *shape, void *target)
{
    const struct shape top = {{0}, SHAPE_OBJECT, SHAPE_NOWHERE, shape};
    struct json_token token;

    TRY(json_next(json, &token));
    if (token.kind != JSON_OBJECT)
        return RC_MALFORMED;
    TRY(read_value(json, &top, &token, target));
    return json_next(json, &token);
}

enum rc shape_read(struct slice text, const struct shape *shape, void *target, const char **problem)
{
    struct json json;

    json_init(&json, text, JSON_STRICT);
    if (read_text(&json, shape, target) == RC_END)
        return RC_OK;
    if (problem != NULL)
        *problem = json.rc != RC_OK ? json.problem : "expected an object";
    return RC_MALFORMED;
}

/* --- taking out what was read ----------------------------------------------------------------- */

bool shape_is(const struct json_token *token, struct slice text)
{
    return token->raw.data != NULL && token->kind == JSON_STRING && json_is(token, text);
}

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

static bool is_low_surrogate(struct slice raw, size_t at)
{
    return raw.size - at >= 6 && raw.data[at] == '\\' && raw.data[at + 1] == 'u' &&
           code_unit(raw.data + at) >> 10 == 0xDC00 >> 10;
}

/* The longest front of `raw` of at most `room` bytes that ends between two characters. */
static struct slice front(struct slice raw, size_t room)
{
    size_t end = 0, step;

    for (size_t at = 0; at < raw.size && at <= room; at += step) {
        if (!is_continuation(raw.data[at]) && !is_low_surrogate(raw, at))
            end = at;
        step = step_at(raw, at);
    }
    return (struct slice){raw.data, raw.size <= room ? raw.size : end};
}

/* A buffer over an array is never asked to grow: escapes decode to less than they take. */
static void *refuse(void *context, void *block, size_t size)
{
    (void)context;
    (void)block;
    (void)size;
    return NULL;
}

void shape_copy(const struct json_token *token, char *out, size_t capacity)
{
    const struct memory memory = {.resize = refuse};
    struct buffer text = {
        .data = out, .capacity = capacity, .ceiling = capacity - 1, .memory = &memory};
    struct json_token cut = *token;

    assert(capacity > 0);
    if (token->raw.data == NULL)
        return;
    cut.raw = front(token->raw, capacity - 1);
    if (cut.kind == JSON_STRING)
        json_text(&cut, &text);
    else
        buffer_append(&text, cut.raw);
    assert(text.rc == RC_OK);
    out[text.size] = '\0';
}
