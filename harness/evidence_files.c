#include "evidence_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "judge/call_case.h"
#include "os/files.h"
#include "os/folder.h"

enum { GATHERED_MAX = 1 << 16, LINES_MAX = 2 << 20 };

static enum rc open_one(struct evidence_file *file, const char *folder, const char *name,
                        const struct memory *memory, struct error *err)
{
    char path[FOLDER_PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/%s", folder, name);

    if (size < 0 || (size_t)size >= sizeof(path))
        return error_set(err, RC_LIMIT, "%s: the name is too long", folder);
    file->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file->fd < 0)
        return error_set(err, RC_SYSTEM, "%s: %s", path, strerror(errno));
    file->is_open = true;
    buffer_init(&file->lines, memory, LINES_MAX);
    return RC_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void fail(struct evidence_files *files, struct evidence_file *file)
{
    int refused = ftruncate(file->fd, (off_t)file->bytes); /* no half line */

    (void)refused; /* then the last line is cut, and a reader will say so */
    files->rc = files->error.rc;
    error_wrap(&files->error, "evidence");
}

static void write_out(struct evidence_files *files, struct evidence_file *file, bool is_end)
{
    enum rc rc;

    if (!file->is_open || files->rc != RC_OK || (file->lines_count == 0 && !is_end))
        return;
    checkpoint_write(&file->checkpoint, file->lines_count, is_end, &file->lines);
    rc = file->lines.rc;
    if (rc != RC_OK)
        rc = error_set(&files->error, rc, "%s", rc_text(rc));
    else
        rc = files_write_all(file->fd, buffer_slice(&file->lines), &files->error);
    if (rc != RC_OK) {
        fail(files, file);
        return;
    }
    file->bytes += file->lines.size;
    file->lines_count = 0;
    buffer_clear(&file->lines);
}

static void added(struct evidence_files *files, struct evidence_file *file, uint64_t lines)
{
    file->lines_count += lines;
    if (file->lines.size >= GATHERED_MAX || file->lines.rc != RC_OK)
        write_out(files, file, false);
    if (files->rc != RC_OK)
        buffer_clear(&file->lines); /* nobody will write it */
}

static void write_call(void *context, const struct call_record *call)
{
    struct evidence_files *files = context;
    struct evidence_file *calls = &files->list[EVIDENCE_FILE_CALLS];
    struct evidence_file *attempts = &files->list[EVIDENCE_FILE_ATTEMPTS];

    evidence_write_attempts(files->scenario, call, &attempts->lines);
    added(files, attempts, call_attempts_kept(call));
    evidence_write_call(files->scenario, call, &calls->lines);
    if (calls->lines.size >= GATHERED_MAX)
        write_out(files, attempts, false); /* a kill leaves no call without its attempts */
    added(files, calls, 1);
}

static void write_record(void *context, const struct journal_record *record)
{
    struct evidence_files *files = context;
    struct evidence_file *journal = &files->list[EVIDENCE_FILE_JOURNAL];

    evidence_write_journal(files->scenario, record, &journal->lines);
    added(files, journal, 1);
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Those that came later exist where there is something to write into them. */
static enum rc open_all(struct evidence_files *files, struct error *err)
{
    for (int i = 0; i < EVIDENCE_FILES_LEAST; i++)
        TRY(open_one(&files->list[i], files->folder, evidence_file_name((enum evidence_file_kind)i),
                     files->memory, err));
    return RC_OK;
}

enum rc evidence_files_open(struct evidence_files *files,
                            const struct evidence_files_options *options, struct error *err)
{
    const struct keeper_sink sink = {files, write_call, write_record};
    enum rc rc = RC_OK;

    *files = (struct evidence_files){.scenario = options->scenario,
                                     .memory = options->memory,
                                     .level = options->level,
                                     .folder = options->folder};
    if (files->level != EVIDENCE_SUMMARY)
        rc = open_all(files, err);
    if (rc == RC_OK && files->level == EVIDENCE_FAILURES) {
        rc = keeper_init(&files->keeper, files->scenario, files->memory, &sink);
        if (rc != RC_OK)
            error_set(err, rc, "evidence: %s", rc_text(rc));
    }
    if (rc != RC_OK)
        evidence_files_close(files);
    return rc;
}

static struct evidence_file *open_later(struct evidence_files *files, enum evidence_file_kind kind)
{
    struct evidence_file *file = &files->list[kind];

    if (!file->is_open && files->rc == RC_OK)
        files->rc =
            open_one(file, files->folder, evidence_file_name(kind), files->memory, &files->error);
    return file;
}

/* --- what comes ------------------------------------------------------------------------------- */

void evidence_files_call(struct evidence_files *files, const struct call_record *call)
{
    if (files->level == EVIDENCE_FULL)
        write_call(files, call);
}

void evidence_files_judged(void *context, const struct call_record *call, bool is_violation)
{
    struct evidence_files *files = context;

    files->calls_judged++;
    if (files->level == EVIDENCE_FAILURES)
        keeper_judged(&files->keeper, call, is_violation);
}

void evidence_files_journal(struct evidence_files *files, const struct journal_record *record)
{
    if (files->level == EVIDENCE_FULL)
        write_record(files, record);
    else if (files->level == EVIDENCE_FAILURES)
        keeper_hold(&files->keeper, record);
}

void evidence_files_journal_line(struct evidence_files *files, struct slice line,
                                 const struct journal_record *record)
{
    struct evidence_file *journal = &files->list[EVIDENCE_FILE_JOURNAL];

    if (files->level == EVIDENCE_FAILURES && record != NULL)
        keeper_hold(&files->keeper, record);
    else if (files->level != EVIDENCE_SUMMARY) {
        buffer_append(&journal->lines, line);
        buffer_byte(&journal->lines, '\n');
        added(files, journal, 1);
    }
}

void evidence_files_alert(struct evidence_files *files, const struct alert_record *record)
{
    struct evidence_file *alerts = &files->list[EVIDENCE_FILE_ALERTS];

    if (files->level == EVIDENCE_SUMMARY)
        return;
    evidence_write_alert(files->scenario, record, &alerts->lines);
    added(files, alerts, 1);
}

void evidence_files_log_line(struct evidence_files *files, struct slice line)
{
    struct evidence_file *log;

    if (files->level == EVIDENCE_SUMMARY)
        return;
    log = open_later(files, EVIDENCE_FILE_LOG);
    if (!log->is_open)
        return;
    buffer_append(&log->lines, line);
    buffer_byte(&log->lines, '\n');
    added(files, log, 1);
}

void evidence_files_sample(struct evidence_files *files, const struct sample_record *record)
{
    struct evidence_file *samples;

    if (files->level == EVIDENCE_SUMMARY)
        return;
    samples = open_later(files, EVIDENCE_FILE_SAMPLES);
    if (!samples->is_open)
        return;
    evidence_write_sample(record, &samples->lines);
    added(files, samples, 1);
}

void evidence_files_flush(struct evidence_files *files)
{
    for (int i = 0; i < EVIDENCE_FILES_COUNT; i++)
        write_out(files, &files->list[i], false);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void close_one(struct evidence_file *file)
{
    if (file->is_open)
        close(file->fd);
    buffer_deinit(&file->lines);
    *file = (struct evidence_file){0};
}

static void write_histograms(struct evidence_files *files, const struct judge *judge)
{
    struct evidence_file file = {0};
    const struct histogram *series;
    const char *name;

    if (files->rc == RC_OK)
        files->rc =
            open_one(&file, files->folder, "histograms.jsonl", files->memory, &files->error);
    if (files->rc != RC_OK)
        return; /* the folder may be gone by now */
    for (uint32_t i = 0; (series = judge_series(judge, i, &name)) != NULL; i++) {
        evidence_write_histogram(name, series, &file.lines);
        added(files, &file, 1);
    }
    write_out(files, &file, true);
    close_one(&file);
}

void evidence_files_finish(struct evidence_files *files, const struct judge *judge)
{
    if (files->level == EVIDENCE_FAILURES)
        keeper_finish(&files->keeper);
    for (int i = 0; i < EVIDENCE_FILES_COUNT; i++)
        write_out(files, &files->list[i], true);
    write_histograms(files, judge);
}

struct evidence_facts evidence_files_facts(const struct evidence_files *files,
                                           struct slice scenario_text)
{
    struct evidence_facts facts = {.level = files->level,
                                   .calls_judged = files->calls_judged,
                                   .calls_kept = files->list[EVIDENCE_FILE_CALLS].checkpoint.lines,
                                   .records_lost = files->keeper.records_lost,
                                   .scenario = checksum(0, scenario_text)};

    for (int i = 0; i < EVIDENCE_FILES_COUNT; i++) {
        facts.files[i].lines = files->list[i].checkpoint.lines;
        facts.files[i].hash = files->list[i].checkpoint.hash;
    }
    return facts;
}

void evidence_files_close(struct evidence_files *files)
{
    evidence_files_flush(files);
    for (int i = 0; i < EVIDENCE_FILES_COUNT; i++)
        close_one(&files->list[i]);
    keeper_deinit(&files->keeper);
    files->level = EVIDENCE_SUMMARY; /* takes nothing any more */
}
