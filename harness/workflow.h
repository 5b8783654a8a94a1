#ifndef HARNESS_WORKFLOW_H
#define HARNESS_WORKFLOW_H

/* A workflow for GitHub Actions: three minutes of `brownout exec` as a gate, on counts and conduct
 * and never on latencies, because a shared machine has those of its neighbours. Brownout is built
 * from its own repository, which is checked out beside the program's. */

#include "base/buffer.h"

#define WORKFLOW_FOLDER ".github/workflows"
#define WORKFLOW_FILE WORKFLOW_FOLDER "/brownout.yml"

/* `scenario` is a path without blanks or quotes. */
void workflow_write(const char *scenario, struct buffer *out);

#endif
