#ifndef HARNESS_CALL_SEARCH_H
#define HARNESS_CALL_SEARCH_H

/* One call's records, looked for in a results folder: its line in calls.jsonl, its attempts, and
 * what the mock's journal has of it.
 *
 * Files of any size are read once, line by line; only lines that name the call are parsed. Failure
 * modes: a file that cannot be read, a line of this call that is damaged (file and line are named),
 * more requests than a story can hold. A journal that is not there is no failure. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "judge/evidence.h"
#include "report/story.h"
#include "scenario/scenario.h"

enum { CALLS_NEAR_MAX = 4 };

struct call_search {
    bool was_found;
    struct call_record call; /* with its attempts */
    uint32_t attempts_count; /* lines found */
    bool has_journal;
    struct journal_record requests[STORY_REQUESTS_MAX];
    uint32_t requests_count;
};

MUST_USE enum rc call_search(struct call_search *search, const char *folder,
                             const struct scenario *scenario, struct call_id id, struct error *err);

/* The calls of the same source whose numbers are nearest, as far as their lines are there, nearest
 * first. */
MUST_USE enum rc calls_near(const char *folder, const struct scenario *scenario, struct call_id id,
                            struct call_id near[CALLS_NEAR_MAX], uint32_t *count,
                            struct error *err);

#endif
