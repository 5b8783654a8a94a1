#ifndef HARNESS_EVIDENCE_READER_H
#define HARNESS_EVIDENCE_READER_H

/* The evidence files of a results folder, fed to a judge as the run itself fed it.
 *
 *   calls.jsonl    --line--+--> call --+
 *   attempts.jsonl --lines-+           +--> judge, merged by the instants at which they ended
 *   journal.jsonl  --lines-------------+
 *   alerts.jsonl   --lines-------------+
 *   subject.jsonl  --lines-------------+
 *
 * Every file is read once and verified by its checkpoints as it goes (judge/checkpoint.h), so
 * memory does not grow with it. Failure modes: what is damaged, missing, or not what run.json says
 * of it; the first such thing is told in `lost`, and what is still good is fed all the same: calls
 * up to the damage, whole journals, whatever a file that was cut off still holds. One thread. */

#include <stdbool.h>

#include "judge/facts.h"
#include "judge/journal_calls.h"
#include "judge/judge.h"

struct evidence_reading {
    const char *folder;
    const struct scenario *scenario;
    struct judge *judge;
    struct journal_calls *calls; /* set: of a program's run, whose calls are to be inferred from
                                    the journal and the log: those are taken by it, and the
                                    lines of calls are looked at only for damage */
    const struct evidence_facts *told; /* by run.json; NULL: nobody knows */
};

struct evidence_read {
    char lost[sizeof(((struct run_facts *)0)->lost)]; /* "calls.jsonl, line 7: ..."; or empty */
    bool has_journal;                                 /* at least a line of it */
    bool journal_is_whole;
};

void evidence_read_folder(const struct evidence_reading *reading, struct evidence_read *read);

#endif
