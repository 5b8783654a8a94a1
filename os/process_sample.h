#ifndef OS_PROCESS_SAMPLE_H
#define OS_PROCESS_SAMPLE_H

/* How the processes of a program stand at this moment: the one that was started, those of its
 * process group, and all that descend from either. Read from /proc, which costs some microseconds
 * for each process of the machine: for twice a second, not for a loop. Any thread. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_sample {
    uint32_t processes;
    uint64_t rss_bytes;   /* resident, pages they share counted in each */
    uint32_t descriptors; /* of those whose list we may read */
    uint32_t threads;
};

/* False when there is none left, or /proc cannot be read. */
bool process_sample_of(pid_t leader, struct process_sample *sample);

#endif
