#include "workplace.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, ARGUMENTS_MAX = 24, RESULTS_MAX = 64 };

static char result_text[8 << 20];

static void need(bool holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    abort();
}

static void join(char *path, const char *folder, const char *name)
{
    int size = snprintf(path, WORKPLACE_PATH_MAX, "%s/%s", folder, name);

    need(size > 0 && size < WORKPLACE_PATH_MAX, "a path that is too long");
}

void workplace_open(struct workplace *w)
{
    memset(w, 0, sizeof(*w));
    strcpy(w->folder, "/tmp/brownout-test-XXXXXX");
    need(mkdtemp(w->folder) != NULL, "mkdtemp");
    join(w->results, w->folder, "results");
    need(mkdir(w->results, 0777) == 0, "mkdir");
    w->watch_fd = inotify_init1(IN_CLOEXEC);
    need(w->watch_fd >= 0, "inotify");
    need(inotify_add_watch(w->watch_fd, w->results, IN_CREATE) >= 0, "inotify");
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status, (void)flag, (void)walk;
    return remove(path);
}

void workplace_close(struct workplace *w)
{
    if (w->pid != 0)
        kill(w->pid, SIGKILL);
    if (w->pid != 0)
        workplace_finish(w);
    close(w->watch_fd);
    nftw(w->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void workplace_write(struct workplace *w, const char *name, const char *text)
{
    char path[WORKPLACE_PATH_MAX];
    FILE *file;

    join(path, w->folder, name);
    file = fopen(path, "we");
    need(file != NULL, path);
    need(fputs(text, file) >= 0, path);
    need(fclose(file) == 0, path);
}

static size_t read_into(const char *path, char *text, size_t capacity)
{
    FILE *file = fopen(path, "re");
    size_t size = 0;

    if (file != NULL) {
        size = fread(text, 1, capacity - 1, file);
        fclose(file);
    }
    text[size] = '\0';
    return size;
}

/* --- programs --------------------------------------------------------------------------------- */

static void limit(__rlimit_resource_t resource, uint64_t most)
{
    struct rlimit both = {most, most};

    if (most != 0)
        need(setrlimit(resource, &both) == 0, "setrlimit");
}

/* In the child: never returns. */
static void become(const struct workplace *w, char *words)
{
    char program[2 * WORKPLACE_PATH_MAX];
    const char *bin = getenv("BROWNOUT_BIN");
    char *arguments[ARGUMENTS_MAX] = {program};
    int count = 1;

    snprintf(program, sizeof(program), "%s/brownout", bin != NULL ? bin : "bin");
    need(realpath(program, program + WORKPLACE_PATH_MAX) != NULL, program);
    arguments[0] = program + WORKPLACE_PATH_MAX;
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
        if (count < ARGUMENTS_MAX - 1)
            arguments[count++] = word;
    need(chdir(w->folder) == 0, w->folder);
    need(w->input == NULL || freopen(w->input, "r", stdin) != NULL, "standard input");
    need(freopen("out", "w", stdout) != NULL && freopen("err", "w", stderr) != NULL, "freopen");
    signal(SIGXFSZ, SIG_IGN); /* a full disk is an error, not a signal */
    limit(RLIMIT_NOFILE, w->descriptors_max);
    limit(RLIMIT_FSIZE, w->file_bytes_max);
    execv(arguments[0], arguments);
    _exit(127);
}

void workplace_start(struct workplace *w, const char *arguments)
{
    char words[1024];

    snprintf(words, sizeof(words), "%s", arguments);
    w->pid = fork();
    need(w->pid >= 0, "fork");
    if (w->pid == 0)
        become(w, words);
    w->pid_fd = (int)syscall(SYS_pidfd_open, w->pid, 0);
    need(w->pid_fd >= 0, "pidfd_open");
}

int workplace_finish(struct workplace *w)
{
    char path[WORKPLACE_PATH_MAX];
    int status;

    if (!workplace_await_end(w->pid_fd))
        kill(w->pid, SIGABRT); /* hangs: let it say where */
    need(waitpid(w->pid, &status, 0) == w->pid, "waitpid");
    close(w->pid_fd);
    w->pid = 0;
    w->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    join(path, w->folder, "out");
    read_into(path, w->out, sizeof(w->out));
    join(path, w->folder, "err");
    read_into(path, w->err, sizeof(w->err));
    return w->exit_code;
}

int workplace_run(struct workplace *w, const char *arguments)
{
    workplace_start(w, arguments);
    return workplace_finish(w);
}

/* --- while it runs ---------------------------------------------------------------------------- */

static bool await_readable(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    return poll(&ready, 1, PATIENCE_MS) == 1;
}

bool workplace_await_end(int pid_fd)
{
    return await_readable(pid_fd);
}

static bool is_mock_of(pid_t parent, const char *entry)
{
    char path[64 + 256];
    char text[512];
    char name[64];
    int its_parent;

    snprintf(path, sizeof(path), "/proc/%s/stat", entry);
    if (read_into(path, text, sizeof(text)) == 0)
        return false;
    return sscanf(text, "%*d (%63[^)]) %*c %d", name, &its_parent) == 2 && its_parent == parent &&
           strcmp(name, "brownout-mock") == 0;
}

int workplace_mock(struct workplace *w, pid_t *pid)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    int found = -1;

    need(processes != NULL, "/proc");
    while (found < 0 && (entry = readdir(processes)) != NULL) {
        if (!is_mock_of(w->pid, entry->d_name))
            continue;
        *pid = (pid_t)strtol(entry->d_name, NULL, 10);
        found = (int)syscall(SYS_pidfd_open, *pid, 0);
    }
    closedir(processes);
    return found;
}

/* --- results ---------------------------------------------------------------------------------- */

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* How many there are; the n-th goes into `folder`, if there is one that wants it. */
static uint32_t find_results(struct workplace *w, uint32_t number, char *folder)
{
    struct dirent **entries;
    int count = scandir(w->results, &entries, is_visible, alphasort);

    need(count >= 0, w->results);
    for (int i = 0; i < count; i++) {
        if (folder != NULL && (uint32_t)i == number)
            join(folder, w->results, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return (uint32_t)count;
}

uint32_t workplace_results_count(struct workplace *w)
{
    return find_results(w, 0, NULL);
}

bool workplace_result(struct workplace *w, uint32_t number, const char *file, struct slice *text)
{
    char folder[WORKPLACE_PATH_MAX];
    char path[WORKPLACE_PATH_MAX];

    if (find_results(w, number, folder) <= number)
        return false;
    join(path, folder, file);
    if (access(path, R_OK) != 0)
        return false;
    *text = (struct slice){result_text, read_into(path, result_text, sizeof(result_text))};
    return true;
}

const char *workplace_folder(struct workplace *w, uint32_t number)
{
    static char folder[WORKPLACE_PATH_MAX];

    if (find_results(w, number, folder) <= number)
        folder[0] = '\0';
    return folder;
}

/* Some event in a watched folder; which one does not matter, the caller looks for itself. */
static bool await_change(struct workplace *w)
{
    char events[4096];

    return await_readable(w->watch_fd) && read(w->watch_fd, events, sizeof(events)) > 0;
}

static void watch(struct workplace *w, const char *folder)
{
    (void)inotify_add_watch(w->watch_fd, folder, IN_CREATE | IN_MODIFY | IN_MOVED_TO);
}

/* Whatever of its folders is there by now: one more may come with every change. */
static void watch_results(struct workplace *w)
{
    char folder[WORKPLACE_PATH_MAX];
    char control[WORKPLACE_PATH_MAX];

    if (find_results(w, 0, folder) == 0)
        return;
    watch(w, folder);
    join(control, folder, "control");
    watch(w, control);
}

static bool has_text(struct workplace *w, const char *file)
{
    struct slice text;

    return workplace_result(w, 0, file, &text) && text.size > 0;
}

bool workplace_await(struct workplace *w, const char *file)
{
    watch_results(w);
    while (!has_text(w, file)) {
        if (!await_change(w))
            return false;
        watch_results(w);
    }
    return true;
}

bool workplace_await_calls(struct workplace *w)
{
    return workplace_await(w, "calls.jsonl");
}
