#include "os/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static nanos read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now); /* cannot fail for these ids */
    return (nanos)now.tv_sec * NANOS_S + now.tv_nsec;
}

nanos clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_unix_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

void clock_boot_id(char text[40])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

    text[0] = '\0';
    if (file == NULL)
        return;
    if (fgets(text, 40, file) == NULL)
        text[0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    fclose(file);
}
