#ifndef BASE_UTF8_H
#define BASE_UTF8_H

/* UTF-8 (RFC 3629), for text that came from outside and is to be printed. */

#include <stddef.h>

#include "base/slice.h"

/* Bytes of the character at the front (1 to 4); 0 if it is none: overlong, a surrogate, above
 * U+10FFFF, cut off, or an empty slice. */
size_t utf8_size(struct slice text);

#endif
