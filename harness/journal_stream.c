#include "journal_stream.h"

#include "wire/json.h"

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
    j->records++;
    judge_feed_journal(j->judge, &record);
}

void journal_stream_feed(struct journal_stream *j, struct slice bytes)
{
    struct slice line;

    lines_feed(&j->lines, bytes);
    while (lines_next(&j->lines, &line))
        take_line(j, line);
}
