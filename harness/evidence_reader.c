#include "evidence_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app_log_file.h"
#include "judge/call_case.h"
#include "judge/checkpoint.h"
#include "os/folder.h"

enum { PIECE_BYTES = 1 << 16 };

/* One file. */
struct evidence_source {
    const char *name;
    int fd;
    bool is_open;
    struct checkpointed lines;
    uint64_t number; /* of the latest line */
    bool is_over;
};

struct reader {
    const struct evidence_reading *reading;
    struct evidence_read *read;
    struct evidence_source sources[EVIDENCE_FILES_COUNT];
    struct journal_record pending; /* read, and not yet its turn */
    bool has_pending;
    struct call_record call;
};

/* --- what is wrong ---------------------------------------------------------------------------- */

/* The first thing counts: the rest often follows from it. */
static void PRINTF_LIKE(3, 4)
    lose(struct reader *r, const struct evidence_source *source, const char *format, ...)
{
    char *lost = r->read->lost;
    size_t capacity = sizeof(r->read->lost);
    va_list arguments;
    size_t used;

    if (lost[0] != '\0')
        return;
    used = (size_t)snprintf(lost, capacity, "%s", source->name);
    va_start(arguments, format);
    vsnprintf(lost + used, capacity - used, format, arguments);
    va_end(arguments);
}

static void lose_line(struct reader *r, const struct evidence_source *source,
                      const struct error *err)
{
    lose(r, source, ", line %" PRIu64 ": %s", source->number, err->text);
}

static struct evidence_source *source_of(struct reader *r, enum evidence_file_kind kind)
{
    return &r->sources[kind];
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Some files are there only where something was written into them. */
static bool is_wanted(const struct evidence_reading *reading, enum evidence_file_kind kind)
{
    return (int)kind < EVIDENCE_FILES_LEAST ||
           (reading->told != NULL && reading->told->files[kind].lines > 0);
}

static void open_source(struct reader *r, enum evidence_file_kind kind)
{
    struct evidence_source *source = source_of(r, kind);
    char path[FOLDER_PATH_MAX];
    int size;

    source->name = evidence_file_name(kind);
    checkpointed_init(&source->lines, memory_heap());
    size = snprintf(path, sizeof(path), "%s/%s", r->reading->folder, source->name);
    errno = ENAMETOOLONG;
    source->fd = size < 0 || (size_t)size >= sizeof(path) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    source->is_open = source->fd >= 0;
    source->is_over = !source->is_open;
    if (!source->is_open && is_wanted(r->reading, kind))
        lose(r, source, " is missing: %s", strerror(errno));
}

static void feed_more(struct reader *r, struct evidence_source *source)
{
    static char piece[PIECE_BYTES];
    ssize_t size = read(source->fd, piece, sizeof(piece));

    if (size > 0) {
        checkpointed_feed(&source->lines, (struct slice){piece, (size_t)size});
        return;
    }
    if (size < 0)
        lose(r, source, ": %s", strerror(errno));
    checkpointed_end(&source->lines);
    source->is_over = true;
}

static bool next_line(struct reader *r, struct evidence_source *source, struct slice *line)
{
    while (source->is_open) {
        bool is_over = source->is_over;

        if (checkpointed_next(&source->lines, line, &source->number))
            return true;
        if (source->lines.damage[0] != '\0')
            lose(r, source, ", %s", source->lines.damage);
        if (is_over || (source->lines.damage[0] != '\0' && !source->lines.is_over))
            return false;
        feed_more(r, source);
    }
    return false;
}

static void close_source(struct evidence_source *source)
{
    if (source->is_open)
        close(source->fd);
    checkpointed_deinit(&source->lines);
}

/* --- records ---------------------------------------------------------------------------------- */

static bool next_journal(struct reader *r)
{
    struct evidence_source *journal = source_of(r, EVIDENCE_FILE_JOURNAL);
    struct error err = {0};
    struct slice line;

    if (r->has_pending)
        return true;
    if (!next_line(r, journal, &line))
        return false;
    if (evidence_read_journal(r->reading->scenario, line, &r->pending, &err) != RC_OK) {
        lose_line(r, journal, &err);
        journal->is_open = false;
        close(journal->fd);
        return false;
    }
    r->has_pending = true;
    r->read->has_journal = true;
    return true;
}

static void take_journal(struct reader *r)
{
    const struct evidence_reading *reading = r->reading;
    struct error err = {0};

    if (reading->calls == NULL)
        judge_feed_journal(reading->judge, &r->pending);
    else if ((err.rc = journal_calls_add(reading->calls, &r->pending)) != RC_OK) {
        error_set(&err, err.rc, "%s", rc_text(err.rc));
        lose_line(r, source_of(r, EVIDENCE_FILE_JOURNAL), &err);
    }
}

/* What had ended by then: so that neither end waits long for the other, as in the run. */
static void feed_journal(struct reader *r, nanos until)
{
    while (next_journal(r) && (r->pending.closed_at <= until || until == NANOS_NEVER)) {
        take_journal(r);
        r->has_pending = false;
    }
}

static bool join_attempts(struct reader *r, struct error *err)
{
    struct evidence_source *attempts = source_of(r, EVIDENCE_FILE_ATTEMPTS);
    uint32_t count = call_attempts_kept(&r->call);
    struct attempt_line attempt;
    struct slice line;

    for (uint32_t i = 0; i < count; i++) {
        if (!next_line(r, attempts, &line)) {
            lose(r, attempts, ": attempts of a call are missing");
            return false;
        }
        if (evidence_read_attempt(r->reading->scenario, line, &attempt, err) != RC_OK ||
            call_join(&r->call, i, &attempt, err) != RC_OK) {
            lose_line(r, attempts, err);
            return false;
        }
    }
    return true;
}

/* A call whose lines cannot all be had is not fed, nor is any behind it: where one is missing, the
 * others' attempts may not be their own. */
static bool feed_call(struct reader *r)
{
    struct evidence_source *calls = source_of(r, EVIDENCE_FILE_CALLS);
    struct error err = {0};
    struct slice line;

    if (!next_line(r, calls, &line))
        return false;
    if (evidence_read_call(r->reading->scenario, line, &r->call, &err) != RC_OK) {
        lose_line(r, calls, &err);
        return false;
    }
    if (!join_attempts(r, &err))
        return false;
    feed_journal(r, r->call.ended_at);
    judge_feed_call(r->reading->judge, &r->call);
    return true;
}

static void feed_alerts(struct reader *r)
{
    struct evidence_source *alerts = source_of(r, EVIDENCE_FILE_ALERTS);
    struct alert_record record;
    struct error err = {0};
    struct slice line;

    while (next_line(r, alerts, &line)) {
        if (evidence_read_alert(r->reading->scenario, line, &record, &err) != RC_OK) {
            lose_line(r, alerts, &err);
            return;
        }
        judge_feed_alert(r->reading->judge, &record);
    }
}

/* As the run kept it (app_log_file.h). */
static void feed_log(struct reader *r)
{
    struct evidence_source *log = source_of(r, EVIDENCE_FILE_LOG);
    struct error err = {0};
    struct slice line;

    while (r->reading->calls != NULL && next_line(r, log, &line)) {
        enum rc rc = app_log_take_kept(line, r->reading->calls);

        if (rc == RC_OK)
            continue;
        error_set(&err, rc, "%s", rc_text(rc));
        lose_line(r, log, &err);
        return;
    }
}

static void feed_samples(struct reader *r)
{
    struct evidence_source *samples = source_of(r, EVIDENCE_FILE_SAMPLES);
    struct sample_record record;
    struct error err = {0};
    struct slice line;

    while (next_line(r, samples, &line)) {
        if (evidence_read_sample(line, &record, &err) != RC_OK) {
            lose_line(r, samples, &err);
            return;
        }
        judge_feed_sample(r->reading->judge, &record);
    }
}

/* Calls that are inferred again need no lines of their own; damage is damage all the same. */
static void pass_over(struct reader *r, enum evidence_file_kind kind)
{
    struct slice line;

    while (next_line(r, source_of(r, kind), &line))
        ;
}

static void feed_calls(struct reader *r)
{
    struct evidence_source *attempts = source_of(r, EVIDENCE_FILE_ATTEMPTS);
    struct slice line;

    if (r->reading->calls != NULL) {
        pass_over(r, EVIDENCE_FILE_CALLS);
        pass_over(r, EVIDENCE_FILE_ATTEMPTS);
        return;
    }
    while (feed_call(r))
        ;
    if (r->read->lost[0] == '\0' && next_line(r, attempts, &line))
        lose(r, attempts, ", line %" PRIu64 ": it belongs to no call", attempts->number);
}

/* --- the whole -------------------------------------------------------------------------------- */

/* Each file on its own was whole; is it the one that the run left? */
static void compare(struct reader *r)
{
    const struct evidence_facts *told = r->reading->told;

    for (int i = 0; told != NULL && i < EVIDENCE_FILES_COUNT; i++) {
        const struct evidence_source *source = &r->sources[i];
        const struct checkpoint *checkpoint = &source->lines.checkpoint;

        if (checkpoint->lines != told->files[i].lines)
            lose(r, source, " has %" PRIu64 " lines, run.json tells of %" PRIu64, checkpoint->lines,
                 told->files[i].lines);
        else if (checkpoint->hash != told->files[i].hash)
            lose(r, source, " is not the file that run.json tells of (checksum)");
    }
}

void evidence_read_folder(const struct evidence_reading *reading, struct evidence_read *read)
{
    static struct reader reader; /* large, and one at a time */

    *read = (struct evidence_read){0};
    reader.reading = reading;
    reader.read = read;
    reader.has_pending = false;
    for (int i = 0; i < EVIDENCE_FILES_COUNT; i++)
        open_source(&reader, (enum evidence_file_kind)i);
    feed_calls(&reader);
    feed_journal(&reader, NANOS_NEVER);
    feed_log(&reader);
    feed_alerts(&reader);
    feed_samples(&reader);
    if (read->lost[0] == '\0')
        compare(&reader);
    read->journal_is_whole = source_of(&reader, EVIDENCE_FILE_JOURNAL)->lines.has_end &&
                             source_of(&reader, EVIDENCE_FILE_JOURNAL)->lines.damage[0] == '\0';
    for (int i = 0; i < EVIDENCE_FILES_COUNT; i++)
        close_source(&reader.sources[i]);
}
