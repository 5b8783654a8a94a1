#include "os/descriptors.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

uint64_t descriptors_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    if (limit.rlim_cur != limit.rlim_max) {
        rlim_t before = limit.rlim_cur;

        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            limit.rlim_cur = before;
    }
    return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

/* The table never shrinks, so a descriptor far up, opened and closed again, is enough. */
void descriptors_reserve(uint64_t count)
{
    int fd;

    if (count == 0 || count > INT_MAX)
        return;
    fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, (int)count - 1);
    if (fd >= 0)
        close(fd);
}
