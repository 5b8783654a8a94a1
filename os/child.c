#include "os/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"

enum { EXIT_NOT_STARTED = 127 };

static const nanos FAMILY_POLL = 5 * NANOS_MS;

static enum rc fail(struct error *err, const char *what, int code)
{
    error_set(err, RC_SYSTEM, "%s: %s", what, strerror(code));
    if (err != NULL)
        err->os_errno = code;
    return RC_SYSTEM;
}

/* --- the terminal ----------------------------------------------------------------------------- */

/* Whoever is in the background is stopped for asking, unless it does not hear of it. */
static void give_terminal(pid_t group)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

    sigaction(SIGTTOU, &ignore, &before);
    (void)tcsetpgrp(STDIN_FILENO, group); /* a terminal that hung up is nobody's any more */
    sigaction(SIGTTOU, &before, NULL);
}

static bool has_terminal(void)
{
    return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void take_terminal_back(struct child *child)
{
    if (child->is_foreground)
        give_terminal(getpgrp());
    child->is_foreground = false;
}

/* --- in the child: only what is safe between fork and exec ------------------------------------ */

/* Handlers go with exec; what is ignored stays, and of that only this is ours. */
static void default_signals(void)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t none;

    sigaction(SIGPIPE, &plain, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int detach(int log)
{
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0)
        return errno;
    return 0;
}

/* As a program expects to find itself. */
static int settle(const struct child_options *options, bool is_foreground, int out, pid_t parent)
{
    if (setpgid(0, 0) != 0)
        return errno;
    if (is_foreground)
        give_terminal(getpid());
    if (options->has_family && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return errno;
    if (options->has_family && getppid() != parent)
        return ESRCH; /* died before we asked to be told */
    if (out >= 0 && dup2(out, STDOUT_FILENO) < 0)
        return errno;
    if (options->speaks_aside && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return errno;
    if (options->kept >= 0 && fcntl(options->kept, F_SETFD, 0) != 0)
        return errno;
    default_signals();
    return options->has_log ? detach(options->log) : 0;
}

/* The reason goes up the pipe, which closes by itself when there is none. */
static void become(const struct child_options *options, bool is_foreground, int out, int reason,
                   pid_t parent)
{
    char *const *environment = options->environment != NULL ? options->environment : environ;
    int code = settle(options, is_foreground, out, parent);
    ssize_t written;

    if (code == 0) {
        if (options->is_searched)
            execvpe(options->path, options->arguments, environment);
        else
            execve(options->path, options->arguments, environment);
        code = errno;
    }
    written = write(reason, &code, sizeof(code));
    (void)written; /* nobody else could be told */
    _exit(EXIT_NOT_STARTED);
}

/* --- start ------------------------------------------------------------------------------------ */

static void close_pair(const int ends[2])
{
    if (ends[0] >= 0)
        close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
}

/* 0 once the program runs, else why it does not. */
static int await_exec(int reason)
{
    int code = 0;
    ssize_t size;

    do
        size = read(reason, &code, sizeof(code));
    while (size < 0 && errno == EINTR);
    return size == (ssize_t)sizeof(code) ? code : 0;
}

/* 0, or why not. Signals are held back meanwhile: a handler of ours has no business in the child.
 */
static int spawn(struct child *child, const struct child_options *options, int out)
{
    pid_t parent = getpid();
    int reason[2];
    sigset_t all, before;
    int code;

    if (pipe2(reason, O_CLOEXEC) != 0)
        return errno;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    child->pid = fork();
    if (child->pid == 0)
        become(options, child->is_foreground, out, reason[1], parent);
    code = child->pid < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(reason[1]);
    if (code == 0) {
        code = await_exec(reason[0]);
        if (code != 0)
            waitpid(child->pid, NULL, 0);
    }
    close(reason[0]);
    return code;
}

/* Orphans come to us instead of to init, so that child_end can see the last of them go. */
static int adopt_orphans(const struct child_options *options)
{
    if (!options->has_family)
        return 0;
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 ? 0 : errno;
}

enum rc child_start(struct child *child, const struct child_options *options, struct error *err)
{
    int ends[2] = {-1, -1};
    int code;

    *child = (struct child){.pid_fd = -1, .out = -1};
    child->is_foreground = options->is_foreground && has_terminal();
    child->was_foreground = child->is_foreground;
    code = adopt_orphans(options);
    if (code == 0 && options->captures_output && pipe2(ends, O_CLOEXEC) != 0)
        code = errno;
    if (code == 0)
        code = spawn(child, options, ends[1]);
    if (code != 0) {
        close_pair(ends);
        child->pid = 0;
        take_terminal_back(child);
        return fail(err, options->path, code);
    }
    if (ends[1] >= 0)
        close(ends[1]);
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

/* --- while it runs ---------------------------------------------------------------------------- */

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
    take_terminal_back(child);
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

void child_follow_stop(struct child *child)
{
    siginfo_t info = {0};

    if (!child->is_foreground || child->has_ended ||
        waitid(P_PID, (id_t)child->pid, &info, WSTOPPED | WNOHANG) != 0 || info.si_pid == 0)
        return;
    give_terminal(getpgrp());
    kill(0, SIGSTOP); /* the shell takes over; we come back when it lets us */
    give_terminal(child->pid);
    kill(-child->pid, SIGCONT);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Reaps who of the group has ended by now; false: nobody is left. The leader's code is kept. */
static bool reap_family(struct child *child, pid_t group)
{
    siginfo_t info;

    for (;;) {
        info = (siginfo_t){0};
        if (waitid(P_PGID, (id_t)group, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
            return false;
        if (info.si_pid == 0)
            return true;
        if (info.si_pid == child->pid)
            reap(child, WNOHANG);
        else
            waitpid(info.si_pid, NULL, WNOHANG);
    }
}

static bool await_family(struct child *child, pid_t group, nanos patience)
{
    nanos until = nanos_add(clock_monotonic(), patience);

    while (reap_family(child, group)) {
        if (clock_monotonic() >= until)
            return false;
        poll(NULL, 0, (int)(FAMILY_POLL / NANOS_MS));
    }
    return true;
}

/* A group keeps its number for as long as it has a member, dead and not reaped ones included: no
 * stranger is signalled. */
void child_end(struct child *child, nanos patience)
{
    pid_t group = child->pid;

    if (group == 0)
        return;
    if (!reap_family(child, group))
        return;
    kill(-group, SIGTERM);
    kill(-group, SIGCONT); /* who is stopped hears nothing */
    if (await_family(child, group, patience))
        return;
    kill(-group, SIGKILL);
    (void)await_family(child, group, NANOS_S); /* who sleeps in the kernel dies later */
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
