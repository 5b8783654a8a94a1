#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

/* A fast 64-bit checksum of bytes, chained: the sum of one stretch seeds that of the next.
 *
 * Not cryptographic. It finds accidents and careless edits (a change within one stretch of eight
 * bytes always shows, anything else but once in 2^64), not an adversary, who can work it out as we
 * do. The same on every machine and in every version, because it stands in files. */

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { CHECKSUM_TEXT_SIZE = 17 }; /* 16 hexadecimal digits and a zero */

uint64_t checksum(uint64_t seed, struct slice bytes);

/* "00a1b2...": as it is written in files. */
void checksum_write(uint64_t sum, char text[CHECKSUM_TEXT_SIZE]);

/* That, and nothing else; false otherwise. */
bool checksum_read(struct slice text, uint64_t *sum);

#endif
