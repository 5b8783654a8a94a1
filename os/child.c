#include "os/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"

static enum rc fail(struct error *err, const char *what, int code)
{
    error_set(err, RC_SYSTEM, "%s: %s", what, strerror(code));
    if (err != NULL)
        err->os_errno = code;
    return RC_SYSTEM;
}

/* Its own group, and signals as a program expects to find them. */
static void set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, ignored_by_us;

    sigemptyset(&none);
    sigemptyset(&ignored_by_us);
    sigaddset(&ignored_by_us, SIGPIPE);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                             POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &ignored_by_us);
}

static int spawn(pid_t *pid, const struct child_options *options, int out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&actions);

    if (code != 0)
        return code;
    code = posix_spawnattr_init(&attributes);
    if (code != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    set_attributes(&attributes);
    if (out >= 0)
        code = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (code == 0 && options->kept >= 0) /* onto itself: that takes close-on-exec off */
        code = posix_spawn_file_actions_adddup2(&actions, options->kept, options->kept);
    if (code == 0)
        code = posix_spawn(pid, options->path, &actions, &attributes, options->arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

enum rc child_start(struct child *child, const struct child_options *options, struct error *err)
{
    int ends[2] = {-1, -1};
    int code;

    *child = (struct child){.pid_fd = -1, .out = -1};
    if (options->captures_output && pipe2(ends, O_CLOEXEC) != 0)
        return fail(err, "pipe", errno);
    code = spawn(&child->pid, options, ends[1]);
    if (ends[1] >= 0)
        close(ends[1]);
    if (code != 0) {
        child->pid = 0;
        if (ends[0] >= 0)
            close(ends[0]);
        return fail(err, options->path, code);
    }
    child->out = ends[0];
    child->has_output = ends[0] >= 0;
    child->pid_fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (child->pid_fd < 0) {
        code = errno;
        child_close(child);
        return fail(err, "pidfd_open", code);
    }
    return RC_OK;
}

static void reap(struct child *child, int options)
{
    int status;
    pid_t got;

    do
        got = waitpid(child->pid, &status, options);
    while (got < 0 && errno == EINTR);
    if (got != child->pid)
        return;
    child->has_ended = true;
    child->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool child_wait(struct child *child, nanos patience)
{
    nanos until = nanos_add(clock_monotonic(), patience);

    assert(child->pid != 0);
    while (!child->has_ended) {
        struct pollfd end = {.fd = child->pid_fd, .events = POLLIN};
        nanos left = until - clock_monotonic();

        reap(child, WNOHANG);
        if (child->has_ended || left <= 0)
            break;
        poll(&end, 1, (int)nanos_min(left / NANOS_MS + 1, 60000));
    }
    return child->has_ended;
}

void child_signal(const struct child *child, int number)
{
    if (child->pid != 0 && !child->has_ended)
        kill(-child->pid, number);
}

void child_close(struct child *child)
{
    if (child->pid != 0 && !child->has_ended) {
        child_signal(child, SIGKILL);
        reap(child, 0);
    }
    if (child->pid != 0 && child->pid_fd >= 0)
        close(child->pid_fd);
    if (child->has_output)
        close(child->out);
    child->pid = 0;
    child->has_output = false;
}
