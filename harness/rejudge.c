#include "rejudge.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "evidence_reader.h"
#include "judge/review.h"
#include "os/files.h"

enum { RUN_JSON_MAX = 64 << 20 };

/* What is known while a folder is read. */
struct inquest {
    struct rejudge *r;
    struct arena arena; /* holds run.json */
    struct slice run_json;
    struct run_facts facts;
    bool is_thinned;
};

/* The first thing that is wrong is the one that is told. */
static void lose(struct inquest *q, const char *what)
{
    if (q->facts.lost[0] == '\0')
        slice_copy(slice_of(what), q->facts.lost, sizeof(q->facts.lost));
}

static enum rc path_of(const char *folder, const char *name, char path[FOLDER_PATH_MAX],
                       struct error *err)
{
    int size = snprintf(path, FOLDER_PATH_MAX, "%s/%s", folder, name);

    if (size < 0 || size >= FOLDER_PATH_MAX)
        return error_set(err, RC_LIMIT, "%s: the name is too long", folder);
    return RC_OK;
}

/* --- run.json --------------------------------------------------------------------------------- */

static void read_run_json(struct inquest *q)
{
    struct rejudge *r = q->r;
    char path[FOLDER_PATH_MAX];
    struct error err = {0};

    if (path_of(r->folder, "run.json", path, &err) != RC_OK ||
        files_read(path, RUN_JSON_MAX, &q->arena, &q->run_json, &err) != RC_OK) {
        lose(q, "run.json is missing: the run did not come to its end");
        return;
    }
    r->json_checksum = checksum(0, q->run_json);
    if (run_json_read(r->prepared.scenario, q->run_json, &r->told, &err) != RC_OK) {
        lose(q, err.text);
        return;
    }
    r->has_told = true;
    q->facts = r->told.facts;
    q->is_thinned = r->told.evidence.level != EVIDENCE_FULL;
    if (checksum(0, r->prepared.scenario->text) != r->told.evidence.scenario)
        lose(q, "scenario.jsonc is not what was run (checksum)");
    if (r->told.problem[0] != '\0')
        lose(q, r->told.problem);
}

/* A comparison is worth what the other run is: this one's own, and whole. */
static void check_control(struct inquest *q)
{
    const struct rejudge *r = q->r, *control = r->control;
    char text[sizeof(q->facts.lost)];

    if (!r->has_told || (control == NULL && r->told.evidence.control == 0))
        return;
    if (control == NULL) {
        lose(q, "the control run's folder is missing");
        return;
    }
    if (control->lost[0] != '\0') {
        snprintf(text, sizeof(text), "the control run: %.140s", control->lost);
        lose(q, text);
    }
    if (control->json_checksum != r->told.evidence.control)
        lose(q, "the control run is not the one that run.json tells of (checksum)");
}

/* --- evidence --------------------------------------------------------------------------------- */

/* What nobody told is taken from the lines; and of what is not whole, nothing can be said to be
 * missing, nor any figure to be wrong. */
static void settle_facts(struct inquest *q, const struct evidence_read *read)
{
    struct run_facts *facts = &q->facts;

    if (!q->r->has_told) {
        facts->has_journal = read->has_journal;
        facts->is_live = q->r->prepared.scenario->target == TARGET_LIVE;
        facts->cut_at = NANOS_NEVER;
    }
    if (!q->is_thinned)
        facts->journal_is_whole =
            read->journal_is_whole && (facts->journal_is_whole || !q->r->has_told);
    if (facts->lost[0] == '\0' && !q->is_thinned)
        return;
    facts->calls_planned = 0;
    facts->has_reported = false;
}

static void read_lines(struct inquest *q, struct journal_calls *calls)
{
    struct rejudge *r = q->r;
    const struct evidence_reading reading = {
        .folder = r->folder,
        .scenario = r->prepared.scenario,
        .judge = r->judge,
        .calls = calls,
        .told = r->has_told ? &r->told.evidence : NULL,
    };
    struct evidence_read read = {0};

    if (!r->has_told || r->told.evidence.level != EVIDENCE_SUMMARY)
        evidence_read_folder(&reading, &read);
    if (calls != NULL) {
        journal_calls_settle(calls);
        journal_calls_feed(calls, r->judge, &q->facts);
    }
    if (read.lost[0] != '\0')
        lose(q, read.lost);
    settle_facts(q, &read);
}

/* A program's calls are inferred as the run inferred them. */
static enum rc read_evidence(struct inquest *q, struct error *err)
{
    const struct scenario *scenario = q->r->prepared.scenario;
    struct journal_calls *calls = NULL;
    enum rc rc = RC_OK;

    if (scenario->subject == SUBJECT_EXEC)
        rc = journal_calls_new(&calls, scenario, memory_heap());
    if (rc != RC_OK)
        return error_set(err, rc, "%s: %s", q->r->folder, rc_text(rc));
    read_lines(q, calls);
    journal_calls_free(calls);
    return RC_OK;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* As the run itself found them; false when run.json does not tell. */
static bool read_online(struct inquest *q, const struct verdict_row *rows, uint32_t count,
                        struct verdict_row *online)
{
    struct error err = {0};

    memcpy(online, rows, count * sizeof(*rows));
    if (!q->r->has_told)
        return false;
    if (run_json_read_rows(q->run_json, online, count, &err) == RC_OK)
        return true;
    lose(q, err.text);
    return false;
}

static enum rc review_rows(struct inquest *q, struct error *err)
{
    struct rejudge *r = q->r;
    uint32_t count;
    const struct verdict_row *rows = judge_rows(r->judge, &count);
    struct verdict_row *reviewed = arena_take(&q->arena, count, sizeof(*reviewed));
    struct verdict_row *online = arena_take(&q->arena, count, sizeof(*online));
    bool has_online;

    assert(count <= REJUDGE_ROWS_MAX);
    if (reviewed == NULL || online == NULL)
        return error_set(err, RC_NOMEM, "%s: %s", r->folder, rc_text(RC_NOMEM));
    memcpy(reviewed, rows, count * sizeof(*rows));
    has_online = read_online(q, rows, count, online);
    for (uint32_t i = 0; i < count; i++) {
        const struct review review = {.lost = q->facts.lost,
                                      .is_thinned = q->is_thinned,
                                      .online = has_online ? &online[i] : NULL};

        r->quoted[i] = review_row(&review, &reviewed[i]);
    }
    judge_amend(r->judge, reviewed, q->is_thinned ? &r->told.figures : NULL);
    return RC_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum rc judge_control(struct rejudge *r, struct error *err)
{
    char path[FOLDER_PATH_MAX];

    TRY(path_of(r->folder, "control", path, err));
    if (access(path, F_OK) != 0)
        return RC_OK;
    r->control = memory_zeroed(memory_heap(), 1, sizeof(*r->control));
    if (r->control == NULL)
        return error_set(err, RC_NOMEM, "%s: %s", path, rc_text(RC_NOMEM));
    TRY(rejudge_open(r->control, path, err));
    judge_set_control(r->judge, r->control->judge);
    return RC_OK;
}

static enum rc judge_folder(struct inquest *q, struct error *err)
{
    struct rejudge *r = q->r;

    TRY(prepared_load_run(&r->prepared, r->folder, err));
    TRY(judge_new(&r->judge, r->prepared.scenario, memory_heap(), err));
    TRY(judge_control(r, err));
    read_run_json(q);
    check_control(q);
    TRY(read_evidence(q, err));
    slice_copy(slice_of(q->facts.lost), r->lost, sizeof(r->lost));
    judge_finish(r->judge, &q->facts);
    return review_rows(q, err);
}

enum rc rejudge_open(struct rejudge *r, const char *folder, struct error *err)
{
    struct inquest q = {.r = r};
    enum rc rc;

    *r = (struct rejudge){0};
    if (!slice_copy(slice_of(folder), r->folder, sizeof(r->folder)))
        return error_set(err, RC_LIMIT, "%s: the name is too long", folder);
    arena_init(&q.arena, memory_heap(), 2 * RUN_JSON_MAX);
    rc = judge_folder(&q, err);
    arena_deinit(&q.arena);
    if (rc != RC_OK)
        rejudge_close(r);
    return rc;
}

void rejudge_close(struct rejudge *r)
{
    judge_free(r->judge);
    if (r->control != NULL)
        rejudge_close(r->control);
    memory_release(memory_heap(), r->control);
    prepared_deinit(&r->prepared);
    *r = (struct rejudge){0};
}

struct report_facts rejudge_facts(const struct rejudge *r)
{
    return (struct report_facts){
        .world = r->has_told ? r->told.world : "run",
        .results = r->folder,
        .took = r->told.took,
        .was_interrupted = r->told.facts.was_interrupted,
        .problem = r->told.problem[0] != '\0' ? r->told.problem : NULL,
        .control = r->control != NULL ? r->control->judge : NULL,
        .is_rejudged = true,
        .quoted = r->quoted,
    };
}
