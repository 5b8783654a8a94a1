#include "app_log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lines.h"
#include "wire/json_pointer.h"

enum { PIECE_BYTES = 1 << 16, KEPT_BYTES_MAX = 1 << 20 };

/* A log under way. */
struct collecting {
    const struct app_log_reading *reading;
    struct lines lines;
    uint64_t number; /* of the latest line, from where reading began */
    struct buffer kept;
};

enum rc app_log_mark(struct app_log_mark *mark, struct slice file, struct error *err)
{
    struct stat status;

    *mark = (struct app_log_mark){0};
    if (!slice_copy(file, mark->path, sizeof(mark->path)))
        return error_set(err, RC_LIMIT, "%.60s...: the name is too long", mark->path);
    if (file.size == 0 || stat(mark->path, &status) != 0)
        return RC_OK;
    mark->device = status.st_dev;
    mark->inode = status.st_ino;
    mark->size = status.st_size;
    return RC_OK;
}

/* --- one line --------------------------------------------------------------------------------- */

static bool has_canary(const struct app_log_reading *reading, struct slice line)
{
    for (uint32_t i = 0; i < reading->canaries_count; i++)
        if (slice_has(line, reading->canaries[i]))
            return true;
    return false;
}

/* As it is written, so that it is judged alike again; of a container only that it is one. */
static void write_value(const struct json_token *token, struct buffer *out)
{
    switch (token->kind) {
    case JSON_OBJECT:
        buffer_text(out, "{}");
        return;
    case JSON_ARRAY:
        buffer_text(out, "[]");
        return;
    case JSON_STRING:
        buffer_byte(out, '"');
        buffer_append(out, token->raw);
        buffer_byte(out, '"');
        return;
    default:
        buffer_append(out, token->raw);
    }
}

static void keep_line(struct collecting *c, struct slice line, const struct app_log_entry *entry)
{
    const struct log_map *map = c->reading->map;
    struct json_token token;

    buffer_clear(&c->kept);
    buffer_printf(&c->kept, "{\"line\":%llu", (unsigned long long)entry->line);
    if (entry->has_canary)
        buffer_text(&c->kept, ",\"leaks\":true");
    if (entry->is_unreadable)
        buffer_text(&c->kept, ",\"unreadable\":true");
    for (int i = 0; i < LOG_FIELDS_COUNT && !entry->is_unreadable; i++) {
        if (map->pointers[i].size == 0 || !json_find(line, map->pointers[i], &token))
            continue;
        buffer_printf(&c->kept, ",\"%s\":", log_field_name((enum log_field)i));
        write_value(&token, &c->kept);
    }
    buffer_byte(&c->kept, '}');
    if (c->kept.rc == RC_OK)
        evidence_files_log_line(c->reading->files, buffer_slice(&c->kept));
}

static enum rc take_line(struct collecting *c, struct slice line, struct error *err)
{
    struct app_log_entry entry = {.line = ++c->number, .has_canary = has_canary(c->reading, line)};
    struct error unread = {0}; /* of a malformed line, which is data */
    enum rc rc = app_log_read(c->reading->map, line, &entry, &unread);

    if (!entry.is_ours)
        return RC_OK;
    if (c->reading->files != NULL)
        keep_line(c, line, &entry);
    (void)rc; /* the entry says so, too */
    rc = journal_calls_add_log(c->reading->calls, &entry);
    return rc == RC_OK
               ? RC_OK
               : error_set(err, rc, "line %llu: %s", (unsigned long long)entry.line, rc_text(rc));
}

enum rc app_log_take_kept(struct slice line, struct journal_calls *calls)
{
    struct app_log_entry entry = {0};
    struct json_token token;
    struct error unread = {0};
    struct log_map map;
    enum rc rc;

    log_map_init(&map);
    if (json_find(line, SLICE("/line"), &token) && json_u64(&token, &entry.line) != RC_OK)
        entry.line = 0;
    entry.has_canary = json_find(line, SLICE("/leaks"), &token);
    rc = app_log_read(&map, line, &entry, &unread);
    (void)rc; /* as above */
    if (json_find(line, SLICE("/unreadable"), &token))
        entry.is_ours = entry.is_malformed = entry.is_unreadable = true;
    return journal_calls_add_log(calls, &entry);
}

/* --- the file --------------------------------------------------------------------------------- */

static enum rc take_lines(struct collecting *c, struct slice bytes, struct error *err)
{
    struct slice line;

    lines_feed(&c->lines, bytes);
    while (lines_next(&c->lines, &line))
        TRY(take_line(c, line, err));
    if (c->lines.buffer.rc != RC_OK)
        return error_set(err, c->lines.buffer.rc, "behind line %llu: %s",
                         (unsigned long long)c->number, rc_text(c->lines.buffer.rc));
    return RC_OK;
}

static enum rc read_all(struct collecting *c, int fd, struct error *err)
{
    char piece[PIECE_BYTES];
    uint64_t bytes = 0;
    ssize_t size;

    while ((size = read(fd, piece, sizeof(piece))) != 0) {
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return error_set(err, RC_SYSTEM, "%s", strerror(errno));
        bytes += (uint64_t)size;
        if (bytes > APP_LOG_BYTES_MAX)
            return error_set(err, RC_LIMIT, "more than 1 GiB was written");
        TRY(take_lines(c, (struct slice){piece, (size_t)size}, err));
    }
    return take_lines(c, SLICE("\n"), err); /* whoever died has not ended the last one */
}

/* Behind what was there before, if it is there still. */
static bool skip_old(const struct app_log_mark *mark, int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return false;
    if (status.st_dev != mark->device || status.st_ino != mark->inode ||
        status.st_size < mark->size)
        return true;
    return lseek(fd, mark->size, SEEK_SET) == mark->size;
}

static enum rc collect(const struct app_log_mark *mark, const struct app_log_reading *reading,
                       struct error *err)
{
    struct collecting c = {.reading = reading};
    int fd = open(mark->path, O_RDONLY | O_CLOEXEC);
    enum rc rc;

    if (fd < 0)
        return error_set(err, RC_SYSTEM, "%s", strerror(errno));
    lines_init(&c.lines, memory_heap());
    buffer_init(&c.kept, memory_heap(), KEPT_BYTES_MAX);
    rc = skip_old(mark, fd) ? read_all(&c, fd, err) : error_set(err, RC_SYSTEM, "cannot be read");
    buffer_deinit(&c.kept);
    lines_deinit(&c.lines);
    close(fd);
    return rc;
}

enum rc app_log_collect(const struct app_log_mark *mark, const struct app_log_reading *reading,
                        struct error *err)
{
    if (mark->path[0] == '\0')
        return RC_OK;
    return collect(mark, reading, err) == RC_OK ? RC_OK : error_wrap(err, "%s", mark->path);
}
