#ifndef SCENARIO_MERGE_H
#define SCENARIO_MERGE_H

/* One scenario out of several texts, and several out of one.
 *
 *   "use": ["company.jsonc"]     shared files first, in their order, then this file: later keys win
 *   "vary": [{"case": "reset", "chaos": [...]}, ...]   the same, once with each case on top
 *
 * Merging is RFC 7396's, file upon file: objects member by member, null takes a member away,
 * everything else replaces. "use" of a used file counts, relative to that file; a file that is
 * there already is not put on top again; cycles are refused with the way around. "case" names a
 * case; "use" and "vary" do not stand in the result. Comments stay where a whole value is taken.
 *
 * Where a mistake in the result came from is known: its origins (origin.h) map every byte, so that
 * a complaint names the file, line and column that a person wrote. Pure; files come through the
 * reader; everything lives in the arena. Failure modes: texts that are no JSON, cycles, more than
 * SCENARIO_USES_MAX files or SCENARIO_CASES_MAX cases, names that are none or stand twice. */

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file_reader.h"
#include "base/slice.h"
#include "scenario/origin.h"
#include "scenario/scenario.h"

enum { SCENARIO_USES_MAX = 16, SCENARIO_CASES_MAX = 256, CASE_NAME_MAX = 48 };

struct merged {
    struct slice text;           /* the file's own, where it uses and varies nothing */
    struct text_origins origins; /* none: as written */
    struct {
        char name[CASE_NAME_MAX + 1];
    } cases[SCENARIO_CASES_MAX];
    uint32_t cases_count; /* 0: it varies nothing, there is one to run */
};

/* Which cases are there? And the text of one (0 where there are none). */
MUST_USE enum rc scenario_merge(struct slice text, struct slice file,
                                const struct file_reader *files, uint32_t which,
                                struct arena *arena, struct merged *merged, struct error *err);

/* scenario_load of a merged text: complaints name the places that its origins tell. Borrows the
 * text and the origins for as long as the scenario. */
MUST_USE enum rc scenario_load_merged(struct scenario *scenario, const struct merged *merged,
                                      struct slice file, const struct file_reader *files,
                                      struct arena *arena, struct error *err);

#endif
