#ifndef TESTS_SUPPORT_TREE_H
#define TESTS_SUPPORT_TREE_H

/* Files of this repository, for tests. Tests run from its root. */

#include "base/arena.h"
#include "scenario/scenario.h"

/* The whole file, living in the arena; null data when there is none. */
struct slice tree_read(const char *path, struct arena *arena);

/* What a scenario at `path` names, relative to its folder. Borrows `path`. */
struct file_reader tree_beside(const char *path);

/* Loads a scenario file with what it names; its name in messages is `path`. */
MUST_USE enum rc tree_load(struct scenario *scenario, const char *path, struct arena *arena,
                           struct error *err);

#endif
