/* The subject: whose conduct is judged.
 *
 * Which of the three it is must be known before the rest of the scenario is read, because only a
 * program of one's own can do without a load: so the block is opened first and read last. */

#include "scenario/read.h"

#include <assert.h>
#include <string.h>

#include "scenario/template.h"

/* --- which of them ---------------------------------------------------------------------------- */

static const struct read_key any_keys[] = {
    {"client", OPTIONAL, read_keep, offsetof(struct subject_block, client)},
    {"exec", OPTIONAL, read_keep, offsetof(struct subject_block, exec)},
    {"service", OPTIONAL, read_keep, offsetof(struct subject_block, service)},
    {"instances", OPTIONAL, read_keep, offsetof(struct subject_block, instances)},
    {"send", OPTIONAL, read_keep, offsetof(struct subject_block, send)},
    {"timeouts", OPTIONAL, read_keep, offsetof(struct subject_block, timeouts)},
    {"start", OPTIONAL, read_keep, offsetof(struct subject_block, start)},
    {"ready", OPTIONAL, read_keep, offsetof(struct subject_block, ready)},
    {"ready_within", OPTIONAL, read_keep, offsetof(struct subject_block, ready_within)},
    {"env", OPTIONAL, read_keep, offsetof(struct subject_block, env)},
    {"hooks", OPTIONAL, read_keep, offsetof(struct subject_block, hooks)},
};

static const struct read_key client_keys[] = {
    {"instances", OPTIONAL, read_keep, offsetof(struct subject_block, instances)},
    {"client", NEEDED, read_keep, offsetof(struct subject_block, client)},
};

static const struct read_key exec_keys[] = {
    {"exec", NEEDED, read_keep, offsetof(struct subject_block, exec)},
    {"env", OPTIONAL, read_keep, offsetof(struct subject_block, env)},
    {"hooks", OPTIONAL, read_keep, offsetof(struct subject_block, hooks)},
};

static const struct read_key service_keys[] = {
    {"service", NEEDED, read_keep, offsetof(struct subject_block, service)},
    {"send", NEEDED, read_keep, offsetof(struct subject_block, send)},
    {"timeouts", OPTIONAL, read_keep, offsetof(struct subject_block, timeouts)},
    {"start", OPTIONAL, read_keep, offsetof(struct subject_block, start)},
    {"ready", OPTIONAL, read_keep, offsetof(struct subject_block, ready)},
    {"ready_within", OPTIONAL, read_keep, offsetof(struct subject_block, ready_within)},
    {"env", OPTIONAL, read_keep, offsetof(struct subject_block, env)},
    {"hooks", OPTIONAL, read_keep, offsetof(struct subject_block, hooks)},
};

static enum rc refuse_two(struct reading *r, const struct subject_block *block)
{
    bool has_client = value_is_there(&block->client);
    const struct value *found = value_is_there(&block->service) ? &block->service : &block->exec;

    return read_refuse_as(
        r, RC_MALFORMED, found, "found \"%s\" beside \"%s\", expected one subject",
        found == &block->service ? "service" : "exec", has_client ? "client" : "exec");
}

enum rc read_subject_block(struct reading *r, const struct value *value,
                           struct subject_block *block)
{
    struct scenario *scenario = r->scenario;
    bool is_client, is_exec, is_service;

    if (!value_is_there(value))
        return RC_OK;
    TRY(read_object(r, value, any_keys, ARRAY_SIZE(any_keys), block));
    is_client = value_is_there(&block->client);
    is_exec = value_is_there(&block->exec);
    is_service = value_is_there(&block->service);
    if (is_client + is_exec + is_service > 1)
        return refuse_two(r, block);
    if (is_client)
        return read_object(r, value, client_keys, ARRAY_SIZE(client_keys), block);
    if (is_exec) {
        scenario->subject = SUBJECT_EXEC;
        return read_object(r, value, exec_keys, ARRAY_SIZE(exec_keys), block);
    }
    if (is_service) {
        scenario->subject = SUBJECT_SERVICE;
        return read_object(r, value, service_keys, ARRAY_SIZE(service_keys), block);
    }
    return read_refuse_as(r, RC_MALFORMED, value,
                          "found no \"client\", \"exec\" or \"service\" in this object, expected "
                          "one of them");
}

/* --- its environment -------------------------------------------------------------------------- */

static bool is_one_of(struct slice name, const char *const *words, size_t count,
                      struct nearest *nearest)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_is(name, slice_of(words[i])))
            return true;
        nearest_offer(nearest, slice_of(words[i]));
    }
    return false;
}

/* What the mock can be found by, and what else a program may be told. */
static bool is_place(const struct scenario *scenario, struct slice name, struct nearest *nearest)
{
    static const char *const others[] = {"gateway", "hooks", "admin", "case", "compress"};

    for (uint32_t i = 0; i < scenario->providers_count; i++) {
        const char *provider = scenario->providers[i].name;

        if (is_one_of(name, &provider, 1, nearest))
            return true;
    }
    for (uint32_t i = 0; i < API_COUNT; i++) {
        const char *family = api_provider((enum api)i);

        if (is_one_of(name, &family, 1, nearest))
            return true;
    }
    return is_one_of(name, others, ARRAY_SIZE(others), nearest);
}

static enum rc check_places(struct reading *r, const struct value *value, struct slice text)
{
    struct template_piece piece;
    char excerpt[EXCERPT_SIZE];
    char hint[NEAREST_TEXT_SIZE];
    struct nearest nearest;

    while (template_next(&text, &piece)) {
        if (piece.name.size == 0)
            continue;
        nearest_init(&nearest, piece.name);
        if (is_place(r->scenario, piece.name, &nearest))
            continue;
        read_excerpt(piece.name, excerpt);
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found {%s}, expected the name of a provider, or {gateway}, {hooks}, "
                              "{admin}, {case} or {compress}%s",
                              excerpt, nearest_say(&nearest, hint));
    }
    return RC_OK;
}

enum rc read_template(struct reading *r, const struct value *value, struct slice *text)
{
    TRY(read_string(r, value, text));
    if (text->size > 0 && memchr(text->data, '\0', text->size) != NULL)
        return read_refuse(r, RC_MALFORMED, value, "a string without the byte 0");
    return check_places(r, value, *text);
}

static enum rc add_variable(struct reading *r, const struct value *key, struct slice value)
{
    struct subject_rules *rules = &r->scenario->subject_rules;
    struct slice name;

    TRY(read_variable_name(r, key, &name));
    for (uint32_t i = 0; i < rules->env_count; i++) {
        if (slice_is(rules->env[i].name, name))
            return read_refuse(r, RC_MALFORMED, key, "a variable that \"env\" does not set");
    }
    if (rules->env_count == SUBJECT_ENV_MAX)
        return read_refuse(r, RC_LIMIT, key, "at most %d variables", SUBJECT_ENV_MAX);
    rules->env[rules->env_count++] = (struct subject_pair){.name = name, .value = value};
    return RC_OK;
}

typedef enum rc read_pattern(struct reading *r, const struct value *value, struct slice *text);

/* "NAME": a value that `read` makes a template of. */
static enum rc read_variables(struct reading *r, const struct value *value, read_pattern *read)
{
    struct walk walk;
    struct value key, member;
    struct slice text;

    if (!value_is_there(value))
        return RC_OK;
    TRY(read_expect_object(r, value));
    walk_init(&walk, value);
    while (walk_next(&walk, &key, &member)) {
        TRY(read(r, &member, &text));
        TRY(add_variable(r, &key, text));
    }
    return RC_OK;
}

/* "slack" is the receiver "{hooks}/slack". */
static enum rc read_receiver(struct reading *r, const struct value *value, struct slice *text)
{
    const char *words[HOOK_KINDS_COUNT];
    char pattern[64] = "{hooks}";
    size_t room = sizeof(pattern) - strlen(pattern);
    struct slice path;
    uint32_t kind;

    for (uint32_t i = 0; i < HOOK_KINDS_COUNT; i++)
        words[i] = hook_kind_word((enum hook_kind)i);
    TRY(read_word(r, value, words, HOOK_KINDS_COUNT, &kind));
    path = hook_kind_path((enum hook_kind)kind);
    assert(path.size < room);
    slice_copy(path, pattern + strlen(pattern), room);
    *text = arena_copy(r->arena, slice_of(pattern));
    return text->data == NULL ? read_out_of_memory(r) : RC_OK;
}

/* --- a command -------------------------------------------------------------------------------- */

struct log_block {
    struct value file, map;
};

static bool find_field(struct slice name, enum log_field *field, struct nearest *nearest)
{
    for (int i = 0; i < LOG_FIELDS_COUNT; i++) {
        *field = (enum log_field)i;
        if (slice_is(name, slice_of(log_field_name(*field))))
            return true;
        nearest_offer(nearest, slice_of(log_field_name(*field)));
    }
    return false;
}

static enum rc read_field(struct reading *r, const struct value *key, const struct value *value,
                          struct log_map *map)
{
    struct nearest nearest;
    enum log_field field;

    nearest_init(&nearest, key->token.raw);
    if (!find_field(key->token.raw, &field, &nearest))
        return read_refuse_word(r, key, &nearest,
                                "a field of the log such as \"id\" or \"latency_ms\"");
    if (value->token.kind == JSON_NULL) {
        map->pointers[field] = (struct slice){0};
        return RC_OK;
    }
    return read_pointer(r, value, &map->pointers[field]);
}

static enum rc read_map(struct reading *r, const struct value *value, struct log_map *map)
{
    struct walk walk;
    struct value key, member;

    TRY(read_expect_object(r, value));
    walk_init(&walk, value);
    while (walk_next(&walk, &key, &member))
        TRY(read_field(r, &key, &member, map));
    return RC_OK;
}

static enum rc read_log(struct reading *r, const struct value *value, void *out)
{
    static const struct read_key keys[] = {
        {"file", NEEDED, read_keep, offsetof(struct log_block, file)},
        {"map", OPTIONAL, read_keep, offsetof(struct log_block, map)},
    };
    struct exec_rules *exec = out;
    struct log_block block = {0};

    TRY(read_object(r, value, keys, ARRAY_SIZE(keys), &block));
    TRY(read_string(r, &block.file, &exec->log_file));
    if (exec->log_file.size == 0 || memchr(exec->log_file.data, '\0', exec->log_file.size) != NULL)
        return read_refuse(r, RC_MALFORMED, &block.file, "the name of a file");
    return value_is_there(&block.map) ? read_map(r, &block.map, &exec->log) : RC_OK;
}

static enum rc read_exec(struct reading *r, const struct value *value)
{
    static const struct read_key keys[] = {{"log", OPTIONAL, read_log, 0}};
    struct exec_rules *exec = &r->scenario->subject_rules.exec;

    log_map_init(&exec->log);
    return read_object(r, value, keys, ARRAY_SIZE(keys), exec);
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum rc read_instances(struct reading *r, const struct value *value)
{
    struct scenario *scenario = r->scenario;

    scenario->instances = 1;
    if (!value_is_there(value))
        return RC_OK;
    scenario->places.instances = value_position(r, value);
    return read_whole32(r, value, 1, SCENARIO_INSTANCES_MAX, &scenario->instances);
}

/* A program that is not ours is judged by what the mock saw. */
static enum rc check_target(struct reading *r, const struct value *value, const char *word)
{
    if (r->scenario->target == TARGET_MOCK)
        return RC_OK;
    return read_refuse_as(r, RC_MALFORMED, value,
                          "found \"%s\" with a live target, expected \"mock\": what a program does "
                          "is known from the mock alone",
                          word);
}

enum rc read_subject(struct reading *r, const struct subject_block *block)
{
    TRY(read_instances(r, &block->instances));
    TRY(read_client(r, &block->client));
    if (r->scenario->subject == SUBJECT_EXEC) {
        TRY(check_target(r, &block->exec, "exec"));
        TRY(read_exec(r, &block->exec));
    }
    if (r->scenario->subject == SUBJECT_SERVICE) {
        TRY(check_target(r, &block->service, "service"));
        TRY(read_service(r, block));
    }
    TRY(read_variables(r, &block->env, read_template));
    return read_variables(r, &block->hooks, read_receiver);
}
