#include "summaries.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "os/files.h"
#include "os/folder.h"
#include "report/junit.h"
#include "report/markdown.h"

enum { TEXT_BYTES_MAX = 16 << 20, JOB_SUMMARY_BYTES_MAX = 900 << 10 };

static enum rc write_into(const char *folder, const char *name, const struct buffer *text,
                          struct error *err)
{
    char path[FOLDER_PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/%s", folder, name);

    if (size < 0 || (size_t)size >= sizeof(path))
        return error_set(err, RC_LIMIT, "%s: the name is too long", folder);
    if (text->rc != RC_OK)
        return error_set(err, text->rc, "%s: %s", path, rc_text(text->rc));
    return files_write(path, buffer_slice(text), err);
}

static bool has_room(const char *path, size_t size)
{
    struct stat status;
    size_t used = stat(path, &status) == 0 ? (size_t)status.st_size : 0;

    return used + size <= JOB_SUMMARY_BYTES_MAX;
}

static void tell_job(struct slice text)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    struct error err = {0};

    if (path == NULL || path[0] == '\0')
        return;
    if (!has_room(path, text.size))
        fprintf(stderr, "brownout: the job's summary is full, nothing was added\n");
    else if (files_append(path, text, &err) != RC_OK)
        fprintf(stderr, "brownout: the job's summary: %s\n", err.text);
}

enum rc summaries_write(const struct scenario *scenario, const struct judge *judge,
                        const struct report_facts *facts, struct error *err)
{
    struct buffer text;
    enum rc rc;

    assert(facts->results != NULL);
    buffer_init(&text, memory_heap(), TEXT_BYTES_MAX);
    report_junit(scenario, judge, facts, &text);
    rc = write_into(facts->results, "junit.xml", &text, err);
    buffer_clear(&text);
    report_markdown(scenario, judge, facts, &text);
    if (rc == RC_OK)
        rc = write_into(facts->results, "summary.md", &text, err);
    if (rc == RC_OK)
        tell_job(buffer_slice(&text));
    buffer_deinit(&text);
    return rc;
}
