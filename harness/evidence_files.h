#ifndef HARNESS_EVIDENCE_FILES_H
#define HARNESS_EVIDENCE_FILES_H

/* calls.jsonl, attempts.jsonl, journal.jsonl, alerts.jsonl and histograms.jsonl of one results
 * folder; log.jsonl and subject.jsonl where a subject gives cause.
 *
 * Happy path: open with a level (judge/evidence_level.h), hand in what comes, and tell the judge to
 * report back (judge_set_on_judged with evidence_files_judged); once the judge has finished,
 * evidence_files_finish; evidence_files_facts for run.json; close.
 *
 * Lines are written whole, many at a time, with a checkpoint behind them (judge/checkpoint.h): when
 * 64 KB have gathered, and whenever evidence_files_flush is called (the collector does so once a
 * second), so a kill leaves readable evidence that lacks the last second. Below `full` a call is
 * written once it has been judged, and only if it is kept (judge/keeper.h).
 *
 * Failure modes: a file that cannot be made (evidence_files_open) or written (disk full): `rc` and
 * `error` say so and stay, what would come is dropped, and a half-written line is cut off again.
 * One thread owns it. */

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "judge/checkpoint.h"
#include "judge/evidence.h"
#include "judge/facts.h"
#include "judge/judge.h"
#include "judge/keeper.h"

struct evidence_file {
    int fd;
    bool is_open;
    struct buffer lines;          /* gathered, not yet written */
    uint64_t lines_count;         /* of them */
    struct checkpoint checkpoint; /* of what is on disk */
    uint64_t bytes;               /* on disk: whole lines */
};

struct evidence_files {
    const struct scenario *scenario;
    const struct memory *memory;
    enum evidence_level level;
    const char *folder; /* borrowed for life */
    struct evidence_file list[EVIDENCE_FILES_COUNT];
    struct keeper keeper; /* EVIDENCE_FAILURES only */
    uint64_t calls_judged;
    enum rc rc; /* RC_OK, or why writing ended */
    struct error error;
};

struct evidence_files_options {
    const char *folder; /* borrowed for life, like all below */
    const struct scenario *scenario;
    const struct memory *memory;
    enum evidence_level level;
};

/* `files` must not move afterwards. On failure owns nothing. */
MUST_USE enum rc evidence_files_open(struct evidence_files *files,
                                     const struct evidence_files_options *options,
                                     struct error *err);
void evidence_files_close(struct evidence_files *files); /* flushes; a zeroed one is fine */

/* Before the judge is fed it. */
void evidence_files_call(struct evidence_files *files, const struct call_record *call);
void evidence_files_journal(struct evidence_files *files, const struct journal_record *record);

/* A journal line as the mock wrote it, without its LF, and what was read from it; NULL when it
 * cannot be read. */
void evidence_files_journal_line(struct evidence_files *files, struct slice line,
                                 const struct journal_record *record);
void evidence_files_alert(struct evidence_files *files, const struct alert_record *record);

/* A line of the application's log as it was understood, without its LF (judge/app_log.h). */
void evidence_files_log_line(struct evidence_files *files, struct slice line);
void evidence_files_sample(struct evidence_files *files, const struct sample_record *record);

/* A judge_on_judged; `context` is the evidence_files. */
void evidence_files_judged(void *context, const struct call_record *call, bool is_violation);

void evidence_files_flush(struct evidence_files *files);

/* After judge_finish: the last lines, the last checkpoints, and the histograms of `judge`. */
void evidence_files_finish(struct evidence_files *files, const struct judge *judge);

/* After evidence_files_finish. `scenario_text`: of scenario.jsonc. */
struct evidence_facts evidence_files_facts(const struct evidence_files *files,
                                           struct slice scenario_text);

#endif
