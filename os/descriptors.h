#ifndef OS_DESCRIPTORS_H
#define OS_DESCRIPTORS_H

/* How many files and sockets this process may have open. Call once, before threads. */

#include <stdint.h>

/* Raises the soft limit to the hard one (no right is needed for that) and returns what may now be
 * open; UINT64_MAX without a limit. */
uint64_t descriptors_raise(void);

#endif
