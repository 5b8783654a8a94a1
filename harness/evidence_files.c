#include "evidence_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/files.h"
#include "os/folder.h"

enum { GATHERED_MAX = 1 << 16, LINES_MAX = 1 << 20 };

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

enum rc evidence_files_open(struct evidence_files *files, const char *folder,
                            const struct scenario *scenario, const struct memory *memory,
                            struct error *err)
{
    enum rc rc;

    *files = (struct evidence_files){.scenario = scenario};
    rc = open_one(&files->calls, folder, "calls.jsonl", memory, err);
    if (rc == RC_OK)
        rc = open_one(&files->attempts, folder, "attempts.jsonl", memory, err);
    if (rc == RC_OK)
        rc = open_one(&files->journal, folder, "journal.jsonl", memory, err);
    if (rc != RC_OK)
        evidence_files_close(files);
    return rc;
}

static void fail(struct evidence_files *files, struct evidence_file *file)
{
    int refused = ftruncate(file->fd, (off_t)file->bytes); /* no half line */

    (void)refused; /* then the last line is cut, and a reader will say so */
    files->rc = files->error.rc;
    error_wrap(&files->error, "evidence");
}

static void write_out(struct evidence_files *files, struct evidence_file *file)
{
    enum rc rc = file->lines.rc;

    if (!file->is_open || files->rc != RC_OK)
        return;
    if (rc != RC_OK)
        rc = error_set(&files->error, rc, "%s", rc_text(rc));
    else
        rc = files_write_all(file->fd, buffer_slice(&file->lines), &files->error);
    if (rc != RC_OK) {
        fail(files, file);
        return;
    }
    file->bytes += file->lines.size;
    buffer_clear(&file->lines);
}

static void added(struct evidence_files *files, struct evidence_file *file)
{
    if (file->lines.size >= GATHERED_MAX || file->lines.rc != RC_OK)
        write_out(files, file);
    if (files->rc != RC_OK)
        buffer_clear(&file->lines); /* nobody will write it */
}

void evidence_files_call(struct evidence_files *files, const struct call_record *call)
{
    evidence_write_call(files->scenario, call, &files->calls.lines);
    added(files, &files->calls);
    evidence_write_attempts(files->scenario, call, &files->attempts.lines);
    added(files, &files->attempts);
}

void evidence_files_journal(struct evidence_files *files, const struct journal_record *record)
{
    evidence_write_journal(files->scenario, record, &files->journal.lines);
    added(files, &files->journal);
}

void evidence_files_journal_line(struct evidence_files *files, struct slice line)
{
    buffer_append(&files->journal.lines, line);
    buffer_byte(&files->journal.lines, '\n');
    added(files, &files->journal);
}

void evidence_files_flush(struct evidence_files *files)
{
    write_out(files, &files->calls);
    write_out(files, &files->attempts);
    write_out(files, &files->journal);
}

static void close_one(struct evidence_file *file)
{
    if (file->is_open)
        close(file->fd);
    buffer_deinit(&file->lines);
    *file = (struct evidence_file){0};
}

void evidence_files_close(struct evidence_files *files)
{
    evidence_files_flush(files);
    close_one(&files->calls);
    close_one(&files->attempts);
    close_one(&files->journal);
}
