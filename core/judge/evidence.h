#ifndef JUDGE_EVIDENCE_H
#define JUDGE_EVIDENCE_H

/* Evidence: what both ends of the wire saw, as records in memory and as lines of JSON on disk.
 *
 *   call_record     one call, seen by the caller, with its attempts   calls.jsonl, attempts.jsonl
 *   journal_record  one request, seen by the mock: the truth          journal.jsonl
 *   alert_record    one alert at one hook (monitor/alert.h)           alerts.jsonl
 *   sample_record   a service's processes at one instant              subject.jsonl
 *
 * A call line starts with the fields of the guide's logger under its names (model, latency_ms,
 * input_tokens, output_tokens, error, stop_reason) and goes on with ours. Instants are written in
 * nanoseconds of run time; what has not happened (NANOS_NEVER) and what is not known is null.
 * Money is a number of dollars, exact. Writers append one whole line with its LF; readers take one
 * line without it. What was written and read back is judged alike. The shells own files.
 *
 * Records are plain values: any thread may hold its own. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/money.h"
#include "base/nanos.h"
#include "base/outcome.h"
#include "metric/histogram.h"
#include "monitor/alert.h"
#include "policy/conduct.h"
#include "scenario/scenario.h"
#include "scenario/source.h"
#include "wire/answer_head.h"
#include "wire/format.h"

enum { RECORD_ATTEMPTS_MAX = CONDUCT_ATTEMPTS_MAX };

/* How the mock knew which call a request belongs to (design §9, in this order; engine/identity.h).
 */
enum key_used {
    KEY_NONE,
    KEY_HEADER,
    KEY_LIKENESS,
    KEY_MARKER,      /* in the prompt */
    KEY_TRACEPARENT, /* its trace id */
    KEY_RETRY_COUNT, /* likeness, and the SDK's own count of retries */
    KEY_ISOLATION,   /* the only call under its /t/NAME */
};

struct attempt_record {
    uint32_t ordinal; /* from 1 */
    uint32_t model;   /* index */
    uint32_t layer;   /* which retry layer made it; 0 for the first */
    bool is_fallback; /* the first attempt on a fallback model, or a later one there */
    nanos handed_at;
    nanos sent_at; /* on a connected wire */
    nanos first_byte_at;
    nanos first_token_at;
    nanos first_content_at;
    nanos last_content_at;
    nanos ended_at;
    nanos gap_max;   /* longest silence between events with content; 0 with fewer than two */
    uint16_t status; /* 0: no answer */
    enum outcome outcome;
    enum advice_form advice_form;
    nanos advice_wait; /* 0: none usable */
    struct usage usage;
    bool has_cost; /* usage arrived and the model has a price */
    money cost;
    char request_id[64];
};

/* What our driver heard of a service's answer, held against the numbered words that the mock says
 * (wire/words_reader.h). */
struct heard {
    bool is_checked;   /* some numbered word was in it; else nothing is known */
    uint64_t request;  /* the mock's request behind the last mark ⟦rN⟧; 0: there was none */
    uint32_t words;    /* in order, since that mark; the mark counts as one */
    uint32_t repeated; /* words that had been said, */
    uint32_t missing;  /* left out, */
    uint32_t marks;    /* and answers that begin in it: more than one is a mixture, or a repeat */
};

/* Where an unfinished call stood when the run was cut. */
enum call_pending { PENDING_NOTHING, PENDING_ATTEMPT, PENDING_WAIT };

struct call_record {
    struct call_id id;
    uint32_t instance;
    bool stream;
    uint32_t model_asked;        /* index */
    uint32_t model_answered;     /* index of the model of the last attempt */
    uint64_t input_tokens_asked; /* declared */
    uint64_t output_tokens_asked;
    nanos due_at;
    nanos
        ended_at; /* of the call: last content, or when it was given up; NANOS_NEVER: unfinished */
    enum outcome outcome;      /* exactly one */
    enum call_pending pending; /* meaningful when unfinished */
    nanos wait_max;            /* longest wait between two attempts */
    struct usage usage;        /* of the answering attempt */
    money cost;                /* of all attempts whose cost is known, */
    money cost_failed;         /* of these those that failed, */
    uint32_t cost_unknown;     /* and how many were sent whose cost is not */
    char stop_reason[32];
    char error[160];   /* empty on OK */
    enum key_used key; /* how it was told from others, of a call that a program made; else
                          KEY_NONE: ours */
    bool is_doubtful;  /* ... and others may belong to it, too: what its own requests show
                          stands, that they lack something says nothing (judge/chain.h) */
    bool has_account;  /* the application's own log has a line of it; always of ours */
    struct heard heard;
    uint32_t attempts_count; /* made; may be 0 when shed or never started */
    struct attempt_record attempts[RECORD_ATTEMPTS_MAX];
};

enum closed_by {
    CLOSED_WHOLE,        /* the whole answer was written */
    CLOSED_CLIENT,       /* the client left first */
    CLOSED_FAULT,        /* the plan ended it: cut, reset */
    CLOSED_RUN,          /* still open when the mock was stopped */
    CLOSED_CLIENT_RESET, /* the client left first, with RST */
};

/* A request's way, for lists and filters. */
enum journal_kind {
    JOURNAL_GENERATE,
    JOURNAL_HOOK,  /* a post to a hook */
    JOURNAL_COUNT, /* count_tokens, countTokens */
    JOURNAL_EMBEDDINGS,
    JOURNAL_MODELS,     /* a listing */
    JOURNAL_UNKNOWN,    /* no such path */
    JOURNAL_UNREADABLE, /* the shell refused it: no HTTP, too large, too many */
    JOURNAL_CONNECTION, /* no request at all: a fault of the connection fired */
    JOURNAL_KINDS_COUNT
};

/* What is left out of a line stands at its default: 0, false, empty, JOURNAL_GENERATE, the
 * provider's own api. */
struct journal_record {
    uint64_t number;      /* of the request at this mock, from 1, by arrival */
    uint32_t provider;    /* index; providers_count: none of the scenario's */
    uint32_t model;       /* index; models_count when unknown */
    char model_asked[64]; /* as the request named it; empty: by the model's own name */
    uint32_t connection;  /* number at this mock, from 1 */
    enum key_used key;
    char call[CALL_ID_TEXT_MAX]; /* empty when unknown */
    uint64_t question; /* a hash of what it asks, isolation included; 0: of no interest, for its
                          sender named the call */
    uint32_t attempt;  /* as the sender said; 0 unknown */
    nanos accepted_at; /* connection accepted */
    nanos head_in_at;
    nanos body_in_at;
    nanos first_out_at; /* first byte written */
    nanos last_out_at;  /* last byte written */
    nanos closed_at;    /* exchange over */
    enum closed_by closed_by;
    uint16_t status;       /* sent; 0: none */
    enum outcome answered; /* OK, or the failure that was told */
    bool is_complete;      /* the protocol's own end was written */
    enum plan_advice advice;
    nanos advice_wait;  /* as a client can read it from the wire; 0: none */
    int16_t rule;       /* chaos rule, or PLAN_NO_RULE */
    char rule_name[48]; /* as it was called when it fired; rules may come and go */
    uint64_t rules_matched;
    enum journal_kind kind;
    enum api api; /* it was asked in */
    bool stream;
    char isolation[48];   /* NAME of /t/NAME; empty: none */
    bool has_retry_count; /* x-stainless-retry-count was there, */
    uint32_t retry_count; /* and this */
    char agent[48];       /* user-agent, cut */
    bool has_canary; /* a key that must not leave was in headers that carry none, or the body */
    bool is_limited; /* a rate limit of the model refused it, */
    enum limit_kind limited_by;                 /* this one */
    nanos queued;                               /* how long it waited for a place */
    uint64_t thinking_tokens;                   /* of output_tokens */
    uint64_t cached_tokens, cache_write_tokens; /* of input_tokens */
    uint64_t input_tokens;
    uint64_t output_tokens;  /* planned */
    uint64_t tokens_written; /* really */
    uint64_t bytes_out;
    struct usage
        usage_told; /* as the answer told the client; unknown when it did not come so far */
    bool has_cost;  /* the model has a price */
    money cost;     /* billed: for what was read and what was written, told or not */
    bool is_hook;   /* a post to a hook, not a request to a model: then the next three */
    enum hook_kind hook;
    bool is_hook_valid;        /* a body that this service takes */
    char alert[ALERT_KEY_MAX]; /* the alert's key; empty when unknown */
    char plan[256];            /* printed */
};

/* How a service's processes stood at one instant: all that descend from what we started. */
struct sample_record {
    uint32_t instance;
    nanos at;
    uint64_t rss_bytes;
    uint32_t descriptors;
    uint32_t threads;
};

/* The call's line, and one line for each of its attempts. */
void evidence_write_call(const struct scenario *scenario, const struct call_record *call,
                         struct buffer *out);
void evidence_write_attempts(const struct scenario *scenario, const struct call_record *call,
                             struct buffer *out);
void evidence_write_journal(const struct scenario *scenario, const struct journal_record *record,
                            struct buffer *out);

void evidence_write_alert(const struct scenario *scenario, const struct alert_record *record,
                          struct buffer *out);

void evidence_write_sample(const struct sample_record *record, struct buffer *out);

/* A series whole: {"series":"response","n":...,"min":...,"max":...,"buckets":[[value,count],...]},
 * each bucket by the highest value it holds. A line of histograms.jsonl. */
void evidence_write_histogram(const char *series, const struct histogram *histogram,
                              struct buffer *out);

/* One line of attempts.jsonl. */
struct attempt_line {
    struct call_id call; /* whose it is */
    struct attempt_record attempt;
};

/* RC_MALFORMED: not such a line (err says what), and the output is as it was. Unknown members are
 * ignored. Texts that were longer than their field once decoded are cut to it. */
MUST_USE enum rc evidence_read_journal(const struct scenario *scenario, struct slice line,
                                       struct journal_record *record, struct error *err);
MUST_USE enum rc evidence_read_attempt(const struct scenario *scenario, struct slice line,
                                       struct attempt_line *attempt, struct error *err);
MUST_USE enum rc evidence_read_alert(const struct scenario *scenario, struct slice line,
                                     struct alert_record *record, struct error *err);

MUST_USE enum rc evidence_read_sample(struct slice line, struct sample_record *record,
                                      struct error *err);

/* All but its attempts: `attempts_count` says how many were made. As many lines of attempts.jsonl
 * (at most RECORD_ATTEMPTS_MAX) belong to it, and stand there in the order of the calls' lines:
 * read both files in step and join each.
 *
 *     evidence_read_call(scenario, call_line, &call, err)
 *     for (i = 0; i < call_attempts_kept(&call); i++)
 *         evidence_read_attempt(scenario, attempt_line, &line, err), call_join(&call, i, &line,
 * err) */
MUST_USE enum rc evidence_read_call(const struct scenario *scenario, struct slice line,
                                    struct call_record *call, struct error *err);

/* The attempt becomes number `index` (from 0) of the call. RC_MALFORMED: it is another call's, or
 * another one of this call. */
MUST_USE enum rc call_join(struct call_record *call, uint32_t index,
                           const struct attempt_line *line, struct error *err);

/* What is complete, correct and within the deadline: OUTCOME_OK and ended in time. */
bool call_is_useful(const struct scenario *scenario, const struct call_record *call);

#endif
