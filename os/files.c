#include "os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

enum { TRACE_BYTES_MAX = 256 << 20 };

/* How long a pipe may keep silent. Who types has all the time there is. */
enum { PATIENCE_S = 10, FOR_EVER = -1 };

static enum rc fail(struct error *err, const char *path)
{
    int code = errno;

    error_set(err, RC_SYSTEM, "%s: %s", path, strerror(code));
    err->os_errno = code;
    return RC_SYSTEM;
}

/* A pipe may have no writer, or one that has nothing to say. Other files are always ready. */
static enum rc await_bytes(int fd, const char *path, int patience_s, struct error *err)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    int patience_ms = patience_s == FOR_EVER ? FOR_EVER : patience_s * 1000;
    int ready;

    do
        ready = poll(&waiting, 1, patience_ms);
    while (ready < 0 && errno == EINTR);
    if (ready < 0)
        return fail(err, path);
    if (ready == 0)
        return error_set(err, RC_SYSTEM, "%s: nothing came for %d s, expected a file", path,
                         patience_s);
    return RC_OK;
}

static enum rc read_all(int fd, const char *path, size_t bytes_max, int patience_s,
                        struct buffer *into, struct error *err)
{
    for (;;) {
        char piece[65536];
        ssize_t size;

        TRY(await_bytes(fd, path, patience_s, err));
        size = read(fd, piece, sizeof(piece));
        if (size < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (size < 0)
            return fail(err, path);
        if (size == 0)
            return RC_OK;
        buffer_append(into, (struct slice){piece, (size_t)size});
        if (into->rc == RC_LIMIT)
            return error_set(err, RC_LIMIT, "%s: the file is too large, expected at most %zu bytes",
                             path, bytes_max);
        if (into->rc != RC_OK)
            return error_set(err, into->rc, "%s: %s", path, rc_text(into->rc));
    }
}

enum rc files_read(const char *path, size_t bytes_max, struct arena *arena, struct slice *bytes,
                   struct error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    struct buffer whole;
    enum rc rc;

    if (fd < 0)
        return fail(err, path);
    buffer_init(&whole, memory_heap(), bytes_max);
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
        rc = error_set(err, RC_SYSTEM, "%s: is a folder, expected a file", path);
    else
        rc = read_all(fd, path, bytes_max, is_stdin ? FOR_EVER : PATIENCE_S, &whole, err);
    if (rc == RC_OK) {
        struct slice copy = arena_copy(arena, buffer_slice(&whole));

        if (copy.data == NULL)
            rc = error_set(err, arena->rc, "%s: %s", path, rc_text(arena->rc));
        else
            *bytes = copy;
    }
    buffer_deinit(&whole);
    if (!is_stdin)
        close(fd);
    return rc;
}

enum rc files_write_all(int fd, struct slice bytes, struct error *err)
{
    while (bytes.size > 0) {
        ssize_t size = write(fd, bytes.data, bytes.size);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0) {
            int code = errno;

            error_set(err, RC_SYSTEM, "write: %s", strerror(code));
            err->os_errno = code;
            return RC_SYSTEM;
        }
        bytes.data += size;
        bytes.size -= (size_t)size;
    }
    return RC_OK;
}

static enum rc write_to(const char *path, int flags, struct slice bytes, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);
    enum rc rc;

    if (fd < 0)
        return fail(err, path);
    rc = files_write_all(fd, bytes, err);
    if (rc != RC_OK)
        error_wrap(err, "%s", path);
    if (close(fd) != 0 && rc == RC_OK)
        rc = fail(err, path);
    return rc;
}

enum rc files_write(const char *path, struct slice bytes, struct error *err)
{
    char part[4096];
    int size = snprintf(part, sizeof(part), "%s.part", path);

    if (size < 0 || (size_t)size >= sizeof(part))
        return error_set(err, RC_LIMIT, "%.60s...: the name is too long", path);
    if (write_to(part, O_TRUNC, bytes, err) != RC_OK) {
        unlink(part);
        return err->rc;
    }
    return rename(part, path) == 0 ? RC_OK : fail(err, path);
}

enum rc files_append(const char *path, struct slice bytes, struct error *err)
{
    return write_to(path, O_APPEND, bytes, err);
}

static enum rc read_beside(void *context, struct slice path, struct arena *arena,
                           struct slice *bytes, struct error *err)
{
    const char *folder = context;
    bool is_plain = folder[0] == '\0' || (path.size > 0 && path.data[0] == '/');
    char whole[4096];
    int size = snprintf(whole, sizeof(whole), "%s%s%.*s", is_plain ? "" : folder,
                        is_plain ? "" : "/", SLICE_ARG(path));

    if (size < 0 || (size_t)size >= sizeof(whole))
        return error_set(err, RC_LIMIT, "%.*s: the name is too long", SLICE_ARG(path));
    return files_read(whole, TRACE_BYTES_MAX, arena, bytes, err);
}

struct file_reader files_beside(const char *folder)
{
    return (struct file_reader){read_beside, (void *)(uintptr_t)folder};
}
