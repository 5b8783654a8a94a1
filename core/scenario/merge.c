#include "scenario/merge.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "scenario/read.h"

enum {
    SOURCES_MAX = SCENARIO_USES_MAX + 1, /* the file itself */
    LAYERS_MAX = SOURCES_MAX + 1,        /* a case */
    PATH_BYTES_MAX = 1024,
    WAY_BYTES_MAX = 120, /* of a cycle, as a message can show it */
    MEMBERS_MAX = 4096,  /* of all objects that become one */
};

/* One of the texts. */
struct source {
    struct reading reading;
    struct slice path; /* as the reader is asked for it */
    struct value whole;
    bool is_open; /* what it uses is being read: */
    bool has_uses;
    struct walk uses;
};

/* What stands at one place of one text. */
struct layer {
    struct source *source;
    struct value value;
    bool is_base; /* nothing is below, so null is a value like others */
};

/* The same place in all texts, the lowest first. */
struct layers {
    struct layer list[LAYERS_MAX];
    uint32_t count;
};

struct merging {
    struct source sources[SOURCES_MAX];
    uint32_t sources_count;
    uint32_t order[SOURCES_MAX]; /* of sources, the lowest first */
    uint32_t order_count;
    const struct file_reader *files;
    struct arena *arena;
    struct error *err;
    struct buffer text;
    struct buffer origins; /* of struct text_origin */
};

static enum rc out_of_memory(const struct merging *m, enum rc rc)
{
    return error_set(m->err, rc, "%.*s: put together: %s", SLICE_ARG(m->sources[0].reading.file),
                     rc_text(rc));
}

static struct value find(const struct value *object, struct slice name)
{
    struct walk walk;
    struct value key, value;

    walk_init(&walk, object);
    while (walk_next(&walk, &key, &value)) {
        if (json_is(&key.token, name))
            return value;
    }
    return (struct value){0};
}

/* --- names of files --------------------------------------------------------------------------- */

/* Up to and with its last slash. */
static struct slice folder_of(struct slice path)
{
    size_t size = path.size;

    while (size > 0 && path.data[size - 1] != '/')
        size--;
    return (struct slice){path.data, size};
}

static bool is_up(struct slice part)
{
    return slice_is(part, SLICE(".."));
}

/* "a/./b/../c" is "a/c", so that one file has one name. */
static size_t shorten(struct slice path, char out[PATH_BYTES_MAX])
{
    bool is_absolute = path.size > 0 && path.data[0] == '/';
    size_t size = 0;
    struct slice part;

    if (is_absolute)
        out[size++] = '/';
    while (slice_cut(&path, '/', &part)) {
        struct slice folder = folder_of((struct slice){out, size > 1 ? size - 1 : 0});
        struct slice latest = {out + folder.size, size > 1 ? size - 1 - folder.size : 0};

        if (part.size == 0 || slice_is(part, SLICE(".")))
            continue;
        if (is_up(part) && latest.size > 0 && !is_up(latest)) {
            size = folder.size;
            continue;
        }
        memcpy(out + size, part.data, part.size);
        size += part.size;
        out[size++] = '/';
    }
    return size > 1 && out[size - 1] == '/' ? size - 1 : size;
}

/* `name`, as whoever stands in `folder` means it; null data when it is too long, or without
 * memory. */
static struct slice join(struct slice folder, struct slice name, struct arena *arena)
{
    char whole[PATH_BYTES_MAX];
    char out[PATH_BYTES_MAX];
    bool is_absolute = name.size > 0 && name.data[0] == '/';
    size_t front = is_absolute ? 0 : folder.size;

    if (front + name.size + 1 > sizeof(whole)) /* a slash goes behind it for a moment */
        return (struct slice){0};
    memcpy(whole, folder.data != NULL ? folder.data : "", front);
    memcpy(whole + front, name.data != NULL ? name.data : "", name.size);
    return arena_copy(arena,
                      (struct slice){out, shorten((struct slice){whole, front + name.size}, out)});
}

/* --- what is used ----------------------------------------------------------------------------- */

static enum rc refuse_cycle(const struct merging *m, const struct value *name,
                            struct reading *reading, const struct source *again)
{
    char way[WAY_BYTES_MAX] = "";
    size_t used = 0;

    for (uint32_t i = (uint32_t)(again - m->sources); i < m->sources_count; i++) {
        if (m->sources[i].is_open && used < sizeof(way))
            used += (size_t)snprintf(way + used, sizeof(way) - used, "%.*s -> ",
                                     SLICE_ARG(m->sources[i].path));
    }
    return read_refuse_as(reading, RC_MALFORMED, name,
                          "found a cycle: %s%.*s, expected an end of what files use", way,
                          SLICE_ARG(again->path));
}

static struct source *find_source(struct merging *m, struct slice path)
{
    for (uint32_t i = 0; i < m->sources_count; i++) {
        if (slice_is(m->sources[i].path, path))
            return &m->sources[i];
    }
    return NULL;
}

static enum rc fetch(struct merging *m, struct reading *by, const struct value *name,
                     struct slice path, struct slice *text)
{
    struct json_position at = value_position(by, name);

    if (m->files == NULL)
        return read_refuse(by, RC_MALFORMED, name, "a scenario that needs no file");
    if (m->files->read(m->files->context, path, m->arena, text, m->err) != RC_OK)
        return error_wrap(m->err, "%.*s:%u:%u", SLICE_ARG(by->file), at.line, at.column);
    if (text->size > SCENARIO_TEXT_MAX)
        return read_refuse_as(by, RC_LIMIT, name, "found %zu bytes there, expected at most %d",
                              text->size, SCENARIO_TEXT_MAX);
    return RC_OK;
}

static struct source *add_source(struct merging *m, struct slice path, struct slice text,
                                 struct slice file)
{
    struct source *source = &m->sources[m->sources_count++];

    *source = (struct source){
        .reading = {.text = text, .file = file, .arena = m->arena, .err = m->err}, .path = path};
    return source;
}

/* `*used` stays as it is where that file is there already. */
static enum rc use(struct merging *m, struct source *by, const struct value *element,
                   struct source **used)
{
    struct slice name, path, file, text = {0};
    struct source *source;

    TRY(read_string(&by->reading, element, &name));
    if (name.size == 0 || name.size > PATH_BYTES_MAX / 2)
        return read_refuse(&by->reading, RC_MALFORMED, element, "the name of a file");
    path = join(folder_of(by->path), name, m->arena);
    file = join(folder_of(m->sources[0].reading.file), path, m->arena);
    if (m->arena->rc != RC_OK)
        return out_of_memory(m, m->arena->rc);
    if (path.data == NULL || file.data == NULL)
        return read_refuse(&by->reading, RC_LIMIT, element, "a path of at most %d bytes",
                           PATH_BYTES_MAX);
    source = find_source(m, path);
    if (source != NULL)
        return source->is_open ? refuse_cycle(m, element, &by->reading, source) : RC_OK;
    if (m->sources_count == SOURCES_MAX)
        return read_refuse(&by->reading, RC_LIMIT, element, "at most %d files in all",
                           SCENARIO_USES_MAX);
    TRY(fetch(m, &by->reading, element, path, &text));
    source = add_source(m, path, text, file);
    TRY(read_check(&source->reading, &source->whole));
    TRY(read_expect_object(&source->reading, &source->whole));
    *used = source;
    return RC_OK;
}

static enum rc open_source(struct source *source)
{
    struct value uses = find(&source->whole, SLICE("use"));

    source->is_open = true;
    source->has_uses = value_is_there(&uses);
    if (!source->has_uses)
        return RC_OK;
    TRY(read_expect_array(&source->reading, &uses, SCENARIO_USES_MAX));
    walk_init(&source->uses, &uses);
    return RC_OK;
}

/* What a text uses lies below it. */
static enum rc read_sources(struct merging *m)
{
    struct source *way[SOURCES_MAX] = {&m->sources[0]}; /* from the file itself to the one read */
    uint32_t depth = 1;

    TRY(open_source(way[0]));
    while (depth > 0) {
        struct source *source = way[depth - 1];
        struct source *used = NULL;
        struct value element;

        if (source->has_uses && walk_next(&source->uses, NULL, &element)) {
            TRY(use(m, source, &element, &used));
            if (used != NULL)
                TRY(open_source(way[depth++] = used));
            continue;
        }
        source->is_open = false;
        m->order[m->order_count++] = (uint32_t)(source - m->sources);
        depth--;
    }
    return RC_OK;
}

/* --- cases ------------------------------------------------------------------------------------ */

static enum rc read_case(struct reading *r, const struct value *value, struct merged *merged)
{
    static const char *const files_own[] = {"use", "vary"};
    char *name = merged->cases[merged->cases_count].name;
    struct value named;

    TRY(read_expect_object(r, value));
    named = find(value, SLICE("case"));
    if (!value_is_there(&named))
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found no \"case\" in this object, expected its name");
    TRY(read_name(r, &named, 0, name, CASE_NAME_MAX + 1));
    for (uint32_t i = 0; i < merged->cases_count; i++) {
        if (strcmp(merged->cases[i].name, name) == 0)
            return read_refuse_as(r, RC_MALFORMED, &named,
                                  "found a second case \"%s\", expected a name of its own", name);
    }
    for (size_t i = 0; i < ARRAY_SIZE(files_own); i++) {
        struct value own = find(value, slice_of(files_own[i]));

        if (value_is_there(&own))
            return read_refuse_as(r, RC_MALFORMED, &own,
                                  "found \"%s\" in a case, expected it beside \"vary\"",
                                  files_own[i]);
    }
    merged->cases_count++;
    return RC_OK;
}

/* The table of the topmost text that has one; `chosen` becomes the case that is asked for. */
static enum rc read_cases(struct merging *m, uint32_t which, struct merged *merged,
                          struct layer *chosen)
{
    struct value table = {0};
    struct source *source = NULL;
    struct value element;
    struct walk walk;

    for (uint32_t i = m->order_count; i-- > 0 && !value_is_there(&table);) {
        source = &m->sources[m->order[i]];
        table = find(&source->whole, SLICE("vary"));
    }
    if (!value_is_there(&table) || table.token.kind == JSON_NULL)
        return RC_OK;
    TRY(read_expect_elements(&source->reading, &table, SCENARIO_CASES_MAX));
    walk_init(&walk, &table);
    while (walk_next(&walk, NULL, &element)) {
        if (merged->cases_count == which)
            *chosen = (struct layer){.source = source, .value = element};
        TRY(read_case(&source->reading, &element, merged));
    }
    assert(value_is_there(&chosen->value));
    return RC_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* What follows is as `at` has it, until the next origin. */
static void begin(struct merging *m, const struct layer *at, const struct value *value)
{
    const struct reading *reading = &at->source->reading;
    const struct text_origin origin = {
        .from = m->text.size, .file = reading->file, .position = value_position(reading, value)};

    buffer_append(&m->origins, (struct slice){(const char *)&origin, sizeof(origin)});
}

static void copy(struct merging *m, const struct layer *at, const struct value *value)
{
    begin(m, at, value);
    buffer_append(&m->text, value->text);
}

/* Conservative: one in an array stays, and does no harm here. */
static bool has_null(const struct value *object)
{
    struct json json;
    struct json_token token;
    bool is_value = false;

    json_init(&json, object->text, JSON_COMMENTS);
    while (json_next(&json, &token) == RC_OK) {
        if (is_value && token.kind == JSON_NULL)
            return true;
        is_value = token.kind == JSON_KEY;
    }
    return false;
}

static bool is_object(const struct layer *layer)
{
    return layer->value.token.kind == JSON_OBJECT;
}

static bool is_removal(const struct layer *layer)
{
    return layer->value.token.kind == JSON_NULL && !layer->is_base;
}

/* Of all that was ever at a place, what counts: the latest value, or all objects since then. */
static void drop_what_was_replaced(struct layers *layers)
{
    uint32_t first = layers->count - 1;

    while (first > 0 && is_object(&layers->list[first]) && is_object(&layers->list[first - 1]))
        first--;
    layers->count -= first;
    memmove(layers->list, &layers->list[first], layers->count * sizeof(layers->list[0]));
}

struct member {
    struct slice name; /* decoded */
    struct value key, value;
    const struct layer *of;
    bool is_taken;
};

/* Several objects that become one. */
struct union_of {
    struct member *members; /* of all of them, the lowest first */
    uint32_t count, next;
};

static enum rc add_member(struct union_of *u, const struct layer *of, const struct value *key,
                          const struct value *value)
{
    struct member *member = &u->members[u->count];
    struct value name = *key;

    *member = (struct member){.key = *key, .value = *value, .of = of};
    name.token.kind = JSON_STRING;
    TRY(read_string(&of->source->reading, &name, &member->name));
    u->count++;
    return RC_OK;
}

/* Keys of the whole that are about files and cases stand in no result. */
static bool is_about_texts(const struct value *key, bool is_case)
{
    return json_is(&key->token, SLICE("use")) || json_is(&key->token, SLICE("vary")) ||
           (is_case && json_is(&key->token, SLICE("case")));
}

/* How many members, at most MEMBERS_MAX + 1. */
static uint32_t count_members(const struct layers *layers)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < layers->count; i++) {
        struct value key, value;
        struct walk walk;

        walk_init(&walk, &layers->list[i].value);
        while (count <= MEMBERS_MAX && walk_next(&walk, &key, &value))
            count++;
    }
    return count;
}

struct place {
    bool is_whole;
    bool has_case; /* of the whole: the topmost layer is one */
    uint32_t depth;
};

static enum rc gather(struct merging *m, const struct layers *layers, const struct place *place,
                      struct union_of *u)
{
    uint32_t room = count_members(layers);
    const struct layer *latest = &layers->list[layers->count - 1];

    if (room > MEMBERS_MAX)
        return read_refuse_as(&latest->source->reading, RC_LIMIT, &latest->value,
                              "found more than %d members in all", MEMBERS_MAX);
    *u = (struct union_of){.members = arena_take(m->arena, (size_t)room + 1, sizeof(*u->members))};
    if (u->members == NULL)
        return out_of_memory(m, m->arena->rc);
    for (uint32_t i = 0; i < layers->count; i++) {
        bool is_case = place->has_case && i + 1 == layers->count;
        struct value key, value;
        struct walk walk;

        walk_init(&walk, &layers->list[i].value);
        while (walk_next(&walk, &key, &value)) {
            if (!place->is_whole || !is_about_texts(&key, is_case))
                TRY(add_member(u, &layers->list[i], &key, &value));
        }
    }
    return RC_OK;
}

/* All of one name, which then are done with. The topmost one. */
static const struct member *take(struct union_of *u, uint32_t first, struct layers *layers)
{
    const struct member *top = NULL;

    layers->count = 0;
    for (uint32_t i = first; i < u->count; i++) {
        struct member *member = &u->members[i];

        if (member->is_taken || !slice_is(member->name, u->members[first].name))
            continue;
        member->is_taken = true;
        layers->list[layers->count++] = (struct layer){
            .source = member->of->source, .value = member->value, .is_base = member->of->is_base};
        top = member;
    }
    return top;
}

/* The next name that the result has; NULL past the last. */
static const struct member *next_member(struct union_of *u, struct layers *layers)
{
    while (u->next < u->count) {
        uint32_t first = u->next++;
        const struct member *top = u->members[first].is_taken ? NULL : take(u, first, layers);

        if (top != NULL && !is_removal(&layers->list[layers->count - 1]))
            return top;
    }
    return NULL;
}

static void new_line(struct merging *m, uint32_t depth)
{
    buffer_text(&m->text, "\n");
    for (uint32_t i = 0; i < depth; i++)
        buffer_text(&m->text, "  ");
}

static void write_key(struct merging *m, const struct member *member, bool is_first, uint32_t depth)
{
    begin(m, member->of, &member->key);
    buffer_text(&m->text, is_first ? "" : ",");
    new_line(m, depth);
    copy(m, member->of, &member->key);
    buffer_text(&m->text, ": ");
}

/* Does one text have all of it, with nothing to take away? */
static bool stands_alone(const struct layers *layers, const struct place *place)
{
    const struct layer *only = &layers->list[0];

    if (!is_object(only))
        return true;
    return layers->count == 1 && !place->is_whole && (only->is_base || !has_null(&only->value));
}

/* The depth is that of what json.h reads. */
static enum rc write_value(struct merging *m, struct layers *layers, const struct place *place)
{
    const struct place inside = {.depth = place->depth + 1};
    const struct layer *latest;
    const struct member *member;
    struct union_of u;
    struct layers below;
    bool is_first = true;

    drop_what_was_replaced(layers);
    latest = &layers->list[layers->count - 1];
    if (place->has_case && layers->count > 1)
        latest--; /* what is missing in the whole is missing in the file */
    if (stands_alone(layers, place)) {
        copy(m, latest, &latest->value);
        return RC_OK;
    }
    TRY(gather(m, layers, place, &u));
    begin(m, latest, &latest->value);
    buffer_text(&m->text, "{");
    for (; (member = next_member(&u, &below)) != NULL; is_first = false) {
        write_key(m, member, is_first, inside.depth);
        TRY(write_value(m, &below, &inside));
    }
    begin(m, latest, &latest->value);
    new_line(m, place->depth);
    buffer_text(&m->text, "}");
    return RC_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum rc hand_out(const struct merging *m, struct merged *merged)
{
    uint32_t count = (uint32_t)(m->origins.size / sizeof(struct text_origin));
    struct text_origin *list;

    if (m->text.rc != RC_OK || m->origins.rc != RC_OK)
        return out_of_memory(m, m->text.rc != RC_OK ? m->text.rc : m->origins.rc);
    list = arena_take(m->arena, count, sizeof(*list));
    merged->text = arena_copy(m->arena, buffer_slice(&m->text));
    if (list == NULL || merged->text.data == NULL)
        return out_of_memory(m, m->arena->rc);
    memcpy(list, m->origins.data, count * sizeof(*list));
    merged->origins = (struct text_origins){list, count};
    return RC_OK;
}

static enum rc put_together(struct merging *m, uint32_t which, struct merged *merged)
{
    struct layers layers = {0};
    struct layer chosen = {0};

    TRY(read_sources(m));
    TRY(read_cases(m, which, merged, &chosen));
    for (uint32_t i = 0; i < m->order_count; i++) {
        struct source *source = &m->sources[m->order[i]];

        layers.list[layers.count++] =
            (struct layer){.source = source, .value = source->whole, .is_base = i == 0};
    }
    if (merged->cases_count > 0)
        layers.list[layers.count++] = chosen;
    TRY(write_value(m, &layers,
                    &(struct place){.is_whole = true, .has_case = merged->cases_count > 0}));
    return hand_out(m, merged);
}

static bool is_plain(const struct value *whole)
{
    struct value used, varied;

    if (whole->token.kind != JSON_OBJECT)
        return true; /* scenario_load says what is wrong with it */
    used = find(whole, SLICE("use"));
    varied = find(whole, SLICE("vary"));
    return !value_is_there(&used) && !value_is_there(&varied);
}

static enum rc merge(struct merging *m, uint32_t which, struct merged *merged)
{
    struct source *itself = &m->sources[0];

    if (itself->reading.text.size > SCENARIO_TEXT_MAX)
        return RC_OK; /* likewise */
    TRY(read_check(&itself->reading, &itself->whole));
    return is_plain(&itself->whole) ? RC_OK : put_together(m, which, merged);
}

enum rc scenario_merge(struct slice text, struct slice file, const struct file_reader *files,
                       uint32_t which, struct arena *arena, struct merged *merged,
                       struct error *err)
{
    struct error unwanted = {0};
    struct merging *m = arena_take(arena, 1, sizeof(*m));
    size_t folder = folder_of(file).size;
    enum rc rc;

    *merged = (struct merged){.text = text};
    if (m == NULL)
        return error_set(err, arena->rc, "%.*s: %s", SLICE_ARG(file), rc_text(arena->rc));
    *m = (struct merging){.files = files, .arena = arena, .err = err != NULL ? err : &unwanted};
    buffer_init(&m->text, arena->memory, SCENARIO_TEXT_MAX);
    buffer_init(&m->origins, arena->memory, SCENARIO_TEXT_MAX * sizeof(struct text_origin));
    add_source(m, (struct slice){file.data + folder, file.size - folder}, text, file);
    rc = merge(m, which, merged);
    if (rc != RC_OK)
        *merged = (struct merged){0};
    buffer_deinit(&m->text);
    buffer_deinit(&m->origins);
    return rc;
}
