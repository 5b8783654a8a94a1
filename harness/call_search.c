#include "call_search.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "judge/call_case.h"
#include "judge/checkpoint.h"
#include "judge/journal_calls.h"
#include "lines.h"
#include "os/folder.h"
#include "wire/json.h"

enum { PIECE_BYTES = 1 << 16, NEEDLE_BYTES_MAX = 8 * CALL_ID_TEXT_MAX };

/* One line, without its LF. */
typedef enum rc take_line(void *context, struct slice line, struct error *err);

/* --- reading ---------------------------------------------------------------------------------- */

static enum rc take_lines(struct lines *lines, uint64_t *number, take_line *take, void *context,
                          struct error *err)
{
    struct slice line;

    while (lines_next(lines, &line)) {
        ++*number;
        if (take(context, line, err) != RC_OK)
            return error_wrap(err, "line %llu", (unsigned long long)*number);
    }
    return lines->buffer.rc == RC_OK
               ? RC_OK
               : error_set(err, lines->buffer.rc, "behind line %llu: %s",
                           (unsigned long long)*number, rc_text(lines->buffer.rc));
}

static enum rc read_lines(int fd, take_line *take, void *context, struct error *err)
{
    static char piece[PIECE_BYTES];
    struct lines lines;
    uint64_t number = 0;
    ssize_t size;
    enum rc rc = RC_OK;

    lines_init(&lines, memory_heap());
    while (rc == RC_OK && (size = read(fd, piece, sizeof(piece))) != 0) {
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0) {
            rc = error_set(err, RC_SYSTEM, "%s", strerror(errno));
            break;
        }
        lines_feed(&lines, (struct slice){piece, (size_t)size});
        rc = take_lines(&lines, &number, take, context, err);
    }
    lines_deinit(&lines);
    return rc;
}

/* `*is_there` says whether there was such a file; without `is_there` there must be one. */
static enum rc read_file(const char *folder, const char *name, bool *is_there, take_line *take,
                         void *context, struct error *err)
{
    char path[FOLDER_PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/%s", folder, name);
    enum rc rc;
    int fd;

    if (size < 0 || (size_t)size >= sizeof(path))
        return error_set(err, RC_LIMIT, "%.60s...: the name is too long", folder);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (is_there != NULL)
        *is_there = fd >= 0;
    if (fd < 0 && errno == ENOENT && is_there != NULL)
        return RC_OK;
    if (fd < 0)
        return error_set(err, RC_SYSTEM, "%s: %s", path, strerror(errno));
    rc = read_lines(fd, take, context, err);
    close(fd);
    return rc == RC_OK ? RC_OK : error_wrap(err, "%s", path);
}

/* --- one call --------------------------------------------------------------------------------- */

struct looking {
    struct call_search *search;
    const struct scenario *scenario;
    struct call_id id;
    char id_text[CALL_ID_TEXT_MAX];
    struct buffer needle; /* as its lines have it: "call":"trace:91" */
};

static enum rc look_for(struct looking *looking, const char *name, struct error *err)
{
    struct buffer *needle = &looking->needle;

    buffer_clear(needle);
    buffer_text(needle, "\"call\":");
    json_write_text(needle, slice_of(name));
    return needle->rc == RC_OK ? RC_OK : error_set(err, needle->rc, "%s", rc_text(needle->rc));
}

static bool is_named(const struct looking *looking, struct slice line)
{
    return memmem(line.data, line.size, looking->needle.data, looking->needle.size) != NULL;
}

static bool is_same(struct call_id a, struct call_id b)
{
    return a.source == b.source && a.index == b.index;
}

static enum rc take_call(void *context, struct slice line, struct error *err)
{
    struct looking *looking = context;
    struct call_record call = {0};

    if (looking->search->was_found || !is_named(looking, line))
        return RC_OK;
    TRY(evidence_read_call(looking->scenario, line, &call, err));
    if (!is_same(call.id, looking->id))
        return RC_OK;
    looking->search->call = call;
    looking->search->was_found = true;
    return RC_OK;
}

static enum rc take_attempt(void *context, struct slice line, struct error *err)
{
    struct looking *looking = context;
    struct call_search *search = looking->search;
    struct attempt_line attempt;

    if (!is_named(looking, line))
        return RC_OK;
    TRY(evidence_read_attempt(looking->scenario, line, &attempt, err));
    if (!is_same(attempt.call, looking->id) ||
        search->attempts_count == call_attempts_kept(&search->call))
        return RC_OK;
    return call_join(&search->call, search->attempts_count++, &attempt, err);
}

static enum rc keep_request(struct call_search *search, const struct journal_record *record,
                            struct error *err)
{
    if (search->requests_count == STORY_REQUESTS_MAX)
        return error_set(err, RC_LIMIT, "more than %d requests of one call", STORY_REQUESTS_MAX);
    search->requests[search->requests_count++] = *record;
    return RC_OK;
}

static enum rc take_request(void *context, struct slice line, struct error *err)
{
    struct looking *looking = context;
    struct call_search *search = looking->search;
    struct journal_record record;
    struct call_id id;

    if (!is_named(looking, line))
        return RC_OK;
    TRY(evidence_read_journal(looking->scenario, line, &record, err));
    if (record.is_hook || !call_id_read(looking->scenario, slice_of(record.call), &id) ||
        !is_same(id, looking->id))
        return RC_OK;
    return keep_request(search, &record, err);
}

/* --- a program's call ------------------------------------------------------------------------- */

/* The mock's journal has other names for them: they are inferred once more, and then its requests
 * are known by their numbers. */
struct inferring {
    struct looking *looking;
    struct journal_calls *calls;
    struct call_case found; /* its requests belong to `calls` */
};

static enum rc take_any_request(void *context, struct slice line, struct error *err)
{
    struct inferring *inferring = context;
    struct journal_record record;
    enum rc rc;

    if (line_is_checkpoint(line))
        return RC_OK;
    TRY(evidence_read_journal(inferring->looking->scenario, line, &record, err));
    rc = journal_calls_add(inferring->calls, &record);
    return rc == RC_OK ? RC_OK : error_set(err, rc, "%s", rc_text(rc));
}

static const struct request_seen *seen_of(const struct call_case *found, uint64_t number)
{
    for (uint32_t i = 0; i < found->requests_count; i++)
        if (found->requests[i].number == number)
            return &found->requests[i];
    return NULL;
}

static enum rc take_inferred(void *context, struct slice line, struct error *err)
{
    struct inferring *inferring = context;
    struct call_search *search = inferring->looking->search;
    const struct request_seen *seen;
    struct journal_record record;

    if (line_is_checkpoint(line))
        return RC_OK;
    TRY(evidence_read_journal(inferring->looking->scenario, line, &record, err));
    seen = seen_of(&inferring->found, record.number);
    if (seen == NULL)
        return RC_OK;
    memcpy(record.call, inferring->looking->id_text, sizeof(record.call));
    record.attempt = seen->attempt;
    return keep_request(search, &record, err);
}

static enum rc infer(struct inferring *inferring, const char *folder, struct error *err)
{
    struct looking *looking = inferring->looking;
    bool *has_journal = &looking->search->has_journal;
    uint64_t index = looking->id.index;
    static struct call_record record; /* large, and not looked at: the judged one is there */

    TRY(read_file(folder, "journal.jsonl", has_journal, take_any_request, inferring, err));
    journal_calls_settle(inferring->calls);
    if (index < 1 || index > journal_calls_count(inferring->calls))
        return RC_OK;
    journal_calls_case(inferring->calls, (uint32_t)(index - 1), &record, &inferring->found);
    return read_file(folder, "journal.jsonl", has_journal, take_inferred, inferring, err);
}

static enum rc find_inferred(struct looking *looking, const char *folder, struct error *err)
{
    struct inferring inferring = {.looking = looking};
    enum rc rc = journal_calls_new(&inferring.calls, looking->scenario, memory_heap());

    if (rc != RC_OK)
        return error_set(err, rc, "%s: %s", folder, rc_text(rc));
    rc = infer(&inferring, folder, err);
    journal_calls_free(inferring.calls);
    return rc;
}

/* Behind a service the mock knows it by the marker of its prompt. */
static enum rc look_for_marker(struct looking *looking, struct error *err)
{
    char name[CALL_ID_TEXT_MAX];

    snprintf(name, sizeof(name), "mark:k%u-%llu", looking->id.source,
             (unsigned long long)looking->id.index);
    return look_for(looking, name, err);
}

static enum rc find_requests(struct looking *looking, const char *folder, struct error *err)
{
    if (looking->scenario->subject == SUBJECT_SERVICE)
        TRY(look_for_marker(looking, err));
    if (looking->scenario->subject == SUBJECT_EXEC)
        return find_inferred(looking, folder, err);
    return read_file(folder, "journal.jsonl", &looking->search->has_journal, take_request, looking,
                     err);
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum rc look(struct looking *looking, const char *folder, struct error *err)
{
    struct call_search *search = looking->search;

    TRY(read_file(folder, "calls.jsonl", NULL, take_call, looking, err));
    if (!search->was_found)
        return RC_OK;
    TRY(read_file(folder, "attempts.jsonl", NULL, take_attempt, looking, err));
    if (search->attempts_count < call_attempts_kept(&search->call))
        return error_set(err, RC_MALFORMED, "%s/attempts.jsonl: has %u of the %u attempts of %s",
                         folder, search->attempts_count, call_attempts_kept(&search->call),
                         looking->id_text);
    return find_requests(looking, folder, err);
}

enum rc call_search(struct call_search *search, const char *folder, const struct scenario *scenario,
                    struct call_id id, struct error *err)
{
    struct looking looking = {.search = search, .scenario = scenario, .id = id};
    enum rc rc;

    search->was_found = false;
    search->attempts_count = search->requests_count = 0;
    search->has_journal = false;
    call_id_write(scenario, id, looking.id_text);
    buffer_init(&looking.needle, memory_heap(), NEEDLE_BYTES_MAX);
    rc = look_for(&looking, looking.id_text, err);
    if (rc == RC_OK)
        rc = look(&looking, folder, err);
    buffer_deinit(&looking.needle);
    return rc;
}

/* --- its neighbours --------------------------------------------------------------------------- */

struct neighbours {
    const struct scenario *scenario;
    struct call_id id;
    struct call_id *near;
    uint32_t count;
};

static uint64_t distance(const struct neighbours *n, struct call_id id)
{
    return id.index > n->id.index ? id.index - n->id.index : n->id.index - id.index;
}

/* Lines that cannot be read are nobody's neighbours. */
static enum rc take_neighbour(void *context, struct slice line, struct error *err)
{
    struct neighbours *n = context;
    struct call_record call;
    uint32_t place = n->count;

    if (evidence_read_call(n->scenario, line, &call, err) != RC_OK ||
        call.id.source != n->id.source)
        return RC_OK;
    while (place > 0 && distance(n, call.id) < distance(n, n->near[place - 1]))
        place--;
    if (place == CALLS_NEAR_MAX)
        return RC_OK;
    if (n->count < CALLS_NEAR_MAX)
        n->count++;
    for (uint32_t i = n->count - 1; i > place; i--)
        n->near[i] = n->near[i - 1];
    n->near[place] = call.id;
    return RC_OK;
}

enum rc calls_near(const char *folder, const struct scenario *scenario, struct call_id id,
                   struct call_id near[CALLS_NEAR_MAX], uint32_t *count, struct error *err)
{
    struct neighbours neighbours = {.scenario = scenario, .id = id, .near = near};

    TRY(read_file(folder, "calls.jsonl", NULL, take_neighbour, &neighbours, err));
    *count = neighbours.count;
    return RC_OK;
}
