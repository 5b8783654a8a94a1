/* `explain`: one call's story, from the files of a run. */

#include "commands.h"

#include <stdio.h>

#include "base/nearest.h"
#include "call_search.h"
#include "judge/facts.h"
#include "os/files.h"
#include "os/folder.h"
#include "output.h"
#include "prepared.h"

enum { TEXT_BYTES_MAX = 1 << 20, RUN_JSON_BYTES_MAX = 64 << 20 };

/* --- unknown calls ---------------------------------------------------------------------------- */

/* The sources that the scenario has, and which of them was meant. */
static enum rc refuse_id(const struct scenario *scenario, const char *text, struct error *err)
{
    struct slice rest = slice_of(text), source = {0};
    char hint[NEAREST_TEXT_SIZE];
    struct nearest nearest;

    slice_cut(&rest, ':', &source);
    nearest_init(&nearest, source);
    for (uint32_t i = 0; i < scenario->load.parts_count; i++)
        nearest_offer(&nearest, slice_of(scenario->load.parts[i].name));
    return error_set(err, RC_MALFORMED,
                     "\"%s\" is no id of a call of this scenario: they are written like %s:%d%s",
                     text, scenario->load.parts[0].name, scenario->subject == SUBJECT_EXEC,
                     slice_is(nearest.best, source) ? "" : nearest_say(&nearest, hint));
}

static bool is_planned(const struct scenario *scenario, struct call_id id)
{
    struct source source;
    struct call_plan plan;

    source_init(&source, scenario);
    while (source_next(&source, &plan))
        if (plan.id.source == id.source && plan.id.index == id.index)
            return true;
    return false;
}

/* Why there is no line of a call that was planned. */
static const char *reason_of(const struct run_told *told)
{
    static const char *const reasons[] = {
        [EVIDENCE_FULL] = "the run was cut before it ended, or its line was lost",
        [EVIDENCE_FAILURES] =
            "it broke no law, ended ok, and was thinned out (--evidence failures)",
        [EVIDENCE_SUMMARY] = "this run kept no lines at all (--evidence summary)"};

    return told != NULL ? reasons[told->evidence.level] : reasons[EVIDENCE_FULL];
}

static enum rc refuse_unknown(const char *folder, const struct scenario *scenario,
                              struct call_id id, const struct run_told *told, struct error *err)
{
    struct call_id near[CALLS_NEAR_MAX];
    char text[CALL_ID_TEXT_MAX], list[CALLS_NEAR_MAX * (CALL_ID_TEXT_MAX + 2)] = "none";
    uint32_t count = 0;
    size_t used = 0;

    TRY(calls_near(folder, scenario, id, near, &count, err));
    for (uint32_t i = 0; i < count; i++) {
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s", i > 0 ? ", " : "");
        used += call_id_write(scenario, near[i], list + used);
    }
    call_id_write(scenario, id, text);
    if (scenario->subject == SUBJECT_EXEC)
        return error_set(err, RC_MALFORMED, "the mock saw no call %s; nearest: %s", text, list);
    if (!is_planned(scenario, id))
        return error_set(err, RC_MALFORMED, "the plan of this run has no call %s; nearest: %s",
                         text, list);
    return error_set(err, RC_MALFORMED,
                     "%s was planned, but its records were not kept: %s; nearest that were: %s",
                     text, reason_of(told), list);
}

/* --- the story -------------------------------------------------------------------------------- */

/* What run.json says of the run; false when there is none that can be trusted. */
static bool read_run(const char *folder, const struct scenario *scenario, struct run_told *told)
{
    char path[FOLDER_PATH_MAX];
    struct error err = {0}; /* nobody reads it: there are other ways to know */
    struct arena arena;
    struct slice text;
    bool is_told = false;

    if ((size_t)snprintf(path, sizeof(path), "%s/run.json", folder) >= sizeof(path))
        return false;
    arena_init(&arena, memory_heap(), RUN_JSON_BYTES_MAX);
    if (files_read(path, RUN_JSON_BYTES_MAX / 2, &arena, &text, &err) == RC_OK)
        is_told = run_json_read(scenario, text, told, &err) == RC_OK;
    arena_deinit(&arena);
    return is_told;
}

/* When a run ends that leaves a call open: as it says itself, else `drain` after the last due. */
static nanos cut_of(const struct scenario *scenario, const struct run_told *told)
{
    nanos last_due_at = 0;
    struct source source;
    struct call_plan plan;

    if (told != NULL)
        return told->facts.cut_at;
    source_init(&source, scenario);
    while (source_next(&source, &plan))
        last_due_at = plan.due_at;
    return nanos_add(last_due_at, scenario->load.drain);
}

/* Judges the call of a story alone. */
static enum rc judge_alone(struct judge **judge, const struct story *story, struct error *err)
{
    const struct run_facts facts = {.calls_planned = 1,
                                    .cut_at = story->cut_at,
                                    .has_journal = story->has_journal,
                                    .journal_is_whole = story->has_journal,
                                    .is_live = story->scenario->target == TARGET_LIVE,
                                    .has_caller = story->call->has_account};

    TRY(judge_new(judge, story->scenario, memory_heap(), err));
    judge_feed_call(*judge, story->call);
    for (uint32_t i = 0; i < story->requests_count; i++)
        judge_feed_journal(*judge, &story->requests[i]);
    judge_finish(*judge, &facts);
    return RC_OK;
}

/* A live run has a file, and nobody who writes into it. */
static bool has_journal(const struct call_search *search, const struct scenario *scenario,
                        const struct run_told *told)
{
    if (told != NULL)
        return told->facts.has_journal && search->has_journal;
    return scenario->target == TARGET_MOCK && search->has_journal;
}

static enum rc tell(const struct call_search *search, const struct scenario *scenario,
                    const struct run_told *told, struct error *err)
{
    struct story story = {.scenario = scenario,
                          .call = &search->call,
                          .requests = search->requests,
                          .requests_count = search->requests_count,
                          .has_journal = has_journal(search, scenario, told),
                          .cut_at = cut_of(scenario, told)};
    struct judge *judge = NULL;
    struct buffer text;
    enum rc rc;

    TRY(judge_alone(&judge, &story, err));
    story.rows = judge_rows(judge, &story.rows_count);
    buffer_init(&text, memory_heap(), TEXT_BYTES_MAX);
    report_story(&story, &text);
    rc = text.rc == RC_OK ? RC_OK : error_set(err, text.rc, "%s", rc_text(text.rc));
    if (rc == RC_OK)
        output_write(stdout, buffer_slice(&text));
    buffer_deinit(&text);
    judge_free(judge);
    return rc;
}

static enum rc explain(const char *folder, const struct scenario *scenario, const char *id_text,
                       struct error *err)
{
    static struct call_search search; /* large, and one at a time */
    static struct run_told run;
    const struct run_told *told = read_run(folder, scenario, &run) ? &run : NULL;
    struct call_id id;

    if (!call_id_read(scenario, slice_of(id_text), &id))
        return refuse_id(scenario, id_text, err);
    if (told != NULL && told->evidence.level == EVIDENCE_SUMMARY)
        return error_set(err, RC_MALFORMED, "%s: %s", folder, reason_of(told));
    TRY(call_search(&search, folder, scenario, id, err));
    if (!search.was_found)
        return refuse_unknown(folder, scenario, id, told, err);
    return tell(&search, scenario, told, err);
}

enum exit_code command_explain(const struct options *options)
{
    struct prepared prepared;
    struct error err = {0};
    enum rc rc;

    if (options->files_count != 2) {
        error_set(&err, RC_MALFORMED, "expected a results folder and a call (see --help)");
        return complain(&err, EXIT_USAGE);
    }
    if (prepared_load_run(&prepared, options->files[0], &err) != RC_OK)
        return complain(&err, EXIT_USAGE);
    rc = explain(options->files[0], prepared.scenario, options->files[1], &err);
    prepared_deinit(&prepared);
    return rc == RC_OK ? EXIT_PASS : complain(&err, EXIT_USAGE);
}
