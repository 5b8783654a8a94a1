#include "journal_sink.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "os/clock.h"

enum { GATHER_BYTES = 65536, LINE_BYTES_MAX = 65536, WAITING_BYTES_MAX = 64 << 20 };

static const struct timeval gather_ms_50 = {.tv_usec = 50000};

/* One of the two places where lines go. A zeroed one leads nowhere. Its buffer may hold twice what
 * waits, since written bytes are moved out of the way only now and then. */
struct outlet {
    bool is_open;
    bool is_broken; /* was open, and takes no more */
    int fd;
    struct buffer waiting; /* whole lines */
    size_t written;        /* of waiting */
    uint64_t records;      /* put in */
    uint64_t lost;         /* not put in */
};

struct journal_sink {
    struct journal_sink_options options;
    struct outlet file;
    struct outlet stream;
    struct buffer line;
    struct event *gathered; /* timer: what waits has waited long enough */
    struct event *readable; /* the driver's end was closed */
    struct event *writable; /* the driver caught up */
    bool is_abandoned;
};

/* --- outlets ---------------------------------------------------------------------------------- */

static size_t outlet_waiting(const struct outlet *o)
{
    return o->waiting.size - o->written;
}

static bool outlet_append(struct outlet *o, struct slice line)
{
    buffer_append(&o->waiting, line);
    if (o->waiting.rc == RC_OK)
        return true;
    o->waiting.rc = RC_OK; /* the lines before are whole and still good */
    return false;
}

static void outlet_put(struct outlet *o, struct slice line)
{
    bool has_room = outlet_waiting(o) + line.size <= WAITING_BYTES_MAX;

    if (!o->is_open) {
        o->lost += o->is_broken;
        return;
    }
    if (has_room && outlet_append(o, line))
        o->records++;
    else
        o->lost++;
}

/* Moved down only once half of it is gone: each byte at most once. */
static void outlet_compact(struct outlet *o)
{
    if (o->written < o->waiting.size / 2)
        return;
    buffer_drop(&o->waiting, o->written);
    o->written = 0;
}

/* RC_OK: all left. RC_AGAIN: the other side is slow. RC_SYSTEM: it takes no more, errno says why.
 */
static enum rc outlet_flush(struct outlet *o)
{
    while (o->written < o->waiting.size) {
        ssize_t size = write(o->fd, o->waiting.data + o->written, o->waiting.size - o->written);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            outlet_compact(o);
            return RC_AGAIN;
        }
        if (size < 0)
            return RC_SYSTEM;
        o->written += (size_t)size;
    }
    buffer_clear(&o->waiting);
    o->written = 0;
    return RC_OK;
}

static void outlet_put_end(struct outlet *o)
{
    if (!o->is_open)
        return;
    buffer_printf(&o->waiting, "{\"end\":true,\"records\":%llu,\"lost\":%llu}\n",
                  (unsigned long long)o->records, (unsigned long long)o->lost);
}

static void outlet_close(struct outlet *o)
{
    if (o->is_open)
        close(o->fd);
    buffer_deinit(&o->waiting);
    *o = (struct outlet){0};
}

/* What waits is lost, the line that left in part too, and so is all that will come. */
static void outlet_break(struct outlet *o)
{
    uint64_t lost = o->lost;

    for (size_t i = o->written; i < o->waiting.size; i++)
        lost += o->waiting.data[i] == '\n';
    outlet_close(o);
    o->is_broken = true;
    o->lost = lost;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void end(struct journal_sink *s)
{
    event_del(s->readable);
    s->options.on_ended(s->options.context);
}

/* Nobody reads any more. */
static void abandon(struct journal_sink *s)
{
    s->is_abandoned = true;
    event_del(s->writable);
    end(s);
}

static void flush_file(struct journal_sink *s)
{
    if (!s->file.is_open || outlet_flush(&s->file) == RC_OK)
        return;
    fprintf(stderr, "brownout-mock: %s: %s: the journal is not whole\n", s->options.file,
            strerror(errno));
    outlet_break(&s->file);
}

static void flush_stream(struct journal_sink *s)
{
    if (!s->stream.is_open || s->is_abandoned)
        return;
    switch (outlet_flush(&s->stream)) {
    case RC_OK:
        break;
    case RC_AGAIN:
        event_add(s->writable, NULL);
        break;
    default:
        abandon(s);
    }
}

static void flush(struct journal_sink *s)
{
    event_del(s->gathered);
    flush_file(s);
    flush_stream(s);
}

static void on_flushable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    flush(context);
}

/* The driver never writes here: whatever is readable is its end. It may still read: finish writes,
 * and a broken pipe then tells. */
static void on_readable(evutil_socket_t fd, short what, void *context)
{
    char nothing[64];
    ssize_t size = read(fd, nothing, sizeof(nothing));

    (void)what;
    if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)))
        return;
    end(context);
}

void journal_sink_write(struct journal_sink *s, const struct journal_record *record)
{
    if (!s->file.is_open && !s->stream.is_open) {
        s->file.lost += s->file.is_broken;
        return;
    }
    buffer_clear(&s->line);
    evidence_write_journal(s->options.scenario, record, &s->line);
    if (s->line.rc != RC_OK) {
        s->file.lost++;
        s->stream.lost++;
        return;
    }
    outlet_put(&s->file, buffer_slice(&s->line));
    outlet_put(&s->stream, buffer_slice(&s->line));
    if (outlet_waiting(&s->file) >= GATHER_BYTES ||
        (outlet_waiting(&s->stream) >= GATHER_BYTES && !event_pending(s->writable, EV_WRITE, NULL)))
        flush(s);
    else if (!event_pending(s->gathered, EV_TIMEOUT, NULL))
        event_add(s->gathered, &gather_ms_50);
}

uint64_t journal_sink_lost(const struct journal_sink *s)
{
    return s->file.lost > s->stream.lost ? s->file.lost : s->stream.lost;
}

bool journal_sink_is_broken(const struct journal_sink *s)
{
    return s->file.is_broken;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void finish_stream(struct journal_sink *s, nanos patience)
{
    nanos gives_up_at = nanos_add(clock_monotonic(), patience);

    while (outlet_flush(&s->stream) == RC_AGAIN) {
        struct pollfd writable = {.fd = s->stream.fd, .events = POLLOUT};
        nanos left = gives_up_at - clock_monotonic();

        if (left <= 0)
            return;
        poll(&writable, 1, (int)(left / NANOS_MS) + 1);
    }
}

void journal_sink_finish(struct journal_sink *s, nanos patience)
{
    outlet_put_end(&s->file);
    outlet_put_end(&s->stream);
    flush_file(s);
    if (s->stream.is_open && !s->is_abandoned)
        finish_stream(s, patience);
}

/* --- birth and death -------------------------------------------------------------------------- */

static enum rc fail(struct error *err, const char *what)
{
    int code = errno;

    error_set(err, RC_SYSTEM, "journal: %s: %s", what, strerror(code));
    if (err != NULL)
        err->os_errno = code;
    return RC_SYSTEM;
}

/* Not emptied yet: it may be the journal of a mock that runs (journal_sink_begin). */
static enum rc open_file(struct journal_sink *s, struct error *err)
{
    int fd;

    if (s->options.file == NULL)
        return RC_OK;
    fd = open(s->options.file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return fail(err, s->options.file);
    s->file.fd = fd;
    s->file.is_open = true;
    buffer_init(&s->file.waiting, s->options.memory, 2 * (size_t)WAITING_BYTES_MAX);
    return RC_OK;
}

/* A socket, because only its end of file tells that the driver died. */
static enum rc open_stream(struct journal_sink *s, struct error *err)
{
    int fd = s->options.fd;
    struct stat status;

    if (fd < 0)
        return RC_OK;
    if (fstat(fd, &status) != 0)
        return fail(err, "--journal-fd");
    if (!S_ISSOCK(status.st_mode))
        return error_set(err, RC_SYSTEM, "journal: --journal-fd %d is not a socket", fd);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        return fail(err, "--journal-fd");
    s->stream.fd = fd;
    s->stream.is_open = true;
    buffer_init(&s->stream.waiting, s->options.memory, 2 * (size_t)WAITING_BYTES_MAX);
    s->readable = event_new(s->options.base, fd, EV_READ | EV_PERSIST, on_readable, s);
    s->writable = event_new(s->options.base, fd, EV_WRITE, on_flushable, s);
    if (s->readable == NULL || s->writable == NULL || event_add(s->readable, NULL) != 0)
        return error_set(err, RC_NOMEM, "journal: out of memory");
    return RC_OK;
}

enum rc journal_sink_begin(struct journal_sink *s, struct error *err)
{
    struct stat status;

    if (!s->file.is_open || fstat(s->file.fd, &status) != 0 || !S_ISREG(status.st_mode))
        return RC_OK; /* a pipe or a terminal cannot be emptied, and need not be */
    return ftruncate(s->file.fd, 0) == 0 ? RC_OK : fail(err, s->options.file);
}

enum rc journal_sink_open(struct journal_sink **sink, const struct journal_sink_options *options,
                          struct error *err)
{
    struct journal_sink *s = memory_zeroed(options->memory, 1, sizeof(*s));
    enum rc rc;

    if (s == NULL)
        return error_set(err, RC_NOMEM, "journal: out of memory");
    s->options = *options;
    buffer_init(&s->line, options->memory, LINE_BYTES_MAX);
    s->gathered = evtimer_new(options->base, on_flushable, s);
    rc = s->gathered == NULL ? error_set(err, RC_NOMEM, "journal: out of memory") : RC_OK;
    if (rc == RC_OK)
        rc = open_file(s, err);
    if (rc == RC_OK)
        rc = open_stream(s, err);
    if (rc != RC_OK) {
        journal_sink_close(s);
        return rc;
    }
    *sink = s;
    return RC_OK;
}

static void free_event(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

void journal_sink_close(struct journal_sink *s)
{
    if (s == NULL)
        return;
    free_event(s->gathered);
    free_event(s->readable);
    free_event(s->writable);
    outlet_close(&s->file);
    outlet_close(&s->stream);
    buffer_deinit(&s->line);
    memory_release(s->options.memory, s);
}
