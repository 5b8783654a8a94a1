#ifndef TESTS_SUPPORT_SCHEMA_H
#define TESTS_SUPPORT_SCHEMA_H

/* A validator for the part of JSON Schema (draft 2020-12) that scenario.schema.json uses:
 *
 *   type enum pattern minimum maximum required properties additionalProperties propertyNames
 *   minProperties maxProperties items minItems maxItems allOf anyOf oneOf not, and $ref to #/$defs
 *
 * A keyword that it does not know is a failure, never passed over, so that the schema cannot grow
 * beyond what is tested. Patterns are POSIX extended expressions, which the schema's are too. */

#include <stdbool.h>

#include "base/slice.h"

enum schema_answer { SCHEMA_ACCEPTS, SCHEMA_REFUSES, SCHEMA_UNKNOWN };

/* Both texts may have comments. SCHEMA_UNKNOWN: a keyword, a $ref or a pattern that the validator
 * cannot read, or a text that is no JSON. */
enum schema_answer schema_check(struct slice schema, struct slice instance);

#endif
