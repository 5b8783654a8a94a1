#ifndef REPORT_FACTS_H
#define REPORT_FACTS_H

/* What a report says of a run besides the judgement itself. Everything is borrowed for the call.
 * A zeroed one with a `world` is enough. */

#include <stdbool.h>
#include <stdint.h>

#include "base/nanos.h"
#include "judge/judge.h"

struct report_facts {
    const char *world;   /* "run" or "sim" */
    const char *results; /* folder, or NULL */
    nanos took;          /* wall time of the run */
    bool was_interrupted;
    const char *problem; /* why it could not be carried out whole, or NULL */
    bool has_colour;
    const struct judge *control; /* of the run without faults, finished; NULL: there was none */
    bool is_rejudged; /* from the files of an earlier run (`judge DIR`), not while it ran */
    const bool
        *quoted; /* by row: not judged again but told as the run itself found it; NULL: none */
};

#endif
