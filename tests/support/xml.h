#ifndef TESTS_SUPPORT_XML_H
#define TESTS_SUPPORT_XML_H

/* A small strict check that a text is well-formed XML, for what our reports write: one element,
 * matching tags, quoted attributes that stand once, the five entities and decimal references, UTF-8
 * and no character that XML 1.0 forbids. */

#include <stdbool.h>

#include "base/slice.h"

bool xml_is_well_formed(struct slice text);

/* How many elements of that name begin in it. */
uint32_t xml_elements(struct slice text, const char *name);

#endif
