#include "os/promptness.h"

#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As sched_setattr(2) has it; glibc of Debian 12 does not declare it. */
struct wishes {
    uint32_t size;
    uint32_t policy; /* 0: SCHED_OTHER, as before */
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns; /* for SCHED_OTHER: the slice */
    uint64_t deadline_ns;
    uint64_t period_ns;
};

enum { SLICE_NS = 100000 };

void promptness_ask(void)
{
    struct wishes wishes = {
        .size = sizeof(wishes),
        .nice = getpriority(PRIO_PROCESS, 0), /* as it is */
        .runtime_ns = SLICE_NS,
    };

    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    (void)syscall(SYS_sched_setattr, 0, &wishes, 0U);
}
