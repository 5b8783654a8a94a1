#ifndef OS_CLOCK_H
#define OS_CLOCK_H

/* The only place that asks the time. Any thread. */

#include <stdint.h>

#include "base/nanos.h"

/* CLOCK_MONOTONIC: shared by all processes of one boot, never steps. */
nanos clock_monotonic(void);

/* Nanoseconds since 1970 UTC. */
int64_t clock_wall_unix_ns(void);

/* Names the boot (two programs with one boot id share the monotonic clock). Zero-terminated into
 * `text` (40 bytes); empty when the system does not tell. */
void clock_boot_id(char text[40]);

#endif
