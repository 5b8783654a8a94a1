#ifndef HARNESS_EXEC_TEXT_H
#define HARNESS_EXEC_TEXT_H

/* What `exec` changes in a scenario's text before it is read: its subject becomes a command, and
 * --log, --map and --require-success stand in it, so that the copy in the results folder says all.
 * For any command line without a command the text stays as it is. Failure modes: memory, a place
 * that the text does not have. */

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "options.h"

MUST_USE enum rc exec_text_apply(const struct options *options, struct arena *arena,
                                 struct slice *text, struct error *err);

#endif
