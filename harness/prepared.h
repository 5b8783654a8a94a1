#ifndef HARNESS_PREPARED_H
#define HARNESS_PREPARED_H

/* A scenario file made ready: read, changed as the command line wants it (--client, --set, --seed,
 * in this order), checked whole, laws and expectations included. What it uses and
 * varies is put together first (scenario/merge.h): each case is a scenario of its own.
 *
 * Failure modes: everything a person can get wrong, as "file:line:column: ..."; an unknown client
 * preset with the nearest known one. A zeroed one can be closed. Immutable once loaded. */

#include "base/arena.h"
#include "base/error.h"
#include "options.h"
#include "scenario/merge.h"
#include "scenario/scenario.h"

struct prepared {
    const struct memory *memory; /* borrowed for life */
    struct arena arena;
    struct scenario *scenario;
    const struct merged *merged; /* what it was put together from: its cases */
    struct slice portable;       /* its text, naming other files absolutely: for a copy elsewhere */
};

MUST_USE enum rc prepared_load(struct prepared *prepared, const char *file,
                               const struct options *options, struct error *err);

/* One case of it (0 where it varies nothing); scenario->case_name is its name. */
MUST_USE enum rc prepared_load_case(struct prepared *prepared, const char *file, uint32_t which,
                                    const struct options *options, struct error *err);

/* Is this case one of those that --case wants? Without one, every case is. */
bool prepared_is_wanted(const struct prepared *prepared, const struct options *options);

/* Do the cases that --case wants exist? The nearest one where they do not. */
MUST_USE enum rc prepared_check_cases(const struct prepared *prepared,
                                      const struct options *options, struct error *err);

/* The same with memory of the caller's choice. */
MUST_USE enum rc prepared_load_in(struct prepared *prepared, const char *file,
                                  const struct options *options, const struct memory *memory,
                                  struct error *err);

/* The scenario of a results folder, as it was run. */
MUST_USE enum rc prepared_load_run(struct prepared *prepared, const char *folder,
                                   struct error *err);

/* The same plan and seed in which nothing goes wrong: every rule keeps its window, so that phases
 * are known, and its share is 0. For a prepared scenario with has_control. */
MUST_USE enum rc prepared_control(struct prepared *control, const struct prepared *prepared,
                                  struct error *err);
void prepared_deinit(struct prepared *prepared);

#endif
