#include "exec_text.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "scenario/scenario.h"
#include "wire/json_pointer.h"

enum { TEXT_BYTES_MAX = 16 << 10, POINTER_BYTES_MAX = 256 };

#define LOG_AT "/subject/exec/log"

static bool has_place(struct slice text, struct slice pointer)
{
    struct json_token token;
    struct json_walk walk;

    json_walk_init(&walk, text, pointer);
    json_init(&walk.json, text, JSON_COMMENTS);
    return json_walk_next(&walk, &token) == RC_OK && token.kind != JSON_NULL;
}

static enum rc need_object(struct slice pointer, struct arena *arena, struct slice *text,
                           struct error *err)
{
    if (has_place(*text, pointer))
        return RC_OK;
    return scenario_set(*text, pointer, SLICE("{}"), arena, text, err);
}

/* A string, also where it looks like some other JSON. */
static enum rc set_string(struct slice pointer, struct slice value, struct arena *arena,
                          struct slice *text, struct error *err)
{
    struct buffer json;
    enum rc rc;

    buffer_init(&json, memory_heap(), TEXT_BYTES_MAX);
    json_write_text(&json, value);
    rc = json.rc == RC_OK
             ? scenario_set(*text, pointer, buffer_slice(&json), arena, text, err)
             : error_set(err, json.rc, "%.*s: %s", SLICE_ARG(pointer), rc_text(json.rc));
    buffer_deinit(&json);
    return rc;
}

static enum rc set_map(const char *map, struct arena *arena, struct slice *text, struct error *err)
{
    char pointer[POINTER_BYTES_MAX];
    struct slice value = slice_of(map);
    struct slice field;

    slice_cut(&value, '=', &field); /* options_parse saw the '=' */
    snprintf(pointer, sizeof(pointer), LOG_AT "/map/%.*s", SLICE_ARG(field));
    TRY(need_object(SLICE(LOG_AT), arena, text, err));
    TRY(need_object(SLICE(LOG_AT "/map"), arena, text, err));
    return set_string(slice_of(pointer), value, arena, text, err);
}

static enum rc set_log(const char *file, struct arena *arena, struct slice *text, struct error *err)
{
    TRY(need_object(SLICE(LOG_AT), arena, text, err));
    return set_string(SLICE(LOG_AT "/file"), slice_of(file), arena, text, err);
}

static enum rc require_success(struct arena *arena, struct slice *text, struct error *err)
{
    TRY(need_object(SLICE("/laws"), arena, text, err));
    return scenario_set(*text, SLICE("/laws/command-succeeded"), SLICE("true"), arena, text, err);
}

enum rc exec_text_apply(const struct options *options, struct arena *arena, struct slice *text,
                        struct error *err)
{
    if (options->command == NULL)
        return RC_OK;
    if (!has_place(*text, SLICE("/subject/exec")))
        TRY(scenario_set(*text, SLICE("/subject"), SLICE("{\"exec\": {}}"), arena, text, err));
    if (options->log != NULL)
        TRY(set_log(options->log, arena, text, err));
    for (uint32_t i = 0; i < options->maps_count; i++)
        if (set_map(options->maps[i], arena, text, err) != RC_OK)
            return error_wrap(err, "--map %s", options->maps[i]);
    return options->requires_success ? require_success(arena, text, err) : RC_OK;
}
