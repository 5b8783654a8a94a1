#ifndef OS_DESCRIPTORS_H
#define OS_DESCRIPTORS_H

/* How many files and sockets this process may have open. Call once, before threads. */

#include <stdint.h>

/* Raises the soft limit to the hard one (no right is needed for that) and returns what may now be
 * open; UINT64_MAX without a limit. */
uint64_t descriptors_raise(void);

/* Makes the kernel's table large enough for `count` at once. It grows by doubling, and in a process
 * with threads each growth waits for every processor to pass a quiet point: 10 to 15 ms in which
 * the thread that opened one socket too many serves nobody. Does nothing when it cannot. */
void descriptors_reserve(uint64_t count);

#endif
