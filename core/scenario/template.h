#ifndef SCENARIO_TEMPLATE_H
#define SCENARIO_TEMPLATE_H

/* Texts with places to be filled in: "{openai}/v1".
 *
 * A place is a name of letters, digits, '.', '_' and '-' between braces; braces around anything
 * else stand for themselves, so that a template may hold JSON. Which names there are is the
 * reader's to say.
 *
 *     while (template_next(&rest, &piece)) { append piece.literal; fill in piece.name }
 *
 * Pure; allocates nothing; borrows from the text. */

#include <stdbool.h>

#include "base/slice.h"

struct template_piece {
    struct slice literal; /* what stands before the place; may be empty */
    struct slice name;    /* "openai"; empty: the text ends with `literal` */
};

/* Takes a piece off the front of `*rest`; false when nothing is left. */
bool template_next(struct slice *rest, struct template_piece *piece);

#endif
