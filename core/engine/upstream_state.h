#ifndef ENGINE_UPSTREAM_STATE_H
#define ENGINE_UPSTREAM_STATE_H

/* The inside of the upstream engine (engine/upstream.h), shared by the files that make it up and by
 * nobody else:
 *
 *   upstream.c           exchanges: their lives, time, the other side
 *   upstream_requests.c  from a request to a plan
 *   upstream_answers.c   from a plan to bytes
 *   upstream_effects.c   what waits to be taken
 *
 * A step of any of them ends in effects; nothing is called back. */

#include "base/buffer.h"
#include "base/timers.h"
#include "engine/hooks.h"
#include "engine/upstream.h"
#include "wire/format.h"

/* What an exchange does next. */
enum exchange_state {
    EXCHANGE_FREE,
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
    nanos begun_at; /* the plan's zero: the request was whole */
    uint64_t run_number;
    bool include_usage;
    bool is_told;           /* came as a value, may be answered so */
    char model[64];         /* as asked; echoed in the answer */
    const char *message;    /* of a refusal that is not the plan's; else NULL */
    struct hook_reply hook; /* of a post to a hook */
    enum upstream_end end;
    struct journal_record record;
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
};

struct upstream {
    struct upstream_options options;
    const struct scenario *scenario;
    struct exchange *exchanges;
    uint32_t exchanges_born; /* used so far: the memory behind them was never touched */
    uint32_t free_first;
    uint32_t open;
    uint32_t releasing; /* whose record was handed out last */
    uint64_t requests;
    nanos latest_at;
    struct timers timers;
    struct pending *queue; /* ring */
    uint32_t queue_size, queue_first, queue_count;
    struct buffer scratch;   /* the bytes of all pending effects */
    struct told_answer told; /* of the effect handed out last */
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

/* --- upstream_requests.c ---------------------------------------------------------------------- */

/* Reads the request, decides its plan and notes both in the journal's record. */
void requests_take(struct upstream *u, struct exchange *x, const struct upstream_request *request,
                   nanos now);

/* --- upstream_answers.c ----------------------------------------------------------------------- */

/* When the first byte leaves. */
nanos answers_open_at(const struct exchange *x);

/* The exchange's time has come: says what is due and sets its next alarm. */
void answers_serve(struct upstream *u, uint32_t index, nanos now);

/* What is answered, as the formats take it. */
struct reply answers_reply(const struct upstream *u, const struct exchange *x);

#endif
