#ifndef MOCKSERVER_PATIENCE_H
#define MOCKSERVER_PATIENCE_H

/* Who has been waited for longest? A queue of those from whom something is due within one span, the
 * same for all: who comes last is due last, so entering, leaving and asking cost a few pointers.
 *
 * Happy path: patience_await when the wait begins, or begins anew; patience_forget when what was
 * waited for has come; patience_overdue, now and then, until it says NULL. Nothing is allocated and
 * nothing can fail. A link is in one queue at the most; zeroed it is in none. One thread owns it.
 */

#include <stdbool.h>

#include "base/nanos.h"

struct patience_link {
    struct patience_link *before, *behind;
    struct patience *queue; /* it is in; NULL: none */
    nanos since;
};

struct patience {
    struct patience_link *first, *last;
    nanos lasts;
};

void patience_await(struct patience *queue, struct patience_link *link, nanos now);
void patience_forget(struct patience_link *link); /* in no queue: fine */

/* The one that has waited longest, if that is longer than the queue's span. */
struct patience_link *patience_overdue(const struct patience *queue, nanos now);

#endif
