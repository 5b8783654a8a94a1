#include "prepared.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "client_file.h"
#include "exec_text.h"
#include "judge/judge.h"
#include "os/files.h"
#include "os/folder.h"
#include "policy/conduct.h"
#include "scenario/compress.h"

#define ARENA_BYTES_MAX ((size_t)2 << 30)

/* --- the command line's changes --------------------------------------------------------------- */

static enum rc refuse_client(const char *name, struct error *err)
{
    struct nearest nearest;
    const char *about;
    const char *preset;
    char hint[NEAREST_TEXT_SIZE];

    nearest_init(&nearest, slice_of(name));
    for (uint32_t i = 0; (preset = policy_preset_name(i, &about)) != NULL; i++)
        nearest_offer(&nearest, slice_of(preset));
    return error_set(err, RC_MALFORMED, "--client: \"%s\" is neither a preset nor a file%s", name,
                     nearest_say(&nearest, hint));
}

static enum rc set_client(struct prepared *p, const char *client, struct client_file *file,
                          struct slice *text, struct error *err)
{
    struct client_policy ignored;
    struct slice name = slice_of(client);
    struct slice none = {0};

    if (policy_preset(name, &ignored))
        return scenario_set_client(*text, name, none, "--client", &p->arena, text, err);
    if (access(client, F_OK) != 0)
        return refuse_client(client, err);
    TRY(client_file_read(file, client, &p->arena, err));
    return scenario_set_client(*text, none, file->text, file->label, &p->arena, text, err);
}

static enum rc set_value(struct prepared *p, const char *set, struct slice *text, struct error *err)
{
    struct slice value = slice_of(set);
    struct slice pointer;

    slice_cut(&value, '=', &pointer); /* options_parse saw the '=' */
    if (scenario_set(*text, pointer, value, &p->arena, text, err) != RC_OK)
        return error_wrap(err, "--set %s", set);
    return RC_OK;
}

static enum rc apply_options(struct prepared *p, const struct options *options,
                             struct client_file *client, struct slice *text, struct error *err)
{
    if (options->client != NULL)
        TRY(set_client(p, options->client, client, text, err));
    TRY(exec_text_apply(options, &p->arena, text, err));
    for (uint32_t i = 0; i < options->sets_count; i++)
        TRY(set_value(p, options->sets[i], text, err));
    if (options->seed != NULL)
        TRY(scenario_set(*text, SLICE("/seed"), slice_of(options->seed), &p->arena, text, err));
    return RC_OK;
}

/* Lines and columns are those of the changed text, which no file holds: whoever looks there should
 * know. A client's file is one that can be looked into. */
static enum rc refuse_changed(const struct options *options, const struct client_file *client,
                              struct slice text, const char *file, struct error *err)
{
    if (client_file_retell(client, text, file, err))
        return err->rc;
    if (options->client == NULL && options->sets_count == 0 && options->seed == NULL)
        return err->rc;
    return error_wrap(err, "as changed by the command line");
}

/* --- the copy --------------------------------------------------------------------------------- */

static const struct load_part *find_trace(const struct scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->load.parts_count; i++)
        if (scenario->load.parts[i].kind == PART_TRACE)
            return &scenario->load.parts[i];
    return NULL;
}

/* A trace is named relative to the scenario's folder; the copy lies in another one. */
static enum rc make_portable(struct prepared *p, const char *folder, struct error *err)
{
    const struct load_part *part = find_trace(p->scenario);
    char beside[FOLDER_PATH_MAX];
    char absolute[FOLDER_PATH_MAX];
    int size;

    p->portable = p->scenario->text;
    if (part == NULL)
        return RC_OK;
    size = snprintf(beside, sizeof(beside), "%s/%.*s", folder, SLICE_ARG(part->trace.file));
    if (part->trace.file.size > 0 && part->trace.file.data[0] == '/')
        size = snprintf(beside, sizeof(beside), "%.*s", SLICE_ARG(part->trace.file));
    if (size < 0 || (size_t)size >= sizeof(beside))
        return error_set(err, RC_LIMIT, "%s: the name is too long", folder);
    TRY(folder_absolute(beside, absolute, err));
    return scenario_set(p->portable, SLICE("/load/trace/file"), slice_of(absolute), &p->arena,
                        &p->portable, err);
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum rc check_judgement(const struct prepared *p, struct error *err)
{
    struct judge *judge = NULL;

    TRY(judge_new(&judge, p->scenario, p->memory, err));
    judge_free(judge);
    return RC_OK;
}

/* Merged, then changed as the command line wants it. */
static enum rc make_text(struct prepared *p, const char *file, uint32_t which,
                         const struct options *options, const struct file_reader *beside,
                         struct client_file *client, struct merged *merged, struct error *err)
{
    struct slice text, whole;

    TRY(files_read(file, SCENARIO_TEXT_MAX, &p->arena, &text, err));
    TRY(scenario_merge(text, slice_of(file), beside, which, &p->arena, merged, err));
    if (merged->cases_count > 0 && strcmp(file, "-") == 0)
        return error_set(err, RC_MALFORMED,
                         "-: found \"vary\" in standard input, expected it in a file");
    whole = merged->text;
    if (apply_options(p, options, client, &merged->text, err) != RC_OK)
        return error_wrap(err, "%s", file);
    return origins_change(&merged->origins, whole, merged->text, slice_of(file), &p->arena, err);
}

/* The same story, faster: a scenario of its own, whose text no file holds. */
static enum rc compress(struct prepared *p, uint32_t times, const struct file_reader *beside,
                        struct error *err)
{
    struct scenario *fast = arena_take(&p->arena, 1, sizeof(*fast));
    struct slice text;

    if (fast == NULL)
        return error_set(err, RC_NOMEM, "%.*s: out of memory", SLICE_ARG(p->scenario->file));
    TRY(scenario_compress(p->scenario, times, &p->arena, &text, err));
    if (scenario_load(fast, text, p->scenario->file, beside, &p->arena, err) != RC_OK)
        return error_wrap(err, "as compressed %u times", times);
    memcpy(fast->case_name, p->scenario->case_name, sizeof(fast->case_name));
    p->scenario = fast;
    if (check_judgement(p, err) != RC_OK)
        return error_wrap(err, "as compressed %u times", times);
    return RC_OK;
}

static enum rc load(struct prepared *p, const char *file, uint32_t which,
                    const struct options *options, struct error *err)
{
    struct merged *merged = arena_take(&p->arena, 1, sizeof(*merged));
    struct client_file client = {0};
    struct file_reader beside;
    struct slice name = arena_copy(&p->arena, slice_of(file));
    char folder[FOLDER_PATH_MAX];

    p->scenario = arena_take(&p->arena, 1, sizeof(*p->scenario));
    if (merged == NULL || name.data == NULL || p->scenario == NULL)
        return error_set(err, RC_NOMEM, "%s: out of memory", file);
    TRY(folder_of(file, folder, err));
    beside = files_beside(folder);
    TRY(make_text(p, name.data, which, options, &beside, &client, merged, err));
    p->merged = merged;
    if (scenario_load_merged(p->scenario, merged, name, &beside, &p->arena, err) != RC_OK ||
        check_judgement(p, err) != RC_OK)
        return refuse_changed(options, &client, merged->text, file, err);
    if (which < merged->cases_count)
        slice_copy(slice_of(merged->cases[which].name), p->scenario->case_name,
                   sizeof(p->scenario->case_name));
    if (options->compress > 1)
        TRY(compress(p, options->compress, &beside, err));
    return make_portable(p, folder, err);
}

static enum rc load_case(struct prepared *prepared, const char *file, uint32_t which,
                         const struct options *options, const struct memory *memory,
                         struct error *err)
{
    enum rc rc;

    *prepared = (struct prepared){.memory = memory};
    arena_init(&prepared->arena, memory, ARENA_BYTES_MAX);
    rc = load(prepared, file, which, options, err);
    if (rc != RC_OK)
        prepared_deinit(prepared);
    return rc;
}

enum rc prepared_load_case(struct prepared *prepared, const char *file, uint32_t which,
                           const struct options *options, struct error *err)
{
    return load_case(prepared, file, which, options, memory_heap(), err);
}

enum rc prepared_load_in(struct prepared *prepared, const char *file, const struct options *options,
                         const struct memory *memory, struct error *err)
{
    return load_case(prepared, file, 0, options, memory, err);
}

enum rc prepared_load(struct prepared *prepared, const char *file, const struct options *options,
                      struct error *err)
{
    return prepared_load_in(prepared, file, options, memory_heap(), err);
}

/* --- cases ------------------------------------------------------------------------------------ */

bool prepared_is_wanted(const struct prepared *prepared, const struct options *options)
{
    for (uint32_t i = 0; i < options->cases_count; i++) {
        struct slice names = slice_of(options->cases[i]);
        struct slice name;

        while (slice_cut(&names, ',', &name)) {
            if (slice_is(name, slice_of(prepared->scenario->case_name)))
                return true;
        }
    }
    return options->cases_count == 0;
}

static enum rc find_case(const struct prepared *prepared, struct slice name, struct error *err)
{
    const struct merged *merged = prepared->merged;
    char hint[NEAREST_TEXT_SIZE];
    struct nearest nearest;

    nearest_init(&nearest, name);
    for (uint32_t i = 0; i < merged->cases_count; i++) {
        if (slice_is(name, slice_of(merged->cases[i].name)))
            return RC_OK;
        nearest_offer(&nearest, slice_of(merged->cases[i].name));
    }
    return error_set(err, RC_MALFORMED, "--case: found \"%.*s\", expected a case of %.*s%s",
                     SLICE_ARG(name), SLICE_ARG(prepared->scenario->file),
                     nearest_say(&nearest, hint));
}

enum rc prepared_check_cases(const struct prepared *prepared, const struct options *options,
                             struct error *err)
{
    for (uint32_t i = 0; i < options->cases_count; i++) {
        struct slice names = slice_of(options->cases[i]);
        struct slice name;

        while (slice_cut(&names, ',', &name))
            TRY(find_case(prepared, name, err));
    }
    return RC_OK;
}

enum rc prepared_load_run(struct prepared *prepared, const char *folder, struct error *err)
{
    const struct options as_it_is = {.max_time = NANOS_NEVER, .compress = 1};
    char file[FOLDER_PATH_MAX];
    int size = snprintf(file, sizeof(file), "%s/scenario.jsonc", folder);

    *prepared = (struct prepared){0};
    if (size < 0 || (size_t)size >= sizeof(file))
        return error_set(err, RC_LIMIT, "%.60s...: the name is too long", folder);
    if (access(file, F_OK) != 0)
        return error_set(err, RC_MALFORMED,
                         "%s: found no scenario.jsonc there, expected the results folder of a run",
                         folder);
    return prepared_load(prepared, file, &as_it_is, err);
}

/* --- without faults --------------------------------------------------------------------------- */

static enum rc calm(struct prepared *p, uint32_t rules_count, struct slice *text, struct error *err)
{
    for (uint32_t i = 0; i < rules_count; i++) {
        char pointer[32];

        snprintf(pointer, sizeof(pointer), "/chaos/%u/share", i);
        TRY(scenario_set(*text, slice_of(pointer), SLICE("\"0%\""), &p->arena, text, err));
    }
    return RC_OK;
}

static enum rc load_control(struct prepared *p, const struct prepared *prepared, struct error *err)
{
    struct file_reader files = files_beside(""); /* a portable text names files absolutely */
    const struct scenario *scenario = prepared->scenario;

    p->portable = prepared->portable;
    TRY(calm(p, scenario->chaos.rules_count, &p->portable, err));
    p->scenario = arena_take(&p->arena, 1, sizeof(*p->scenario));
    if (p->scenario == NULL)
        return error_set(err, RC_NOMEM, "out of memory");
    TRY(scenario_load(p->scenario, p->portable, scenario->file, &files, &p->arena, err));
    memcpy(p->scenario->case_name, scenario->case_name, sizeof(scenario->case_name));
    return RC_OK;
}

enum rc prepared_control(struct prepared *control, const struct prepared *prepared,
                         struct error *err)
{
    *control = (struct prepared){.memory = prepared->memory};
    arena_init(&control->arena, prepared->memory, ARENA_BYTES_MAX);
    if (load_control(control, prepared, err) != RC_OK) {
        prepared_deinit(control);
        return error_wrap(err, "control run");
    }
    return RC_OK;
}

void prepared_deinit(struct prepared *prepared)
{
    arena_deinit(&prepared->arena);
    *prepared = (struct prepared){0};
}
