#ifndef SCENARIO_MERGE_H
#define SCENARIO_MERGE_H

/* One scenario out of several texts, and several out of one.
 *
 *   "use": ["company.jsonc"]     shared files first, in their order, then this file: later keys win
 *   "vary": [{"case": "reset", "chaos": [...]}, ...]   the same, once with each case on top
 *
 * Merging is RFC 7396's: objects member by member, null takes a member away, everything else
 * replaces. "use" of a used file counts, relative to that file; cycles are refused. "case" names a
 * case; "use" and "vary" do not stand in the result.
 *
 * Where a mistake in the result came from is known: `origins` maps every byte of it, so that a
 * complaint names the file, line and column that a person wrote. Pure; files come through the
 * reader; everything lives in the arena. */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file_reader.h"
#include "base/slice.h"
#include "wire/json.h"

enum { SCENARIO_USES_MAX = 16, SCENARIO_CASES_MAX = 256, CASE_NAME_MAX = 48 };

struct text_origin {
    size_t from;                   /* first byte of the merged text, up to the next one's */
    struct slice file;             /* as messages name it */
    struct json_position position; /* of that first byte, there */
};

struct merged {
    struct slice text;           /* the file's own, where it uses and varies nothing */
    struct text_origin *origins; /* by `from`; none: as written */
    uint32_t origins_count;
    struct {
        char name[CASE_NAME_MAX];
    } cases[SCENARIO_CASES_MAX];
    uint32_t cases_count; /* 0: it varies nothing, there is one to run */
};

/* Which cases are there? And the text of one (0 where there are none). */
MUST_USE enum rc scenario_merge(struct slice text, struct slice file,
                                const struct file_reader *files, uint32_t which,
                                struct arena *arena, struct merged *merged, struct error *err);

#endif
