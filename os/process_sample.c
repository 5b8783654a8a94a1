#include "os/process_sample.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROCESSES_MAX = 16384, STAT_BYTES_MAX = 1024 };

/* What /proc/PID/stat tells (proc(5)). */
struct process {
    pid_t pid, parent, group;
    uint64_t threads, pages;
    bool is_ours;
};

/* --- reading /proc ---------------------------------------------------------------------------- */

static bool read_stat(pid_t pid, char text[STAT_BYTES_MAX])
{
    char path[64];
    ssize_t size;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false; /* it has ended since */
    size = read(fd, text, STAT_BYTES_MAX - 1);
    close(fd);
    if (size <= 0)
        return false;
    text[size] = '\0';
    return true;
}

/* The name in parentheses may hold anything, parentheses too: fields count from the last one. */
static bool read_process(pid_t pid, struct process *process)
{
    char text[STAT_BYTES_MAX];
    char *at, *rest = NULL;
    uint64_t fields[25] = {0};
    uint32_t field = 3;

    if (!read_stat(pid, text) || (at = strrchr(text, ')')) == NULL)
        return false;
    for (at = strtok_r(at + 1, " ", &rest); at != NULL && field < 25; field++) {
        fields[field] = strtoull(at, NULL, 10);
        at = strtok_r(NULL, " ", &rest);
    }
    *process = (struct process){.pid = pid,
                                .parent = (pid_t)fields[4],
                                .group = (pid_t)fields[5],
                                .threads = fields[20],
                                .pages = fields[24]};
    return field == 25;
}

static uint32_t count_descriptors(pid_t pid)
{
    char path[64];
    uint32_t count = 0;
    const struct dirent *entry;
    DIR *folder;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    folder = opendir(path);
    if (folder == NULL)
        return 0;
    while ((entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static uint32_t read_all(struct process *list)
{
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    uint32_t count = 0;

    if (folder == NULL)
        return 0;
    while (count < PROCESSES_MAX && (entry = readdir(folder)) != NULL) {
        long pid = strtol(entry->d_name, NULL, 10);

        if (pid > 0 && read_process((pid_t)pid, &list[count]))
            count++;
    }
    closedir(folder);
    return count;
}

/* --- whose they are --------------------------------------------------------------------------- */

static bool has_parent_of_ours(const struct process *list, uint32_t count, pid_t parent)
{
    for (uint32_t i = 0; i < count; i++)
        if (list[i].pid == parent)
            return list[i].is_ours;
    return false;
}

/* Generation by generation; they are few. */
static void claim(struct process *list, uint32_t count, pid_t leader)
{
    bool has_more = true;

    for (uint32_t i = 0; i < count; i++)
        list[i].is_ours = list[i].pid == leader || list[i].group == leader;
    while (has_more) {
        has_more = false;
        for (uint32_t i = 0; i < count; i++) {
            if (list[i].is_ours || !has_parent_of_ours(list, count, list[i].parent))
                continue;
            list[i].is_ours = true;
            has_more = true;
        }
    }
}

static void add(const struct process *process, uint64_t page_bytes, struct process_sample *sample)
{
    sample->processes++;
    sample->rss_bytes += process->pages * page_bytes;
    sample->descriptors += count_descriptors(process->pid);
    sample->threads += (uint32_t)process->threads;
}

bool process_sample_of(pid_t leader, struct process_sample *sample)
{
    struct process *list = calloc(PROCESSES_MAX, sizeof(*list));
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    uint32_t count;

    *sample = (struct process_sample){0};
    if (list == NULL)
        return false;
    count = read_all(list);
    claim(list, count, leader);
    for (uint32_t i = 0; i < count; i++)
        if (list[i].is_ours)
            add(&list[i], page_bytes, sample);
    free(list);
    return sample->processes > 0;
}
