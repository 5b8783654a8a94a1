#ifndef JUDGE_FACTS_H
#define JUDGE_FACTS_H

/* What run.json must hold so that a run can be judged again from its files: the facts that no line
 * of evidence tells, what the files were when they were closed, and the figures of the whole, which
 * thinned evidence cannot give.
 *
 *   "facts": {...}, "evidence": {...}, ...,
 *   "checksum": "…"    the last member: of every byte before it (base/checksum.h)
 *
 * Writers append one JSON value; readers take the text of run.json. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "judge/evidence_level.h"
#include "judge/judge.h"

/* In the order in which they are written out: no call without its attempts. */
#define EVIDENCE_FILE_LIST(X)     \
    X(ATTEMPTS, "attempts.jsonl") \
    X(CALLS, "calls.jsonl")       \
    X(JOURNAL, "journal.jsonl")   \
    X(ALERTS, "alerts.jsonl")     \
    X(LOG, "log.jsonl")           \
    X(SAMPLES, "subject.jsonl")

#define EVIDENCE_FILE_ENUM(id, name) EVIDENCE_FILE_##id,
enum evidence_file_kind { EVIDENCE_FILE_LIST(EVIDENCE_FILE_ENUM) EVIDENCE_FILES_COUNT };
#undef EVIDENCE_FILE_ENUM

enum { EVIDENCE_FILES_LEAST = EVIDENCE_FILE_LOG }; /* the others came later */

const char *evidence_file_name(enum evidence_file_kind kind);

struct evidence_facts {
    enum evidence_level level;
    uint64_t calls_judged; /* of all, */
    uint64_t calls_kept;   /* and of which there are lines */
    uint64_t records_lost; /* journal records that were held, and then had no room (keeper.h) */
    uint64_t scenario;     /* checksum of scenario.jsonc */
    uint64_t control;      /* of the control run's run.json; 0: there was none */
    struct {
        uint64_t lines;
        uint64_t hash; /* of its last checkpoint */
    } files[EVIDENCE_FILES_COUNT];
};

void run_facts_write(const struct scenario *scenario, const struct run_facts *facts,
                     const struct run_figures *figures, struct buffer *out);
void evidence_facts_write(const struct evidence_facts *facts, struct buffer *out);

/* Appends the last member; `out` holds the whole object but its closing brace. */
void run_json_seal(struct buffer *out);

/* What was written. The first three are the report's. */
struct run_told {
    char world[8];
    nanos took;
    char problem[128]; /* why it could not be carried out; empty: it was */
    struct run_facts facts;
    struct run_figures figures;
    struct evidence_facts evidence;
};

/* RC_MALFORMED: not as it was written (the checksum), or no such text; err says what. */
MUST_USE enum rc run_json_read(const struct scenario *scenario, struct slice text,
                               struct run_told *told, struct error *err);

/* The rows of the judgement as the run itself found them, in the place of those in `rows`, which
 * are of the same scenario. RC_MALFORMED: there are others, or fewer. */
MUST_USE enum rc run_json_read_rows(struct slice text, struct verdict_row *rows, uint32_t count,
                                    struct error *err);

#endif
