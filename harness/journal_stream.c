#include "journal_stream.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "os/clock.h"
#include "wire/json.h"

enum { BYTES_AT_ONCE = 1 << 16 };

static const nanos POLL_AGAIN = 20 * NANOS_MS;

void journal_stream_init(struct journal_stream *j, const struct scenario *scenario,
                         struct evidence_files *files, struct judge *judge,
                         const struct memory *memory)
{
    *j = (struct journal_stream){.scenario = scenario, .files = files, .judge = judge};
    lines_init(&j->lines, memory);
}

void journal_stream_deinit(struct journal_stream *j)
{
    lines_deinit(&j->lines);
}

static void take_end(struct journal_stream *j, struct slice line)
{
    struct json json;
    struct json_token key, value;
    uint64_t records = UINT64_MAX, lost = UINT64_MAX;

    j->has_end = true;
    json_init(&json, line, JSON_STRICT);
    if (json_next(&json, &value) != RC_OK || value.kind != JSON_OBJECT)
        return;
    while (json_next(&json, &key) == RC_OK && key.kind == JSON_KEY) {
        if (json_next(&json, &value) != RC_OK)
            return;
        if (json_is(&key, SLICE("records")) && json_u64(&value, &records) != RC_OK)
            return;
        if (json_is(&key, SLICE("lost")) && json_u64(&value, &lost) != RC_OK)
            return;
    }
    j->is_whole = records == j->records && lost == 0 && j->unreadable.rc == RC_OK;
}

/* What has no room in the table of calls is missing from the judgement. */
static void take_record(struct journal_stream *j, const struct journal_record *record)
{
    enum rc rc = RC_OK;

    j->records++;
    j->requests += !record->is_hook && record->kind != JOURNAL_CONNECTION;
    if (j->calls != NULL)
        rc = journal_calls_add(j->calls, record);
    else
        judge_feed_journal(j->judge, record);
    if (rc != RC_OK && j->unreadable.rc == RC_OK)
        error_set(&j->unreadable, rc, "request %llu: %s", (unsigned long long)record->number,
                  rc_text(rc));
}

static void take_line(struct journal_stream *j, struct slice line)
{
    struct journal_record record;
    struct error err = {0};

    if (slice_starts_with(line, SLICE("{\"end\":"))) {
        take_end(j, line);
        return;
    }
    if (evidence_read_journal(j->scenario, line, &record, &err) != RC_OK) {
        evidence_files_journal_line(j->files, line, NULL);
        if (j->unreadable.rc == RC_OK)
            j->unreadable = err;
        return;
    }
    evidence_files_journal_line(j->files, line, &record);
    take_record(j, &record);
}

void journal_stream_feed(struct journal_stream *j, struct slice bytes)
{
    struct slice line;

    lines_feed(&j->lines, bytes);
    while (lines_next(&j->lines, &line))
        take_line(j, line);
}

bool journal_stream_take(struct journal_stream *j, int fd, bool *is_open)
{
    char piece[BYTES_AT_ONCE];
    ssize_t size;

    if (!*is_open)
        return false;
    size = read(fd, piece, sizeof(piece));
    if (size > 0) {
        journal_stream_feed(j, (struct slice){piece, (size_t)size});
        return true;
    }
    if (size == 0 || (errno != EAGAIN && errno != EINTR))
        *is_open = false;
    return false;
}

void journal_stream_finish(struct journal_stream *j, int fd, bool *is_open, nanos silence)
{
    nanos heard_at = clock_monotonic();

    while (*is_open && clock_monotonic() < heard_at + silence) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};

        if (journal_stream_take(j, fd, is_open))
            heard_at = clock_monotonic();
        else if (*is_open)
            poll(&ready, 1, (int)(POLL_AGAIN / NANOS_MS));
    }
}
