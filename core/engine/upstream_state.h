#ifndef ENGINE_UPSTREAM_STATE_H
#define ENGINE_UPSTREAM_STATE_H

/* The inside of the upstream engine (engine/upstream.h), shared by the files that make it up and by
 * nobody else:
 *
 *   upstream.c           exchanges: their lives, time, the other side, what may change meanwhile
 *   upstream_requests.c  from a request to a plan
 *   upstream_order.c     rate limits and capacity: what depends on the order of arrival
 *   upstream_answers.c   from a plan to an answer: refusals, bodies, values
 *   upstream_streams.c   ... and to a stream of events
 *   upstream_heads.c     heads
 *   upstream_effects.c   what waits to be taken
 *
 *      request --> requests_take --> order_admit --+--> answers_serve ... --> END --> JOURNAL
 *                                                  +--> waits for a place --> the same
 *
 * A step of any of them ends in effects; nothing is called back. */

#include "base/buffer.h"
#include "base/timers.h"
#include "engine/hooks.h"
#include "engine/identity.h"
#include "engine/prompt_cache.h"
#include "engine/upstream.h"
#include "fault/capacity.h"
#include "fault/limiter.h"
#include "wire/endpoint.h"
#include "wire/format.h"

enum { UPSTREAM_NOTES_MAX = 16, PROMPT_BYTES_PER_TOKEN = 4 };

/* What an exchange does next. */
enum exchange_state {
    EXCHANGE_FREE,
    EXCHANGE_WAITING,  /* for a place of its model's capacity */
    EXCHANGE_OPENING,  /* nothing written yet; wakes at opens_at */
    EXCHANGE_WRITING,  /* a stream, between two token events */
    EXCHANGE_SILENT,   /* stalled: only the client or the run ends it */
    EXCHANGE_FLUSHING, /* END was given out; waits for the last byte to leave */
    EXCHANGE_OVER,     /* its journal record waits to be taken */
};

struct exchange {
    enum exchange_state state;
    uint32_t next_free;
    enum api api;
    struct plan plan;
    nanos begun_at; /* the plan's zero: the request was whole, and had a place */
    uint64_t run_number;
    bool include_usage;
    bool hides_thinking;    /* of a Gemini answer whose thoughts nobody asked to see */
    bool is_2026;           /* Anthropic's new version was asked for */
    bool is_told;           /* came as a value, may be answered so */
    bool is_json_array;     /* a Gemini stream without alt=sse, */
    bool has_array_begun;   /* whose bracket was written */
    bool has_place;         /* of its model's capacity, or waits for one */
    bool is_charged;        /* its model's buckets gave `tokens_charged` for its output */
    bool is_over_the_limit; /* or had not enough: `limit` says of what */
    uint64_t tokens_charged;
    struct limiter_verdict limit;
    enum upstream_end end;
    struct journal_record record;
    /* from here on emptied one by one: */
    char model[64];               /* that answers, by the name it was asked by */
    struct objection objection;   /* to it, of a refusal that is not the plan's; may say nothing */
    char tool_name[64];           /* that must be called; may be empty */
    struct hook_reply hook;       /* of a post to a hook */
    struct listing listing;       /* of models */
    struct embeddings embeddings; /* where they are asked for */
};

/* An effect that waits to be taken; its bytes are a stretch of the scratch buffer. */
struct pending {
    enum upstream_effect_kind kind;
    uint32_t exchange;
    uint16_t status;
    enum upstream_end end;
    int64_t content_length;
    size_t bytes_at, bytes_size;
    bool is_told; /* TOLD, and the END behind it */
    enum told_piece piece;
    uint64_t tokens;
    uint32_t note; /* JOURNAL of no exchange */
};

struct upstream {
    struct upstream_options options;
    const struct scenario *scenario;
    struct chaos chaos; /* the scenario's, as it was changed since */
    struct chaos_memory memory;
    uint64_t rules_with_conditions;              /* bit r: rule r looks at bytes */
    struct chaos_rule script_rules[SCRIPTS_MAX]; /* scripts are matched as rules are */
    nanos first_request_at;
    struct identity *identity;
    struct prompt_cache cache;
    struct hooks hooks;
    bool is_ordered[SCENARIO_MODELS_MAX]; /* the model has limits or places */
    struct limiter limiters[SCENARIO_MODELS_MAX];
    struct capacity *capacities[SCENARIO_MODELS_MAX]; /* NULL: without limit */
    struct exchange *exchanges;
    uint32_t exchanges_born; /* used so far: the memory behind them was never touched */
    uint32_t free_first;
    uint32_t open;
    uint32_t releasing; /* whose record was handed out last */
    uint64_t requests;
    nanos latest_at;
    struct timers timers;  /* by exchange, and behind them by model, for its capacity */
    struct pending *queue; /* ring */
    uint32_t queue_size, queue_first, queue_count;
    struct buffer scratch;                           /* the bytes of all pending effects */
    struct told_answer told;                         /* of the effect handed out last */
    struct journal_record notes[UPSTREAM_NOTES_MAX]; /* a ring */
    uint32_t notes_first, notes_count;
    bool is_note_out; /* the first of them was handed out last */
};

/* --- upstream_effects.c ----------------------------------------------------------------------- */

/* The first door of every step: time goes on, and bytes that were taken are forgotten. */
void effects_begin(struct upstream *u, nanos now);

/* The head's lines stand in the scratch from `headers_at` to its end. */
void effects_head(struct upstream *u, uint32_t index, uint16_t status, int64_t content_length,
                  size_t headers_at, nanos now);
void effects_body(struct upstream *u, uint32_t index, size_t body_at, size_t size, nanos now);
void effects_told(struct upstream *u, uint32_t index, enum told_piece piece, uint64_t tokens,
                  nanos now);
void effects_end(struct upstream *u, uint32_t index, enum upstream_end end);
void effects_journal(struct upstream *u, uint32_t index);

/* A record of no exchange, to be filled in; NULL when too many wait. */
struct journal_record *effects_note(struct upstream *u);

/* --- upstream_requests.c ---------------------------------------------------------------------- */

/* Reads the request, decides its plan, with its model's limits and places, and notes all that in
 * the journal's record. The exchange is WAITING or OPENING then. */
void requests_take(struct upstream *u, uint32_t index, const struct upstream_request *request,
                   nanos now);

/* A refusal that is not of a rule, in its usual words. */
void requests_refuse(struct exchange *x, enum outcome failure, uint16_t status);

/* --- upstream_order.c ------------------------------------------------------------------------- */

MUST_USE enum rc order_init(struct upstream *u);
void order_deinit(struct upstream *u);
void order_reset(struct upstream *u); /* the buckets are full again */

/* The plan is decided: charges the model's buckets and asks for a place; may make a refusal of the
 * plan. `output_tokens_max`: as asked, UINT64_MAX for none. */
void order_admit(struct upstream *u, uint32_t index, uint64_t output_tokens_max, nanos now);

/* The exchange is over: gives back what it did not use. */
void order_leave(struct upstream *u, uint32_t index, bool is_abandoned, nanos now);

/* Windows opened or shut, work for nobody ended: places are given, and the models' alarms set. */
void order_wake(struct upstream *u, uint32_t model, nanos now);

/* --- upstream_heads.c ------------------------------------------------------------------------- */

/* The lines of a head, with what its plan wants of them; where they begin in the scratch. */
size_t heads_write(struct upstream *u, struct exchange *x, struct slice type, nanos now);

/* --- upstream_answers.c ----------------------------------------------------------------------- */

/* When the first byte leaves. */
nanos answers_open_at(const struct exchange *x);

/* The exchange's time has come: says what is due and sets its next alarm. */
void answers_serve(struct upstream *u, uint32_t index, nanos now);

/* What is answered, as the formats take it. */
struct reply answers_reply(const struct upstream *u, const struct exchange *x);

/* What is refused. */
struct refusal answers_refusal(const struct upstream *u, const struct exchange *x,
                               enum outcome failure, uint16_t status);

enum upstream_end answers_end_of(enum plan_close close);

/* --- upstream_streams.c ----------------------------------------------------------------------- */

void streams_open(struct upstream *u, uint32_t index, nanos now);
void streams_serve(struct upstream *u, uint32_t index, nanos now);

/* The same without bytes. */
void streams_open_told(struct upstream *u, uint32_t index, nanos now);
void streams_tell(struct upstream *u, uint32_t index, nanos now);

/* --- upstream.c ------------------------------------------------------------------------------- */

/* It has a place now: its plan begins. */
void upstream_start(struct upstream *u, uint32_t index, nanos now);

int64_t upstream_wall_unix_ns(const struct upstream *u, nanos now);

#endif
