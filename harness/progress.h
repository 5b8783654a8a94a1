#ifndef HARNESS_PROGRESS_H
#define HARNESS_PROGRESS_H

/* One line on standard error, rewritten once a second, and only on a terminal: how far the run is.
 * The main thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/nanos.h"

struct progress {
    bool is_shown;
    bool has_line; /* something stands on the terminal */
    nanos next_at; /* of the monotonic clock */
    nanos t0;
    nanos lasts; /* of the load */
    uint64_t calls, failed;
};

void progress_begin(struct progress *p, nanos t0, nanos lasts, bool is_wanted);
void progress_call(struct progress *p, bool has_failed);
void progress_show(struct progress *p, nanos now); /* when it is time to */
void progress_end(struct progress *p);             /* wipes the line */

#endif
