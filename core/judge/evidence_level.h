#ifndef JUDGE_EVIDENCE_LEVEL_H
#define JUDGE_EVIDENCE_LEVEL_H

/* How much of what was seen stays on disk (design §6).
 *
 *   full      every call, attempt, request and alert
 *   failures  calls that broke a law or did not end ok, their neighbours, a share of the rest
 *             (keeper.h), with all that the journal says of them; every alert
 *   summary   no lines at all
 *
 * All have run.json and histograms.jsonl, over everything that was seen. */

#define EVIDENCE_LEVEL_LIST(X) \
    X(FULL, "full")            \
    X(FAILURES, "failures")    \
    X(SUMMARY, "summary")

#define EVIDENCE_LEVEL_ENUM(id, word) EVIDENCE_##id,
enum evidence_level { EVIDENCE_LEVEL_LIST(EVIDENCE_LEVEL_ENUM) EVIDENCE_LEVELS_COUNT };
#undef EVIDENCE_LEVEL_ENUM

#endif
