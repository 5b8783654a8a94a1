#ifndef JUDGE_JUDGE_H
#define JUDGE_JUDGE_H

/* The judge: evidence in, verdicts out. **Where the effect of a fault is judged.**
 *
 * Happy path: judge_new(scenario) parses laws and expectations; feed calls and journal records in
 * any order while the run runs; judge_finish once; read the rows. A call is judged when both ends
 * are in (as many journal records as attempts that were sent), at the latest at judge_finish, so
 * memory grows with calls that are open, not with calls that were made. How often a service asks
 * the mock for one call nobody can say before the end: its calls all wait for judge_finish, 65,536
 * of them; of more nothing is judged that needs the journal, which makes it inconclusive.
 *
 * The judge is a pure function of the evidence and the scenario's laws and expectations. It never
 * reads the client's policy. Failure modes: only judge_new fails (a bad law or expectation: file,
 * line, column, nearest known word; no memory); when a table is full later, or memory runs out,
 * evidence is counted as lost and what depends on it becomes inconclusive.
 *
 * Verdicts (design §7): a violation that was seen stands: fail. Otherwise a broken schedule, lost
 * evidence, unconsumed faults or too few samples make what depends on them inconclusive, and an
 * interrupted run as a whole. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/nanos.h"
#include "judge/evidence.h"
#include "judge/rounds.h"
#include "metric/histogram.h"
#include "scenario/scenario.h"

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_INCONCLUSIVE, VERDICT_NOT_APPLICABLE };

const char *verdict_word(enum verdict verdict); /* pass, fail, inconclusive, n/a */

enum { LAW_DATE_SIZE = 11 }; /* "2027-01-31" */

enum row_kind { ROW_LAW, ROW_CONDITION, ROW_EXPECTATION };

enum { ROW_EXAMPLES_MAX = 5 };

struct verdict_example {
    char call[CALL_ID_TEXT_MAX];
    char text[160]; /* what happened to it, with instants */
};

struct verdict_row {
    enum row_kind kind;
    char name[128];   /* "advice-heeded", or the expectation as written */
    char limit[64];   /* "max 5", "<= 4s": what was asked; may be empty */
    char value[144];  /* what was seen: "9 attempts", "1.37", "812 ms" */
    char reason[200]; /* one sentence; why it failed, or cannot be told, or does not apply */
    enum verdict verdict;
    bool is_warning;     /* level "warn": shown, not counted */
    uint64_t n;          /* samples or calls it was judged over */
    uint64_t violations; /* calls that broke a law */
    uint32_t examples_count;
    struct verdict_example examples[ROW_EXAMPLES_MAX];
};

/* What the run itself tells the judge at its end. */
struct run_facts {
    uint64_t calls_planned; /* by the source */
    nanos cut_at;           /* end of the run */
    bool was_interrupted;   /* signal or --max-time: the plan was not carried out whole */
    bool has_journal;       /* a mock's journal was there at all */
    bool journal_is_whole;  /* ... and reached its end */
    bool is_simulated;      /* the schedule cannot slip */
    bool is_live;           /* no mock of ours answered */
    bool has_reported;      /* the monitor ran: */
    struct rolling_figures reported[SCENARIO_MODELS_MAX]; /* its percentiles at the end, by model */
    bool has_caller;           /* somebody tells of the calls besides the mock: our driver, or the
                                  application's log */
    bool has_command;          /* `exec`: a command ran, */
    int command_exit;          /* and this was its exit code, or 128 + signal, */
    nanos command_took;        /* after so long; */
    char command[256];         /* as a person would type it, cut where it is long */
    char today[LAW_DATE_SIZE]; /* the day of the run, for waivers with an end; empty: not known */
    uint64_t unknown_paths;    /* requests for which the mock has no such path */
    uint64_t log_lines, log_strangers, log_malformed; /* of the application's log: all of ours; that
                                                         belong to no call; that cannot be read */
    char log_unmapped[160]; /* pointers of the map that no line of it has, in one sentence; empty:
                               none */
    char log_lost[160];     /* why it could not be read, or not whole; empty: it was */
    bool has_canaries;      /* keys that must not leave were put in the place of real ones */
    uint64_t log_leaking;   /* of these lines: with a key that must not leave */
    char lost[160];         /* evidence that is damaged or missing, in one sentence; empty: none */
};

/* Figures of the whole run, for the report's head. */
struct run_figures {
    uint64_t calls, useful, failed, unfinished;
    uint64_t attempts;
    uint64_t requests, unknown_paths; /* to the mock, posts to hooks aside; of them those for which
                                         it has no path */
    uint64_t requests_leaking;        /* requests and posts with a key where none belongs, */
    uint64_t lines_leaking;           /* and lines of the application's log */
    uint64_t samples;                 /* of a service's processes, and the largest in them: */
    uint64_t rss_most, descriptors_most, threads_most;
    uint64_t outcomes[OUTCOME_COUNT];    /* calls by outcome */
    uint64_t told_by[KEY_ISOLATION + 1]; /* of a program's: calls by how they were told apart, */
    uint64_t doubtful;                   /* and how many of them may have further requests */
    uint64_t layered; /* of a program's: calls in which two layers tried again. With any: */
    char layered_call[CALL_ID_TEXT_MAX]; /* that with the most attempts, */
    char layered_text[ROUNDS_TEXT_MAX];  /* and what it did: "12 attempts = 4 rounds of 3" */
    uint64_t rules_fired[CHAOS_RULES_MAX], rules_matched[CHAOS_RULES_MAX];
    uint64_t n_ok; /* calls with a whole answer, late ones too; of the next six */
    nanos response_p50, response_p95, response_p99;
    uint64_t n_first_token; /* of the next three: of these answers, those whose first token somebody
                               saw */
    nanos first_token_p50, first_token_p95, first_token_p99;
    uint64_t n_failed; /* of the next two: failures apart */
    nanos failed_p50, failed_p99;
    nanos send_lag_p99;
    uint32_t in_flight_most;                /* calls open at once, by their records */
    money cost, cost_failed;                /* by the callers' records */
    uint64_t cost_unknown;                  /* attempts sent whose cost is not known */
    money billed;                           /* by the journal */
    uint64_t billed_unknown;                /* requests at models without a price, unless refused */
    uint64_t tokens_in, tokens_out;         /* of calls, where usage arrived */
    uint64_t alerts[ALERT_KINDS_COUNT];     /* raised */
    uint64_t alerts_delivered, alerts_lost; /* counted once per hook */
    struct {
        uint64_t posts; /* accepted, by the journal */
        nanos first_at; /* meaningful with one */
    } hooks[HOOK_KINDS_COUNT];
};

struct judge;

/* Borrows `scenario` and `memory` until judge_free. */
MUST_USE enum rc judge_new(struct judge **judge, const struct scenario *scenario,
                           const struct memory *memory, struct error *err);
void judge_free(struct judge *judge); /* NULL is fine */

void judge_feed_call(struct judge *judge, const struct call_record *call);
void judge_feed_journal(struct judge *judge, const struct journal_record *record);
void judge_feed_sample(struct judge *judge, const struct sample_record *record);
void judge_feed_alert(struct judge *judge, const struct alert_record *record);

/* Told of each call once it has been judged, and whether it broke a law; before judge_finish
 * returns at the latest. A second record of one call is told at once, as a violation of its own.
 * For evidence that keeps violations only. Both borrowed for the call; a record that waited for its
 * journal ends with its last attempt made: read attempts below call_attempts_kept() alone, and
 * never copy the whole struct. */
typedef void judge_on_judged(void *context, const struct call_record *call, bool is_violation);
void judge_set_on_judged(struct judge *judge, judge_on_judged *on_judged, void *context);

/* The control run's judge, finished: what "control." measures are read from. Its scenario is the
 * same text with has_control and its phases as they are and no rules of chaos; every judge measures
 * the right sides too, so it has what is asked of it. Borrowed until judge_finish returns. Without
 * one they are inconclusive. */
void judge_set_control(struct judge *judge, const struct judge *control);

/* Once, after all evidence. */
void judge_finish(struct judge *judge, const struct run_facts *facts);

/* After judge_finish. Rows: laws, then conditions, then expectations, each in its listed order. */
enum verdict judge_verdict(const struct judge *judge);
const struct verdict_row *judge_rows(const struct judge *judge, uint32_t *count);
const struct run_figures *judge_figures(const struct judge *judge);
const struct run_facts *judge_facts(const struct judge *judge); /* that it was finished with */

/* Of the calls that failed, came too late or never ended, the one due first; false: all were
 * useful. */
bool judge_first_not_useful(const struct judge *judge, struct call_id *id);

/* After judge_finish, for what is judged again from files (review.h): `rows`, as many as judge_rows
 * has, take their place, and `figures` too unless they are NULL. The verdict follows. */
void judge_amend(struct judge *judge, const struct verdict_row *rows,
                 const struct run_figures *figures);

/* The series behind the figures, whole: "response", ... NULL past the last. */
const struct histogram *judge_series(const struct judge *judge, uint32_t index, const char **name);

/* What exists, for `brownout laws` and `brownout measures`: NULL past the last. */
const char *judge_law_name(uint32_t index, const char **about);
const char *judge_measure_name(uint32_t index, const char **about);

#endif
