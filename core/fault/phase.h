#ifndef FAULT_PHASE_H
#define FAULT_PHASE_H

/* Phases: the windows of chaos, by name, in run time. A call carries every phase that holds its
 * due, an attempt every phase that holds its sent. Besides the scenario's own there are built-in
 * ones: `before` (until the first window opens), `after:NAME` (from the end of NAME on), `quiet`
 * (no window open). Pure.
 *
 *     once     ....[=====)..................      after: from the end on
 *     every    ....[==)....[==)....[==)....       after: from the first end on, wherever it is shut
 *     waiting  ............mark..[=====)....      nobody can tell yet: neither before nor quiet */

#include <stdbool.h>
#include <stdint.h>

#include "base/nanos.h"
#include "base/slice.h"

enum { PHASES_MAX = 32 };

/* What a window's `at` counts from. */
enum phase_from { PHASE_FROM_START, PHASE_FROM_FIRST_REQUEST, PHASE_FROM_MARK };

struct phase {
    char name[48];
    nanos at;    /* opens */
    nanos lasts; /* closes at at + lasts (not included); NANOS_NEVER: stays open */
    nanos every; /* and opens again so often; 0: once */
    enum phase_from from;
    char mark[32];   /* PHASE_FROM_MARK: whose name */
    bool is_waiting; /* for its mark or request: never open yet. Once that comes, `at` becomes the
                        instant in run time, and this false */
    nanos marked_at; /* once that came: when. A mark set again moves its windows there */
};

struct phases {
    struct phase list[PHASES_MAX];
    uint32_t count;
};

/* A set of phases: bit i for list[i], bit 32 + i for after:list[i], then before and quiet. */
struct phase_set {
    uint64_t named; /* bits 0-31 and 32-63 as above */
    bool is_before;
    bool is_quiet;
};

bool phase_is_open(const struct phase *phase, nanos at);

/* When it shuts (the first time): NANOS_NEVER for one that stays open or is waiting. */
nanos phase_ends_at(const struct phase *phase);

/* The first instant after `at` at which it opens or shuts; NANOS_NEVER: none, as far as is known.
 */
nanos phase_changes_at(const struct phase *phase, nanos at);

/* The first request came at `at`: windows that wait for it count from there; those that know of it
 * are left alone, so this may be said again for windows that were added later. */
void phases_first_request(struct phases *phases, nanos at);

/* The mark NAME was set at `at`. False: no window counts from it. */
bool phases_mark(struct phases *phases, struct slice name, nanos at);

struct phase_set phases_at(const struct phases *phases, nanos at);

/* One phase by its printed name ("overload", "after:overload", "before", "quiet") as a set to test
 * against; false when there is none of that name. */
bool phases_find(const struct phases *phases, struct slice name, struct phase_set *set);

bool phase_set_overlaps(const struct phase_set *a, const struct phase_set *b);

#endif
